//! Tenants apart: neither an answer nor a record tells one tenant what another has.

use app::{CallRequest, Running};
use serde_json::{Value as Json, json};
use value::{Value, to_json};

use crate::support::{Folder, PERMIT_ALL, records, request};

const TENANTS: &str = "  - {name: processes, kind: process.host, host: {workers: 2}}
  - {name: acme, kind: tenant, namespaces: [acme], default_scopes: [acme:all]}
  - {name: globex, kind: tenant, namespaces: [globex], default_scopes: [globex:all]}
";

const GLOBEX: &str = "namespace: globex
entries:
  - {name: all, kind: security.scope, policies: [file://globex.cedar]}
  - {name: ledger, kind: process.lua, source: 'return function() process.events():receive() end'}
  - name: opens
    kind: process.lua
    source: |
      return function()
          return process.with_context({}):with_name('ledger'):spawn('globex:ledger', 'app:processes')
      end
  - name: closes
    kind: process.lua
    source: |
      return function()
          local pid = assert(process.registry.lookup('ledger'))
          assert(process.monitor(pid) and process.terminate(pid))
          process.events():receive()
      end
";

const ACME: &str = "namespace: acme
entries:
  - {name: all, kind: security.scope, policies: [file://acme.cedar]}
  - {name: probe, kind: process.lua, source: file://probe.lua}
";

/// Tries everything on a process of somebody else's, and on a definition.
const PROBE: &str = r#"
local function outcome(_, err)
    return err and err:kind() or "ok"
end

return function(destination, definition)
    local results = {}
    for _, name in {"send", "terminate", "cancel", "monitor", "unmonitor", "link", "unlink"} do
        results[name] = outcome(process[name](destination, if name == "send" then "topic" else nil))
    end
    results.spawn = outcome(process.spawn(definition, "app:processes"))
    results.call = outcome(process.call(definition, "app:processes"))
    results.lookup = outcome(process.registry.lookup(destination))
    return results
end
"#;

fn call(running: &Running, definition: &str, arguments: &[&str]) -> Value {
    let arguments = arguments.iter().map(|argument| Value::text(*argument)).collect();
    running.call(CallRequest { arguments, ..request(definition) }).unwrap()
}

/// What acme's probe was answered, and the records of its denials, with what acme wrote itself and what no two records
/// share taken out.
fn probed(running: &Running, destination: &str, definition: &str) -> (Json, Vec<String>) {
    let before = records(running, "decision").len();
    let answers = to_json(&call(running, "acme:probe", &[destination, definition]));
    let plain = |mut record: Json| {
        for own in ["seq", "id", "ts", "prev", "duration_ns", "memo", "chain"] {
            record[own] = json!(null);
        }
        let caller = record["pid"].as_str().unwrap_or_default().to_owned();
        let text = record.to_string().replace(&caller, "CALLER");
        let (_, name) = definition.split_once(':').unwrap();
        let text = text.replace(destination, "DESTINATION").replace(definition, "DEFINITION");
        // Entities stand in the order of their ids, which are not the same.
        let mut record: Json =
            serde_json::from_str(&text.replace(&format!("\"{name}\""), "\"NAME\"")).unwrap();
        record["entities"].as_array_mut().unwrap().sort_by_key(Json::to_string);
        record.to_string()
    };
    let denials =
        records(running, "decision").into_iter().skip(before).filter(|record| record["decision"] == "deny");
    (answers, denials.map(plain).collect())
}

#[test]
fn what_exists_elsewhere_and_what_does_not_get_one_answer_and_one_record() {
    let folder = Folder::new(
        TENANTS,
        &[
            ("globex.yaml", GLOBEX),
            ("acme.yaml", ACME),
            ("globex.cedar", &PERMIT_ALL.replace("\"all\"", "\"theirs\"")),
            ("acme.cedar", &PERMIT_ALL.replace("\"all\"", "\"ours\"")),
            ("probe.lua", PROBE),
        ],
    );
    let running = folder.start();
    let pid = call(&running, "globex:opens", &[]);
    let pid = pid.as_text().unwrap();

    let alive = probed(&running, "globex/ledger", "globex:ledger");
    assert_eq!(alive.1.len(), 9, "{:?}", alive.1);
    for (name, answer) in alive.0.as_object().unwrap() {
        assert_eq!(answer, if name == "lookup" { "NotFound" } else { "PermissionDenied" }, "{name}");
    }
    assert!(alive.1.iter().all(|record| !record.contains(pid) && !record.contains("globex/user")));
    assert_eq!(probed(&running, "globex/nobody", "globex:nobody"), alive);

    let by_pid = probed(&running, pid, "globex:ledger");
    call(&running, "globex:closes", &[]);
    assert_eq!(probed(&running, pid, "globex:ledger"), by_pid);
    assert_eq!(by_pid.0, alive.0);
}
