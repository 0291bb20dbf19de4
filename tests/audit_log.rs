//! The audit log of an app, from the command line: its key, its checkpoints, and what is kept of a record.

use std::fs;
use std::process::Stdio;

use audit::{Checkpoint, verifying_key_of};

use crate::cli::service;
use crate::support::{Folder, moonward, records, texts};

/// An app with one definition, whose `audit.log` entry says this beside its name and kind.
fn app(keys: &str) -> Folder {
    let manifest = format!(
        "version: \"1.0\"\nnamespace: app\nentries:\n  \
         - {{name: echo, kind: process.lua, source: \"return function(text) return text end\"}}\n  \
         - {{name: audit, kind: audit.log{keys}}}\n"
    );
    Folder::new(&[("_index.yaml", &manifest)])
}

/// Exit code, stdout and stderr of a denied call: a record is certain.
fn call(folder: &Folder) -> (Option<i32>, String) {
    let output = folder.run("call", &["app:echo"]);
    (output.status.code(), texts(&output).1)
}

#[test]
fn the_first_call_makes_the_key_of_an_app_also_for_a_log_elsewhere() {
    let folder = app("");
    assert_eq!(call(&folder).0, Some(2));
    let key = verifying_key_of(&folder.path().join("data/keys/audit.ed25519")).unwrap();
    let records = records(&folder.log());
    let last = records.last().unwrap();
    assert_eq!((&last["kind"], &last["detail"]["reason"]), (&"checkpoint".into(), &"shutdown".into()));
    assert!(Checkpoint::parse(last["detail"]["note"].as_str().unwrap()).unwrap().is_signed_by(&key));
    assert!(!folder.log().with_file_name("keys").exists());
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_74_with_the_command_that_mends_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = app("");
    call(&folder);
    let key = folder.path().join("data/keys/audit.ed25519");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let before = records(&folder.log()).len();
    let (code, stderr) = call(&folder);
    assert_eq!(code, Some(74), "{stderr}");
    assert!(stderr.contains("has mode 0644, expected 0600"), "{stderr}");
    assert!(stderr.contains(&format!("help: `chmod 600 {}`", key.display())), "{stderr}");
    assert_eq!(records(&folder.log()).len(), before, "nothing was run");
}

#[test]
fn a_log_that_was_changed_is_74_and_verify_is_the_next_step() {
    let folder = app("");
    call(&folder);
    let segment = folder.log().join("00000001.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    // The head that the last line signs: another count.
    let (records, note) = text.trim_end().rsplit_once('\n').unwrap();
    let count = records.lines().count();
    let changed = note.replacen(&format!("\\n{count}\\n"), &format!("\\n{}\\n", count + 1), 1);
    assert_ne!(changed, note);
    let changed = format!("{records}\n{changed}\n");
    fs::write(&segment, &changed).unwrap();
    let (code, stderr) = call(&folder);
    assert_eq!(code, Some(74), "{stderr}");
    assert!(
        stderr.contains("is damaged, or was changed") && stderr.contains("`moonward audit verify`"),
        "{stderr}"
    );
    assert_eq!(fs::read_to_string(&segment).unwrap(), changed, "left as it is");
}

#[test]
fn rotate_key_prints_the_new_key_and_the_log_hands_the_trust_on() {
    let folder = app("");
    call(&folder);
    let path = folder.path().join("data/keys/audit.ed25519");
    let old = verifying_key_of(&path).unwrap();
    let rotate = |more: &[&str]| {
        let mut command = moonward();
        command.args(["audit", "rotate-key"]).arg(folder.path()).arg("--log").arg(folder.log()).args(more);
        let output = command.output().unwrap();
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "{stderr}");
        stdout
    };
    let second = rotate(&[]);
    assert_eq!(second.trim_end(), verifying_key_of(&path).unwrap().to_string());
    let third: serde_json::Value = serde_json::from_str(&rotate(&["-o", "json"])).unwrap();
    assert_eq!(
        (&third["schema"], &third["old"]),
        (&"moonward.audit-rotate-key/1".into(), &second.trim_end().into())
    );
    assert_eq!(third["new"], verifying_key_of(&path).unwrap().to_string());
    let records = records(&folder.log());
    let changes: Vec<_> = records.iter().filter(|record| record["kind"] == "key_rotate").collect();
    assert_eq!(
        (&changes[0]["detail"]["old"], &changes[1]["detail"]["new"]),
        (&old.to_string().into(), &third["new"])
    );
    assert_eq!(call(&folder).0, Some(2), "the log goes on");
}

#[test]
fn rotate_key_of_a_log_that_is_not_there_makes_none() {
    let folder = app("");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for log in [&folder.log(), &empty] {
        let mut command = moonward();
        let output = command.args(["audit", "rotate-key"]).arg(folder.path()).arg("--log").arg(log).output();
        let output = output.unwrap();
        let stderr = texts(&output).1;
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("there is no audit log in") && stderr.contains("`--log` takes"), "{stderr}");
    }
    assert!(!folder.log().exists() && !folder.path().join("data").exists());
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
}

