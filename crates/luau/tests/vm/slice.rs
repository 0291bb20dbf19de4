//! Slices: pre-emption, ends, and what goes on after.

use std::sync::atomic::Ordering;

use luau::{Slice, Step, now_ns};

use super::bench::{Room, shown};

/// Scripts that never end, by what they do forever; each can be pre-empted.
const ENDLESS: [(&str, &str); 14] = [
    ("loop", "while true do end"),
    ("numeric for", "for i = 0, 1, 1e-300 do end"),
    ("pcall loop", "while true do pcall(function() while true do end end) end"),
    ("pcall tower", "local function f() pcall(f) end while true do f() end"),
    ("error loop", "while true do pcall(error, {}) end"),
    ("coroutines", "while true do coroutine.wrap(function() coroutine.yield() end)() end"),
    ("inside a coroutine", "coroutine.wrap(function() while true do end end)()"),
    ("recursion", "local function f(n) if n > 0 then f(n - 1) end end while true do f(100) end"),
    (
        "spawn and pass",
        "coroutine.spawn(function() while true do host.pass() end end) while true do host.pass() end",
    ),
    (
        "sort",
        "local t = {} for i = 1, 1e5 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end",
    ),
    ("host calls", "while true do host.key() end"),
    (
        "metamethods",
        "while true do tostring(setmetatable({}, {__tostring = function() return string.rep('x', 1e5) end})) end",
    ),
    ("callbacks", "while true do string.gsub('abc', '.', function(c) return c:upper() end) end"),
    ("iterators", "while true do for _ in string.gmatch('a b c', '%a') do end end"),
];

#[test]
fn endless_scripts_are_pre_empted_again_and_again_and_share_the_pod() {
    let mut room = Room::new();
    let bodies: Vec<_> = ENDLESS
        .iter()
        .map(|(name, source)| (*name, room.start(&format!("return function() {source} end"))))
        .collect();
    for _ in 0..5 {
        for (name, body) in &bodies {
            let step = room.slice(*body);
            if let Step::Passed { strand } = step {
                room.pod.wake(*body, strand, luau::Reply::Return(Vec::new()));
                continue;
            }
            assert!(matches!(step, Step::Preempted), "{name}");
        }
    }
}

#[test]
fn a_pre_empted_script_goes_on_where_it_was() {
    let mut room = Room::new();
    let id = room.start("return function() local n = 0 for i = 1, 3e6 do n += i % 7 end return n end");
    let mut slices = 1;
    let step = loop {
        match room.pod.run(
            id,
            &mut room.host,
            Slice { until_ns: now_ns() + 200_000, memory_bytes_max: usize::MAX },
        ) {
            Step::Preempted => slices += 1,
            step => break step,
        }
    };
    assert_eq!(shown(&step), "8999997");
    assert!(slices > 2, "it took {slices} slices");
}

#[test]
fn a_script_that_is_being_ended_stops_whatever_it_does() {
    for (name, source) in ENDLESS {
        let mut room = Room::new();
        let id = room.start(&format!("return function() {source} end"));
        let _ = room.slice(id);
        room.ending.store(true, Ordering::Relaxed);
        assert!(matches!(room.run(id), Step::Ended), "{name}");
        assert!(matches!(room.run(id), Step::Ended), "{name}: for good");
    }
}

#[test]
fn code_that_cannot_yield_ends_as_an_overrun() {
    for (name, source) in [
        ("metamethod", "local t = setmetatable({}, {__index = function() while true do end end}) return t.x"),
        (
            "swallowing",
            "local t = setmetatable({}, {__index = function() while true do pcall(function() while true do end end) end end}) return t.x",
        ),
        (
            "retrying outside",
            "local t = setmetatable({}, {__index = function() while true do end end}) while true do pcall(function() return t.x end) end",
        ),
        ("gsub callback", "return string.gsub('a', 'a', function() while true do end end)"),
        ("pattern", "return (string.rep('a', 50000)):find('.-.-.-.-b')"),
        ("pattern in pcall", "while true do pcall(string.find, string.rep('a', 50000), '.-.-.-.-b') end"),
        ("tostring", "return tostring(setmetatable({}, {__tostring = function() while true do end end}))"),
        (
            "equality",
            "local m = {__eq = function() while true do end end} return setmetatable({}, m) == setmetatable({}, m)",
        ),
        ("error handler", "xpcall(error, function() while true do end end)"),
        ("iteration", "for _ in setmetatable({}, {__iter = function() while true do end end}) do end"),
    ] {
        let mut room = Room::new();
        let id = room.start(&format!("return function() {source} end"));
        let step = room.run(id);
        assert!(matches!(step, Step::Overrun), "{name}: {step:?}");
        assert!(matches!(room.run(id), Step::Overrun), "{name}: for good");
    }
}

#[test]
fn never_returns_never_and_ends_the_body() {
    for source in [
        "host.never() print('after')",
        "pcall(host.never) print('after')",
        "coroutine.wrap(host.never)() print('after')",
        "coroutine.spawn(host.never) host.wait() print('after')",
        "string.gsub('a', 'a', function() pcall(host.never) return 'b' end) print('after')",
    ] {
        let mut room = Room::new();
        let id = room.start(&format!("return function() {source} end"));
        assert!(matches!(room.run(id), Step::Ended), "{source}");
        assert!(room.host.printed.is_empty(), "{source}");
    }
}

#[test]
fn a_panic_of_the_host_loses_the_pod_and_nothing_else() {
    let mut room = Room::new();
    let id = room.start("return function() pcall(host.panic) print('after') end");
    let other = room.start("return function() return 1 end");
    let Step::Lost { why } = room.run(id) else { panic!("it is lost") };
    assert!(why.contains("on purpose"), "{why}");
    assert!(room.host.printed.is_empty());
    assert!(matches!(room.run(other), Step::Lost { .. }));
    assert!(!room.pod.has_room(1));
}

#[test]
fn a_pod_holds_250_bodies_and_takes_new_ones_when_others_end() {
    let mut room = Room::new();
    let bodies: Vec<_> = (0..250).map(|_| room.start("return function() host.wait() end")).collect();
    assert!(!room.pod.has_room(1));
    for body in &bodies {
        assert!(matches!(room.run(*body), Step::Parked));
    }
    for body in bodies {
        room.pod.end(body);
    }
    assert!(room.pod.is_empty());
    for _ in 0..600 {
        let id = room.start("return function() return 'again' end");
        assert_eq!(shown(&room.run(id)), "\"again\"");
        room.pod.end(id);
    }
}

#[test]
fn an_ended_body_is_unknown() {
    let mut room = Room::new();
    let id = room.start("return function() return 1 end");
    room.pod.end(id);
    assert!(matches!(room.run(id), Step::Ended));
    assert_eq!(room.pod.memory_bytes(id), 0);
    assert!(room.pod.objects(id).is_none());
    assert!(room.pod.parked(id).is_empty());
    let next = room.start("return function() return 2 end");
    assert_ne!(id, next);
    assert!(matches!(room.run(id), Step::Ended));
    assert_eq!(shown(&room.run(next)), "2");
}
