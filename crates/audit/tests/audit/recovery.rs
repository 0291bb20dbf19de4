//! A start on what the last run left: what is a chain is gone on with, what is none is left as it is.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use audit::{Event, EventKind, Finding, Log, OpenError, Options, Question, digest, verify};

use crate::sealed::assert_sealed;
use crate::{Folder, accept, of_kind, open, options, records, tempdir};

fn segment(folder: &Folder) -> PathBuf {
    folder.path().join("00000001.jsonl")
}

/// A log of so many records that a crash ended: all is durable, and nothing says that it is over.
fn crashed(records: u64) -> Folder {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    (0..records).for_each(|number| drop(accept(&log, number).unwrap()));
    log.close().unwrap();
    drop_last_line(&segment(&folder));
    folder
}

fn drop_last_line(segment: &Path) {
    let text = fs::read_to_string(segment).unwrap();
    let end = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
    fs::write(segment, &text[..end]).unwrap();
}

fn append(segment: &Path, bytes: &[u8]) {
    fs::OpenOptions::new().append(true).open(segment).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_run_that_did_not_end_in_order_is_on_record_and_signed_by_the_next() {
    let folder = crashed(3);
    let log = open(folder.path());
    log.close().unwrap();
    let key = log.verifying_key();
    let written = records(folder.path());
    let recovered = of_kind(&written, "recovered");
    assert_eq!(recovered.len(), 1);
    assert_eq!(recovered[0]["seq"], "4");
    assert_eq!(
        (&recovered[0]["detail"]["bytes_cut"], &recovered[0]["detail"]["file"]),
        (&"0".into(), &"00000001.jsonl".into())
    );
    // The first checkpoint of the run says so, unless the run is over by then.
    assert!(["start", "shutdown"].contains(&&*assert_sealed(folder.path(), key)[0]));

    open(folder.path()).close().unwrap();
    assert_eq!(records(folder.path()).len(), written.len(), "said once");
}

#[test]
fn the_first_checkpoint_after_a_crash_comes_at_once() {
    let folder = crashed(3);
    let log = open(folder.path());
    log.sync().unwrap();
    assert_eq!(assert_sealed(folder.path(), log.verifying_key()), ["start"]);
}

#[test]
fn an_incomplete_last_line_is_cut_and_complete_ones_never() {
    for torn in [&b"{\"schema\":\"moonw"[..], b"\0\0\0", &[b'x'; 200_000]] {
        let folder = tempdir().unwrap();
        let log = open(folder.path());
        accept(&log, 1).unwrap();
        log.close().unwrap();
        let before = fs::read_to_string(segment(&folder)).unwrap();
        append(&segment(&folder), torn);
        open(folder.path()).close().unwrap();
        assert!(fs::read_to_string(segment(&folder)).unwrap().starts_with(&before));
        let records = records(folder.path());
        assert_eq!(of_kind(&records, "recovered")[0]["detail"]["bytes_cut"], torn.len().to_string());
    }
}

#[test]
fn a_segment_that_was_only_begun_is_gone_on_with() {
    let folder = crashed(2);
    fs::write(folder.path().join("00000002.jsonl"), "").unwrap();
    let log = open(folder.path());
    log.close().unwrap();
    let records = records(folder.path());
    assert_eq!(of_kind(&records, "recovered")[0]["seq"], "3");
    assert!(fs::metadata(folder.path().join("00000002.jsonl")).unwrap().len() > 0);
}

/// Compresses a file as `gzip` does.
fn pack(segment: &Path) {
    let done = std::process::Command::new("gzip").arg(segment).status().unwrap();
    assert!(done.success());
}

#[test]
fn a_log_whose_end_is_compressed_is_gone_on_with() {
    for crash in [false, true] {
        let folder = tempdir().unwrap();
        let log = Log::open(Options { segment_bytes_max: 1, ..options(folder.path()) }).unwrap();
        for number in 0..3 {
            accept(&log, number).unwrap();
            log.sync().unwrap();
        }
        log.close().unwrap();
        // After a crash the first checkpoint is behind the one line of the last segment, in a compressed one.
        let last = folder.path().join("00000003.jsonl");
        if crash {
            drop_last_line(&last);
        }
        for name in ["00000001.jsonl", "00000002.jsonl"] {
            pack(&folder.path().join(name));
        }
        if !crash {
            pack(&last);
        }
        let log = open(folder.path());
        let id = accept(&log, 9).unwrap();
        log.close().unwrap();
        let next = if crash { "00000003.jsonl" } else { "00000004.jsonl" };
        let text = fs::read_to_string(folder.path().join(next)).unwrap();
        assert!(text.contains(&id) && text.contains("recovered") == crash, "{text}");
        let first: serde_json::Value =
            serde_json::from_str(text.lines().nth(usize::from(crash)).unwrap()).unwrap();
        // Three records with a checkpoint each, of which the last is lost, and made up for by `recovered`.
        assert_eq!(first["seq"], if crash { "6" } else { "7" });
    }
}

#[test]
fn what_is_no_chain_back_to_the_last_checkpoint_is_refused_and_left_as_it_is() {
    type Harm = fn(&mut Vec<String>);
    let harms: [(&str, Harm); 10] = [
        ("a change", |lines| lines[2] = lines[2].replace("\"number\":2", "\"number\":7")),
        ("a removal", |lines| drop(lines.remove(2))),
        ("a swap", |lines| lines.swap(2, 3)),
        ("a copy", |lines| lines.insert(2, lines[2].clone())),
        ("an insertion", |lines| lines.insert(3, lines[2].replace("\"seq\":\"3\"", "\"seq\":\"4\""))),
        ("no beginning", |lines| drop(lines.drain(..2))),
        ("no record", |lines| lines.push("nonsense\n".to_owned())),
        ("an empty line", |lines| lines.push("\n".to_owned())),
        ("a long line", |lines| lines.push("9".repeat(20_000) + "\n")),
        ("another form", |lines| {
            let last = lines.last_mut().unwrap();
            *last = last.replace("audit/1", "audit/2");
        }),
    ];
    for (name, harm) in harms {
        let folder = crashed(5);
        let text = fs::read_to_string(segment(&folder)).unwrap();
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        harm(&mut lines);
        let harmed = lines.concat();
        assert_ne!(harmed, text, "{name}");
        fs::write(segment(&folder), &harmed).unwrap();
        let error = Log::open(options(folder.path())).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{name}: {error}");
        assert!(error.hint().contains("moonward audit verify"));
        assert_eq!(fs::read_to_string(segment(&folder)).unwrap(), harmed, "{name}");
    }
}

#[test]
fn a_checkpoint_that_its_key_did_not_sign_is_refused() {
    type Harm = fn(&str) -> String;
    let harms: [Harm; 3] = [
        // The signature, the head's count, and the hash.
        |line| {
            let at = line.rfind("\\n\",\"reason\"").unwrap() - 8;
            let other = if &line[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &line[..at], &line[at + 1..])
        },
        |line| line.replace("\\n1\\n", "\\n2\\n"),
        |line| line.replace("\\n1\\n", "\\n1\\nx"),
    ];
    for harm in harms {
        let folder = tempdir().unwrap();
        let log = open(folder.path());
        accept(&log, 1).unwrap();
        log.close().unwrap();
        let text = fs::read_to_string(segment(&folder)).unwrap();
        let (first, last) = text.split_once('\n').unwrap();
        let harmed = format!("{first}\n{}", harm(last));
        assert_ne!(harmed, text);
        fs::write(segment(&folder), harmed).unwrap();
        let error = Log::open(options(folder.path())).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }
}

#[test]
fn roll_ups_that_a_crash_left_open_are_named() {
    let folder = tempdir().unwrap();
    // Several segments, so that they are found in an earlier one than the last.
    let log = Log::open(Options { segment_bytes_max: 4_096, ..options(folder.path()) }).unwrap();
    let rollup = |opening: &str, is_closed: bool| {
        let event = Event::new(EventKind::Rollup).with("opening", opening).with("closed", is_closed);
        log.accept(event.into()).unwrap();
    };
    rollup("open", false);
    rollup("closed", false);
    rollup("open", false);
    rollup("closed", true);
    for number in 0..20 {
        accept(&log, number).unwrap();
        log.sync().unwrap();
    }
    log.close().unwrap();
    let last = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let last = last.filter(|path| path.extension().is_some()).max().unwrap();
    assert_ne!(last, segment(&folder));
    drop_last_line(&last);

    open(folder.path()).close().unwrap();
    let records = records(folder.path());
    assert_eq!(of_kind(&records, "recovered")[0]["detail"]["rollups"], serde_json::json!(["open"]));
}

#[test]
fn numbers_go_on_although_the_clock_went_back() {
    // A log of a later time than now: its last record is from the year 2200.
    let folder = tempdir().unwrap();
    let id = "0".repeat(26);
    let line = format!(
        "{{\"schema\":\"moonward.audit/1\",\"seq\":\"1\",\"id\":\"{id}\",\"ts\":\"2200-01-01T00:00:00.000000000Z\",\
         \"prev\":\"{}\",\"kind\":\"admin\"}}\n",
        "0".repeat(64)
    );
    fs::write(segment(&folder), line).unwrap();
    let log = open(folder.path());
    accept(&log, 1).unwrap();
    log.close().unwrap();
    assert_sealed(folder.path(), log.verifying_key());
    let records = records(folder.path());
    assert_eq!(records[2]["seq"], "3");
    assert!(records[2]["ts"].as_str() < records[0]["ts"].as_str());
}

/// Appends a record to the log as anybody can who may write its folder.
fn append_by_hand(folder: &Folder, kind: &str, detail: &str) {
    let text = fs::read_to_string(segment(folder)).unwrap();
    let last = text.split_inclusive('\n').next_back().unwrap();
    let seq = text.lines().count() + 1;
    let line = format!(
        "{{\"schema\":\"moonward.audit/1\",\"seq\":\"{seq}\",\"id\":\"01M8EQQVXWTZ1QR82K3B0MT{seq:03}\",\
         \"ts\":\"2026-11-27T13:06:06.000000001Z\",\"prev\":\"{}\",\"kind\":\"{kind}\",\"detail\":{detail}}}\n",
        digest::hex(&digest::sha256(last.as_bytes()))
    );
    append(&segment(folder), line.as_bytes());
}

#[test]
fn no_start_signs_a_removal_or_a_change_of_keys_that_the_log_did_not_sign_itself() {
    let head = "0".repeat(64);
    let removal = format!("{{\"through\":\"1\",\"head\":\"{head}\"}}");
    for (kind, detail) in [("retention", removal.as_str()), ("key_rotate", "{\"note\":\"x\"}")] {
        let folder = crashed(5);
        open(folder.path()).close().unwrap();
        append_by_hand(&folder, kind, detail);
        let before = fs::read(segment(&folder)).unwrap();
        let error = Log::open(options(folder.path())).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{kind}: {error}");
        // Nor with something after it.
        append_by_hand(&folder, "admin", "{}");
        let error = Log::open(options(folder.path())).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{kind}: {error}");
        assert!(fs::read(segment(&folder)).unwrap().starts_with(&before));
    }
}

#[test]
fn records_that_a_start_did_not_see_made_are_told_for_ever() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    accept(&log, 1).unwrap();
    log.close().unwrap();
    append_by_hand(&folder, "admin", "{\"who\":\"somebody\"}");
    append_by_hand(&folder, "admin", "{\"who\":\"somebody\"}");
    for _ in 0..2 {
        let log = open(folder.path());
        accept(&log, 2).unwrap();
        log.close().unwrap();
    }
    let records = records(folder.path());
    let recovered = of_kind(&records, "recovered");
    assert_eq!(recovered.len(), 1);
    let detail = &recovered[0]["detail"];
    assert_eq!((&detail["unwitnessed_from"], &detail["unwitnessed_through"]), (&"3".into(), &"4".into()));
    let trust = [log.verifying_key()];
    let question =
        Question { folder: folder.path(), trust: &trust, in_force: &trust, against: None, since: None };
    let verdict = verify(&question, &|_| {}).unwrap();
    assert_eq!(verdict.finding, Finding::Intact, "nobody can say who wrote them");
    assert_eq!((verdict.figures.unwitnessed, verdict.figures.unwitnessed_some), (2, vec![(3, 4)]));
}

