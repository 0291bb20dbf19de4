-- A depot that is closed for the first knocks. It outlives the couriers that fail at its door, so it can count.

local function main(opens_at: number)
    assert(process.registry.register("depot"))
    local inbox, events = process.inbox(), process.events()
    local knocks = 0
    while true do
        -- The only event here is CANCEL: nobody is monitored. Who does not listen is terminated at `stop_timeout`.
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events then
            return knocks
        end
        local message = got.value
        if message:topic() == "delivered" then
            print("depot: delivered, closing for the day")
            return knocks
        end
        knocks += 1
        assert(process.send(message:from(), "answer", { knock = knocks, open = knocks >= opens_at }))
    end
end

return { main = main }
