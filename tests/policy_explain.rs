//! `moonward policy explain`: every sort of answer is told down to its clauses, and what is suggested allows the case.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value as Json;

use crate::support::{Folder, moonward, records, texts};

const STAFF: &str = r#"@id("send.short")
permit (
  principal in Moonward::Role::"acme/clerk",
  action == Moonward::Action::"process.send",
  resource
)
when { context.bytes < 100 && context.topic == "news" };

@id("send.child")
permit (principal, action == Moonward::Action::"process.send", resource)
when { context has pid && resource has parent && resource.parent == context.pid };

@id("send.sales")
permit (principal, action == Moonward::Action::"process.send", resource)
when { principal.hasTag("dept") && principal.getTag("dept") == "sales" }
unless { context.topic == "secret" || context.bytes > 4096 };

@id("spawn.worker")
permit (principal, action == Moonward::Action::"process.spawn", resource == Moonward::Definition::"acme:worker")
when { context.via == "spawn" || principal.verified };

@id("call")
permit (principal, action == Moonward::Action::"process.call", resource)
when { if context.via == "call" then resource.shared else ["spawn", "service"].contains(context.via) };

@id("cancel.late")
permit (principal, action == Moonward::Action::"process.cancel", resource)
when { context has deadline_ms && context.deadline_ms + 9223372036854775807 > 0 };

@id("host")
permit (principal, action == Moonward::Action::"process.host", resource);
"#;

const CONTROL: &str = r#"@id("end.own")
permit (principal, action == Moonward::Action::"process.terminate", resource)
when { resource.tenant == principal.tenant };
"#;

