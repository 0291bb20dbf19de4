//! Each operation on the disk fails once, wherever it comes in a run: the n-th of each sort, for every n there is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit::{LINE_BYTES_MAX, Log, Options, archived, digest, read, stored};
use serde_json::{Value, json};

use crate::faulty::{EIO, ENOSPC, FaultyDisk, Operation};
use crate::form::decision;
use crate::{accept, assert_chained, in_memory, options, sync_at_last, until};

/// A run with rotation, compression and removal, with a policy set that is archived, and a decision too large for its line;
/// what it acknowledged. The start may fail, and is made again then.
fn run(folder: &Path, disk: &FaultyDisk, retain: Option<Duration>) -> Vec<String> {
    let options = Options {
        disk: Arc::new(disk.clone()),
        segment_bytes_max: 500,
        compress: true,
        reserve_bytes: 10_000,
        retain,
        ..options(folder)
    };
    let log = Log::open(options.clone()).or_else(|_| Log::open(options)).unwrap();
    let mut acknowledged = Vec::new();
    // Refused while the disk does not take it; whoever loads policies tries again.
    until(|| log.archive(&policies()).is_ok());
    let mut large = decision();
    large.entities = json!(["e".repeat(LINE_BYTES_MAX)]);
    until(|| log.accept(large.clone().into()).map(|id| acknowledged.push(id.to_string())).is_ok());
    for number in 0..8 {
        // Refused while the disk is in trouble; then the log goes on by itself.
        until(|| accept(&log, number).map(|id| acknowledged.push(id)).is_ok());
        let _ = log.sync();
    }
    sync_at_last(&log);
    // A disk that fails at the very end takes what the log would say of that itself, and nothing that was acknowledged.
    let _ = log.close();
    acknowledged
}

fn policies() -> Value {
    json!({"files": ["permit"]})
}

/// Everything that the records name is there, whole.
fn assert_stored(folder: &Path) {
    for line in read(folder) {
        let line = line.unwrap();
        if line.record["kind"] == "decision" {
            let whole = stored(folder, &line).unwrap();
            assert_eq!(whole["entities"], json!(["e".repeat(LINE_BYTES_MAX)]), "{}", line.record);
        }
    }
    let digest = digest::hex(&digest::sha256(policies().to_string().as_bytes()));
    assert_eq!(archived(folder, &digest).unwrap(), policies());
}

/// Nothing is left of attempts that failed beside what records name.
fn assert_tidy(folder: &Path) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        match path.is_dir() {
            true => assert_tidy(&path),
            false => assert_eq!(path.extension(), None, "{}", path.display()),
        }
    }
}

/// Runs without a single operation of a sort after which it is said that there is none.
const TRIES_MAX: u32 = 20;

/// Sweeps through one sort of operation: how many of them a run has. In trouble, every fourth write fails too.
fn sweep(operation: Operation, code: i32, is_in_trouble: bool) -> u64 {
    let (mut nth, mut tries) = (1, 0);
    while tries < TRIES_MAX {
        tries += 1;
        let folder = in_memory();
        let disk = FaultyDisk::healthy();
        let mut acknowledged = run(folder.path(), &disk, None);

        let seen = Arc::new(AtomicU64::new(0));
        disk.fail({
            let (seen, mut writes) = (seen.clone(), 0);
            move |found| {
                writes += u64::from(found == Operation::Write);
                if found == operation && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                    return Some(code);
                }
                (is_in_trouble && found == Operation::Write && writes % 4 == 0).then_some(ENOSPC)
            }
        });
        acknowledged.extend(run(folder.path(), &disk, None));
        let was_reached = seen.load(Ordering::SeqCst) >= nth;
        disk.heal();
        acknowledged.extend(run(folder.path(), &disk, None));

        let records = assert_chained(folder.path());
        assert_stored(folder.path());
        if !is_in_trouble {
            assert_tidy(&folder.path().join("objects"));
            assert_tidy(&folder.path().join("policies"));
        }
        assert_eq!(records[0]["seq"], "1");
        let ids: Vec<_> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
        for id in &acknowledged {
            let times = ids.iter().filter(|other| *other == id).count();
            assert_eq!(times, 1, "{operation:?} {nth} fails with {code}: record {id}");
        }
        // What is done beside the writer may be left to the next run on a busy machine.
        match was_reached {
            true => (nth, tries) = (nth + 1, 0),
            false if nth > 1 => break,
            false => {}
        }
    }
    nth - 1
}

#[test]
fn whichever_operation_fails_once_nothing_acknowledged_is_lost_and_the_log_goes_on() {
    for (operation, code, is_in_trouble, at_least) in [
        (Operation::Create, ENOSPC, false, 3),
        (Operation::Write, ENOSPC, false, 8),
        (Operation::Write, EIO, false, 8),
        (Operation::Sync, EIO, false, 8),
        (Operation::Rename, EIO, false, 3),
        (Operation::MakeFolder, EIO, false, 2),
        (Operation::Remove, EIO, false, 1),
        // What happens only after something else has failed.
        (Operation::Allocate, ENOSPC, true, 2),
        (Operation::Create, EIO, true, 3),
        (Operation::Remove, EIO, true, 2),
        (Operation::Cut, EIO, true, 1),
    ] {
        let reached = sweep(operation, code, is_in_trouble);
        println!("{operation:?} {code}: {reached}");
        assert!(reached >= at_least, "{operation:?}: {reached}");
    }
}

#[test]
fn whichever_operation_fails_once_while_old_segments_are_removed_the_rest_is_whole() {
    for operation in
        [Operation::Remove, Operation::Create, Operation::Write, Operation::Sync, Operation::Rename]
    {
        for nth in 1.. {
            let folder = in_memory();
            let disk = FaultyDisk::healthy();
            run(folder.path(), &disk, None);
            let seen = Arc::new(AtomicU64::new(0));
            disk.fail({
                let seen = seen.clone();
                move |found| {
                    let is_nth = found == operation && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth;
                    is_nth.then_some(EIO)
                }
            });
            run(folder.path(), &disk, Some(Duration::ZERO));
            disk.heal();
            assert_chained(folder.path());
            assert_stored(folder.path());
            run(folder.path(), &disk, Some(Duration::ZERO));
            let records = assert_chained(folder.path());
            assert_ne!(records[0]["seq"], "1", "{operation:?} {nth}");
            // Not all of them: a run that removes has many operations, and the first ones of each sort are its own.
            if seen.load(Ordering::SeqCst) < nth || nth == 12 {
                break;
            }
        }
    }
}
