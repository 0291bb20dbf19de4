-- Answers one message.
return function()
    local message = process.inbox():receive()
    local _, err = process.send(message:from(), "answer", `hello, {message:payload().name}`)
    return nil, err
end
