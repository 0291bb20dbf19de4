//! The matrix of permissions: with everything permitted but one, exactly the calls that need it fail, each with
//! PERMISSION_DENIED and one record.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Folder;

/// Every permission of the specification's reference.
const PERMISSIONS: &[&str] = &[
    "process.spawn",
    "process.spawn.monitored",
    "process.spawn.linked",
    "process.host",
    "process.send",
    "process.call",
    "process.terminate",
    "process.cancel",
    "process.monitor",
    "process.unmonitor",
    "process.link",
    "process.unlink",
    "process.context",
    "process.security",
    "process.registry.register",
    "process.registry.unregister",
];

/// Every call of the specification's tables, and what it needs.
const CALLS: &[(&str, &[&str])] = &[
    ("spawn", &["process.spawn", "process.host"]),
    ("spawn_monitored", &["process.spawn", "process.spawn.monitored", "process.host"]),
    ("spawn_linked", &["process.spawn", "process.spawn.linked", "process.host"]),
    (
        "spawn_linked_monitored",
        &["process.spawn", "process.spawn.monitored", "process.spawn.linked", "process.host"],
    ),
    ("call", &["process.call", "process.host"]),
    ("send", &["process.send"]),
    ("terminate", &["process.terminate"]),
    ("cancel", &["process.cancel"]),
    ("monitor", &["process.monitor"]),
    ("unmonitor", &["process.unmonitor"]),
    ("link", &["process.link"]),
    ("unlink", &["process.unlink"]),
    ("register", &["process.registry.register"]),
    ("unregister", &["process.registry.unregister"]),
    ("upgrade", &["process.spawn"]),
    ("with_context", &["process.context"]),
    ("spawner.with_context", &["process.context"]),
    ("spawner.with_actor", &["process.security"]),
    ("spawner.with_scope", &["process.security"]),
    ("spawner.spawn", &["process.spawn", "process.host"]),
    ("spawner.spawn_monitored", &["process.spawn", "process.spawn.monitored", "process.host"]),
    ("spawner.spawn_linked", &["process.spawn", "process.spawn.linked", "process.host"]),
    (
        "spawner.spawn_linked_monitored",
        &["process.spawn", "process.spawn.monitored", "process.spawn.linked", "process.host"],
    ),
    ("spawner.spawn with_name", &["process.spawn", "process.host", "process.registry.register"]),
];

