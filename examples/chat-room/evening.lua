-- One evening in the room, and what was heard of it. Each step waits until everybody has heard the one before, so
-- the evening always goes the same way.

local HOST = "app:processes"

local function main()
    local heard = {}
    local said = process.listen("said")

    local function listen()
        table.insert(heard, (said:receive()))
    end

    -- The name is taken before the child runs: no guest can come too early.
    local room = assert(process.with_context({}):with_name("room"):spawn_monitored("chat:room", HOST))
    assert(process.send("room", "join", "house"))
    listen()

    local ada = assert(process.spawn("chat:guest", HOST, "ada"))
    listen()
    local bob = assert(process.spawn("chat:guest", HOST, "bob"))
    listen()

    assert(process.send(ada, "type", "good evening"))
    listen()
    assert(process.send(bob, "type", "good evening, ada"))
    listen()

    assert(process.send(bob, "leave")) -- a normal end
    listen()
    assert(process.terminate(ada)) -- and one that cannot be refused
    listen()

    -- A request with a deadline: the room has a second to close by itself.
    assert(process.cancel(room, "1s"))
    local exit = process.events():receive()
    table.insert(heard, `room {exit.result.value}`)
    return heard
end

return { main = main }
