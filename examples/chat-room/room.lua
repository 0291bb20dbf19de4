-- A room: who joins hears everything that is said from then on. The room watches its members, so that one that
-- ends, by whatever cause, has left.

local function main()
    local inbox, events = process.inbox(), process.events()
    local names: { [string]: string } = {} -- by pid

    local function broadcast(line: string)
        for pid in names do
            -- A member that has just ended is no failure of the room: its EXIT is on its way.
            process.send(pid, "said", line)
        end
    end

    local function join(pid: string, name: string)
        -- Watch first. Who has ended meanwhile, or may not be watched, does not become a member.
        if process.monitor(pid) then
            names[pid] = name
            broadcast(`{name} joined`)
        end
    end

    local function leave(pid: string, why: string?)
        local name = names[pid]
        names[pid] = nil
        broadcast(if why then `{name} was cut off: {why}` else `{name} left`)
    end

    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events then
            local event = got.value
            if event.kind == process.event.CANCEL then
                return "closed"
            end
            leave(event.from, event.result.error)
        else
            local message = got.value
            local from, topic = message:from(), message:topic()
            if topic == "join" then
                join(from, message:payload())
            elseif topic == "say" and names[from] then
                broadcast(`{names[from]}: {message:payload()}`)
            end
        end
    end
end

return { main = main }
