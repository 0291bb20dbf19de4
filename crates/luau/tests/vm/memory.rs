//! Memory: what a body may use, and that others do not notice when it wants more.

use luau::{Modules, Step};

use super::bench::{Room, shown};

/// 1 MiB.
const MIB: usize = 1024 * 1024;

/// Scripts that want more than they have.
const BOMBS: [(&str, &str); 20] = [
    ("table", "local t = {} while true do t[#t + 1] = {} end"),
    (
        "table in pcall",
        "while true do pcall(function() local t = {} while true do t[#t + 1] = {#t} end end) end",
    ),
    ("string doubling", "local s = 'x' while true do s = s .. s end"),
    ("rep", "return #string.rep('x', 2^30)"),
    ("rep in pcall", "while true do pcall(string.rep, 'x', 2^28) end"),
    ("buffer", "return buffer.len(buffer.create(2^30))"),
    ("table.create", "return #table.create(2^26, 1)"),
    ("concat", "local t = table.create(1000, string.rep('x', 1e5)) return #table.concat(t)"),
    ("gsub", "return #string.gsub(string.rep('x', 1e5), '', string.rep('y', 1e4))"),
    (
        "format",
        "local s = string.rep('x', 1e6) return #string.format(string.rep('%s', 100), unpack(table.create(100, s)))",
    ),
    ("unpack", "return select('#', unpack(table.create(9e5, 1)))"),
    ("coroutines", "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end"),
    ("closures", "local t = {} while true do t[#t + 1] = function() return t end end"),
    ("deep recursion", "local function f(...) return f(1, ...) + 1 end return f()"),
    ("strings", "local t = {} for i = 1, 1e9 do t[i] = 'key' .. i end"),
    ("spawn", "while true do pcall(coroutine.spawn, function() host.wait() end) end"),
    ("split", "return #string.split(string.rep('x', 1e6), '')"),
    (
        "in a metamethod",
        "local t = setmetatable({}, {__index = function() local t = {} while true do t[#t + 1] = {} end end}) while true do pcall(function() return t.x end) end",
    ),
    ("pack", "return #string.pack('c' .. 2^30, 'x')"),
    ("messages", "local t = {} while true do t[#t + 1] = host.echo(string.rep('x', 1e5) .. #t) end"),
];

#[test]
fn a_body_that_wants_too_much_is_ended_and_the_pod_stays_whole() {
    let mut room = Room::new();
    let witness = room.start("return function() local kept = {} for i = 1, 100 do kept[i] = 'k' .. i end host.wait() return #table.concat(kept) end");
    assert!(matches!(room.run(witness), Step::Parked));
    for (name, source) in BOMBS {
        let id =
            room.start_with(&format!("return function() {source} end"), 2 * MIB, Modules::default(), vec![]);
        let step = room.run(id);
        assert!(matches!(step, Step::OverMemory { .. }), "{name}: {step:?}");
        assert!(matches!(room.run(id), Step::OverMemory { .. }), "{name}: for good");
        assert!(room.pod.heap_bytes() < 16 * MIB, "{name}: {} bytes", room.pod.heap_bytes());
        room.pod.end(id);
    }
    assert_eq!(shown(&room.finish(witness)), "292");
}

#[test]
fn garbage_is_collected_instead_of_ending_the_body() {
    for source in [
        "for i = 1, 2000 do local s = string.rep('x', 2e5):upper() end",
        "for i = 1, 3e5 do local t = {i, {i}} end",
        "for i = 1, 200 do local t = table.create(5e4, i) end",
        "for i = 1, 2000 do coroutine.wrap(function() coroutine.yield(table.create(1000)) end)() end",
        "for i = 1, 500 do host.echo(string.rep('x', 1e5)) end",
        "local t = {} for i = 1, 1e5 do t[i % 100] = {i} end",
    ] {
        let mut room = Room::new();
        let id = room.start_with(
            &format!("return function() {source} return 'fine' end"),
            2 * MIB,
            Modules::default(),
            vec![],
        );
        assert_eq!(shown(&room.run(id)), "\"fine\"", "{source}");
    }
}

#[test]
fn the_account_of_a_body_is_its_own() {
    let mut room = Room::new();
    let small = room.start("return function() host.wait() end");
    let large = room.start("return function() kept = table.create(1e5, 1) host.wait() end");
    assert!(matches!(room.run(small), Step::Parked));
    assert!(matches!(room.run(large), Step::Parked));
    let (small_bytes, large_bytes) = (room.pod.memory_bytes(small), room.pod.memory_bytes(large));
    assert!(small_bytes < 8 * 1024, "a parked body takes {small_bytes} bytes");
    assert!((1_600_000..1_700_000).contains(&large_bytes), "{large_bytes}");
    room.pod.end(large);
    let next = room.start("return function() host.wait() end");
    assert!(matches!(room.run(next), Step::Parked));
    assert!(room.pod.memory_bytes(next) < 8 * 1024);
}

#[test]
fn code_is_loaded_once_for_all_bodies_of_a_pod() {
    let mut room = Room::new();
    let code =
        (0..200).map(|i| format!("local function f{i}(a) return {{a, {i}}} end\n")).collect::<String>();
    let code = luau::Code::compile("shared", format!("{code} return function() host.wait() end").as_bytes())
        .expect("compiles");
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let id = room
            .pod
            .start(luau::BodySettings {
                key: 1,
                code: &code,
                method: "main",
                arguments: vec![],
                modules: Modules::default(),
                memory_bytes_max: MIB,
                ending: room.ending.clone(),
            })
            .expect("room");
        assert!(matches!(room.run(id), Step::Parked));
        sizes.push(room.pod.heap_bytes());
        assert!(room.pod.memory_bytes(id) < 32 * 1024);
    }
    assert!(sizes[2] - sizes[1] < 40_000, "{sizes:?}");
}
