-- Three workers, one queue. A worker is a coroutine of this process that has each job done by a process of its own,
-- so a job that fails or loops takes nobody with it.

local time = require("time")

local HOST = "app:processes"
local WORKERS = 3

type Job = { index: number, input: any }

local function work(jobs, results)
    while true do
        local job, open = jobs:receive()
        if not open then
            return -- closed and drained: nothing more to do
        end
        -- Only this coroutine waits for the answer; the other workers go on.
        local value, err = process.call("pool:square", HOST, job.input)
        results:send({ index = job.index, answer = if err then tostring(err) else value })
    end
end

local function main(inputs: { any })
    local jobs, results = channel.new(), channel.new()
    for _ = 1, WORKERS do
        coroutine.spawn(work, jobs, results)
    end
    coroutine.spawn(function()
        for index, input in inputs do
            jobs:send({ index = index, input = input } :: Job) -- waits until a worker is free
        end
        jobs:close()
    end)

    local deadline = time.after("5s")
    local answers = table.create(#inputs)
    for _ = 1, #inputs do
        local got = channel.select({ results:case_receive(), deadline:case_receive() })
        if got.channel == deadline then
            return nil, errors.new({ kind = errors.TIMEOUT, message = "not all jobs were done in 5 s" })
        end
        answers[got.value.index] = got.value.answer
    end
    return answers
end

return { main = main }
