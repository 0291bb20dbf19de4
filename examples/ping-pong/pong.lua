-- Returns every ball to whoever sent it, until told to stop. Its value is how many it returned.

local function main()
    local inbox = process.inbox()
    local returned = 0
    while true do
        local message = inbox:receive()
        if message:topic() == "stop" then
            return returned
        end
        -- The host sets `from`: a sender cannot pretend to be somebody else.
        assert(process.send(message:from(), "pong", message:payload()))
        returned += 1
    end
end

return { main = main }
