-- Version 1: adds numbers up, and can become another version with what it knows.

local function main(total: number)
    local inbox = process.inbox()
    while true do
        local message = inbox:receive()
        local topic, payload = message:topic(), message:payload()
        if topic == "add" then
            total += payload
        elseif topic == "upgrade" then
            -- Does not return when it succeeds. When it returns, nothing was lost, and this version goes on.
            local _, err = process.upgrade(payload, total)
            process.send(message:from(), "refused", err:kind())
        end
    end
end

return { main = main }
