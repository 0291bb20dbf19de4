//! The log as the product sees it: open, accept, sync, close.

use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::Value;

use crate::archive::Archive;
use crate::checkpoint_copies::{self, CheckpointCopies, CopyTo};
use crate::entry::Entry;
use crate::error::{OpenError, RotateError, Unavailable};
use crate::folder::segment_name;
use crate::key::VerifyingKey;
use crate::key_file::redaction_key;
use crate::keys::Keys;
use crate::lock::{Lock, LockError};
use crate::options::{Mode, Options};
use crate::queue::Queue;
use crate::redact::Redactor;
use crate::reserve::Reserve;
use crate::retention::Retention;
use crate::seal::Seal;
use crate::segment::{Segments, Trouble};
use crate::tail::{self, Tail, TailError};
use crate::watch::{Progress, Ticket, Watch};
use crate::writer::Writer;
use crate::{ArchiveError, Count, Decision, Event, EventKind, Occurrence, RecordId};

/// The audit log of one folder. Clones are the same log; it closes when the last one goes.
#[derive(Clone)]
pub struct Log {
    open: Arc<Open>,
}

impl Log {
    /// Opens the log of a folder, and goes on after its last record: once its end is known to be a chain, and the key that
    /// is to sign its heads is one that nobody else can read. A log without a key gets one. What the last run left in
    /// disorder is recorded: an incomplete last line (which is cut), roll-ups that were not closed, another key.
    ///
    /// # Errors
    /// Another process holds the log for longer than `wait`; the folder or its last segments cannot be read, made or
    /// written; what is there is no chain up to its last checkpoint; the key cannot be used; the disk has no room for the
    /// reserve. Nothing is changed then.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let unusable =
            |file: &Path, error: io::Error| OpenError::Unusable { file: file.into(), why: error.to_string() };
        let folder = &options.folder;
        make(folder).map_err(|error| unusable(folder, error))?;
        let lock = Lock::take(folder, options.wait).map_err(|error| match error {
            LockError::Held(holder) => OpenError::Locked { folder: folder.clone(), holder },
            LockError::Io(error) => unusable(&folder.join(crate::lock::NAME), error),
        })?;
        let mut keys = Keys::open(&options.key, folder)?;
        let tail = tail::find(folder, |id| keys.find(id)).map_err(|error| match error {
            TailError::Io(file, error) => unusable(&file, error),
            TailError::Damaged(file, why) => OpenError::Damaged { file, why },
        })?;
        if let (Some(CopyTo::Folder(copies)), Some(tail)) = (&options.checkpoints, &tail) {
            goes_on_from(copies, folder, tail)?;
        }
        let change = keys.settle(tail.as_ref().and_then(|tail| tail.signer), options.hand_over)?;
        let redactor = match options.redact.is_empty() {
            true => None,
            false => Some(Redactor::new(&options.redact, redaction_key(&options.key, folder)?)),
        };
        let start = |to| CheckpointCopies::start(to, folder);
        let copies = options.checkpoints.clone().map(start).transpose();
        let copies = copies.map_err(|error| unusable(folder, error))?;
        let mut reserve = Reserve::of(options.disk.clone(), folder, options.reserve_bytes);
        reserve.hold().map_err(|error| OpenError::NoReserve {
            file: reserve.path().to_owned(),
            bytes: options.reserve_bytes,
            why: error.to_string(),
        })?;
        let segments = Segments::open(&options, lock, tail.as_ref())
            .map_err(|Trouble { file, why, .. }| OpenError::Unusable { file, why })?;

