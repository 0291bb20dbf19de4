-- Runs as whoever the token says. It tries more than anybody's scope says; what becomes of it is policy.

local security = require("security")

local HOST = "app:processes"

local function outcome(value, err)
    return if err then err:kind() else "ok"
end

local function main(desk)
    return {
        { "actor", security.actor():id() },
        { "scopes", table.concat(security.scope():policies(), ", ") },
        { "lend", outcome(process.send(desk, "lend", "The Odyssey")) },
        { "shelve", outcome(process.send(desk, "shelve", "The Iliad")) },
        { "spawn", outcome(process.spawn("library:visit", HOST)) },
    }
end

return { main = main }