#[test]
fn the_last_segment_is_a_chain_from_its_first_line() {
    let folder = tempdir().unwrap();
    for run in 0..3 {
        let log = open(folder.path());
        accept(&log, run).unwrap();
        log.close().unwrap();
    }
    let text = fs::read_to_string(segment(&folder)).unwrap();
    fs::write(segment(&folder), text.replace("\"number\":0", "\"number\":9")).unwrap();
    let error = Log::open(options(folder.path())).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    fs::write(segment(&folder), text).unwrap();
    open(folder.path()).close().unwrap();
}

#[test]
fn an_empty_file_of_a_number_far_away_is_refused_by_its_name() {
    for (name, is_fine) in
        [("00000900.jsonl", true), ("18446744073709551615.jsonl", false), ("00001002.jsonl", false)]
    {
        let folder = crashed(2);
        fs::write(folder.path().join(name), "").unwrap();
        match Log::open(options(folder.path())) {
            Ok(log) => {
                assert!(is_fine, "{name}");
                accept(&log, 1).unwrap();
                log.close().unwrap();
                let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{name}");
            }
            Err(error) => {
                assert!(!is_fine, "{error}");
                assert!(matches!(&error, OpenError::Damaged { file, .. } if file.ends_with(name)), "{error}");
            }
        }
    }
}

