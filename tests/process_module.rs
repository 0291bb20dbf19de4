//! What the `process` module does, claim by claim, through Lua.

use crate::scripts;

#[test]
fn messages() {
    scripts::run(&[
        (
            "no payload is nil, several are an array",
            r#"
            local me, inbox = process.pid(), process.inbox()
            process.send(me, "none")
            process.send(me, "one", "x")
            process.send(me, "many", 1, nil, "y")
            assert(inbox:receive():payload() == nil)
            assert(inbox:receive():payload() == "x")
            local many = inbox:receive():payload()
            assert(many[1] == 1 and many[2] == nil and many[3] == "y")"#,
        ),
        (
            "values are copied at the call",
            r#"
            local t = {inner = {1}}
            process.send(process.pid(), "t", t)
            t.inner[1] = 2
            assert(process.inbox():receive():payload().inner[1] == 1)"#,
        ),
        (
            "keys keep their type, bytes stay bytes, special numbers cross",
            r#"
            process.send(process.pid(), "t", {[1] = "a", ["1"] = "b", bytes = "\255\0", nan = 0/0, inf = -1/0})
            local got = process.inbox():receive():payload()
            assert(got[1] == "a" and got["1"] == "b" and got.bytes == "\255\0" and got.nan ~= got.nan and got.inf == -math.huge)"#,
        ),
        (
            "what cannot be copied is named by its path",
            r#"
            local function refused(value, path)
                local ok, err = process.send(process.pid(), "t", value)
                assert(not ok and err:kind() == errors.INVALID, tostring(err))
                assert(string.find(err:message(), path, 1, true), err:message())
            end
            refused({items = {1, 2, {handler = print}}}, "payload.items[3].handler is a function")
            refused(coroutine.create(print), "payload is a thread")
            refused(process.inbox(), "payload is a channel")
            local cycle = {} cycle.self = cycle
            refused(cycle, "payload.self")
            refused(setmetatable({}, {__index = function() end}), "payload")"#,
        ),
        (
            "a table named twice costs twice, and too many nodes are refused",
            r#"
            local leaf = table.create(200, 1)
            local ok, err = process.send(process.pid(), "t", table.create(100, leaf))
            assert(not ok and err:kind() == errors.INVALID, tostring(err))"#,
        ),
        (
            "a topic is not empty, not reserved, not too long",
            r#"
            for _, topic in {"", "@inbox", "@", string.rep("x", 257)} do
                local ok, err = process.send(process.pid(), topic)
                assert(not ok and err:kind() == errors.INVALID)
            end"#,
        ),
        (
            "missing and wrong arguments are returned, not raised",
            r#"
            for _, call in {
                function() return process.send() end,
                function() return process.send(process.pid()) end,
                function() return process.send({}, "t") end,
                function() return process.spawn("app.workers:echo") end,
                function() return process.spawn("echo", "app:processes") end,
                function() return process.terminate() end,
                function() return process.cancel(process.pid(), "soon") end,
                function() return process.cancel(process.pid(), 0) end,
                function() return process.cancel(process.pid(), -1) end,
                function() return process.cancel(process.pid(), 0/0) end,
                function() return process.cancel(process.pid(), 1.5) end,
                function() return process.cancel(process.pid(), true) end,
                function() return process.monitor(1) end,
                function() return process.link(process.pid()) end,
                function() return process.set_options("x") end,
                function() return process.set_options({trap_links = 1}) end,
                function() return process.listen("@x") end,
                function() return process.listen("x", {raw = true}) end,
                function() return process.unlisten(channel.new()) end,
                function() return process.unlisten(1) end,
                function() return process.registry.register("") end,
                function() return process.registry.register("a b") end,
                function() return process.registry.register("x", 1) end,
                function() return process.registry.lookup() end,
                function() return process.call("x", "y") end,
                function() return process.upgrade(1) end,
            } do
                local ok, value, err = pcall(call)
                assert(ok, tostring(value))
                assert(value == nil and err and err:kind() == errors.INVALID, tostring(err))
            end"#,
        ),
        (
            "an unknown or dead destination of one's own tenant is NOT_FOUND",
            r#"
            local pid = process.spawn_monitored("app.workers:double", "app:processes", 1)
            process.events():receive()
            for _, destination in {"nobody", pid} do
                local ok, err = process.send(destination, "t")
                assert(not ok and err:kind() == errors.NOT_FOUND, tostring(err))
            end"#,
        ),
        (
            "a full mailbox refuses and keeps what it has",
            r#"
            local pid = process.spawn("app.workers:small", "app:processes")
            local me = process.pid()
            local sent = 0
            for _ = 1, 6 do
                local ok, err = process.send(pid, "t", 1)
                if ok then sent += 1 else assert(err:kind() == errors.RATE_LIMITED and err:retryable(), tostring(err)) end
            end
            assert(sent == 3, tostring(sent))"#,
        ),
        (
            "messages of one sender keep their order",
            r#"
            local echo = process.spawn("app.workers:echo", "app:processes")
            for i = 1, 500 do process.send(echo, "n", i) end
            local inbox = process.inbox()
            for i = 1, 500 do assert(inbox:receive():payload() == i) end"#,
        ),
        (
            "routing is decided when a message is taken",
            r#"
            local me = process.pid()
            process.send(me, "job", 1)
            process.send(me, "other", 2)
            process.send(me, "job", 3)
            local jobs = process.listen("job")
            assert(process.inbox():receive():topic() == "other")
            assert(jobs:receive() == 1)
            process.unlisten(jobs)
            assert(process.inbox():receive():payload() == 3)
            local value, ok = jobs:receive()
            assert(value == nil and ok == false)"#,
        ),
        (
            "listen gives message objects when asked, and they stay on",
            r#"
            local ch = process.listen("job", {message = true})
            assert(process.listen("job") == ch)
            process.send(process.pid(), "job", {n = 1})
            local msg = ch:receive()
            assert(msg:topic() == "job" and msg:payload().n == 1 and msg:from() == process.pid())"#,
        ),
        (
            "a select with a default sees a message that is pending",
            r#"
            local inbox = process.inbox()
            assert(channel.select{inbox:case_receive(), default = true}.default)
            process.send(process.pid(), "t", 1)
            local got = channel.select{inbox:case_receive(), default = true}
            assert(got.channel == inbox and got.ok and got.value:payload() == 1)"#,
        ),
        (
            "error objects cross, with kind and details",
            r#"
            process.send(process.pid(), "t", errors.new({message = "m", kind = errors.CONFLICT, retryable = true, details = {a = 1}}))
            local err = process.inbox():receive():payload()
            assert(err:kind() == errors.CONFLICT and err:message() == "m" and err:retryable() and err:details().a == 1)"#,
        ),
    ]);
}

