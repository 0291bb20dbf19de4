//! A disk that fails: nothing acknowledged is lost or doubled, everybody is told, and the log goes on by itself.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit::{Cause, Log, Mode, OpenError, Options, Unavailable};
use serde_json::Value;

use crate::faulty::{EIO, ENOSPC, EROFS, FaultyDisk, Operation};
use crate::random::Random;
use crate::{
    accept, assert_chained, assert_whole, brought, in_memory, of_kind, options, records, sync_at_last,
    tempdir,
};

fn open(folder: &Path, disk: &FaultyDisk, change: impl FnOnce(&mut Options)) -> Log {
    let mut options = Options { disk: Arc::new(disk.clone()), ..options(folder) };
    change(&mut options);
    Log::open(options).unwrap()
}

#[test]
fn a_failing_disk_stops_a_strict_log_until_it_is_well_and_loses_nothing() {
    // Fails every operation named; the last case fails only when a segment is full.
    for (failing, code, segment_bytes_max) in [
        (&[Operation::Write][..], ENOSPC, 1 << 20),
        (&[Operation::Write], EIO, 1 << 20),
        (&[Operation::Sync], EIO, 1 << 20),
        (&[Operation::Sync, Operation::Cut], EIO, 1 << 20),
        (&[Operation::Sync, Operation::Create], ENOSPC, 1 << 20),
        (&[Operation::Create], ENOSPC, 1),
        (&[Operation::Write, Operation::Remove], EIO, 1),
    ] {
        let folder = tempdir().unwrap();
        let disk = FaultyDisk::healthy();
        let log = open(folder.path(), &disk, |options| options.segment_bytes_max = segment_bytes_max);
        let mut acknowledged = vec![accept(&log, 1).unwrap()];
        log.sync().unwrap();

        disk.fail(move |operation| failing.contains(&operation).then_some(code));
        acknowledged.push(accept(&log, 2).unwrap());
        let Err(Unavailable::Unwritable { file, why, cause }) = log.sync() else {
            panic!("{failing:?}: synced")
        };
        assert!(file.starts_with(folder.path()));
        assert_eq!(why, std::io::Error::from_raw_os_error(code).to_string());
        assert!(!log.writable());
        assert_eq!(accept(&log, 3), Err(Unavailable::Unwritable { file, why: why.clone(), cause }));

        disk.heal();
        let turned_away = sync_at_last(&log);
        acknowledged.push(accept(&log, 4).unwrap());
        log.close().unwrap();

        let records = records(folder.path());
        assert_whole(&records, &acknowledged);
        let gaps = of_kind(&records, "gap");
        let states: Vec<_> = gaps.iter().map(|gap| &gap["detail"]["state"]).collect();
        assert_eq!(states[..2], ["open", "closed"], "{failing:?}");
        for member in ["why", "file", "since"] {
            assert_eq!(gaps[0]["detail"][member], gaps[1]["detail"][member], "{member}");
        }
        assert_eq!(gaps[0]["ts"], gaps[0]["detail"]["since"]);
        let place = |id: &Value| records.iter().position(|record| record["id"] == *id).unwrap();
        assert!(
            place(&gaps[0]["id"]) < place(&acknowledged[1].as_str().into()),
            "before what was accepted and not durable when it began"
        );
        assert_eq!(
            (&gaps[1]["detail"]["dropped"], &gaps[1]["detail"]["why"]),
            (&Value::from("0"), &why.into())
        );
        // Who asked whether it can be written at all, and who brought a record; of who asked just then another record
        // may tell.
        let refused = |gap: &&Value| gap["detail"]["refused"].as_str().unwrap().parse::<u64>().unwrap();
        assert_eq!(gaps[1..].iter().map(refused).sum::<u64>(), 2 + turned_away);
    }
}

#[test]
fn a_segment_whose_sync_failed_is_never_written_again() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, |_| {});
    accept(&log, 1).unwrap();
    log.sync().unwrap();
    let first = folder.path().join("00000001.jsonl");
    let durable = fs::read(&first).unwrap();

    disk.fail(|operation| (operation == Operation::Sync).then_some(EIO));
    accept(&log, 2).unwrap();
    log.sync().unwrap_err();
    disk.heal();
    sync_at_last(&log);
    log.close().unwrap();
    assert_eq!(fs::read(&first).unwrap(), durable, "cut back to what was durable");
    assert_whole(&records(folder.path()), &[]);
}