        let seal = Seal::new(
            tail.as_ref(),
            (keys.signing(), keys.gone()),
            options.mode,
            options.checkpoint_interval,
        );
        let queue =
            Arc::new(Queue::new(options.mode, options.queue_records_max, options.queue_bytes_max, redactor));
        // A disk that fails this early is told to whoever asks first.
        if let Some(event) = tail.as_ref().and_then(recovered) {
            let _ = queue.accept(event.into());
        }
        if let Some(new) = change {
            let _ = queue.change_key(new);
        }
        let writer = Writer {
            queue: queue.clone(),
            segments,
            reserve,
            retention: Retention::of(folder, options.retain),
            seal,
            copies,
            retry: options.retry,
        };
        let writer = thread::Builder::new()
            .name("moonward-audit".to_owned())
            .spawn(|| writer.run())
            .map_err(|error| unusable(folder, error))?;
        let keys = Mutex::new(keys);
        let archive = Archive::new(options.disk, &options.folder);
        let writer = Mutex::new(Some(writer));
        let open = Open { folder: options.folder, archive, queue, keys, writer };
        Ok(Self { open: Arc::new(open) })
    }

    /// Gives an entry its number, id and time, and leaves it to the writer. Never waits for the disk. From here on
    /// it is kept until it is durable; only the end of this process can lose it.
    ///
    /// A best-effort log with a full queue returns an id that no record has: the loss is counted in a `gap`
    /// record.
    ///
    /// # Errors
    /// The disk takes no lines (strict only), the queue is full (strict only), or the log is closed.
    pub fn accept(&self, entry: Entry) -> Result<RecordId, Unavailable> {
        self.open.queue.accept(entry)
    }

    /// Records a decision, or counts it. The first of those that are alike have records of their own, and then some each
    /// second; past that, one more opens a roll-up, and its id is what the others get, which are in its count. `decision`
    /// puts a record together, and is called only when there is to be one. Never waits for the disk.
    ///
    /// Records and last counts add up to the decisions of the log, except for the last second before a crash.
    ///
    /// # Errors
    /// As [`accept`](Self::accept): a decision is neither recorded nor counted then. One that is only counted takes no
    /// room in the queue.
    pub fn decided(
        &self,
        occurrence: &Occurrence<'_>,
        decision: impl FnOnce() -> Decision,
    ) -> Result<RecordId, Unavailable> {
        self.open.queue.decided(occurrence, decision)
    }

    /// Puts a document beside the log, `policies/<its hash>` in its folder, durably and once; gives the hash in hex, for a
    /// record to name it. Waits for the disk.
    ///
    /// # Errors
    /// It cannot be written, or is too large.
    pub fn archive(&self, document: &Value) -> Result<String, ArchiveError> {
        self.open.archive.write(document)
    }

    /// A count of what is like a recorded occurrence, and has no record: told in `rollup` records, as `opening`'s, now and
    /// then and at its end, which is when everybody has let go of it. It is kept until then: the caller bounds how many there
    /// are.
    pub fn count(&self, occurrence: &Occurrence<'_>, opening: RecordId) -> Count {
        self.open.queue.count(occurrence, opening)
    }

    /// Tells all of these counts that changed, before long.
    pub fn tell_counts(&self) {
        self.open.queue.tell_counts();
    }

    /// Whether a check may go on at all: one atomic load. False while a strict log's disk takes no lines, and
    /// after the end; who is told so counts as refused. A full queue refuses entries but not this: who floods the log must not stop those who
    /// need no record.
    pub fn writable(&self) -> bool {
        self.open.queue.writable()
    }

    /// Waits until everything accepted so far is durable.
    ///
    /// # Errors
    /// The disk takes no lines: not durable yet, attempts go on. Or the log was closed before it was durable.
    pub fn sync(&self) -> Result<(), Unavailable> {
        self.wait(self.ticket())
    }

    /// Everything accepted so far, as something to wait for. Taken after an acceptance it covers that entry, and what it
    /// was counted with if it has no record of its own.
    pub fn ticket(&self) -> Ticket {
        self.open.queue.ticket()
    }

    /// How far everything up to there is. Never waits, and costs two atomic loads.
    pub fn progress(&self, ticket: Ticket) -> Progress {
        self.open.queue.progress(ticket)
    }

    /// Waits until everything up to there is durable.
    ///
    /// # Errors
    /// As [`Log::sync`].
    pub fn wait(&self, ticket: Ticket) -> Result<(), Unavailable> {
        self.open.queue.wait(ticket)
    }

    /// Has `wake` called when something has changed that [`Log::progress`] tells of, each time that the watch was armed. It
    /// runs on the writer's thread: it must be quick, must not wait, and must not own what would close the log.
    pub fn watch(&self, wake: impl Fn() + Send + Sync + 'static) -> Watch {
        self.open.queue.watchers().add(Box::new(wake))
    }

    /// What happens while the disk takes no lines.
    pub fn mode(&self) -> Mode {
        self.open.queue.mode()
    }

    /// Lets a new key sign from here on: both keys say so in the log, then the new one is put in the place of the old,
    /// which is kept beside it. Waits for the disk. A crash in between is settled at the next start.
    ///
    /// # Errors
    /// A key file cannot be written, or the change is not on record: the log is closed, or the disk takes no lines. In
    /// the last case it goes on record when the disk takes lines again, and in place at the next start.
    pub fn rotate_key(&self) -> Result<VerifyingKey, RotateError> {
        let mut keys = self.open.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.rotate(|new| {
            self.open.queue.change_key(new)?;
            self.sync()
        })
    }

    /// The key that checks what this log signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.open.keys.lock().unwrap_or_else(PoisonError::into_inner).verifying()
    }

    /// Writes what was accepted, then ends the log for all its clones and frees the folder. Waits for the disk;
    /// when that fails, the last attempt is made now. Closing twice is closing once.
    ///
    /// # Errors
    /// Something accepted could not be made durable, and is lost; or the log could not be ended in order.
    pub fn close(&self) -> Result<(), Unavailable> {
        self.open.close()
    }

    /// The folder of the segments.
    pub fn folder(&self) -> &Path {
        &self.open.folder
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Log").field("folder", &self.open.folder).finish_non_exhaustive()
    }
}

