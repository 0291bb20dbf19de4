//! Checkpoints, copied to where whoever can write the log cannot reach: what shows a tail that was cut.
//!
//! The newest is what counts, and the log never waits for it: a thread of its own takes it from a slot. Whether
//! somebody looks at the copies is not known here.
//!
//! INVARIANT: a copy is replaced only by one that goes on from it. That of another end is the evidence that the log was cut, or
//! written anew: it is kept, ours is written beside it, as `<id>.<records>.conflict`, and no start goes on.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::checkpoint::Checkpoint;
use crate::disk::sync_folder_of;
use crate::fork;
use crate::limits::{CHECKPOINT_COPY_BYTES_MAX, CHECKPOINT_COPY_WAIT};
use crate::read::ReadError;
use crate::regular;
use crate::secret::{with_suffix, write_new};

/// Where checkpoints are copied to.
#[derive(Clone)]
pub enum CopyTo {
    /// A folder, with a file for each log: `<id of record 1>.checkpoint`, replaced by each newer one.
    Folder(PathBuf),
    /// Whatever takes a note as it is written down.
    Sink(Arc<Sink>),
}

/// Takes one note; called by one thread, which waits for it.
pub type Sink = dyn Fn(&str) -> io::Result<()> + Send + Sync;

impl fmt::Debug for CopyTo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => formatter.debug_tuple("Folder").field(folder).finish(),
            Self::Sink(_) => formatter.write_str("Sink"),
        }
    }
}

/// The copies of one log. When it goes, the last checkpoint is copied, or given up after a while.
pub(crate) struct CheckpointCopies {
    shared: Arc<Shared>,
}

struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

#[derive(Default)]
struct Slot {
    newest: Option<Checkpoint>,
    /// The newest is being copied.
    busy: bool,
    closing: bool,
}

impl CheckpointCopies {
    /// Copies what it is given from here on, of the log in a folder.
    pub(crate) fn start(to: CopyTo, log: &Path) -> io::Result<Self> {
        let shared = Arc::new(Shared { slot: Mutex::default(), changed: Condvar::new() });
        let copier = Copier { shared: shared.clone(), log: log.to_owned(), has_copied: false };
        thread::Builder::new().name("moonward-checkpoints".to_owned()).spawn(move || copier.copy_all(&to))?;
        Ok(Self { shared })
    }

    /// Takes a checkpoint that is durable; one that was not copied yet is passed over.
    pub(crate) fn put(&self, newest: Checkpoint) {
        self.shared.slot().newest = Some(newest);
        self.shared.changed.notify_all();
    }
}

impl Drop for CheckpointCopies {
    fn drop(&mut self) {
        let mut slot = self.shared.slot();
        slot.closing = true;
        self.shared.changed.notify_all();
        let left = |slot: &mut Slot| slot.busy || slot.newest.is_some();
        let waited = self.shared.changed.wait_timeout_while(slot, CHECKPOINT_COPY_WAIT, left);
        // A place that answers no more must not keep the log from closing: the thread is left to it.
        if waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
            tracing::warn!("last checkpoint of the audit log was not copied: its place does not answer");
        }
    }
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest checkpoint, once there is one; nothing at the end.
    fn next(&self) -> Option<Checkpoint> {
        let mut slot = self.slot();
        slot.busy = false;
        self.changed.notify_all();
        let waits = |slot: &mut Slot| slot.newest.is_none() && !slot.closing;
        let mut slot = self.changed.wait_while(slot, waits).unwrap_or_else(PoisonError::into_inner);
        slot.busy = slot.newest.is_some();
        slot.newest.take()
    }
}

/// What the thread works with.
struct Copier {
    shared: Arc<Shared>,
    /// The log's folder.
    log: PathBuf,
    /// What is there is of this run.
    has_copied: bool,
}

impl Copier {
    fn copy_all(mut self, to: &CopyTo) {
        let mut is_failing = false;
        while let Some(checkpoint) = self.shared.next() {
            let copied = match to {
                CopyTo::Folder(folder) => self.copy_to(folder, &checkpoint, is_failing),
                CopyTo::Sink(sink) => sink(&checkpoint.to_string()),
            };
            match copied {
                Err(why) if !is_failing => {
                    tracing::error!(?to, %why, "checkpoints of the audit log cannot be copied; the log goes on");
                    is_failing = true;
                }
                Ok(()) if is_failing => {
                    tracing::warn!(?to, "checkpoints of the audit log are copied again");
                    is_failing = false;
                }
                _ => {}
            }
        }
    }

