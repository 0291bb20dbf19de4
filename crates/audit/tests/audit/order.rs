//! Order and continuity: numbers without a gap through threads, segments, runs and crashes; one writer a folder.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use audit::{Log, OpenError, Options, Unavailable};

use crate::{accept, assert_whole, of_kind, open, options, records, tempdir};

#[test]
fn numbers_have_no_gap_through_threads_segments_and_runs() {
    let folder = tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for _run in 0..3 {
        let log = Log::open(Options { segment_bytes_max: 4_096, ..options(folder.path()) }).unwrap();
        let accepted = std::thread::scope(|scope| {
            let thread = || (0..50).map(|number| accept(&log, number).unwrap()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(thread)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        log.close().unwrap();
        let ids: Vec<String> =
            records(folder.path()).iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect();
        for accepted in accepted {
            let places: Vec<_> = accepted.iter().map(|id| ids.iter().position(|other| other == id)).collect();
            assert!(places.is_sorted(), "one thread's records keep its order");
            acknowledged.extend(accepted);
        }
    }
    assert_whole(&records(folder.path()), &acknowledged);
    assert!(segments(folder.path()).len() >= 3, "{:?}", segments(folder.path()));
}

/// The numbers of the segments, in whichever form they are.
fn segments(folder: &std::path::Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<_> =
        names.filter_map(|name| Some(name.split_once(".jsonl")?.0.to_owned())).collect();
    numbers.sort();
    numbers.dedup();
    numbers
}

#[test]
fn a_segment_over_its_bound_is_followed_by_the_next() {
    let folder = tempdir().unwrap();
    let log = Log::open(Options { segment_bytes_max: 1, ..options(folder.path()) }).unwrap();
    for number in 0..5 {
        accept(&log, number).unwrap();
        log.sync().unwrap();
    }
    log.close().unwrap();
    assert_eq!(segments(folder.path()), ["00000001", "00000002", "00000003", "00000004", "00000005"]);
    assert_whole(&records(folder.path()), &[]);
}

#[test]
fn a_segment_over_its_age_is_followed_by_the_next_and_a_younger_one_goes_on_in_the_next_run_too() {
    let folder = tempdir().unwrap();
    for (segment_age_max, expected) in [(Duration::from_secs(3_600), 1), (Duration::ZERO, 5)] {
        for number in 0..4 {
            let log = Log::open(Options { segment_age_max, ..options(folder.path()) }).unwrap();
            accept(&log, number).unwrap();
            log.close().unwrap();
        }
        assert_eq!(segments(folder.path()).len(), expected);
    }
    assert_whole(&records(folder.path()), &[]);
}

#[test]
fn an_incomplete_last_line_is_cut_and_recorded() {
    for (complete, torn, expected) in [(3, &b"{\"schema\":\"moonw"[..], "16"), (0, b"\0\0\0", "3")] {
        let folder = tempdir().unwrap();
        let log = open(folder.path());
        let acknowledged: Vec<_> = (0..complete).map(|number| accept(&log, number).unwrap()).collect();
        log.close().unwrap();
        drop(log);
        let segment = folder.path().join("00000001.jsonl");
        fs::OpenOptions::new().append(true).open(&segment).unwrap().write_all(torn).unwrap();

        open(folder.path()).close().unwrap();
        let records = records(folder.path());
        assert_whole(&records, &acknowledged);
        let recovered = of_kind(&records, "recovered");
        assert_eq!(recovered.len(), 1);
        assert_eq!(recovered[0]["detail"]["bytes_cut"], expected);
        assert_eq!(recovered[0]["detail"]["file"], "00000001.jsonl");
    }
}

#[test]
fn a_start_on_a_damaged_last_line_is_refused_and_changes_nothing() {
    let folder = tempdir().unwrap();
    let segment = folder.path().join("00000001.jsonl");
    fs::write(&segment, "not a record\n").unwrap();
    let error = Log::open(options(folder.path())).unwrap_err();
    assert!(matches!(&error, OpenError::Damaged { file, .. } if *file == segment), "{error}");
    assert_eq!(fs::read_to_string(&segment).unwrap(), "not a record\n");
}

#[test]
fn a_second_writer_waits_and_is_told_who_holds_the_log() {
    let folder = tempdir().unwrap();
    let first = open(folder.path());
    let wait = Duration::from_millis(30);
    let started = Instant::now();
    let error = Log::open(Options { wait, ..options(folder.path()) }).unwrap_err();
    assert!(started.elapsed() >= wait);
    let expected =
        format!("audit log `{}` is in use by process {}", folder.path().display(), std::process::id());
    assert_eq!(error.to_string(), expected);

    let second = std::thread::spawn({
        let options = Options { wait: Duration::from_secs(30), ..options(folder.path()) };
        move || Log::open(options).map(drop)
    });
    first.close().unwrap();
    second.join().unwrap().unwrap();
}

#[test]
fn a_closed_log_takes_nothing_and_its_folder_is_free() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let clone = log.clone();
    accept(&log, 1).unwrap();
    log.close().unwrap();
    assert_eq!(accept(&clone, 2), Err(Unavailable::Closed));
    assert!(!clone.writable());
    assert_eq!(clone.sync(), Ok(()), "everything accepted is durable");
    assert_eq!(clone.close(), Ok(()));
    open(folder.path()).close().unwrap();
}

#[test]
fn the_last_clone_to_go_writes_what_was_accepted() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let clone = log.clone();
    let acknowledged = [accept(&log, 1).unwrap(), accept(&clone, 2).unwrap()];
    drop(log);
    drop(clone);
    assert_whole(&records(folder.path()), &acknowledged);
    open(folder.path());
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_log() {
    use std::os::unix::fs::PermissionsExt as _;

    let parent = tempdir().unwrap();
    let folder = parent.path().join("data/audit");
    let log = open(&folder);
    accept(&log, 1).unwrap();
    log.close().unwrap();
    for (path, expected) in [(".", 0o700), ("00000001.jsonl", 0o600), ("lock", 0o600)] {
        let mode = fs::metadata(folder.join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{path}");
    }
}
