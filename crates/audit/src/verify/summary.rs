//! What one segment holds by itself, as far as it matters to the log as a whole. Small, whatever the segment's length.

use super::follow::Link;
use super::verdict::Wrong;
use crate::checkpoint::Hash;
use crate::key::{KeyId, VerifyingKey};
use crate::key_rotation::FormerKey;

/// What a segment holds, up to its end or its first fault.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Of its first record.
    pub(super) first: Option<First>,
    /// Of its last.
    pub(super) last: Option<Link>,
    pub(super) last_ts: String,
    pub(super) records: u64,
    pub(super) lines: u64,
    pub(super) fault: Option<Fault>,
    /// Bytes of an incomplete last line.
    pub(super) torn: u64,
    /// The checkpoints before the first rotation, between each two, and after the last: one more than rotations.
    pub(super) stretches: Vec<Stretch>,
    pub(super) rotations: Vec<Rotation>,
    /// The log that its first checkpoint or rotation names; the others name the same.
    pub(super) origin: Option<(String, Place)>,
    /// The removal that reached furthest, of those that a checkpoint follows.
    pub(super) retention: Option<Retention>,
    /// Records that starts took over without a checkpoint: how many, and the first and last of some.
    pub(super) unwitnessed: u64,
    pub(super) unwitnessed_some: Vec<(u64, u64)>,
    /// Or rotation, which signs the same.
    pub(super) last_checkpoint: Option<u64>,
    /// Whether the last record is one of these, and one of a run that ended in order.
    pub(super) sealed: bool,
    pub(super) closed: bool,
    pub(super) parts: u64,
    /// Whether a record says that the log lets happen what it cannot record.
    pub(super) best_effort: bool,
    /// The hash after as many records as were to be watched for.
    pub(super) watched: Option<Hash>,
    /// Whether a checkpoint is signed by none of the keys that were known, and how many those were.
    pub(super) strangers: bool,
    pub(super) keys_known: usize,
    /// Some of the keys that checkpoints name.
    pub(super) ids: Vec<KeyId>,
}

/// The beginning of a segment, as its first record has it.
#[derive(Debug)]
pub(super) struct First {
    pub(super) seq: u64,
    pub(super) prev: Hash,
    pub(super) id: String,
    pub(super) ts: String,
}

/// A record and its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) record: u64,
    pub(super) line: u64,
}

/// What ended the scan.
#[derive(Debug)]
pub(super) struct Fault {
    /// The record's number; not known of a first line that is no record.
    pub(super) record: Option<u64>,
    pub(super) line: u64,
    pub(super) wrong: Wrong,
}

/// Checkpoints that are all to be signed by one key.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    pub(super) checkpoints: u64,
    pub(super) first: Option<Place>,
    /// Number of the last; 0 without one.
    pub(super) last: u64,
    /// Who signed the first that is signed by a known key.
    pub(super) signer: Option<VerifyingKey>,
    /// The first that is not signed by them.
    pub(super) odd: Option<Place>,
    /// The first that names a known key and is signed by none.
    pub(super) forged: Option<Place>,
}

/// A key that hands over to another, with the signatures of both; or was lost, and the other one says so.
#[derive(Debug)]
pub(super) struct Rotation {
    pub(super) place: Place,
    pub(super) old: FormerKey,
    pub(super) new: VerifyingKey,
}

/// Records that were removed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub(super) through: u64,
    pub(super) head: Hash,
}
