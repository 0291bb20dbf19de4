//! `moonward audit verify`: its exit codes and words, on the published logs and on what the product writes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::support::{Folder, moonward, repository, texts};

fn vectors() -> PathBuf {
    repository().join("docs/audit-vectors")
}

/// `moonward audit verify ARGUMENTS`: exit code, stdout, stderr.
fn verify(arguments: &[&str], folder: &Path) -> (i32, String, String) {
    let mut command = moonward();
    let output = command.args(["audit", "verify"]).args(arguments).current_dir(folder).output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

#[test]
fn the_published_logs_have_their_published_verdicts() {
    let expected = std::fs::read_to_string(vectors().join("expected.json")).unwrap();
    let expected: Vec<Json> = serde_json::from_str(&expected).unwrap();
    assert!(expected.len() >= 6);
    for said in expected {
        let log = said["log"].as_str().unwrap();
        let mut arguments = vec!["--log", log, "--key", "key.txt", "-o", "json"];
        if let Some(against) = said["against"].as_str() {
            arguments.extend(["--against", against]);
        }
        let (code, stdout, stderr) = verify(&arguments, &vectors());
        assert_eq!((i64::from(code), stderr.as_str()), (said["exit"].as_i64().unwrap(), ""), "{log}");
        let verdict: Json = serde_json::from_str(&stdout).unwrap();
        for member in ["verdict", "why"] {
            assert_eq!(verdict.get(member), said.get(member), "{log}: {verdict}");
        }
        // A number of a record is text, as in the log.
        assert_eq!(
            verdict.get("record").cloned(),
            said.get("record").map(|record| record.to_string().into()),
            "{log}"
        );
        if let Some(head) = said.get("head") {
            assert_eq!(verdict["last"]["head"], *head, "{log}");
            assert_eq!(verdict["after_last_checkpoint"], said["after_last_checkpoint"], "{log}");
        }
        assert_eq!(verdict["schema"], "moonward.audit-verify/1");
    }
}

#[test]
fn one_screen_says_what_was_checked_and_what_to_do_next() {
    let key = std::fs::read_to_string(vectors().join("key.txt")).unwrap();
    let (code, stdout, stderr) = verify(&["--log", "intact", "--key", key.trim()], &vectors());
    assert_eq!(code, 0, "{stderr}");
    for expected in [
        "intact: the log is as it was written, up to its last checkpoint\n",
        "  records            6, from 1 (2026-11-27 13:00:01Z) to 6 (2026-11-27 13:00:06Z)\n",
        "  segments           2, 1 of them compressed\n",
        "  checkpoints        2, signed by key 32e8b641\n",
        "  after the last     no record lies after the last checkpoint\n",
        "  end                the last run ended in order\n",
    ] {
        assert!(stdout.contains(expected), "{stdout}");
    }
    assert!(stderr.starts_with("help: a tail that was cut off cannot be seen in the log alone"), "{stderr}");

    let (code, stdout, stderr) = verify(&["--log", "cut", "--key", "key.txt"], &vectors());
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stdout.contains("1 record lies after the last checkpoint, held by the chain alone\n"),
        "{stdout}"
    );

    let (code, stdout, stderr) = verify(&["--log", "changed", "--key", "key.txt"], &vectors());
    assert_eq!(code, 6, "{stderr}");
    assert!(stdout.starts_with("tampered: record 4 was changed"), "{stdout}");
    assert!(stdout.contains("  where              changed/00000002.jsonl, line 1\n"), "{stdout}");
    assert!(stderr.contains("keep the folder as it is"), "{stderr}");

    let (code, stdout, stderr) = verify(&["--log", "replaced", "--key", "key.txt"], &vectors());
    assert_eq!(code, 4, "{stderr}");
    assert!(stdout.contains("trusted is 32e8b641\n"), "{stdout}");
    assert!(stderr.contains("this is another log"), "{stderr}");

    let (code, stdout, stderr) = verify(&["--log", "intact"], &vectors());
    assert_eq!(code, 4, "{stderr}");
    assert!(stdout.starts_with("unverifiable: the chain holds, but no key is trusted\n"), "{stdout}");
    assert!(stdout.contains("which nobody said to trust\n"), "{stdout}");
    let (code, stdout, stderr) =
        verify(&["--log", "intact", "--key", "key.txt", "--since", "2100-01-01 12:30"], &vectors());
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("nothing is said of those before"), "{stdout}");
}