#[test]
fn ends_and_who_hears_of_them() {
    scripts::run(&[
        (
            "a returned value, only the first",
            r#"
            process.spawn_monitored("app.workers:returns", "app:processes", {a = 1}, 2)
            local event = process.events():receive()
            assert(event.kind == process.event.EXIT and event.result.value.a == 1 and event.result.error == nil)"#,
        ),
        (
            "a string or error as second value is an error end",
            r#"
            process.set_options({trap_links = true})
            local pid = process.spawn_linked_monitored("app.workers:returns", "app:processes", true, "went wrong")
            local first, second = process.events():receive(), process.events():receive()
            assert(first.kind == process.event.EXIT and first.result.error == "went wrong", first.result.error)
            assert(second.kind == process.event.LINK_DOWN and second.from == pid)
            process.spawn_monitored("app.workers:returns", "app:processes", nil, errors.new("object"))
            assert(process.events():receive().result.error == "object")"#,
        ),
        (
            "an uncaught error names the script's line and no host path",
            r#"
            process.spawn_monitored("app.workers:raises", "app:processes", "boom")
            local text = process.events():receive().result.error
            assert(text:match("app.workers:raises:1: boom"), text)"#,
        ),
        (
            "an error of a spawned coroutine ends the process",
            r#"
            local _, err = process.call("app:coroutine_error", "app:processes")
            assert(err:message():match("in a coroutine"), tostring(err))"#,
        ),
        (
            "a failure to load is the child's end, not the spawn's",
            r#"
            for _, id in {"app.workers:unloadable", "app.workers:methodless"} do
                local pid, err = process.spawn_monitored(id, "app:processes")
                assert(pid, tostring(err))
                local text = process.events():receive().result.error
                assert(text:match("^load failed: "), text)
            end
            local _, err = process.call("app.workers:methodless", "app:processes")
            assert(err:kind() == errors.INVALID and err:message():match("main"), tostring(err))"#,
        ),
        (
            "terminate is told as such, and then the pid is dead",
            r#"
            local pid = process.spawn_monitored("app.workers:deaf", "app:processes")
            process.registry.register("victim", pid)
            assert(process.terminate("victim"))
            assert(process.events():receive().result.error == "process terminated")
            local ok, err = process.send(pid, "t")
            assert(not ok and err:kind() == errors.NOT_FOUND)
            assert(process.registry.lookup("victim") == nil)"#,
        ),
        (
            "cancel delivers from and deadline",
            r#"
            local pid = process.spawn_monitored("app.workers:on_cancel", "app:processes")
            assert(process.cancel(pid, "1m30s"))
            local result = process.events():receive().result
            assert(result.value, result.error)
            assert(result.value.kind == process.event.CANCEL and result.value.from == process.pid())
            assert(result.value.deadline:match("^%d%d%d%d%-%d%d%-%d%dT"), result.value.deadline)"#,
        ),
        (
            "without a deadline cancel carries none",
            r#"
            local pid = process.spawn_monitored("app.workers:on_cancel", "app:processes")
            assert(process.cancel(pid))
            assert(process.events():receive().result.value.deadline == nil)"#,
        ),
        (
            "at the deadline a deaf process is ended",
            r#"
            local pid = process.spawn_monitored("app.workers:deaf", "app:processes")
            assert(process.cancel(pid, "1h"))
            assert(process.cancel(pid, 20))
            assert(process.events():receive().result.error == "cancel deadline exceeded")"#,
        ),
        (
            "monitor twice is ALREADY_EXISTS, unmonitor of nothing is true",
            r#"
            local pid = process.spawn("app.workers:idle", "app:processes")
            assert(process.unmonitor(pid))
            assert(process.monitor(pid))
            local ok, err = process.monitor(pid)
            assert(not ok and err:kind() == errors.ALREADY_EXISTS)
            assert(process.unmonitor(pid))
            assert(process.monitor(pid))
            process.terminate(pid)
            assert(process.events():receive().from == pid)"#,
        ),
        (
            "a linked failure ends a process that does not trap",
            r#"
            local pid = process.spawn_monitored("app:linker", "app:processes")
            assert(process.events():receive().result.error == "linked process failed")"#,
        ),
        (
            "a linked normal end is not told",
            r#"
            process.set_options({trap_links = true})
            process.spawn_linked_monitored("app.workers:double", "app:processes", 1)
            assert(process.events():receive().kind == process.event.EXIT)
            assert(channel.select{process.events():case_receive(), default = true}.default)"#,
        ),
        (
            "call returns the value, or nil and the callee's kind",
            r#"
            assert(process.call("app.workers:double", "app:processes", 2) == 4)
            local value, err = process.call("app.workers:returns", "app:processes", nil, errors.new({message = "m", kind = errors.CONFLICT}))
            assert(value == nil and err:kind() == errors.CONFLICT and err:message() == "m")"#,
        ),
        (
            "other coroutines run while one waits for a call",
            r#"
            local ch = channel.new(10)
            coroutine.spawn(function() for i = 1, 3 do ch:send(i) end end)
            assert(process.call("app.workers:double", "app:processes", 1) == 2)
            assert(ch:receive() == 1)"#,
        ),
        (
            "the callee keeps the caller's chain, a spawned child has its own",
            r##"
            local mine = process.id():match("#(.+)$")
            assert(process.call("app:chain", "app:processes") == mine)
            process.spawn_monitored("app:chain", "app:processes")
            assert(process.events():receive().result.value ~= mine)"##,
        ),
        (
            "a deadlock names the lines that wait",
            r#"
            local _, err = process.call("app:deadlock", "app:processes")
            assert(err:message():match("^deadlock: ") and err:message():match("app:deadlock:2"), tostring(err))"#,
        ),
        (
            "a result over 64 KiB becomes an error that says so",
            r#"
            local _, err = process.call("app:large", "app:processes")
            assert(err:message():match("65536"), tostring(err))"#,
        ),
        (
            "an upgrade keeps pid, names, mailbox and monitors",
            r#"
            local pid = process.spawn_monitored("app:old", "app:processes")
            process.registry.register("upgraded", pid)
            process.send(pid, "n", 1)
            process.send(pid, "upgrade")
            process.send(pid, "n", 2)
            local result = process.events():receive().result
            assert(result.value, result.error)
            assert(result.value.pid == pid and result.value.state == 1 and result.value.after == 2 and result.value.named == pid)"#,
        ),
        (
            "a refused upgrade returns and the process goes on",
            r#"
            local none, err = process.upgrade("app:nowhere")
            assert(none == nil and err:kind() == errors.NOT_FOUND)"#,
        ),
    ]);
}

