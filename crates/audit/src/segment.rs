//! The segments as one place to put lines: rotation, and what to do with a segment that failed.
//!
//! INVARIANT: a segment is left only when it ends with its last durable line. So no line occurs twice, and no
//! segment but the last can be torn. After a failed write or sync the file is never written again: it is cut back
//! to what was durable (or removed, when that is nothing), and the lines go to a new one.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::compress::Compressor;
use crate::disk::{Disk, SegmentFile, is_at};
use crate::error::{Cause, holder_text};
use crate::folder::{objects, objects_through, packed, partial, segment_name, segments};
use crate::limits::{CHECKPOINT_LINE_BYTES, CLOCK_JUMP_MAX};
use crate::lock::{Lock, LockError};
use crate::objects::{Objects, Part};
use crate::options::Options;
use crate::read;
use crate::stamp::Stamp;
use crate::tail::Tail;

/// The folder's segments, for the one who may write them.
pub(crate) struct Segments {
    /// Before the lock, so that it has ended when another process may write here.
    compressor: Option<Compressor>,
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    lock: Lock,
    objects: Objects,
    bytes_max: u64,
    age_max: Duration,
    /// Number of the segment below.
    number: u64,
    /// Its length in durable lines.
    durable_bytes: u64,
    /// When its first durable line was written; nothing without one, or when that line does not say.
    begun: Option<SystemTime>,
    current: Current,
    /// Bytes of the lines that were tried last: a file that failed may have some of them.
    tried_bytes: u64,
    /// The folder itself, where the system opens folders.
    held: Option<File>,
    /// The lock file was found to be gone: said once, so that it is on record.
    is_lock_lost: bool,
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
    pub(crate) cause: Cause,
}

impl Trouble {
    pub(crate) fn with(file: &Path, error: &io::Error) -> Self {
        let cause = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Cause::Full,
            _ => Cause::Other,
        };
        Self { file: file.to_owned(), why: error.to_string(), cause }
    }

    fn of(file: &Path, cause: Cause, why: impl Into<String>) -> Self {
        Self { file: file.to_owned(), why: why.into(), cause }
    }

    /// There is no more room on the disk.
    pub(crate) fn is_full(&self) -> bool {
        self.cause == Cause::Full
    }
}

impl Segments {
    /// Goes on where the log ends, and cuts what a crash left after it.
    pub(crate) fn open(options: &Options, lock: Lock, tail: Option<&Tail>) -> Result<Self, Trouble> {
        let mut segments = Self {
            compressor: None,
            disk: options.disk.clone(),
            folder: options.folder.clone(),
            lock,
            objects: Objects::new(&options.folder),
            bytes_max: options.segment_bytes_max,
            age_max: options.segment_age_max.min(CLOCK_JUMP_MAX),
            begun: None,
            number: tail.map_or(1, |tail| tail.segment),
            durable_bytes: tail.map_or(0, |tail| tail.complete_bytes),
            current: Current::None,
            tried_bytes: 0,
            held: File::open(&options.folder).ok(),
            is_lock_lost: false,
        };
        let path = segments.path();
        let trouble = |error: io::Error| Trouble::with(&path, &error);
        if let Some(tail) = tail.filter(|tail| tail.torn_bytes > 0) {
            segments.disk.cut(&path, tail.complete_bytes).map_err(trouble)?;
        }
        let file = match segments.disk.append(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => segments.disk.create(&path),
            opened => opened,
        };
        let file = file.map_err(trouble)?;
        segments.current = Current::Open(file);
        if options.compress {
            let compressor = Compressor::start(options.disk.clone(), &options.folder, segments.number);
            segments.compressor = Some(compressor.map_err(|error| Trouble::with(&options.folder, &error))?);
        }
        if segments.durable_bytes > 0 {
            let first = read::first_line(segments.number, &path).ok().flatten();
            segments.begun = first.and_then(|line| Stamp::of(&line.bytes)).map(|stamp| stamp.ts);
        }
        Ok(segments)
    }

    /// Number of the segment that takes the next line.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Removes the segments up to a number, the first ones first, in every form, and then what belonged to them. What
    /// an attempt that failed left is removed by the next.
    pub(crate) fn remove_through(&self, last: u64) -> Result<(), Trouble> {
        let trouble = |error: io::Error| Trouble::with(&self.folder, &error);
        let _names = self.compressor.as_ref().map(Compressor::names);
        for (number, _) in segments(&self.folder).map_err(trouble)? {
            if number > last || number >= self.number {
                break;
            }
            let written = self.folder.join(segment_name(number));
            let packed = packed(&written);
            for path in [&partial(&packed), &packed, &written] {
                gone_with(self.disk.remove(path)).map_err(|error| Trouble::with(path, &error))?;
            }
        }
        for path in objects_through(&objects(&self.folder), last).map_err(trouble)? {
            gone_with(self.disk.remove_folder(&path)).map_err(|error| Trouble::with(&path, &error))?;
        }
        Ok(())
    }

