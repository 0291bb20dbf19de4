-- The clerk starts a printer of its own and hands it slips, one a topic. What the policies say to each is the answer.

local HOST = "app:processes"

local function main(topics: { string })
    local printer, err = process.spawn("desk:printer", HOST)
    if err then
        return nil, err
    end
    local answers = table.create(#topics)
    for index, topic in topics do
        local _, refused = process.send(printer, topic, `one {topic}`)
        answers[index] = { topic, if refused then refused:kind() else "sent" }
    end
    return answers
end

return { main = main }
