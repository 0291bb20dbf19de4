-- The desk: a token comes in, and what its bearer wants runs as its bearer, under what the token is worth.

local security = require("security")

local HOST = "app:processes"

local function main(token)
    local wishes, events = process.inbox(), process.events()

    -- Every token that is not accepted has the same answer. The reason is the operator's to read.
    local actor, scope = security.authenticate(token)
    if not actor then
        return nil, scope:message()
    end

    -- Knowing who somebody is grants nothing. Giving it to a child is what is checked, and raises when it is denied.
    local ok, spawner = pcall(function()
        return process.with_context({}):with_actor(actor):with_scope(scope)
    end)
    if not ok then
        return { { "visit", spawner:kind() } }
    end
    assert(spawner:spawn_monitored("library:visit", HOST, process.pid()))

    local heard = {}
    while true do
        -- Wishes first: a visit that has said what it wants may have ended as well.
        local got = channel.select({ wishes:case_receive(), events:case_receive() })
        if got.channel == wishes then
            table.insert(heard, `{got.value:topic()} {got.value:payload()}`)
        elseif got.value.result.error then
            return nil, got.value.result.error
        else
            local report = got.value.result.value
            table.insert(report, { "heard", table.concat(heard, ", ") })
            return report
        end
    end
end

return { main = main }
