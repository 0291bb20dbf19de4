-- Does what its scope says, and tries what it does not say.

local ctx = require("ctx")
local security = require("security")

local HOST = "app:processes"

local function outcome(value, err)
    return if err then err:kind() else "ok"
end

local function main()
    local parent = assert(process.registry.lookup("studio"))
    process.send(parent, "report", {
        { "actor", security.actor():id() },
        { "scope", table.concat(security.scope():policies(), ", ") },
        { "document", ctx.get("document") },
        { "spawn", outcome(process.spawn("studio:plugin", HOST)) },
        { "register", outcome(process.registry.register("plugin")) },
        { "other topic", outcome(process.send(parent, "chat", "hello")) },
    })
end

return { main = main }
