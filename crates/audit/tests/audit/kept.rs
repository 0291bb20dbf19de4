//! What is kept of a record, and where: members that are redacted, and parts that are too large for a line.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::{
    AssertedBy, Event, EventKind, InvalidRedaction, LINE_BYTES_MAX, Log, OpenError, Options, Redaction,
    STORED_TENANT_BYTES_MAX, StoredError, digest, read, stored,
};
use serde_json::{Value, json};

use crate::faulty::{ENOSPC, FaultyDisk, Operation};
use crate::form::decision;
use crate::{Folder, of_kind, open, options, records, sync_at_last, tempdir};

fn redacting(folder: &Folder, paths: &[&str]) -> Log {
    let redact = Redaction::of(paths.iter().copied()).unwrap();
    Log::open(Options { redact, ..options(folder.path()) }).unwrap()
}

/// The commitment to a value of a member, as docs/audit-format.md has it.
fn commitment(folder: &Folder, path: &str, value: &Value) -> String {
    let text = fs::read_to_string(folder.beside("keys/audit.hmac")).unwrap();
    let digits = text.trim_end().as_bytes().chunks(2);
    let key: Vec<u8> =
        digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect();
    let id = digest::hex(&digest::sha256(&[b"moonward.audit hmac\n".as_slice(), &key].concat())[..4]);
    let message = [path.as_bytes(), b"\0", value.to_string().as_bytes()].concat();
    format!("redacted:hmac-sha256:{id}:{}", digest::hex(&digest::hmac_sha256(&key, &message)))
}

#[test]
fn each_member_that_is_named_holds_a_commitment_and_nothing_else_changes() {
    let cases = [
        ("actor_digest", "/actor_digest", json!("ab".repeat(32))),
        ("resource.id", "/resource/id", json!("billing:ledger")),
        ("asserted_by.login", "/asserted_by/login", json!("eve")),
        ("context", "/context", json!({"topic": "a", "items": [{"n": 1}, {"n": 2}]})),
        ("context.topic", "/context/topic", json!("a")),
        ("context.items.n", "/context/items/1/n", json!(2)),
        ("entities.attrs.email", "/entities/0/attrs/email", json!("eve@acme.example")),
        ("scopes", "/scopes/1", json!("acme:admin")),
        ("errors", "/errors/0", json!("integer overflow")),
        ("policies.file", "/policies/0/file", json!("policies/guard.cedar")),
    ];
    for (path, pointer, value) in cases {
        let folder = tempdir().unwrap();
        let request = || {
            let mut request = decision();
            request.actor = Some("acme/user/eve".into());
            request.context = json!({"topic": "a", "items": [{"n": 1}, {"n": 2}]});
            request.entities =
                json!([{"uid": {"type": "T", "id": "1"}, "attrs": {"email": "eve@acme.example"}}]);
            request
        };
        let plain = tempdir().unwrap();
        for (log, paths) in [(&plain, &[][..]), (&folder, &[path][..])] {
            let log = redacting(log, paths);
            log.accept(request().into()).unwrap();
            log.close().unwrap();
        }
        let [before, mut after] = [&plain, &folder].map(|folder| records(folder.path()).remove(0));
        assert_eq!(before.pointer(pointer), Some(&value), "{path}: the test itself works");
        assert_eq!(after.pointer(pointer), Some(&commitment(&folder, path, &value).into()), "{path}");
        assert_eq!(after["redacted"], json!([path]));
        // Every item of a list is replaced; put all of them back to find that nothing else is.
        let list = pointer
            .rsplit_once('/')
            .map(|(list, _)| list)
            .filter(|list| after.pointer(list).is_some_and(Value::is_array));
        let whole = list.unwrap_or(if path == "context.items.n" { "/context/items" } else { pointer });
        *after.pointer_mut(whole).unwrap() = before.pointer(whole).unwrap().clone();
        for (name, member) in before.as_object().unwrap() {
            if !["id", "ts"].contains(&name.as_str()) {
                assert_eq!(after.get(name), Some(member), "{path}");
            }
        }
    }
}

/// All that is in the folder, as it would be read.
fn whole(folder: &Path) -> String {
    let mut texts = String::new();
    for line in read(folder) {
        texts += &stored(folder, &line.unwrap()).unwrap().to_string();
        texts.push('\n');
    }
    texts
}

