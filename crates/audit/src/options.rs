//! How a log is opened: where, how strictly, within which bounds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::Event;
use crate::checkpoint_copies::CopyTo;
use crate::disk::{Disk, LocalDisk};
use crate::limits::{
    CHECKPOINT_INTERVAL, LOCK_WAIT, QUEUE_BYTES_MAX, QUEUE_RECORDS_MAX, RESERVE_BYTES, RETRY_INTERVAL,
    SEGMENT_AGE_MAX, SEGMENT_BYTES_MAX,
};
use crate::redact::Redaction;

/// What happens while the disk takes no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing is accepted, and [`crate::Log::writable`] says so.
    #[default]
    Strict,
    /// Entries are accepted until the queue is full, then dropped and counted. For development.
    BestEffort,
}

impl Mode {
    /// An event of the log's that says, too, what sort of log it is in; nothing in a strict one, whose numbers without
    /// a gap mean that nothing is missing.
    pub(crate) fn told_by(self, event: Event) -> Event {
        match self {
            Self::Strict => event,
            Self::BestEffort => event.with("log_mode", "best_effort"),
        }
    }
}

/// How to open a log.
#[derive(Clone)]
pub struct Options {
    /// Folder of the segments; made with mode 0700 if there is none. One that is there keeps its mode.
    pub folder: PathBuf,
    /// The file of the signing key, outside the folder; made, with its folder, if there is none.
    pub key: PathBuf,
    /// Whether a former key beside the key file, which signed this log last, may hand over to the one in place: for a log
    /// that shares its key file with another one, when an operator says so. By itself no start does, as who has stolen a
    /// former key could have a log of theirs vouched for.
    pub hand_over: bool,
    /// What is not kept in plain. The key of its commitments is the file `audit.hmac` beside the signing key; made when needed.
    pub redact: Redaction,
    /// Where checkpoints are copied to, if anywhere: a place that who can write the folder cannot reach.
    pub checkpoints: Option<CopyTo>,
    /// Time between two checkpoints while records come in.
    pub checkpoint_interval: Duration,
    /// What happens while the disk takes no lines.
    pub mode: Mode,
    /// How long to wait while another process holds the log.
    pub wait: Duration,
    /// Time between two attempts while the disk takes no lines.
    pub retry: Duration,
    /// Bytes of one segment; a single commit that is larger still goes into one.
    pub segment_bytes_max: u64,
    /// Age of a segment's first record at which the next commit begins another one; 7 days at most.
    pub segment_age_max: Duration,
    /// How long records are kept; for ever without. A segment is removed once its last record is older, at the first
    /// commit of a run or of a segment, unless the clock is in doubt: it is before the last records, or has jumped by
    /// more than a week since yesterday.
    pub retain: Option<Duration>,
    /// Bytes of the disk that are held to be given up when it is full.
    pub reserve_bytes: u64,
    /// Whether segments are compressed once they are complete.
    pub compress: bool,
    /// Records accepted and not yet durable.
    pub queue_records_max: usize,
    /// Bytes of records accepted and not yet durable.
    pub queue_bytes_max: usize,
    /// Where segments are written; a test puts a failing one here. The lock file is always on the local disk.
    pub disk: Arc<dyn Disk>,
}

impl Options {
    /// A strict log in a folder, with the bounds of this crate, and with its key in a folder `keys` beside it.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self {
            key: folder.with_file_name("keys").join("audit.ed25519"),
            folder,
            hand_over: false,
            redact: Redaction::default(),
            checkpoints: None,
            checkpoint_interval: CHECKPOINT_INTERVAL,
            mode: Mode::Strict,
            wait: LOCK_WAIT,
            retry: RETRY_INTERVAL,
            segment_bytes_max: SEGMENT_BYTES_MAX,
            segment_age_max: SEGMENT_AGE_MAX,
            retain: None,
            reserve_bytes: RESERVE_BYTES,
            compress: true,
            queue_records_max: QUEUE_RECORDS_MAX,
            queue_bytes_max: QUEUE_BYTES_MAX,
            disk: Arc::new(LocalDisk),
        }
    }
}