#[test]
fn rotate_key_of_a_log_that_is_written_is_74_and_names_the_holder() {
    let folder = app("");
    let held = audit::Log::open(audit::Options::new(folder.log())).unwrap();
    let mut command = moonward();
    let output =
        command.args(["audit", "rotate-key"]).arg(folder.path()).arg("--log").arg(folder.log()).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert!(texts(&output).1.contains(&format!("process {}", std::process::id())));
    drop(held);
}

#[test]
fn members_that_the_manifest_redacts_are_not_in_the_log() {
    let folder = app(", redact: [asserted_by.login, asserted_by.host]");
    assert_eq!(call(&folder).0, Some(2));
    let denied = folder.denials().remove(0);
    for member in ["login", "host"] {
        assert!(
            denied["asserted_by"][member].as_str().unwrap().starts_with("redacted:hmac-sha256:"),
            "{denied}"
        );
    }
    assert!(denied["asserted_by"]["uid"].is_number());
    assert_eq!(denied["redacted"], serde_json::json!(["asserted_by.login", "asserted_by.host"]));
    assert!(folder.path().join("data/keys/audit.hmac").exists());
}

#[test]
fn a_name_that_the_manifest_redacts_is_in_no_line_and_not_in_the_index() {
    let files_with = |folder: &Folder, name: &str| {
        let (mut found, mut folders) = (Vec::new(), vec![folder.log()]);
        while let Some(folder) = folders.pop() {
            for file in fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(name) {
                    found.push(path.file_name().unwrap().to_owned());
                }
            }
        }
        found
    };
    for (keys, is_there) in [("", true), (", redact: [actor]", false)] {
        let folder = app(keys);
        let output = folder.run("call", &["app:echo", "--actor", "default/user/lovelace"]);
        assert_eq!(output.status.code(), Some(2), "{}", texts(&output).1);
        let mut command = moonward();
        let reindex = command.args(["audit", "reindex"]).arg(folder.path()).arg("--log").arg(folder.log());
        let output = reindex.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", texts(&output).1);
        let found = files_with(&folder, "lovelace");
        assert_eq!(found.len() >= 2, is_there, "{found:?}");
        assert!(is_there || found.is_empty(), "{found:?}");
        assert!(!files_with(&folder, "app:echo").is_empty());
    }
}

#[test]
fn what_an_audit_log_entry_cannot_say_is_told_at_its_place() {
    for (keys, said) in [
        (", redact: [tenant]", "the log needs it"),
        (", redact: [topic]", "expected one of `actor`"),
        (", redact: [context.a, context]", "is redacted with `context.a` already"),
        (", redact: []", "at least 1"),
        (", public_key: moonward.audit+00000000+AAAA", "a verifier key"),
        (", key: ../key", "a path below the app's folder"),
        (", checkpoints: ../elsewhere", "for stdout"),
        (", retain: long", "a duration"),
        (", rotate: {size: 1KiB}", "1MiB"),
        (", rotate: {size: 64MiB, length: 1}", "`length`"),
    ] {
        let folder = app(keys);
        let output = moonward().arg("check").arg(folder.path()).output().unwrap();
        let (_, stderr) = texts(&output);
        assert!(output.status.code() == Some(3) && stderr.contains(said), "{keys}\n{stderr}");
    }
    let folder = app(
        ", mode: strict, key: data/keys/other.ed25519, checkpoints: /mnt/checkpoints, redact: [context.topic], \
         retain: 400d, rotate: {size: 16MiB, age: 1day}",
    );
    let output = moonward().arg("check").arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", texts(&output).1);
}

#[test]
fn a_key_elsewhere_signs_and_one_in_the_logs_folder_is_refused() {
    let folder = app(", key: data/others/log.ed25519");
    assert_eq!(call(&folder).0, Some(2));
    assert!(folder.path().join("data/others/log.ed25519").exists());
    assert!(!folder.path().join("data/keys").exists());

    let folder = app(", key: data/audit/log.ed25519");
    let output = moonward().arg("call").arg(folder.path()).arg("app:echo").output().unwrap();
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(74), "{stderr}");
    assert!(stderr.contains("is inside the log's folder"), "{stderr}");
}

#[test]
fn run_copies_checkpoints_to_a_folder_or_prints_a_line_of_json_each() {
    let folder = service("return 1");
    let outside = folder.path().with_file_name("outside");
    fs::create_dir(&outside).unwrap();
    let run = |place: &str| {
        let mut command = moonward();
        command.arg("run").arg(folder.path()).arg("--log").arg(folder.log()).args(["--checkpoints", place]);
        let output = command.stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{}", texts(&output).1);
        texts(&output).0
    };
    let printed = run("-");
    let last: serde_json::Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let written = records(&folder.log());
    assert_eq!(last["checkpoint"], written.last().unwrap()["detail"]["note"]);

    assert_eq!(run(outside.to_str().unwrap()), "");
    let written = records(&folder.log());
    let name = format!("{}.checkpoint", written[0]["id"].as_str().unwrap());
    let copy = fs::read_to_string(outside.join(name)).unwrap();
    assert_eq!(copy, written.last().unwrap()["detail"]["note"]);
}
