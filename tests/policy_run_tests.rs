//! Tests in the form of `cedar run-tests` (cedar-policy-cli 4.14.1, `src/command/run_test.rs`) run as they are.

use serde_json::{Value as Json, json};

use crate::support::{Folder, moonward, texts};

const POLICIES: &str = r#"
@id("clerk") permit (principal in Moonward::Role::"acme/clerk", action == Moonward::Action::"process.send", resource)
when { context.bytes < 100 && context.topic like "*" };
@id("sum") permit (principal, action == Moonward::Action::"process.cancel", resource)
when { context has deadline_ms && context.deadline_ms + 9223372036854775807 > 0 };
@id("own") permit (principal, action == Moonward::Action::"process.registry.register", resource)
when { context.target.owner == principal };
"#;

fn folder() -> Folder {
    Folder::new(&[("policies/acme.cedar", POLICIES)])
}

fn entity(kind: &str, id: &str) -> Json {
    json!({"__entity": {"type": format!("Moonward::{kind}"), "id": id}})
}

/// What Cedar is given: a clerk, its process, and all that they lead to.
fn entities() -> Json {
    let uid = |kind: &str, id: &str| json!({"type": format!("Moonward::{kind}"), "id": id});
    json!([
        {"uid": uid("Action", "process.send"), "attrs": {}, "parents": []},
        {"uid": uid("Tenant", "acme"), "attrs": {"suspended": false, "plan": ""}, "parents": []},
        {"uid": uid("Role", "acme/clerk"), "attrs": {}, "parents": [uid("Tenant", "acme")]},
        {"uid": uid("Actor", "acme/user/ada"), "parents": [uid("Tenant", "acme"), uid("Role", "acme/clerk")],
         "attrs": {"tenant": entity("Tenant", "acme"), "kind": "user", "verified": true}, "tags": {"dept": "sales"}},
        {"uid": entity("Definition", "acme.workers:handler"), "parents": [],
         "attrs": {"tenant": entity("Tenant", "acme"), "name": "handler", "shared": false}},
        {"uid": uid("Host", "app:processes"), "attrs": {}, "parents": []},
        {"uid": uid("Process", "p1"), "parents": [],
         "attrs": {"tenant": entity("Tenant", "acme"), "owner": entity("Actor", "acme/user/ada"),
                   "definition": entity("Definition", "acme.workers:handler"), "host": entity("Host", "app:processes")}},
    ])
}

/// A test as the documentation of Cedar has it: uids as texts, and no name.
fn case(decision: &str) -> Json {
    json!({
        "request": {
            "principal": "Moonward::Actor::\"acme/user/ada\"",
            "action": "Moonward::Action::\"process.send\"",
            "resource": "Moonward::Process::\"p1\"",
            "context": {"scopes": [], "topic": "t", "bytes": 5},
        },
        "entities": entities(),
        "decision": decision,
        "reason": [],
        "num_errors": 0,
    })
}

/// The same with other members; null takes one away.
fn with(mut case: Json, members: &[(&str, Json)]) -> Json {
    for (pointer, value) in members {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = case.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Json::Null => parent.remove(name),
            value => parent.insert(name.to_owned(), value.clone()),
        };
    }
    case
}

