//! Attacks that were seen in the wild or in the laboratory: each ends, within bounds, and the pod goes on.

use luau::Step;

use super::bench::{Room, shown};

/// Attacks on the interpreter itself and on functions that loop in C. Whatever becomes of them, they are over
/// soon, and the next script runs.
const ATTACKS: [&str; 44] = [
    "local d = {} d[-2147483648] = 1 table.move({1}, 1, 2147483647, 1, d)",
    "table.move({}, 1, 1e9, 2, {})",
    "table.move({}, 1, 2^31 - 1, 2)",
    "table.move({1, 2, 3}, -2^31, 2^31 - 1, 1)",
    "local s = string.rep('a', 2e5) return s:find(string.rep('a', 1e5) .. 'b', 1, true)",
    "local s = string.rep('a', 2e5) return s:find(string.rep('a', 1e5) .. 'b')",
    "local s = string.rep('a', 2e5) return #s:split(string.rep('a', 1e5) .. 'b')",
    "return string.find(string.rep('a', 1e6), '[' .. string.rep('b', 1e6) .. 'a]*c')",
    "return string.gsub(string.rep('a', 1e6), '[' .. string.rep('b', 1e6) .. 'a]*', '')",
    "return string.find(string.rep('a', 300), string.rep('a?', 300) .. string.rep('a', 300))",
    "return string.find(string.rep('a', 1e6), '.-.-.-.-b')",
    "return string.find(string.rep('a', 1e6), '(.*)(.*)(.*)(.*)%1b')",
    "return string.find(string.rep('(', 1e6), '%b()')",
    "for w in string.gmatch(string.rep('a', 1e5), 'a*b') do end",
    "return string.match(string.rep('a', 1e5), string.rep('(a', 1e5))",
    "local t = {} for i = 1, 1e5 do t[i] = i end for i = 1, 1e6 do table.insert(t, 1, i) end",
    "local t = {} for i = 1, 1e5 do t[i] = i end while #t > 0 do table.remove(t, 1) end",
    "local t = {} for i = 1, 1e5 do t[i] = 1e5 - i end table.sort(t)",
    "local t = {} for i = 1, 1e5 do t[i] = i % 2 end table.sort(t, function() return true end)",
    "local t = {3, 2, 1} table.sort(t, function() table.clear(t) return true end)",
    "local t = {3, 2, 1} table.sort(t, function() error('x') end)",
    "local a, b = string.rep('x', 1e6) .. 'a', string.rep('x', 1e6) .. 'b' local t = {} for i = 1, 4000 do t[i] = if i % 2 == 0 then a else b end table.sort(t)",
    "local s = string.rep('x', 1e6) while true do local _ = s:sub(1, -2) .. 'y' end",
    "local s = string.rep('x', 1e6) while true do local _ = s:sub(1, 999999) end",
    "local s = string.rep('x', 1e6) while true do local _ = utf8.len(s) end",
    "local s = string.rep('x', 1e6) while true do local _ = s:upper():lower():reverse() end",
    "local a, b = string.rep('x', 1e6) .. 'a', string.rep('x', 1e6) .. 'b' while true do local _ = a < b end",
    "while true do tostring(setmetatable({}, {__tostring = function() return string.rep('x', 1e5) end})) end",
    "return string.format('%99.99f', -1e308), string.format('%5000d', 1)",
    "return string.format(string.rep('%99d', 1e4), unpack(table.create(1e4, 1)))",
    "local function f() return f() + 1 end return f()",
    "local function f() return pcall(f) end return f()",
    "local function f() return (string.gsub('a', 'a', f)) end return f()",
    "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
    "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]",
    "local function f() return coroutine.wrap(f)() end return f()",
    "local co co = coroutine.wrap(function() co() end) co()",
    "return unpack({}, 1, 1e8)",
    "return unpack({}, -2^31, 2^31 - 1)",
    "return string.byte(string.rep('x', 1e6), 1, -1)",
    "return string.char(unpack(table.create(1e5, 300)))",
    "local t = {} for i = 1, 2e5 do t['k' .. i] = i end for k in t do t[k] = nil end",
    "local w = setmetatable({}, {__mode = 'kv'}) for i = 1, 1e5 do w[{}] = {} end",
    "return string.unpack('s4', '\\255\\255\\255\\255'), string.pack('!1000', 1)",
];

#[test]
fn every_attack_is_over_soon_and_the_pod_goes_on() {
    let mut room = Room::new();
    for attack in ATTACKS {
        let id = room.start(&format!("return function() {attack} end"));
        // As much time as the default CPU limit of a process.
        for _ in 0..60 {
            if !matches!(room.slice(id), Step::Preempted) {
                break;
            }
        }
        assert!(!matches!(room.slice(id), Step::Lost { .. }), "{attack}");
        room.pod.end(id);
        let after = room.start("return function() return 'alive' end");
        assert_eq!(shown(&room.run(after)), "\"alive\"", "{attack}");
        room.pod.end(after);
    }
}

#[test]
fn deep_nesting_ends_cleanly() {
    for (source, expected) in [
        ("local function f() return f() + 1 end return select(2, pcall(f))", "stack overflow"),
        (
            "local function f() return (string.gsub('a', 'a', f)) end return select(2, pcall(f))",
            "stack overflow",
        ),
        (
            "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end})
             return select(2, pcall(function() return t[1] end))",
            "stack overflow",
        ),
    ] {
        let mut room = Room::new();
        let id = room.start(&format!("return function() {source} end"));
        let shown = shown(&room.run(id));
        assert!(shown.contains(expected), "{source}: {shown}");
    }
}
