//! Values that cross between script and host: copies, references, and tables read one level deep.

use luau::{Modules, Step};
use value::Value;

use super::bench::{MEMORY, Room, check, result, shown};

#[test]
fn plain_data_crosses_both_ways_unchanged() {
    for (value, expected) in [
        ("nil", "null"),
        ("true", "true"),
        ("1.5", "1.5"),
        ("'text'", "\"text\""),
        ("'\\xff\\0'", r#"{"$base64":"/wA="}"#),
        ("{}", "[]"),
        ("{1, 2, 3}", "[1,2,3]"),
        ("{a = 1}", r#"{"a":1}"#),
        ("{[3] = 'c', [1] = 'a', [2] = 'b'}", r#"["a","b","c"]"#),
        ("{1, 2, [4] = 4}", r#"{"1":1,"2":2,"4":4}"#),
        ("{[0] = 1}", r#"{"0":1}"#),
        ("{[1.5] = 1}", r#"{"1.5":1}"#),
        ("{[true] = 1}", r#"{"true":1}"#),
        ("{1, x = {y = {z = 'deep'}}}", r#"{"1":1,"x":{"y":{"z":"deep"}}}"#),
        ("setmetatable({1}, {})", "[1]"),
        ("setmetatable({1}, {field = 1})", "[1]"),
        ("table.freeze({1})", "[1]"),
        ("(0/0) ~= (0/0)", "true"),
        ("math.huge", "null"),
        ("2^53", "9007199254740992"),
    ] {
        check(&format!("return (host.echo({value}))"), expected);
    }
    check("local x = host.echo(0/0) return x ~= x", "true");
    check("return select('#', host.echo(1, nil, nil))", "3");
    check("local shared = {1} local t = host.echo({a = shared, b = shared}) return t.a == t.b", "false");
}

#[test]
fn a_sequence_in_the_hash_part_of_a_table_is_an_array() {
    check(
        "local t = {} for i = 100, 1, -1 do t[i] = i end t.x = 1 t.x = nil
         return {#host.echo(t), select(1, host.echo(t))[100]}",
        "[100,100]",
    );
}

#[test]
fn what_cannot_be_copied_is_named_by_its_path() {
    for (value, expected) in [
        ("print", "payload is a function"),
        ("coroutine.running()", "payload is a thread"),
        ("buffer.create(1)", "payload is a buffer"),
        ("{items = {1, 2, {handler = print}}}", "payload.items[3].handler is a function"),
        ("{['a b'] = print}", "payload[\"a b\"] is a function"),
        ("{['a\\n\\27['] = print}", "payload[\"a\\n\\x1b[\"] is a function"),
        ("{[true] = print}", "payload[true] is a function"),
        ("{[{}] = 1}", "payload has a key that is a table"),
        ("{x = {[print] = 1}}", "payload.x has a key that is a function"),
        ("{x = host.box(1)}", "payload.x is a box"),
        ("{host.weight(1)}", "payload[1] is a weight"),
        ("setmetatable({}, {__index = print})", "payload has a metatable with behaviour"),
        ("{a = setmetatable({}, {__metatable = false})}", "payload.a has a metatable with behaviour"),
        ("string.rep('x', 2^20)", "payload is over the bound: at most 1048576 bytes are copied"),
        ("{a = string.rep('x', 2^20)}", "payload.a is over the bound: at most 1048576 bytes are copied"),
        ("table.create(10001, 1)", "payload[10000] is over the bound: at most 10000 values are copied"),
    ] {
        check(&format!("return (host.echo({value}))"), &value::to_json(&Value::from(expected)).to_string());
    }
    let cyclic = "local t = {} t.a = {b = t} return (host.echo(t))";
    check(cyclic, "\"payload.a.b refers back to a table that contains it\"");
    check("local t = {} for i = 1, 62 do t = {t} end return type(host.echo(t))", "\"table\"");
    check(
        "local t = {} for i = 1, 70 do t = {t} end return (host.echo(t))",
        &format!("\"payload{} is nested more than 64 levels deep\"", "[1]".repeat(64)),
    );
    // A table named twice costs twice.
    check(
        "local t = {1, 2, 3, 4, 5, 6, 7, 8, 9} for i = 1, 4 do t = {t, t, t, t, t, t, t, t, t, t} end
         return string.find(host.echo(t), 'at most 10000 values are copied', 1, true) ~= nil",
        "true",
    );
    check("return select('#', host.echo(unpack(table.create(300, 1))))", "256");
    check(
        "return (select(256, host.echo(unpack(table.create(300, 1)))))",
        "\"payload is one value too many, at most 255 are allowed\"",
    );
}

#[test]
fn copying_runs_no_lua_of_the_script() {
    check(
        "local ran = false
         local t = setmetatable({}, {__index = function() ran = true end, __len = function() ran = true return 0 end,
             __iter = function() ran = true return next, {} end, __tostring = function() ran = true return '' end})
         host.echo(t, {t}, {[t] = t}) host.shallow(t)
         return ran",
        "false",
    );
}

#[test]
fn error_objects_are_copied_as_data_and_come_back_as_objects() {
    check(
        "local ok, err = pcall(host.fail, 'why')
         local copy = host.echo({err})[1]
         return {ok, type(err), type(copy), copy:kind(), err == copy}",
        r#"[false,"error","error","a kind",false]"#,
    );
    check(
        "local _, err = pcall(host.fail, 'why') return err",
        r#"{"kind":"INVALID","message":"why","details":7}"#,
    );
}

#[test]
fn references_keep_any_value_and_give_back_the_same() {
    check(
        "local f = function() end
         for _, v in {f, {}, coroutine.create(f), 'text', host.box(1), buffer.create(3)} do host.keep(v) end
         local back = {host.give()}
         return {#back, back[1] == f, type(back[2]), type(back[3]), back[4], type(back[5]), type(back[6])}",
        r#"[6,true,"table","thread","text","box","buffer"]"#,
    );
    check("return (pcall(host.keep, 5))", "false");
}

#[test]
fn references_are_released_when_the_host_drops_them() {
    let mut room = Room::new();
    let id = room.start(
        "return function() for i = 1, 100 do host.keep({}) end host.wait() host.drop() host.wait() end",
    );
    assert!(matches!(room.run(id), Step::Parked));
    assert_eq!(room.pod.references(), 100);
    room.answer_all(id);
    assert!(matches!(room.run(id), Step::Parked));
    assert_eq!(room.pod.references(), 0);
}

#[test]
fn a_reference_is_nil_in_another_body_and_after_its_own_has_ended() {
    let mut room = Room::new();
    let owner = room.start("return function() host.keep({'secret'}) host.wait() end");
    let other = room.start("return function() host.wait() return {type((host.give()))} end");
    assert!(matches!(room.run(owner), Step::Parked));
    assert!(matches!(room.run(other), Step::Parked));
    room.pod.end(owner);
    let strand = room.host.waiting.pop().expect("other waits").0;
    assert!(room.pod.wake(other, strand, luau::Reply::Return(vec![])));
    assert_eq!(shown(&room.run(other)), r#"["nil"]"#);
    assert_eq!(room.pod.references(), 0);
}

#[test]
fn a_table_is_read_one_level_deep() {
    check(
        "local f = function() end
         local t = host.shallow({1, 'two', f, {4}, x = host.box(1)})
         return {t[1], t[2], t[3] == f, type(t[4]), t.x}",
        r#"[1,"two",true,"table","Object"]"#,
    );
    check("return (host.shallow(5))", "\"Some(Value(Number(5.0)))\"");
    check("return (host.shallow({[{}] = 1}))", "\"payload has a key that is a table\"");
    check(
        "return (host.shallow(setmetatable({}, {__index = {}})))",
        "\"payload has a metatable with behaviour\"",
    );
    check("return (host.shallow(table.create(10001, print)))", "\"payload has more than 10000 entries\"");
}

#[test]
fn the_host_pushes_tables_constants_and_libraries() {
    check("local t = host.table() return {t.number, t.box:value()}", "[1,5]");
    check("return {host.answer, host.name, host.inner.one()}", r#"[42,"bench",1]"#);
    check("local ok, err = pcall(host.fail, 'x') return {ok, type(err)}", r#"[false,"error"]"#);
}

#[test]
fn a_call_knows_its_place_in_the_script() {
    assert_eq!(result("return function()\n\n return host.place() end"), "\"test:3\"");
    assert_eq!(
        result(
            "local function f()\n return host.stack() end\nreturn {main = function()\n local x = f()\n return x end}"
        ),
        r#"["test:2 f","test:4 main"]"#
    );
    check("return coroutine.wrap(host.place)()", "\"\"");
}

#[test]
fn arguments_and_results_of_a_body_are_charged_and_bounded_alike() {
    let mut room = Room::new();
    let arguments = vec![Value::Bytes(vec![b'x'; 500_000].into())];
    let id = room.start_with("return function(a) return #a end", MEMORY, Modules::default(), arguments);
    assert_eq!(shown(&room.run(id)), "500000");
    assert_eq!(
        result("return function() return string.rep('x', 2^20) end"),
        "not copyable: result is over the bound: at most 1048576 bytes are copied"
    );
}

#[test]
fn an_argument_of_any_shape_never_breaks_the_host() {
    // Every kind of value, at every place where each way of reading may meet it.
    check(
        "local kinds = {1, 'x', true, print, {}, coroutine.running(), host.box(1), buffer.create(1),
             setmetatable({}, {__index = error, __eq = error, __len = error}), {[1.5] = {}}, 0/0, -0}
         for _, f in {host.echo, host.shallow, host.keep, host.box, host.weight, host.fail, print, require,
             host.inner.one, coroutine.resume, coroutine.wrap, coroutine.close, coroutine.status, coroutine.spawn,
             string.find, string.split, string.gsub, string.match, string.gmatch, table.sort, type,
             debug.traceback, getmetatable(host.box(2)) and host.box(2).value, host.box(2).set} do
             pcall(f)
             for _, a in kinds do
                 pcall(f, a)
                 for _, b in kinds do
                     pcall(f, a, b)
                     pcall(f, {a, b, [if rawequal(b, b) then b else 1] = a})
                     pcall(f, a, b, 3, true)
                 end
             end
         end
         return 'survived'",
        "\"survived\"",
    );
}
