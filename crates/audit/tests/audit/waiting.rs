//! Waiting for the disk without standing still: tickets, how far the log is with them, and who is told.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use audit::{Log, Mode, Options, Progress};

use crate::faulty::{EIO, FaultyDisk, Operation};
use crate::{accept, options, sync_at_last, tempdir};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

fn open(folder: &std::path::Path, disk: &FaultyDisk, mode: Mode) -> Log {
    Log::open(Options { disk: Arc::new(disk.clone()), mode, ..options(folder) }).unwrap()
}

#[test]
fn a_ticket_is_durable_when_the_disk_has_all_that_was_accepted_before_it_and_who_watches_is_told() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, Mode::Strict);
    let (tell, told) = channel();
    let watch = log.watch(move || tell.send(()).unwrap_or_default());
    assert_eq!(log.progress(log.ticket()), Progress::Durable, "nothing was accepted yet");

    disk.hold_syncs();
    accept(&log, 1).unwrap();
    let first = log.ticket();
    watch.arm();
    assert_eq!(log.progress(first), Progress::Waiting);
    assert!(told.try_recv().is_err(), "nothing has changed");
    accept(&log, 2).unwrap();
    let second = log.ticket();
    assert!(second > first);

    disk.release_syncs();
    told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(log.progress(first), Progress::Durable);
    log.wait(second).unwrap();
    assert_eq!(log.progress(second), Progress::Durable);
    assert!(told.try_recv().is_err(), "armed once, told once");
}

#[test]
fn no_change_is_missed_between_arming_and_looking() {
    let folder = tempdir().unwrap();
    let log = open(folder.path(), &FaultyDisk::healthy(), Mode::Strict);
    let (tell, told) = channel();
    let watch = log.watch(move || tell.send(()).unwrap_or_default());
    for number in 0..200 {
        accept(&log, number).unwrap();
        let ticket = log.ticket();
        loop {
            watch.arm();
            if log.progress(ticket) != Progress::Waiting {
                break;
            }
            told.recv_timeout(DEADLINE).unwrap();
        }
        assert_eq!(log.progress(ticket), Progress::Durable);
    }
}

#[test]
fn an_outage_is_told_and_so_is_its_end() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, Mode::Strict);
    let (tell, told) = channel();
    let watch = log.watch(move || tell.send(()).unwrap_or_default());
    disk.fail(|operation| (operation == Operation::Sync).then_some(EIO));
    watch.arm();
    accept(&log, 1).unwrap();
    let ticket = log.ticket();
    told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(log.progress(ticket), Progress::Unwritable);

    disk.heal();
    sync_at_last(&log);
    assert_eq!(log.progress(ticket), Progress::Durable);
}

#[test]
fn the_end_of_a_log_is_told_and_leaves_nothing_waiting() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, Mode::Strict);
    let (tell, told) = channel();
    let watch = log.watch(move || tell.send(()).unwrap_or_default());
    disk.hold_syncs();
    accept(&log, 1).unwrap();
    let ticket = log.ticket();
    watch.arm();
    disk.fail(|operation| (operation == Operation::Sync).then_some(EIO));
    disk.release_syncs();
    log.close().unwrap_err();
    told.recv_timeout(DEADLINE).unwrap();
    assert_eq!(log.progress(ticket), Progress::Unwritable);
}

#[test]
fn a_best_effort_log_says_that_it_is_on_its_way_for_as_long_as_it_is() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, Mode::BestEffort);
    disk.fail(|operation| (operation == Operation::Sync).then_some(EIO));
    accept(&log, 1).unwrap();
    log.sync().unwrap_err();
    assert_eq!((log.progress(log.ticket()), log.mode()), (Progress::Waiting, Mode::BestEffort));
}
