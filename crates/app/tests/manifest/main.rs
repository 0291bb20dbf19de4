//! What a folder of manifests says, seen from outside: what loads, and every error with its place.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly, and so may what they share"
)]

mod issuers;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use app::manifest::{AuditMode, CheckpointPlace, Located};
use app::{Id, Manifest};
use diagnostic::{Diagnostic, Severity, render};
use value::Value;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// `file:line:column message (entry)`, with the help after ` | `.
fn shown(diagnostic: &Diagnostic) -> String {
    let mut text = String::new();
    if let Some(span) = &diagnostic.span {
        let (line, column) = span.position();
        text = format!("{}:{line}:{column} ", span.source.path);
    }
    text += &diagnostic.message;
    if let Some(subject) = &diagnostic.subject {
        text += &format!(" ({subject})");
    }
    if let Some(help) = &diagnostic.help {
        text += &format!(" | {help}");
    }
    text
}

/// Loads the files, and compares all that is wrong with what is expected, in order.
#[track_caller]
fn refused(files: &[(&str, &str)], expected: &[&str]) {
    let folder = folder(files);
    let errors = Manifest::load(folder.path()).expect_err("an app that should be refused");
    let errors = errors.iter().filter(|found| found.severity == Severity::Error);
    assert_eq!(errors.map(shown).collect::<Vec<_>>(), expected, "{files:#?}");
}

/// As [`refused`], for entries of one file in namespace `app`; the first entry is on line 3.
#[track_caller]
fn entries_refused(entries: &str, expected: &[&str]) {
    let text = format!("namespace: app\nentries:\n{entries}");
    refused(&[("a.yaml", &text), ("x.lua", "return 1"), ("x.cedar", ""), ("y.cedar", "")], expected);
}

#[track_caller]
fn loaded(files: &[(&str, &str)]) -> (Manifest, Vec<String>) {
    let folder = folder(files);
    match Manifest::load(folder.path()) {
        Ok((manifest, warnings)) => (manifest, warnings.iter().map(shown).collect()),
        Err(errors) => panic!("{}", errors.iter().map(render).collect::<String>()),
    }
}

fn id(text: &str) -> Id {
    Id::within("", text).unwrap()
}

fn ids(located: &[Located<Id>]) -> Vec<&str> {
    located.iter().map(|located| located.value.as_str()).collect()
}

const MEBIBYTE: u64 = 1024 * 1024;
const DAY: Duration = Duration::from_secs(86_400);

/// The example of the design, with what this version supports.
const WORKERS: &str = "\
version: \"1.0\"
namespace: acme.workers
entries:
  - name: handler
    kind: process.lua
    meta: {title: Order worker}
    source: file://worker.lua        # or inline text
    method: main
    modules: [time, logger]          # what require() may load
    imports: {orders: acme.lib:orders}   # require(\"orders\") loads that library.lua
    limits: {memory: 8MiB, cpu: 2s, mailbox: 1000, lifetime: 1h}
  - name: worker
    kind: process.service            # supervised
    process: acme.workers:handler
    host: app:processes
    security: {actor: {id: acme/service/orders, meta: {role: worker}}, scopes: [acme.security:worker]}
    lifecycle:
      auto_start: true
      stop_timeout: 10s
      stable_threshold: 5s
      requires: [acme.workers:ledger]
      restart: {initial_delay: 1s, max_delay: 90s, backoff_factor: 2.0, jitter: 0.1, max_attempts: 10}
  - name: ledger
    kind: process.service
    process: handler
    input: [orders, {limit: 3, eu: true}, null]
";

