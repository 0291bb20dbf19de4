//! What can be said of a log, in words that name no file of this crate.

use std::path::PathBuf;

use crate::KeyId;

/// What was found, and in what.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The answer.
    pub finding: Finding,
    /// What was looked at. Where the log was tampered with, only roughly: reading of a segment ends with its first
    /// fault.
    pub figures: Figures,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Every record up to the last checkpoint is as it was written, and those after it follow.
    Intact,
    /// The chain holds, but nobody who is trusted vouches for it.
    Unverifiable(Doubt),
    /// A record is not as it was written, is not in its place, or is missing.
    Tampered(Tampering),
}

/// Why nobody vouches.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// No key to trust was given.
    #[error("no key is trusted")]
    NoKey,
    /// Nothing was signed yet.
    #[error("the log has no checkpoint yet, so nothing in it is signed")]
    NoCheckpoint,
    /// The log is signed by others: its own word for itself, or another log in this place.
    #[error("no checkpoint of it is signed by a trusted key")]
    NotTrusted,
    /// A key was lost, and trusted keys vouch for some of the parts only: nobody handed over to the new one.
    #[error("a signing key was lost: {} vouched for by a trusted key, {} not", are(.vouched), are(.others))]
    KeyLost {
        /// First and last of the records that a trusted key vouches for.
        vouched: Vec<(u64, u64)>,
        /// First and last of the others.
        others: Vec<(u64, u64)>,
    },
    /// It ends with another key than the one that its writer has.
    #[error("the key in force at its end is not the one that the app signs with")]
    OtherKeyInForce,
    /// The checkpoint to compare with is not signed by a key that is trusted.
    #[error("the checkpoint to compare with is not signed by a trusted key")]
    OutsideNotTrusted,
    /// The checkpoint to compare with is of records that are not among those that were read.
    #[error("the checkpoint to compare with is older than the records that were read")]
    OutsideGone,
}

/// Which records are, in words; of many ranges the first.
fn are(ranges: &[(u64, u64)]) -> String {
    const SHOWN: usize = 4;
    let range =
        |&(from, to): &(u64, u64)| if from == to { from.to_string() } else { format!("{from} to {to}") };
    match ranges {
        [] => "no record is".to_owned(),
        [(from, to)] if from == to => format!("record {from} is"),
        _ => {
            let shown: Vec<String> = ranges.iter().take(SHOWN).map(range).collect();
            let more = if ranges.len() > SHOWN { " and others" } else { "" };
            format!("records {}{more} are", shown.join(", "))
        }
    }
}

