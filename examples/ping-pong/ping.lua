-- Starts an opponent, plays some rounds, and reports what came back.

local HOST = "app:processes"

local function main(rounds: number)
    local events = process.events()
    local returns = process.listen("pong") -- payloads of this topic, without the message around them

    -- Monitored before it can run: its end is never missed.
    local opponent = assert(process.spawn_monitored("pingpong:pong", HOST))

    local rally = {}
    for round = 1, rounds do
        assert(process.send(opponent, "ping", round))
        -- Events first: the first ready case wins, and who is gone will not return the ball.
        local got = channel.select({ events:case_receive(), returns:case_receive() })
        if got.channel == events then
            return nil, `the opponent is gone: {got.value.result.error}`
        end
        table.insert(rally, got.value)
    end

    assert(process.send(opponent, "stop"))
    local exit = events:receive()
    return { rally, exit.result.value }
end

return { main = main }
