-- Upgrades a running counter while numbers keep coming in, and shows that nothing got lost on the way.

local HOST = "app:processes"

local function main()
    local events = process.events()
    local refused, totals = process.listen("refused"), process.listen("total")
    local counter = assert(process.spawn_monitored("counter:v1", HOST, 100))

    -- The next answer, or an error if there will be none.
    local function await(answers)
        local got = channel.select({ events:case_receive(), answers:case_receive() })
        if got.channel == events then
            error(`the counter ended: {got.value.result.error}`)
        end
        return got.value
    end

    assert(process.send(counter, "add", 1))
    assert(process.send(counter, "add", 2))

    -- Nobody released v3: the upgrade is refused, and the counter goes on as it was.
    assert(process.send(counter, "upgrade", "counter:v3"))
    local v3 = await(refused)

    -- These four are in one mailbox, in this order. Version 1 takes the first; version 2 finds the others waiting.
    assert(process.send(counter, "upgrade", "counter:v2"))
    assert(process.send(counter, "add", 10))
    assert(process.send(counter, "add", 20))
    assert(process.send(counter, "read"))
    local read = await(totals)

    return {
        `v3: {v3}`,
        `total: {read.total}, of it added by v2: {read.added} numbers`,
        `same pid: {read.pid == counter}`,
    }
end

return { main = main }
