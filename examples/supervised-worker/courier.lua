-- Delivers one parcel. It does not retry: it fails, and its supervisor starts it again, a little later each time.

local time = require("time")

-- A required service has been started, not more: who needs its name waits for it.
local function find(name: string): string
    for _ = 1, 100 do
        local pid = process.registry.lookup(name)
        if pid then
            return pid
        end
        time.sleep("10ms")
    end
    error(`nobody is called {name}`)
end

local function main()
    local answers = process.listen("answer")
    local depot = find("depot")
    assert(process.send(depot, "knock"))

    local answer = answers:receive()
    if not answer.open then
        error(`knock {answer.knock}: the depot is closed`)
    end
    print(`courier: knock {answer.knock}: the depot is open`)
    assert(process.send(depot, "delivered"))
end

return { main = main }
