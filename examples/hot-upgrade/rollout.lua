-- Upgrades a running counter while numbers keep coming in, and shows that nothing got lost on the way.

local HOST = "app:processes"

local function main()
    local counter = assert(process.spawn("counter:v1", HOST, 100))
    assert(process.send(counter, "add", 1))
    assert(process.send(counter, "add", 2))

    -- Nobody released v3: the upgrade is refused, and the counter goes on as it was.
    local refused = process.listen("refused")
    assert(process.send(counter, "upgrade", "counter:v3"))
    local v3 = refused:receive()

    -- These four are in one mailbox, in this order. Version 1 takes the first; version 2 finds the others waiting.
    local totals = process.listen("total")
    assert(process.send(counter, "upgrade", "counter:v2"))
    assert(process.send(counter, "add", 10))
    assert(process.send(counter, "add", 20))
    assert(process.send(counter, "read"))
    local read = totals:receive()

    return {
        `v3: {v3}`,
        `total: {read.total}, of it added by v2: {read.added} numbers`,
        `same pid: {read.pid == counter}`,
    }
end

return { main = main }