#[test]
fn a_long_outage_leaves_no_trail_of_files() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, |_| {});
    let attempts = Arc::new(AtomicU64::new(0));
    disk.fail({
        let attempts = attempts.clone();
        move |operation| {
            (operation == Operation::Sync).then(|| {
                attempts.fetch_add(1, Ordering::Relaxed);
                EIO
            })
        }
    });
    accept(&log, 1).unwrap();
    while attempts.load(Ordering::Relaxed) < 50 {
        std::thread::yield_now();
    }
    disk.heal();
    sync_at_last(&log);
    log.close().unwrap();
    // The lock, the reserve and one segment: an empty one gives its number back.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_segment_that_was_removed_or_replaced_is_noticed_at_the_next_commit() {
    type Harm = fn(&Path);
    let harms: [Harm; 3] = [
        |segment| fs::remove_file(segment).unwrap(),
        |segment| fs::rename(segment, segment.with_extension("moved")).unwrap(),
        |segment| {
            fs::copy(segment, segment.with_extension("copy")).unwrap();
            fs::rename(segment.with_extension("copy"), segment).unwrap();
        },
    ];
    for harm in harms {
        let folder = tempdir().unwrap();
        let disk = FaultyDisk::healthy();
        let log = open(folder.path(), &disk, |_| {});
        accept(&log, 1).unwrap();
        log.sync().unwrap();
        harm(&folder.path().join("00000001.jsonl"));
        let id = accept(&log, 2).unwrap();
        sync_at_last(&log);
        log.close().unwrap();

        let second = fs::read_to_string(folder.path().join("00000002.jsonl")).unwrap();
        assert_eq!(second.matches(&id).count(), 1);
        assert!(second.contains("file was removed or replaced while in use"), "{second}");
    }
}

#[test]
fn a_log_whose_lock_file_is_gone_makes_another_and_goes_on() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, |_| {});
    let mut acknowledged = vec![accept(&log, 1).unwrap()];
    log.sync().unwrap();
    let lock = folder.path().join("lock");
    for harm in [
        |lock: &Path| fs::remove_file(lock).unwrap(),
        |lock: &Path| {
            fs::remove_file(lock).unwrap();
            fs::write(lock, "1\n").unwrap();
        },
    ] {
        harm(&lock);
        acknowledged.push(accept(&log, 2).unwrap());
        sync_at_last(&log);
        let error = Log::open(Options { wait: Duration::ZERO, ..options(folder.path()) }).unwrap_err();
        assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    }
    // Also when it is found to be gone only at the end.
    acknowledged.push(accept(&log, 3).unwrap());
    log.sync().unwrap();
    fs::remove_file(&lock).unwrap();
    log.close().unwrap();
    let records = records(folder.path());
    assert_whole(&records, &acknowledged);
    let gaps = of_kind(&records, "gap");
    assert!(gaps.iter().any(|gap| gap["detail"]["why"] == "lock file was removed or replaced while in use"));
}

#[test]
fn a_log_whose_lock_file_was_replaced_waits_for_who_holds_the_other() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, |_| {});
    let lock = folder.path().join("lock");
    fs::remove_file(&lock).unwrap();
    fs::write(&lock, "4711\n").unwrap();
    let holder = fs::File::open(&lock).unwrap();
    holder.lock().unwrap();
    let id = accept(&log, 1).unwrap();
    assert!(
        matches!(log.sync(), Err(Unavailable::Unwritable { file, cause: Cause::Lock, .. }) if file == lock)
    );
    assert!(!log.writable());
    holder.unlock().unwrap();
    sync_at_last(&log);
    log.close().unwrap();
    assert_whole(&records(folder.path()), &[id]);
}

#[test]
fn a_log_that_another_one_was_written_to_says_so_and_stays_stopped() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, |_| {});
    accept(&log, 1).unwrap();
    log.sync().unwrap();
    fs::remove_file(folder.path().join("lock")).unwrap();
    let other = crate::open(folder.path());
    accept(&other, 2).unwrap();
    other.close().unwrap();
    let before = fs::read(folder.path().join("00000001.jsonl")).unwrap();

    // Nothing that was accepted is left, and still it did not end in order.
    let unavailable = log.close().unwrap_err();
    assert!(unavailable.hint().contains("start this one again"), "{unavailable}");
    assert_eq!(fs::read(folder.path().join("00000001.jsonl")).unwrap(), before);
    crate::open(folder.path()).close().unwrap();
}