fn run(folder: &Folder, cases: &Json) -> (i32, String, String) {
    folder.write("tests/cases.json", &serde_json::to_string_pretty(cases).unwrap());
    let output = moonward()
        .current_dir(folder.path())
        .args(["policy", "test", "tests/cases.json", "--policies", "policies"])
        .output()
        .unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

#[test]
fn every_form_of_a_test_is_accepted_as_it_is() {
    let folder = folder();
    folder.write("tests/entities.json", &entities().to_string());
    folder.write("tests/below/entities.json", &entities().to_string());
    let uid = |kind: &str, id: &str| json!({"type": format!("Moonward::{kind}"), "id": id});
    let cases = json!([
        case("allow"),
        with(case("allow"), &[("/name", "with a name".into()), ("/reason", json!(["clerk"]))]),
        // Uids as objects, with and without the escape.
        with(
            case("allow"),
            &[
                ("/request/principal", uid("Actor", "acme/user/ada")),
                ("/request/action", uid("Action", "process.send")),
                ("/request/resource", entity("Process", "p1")),
            ]
        ),
        // Entities in a file beside the tests or below.
        with(case("allow"), &[("/entities", "entities.json".into())]),
        with(case("allow"), &[("/entities", "./below/entities.json".into())]),
        // What a tool adds for itself means nothing here either.
        with(case("allow"), &[("/description", "a clerk sends".into()), ("/ticket", json!({"id": 7}))]),
        // Entities in the context.
        with(
            case("allow"),
            &[
                ("/request/action", "Moonward::Action::\"process.registry.register\"".into()),
                ("/request/resource", "Moonward::Name::\"acme/desk\"".into()),
                (
                    "/request/context",
                    json!({"scopes": [], "target": entity("Process", "p1"), "pid": entity("Process", "p1")})
                ),
                ("/reason", json!(["own"])),
            ]
        ),
        // Denied by default, by the guard, and by an error, which is counted.
        with(case("deny"), &[("/request/context/bytes", 500.into())]),
        with(
            case("deny"),
            &[("/request/context/pid", entity("Process", "beta/p7")), ("/reason", json!(["guard.caller"])),]
        ),
        with(
            case("deny"),
            &[
                ("/request/action", "Moonward::Action::\"process.cancel\"".into()),
                ("/request/context", json!({"scopes": [], "deadline_ms": 5})),
                ("/num_errors", 1.into()),
            ]
        ),
    ]);
    let (code, stdout, stderr) = run(&folder, &cases);
    assert!(code == 0 && stdout.ends_with("ok: 10 tests, 10 cells\n"), "{code}\n{stdout}{stderr}");
    assert!(stdout.contains("with a name (1 cell)") && stdout.contains("test 1 (1 cell)"), "{stdout}");
}

#[test]
fn what_comes_out_otherwise_falls_short_with_its_line() {
    let folder = folder();
    for (case, said) in [
        (case("deny"), "expected deny, got allow"),
        (with(case("allow"), &[("/request/context/bytes", 500.into())]), "expected allow, got deny_default"),
        (with(case("allow"), &[("/reason", json!(["sum"]))]), "expected `sum` among the policies"),
        (with(case("allow"), &[("/num_errors", 1.into())]), "expected 1 policies to fail, got 0"),
    ] {
        let (code, stdout, stderr) = run(&folder, &json!([case]));
        assert!(code == 5 && stdout.contains(said), "{said} {code}\n{stdout}{stderr}");
    }
    let json = folder.path().join("tests/cases.json");
    run(&folder, &json!([case("allow"), case("deny")]));
    let output = moonward()
        .current_dir(folder.path())
        .args(["policy", "test", "tests/cases.json", "--policies", "policies", "-o", "json"])
        .output()
        .unwrap();
    let report: Json = serde_json::from_str(&texts(&output).0).unwrap();
    let text = std::fs::read_to_string(json).unwrap();
    let begins = text.lines().enumerate().filter(|(_, line)| *line == "  {");
    let expected: Json = begins.map(|(line, _)| line + 1).collect();
    let found: Json = report["tests"].as_array().unwrap().iter().map(|test| test["line"].clone()).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_is_no_such_test_is_invalid_with_its_place() {
    let folder = folder();
    let one = |case: Json| json!([case]);
    for (cases, said) in [
        (json!([]), "there is no test in this file"),
        (json!({}), "expected a sequence"),
        (json!([1]), "expected a test with `request`"),
        (json!([{"decision": "allow"}]), "missing field `request`"),
        (
            one(with(case("allow"), &[("/reasons", json!(["clerk"])), ("/reason", Json::Null)])),
            "did you mean `reason`?",
        ),
        (one(with(case("allow"), &[("/decision", "permit".into())])), "unknown variant `permit`"),
        (one(with(case("allow"), &[("/request/principal", "ada".into())])), "is no uid"),
        (one(with(case("allow"), &[("/request/principal", json!({"type": 1}))])), "is no uid"),
        (
            one(with(case("allow"), &[("/request/action", "Moonward::Action::\"process.sent\"".into())])),
            "`process.send`",
        ),
        (
            one(with(case("allow"), &[("/request/resource", "Moonward::Host::\"app:processes\"".into())])),
            "not a Host",
        ),
        (
            one(with(
                case("allow"),
                &[("/request/context/bytes", json!({"__extn": {"fn": "decimal", "arg": "1.0"}}))],
            )),
            "must be a Long",
        ),
        (one(with(case("allow"), &[("/entities", "../entities.json".into())])), "outside the folder"),
        (one(with(case("allow"), &[("/entities", "/etc/passwd".into())])), "outside the folder"),
        (one(with(case("allow"), &[("/entities", "nosuch.json".into())])), "cannot be read"),
        (one(with(case("allow"), &[("/entities", json!([{"uid": "x"}]))])), "is no uid"),
    ] {
        let (code, stdout, stderr) = run(&folder, &cases);
        assert!(
            code == 3 && stdout.is_empty() && stderr.contains(said) && stderr.contains("cases.json:"),
            "{said} {code}\n{stdout}{stderr}"
        );
        assert!(!stderr.contains("struct "), "no names of our code: {stderr}");
    }
}
