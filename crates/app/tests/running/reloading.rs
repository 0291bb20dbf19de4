//! Another version of an app takes the place of the one that runs, or is refused whole.

use app::{CallRequest, Running};
use value::{Kind, Value};

use crate::support::{Folder, call, denied, records, request};

const ONE: &str = "  - {name: one, kind: process.lua, source: file://one.lua}
";

fn returning(number: u32) -> String {
    format!("return function() return {number} end")
}

fn result(running: &Running) -> Value {
    call(running, "app:one").unwrap()
}

#[test]
fn the_new_scripts_run_and_the_new_policies_decide() {
    let folder = Folder::new(ONE, &[("one.lua", &returning(1))]);
    let running = folder.start();
    assert_eq!(result(&running), Value::Number(1.0));

    folder.write("one.lua", &returning(2));
    running.reload(folder.load()).unwrap();
    assert_eq!(result(&running), Value::Number(2.0));

    folder.write("all.cedar", "");
    running.reload(folder.load()).unwrap();
    let record = denied(call(&running, "app:one")).record.unwrap();
    assert_eq!(running.gate().generation(), 3);
    let decision = records(&running, "decision").pop().unwrap();
    assert_eq!((decision["id"].as_str(), decision["generation"].as_str()), (Some(&*record), Some("3")));
    assert_eq!(records(&running, "policy_load").len(), 3);
}

#[test]
fn what_is_read_at_the_start_only_refuses_the_whole_version() {
    let service = "  - {name: parked, kind: process.service, process: one, lifecycle: {auto_start: true}}\n";
    let before = format!("{ONE}{service}");
    let folder = Folder::new(&before, &[("one.lua", &returning(1))]);
    let running = folder.start();
    folder.write("one.lua", &returning(2));
    for (entries, expected) in [
        (ONE.to_owned(), "service `app:parked` is gone"),
        (
            before.replace("auto_start: true", "auto_start: true, stable_threshold: 1m"),
            "service `app:parked` is changed",
        ),
        (format!("{before}{}", service.replace("parked", "other")), "service `app:other` is new"),
        (
            format!("{before}  - {{name: processes, kind: process.host, host: {{max_processes: 9}}}}\n"),
            "host `app:processes` is changed",
        ),
        (
            format!("{before}  - {{name: log, kind: audit.log, path: data/other}}\n"),
            "the audit log is another",
        ),
        (
            format!("{before}  - {{name: log, kind: audit.log, redact: [context.topic]}}\n"),
            "the audit log is another",
        ),
        (
            format!("{before}  - {{name: acme, kind: tenant, namespaces: [acme]}}\n"),
            "tenant `default` is gone",
        ),
    ] {
        folder.entries(&entries);
        let refused = running.reload(folder.load()).unwrap_err();
        assert_eq!(refused.kind, Kind::Invalid);
        assert!(refused.message.starts_with(expected), "{}", refused.message);
        let recorded = records(&running, "policy_refused").pop().unwrap();
        assert!(recorded["detail"]["diagnostics"][0].as_str().unwrap().contains(expected), "{recorded}");
    }
    assert_eq!((result(&running), running.gate().generation()), (Value::Number(1.0), 1));
    folder.entries(&before);
    running.reload(folder.load()).unwrap();
    assert_eq!(result(&running), Value::Number(2.0));
}

#[test]
fn a_definition_that_is_shared_no_longer_gives_its_new_code_to_nobody_who_ran_the_old() {
    const TENANTS: &str = "  - {name: acme, kind: tenant, namespaces: [acme], default_scopes: [all]}
  - {name: beta, kind: tenant, namespaces: [beta], default_scopes: [all]}
";
    const POKE: &str = "namespace: acme
entries:
  - name: poke
    kind: process.lua
    source: |
      return function()
        local pid = process.registry.lookup('lib')
        while not pid do process.send(process.pid(), 'again', 1) process.inbox():receive() pid = process.registry.lookup('lib') end
        return process.send(pid, 'go', 1)
      end
";
    let beta = |shared: bool, code: &str| {
        format!(
            "namespace: beta\nentries:\n  - {{name: lib, kind: process.lua, shared: {shared}, source: \"{code}\"}}\n"
        )
    };
    let folder = Folder::new(TENANTS, &[]);
    let manifest = std::fs::read_to_string(folder.path().join("_index.yaml")).unwrap();
    folder.write(
        "_index.yaml",
        &manifest.replace("kind: security.scope,", "kind: security.scope, shared: true,"),
    );
    folder.write("acme.yaml", POKE);
    folder.write(
        "beta.yaml",
        &beta(
            true,
            "return function() process.registry.register('lib') process.inbox():receive() local _, err = process.upgrade(nil) return err:kind() end",
        ),
    );
    let running = folder.start();
    let outcome = std::thread::scope(|scope| {
        let as_acme = CallRequest {
            actor: Some("acme/user/ada".to_owned()),
            scopes: vec!["app:all".to_owned()],
            timeout: Some(std::time::Duration::from_secs(20)),
            ..request("beta:lib")
        };
        let call = scope.spawn(|| running.call(as_acme));
        let acme = policy::TenantId::new("acme").unwrap();
        while running.runtime().processes(&acme) < 1 && !call.is_finished() {
            std::thread::yield_now();
        }
        folder.write("beta.yaml", &beta(false, "return function() return 'private' end"));
        running.reload(folder.load()).unwrap();
        self::call(&running, "acme:poke").unwrap();
        call.join().unwrap()
    });
    assert_eq!(outcome, Ok("PermissionDenied".into()));
    let denials = records(&running, "decision");
    let denial = denials.iter().find(|record| record["decision"] == "deny").unwrap();
    assert_eq!(
        (&denial["action"], &denial["resource"]["id"], &denial["via"]),
        (&"process.spawn".into(), &"beta:lib".into(), &"upgrade".into())
    );
}
