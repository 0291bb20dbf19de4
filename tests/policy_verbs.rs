//! `moonward policy`: what is decided from files alone is what a run decides, and every way to be wrong is told.

use std::time::Instant;

use serde_json::Value as Json;

use crate::support::{Folder, moonward, repository, texts};

const POLICIES: &str = r#"
@id("acme.spawn") permit (principal, action in Moonward::Action::"spawn", resource)
when { resource is Moonward::Host || resource.tenant == principal.tenant };
@id("acme.send") @advice("Keep it short.")
permit (principal in Moonward::Role::"acme/clerk", action == Moonward::Action::"process.send", resource)
when { context.bytes < 100 };
@id("acme.orders") permit (principal == Moonward::Actor::"acme/service/orders", action == Moonward::Action::"process.send", resource)
when { principal.hasTag("role") && principal.getTag("role") == "worker" };
@id("acme.sum") permit (principal, action == Moonward::Action::"process.cancel", resource)
when { context has deadline_ms && context.deadline_ms + 9223372036854775807 > 0 };
"#;

/// Two tenants, a service, and policies that answer in every way.
fn app() -> Folder {
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
  - {name: worker, kind: process.lua, source: "return function(...) return process.registry.register('x') end"}
  - name: orders
    kind: process.service
    process: worker
    host: app:processes
    security: {actor: {id: acme/service/orders, meta: {role: worker}}, scopes: [staff]}
"#,
        ),
        (
            "beta.yaml",
            "namespace: beta\nentries:\n  - {name: job, kind: process.lua, source: \"return function() end\"}\n",
        ),
        ("acme.cedar", POLICIES),
        (
            "testdata/world.yaml",
            "principals:\n  acme/user/ada: {roles: [acme/clerk]}\n  beta/user/eve: {}\n\
             processes:\n  p1: {owner: acme/user/ada}\n  far: {owner: beta/user/eve}\n",
        ),
    ])
}

