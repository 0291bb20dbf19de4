//! Checkpoints: when the head of the chain is signed, and that what is signed is the head.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use audit::{Checkpoint, CopyTo, KeyRotation, Log, OpenError, Options, VerifyingKey, digest};
use serde_json::Value;

use crate::faulty::{ENOSPC, FaultyDisk, Operation};
use crate::{accept, of_kind, open, options, records, sync_at_last, tempdir};

/// Every line follows the one before, and every head is the chain's, signed by the key that was in charge. Gives the
/// reasons of the checkpoints.
pub(crate) fn assert_sealed(folder: &Path, first_key: VerifyingKey) -> Vec<String> {
    let mut key = first_key;
    let (mut count, mut prev, mut log) = (0, "0".repeat(64), String::new());
    let (mut reasons, mut left) = (Vec::new(), Vec::new());
    let segments = segments(folder);
    for (at, segment) in segments.iter().enumerate() {
        let text = fs::read_to_string(segment).unwrap();
        let mut is_signed = false;
        for line in text.split_inclusive('\n') {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&record["seq"], &record["prev"]), (&(count + 1).to_string().into(), &prev.into()));
            if count == 0 {
                log = record["id"].as_str().unwrap().to_owned();
            }
            let note = record["detail"]["note"].as_str().unwrap_or_default();
            let head = if record["kind"] == "checkpoint" {
                let checkpoint = Checkpoint::parse(note).unwrap();
                assert!(checkpoint.is_signed_by(&key), "{note}");
                reasons.push(record["detail"]["reason"].as_str().unwrap().to_owned());
                Some(checkpoint.head().clone())
            } else if record["kind"] == "key_rotate" {
                let change = KeyRotation::parse(note).unwrap();
                assert!(change.is_signed_by(&key) && change.is_signed_by(&change.new_key()), "{note}");
                key = change.new_key();
                Some(change.head().clone())
            } else {
                None
            };
            if let Some(head) = &head {
                let hash = digest::hex(&head.hash);
                assert_eq!((&head.log, head.records, &hash.into()), (&log, count, &record["prev"]));
            }
            is_signed = record["kind"] == "checkpoint";
            count += 1;
            prev = digest::hex(&digest::sha256(line.as_bytes()));
        }
        if !is_signed && at + 1 < segments.len() {
            left.push(segment.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    // Only what a disk did not take any more may end without one.
    let gaps = records(folder);
    let gaps: Vec<_> = of_kind(&gaps, "gap").iter().map(|gap| gap["detail"]["file"].to_string()).collect();
    for name in left {
        assert!(gaps.iter().any(|file| file.contains(&name)), "{name} does not end with a checkpoint");
    }
    reasons
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    paths
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_there() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_run_ends_with_a_checkpoint_of_all_its_records_and_the_next_goes_on_from_there() {
    let folder = tempdir().unwrap();
    for run in 1..=3 {
        let log = open(folder.path());
        let key = log.verifying_key();
        accept(&log, run).unwrap();
        log.close().unwrap();
        assert_eq!(assert_sealed(folder.path(), key), vec!["shutdown"; usize::try_from(run).unwrap()]);
    }
    assert_eq!(records(folder.path()).len(), 6);
}

#[test]
fn a_run_that_records_nothing_leaves_the_log_as_it_was() {
    let folder = tempdir().unwrap();
    open(folder.path()).close().unwrap();
    assert_eq!(records(folder.path()).len(), 0, "there is nothing to sign");
    let log = open(folder.path());
    accept(&log, 1).unwrap();
    log.close().unwrap();
    let before = fs::read(folder.path().join("00000001.jsonl")).unwrap();
    open(folder.path()).close().unwrap();
    assert_eq!(fs::read(folder.path().join("00000001.jsonl")).unwrap(), before);
}

#[test]
fn each_thousand_records_have_a_checkpoint() {
    let folder = tempdir().unwrap();
    let interval = Duration::from_secs(3_600);
    let log = Log::open(Options { checkpoint_interval: interval, ..options(folder.path()) }).unwrap();
    (0..3_500).for_each(|number| drop(accept(&log, number).unwrap()));
    log.close().unwrap();
    let reasons = assert_sealed(folder.path(), log.verifying_key());
    assert_eq!(reasons, ["interval", "interval", "interval", "shutdown"]);
    let signed: Vec<_> = of_kind(&records(folder.path()), "checkpoint")
        .iter()
        .map(|record| record["seq"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(signed, ["1001", "2002", "3003", "3504"]);
}

#[test]
fn records_are_signed_after_a_while_although_none_follows_and_nobody_asks() {
    let folder = tempdir().unwrap();
    let interval = Duration::from_millis(30);
    let log = Log::open(Options { checkpoint_interval: interval, ..options(folder.path()) }).unwrap();
    for round in 1..=2 {
        accept(&log, round).unwrap();
        wait_for("a checkpoint", || {
            records(folder.path()).iter().filter(|record| record["kind"] == "checkpoint").count() as u64
                == round
        });
    }
    log.close().unwrap();
    // Nothing came since, but only this one says that the run ended in order.
    assert_eq!(assert_sealed(folder.path(), log.verifying_key()), ["interval", "interval", "shutdown"]);
}

#[test]
fn a_checkpoint_that_is_due_is_in_the_commit_of_what_it_covers() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = Log::open(Options {
        checkpoint_interval: Duration::ZERO,
        disk: Arc::new(disk.clone()),
        ..options(folder.path())
    })
    .unwrap();
    let writes = Arc::new(Mutex::new(0));
    disk.fail({
        let writes = writes.clone();
        move |operation| {
            *writes.lock().unwrap() += u32::from(operation == Operation::Write);
            None
        }
    });
    accept(&log, 1).unwrap();
    log.sync().unwrap();
    assert_eq!((of_kind(&records(folder.path()), "checkpoint").len(), *writes.lock().unwrap()), (1, 1));
}

#[test]
fn every_segment_but_the_last_ends_with_a_checkpoint_within_its_bound() {
    let folder = tempdir().unwrap();
    let log = Log::open(Options { segment_bytes_max: 8_192, ..options(folder.path()) }).unwrap();
    for number in 0..200 {
        accept(&log, number).unwrap();
        if number % 5 == 0 {
            log.sync().unwrap();
        }
    }
    log.close().unwrap();
    let reasons = assert_sealed(folder.path(), log.verifying_key());
    let count = segments(folder.path()).len();
    assert!(count >= 4, "{reasons:?}");
    assert_eq!(reasons.iter().filter(|reason| *reason == "rotation").count(), count - 1);
    for segment in segments(folder.path()) {
        assert!(fs::metadata(&segment).unwrap().len() <= 8_192, "{segment:?}");
    }
}

#[test]
fn a_disk_that_failed_leaves_heads_that_are_the_chains() {
    for failing in [Operation::Write, Operation::Sync] {
        let folder = tempdir().unwrap();
        let disk = FaultyDisk::healthy();
        let log = Log::open(Options {
            checkpoint_interval: Duration::ZERO,
            disk: Arc::new(disk.clone()),
            ..options(folder.path())
        })
        .unwrap();
        accept(&log, 1).unwrap();
        log.sync().unwrap();
        disk.fail(move |operation| (operation == failing).then_some(ENOSPC));
        accept(&log, 2).unwrap();
        log.sync().unwrap_err();
        disk.heal();
        sync_at_last(&log);
        log.close().unwrap();
        assert_sealed(folder.path(), log.verifying_key());
    }
}

#[test]
fn the_newest_checkpoint_is_copied_to_a_folder_under_the_logs_name() {
    let folder = tempdir().unwrap();
    let outside = folder.beside("outside");
    fs::create_dir(&outside).unwrap();
    for run in 1..=2_usize {
        let checkpoints = Some(CopyTo::Folder(outside.clone()));
        let log = Log::open(Options { checkpoints, ..options(folder.path()) }).unwrap();
        accept(&log, 1).unwrap();
        log.close().unwrap();
        let records = records(folder.path());
        let names: Vec<_> = fs::read_dir(&outside)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        let name = format!("{}.checkpoint", records[0]["id"].as_str().unwrap());
        assert_eq!(names, [name.as_str()]);
        let copy = fs::read_to_string(outside.join(name)).unwrap();
        assert_eq!(copy, of_kind(&records, "checkpoint")[run - 1]["detail"]["note"], "as it is in the log");
    }
}

#[test]
fn a_copy_is_kept_when_the_log_was_cut_or_written_anew_and_no_start_goes_on() {
    let folder = tempdir().unwrap();
    let outside = folder.beside("outside");
    fs::create_dir(&outside).unwrap();
    let copied = || Options { checkpoints: Some(CopyTo::Folder(outside.clone())), ..options(folder.path()) };
    let segment = folder.path().join("00000001.jsonl");
    for run in 0..3 {
        let log = Log::open(copied()).unwrap();
        accept(&log, run).unwrap();
        log.close().unwrap();
    }
    let name = format!("{}.checkpoint", records(folder.path())[0]["id"].as_str().unwrap());
    let copy = fs::read_to_string(outside.join(&name)).unwrap();
    let whole = fs::read_to_string(&segment).unwrap();
    let cut: String = whole.split_inclusive('\n').take(4).collect();
    for (written_anew, why) in
        [(0, "it counts 5 records, and the log has 4"), (4, "after 5 records the log has another hash")]
    {
        fs::write(&segment, &cut).unwrap();
        // Without copies, by whoever has the key.
        for run in 0..written_anew {
            let log = open(folder.path());
            accept(&log, 100 + run).unwrap();
            log.close().unwrap();
        }
        let error = Log::open(copied()).unwrap_err();
        let OpenError::Forked { copy: named, why: said, .. } = &error else { unreachable!("{error}") };
        assert_eq!(*named, outside.join(&name));
        assert!(said.starts_with(why), "{said}");
        assert!(error.hint().starts_with("`moonward audit verify --against "), "{}", error.hint());
        assert_eq!(fs::read_to_string(outside.join(&name)).unwrap(), copy, "it is the evidence");
    }
    let mut beside: Vec<_> = fs::read_dir(&outside)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    beside.retain(|other| *other != name);
    assert_eq!(beside.len(), 2, "{beside:?}");
    assert!(beside.iter().all(|name| name.ends_with(".conflict")), "{beside:?}");

    // What goes on from the copy replaces it, also when the copy is older than the last run.
    fs::write(&segment, &whole).unwrap();
    let log = open(folder.path());
    accept(&log, 4).unwrap();
    log.close().unwrap();
    let log = Log::open(copied()).unwrap();
    accept(&log, 5).unwrap();
    log.close().unwrap();
    assert_ne!(fs::read_to_string(outside.join(&name)).unwrap(), copy);
}

#[test]
fn a_copy_that_comes_back_while_the_log_is_written_is_not_replaced_by_another_end() {
    let folder = tempdir().unwrap();
    let (outside, away) = (folder.beside("outside"), folder.beside("away"));
    fs::create_dir(&outside).unwrap();
    let copied = || Options { checkpoints: Some(CopyTo::Folder(outside.clone())), ..options(folder.path()) };
    let log = Log::open(copied()).unwrap();
    accept(&log, 1).unwrap();
    accept(&log, 2).unwrap();
    log.close().unwrap();
    let segment = folder.path().join("00000001.jsonl");
    let first = fs::read_to_string(&segment).unwrap().split_inclusive('\n').next().unwrap().to_owned();
    fs::write(&segment, first).unwrap();
    fs::rename(&outside, &away).unwrap();
    let log = Log::open(copied()).unwrap();
    fs::rename(&away, &outside).unwrap();
    let name = format!("{}.checkpoint", records(folder.path())[0]["id"].as_str().unwrap());
    let copy = fs::read_to_string(outside.join(&name)).unwrap();
    accept(&log, 3).unwrap();
    log.close().unwrap();
    assert_eq!(fs::read_to_string(outside.join(&name)).unwrap(), copy);
}

#[test]
fn a_place_for_copies_that_fails_or_hangs_holds_nothing_up() {
    let folder = tempdir().unwrap();
    let missing = folder.beside("missing");
    let hanging = |_: &str| -> io::Result<()> {
        loop {
            std::thread::park();
        }
    };
    for to in [CopyTo::Folder(missing), CopyTo::Sink(Arc::new(hanging))] {
        let log = Log::open(Options {
            checkpoints: Some(to),
            checkpoint_interval: Duration::ZERO,
            ..options(folder.path())
        })
        .unwrap();
        for number in 0..5 {
            accept(&log, number).unwrap();
            log.sync().unwrap();
        }
        assert!(log.writable());
        log.close().unwrap();
    }
}

#[test]
fn a_sink_is_given_each_note_as_it_is_written_down() {
    let folder = tempdir().unwrap();
    let notes = Arc::new(Mutex::new(Vec::new()));
    let sink = {
        let notes = notes.clone();
        move |note: &str| {
            notes.lock().unwrap().push(note.to_owned());
            Ok(())
        }
    };
    let checkpoints = Some(CopyTo::Sink(Arc::new(sink)));
    let log = Log::open(Options { checkpoints, ..options(folder.path()) }).unwrap();
    accept(&log, 1).unwrap();
    log.close().unwrap();
    let records = records(folder.path());
    assert_eq!(
        *notes.lock().unwrap(),
        [of_kind(&records, "checkpoint")[0]["detail"]["note"].as_str().unwrap()]
    );
}
