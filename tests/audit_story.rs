//! `moonward audit show` and `moonward audit report`: what they tell of a real app's log, of logs that are damaged, and of texts
//! that want to be more than text.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::support::{Folder, moonward, records, repository, texts};

const NAMES: &str = "@id(\"names.short\")\npermit (principal, action in Moonward::Action::\"registry\", resource)\n\
                     when { resource.value like \"fruit.*\" };\n";

/// Two tenants; a process of the first asks for what it may and for what it may not.
pub(crate) fn app() -> Folder {
    Folder::new(&[
        (
            "_index.yaml",
            r#"
version: "1.0"
namespace: app
entries:
  - {name: acme, kind: tenant, namespaces: [acme], default_scopes: [acme:staff]}
  - {name: beta, kind: tenant, namespaces: [beta]}
"#,
        ),
        (
            "acme/_index.yaml",
            r#"
namespace: acme
entries:
  - {name: staff, kind: security.scope, policies: [file://start.cedar, file://names.cedar]}
  - {name: clerk, kind: process.lua, source: file://clerk.lua}
"#,
        ),
        (
            "beta/_index.yaml",
            "namespace: beta\nentries:\n  - {name: ledger, kind: process.lua, source: \"return function() end\"}\n",
        ),
        (
            "acme/start.cedar",
            "@id(\"start\")\npermit (principal, action in Moonward::Action::\"spawn\", resource);\n",
        ),
        ("acme/names.cedar", NAMES),
        (
            "acme/clerk.lua",
            "return function(name)\n  process.registry.register('fruit.apple')\n  process.registry.register(name or 'zebra')\n  \
             local _, denied = process.spawn('beta:ledger', 'app:processes')\n  process.registry.register('yak')\n  \
             return denied:details().record\nend\n",
        ),
    ])
}

/// `moonward audit VERB ARGUMENTS --log LOG`: exit code, stdout, stderr.
pub(crate) fn audit(folder: &Folder, verb: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = moonward();
    command.current_dir(folder.path()).args(["audit", verb]).args(arguments).arg("--log").arg(folder.log());
    let output = command.output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

/// The log of an app that ran once, and the id of the denied spawn.
fn ran() -> (Folder, String) {
    let folder = app();
    let id = folder.value("acme:clerk", &[]).as_str().unwrap().to_owned();
    (folder, id)
}

/// Whether a terminal would obey a character.
fn is_obeyed(character: char) -> bool {
    character != '\n'
        && (character.is_control()
            || ('\u{200b}'..='\u{200f}').contains(&character)
            || ('\u{202a}'..='\u{202e}').contains(&character))
}

/// Writes a log of these records, numbered from `first`.
pub(crate) fn write_log(folder: &Folder, first: u64, of: &[Json]) {
    fs::create_dir_all(folder.log()).unwrap();
    let lines = of.iter().zip(first..).map(|(record, seq)| {
        let mut line = json!({"schema": "moonward.audit/1", "seq": seq.to_string(), "id": format!("01M8EKA3G3{seq:016}"),
            "ts": format!("2026-11-27T13:{:02}:{:02}.5Z", seq / 60 % 60, seq % 60), "prev": "0"});
        line.as_object_mut().unwrap().extend(record.as_object().unwrap().clone());
        format!("{line}\n")
    });
    fs::write(folder.log().join("00000001.jsonl"), lines.collect::<String>()).unwrap();
}

pub(crate) fn denial(actor: &str, action: &str, resource: (&str, &str)) -> Json {
    json!({"kind": "decision", "decision": "deny", "decision_kind": "deny_default", "tenant": "acme", "actor": actor, "action": action,
        "resource": {"type": resource.0, "id": resource.1}, "policies": [], "scopes": ["acme:staff"], "context": {}, "entities": [],
        "policy_set": "aa", "generation": "1"})
}

#[test]
fn a_denial_is_told_with_the_policy_that_denied_the_line_that_asked_and_what_was_around_it() {
    let (folder, id) = ran();
    let (code, stdout, stderr) = audit(&folder, "show", &[&id, "."]);
    assert_eq!(code, 0, "{stderr}");
    let sentence = "`acme/user/cli` was not allowed to spawn `beta:ledger`: forbidden by `guard.tenant.definition` (policies/guard.cedar:";
    assert!(stdout.starts_with(sentence), "{stdout}");
    for said in [
        "acme:clerk:4\n",
        "process.spawn on Definition `beta:ledger`",
        "host: Host `app:processes`",
        "scopes     `acme:staff`",
        "answer     denied (deny_forbid)",
        "generation 1, loaded 20",
        "`guard.tenant.definition`, as the ",
        "@id(\"guard.tenant.definition\")",
        "in the same causal chain, and by the same actor:\n",
        "this record",
    ] {
        assert!(stdout.contains(said), "{said}\n{stdout}");
    }
    // What came before and after, in that order.
    let around = stdout.split("by the same actor:").nth(1).unwrap();
    let places = ["`acme/zebra`", "this record", "`acme/yak`"]
        .map(|text| around.find(text).unwrap_or_else(|| panic!("{around}")));
    assert!(places.is_sorted(), "{around}");
    assert!(
        stderr.contains(&format!("moonward policy simulate . --log {} --from {id}", folder.log().display())),
        "{stderr}"
    );

    let (code, stdout, stderr) = audit(&folder, "show", &[&id.to_lowercase()[..20], ".", "-o", "json"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let story: Json = serde_json::from_str(&stdout).unwrap();
    let record = records(&folder.log()).into_iter().find(|record| record["id"] == id.as_str()).unwrap();
    assert_eq!((&story["schema"], &story["record"]), (&json!("moonward.audit-story/1"), &record));
    assert_eq!(story["complete"], true);
    let text = story["policies"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("@id(\"guard.tenant.definition\")") && text.ends_with(';'), "{text}");
    let before = story["near"]["before"].as_array().unwrap();
    assert!(
        before
            .iter()
            .any(|near| near["decision"] == "deny" && near["text"].as_str().unwrap().contains("acme/zebra"))
    );
}

#[test]
fn the_command_that_a_story_ends_with_decides_the_same_again() {
    let (folder, id) = ran();
    let (_, _, stderr) = audit(&folder, "show", &[&id, "."]);
    let command = stderr.split('`').find(|part| part.starts_with("moonward policy simulate")).unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let output = moonward().current_dir(folder.path()).args(words).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert!(
        output.status.code() == Some(2) && stdout.contains("guard.tenant.definition"),
        "{stdout}{stderr}"
    );
}

#[test]
fn a_policy_is_quoted_as_it_was_when_it_decided_or_not_at_all() {
    let folder = app();
    folder.write(
        "acme/names.cedar",
        &format!(
            "@id(\"names.trial\") @mode(\"shadow\")\npermit (principal, action, resource); // of old\n{NAMES}"
        ),
    );
    folder.value("acme:clerk", &[]);
    let id = folder.denials().iter().find(|denial| denial["shadow"].is_object()).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    // What the log keeps has a test of its own.
    let _ = fs::remove_dir_all(folder.log().join("policies"));
    let show = || audit(&folder, "show", &[&id, "."]).1;
    let told = show();
    assert!(told.contains("`names.trial` (in shadow), as the app has it still\n"), "{told}");
    assert!(
        told.contains("with the policies in shadow enforced it would be allowed (allow), by `names.trial`"),
        "{told}"
    );

    // The file says something else now: the text of then is the one that was kept.
    folder.write("acme/names.cedar", &format!("\n\n{}", NAMES.replace("fruit", "trees")));
    let told = show();
    assert!(
        told.contains("`names.trial` (in shadow), as the app keeps it below `data/policies`\n"),
        "{told}"
    );
    assert!(told.contains("1 | / @id(\"names.trial\") @mode(\"shadow\")\n"), "{told}");

    fs::remove_dir_all(folder.path().join("data")).unwrap();
    let told = show();
    assert!(
        told.contains(
            "`names.trial` (in shadow), whose text of then is neither with the log nor in the app\n"
        ),
        "{told}"
    );
    assert!(!told.contains("@mode"), "{told}");
}

#[test]
fn a_policy_is_quoted_as_the_log_keeps_it_if_that_is_what_its_name_says() {
    let folder = app();
    let policy = "@id(\"quiet\") forbid (principal, action, resource);";
    let kept = json!({"form": "moonward.policies/1", "policy_set": "aa", "cedar_schema": "", "replace_shipped_guard": false,
        "shipped_guard": {"path": "policies/guard.cedar", "text": ""}, "scopes": [], "tenants": [], "declared": null,
        "guards": [{"path": "a.cedar", "text": format!("// of then\n{policy}\n")}]})
    .to_string();
    let name = audit::digest::hex(&audit::digest::sha256(kept.as_bytes()));
    let load =
        json!({"kind": "policy_load", "policy_set": "aa", "generation": "1", "detail": {"archive": name}});
    let mut denial = denial("acme/user/ada", "process.send", ("Process", "p1"));
    denial["decision_kind"] = "deny_forbid".into();
    denial["policies"] = json!([{"id": "quiet", "file": "a.cedar", "line": 2, "column": 1}]);
    write_log(&folder, 1, &[load, denial]);
    fs::create_dir(folder.log().join("policies")).unwrap();
    let file = folder.log().join("policies").join(&name);
    for (text, is_told) in [(kept.clone(), true), (kept.replace("forbid", "permit"), false)] {
        fs::write(&file, text).unwrap();
        let (code, stdout, _) = audit(&folder, "show", &["last"]);
        assert_eq!((code, stdout.contains("`quiet`, as the log keeps it\n")), (0, is_told), "{stdout}");
        assert_eq!(stdout.contains(&format!("2 | / {policy}\n")), is_told, "{stdout}");
    }
    // Never through a link, which may lead anywhere.
    fs::rename(&file, folder.log().join("elsewhere")).unwrap();
    fs::write(folder.log().join("elsewhere"), &kept).unwrap();
    std::os::unix::fs::symlink(folder.log().join("elsewhere"), &file).unwrap();
    assert!(audit(&folder, "show", &["last"]).1.contains("neither with the log nor in the app"));
}

#[test]
fn of_two_files_of_one_name_the_one_that_decided_is_quoted() {
    let own = "@id(\"own.zebra\")\nforbid (principal, action in Moonward::Action::\"registry\", resource)\n\
               when { resource.value == \"zebra\" };\n";
    // Of the same name as the shipped guard's file, with a policy where the shipped guard has another.
    let shipped = include_str!("../policies/guard.cedar");
    let same = shipped.lines().position(|line| line == "@id(\"guard.tenant.definition\")").unwrap();
    for before in [same, 0] {
        let folder = app();
        let manifest = fs::read_to_string(folder.path().join("_index.yaml")).unwrap();
        let guard = "  - {name: guard, kind: security.scope, always: true, policies: [file://policies/guard.cedar]}\n";
        folder.write("_index.yaml", &format!("{manifest}{guard}"));
        folder.write("policies/guard.cedar", &format!("{}{own}", "//\n".repeat(before)));
        let id = folder.value("acme:clerk", &[]).as_str().unwrap().to_owned();
        let (code, told, _) = audit(&folder, "show", &[&id, "."]);
        assert_eq!(code, 0);
        assert!(told.contains("`guard.tenant.definition`, as the log keeps it\n"), "{told}");
        assert!(
            told.contains("@id(\"guard.tenant.definition\")") && !told.contains("@id(\"own.zebra\")"),
            "{told}"
        );
        let denials = folder.denials();
        let zebra = denials.iter().find(|denial| denial["policies"][0]["id"] == "own.zebra").unwrap();
        let (_, told, _) = audit(&folder, "show", &[zebra["id"].as_str().unwrap(), "."]);
        assert!(told.contains("`own.zebra`, as the log keeps it\n"), "{told}");
        assert!(told.contains("@id(\"own.zebra\")") && !told.contains("@id(\"guard."), "{told}");
    }
}

#[test]
fn an_id_is_found_by_its_beginning_and_one_that_is_not_there_is_answered_with_what_is() {
    let (folder, id) = ran();
    let other = format!("{}{}", &id[..25], if id.ends_with('7') { '8' } else { '7' });
    for (given, code, said) in [
        (&id[..24], 0, ""),
        (&*other, 1, &*format!("did you mean `{id}`?")),
        ("00000000", 1, "the log has records 1 to "),
        ("0000", 64, "its first 8 are enough"),
        ("01M8EKA3G36AVWG4Z1D1AECJ200", 64, "is no id of a record"),
        ("01M8EKA3GIL", 64, "without I, L, O and U"),
        ("\u{1b}[31m", 64, "`\\u{1b}[31m` is no id of a record"),
    ] {
        let (exit, stdout, stderr) = audit(&folder, "show", &[given]);
        assert_eq!((exit, stdout.is_empty()), (code, code != 0), "{given} {stderr}");
        assert!(stderr.contains(said), "{given} {stderr}");
    }
    let denial = denial("acme/user/ada", "process.send", ("Process", "p1"));
    write_log(&folder, 1, &[denial.clone(), denial]);
    let (code, _, stderr) = audit(&folder, "show", &["01M8EKA3G3"]);
    assert!(code == 1 && stderr.contains("several records begin with `01M8EKA3G3`"), "{stderr}");
    assert_eq!(stderr.matches("decision deny acme/user/ada process.send").count(), 2, "{stderr}");
    let (code, stdout, _) = audit(&folder, "show", &["01M8EKA3", "-o", "json"]);
    let error: Json = serde_json::from_str(&stdout).unwrap();
    assert!(code == 1 && error["error"]["help"].as_str().unwrap().contains("01M8EKA3G3"), "{stdout}");
}

#[test]
fn the_newest_denial_has_a_name_of_its_own() {
    let (folder, _) = ran();
    let (code, stdout, stderr) = audit(&folder, "show", &["last"]);
    assert!(
        code == 0 && stdout.starts_with("`acme/user/cli` was not allowed to register the name `acme/yak`"),
        "{stdout}{stderr}"
    );
    write_log(&folder, 1, &[json!({"kind": "gap", "detail": {"note": "\"decision\":\"deny\""}})]);
    let (code, stdout, stderr) = audit(&folder, "show", &["last"]);
    assert!(code == 1 && stdout.is_empty() && stderr.contains("there is no denial in"), "{stderr}");
}

#[test]
fn a_record_of_a_form_that_is_not_known_is_not_guessed_at() {
    let folder = app();
    let mut later = denial("acme/user/ada", "process.send", ("Process", "p1"));
    later["schema"] = "moonward.audit/2".into();
    write_log(&folder, 1, &[later]);
    let (code, stdout, stderr) = audit(&folder, "show", &["last"]);
    assert!(code == 1 && stdout.is_empty() && stderr.contains("of the form `moonward.audit/2`"), "{stderr}");
    let (code, stdout, _) = audit(&folder, "report", &[]);
    assert!(code == 4 && stdout.contains("of the form `moonward.audit/2`"), "{stdout}");
}

#[test]
fn where_there_is_no_log_both_say_so_and_where_there_is_no_app_too() {
    let folder = app();
    for (verb, arguments) in [("show", &["01M8EKA3G3", "."][..]), ("report", &["."])] {
        let (code, stdout, stderr) = audit(&folder, verb, arguments);
        assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
        assert!(stderr.contains("there is no audit log in") && stderr.contains("help: "), "{stderr}");
    }
    // An app that never ran has denied nothing.
    let output = moonward().current_dir(folder.path()).args(["audit", "report"]).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert!(output.status.success() && stdout.contains("no record is in that period"), "{stdout}");
    assert!(stderr.contains("nothing was recorded there yet"), "{stderr}");
    folder.write("_index.yaml", "namespace: [\n");
    for (verb, arguments) in [("show", &["01M8EKA3G3"][..]), ("report", &[])] {
        let output =
            moonward().current_dir(folder.path()).args(["audit", verb]).args(arguments).output().unwrap();
        let (stdout, stderr) = texts(&output);
        assert!(stdout.is_empty() && stderr.contains("_index.yaml:"), "{stderr}");
        assert_eq!(output.status.code(), Some(3), "{stderr}");
    }
}

#[test]
fn every_permission_has_its_words_in_the_sentence() {
    let schema = fs::read_to_string(repository().join("schemas/moonward.cedarschema")).unwrap();
    let actions: Vec<&str> = schema
        .lines()
        .filter_map(|line| line.trim().strip_prefix("action \"")?.split('"').next())
        .filter(|action| action.contains('.'))
        .collect();
    assert!(actions.len() >= 26, "{actions:?}");
    let folder = app();
    let denials: Vec<Json> =
        actions.iter().map(|action| denial("acme/user/ada", action, ("Thing", "t"))).collect();
    write_log(&folder, 1, &denials);
    for (seq, action) in actions.iter().enumerate() {
        let (code, stdout, _) = audit(&folder, "show", &[&format!("01M8EKA3G3{:016}", seq + 1)]);
        let sentence = stdout.lines().next().unwrap();
        assert!(code == 0 && sentence.starts_with("`acme/user/ada` was not allowed to "), "{sentence}");
        assert!(
            !sentence.contains(action) && sentence.ends_with("no policy permits it (scopes `acme:staff`)"),
            "{sentence}"
        );
    }
}

#[test]
fn the_story_of_a_record_that_opened_a_roll_up_says_how_many_were_counted() {
    let folder = app();
    let counted = |count: u64, closed: bool| {
        json!({"kind": "rollup", "tenant": "acme", "actor": "acme/user/ada", "detail": {"opening": "01M8EKA3G30000000000000001",
            "action": "process.send", "resource_type": "Process", "decision_kind": "deny_default", "count": count.to_string(), "closed": closed}})
    };
    let denial = denial("acme/user/ada", "process.send", ("Process", "p1"));
    write_log(&folder, 1, &[denial, counted(0, false), counted(400, false), counted(1_200, true)]);
    let (_, stdout, _) = audit(&folder, "show", &["01M8EKA3G30000000000000001"]);
    assert!(
        stdout.contains("it opened a roll-up: 1 200 decisions more of the same until 2026-11-27 13:00:04Z"),
        "{stdout}"
    );
    assert!(!stdout.contains("by the same actor"), "a count is no act of its own: {stdout}");
    let (_, stdout, stderr) = audit(&folder, "show", &["01M8EKA3G30000000000000003"]);
    assert!(
        stdout.starts_with("400 decisions of `process.send` (deny_default) were only counted"),
        "{stdout}"
    );
    assert!(stderr.contains("moonward audit show 01M8EKA3G30000000000000001"), "{stderr}");
    let (code, stdout, _) = audit(&folder, "report", &["-o", "json"]);
    let report: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (code, &report["decisions"]["denied"], &report["decisions"]["denied_counted"]),
        (0, &json!(1), &json!(1_200))
    );
}

#[test]
fn what_was_only_counted_is_reported_under_the_policy_of_the_first_and_may_fit_where_an_expression_is_asked_for()
 {
    let folder = app();
    let mut first = denial("acme/user/ada", "process.send", ("Process", "p1"));
    first["decision_kind"] = "deny_forbid".into();
    first["policies"] = json!([{"id": "quiet", "file": "a.cedar", "line": 1, "column": 1}]);
    let rollup = json!({"kind": "rollup", "tenant": "acme", "actor": "acme/user/ada", "detail": {"opening": "01M8EKA3G30000000000000001",
        "action": "process.send", "resource_type": "Process", "decision_kind": "deny_forbid", "count": "90", "closed": true}});
    write_log(&folder, 1, &[first, rollup]);
    for (arguments, expected) in [
        (&["--policy", "quiet"][..], (1, 90, 0)),
        (&["--policy", "loud"], (0, 0, 0)),
        (&["--where", "record.action == \"process.send\""], (1, 0, 90)),
        (&["--where", "record.context.bytes > 1"], (0, 0, 90)),
    ] {
        let (code, stdout, stderr) = audit(&folder, "report", &[arguments, &["-o", "json"]].concat());
        let report: Json = serde_json::from_str(&stdout).unwrap();
        let counts =
            ["denied", "denied_counted", "counted_may_fit"].map(|name| report["decisions"][name].clone());
        let expected = [expected.0, expected.1, expected.2].map(|count| json!(count));
        // There is one decision, and with `bytes` of none could it be said.
        let exit = if arguments[1].contains("bytes") { 4 } else { 0 };
        assert_eq!((code, counts), (exit, expected), "{arguments:?} {stderr}");
        assert!(
            !arguments[1].contains("bytes") || stderr.contains("1 record had no `record.context.bytes`"),
            "{stderr}"
        );
    }
}

#[test]
fn what_is_no_decision_has_a_story_too() {
    let (folder, _) = ran();
    let load = records(&folder.log()).into_iter().find(|record| record["kind"] == "policy_load").unwrap();
    let (code, stdout, stderr) = audit(&folder, "show", &[load["id"].as_str().unwrap()]);
    assert!(code == 0 && stdout.starts_with("policy set ") && stdout.contains("came into force"), "{stdout}");
    assert!(
        stderr.contains("moonward policy history") && stderr.contains("moonward audit report"),
        "{stderr}"
    );
}

#[test]
fn what_cannot_be_read_is_said_and_is_4() {
    let (folder, id) = ran();
    let segment = folder.log().join("00000001.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, format!("{{\"broken\": \"{id} \u{1b}[31m\n{text}")).unwrap();
    for (verb, arguments) in [
        ("show", &[id.as_str()][..]),
        ("report", &[]),
        ("report", &["-o", "markdown"]),
        ("report", &["-o", "html"]),
    ] {
        let (code, stdout, _) = audit(&folder, verb, arguments);
        assert_eq!(code, 4, "{verb} {stdout}");
        assert!(stdout.contains("byte 0 of audit segment") && !stdout.contains(is_obeyed), "{stdout}");
    }
    let (code, stdout, _) = audit(&folder, "report", &["-o", "json"]);
    let report: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &report["complete"]), (4, &json!(false)));
    // A record that may have been in that line is not said to be none.
    fs::write(&segment, "{\"id\":\"01M8EKA3G36AVWG4Z1D1AECJ20\"").unwrap();
    fs::write(folder.log().join("00000002.jsonl"), "").unwrap();
    let (code, _, stderr) = audit(&folder, "show", &["01M8EKA3G36AVWG4Z1D1AECJ20"]);
    assert!(code == 1 && stderr.contains("cannot be read any may have been it"), "{stderr}");
}

#[test]
fn a_report_tells_who_was_denied_what_by_which_policy_in_every_form() {
    let (folder, _) = ran();
    let (code, text, stderr) = audit(&folder, "report", &[]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for said in [
        "denied     3, and 0 more only counted",
        "denied by policy:",
        "(no policy permits it)",
        "guard.tenant.definition",
        "complete   yes",
        "first seen",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    let (_, markdown, _) = audit(&folder, "report", &["-o", "markdown"]);
    assert!(
        markdown.contains("| `acme/user/cli` | 3 | 0 |") && markdown.starts_with("# Audit report"),
        "{markdown}"
    );
    let (_, json, _) = audit(&folder, "report", &["-o", "json", "--rows", "1"]);
    let report: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(report["schema"], "moonward.audit-report/1");
    assert_eq!(report["denied"]["policy"]["rows"][0]["name"], "(no policy permits it)");
    assert_eq!(
        (&report["denied"]["policy"]["others"]["names"], &report["decisions"]["denied"]),
        (&json!(1), &json!(3))
    );

    let page = folder.path().join("report.html");
    let (code, stdout, stderr) = audit(&folder, "report", &["--html", "report.html"]);
    assert!(code == 0 && stdout.is_empty() && stderr.contains("ok: wrote report.html"), "{stderr}");
    assert_eq!(fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    let (_, stdout, _) = audit(&folder, "report", &["-o", "html"]);
    assert_eq!(fs::read_to_string(&page).unwrap(), stdout);
    assert!(
        stdout.contains("<svg ") && stdout.contains("acme/user/cli") && stdout.ends_with("</html>\n"),
        "{stdout}"
    );
    let (code, _, stderr) = audit(&folder, "report", &["--html", "nowhere/report.html"]);
    assert!(code == 1 && stderr.contains("cannot be written to `nowhere/report.html`"), "{stderr}");
}

#[test]
fn a_report_is_about_what_was_asked_for() {
    let folder = app();
    let mut denials: Vec<Json> = ["acme/user/ada", "acme/user/bob"]
        .map(|actor| denial(actor, "process.send", ("Process", "p1")))
        .to_vec();
    denials.push(denial("acme/user/ada", "process.spawn", ("Definition", "d")));
    denials.extend(denials.clone());
    write_log(&folder, 1, &denials);
    let denied = |arguments: &[&str]| {
        let (code, stdout, stderr) = audit(&folder, "report", &[arguments, &["-o", "json"]].concat());
        let report: Json = serde_json::from_str(&stdout).unwrap();
        assert_eq!(code, 0, "{arguments:?} {stdout}{stderr}");
        (report["decisions"]["denied"].as_u64().unwrap(), report["new"]["rows"].as_array().unwrap().len())
    };
    assert_eq!(denied(&[]), (6, 3));
    assert_eq!(denied(&["--actor", "acme/user/ada"]), (4, 2));
    assert_eq!(denied(&["--actor", "acme/user/ada", "--action", "process.spawn"]), (2, 1));
    assert_eq!(denied(&["--decision", "allow"]), (0, 0));
    assert_eq!(denied(&["--tenant", "beta"]), (0, 0));
    assert_eq!(denied(&["--action", "message"]), (4, 2));
    assert_eq!(denied(&["--where", "record.resource.type == \"Definition\""]), (2, 1));
    // The second half has nothing that the first did not have.
    assert_eq!(denied(&["--since", "2026-11-27T13:00:04Z"]), (3, 0));
    assert_eq!(denied(&["--until", "2026-11-27T13:00:02.5Z"]), (1, 1));
    assert_eq!(denied(&["--since", "1s"]), (0, 0));
    for (arguments, said) in [
        (&["--since", "soon"][..], "such as `2026-11-27 13:00:00Z`"),
        (&["--rows", "0"], "from 1 to 1000"),
        (&["-o", "html", "--html", "x"], "cannot be used with"),
        (&["--decision", "maybe"], "allow, deny"),
        (&["--action", "process.sent"], "did you mean `process.send`?"),
    ] {
        let (code, stdout, stderr) = audit(&folder, "report", arguments);
        assert!(code == 64 && stdout.is_empty() && stderr.contains(said), "{arguments:?} {stderr}");
    }
    // What is gone cuts a period that reaches there, and no other.
    write_log(&folder, 40, &denials);
    let (code, stdout, _) = audit(&folder, "report", &[]);
    assert!(code == 4 && stdout.contains("the records 1 to 39 are missing, and no retention"), "{stdout}");
    denials.push(json!({"kind": "retention", "detail": {"through": "39"}}));
    write_log(&folder, 40, &denials);
    assert_eq!(audit(&folder, "report", &[]).0, 0);
    assert_eq!(audit(&folder, "report", &["--since", "2026-11-27T13:00:41Z"]).0, 0);
    let (code, stdout, _) = audit(&folder, "report", &["--since", "2026-11-27T13:00:00Z"]);
    assert!(code == 4 && stdout.contains("the records up to 39 were removed by retention"), "{stdout}");
}

#[test]
fn nothing_that_a_script_names_is_obeyed_by_terminal_or_page() {
    let folder = app();
    folder.write(
        "acme/clerk.lua",
        "return function(name)\n  local _, denied = process.send(process.pid(), name)\n  return denied:details().record\nend\n",
    );
    let name = "<script>alert(1)</script>\u{1b}[31m\u{202e}gpj|`x`\n# y";
    let hostile = folder.value("acme:clerk", &[name]).as_str().unwrap().to_owned();
    assert_eq!(folder.denials()[0]["context"]["topic"], name);
    for (verb, arguments) in [
        ("show", &[hostile.as_str()][..]),
        ("show", &[hostile.as_str(), "-o", "json"]),
        ("report", &[]),
        ("report", &["-o", "markdown"]),
        ("report", &["-o", "html"]),
        ("report", &["-o", "json"]),
    ] {
        let (code, stdout, stderr) = audit(&folder, verb, arguments);
        assert_eq!(code, 0, "{stderr}");
        assert!(
            !stdout.contains(is_obeyed) && !stderr.contains(is_obeyed),
            "{arguments:?}\n{stdout}\n{stderr}"
        );
        assert!(arguments.last() != Some(&"html") || !stdout.contains("<script"), "{stdout}");
    }
    let (_, stdout, _) = audit(&folder, "show", &[&hostile]);
    assert!(stdout.contains("\\u{1b}[31m\\u{202e}gpj"), "{stdout}");
    // Names of tenants and actors are bounded by their form; a log that was written by somebody else is not.
    let odd = denial(name, name, (name, name));
    write_log(&folder, 1, &[odd, json!({"kind": name, "detail": {name: name}})]);
    for form in ["html", "markdown", "text"] {
        let (code, stdout, _) = audit(&folder, "report", &["-o", form]);
        assert!(code == 0 && !stdout.contains(is_obeyed), "{stdout}");
        assert!(form != "html" || !stdout.contains("<script"), "{stdout}");
    }
    for seq in 1..=2 {
        let (code, stdout, stderr) = audit(&folder, "show", &[&format!("01M8EKA3G3{seq:016}")]);
        assert!(code == 0 && !stdout.contains(is_obeyed) && !stderr.contains(is_obeyed), "{stdout}{stderr}");
    }
}

#[test]
fn a_log_that_loses_records_when_it_must_is_named_in_the_report() {
    let (folder, _) = ran();
    let manifest = fs::read_to_string(folder.path().join("_index.yaml")).unwrap();
    let entry = format!("  - {{name: audit, kind: audit.log, path: {}, mode: best_effort}}\n", "data/audit");
    folder.write("_index.yaml", &format!("{manifest}{entry}"));
    copy(&folder.log(), &folder.path().join("data/audit"));
    let output = moonward().args(["audit", "report"]).arg(folder.path()).output().unwrap();
    let (stdout, _) = texts(&output);
    assert!(
        output.status.success()
            && stdout.contains("best_effort: what cannot be recorded happens all the same"),
        "{stdout}"
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