#[test]
fn a_name_that_is_redacted_is_so_wherever_its_record_repeats_it() {
    let of_type = |kind: &str, id: &str| json!({"type": format!("Moonward::{kind}"), "id": id});
    let named = |kind, id| json!({"__entity": of_type(kind, id)});
    let request = || {
        let mut request = decision();
        request.actor = Some("acme/user/eve".into());
        request.pid = Some("p-1".into());
        request.definition = Some("acme.work:handler".into());
        request.place.as_mut().unwrap().source = "acme.work:handler".into();
        request.resource = audit::Resource { kind: "Process", id: "p-2\"".into() };
        request.scopes = vec!["acme:clerk".into()];
        request.errors = vec![
            "`Moonward::Actor::\"acme/user/eve\"` has no `x`; nor has `Moonward::Process::\"p-2\\\"\"`"
                .into(),
        ];
        request.shadow.as_mut().unwrap().errors = request.errors.clone();
        request.chain = vec!["p-1".into(), "c1".into()];
        request.context = json!({
            "pid": named("Process", "p-1"),
            "scopes": [named("Scope", "acme:clerk")],
            "topic": "from acme/user/eve to p-2\", as acme:clerk",
        });
        request.entities = json!([
            {"uid": of_type("Actor", "acme/user/eve"), "attrs": {"kind": "user", "plan": "gold"}, "parents": []},
            {"uid": of_type("Actor", "acme/user/bob"), "attrs": {}, "parents": []},
            {"uid": of_type("Process", "p-1"), "attrs": {"owner": named("Actor", "acme/user/eve")}},
            {"uid": of_type("Process", "p-2\""), "attrs": {
                "owner": named("Actor", "acme/user/bob"), "definition": named("Definition", "acme.work:handler"),
            }},
            {"uid": of_type("Definition", "acme.work:handler"), "attrs": {"name": "handler"}},
            {"uid": of_type("Scope", "acme:clerk"), "attrs": {}},
        ]);
        request
    };
    for (paths, gone, stay) in [
        (
            &["actor"][..],
            &["acme/user/eve", "acme/user/bob", "abababab"][..],
            &["p-1", "acme.work:handler", "gold"][..],
        ),
        (&["pid"], &["p-1", "p-2"], &["acme/user/eve", "acme.work:handler", "acme:clerk"]),
        (&["definition"], &["acme.work:handler", "\"handler\""], &["acme/user/eve", "p-1", "p-2"]),
        (&["place.source"], &["acme.work:handler", "\"handler\""], &["acme/user/eve", "p-1", "p-2"]),
        (&["resource.id"], &["p-2"], &["acme/user/eve", "p-1", "acme.work:handler"]),
        (&["scopes"], &["acme:clerk"], &["acme/user/eve", "p-1"]),
        (
            &["scopes", "actor", "resource.id", "pid", "definition"],
            &["acme:clerk", "acme/user", "p-1", "p-2", "handler"],
            &["\"tenant\":\"acme\"", "gold", "Moonward::Process"],
        ),
    ] {
        let folder = tempdir().unwrap();
        let log = redacting(&folder, paths);
        let mut large = request();
        large.context["padding"] = "x".repeat(3 * LINE_BYTES_MAX).into();
        log.accept(large.into()).unwrap();
        log.accept(
            Event { actor: Some("acme/user/eve".into()), ..Event::new(EventKind::Admin) }
                .with("what", vec!["acme/user/eve did it"])
                .into(),
        )
        .unwrap();
        // More than have records of their own: the others are counted.
        let (tenant, actor) = ("acme".into(), "acme/user/eve".into());
        let occurrence = audit::Occurrence {
            tenant: Some(&tenant),
            actor: Some(&actor),
            action: "process.kill",
            resource_type: "Process",
            decision_kind: audit::DecisionKind::DenyForbid,
        };
        for _ in 0..200 {
            log.decided(&occurrence, request).unwrap();
        }
        log.close().unwrap();
        let text = whole(folder.path());
        for name in gone {
            assert!(!text.contains(name), "{paths:?}: `{name}` is there");
        }
        for name in stay {
            assert!(text.contains(name), "{paths:?}: `{name}` is gone");
        }
        let records = records(folder.path());
        assert!(!of_kind(&records, "rollup").is_empty());
        for record in of_kind(&records, "decision") {
            assert_eq!(record["redacted"], json!(paths));
        }
        if paths.contains(&"actor") {
            let eve = commitment(&folder, "actor", &"acme/user/eve".into());
            for record in &records {
                if record["kind"] != "checkpoint" {
                    assert_eq!(record["actor"], eve, "{record}");
                }
            }
            let line = read(folder.path()).next().unwrap().unwrap();
            let record = stored(folder.path(), &line).unwrap();
            assert_eq!(record["entities"][0]["uid"]["id"], eve, "equal ones stay equal");
            assert_eq!(record["entities"][0]["uid"]["type"], "Moonward::Actor");
            assert!(
                record["errors"][0].as_str().unwrap().starts_with(&format!("`Moonward::Actor::\"{eve}\"`"))
            );
        }
    }
}

