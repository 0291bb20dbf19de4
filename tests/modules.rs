//! The language and the modules beside `process`, where they promise more than their examples show.

use crate::scripts;
use crate::support::{Folder, texts};

#[test]
fn assert_raises_what_it_is_given() {
    scripts::run(&[
        (
            "an error object stays one",
            r#"
            local ok, err = pcall(function() assert(process.spawn("app:nowhere", "app:processes")) end)
            assert(not ok and err:kind() == errors.NOT_FOUND, tostring(err))"#,
        ),
        (
            "a table stays the same table",
            r#"
            local mine = {}
            local ok, err = pcall(assert, false, mine)
            assert(not ok and err == mine)"#,
        ),
        (
            "a text comes with its place, and without one it says what failed",
            r#"
            local ok, err = pcall(function() assert(nil, "no order") end)
            assert(not ok and err:find("no order", 1, true) and err:find("^app:case%d+:"), err)
            local ok, err = pcall(function() assert(false) end)
            assert(not ok and err:find("assertion failed!", 1, true), err)
            assert(not pcall(assert))"#,
        ),
        (
            "what holds is given on",
            r#"
            local a, b, c = assert(1, {}, "x")
            assert(a == 1 and type(b) == "table" and c == "x")"#,
        ),
    ]);
}

#[test]
fn json_goes_128_levels_deep_in_both_directions_and_a_message_64() {
    scripts::run(&[(
        "levels",
        r#"
        local json = require("json")
        local function nested(levels)
            local value = {}
            for _ = 2, levels do value = {value} end
            return value
        end
        local text = assert(json.encode(nested(128)))
        assert(text == string.rep("[", 128) .. string.rep("]", 128))
        assert(json.encode(assert(json.decode(text))) == text)
        for _, refused in {
            {json.encode(nested(129))},
            {json.decode(string.rep("[", 129) .. string.rep("]", 129))},
            {process.send(process.pid(), "t", nested(65))},
        } do
            assert(refused[1] == nil and refused[2]:kind() == errors.INVALID, tostring(refused[2]))
        end
        assert(process.send(process.pid(), "t", nested(64)))"#,
    )]);
}

#[test]
fn the_locations_of_time_are_objects() {
    scripts::run(&[(
        "utc and localtz",
        r#"
        local time = require("time")
        for _, location in {time.utc, time.localtz} do
            assert(type(location) == "location" and tostring(location) == "UTC")
            assert(time.date(2024, 1, 1, 0, 0, 0, 0, location):unix() == 1704067200)
        end
        assert(time.utc ~= time.fixed_zone("UTC+1", 3600) and time.nothing == nil and time[1] == nil)
        assert(getmetatable(time) == "locked" and not pcall(function() time.utc = 1 end))"#,
    )]);
}

#[test]
fn a_random_generator_is_the_processs_own() {
    scripts::run(&[(
        "a child's seed does not reach its parent",
        r#"
        math.randomseed(1)
        local first, second = math.random(1e9), math.random(1e9)
        math.randomseed(1)
        assert(math.random(1e9) == first)
        assert(process.call("app:seeds", "app:processes"))
        assert(math.random(1e9) == second)
        assert(math.random() < 1 and math.random(3, 3) == 3 and not pcall(math.random, 2, 1))"#,
    )]);
}

#[test]
fn timers_that_a_select_has_abandoned_do_not_use_up_the_processs_own() {
    scripts::run(&[(
        "a timeout in each of 5 000 rounds",
        r#"
        local time = require("time")
        local inbox = process.inbox()
        for i = 1, 5000 do
            assert(process.send(process.pid(), "round", i))
            local got = channel.select({inbox:case_receive(), assert(time.after("1h")):case_receive()})
            assert(got.value:payload() == i)
        end"#,
    )]);
}

#[test]
fn a_sleep_of_nothing_lets_woken_coroutines_run() {
    scripts::run(&[(
        "a waiting receiver, once for each value",
        r#"
        local time = require("time")
        local ch, got = channel.new(), {}
        coroutine.spawn(function()
            for _ = 1, 3 do table.insert(got, (ch:receive())) end
        end)
        for i = 1, 3 do
            time.sleep(0)
            ch:send(i)
            time.sleep(0)
            assert(#got == i, #got)
        end"#,
    )]);
}

#[test]
fn who_waits_for_a_library_that_nobody_loads_any_more_is_told_of_the_deadlock() {
    let folder = Folder::new(&[
        (
            "_index.yaml",
            r#"
version: "1.0"
namespace: app
entries:
  - {name: all, kind: security.scope, policies: [file://all.cedar]}
  - {name: lib, kind: library.lua, source: "coroutine.yield() return {}"}
  - {name: main, kind: process.lua, source: file://main.lua, imports: {lib: "app:lib"}}
"#,
        ),
        ("all.cedar", "@id(\"all\")\npermit (principal, action in Moonward::Action::\"all\", resource);\n"),
        (
            "main.lua",
            "return function()\n    coroutine.spawn(function() coroutine.wrap(require)('lib') end)\n    local ch = channel.new(1)\n    \
             coroutine.spawn(function() ch:send(1) end)\n    ch:receive()\n    require('lib')\nend\n",
        ),
    ]);
    let output = folder.run("call", &["app:main"]);
    let (_, stderr) = texts(&output);
    assert!(output.status.code() == Some(1) && stderr.contains("deadlock"), "{stderr}");
}
