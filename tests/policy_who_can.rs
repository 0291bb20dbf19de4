//! `moonward policy who-can`: who may is who `simulate` says may, and what is left open is said.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::support::{Folder, moonward, texts};

fn app(permits: &str) -> Folder {
    Folder::new(&[
        (
            "_index.yaml",
            r#"
version: "1.0"
namespace: app
entries:
  - {name: processes, kind: process.host, host: {max_processes: 10}}
  - {name: acme, kind: tenant, namespaces: [acme], default_scopes: [acme:staff]}
  - {name: beta, kind: tenant, namespaces: [beta]}
"#,
        ),
        (
            "acme.yaml",
            r#"
namespace: acme
entries:
  - {name: staff, kind: security.scope, policies: [file://acme.cedar]}
  - {name: worker, kind: process.lua, source: "return function() end"}
  - name: orders
    kind: process.service
    process: worker
    host: app:processes
    security: {actor: {id: acme/service/orders}, scopes: [staff]}
"#,
        ),
        ("acme.cedar", permits),
        (
            "testdata/world.yaml",
            "principals:\n  acme/user/ada: {roles: [acme/clerk]}\n  acme/user/bob: {}\n  beta/user/eve: {}\n\
             \x20 ada-without: {id: acme/user/ada}\n\
             processes:\n  p1: {owner: acme/user/ada}\n",
        ),
    ])
}

fn who(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    let mut command = moonward();
    command.current_dir(folder.path()).args(["policy", "who-can"]).args(arguments);
    let output = command.args(["--entities", "testdata/world.yaml"]).output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

fn asked(folder: &Folder, arguments: &[&str]) -> (i32, Json) {
    let (code, stdout, stderr) = who(folder, &[arguments, &["-o", "json"]].concat());
    (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}")))
}

/// Each name with its answer.
fn answers(json: &Json) -> BTreeMap<String, String> {
    let text = |one: &Json, name: &str| one[name].as_str().unwrap().to_owned();
    json["actors"].as_array().unwrap().iter().map(|one| (text(one, "name"), text(one, "answer"))).collect()
}

const NAMED: &str = "@id(\"orders\")\npermit (principal == Moonward::Actor::\"acme/service/orders\", action == Moonward::Action::\"process.send\", resource);\n";

#[test]
fn a_list_of_named_actors_is_complete() {
    let folder = app(NAMED);
    let (code, stdout, stderr) = who(&folder, &["process.send", "p1"]);
    assert_eq!(
        (code, stderr.as_str(), stdout.as_str()),
        (
            0,
            "",
            "who can `process.send` on Process `p1`\n  acme/service/orders          may, by `orders` of `acme:staff` (acme.cedar:1)\n\
             1 may, 6 may not, of the actors that are known\ncomplete: nobody else may\n"
        )
    );
    let (code, json) = asked(&folder, &["process.send", "p1"]);
    assert_eq!(
        (code, &json["complete"], &json["counts"]),
        (0, &true.into(), &json!({"allow": 1, "depends": 0, "deny": 6}))
    );
    let orders = &json["actors"].as_array().unwrap().iter().find(|one| one["answer"] == "allow").unwrap();
    assert_eq!((&orders["policies"][0]["id"], &orders["policies"][0]["line"]), (&"orders".into(), &1.into()));
    assert_eq!(orders["scopes"], json!(["acme:staff"]));
    // Nobody may what no permit is about, and that is complete as well.
    let (code, stdout, _) = who(&folder, &["process.terminate", "p1"]);
    assert!(code == 0 && stdout.contains("0 may, 7 may not"), "{stdout}");
}

#[test]
fn whom_tokens_could_still_let_in_is_said() {
    for (head, said) in [
        (
            "principal in Moonward::Role::\"acme/clerk\"",
            "`open` of `acme:staff` (acme.cedar:1) could let in any actor of tenant `acme` with the role `acme/clerk`",
        ),
        ("principal", "could let in any actor of tenant `acme`"),
        ("principal is Moonward::Actor", "could let in any actor of tenant `acme`"),
        ("principal in Moonward::Tenant::\"acme\"", "could let in any actor of tenant `acme`"),
        (
            "principal == Moonward::Actor::\"acme/user/later\"",
            "could let in `acme/user/later` with other scopes, roles or tags than are known",
        ),
    ] {
        let folder = app(&format!(
            "@id(\"open\") permit ({head}, action == Moonward::Action::\"process.send\", resource);\n"
        ));
        let (code, stdout, _) = who(&folder, &["process.send", "p1"]);
        assert!(
            code == 4 && stdout.contains("incomplete:\n") && stdout.contains(said),
            "{head} {code}\n{stdout}"
        );
        let (_, json) = asked(&folder, &["process.send", "p1"]);
        assert_eq!(
            (&json["complete"], json["openings"].as_array().unwrap().len()),
            (&false.into(), 1),
            "{json}"
        );
        assert_eq!(json["openings"][0]["tenants"], json!(["acme"]));
        // The guard lets in nobody of another tenant, and a condition on the resource may let in nobody at all.
        let (code, stdout, _) = who(&folder, &["process.send", "p1", "--tenant", "beta"]);
        assert!(code == 0 && stdout.contains("0 may, 2 may not"), "{stdout}");
    }
    // Another token of an actor that is known can say otherwise; its id and its tenant it has from nowhere else.
    for (condition, code) in [
        ("principal.hasTag(\"dept\")", 4),
        ("principal in Moonward::Role::\"acme/clerk\"", 4),
        ("principal.verified", 4),
        ("context.scopes.contains(Moonward::Scope::\"acme:staff\")", 4),
        ("principal.kind == \"user\" && resource.owner == principal && !principal.tenant.suspended", 0),
    ] {
        let folder = app(&format!(
            "@id(\"ada\") permit (principal == Moonward::Actor::\"acme/user/ada\", action == Moonward::Action::\"process.send\", resource)\n\
             when {{ {condition} }};\n"
        ));
        let (exit, stdout, _) = who(&folder, &["process.send", "p1"]);
        assert_eq!(exit, code, "{condition}\n{stdout}");
    }
    let folder = app(
        "@id(\"none\") permit (principal, action == Moonward::Action::\"process.send\", resource == Moonward::Process::\"p2\")\n\
         when { resource has parent };\n",
    );
    assert_eq!(who(&folder, &["process.send", "p1"]).0, 0);
}

#[test]
fn what_nobody_said_is_not_assumed() {
    let folder = app(
        "@id(\"short\") permit (principal == Moonward::Actor::\"acme/user/bob\", action == Moonward::Action::\"process.send\", resource)\n\
         when { context.bytes < 10 && principal.tenant == resource.tenant };\n\
         @id(\"own\") permit (principal == Moonward::Actor::\"acme/service/orders\", action == Moonward::Action::\"process.send\", resource)\n\
         when { context has pid && context.pid.definition == resource.definition };\n",
    );
    let (code, json) = asked(&folder, &["process.send", "p1"]);
    let depends = |json: &Json| -> BTreeMap<String, Json> {
        let all = json["actors"].as_array().unwrap().iter();
        all.filter(|one| one["answer"] == "depends")
            .map(|one| (one["name"].as_str().unwrap().to_owned(), one["depends_on"].clone()))
            .collect()
    };
    let expected = BTreeMap::from([
        ("acme/user/bob".to_owned(), json!(["context.bytes"])),
        ("acme/service/orders".to_owned(), json!(["context.pid"])),
    ]);
    assert_eq!((code, depends(&json)), (4, expected), "{json}");
    let (_, stdout, _) = who(&folder, &["process.send", "p1"]);
    for said in [
        "acme/user/bob                depends on context.bytes: `short` of `acme:staff` (acme.cedar:1)",
        "0 may, 2 may or may not, 5 may not",
        "answers depend on `context.bytes`, which is not given: give it with `-c`\n",
        "answers depend on `context.pid`, which is not given: give it with `-c`, or null for none\n",
    ] {
        assert!(stdout.contains(said), "{said}\n{stdout}");
    }
    // What is said is not asked for again: no process asks.
    let (code, stdout, _) = who(&folder, &["process.send", "p1", "-c", r#"{"bytes": 5, "pid": null}"#]);
    assert!(code == 0 && stdout.contains("1 may, 6 may not") && stdout.contains("complete"), "{stdout}");
    let (code, stdout, _) = who(&folder, &["process.send", "p1", "-c", r#"{"bytes": 50, "pid": null}"#]);
    assert!(code == 0 && stdout.contains("0 may, 7 may not"), "{stdout}");
}

#[test]
fn an_answer_about_one_tenant_or_some_scopes_says_that_it_is_about_these_alone() {
    let folder = app(NAMED);
    for (of, said, json) in [
        (
            &["--tenant", "beta"][..],
            "complete: nobody else of tenant `beta` may\n",
            (json!("beta"), json!([])),
        ),
        (
            &["--scope", "acme:staff"],
            "complete: nobody else may under `acme:staff`\n",
            (Json::Null, json!(["acme:staff"])),
        ),
    ] {
        let arguments = [&["process.send", "p1"], of].concat();
        let (code, stdout, stderr) = who(&folder, &arguments);
        assert!(code == 0 && stdout.ends_with(said), "{code}\n{stdout}{stderr}");
        let (_, told) = asked(&folder, &arguments);
        assert_eq!((told["tenant"].clone(), told["scopes"].clone()), json, "{told}");
    }
    let (_, stdout, _) = who(&folder, &["process.send", "p1", "--tenant", "beta"]);
    assert!(stdout.contains("of the actors of tenant `beta` that are known"), "{stdout}");
}

#[test]
fn a_required_process_that_is_not_given_is_what_the_answer_depends_on() {
    let folder = app(
        "@id(\"names\") permit (principal == Moonward::Actor::\"acme/user/bob\", action == Moonward::Action::\"process.registry.register\", resource)\n\
         when { context.target.owner == principal };\n",
    );
    let (code, stdout, stderr) = who(&folder, &["process.registry.register", "acme/desk"]);
    assert!(
        code == 4 && stdout.contains("acme/user/bob                depends on context.target"),
        "{code}\n{stdout}{stderr}"
    );
    assert!(stdout.contains("answers depend on `context.target`, which is not given"), "{stdout}");
    let (code, stdout, stderr) =
        who(&folder, &["process.registry.register", "acme/desk", "-c", r#"{"target": "acme:orders"}"#]);
    assert!(code == 0 && stdout.contains("0 may, 7 may not"), "{code}\n{stdout}{stderr}");
}

#[test]
fn a_name_that_is_each_tenants_own_and_what_there_is_not_are_wrong_usage() {
    let folder = app(NAMED);
    for (arguments, said) in [
        (&["process.sent", "p1"][..], "`process.send`"),
        (&["process.send", "nosuch"], "there are `acme:orders` and `p1`"),
        (&["process.registry.unregister", "desk"], "`tenant/name`"),
        (&["process.send", "p1", "-c", "{"], "not JSON"),
        (&["process.send", "p1", "-c", "{\"byte\": 1}"], "`bytes`"),
        (&["process.send", "p1", "-c", "{\"scopes\": []}"], "`--scope`"),
        (&["process.send", "p1", "--scope", "acme:stuff"], "`acme:staff`"),
        (&["process.send", "p1", "--tenant", "acne"], "`acme`"),
    ] {
        let (code, stdout, stderr) = who(&folder, arguments);
        assert!(
            code == 64 && stdout.is_empty() && stderr.contains(said),
            "{arguments:?} {code}\n{stdout}{stderr}"
        );
    }
    let (code, _, stderr) = who(&folder, &["process.send", "p1", "nosuch-app"]);
    assert!(code == 3, "{stderr}");
    assert_eq!(who(&folder, &["process.registry.unregister", "acme/desk"]).0, 0);
}

#[test]
fn of_policies_on_their_own_every_tenant_exists_those_that_nobody_names_too() {
    let folder = app("");
    folder.write(
        "any.cedar",
        "@id(\"any\") permit (principal, action == Moonward::Action::\"process.context\", resource);\n\
         @id(\"clerk\") permit (principal in Moonward::Role::\"gamma/clerk\", action == Moonward::Action::\"process.context\", resource);\n",
    );
    folder.write(
        "guard.cedar",
        "@id(\"no.beta\") forbid (principal in Moonward::Tenant::\"beta\", action == Moonward::Action::\"process.context\", resource);\n",
    );
    let ask = ["process.context", "context", ".", "--policies", "any.cedar"];
    let (code, stdout, stderr) = who(&folder, &ask);
    for said in [
        "could let in any actor of any tenant\n",
        "any actor of tenant `gamma` with the role `gamma/clerk`\n",
    ] {
        assert!(code == 4 && stdout.contains(said), "{said} {code}\n{stdout}{stderr}");
    }
    let (code, stdout, stderr) = who(&folder, &[&ask[..], &["--policies", "guard.cedar"]].concat());
    let said = "any actor of tenants `acme`, `gamma`, `system`, any that is not named\n";
    assert!(code == 4 && stdout.contains(said), "{code}\n{stdout}{stderr}");
    assert!(stdout.contains("3 may, 1 may not"), "{stdout}");
}

#[test]
fn a_thing_that_nobody_declared_makes_no_complete_answer() {
    let folder = app(NAMED);
    let (code, stdout, _) = who(&folder, &["process.send", "acme/p9"]);
    assert!(code == 4 && stdout.contains("no fact tells of process `acme/p9`"), "{stdout}");
}

/// Where everything is said, the answers are those of `simulate`, actor by actor.
#[test]
fn every_answer_is_the_one_of_simulate() {
    let folder = app(
        "@id(\"clerk\") permit (principal in Moonward::Role::\"acme/clerk\", action == Moonward::Action::\"process.send\", resource)\n\
         when { context.bytes < 10 };\n\
         @id(\"own\") permit (principal, action == Moonward::Action::\"process.send\", resource) when { resource.owner == principal && context.topic == \"a\" };\n\
         @id(\"orders\") permit (principal == Moonward::Actor::\"acme/service/orders\", action in Moonward::Action::\"all\", resource);\n",
    );
    let mut seen = std::collections::BTreeSet::new();
    for context in [
        r#"{"bytes": 1, "topic": "a", "pid": null}"#,
        r#"{"bytes": 99, "topic": "a", "pid": "p1"}"#,
        r#"{"bytes": 99, "topic": "b", "pid": "acme:orders"}"#,
    ] {
        for resource in ["p1", "acme:orders"] {
            let (_, json) = asked(&folder, &["process.send", resource, "-c", context]);
            let answers = answers(&json);
            assert_eq!(answers.len(), 7, "{answers:?}");
            for (name, answer) in answers {
                let output = moonward()
                    .current_dir(folder.path())
                    .args(["policy", "simulate", ".", "--entities", "testdata/world.yaml", "-l", &name])
                    .args(["-a", "process.send", "-r", resource, "-c", context, "-o", "json"])
                    .output()
                    .unwrap();
                let simulated: Json = serde_json::from_str(&texts(&output).0).unwrap();
                assert_eq!(simulated["decision"], answer, "{name} {resource} {context}");
                seen.insert((name, answer));
            }
        }
    }
    assert!(seen.len() >= 9, "{seen:?}: the cases test little");
}

/// Whose child a parent is, a request says only of a process that it names: of a parent, where that is the one that asks.
#[test]
fn whose_child_a_parent_is_depends_on_which_process_asks() {
    let folder = app(
        "@id(\"send\") permit (principal == Moonward::Actor::\"acme/user/ada\", action == Moonward::Action::\"process.send\", resource);\n",
    );
    folder.write(
        "guard.yaml",
        "version: \"1.0\"\nnamespace: guards\nentries:\n  - {name: all, kind: security.scope, always: true, policies: [file://guard.cedar]}\n",
    );
    folder.write(
        "guard.cedar",
        "@id(\"grandchildren\") forbid (principal, action == Moonward::Action::\"process.send\", resource)\n\
         when { resource has parent && resource.parent has parent };\n",
    );
    folder.write(
        "testdata/world.yaml",
        "processes:\n  g: {owner: acme/user/ada}\n  p1: {owner: acme/user/ada, parent: g}\n\
         \x20 c: {owner: acme/user/ada, parent: p1}\nprincipals:\n  acme/user/ada: {}\n",
    );
    let ada = |context: &str| {
        let (code, json) = asked(&folder, &["process.send", "c", "-c", context]);
        (code, answers(&json).remove("acme/user/ada").unwrap())
    };
    let said = |pid: &str| format!(r#"{{"bytes": 1, "topic": "t", "pid": {pid}}}"#);
    for (context, code, answer) in [
        (r#"{"bytes": 1, "topic": "t"}"#.to_owned(), 4, "depends"),
        (said("null"), 0, "allow"),
        (said("\"g\""), 0, "allow"),
        (said("\"p1\""), 0, "deny"),
    ] {
        assert_eq!(ada(&context), (code, answer.to_owned()), "{context}");
    }
}

#[test]
fn who_is_denied_for_a_permit_that_fails_might_be_let_in_under_fewer_scopes() {
    let folder = app(NAMED);
    let acme = r#"
namespace: acme
entries:
  - {name: staff, kind: security.scope, policies: [file://acme.cedar]}
  - {name: limited, kind: security.scope, policies: [file://limited.cedar]}
  - {name: worker, kind: process.lua, source: "return function() end"}
  - name: orders
    kind: process.service
    process: worker
    host: app:processes
    security: {actor: {id: acme/service/orders}, scopes: [staff, limited]}
"#;
    folder.write("acme.yaml", acme);
    let sum = |condition: &str| {
        format!(
            "@id(\"sum\") permit (principal == Moonward::Actor::\"acme/service/orders\", action == Moonward::Action::\"process.send\", resource)\n\
             when {{ {condition} }};\n"
        )
    };
    folder.write("limited.cedar", &sum("context.bytes + 9223372036854775807 > 0"));
    let ask = ["process.send", "p1", "-c", r#"{"bytes": 1, "topic": "t"}"#];
    let (code, stdout, _) = who(&folder, &ask);
    let said = "`orders` of `acme:staff` (acme.cedar:1) could let in `acme/service/orders` with other scopes";
    assert!(code == 4 && stdout.contains("0 may, 7 may not") && stdout.contains(said), "{code}\n{stdout}");
    // Asked about under fewer, it may, and that is told.
    let (code, stdout, _) = who(&folder, &[&ask[..], &["--scope", "acme:staff"]].concat());
    assert!(code == 0 && stdout.contains("1 may, 6 may not"), "{code}\n{stdout}");
    // What cannot fail makes no difference.
    folder.write("limited.cedar", &sum("context.bytes > 100"));
    let (code, stdout, _) = who(&folder, &ask);
    assert!(code == 0 && stdout.contains("1 may, 6 may not"), "{code}\n{stdout}");
}

#[test]
fn a_guard_that_names_a_role_may_spare_another_token_of_the_same_actor() {
    let folder = app(
        "@id(\"ada\") permit (principal == Moonward::Actor::\"acme/user/ada\", action == Moonward::Action::\"process.send\", resource);\n",
    );
    folder.write(
        "guard.yaml",
        "version: \"1.0\"\nnamespace: guards\nentries:\n  - {name: all, kind: security.scope, always: true, policies: [file://guard.cedar]}\n",
    );
    folder.write(
        "guard.cedar",
        "@id(\"clerks\") forbid (principal in Moonward::Role::\"acme/clerk\", action == Moonward::Action::\"process.send\", resource);\n",
    );
    folder.write(
        "testdata/world.yaml",
        "principals:\n  acme/user/ada: {roles: [acme/clerk]}\nprocesses:\n  p1: {owner: acme/user/ada}\n",
    );
    let (code, stdout, _) = who(&folder, &["process.send", "p1"]);
    let said = "could let in `acme/user/ada` with other scopes, roles or tags than are known";
    assert!(code == 4 && stdout.contains("0 may") && stdout.contains(said), "{code}\n{stdout}");
}
