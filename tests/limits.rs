//! Each limit, by an attack on it: the attacker ends, its neighbours and the host do not notice.

use std::fmt::Write as _;

use crate::support::Folder;

/// An attack, and what its end says; an empty end means that it may end as it likes.
const ATTACKS: &[(&str, &str, &str)] = &[
    ("loop", "while true do end", "cpu limit exceeded"),
    ("pcall loop", "while true do pcall(function() while true do end end) end", "cpu limit exceeded"),
    ("pcall tower", "local function f() pcall(f) f() end f()", ""),
    (
        "xpcall handler",
        "xpcall(function() error(1) end, function() while true do end end)",
        "cpu limit exceeded",
    ),
    ("coroutine loop", "coroutine.wrap(function() while true do end end)()", "cpu limit exceeded"),
    (
        "many coroutines",
        "while true do coroutine.spawn(function() while true do end end) end",
        "limit exceeded",
    ),
    (
        "metamethod loop",
        "local t = setmetatable({}, {__index = function() while true do end end}) local x = t.y",
        "cpu limit exceeded",
    ),
    (
        "metamethod loop in pcall",
        "local t = setmetatable({}, {__index = function() while true do end end}) while true do pcall(function() return t.y end) end",
        "cpu limit exceeded",
    ),
    (
        "comparator loop",
        "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() while true do end end)",
        "cpu limit exceeded",
    ),
    ("gsub callback loop", "string.gsub('aaa', 'a', function() while true do end end)", "cpu limit exceeded"),
    ("pattern", "string.find(string.rep('a', 100000), '.-.-.-.-b')", "cpu limit exceeded"),
    (
        "plain find",
        "local s = string.rep('a', 1e6) while true do string.find(s, string.rep('a', 5e5) .. 'b', 1, true) end",
        "limit exceeded",
    ),
    (
        "split",
        "local s = string.rep('a', 1e6) while true do string.split(s, string.rep('a', 5e5) .. 'b') end",
        "limit exceeded",
    ),
    (
        "sort",
        "local t = {} for i = 1, 2e5 do t[i] = (i * 7919) % 200003 end while true do table.sort(t) end",
        "limit exceeded",
    ),
    ("insert in front", "local t = {} while true do table.insert(t, 1, 1) end", "limit exceeded"),
    ("move", "table.move({}, 1, 1e9, 2)", ""),
    ("move past the end", "local d = {} d[-2147483648] = 1 table.move({1}, 1, 2147483647, 1, d)", ""),
    ("zero step", "for i = 0, 1, 1e-300 do end", "cpu limit exceeded"),
    ("table bomb", "local t = {} while true do t[#t + 1] = {#t} end", "memory limit exceeded"),
    (
        "table bomb in pcall",
        "while true do pcall(function() local t = {} while true do t[#t + 1] = {#t} end end) end",
        "limit exceeded",
    ),
    ("string bomb", "local s = 'x' while true do s = s .. s end", ""),
    ("string.rep", "return string.rep('x', 2^31)", ""),
    ("string.format", "return string.format('%99999999d', 1)", ""),
    ("concat", "local t = table.create(1000, string.rep('x', 100000)) while true do table.concat(t) end", ""),
    ("buffer", "local t = {} while true do t[#t + 1] = buffer.create(1e6) end", "memory limit exceeded"),
    ("garbage only", "local s = string.rep('x', 1e6) while true do s:upper() end", "cpu limit exceeded"),
    (
        "channel buffers",
        "local kept = {} while true do local c = channel.new(1e5) kept[#kept + 1] = c for i = 1, 1e5 do c:send(i) end end",
        "memory limit exceeded",
    ),
    (
        "balance pattern that hides a set",
        "string.match('x%' .. string.rep('b', 150000), '^%bx%[' .. string.rep('a', 150000) .. 'b]*$')",
        "too long a set",
    ),
    ("table.create", "return table.create(2^26)", ""),
    ("unpack", "return #{table.unpack({}, 1, 1e8)}", ""),
    ("deep recursion", "local function f() return 1 + f() end return f()", ""),
    ("nested coroutines", "local function f() coroutine.wrap(f)() end f()", ""),
    ("many channels", "local t = {} while true do t[#t + 1] = channel.new() end", "limit exceeded"),
    (
        "many errors",
        "local t = {} while true do t[#t + 1] = errors.new(string.rep('x', 1000)) end",
        "limit exceeded",
    ),
    (
        "many timers",
        "local time = require('time') local t = {} while true do t[#t + 1] = time.after('1h') end",
        "",
    ),
    ("call depth", "local v, err = process.call('app:recursive', 'app:processes') error(err)", "deep"),
    ("lifetime", "process.inbox():receive()", "lifetime limit exceeded"),
    ("endless top level", "", "cpu limit exceeded"),
    (
        "flood oneself",
        "for i = 1, 60 do local ok, err = process.send(process.pid(), 't', 1) if not ok then error(err) end end",
        "mailbox",
    ),
];

