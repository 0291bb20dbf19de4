//! The language and the modules beside `process`, where they promise more than their examples show.

use crate::scripts;

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
