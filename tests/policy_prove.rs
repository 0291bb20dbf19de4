//! `moonward policy prove` from outside: each verdict with its exit code, every way in which a solver can fail, and
//! counterexamples as tests.
//!
//! Without a `cvc5` what needs one is left out, which is said; `MOONWARD_REQUIRE_CVC5=1` makes that a failure.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value as Json;

use crate::support::{Folder, moonward, repository, texts};

/// Whether there is a solver.
pub(crate) fn has_cvc5() -> bool {
    let output = std::process::Command::new("cvc5").arg("--version").output();
    if output.is_ok_and(|output| output.status.success()) {
        return true;
    }
    let required = std::env::var_os("MOONWARD_REQUIRE_CVC5").is_some_and(|value| value == "1");
    assert!(!required, "`cvc5` is required and not there");
    println!("cvc5 is not there: nothing was proved");
    false
}

const MANIFEST: &str = r#"
version: "1.0"
namespace: app
entries:
  - {name: processes, kind: process.host, host: {max_processes: 10}}
  - {name: staff, kind: security.scope, policies: [file://staff.cedar]}
"#;

const SEND: &str = r#"@id("staff.send")
permit (principal, action == Moonward::Action::"process.send", resource)
when { context.bytes <= 4096 };
"#;

/// An app of one scope with these permits.
fn app(permits: &str) -> Folder {
    Folder::new(&[("_index.yaml", MANIFEST), ("staff.cedar", permits)])
}

/// `moonward policy ARGS` in the app's folder, remembering in a folder beside it: exit code, stdout, stderr.
fn policy(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    let mut command = moonward();
    command.current_dir(folder.path()).env("XDG_CACHE_HOME", folder.log().with_file_name("cache"));
    let output = command.arg("policy").args(arguments).output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

/// The same as JSON.
fn json(folder: &Folder, arguments: &[&str]) -> (i32, Json) {
    let (code, stdout, stderr) = policy(folder, &[arguments, &["-o", "json"]].concat());
    (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}")))
}

/// How many proofs are remembered.
fn remembered(folder: &Folder) -> usize {
    let proofs = folder.log().with_file_name("cache/moonward/proofs");
    fs::read_dir(proofs).map_or(0, Iterator::count)
}

/// A program of this name in the app's folder.
fn program(folder: &Folder, name: &str, text: &str) -> String {
    folder.write(name, text);
    let path = folder.path().join(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_one_solver_proved_another_under_its_name_has_not() {
    let folder = app(SEND);
    let answers = |answer: &str| {
        format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && echo 'This is cvc5 version 9.9' && exit\nwhile read -r line; do case \"$line\" in \"(check-sat)\") echo {answer};; \"(echo \"*) word=${{line#(echo }}; echo \"${{word%)}}\";; esac; done\n"
        )
    };
    // It finds everything proved: nothing but its word says so.
    let lies = program(&folder, "s/cvc5", &answers("unsat"));
    let prove = |solver: &str| json(&folder, &["prove", "isolation", "--solver", solver]);
    let (code, found) = prove(&lies);
    assert_eq!((code, &found["remembered"], remembered(&folder)), (0, &Json::Null, 1), "{found}");
    assert!(prove("s/../s/cvc5").1["remembered"].is_string(), "it is the same program");
    let honest = program(&folder, "s/cvc5", &answers("unknown"));
    let (code, found) = prove(&honest);
    assert_eq!((code, &found["verdict"], &found["remembered"]), (4, &"unknown".into(), &Json::Null));
    assert_eq!(remembered(&folder), 1, "what is unknown is not kept");
}

#[test]
fn what_is_proved_is_remembered_until_something_changes() {
    if !has_cvc5() {
        return;
    }
    let folder = app(SEND);
    let prove = ["prove", "isolation"];
    let (code, first) = json(&folder, &prove);
    assert_eq!((code, &first["verdict"], &first["remembered"]), (0, &"proved".into(), &Json::Null));
    assert_eq!((&first["claims"], &first["environments"]), (&26.into(), &26.into()));
    let (code, again) = json(&folder, &prove);
    assert_eq!((code, again["remembered"].is_string()), (0, true));
    assert_eq!(json(&folder, &["prove", "isolation", "--no-cache"]).1["remembered"], Json::Null);
    let guard = "  - {name: more, kind: security.scope, always: true, policies: [file://more.cedar]}\n";
    folder.write("_index.yaml", &format!("{MANIFEST}{guard}"));
    folder.write(
        "more.cedar",
        "@id(\"more\") forbid (principal, action, resource) when { principal.tenant.plan == \"x\" };",
    );
    assert_eq!(json(&folder, &prove).1["remembered"], Json::Null);
    let (_, text, _) = policy(&folder, &prove);
    assert!(text.starts_with("PROVED: ") && text.contains("17 forbids") && text.contains("cvc5 "), "{text}");
}

#[test]
fn each_forbid_of_the_shipped_guard_is_needed_and_its_counterexamples_are_tests_until_it_is_back() {
    if !has_cvc5() {
        return;
    }
    let shipped = fs::read_to_string(repository().join("policies/guard.cedar")).unwrap();
    let mut forbids: Vec<&str> = shipped.split("@id(").skip(1).collect();
    assert_eq!(forbids.len(), 16);
    forbids.rotate_left(1);
    let replaced = "  - {name: guard, kind: security.scope, always: true, replace_shipped_guard: true, policies: [file://guard.cedar]}\n";
    let folder = app(SEND);
    folder.write("_index.yaml", &format!("{MANIFEST}{replaced}"));
    for _ in 0..forbids.len() {
        forbids.rotate_left(1);
        let write = |forbids: &[&str]| {
            folder
                .write("guard.cedar", &forbids.iter().map(|text| format!("@id({text}")).collect::<String>());
        };
        write(&forbids[1..]);
        let prove = ["prove", "isolation", "--force", "--save-counterexample", "found_test.json"];
        let (code, found) = json(&folder, &prove);
        let gone = forbids[0].lines().next().unwrap();
        assert_eq!((code, &found["verdict"]), (6, &"counterexample".into()), "without {gone}");
        assert_eq!(found["unknown"], Json::Array(Vec::new()), "without {gone}");
        let tests = found["counterexamples"].as_array().unwrap().len();
        let (code, run) = json(&folder, &["test"]);
        assert_eq!(code, 5, "without {gone}");
        let wrong = run.to_string().matches("expected deny_forbid").count();
        assert_eq!(wrong, tests, "without {gone}: {run}");
        write(&forbids);
        let (code, stdout, _) = policy(&folder, &["test"]);
        assert_eq!(code, 0, "with {gone}: {stdout}");
    }
}

#[test]
fn new_access_is_found_and_shown_and_its_test_fails_until_it_is_gone() {
    if !has_cvc5() {
        return;
    }
    let (base, wider) = (app(SEND), app(&SEND.replace("4096", "5000")));
    let [base_file, wider_file] = [&base, &wider].map(|folder| folder.path().join("staff.cedar"));
    let [base_file, wider_file] = [&base_file, &wider_file].map(|file| file.to_str().unwrap());
    let (base_app, wider_app) = (base.path(), wider.path());
    let [base_app, wider_app] = [&base_app, &wider_app].map(|folder| folder.to_str().unwrap());
    for (arguments, code) in [
        (&["prove", "no-new-access", base_app, base_app][..], 0),
        (&["prove", "no-new-access", wider_app], 0),
        (&["prove", "no-new-access", base_file], 0),
        (&["prove", "no-new-access", wider_file, "--policies", base_file], 0),
        (&["prove", "no-new-access", base_file, "--policies", wider_file], 6),
        (&["prove", "no-new-access", base_file, wider_app], 6),
    ] {
        let (found, stdout, stderr) = policy(&base, arguments);
        assert_eq!(found, code, "{arguments:?}\n{stdout}{stderr}");
    }
    let prove = ["prove", "no-new-access", base_app, "--save-counterexample", "found_test.json"];
    let (code, stdout, _) = policy(&wider, &prove);
    assert_eq!(code, 6, "{stdout}");
    let bytes = stdout.lines().find_map(|line| line.trim().strip_prefix("context   bytes: ")).unwrap();
    assert!((4097..=5000).contains(&bytes.parse().unwrap()), "{stdout}");
    assert!(stdout.contains("process.send (scope `app:staff`)"), "{stdout}");
    assert!(stdout.contains("allowed by `staff.send` (staff.cedar:1)"), "{stdout}");
    assert_eq!(policy(&wider, &["test"]).0, 5);
    wider.write("staff.cedar", SEND);
    assert_eq!(policy(&wider, &["test"]).0, 0);
}

/// An app whose service runs under these scopes with this in its actor's `meta`; of the scope `limited` and the guard this is permitted and
/// forbidden.
fn served(scopes: &str, meta: &str, [staff, limited, guard]: [&str; 3]) -> Folder {
    let entries = r#"  - {name: limited, kind: security.scope, policies: [file://limited.cedar]}
  - {name: guards, kind: security.scope, always: true, policies: [file://guards.cedar]}
  - {name: one, kind: process.lua, source: "return function() return 1 end"}
"#;
    let service = format!(
        "  - {{name: svc, kind: process.service, process: one, host: app:processes, security: {{actor: {{id: default/service/x, meta: {meta}}}, scopes: [{scopes}]}}, lifecycle: {{auto_start: false}}}}\n"
    );
    let policy = |id: &str, effect: &str, action: &str, when: &str| {
        format!(
            "@id(\"{id}\") {effect} (principal, action == Moonward::Action::\"{action}\", resource) when {{ {when} }};\n"
        )
    };
    Folder::new(&[
        ("_index.yaml", &format!("{MANIFEST}{entries}{service}")),
        ("staff.cedar", &policy("send", "permit", "process.send", staff)),
        ("limited.cedar", &policy("limited", "permit", "process.send", limited)),
        ("guards.cedar", &policy("guarded", "forbid", "process.send", guard)),
    ])
}

#[test]
fn a_service_that_loses_a_scope_or_gains_a_tag_is_not_proved_to_have_no_new_access() {
    if !has_cvc5() {
        return;
    }
    let (both, staff) = ("\"app:staff\", \"app:limited\"", "\"app:staff\"");
    let short = "context.bytes < 9";
    let of_limited = "context.scopes.contains(Moonward::Scope::\"app:limited\")";
    let fails = "context.bytes + 9223372036854775807 > 0";
    let admin = "principal.hasTag(\"role\") && principal.getTag(\"role\") == \"admin\"";
    let zero = "context.bytes == 0";
    for (policies, before, now, expected) in [
        ([short, zero, of_limited], (both, "{}"), (staff, "{}"), 6),
        ([short, fails, zero], (both, "{}"), (staff, "{}"), 6),
        ([short, zero, zero], (both, "{}"), (staff, "{}"), 0),
        ([admin, zero, zero], (both, "{}"), (both, "{role: admin}"), 4),
        ([short, zero, zero], (both, "{}"), (both, "{role: admin}"), 0),
        ([admin, zero, zero], (both, "{role: admin}"), (both, "{role: admin}"), 0),
    ] {
        let [before, now] = [before, now].map(|(scopes, meta)| served(scopes, meta, policies));
        let base = before.path();
        let prove =
            ["prove", "no-new-access", base.to_str().unwrap(), "--save-counterexample", "found_test.json"];
        let (code, stdout, stderr) = policy(&now, &prove);
        assert_eq!(code, expected, "{policies:?}\n{stdout}{stderr}");
        if expected == 6 {
            assert!(stdout.contains("process.send (service actor `default/service/x`)"), "{stdout}");
            assert_eq!(policy(&now, &["test"]).0, 5, "{policies:?}");
        }
        assert!(expected != 4 || stdout.contains("its tags are not those that it had"), "{stdout}");
    }
}

#[test]
fn a_policy_that_can_fail_is_found_with_its_permission_and_its_test_holds_once_it_cannot() {
    if !has_cvc5() {
        return;
    }
    let sum = SEND.replace("context.bytes <= 4096", "context.bytes + 9223372036854775807 > 0");
    let folder = app(&sum);
    let prove = ["prove", "never-errors", "--save-counterexample", "found_test.json"];
    let (code, stdout, _) = policy(&folder, &prove);
    assert_eq!(code, 6, "{stdout}");
    assert!(stdout.contains("process.send (policy `staff.send`)") && stdout.contains("overflow"), "{stdout}");
    assert_eq!(policy(&folder, &["test"]).0, 5);
    folder.write("staff.cedar", &SEND.replace("<= 4096", "< 0"));
    assert_eq!(policy(&folder, &["test"]).0, 0);
    assert_eq!(policy(&folder, &["prove", "never-errors"]).0, 0);
}

#[test]
fn invariants_hold_or_do_not_and_what_is_none_is_refused_with_its_place() {
    let folder = app(SEND);
    for (text, code, shown) in [
        (
            "@id(\"x\") forbid (principal, action == Moonward::Action::\"process.terminate\", resource);",
            0,
            "PROVED",
        ),
        (
            "@id(\"x\") permit (principal, action, resource) when { resource is Moonward::Process };",
            0,
            "PROVED",
        ),
        (
            "@id(\"x\") permit (principal, action == Moonward::Action::\"process.send\", resource) when { context.bytes < 10 };",
            6,
            "process.send (invariant `x`, scope `app:staff`)",
        ),
        (
            "@id(\"x\") forbid (principal, action == Moonward::Action::\"process.send\", resource);",
            6,
            "invariant `x`",
        ),
        ("forbid (principal, action, resource);", 3, "invariants.cedar:1:1"),
        (
            "@id(\"x\") forbid (principal, action, resource) when { context.byte > 1 };",
            3,
            "invariants.cedar:1:",
        ),
        ("@id(\"x\") forbid (principal, acton, resource);", 3, "invariants.cedar:1:"),
        ("@id(\"x\") @mode(\"shadow\") permit (principal, action, resource);", 3, "cannot be in shadow"),
        ("// nothing yet", 3, "no invariant"),
        // What nothing can break is no invariant.
        (
            "@id(\"x\") forbid (principal, action in Moonward::Action::\"spawn\", resource == Moonward::Definition::\"app:nosuch\");",
            3,
            "policy.undeclared",
        ),
        (
            "@id(\"x\") permit (principal, action == Moonward::Action::\"process.send\", resource) when { false };",
            3,
            "policy.impossible",
        ),
    ] {
        if code != 3 && !has_cvc5() {
            continue;
        }
        folder.write("invariants.cedar", text);
        let (found, stdout, stderr) = policy(&folder, &["prove", "invariants.cedar"]);
        assert_eq!(found, code, "{text}\n{stdout}{stderr}");
        assert!(stdout.contains(shown) || stderr.contains(shown), "{shown}\n{stdout}{stderr}");
    }
}

#[test]
fn a_solver_that_is_none_leaves_it_unknown_and_says_how_to_get_one() {
    let folder = app(SEND);
    let (code, found) = json(&folder, &["prove", "isolation", "--solver", "nowhere/cvc5"]);
    assert_eq!((code, &found["verdict"]), (4, &"unknown".into()));
    let output = moonward()
        .current_dir(folder.path())
        .env("PATH", folder.path())
        .args(["policy", "prove", "isolation"])
        .output()
        .unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(4));
    assert!(stdout.starts_with("UNKNOWN: ") && stdout.contains("`cvc5` is not on the PATH"), "{stdout}");
    for way in ["apt-get install cvc5", "github.com/cvc5/cvc5/releases", "--solver PATH"] {
        assert!(stderr.contains(way), "{stderr}");
    }
}

#[test]
fn a_solver_that_hangs_dies_or_talks_nonsense_is_ended_and_proves_nothing() {
    let folder = app(SEND);
    let answers = |does: &str| {
        format!(
            "while read -r line; do case \"$line\" in \"(check-sat)\") {does};; \"(echo \"*) word=${{line#(echo }}; echo \"${{word%)}}\";; esac; done"
        )
    };
    for (name, does) in [
        ("hangs", "exec tail -f /dev/null".to_owned()),
        ("ends", "exit 3".to_owned()),
        ("talks", "exec yes nonsense".to_owned()),
        ("ahead", format!("echo unsat; echo unsat; {}", answers("echo unsat"))),
        ("twice", answers("echo unsat; echo unsat")),
        ("hesitates", answers("echo unknown")),
        ("invents", answers("echo sat")),
        ("long", "exec tr '\\0' x < /dev/zero".to_owned()),
    ] {
        let text =
            format!("#!/bin/sh\n[ \"$1\" = --version ] && echo 'This is cvc5 version 9.9' && exit\n{does}\n");
        let solver = &program(&folder, name, &text);
        let begun = std::time::Instant::now();
        let (code, found) = json(&folder, &["prove", "isolation", "--solver", solver, "--timeout", "1s"]);
        assert_eq!((code, &found["verdict"]), (4, &"unknown".into()), "{name}: {found}");
        assert!(begun.elapsed().as_secs() < 60, "{name} took {:?}", begun.elapsed());
        assert_eq!(remembered(&folder), 0, "{name}");
    }
}

#[test]
fn what_is_asked_for_and_is_not_is_wrong_usage() {
    let folder = app(SEND);
    for (arguments, shown) in [
        (&["prove", "isolaton"][..], "did you mean `isolation`?"),
        (&["prove", "no-new-access"], "BASE is missing"),
        (&["prove", "isolation", ".", "other"], "one app is enough"),
        (&["prove", "isolation", "--timeout", "soon"], "30s"),
        (&["prove", "isolation", "--timeout", "2days"], "at most 1day"),
        (&["prove"], "PROPERTY"),
    ] {
        let (code, stdout, stderr) = policy(&folder, arguments);
        assert_eq!(code, 64, "{arguments:?}\n{stdout}{stderr}");
        assert!(stderr.contains(shown), "{shown}\n{stderr}");
    }
    for (arguments, shown) in [
        (&["prove", "isolation", "nowhere"][..], "nowhere"),
        (&["prove", "no-new-access", "nowhere"], "nowhere"),
    ] {
        let (code, _, stderr) = policy(&folder, arguments);
        assert_eq!(code, 3, "{arguments:?}");
        assert!(stderr.contains(shown), "{stderr}");
    }
}

#[test]
fn access_that_tokens_of_a_changed_issuer_give_is_never_called_none() {
    if !has_cvc5() {
        return;
    }
    let folder = app(SEND);
    let example = crate::support::repository().join("examples/token-child");
    let manifest = std::fs::read_to_string(example.join("_index.yaml")).unwrap();
    let more = manifest.replace("grant: [library:reader]", "grant: [library:reader, library:keeper]");
    assert_ne!(manifest, more);
    for (name, text) in
        [("before", &manifest), ("same", &format!("{manifest}\n# nothing else\n")), ("more", &more)]
    {
        folder.write(&format!("{name}/_index.yaml"), text);
        for entry in std::fs::read_dir(example.join("library")).unwrap().map(Result::unwrap) {
            let file = format!("{name}/library/{}", entry.file_name().display());
            if entry.path().is_file() {
                folder.write(&file, &std::fs::read_to_string(entry.path()).unwrap());
                continue;
            }
            for entry in std::fs::read_dir(entry.path()).unwrap().map(Result::unwrap) {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                folder.write(&format!("{file}/{}", entry.file_name().display()), &text);
            }
        }
        folder.write(
            &format!("{name}/keys.json"),
            &std::fs::read_to_string(example.join("keys.json")).unwrap(),
        );
    }
    let (code, stdout, stderr) = policy(&folder, &["prove", "no-new-access", "before", "same"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let (code, stdout, stderr) = policy(&folder, &["prove", "no-new-access", "before", "more"]);
    assert!(code == 4 && stdout.contains("issuer `app:accounts`"), "{code} {stdout}{stderr}");
}

/// A program that says that it is cvc5 and does this.
fn solver(folder: &Folder, name: &str, does: &str) -> String {
    let text =
        format!("#!/bin/sh\n[ \"$1\" = --version ] && echo 'This is cvc5 version 9.9' && exit\n{does}\n");
    folder.write(name, &text);
    let path = folder.path().join(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// So many permits that count.
fn counting(permits: usize) -> String {
    let text = |number| {
        SEND.replace("staff.send", &format!("p{number}")).replace("bytes", &format!("bytes + {number}"))
    };
    (0..permits).map(text).collect()
}

#[test]
fn policies_compared_with_themselves_are_proved_without_asking_anybody() {
    let folder = app(&counting(150));
    let dead = solver(&folder, "dead", "exit 3");
    let (code, found) = json(&folder, &["prove", "no-new-access", ".", ".", "--solver", &dead]);
    assert_eq!((code, &found["verdict"]), (0, &"proved".into()), "{found}");
}

#[test]
fn many_permits_that_count_take_hardly_longer_than_they_may() {
    if !has_cvc5() {
        return;
    }
    let folder = app(&counting(300));
    folder.write(
        "x.cedar",
        "@id(\"x\") forbid (principal, action, resource) when { principal.kind == \"x\" };",
    );
    let begun = std::time::Instant::now();
    let (code, stdout, stderr) = policy(&folder, &["prove", "x.cedar", "--timeout", "1s"]);
    assert!(matches!(code, 0 | 4 | 6), "{code}: {stdout}{stderr}");
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

#[test]
fn more_claims_than_are_held_are_not_told_before_anybody_is_asked() {
    let folder = app("");
    let scopes: String = (0..4)
        .map(|number| {
            format!("  - {{name: s{number}, kind: security.scope, policies: [file://staff.cedar]}}\n")
        })
        .collect();
    folder.write("_index.yaml", &format!("{MANIFEST}{scopes}"));
    folder.write("staff.cedar", "// nothing yet\n");
    let text = |number| format!("@id(\"x{number}\") forbid (principal, action, resource);\n");
    folder.write("x.cedar", &(0..2000).map(text).collect::<String>());
    let (code, found) = json(&folder, &["prove", "x.cedar"]);
    assert_eq!((code, &found["verdict"]), (4, &"unknown".into()), "{found}");
    assert_eq!(found["why"], "it comes to more than 200000 claims");
    let (code, stdout, _) = policy(&folder, &["prove", "x.cedar"]);
    assert_eq!(code, 4);
    assert!(stdout.starts_with("UNKNOWN: ") && stdout.contains("200000 claims"), "{stdout}");
}

#[test]
fn counterexamples_are_written_to_a_file_of_tests_and_over_nothing_else() {
    let folder = app(SEND);
    let saved = |name: &str| {
        policy(&folder, &["prove", "isolation", "--solver", "/nowhere", "--save-counterexample", name])
    };
    folder.write("old_test.json", "[]");
    for (name, code, shown) in [
        ("staff.cedar", 64, "_test.json"),
        ("found.json", 64, "_test.json"),
        ("old_test.json", 1, "`--force` replaces it"),
        ("new_test.json", 4, "help: "),
    ] {
        let (found, stdout, stderr) = saved(name);
        assert_eq!(found, code, "{name}\n{stdout}{stderr}");
        assert!(stderr.contains(shown), "{name}\n{stderr}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("staff.cedar")).unwrap(), SEND);
    assert_eq!(fs::read_to_string(folder.path().join("old_test.json")).unwrap(), "[]");
    assert!(!folder.path().join("new_test.json").exists());
}

#[test]
fn a_counterexample_that_cannot_be_written_is_one_all_the_same() {
    if !has_cvc5() {
        return;
    }
    let folder = app(&SEND.replace("context.bytes", "context.bytes + 9223372036854775807"));
    let prove = ["prove", "never-errors", "--save-counterexample", "nowhere/found_test.json"];
    let (code, stdout, stderr) = policy(&folder, &prove);
    assert_eq!(code, 6, "{stdout}{stderr}");
    assert!(stderr.contains("error: `nowhere/found_test.json` cannot be written"), "{stderr}");
}

#[test]
fn that_there_are_more_counterexamples_than_are_written_is_said() {
    if !has_cvc5() {
        return;
    }
    let folder = app(&counting(102).replace("bytes + ", "bytes + 9223372036854775000 + "));
    let prove = ["prove", "never-errors", "--timeout", "5m", "--save-counterexample", "found_test.json"];
    let (code, stdout, stderr) = policy(&folder, &prove);
    assert_eq!(code, 6, "{stdout}{stderr}");
    let found: Json =
        serde_json::from_slice(&fs::read(folder.path().join("found_test.json")).unwrap()).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 100);
    assert!(stderr.contains("with the first 100 counterexamples, 2 more are left out"), "{stderr}");
}

#[test]
fn a_solver_by_its_name_is_what_the_path_has_and_can_be_run() {
    let folder = app(SEND);
    let path = solver(&folder, "asked", "exit 3");
    let found = |name: &str| {
        let mut command = moonward();
        command.current_dir(folder.path()).env("PATH", folder.path());
        let output = command.args(["policy", "prove", "isolation", "--solver", name]).output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        texts(&output).0
    };
    assert!(found("asked").contains(&path));
    assert!(found("./asked").contains("(./asked)"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(found("asked").contains("`asked` is not on the PATH"));
}
