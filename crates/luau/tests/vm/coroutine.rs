//! The coroutine library, and waits of the host inside it.

use luau::{Item, Reply, Step};
use value::{Failure, Value};

use super::bench::{Room, check, result, shown};

#[test]
fn coroutines_behave_as_luas() {
    for (body, expected) in [
        ("return {coroutine.resume(coroutine.create(function(...) return ... end), 1, 2)}", "[true,1,2]"),
        (
            "local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) return b * 2 end)
             local _, x = coroutine.resume(co, 1) local _, y = coroutine.resume(co, 10)
             return {x, y, coroutine.status(co)}",
            r#"[2,20,"dead"]"#,
        ),
        (
            "local co = coroutine.create(function() error('bad') end)
             return {coroutine.resume(co)}, coroutine.status(co)",
            r#"[false,"test:2: bad"] "dead""#,
        ),
        (
            "local co = coroutine.create(function() end) coroutine.resume(co) return {coroutine.resume(co)}",
            r#"[false,"cannot resume dead coroutine"]"#,
        ),
        (
            "local co co = coroutine.create(function() return coroutine.resume(co) end)
             return {coroutine.resume(co)}",
            r#"[true,false,"cannot resume running coroutine"]"#,
        ),
        (
            "local outer outer = coroutine.create(function()
                 local inner = coroutine.create(function() return coroutine.status(outer), coroutine.resume(outer) end)
                 return coroutine.resume(inner) end)
             return {coroutine.resume(outer)}",
            r#"[true,true,"normal",false,"cannot resume normal coroutine"]"#,
        ),
        (
            "local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
             local sum = 0 for i in gen do sum += i end return sum",
            "6",
        ),
        (
            "local f = coroutine.wrap(function() error('bad') end) local ok, err = pcall(f) return {ok, err}",
            r#"[false,"test:2: bad"]"#,
        ),
        (
            "local f = coroutine.wrap(function() error({code = 5}) end) local ok, err = pcall(f) return err.code",
            "5",
        ),
        (
            "local f = coroutine.wrap(function() return 1 end) f() return select(2, pcall(f))",
            "\"cannot resume dead coroutine\"",
        ),
        (
            "return coroutine.wrap(function() return pcall(function() return coroutine.yield(1) + 1 end) end)()",
            "1",
        ),
        (
            "local co = coroutine.create(function() local ok, v = pcall(function() return coroutine.yield(1) + 1 end)
                 return ok, v end)
             coroutine.resume(co) return {coroutine.resume(co, 41)}",
            "[true,true,42]",
        ),
        (
            "local co = coroutine.create(function() return xpcall(function() coroutine.yield() error('x', 0) end,
                 function(e) return 'handled ' .. e end) end)
             coroutine.resume(co) return {coroutine.resume(co)}",
            r#"[true,false,"handled x"]"#,
        ),
        (
            "local co = coroutine.create(function() coroutine.yield() end) coroutine.resume(co)
             return {coroutine.close(co), coroutine.status(co)}",
            r#"[true,"dead"]"#,
        ),
        (
            "local co = coroutine.create(function() error('x', 0) end) coroutine.resume(co)
             return {coroutine.close(co)}",
            r#"[false,"x"]"#,
        ),
        ("return select(2, pcall(coroutine.close, coroutine.running()))", "\"cannot close running coroutine\""),
        ("return type(coroutine.running())", "\"thread\""),
        ("return coroutine.isyieldable()", "false"),
        ("return coroutine.wrap(coroutine.isyieldable)()", "true"),
        ("return select(2, pcall(coroutine.yield, 1))", "\"attempt to yield from outside a coroutine\""),
        ("return (pcall(coroutine.resume, 1))", "false"),
        ("return (pcall(coroutine.create, 1))", "false"),
        ("return (pcall(coroutine.wrap, {}))", "false"),
        // A function of ours as the body of a coroutine.
        ("return {coroutine.resume(coroutine.create(host.echo), 5)}", "[true,5]"),
        ("return {coroutine.resume(coroutine.create(coroutine.yield), 5)}", "[true,5]"),
        ("return {coroutine.resume(coroutine.create(pcall), error, 5)}", r#"[true,false,"5"]"#),
        // Many values both ways.
        (
            "local function count(...) return select('#', ...) end
             local co = coroutine.wrap(function(...) local n = count(...) return count(coroutine.yield(unpack(table.create(n, 1)))) end)
             return {count(co(unpack(table.create(5000, 1)))), co(unpack(table.create(7000, 1)))}",
            "[5000,7000]",
        ),
        (
            "local function nest(n) if n == 0 then return 0 end return 1 + coroutine.wrap(nest)(n - 1) end
             return {nest(150), (pcall(nest, 300))}",
            "[150,false]",
        ),
        // In a metamethod no coroutine can be resumed, since nothing could yield out of it.
        (
            "local t = setmetatable({}, {__index = function() return coroutine.wrap(function() return 1 end)() end})
             return select(2, pcall(function() return t.x end))",
            "\"test:2: cannot resume a coroutine inside a metamethod or pattern callback\"",
        ),
    ] {
        check(body, expected);
    }
}

