-- Runs a plugin as somebody else, under a scope of its own: less than this process may do, and not a part of it.

local security = require("security")

local HOST = "app:processes"

-- Builder methods raise, so that a chain stops at the first refusal.
local function attempt(prepare)
    local ok, result = pcall(prepare)
    return if ok then "ok" else result:kind()
end

local function main()
    local events, reports = process.events(), process.listen("report")
    assert(process.registry.register("studio"))

    -- Making an actor or naming a scope grants nothing. Giving it away is what is checked.
    local actor = assert(security.new_actor("plugin", { edition = "free" }))
    local scope = assert(security.named_scope("studio:plugin-scope"))
    local spawner = process.with_context({ document = "letter.txt" }):with_actor(actor):with_scope(scope)
    assert(spawner:spawn_monitored("studio:plugin", HOST))

    -- Reports first: a plugin that has reported may have ended as well.
    local got = channel.select({ reports:case_receive(), events:case_receive() })
    if got.channel == events then
        return nil, `no report: {got.value.result.error or "the plugin ended"}`
    end
    local report = got.value

    -- The scope exists, and this process can name it. It may still not hand it out.
    local admin = assert(security.named_scope("studio:admin"))
    local outcome = attempt(function()
        return spawner:with_scope(admin)
    end)
    table.insert(report, { "with_scope admin", outcome })
    return report
end

return { main = main }
