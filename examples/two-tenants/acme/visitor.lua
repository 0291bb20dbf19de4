-- Tries one thing at home and three abroad. What is refused is an answer, not the end: the visitor reports it.

local HOST = "app:processes"

-- What came of it, in one word.
local function outcome(value, err)
    return if err then err:kind() else "ok"
end

local function main()
    return {
        { "call own clerk", outcome(process.call("acme:clerk", HOST, 2, 3)) },
        -- It exists, and a policy of acme even permits it. The guard stands above all scopes.
        { "call their ledger", outcome(process.call("globex:ledger", HOST)) },
        -- It does not exist. From here that looks the same, so nobody learns what others have.
        { "call their attic", outcome(process.call("globex:attic", HOST)) },
        { "send to their name", outcome(process.send("globex/ledger", "hello")) },
    }
end

return { main = main }