    /// Path of the segment that takes the next line.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(segment_name(self.number))
    }

    /// Whether lines of so many bytes, and the checkpoint that is to end it, would make the segment larger, or it is older, than
    /// it may be: then the writer
    /// says its last words to the old one with [`Self::commit`], calls [`Self::rotate`], and commits the lines. A
    /// segment without a durable line, or one that failed, is never ended so.
    pub(crate) fn rotates_before(&self, bytes: usize, now: SystemTime) -> bool {
        let with_them = self.durable_bytes.saturating_add(bytes as u64).saturating_add(CHECKPOINT_LINE_BYTES);
        let full = with_them > self.bytes_max;
        let old = self.begun.is_some_and(|begun| is_aged(begun, now, self.age_max));
        self.durable_bytes > 0 && matches!(self.current, Current::Open(_)) && (full || old)
    }

    /// Ends the segment: the next commit begins another. Nothing happens to one without a durable line, or to one
    /// that failed: the next commit settles that.
    pub(crate) fn rotate(&mut self) {
        if self.durable_bytes > 0 && matches!(self.current, Current::Open(_)) {
            self.next();
        }
    }

    /// All is well with the disk, or it is not: then nothing but lines may take room on it.
    pub(crate) fn hold(&self, is_held: bool) {
        self.compressor.iter().for_each(|compressor| compressor.hold(is_held));
    }

    /// Bytes of parts that a tenant may still store beside this segment.
    pub(crate) fn room_for_parts(&self, tenant: &str) -> u64 {
        self.objects.room(self.number, tenant)
    }

    /// Makes some whole lines durable in the segment, however large it gets, after the parts that they name. After an error
    /// none of the lines is in the log, and the same can be given again.
    pub(crate) fn commit(&mut self, lines: &[u8], parts: &[Part]) -> Result<(), Trouble> {
        self.holds_folder()?;
        self.settle()?;
        self.objects
            .put(&*self.disk, self.number, parts)
            .map_err(|(file, error)| Trouble::with(&file, &error))?;
        let path = self.path();
        let mut file = match std::mem::replace(&mut self.current, Current::None) {
            Current::Open(file) => file,
            Current::Failed(_) | Current::None => self.create(&path)?,
        };
        let written = append(file.as_mut(), &path, self.durable_bytes, lines);
        self.current = match written {
            Ok(()) => Current::Open(file),
            Err(_) => Current::Failed(file),
        };
        self.tried_bytes = lines.len() as u64;
        written?;
        if self.durable_bytes == 0 {
            self.begun = Some(SystemTime::now());
        }
        self.durable_bytes += lines.len() as u64;
        Ok(())
    }

    /// Somebody who holds another lock file may be numbering records in this folder.
    fn holds_folder(&mut self) -> Result<(), Trouble> {
        match self.lock.in_place() {
            Ok(true) => {
                self.is_lock_lost = false;
                Ok(())
            }
            Ok(false) if !self.folder_is_ours() => {
                Err(Trouble::of(&self.folder, Cause::Folder, gone("folder")))
            }
            Ok(false) if !std::mem::replace(&mut self.is_lock_lost, true) => {
                Err(Trouble::of(self.lock.path(), Cause::Lock, gone("lock file")))
            }
            Ok(false) => self.retake_lock(),
            Err(error) => Err(Trouble::with(self.lock.path(), &error)),
        }
    }

    fn folder_is_ours(&self) -> bool {
        let held = self.held.as_ref();
        held.map_or_else(|| self.folder.is_dir(), |held| is_at(held, &self.folder).unwrap_or(false))
    }

    /// Takes the lock anew, and goes on if nobody wrote here meanwhile.
    fn retake_lock(&mut self) -> Result<(), Trouble> {
        let path = self.lock.path().to_owned();
        let trouble = |why: String| Trouble::of(&path, Cause::Lock, why);
        let lock = self.lock.retake().map_err(|error| match error {
            LockError::Held(holder) => {
                trouble(format!("another lock file is in its place, held by {}", holder_text(holder)))
            }
            LockError::Io(error) => trouble(error.to_string()),
        })?;
        if let Some(file) = self.written_by_others().map_err(|error| Trouble::with(&self.folder, &error))? {
            let why = "another process wrote records here while the lock file was gone";
            return Err(Trouble::of(&file, Cause::Lock, why));
        }
        self.lock = lock;
        self.is_lock_lost = false;
        Ok(())
    }

    /// A segment that has more than this log wrote.
    fn written_by_others(&self) -> io::Result<Option<PathBuf>> {
        let (ours, ours_max) = match &self.current {
            Current::Open(file) => (Some(file), self.durable_bytes),
            Current::Failed(file) => (Some(file), self.durable_bytes.saturating_add(self.tried_bytes)),
            Current::None => (None, 0),
        };
        for (number, path) in segments(&self.folder)?.into_iter().rev() {
            if number < self.number {
                break;
            }
            let is_ours = match ours.filter(|_| number == self.number) {
                Some(file) if file.in_place()? => file.bytes()? <= ours_max,
                _ => fs::symlink_metadata(&path)?.len() == 0,
            };
            if !is_ours {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Brings a failed segment to its durable end, so that the next may begin.
    fn settle(&mut self) -> Result<(), Trouble> {
        let Current::Failed(file) = &self.current else { return Ok(()) };
        let path = self.path();
        let trouble = |error: io::Error| Trouble::with(&path, &error);
        let ours = file.in_place().map_err(trouble)?;
        let found = file.bytes().map_err(trouble)?;
        match self.durable_bytes {
            // The file was removed or replaced: whatever is there now is not ours to touch.
            _ if !ours => self.next(),
            // It was cut: what is gone does not come back, and a file that is made longer is filled with zeros.
            durable if found < durable => self.next(),
            0 => {
                self.disk.remove(&path).map_err(trouble)?;
                self.current = Current::None;
            }
            durable => {
                self.disk.cut(&path, durable).map_err(trouble)?;
                self.next();
            }
        }
        Ok(())
    }

    fn next(&mut self) {
        self.number = self.number.saturating_add(1);
        self.durable_bytes = 0;
        self.begun = None;
        self.current = Current::None;
    }

    fn create(&mut self, path: &Path) -> Result<Box<dyn SegmentFile>, Trouble> {
        let file = self.disk.create(path).map_err(|error| {
            // A file that somebody put there, or that an attempt of ours left: the next number is free.
            if error.kind() == ErrorKind::AlreadyExists {
                self.number = self.number.saturating_add(1);
            }
            Trouble::with(path, &error)
        })?;
        self.compressor.iter().for_each(|compressor| compressor.complete_below(self.number));
        Ok(file)
    }
}

/// A clock that was set back makes nothing old.
fn is_aged(begun: SystemTime, now: SystemTime, age_max: Duration) -> bool {
    now.duration_since(begun).is_ok_and(|age| age >= age_max)
}

/// Makes lines durable at the end of a file, which has to be as it was left, and in its place.
fn append(file: &mut dyn SegmentFile, path: &Path, before: u64, lines: &[u8]) -> Result<(), Trouble> {
    let trouble = |error: io::Error| Trouble::with(path, &error);
    has_bytes(file, path, before)?;
    file.write(lines).map_err(trouble)?;
    file.sync().map_err(trouble)?;
    if !file.in_place().map_err(trouble)? {
        return Err(Trouble::of(path, Cause::Changed, gone("file")));
    }
    has_bytes(file, path, before.saturating_add(lines.len() as u64))
}

/// Who cuts a file that is written, or writes to it, is found before another line goes there.
fn has_bytes(file: &dyn SegmentFile, path: &Path, expected: u64) -> Result<(), Trouble> {
    match file.bytes().map_err(|error| Trouble::with(path, &error))? {
        found if found == expected => Ok(()),
        found => {
            let why =
                format!("file was changed by somebody else while in use: {found} bytes, expected {expected}");
            Err(Trouble::of(path, Cause::Changed, why))
        }
    }
}

/// What was removed, or was not there.
fn gone_with(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn gone(what: &str) -> String {
    format!("{what} was removed or replaced while in use")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::is_aged;

    #[test]
    fn a_segment_is_old_by_the_clock_and_one_that_went_back_makes_none_old() {
        let (begun, hour) =
            (SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000), Duration::from_secs(3_600));
        for (now, expected) in
            [(begun, false), (begun + hour / 2, false), (begun + hour, true), (begun - 9 * hour, false)]
        {
            assert_eq!(is_aged(begun, now, hour), expected, "{now:?}");
        }
    }
}