#[test]
fn who_asked_is_not_hidden_by_what_a_script_asked_for() {
    let folder = tempdir().unwrap();
    let log = redacting(&folder, &["resource.id", "pid", "context.topic"]);
    let mut request = decision();
    request.actor = Some("acme/user/eve".into());
    for kind in ["Name", "Process"] {
        request.resource = audit::Resource { kind, id: "acme/user/eve".into() };
        request.context = json!({"topic": "acme.workers:handler"});
        log.accept(request.clone().into()).unwrap();
    }
    // Over and over in one text: it does not become ever so much longer.
    request.resource.id = "e".into();
    request.context = json!({"text": "e ".repeat(1_000)});
    log.accept(request.clone().into()).unwrap();
    log.close().unwrap();
    let records = records(folder.path());
    for record in of_kind(&records, "decision") {
        assert_eq!(record["actor"], "acme/user/eve");
        assert_eq!(record["definition"], "acme.workers:handler");
        assert!(record["resource"]["id"].as_str().unwrap().starts_with("redacted:"), "{record}");
    }
    assert!(records[2]["context"]["text"].as_str().unwrap().len() < 100, "{}", records[2]);
}

#[test]
fn a_redacted_value_is_nowhere_in_the_folder_and_equal_ones_stay_equal() {
    let folder = tempdir().unwrap();
    let log = redacting(&folder, &["context.topic", "detail.files"]);
    for topic in ["secret-1", "secret-2", "secret-1"] {
        let mut request = decision();
        request.context = json!({"topic": topic, "padding": "x".repeat(3 * LINE_BYTES_MAX)});
        log.accept(request.into()).unwrap();
    }
    log.accept(Event::new(EventKind::Admin).with("files", vec!["secret-1"]).into()).unwrap();
    log.accept(Event::new(EventKind::Admin).with("other", "kept").into()).unwrap();
    log.close().unwrap();
    let mut topics = Vec::new();
    for line in read(folder.path()) {
        let record = stored(folder.path(), &line.unwrap()).unwrap();
        assert!(!record.to_string().contains("secret"), "{record}");
        topics.extend(record.pointer("/context/topic").cloned());
        assert_eq!(
            record.get("redacted").is_some(),
            record["detail"].get("other").is_none() && record["kind"] != "checkpoint"
        );
    }
    assert_eq!(topics.len(), 3);
    assert!(topics[0] == topics[2] && topics[0] != topics[1]);
}

#[test]
fn what_the_log_says_of_itself_is_never_redacted() {
    let folder = tempdir().unwrap();
    let log = redacting(&folder, &["detail"]);
    log.accept(Event::new(EventKind::Admin).with("what", "x").into()).unwrap();
    log.rotate_key().unwrap();
    log.close().unwrap();
    let records = records(folder.path());
    assert!(records[0]["detail"]["what"].as_str().unwrap().starts_with("redacted:"));
    for record in &records[1..] {
        assert!(record["detail"]["note"].as_str().unwrap().starts_with("moonward.audit/"), "{record}");
        assert_eq!(record.get("redacted"), None);
    }
}

#[test]
fn a_roll_up_does_not_name_an_actor_who_is_redacted() {
    let folder = tempdir().unwrap();
    let log = redacting(&folder, &["actor", "asserted_by.login", "detail"]);
    let asserted_by = Some(AssertedBy { uid: 1, login: "secret-login".into(), host: "kept".into() });
    let rollup = Event {
        actor: Some("acme/user/secret".into()),
        asserted_by,
        ..Event::new(EventKind::Rollup).with("opening", "kept").with("closed", true)
    };
    log.accept(rollup.into()).unwrap();
    let mut request = decision();
    request.actor = Some("acme/user/secret".into());
    log.accept(request.into()).unwrap();
    log.close().unwrap();
    let records = records(folder.path());
    assert!(!format!("{records:?}").contains("secret"), "{records:?}");
    assert_eq!(records[0]["actor"], records[1]["actor"], "who it is of can still be told");
    assert_eq!(records[0]["detail"]["opening"], "kept");
    assert_eq!(records[0]["redacted"], json!(["actor", "asserted_by.login"]));
}