#[test]
fn what_is_no_file_of_a_log_is_named_and_the_next_step_is_to_verify() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 3] = [
        ("00000001.jsonl", |path| {
            fs::rename(path, path.with_extension("moved")).unwrap();
            symlink(path.with_extension("moved"), path).unwrap();
        }),
        ("00000001.jsonl.gz", |path| {
            fs::remove_file(path.with_extension("")).unwrap();
            fs::write(path, "no gzip").unwrap();
        }),
        ("00000002.jsonl", |path| fs::create_dir(path).unwrap()),
    ];
    for (name, harm) in harms {
        let folder = crashed(2);
        harm(&folder.path().join(name));
        let error = Log::open(options(folder.path())).unwrap_err();
        assert!(matches!(&error, OpenError::Damaged { file, .. } if file.ends_with(name)), "{name}: {error}");
        assert!(error.hint().contains("moonward audit verify"), "{}", error.hint());
    }
    let folder = crashed(2);
    fs::remove_file(folder.path().join("lock")).unwrap();
    symlink(folder.beside("elsewhere"), folder.path().join("lock")).unwrap();
    let error = Log::open(options(folder.path())).unwrap_err();
    assert!(error.to_string().contains("log/lock` cannot be opened: it is a symbolic link"), "{error}");
}
