-- Version 2: takes over the total, counts what it adds itself, and can be read.

local function main(total: number)
    local inbox = process.inbox()
    local added = 0
    while true do
        local message = inbox:receive()
        local topic = message:topic()
        if topic == "add" then
            total += message:payload()
            added += 1
        elseif topic == "read" then
            process.send(message:from(), "total", { total = total, added = added, pid = process.pid() })
        end
    end
end

return { main = main }