#[test]
fn a_segment_that_is_changed_while_it_is_written_takes_no_more_and_the_log_says_why() {
    let cut = |path: &Path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(100).unwrap();
    let added = |path: &Path| {
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"{}\n").unwrap();
    };
    for (harm, bytes) in [(&cut as &dyn Fn(&Path), Some(100)), (&added, None)] {
        let folder = tempdir().unwrap();
        let disk = FaultyDisk::healthy();
        let log = open(folder.path(), &disk, |_| {});
        accept(&log, 1).unwrap();
        log.sync().unwrap();
        let first = folder.path().join("00000001.jsonl");
        let written = fs::metadata(&first).unwrap().len();
        harm(&first);
        let id = accept(&log, 2).unwrap();
        sync_at_last(&log);
        log.close().unwrap();
        // What was cut is gone and not made up for; what others added is no part of the log.
        assert_eq!(fs::metadata(&first).unwrap().len(), bytes.unwrap_or(written));
        let second = fs::read_to_string(folder.path().join("00000002.jsonl")).unwrap();
        assert_eq!(second.matches(&id).count(), 1);
        assert!(second.contains("file was changed by somebody else while in use"), "{second}");
    }
}

#[test]
fn a_log_whose_folder_is_gone_says_so_and_goes_on_once_it_is_back() {
    let parent = tempdir().unwrap();
    let folder = parent.path().join("log");
    let disk = FaultyDisk::healthy();
    let log = open(&folder, &disk, |_| {});
    let mut acknowledged = vec![accept(&log, 1).unwrap()];
    log.sync().unwrap();
    fs::rename(&folder, parent.path().join("moved")).unwrap();
    acknowledged.push(accept(&log, 2).unwrap());
    let said = log.sync().unwrap_err().to_string();
    let why = "folder was removed or replaced while in use";
    assert_eq!(said, format!("audit log cannot be written: `{}`: {why}", folder.display()));
    assert!(!folder.exists(), "none is made in its place: the log would begin anew");

    fs::rename(parent.path().join("moved"), &folder).unwrap();
    sync_at_last(&log);
    log.close().unwrap();
    let records = assert_chained(&folder);
    assert_whole(&records, &acknowledged);
    assert_eq!(of_kind(&records, "gap")[0]["detail"]["why"], why);
}

#[test]
fn a_start_on_a_read_only_disk_is_refused_with_the_file_and_the_reason() {
    for (operation, file) in [(Operation::Create, "00000001.jsonl"), (Operation::Allocate, "reserve")] {
        let folder = tempdir().unwrap();
        let disk = FaultyDisk::healthy();
        disk.fail(move |found| (found == operation).then_some(EROFS));
        let options = Options { disk: Arc::new(disk), ..options(folder.path()) };
        let error = Log::open(options.clone()).unwrap_err().to_string();
        let why = std::io::Error::from_raw_os_error(EROFS).to_string();
        assert!(error.contains(file) && error.ends_with(&why), "{error}");
        assert_eq!(records(folder.path()).len(), 0);
        assert!(!folder.path().join(file).exists());
        // Nothing of the attempt holds the log.
        Log::open(Options { disk: Arc::new(FaultyDisk::healthy()), ..options }).unwrap().close().unwrap();
    }
}

#[test]
fn accepting_never_waits_for_a_disk_that_holds_a_sync_back() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, |options| options.queue_records_max = 1_000);
    disk.hold_syncs();
    let mut acknowledged: Vec<_> = (0..1_000).map(|number| accept(&log, number).unwrap()).collect();
    assert!(matches!(accept(&log, 0), Err(Unavailable::Full { records: 1_000, .. })));
    assert!(log.writable(), "who needs no record goes on");

    disk.release_syncs();
    log.sync().unwrap();
    acknowledged.push(accept(&log, 0).unwrap());
    log.close().unwrap();
    let records = records(folder.path());
    assert_whole(&records, &acknowledged);
    assert_eq!(of_kind(&records, "gap")[0]["detail"]["refused"], "1");
}

#[test]
fn the_queue_is_bounded_in_bytes_too() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, |options| options.queue_bytes_max = 10_000);
    disk.hold_syncs();
    let accepted = (0..).take_while(|number| accept(&log, *number).is_ok()).count();
    assert!((2..100).contains(&accepted), "{accepted}");
    disk.release_syncs();
    log.close().unwrap();
}

