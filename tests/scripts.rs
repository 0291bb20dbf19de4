//! Many Lua scripts, each the main function of its own process, run in one app and one node.
//!
//! A case is a claim and a script that asserts it. A root process calls them one after the other, so that a
//! case that never returns shows as a hanging test, and one that fails shows its own error.

use std::fmt::Write as _;

use crate::support::Folder;

/// Definitions that cases may spawn.
const WORKERS: &str = r#"
version: "1.0"
namespace: app.workers
entries:
  - name: echo
    kind: process.lua
    source: |
      return function()
          local inbox = process.inbox()
          while true do
              local msg = inbox:receive()
              process.send(msg:from(), msg:topic(), msg:payload())
          end
      end
  - {name: double, kind: process.lua, source: "return function(n) return n * 2 end"}
  - name: counter
    kind: process.lua
    source: |
      return function(n)
          if n == 3 then return n end
          process.upgrade(nil, n + 1)
      end
  - {name: hoards, kind: process.lua, source: "return function() return string.rep('x', 1e9) end"}
  - {name: idle, kind: process.lua, source: "return function() process.inbox():receive() end"}
  - {name: returns, kind: process.lua, source: "return function(...) return ... end"}
  - {name: raises, kind: process.lua, source: "return function(what) error(what) end"}
  - {name: unloadable, kind: process.lua, source: "error('top level failed')"}
  - {name: methodless, kind: process.lua, source: "return {other = function() end}"}
  - name: on_cancel
    kind: process.lua
    source: |
      return function()
          local event = process.events():receive()
          return {kind = event.kind, from = event.from, deadline = event.deadline}
      end
  - name: deaf
    kind: process.lua
    modules: [time]
    source: |
      local time = require("time")
      return function() while true do time.sleep("1h") end end
  - name: small
    kind: process.lua
    limits: {mailbox: 3}
    source: "return function() process.listen('never'):receive() end"
"#;

/// Definitions that single cases need.
const CASE_WORKERS: &str = r##"
version: "1.0"
namespace: app
entries:
  - name: coroutine_error
    kind: process.lua
    source: |
      return function()
          coroutine.spawn(function() error("in a coroutine") end)
          process.inbox():receive()
      end
  - name: linker
    kind: process.lua
    source: |
      return function()
          process.spawn_linked("app.workers:raises", "app:processes", "x")
          process.inbox():receive()
      end
  - {name: chain, kind: process.lua, source: "return function() return (process.id():match('#(.+)$')) end"}
  - name: deadlock
    kind: process.lua
    source: |
      return function()
          channel.new():receive()
      end
  - {name: large, kind: process.lua, source: "return function() return string.rep('x', 70000) end"}
  - name: old
    kind: process.lua
    source: |
      return function()
          local inbox, state = process.inbox(), 0
          while true do
              local msg = inbox:receive()
              if msg:topic() == "upgrade" then process.upgrade("app:new", state) end
              state = msg:payload()
          end
      end
  - name: new
    kind: process.lua
    source: |
      return function(state)
          local after = process.inbox():receive():payload()
          return {pid = process.pid(), state = state, after = after, named = process.registry.lookup("upgraded")}
      end
  - {name: seeds, kind: process.lua, source: "return function() math.randomseed(42) return true end"}
  - {name: two, kind: process.lua, source: "return function() return 'ok', print end"}
  - {name: raises_object, kind: process.lua, source: "return function()\n  error(errors.new({message = 'gone', kind = errors.NOT_FOUND}))\nend"}
  - {name: narrow, kind: process.lua, modules: [security], source: "return function()\n  local ok, err = process.registry.register('narrow')\n  return {scopes = #require('security').scope():policies(), kind = err and err:kind()}\nend"}
  - {name: brief, kind: process.lua, limits: {cpu_total: 50ms}, source: "return function() process.upgrade('app:busy') end"}
  - {name: busy, kind: process.lua, source: "return function() while true do end end"}
  - {name: context, kind: process.lua, modules: [ctx], source: "return function() return require('ctx').all() end"}
  - name: context_twice
    kind: process.lua
    modules: [ctx]
    source: |
      return function()
          local all = assert(process.call("app:context", "app:processes"))
          return all.deep
      end
"##;

/// Runs every case; the failed ones with their errors are the panic's message.
pub(crate) fn run(cases: &[(&str, &str)]) {
    run_with(cases, &[], &[]);
}

/// The same with files of one's own beside them, and further arguments of `moonward call`.
pub(crate) fn run_with(cases: &[(&str, &str)], more_files: &[(&str, &str)], arguments: &[&str]) {
    let modules: Vec<&str> = sandbox::module_names().collect();
    let mut manifest = String::from("version: \"1.0\"\nnamespace: app\nentries:\n");
    manifest
        .push_str("  - {name: processes, kind: process.host, host: {workers: 2, max_processes: 10000}}\n");
    manifest.push_str("  - {name: all, kind: security.scope, policies: [file://all.cedar]}\n");
    manifest
        .push_str("  - {name: root, kind: process.lua, source: file://root.lua, limits: {lifetime: 120s}}\n");
    let mut files = vec![
        ("workers/_index.yaml".to_owned(), WORKERS.to_owned()),
        ("cases/_index.yaml".to_owned(), CASE_WORKERS.to_owned()),
        (
            "all.cedar".to_owned(),
            "@id(\"all\")\npermit (principal, action in Moonward::Action::\"all\", resource);\n".to_owned(),
        ),
        (
            "root.lua".to_owned(),
            format!(
                "return function()\n  local failed = {{}}\n  for i = 1, {} do\n    local _, err = \
                 process.call(\"app:case\" .. i, \"app:processes\")\n    if err then table.insert(failed, {{i, \
                 tostring(err)}}) end\n  end\n  return failed\nend\n",
                cases.len()
            ),
        ),
    ];
    for (index, (_, source)) in cases.iter().enumerate() {
        let number = index + 1;
        writeln!(
            manifest,
            "  - {{name: case{number}, kind: process.lua, source: file://case{number}.lua, modules: [{}]}}",
            modules.join(", ")
        )
        .unwrap();
        files.push((format!("case{number}.lua"), format!("return function() {source}\nend\n")));
    }
    files.push(("_index.yaml".to_owned(), manifest));
    let mut files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.extend(more_files);
    let failed = Folder::new(&files).value("app:root", arguments);
    let failed: Vec<String> = failed
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| {
            let number = usize::try_from(failure[0].as_u64().unwrap()).unwrap();
            format!("{}: {}", cases[number - 1].0, failure[1].as_str().unwrap())
        })
        .collect();
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}
