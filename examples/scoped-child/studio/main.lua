-- Runs a plugin as somebody else, under a scope of its own: less than this process may do, and not a part of it.

local security = require("security")

local HOST = "app:processes"

-- Builder methods raise, so that a chain stops at the first refusal.
local function attempt(prepare)
    local ok, result = pcall(prepare)
    return if ok then result else result:kind()
end

local function main()
    local reports = process.listen("report")
    assert(process.registry.register("studio"))

    -- Making an actor or naming a scope grants nothing. Giving it away is what is checked.
    local actor = assert(security.new_actor("plugin", { edition = "free" }))
    local scope = assert(security.named_scope("studio:plugin-scope"))
    local spawner = process.with_context({ document = "letter.txt" }):with_actor(actor):with_scope(scope)
    assert(spawner:spawn("studio:plugin", HOST))
    local report = reports:receive()

    -- The scope exists, and this process can name it. It may still not hand it out.
    local admin = assert(security.named_scope("studio:admin"))
    local escalation = attempt(function()
        spawner:with_scope(admin)
        return "ok"
    end)
    table.insert(report, { "with_scope admin", escalation })
    return report
end

return { main = main }