const GUARD: &str = r#"@id("limits.internal") @advice("Use another topic.")
forbid (principal, action == Moonward::Action::"process.send", resource)
when { context.topic like "internal.*" && !(context.bytes < 10) };
"#;

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
  - {name: limits, kind: security.scope, always: true, policies: [file://guard.cedar]}
"#,
        ),
        (
            "acme.yaml",
            r#"
namespace: acme
entries:
  - {name: staff, kind: security.scope, policies: [file://staff.cedar]}
  - {name: control, kind: security.scope, policies: [file://control.cedar]}
  - {name: worker, kind: process.lua, source: "return function(...) return process.registry.register('x') end"}
  - {name: other, kind: process.lua, source: "return function() end"}
"#,
        ),
        (
            "beta.yaml",
            r#"
namespace: beta
entries:
  - {name: enders, kind: security.scope, policies: [file://beta.cedar]}
  - {name: job, kind: process.lua, source: "return function() end"}
"#,
        ),
        ("staff.cedar", STAFF),
        ("control.cedar", CONTROL),
        ("beta.cedar", &CONTROL.replace("end.own", "end.beta")),
        ("guard.cedar", GUARD),
        (
            "testdata/world.yaml",
            "principals:\n  acme/user/ada: {roles: [acme/clerk]}\n  acme/user/bob: {}\n  beta/user/eve: {}\n\
             processes:\n  p1: {owner: acme/user/ada}\n  p2: {owner: acme/user/ada, definition: acme:worker, parent: p1}\n\
             \x20 far: {owner: beta/user/eve}\n",
        ),
    ])
}

/// `moonward policy VERB ARGUMENTS`, in the app's folder: exit code, stdout, stderr.
fn policy(folder: &Folder, verb: &str, arguments: &[&str]) -> (i32, String, String) {
    let output =
        moonward().current_dir(folder.path()).args(["policy", verb]).args(arguments).output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

/// What is explained of a case in the small world of the app.
fn explained(folder: &Folder, arguments: &[&str]) -> String {
    let all = [&[".", "--entities", "testdata/world.yaml"], arguments].concat();
    let (code, stdout, stderr) = policy(folder, "explain", &all);
    assert_eq!((code, stderr.as_str()), (0, ""), "{arguments:?}\n{stdout}");
    stdout
}

/// A command as it is shown, given to a shell as it is.
fn pasted(command: &str, folder: &Path) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_moonward")).parent().unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).env("PATH", program).env_remove("MOONWARD_LOG").current_dir(folder);
    shell.output().unwrap()
}

/// Cases with all that is said of them up to the suggestions.
const TOLD: &[(&[&str], &str)] = &[
    // One clause, a tag that is absent, attributes that are.
    (
        &["-l", "acme/user/ada", "-a", "process.send", "-r", "p1", "-c", r#"{"bytes":500,"topic":"news"}"#],
        r#"deny: `acme/user/ada` may not `process.send` on Process `p1`: no policy permits it (deny_default)

permit `send.short` of scope `acme:staff` does not match: one clause says no
  --> staff.cedar:7:8
   |
 7 | when { context.bytes < 100 && context.topic == "news" };
   |        ^^^^^^^^^^^^^^^^^^^ false: `context.bytes` is 500

permit `send.sales` of scope `acme:staff` does not match: one clause says no
   --> staff.cedar:15:8
    |
 15 | when { principal.hasTag("dept") && principal.getTag("dept") == "sales" }
    |        ^^^^^^^^^^^^^^^^^^^^^^^^ false: `principal.getTag("dept")` is absent

permit `send.child` of scope `acme:staff` does not match: 2 clauses say no
   --> staff.cedar:11:8
    |
 11 | when { context has pid && resource has parent && resource.parent == context.pid };
    |        ^^^^^^^^^^^^^^^ false: `context.pid` is absent
    |                           ^^^^^^^^^^^^^^^^^^^ false: `resource.parent` is absent
"#,
    ),
    // A role that the head asks for, an `unless`, and text that a terminal would obey.
    (
        &[
            "-l",
            "acme/user/bob",
            "-a",
            "process.send",
            "-r",
            "p2",
            "-c",
            "{\"bytes\":5000,\"topic\":\"a\\u001b[31m\"}",
            "--set",
            "principal.tags.dept=sales",
        ],
        r#"deny: `acme/user/bob` may not `process.send` on Process `p2`: no policy permits it (deny_default)

permit `send.child` of scope `acme:staff` does not match: one clause says no
   --> staff.cedar:11:8
    |
 11 | when { context has pid && resource has parent && resource.parent == context.pid };
    |        ^^^^^^^^^^^^^^^ false: `context.pid` is absent

permit `send.sales` of scope `acme:staff` does not match: one clause says no
   --> staff.cedar:16:39
    |
 16 | unless { context.topic == "secret" || context.bytes > 4096 };
    |                                       ^^^^^^^^^^^^^^^^^^^^ true, in an `unless`: `context.bytes` is 5000

permit `send.short` of scope `acme:staff` does not match: 3 clauses say no
  --> staff.cedar:3:3
   |
 3 |   principal in Moonward::Role::"acme/clerk",
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ false: `principal` is Actor `acme/user/bob`, in Tenant `acme`
 7 | when { context.bytes < 100 && context.topic == "news" };
   |        ^^^^^^^^^^^^^^^^^^^ false: `context.bytes` is 5000
   |                               ^^^^^^^^^^^^^^^^^^^^^^^ false: `context.topic` is "a\u{1b}[31m"
"#,
    ),
    // The resource of the head, and alternatives.
    (
        &["-l", "acme/user/ada", "-a", "process.spawn", "-r", "acme:other", "-c", r#"{"via":"service"}"#],
        r#"deny: `acme/user/ada` may not `process.spawn` on Definition `acme:other`: no policy permits it (deny_default)

permit `spawn.worker` of scope `acme:staff` does not match: 2 clauses say no
   --> staff.cedar:19:65
    |
 19 | permit (principal, action == Moonward::Action::"process.spawn", resource == Moonward::Definition::"acme:worker")
    |                                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    = false: `resource` is Definition `acme:other`
 20 | when { context.via == "spawn" || principal.verified };
    |        ^^^^^^^^^^^^^^^^^^^^^^ neither this: `context.via` is "service"
    |                                  ^^^^^^^^^^^^^^^^^^ nor this: `principal.verified` is false
"#,
    ),
    // An `if`, by the branch that it takes.
    (
        &["-l", "acme/user/ada", "-a", "process.call", "-r", "acme:worker", "-c", r#"{"via":"call"}"#],
        r#"deny: `acme/user/ada` may not `process.call` on Definition `acme:worker`: no policy permits it (deny_default)

permit `call` of scope `acme:staff` does not match: one clause says no
   --> staff.cedar:24:11
    |
 24 | when { if context.via == "call" then resource.shared else ["spawn", "service"].contains(context.via) };
    |           ^^^^^^^^^^^^^^^^^^^^^ true, so `then` counts: `context.via` is "call"
    |                                      ^^^^^^^^^^^^^^^ false: `resource.shared` is false
"#,
    ),
    // A guard of the product's, across tenants.
    (
        &["-l", "acme/user/ada", "-a", "process.send", "-r", "far", "-c", r#"{"bytes":1,"topic":"t"}"#],
        r#"deny: `acme/user/ada` may not `process.send` on Process `far`: forbidden by `guard.tenant.process` (deny_forbid)

forbid `guard.tenant.process` of the guard matches
   --> policies/guard.cedar:47:10
    |
 47 | unless { resource.tenant == principal.tenant };
    |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    = false, in an `unless`: `resource.tenant` is Tenant `beta`, `principal.tenant` is Tenant `acme`
advice: This process belongs to another tenant.
help: a forbid of the guard holds whatever permits there are; the case reaches into tenant `beta`, and nothing is suggested across tenants
"#,
    ),
    // A guard of the app's, with a `!`.
    (
        &[
            "-l",
            "acme/user/ada",
            "-a",
            "process.send",
            "-r",
            "p1",
            "-c",
            r#"{"bytes":50,"topic":"internal.x"}"#,
        ],
        r#"deny: `acme/user/ada` may not `process.send` on Process `p1`: forbidden by `limits.internal` (deny_forbid)

forbid `limits.internal` of the guard matches
  --> guard.cedar:3:8
   |
 3 | when { context.topic like "internal.*" && !(context.bytes < 10) };
   |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ true: `context.topic` is "internal.x"
   |                                             ^^^^^^^^^^^^^^^^^^
   = false, and turned round by `!`: `context.bytes` is 50
advice: Use another topic.
"#,
    ),
    // A policy that fails, at the very place.
    (
        &["-l", "acme/user/ada", "-a", "process.cancel", "-r", "p1", "-c", r#"{"deadline_ms":5}"#],
        r#"deny: `acme/user/ada` may not `process.cancel` on Process `p1`: `cancel.late` failed (deny_error)

permit `cancel.late` of scope `acme:staff` fails
   --> staff.cedar:28:35
    |
 28 | when { context has deadline_ms && context.deadline_ms + 9223372036854775807 > 0 };
    |                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    = fails: integer overflow while attempting to add the values `5` and `9223372036854775807`: `context.deadline_ms` is 5
help: a policy that fails denies, also a forbid: make it test for what may be absent or too large
"#,
    ),
    // An allow, and one without conditions.
    (
        &["-l", "acme/user/ada", "-a", "process.send", "-r", "p1", "-c", r#"{"bytes":5,"topic":"news"}"#],
        r#"allow: `acme/user/ada` may `process.send` on Process `p1`: permitted by `send.short` (allow)

permit `send.short` of scope `acme:staff` matches
  --> staff.cedar:7:8
   |
 7 | when { context.bytes < 100 && context.topic == "news" };
   |        ^^^^^^^^^^^^^^^^^^^ true: `context.bytes` is 5
   |                               ^^^^^^^^^^^^^^^^^^^^^^^ true: `context.topic` is "news"
"#,
    ),
    (
        &["-l", "acme/user/ada", "-a", "process.host", "-r", "app:processes"],
        r#"allow: `acme/user/ada` may `process.host` on Host `app:processes`: permitted by `host` (allow)

permit `host` of scope `acme:staff` matches
   --> staff.cedar:31:20
    |
 31 | permit (principal, action == Moonward::Action::"process.host", resource);
    |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ true: `action` is Action `process.host`
"#,
    ),
    // Nothing is about it.
    (
        &["-l", "acme/user/ada", "-a", "tenant.read", "-r", "acme"],
        r#"deny: `acme/user/ada` may not `tenant.read` on Tenant `acme`: no policy permits it (deny_default)
help: no permit of `acme:staff` has a head for this; add one, or see why with `moonward policy effective . --actor acme/user/ada --action tenant.read`
"#,
    ),
];

/// Lines of a screen: all that is told has to be on one.
const SCREEN_LINES: usize = 50;

#[test]
fn each_sort_of_answer_is_told_down_to_its_clauses_with_the_values_that_they_read() {
    let folder = app();
    let mut wrong = String::new();
    for (arguments, expected) in TOLD {
        let stdout = explained(&folder, arguments);
        assert!(stdout.lines().count() <= SCREEN_LINES, "{stdout}");
        let told = stdout.split("\nto allow it:\n").next().unwrap();
        if told != *expected {
            wrong.push_str(&format!("{arguments:?}\n{told}\ninstead of\n{expected}\n"));
        }
        assert!(!stdout.contains('\u{1b}'), "{stdout}");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_command_that_is_suggested_allows_the_case_as_it_is_pasted() {
    let folder = app();
    let shown = ["-l", "-a", "-r", "-c"];
    let mut run = 0;
    for (actor, action, resource, context, least) in [
        ("acme/user/ada", "process.send", "p1", r#"{"bytes":500,"topic":"news"}"#, 3),
        ("acme/user/bob", "process.send", "p2", r#"{"bytes":5000,"topic":"it's\u001b[31m; exit 9"}"#, 4),
        ("acme/user/ada", "process.send", "p1", r#"{"bytes":50,"topic":"internal.x"}"#, 1),
        ("acme/user/ada", "process.spawn", "acme:other", r#"{"via":"service"}"#, 1),
        ("acme/user/ada", "process.spawn", "acme:worker", r#"{"via":"http"}"#, 2),
        ("acme/user/ada", "process.call", "acme:worker", r#"{"via":"cli"}"#, 2),
        ("acme/user/ada", "process.cancel", "p1", "{}", 2),
        ("acme/user/ada", "process.terminate", "p1", "{}", 1),
        // Never across tenants, and nothing where the answer is what it should be.
        ("acme/user/ada", "process.send", "far", "{}", 0),
        ("acme/user/ada", "process.terminate", "far", "{}", 0),
        ("acme/user/ada", "process.spawn", "beta:job", "{}", 0),
        ("acme/user/ada", "process.send", "p1", r#"{"pid":"far"}"#, 0),
        ("acme/user/ada", "process.send", "p1", r#"{"bytes":5,"topic":"news"}"#, 0),
    ] {
        let given: Vec<&str> = shown
            .into_iter()
            .zip([actor, action, resource, context])
            .flat_map(|(flag, value)| [flag, value])
            .collect();
        let (code, stdout, stderr) = policy(
            &folder,
            "explain",
            &[&[".", "--entities", "testdata/world.yaml", "-o", "json"], &given[..]].concat(),
        );
        assert_eq!((code, stderr.as_str()), (0, ""));
        let told: Json = serde_json::from_str(&stdout).unwrap();
        let suggestions = told["suggestions"].as_array().unwrap();
        assert!(suggestions.len() >= least && (least > 0 || suggestions.is_empty()), "{given:?}\n{stdout}");
        let text = explained(&folder, &given);
        for suggestion in suggestions {
            let command = suggestion["command"].as_str().unwrap();
            assert!(text.contains(command), "{command}\n{text}");
            let output = pasted(command, &folder.path());
            let (stdout, stderr) = texts(&output);
            assert_eq!(output.status.code(), Some(0), "{command}\n{stdout}{stderr}");
            assert!(stdout.contains("allow: "), "{stdout}");
            run += 1;
        }
    }
    assert!(run >= 16, "{run}");
}

#[test]
fn a_suggested_permit_opens_no_more_than_the_case_where_it_leaves_something_out() {
    let folder = app();
    let case = ["-l", "acme/user/ada", "-a", "process.cancel", "-r", "p1", "-o", "json"];
    let (_, stdout, _) =
        policy(&folder, "explain", &[&[".", "--entities", "testdata/world.yaml"], &case[..]].concat());
    let told: Json = serde_json::from_str(&stdout).unwrap();
    let permit =
        told["suggestions"].as_array().unwrap().iter().find_map(|one| one["permit"].as_str()).unwrap();
    for kept in ["principal == Moonward::Actor::\"acme/user/ada\"", "resource.tenant == principal.tenant"] {
        assert!(permit.contains(kept), "{permit}");
    }
}

/// What is suggested of a case, for programs.
fn suggested(folder: &Folder, arguments: &[&str]) -> Json {
    let told: Json =
        serde_json::from_str(&explained(folder, &[arguments, &["-o", "json"]].concat())).unwrap();
    told["suggestions"].clone()
}

#[test]
fn a_suggested_permit_is_for_the_actor_and_the_action_that_were_asked_about() {
    let folder = app();
    folder.write(
        "control.cedar",
        "@id(\"both\") permit (principal, action in [Moonward::Action::\"process.send\", \
         Moonward::Action::\"process.terminate\"], resource)\n\
         when { resource.definition == Moonward::Definition::\"acme:other\" };",
    );
    let scope = ["--scope", "acme:control", "-l", "acme/user/ada", "-r", "p2"];
    let case = [&scope[..], &["-a", "process.send", "-c", r#"{"topic":"q","bytes":4}"#]].concat();
    let suggestions = suggested(&folder, &case);
    let permit = suggestions.as_array().unwrap().iter().find_map(|one| one["permit"].as_str()).unwrap();
    assert!(permit.starts_with("@id(\"both.more\")"), "{permit}");
    for kept in [
        "principal == Moonward::Actor::\"acme/user/ada\"",
        "action == Moonward::Action::\"process.send\"",
        "resource.definition == Moonward::Definition::\"acme:worker\"",
    ] {
        assert!(permit.contains(kept), "{permit}");
    }
    folder.write("more.cedar", permit);
    for (actor, action, expected) in [
        ("acme/user/ada", "process.send", 0),
        ("acme/user/ada", "process.terminate", 2),
        ("acme/user/bob", "process.send", 2),
    ] {
        let case = ["-l", actor, "-a", action, "-r", "p2", "--scope", "acme:control", "--with", "more.cedar"];
        let fields: &[&str] =
            if action == "process.send" { &["-c", r#"{"topic":"q","bytes":4}"#] } else { &[] };
        let all = [&[".", "--entities", "testdata/world.yaml"], &case[..], fields].concat();
        let (code, stdout, stderr) = policy(&folder, "simulate", &all);
        assert_eq!(code, expected, "{actor} {action}\n{stdout}{stderr}");
    }
}

#[test]
fn what_is_to_be_another_text_is_one_that_says_so_and_a_tag_is_taken_away() {
    let folder = app();
    folder.write(
        "control.cedar",
        "@id(\"topics\") permit (principal, action == Moonward::Action::\"process.send\", resource)\n\
         when { context.topic != \"z\" };\n\
         @id(\"tags\") permit (principal, action == Moonward::Action::\"process.terminate\", resource)\n\
         unless { principal.hasTag(\"banned\") && principal.getTag(\"banned\") == \"yes\" };",
    );
    let case = ["--scope", "acme:control", "-l", "acme/user/ada", "-r", "p1"];
    let sent = [&case[..], &["-a", "process.send", "-c", r#"{"topic":"z","bytes":4}"#]].concat();
    let banned = [&case[..], &["-a", "process.terminate", "--set", "principal.tags.banned=yes"]].concat();
    for (case, expected) in
        [(sent, "with `context.topic=not-z`"), (banned, "with `principal.tags.banned=null`")]
    {
        let suggestions = suggested(&folder, &case);
        assert_eq!(suggestions[0]["says"], expected, "{suggestions:#}");
    }
}

#[test]
fn a_permit_that_wants_a_field_which_the_action_never_has_comes_last() {
    let folder = app();
    folder.write(
        "control.cedar",
        "@id(\"keys\") permit (principal, action in [Moonward::Action::\"process.send\", \
         Moonward::Action::\"process.context\"], resource)\nwhen { context has keys && context.keys.contains(\"a\") };\n\
         @id(\"far\") permit (principal, action == Moonward::Action::\"process.send\", resource)\n\
         when { context.bytes < 1 && context.topic == \"x\" && principal.verified };",
    );
    let case = ["--scope", "acme:control", "-l", "acme/user/ada", "-a", "process.send", "-r", "p1"];
    let told = explained(&folder, &[&case[..], &["-c", r#"{"topic":"q","bytes":4}"#]].concat());
    let place = |text: &str| told.find(text).unwrap_or_else(|| panic!("{told}"));
    assert!(place("permit `far` of scope") < place("permit `keys` of scope"), "{told}");
    assert!(told.contains("@id(\"far.more\")"), "{told}");
}

/// A denial of the app on record: its id.
fn denied(folder: &Folder) -> String {
    let scopes = ["--actor", "acme/user/ada", "--scope", "acme:staff"];
    let output = folder.run("call", &[&["acme:worker"], &scopes[..]].concat());
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(2), "{stdout}{stderr}");
    let id = folder.denials().pop().unwrap()["id"].as_str().unwrap().to_owned();
    // What is told of the denial leads to its explanation.
    let command = stderr.split('`').find(|part| part.starts_with("moonward policy explain")).unwrap();
    assert!(command.contains(&id), "{command}");
    let output = pasted(command, &folder.path());
    assert_eq!(output.status.code(), Some(0), "{command}");
    id
}

#[test]
fn a_recorded_denial_is_explained_and_changed_by_its_id_or_as_the_last() {
    let folder = app();
    let id = denied(&folder);
    let log = folder.log().display().to_string();
    for record in [id.as_str(), &id[..12], "last"] {
        let (code, stdout, stderr) = policy(&folder, "explain", &[record, ".", "--log", &log]);
        let suggesting =
            format!("help: `moonward policy suggest . --log {log} --record {id}` writes the least permit");
        assert!(code == 0 && stderr.starts_with(&suggesting), "{stderr}");
        for said in
            ["recorded: deny_default\n", "may not `process.spawn`", "neither this: `context.via` is \"cli\""]
        {
            assert!(stdout.contains(said), "{said}\n{stdout}");
        }
        let told: Vec<&str> = stdout.split("\n- ").skip(1).collect();
        assert!(told.len() >= 2, "{stdout}");
        for suggestion in told {
            let command = suggestion.split_once('\n').unwrap().1;
            assert!(command.contains(&format!("--from {id} --log {log}")), "{command}");
            let output = pasted(command, &folder.path());
            assert_eq!(output.status.code(), Some(0), "{command}\n{}", texts(&output).1);
        }
    }
    // Also as it was then, from the log alone, under other scopes, and with another value.
    let then = [&id, "nowhere", "--log", &log, "--then"];
    let (code, stdout, _) = policy(&folder, "explain", &then);
    assert!(code == 0 && stdout.contains("again by set ") && stdout.contains("--then"), "{stdout}");
    let (code, stdout, _) =
        policy(&folder, "explain", &[&then[..], &["--set", "context.via=spawn"]].concat());
    assert!(code == 0 && stdout.contains("\nallow: "), "{stdout}");
    for (arguments, code) in [
        (&["--set", "context.via=spawn"][..], 0),
        (&["--set", "principal.verified=true"], 0),
        (&["--scope", "acme:control"], 2),
        (&["--scope", "acme:control", "--scope", "acme:staff", "--set", "context.via=spawn"], 0),
        (&["--scope", "acme:staf"], 64),
        (&["--then", "--scope", "acme:control"], 2),
        (&["--then", "--scope", "acme:none"], 64),
    ] {
        let from = [".", "--from", &id, "--log", &log];
        let (exit, stdout, stderr) = policy(&folder, "simulate", &[&from[..], arguments].concat());
        assert_eq!(exit, code, "{arguments:?}\n{stdout}{stderr}");
    }
}

#[test]
fn what_is_redacted_and_read_is_not_explained_unless_it_is_given() {
    let folder = app();
    folder.write(
        "more.yaml",
        "namespace: acme\nentries:\n  - {name: start, kind: security.scope, policies: [file://start.cedar]}\n  - name: teller\n    \
         kind: process.lua\n    source: \"return function() return process.send(process.pid(), 'greet', 'x') end\"\n",
    );
    folder.write(
        "start.cedar",
        "@id(\"start\") permit (principal, action in Moonward::Action::\"spawn\", resource);\n",
    );
    folder.run(
        "call",
        &["acme:teller", "--actor", "acme/user/ada", "--scope", "acme:start", "--scope", "acme:staff"],
    );
    let denied = folder.denials().pop().unwrap();
    assert_eq!(denied["action"], "process.send");
    let id = denied["id"].as_str().unwrap();
    let segment = folder.log().join("00000001.jsonl");
    let lines = std::fs::read_to_string(&segment).unwrap();
    let told = format!("\"id\":\"{id}\",\"redacted\":[\"context.topic\"],");
    std::fs::write(&segment, lines.replacen(&format!("\"id\":\"{id}\","), &told, 1)).unwrap();
    let log = folder.log().display().to_string();
    let record = [id, ".", "--log", &log];
    let (code, stdout, _) = policy(&folder, "explain", &record);
    assert!(code == 4 && stdout.starts_with("not_replayable: redacted: context.topic"), "{code} {stdout}");
    let (code, stdout, _) = policy(&folder, "explain", &[&record[..], &["-o", "json"]].concat());
    let told: Json = serde_json::from_str(&stdout).unwrap();
    assert!(
        code == 4 && told["not_replayable"][0]["why"].as_str().unwrap().contains("context.topic"),
        "{told}"
    );
    let (code, stdout, _) =
        policy(&folder, "explain", &[&record[..], &["--set", "context.topic=secret"]].concat());
    assert!(code == 0 && stdout.contains("`context.topic` is \"secret\""), "{code} {stdout}");
}

#[test]
fn what_names_nothing_to_be_explained_is_told_with_what_to_write() {
    let folder = app();
    let (code, stdout, stderr) = policy(&folder, "explain", &["testdata"]);
    assert!(code == 64 && stdout.is_empty(), "{code} {stdout}{stderr}");
    assert!(stderr.contains("`testdata` is a folder"), "{stderr}");
    assert!(stderr.contains("`moonward policy explain last testdata`"), "{stderr}");
    denied(&folder);
    let log = folder.log().display().to_string();
    let load = records(&folder.log())[0]["id"].as_str().unwrap().to_owned();
    for (arguments, code, said) in [
        (&[][..], 64, "give a record, `last`, or a case"),
        (&["-l", "acme/user/ada"], 64, "`--action`, `--resource` are missing"),
        (&["last", "-l", "acme/user/ada", "-a", "process.send", "-r", "p1"], 3, "`last` cannot be opened"),
        (
            &["last", "elsewhere", "-l", "acme/user/ada", "-a", "process.send", "-r", "p1"],
            64,
            "explain one of them",
        ),
        (&["ILOU", ".", "--log", &log], 64, "no id of a record"),
        (&["01000000000000000000000000", ".", "--log", &log], 1, "no record begins with"),
        (&["last", "."], 1, "there is no audit log"),
        (&[".", "--from", &load, "--log", &log], 4, "not_replayable: the record is of kind"),
        (&[".", "--then", "-l", "acme/user/ada", "-a", "process.send", "-r", "p1"], 64, "`--from`"),
        (&["last", "nowhere", "--log", &log], 3, ""),
    ] {
        let (exit, stdout, stderr) = policy(&folder, "explain", arguments);
        assert!(
            exit == code && format!("{stdout}{stderr}").contains(said),
            "{arguments:?} {exit}\n{stdout}{stderr}"
        );
    }
}

#[test]
fn a_change_is_of_what_a_case_has_and_else_wrong_usage_with_the_nearest() {
    let folder = app();
    let case = [
        ".",
        "-l",
        "acme/user/bob",
        "-a",
        "process.send",
        "-r",
        "p2",
        "-c",
        r#"{"bytes":10,"topic":"news"}"#,
        "--entities",
        "testdata/world.yaml",
    ];
    for (changes, code, said) in [
        (&["principal.roles=[\"acme/clerk\"]"][..], 0, "send.short"),
        (&["principal.tags.dept=sales"], 0, "send.sales"),
        (&["principal.tags={\"dept\": \"sales\"}"], 0, "send.sales"),
        (&["principal.tags.dept=sales", "principal.tags.dept=null"], 2, "deny_default"),
        (&["context.pid=p1"], 0, "send.child"),
        (&["context.pid=p1", "resource.parent=null"], 2, "deny_default"),
        (&["context.pid=p1", "resource.owner=beta/user/eve"], 2, "guard.tenant.process"),
        (&["context.pid=p1", "resource.definition=acme:other"], 0, "send.child"),
        (&["context.pid=far"], 2, "guard.caller"),
        (&["principal.verified=true", "principal.authTime=5", "principal.authTime=null"], 2, "deny_default"),
        (&["context.bytes"], 64, "write `PATH=JSON`"),
        (&["context.bites=1"], 64, "did you mean `context.bytes`?"),
        (&["context.bytes=many"], 64, "must be a Long"),
        (&["context.bytes=null"], 64, "it is always there"),
        (&["context.scopes=[]"], 64, "`--scope`"),
        (&["context.pid=p9"], 64, "there is no process `p9`"),
        (&["context.pid.parent=p1"], 64, "set that first"),
        (&["principal.role=x"], 64, "did you mean `principal.roles`?"),
        (&["principal.roles=[\"beta/clerk\"]"], 64, "a role belongs to its actor's tenant"),
        (&["principal.kind=operator"], 64, "follows from the actor's id"),
        (&["principal.tags.a=5"], 64, "a text"),
        (&["resource.tenant=beta"], 64, "tenant of the owner"),
        (&["resource.parent=definition:acme:worker"], 64, "must name a Process"),
        (&["a\u{1b}[31m=1"], 64, "`a\\u{1b}[31m`"),
    ] {
        let set: Vec<&str> = changes.iter().flat_map(|change| ["--set", change]).collect();
        let (exit, stdout, stderr) = policy(&folder, "simulate", &[&case[..], &set].concat());
        assert!(
            exit == code && format!("{stdout}{stderr}").contains(said),
            "{changes:?} {exit}\n{stdout}{stderr}"
        );
    }
}

#[test]
fn many_near_permits_fit_on_a_screen_and_the_rest_is_counted() {
    let folder = app();
    let many: String = (0..60)
        .map(|n| {
            format!(
                "@id(\"many.{n}\") permit (principal, action == Moonward::Action::\"process.terminate\", resource)\n\
                 when {{ principal.kind == \"operator\" && principal.verified && resource.owner == principal }};\n"
            )
        })
        .collect();
    folder.write("control.cedar", &many);
    let case = ["-l", "acme/user/bob", "-a", "process.terminate", "-r", "p1", "--scope", "acme:control"];
    let stdout = explained(&folder, &case);
    let told = stdout.split("\nto allow it:\n").next().unwrap();
    assert!(stdout.lines().count() <= SCREEN_LINES, "{stdout}");
    let whole = told.matches("permit `many.").count();
    let named = told.matches("\n  `many.").count();
    assert!(told.contains(&format!("and {} more, see `-o json`", 60 - whole - named)), "{told}");
}
