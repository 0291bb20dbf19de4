//! Complete segments, compressed: beside the writer, whatever happens on the way.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use audit::{Log, Options};

use crate::faulty::{EIO, ENOSPC, FaultyDisk, Operation};
use crate::{accept, assert_whole, options, records, sync_at_last, tempdir, until};

/// A log of one record a segment.
fn open(folder: &Path, disk: &FaultyDisk, compress: bool) -> Log {
    let options = options(folder);
    Log::open(Options { segment_bytes_max: 1, compress, disk: Arc::new(disk.clone()), ..options }).unwrap()
}

fn fill(log: &Log, count: u64) -> Vec<String> {
    let accept = |number| {
        let id = accept(log, number).unwrap();
        sync_at_last(log);
        id
    };
    (0..count).map(accept).collect()
}

/// The segments' files by name.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.contains(".jsonl")).collect();
    names.sort();
    names
}

fn until_all_but_the_last_are_compressed(folder: &Path, count: u64) {
    let packed = (1..count).map(|number| format!("{number:08}.jsonl.gz"));
    let expected: Vec<_> = packed.chain([format!("{count:08}.jsonl")]).collect();
    until(|| names(folder) == expected);
}

#[test]
fn segments_that_are_complete_are_compressed_while_the_log_goes_on() {
    let folder = tempdir().unwrap();
    let log = open(folder.path(), &FaultyDisk::healthy(), true);
    let acknowledged = fill(&log, 5);
    until_all_but_the_last_are_compressed(folder.path(), 5);
    log.close().unwrap();
    assert_whole(&records(folder.path()), &acknowledged);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.path().join("00000001.jsonl.gz")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn what_an_earlier_run_left_undone_at_any_point_is_done_by_the_next() {
    type Harm = fn(&Path);
    let harms: [Harm; 4] = [
        |_| {},
        // Before the compressed file had its name, and after, but before the other was gone.
        |folder| fs::write(folder.join("00000002.jsonl.gz.partial"), "begun").unwrap(),
        |folder| fs::write(folder.join("00000002.jsonl.gz"), "whatever is there").unwrap(),
        |folder| drop(fs::copy(folder.join("00000002.jsonl"), folder.join("00000001.jsonl.gz.partial"))),
    ];
    for harm in harms {
        let folder = tempdir().unwrap();
        let log = open(folder.path(), &FaultyDisk::healthy(), false);
        let mut acknowledged = fill(&log, 4);
        log.close().unwrap();
        assert!(names(folder.path()).iter().all(|name| name.ends_with(".jsonl")));
        harm(folder.path());
        assert_whole(&records(folder.path()), &acknowledged);

        let log = open(folder.path(), &FaultyDisk::healthy(), true);
        acknowledged.extend(fill(&log, 1));
        until_all_but_the_last_are_compressed(folder.path(), 5);
        log.close().unwrap();
        assert_whole(&records(folder.path()), &acknowledged);
    }
}

#[test]
fn a_disk_that_cannot_compress_stops_nothing_and_loses_nothing() {
    for failing in [Operation::Rename, Operation::Remove] {
        let folder = tempdir().unwrap();
        let disk = FaultyDisk::healthy();
        disk.fail(move |operation| (operation == failing).then_some(EIO));
        let log = open(folder.path(), &disk, true);
        let mut acknowledged = fill(&log, 5);
        assert!(log.writable());
        log.close().unwrap();
        assert_whole(&records(folder.path()), &acknowledged);

        disk.heal();
        let log = open(folder.path(), &disk, true);
        acknowledged.extend(fill(&log, 1));
        until_all_but_the_last_are_compressed(folder.path(), 6);
        log.close().unwrap();
        assert_whole(&records(folder.path()), &acknowledged);
    }
}

#[test]
fn the_end_of_a_log_waits_for_the_segment_under_way_and_leaves_the_others_as_they_are() {
    let folder = tempdir().unwrap();
    let log = Log::open(Options { compress: false, ..options(folder.path()) }).unwrap();
    let mut acknowledged: Vec<_> = (0..4_000).map(|number| accept(&log, number).unwrap()).collect();
    log.close().unwrap();
    acknowledged.extend(fill(&open(folder.path(), &FaultyDisk::healthy(), false), 3));

    let log = open(folder.path(), &FaultyDisk::healthy(), true);
    // Until it is under way.
    until(|| names(folder.path()).iter().any(|name| name.contains(".gz")));
    log.close().unwrap();
    let files = names(folder.path());
    assert_eq!(files[0], "00000001.jsonl.gz");
    assert_eq!(files.len(), 4, "each in one form, none begun: {files:?}");
    assert_whole(&records(folder.path()), &acknowledged);
    open(folder.path(), &FaultyDisk::healthy(), true).close().unwrap();
}

#[test]
fn a_full_disk_keeps_no_half_compressed_file_and_all_are_compressed_once_it_has_room() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = open(folder.path(), &disk, true);
    let mut acknowledged = fill(&log, 2);
    disk.fail(|operation| (operation == Operation::Write).then_some(ENOSPC));
    acknowledged.push(accept(&log, 2).unwrap());
    log.sync().unwrap_err();
    until(|| !names(folder.path()).iter().any(|name| name.ends_with(".partial")));

    disk.heal();
    sync_at_last(&log);
    acknowledged.extend(fill(&log, 2));
    until(|| names(folder.path()).iter().filter(|name| name.ends_with(".jsonl")).count() == 1);
    log.close().unwrap();
    assert_whole(&records(folder.path()), &acknowledged);
}