const OPERATOR: &str = "\
version: \"1.0\"
namespace: app
entries:
  - {name: processes, kind: process.host, host: {workers: 2, max_processes: 100000}}
  - {name: acme, kind: tenant, namespaces: [acme], quotas: {processes: 200, memory: 256MiB}, default_scopes: [acme.security:worker]}
  - {name: guard, kind: security.scope, always: true, policies: [file://policies/guard.cedar]}
  - {name: audit, kind: audit.log, path: log/audit, mode: best_effort, key: /etc/keys/log.ed25519,
     public_key: moonward.audit+c95e1cd4+ATYn3lW6FDO65ThTKGH5S3SU+0ZugLF866mQQz4uxXOp, checkpoints: /mnt/heads,
     redact: [context.topic, asserted_by.login], retain: 400d, rotate: {size: 16MiB, age: 1day}}
  - {name: open, kind: security.scope, shared: true, policies: [file://policies/open.cedar]}
  - {name: clock, kind: process.lua, shared: true, isolation: process, source: \"return function() end\"}
";

const EXAMPLE: &[(&str, &str)] = &[
    ("_index.yaml", OPERATOR),
    ("policies/guard.cedar", "forbid"),
    ("policies/open.cedar", "permit"),
    ("workers/_index.yaml", WORKERS),
    ("workers/worker.lua", "return {main = function() end}"),
    (
        "lib/_index.yaml",
        "namespace: acme.lib\nentries:\n  - {name: orders, kind: library.lua, source: return 1}\n",
    ),
    (
        "security/_index.yaml",
        "namespace: acme.security\nentries:\n  - {name: worker, kind: security.scope, policies: [file://worker.cedar]}\n",
    ),
    ("security/worker.cedar", "permit"),
    ("security/worker_test.yaml", "not: a manifest"),
];

#[test]
fn the_example_of_the_design_loads_with_everything_in_it() {
    let (manifest, warnings) = loaded(EXAMPLE);
    assert_eq!(warnings, [""; 0]);

    let handler = manifest.definition(&id("acme.workers:handler")).unwrap();
    assert_eq!(handler.tenant.as_str(), "acme");
    assert_eq!(handler.code.source.path, "workers/worker.lua");
    assert_eq!(handler.code.source.text, "return {main = function() end}");
    assert_eq!(handler.code.modules, ["time", "logger"]);
    assert_eq!(handler.code.imports["orders"].value, id("acme.lib:orders"));
    assert_eq!(handler.method, "main");
    assert_eq!(handler.limits.memory_bytes_max, 8 * MEBIBYTE);
    assert_eq!(handler.limits.cpu_max, Duration::from_secs(2));
    assert_eq!(handler.limits.cpu_total_max, None);
    assert_eq!(handler.limits.mailbox_messages_max, 1000);
    assert_eq!(handler.limits.lifetime_max, Some(Duration::from_secs(3600)));
    assert!(!handler.isolated && !handler.shared);
    assert_eq!(handler.span.position(), (4, 11));
    let clock = manifest.definition(&id("app:clock")).unwrap();
    assert_eq!((clock.tenant.as_str(), clock.code.source.path.as_str()), ("system", "app:clock"));
    assert!(clock.isolated && clock.shared);
    assert_eq!(clock.limits.cpu_max, Duration::from_secs(2));

    let [worker, ledger] = &manifest.services[..] else { panic!("two services") };
    assert_eq!((worker.tenant.as_str(), worker.actor.value.as_str()), ("acme", "acme/service/orders"));
    assert_eq!(worker.tags, BTreeMap::from([("role".to_owned(), "worker".to_owned())]));
    assert_eq!(ids(&worker.scopes), ["acme.security:worker"]);
    assert_eq!(ids(&worker.requires), ["acme.workers:ledger"]);
    assert_eq!(worker.requires[0].span.position(), (21, 18));
    assert_eq!((worker.auto_start, worker.restart.attempts_max), (true, Some(10)));
    assert_eq!(ledger.actor.value, "acme/service/ledger");
    assert_eq!(ids(&ledger.scopes), ["acme.security:worker"], "the tenant's default scopes");
    assert_eq!(ledger.definition.value, id("acme.workers:handler"), "a bare name is of the same namespace");
    assert_eq!(ledger.host.value, id("app:processes"), "the only host");
    assert_eq!(ledger.restart.attempts_max, None);
    assert_eq!(ledger.restart.max_delay, Duration::from_secs(90));
    let [first, second, third] = &ledger.arguments[..] else { panic!("three arguments") };
    assert_eq!(
        (first.as_text(), second.get("limit"), third),
        (Some("orders"), Some(&Value::Number(3.0)), &Value::Nil)
    );

    let [host] = &manifest.hosts[..] else { panic!("one host") };
    assert_eq!((host.workers, host.processes_max), (Some(2), 100_000));
    let [tenant] = &manifest.tenants[..] else { panic!("one tenant") };
    assert_eq!((tenant.processes_max, tenant.memory_bytes_max), (200, Some(256 * MEBIBYTE)));
    for (namespace, owner) in
        [("acme", "acme"), ("acme.workers.deep", "acme"), ("acmes", "system"), ("app", "system")]
    {
        assert_eq!(manifest.owner(namespace).as_str(), owner, "{namespace}");
    }
    let scopes: Vec<_> =
        manifest.scopes.iter().map(|scope| (scope.id.as_str(), scope.tenant.as_str())).collect();
    assert_eq!(scopes, [("app:open", "system"), ("acme.security:worker", "acme")]);
    let [guard] = &manifest.guards[..] else { panic!("one guard") };
    assert_eq!((guard.policies[0].value.text.as_str(), guard.replaces_shipped), ("forbid", false));
    assert_eq!(manifest.audit_log.path, Path::new("log/audit"));
    assert_eq!(manifest.audit_log.mode, AuditMode::BestEffort);
    let log = &manifest.audit_log;
    assert_eq!(log.key, Path::new("/etc/keys/log.ed25519"));
    assert_eq!(log.checkpoints, Some(CheckpointPlace::Folder("/mnt/heads".into())));
    assert!(log.public_key.unwrap().to_string().starts_with("moonward.audit+c95e1cd4+"));
    assert_eq!(Ok(&log.redact), audit::Redaction::of(["context.topic", "asserted_by.login"]).as_ref());
    assert_eq!((log.retain, log.rotate_age), (Some(DAY * 400), Some(DAY)));
    assert_eq!(log.rotate_bytes, Some(16 * MEBIBYTE));

    let read: Vec<&str> = manifest.sources().iter().map(|source| source.path.as_str()).collect();
    let mut expected: Vec<&str> = EXAMPLE.iter().map(|(path, _)| *path).collect();
    expected.retain(|path| !path.ends_with("_test.yaml"));
    expected.sort_unstable();
    assert_eq!(read, expected);
}

#[test]
fn an_app_that_declares_little_gets_sensible_defaults() {
    let (manifest, warnings) = loaded(&[
        (
            "_index.yaml",
            "namespace: hello\nentries:\n\
         - {name: main, kind: process.lua, source: file://main.lua}\n\
         - {name: all, kind: security.scope, policies: [file://all.cedar]}\n\
         - {name: run, kind: process.service, process: main, lifecycle: {auto_start: true}}\n",
        ),
        ("main.lua", ""),
        ("all.cedar", ""),
    ]);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(manifest.hosts[0].id, id("app:processes"));
    let [tenant] = &manifest.tenants[..] else { panic!("one tenant") };
    assert_eq!(tenant.name.as_str(), "default");
    assert_eq!(ids(&tenant.default_scopes), ["hello:all"]);
    assert_eq!(manifest.owner("anything").as_str(), "default");
    let [service] = &manifest.services[..] else { panic!("one service") };
    assert_eq!(service.actor.value, "default/service/run");
    assert_eq!(ids(&service.scopes), ["hello:all"]);
    assert_eq!(service.host.value, id("app:processes"));
    assert_eq!(manifest.audit_log.path, Path::new("data/audit"));
    assert_eq!(manifest.audit_log.mode, AuditMode::Strict);
}

#[test]
fn the_reference_systems_shapes_load_with_warnings() {
    let text = "\
version: \"1.0\"
namespace: app.workers
meta: {comment: ours}
entries:
  - name: processes
    kind: process.host
    host: {workers: 32, queue_size: 1024, local_queue_size: 256, max_processes: 10000}
    lifecycle: {auto_start: true}
  - name: store
    kind: process.service
    process: app.workers:handler
    host: app.workers:processes
  - name: handler
    kind: process.lua
    source: file://worker.lua
    method: run
    modules: [process, time, channel]
    pool: {size: 4}
  - name: worker
    kind: process.service
    process: app.workers:handler
    host: app.workers:processes
    lifecycle:
      auto_start: true
      depends_on: [app.workers:store]
      start_timeout: 30s
      security:
        actor: {id: 'service:worker', meta: {level: 3, on: yes}}
        groups: [workers]
  - {name: workers, kind: security.scope, policies: [file://workers.cedar]}
";
    let files = [("_index.yaml", text), ("worker.lua", ""), ("workers.cedar", "")];
    refused(
        &files,
        &["_index.yaml:3:1 unknown key `meta` | allowed here: `version`, `namespace`, `entries`"],
    );
    let text = text.replace("meta: {comment: ours}\n", "");
    let (manifest, warnings) = loaded(&[("_index.yaml", &text), files[1], files[2]]);
    let ignored = |place: &str, key: &str, entry: &str| {
        format!(
            "_index.yaml:{place} `{key}` has no meaning here and is ignored (app.workers:{entry}) | remove it"
        )
    };
    assert_eq!(
        warnings,
        [
            ignored("6:25", "queue_size", "processes"),
            ignored("6:43", "local_queue_size", "processes"),
            ignored("7:5", "lifecycle", "processes"),
            ignored("17:5", "pool", "handler"),
            "_index.yaml:24:7 `depends_on` is read as `requires` (app.workers:worker) | write `requires`"
                .to_owned(),
            ignored("25:7", "start_timeout", "worker"),
            "_index.yaml:26:7 `security` is read as the entry's `security` (app.workers:worker) \
         | write the entry's `security`"
                .to_owned(),
            "_index.yaml:28:9 `groups` is read as `scopes` (app.workers:worker) | write `scopes`".to_owned(),
        ]
    );
    let worker = &manifest.services[1];
    assert_eq!(worker.actor.value, "default/service/service%3Aworker");
    assert_eq!(worker.tags["level"], "3");
    assert_eq!(worker.tags["on"], "yes");
    assert_eq!(ids(&worker.scopes), ["app.workers:workers"]);
    assert_eq!(ids(&worker.requires), ["app.workers:store"]);
}

#[test]
fn an_error_is_drawn_with_its_line() {
    let folder = folder(&[(
        "workers/_index.yaml",
        "namespace: acme\nentries:\n  - name: handler\n    kind: process.lua\n    source: return 1\n    limits: {memroy: 8MiB}\n",
    )]);
    let errors = Manifest::load(folder.path()).unwrap_err();
    assert_eq!(
        errors.iter().map(render).collect::<String>(),
        "\
error: unknown key `memroy` (acme:handler)
  --> workers/_index.yaml:6:14
   |
 6 |     limits: {memroy: 8MiB}
   |              ^^^^^^
help: did you mean `memory`?
"
    );
}

#[test]
fn all_errors_of_all_files_come_at_once() {
    refused(
        &[
            ("a.yaml", "namespace: a b\nentries: {}\n"),
            (
                "b.yaml",
                "namespace: b\nentries:\n- {name: x, kind: process.lua}\n- {kind: library.lua, source: [1]}\n- 7\n",
            ),
            (
                "c/d.yaml",
                "namespace: c\nentries:\n- {name: y, kind: process.lua, source: 1, limits: {memory: 1GB, cpu: fast, mailbox: 0}}\n",
            ),
            ("e.yaml", "a: &x 1\nb: *x\n"),
        ],
        &[
            "a.yaml:1:12 `namespace` is `a b`, expected words of letters, digits, `_` and `-` joined by `.`, at most 128 bytes",
            "a.yaml:2:1 `entries` is a set of keys, expected a list",
            "b.yaml:3:10 key `source` is missing (b:x) | `file://NAME.lua` in or below this folder, or Lua text",
            "b.yaml:4:3 key `name` is missing (entry 2) | last part of the entry's id, `namespace:name`",
            "b.yaml:4:23 `source` is a list, expected `file://NAME.lua` in or below this folder, or Lua text (entry 2)",
            "b.yaml:5:3 the entry is `7`, expected keys such as `name` and `kind` (entry 3)",
            "c/d.yaml:3:60 `memory` is `1GB`, expected a size such as `16MiB`, from `64KiB` to `256MiB` (c:y)",
            "c/d.yaml:3:70 `cpu` is `fast`, expected a duration such as `10s` or `1h 30m`, from `1ms` to ten years (c:y)",
            "c/d.yaml:3:85 `mailbox` is `0`, expected a whole number from 1 to 100000 (c:y)",
            "e.yaml:1:4 anchors are not allowed | write the value out where it is used",
            "e.yaml:2:4 aliases are not allowed | write the value out where it is used",
        ],
    );
}

#[test]
fn every_error_of_one_entry_has_its_place() {
    for (entries, expected) in [
        (
            "- {name: x, kind: proces.lua}",
            &["a.yaml:3:19 unknown kind `proces.lua` (app:x) | did you mean `process.lua`?"][..],
        ),
        (
            "- {name: x, kind: http.service, listen: 127.0.0.1}",
            &["a.yaml:3:19 kind `http.service` is not supported by this version (app:x)"],
        ),
        (
            "- {name: x, kind: function.lua, source: return 1}",
            &[
                "a.yaml:3:19 kind `function.lua` is not read (app:x) | declare a `process.lua` and run it with `process.call`; docs/porting.md shows how",
            ],
        ),
        (
            "- {name: x, kind: security.policy}",
            &[
                "a.yaml:3:19 kind `security.policy` is not read (app:x) | write the policy in a `.cedar` file of a `security.scope`; docs/porting.md shows how",
            ],
        ),
        (
            "- {name: x, kind: process.lua.bc}",
            &[
                "a.yaml:3:19 kind `process.lua.bc` is not read (app:x) | give the source in a `process.lua` or `library.lua`: bytecode is not accepted; docs/porting.md shows how",
            ],
        ),
        (
            "- {name: x, kind: process.lua, source: return 1, modules: [time, tiem, time, http, {a: b}]}",
            &[
                "a.yaml:3:66 an item of `modules` is `tiem`, expected one of `base64`, `channel`, `ctx`, `errors`, `hash`, `json`, `logger`, `process`, `security`, `time`, `uuid` (app:x) | did you mean `time`?",
                "a.yaml:3:72 `time` is given twice in `modules` (app:x) | keep one of them",
                "a.yaml:3:78 an item of `modules` is `http`, expected one of `base64`, `channel`, `ctx`, `errors`, `hash`, `json`, `logger`, `process`, `security`, `time`, `uuid` (app:x)",
                "a.yaml:3:84 an item of `modules` is a set of keys, expected one of `base64`, `channel`, `ctx`, `errors`, `hash`, `json`, `logger`, `process`, `security`, `time`, `uuid` (app:x)",
            ],
        ),
        (
            "- {name: x, kind: process.lua, source: x.lua, shared: \"true\", isolation: pod, method: }",
            &[
                "a.yaml:3:40 `source` is `x.lua`, expected `file://NAME.lua` in or below this folder, or Lua text (app:x) | write `file://x.lua`",
                "a.yaml:3:55 `shared` is the text `true`, expected `true` or `false` (app:x)",
                "a.yaml:3:74 `isolation` is `pod`, expected `process` (app:x)",
                "a.yaml:3:79 `method` is empty, expected the name of a Lua function, at most 64 letters, digits and `_` (app:x)",
            ],
        ),
        (
            "- {name: x, kind: process.lua, source: file://../x.lua}\n- {name: y, kind: process.lua, source: file://none.lua}",
            &[
                "a.yaml:3:40 `source` is `file://../x.lua`, expected `file://NAME.lua` in or below this folder, or Lua text (app:x) | a file is named from this folder downwards: no `..`, no leading `/`, none of `%`, `?`, `#`, `\\`",
                "a.yaml:4:40 `none.lua` cannot be read: there is no such file in the app's folder (app:y)",
            ],
        ),
        (
            "- {name: x, kind: process.lua, source: return 1, imports: {time: y, z: none}}\n- {name: y, kind: process.lua, source: return 1}",
            &[
                "a.yaml:3:66 `time` is a module of the host, an import needs another name (app:x)",
                "a.yaml:3:66 `app:y` is a `process.lua`, expected a `library.lua` (app:x)",
                "a.yaml:3:72 there is no library.lua `app:none` (app:x)",
            ],
        ),
        (
            "- {name: x, kind: tenant, namespaces: [], quotas: {processes: 1, messages: 1000/s}}",
            &[
                "a.yaml:3:27 `namespaces` has no item, at least 1 is needed (app:x)",
                "a.yaml:3:66 `messages` is not supported by this version (app:x)",
            ],
        ),
        (
            "- {name: system, kind: tenant, namespaces: [a]}\n- {name: Big, kind: tenant, namespaces: [b]}",
            &[
                "a.yaml:3:10 a tenant is called `system`, expected small letters, digits and `-`, at most 64, and not `system` (app:system)",
                "a.yaml:4:10 a tenant is called `Big`, expected small letters, digits and `-`, at most 64, and not `system` (app:Big)",
            ],
        ),
        (
            "- {name: x, kind: audit.log, path: /var/log, mode: lax, retain: long}",
            &[
                "a.yaml:3:36 `path` is `/var/log`, expected a folder below the app's, such as `data/audit` (app:x) | `--log DIR` puts the log anywhere for one run",
                "a.yaml:3:52 `mode` is `lax`, expected one of `strict`, `best_effort` (app:x)",
                "a.yaml:3:65 `retain` is `long`, expected a duration such as `10s` or `1h 30m`, from `1ms` to ten years (app:x)",
            ],
        ),
        (
            "- {name: x, kind: audit.log}\n- {name: y, kind: audit.log}",
            &["a.yaml:4:10 an app has one `audit.log` (app:y) | the first is at a.yaml:3:10"],
        ),
        (
            "- {name: x, kind: security.scope, policies: [x.cedar, file://y.lua, file://x.cedar], replace_shipped_guard: true}",
            &[
                "a.yaml:3:46 an item of `policies` is `x.cedar`, expected `file://NAME.cedar` in or below this folder (app:x) | write `file://x.cedar`",
                "a.yaml:3:55 an item of `policies` is `file://y.lua`, expected `file://NAME.cedar` in or below this folder (app:x) | a file is named from this folder downwards: no `..`, no leading `/`, none of `%`, `?`, `#`, `\\`",
            ],
        ),
        (
            "- {name: x, kind: security.scope, policies: [file://x.cedar], replace_shipped_guard: true}\n- {name: y, kind: security.scope, always: true, shared: true, policies: [file://x.cedar]}",
            &[
                "a.yaml:3:86 only a guard can replace the shipped one (app:x) | a guard is a scope with `always: true`",
                "a.yaml:4:57 a guard binds everybody, it cannot be shared (app:y) | remove `shared`",
            ],
        ),
        (
            "- {name: x, kind: process.lua, source: return 1}\n- {name: x, kind: library.lua, source: return 1}",
            &["a.yaml:4:10 `app:x` is declared twice (app:x) | the first is at a.yaml:3:10"],
        ),
    ] {
        entries_refused(entries, expected);
    }
}

#[test]
fn every_error_of_a_service_has_its_place() {
    let definition = "- {name: d, kind: process.lua, source: return 1}\n- {name: h, kind: process.host}\n\
                      - {name: s, kind: security.scope, policies: [file://x.cedar]}\n\
                      - {name: g, kind: security.scope, always: true, policies: [file://y.cedar]}\n";
    for (service, expected) in [
        (
            "process: e, host: d, security: {scopes: [s, g, t]}",
            &[
                "a.yaml:7:45 there is no process.lua `app:e` (app:x) | did you mean `app:d`?",
                "a.yaml:7:54 `app:d` is a `process.lua`, expected a `process.host` (app:x)",
                "a.yaml:7:80 `app:g` is a guard, expected a scope (app:x) | a guard binds every check already, remove it here",
                "a.yaml:7:83 there is no security.scope `app:t` (app:x) | did you mean `app:s`?",
            ][..],
        ),
        (
            "process: d, security: {actor: {id: acme/service/x}}",
            &[
                "a.yaml:7:71 `acme/service/x` cannot be the actor of a service of tenant `default` (app:x) | write `default/service/NAME`, or declare the tenant",
            ],
        ),
        (
            "process: d, security: {actor: {id: default/operator/root}}",
            &[
                "a.yaml:7:71 `id` is `default/operator/root`, expected the id of a service's actor, such as `acme/service/orders` (app:x) | an operator is somebody with a token, never a service",
            ],
        ),
        (
            "process: d, security: {actor: {meta: {}}}, lifecycle: {security: {}}",
            &["a.yaml:7:59 key `id` is missing (app:x) | id of the actor, `TENANT/service/NAME`"],
        ),
        (
            "process: d, security: {}, lifecycle: {security: {groups: [s], policies: [a]}}",
            &[
                "a.yaml:7:74 `security` is given twice: `lifecycle.security` is read as it (app:x) | keep one of them",
                "a.yaml:7:98 `policies` is not read here (app:x) | declare a `security.scope` whose `policies` are `.cedar` files, and name it in `security.scopes`",
            ],
        ),
        (
            "process: d, security: {}, lifecycle: {security: {groups: [s]}, requires: [x], depends_on: [x]}",
            &[
                "a.yaml:7:74 `security` is given twice: `lifecycle.security` is read as it (app:x) | keep one of them",
                "a.yaml:7:114 `requires` is given twice: `depends_on` is read as it (app:x) | keep one of them",
            ],
        ),
        (
            "process: d, lifecycle: {security: {actor: {id: default/operator/root}}}",
            &[
                "a.yaml:7:83 `default/operator/root` cannot be the actor of a service of tenant `default` (app:x) | write `default/service/NAME`, or declare the tenant",
            ],
        ),
        (
            "process: d, lifecycle: {restart: {initial_delay: 5m, jitter: 2, backoff_factor: 1e3, max_attempts: 007}}",
            &[
                "a.yaml:7:97 `jitter` is `2`, expected a number from 0 to 1 (app:x)",
                "a.yaml:7:116 `backoff_factor` is `1e3`, expected a number from 1 to 100 (app:x)",
                "a.yaml:7:135 `max_attempts` is `007`, expected a whole number from 0 to 1000000 (app:x)",
            ],
        ),
        (
            "process: d, lifecycle: {restart: {initial_delay: 5m}}",
            &["a.yaml:7:85 `initial_delay` is 5m, longer than `max_delay`, which is 1m 30s (app:x)"],
        ),
        (
            "process: d, input: {at: .nan}",
            &["a.yaml:7:60 `input` holds `.nan`, expected finite numbers (app:x)"],
        ),
    ] {
        entries_refused(&format!("{definition}- {{name: x, kind: process.service, {service}}}"), expected);
    }
}

#[test]
fn services_and_libraries_form_no_circle() {
    entries_refused(
        "- {name: l, kind: library.lua, source: return 1, imports: {m: m}}
- {name: m, kind: library.lua, source: return 1, imports: {l: l}}
- {name: d, kind: process.lua, source: return 1, imports: {l: l}}
- {name: a, kind: process.service, process: d, lifecycle: {auto_start: true, requires: [b]}}
- {name: b, kind: process.service, process: d, lifecycle: {requires: [c]}}
- {name: c, kind: process.service, process: d, lifecycle: {requires: [b, a, none]}}
",
        &[
            "a.yaml:4:63 libraries import each other: `app:l` -> `app:m` -> `app:l` (app:m)",
            "a.yaml:8:71 services require each other: `app:b` -> `app:c` -> `app:b` (app:c)",
            "a.yaml:8:74 services require each other: `app:a` -> `app:b` -> `app:c` -> `app:a` (app:c)",
            "a.yaml:8:77 there is no process.service `app:none` (app:c)",
        ],
    );
}

#[test]
fn a_service_that_nothing_starts_is_warned_of() {
    let (_, warnings) = loaded(&[(
        "a.yaml",
        "namespace: a\nentries:\n- {name: d, kind: process.lua, source: return 1}\n- {name: s, kind: process.service, process: d}\n",
    )]);
    assert_eq!(
        warnings,
        [
            "a.yaml:4:10 this service is never started: nothing requires it and it does not start by itself (a:s) \
         | write `lifecycle: {auto_start: true}`",
        ]
    );
}

#[test]
fn a_tenant_holds_its_own_and_nothing_of_others() {
    let operator = "namespace: app\nentries:\n\
        - {name: acme, kind: tenant, namespaces: [acme, shop.acme], default_scopes: [beta:own]}\n\
        - {name: beta, kind: tenant, namespaces: [beta, acme.inner]}\n\
        - {name: lib, kind: library.lua, source: return 1}\n\
        - {name: open, kind: library.lua, source: return 1, shared: true}\n\
        - {name: clock, kind: process.service, process: \"acme:d\", security: {actor: {id: acme/service/clock}}, lifecycle: {auto_start: true, requires: [\"acme:s\"]}}\n\
        - {name: other, kind: process.service, process: \"acme:d\", lifecycle: {auto_start: true}}\n";
    let acme = "namespace: acme\nentries:\n\
        - {name: h, kind: process.host}\n\
        - {name: t, kind: tenant, namespaces: [t]}\n\
        - {name: a, kind: audit.log}\n\
        - {name: guard, kind: security.scope, always: true, shared: true, policies: [file://x.cedar]}\n\
        - {name: d, kind: process.lua, source: return 1, imports: {lib: \"app:lib\", open: \"app:open\", b: \"beta:l\"}}\n\
        - {name: s, kind: process.service, process: \"beta:d\", security: {actor: {id: beta/service/s}}}\n\
        - {name: r, kind: process.service, process: d, host: h, lifecycle: {auto_start: true, requires: [s, \"app:clock\"]}}\n";
    let beta = "namespace: beta\nentries:\n\
        - {name: own, kind: security.scope, policies: [file://x.cedar]}\n\
        - {name: d, kind: process.lua, source: return 1}\n\
        - {name: l, kind: library.lua, source: return 1}\n";
    let move_it = "move it to a file whose namespace no tenant owns";
    let mine = "this namespace is tenant `acme`'s";
    refused(
        &[("a.yaml", operator), ("acme.yaml", acme), ("beta.yaml", beta), ("x.cedar", "")],
        &[
            "a.yaml:3:78 `beta:own` is tenant `beta`'s and not shared (acme) | the operator shares a scope with `shared: true`",
            "a.yaml:4:49 namespace `acme.inner` has two owners: `acme` and `beta` (app:beta) | `acme` owns it with all that is below what a.yaml:3:43 says",
            "a.yaml:8:49 `acme:d` is tenant `acme`'s and not shared (app:other) | its owner shares it with `shared: true`",
            &format!("acme.yaml:3:19 a `process.host` is the operator's, and {mine} (acme:h) | {move_it}"),
            &format!("acme.yaml:4:19 a `tenant` is the operator's, and {mine} (acme:t) | {move_it}"),
            &format!("acme.yaml:5:19 an `audit.log` is the operator's, and {mine} (acme:a) | {move_it}"),
            &format!("acme.yaml:6:47 `always` is the operator's, and {mine} (acme:guard) | {move_it}"),
            &format!("acme.yaml:6:61 `shared` is the operator's, and {mine} (acme:guard) | {move_it}"),
            "acme.yaml:6:61 a guard binds everybody, it cannot be shared (acme:guard) | remove `shared`",
            "acme.yaml:7:65 `app:lib` is tenant `system`'s and not shared (acme:d) | its owner shares it with `shared: true`",
            "acme.yaml:7:97 `beta:l` is tenant `beta`'s and not shared (acme:d) | its owner shares it with `shared: true`",
            "acme.yaml:8:78 `beta/service/s` cannot be the actor of a service of tenant `acme` (acme:s) | write `acme/service/NAME`",
            "acme.yaml:9:101 `app:clock` is tenant `system`'s and not shared (acme:r) | a service requires services of its own tenant",
        ],
    );
}

#[test]
fn what_is_outside_the_folder_is_never_read() {
    let outside = folder(&[("secret.lua", "secret"), ("_index.yaml", "namespace: out\nentries: []\n")]);
    let text = "namespace: a\nentries:\n\
        - {name: x, kind: process.lua, source: file://link.lua}\n\
        - {name: y, kind: process.lua, source: file://inside/secret.lua}\n\
        - {name: z, kind: process.lua, source: file:///etc/passwd.lua}\n";
    let folder = folder(&[("a.yaml", text)]);
    symlink(outside.path().join("secret.lua"), folder.path().join("link.lua")).unwrap();
    symlink(outside.path(), folder.path().join("inside")).unwrap();
    let errors = Manifest::load(folder.path()).unwrap_err();
    assert_eq!(
        errors.iter().map(shown).collect::<Vec<_>>(),
        [
            "a.yaml:3:40 `link.lua` cannot be read: it is or passes through a symbolic link (a:x)",
            "a.yaml:4:40 `inside/secret.lua` cannot be read: it is or passes through a symbolic link (a:y)",
            "a.yaml:5:40 `source` is `file:///etc/passwd.lua`, expected `file://NAME.lua` in or below this folder, or Lua text (a:z) | a file is named from this folder downwards: no `..`, no leading `/`, none of `%`, `?`, `#`, `\\`",
            "inside:1:1 `inside` is a symbolic link and is not looked through | put manifests into a folder of the app",
        ]
    );
    symlink(outside.path().join("_index.yaml"), folder.path().join("b.yaml")).unwrap();
    let errors = Manifest::load(folder.path()).unwrap_err();
    assert!(errors.iter().map(shown).any(|error| {
        error.starts_with(
            "b.yaml:1:1 `b.yaml` cannot be read: it is or passes through a symbolic link | no link inside an app",
        )
    }));
}

#[test]
fn files_that_cannot_be_a_manifest_are_refused_with_the_reason() {
    let folder_missing = Manifest::load(Path::new("/none/such")).unwrap_err();
    assert_eq!(folder_missing[0].code, "manifest.folder");
    refused(
        &[("notes.yml", "x")],
        &[
            "there is no manifest in the app's folder | a manifest's name ends in `.yaml`, as in `_index.yaml`; `moonward init DIR` writes one",
        ],
    );
    let large = format!("namespace: a\nentries: []\n# {}", "x".repeat(256 * 1024));
    refused(&[("a.yaml", &large)], &["a.yaml:1:1 `a.yaml` cannot be read: it is larger than 256 KiB"]);
    refused(&[("a.yaml", "a\0b")], &["a.yaml:1:1 `a.yaml` cannot be read: line 1 holds a NUL character"]);
    refused(
        &[("a.yaml", "")],
        &["a.yaml:1:1 the file is empty, expected keys such as `version`, `namespace`, `entries`"],
    );
    refused(&[("a.yaml", "namespace: a\nentries:\n")], &["a.yaml:2:1 `entries` is empty, expected a list"]);
    refused(
        &[("a.yaml", "namespace: a\nentries: []\nversion: 2\n")],
        &["a.yaml:3:10 `version` is `2`, expected version `1.0`"],
    );
    // The scan and the reader disagree about a colon without a space after it: refused, whoever is right.
    refused(
        &[("a.yaml", "namespace: a\nentries: [{name: x, kind: process.host, meta: {a:}}]")],
        &[
            "a.yaml:2:49 not YAML: found unexpected ':' at line 2 column 49, while scanning a plain scalar at line 2 column 48",
        ],
    );
    refused(&[("a.yaml", "a: [1\nb: 2")], &["a.yaml:2:2 not YAML: illegal placement of ':' indicator"]);
}

#[test]
fn hostile_files_are_refused_with_a_bounded_answer() {
    let laughs: String =
        (1..20).map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(9))).collect();
    let many_keys: String = (0..20_000).map(|n| format!("k{n}: v\n")).collect();
    let many_entries = format!("namespace: a\nentries:\n{}", "- {name: x, kind: proces.lua}\n".repeat(8_000));
    for text in [
        "[".repeat(100_000),
        "{".repeat(100_000),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        format!("a: {}", "'".repeat(200_000)),
        format!("a: \"{}", "\\x41".repeat(50_000)),
        format!("a: {}", "b ".repeat(100_000)),
        format!("{}: b", "a".repeat(200_000)),
        format!("a0: &a0 ha\n{laughs}"),
        many_keys,
        many_entries,
    ] {
        let folder = folder(&[("a.yaml", &text)]);
        let errors = Manifest::load(folder.path()).expect_err("a hostile file");
        assert!(errors.len() <= app::limits::FINDINGS_MAX + 1);
    }
}

#[test]
fn what_grows_has_a_bound() {
    let definition = "namespace: app\nentries:\n- {name: d, kind: process.lua, source: return 1}\n";
    let service =
        |fields: &str| format!("{definition}- {{name: x, kind: process.service, process: d, {fields}}}\n");
    let meta: String = (0..65).map(|n| format!("k{n}: v, ")).collect();
    let requires: String = (0..257).map(|n| format!("s{n}, ")).collect();
    for (text, expected) in [
        (
            service(&format!("input: [{}]", "1, ".repeat(256))),
            "`input` is 256 arguments, at most 255 allowed (app:x)",
        ),
        (
            service(&format!("input: {{a: [{}]}}", "1, ".repeat(10_000))),
            "`input` is 10003 tables, keys and values, at most 10000 allowed (app:x)",
        ),
        (
            service(&format!("security: {{actor: {{id: default/service/x, meta: {{{meta}}}}}}}")),
            "`meta` is 65 tags of 250 bytes, at most 64 and 4096 bytes allowed (app:x)",
        ),
        (
            service(&format!("lifecycle: {{requires: [{requires}]}}")),
            "`requires` has 257 items, at most 256 allowed (app:x)",
        ),
    ] {
        let folder = folder(&[("a.yaml", &text)]);
        let errors = Manifest::load(folder.path()).expect_err("more than is allowed");
        assert!(errors.iter().any(|error| shown(error).ends_with(expected)), "{}", shown(&errors[0]));
    }
    let many = |prefix: &str| {
        let entry = |n| format!("- {{name: {prefix}{n}, kind: process.host}}\n");
        format!("namespace: app\nentries:\n{}", (0..6_000).map(entry).collect::<String>())
    };
    refused(&[("a.yaml", &many("a")), ("b.yaml", &many("b"))], &["the app has more than 10000 entries"]);
}

#[test]
fn of_several_hosts_a_service_names_one() {
    entries_refused(
        "- {name: a, kind: process.host}\n- {name: b, kind: process.host}\n\
         - {name: d, kind: process.lua, source: return 1}\n\
         - {name: s, kind: process.service, process: d, host: b}\n\
         - {name: t, kind: process.service, process: d, lifecycle: {auto_start: true}}\n",
        &["a.yaml:7:10 key `host` is missing: the app has more than one (app:t)"],
    );
}

/// A generator of no quality but the same numbers everywhere (Knuth's MMIX constants).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[test]
fn a_damaged_manifest_is_read_or_refused_with_a_place() {
    let seed = std::env::var("MOONWARD_SEED").map_or(1, |seed| seed.parse().unwrap());
    let rounds = std::env::var("MOONWARD_ROUNDS").map_or(300, |rounds| rounds.parse().unwrap());
    println!("MOONWARD_SEED={seed}");
    let mut random = Random(seed);
    let pieces = [
        "", ":", "- ", "\n", "  ", "{", "}", "[", "]", "'", "\"", "#", "&a ", "*a", "!!x ", "? ", "|\n",
        ">-\n", "---\n", "\u{fc}", "%", "null", ",", "\t", "\r\n", "<<: ", "@", "`", "\\", "...", ": ",
    ];
    let folder = folder(EXAMPLE);
    let path = folder.path().join("workers/_index.yaml");
    for round in 0..rounds {
        let mut text: Vec<char> = WORKERS.chars().collect();
        for _ in 0..=random.below(4) {
            let (at, piece) = (random.below(text.len()), pieces[random.below(pieces.len())]);
            let until = (at + random.below(6)).min(text.len());
            text.splice(at..until, piece.chars());
        }
        let text: String = text.into_iter().collect();
        fs::write(&path, &text).unwrap();
        if let Err(errors) = Manifest::load(folder.path()) {
            assert!(!errors.is_empty(), "round {round}: {text}");
            let placed = |error: &Diagnostic| error.span.is_some();
            assert!(errors.iter().all(placed), "round {round}: {text}\n{}", shown(&errors[0]));
        }
    }
}