#[test]
fn a_best_effort_log_goes_on_and_counts_what_it_dropped() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, |options| {
        options.mode = Mode::BestEffort;
        options.queue_records_max = 10;
    });
    disk.fail(|operation| (operation == Operation::Write).then_some(ENOSPC));
    let acknowledged: Vec<_> = (0..10).map(|number| accept(&log, number).unwrap()).collect();
    for number in 10..15 {
        accept(&log, number).unwrap();
    }
    assert!(matches!(log.sync(), Err(Unavailable::Unwritable { .. })));
    assert!(log.writable());

    disk.heal();
    sync_at_last(&log);
    log.close().unwrap();
    let records = records(folder.path());
    assert_whole(&records, &acknowledged);
    assert_eq!(brought(folder.path()).len(), 12);
    assert_eq!(of_kind(&records, "gap")[1]["detail"]["dropped"], "5");
}

#[test]
fn the_log_itself_says_that_it_was_not_strict_in_each_run_and_each_gap() {
    let told = |mode| {
        let folder = tempdir().unwrap();
        for _run in 0..2 {
            let disk = FaultyDisk::healthy();
            let log = open(folder.path(), &disk, |options| options.mode = mode);
            accept(&log, 1).unwrap();
            log.sync().unwrap();
            disk.fail(|operation| (operation == Operation::Write).then_some(EIO));
            accept(&log, 2).unwrap();
            log.sync().unwrap_err();
            disk.heal();
            sync_at_last(&log);
            log.rotate_key().unwrap();
            log.close().unwrap();
        }
        let records = records(folder.path());
        let (mut checkpoints, mut gaps) = (Vec::new(), Vec::new());
        for record in &records {
            let said = record["detail"].get("log_mode").and_then(Value::as_str).map(str::to_owned);
            match record["kind"].as_str().unwrap() {
                "checkpoint" => checkpoints.push((record["detail"]["reason"] == "shutdown", said)),
                "gap" => gaps.push(said),
                _ => assert_eq!(said, None, "{record}"),
            }
        }
        // The first of each run is the first of all, or follows the end of the run before.
        let mut of_runs = checkpoints.split_inclusive(|(is_last, _)| *is_last);
        let said: Vec<Vec<bool>> = of_runs
            .by_ref()
            .map(|run| run.iter().map(|(_, said)| said.as_deref() == Some("best_effort")).collect())
            .collect();
        (said, gaps)
    };
    let (checkpoints, gaps) = told(Mode::BestEffort);
    assert_eq!(checkpoints.len(), 2);
    for run in &checkpoints {
        assert!(run.len() > 1 && run[0] && !run[1..].contains(&true), "{checkpoints:?}");
    }
    assert!(gaps.len() >= 4 && gaps.iter().all(|said| said.as_deref() == Some("best_effort")), "{gaps:?}");
    let (checkpoints, gaps) = told(Mode::Strict);
    assert!(!checkpoints.concat().contains(&true) && gaps.iter().all(Option::is_none));
    assert!(gaps.len() >= 4);
}

#[test]
fn closing_on_a_failing_disk_says_that_records_are_lost_and_does_not_hang() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, |options| options.retry = std::time::Duration::from_secs(3_600));
    disk.fail(|operation| (operation == Operation::Sync).then_some(EIO));
    accept(&log, 1).unwrap();
    log.sync().unwrap_err();
    assert!(matches!(log.close(), Err(Unavailable::Unwritable { .. })));
    assert!(matches!(log.sync(), Err(Unavailable::Unwritable { .. })));
    assert_eq!(accept(&log, 2), Err(Unavailable::Closed));
}

#[test]
fn whatever_fails_in_whatever_order_nothing_acknowledged_is_lost_or_doubled() {
    let mut random = Random::seeded();
    for _round in 0..20 {
        let folder = in_memory();
        let mut acknowledged = Vec::new();
        for _run in 0..3 {
            let disk = FaultyDisk::healthy();
            let log = open(folder.path(), &disk, |options| options.segment_bytes_max = 2_000);
            let mut faults = random.other();
            let percent = random.below(60);
            disk.fail(move |_| {
                let code = if faults.below(2) == 0 { EIO } else { ENOSPC };
                (faults.below(100) < percent).then_some(code)
            });
            for number in 0..200 {
                acknowledged.extend(accept(&log, number));
                if random.below(10) == 0 {
                    let _ = log.sync();
                }
            }
            disk.heal();
            sync_at_last(&log);
            log.close().unwrap();
        }
        assert_whole(&assert_chained(folder.path()), &acknowledged);
    }
}
