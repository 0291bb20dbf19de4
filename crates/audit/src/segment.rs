//! The segments as one place to put lines: rotation, and what to do with a segment that failed.
//!
//! INVARIANT: a segment is left only when it ends with its last durable line. So no line occurs twice, and no
//! segment but the last can be torn. After a failed write or sync the file is never written again: it is cut back
//! to what was durable (or removed, when that is nothing), and the lines go to a new one.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, SegmentFile};
use crate::lock::Lock;
use crate::tail::{Tail, segment_name};

/// The folder's segments, for the one who may write them.
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    lock: Lock,
    bytes_max: u64,
    /// Number of the segment below.
    number: u64,
    /// Its length in durable lines.
    durable_bytes: u64,
    current: Current,
}

enum Current {
    /// Takes lines.
    Open(Box<dyn SegmentFile>),
    /// Failed; has to be settled before there is another. Kept open to tell whether the file is still ours.
    Failed(Box<dyn SegmentFile>),
    /// Settled or not there yet: `number` and `durable_bytes` are of the next one.
    None,
}

/// What went wrong, with which file.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) file: PathBuf,
    pub(crate) why: String,
}

impl Segments {
    /// Goes on where the log ends, and cuts what a crash left after it.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        lock: Lock,
        bytes_max: u64,
        tail: Option<&Tail>,
    ) -> Result<Self, Trouble> {
        let mut segments = Self {
            disk,
            folder: folder.to_owned(),
            lock,
            bytes_max,
            number: tail.map_or(1, |tail| tail.segment),
            durable_bytes: tail.map_or(0, |tail| tail.complete_bytes),
            current: Current::None,
        };
        let path = segments.path();
        let trouble = |error: std::io::Error| trouble(&path, error);
        let file = match tail {
            None => segments.disk.create(&path).map_err(trouble)?,
            Some(tail) => {
                if tail.torn_bytes > 0 {
                    segments.disk.cut(&path, tail.complete_bytes).map_err(trouble)?;
                }
                segments.disk.append(&path).map_err(trouble)?
            }
        };
        segments.current = Current::Open(file);
        Ok(segments)
    }

    /// Path of the segment that takes the next line.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(segment_name(self.number))
    }

    /// Makes some whole lines durable. After an error none of them is in the log, and the same lines can be
    /// given again.
    pub(crate) fn commit(&mut self, lines: &[u8]) -> Result<(), Trouble> {
        // Somebody who holds another lock file may be numbering records in this folder.
        if !self.lock.in_place().map_err(|error| trouble(self.lock.path(), error))? {
            return Err(trouble(self.lock.path(), "lock file was removed or replaced while in use"));
        }
        let bytes = lines.len() as u64;
        self.settle()?;
        if self.durable_bytes > 0 && self.durable_bytes + bytes > self.bytes_max {
            self.number += 1;
            self.durable_bytes = 0;
            self.current = Current::None;
        }
        let path = self.path();
        let mut file = match std::mem::replace(&mut self.current, Current::None) {
            Current::Open(file) => file,
            Current::Failed(_) | Current::None => self.create(&path)?,
        };
        let written = append(file.as_mut(), lines);
        self.current = match written {
            Ok(()) => Current::Open(file),
            Err(_) => Current::Failed(file),
        };
        written.map_err(|why| trouble(&path, why))?;
        self.durable_bytes += bytes;
        Ok(())
    }

    /// Brings a failed segment to its durable end, so that the next may begin.
    fn settle(&mut self) -> Result<(), Trouble> {
        let Current::Failed(file) = &self.current else { return Ok(()) };
        let path = self.path();
        let trouble = |error: std::io::Error| trouble(&path, error);
        let ours = file.in_place().map_err(trouble)?;
        match self.durable_bytes {
            // The file was removed or replaced: whatever is there now is not ours to touch.
            _ if !ours => self.number += 1,
            0 => self.disk.remove(&path).map_err(trouble)?,
            durable => {
                self.disk.cut(&path, durable).map_err(trouble)?;
                self.number += 1;
            }
        }
        self.durable_bytes = 0;
        self.current = Current::None;
        Ok(())
    }

    fn create(&mut self, path: &Path) -> Result<Box<dyn SegmentFile>, Trouble> {
        self.disk.create(path).map_err(|error| {
            // A file that somebody put there, or that an attempt of ours left: the next number is free.
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                self.number += 1;
            }
            trouble(path, error)
        })
    }
}

fn append(file: &mut dyn SegmentFile, lines: &[u8]) -> Result<(), String> {
    file.write(lines).map_err(|error| error.to_string())?;
    file.sync().map_err(|error| error.to_string())?;
    match file.in_place() {
        Ok(true) => Ok(()),
        Ok(false) => Err("file was removed or replaced while in use".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn trouble(file: &Path, why: impl Display) -> Trouble {
    Trouble { file: file.to_owned(), why: why.to_string() }
}
