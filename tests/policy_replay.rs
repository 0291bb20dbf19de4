//! Recorded decisions decided again: by the same policies the same, by others what these would answer; what cannot be decided
//! is counted, never guessed.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::console::{run, steps};
use crate::support::{Folder, moonward, records, repository, texts};

/// A guard, a guard in shadow, a permit that fails for long topics, one whose allows are all recorded, and a permit in shadow.
const MANIFEST: &str = r#"
version: "1.0"
namespace: app
entries:
  - {name: acme, kind: tenant, namespaces: [acme], default_scopes: [acme:staff]}
  - {name: beta, kind: tenant, namespaces: [beta]}
  - {name: guard, kind: security.scope, always: true, policies: [file://guard.cedar]}
"#;

const ACME: &str = r#"
version: "1.0"
namespace: acme
entries:
  - {name: staff, kind: security.scope, policies: [file://staff.cedar]}
  - {name: one, kind: process.lua, source: file://one.lua}
"#;

const BETA: &str =
    "namespace: beta\nentries:\n  - {name: job, kind: process.lua, source: \"return function() end\"}\n";

const GUARD: &str = r#"
@id("no.boss") forbid (principal, action == Moonward::Action::"process.registry.register", resource == Moonward::Name::"acme/boss");
@id("no.desk") @mode("shadow") forbid (principal, action == Moonward::Action::"process.registry.register", resource == Moonward::Name::"acme/desk");
"#;

const STAFF: &str = r#"
@id("staff.start") permit (principal, action in Moonward::Action::"spawn", resource)
when { resource is Moonward::Host || resource.tenant == principal.tenant };
@id("staff.names") @audit("always") permit (principal, action in Moonward::Action::"registry", resource);
@id("staff.send") permit (principal, action == Moonward::Action::"process.send", resource)
when { context.bytes < 1000 };
@id("staff.sum") permit (principal, action == Moonward::Action::"process.cancel", resource)
when { context has deadline_ms && context.deadline_ms + 9223372036854775807 > 0 };
@id("staff.drafts") @mode("shadow") permit (principal, action == Moonward::Action::"process.send", resource);
"#;

const ONE: &str = r#"
return function()
    local me = process.pid()
    process.registry.register("desk")
    process.registry.register("boss")
    process.send(me, "short", {text = "x"})
    process.send(me, "long", {text = string.rep("x", 5000)})
    process.spawn("beta:job", "app:processes")
    process.cancel(me, "1s")
    process.monitor(me)
    return true
end
"#;

fn app() -> Folder {
    let folder = Folder::new(&[
        ("_index.yaml", MANIFEST),
        ("acme/_index.yaml", ACME),
        ("acme/staff.cedar", STAFF),
        ("acme/one.lua", ONE),
        ("beta/_index.yaml", BETA),
        ("guard.cedar", GUARD),
    ]);
    assert_eq!(folder.value("acme:one", &[]), true);
    folder
}

/// `moonward policy VERB ARGUMENTS --log LOG`: exit code, stdout, stderr.
fn policy(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    let mut command = moonward();
    command.current_dir(folder.path()).arg("policy").args(arguments).arg("--log").arg(folder.log());
    let output = command.output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

/// The report of a replay, which has to exit so.
fn replayed(folder: &Folder, arguments: &[&str], code: i32) -> Json {
    let (exit, stdout, stderr) = policy(folder, &[&["replay", "-o", "json"], arguments].concat());
    assert_eq!(exit, code, "{arguments:?}\n{stdout}\n{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn count(report: &Json, what: &str) -> u64 {
    report["decisions"][what].as_u64().unwrap_or_else(|| panic!("{what}: {report}"))
}

fn decisions(log: &Path) -> u64 {
    records(log).iter().filter(|record| record["kind"] == "decision").count() as u64
}

/// A copy of the app beside it, with one file written anew.
fn changed(folder: &Folder, file: &str, text: &str) -> String {
    let copy = folder.path().parent().unwrap().join("changed");
    let _ = fs::remove_dir_all(&copy);
    for path in [
        "_index.yaml",
        "acme/_index.yaml",
        "acme/staff.cedar",
        "acme/one.lua",
        "beta/_index.yaml",
        "guard.cedar",
    ] {
        fs::create_dir_all(copy.join(path).parent().unwrap()).unwrap();
        fs::copy(folder.path().join(path), copy.join(path)).unwrap();
    }
    fs::write(copy.join(file), text).unwrap();
    "../changed".to_owned()
}

fn segment(folder: &Folder) -> PathBuf {
    folder.log().join("00000001.jsonl")
}

#[test]
fn the_policies_that_decided_decide_everything_the_same_again() {
    let folder = app();
    let report = replayed(&folder, &["."], 0);
    let decided = decisions(&folder.log());
    assert_eq!((count(&report, "replayed"), count(&report, "unchanged")), (decided, decided), "{report}");
    let kinds: std::collections::BTreeSet<String> = records(&folder.log())
        .iter()
        .filter(|record| record["kind"] == "decision")
        .flat_map(|record| [record["decision_kind"].to_string(), record["because"].to_string()])
        .collect();
    for kind in ["allow", "deny_forbid", "deny_default", "deny_error", "asked", "first", "denied"] {
        assert!(kinds.contains(&format!("\"{kind}\"")), "{kind}: {kinds:?}");
    }
    assert!(records(&folder.log()).iter().any(|record| record["shadow"].is_object()), "no shadow mattered");
    assert_eq!(report["complete"], true, "{report}");
}

#[test]
fn the_records_of_every_example_are_decided_the_same_again() {
    let root = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(repository().join("examples"))
        .arg(root.path())
        .status();
    assert!(copied.unwrap().success());
    let mut all = 0;
    for example in fs::read_dir(root.path().join("examples")).unwrap().map(|entry| entry.unwrap().path()) {
        let log = example.join("data");
        let _ = fs::remove_dir_all(&log);
        let transcript = fs::read_to_string(example.join("expected.txt")).unwrap();
        steps(&transcript).iter().for_each(|step| drop(run(step.command, root.path())));
        let output = moonward().args(["policy", "replay", "-o", "json"]).arg(&example).output().unwrap();
        let (stdout, stderr) = texts(&output);
        if stdout.contains("there is no audit log") {
            continue;
        }
        let report: Json =
            serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
        assert_eq!(
            count(&report, "replayed"),
            count(&report, "unchanged"),
            "{}: {report}",
            example.display()
        );
        assert_eq!(output.status.code(), Some(0), "{}: {report}", example.display());
        all += count(&report, "replayed");
    }
    assert!(all > 20, "{all} decisions: tests little");
}

#[test]
fn each_change_is_told_and_fails_if_that_was_asked_for() {
    let folder = app();
    for (condition, what, fail_on, others) in [
        ("context.bytes < 100000", "newly_allowed", "newly-allowed", "newly-denied,errors"),
        ("context.bytes < 1", "newly_denied", "newly-denied", "newly-allowed,errors"),
        ("context.bytes + 9223372036854775807 > 0", "new_errors", "errors", "newly-allowed"),
    ] {
        let text = STAFF.replacen("context.bytes < 1000", condition, 1);
        let candidate = changed(&folder, "acme/staff.cedar", &text);
        let candidate = ["--candidate", candidate.as_str()];
        let report = replayed(&folder, &candidate, 0);
        assert!(count(&report, what) > 0, "{what}: {report}");
        assert_eq!(
            count(&report, "replayed"),
            ["unchanged", "newly_allowed", "newly_denied", "new_errors", "other_reason"]
                .map(|what| count(&report, what))
                .iter()
                .sum::<u64>()
        );
        replayed(&folder, &[&candidate[..], &["--fail-on", fail_on]].concat(), 2);
        replayed(&folder, &[&candidate[..], &["--fail-on", others]].concat(), 0);
        let group = &report["groups"][0];
        let record = group["record"].as_str().unwrap();
        assert!(records(&folder.log()).iter().any(|line| line["id"] == record), "{group}");
        assert_eq!((&group["tenant"], &group["action"]), (&"acme".into(), &"process.send".into()), "{group}");
    }
    // Another forbid for what is forbidden already, and for what nothing permits: denied as before, for another reason.
    let more = "@id(\"more\") forbid (principal, action == Moonward::Action::\"process.monitor\", resource);";
    let candidate = changed(&folder, "guard.cedar", &format!("{GUARD}{more}"));
    let report =
        replayed(&folder, &["--candidate", &candidate, "--fail-on", "newly-denied,errors,newly-allowed"], 0);
    assert_eq!((count(&report, "other_reason"), count(&report, "newly_denied")), (1, 0), "{report}");
    assert_eq!(report["groups"][0]["after"]["policies"], serde_json::json!(["more"]), "{report}");
}

#[test]
fn what_was_only_counted_is_told_beside_the_record_that_stands_for_it() {
    let folder = app();
    folder.write(
        "acme/one.lua",
        "return function() for i = 1, 40 do process.send(process.pid(), 't', {}) end return true end",
    );
    folder.value("acme:one", &[]);
    let text = STAFF.replacen("bytes < 1000", "bytes < 1", 1);
    let candidate = changed(&folder, "acme/staff.cedar", &text);
    let report = replayed(&folder, &["--candidate", &candidate], 0);
    let counted: u64 = report["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["only_counted"].as_u64().unwrap())
        .sum();
    assert_eq!((counted, report["only_counted"].as_u64()), (39, Some(39)), "{report}");
    let (_, stdout, _) = policy(&folder, &["replay", "--candidate", &candidate]);
    assert!(stdout.contains("and 39 more of their sorts, only counted"), "{stdout}");
}

#[test]
fn files_on_their_own_count_for_whoever_holds_a_scope() {
    let folder = app();
    folder.write(
        "more.cedar",
        "@id(\"more\") permit (principal, action == Moonward::Action::\"process.monitor\", resource);",
    );
    let report = replayed(&folder, &["--with", "more.cedar"], 0);
    assert_eq!(
        (count(&report, "newly_allowed"), report["groups"].as_array().unwrap().len()),
        (1, 1),
        "{report}"
    );
    assert_eq!(report["groups"][0]["after"]["policies"], serde_json::json!(["more"]), "{report}");
    // In place of all policies of the app they are all that permits.
    let report = replayed(&folder, &["--candidate", "more.cedar"], 0);
    assert_eq!(count(&report, "newly_allowed"), 1, "{report}");
    assert!(count(&report, "newly_denied") >= 4, "{report}");
    let report = replayed(&folder, &["--without", "staff.names"], 0);
    assert!(count(&report, "newly_denied") >= 1, "{report}");
}

#[test]
fn filters_choose_what_is_decided() {
    let folder = app();
    let all = count(&replayed(&folder, &[], 0), "replayed");
    for filter in [
        &["--decision", "deny"][..],
        &["--action", "process.send"],
        &["--where", "record.context.bytes > 1000"],
        &["--since", "1h", "--actor", "acme/user/cli", "--tenant", "acme", "--action", "registry"],
    ] {
        let report = replayed(&folder, &[&["."], filter].concat(), 0);
        assert!(count(&report, "replayed") > 0 && count(&report, "replayed") < all, "{filter:?}: {report}");
    }
    // What no record can be asked has no answer.
    replayed(&folder, &["--where", "record.context.nothing > 1000"], 4);
    let none = replayed(&folder, &["--tenant", "nobody"], 0);
    assert_eq!(count(&none, "replayed"), 0);
}

#[test]
fn what_cannot_be_decided_is_counted_with_its_reason_and_exits_with_4() {
    let folder = app();
    let whole = fs::read_to_string(segment(&folder)).unwrap();
    let all = decisions(&folder.log());
    let denial = whole.lines().find(|line| line.contains("\"deny_default\"")).unwrap();
    let one_less = |line: &str| {
        let rest: Vec<&str> = whole.lines().filter(|other| *other != denial).collect();
        format!("{line}\n{}\n", rest.join("\n"))
    };
    let mut record: Json = serde_json::from_str(denial).unwrap();
    record["entities"].as_array_mut().unwrap().pop();
    let no_entity = record.to_string();
    record["entities"] = serde_json::json!({"$stored": {"bytes": "10", "sha256": "a".repeat(64)}});
    let missing_part = record.to_string();
    let nested = format!("{{\"kind\":\"decision\",\"actor\":{}1{}}}", "[".repeat(8000), "]".repeat(8000));
    for (what, text, left) in [
        ("an entity less", one_less(&no_entity), all - 1),
        ("a part that is gone", one_less(&missing_part), all - 1),
        ("no record", one_less("\u{1b}[31m{\"kind\":"), all - 1),
        ("an empty object", one_less("{\"kind\":\"decision\"}"), all - 1),
        ("a number", one_less("7"), all - 1),
        ("too long a line", one_less(&"x".repeat(200_000)), all - 1),
        ("a deep line", one_less(&nested), all - 1),
        ("another kind of answer", one_less(&denial.replace("\"deny_default\"", "\"deny_maybe\"")), all - 1),
    ] {
        fs::write(segment(&folder), &text).unwrap();
        let report = replayed(&folder, &[], 4);
        assert_eq!(count(&report, "unchanged"), left, "{what}: {report}");
        assert_eq!(count(&report, "replayed"), left, "{what}: {report}");
        assert_eq!(report["complete"], false, "{what}: {report}");
        let (exit, stdout, stderr) = policy(&folder, &["replay"]);
        assert!(
            exit == 4 && (stdout.contains("not_replayable: 1 x ") || stdout.contains("not read: ")),
            "{what}: {stdout}{stderr}"
        );
        assert!(!stdout.contains('\u{1b}') && !stderr.contains("panicked"), "{what}: {stdout}{stderr}");
    }
    // A change that was asked for counts more.
    fs::write(segment(&folder), one_less(&no_entity)).unwrap();
    let candidate = changed(&folder, "acme/staff.cedar", &STAFF.replacen("bytes < 1000", "bytes < 1", 1));
    replayed(&folder, &["--candidate", &candidate, "--fail-on", "newly-denied"], 2);
    // The end of a line that is being written is none of it.
    let mut file = fs::OpenOptions::new().append(true).open(segment(&folder)).unwrap();
    fs::write(segment(&folder), &whole).unwrap();
    file.write_all(b"{\"schema\":\"moon").unwrap();
    replayed(&folder, &[], 0);
}

#[test]
fn what_is_redacted_matters_only_to_policies_that_read_it() {
    let folder = app();
    fs::remove_dir_all(folder.log()).unwrap();
    let audit = "  - {name: audit, kind: audit.log, path: data/audit, redact: [context.topic]}\n";
    folder.write("_index.yaml", &format!("{MANIFEST}{audit}"));
    folder.value("acme:one", &[]);
    let report = replayed(&folder, &[], 0);
    assert_eq!(count(&report, "replayed"), count(&report, "unchanged"), "{report}");
    folder.write("topics.cedar", "@id(\"topics\") forbid (principal, action == Moonward::Action::\"process.send\", resource) when { context.topic == \"x\" };");
    let report = replayed(&folder, &["--with", "topics.cedar"], 4);
    let why = report["not_replayable"][0]["why"].as_str().unwrap();
    assert!(why.contains("redacted: context.topic, which policy `topics` reads"), "{report}");
}

#[test]
fn what_is_asked_wrongly_is_said_with_what_to_do() {
    let folder = app();
    for (arguments, code, said) in [
        (&["replay", "--fail-on", "newly"][..], 64, "newly-allowed"),
        (&["replay", "--without", "staff.sent"], 64, "staff.send"),
        (&["replay", "--candidate", "nowhere.cedar"], 3, "nowhere.cedar"),
        (&["replay", "--since", "yesterday"], 64, "15m"),
        (&["diff", ".", "nowhere"], 64, "digest"),
        (&["diff", "0000000000", "."], 3, "policy history"),
        (&["diff", "."], 64, "HEAD"),
    ] {
        let (exit, stdout, stderr) = policy(&folder, arguments);
        assert!(exit == code && stderr.contains(said), "{arguments:?}: {exit}\n{stdout}{stderr}");
    }
    folder.write("wrong.cedar", "permit (");
    let (exit, _, stderr) = policy(&folder, &["replay", "--with", "wrong.cedar"]);
    assert!(exit == 3 && stderr.contains("wrong.cedar:1"), "{stderr}");
    let output = moonward().current_dir(folder.path()).args(["policy", "replay"]).output().unwrap();
    let (_, stderr) = texts(&output);
    assert!(output.status.code() == Some(1) && stderr.contains("--log DIR"), "{stderr}");
}

#[test]
fn a_report_fits_a_pull_request_in_every_form() {
    let folder = app();
    let candidate = changed(&folder, "acme/staff.cedar", &STAFF.replacen("bytes < 1000", "bytes < 1", 1));
    for (form, said) in [
        ("text", "newly denied:\n"),
        ("markdown", "| newly denied | 1 |"),
        ("github", "::notice file=../changed/acme/staff.cedar,line=5,title=newly denied::1 x acme: users"),
    ] {
        let (exit, stdout, stderr) = policy(&folder, &["replay", "--candidate", &candidate, "-o", form]);
        assert!(exit == 0 && stdout.contains(said), "{form}: {exit}\n{stdout}{stderr}");
        assert!(stdout.lines().count() < 60, "{stdout}");
    }
}

#[test]
fn nothing_that_a_record_says_is_obeyed_by_a_page_in_markdown() {
    const HOSTILE: [&str; 6] = [
        "[free](https://evil.example)",
        "![seen](https://evil.example/pixel.png) @everyone #1",
        "`` ` ``` out @everyone",
        "a | b \\| c",
        "one\n# two\n\n| x |",
        "<img src=x onerror=alert(1)> &lt; a_b_c *d*",
    ];
    let folder = app();
    let whole = fs::read_to_string(segment(&folder)).unwrap();
    let candidate = changed(&folder, "acme/staff.cedar", &STAFF.replacen("bytes < 1000", "bytes < 1", 1));
    for hostile in HOSTILE {
        let lines = whole.lines().map(|line| {
            let mut record: Json = serde_json::from_str(line).unwrap();
            if record["kind"] == "decision" && record["decision_kind"] == "deny_default" {
                record["scopes"] = serde_json::json!([hostile]);
            }
            if record["kind"] == "decision" {
                record["id"] = hostile.into();
                record["ts"] = hostile.into();
            }
            if let Some(policies) = record["policies"].as_array_mut() {
                policies.iter_mut().for_each(|policy| policy["id"] = hostile.into());
            }
            record.to_string()
        });
        fs::write(segment(&folder), format!("{}\n", lines.collect::<Vec<_>>().join("\n"))).unwrap();
        let arguments = ["replay", "--candidate", &candidate, "-o", "markdown"];
        let (exit, stdout, stderr) = policy(&folder, &arguments);
        assert_eq!(exit, 4, "{hostile}: {stdout}{stderr}");
        for said in ["| newly denied | 1 |", "- not_replayable: "] {
            assert!(stdout.contains(said), "{hostile}: {said}\n{stdout}");
        }
        for line in stdout.lines() {
            let outside = outside_of_code(line);
            let obeyed = |text: &&str| outside.contains(*text);
            let found = ["[", "]", "<", "&", "@", "#", "!", "://", "onerror", "*d*", "evil", "free", "two"];
            assert_eq!(found.iter().find(|text| obeyed(text)), None, "{hostile}: {line}");
            if line.starts_with('|') {
                assert_eq!(line.matches('|').count(), 7, "{hostile}: {line}");
            }
        }
    }
    fs::write(segment(&folder), &whole).unwrap();
    let (_, stdout, _) = policy(&folder, &["replay", "--candidate", &candidate, "-o", "markdown"]);
    assert!(stdout.contains("allow by `staff.send`") && !stdout.contains('\\'), "{stdout}");
}

/// What of a line of Markdown is in no code span (CommonMark 0.31, 6.1): a span begins with some backticks, and ends with as many.
fn outside_of_code(line: &str) -> String {
    let run = |text: &str| text.len() - text.trim_start_matches('`').len();
    let (mut outside, mut rest) = (String::new(), line);
    while let Some(start) = rest.find('`') {
        let (before, from) = rest.split_at(start);
        let fence = run(from);
        let mut at = fence;
        let end = loop {
            let Some(next) = from[at..].find('`') else { panic!("a span that does not end: {line}") };
            let length = run(&from[at + next..]);
            at += next + length;
            if length == fence {
                break at;
            }
        };
        outside.push_str(before);
        rest = &from[end..];
    }
    outside + rest
}

#[test]
fn two_sets_are_compared_by_text_and_by_what_they_answer() {
    let folder = app();
    let same = changed(&folder, "guard.cedar", GUARD);
    let (exit, stdout, stderr) = policy(&folder, &["diff", ".", &same]);
    assert!(exit == 0 && stdout.contains("texts: the same"), "{exit}\n{stdout}{stderr}");
    let digest =
        records(&folder.log()).iter().find(|record| record["kind"] == "policy_load").unwrap()["policy_set"]
            .as_str()
            .unwrap()
            .to_owned();
    let shorter = changed(&folder, "acme/staff.cedar", &STAFF.replacen("bytes < 1000", "bytes < 1", 1));
    for base in [".", &digest, digest.get(..8).unwrap()] {
        let (exit, stdout, stderr) = policy(&folder, &["diff", base, &shorter]);
        assert_eq!(exit, 2, "{stdout}{stderr}");
        for said in [
            "texts: 1 difference\n  changed: `staff.send` of `acme:staff` (../changed/acme/staff.cedar:5)",
            "    - when { context.bytes < 1000 };\n    + when { context.bytes < 1 };\n",
            "1 newly denied",
        ] {
            assert!(stdout.contains(said), "{said}\n{stdout}");
        }
    }
    let (exit, stdout, _) = policy(&folder, &["diff", ".", &shorter, "--no-replay", "-o", "json"]);
    let report: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((exit, &report["replay"], &report["texts"][0]["change"]), (2, &Json::Null, &"changed".into()));
    // Texts that are the same, and a log that cannot be read whole.
    let same = changed(&folder, "guard.cedar", GUARD);
    let text = fs::read_to_string(segment(&folder)).unwrap();
    fs::write(segment(&folder), format!("{{\n{text}")).unwrap();
    let (exit, stdout, _) = policy(&folder, &["diff", ".", &same]);
    assert!(exit == 4 && stdout.contains("not read: "), "{exit}\n{stdout}");
}

#[test]
fn policies_that_came_went_or_moved_are_told_apart() {
    let folder = app();
    folder.write("one.cedar", "@id(\"a\") permit (principal, action, resource);\n@id(\"b\") forbid (principal, action, resource) when { context has pid };\n");
    folder.write("other.cedar", "@id(\"c\") permit (principal, action, resource);\n@id(\"b\") forbid (principal, action, resource)\nwhen { context has pid };\n");
    let (exit, stdout, stderr) = policy(&folder, &["diff", "one.cedar", "other.cedar", "--no-replay"]);
    assert_eq!(exit, 2, "{stderr}");
    for said in [
        "removed: `a` of `given:policies` (one.cedar:1)",
        "added: `c`",
        "changed: `b` of the guard (other.cedar:2)",
    ] {
        assert!(stdout.contains(said), "{said}\n{stdout}");
    }
    let tenants = changed(
        &folder,
        "_index.yaml",
        &MANIFEST.replace("  - {name: beta, kind: tenant, namespaces: [beta]}\n", ""),
    );
    let (exit, stdout, stderr) = policy(&folder, &["diff", ".", &tenants, "--no-replay"]);
    assert!(exit == 2 && stdout.contains("removed: tenant `beta`"), "{exit}\n{stdout}{stderr}");
}

#[test]
fn a_policy_of_the_shipped_guard_is_in_no_file_of_an_app() {
    let folder = app();
    let manifest = std::fs::read_to_string(folder.path().join("_index.yaml")).unwrap();
    let replaced = manifest.replace("always: true, ", "always: true, replace_shipped_guard: true, ");
    let replaced = changed(&folder, "_index.yaml", &replaced);
    let arguments = ["diff", ".", &replaced, "--no-replay"];
    let (exit, stdout, stderr) = policy(&folder, &arguments);
    assert_eq!(exit, 2, "{stdout}{stderr}");
    assert!(stdout.contains("removed: `guard.kind` of the guard (shipped)"), "{stdout}");
    assert!(!stdout.contains("policies/guard.cedar"), "{stdout}");
    let (_, stdout, _) = policy(&folder, &[&arguments[..], &["-o", "json"]].concat());
    let told: Json = serde_json::from_str(&stdout).unwrap();
    let removed = &told["texts"][0]["before"];
    assert_eq!((&removed["shipped"], &removed["file"]), (&Json::Bool(true), &Json::Null), "{told}");
    let (_, stdout, _) = policy(&folder, &[&arguments[..], &["-o", "github"]].concat());
    assert!(stdout.starts_with("::notice title=policies::removed: `guard."), "{stdout}");
}

#[test]
fn the_measurement_of_replays_replays_all_that_it_made() {
    let output = moonward().args(["bench", "replay", "--records", "2000", "-o", "json"]).output().unwrap();
    let (stdout, stderr) = texts(&output);
    let report: Json =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    for key in ["same_policies", "changed_policies"] {
        assert_eq!(report["results"][key]["records"], 2000, "{report}");
    }
    assert_eq!(report["results"]["same_policies"]["changed"], 0, "{report}");
    assert!(report["results"]["changed_policies"]["changed"].as_u64().unwrap() > 100, "{report}");
}

#[test]
fn records_that_are_not_in_the_log_are_told_and_no_replay_of_it_is_complete() {
    let folder = app();
    let segment = folder.log().join("00000001.jsonl");
    let whole = fs::read_to_string(&segment).unwrap();
    let without = |gone: std::ops::Range<usize>| -> String {
        whole
            .lines()
            .enumerate()
            .filter(|(at, _)| !gone.contains(at))
            .map(|(_, line)| format!("{line}\n"))
            .collect()
    };
    assert_eq!(replayed(&folder, &[], 0)["complete"], true);
    for (gone, told) in [
        (4..5, "record 5 is not in the log"),
        (3..6, "records 4 to 6 are not in the log"),
        (0..2, "the records 1 to 2 are missing"),
    ] {
        fs::write(&segment, without(gone)).unwrap();
        let report = replayed(&folder, &[], 4);
        let missing = report["missing"].to_string();
        assert!(report["complete"] == false && missing.contains(told), "{report}");
        let (code, _, stderr) = policy(&folder, &["suggest", "--decision", "deny"]);
        assert!(code == 4 || code == 2, "{code} {stderr}");
    }
}

#[test]
fn a_gate_that_no_decision_comes_to_is_not_passed() {
    let folder = app();
    assert_eq!(
        count(&replayed(&folder, &["--tenant", "acme", "--fail-on", "errors"], 0), "replayed"),
        decisions(&folder.log())
    );
    assert_eq!(count(&replayed(&folder, &["--tenant", "nosuch"], 0), "replayed"), 0);
    assert_eq!(count(&replayed(&folder, &["--tenant", "nosuch", "--fail-on", "errors"], 4), "replayed"), 0);
}

/// Policies alone do not say who has which of them.
#[test]
fn who_has_which_scopes_without_a_token_is_compared_too() {
    let folder = app();
    let service = |security: &str| {
        format!(
            "{ACME}  - {{name: other, kind: security.scope, policies: [file://other.cedar]}}\n  - name: job\n    kind: process.service\n    process: one\n    host: app:processes\n    \
             lifecycle: {{auto_start: false}}\n    security: {security}\n"
        )
    };
    let before = "{actor: {id: acme/service/job}, scopes: [staff, other]}";
    let other =
        "@id(\"other\") permit (principal, action == Moonward::Action::\"process.link\", resource);\n";
    folder.write("acme/other.cedar", other);
    folder.write("acme/_index.yaml", &service(before));
    let default = MANIFEST.replace("[acme:staff]", "[acme:staff, acme:other]");
    for (file, text, said, after) in [
        (
            "acme/_index.yaml",
            service("{actor: {id: acme/service/job}, scopes: [staff]}"),
            "changed: service `acme:job`: scopes `acme:staff`, before `acme:other`, `acme:staff`",
            serde_json::json!({"actor": "acme/service/job", "tags": {}, "scopes": ["acme:staff"]}),
        ),
        (
            "acme/_index.yaml",
            service("{actor: {id: acme/service/job, meta: {role: admin}}, scopes: [staff, other]}"),
            "changed: service `acme:job`: tags `role=admin`, before none",
            serde_json::json!({"actor": "acme/service/job", "tags": {"role": "admin"}, "scopes": ["acme:other", "acme:staff"]}),
        ),
        (
            "_index.yaml",
            default,
            "changed: tenant `acme`: default scopes `acme:other`, `acme:staff`, before `acme:staff`",
            serde_json::json!({"scopes": ["acme:other", "acme:staff"]}),
        ),
        (
            "acme/_index.yaml",
            format!("{ACME}  - {{name: other, kind: security.scope, policies: [file://other.cedar]}}\n"),
            "removed: service `acme:job`: actor `acme/service/job`; tags none; scopes `acme:other`, `acme:staff`",
            Json::Null,
        ),
    ] {
        let now = changed(&folder, file, &text);
        fs::write(folder.path().join(&now).join("acme/other.cedar"), other).unwrap();
        for (form, shown) in [
            ("text", format!("texts: the same\nheld without a token: 1 difference\n  {said}\n")),
            ("markdown", format!("held without a token: 1 difference\n\n```diff\n{said}\n```\n")),
            ("github", format!("::notice title=held::{said}\n")),
        ] {
            let (exit, stdout, stderr) = policy(&folder, &["diff", ".", &now, "--no-replay", "-o", form]);
            assert!(exit == 2 && stdout.contains(&shown), "{form} {exit}\n{shown}\n{stdout}{stderr}");
        }
        let (exit, stdout, _) = policy(&folder, &["diff", ".", &now, "--no-replay", "-o", "json"]);
        let report: Json = serde_json::from_str(&stdout).unwrap();
        assert_eq!((exit, report["held"].as_array().unwrap().len()), (2, 1), "{report}");
        assert_eq!((&report["texts"], &report["held"][0]["after"]), (&serde_json::json!([]), &after));
    }
    let (exit, stdout, _) = policy(&folder, &["diff", ".", ".", "--no-replay"]);
    assert!(exit == 0 && stdout == "texts: the same\nheld without a token: the same\n", "{exit}\n{stdout}");
    // Where one of the two does not say, that is said.
    let (_, stdout, _) = policy(&folder, &["diff", ".", "acme/staff.cedar", "--no-replay"]);
    assert!(stdout.contains("held without a token: not compared: "), "{stdout}");
    let (_, stdout, _) = policy(&folder, &["diff", ".", "acme/staff.cedar", "--no-replay", "-o", "json"]);
    assert_eq!(serde_json::from_str::<Json>(&stdout).unwrap()["held"], Json::Null);
}
