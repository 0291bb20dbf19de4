-- A guest: joins by the room's name, says what it is told to, and leaves by coming to its end.

local function main(name: string)
    assert(process.send("room", "join", name))
    local inbox = process.inbox()
    while true do
        local message = inbox:receive()
        local topic = message:topic()
        if topic == "type" then
            assert(process.send("room", "say", message:payload()))
        elseif topic == "leave" then
            return
        end
    end
end

return { main = main }