    /// Copies one, unless what is there says something else.
    fn copy_to(&mut self, folder: &Path, checkpoint: &Checkpoint, is_failing: bool) -> io::Result<()> {
        let head = checkpoint.head();
        let path = copy_of(folder, &head.log);
        if let Some(theirs) = copied(&path)? {
            let conflict = match self.has_copied {
                true => (theirs.head().records > head.records).then(|| {
                    format!("it counts {} records, and the log has {}", theirs.head().records, head.records)
                }),
                false => {
                    fork::conflict(&theirs, &self.log, &head.log, head.records).map_err(io::Error::other)?
                }
            };
            if let Some(why) = conflict {
                // Once, not each second.
                if !is_failing {
                    set_beside(folder, checkpoint)?;
                }
                return Err(io::Error::other(format!("the copy there is of another end of this log: {why}")));
            }
        }
        write_whole(&path, checkpoint)?;
        self.has_copied = true;
        Ok(())
    }
}

/// Whether a log goes on from the copy that is in a folder: what the copy says else, and where it is. What is there is kept, and
/// the log's last checkpoint is written beside it. A folder that cannot be read is told when something is to be copied.
pub(crate) fn conflict(
    folder: &Path,
    log: &Path,
    id: &str,
    records: u64,
    last: Option<&Checkpoint>,
) -> Result<Option<(PathBuf, String)>, ReadError> {
    let path = copy_of(folder, id);
    let Ok(Some(theirs)) = copied(&path) else { return Ok(None) };
    let Some(why) = fork::conflict(&theirs, log, id, records)? else { return Ok(None) };
    if let Some(Err(error)) = last.map(|last| set_beside(folder, last)) {
        tracing::warn!(folder = %folder.display(), %error, "last checkpoint of the audit log cannot be written beside the copy");
    }
    Ok(Some((path, why)))
}

fn copy_of(folder: &Path, log: &str) -> PathBuf {
    folder.join(format!("{log}.checkpoint"))
}

/// The checkpoint in a file; nothing without one, or when it holds something else.
fn copied(path: &Path) -> io::Result<Option<Checkpoint>> {
    let file = match regular::open(OpenOptions::new().read(true), path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(CHECKPOINT_COPY_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(str::from_utf8(&bytes).ok().and_then(|text| Checkpoint::parse(text).ok()))
}

/// Keeps both.
fn set_beside(folder: &Path, ours: &Checkpoint) -> io::Result<()> {
    let head = ours.head();
    write_whole(&folder.join(format!("{}.{}.conflict", head.log, head.records)), ours)
}

/// Whole or not at all, so that a reader never finds half of one; and durable.
fn write_whole(path: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    let beside = with_suffix(path, "new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_new(&beside, checkpoint.to_string().as_bytes())?;
    fs::rename(&beside, path)?;
    sync_folder_of(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Head;
    use crate::key::SigningKey;

    fn checkpoint(records: u64) -> Checkpoint {
        let head = Head { log: "01JDA7E0Q4V4R6ZD2M1W5X8Y9B".to_owned(), records, hash: [1; 32] };
        Checkpoint::signed(head, &SigningKey::new(&[1; 32]))
    }

    #[test]
    fn the_last_checkpoint_is_copied_before_the_copies_go() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = {
            let seen = seen.clone();
            move |note: &str| {
                seen.lock().unwrap().push(Checkpoint::parse(note).unwrap().head().records);
                Err(io::ErrorKind::BrokenPipe.into())
            }
        };
        let copies = CheckpointCopies::start(CopyTo::Sink(Arc::new(sink)), Path::new(".")).unwrap();
        (1..=1_000).for_each(|records| copies.put(checkpoint(records)));
        drop(copies);
        let seen = seen.lock().unwrap();
        assert_eq!(seen.last(), Some(&1_000));
        assert!(seen.is_sorted(), "never an older one after a newer");
    }
}