#[test]
fn an_attacker_ends_on_its_own_limit_and_the_host_lives() {
    let mut manifest = String::from(
        "version: \"1.0\"\nnamespace: app\nentries:\n  \
         - {name: processes, kind: process.host, host: {workers: 2, max_processes: 10000}}\n  \
         - {name: all, kind: security.scope, policies: [file://all.cedar]}\n  \
         - {name: root, kind: process.lua, source: file://root.lua, limits: {lifetime: 300s}}\n  \
         - {name: alive, kind: process.lua, source: \"return function() return 1 end\"}\n  \
         - {name: recursive, kind: process.lua, source: \"return function() local v, err = process.call('app:recursive', 'app:processes') return v, err end\"}\n",
    );
    let mut files = vec![
        (
            "all.cedar".to_owned(),
            "@id(\"all\")\npermit (principal, action in Moonward::Action::\"all\", resource);\n".to_owned(),
        ),
        (
            "root.lua".to_owned(),
            format!(
                r#"
return function()
    local ends = {{}}
    for i = 1, {} do
        local value, err = process.call("app:attack" .. i, "app:processes")
        ends[i] = err and tostring(err) or "returned"
        -- The host, and this tenant's other processes, are alive.
        assert(process.call("app:alive", "app:processes") == 1)
    end
    return ends
end
"#,
                ATTACKS.len()
            ),
        ),
    ];
    for (index, (name, source, _)) in ATTACKS.iter().enumerate() {
        let number = index + 1;
        writeln!(
            manifest,
            "  - {{name: attack{number}, kind: process.lua, source: file://attack{number}.lua, modules: [time], \
             limits: {{memory: 4MiB, cpu: 200ms, lifetime: 5s, mailbox: 50}}}}"
        )
        .unwrap();
        let text = if *name == "endless top level" {
            "while true do end".to_owned()
        } else {
            format!("return function()\n{source}\nend\n")
        };
        files.push((format!("attack{number}.lua"), text));
    }
    files.push(("_index.yaml".to_owned(), manifest));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let ends = Folder::new(&files).value("app:root", &[]);
    let mut wrong = Vec::new();
    for ((name, _, expected), end) in ATTACKS.iter().zip(ends.as_array().unwrap()) {
        let end = end.as_str().unwrap();
        if !end.contains(expected) {
            wrong.push(format!("{name}: expected `{expected}`, ended with `{end}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_tenants_quota_of_processes_and_memory_is_its_own_trouble() {
    let folder = Folder::new(&[
        (
            "_index.yaml",
            r#"
version: "1.0"
namespace: app
entries:
  - {name: processes, kind: process.host, host: {workers: 2, max_processes: 10000}}
  - {name: acme, kind: tenant, namespaces: [acme], quotas: {processes: 20, memory: 8MiB}, default_scopes: [acme:all]}
"#,
        ),
        (
            "acme/_index.yaml",
            r#"
version: "1.0"
namespace: acme
entries:
  - {name: all, kind: security.scope, policies: [file://all.cedar]}
  - {name: bomb, kind: process.lua, source: file://bomb.lua}
  - {name: idle, kind: process.lua, source: "return function() process.inbox():receive() end"}
  - {name: greedy, kind: process.lua, source: file://greedy.lua}
  - {name: hoarder, kind: process.lua, source: file://hoarder.lua}
"#,
        ),
        (
            "acme/all.cedar",
            "@id(\"all\")\npermit (principal, action in Moonward::Action::\"all\", resource);\n",
        ),
        (
            "acme/bomb.lua",
            r#"
return function()
    local started = 0
    while true do
        local pid, err = process.spawn("acme:idle", "app:processes")
        if not pid then return {started = started, kind = err:kind()} end
        started += 1
    end
end
"#,
        ),
        (
            "acme/greedy.lua",
            r#"
return function()
    for _ = 1, 8 do process.spawn_monitored("acme:hoarder", "app:processes") end
    local event = process.events():receive()
    return event.result.error
end
"#,
        ),
        (
            "acme/hoarder.lua",
            r#"
return function()
    local kept = {}
    -- Texts that no other process has: equal ones are one in a machine.
    for i = 1, 40 do kept[i] = string.rep(process.pid() .. i, 2000) end
    process.inbox():receive()
    return #kept
end
"#,
        ),
    ]);
    let result = folder.value("acme:bomb", &[]);
    assert_eq!(result, serde_json::json!({"started": 19, "kind": "RateLimited"}));
    let error = folder.value("acme:greedy", &[]);
    assert!(error.as_str().unwrap().contains("memory quota"), "{error}");
}

/// More denials than pay for a second of CPU time and a last slice full of them: 50 us each.
const DENIALS_MAX: u64 = 25_000;

#[test]
fn a_loop_of_denials_ends_on_its_cpu_limit_and_is_told_in_full_in_few_records() {
    let manifest = "version: \"1.0\"\nnamespace: app\nentries:\n  \
         - {name: all, kind: security.scope, policies: [file://some.cedar]}\n  \
         - {name: loop, kind: process.lua, limits: {cpu: 1s}, source: \"return function() while true do process.send(process.pid(), 't', 1) end end\"}\n";
    let some = "@id(\"some\")\npermit (principal, action in [Moonward::Action::\"process.spawn\", Moonward::Action::\"process.host\"], resource);\n";
    let folder = Folder::new(&[("_index.yaml", manifest), ("some.cedar", some)]);
    let output = folder.run("call", &["app:loop"]);
    let (_, stderr) = crate::support::texts(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cpu limit exceeded: used 1."), "{stderr}");
    let records = crate::support::records(&folder.log());
    let denials: Vec<_> = records.iter().filter(|record| record["decision"] == "deny").collect();
    let mut rollups = records.iter().filter(|record| record["kind"] == "rollup");
    let last = rollups.rfind(|record| record["detail"]["decision_kind"] == "deny_default").unwrap();
    assert_eq!(last["detail"]["closed"], true);
    assert!(denials.iter().any(|denial| denial["id"] == last["detail"]["opening"]));
    let counted: u64 = last["detail"]["count"].as_str().unwrap().parse().unwrap();
    assert!(counted > 200 && counted < DENIALS_MAX, "{counted} counted");
    assert!((100..200).contains(&denials.len()), "{} recorded", denials.len());
}