/// The first record that is wrong, and where it is or should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampering {
    /// Its number.
    pub record: u64,
    /// The segment.
    pub file: PathBuf,
    /// The line, from 1; one after the last where a record is missing at the end.
    pub line: u64,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with a record, to be put after its number. Text out of the log is hostile wherever it is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// The line has not the form of a record.
    #[error("is no record: {0}")]
    NotARecord(&'static str),
    /// Its segment is no file that a log writes.
    #[error("cannot be there: its segment is none, as {0}")]
    NotAFile(String),
    /// A line over the bound.
    #[error("is longer than {} bytes", crate::LINE_BYTES_MAX)]
    TooLong,
    /// No line feed, within the log.
    #[error("is incomplete, and others follow")]
    Incomplete,
    /// The compressed file cannot be unpacked from here on.
    #[error("cannot be read, because the compressed file is damaged: {0}")]
    Damaged(String),
    /// It has another number, although it follows.
    #[error("has the number {found}")]
    Renumbered {
        /// The number that it has.
        found: u64,
    },
    /// Records are gone.
    #[error("is missing: record {next} is in its place")]
    Missing {
        /// What follows instead.
        next: u64,
    },
    /// Two records have one number.
    #[error("is there twice")]
    Twice,
    /// An earlier record stands in its place.
    #[error("is missing: record {found} is there again, or in the wrong order")]
    OutOfOrder {
        /// What is there.
        found: u64,
    },
    /// The record after it has the hash of something else.
    #[error("was changed: the record after it has another hash of it in `prev`")]
    Changed,
    /// Its `prev` differs in a few digits from what it has to be.
    #[error("was changed: its `prev` is not the hash of the record before it")]
    PrevChanged,
    /// It is of a kind whose members matter, and has not the form of it.
    #[error("has not the form of its kind: {0}")]
    Malformed(String),
    /// It says something about the chain that is not so.
    #[error("has another count or hash than the chain before it")]
    OtherHead,
    /// It is of another log.
    #[error("is of another log: of `{origin}`")]
    OtherLog {
        /// The id of that log's record 1.
        origin: String,
    },
    /// It is not signed by the key in force.
    #[error("has no valid signature of the key in force")]
    Signature,
    /// A rotation without the signatures of both keys.
    #[error("hands over to another key, without valid signatures of both")]
    HandOver,
    /// A rotation from a key that does not sign.
    #[error("hands over from another key than the one in force")]
    OtherKeyInForce,
    /// More rotations than anybody makes.
    #[error("hands over to one key more than the {} that a log can have", crate::limits::VERIFY_KEYS_MAX)]
    TooManyKeys,
    /// The beginning is gone, and nothing in the log says why.
    #[error("is missing, with all up to {last}: no record says that they were removed because they were old")]
    Beginning {
        /// The last of them.
        last: u64,
    },
    /// The first record does not follow the one that was removed last.
    #[error("does not follow the records that were removed: `prev` is not what was written down then")]
    NotAfterRemoved,
    /// A part that is kept elsewhere.
    #[error("lacks a part: `{name}` {why}")]
    Part {
        /// Its file, below the log's folder.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The end is gone.
    #[error("is missing: the checkpoint to compare with counts {records} records, and the log ends before")]
    CutOff {
        /// How many there were.
        records: u64,
    },
    /// The chain has another head there.
    #[error(
        "or one before it was replaced: it is not the one that the checkpoint to compare with vouches for"
    )]
    Replaced,
    /// Another log altogether.
    #[error("is of another log than the checkpoint to compare with, which is of `{origin}`")]
    NotThatLog {
        /// The id of that log's record 1.
        origin: String,
    },
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Whether only the segments of a time were looked at.
    pub partial: bool,
    /// Segments, and how many of them are compressed.
    pub segments: u64,
    /// See above.
    pub compressed: u64,
    /// Segments before the last that end without a checkpoint: trouble with the disk ended them.
    pub unsealed: u64,
    /// Records read.
    pub records: u64,
    /// Number of the first of them; 0 without one.
    pub first_record: u64,
    /// When it was accepted.
    pub first_ts: String,
    /// Number of the last of them; 0 without one.
    pub last_record: u64,
    /// When it was accepted.
    pub last_ts: String,
    /// SHA-256 of its line, in hex.
    pub head: String,
    /// The id of record 1, as the log or its checkpoints have it.
    pub origin: Option<String>,
    /// Checkpoints and rotations whose signature a trusted key vouches for.
    pub checkpoints: u64,
    /// Number of the last checkpoint; 0 without one.
    pub last_checkpoint: u64,
    /// Records after the last checkpoint: held by the chain alone.
    pub after_last_checkpoint: u64,
    /// Records that starts took over which had no checkpoint: the run before did not end in order, or somebody else wrote them.
    /// And the first and last of some of these stretches.
    pub unwitnessed: u64,
    /// See above.
    pub unwitnessed_some: Vec<(u64, u64)>,
    /// Ids of the keys that signed, in order; of those that checkpoints name where none is known.
    pub keys: Vec<KeyId>,
    /// Parts of records that are kept elsewhere, and are as they were.
    pub parts: u64,
    /// Records before the first that were removed because they were old.
    pub removed: u64,
    /// Whether a record says that the log lets happen what it cannot record.
    pub best_effort: bool,
    /// How it ends.
    pub tail: Tail,
}

/// How a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tail {
    /// With the checkpoint of a run that ended in order.
    Closed,
    /// With any other record: somebody is writing, or did not end in order.
    #[default]
    Open,
    /// With an incomplete line of so many bytes: a write in progress, or a crash.
    Torn(u64),
}
