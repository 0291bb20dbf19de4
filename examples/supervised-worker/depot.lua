-- A depot that is closed for the first knocks. It outlives the couriers that fail at its door, so it can count.

local function main(opens_at: number)
    assert(process.registry.register("depot"))
    local inbox = process.inbox()
    local knocks = 0
    while true do
        local message = inbox:receive()
        if message:topic() == "delivered" then
            print("depot: delivered, closing for the day")
            return knocks
        end
        knocks += 1
        assert(process.send(message:from(), "answer", { knock = knocks, open = knocks >= opens_at }))
    end
end

return { main = main }