#[test]
fn an_iterator_that_yields_inside_for_goes_on() {
    check(
        "local log = {}
         local co = coroutine.wrap(function()
             for x in function(_, i) return coroutine.yield('next') end do table.insert(log, x) end
             return 'end'
         end)
         co() co(1) co(2)
         return {co(nil), log}",
        r#"["end",[1,2]]"#,
    );
}

#[test]
fn a_wait_inside_wrap_parks_the_strand_and_surfaces_nowhere() {
    for body in [
        "return host.wait(5)",
        "return coroutine.wrap(function() return host.wait(5) end)()",
        "return select(2, pcall(function() return host.wait(5) end))",
        "return coroutine.wrap(function() return coroutine.wrap(function() return host.wait(5) end)() end)()",
        "return select(2, coroutine.resume(coroutine.create(host.wait), 5))",
        "for x in function(_, i) return if i then nil else host.wait(5) end do return x end",
    ] {
        let mut room = Room::new();
        let id = room.start(&format!("return function() {body} end"));
        assert!(matches!(room.run(id), Step::Parked), "{body}");
        assert_eq!(room.pod.parked(id).len(), 1, "{body}");
        assert_eq!(room.answer_all(id), 1);
        assert_eq!(shown(&room.run(id)), "5", "{body}");
    }
}

#[test]
fn a_wait_where_nothing_can_yield_is_an_error() {
    for body in [
        "local t = setmetatable({}, {__index = function() return host.wait(1) end}) return t.x",
        "local t = setmetatable({}, {__eq = function() return host.wait(1) end}) return t == setmetatable({}, getmetatable(t))",
        "return (string.gsub('a', 'a', function() return host.wait(1) end))",
        "return tostring(setmetatable({}, {__tostring = function() return host.wait(1) end}))",
    ] {
        let shown = result(&format!("return function() {body} end"));
        assert!(shown.contains("attempt to wait across a metamethod or C call boundary"), "{shown}");
    }
    check(
        "local seen local t = setmetatable({}, {__index = function() seen = host.yieldable() end})
           local _ = t.x return {seen, host.yieldable()}",
        "[false,true]",
    );
}