#[test]
fn members_that_the_log_needs_or_that_are_none_cannot_be_redacted() {
    type Expected = fn(&InvalidRedaction) -> bool;
    let needed: Expected = |error| matches!(error, InvalidRedaction::Needed(_));
    let unknown: Expected = |error| matches!(error, InvalidRedaction::Unknown { .. });
    let twice: Expected = |error| matches!(error, InvalidRedaction::Twice(..));
    for (paths, expected) in [
        (&["schema"][..], needed),
        (&["seq"], needed),
        (&["tenant"], needed),
        (&["decision_kind"], needed),
        (&["redacted"], needed),
        (&["action.x"], needed),
        (&["nonsense"], unknown),
        (&["resource"], unknown),
        (&["resource.type"], unknown),
        (&["actor.id"], unknown),
        (&["memo"], unknown),
        (&[""], unknown),
        (&["context."], unknown),
        (&["context..a"], unknown),
        (&["context.a", "context.a"], twice),
        (&["context.a", "context"], twice),
        (&["context", "context.a"], twice),
    ] {
        let error = Redaction::of(paths.iter().copied()).unwrap_err();
        assert!(expected(&error), "{paths:?}: {error}");
    }
    let many: Vec<String> = (0..17).map(|number| format!("context.m{number}")).collect();
    let error = Redaction::of(many.iter().map(String::as_str)).unwrap_err();
    assert_eq!(error.to_string(), "17 paths to redact, at most 16 allowed");
    Redaction::of(["context.a", "context.ab"]).unwrap();
}

#[cfg(unix)]
#[test]
fn the_key_of_commitments_is_made_when_needed_and_kept_as_the_signing_key_is() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempdir().unwrap();
    let key = folder.beside("keys/audit.hmac");
    open(folder.path()).close().unwrap();
    assert!(!key.exists(), "nobody needs it");
    redacting(&folder, &["context"]).close().unwrap();
    let first = fs::read(&key).unwrap();
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    redacting(&folder, &["context"]).close().unwrap();
    assert_eq!(fs::read(&key).unwrap(), first);

    let refused = || {
        let redact = Redaction::of(["context"]).unwrap();
        matches!(Log::open(Options { redact, ..options(folder.path()) }), Err(OpenError::Key(_)))
    };
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refused());
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    for text in ["", "ab", &"g".repeat(64), &"A".repeat(64)] {
        fs::write(&key, text).unwrap();
        assert!(refused(), "{text}");
    }
}

fn large(size: usize, fill: &str) -> audit::Decision {
    let mut request = decision();
    request.entities = json!([fill.repeat(size)]);
    request
}

fn objects(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder.join("objects"))
        .into_iter()
        .flatten()
        .flat_map(|segment| fs::read_dir(segment.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_part_that_does_not_fit_is_stored_by_its_hash_and_read_back() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let mut both = large(LINE_BYTES_MAX, "e");
    both.context = json!({"c": "\u{fc}".repeat(LINE_BYTES_MAX)});
    for request in [large(LINE_BYTES_MAX, "e"), both.clone(), decision()] {
        log.accept(request.into()).unwrap();
    }
    log.close().unwrap();
    let files = objects(folder.path());
    assert_eq!(files.len(), 2, "the same part is there once");
    for file in &files {
        let bytes = fs::read(file).unwrap();
        assert_eq!(file.file_name().unwrap().to_str().unwrap(), digest::hex(&digest::sha256(&bytes)));
        assert!(bytes.is_ascii() && file.parent().unwrap().ends_with("objects/00000001"));
    }
    let lines: Vec<_> = read(folder.path()).map(Result::unwrap).collect();
    let record = &lines[1].record;
    assert_eq!(record.get("not_replayable"), None);
    let stand_in = &record["context"]["$stored"];
    assert_eq!(
        stand_in["bytes"],
        fs::metadata(folder.path().join("objects/00000001").join(stand_in["sha256"].as_str().unwrap()))
            .unwrap()
            .len()
            .to_string()
    );
    let whole = stored(folder.path(), &lines[1]).unwrap();
    assert_eq!((&whole["context"], &whole["entities"]), (&both.context, &both.entities));
    assert_eq!(stored(folder.path(), &lines[2]).unwrap(), lines[2].record);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempdir().unwrap();
    let log = open(folder.path());
    log.accept(large(LINE_BYTES_MAX, "e").into()).unwrap();
    log.close().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = &objects(folder.path())[0];
    assert_eq!(mode(file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    assert_eq!(mode(&folder.path().join("objects")), 0o700);
}

#[test]
fn a_stored_part_that_is_gone_or_changed_is_told_and_not_made_up() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    log.accept(large(LINE_BYTES_MAX, "e").into()).unwrap();
    log.close().unwrap();
    let line = read(folder.path()).next().unwrap().unwrap();
    let file = objects(folder.path()).remove(0);
    let bytes = fs::read(&file).unwrap();
    for harmed in [&bytes[..bytes.len() - 1], b"[]", b""] {
        fs::write(&file, harmed).unwrap();
        assert!(matches!(stored(folder.path(), &line), Err(StoredError::Changed { .. })));
    }
    fs::remove_file(&file).unwrap();
    assert!(matches!(stored(folder.path(), &line), Err(StoredError::Unreadable { .. })));
    // What stands for a part, and names another file.
    let mut line = line;
    line.record["entities"] = json!({"$stored": {"bytes": "1", "sha256": "../../keys/audit.ed25519"}});
    assert_eq!(stored(folder.path(), &line).unwrap(), line.record);
}

#[test]
fn half_a_part_that_a_crash_left_is_written_anew() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let bytes = json!(["e".repeat(LINE_BYTES_MAX)]).to_string();
    let own = folder.path().join("objects/00000001");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join(digest::hex(&digest::sha256(bytes.as_bytes()))), &bytes[..100]).unwrap();
    log.accept(large(LINE_BYTES_MAX, "e").into()).unwrap();
    log.close().unwrap();
    let line = read(folder.path()).next().unwrap().unwrap();
    assert_eq!(stored(folder.path(), &line).unwrap()["entities"], json!(["e".repeat(LINE_BYTES_MAX)]));
}

