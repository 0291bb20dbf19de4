//! What a script sees, and how it begins and ends.

use luau::{Modules, Step};
use value::Value;

use super::bench::{MEMORY, Room, check, result, shown};

#[test]
fn a_script_begins_with_its_table_of_functions_or_its_one_function() {
    for (source, expected) in [
        ("return {main = function() return 1 end}", "1"),
        ("return function() return 1, 2, 3 end", "1"),
        ("return {main = function() return end}", ""),
        ("return {main = function() return nil, 'bad' end}", "null \"bad\""),
        ("return {other = function() end}", "load failed: `test` returns a table without a function `main`"),
        ("return {main = 1}", "load failed: `test` returns a table without a function `main`"),
        (
            "return setmetatable({}, {__index = function() return print end})",
            "load failed: `test` returns a table without a function `main`",
        ),
        (
            "return 1",
            "load failed: `test` returns number: a table of functions, or one function, is expected",
        ),
        ("local x", "load failed: `test` returns nil: a table of functions, or one function, is expected"),
        ("error('early')", "load failed: test:1: early"),
        (
            "\n\nlocal x = nil + 1",
            "load failed: test:3: attempt to perform arithmetic (add) on nil and number",
        ),
        ("return function()\nerror('late') end", "failed: test:2: late"),
        ("return function() error({1}) end", "failed: error object is a table value"),
        ("return function() error() end", "failed: error object is a nil value"),
        ("return function() return print end", "not copyable: result is a function"),
        ("return function() return {a = {print}} end", "not copyable: result.a[1] is a function"),
    ] {
        assert_eq!(result(source), expected, "{source}");
    }
}

#[test]
fn an_uncaught_error_says_where_it_was_and_what() {
    let mut room = Room::new();
    let id = room.start(
        "local function inner()\n error('bad') end\nlocal function outer() inner() end\nreturn {main = function() outer() end}",
    );
    let Step::Failed { failure, loading: false } = room.run(id) else { panic!("it fails") };
    assert_eq!(failure.message, "test:2: bad");
    let places: Vec<_> =
        failure.stack.iter().map(|frame| format!("{}:{} {}", frame.source, frame.line, frame.name)).collect();
    assert_eq!(places, ["test:2 inner", "test:3 outer", "test:4 main"]);

    let id = room.start("return function() error({code = 5}) end");
    let Step::Failed { failure, .. } = room.run(id) else { panic!("it fails") };
    assert_eq!(failure.details.get("code"), Some(&Value::Number(5.0)));

    let id = room.start("return function() host.fail('why') end");
    let Step::Failed { failure, .. } = room.run(id) else { panic!("it fails") };
    assert_eq!((failure.message.as_str(), failure.kind), ("why", value::Kind::Invalid));
    assert_eq!(failure.stack.len(), 1);

    let id = room.start("return function() error(string.rep('é', 1e5), 0) end");
    let Step::Failed { failure, .. } = room.run(id) else { panic!("it fails") };
    assert!(failure.message.len() <= 4096);
}

