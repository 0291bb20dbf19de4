//! Old segments are removed, after a record that says so; nothing else ever is.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use audit::{Log, Options};
use serde_json::Value;

use crate::faulty::{EIO, FaultyDisk, Operation};
use crate::{accept, assert_chained, assert_whole, of_kind, options, records, sync_at_last, tempdir, until};

/// A log of one commit a segment, which keeps records for so long.
fn open(folder: &Path, disk: &FaultyDisk, retain: Option<Duration>, compress: bool) -> Log {
    let options = options(folder);
    let disk = Arc::new(disk.clone());
    Log::open(Options { segment_bytes_max: 1, retain, compress, disk, ..options }).unwrap()
}

fn fill(log: &Log, count: u64) -> Vec<String> {
    let accept = |number| {
        let id = accept(log, number).unwrap();
        sync_at_last(log);
        id
    };
    (0..count).map(accept).collect()
}

/// The first number that is there, and the retention record that says what went before.
fn assert_begins_after_what_was_removed(records: &[Value]) -> u64 {
    let first: u64 = records[0]["seq"].as_str().unwrap().parse().unwrap();
    let through = |record: &Value| record["detail"]["through"].as_str().unwrap().parse::<u64>().unwrap();
    let retentions = of_kind(records, "retention");
    let last = retentions.iter().max_by_key(|record| through(record)).unwrap();
    assert!(through(last) >= first - 1, "{last}");
    for record in retentions {
        if through(record) == first - 1 {
            assert_eq!(record["detail"]["head"], records[0]["prev"]);
        }
    }
    first
}

#[test]
fn old_segments_are_removed_in_either_form_and_the_log_says_through_where() {
    for compress in [false, true] {
        let folder = tempdir().unwrap();
        let log = open(folder.path(), &FaultyDisk::healthy(), Some(Duration::ZERO), compress);
        let acknowledged = fill(&log, 20);
        log.close().unwrap();
        let records = assert_chained(folder.path());
        assert!(assert_begins_after_what_was_removed(&records) > 10, "{}", records[0]);
        assert!(records.iter().any(|record| record["id"] == *acknowledged.last().unwrap()));
        // What was being compressed did not come back.
        let files = fs::read_dir(folder.path()).unwrap().count();
        assert!(files <= 2 + 4, "{files}");
    }
}

#[test]
fn what_is_young_is_kept_and_so_is_everything_where_nothing_is_said() {
    for retain in [None, Some(Duration::from_secs(3_600))] {
        let folder = tempdir().unwrap();
        let mut acknowledged = Vec::new();
        for _run in 0..2 {
            let log = open(folder.path(), &FaultyDisk::healthy(), retain, true);
            acknowledged.extend(fill(&log, 5));
            log.close().unwrap();
        }
        assert_whole(&records(folder.path()), &acknowledged);
    }
}

#[test]
fn old_segments_are_removed_at_a_start_too_with_the_parts_that_belong_to_them() {
    let folder = tempdir().unwrap();
    let log = open(folder.path(), &FaultyDisk::healthy(), None, true);
    fill(&log, 5);
    log.close().unwrap();
    for segment in ["00000001", "00000005", "00000099", "other"] {
        let parts = folder.path().join("objects").join(segment);
        fs::create_dir_all(&parts).unwrap();
        fs::write(parts.join("part"), "{}").unwrap();
    }

    let log = open(folder.path(), &FaultyDisk::healthy(), Some(Duration::ZERO), true);
    fill(&log, 1);
    log.close().unwrap();
    // Each of the five had a record and its checkpoint.
    assert_eq!(assert_begins_after_what_was_removed(&assert_chained(folder.path())), 11);
    let mut parts: Vec<_> =
        fs::read_dir(folder.path().join("objects")).unwrap().map(|part| part.unwrap().file_name()).collect();
    parts.sort();
    assert_eq!(parts, ["00000099", "other"]);
}

#[test]
fn what_cannot_be_removed_stops_nothing_and_is_removed_later() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, None, false);
    fill(&log, 5);
    log.close().unwrap();

    disk.fail(|operation| (operation == Operation::Remove).then_some(EIO));
    let log = open(folder.path(), &disk, Some(Duration::ZERO), false);
    fill(&log, 2);
    assert!(log.writable());
    assert_eq!(assert_chained(folder.path())[0]["seq"], "1");
    disk.heal();
    fill(&log, 1);
    log.close().unwrap();
    assert!(assert_begins_after_what_was_removed(&assert_chained(folder.path())) > 5);
}

#[test]
fn nothing_is_removed_before_the_record_of_it_is_durable() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, None, false);
    fill(&log, 5);
    log.close().unwrap();

    let log = open(folder.path(), &disk, Some(Duration::ZERO), false);
    // The first commit goes well; that of the record does not.
    let mut syncs = 0;
    disk.fail(move |operation| {
        syncs += u64::from(operation == Operation::Sync);
        (syncs > 1).then_some(EIO)
    });
    accept(&log, 1).unwrap();
    until(|| !log.writable());
    log.close().expect_err("nothing is lost, but the end is not on record");
    assert_eq!(records(folder.path())[0]["seq"], "1");
}