#[test]
fn a_tenant_stores_so_much_beside_a_segment_and_leaves_the_others_theirs() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let quarter = usize::try_from(STORED_TENANT_BYTES_MAX / 4).unwrap();
    for fill in ["a", "b", "c", "d", "e"] {
        log.accept(large(quarter - 8, fill).into()).unwrap();
        log.sync().unwrap();
    }
    let mut other = large(quarter, "f");
    other.tenant = Some("globex".into());
    log.accept(other.into()).unwrap();
    log.close().unwrap();
    let records = records(folder.path());
    let lost: Vec<bool> = of_kind(&records, "decision")
        .iter()
        .map(|record| record["not_replayable"] == "oversized: entities")
        .collect();
    assert_eq!(lost, [false, false, false, false, true, false]);
    assert!(of_kind(&records, "decision")[4]["entities"]["$oversized"].is_object());
    assert_eq!(objects(folder.path()).len(), 5);
}

#[test]
fn a_part_is_durable_before_its_line_and_goes_with_it_to_another_segment() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = Log::open(Options { disk: Arc::new(disk.clone()), ..options(folder.path()) }).unwrap();
    log.accept(Event::new(EventKind::Admin).into()).unwrap();
    log.sync().unwrap();
    let cases = [(Operation::Create, "a"), (Operation::Write, "b"), (Operation::Sync, "c")];
    for (whole, (failing, fill)) in cases.into_iter().enumerate() {
        disk.fail(move |operation| (operation == failing).then_some(ENOSPC));
        log.accept(large(LINE_BYTES_MAX, fill).into()).unwrap();
        log.sync().unwrap_err();
        assert_eq!(of_kind(&records(folder.path()), "decision").len(), whole, "{failing:?}");
        disk.heal();
        sync_at_last(&log);
        // The record that says so, too: the next fault is not to meet it.
        log.sync().unwrap();
    }
    // The line fails after its part: both go to the next segment.
    let mut writes = 0;
    disk.fail(move |operation| {
        writes += u32::from(operation == Operation::Write);
        (operation == Operation::Write && writes == 2).then_some(ENOSPC)
    });
    log.accept(large(LINE_BYTES_MAX, "d").into()).unwrap();
    sync_at_last(&log);
    log.close().unwrap();
    let lines: Vec<_> = read(folder.path()).map(Result::unwrap).collect();
    let decisions: Vec<_> = lines.iter().filter(|line| line.record["kind"] == "decision").collect();
    assert_eq!(decisions.len(), 4);
    for (line, fill) in decisions.iter().zip(["a", "b", "c", "d"]) {
        assert_eq!(stored(folder.path(), line).unwrap()["entities"], json!([fill.repeat(LINE_BYTES_MAX)]));
    }
    assert_eq!(decisions[3].file.file_name().unwrap(), "00000002.jsonl");
}