/// What all clones share; the writer shares only the queue, so that the last clone can end it.
struct Open {
    folder: PathBuf,
    archive: Archive,
    queue: Arc<Queue>,
    keys: Mutex<Keys>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Open {
    fn close(&self) -> Result<(), Unavailable> {
        self.queue.close();
        // Held until the writer has ended, so that whoever closes second waits for the same end.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer.take()
            && writer.join().is_err()
        {
            tracing::error!(folder = %self.folder.display(), "writer of the audit log panicked");
        }
        self.queue.outcome()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Err(unavailable) = self.close() {
            tracing::error!(folder = %self.folder.display(), %unavailable, "audit records were lost");
        }
    }
}

/// Whether the log goes on from the checkpoint of it that was copied last.
fn goes_on_from(copies: &Path, folder: &Path, tail: &Tail) -> Result<(), OpenError> {
    let Some(log) = tail.log.as_deref().filter(|log| log.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    else {
        return Ok(());
    };
    let conflict =
        checkpoint_copies::conflict(copies, folder, log, tail.chain.records, tail.checkpoint.as_ref());
    match conflict.map_err(|error| OpenError::Damaged { file: folder.into(), why: error.to_string() })? {
        Some((copy, why)) => Err(OpenError::Forked { folder: folder.into(), copy, why }),
        None => Ok(()),
    }
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn recovered(tail: &Tail) -> Option<Event> {
    let rollups = (!tail.rollups.is_empty()).then_some(tail.rollups.as_slice());
    tail.is_disorderly().then(|| {
        let event = Event::new(EventKind::Recovered)
            .with("file", segment_name(tail.segment))
            .with("bytes_cut", tail.torn_bytes.to_string());
        // Whether the run before wrote them or somebody else did, nobody can say.
        let event = match tail.unwitnessed().map(RangeInclusive::into_inner) {
            Some((from, through)) => event
                .with("unwitnessed_from", from.to_string())
                .with("unwitnessed_through", through.to_string()),
            None => event,
        };
        rollups.into_iter().fold(event, |event, rollups| event.with("rollups", rollups))
    })
}
