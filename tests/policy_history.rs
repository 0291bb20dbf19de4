//! Which policies were in force when, and the way back to them.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value as Json;

use crate::policy_watch::{self, Watched};
use crate::support::{Folder, last_record, moonward, records, texts};

const MANIFEST: &str = r#"
version: "1.0"
namespace: app
entries:
  - {name: acme, kind: tenant, namespaces: [acme], default_scopes: [acme:names]}
"#;

const ACME: &str = r#"
version: "1.0"
namespace: acme
entries:
  - {name: names, kind: security.scope, policies: [file://start.cedar, file://names.cedar]}
  - {name: one, kind: process.lua, source: "return function() return (process.registry.register('me')) end"}
"#;

const START: &str = "@id(\"start\")\npermit (principal, action in Moonward::Action::\"spawn\", resource);\n";
const NAMES: &str = "// All names.\n@id(\"names\")\npermit (principal, action in Moonward::Action::\"registry\", resource);\n";
const NO_NAMES: &str = "// None.\n";

fn app() -> Folder {
    Folder::new(&[
        ("_index.yaml", MANIFEST),
        ("acme/_index.yaml", ACME),
        ("acme/start.cedar", START),
        ("acme/names.cedar", NAMES),
    ])
}

/// `moonward policy VERB ARGUMENTS`, with the app's log: exit code, stdout, stderr.
fn policy(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    let mut command = moonward();
    command.arg("policy").args(arguments).arg(folder.path()).arg("--log").arg(folder.log());
    let output = command.output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

fn history(folder: &Folder) -> Vec<Json> {
    let (code, stdout, stderr) = policy(folder, &["history", "-o", "json"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let history: Json = serde_json::from_str(&stdout).unwrap();
    history["history"].as_array().unwrap().clone()
}

fn names(folder: &Folder) -> String {
    fs::read_to_string(folder.path().join("acme/names.cedar")).unwrap()
}

/// Two sets were loaded, and the second is there; the digests of both.
fn two_sets() -> (Folder, String, String) {
    let folder = app();
    assert_eq!(folder.value("acme:one", &[]), true);
    folder.write("acme/names.cedar", NO_NAMES);
    folder.run("call", &["acme:one"]);
    let rows = history(&folder);
    let digest = |at: usize| rows[at]["digest"].as_str().unwrap().to_owned();
    let (first, second) = (digest(1), digest(0));
    assert_ne!(first, second);
    (folder, first, second)
}

#[test]
fn history_names_each_set_its_record_and_who_loaded_it_newest_first() {
    let folder = app();
    let (code, stdout, stderr) = policy(&folder, &["history"]);
    assert!(code == 0 && stdout.is_empty() && stderr.contains("no audit log"), "{stderr}");
    for _ in 0..2 {
        assert_eq!(folder.value("acme:one", &[]), true);
    }
    folder.write("acme/names.cedar", NO_NAMES);
    folder.run("call", &["acme:one"]);

    let loads: Vec<Json> =
        records(&folder.log()).into_iter().filter(|record| record["kind"] == "policy_load").collect();
    assert_eq!(loads.len(), 3);
    let rows = history(&folder);
    assert_eq!(rows.len(), 2);
    for (row, load, count) in [(&rows[0], &loads[2], 1), (&rows[1], &loads[0], 2)] {
        assert_eq!(
            (&row["digest"], &row["record"], &row["seq"], &row["since"], &row["by"]),
            (&load["policy_set"], &load["id"], &load["seq"], &load["ts"], &load["asserted_by"])
        );
        assert_eq!(
            (&row["what"], &row["loads"], &row["archived"]),
            (&"load".into(), &count.into(), &true.into())
        );
        assert!(row["by"]["login"].is_string(), "{row}");
    }
    assert_eq!((&rows[1]["until"], &rows[0]["until"]), (&loads[2]["ts"], &Json::Null));
    let (code, stdout, _) = policy(&folder, &["history"]);
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!((code, lines.len()), (0, 2));
    assert!(
        lines[0].contains(&rows[0]["digest"].as_str().unwrap()[..12])
            && lines[0].contains("last to be loaded")
    );
    assert!(lines[1].contains("2 loads") && lines[1].contains("until 2"), "{stdout}");

    // A line that cannot be read may have been a load.
    let segment = folder.log().join("00000001.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, format!("{}\n{text}", "x".repeat(1024 * 1024))).unwrap();
    let (code, stdout, _) = policy(&folder, &["history", "-o", "json"]);
    assert!(code == 4 && stdout.contains("\"complete\":false"), "{code} {stdout}");
}

/// Changes the lines of the log's first segment.
fn rewrite(folder: &Folder, change: impl FnOnce(&mut Vec<String>)) {
    let segment = folder.log().join("00000001.jsonl");
    let mut lines: Vec<String> = fs::read_to_string(&segment).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(&segment, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_load_that_cannot_be_read_or_is_missing_is_said_and_the_exit_code_is_4() {
    let is_load = |line: &String| line.contains("\"kind\":\"policy_load\"");
    for (garbage, said) in [(Some("garbage"), "begins no record"), (None, " is not in the log")] {
        let (folder, first, _) = two_sets();
        rewrite(&folder, |lines| {
            let last = lines.iter().rposition(is_load).unwrap();
            match garbage {
                Some(garbage) => garbage.clone_into(&mut lines[last]),
                None => drop(lines.remove(last)),
            }
        });
        let (code, stdout, stderr) = policy(&folder, &["history"]);
        assert!(code == 4 && stderr.contains(said) && stderr.contains("incomplete: "), "{code} {stderr}");
        assert!(stdout.contains(&first[..12]) && stdout.contains("the last known to be loaded"), "{stdout}");
        let (code, stdout, _) = policy(&folder, &["history", "-o", "json"]);
        let told: Json = serde_json::from_str(&stdout).unwrap();
        assert_eq!((code, &told["complete"]), (4, &Json::Bool(false)), "{told}");
    }
}

#[test]
fn a_log_that_was_written_anew_with_white_space_has_the_same_history_and_records() {
    let (folder, first, second) = two_sets();
    let denied = folder.denials().pop().unwrap();
    let id = denied["id"].as_str().unwrap();
    rewrite(&folder, |lines| lines.iter_mut().for_each(|line| *line = line.replace("\":", "\": ")));
    let digests: Vec<Json> = history(&folder).iter().map(|row| row["digest"].clone()).collect();
    assert_eq!(digests, [second, first]);
    for name in [id, "last"] {
        let (code, stdout, stderr) = policy(&folder, &["explain", name]);
        assert!(code == 0 && stdout.contains("deny: "), "{name}: {code} {stdout}{stderr}");
    }
}

#[test]
fn a_log_of_pipes_and_links_is_named_and_neither_waited_for_nor_followed() {
    let (folder, ..) = two_sets();
    let at = |name: &str| folder.log().join(name);
    assert!(std::process::Command::new("mkfifo").arg(at("00000002.jsonl")).status().unwrap().success());
    symlink("/dev/zero", at("00000003.jsonl")).unwrap();
    symlink(at("00000001.jsonl"), at("00000004.jsonl")).unwrap();
    let (code, stdout, stderr) = policy(&folder, &["history"]);
    assert_eq!((code, stdout.lines().count()), (4, 2), "{stderr}");
    for (name, why) in [
        ("00000002.jsonl", "it is not a regular file"),
        ("00000003.jsonl", "it is a symbolic link"),
        ("00000004.jsonl", "it is a symbolic link"),
    ] {
        let said = format!("audit log `{}` cannot be read: {why}", at(name).display());
        assert!(stderr.contains(&said), "{said}: {stderr}");
    }
    // Nor does a writer go on in one of them.
    assert_eq!(folder.run("call", &["acme:one"]).status.code(), Some(74));
}

#[test]
fn a_lock_that_is_a_link_is_74_and_what_it_leads_to_is_as_it_was() {
    let (folder, ..) = two_sets();
    let outside = Folder::new(&[("target", "outside")]);
    fs::remove_file(folder.log().join("lock")).unwrap();
    symlink(outside.path().join("target"), folder.log().join("lock")).unwrap();
    let output = folder.run("call", &["acme:one"]);
    assert!(texts(&output).1.contains("it is a symbolic link"), "{output:?}");
    assert_eq!(output.status.code(), Some(74));
    assert_eq!(fs::read_to_string(outside.path().join("target")).unwrap(), "outside");
}

#[test]
fn rollback_puts_the_files_back_keeps_what_was_there_and_is_on_record() {
    let (folder, first, second) = two_sets();
    let (code, stdout, stderr) = policy(&folder, &["rollback", &first[..10]]);
    assert_eq!((code, stdout.as_str()), (0, "changed  acme/names.cedar\n"), "{stderr}");
    assert!(stderr.contains(&format!("moonward policy rollback {}", &second[..12])), "{stderr}");
    assert_eq!(names(&folder), NAMES);
    let last = last_record(&folder.log());
    assert_eq!(last["kind"], "admin");
    assert_eq!(
        (&last["policy_set"], &last["detail"]["from"]),
        (&first.as_str().into(), &second.as_str().into())
    );
    assert_eq!(last["detail"]["files"], serde_json::json!(["acme/names.cedar"]));
    assert!(last["asserted_by"]["login"].is_string(), "{last}");
    assert_eq!(history(&folder)[0]["what"], "rollback");
    assert_eq!(folder.value("acme:one", &[]), true);

    // Once more changes nothing, and is no act.
    let before = records(&folder.log()).len();
    let (code, stdout, stderr) = policy(&folder, &["rollback", &first]);
    assert!(code == 0 && stdout.is_empty() && stderr.contains("nothing was changed"), "{stderr}");
    assert_eq!(records(&folder.log()).len(), before);

    // And back again, with a file that is missing.
    fs::remove_file(folder.path().join("acme/names.cedar")).unwrap();
    let (code, stdout, stderr) = policy(&folder, &["rollback", &second, "-o", "json"]);
    let told: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &told["added"]), (0, &serde_json::json!(["acme/names.cedar"])), "{stderr}");
    assert_eq!((names(&folder), &told["to"]), (NO_NAMES.to_owned(), &second.as_str().into()));
    let hidden = fs::read_dir(folder.path().join("acme")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(hidden.count(), 3);
}

#[test]
fn a_set_that_was_never_loaded_can_be_undone_too() {
    let (folder, first, _) = two_sets();
    // Written, and never loaded.
    folder.write("acme/names.cedar", "// A third.\n@id(\"third\")\npermit (principal, action in Moonward::Action::\"observe\", resource);\n");
    let (_, stdout, _) = policy(&folder, &["rollback", &first, "-o", "json"]);
    let told: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!(policy(&folder, &["rollback", told["from"].as_str().unwrap()]).0, 0);
    assert!(names(&folder).starts_with("// A third."));

    // What does not load is kept for people, and can be left behind.
    folder.write("acme/names.cedar", "permit (");
    let (code, _, stderr) = policy(&folder, &["rollback", &first]);
    assert!(code == 0 && stderr.contains("data/policies/broken-"), "{stderr}");
    let kept = stderr.split('`').find(|part| part.contains("broken-")).unwrap();
    assert_eq!(fs::read_to_string(format!("{kept}/acme/names.cedar")).unwrap(), "permit (");
    let (code, _, stderr) = policy(&folder, &["rollback", "broken-"]);
    assert!(code == 2 && stderr.contains("names.cedar:1:") && names(&folder) == NAMES, "{code} {stderr}");
}

#[test]
fn a_set_that_does_not_fit_the_manifest_is_refused_and_nothing_is_changed() {
    for (file, text, said) in [
        (
            "acme/_index.yaml",
            ACME.replace("[file://start.cedar, file://names.cedar]", "[file://names.cedar]"),
            "the scope `acme:names` lists other files",
        ),
        (
            "acme/_index.yaml",
            ACME.replace("{name: names,", "{name: names, shared: true,"),
            "the scope `acme:names` is shared now",
        ),
        (
            "more.yaml",
            "namespace: more\nentries:\n  - {name: new, kind: security.scope, policies: [file://more.cedar]}\n".to_owned(),
            "the scope `more:new` is in the manifest",
        ),
        (
            "more.yaml",
            "namespace: more\nentries:\n  - {name: g, kind: security.scope, always: true, policies: [file://more.cedar]}\n"
                .to_owned(),
            "the guard `more:g` is in the manifest",
        ),
        (
            "more.yaml",
            "namespace: more\nentries:\n  - {name: beta, kind: tenant, namespaces: [beta]}\n".to_owned(),
            "the tenant `beta` is in the manifest",
        ),
        (
            "acme/_index.yaml",
            ACME.replace("name: names,", "name: other,"),
            "the scope `acme:names` of that set is not in the manifest any more",
        ),
    ] {
        let (folder, first, _) = two_sets();
        folder.write("more.cedar", "// nothing\n");
        folder.write(file, &text);
        let before = records(&folder.log()).len();
        let (code, stdout, stderr) = policy(&folder, &["rollback", &first]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{said}: {stderr}");
        assert!(stderr.contains(said) && stderr.contains("error: refused:"), "{said}: {stderr}");
        let (code, stdout, _) = policy(&folder, &["rollback", &first, "-o", "json"]);
        let error: Json = serde_json::from_str(&stdout).unwrap();
        assert!(code == 2 && error["error"]["diagnostics"].to_string().contains(said), "{stdout}");
        assert_eq!((names(&folder), records(&folder.log()).len()), (NO_NAMES.to_owned(), before));
    }
}

#[test]
fn an_unknown_digest_is_3_and_names_those_that_there_are() {
    let (folder, first, second) = two_sets();
    for unknown in ["zz", "broken", "../../etc"] {
        let (code, _, stderr) = policy(&folder, &["rollback", unknown]);
        assert_eq!(code, 3, "{stderr}");
        assert!(stderr.contains(&first[..12]) && stderr.contains(&second[..12]), "{stderr}");
    }
    let empty = app();
    let (code, _, stderr) = policy(&empty, &["rollback", "ab"]);
    assert!(code == 3 && stderr.contains("none is there"), "{stderr}");
    // What was tampered with does not come back.
    let kept = folder.path().join("data/policies").join(&first).join("acme/names.cedar");
    fs::write(&kept, "@id(\"all\")\npermit (principal, action, resource);\n").unwrap();
    let (code, _, stderr) = policy(&folder, &["rollback", &first]);
    assert!(code == 2 && stderr.contains("not the file that was kept"), "{stderr}");
    assert_eq!(names(&folder), NO_NAMES);
}

/// Changes a set where it is kept, and its index with it.
fn forge(folder: &Folder, set: &str, change: impl FnOnce(&mut Json)) {
    let index = folder.path().join("data/policies").join(set).join("index.json");
    let mut forged: Json = serde_json::from_str(&fs::read_to_string(&index).unwrap()).unwrap();
    change(&mut forged);
    fs::write(&index, forged.to_string()).unwrap();
}

/// Puts a file into a set and its hash into the index.
fn forge_file(folder: &Folder, set: &str, path: &str, text: &str) {
    folder.write(&format!("data/policies/{set}/{path}"), text);
    let sha256 = audit::digest::hex(&audit::digest::sha256(text.as_bytes()));
    forge(folder, set, |index| {
        let files = index["files"].as_array_mut().unwrap();
        files.retain(|file| file["path"] != path);
        files.push(serde_json::json!({"path": path, "sha256": sha256}));
    });
}

#[test]
fn a_kept_set_puts_back_nothing_but_the_policy_files_of_its_guards_and_scopes() {
    for path in ["hello.lua", "acme/_index.yaml", "other.cedar"] {
        let (folder, first, _) = two_sets();
        if path == "hello.lua" {
            folder.write(path, "return 1");
        }
        let before = fs::read(folder.path().join(path)).ok();
        forge_file(&folder, &first, path, "forged");
        let (code, stdout, stderr) = policy(&folder, &["rollback", &first]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(&format!("names `{path}`, which is no policy file")), "{stderr}");
        assert_eq!(fs::read(folder.path().join(path)).ok(), before, "{path}");
        assert_eq!(names(&folder), NO_NAMES);
    }
    // A script is none either when a scope claims it.
    let (folder, first, _) = two_sets();
    forge_file(&folder, &first, "hello.lua", "forged");
    forge(&folder, &first, |index| {
        index["scopes"]["acme:names"]["files"].as_array_mut().unwrap().push("hello.lua".into());
    });
    let (code, _, stderr) = policy(&folder, &["rollback", &first]);
    assert!(code == 2 && stderr.contains("no policy file") && !folder.path().join("hello.lua").exists());
}

#[test]
fn whatever_was_done_to_a_kept_set_the_exit_code_is_2_and_nothing_is_changed() {
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 5] = [
        ("its index cannot be read", |set| fs::remove_file(set.join("index.json")).unwrap()),
        ("", |set| fs::write(set.join("index.json"), "{").unwrap()),
        ("is not the file that was kept", |set| fs::write(set.join("acme/names.cedar"), "// other").unwrap()),
        ("cannot be read", |set| {
            fs::remove_file(set.join("acme/names.cedar")).unwrap();
            symlink("/etc/hostname", set.join("acme/names.cedar")).unwrap();
        }),
        ("", |set| {
            let away = set.with_file_name("away");
            fs::rename(set, &away).unwrap();
            symlink(&away, set).unwrap();
        }),
    ];
    for (said, damage) in damages {
        let (folder, first, _) = two_sets();
        damage(&folder.path().join("data/policies").join(&first));
        for name in [&*first, &first[..12]] {
            let (code, stdout, stderr) = policy(&folder, &["rollback", name]);
            assert_eq!((code, stdout.as_str()), (2, ""), "{said}: {stderr}");
            assert!(stderr.contains(said) && stderr.contains("cannot be gone back to"), "{said}: {stderr}");
        }
        assert_eq!(names(&folder), NO_NAMES);
    }
}

#[test]
fn a_set_that_is_not_what_its_digest_says_is_refused_whatever_its_index_says() {
    let permit_all = "@id(\"all\")\npermit (principal, action in Moonward::Action::\"all\", resource);\n";
    let (folder, first, _) = two_sets();
    let before = records(&folder.log()).len();
    forge_file(&folder, &first, "acme/names.cedar", permit_all);
    for shipped in [None, Some("0".repeat(64))] {
        if let Some(shipped) = shipped {
            forge(&folder, &first, |index| index["shipped"] = shipped.into());
        }
        let (code, stdout, stderr) = policy(&folder, &["rollback", &first]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(
            stderr.contains(&format!("what is kept as the set `{first}` is another one"))
                && stderr.contains("error: refused:"),
            "{stderr}"
        );
        assert_eq!((names(&folder), records(&folder.log()).len()), (NO_NAMES.to_owned(), before));
    }
    // Left out of the set, the file that is there now would stay.
    forge(&folder, &first, |index| {
        index["files"].as_array_mut().unwrap().retain(|file| file["path"] != "acme/names.cedar");
    });
    let (code, _, stderr) = policy(&folder, &["rollback", &first]);
    assert!(code == 2 && stderr.contains("is another one"), "{code} {stderr}");
}

#[test]
fn a_set_of_another_version_comes_back_under_the_digest_that_it_has_now() {
    let (folder, first, _) = two_sets();
    // As a product with another guard would have kept it.
    let other = "0".repeat(64);
    folder.write("acme/names.cedar", NAMES);
    let digest = app::Policies::load(&folder.path()).unwrap().0.bundle.digest_with(&other);
    folder.write("acme/names.cedar", NO_NAMES);
    forge(&folder, &first, |index| {
        index["shipped"] = other.as_str().into();
        index["digest"] = digest.as_str().into();
    });
    let kept = folder.path().join("data/policies");
    fs::rename(kept.join(&first), kept.join(&digest)).unwrap();

    let (code, _, stderr) = policy(&folder, &["rollback", &digest]);
    assert!(code == 0 && stderr.contains("ships another schema or guard"), "{code} {stderr}");
    assert!(stderr.contains(&first[..12]) && names(&folder) == NAMES, "{stderr}");
    let act = last_record(&folder.log());
    assert_eq!((&act["kind"], &act["policy_set"]), (&"admin".into(), &first.as_str().into()));
    assert_eq!(
        (&act["detail"]["to"], &act["detail"]["digest_now"]),
        (&digest.as_str().into(), &first.as_str().into())
    );
}

#[test]
fn a_set_that_did_not_load_comes_back_once_the_manifest_lets_it_unless_it_was_changed() {
    let folder = app();
    let guard = "  - {name: guard, kind: security.scope, always: true, policies: [file://guard.cedar]}\n";
    folder.write("_index.yaml", &format!("{MANIFEST}{guard}"));
    folder.write("guard.cedar", "// none\n");
    assert_eq!(folder.value("acme:one", &[]), true);
    let first = history(&folder)[0]["digest"].as_str().unwrap().to_owned();
    let forbid = "@id(\"two\")\nforbid (principal, action == Moonward::Action::\"process.spawn\", resource)\nwhen { resource == Moonward::Definition::\"acme:two\" };\n";
    folder.write("guard.cedar", forbid);
    let (code, _, stderr) = policy(&folder, &["rollback", &first]);
    assert!(code == 0 && stderr.contains("does not load"), "{code} {stderr}");
    let (code, _, stderr) = policy(&folder, &["rollback", "broken-"]);
    assert!(code == 2 && stderr.contains("acme:two"), "{code} {stderr}");

    folder.write(
        "acme/_index.yaml",
        &format!("{ACME}  - {{name: two, kind: process.lua, source: \"return function() end\"}}\n"),
    );
    let (code, stdout, stderr) = policy(&folder, &["rollback", "broken-"]);
    assert_eq!((code, stdout.as_str()), (0, "changed  guard.cedar\n"), "{stderr}");
    assert!(stderr.contains("note: they load now"), "{stderr}");
    let act = last_record(&folder.log());
    let to = act["detail"]["to"].as_str().unwrap().to_owned();
    assert!(to.starts_with("broken-") && act["policy_set"] == act["detail"]["digest_now"], "{act}");

    folder.write("guard.cedar", "// none\n");
    forge_file(&folder, &to, "guard.cedar", &forbid.replace("acme:two", "acme:one"));
    let (code, _, stderr) = policy(&folder, &["rollback", "broken-"]);
    assert!(code == 2 && stderr.contains("is another one: `broken-"), "{code} {stderr}");
}

#[test]
fn nothing_is_put_back_through_a_link() {
    let (folder, first, _) = two_sets();
    let outside = Folder::new(&[("target.cedar", "outside")]);
    let place = folder.path().join("acme/names.cedar");
    fs::remove_file(&place).unwrap();
    symlink(outside.path().join("target.cedar"), &place).unwrap();
    let (code, _, stderr) = policy(&folder, &["rollback", &first]);
    assert!(code == 1 && stderr.contains("symbolic link"), "{code} {stderr}");
    assert_eq!(fs::read_to_string(outside.path().join("target.cedar")).unwrap(), "outside");
    let acts: Vec<Json> =
        records(&folder.log()).into_iter().filter(|record| record["kind"] == "admin").collect();
    assert_eq!(acts.last().unwrap()["detail"]["act"], "policy.rollback-failed");
}

#[test]
fn a_set_that_cannot_be_kept_is_said_and_stops_nothing() {
    let folder = app();
    // As a folder that is mounted read-only, whoever runs this.
    folder.write("data/policies", "in the way");
    let output = folder.run("call", &["acme:one"]);
    let (stdout, stderr) = texts(&output);
    assert_eq!((output.status.code(), stdout.as_str()), (Some(0), "true\n"), "{stderr}");
    assert_eq!(stderr.matches("policy sets cannot be kept in `data/policies`").count(), 1, "{stderr}");
    assert!(stderr.contains("make `data` of the app writable"), "{stderr}");
    assert_eq!(history(&folder)[0]["archived"], false);
}

#[test]
fn a_log_that_cannot_be_written_is_74_and_nothing_is_put_back() {
    let (folder, first, _) = two_sets();
    let away = folder.log().with_extension("away");
    fs::rename(folder.log(), away).unwrap();
    fs::write(folder.log(), "not a folder").unwrap();
    let (code, _, stderr) = policy(&folder, &["rollback", &first]);
    assert_eq!((code, names(&folder)), (74, NO_NAMES.to_owned()), "{stderr}");
}

#[test]
fn a_running_app_takes_a_rollback_up_as_one_reload() {
    let root = tempfile::tempdir().unwrap();
    let (app, log) = (root.path().join("app"), root.path().join("log"));
    policy_watch::app(
        &app,
        "@id(\"names\")\npermit (principal, action in Moonward::Action::\"registry\", resource);\n",
    );
    let watched = Watched::start(&app, &log);
    watched.wait_for("it has a name");
    let first = watched.records("policy_load", 1)[0]["policy_set"].as_str().unwrap().to_owned();
    // Two files change, so that a rollback puts two back.
    fs::write(
        app.join("start.cedar"),
        "@id(\"began\")\npermit (principal, action in Moonward::Action::\"spawn\", resource);\n",
    )
    .unwrap();
    fs::write(app.join("names.cedar"), "// none\n").unwrap();
    watched.wait_for("was loaded again");
    watched.wait_for("it has none");
    let output =
        moonward().args(["policy", "rollback", &first]).arg(&app).arg("--log").arg(&log).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!((output.status.code(), stdout.lines().count()), (Some(0), 2), "{stderr}");
    assert!(stderr.contains("it records this, and the load, when it takes the files up"), "{stderr}");
    let said = watched.wait_for("was loaded again");
    assert!(!said.contains("has errors"), "{said}");
    watched.wait_for("it has a name");
    let loads = watched.records("policy_load", 3);
    assert_eq!((loads.len(), &loads[2]["policy_set"]), (3, &first.as_str().into()));
    // Who did it is on record before the load, once, and nothing is left to be recorded.
    let acts = watched.records("admin", 1);
    assert_eq!((acts.len(), &acts[0]["policy_set"]), (1, &first.as_str().into()));
    let number = |record: &Json| record["seq"].to_string().trim_matches('"').parse::<u64>().unwrap();
    assert!(number(&acts[0]) < number(&loads[2]), "{} {}", acts[0], loads[2]);
    assert!(acts[0]["asserted_by"]["login"].is_string(), "{}", acts[0]);
    assert_eq!(acts[0]["detail"]["files"], serde_json::json!(["names.cedar", "start.cedar"]));
    assert_eq!(fs::read_dir(app.join("data/policies/unrecorded")).unwrap().count(), 0);
    assert!(watched.records("policy_refused", 0).is_empty());
}

#[test]
fn a_refusal_is_told_by_its_first_error_whatever_is_warned_of_before_it() {
    let root = tempfile::tempdir().unwrap();
    let (app, log) = (root.path().join("app"), root.path().join("log"));
    policy_watch::app(&app, NAMES);
    let watched = Watched::start(&app, &log);
    watched.wait_for("it has a name");
    // A key without meaning is warned of; a policy that cannot be read is what refuses.
    let host = "  - {name: processes, kind: process.host, host: {max_processes: 10, queue_size: 5}}\n";
    let manifest = fs::read_to_string(app.join("_index.yaml")).unwrap();
    fs::write(app.join("names.cedar"), "permit (").unwrap();
    fs::write(app.join("_index.yaml"), format!("{manifest}{host}")).unwrap();
    let refused = loop {
        watched.wait_for("has errors");
        let refused = watched.records("policy_refused", 1).pop().unwrap();
        if refused["detail"]["diagnostics"].as_array().unwrap().len() > 1 {
            break refused;
        }
    };
    assert!(refused["detail"]["diagnostics"][0].as_str().unwrap().starts_with("warning: "), "{refused}");
    let output =
        moonward().args(["policy", "history", "--all"]).arg(&app).arg("--log").arg(&log).output().unwrap();
    let (stdout, _) = texts(&output);
    assert!(stdout.lines().next().unwrap().contains("stayed in force: error: "), "{stdout}");
}

#[test]
fn a_rollback_that_found_the_log_held_is_recorded_by_the_next_start_with_that_log() {
    let (folder, first, _) = two_sets();
    let held = audit::Log::open(audit::Options::new(folder.log())).unwrap();
    let (code, _, stderr) = policy(&folder, &["rollback", &first]);
    assert_eq!((code, names(&folder)), (0, NAMES.to_owned()), "{stderr}");
    held.close().unwrap();
    let acts = |log: &std::path::Path| {
        records(log).into_iter().filter(|record| record["kind"] == "admin").collect::<Vec<_>>()
    };
    // Not in a log that is another.
    let other = folder.log().with_extension("other");
    let mut elsewhere = moonward();
    elsewhere.arg("call").arg(folder.path()).args(["acme:one", "--log"]).arg(&other);
    assert!(elsewhere.status().unwrap().success());
    assert_eq!((acts(&other).len(), acts(&folder.log()).len()), (0, 0));
    // What is no rollback is said, and in nobody's way.
    folder.write("data/policies/unrecorded/1.json", "{}");
    let output = folder.run("call", &["acme:one"]);
    assert!(texts(&output).1.contains("cannot be read"), "{}", texts(&output).1);
    let recorded = acts(&folder.log());
    assert_eq!((recorded.len(), &recorded[0]["policy_set"]), (1, &first.as_str().into()));
    folder.run("call", &["acme:one"]);
    assert_eq!(acts(&folder.log()).len(), 1);
    let row = history(&folder).into_iter().find(|row| row["what"] == "rollback").unwrap();
    assert!(row["by"]["login"].is_string(), "{row}");
}

#[test]
fn a_rollback_whose_record_cannot_be_left_is_not_done() {
    let (folder, first, _) = two_sets();
    let held = audit::Log::open(audit::Options::new(folder.log())).unwrap();
    folder.write("data/policies/unrecorded", "in the way");
    let (code, _, stderr) = policy(&folder, &["rollback", &first]);
    assert_eq!((code, names(&folder)), (1, NO_NAMES.to_owned()), "{stderr}");
    assert!(stderr.contains("so nothing was changed"), "{stderr}");
    held.close().unwrap();
}