#[test]
fn a_wait_can_end_in_an_error_that_pcall_catches() {
    let mut room = Room::new();
    let id = room.start(
        "return function() local ok, err = pcall(host.wait) return {ok, type(err), tostring(err) ~= nil} end",
    );
    assert!(matches!(room.run(id), Step::Parked));
    let (strand, _) = room.host.waiting[0];
    assert!(room.pod.wake(id, strand, Reply::Raise(Failure::invalid("closed"))));
    assert_eq!(shown(&room.run(id)), r#"[false,"error",true]"#);
}

#[test]
fn only_a_parked_strand_is_woken_and_only_once() {
    let mut room = Room::new();
    let id = room.start("return function() host.wait(1) host.wait(2) return 'end' end");
    assert!(matches!(room.run(id), Step::Parked));
    let (strand, _) = room.host.waiting.remove(0);
    let reply = || Reply::Return(vec![Item::Value(Value::Nil)]);
    assert!(!room.pod.wake(id, strand, Reply::Wait), "that is no answer");
    assert!(room.pod.wake(id, strand, reply()));
    assert!(!room.pod.wake(id, strand, reply()), "it has its answer");
    assert!(matches!(room.run(id), Step::Parked));
    assert_eq!(shown(&room.finish(id)), "\"end\"");
    assert!(!room.pod.wake(id, strand, reply()), "it is gone");
    room.pod.end(id);
    assert!(!room.pod.wake(id, strand, reply()));
}

#[test]
fn spawned_coroutines_run_beside_main() {
    check(
        "local log = {}
         local function worker(name, n) for i = 1, n do table.insert(log, name .. i) host.wait() end end
         local co = coroutine.spawn(worker, 'a', 2)
         coroutine.spawn(worker, 'b', 1)
         table.insert(log, type(co) .. coroutine.status(co))
         host.wait() host.wait() host.wait() host.wait()
         return log",
        r#"["threadnormal","a1","b1","a2"]"#,
    );
    check(
        "local co = coroutine.spawn(function() host.wait() end) host.wait()
         return {select(2, coroutine.resume(co)), select(2, pcall(coroutine.close, co))}",
        r#"["cannot resume normal coroutine","cannot close normal coroutine"]"#,
    );
    check("return (pcall(coroutine.spawn, 1))", "false");
}

#[test]
fn an_error_that_nobody_catches_in_a_spawned_coroutine_fails_the_body() {
    assert_eq!(
        result(
            "return function()\n coroutine.spawn(function()\n error('lost') end)\n host.wait() host.wait() end"
        ),
        "failed: test:3: lost"
    );
    // One that is resumed is the resumer's.
    check("coroutine.spawn(function() pcall(error, 'x') end) host.wait() return 'fine'", "\"fine\"");
}

#[test]
fn when_main_returns_the_other_strands_go_no_further() {
    let mut room = Room::new();
    let id = room.start(
        "return function() coroutine.spawn(function() host.wait() print('too late') end) return 1 end",
    );
    assert_eq!(shown(&room.run(id)), "1");
    room.answer_all(id);
    assert!(matches!(room.run(id), Step::Ended));
    assert!(room.host.printed.is_empty());
}

#[test]
fn strands_take_turns_where_they_pass() {
    check(
        "local log = {}
         coroutine.spawn(function() for i = 1, 3 do table.insert(log, 'a' .. i) host.pass() end end)
         coroutine.spawn(function() for i = 1, 3 do table.insert(log, 'b' .. i) host.pass() end end)
         for i = 1, 5 do host.pass() end
         return table.concat(log, ' ')",
        "\"a1 b1 a2 b2 a3 b3\"",
    );
    // Where it cannot yield, passing does nothing.
    check("return (string.gsub('a', 'a', function() host.pass() return 'b' end))", "\"b\"");
}

#[test]
fn the_places_where_strands_wait_are_known() {
    let mut room = Room::new();
    let id = room.start(
        "return function()\n coroutine.spawn(function()\n host.wait() end)\n coroutine.wrap(function()\n host.wait() end)() end",
    );
    assert!(matches!(room.run(id), Step::Parked));
    let places: Vec<_> = room.pod.parked(id).iter().map(ToString::to_string).collect();
    assert_eq!(places, ["test:5", "test:3"]);
    assert_eq!(room.pod.strands(id), 2);
}

#[test]
fn a_coroutine_knows_who_its_body_is() {
    check("return coroutine.wrap(function() return coroutine.wrap(host.key)() end)()", "7");
}
