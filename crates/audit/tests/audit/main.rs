//! The log from the outside: what is promised about order, durability, outages and the form of a line.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, and so may what they share"
)]

mod compressing;
mod counted;
mod faulty;
mod form;
mod full;
#[cfg(unix)]
mod kept;
mod key;
mod killed;
mod order;
mod outage;
mod random;
mod reading;
mod recovery;
mod retaining;
mod sealed;
mod sweep;
mod waiting;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::digest::{hex, sha256};
use audit::{Event, EventKind, LocalDisk, Log, Options, Unavailable, read};
use serde_json::Value;
use tempfile::TempDir;

/// The same in memory, where the system has such a folder: for tests that sync a lot and fail on purpose.
fn in_memory() -> Folder {
    let around = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = around.path().join("log");
    std::fs::create_dir(&path).unwrap();
    Folder { around, path }
}

/// A folder for a log, with room beside it for its key.
struct Folder {
    around: TempDir,
    path: PathBuf,
}

fn tempdir() -> std::io::Result<Folder> {
    let around = tempfile::tempdir()?;
    let path = around.path().join("log");
    std::fs::create_dir(&path)?;
    Ok(Folder { around, path })
}

impl Folder {
    fn path(&self) -> &Path {
        &self.path
    }

    /// A path beside the log.
    fn beside(&self, name: &str) -> PathBuf {
        self.around.path().join(name)
    }
}

/// Options that try again at once, so that no test waits, and leave segments as they are written. Only for the lock: a test
/// that starts a process hands all locks to it for a moment.
fn options(folder: &Path) -> Options {
    let wait = Duration::from_secs(10);
    Options { wait, retry: Duration::ZERO, compress: false, ..Options::new(folder) }
}

fn open(folder: &Path) -> Log {
    Log::open(Options { disk: Arc::new(LocalDisk), ..options(folder) }).unwrap()
}

/// Accepts one event and gives its id as the record will have it.
fn accept(log: &Log, number: u64) -> Result<String, Unavailable> {
    log.accept(Event::new(EventKind::Admin).with("number", number).into()).map(|id| id.to_string())
}

fn records(folder: &Path) -> Vec<Value> {
    read(folder).map(|line| line.unwrap().record).collect()
}

/// The records that somebody brought: without what the log says of its own order.
fn brought(folder: &Path) -> Vec<Value> {
    let mut records = records(folder);
    records.retain(|record| record["kind"] != "checkpoint");
    records
}

fn of_kind<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["kind"] == kind).collect()
}

/// Every record has the next number, and every id that was acknowledged is there once.
fn assert_whole(records: &[Value], acknowledged: &[String]) {
    let mut times = HashMap::new();
    for (record, seq) in records.iter().zip(1_u64..) {
        assert_eq!(record["seq"], seq.to_string(), "{record}");
        *times.entry(record["id"].as_str().unwrap()).or_insert(0) += 1;
    }
    for id in acknowledged {
        assert_eq!(times.get(id.as_str()), Some(&1), "acknowledged record {id}");
    }
}

/// Every line has the next number and the hash of the line before. Gives the records.
fn assert_chained(folder: &Path) -> Vec<Value> {
    let mut lines = read(folder);
    let mut before: Option<(u64, [u8; 32])> = None;
    let mut records = Vec::new();
    while let Some(line) = lines.next_raw() {
        let line = line.unwrap();
        let hash = sha256(&[&line.bytes[..], b"\n"].concat());
        let record = line.parse().unwrap().record;
        let seq = record["seq"].as_str().unwrap().parse().unwrap();
        if let Some((number, hash)) = before {
            assert_eq!(seq, number + 1, "{record}");
            assert_eq!(record["prev"], hex(&hash), "{record}");
        }
        before = Some((seq, hash));
        records.push(record);
    }
    records
}

/// Waits for something that is bound to come.
#[track_caller]
fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "it did not come");
        std::thread::yield_now();
    }
}

/// Waits until the log has got over its trouble and everything accepted is durable: how often it was found not
/// writable meanwhile.
fn sync_at_last(log: &Log) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(unavailable) = log.sync() {
        assert!(Instant::now() < deadline, "{unavailable}");
        std::thread::yield_now();
    }
    // After a full disk, until the reserve is back.
    let mut turned_away = 0;
    while !log.writable() {
        assert!(Instant::now() < deadline, "the log stays not writable");
        turned_away += 1;
        std::thread::yield_now();
    }
    turned_away
}
