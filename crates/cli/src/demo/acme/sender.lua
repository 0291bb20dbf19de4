-- Sends a message to a process of its own tenant, and returns the answer.
return function(name)
    local answers = process.listen("answer")
    local greeter, err = process.spawn("acme:greeter", "app:processes")
    if err then
        return nil, err
    end
    local _, refused = process.send(greeter, "greet", {name = name})
    if refused then
        return nil, refused
    end
    return (answers:receive())
end