/// `moonward policy VERB APP ARGS`: exit code, stdout, stderr.
fn policy(folder: &Folder, verb: &str, arguments: &[&str]) -> (i32, String, String) {
    let output =
        moonward().current_dir(folder.path()).args(["policy", verb, "."]).args(arguments).output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

#[test]
fn every_kind_of_answer_is_simulated_with_its_policies_and_exit_code() {
    let folder = app();
    let ada = ["-l", "acme/user/ada", "--entities", "testdata/world.yaml"];
    for (arguments, code, kind, policies) in [
        (&["-a", "process.spawn", "-r", "acme:worker"][..], 0, "allow", "acme.spawn"),
        (&["-a", "process.send", "-r", "p1", "-c", r#"{"bytes": 5}"#], 0, "allow", "acme.send"),
        (&["-a", "process.send", "-r", "p1", "-c", r#"{"bytes": 500}"#], 2, "deny_default", ""),
        (
            &["-a", "process.send", "-r", "Moonward::Process::\"far\""],
            2,
            "deny_forbid",
            "guard.tenant.process",
        ),
        (&["-a", "process.send", "-r", "process:beta/p7"], 2, "deny_forbid", "guard.tenant.process"),
        (&["-a", "process.spawn", "-r", "beta:job"], 2, "deny_forbid", "guard.tenant.definition"),
        (&["-a", "process.cancel", "-r", "p1", "-c", r#"{"deadline_ms": 5}"#], 2, "deny_error", ""),
        (&["-a", "tenant.read", "-r", "acme"], 2, "deny_default", ""),
    ] {
        let (exit, stdout, stderr) =
            policy(&folder, "simulate", &[&ada, arguments, &["-o", "json"]].concat());
        assert_eq!((exit, stderr.as_str()), (code, ""), "{arguments:?}\n{stdout}");
        let answer: Json = serde_json::from_str(&stdout).unwrap();
        let ids: Vec<&str> =
            answer["policies"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(
            (answer["decision_kind"].as_str().unwrap(), ids.join(" ").as_str()),
            (kind, policies),
            "{stdout}"
        );
        // The same for people, under the command's other name.
        let (exit, stdout, _) = policy(&folder, "dry-run", &[&ada, arguments].concat());
        assert_eq!((exit, stdout.contains(kind)), (code, true), "{stdout}");
    }
    // The service's actor has the meta of its manifest, its process the service's id.
    let (exit, stdout, _) = policy(
        &folder,
        "simulate",
        &["-l", "acme/service/orders", "-a", "process.send", "-r", "acme:orders"],
    );
    assert!(exit == 0 && stdout.contains("acme.orders"), "{stdout}");
    assert!(!folder.path().join("data").exists(), "nothing is recorded");
}

#[test]
fn a_default_deny_names_the_permits_that_were_looked_at_and_a_permit_its_lines() {
    let folder = app();
    let send =
        ["-l", "acme/user/ada", "--entities", "testdata/world.yaml", "-a", "process.send", "-r", "p1", "-c"];
    let (_, stdout, _) =
        policy(&folder, "simulate", &[&send[..], &[r#"{"bytes": 500, "topic": "x"}"#]].concat());
    assert!(
        stdout.contains("`acme.send` of `acme:staff` (acme.cedar:4)") && stdout.contains("help: "),
        "{stdout}"
    );
    assert!(!stdout.contains("acme.orders"), "its head names another: {stdout}");
    let (_, stdout, _) = policy(&folder, "simulate", &[&send[..], &[r#"{"bytes": 5}"#]].concat());
    for said in [
        " --> acme.cedar:4:1",
        "5 | | permit (principal in Moonward::Role",
        "advice: Keep it short.",
        "context.topic",
    ] {
        assert!(stdout.contains(said), "{said}\n{stdout}");
    }
}

#[test]
fn a_policy_that_fails_is_named_and_shown_with_its_lines() {
    let folder = app();
    let cancel =
        ["-l", "acme/user/ada", "-a", "process.cancel", "-r", "acme/p1", "-c", r#"{"deadline_ms": 5}"#];
    let (code, stdout, _) = policy(&folder, "simulate", &cancel);
    for said in ["`acme.sum` failed (deny_error)", "permit `acme.sum` of scope `acme:staff`\n", "overflow"] {
        assert!(code == 2 && stdout.contains(said), "{said}\n{stdout}");
    }
    assert!(
        stdout.contains(" --> acme.cedar:9:1\n") && stdout.contains("9 | / @id(\"acme.sum\")"),
        "{stdout}"
    );
    let (_, stdout, _) = policy(&folder, "simulate", &[&cancel[..], &["-o", "json"]].concat());
    let answer: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&answer["failed"][0]["id"], &answer["failed"][0]["line"]), (&"acme.sum".into(), &9.into()));
    assert_eq!((&answer["policies"], answer["failed"].as_array().unwrap().len()), (&Json::Array(vec![]), 1));
}

#[test]
fn the_command_that_a_denial_tells_of_works_as_it_is_pasted() {
    let folder = app();
    let place = folder.path().with_file_name("my app's; exit 9");
    std::fs::rename(folder.path(), &place).unwrap();
    for policies in [&[][..], &["--policies", "acme.cedar"]] {
        let mut command = moonward();
        command.args(["policy", "simulate"]).arg(&place).args(policies).current_dir(&place);
        command.args(["-l", "acme/user/ada", "-a", "process.terminate", "-r", "acme/p1"]);
        let output = command.output().unwrap();
        let (stdout, stderr) = texts(&output);
        let (_, told) = stdout.split_once("see why with `").unwrap_or_else(|| panic!("{stdout}{stderr}"));
        let told = told.split('`').next().unwrap();
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_moonward")).parent().unwrap();
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", told]).env("PATH", program).current_dir(&place);
        let output = shell.output().unwrap();
        let (stdout, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{told}\n{stderr}");
        assert!(
            stdout.starts_with("`acme/user/ada` under ") && stdout.contains("left out: acme.send"),
            "{stdout}"
        );
    }
}

#[test]
fn policies_added_or_left_out_show_before_and_after() {
    let folder = app();
    folder.write(
        "more.cedar",
        "@id(\"acme.spawn\") permit (principal, action, resource) when { context has via && context.via == \"spawn\" };\n\
         @id(\"no.names\") forbid (principal, action in Moonward::Action::\"registry\", resource);\n",
    );
    let spawn = ["-l", "acme/user/ada", "-a", "process.spawn", "-r", "acme:worker", "-o", "json"];
    for (arguments, exit, before, after) in [
        (&["--without", "acme.spawn"][..], 2, "allow", "deny_default"),
        (&["--without", "acme.spawn", "--with", "more.cedar"], 2, "allow", "deny_default"),
        (&["--without", "guard.suspended"], 0, "allow", "allow"),
    ] {
        let (code, stdout, stderr) = policy(&folder, "simulate", &[&spawn[..], arguments].concat());
        assert_eq!(code, exit, "{stdout}{stderr}");
        let answers: Json = serde_json::from_str(&stdout).unwrap();
        assert_eq!(
            (&answers["before"]["decision_kind"], &answers["after"]["decision_kind"]),
            (&before.into(), &after.into())
        );
    }
    // One id twice is an error of the policies, an id that is none one of the arguments.
    assert_eq!(policy(&folder, "simulate", &[&spawn[..], &["--with", "more.cedar"]].concat()).0, 3);
    let (code, stdout, _) = policy(&folder, "simulate", &[&spawn[..], &["--without", "acme.spwan"]].concat());
    assert!(code == 64 && stdout.contains("did you mean `acme.spawn`?"), "{stdout}");
    // Without the guard's own forbid, only the guard's is missing.
    let far = [
        "-l",
        "acme/user/ada",
        "-a",
        "process.registry.register",
        "-r",
        "beta/x",
        "-c",
        "{\"target\": \"acme/p1\"}",
    ];
    let (code, stdout, _) =
        policy(&folder, "simulate", &[&far[..], &["--without", "guard.tenant.name"]].concat());
    assert!(code == 2 && stdout.contains("before: deny") && stdout.contains("(deny_default)"), "{stdout}");
}

#[test]
fn a_recorded_decision_is_simulated_as_it_was_or_not_at_all() {
    let folder = app();
    let call = folder.run("call", &["acme:worker", "--actor", "acme/user/ada", "--scope", "acme:staff"]);
    assert_eq!(call.status.code(), Some(2));
    let denied = folder.denials().pop().unwrap();
    let (id, log) = (denied["id"].as_str().unwrap().to_owned(), folder.log().display().to_string());
    let from = ["--from", &id, "--log", &log];
    let (code, stdout, _) = policy(&folder, "simulate", &[&from[..], &["-o", "json"]].concat());
    let again: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (code, &again["decision_kind"], &again["recorded"]),
        (2, &denied["decision_kind"], &denied["decision_kind"])
    );
    assert_eq!((&again["actor"], &again["action"]), (&denied["actor"], &denied["action"]));
    folder.write(
        "name.cedar",
        "@id(\"name\") permit (principal, action in Moonward::Action::\"registry\", resource);\n",
    );
    let (code, stdout, _) = policy(&folder, "simulate", &[&from[..], &["--with", "name.cedar"]].concat());
    assert!(code == 0 && stdout.contains("recorded: deny_default"), "{stdout}");

    // What a log was told not to keep decides only where an answer can depend on it.
    let segment = folder.log().join("00000001.jsonl");
    let lines = std::fs::read_to_string(&segment).unwrap();
    for (path, expected) in [("asserted_by.login", 2), ("context.via", 4)] {
        let told = format!("\"id\":\"{id}\",\"redacted\":[\"{path}\"],");
        std::fs::write(&segment, lines.replacen(&format!("\"id\":\"{id}\","), &told, 1)).unwrap();
        let (code, stdout, _) = policy(&folder, "simulate", &from);
        assert_eq!(code, expected, "{stdout}");
        assert_eq!(stdout.starts_with("not_replayable: redacted: context.via"), expected == 4, "{stdout}");
    }
    std::fs::write(&segment, lines).unwrap();

    let load = crate::support::records(&folder.log())[0]["id"].as_str().unwrap().to_owned();
    let (code, stdout, _) = policy(&folder, "simulate", &["--from", &load, "--log", &log]);
    assert!(code == 4 && stdout.starts_with("not_replayable: "), "{code} {stdout}");
    let manifest = std::fs::read_to_string(folder.path().join("acme.yaml")).unwrap();
    folder.write("acme.yaml", &manifest.replace("name: staff", "name: crew").replace("[staff]", "[crew]"));
    let index = std::fs::read_to_string(folder.path().join("_index.yaml")).unwrap();
    folder.write("_index.yaml", &index.replace("acme:staff", "acme:crew"));
    let (code, stdout, _) = policy(&folder, "simulate", &from);
    assert!(code == 4 && stdout.contains("acme:staff"), "{code} {stdout}");

    // By the policies of then it comes out as it did, whatever has become of the app.
    std::fs::remove_file(folder.path().join("acme.yaml")).unwrap();
    std::fs::remove_file(folder.path().join("_index.yaml")).unwrap();
    let then = [&from[..], &["--then", "-o", "json"]].concat();
    let (code, stdout, _) = policy(&folder, "simulate", &then);
    let again: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &again["decision_kind"]), (2, &denied["decision_kind"]), "{again}");
    assert_eq!(again["recorded"], denied["decision_kind"]);
    std::fs::remove_dir_all(folder.log().join("policies")).unwrap();
    let (code, stdout, _) = policy(&folder, "simulate", &then);
    assert!(code == 4 && stdout.contains("cannot be read"), "{code} {stdout}");
}

#[test]
fn what_asks_for_nothing_that_exists_is_wrong_usage_with_the_nearest() {
    let folder = app();
    let with = |action: &'static str, resource: &'static str| {
        vec!["-l", "acme/user/ada", "--entities", "testdata/world.yaml", "-a", action, "-r", resource]
    };
    for (arguments, said) in [
        (with("process.sent", "p1"), "`process.send`"),
        (with("process.send", "definition:acme:worker"), "not a Definition"),
        (with("process.spawn", "acme:wroker"), "`acme:worker`"),
        ([with("process.send", "p1"), vec!["-c", "{\"topik\": 1}"]].concat(), "`topic`"),
        ([with("process.send", "p1"), vec!["-c", "{\"bytes\": \"1\"}"]].concat(), "Long"),
        ([with("process.send", "p1"), vec!["-c", "[]"]].concat(), "object"),
        ([with("process.send", "p1"), vec!["-c", "{\"scopes\": []}"]].concat(), "--scope"),
        ([with("process.spawn", "acme:worker"), vec!["-c", "{\"via\": \"door\"}"]].concat(), "`cli`"),
        ([with("process.send", "p1"), vec!["--scope", "acme:staf"]].concat(), "`acme:staff`"),
        (
            with("process.send", "nosuch"),
            "help: there are `acme:orders`, `far` and `p1`; `tenant/name` stands for",
        ),
        (with("process.send", "p"), "did you mean `p1`?"),
        (with("process.send", "nowhere/p"), "there is no tenant `nowhere`"),
        (
            [with("process.send", "p1"), vec!["-c", "{\"pid\": \"nosuch\"}"]].concat(),
            "help: there are `acme:orders`",
        ),
        (with("process.registry.register", "x"), "help: give it with `-c '{\"target\": \"...\"}'`"),
        (
            [with("process.registry.register", "x"), vec!["-c", "{\"target\": \"nosuch\"}"]].concat(),
            "`tenant/name` stands for",
        ),
        ([with("process.send", "p1"), vec!["--scope", "no:such"]].concat(), "help: there is `acme:staff`"),
        (
            [with("process.send", "p1"), vec!["--without", "nothing"]].concat(),
            "help: there are `acme.spawn`, `acme.send`, `acme.orders`, `acme.sum`, ",
        ),
        (vec!["-l", "acne/user/ada", "-a", "process.send", "-r", "p1"], "`acme`"),
        (vec!["-l", "ada", "-a", "process.send", "-r", "p1"], "tenant/kind"),
        (vec!["-l", "acme/user/ada"], "--action"),
    ] {
        let (code, stdout, stderr) = policy(&folder, "simulate", &arguments);
        assert!(
            code == 64 && stdout.is_empty() && stderr.contains(said),
            "{arguments:?} {code}\n{stdout}{stderr}"
        );
    }
    folder.write("testdata/world.yaml", "processes:\n  p1: {ownr: acme/user/ada}\n");
    let (code, _, stderr) = policy(&folder, "simulate", &with("process.send", "p1"));
    assert!(code == 3 && stderr.contains("world.yaml:2:8") && stderr.contains("`owner`"), "{stderr}");
}

#[test]
fn entities_in_cedars_form_are_taken_if_they_can_be_true() {
    let folder = app();
    let uid = |kind: &str, id: &str| serde_json::json!({"type": format!("Moonward::{kind}"), "id": id});
    let actor = |id: &str, tenant: &str| {
        serde_json::json!({"uid": uid("Actor", id), "attrs": {"tenant": {"__entity": uid("Tenant", tenant)},
            "kind": "user", "verified": true}, "parents": [uid("Role", "acme/clerk"), uid("Tenant", tenant)], "tags": {}})
    };
    let send = [
        "-l",
        "acme/user/ada",
        "--entities",
        "world.json",
        "-a",
        "process.send",
        "-r",
        "acme/p1",
        "-c",
        "{\"bytes\": 5}",
    ];
    folder.write("world.json", &serde_json::json!([actor("acme/user/ada", "acme")]).to_string());
    let (code, stdout, _) = policy(&folder, "simulate", &send);
    assert!(code == 0 && stdout.contains("acme.send"), "{stdout}");
    folder.write("world.json", &serde_json::json!([actor("acme/user/ada", "beta")]).to_string());
    let (code, _, stderr) = policy(&folder, "simulate", &send);
    assert!(code == 3 && stderr.contains("acme/user/ada"), "{stderr}");
}

#[test]
fn what_can_match_is_inspected_and_what_is_not_followed_is_warned_of() {
    let folder = app();
    let (code, stdout, stderr) =
        policy(&folder, "inspect", &["--actor", "acme/user/ada", "--action", "process.send"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(
        stdout.contains("answers are remembered")
            && stdout.contains("whether `resource.tenant` is `principal.tenant`"),
        "{stdout}"
    );
    assert!(stdout.contains("guard.tenant.process") && !stdout.contains("acme.orders"), "{stdout}");
    // Whoever of the tenant asks, another's own is there too; and the other tenant has none of it.
    let (_, stdout, _) = policy(&folder, "inspect", &["--action", "process.send"]);
    assert_eq!(
        (stdout.matches("acme.orders").count(), stdout.matches("any actor of tenant").count()),
        (1, 2),
        "{stdout}"
    );

    folder.write("acme.cedar", "@id(\"acme.whole\") permit (principal, action == Moonward::Action::\"process.unlink\", resource)\nwhen { context == context };\n");
    let (code, stdout, stderr) =
        policy(&folder, "inspect", &["--actor", "acme/user/ada", "--action", "process.unlink"]);
    assert!(
        code == 0 && stdout.contains("not remembered") && stdout.contains("may read anything"),
        "{stdout}"
    );
    assert!(
        stderr.contains("warning: ") && stderr.contains("acme.cedar:1:1") && stderr.contains("whole context"),
        "{stderr}"
    );
    let (_, stdout, _) = policy(&folder, "inspect", &["--action", "process.unlink", "-o", "json"]);
    let found: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!(found["inspected"][0]["actions"][0]["remembered"], false, "{stdout}");
}

#[test]
fn what_applies_to_an_actor_is_shown_and_what_is_left_out_with_the_reason() {
    let folder = app();
    let (code, stdout, _) = policy(&folder, "effective", &["--actor", "acme/user/ada"]);
    assert!(code == 0 && stdout.contains("guard.suspended"), "{stdout}");
    assert!(
        stdout.contains("left out: acme.orders (acme.cedar:7): its head names another principal"),
        "{stdout}"
    );
    let beta = ["--actor", "beta/user/eve", "--scope", "acme:staff", "-o", "json"];
    let (code, stdout, _) = policy(&folder, "effective", &beta);
    let found: Json = serde_json::from_str(&stdout).unwrap();
    let share = &found["shares"][1];
    assert_eq!(
        (code, &share["considered"], &share["applies"]),
        (0, &"not_for_another_tenant".into(), &Json::Array(vec![]))
    );
    assert_eq!(share["left_out"].as_array().unwrap().len(), 4, "{stdout}");
    let (_, stdout, _) =
        policy(&folder, "effective", &["--actor", "acme/user/ada", "--action", "tenant.read"]);
    assert!(stdout.contains("guard.tenant.doors.tenant") && stdout.contains("nothing applies"), "{stdout}");
}

/// The app with a permit and a guard in shadow.
fn on_trial() -> Folder {
    let folder = app();
    let permit = "@id(\"trial.watch\") @mode(\"shadow\") permit (principal, action in Moonward::Action::\"observe\", resource)\n\
                  when { resource.tenant == principal.tenant };\n";
    folder.write("acme.cedar", &format!("{POLICIES}{permit}"));
    folder.write(
        "trial.cedar",
        "@id(\"trial.closed\") @mode(\"shadow\") forbid (principal, action in Moonward::Action::\"spawn\", resource);\n",
    );
    let manifest = std::fs::read_to_string(folder.path().join("_index.yaml")).unwrap();
    let guard = "  - {name: trial, kind: security.scope, always: true, policies: [file://trial.cedar]}\n";
    folder.write("_index.yaml", &format!("{manifest}{guard}"));
    folder
}

#[test]
fn what_is_in_shadow_is_told_apart_and_is_never_said_to_have_decided() {
    let folder = on_trial();
    let json = |verb: &str, arguments: &[&str]| -> Json {
        let (_, stdout, stderr) = policy(&folder, verb, &[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"))
    };
    let ask = |action: &'static str, resource: &'static str| {
        ["-l", "acme/user/ada", "--entities", "testdata/world.yaml", "-a", action, "-r", resource]
    };
    // A permit in shadow that would match.
    let watch = ask("process.monitor", "p1");
    let (code, stdout, _) = policy(&folder, "simulate", &watch);
    assert!(code == 2 && stdout.contains("no policy permits it (deny_default)"), "{stdout}");
    assert!(
        stdout.contains("in shadow, and not enforced:\n  `trial.watch` of `acme:staff` (acme.cedar:"),
        "{stdout}"
    );
    assert!(stdout.contains("in shadow: it would be allow, by `trial.watch`\n"), "{stdout}");
    assert!(!stdout.contains("does not match") && !stdout.contains("says no"), "{stdout}");
    assert!(stdout.contains("help: no enforced permit of `acme:staff`"), "{stdout}");
    let told = json("simulate", &watch);
    assert_eq!((&told["decision_kind"], &told["considered"]), (&"deny_default".into(), &Json::Array(vec![])));
    assert_eq!(
        (&told["in_shadow"][0]["id"], &told["in_shadow"][0]["mode"]),
        (&"trial.watch".into(), &"shadow".into())
    );
    assert_eq!(
        (&told["shadow"]["decision_kind"], &told["shadow"]["policies"][0]["id"]),
        (&"allow".into(), &"trial.watch".into())
    );
    // A guard in shadow denies nothing, and is told.
    let spawn = ask("process.spawn", "acme:worker");
    let (code, stdout, _) = policy(&folder, "simulate", &spawn);
    assert!(
        code == 0 && stdout.contains("in shadow: it would be deny_forbid, by `trial.closed`\n"),
        "{stdout}"
    );
    let told = json("simulate", &spawn);
    assert_eq!(
        (&told["decision_kind"], &told["shadow"]["policies"][0]["mode"]),
        (&"allow".into(), &"shadow".into())
    );
    assert!(told["policies"].as_array().unwrap().iter().all(|one| one.get("mode").is_none()), "{told}");

    // Where policies are listed, each says whether it is in shadow.
    for (action, id) in [("process.monitor", "trial.watch"), ("process.spawn", "trial.closed")] {
        for verb in ["effective", "inspect"] {
            let arguments = ["--actor", "acme/user/ada", "--action", action];
            let (code, stdout, _) = policy(&folder, verb, &arguments);
            let line = stdout.lines().find(|line| line.contains(id)).unwrap();
            assert!(code == 0 && line.ends_with(" (in shadow)"), "{verb} {stdout}");
            assert_eq!(stdout.matches("(in shadow)").count(), 1, "{verb} {stdout}");
            let told = json(verb, &arguments);
            let lists: Vec<&Json> = match verb {
                "effective" => {
                    told["shares"].as_array().unwrap().iter().map(|share| &share["applies"]).collect()
                }
                _ => vec![&told["inspected"][0]["actions"][0]["policies"]],
            };
            let shadow: Vec<&Json> = lists
                .into_iter()
                .flat_map(|list| list.as_array().unwrap())
                .filter(|one| one["mode"] == "shadow")
                .map(|one| &one["id"])
                .collect();
            assert_eq!(shadow, [id], "{verb}");
        }
    }
}

const TESTS: &str = r#"scopes: [acme:staff]
fixtures: ../../testdata
tests:
  - name: messages stay home
    principals: [acme/user/ada]
    actions: [process.send]
    resources: [process:p1, process:far]
    context: {bytes: 1}
    allow: [[acme/user/ada, process.send, process:p1]]
    kind: {process:far: deny_forbid}
    reason: {process:far: [guard.tenant.process]}
"#;

fn tested(tests: &str) -> Folder {
    let folder = app();
    folder.write("policies/tests/a_test.yaml", tests);
    folder
}

#[test]
fn tests_hold_or_fall_short_cell_by_cell() {
    let (code, stdout, stderr) = policy(&tested(TESTS), "test", &[]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.ends_with("ok: 1 test, 2 cells\n"), "{stdout}");
    // From wherever in the app the tests are named.
    for path in ["policies/tests", "policies/tests/a_test.yaml", "policies"] {
        let folder = tested(TESTS);
        let output = moonward().current_dir(folder.path()).args(["policy", "test", path]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{path}\n{}", texts(&output).1);
    }
    for (from, to, said) in [
        ("allow: [[acme/user/ada, process.send, process:p1]]", "allow: []", "expected deny, got allow"),
        (
            "kind: {process:far: deny_forbid}",
            "kind: {process:far: deny_default}",
            "expected deny_default, got deny_forbid",
        ),
        ("[guard.tenant.process]", "[guard.caller]", "expected `guard.caller` among the policies"),
        ("reason:", "num_errors: 1\n    reason:", "expected 1 policies to fail, got 0"),
    ] {
        let folder = tested(&TESTS.replace(from, to));
        let (code, stdout, _) = policy(&folder, "test", &[]);
        assert!(code == 5 && stdout.contains(said) && stdout.contains("determined by"), "{to}\n{stdout}");
        let (code, stdout, _) = policy(&folder, "test", &["-o", "json"]);
        let report: Json = serde_json::from_str(&stdout).unwrap();
        assert!(code == 5 && report["counts"]["fell_short"].as_u64() > Some(0), "{stdout}");
        let (code, stdout, _) = policy(&folder, "test", &["-o", "junit"]);
        assert!(code == 5 && stdout.starts_with("<?xml") && stdout.contains("<failure "), "{stdout}");
    }
}

#[test]
fn a_test_that_cannot_be_meant_is_invalid_with_its_place() {
    for (from, to, place, said) in [
        ("allow:", "alow:", ":9:", "`allow`"),
        ("process:far]", "process:fra]", ":7:", "`far`"),
        ("principals: [acme/user/ada]", "principals: [acme/user/adam]", ":5:", "`acme/user/ada`"),
        ("actions: [process.send]", "actions: [process.sent]", ":6:", "`process.send`"),
        ("{bytes: 1}", "{byte: 1}", ":8:", "`bytes`"),
        ("{bytes: 1}", "{bytes: one}", ":8:", "Long"),
        ("process.send, process:p1]]", "process.send, process:p2]]", ":9:", "no cell"),
        ("kind: {process:far", "kind: {process:near", ":10:", "no cell"),
        ("deny_forbid", "deny_forbidden", ":10:", "deny_forbid"),
        ("kind: {process:far:", "kind: {process:p1:", ":10:12", "only cells that are allowed"),
        (
            "kind: {process:far:",
            "kind: {acme/user/ada process.send process:p1:",
            ":10:12",
            "only cells that are allowed",
        ),
        ("kind: {process:far:", "kind: {process.sent:", ":10:12", "no cell"),
        ("reason: {process:far:", "reason: {process.sent:", ":11:14", "no cell"),
        ("scopes: [acme:staff]", "scopes: [acme:stuff]", ":1:", "`acme:staff`"),
        ("scopes: [acme:staff]", "policies: [../gone.cedar]", "gone.cedar", "cannot be read"),
    ] {
        let (code, stdout, stderr) = policy(&tested(&TESTS.replace(from, to)), "test", &[]);
        assert!(
            code == 3 && stdout.is_empty() && stderr.contains(said) && stderr.contains(place),
            "{to} {code}\n{stdout}{stderr}"
        );
    }
    let folder = tested(TESTS);
    let (code, _, stderr) = policy(&folder, "test", &["--filter", "abroad"]);
    assert!(code == 3 && stderr.contains("abroad"), "{stderr}");
    assert_eq!(policy(&folder, "test", &["--filter", "stay home"]).0, 0);
    std::fs::remove_file(folder.path().join("policies/tests/a_test.yaml")).unwrap();
    assert_eq!(policy(&folder, "test", &[]).0, 3, "no test is no success");
}

#[test]
fn tests_of_cedars_own_command_line_are_run_as_they_are() {
    let folder = app();
    let entities = serde_json::json!([
        {"uid": {"type": "Moonward::Actor", "id": "acme/user/ada"}, "parents": [{"type": "Moonward::Role", "id": "acme/clerk"}],
         "attrs": {"tenant": {"__entity": {"type": "Moonward::Tenant", "id": "acme"}}, "kind": "user", "verified": false}}]);
    let case = |bytes: i64, decision: &str, reason: &[&str]| {
        serde_json::json!({"name": format!("{bytes} bytes"), "request": {"principal": "Moonward::Actor::\"acme/user/ada\"",
            "action": "Moonward::Action::\"process.send\"", "resource": "Moonward::Process::\"acme:orders\"",
            "context": {"scopes": [{"__entity": {"type": "Moonward::Scope", "id": "acme:staff"}}], "topic": "t", "bytes": bytes}},
            "entities": entities, "decision": decision, "reason": reason, "num_errors": 0})
    };
    let run = |cases: Json| {
        folder.write("cases.json", &cases.to_string());
        let file = folder.path().join("cases.json");
        let output = moonward().args(["policy", "test"]).arg(file).output().unwrap();
        (output.status.code().unwrap(), texts(&output).0, texts(&output).1)
    };
    let (code, stdout, stderr) =
        run(serde_json::json!([case(5, "allow", &["acme.send"]), case(500, "deny", &[])]));
    assert!(code == 0 && stdout.ends_with("ok: 2 tests, 2 cells\n"), "{stdout}{stderr}");
    assert_eq!(run(serde_json::json!([case(5, "deny", &[])])).0, 5);
    assert_eq!(run(serde_json::json!([{"decision": "deny"}])).0, 3);
}

#[test]
fn the_shipped_guard_and_the_scopes_to_copy_keep_to_their_tests() {
    let output = moonward().args(["policy", "test"]).arg(repository().join("policies")).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    // Each forbid of the guard is a reason somewhere, so that none is there untested.
    let tests = std::fs::read_to_string(repository().join("policies/tests/guard_test.yaml")).unwrap();
    let guard = std::fs::read_to_string(repository().join("policies/guard.cedar")).unwrap();
    let ids: Vec<&str> = guard.split("@id(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(ids.len() >= 16, "{ids:?}");
    for id in ids {
        assert!(tests.contains(&format!("[{id}]")), "{id} is not tested");
    }
}

#[test]
fn every_answer_for_programs_says_first_of_what_form_it_is() {
    let folder = tested(TESTS);
    let ada = ["-l", "acme/user/ada", "-a", "process.spawn", "-r", "acme:worker"];
    let without = [&ada[..], &["--without", "acme.spawn"]].concat();
    for (verb, arguments) in [
        ("simulate", &ada[..]),
        ("simulate", &without),
        ("explain", &ada),
        ("effective", &["--actor", "acme/user/ada"]),
        ("inspect", &[]),
        ("test", &[]),
        ("check", &[]),
    ] {
        let (_, stdout, stderr) = policy(&folder, verb, &[arguments, &["-o", "json"]].concat());
        let first = stdout.trim_start_matches(|character: char| "{ \n".contains(character));
        let expected = format!("\"schema\": \"moonward.policy-{verb}/1\"");
        assert!(first.replace("\":\"", "\": \"").starts_with(&expected), "{verb}: {stdout}{stderr}");
    }
    let mut who_can = moonward();
    who_can.current_dir(folder.path()).args(["policy", "who-can", "process.spawn"]);
    let (stdout, stderr) = texts(&who_can.args(["acme:worker", ".", "-o", "json"]).output().unwrap());
    assert!(stdout.contains("\"moonward.policy-who-can/1\""), "{stdout}{stderr}");
    // What cannot be told says so in the same form.
    folder.run("call", &["acme:worker", "--actor", "acme/user/ada", "--scope", "acme:staff"]);
    let (log, load) =
        (folder.log().display().to_string(), crate::support::records(&folder.log())[0]["id"].clone());
    for verb in ["simulate", "explain"] {
        let arguments = ["--from", load.as_str().unwrap(), "--log", &log, "-o", "json"];
        let (code, stdout, stderr) = policy(&folder, verb, &arguments);
        let told: Json = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{verb}: {stdout}{stderr}"));
        assert_eq!((code, &told["schema"]), (4, &format!("moonward.policy-{verb}/1").into()), "{told}");
        assert_eq!(
            (&told["complete"], &told["not_replayable"][0]["count"]),
            (&false.into(), &1.into()),
            "{told}"
        );
    }
}

#[test]
fn ten_thousand_cells_take_seconds_not_minutes() {
    let folder = app();
    std::fs::remove_file(folder.path().join("testdata/world.yaml")).unwrap();
    let list =
        |word: &str, count: usize| (0..count).map(|n| format!("{word}{n}")).collect::<Vec<_>>().join(", ");
    let principals: String =
        (0..100).map(|n| format!("  acme/user/u{n}: {{roles: [acme/clerk]}}\n")).collect();
    let processes: String = (0..100).map(|n| format!("  p{n}: {{owner: acme/user/u{n}}}\n")).collect();
    folder.write(
        "big_test.yaml",
        &format!(
            "principals:\n{principals}processes:\n{processes}tests:\n  - name: many\n    principals: [{}]\n    actions: [process.send]\n\
             \x20   resources: [{}]\n    context: {{bytes: 500}}\n",
            list("acme/user/u", 100),
            list("process:p", 100),
        ),
    );
    let started = Instant::now();
    let (code, stdout, stderr) = policy(&folder, "test", &[]);
    assert!(code == 0 && stdout.ends_with("ok: 1 test, 10 000 cells\n"), "{stdout}{stderr}");
    // Two seconds are promised of a release build; this one is not, and shares its machine.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    println!("{:?}", started.elapsed());
}