#[test]
fn names_and_spawners() {
    scripts::run(&[
        (
            "a name belongs to one process",
            r#"
            local pid = process.spawn("app.workers:idle", "app:processes")
            assert(process.registry.register("n1", pid) and process.registry.register("n1", pid))
            local ok, err = process.registry.register("n1")
            assert(not ok and err:kind() == errors.ALREADY_EXISTS)
            assert(process.registry.unregister("n1") and process.registry.register("n1"))"#,
        ),
        (
            "a name given at spawn is there at once, and a taken one starts nothing",
            r#"
            local spawner = process.with_context({}):with_name("n2")
            local pid = spawner:spawn("app.workers:idle", "app:processes")
            assert(process.registry.lookup("n2") == pid)
            local none, err = spawner:spawn_monitored("app.workers:idle", "app:processes")
            assert(none == nil and err:kind() == errors.ALREADY_EXISTS)"#,
        ),
        (
            "messages of the spawner are there before the child runs, in order",
            r#"
            local pid = process.with_context({}):with_message("a", 1):with_message("b", 2):spawn("app.workers:echo", "app:processes")
            process.send(pid, "c", 3)
            local inbox = process.inbox()
            for i, topic in {"a", "b", "c"} do
                local msg = inbox:receive()
                assert(msg:topic() == topic and msg:payload() == i and msg:from() == pid)
            end"#,
        ),
        (
            "a spawner is immutable, and later context values win",
            r#"
            local base = process.with_context({a = 1, b = 1})
            local other = base:with_context({b = 2})
            local function seen(spawner)
                spawner:spawn_monitored("app:context", "app:processes")
                return process.events():receive().result.value
            end
            local first, second = seen(base), seen(other)
            assert(first.a == 1 and first.b == 1 and second.a == 1 and second.b == 2)"#,
        ),
        (
            "context is inherited by spawn and call",
            r#"
            process.with_context({deep = "x"}):spawn_monitored("app:context_twice", "app:processes")
            assert(process.events():receive().result.value == "x")"#,
        ),
        (
            "builder methods raise error objects",
            r#"
            for _, call in {
                function() process.with_context("x") end,
                function() process.with_context({f = print}) end,
                function() process.with_context({}):with_actor("me") end,
                function() process.with_context({}):with_scope({}) end,
                function() process.with_context({}):with_name("no name") end,
                function() process.with_context({}):with_message("@x") end,
            } do
                local ok, err = pcall(call)
                assert(not ok and err:kind() == errors.INVALID, tostring(err))
            end"#,
        ),
        (
            "handles cannot be forged, read or given to another method",
            r#"
            local ch, msg = channel.new(), nil
            assert(not pcall(ch.send, {}, 1) and not pcall(ch.send, process.with_context({}), 1))
            assert(not pcall(function() ch.size = 1 end))
            assert(getmetatable(ch) ~= nil and type(getmetatable(ch)) ~= "table")
            assert(not pcall(setmetatable, ch, {}))"#,
        ),
    ]);
}