#[test]
fn what_is_no_log_no_key_or_no_checkpoint_is_said() {
    let folder = Folder::new(&[("note.txt", "hello\n"), ("key.pem", "hello\n")]);
    let intact = vectors().join("intact");
    let intact = intact.to_str().unwrap();
    for (arguments, expected, text) in [
        (&["--log", "none"][..], 1, "there is no audit log in `none`"),
        (&["--log", intact, "--key", "missing"], 64, "`missing` is neither a verifier key nor a file"),
        (&["--log", intact, "--key", "key.pem"], 3, "`key.pem` is not a key of an audit log"),
        (&["--log", intact, "--against", "note.txt"], 3, "`note.txt` is no checkpoint"),
        (&["--log", intact, "--against", "missing"], 1, "`missing` cannot be read"),
        (&["--log", intact, "--since", "soon"], 64, "--since"),
        (&["no-app"], 3, "no-app"),
    ] {
        let (code, stdout, stderr) = verify(arguments, &folder.path());
        assert_eq!(code, expected, "{arguments:?}\n{stdout}\n{stderr}");
        assert!(stderr.contains(text), "{stderr}");
    }
}

#[test]
fn a_log_of_the_product_is_verified_where_its_app_keeps_it() {
    let folder = Folder::new(&[(
        "_index.yaml",
        "version: \"1.0\"\nnamespace: app\nentries:\n  - {name: one, kind: process.lua, source: \"return function() return 1 end\"}\n",
    )]);
    for _ in 0..2 {
        let output = moonward().arg("call").arg(folder.path()).arg("app:one").output().unwrap();
        assert!(output.status.code().is_some(), "{}", texts(&output).1);
    }
    let (code, stdout, stderr) = verify(&["-o", "json"], &folder.path());
    let verdict: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, verdict["verdict"].as_str()), (0, Some("intact")), "{verdict} {stderr}");
    assert!(verdict["records"].as_u64().unwrap() > 1, "{verdict}");
    // Each of the two runs ended with a checkpoint of all that it recorded.
    assert!(verdict["checkpoints"].as_u64().unwrap() >= 2, "{verdict}");

    let segment = folder.path().join("data/audit/00000001.jsonl");
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.len() / 2;
    bytes[at] = if bytes[at] == b'a' { b'b' } else { b'a' };
    fs::write(&segment, bytes).unwrap();
    let (code, stdout, _) = verify(&["-o", "json"], &folder.path());
    let verdict: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, verdict["verdict"].as_str()), (6, Some("tampered")), "{verdict}");
}

#[test]
fn a_log_that_ends_with_a_retired_key_is_not_the_apps_whoever_is_trusted() {
    let folder = Folder::new(&[(
        "_index.yaml",
        "version: \"1.0\"\nnamespace: app\nentries:\n  - {name: one, kind: process.lua, source: \"return function() return 1 end\"}\n",
    )]);
    let done = |arguments: &[&str]| {
        let output = moonward().args(arguments).current_dir(folder.path()).output().unwrap();
        let (stdout, stderr) = texts(&output);
        (output.status.code(), stdout, stderr)
    };
    done(&["call", ".", "app:one"]);
    let log = folder.path().join("data/audit");
    let before = fs::read(log.join("00000001.jsonl")).unwrap();
    let (code, changed, stderr) = done(&["audit", "rotate-key", "-o", "json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let changed: Json = serde_json::from_str(&changed).unwrap();
    let old = changed["old"].as_str().unwrap();
    for arguments in [&["--key", old][..], &[]] {
        assert_eq!(verify(arguments, &folder.path()).0, 0, "{arguments:?}");
    }

    // What was signed until then is as good as what whoever has that key can sign.
    fs::write(log.join("00000001.jsonl"), before).unwrap();
    let (code, stdout, stderr) = verify(&["--key", old], &folder.path());
    assert_eq!(code, 4, "{stdout}{stderr}");
    let expected = "unverifiable: the chain holds, but the key in force at its end is not the one that the app signs with\n";
    assert!(stdout.starts_with(expected), "{stdout}");
    // Given alone, it is a log of some time, and nobody knows whose.
    let elsewhere = Folder::new(&[]);
    let alone = ["--log", log.to_str().unwrap(), "--key", old];
    assert_eq!(verify(&alone, &elsewhere.path()).0, 0);

    // A start does not hand over by itself; who has two logs under one key can say so.
    let (code, _, stderr) = done(&["audit", "rotate-key", "--hand-over"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(verify(&["--key", old], &folder.path()).0, 0);
}

#[test]
fn the_log_is_measured_and_what_was_measured_is_verified() {
    let output = moonward().args(["bench", "audit", "--records", "300", "-o", "json"]).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let report: Json = serde_json::from_str(&stdout).unwrap();
    let results = &report["results"];
    assert!(results["verified"]["records"].as_u64().unwrap() >= 300, "{report}");
    assert_eq!(results["accepted"]["records"], 300, "{report}");
    assert!(results["waited_for"]["a_second"].as_f64().unwrap() > 0.0, "{report}");
}