#[test]
fn the_main_function_gets_its_arguments() {
    let mut room = Room::new();
    let arguments = vec![Value::from("a"), Value::Nil, Value::Array(vec![Value::Number(1.0)])];
    let source = "return function(a, b, c, ...) return {a, tostring(b), c[1], select('#', ...)} end";
    let body = room.start_with(source, MEMORY, Modules::default(), arguments);
    assert_eq!(shown(&room.run(body)), r#"["a","nil",1,0]"#);
}

#[test]
fn globals_are_exactly_the_allow_list() {
    let expected = "\
        _G _VERSION assert bit32.arshift bit32.band bit32.bnot bit32.bor bit32.btest bit32.bxor bit32.byteswap \
        bit32.countlz bit32.countrz bit32.extract bit32.lrotate bit32.lshift bit32.replace bit32.rrotate \
        bit32.rshift buffer.copy buffer.create buffer.fill buffer.fromstring buffer.len buffer.readbits \
        buffer.readf32 buffer.readf64 buffer.readi16 buffer.readi32 buffer.readi8 buffer.readstring \
        buffer.readu16 buffer.readu32 buffer.readu8 buffer.tostring buffer.writebits buffer.writef32 \
        buffer.writef64 buffer.writei16 buffer.writei32 buffer.writei8 buffer.writestring buffer.writeu16 \
        buffer.writeu32 buffer.writeu8 coroutine.close coroutine.create coroutine.isyieldable coroutine.resume \
        coroutine.running coroutine.spawn coroutine.status coroutine.wrap coroutine.yield debug.traceback error \
        getmetatable host.answer host.box host.drop host.echo host.fail host.give host.inner host.keep host.key \
        host.name host.never host.panic host.pass host.place host.shallow host.stack host.table host.wait \
        host.weight host.yieldable ipairs math.abs math.acos math.asin math.atan math.atan2 math.ceil math.clamp \
        math.cos math.cosh math.deg math.e math.exp math.floor math.fmod math.frexp math.huge math.isfinite \
        math.isinf math.isnan math.ldexp math.lerp math.log math.log10 math.map math.max math.min math.modf \
        math.nan math.noise math.phi math.pi math.pow math.rad math.random math.randomseed math.round math.sign \
        math.sin math.sinh math.sqrt math.sqrt2 math.tan math.tanh math.tau next os.clock os.date os.time pairs \
        pcall print rawequal rawget rawlen rawset require select setmetatable string.byte string.char \
        string.find string.format string.gmatch string.gsub string.len string.lower string.match string.pack \
        string.packsize string.rep string.reverse string.split string.sub string.unpack string.upper \
        table.clear table.clone table.concat table.create table.find table.freeze table.insert table.isfrozen \
        table.move table.pack table.remove table.sort table.unpack tonumber tostring type typeof unpack \
        utf8.char utf8.charpattern utf8.codepoint utf8.codes utf8.len utf8.offset xpcall";
    check(
        "local names = {}
         for name, value in pairs(_G) do
             if type(value) == 'table' and value ~= _G then
                 for member in pairs(value) do table.insert(names, name .. '.' .. member) end
             else
                 table.insert(names, name)
             end
         end
         table.sort(names)
         return table.concat(names, ' ')",
        &format!("\"{expected}\""),
    );
}

#[test]
fn what_the_sandbox_removes_is_not_there_by_any_name() {
    for name in [
        "loadstring",
        "load",
        "getfenv",
        "setfenv",
        "newproxy",
        "gcinfo",
        "collectgarbage",
        "io",
        "package",
        "vector",
        "integer",
        "dofile",
        "loadfile",
        "debug.info",
        "debug.getinfo",
        "os.execute",
        "os.difftime",
        "os.getenv",
        "string.dump",
        "table.foreach",
        "table.getn",
        "class",
    ] {
        check(&format!("return pcall(function() return {name}.x end) or {name} ~= nil"), "false");
    }
    // The compiler must not know what the globals do not have.
    check("return (pcall(function() return vector.create(1, 2, 3) end))", "false");
}

#[test]
fn everything_that_scripts_share_is_frozen() {
    for change in [
        "string.upper = 1",
        "math.floor = nil",
        "_G.print = 1",
        "getmetatable('').__index = {}",
        "getmetatable('').__index.upper = 1",
        "getmetatable('').__add = print",
        "host.echo = 1",
        "host.inner.one = 1",
        "coroutine.spawn = 1",
        "rawset(string, 'upper', 1)",
        "rawset(_G, 'x', 1)",
        "setmetatable(_G, {})",
        "setmetatable(string, {})",
        "table.insert(_G, 1)",
        "table.clear(string)",
        "table.move({1}, 1, 1, 1, host)",
        "table.sort(host)",
    ] {
        check(&format!("return (pcall(function() {change} end))"), "false");
    }
    // A body's own globals are its own, also under the name of a shared one.
    check("print = 5 x = 1 return print + x", "6");
}

#[test]
fn type_and_tostring_tell_no_address() {
    check(
        "return {type({}), type(''), type(nil), type(1), type(print), type(host.box(1)), typeof(host.box(1))}",
        r#"["table","string","nil","number","function","box","box"]"#,
    );
    check("return (pcall(type))", "false");
    let shown = result("return function() return tostring({}) end");
    assert!(shown.starts_with("\"table: 0x"), "{shown}");
    // Two machines show the same first table differently: what is shown is keyed, and no address.
    assert_ne!(shown, result("return function() return tostring({}) end"));
}

#[test]
fn two_bodies_of_a_pod_do_not_see_each_others_globals() {
    let mut room = Room::new();
    let first = room.start("secret = 1 return function() host.wait() return secret end");
    let second = room.start("return function() local seen = secret secret = 2 return tostring(seen) end");
    assert!(matches!(room.run(first), Step::Parked));
    assert_eq!(shown(&room.run(second)), "\"nil\"");
    assert_eq!(shown(&room.finish(first)), "1");
}

#[test]
fn sort_sorts_with_and_without_a_comparator() {
    check("local t = {3, 1, 2} table.sort(t) return t", "[1,2,3]");
    check(
        "local t = {'b', 'a', 'c'} table.sort(t, function(a, b) return a > b end) return t",
        r#"["c","b","a"]"#,
    );
    check(
        "local t = {}
         for i = 1, 1000 do t[i] = (i * 7919) % 1009 end
         table.sort(t)
         for i = 2, 1000 do assert(t[i - 1] <= t[i], i) end
         table.sort(t, function(a, b) return a > b end)
         for i = 2, 1000 do assert(t[i - 1] >= t[i], i) end
         return #t",
        "1000",
    );
    for count in 0..40 {
        check(
            &format!(
                "local t = {{}} for i = 1, {count} do t[i] = (i * 37) % 41 end
                 table.sort(t) for i = 2, {count} do assert(t[i - 1] <= t[i]) end return #t"
            ),
            &count.to_string(),
        );
    }
    // Equal elements keep their order, and a comparator may wait.
    check(
        "local t = {} for i = 1, 50 do t[i] = {key = i % 3, at = i} end
         table.sort(t, function(a, b) host.wait() return a.key < b.key end)
         for i = 2, 50 do assert(t[i - 1].key < t[i].key or t[i - 1].at < t[i].at) end return true",
        "true",
    );
    check("local t = {1, 'a'} return (pcall(table.sort, t))", "false");
    check(
        "return select(2, pcall(table.sort, 1))",
        "\"invalid argument #1 to 'sort' (table expected, got number)\"",
    );
}

#[test]
fn replaced_string_functions_agree_with_luas() {
    for (call, expected) in [
        ("string.find('hello', 'l')", "[3,3]"),
        ("string.find('hello', 'l', 4)", "[4,4]"),
        ("string.find('hello', 'l', -2)", "[4,4]"),
        ("string.find('hello', 'l', -100)", "[3,3]"),
        ("string.find('hello', 'x')", "[]"),
        ("string.find('hello', '')", "[1,0]"),
        ("string.find('hello', '', 6)", "[6,5]"),
        ("string.find('hello', '', 7)", "[]"),
        ("string.find('hello', 'o', 5.9)", "[5,5]"),
        ("string.find('a.b', '.', 2, true)", "[2,2]"),
        ("string.find('a.b', '.', 2)", "[2,2]"),
        ("string.find('abc', '(b)(c)')", r#"[2,3,"b","c"]"#),
        ("string.find('a\\0b', 'b')", "[3,3]"),
        ("string.find(123, 2)", "[2,2]"),
        ("('x'):find('x')", "[1,1]"),
        ("string.split('a,b,,c')", r#"[["a","b","","c"]]"#),
        ("string.split('abc', '')", r#"[["a","b","c"]]"#),
        ("string.split('', '')", "[[]]"),
        ("string.split('')", r#"[[""]]"#),
        ("string.split('aXXbXX', 'XX')", r#"[["a","b",""]]"#),
        ("string.gsub('abc', '[a-b]', 'x')", r#"["xxc",2]"#),
        ("string.match('key=val', '(%w+)=(%w+)')", r#"["key","val"]"#),
        ("pcall(string.find, 'a', '[')", r#"[false,"malformed pattern (missing ']')"]"#),
        ("pcall(string.find)", r#"[false,"missing argument #1 to 'find' (string expected)"]"#),
        ("pcall(string.split, 1)", r#"[false,"invalid argument #1 to 'split' (string expected)"]"#),
        ("table.concat({1, 2, 3}, '-')", r#"["1-2-3"]"#),
        ("utf8.len('hé')", "[2]"),
        ("string.rep('ab', 3)", r#"["ababab"]"#),
        ("debug.traceback('why')", "[\"why\\ntest:2\\n\"]"),
        ("debug.traceback({1})", "[[1]]"),
    ] {
        check(&format!("return {{{call}}}"), expected);
    }
    check(
        "local words = {} for w in ('a b c'):gmatch('%a') do table.insert(words, w) end return words",
        r#"["a","b","c"]"#,
    );
}

#[test]
fn the_clock_is_coarse() {
    check("local c = os.clock() return c == math.floor(c * 1000 + 0.5) / 1000", "true");
    check("return os.time() > 1700000000 and #os.date() > 0", "true");
}
