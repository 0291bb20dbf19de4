//! A disk that has only so much room: what is said while it is full, and how the log goes on.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use audit::{Disk, LocalDisk, Log, OpenError, Options, RESERVE_BYTES, SegmentFile, Unavailable, read};

use crate::{accept, assert_chained, assert_whole, of_kind, options, sync_at_last, tempdir, until};

/// A disk with room for so many bytes more.
#[derive(Clone)]
struct SmallDisk(Arc<AtomicU64>);

impl SmallDisk {
    fn with(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    fn make_room(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::SeqCst);
    }

    fn take_all(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    /// Takes so much room, or else all that there is.
    fn take(&self, bytes: u64) -> Result<(), u64> {
        let taken =
            self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |room| Some(room.saturating_sub(bytes)));
        match taken.unwrap() {
            room if room >= bytes => Ok(()),
            room => Err(room),
        }
    }
}

impl Disk for SmallDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(SmallFile(LocalDisk.create(path)?, self.clone())))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(SmallFile(LocalDisk.append(path)?, self.clone())))
    }

    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let before = fs::metadata(path)?.len();
        LocalDisk.cut(path, bytes)?;
        self.make_room(before - bytes);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let bytes = fs::metadata(path)?.len();
        LocalDisk.remove(path)?;
        self.make_room(bytes);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.rename(from, to)
    }

    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        if let Err(room) = self.take(bytes) {
            self.make_room(room);
            return Err(io::ErrorKind::StorageFull.into());
        }
        LocalDisk.allocate(path, bytes)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        LocalDisk.make_folder(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove_folder(path)
    }
}

struct SmallFile(Box<dyn SegmentFile>, SmallDisk);

impl SegmentFile for SmallFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let fits = self.1.take(bytes.len() as u64);
        let count = fits.map_or_else(|room| room as usize, |()| bytes.len());
        self.0.write(&bytes[..count])?;
        fits.map_err(|_| io::ErrorKind::StorageFull.into())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn in_place(&self) -> io::Result<bool> {
        self.0.in_place()
    }

    fn bytes(&self) -> io::Result<u64> {
        self.0.bytes()
    }
}

fn open(folder: &Path, disk: &SmallDisk) -> Result<Log, OpenError> {
    Log::open(Options { disk: Arc::new(disk.clone()), ..options(folder) })
}

#[test]
fn a_full_disk_takes_the_last_words_into_the_reserve_and_no_more_until_there_is_room() {
    let folder = tempdir().unwrap();
    let disk = SmallDisk::with(2 * RESERVE_BYTES);
    let log = open(folder.path(), &disk).unwrap();
    let mut acknowledged = vec![accept(&log, 0).unwrap()];
    log.sync().unwrap();

    disk.take_all();
    acknowledged.extend((1..=20).map(|number| accept(&log, number).unwrap()));
    until(|| log.sync().is_ok());
    assert!(!log.writable(), "everything is durable, but there is no reserve");
    assert!(matches!(accept(&log, 21), Err(Unavailable::Unwritable { .. })));
    assert!(!folder.path().join("reserve").exists());
    // Whoever reads the log now sees what is wrong.
    let records = assert_chained(folder.path());
    assert_whole(&records, &acknowledged);
    let gaps = of_kind(&records, "gap");
    assert_eq!((gaps.len(), &gaps[0]["detail"]["state"]), (1, &"open".into()));

    disk.make_room(2 * RESERVE_BYTES);
    sync_at_last(&log);
    acknowledged.push(accept(&log, 22).unwrap());
    log.close().unwrap();
    assert_eq!(fs::metadata(folder.path().join("reserve")).unwrap().len(), RESERVE_BYTES);
    let records = assert_chained(folder.path());
    assert_whole(&records, &acknowledged);
    assert_eq!(of_kind(&records, "gap")[1]["detail"]["state"], "closed");
}

#[test]
fn as_much_as_fits_goes_into_the_reserve_and_nothing_is_lost() {
    for room in [0, 1_000, 5_000, 20_000] {
        let folder = tempdir().unwrap();
        let disk = SmallDisk::with(2 * RESERVE_BYTES);
        let log = Log::open(Options {
            reserve_bytes: 2_000,
            disk: Arc::new(disk.clone()),
            ..options(folder.path())
        });
        let log = log.unwrap();
        disk.take_all();
        disk.make_room(room);
        let acknowledged: Vec<_> = (0..).map_while(|number| accept(&log, number).ok()).take(200).collect();
        log.sync().unwrap_err();
        until(|| read(folder.path()).flatten().any(|line| line.record["detail"]["state"] == "open"));
        assert!(!log.writable());

        disk.make_room(2 * RESERVE_BYTES);
        sync_at_last(&log);
        log.close().unwrap();
        let records = assert_chained(folder.path());
        assert_whole(&records, &acknowledged);
        assert!(of_kind(&records, "gap").len() >= 2);
    }
}

#[test]
fn a_log_that_ends_on_a_full_disk_has_said_so_and_the_next_start_wants_room() {
    let folder = tempdir().unwrap();
    let disk = SmallDisk::with(2 * RESERVE_BYTES);
    let log = open(folder.path(), &disk).unwrap();
    disk.take_all();
    let acknowledged = vec![accept(&log, 0).unwrap()];
    until(|| log.sync().is_ok());
    assert_eq!(log.close(), Ok(()), "everything accepted is durable");
    let records = assert_chained(folder.path());
    assert_eq!(of_kind(&records, "gap").len(), 1);

    disk.take_all();
    let error = open(folder.path(), &disk).unwrap_err();
    let reserve = folder.path().join("reserve");
    let expected = format!(
        "audit log's reserve `{}` of 1048576 bytes cannot be made: no storage space",
        reserve.display()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.hint(), "make room on the disk, or give another folder with `--log DIR`");
    disk.make_room(2 * RESERVE_BYTES);
    open(folder.path(), &disk).unwrap().close().unwrap();
    assert_whole(&assert_chained(folder.path()), &acknowledged);
}