const MANIFEST: &str = r#"
version: "1.0"
namespace: app
entries:
  - {name: processes, kind: process.host, host: {workers: 1, max_processes: 1000}}
  - {name: all, kind: security.scope, policies: [file://all.cedar]}
  - {name: probed, kind: security.scope, policies: [file://probed.cedar]}
  - {name: root, kind: process.lua, source: file://root.lua, modules: [security]}
  - {name: probe, kind: process.lua, source: file://probe.lua, modules: [security]}
  - {name: upgrader, kind: process.lua, source: file://upgrader.lua}
  - {name: done, kind: process.lua, source: "return function() return 'ok' end"}
  - {name: idle, kind: process.lua, source: "return function() process.inbox():receive() end"}
"#;

/// Permitted everything itself: prepares targets, and starts the probe under the scope in question.
const ROOT: &str = r#"
local security = require("security")
local HOST = "app:processes"

local function run(id, ...)
    local spawner = process.with_context({}):with_scope(security.named_scope("app:probed"))
    local pid = assert(spawner:spawn_monitored(id, HOST, ...))
    while true do
        local event = process.events():receive()
        if event.from == pid then
            return assert(event.result.value, event.result.error)
        end
    end
end

return function()
    local targets = {}
    for i = 1, 4 do targets[i] = assert(process.spawn("app:idle", HOST)) end
    assert(process.registry.register("given", targets[2]))
    local results = run("app:probe", targets)
    results.upgrade = run("app:upgrader")
    results.untouched = process.registry.lookup("given") == targets[2]
        and not process.registry.lookup("mine")
        and not process.registry.lookup("child")
        and process.monitor(targets[3])
        and process.monitor(targets[4])
    return results
end
"#;

const UPGRADER: &str = r#"
return function()
    local _, err = process.upgrade("app:done")
    return err:kind()
end
"#;

const PROBE: &str = r#"
local security = require("security")
local HOST = "app:processes"

local function outcome(ok, err)
    if ok then return "ok" end
    return err:kind()
end

local function raised(f, ...)
    local ok, result = pcall(f, ...)
    if ok then return "ok", result end
    return result:kind()
end

return function(targets)
    local results = {}
    for _, name in { "spawn", "spawn_monitored", "spawn_linked", "spawn_linked_monitored" } do
        results[name] = outcome(process[name]("app:idle", HOST))
    end
    results.call = outcome(process.call("app:done", HOST))
    results.send = outcome(process.send(targets[1], "topic", 1))
    results.monitor = outcome(process.monitor(targets[2]))
    results.unmonitor = outcome(process.unmonitor(targets[2]))
    results.link = outcome(process.link(targets[2]))
    results.unlink = outcome(process.unlink(targets[2]))
    results.cancel = outcome(process.cancel(targets[3]))
    results.terminate = outcome(process.terminate(targets[4]))
    results.register = outcome(process.registry.register("mine"))
    results.unregister = outcome(process.registry.unregister("given"))

    local spawner
    results.with_context, spawner = raised(process.with_context, { key = 1 })
    if spawner then
        results["spawner.with_context"] = raised(spawner.with_context, spawner, { other = 2 })
        results["spawner.with_actor"] = raised(spawner.with_actor, spawner, security.actor())
        results["spawner.with_scope"] = raised(spawner.with_scope, spawner, security.scope())
        for _, name in { "spawn", "spawn_monitored", "spawn_linked", "spawn_linked_monitored" } do
            results["spawner." .. name] = outcome(spawner[name](spawner, "app:idle", HOST))
        end
        results["spawner.spawn with_name"] = outcome(spawner:with_name("child"):spawn("app:idle", HOST))
    end
    return results
end
"#;

fn permit(actions: impl Iterator<Item = &'static str>) -> String {
    let list: Vec<String> = actions.map(|action| format!("Moonward::Action::\"{action}\"")).collect();
    format!("@id(\"probed\")\npermit (principal, action in [{}], resource);\n", list.join(", "))
}

fn folder(probed: &str) -> Folder {
    Folder::new(&[
        ("_index.yaml", MANIFEST),
        ("root.lua", ROOT),
        ("probe.lua", PROBE),
        ("upgrader.lua", UPGRADER),
        ("all.cedar", "@id(\"all\")\npermit (principal, action in Moonward::Action::\"all\", resource);\n"),
        ("probed.cedar", probed),
    ])
}

#[test]
fn with_everything_permitted_every_call_succeeds_and_no_denial_is_recorded() {
    let folder = folder(&permit(PERMISSIONS.iter().copied()));
    let results = folder.value("app:root", &["--scope", "app:all", "--actor", "default/user/tester"]);
    for (call, _) in CALLS {
        assert_eq!(results[call], "ok", "{call}: {results}");
    }
    assert_eq!(folder.denials().len(), 0);
}

#[test]
fn without_one_permission_exactly_the_calls_that_need_it_fail_with_one_record_each() {
    for missing in PERMISSIONS {
        let folder = folder(&permit(PERMISSIONS.iter().copied().filter(|permission| permission != missing)));
        let results = folder.value("app:root", &["--scope", "app:all", "--actor", "default/user/tester"]);
        let mut expected_records = 0;
        for (call, needs) in CALLS {
            // Without a spawner there is nothing to call.
            if *missing == "process.context" && call.starts_with("spawner.") {
                assert_eq!(results[call], serde_json::Value::Null, "{missing}: {call}");
                continue;
            }
            let denied = needs.contains(missing);
            assert_eq!(
                results[call],
                if denied { "PermissionDenied" } else { "ok" },
                "without {missing}: {call}"
            );
            expected_records += usize::from(denied);
        }
        let denials = folder.denials();
        let mut by_action: BTreeMap<String, usize> = BTreeMap::new();
        for denial in &denials {
            *by_action.entry(denial["action"].as_str().unwrap().to_owned()).or_default() += 1;
            assert_eq!(denial["decision_kind"], "deny_default", "{denial}");
        }
        assert_eq!(
            by_action,
            BTreeMap::from([((*missing).to_owned(), expected_records)]),
            "without {missing}"
        );
    }
}

/// Runs the probe with these permits only: nothing else of the matrix may happen, and each refusal is one record.
fn refused_but(permitted: &[&'static str], probed: &str) {
    let folder = folder(probed);
    let results = folder.value("app:root", &["--scope", "app:all", "--actor", "default/user/tester"]);
    let has_spawner = permitted.contains(&"process.context");
    let mut refused = 0;
    for (call, needs) in CALLS.iter().filter(|(call, _)| has_spawner || !call.starts_with("spawner.")) {
        let expected =
            if needs.iter().all(|need| permitted.contains(need)) { "ok" } else { "PermissionDenied" };
        assert_eq!(results[call], expected, "{call}");
        refused += usize::from(expected != "ok");
    }
    assert_eq!(folder.denials().len(), refused);
    assert_eq!(results["untouched"], true);
}

#[test]
fn with_an_empty_policy_every_call_is_denied_with_exactly_one_record_and_nothing_changes() {
    refused_but(&[], "// nothing is permitted\n");
}

#[test]
fn with_a_spawner_and_nothing_else_its_methods_are_denied_and_nothing_changes() {
    refused_but(&["process.context"], &permit(["process.context"].into_iter()));
}

#[test]
fn every_declared_function_that_asks_for_a_permission_is_in_the_matrix() {
    let rows: BTreeSet<&str> = CALLS.iter().map(|(call, _)| *call).collect();
    let mut permissions = BTreeSet::new();
    for (name, needs) in sandbox::reference::guarded() {
        let call = name.strip_prefix("process.registry.").or(name.strip_prefix("process."));
        let call = call.map_or_else(|| name.replace(':', "."), str::to_owned);
        assert!(rows.contains(call.as_str()), "`{name}` asks for {needs:?} and is not in the matrix");
        permissions.extend(needs);
    }
    assert_eq!(permissions, PERMISSIONS.iter().copied().collect());
}
