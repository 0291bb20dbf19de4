//! Checkpoints, copied to where whoever can write the log cannot reach: what shows a tail that was cut.
//!
//! The newest is what counts, and the log never waits for it: a thread of its own takes it from a slot. Whether
//! somebody looks at the copies is not known here.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::checkpoint::Checkpoint;
use crate::disk::sync_folder_of;
use crate::limits::CHECKPOINT_COPY_WAIT;
use crate::secret::write_new;

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
    /// Copies what it is given from here on.
    pub(crate) fn start(to: CopyTo) -> io::Result<Self> {
        let shared = Arc::new(Shared { slot: Mutex::default(), changed: Condvar::new() });
        let copier = shared.clone();
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

    fn copy_all(&self, to: &CopyTo) {
        let mut is_failing = false;
        while let Some(checkpoint) = self.next() {
            let copied = match to {
                CopyTo::Folder(folder) => copy_to(folder, &checkpoint),
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

/// Whole or not at all, so that a reader never finds half of one; and durable.
fn copy_to(folder: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    let path = folder.join(format!("{}.checkpoint", checkpoint.head().log));
    let beside = path.with_extension("checkpoint.new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_new(&beside, checkpoint.to_string().as_bytes())?;
    fs::rename(&beside, &path)?;
    sync_folder_of(&path)
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
        let copies = CheckpointCopies::start(CopyTo::Sink(Arc::new(sink))).unwrap();
        (1..=1_000).for_each(|records| copies.put(checkpoint(records)));
        drop(copies);
        let seen = seen.lock().unwrap();
        assert_eq!(seen.last(), Some(&1_000));
        assert!(seen.is_sorted(), "never an older one after a newer");
    }
}
