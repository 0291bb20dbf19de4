-- Starts a worker, sends it a name, and returns its answer: `moonward call . app:hello World`.
--
-- Every call below that has an effect asks the policies first. A function that fails returns nil and an error;
-- returning that error makes it this process's own.

local function main(name: string?)
    local answers = process.listen("answer")

    local worker, err = process.spawn("app:worker", "app:processes")
    if err then
        return nil, err
    end
    local _, refused = process.send(worker, "greet", name or "nobody")
    if refused then
        return nil, refused
    end
    return (answers:receive())
end

return {main = main}