#[test]
fn scopes_replaced_by_none_permit_nothing() {
    let empty = |scope: &str| {
        format!(
            r#"
            local security = require("security")
            local child = process.with_context({{}}):with_scope({scope})
            assert(child:spawn_monitored("app:narrow", "app:processes"))
            local result = process.events():receive().result
            assert(result.value, result.error)
            assert(result.value.scopes == 0 and result.value.kind == errors.PERMISSION_DENIED)"#
        )
    };
    let (new, narrowed) = (empty("security.new_scope()"), empty("security.scope():without('app:all')"));
    scripts::run(&[("a new empty scope", &new), ("one's own scope without its only part", &narrowed)]);
}

#[test]
fn ends_say_what_and_where() {
    scripts::run(&[
        (
            "only an error or a text as second value is an error end",
            r#"assert(process.call("app:two", "app:processes") == "ok")"#,
        ),
        (
            "an error object keeps its kind for a caller and has its place in EXIT",
            r#"
            local _, err = process.call("app:raises_object", "app:processes")
            assert(err:kind() == errors.NOT_FOUND and err:message() == "gone")
            process.spawn_monitored("app:raises_object", "app:processes")
            local said = process.events():receive().result.error
            assert(said == "app:raises_object:2: gone", said)"#,
        ),
        (
            "an upgrade keeps the budgets that the process was started with",
            r#"
            local _, err = process.call("app:brief", "app:processes")
            assert(err:message():find("cpu_total limit exceeded", 1, true), tostring(err))
            assert(err:kind() == errors.TIMEOUT and err:retryable() == true)"#,
        ),
        (
            "a limit's end says what was needed",
            r#"
            local _, err = process.call("app.workers:hoards", "app:processes")
            local needed = tonumber(err:message():match("exceeded: (%d+) bytes needed"))
            assert(needed and needed > 1e9, tostring(err))"#,
        ),
    ]);
}
