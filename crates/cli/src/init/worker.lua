-- Answers each message with a greeting, until it is asked to stop.

local logger = require("logger")

local function main()
    local events, inbox = process.events(), process.inbox()
    logger:info("ready")
    while true do
        -- The first ready case wins, so that a request to stop does not wait behind messages.
        local ready = channel.select({events:case_receive(), inbox:case_receive()})
        if ready.channel == events then
            if ready.value.kind == process.event.CANCEL then
                return "stopped"
            end
        else
            local message = ready.value
            local _, err = process.send(message:from(), "answer", `hello, {message:payload()}`)
            if err then
                logger:warn("no answer sent", {reason = err:message()})
            end
        end
    end
end

return {main = main}
