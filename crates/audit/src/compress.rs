//! Segments that are complete, compressed: by a thread of its own, beside the writer, which never waits for it.
//!
//! INVARIANT: at every moment a segment is there in at least one form that is whole and durable. The compressed form
//! is written under another name, synced, read back and compared, and only then put in its place; only then is the
//! first removed. Whatever is left undone by a crash or an error is done at a later rotation or start: what there is
//! to do is seen in the folder, so that the queue is one number.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::digest::Sha256Writer;
use crate::disk::{Disk, SegmentFile, is_at};
use crate::folder::{is_packed, packed, partial, segments};
use crate::limits::{COMPRESS_CLOSE_WAIT, COMPRESS_REST, GZIP_LEVEL, READ_BYTES};
use crate::regular;

/// The thread that compresses. It ends when this goes: the segment under way is finished if that takes no longer than
/// [`COMPRESS_CLOSE_WAIT`]; all others are left for the next start.
pub(crate) struct Compressor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Held while files get their names or lose them.
    names: Mutex<()>,
}

struct State {
    /// Segments with smaller numbers are complete.
    below: u64,
    /// Something may be there to do.
    is_due: bool,
    /// The disk takes no lines: what room there is belongs to the writer.
    is_held: bool,
    closing: Option<Instant>,
}

impl Compressor {
    /// Begins with what an earlier run left, below a segment.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(disk: Arc<dyn Disk>, folder: &Path, below: u64) -> io::Result<Self> {
        let state = State { below, is_due: true, is_held: false, closing: None };
        let shared =
            Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), names: Mutex::new(()) });
        let thread = {
            let (shared, folder) = (shared.clone(), folder.to_owned());
            thread::Builder::new()
                .name("moonward-compress".to_owned())
                .spawn(move || run(&shared, disk.as_ref(), &folder))?
        };
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Segments with smaller numbers than this are complete now.
    pub(crate) fn complete_below(&self, number: u64) {
        let mut state = self.shared.state();
        (state.below, state.is_due) = (number, true);
        self.shared.changed.notify_one();
    }

    /// Keeps it from taking room, and makes it give back what it took, while the disk takes no lines; then lets it go
    /// on.
    pub(crate) fn hold(&self, is_held: bool) {
        let mut state = self.shared.state();
        if state.is_held != is_held {
            (state.is_held, state.is_due) = (is_held, true);
            self.shared.changed.notify_one();
        }
    }

    /// While this is kept, no file gets its name or loses it.
    pub(crate) fn names(&self) -> MutexGuard<'_, ()> {
        self.shared.names()
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        self.shared.state().closing = Some(Instant::now());
        self.shared.changed.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("thread that compresses audit segments panicked");
        }
    }
}

impl Shared {
    /// Waits until there may be something to do: below which number. Nothing at the end.
    fn take(&self) -> Option<u64> {
        let waits = |state: &mut State| state.closing.is_none() && (state.is_held || !state.is_due);
        let state = self.changed.wait_while(self.state(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.is_due = false;
        state.closing.is_none().then_some(state.below)
    }

    /// Whether the next segment may be begun.
    fn may_begin(&self) -> bool {
        let state = self.state();
        state.closing.is_none() && !state.is_held
    }

    /// Whether the one under way may be finished.
    fn may_go_on(&self) -> bool {
        let state = self.state();
        state.closing.is_none_or(|since| since.elapsed() < COMPRESS_CLOSE_WAIT) && !state.is_held
    }

    /// Leaves the cores to others for as long, unless the log ends or has use for its room.
    fn rest(&self, time: Duration) {
        let goes_on = |state: &mut State| state.closing.is_none() && !state.is_held;
        let rested = self.changed.wait_timeout_while(self.state(), time, goes_on);
        drop(rested.unwrap_or_else(PoisonError::into_inner));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, ()> {
        // It guards the folder, which a panic leaves as a crash would.
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(shared: &Shared, disk: &dyn Disk, folder: &Path) {
    let mut was_told = false;
    while let Some(below) = shared.take() {
        let found = segments(folder).unwrap_or_else(|error| {
            tell(&mut was_told, folder, &error);
            Vec::new()
        });
        for (_, path) in found.iter().filter(|(number, path)| *number < below && !is_packed(path)) {
            if !shared.may_begin() {
                break;
            }
            match compress(shared, disk, path) {
                Ok(()) => was_told = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => break,
                Err(error) => tell(&mut was_told, path, &error),
            }
        }
    }
}

/// Nothing of this keeps the log from going on, so that it is said once until it works again.
fn tell(was_told: &mut bool, file: &Path, error: &io::Error) {
    if !std::mem::replace(was_told, true) {
        tracing::warn!(file = %file.display(), why = %error, "audit segment cannot be compressed; it stays as it is");
    }
}

fn compress(shared: &Shared, disk: &dyn Disk, segment: &Path) -> io::Result<()> {
    let source = regular::open(OpenOptions::new().read(true), segment)?;
    let packed = packed(segment);
    let partial = partial(&packed);
    let written = write(shared, disk, &source, &partial).and_then(|digest| {
        if digest_of(shared, &partial)? != digest {
            return Err(io::Error::other("what was compressed does not read back as it was"));
        }
        let _names = shared.names();
        // Old segments are removed meanwhile; one that is gone must not come back.
        if !is_at(&source, segment)? {
            return Err(io::ErrorKind::Interrupted.into());
        }
        disk.rename(&partial, &packed)
    });
    if let Err(error) = written {
        // Where that fails too, the next attempt removes it.
        let _ = disk.remove(&partial);
        return Err(error);
    }
    let _names = shared.names();
    match disk.remove(segment) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Writes the compressed form durably, and gives the digest of what it is to hold.
fn write(
    shared: &Shared,
    disk: &dyn Disk,
    mut source: &std::fs::File,
    partial: &Path,
) -> io::Result<[u8; 32]> {
    let file = match disk.create(partial) {
        // Left by a crash, or by an attempt that failed.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(partial)?;
            disk.create(partial)?
        }
        created => created?,
    };
    let mut digest = Sha256Writer::default();
    let mut encoder = GzEncoder::new(Sink(file), Compression::new(GZIP_LEVEL));
    copy(shared, &mut source, |bytes| {
        digest.update(bytes);
        encoder.write_all(bytes)
    })?;
    encoder.finish()?.0.sync()?;
    Ok(digest.finish())
}

/// The digest of what a compressed file holds.
fn digest_of(shared: &Shared, packed: &Path) -> io::Result<[u8; 32]> {
    let file = regular::open(OpenOptions::new().read(true), packed)?;
    let mut digest = Sha256Writer::default();
    let mut decoder = MultiGzDecoder::new(io::BufReader::with_capacity(READ_BYTES, file));
    copy(shared, &mut decoder, |bytes| {
        digest.update(bytes);
        Ok(())
    })?;
    Ok(digest.finish())
}

/// Hands bytes on until there are no more, or until the log needs them no longer.
fn copy(
    shared: &Shared,
    from: &mut impl Read,
    mut to: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(READ_BYTES);
    loop {
        if !shared.may_go_on() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let begun = Instant::now();
        bytes.clear();
        if from.take(READ_BYTES as u64).read_to_end(&mut bytes)? == 0 {
            return Ok(());
        }
        to(&bytes)?;
        shared.rest(begun.elapsed() * COMPRESS_REST);
    }
}

/// A file of the log, for a library that writes.
struct Sink(Box<dyn SegmentFile>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
