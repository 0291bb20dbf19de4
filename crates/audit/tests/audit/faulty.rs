//! A disk that fails on command: the local one, with faults in front.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use audit::{Disk, LocalDisk, SegmentFile};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Write,
    Sync,
    Cut,
    Remove,
    Rename,
    Allocate,
    MakeFolder,
}

pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EIO: i32 = 5;
pub(crate) const EROFS: i32 = 30;

/// Decides for each operation whether it fails.
type Fault = Box<dyn FnMut(Operation) -> Option<i32> + Send>;

#[derive(Clone)]
pub(crate) struct FaultyDisk {
    faults: Arc<Faults>,
}

struct Faults {
    fault: Mutex<Fault>,
    syncs_held: Mutex<bool>,
    released: Condvar,
}

impl FaultyDisk {
    pub(crate) fn healthy() -> Self {
        Self {
            faults: Arc::new(Faults {
                fault: Mutex::new(Box::new(|_| None)),
                syncs_held: Mutex::new(false),
                released: Condvar::new(),
            }),
        }
    }

    pub(crate) fn fail(&self, fault: impl FnMut(Operation) -> Option<i32> + Send + 'static) {
        *self.faults.fault.lock().unwrap() = Box::new(fault);
    }

    pub(crate) fn heal(&self) {
        self.fail(|_| None);
    }

    /// From here on a sync of a segment does not return.
    pub(crate) fn hold_syncs(&self) {
        *self.faults.syncs_held.lock().unwrap() = true;
    }

    pub(crate) fn release_syncs(&self) {
        *self.faults.syncs_held.lock().unwrap() = false;
        self.faults.released.notify_all();
    }
}

impl Faults {
    fn check(&self, operation: Operation) -> io::Result<()> {
        match (self.fault.lock().unwrap())(operation) {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None => Ok(()),
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.faults.check(Operation::Create)?;
        Ok(Box::new(FaultyFile {
            file: LocalDisk.create(path)?,
            faults: self.faults.clone(),
            is_segment: is_segment(path),
        }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(FaultyFile {
            file: LocalDisk.append(path)?,
            faults: self.faults.clone(),
            is_segment: is_segment(path),
        }))
    }

    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.faults.check(Operation::Cut)?;
        LocalDisk.cut(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.faults.check(Operation::Remove)?;
        LocalDisk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults.check(Operation::Rename)?;
        LocalDisk.rename(from, to)
    }

    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.faults.check(Operation::Allocate)?;
        LocalDisk.allocate(path, bytes)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.faults.check(Operation::MakeFolder)?;
        LocalDisk.make_folder(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.faults.check(Operation::Remove)?;
        LocalDisk.remove_folder(path)
    }
}

struct FaultyFile {
    file: Box<dyn SegmentFile>,
    faults: Arc<Faults>,
    is_segment: bool,
}

impl SegmentFile for FaultyFile {
    /// A failed write leaves half of its bytes behind, as a full disk does.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.faults.check(Operation::Write).inspect_err(|_| {
            self.file.write(&bytes[..bytes.len() / 2]).unwrap();
        })?;
        self.file.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        // What is kept beside the segments is synced by whoever keeps it, who waits for it anyway.
        let held = self.faults.syncs_held.lock().unwrap();
        drop(self.faults.released.wait_while(held, |held| *held && self.is_segment).unwrap());
        self.faults.check(Operation::Sync)?;
        self.file.sync()
    }

    fn in_place(&self) -> io::Result<bool> {
        self.file.in_place()
    }

    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl")
}
