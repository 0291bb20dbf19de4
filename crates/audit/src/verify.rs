//! Whether a log is as it was written, from its files alone: no lock, no index, no writer needed.
//!
//! Shares with the writer only keys, notes, checkpoints and the hash, so that it can be read and trusted by itself.
//! docs/audit-format.md says what it does. Whom to trust is the caller's to know.
//!
//! Reading order: `verdict` (what can be said), `head`, `members`, `follow` (what is looked at in a line), `scan`, `summary` (a
//! segment by itself), `joints`, `eras`, `figures` (the segments as one log, and whose signature counts), `trust` (keys as people have
//! them), `folder`, `lines`, `parts` (the files).

mod eras;
mod figures;
mod folder;
mod follow;
mod head;
mod joints;
mod lines;
mod members;
mod parts;
mod scan;
mod summary;
mod trust;
mod verdict;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use std::{io, thread};

pub use trust::InvalidTrust;
pub use verdict::{Doubt, Figures, Finding, Tail, Tampering, Verdict, Wrong};

use crate::checkpoint::Checkpoint;
use crate::key::VerifyingKey;
use crate::key_rotation::FormerKey;
use crate::limits::VERIFY_KEYS_MAX;
use folder::Segment;
use parts::Parts;
use scan::Scan;
use summary::Summary;

/// What is to be verified, and by whose word.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The log's folder.
    pub folder: &'a Path,
    /// Keys that are trusted whatever the log says: any key that the log was ever signed with will do, or one of before and one of
    /// after each time that a key was lost. Without one
    /// the chain is checked, and the log is at best unverifiable.
    pub trust: &'a [VerifyingKey],
    /// Keys of which the last in force has to be one: those that the log's writer has. Without any, the last may be any.
    /// Else who has a key that was retired could write a log with it alone.
    pub in_force: &'a [VerifyingKey],
    /// A checkpoint that was kept where the log's writer cannot reach.
    pub against: Option<&'a Checkpoint>,
    /// Only segments that hold records since then. The verdict is about them alone.
    pub since: Option<SystemTime>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of segment files read.
    pub read: u64,
    /// Bytes of all of them, as they were at the beginning.
    pub total: u64,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is no folder, or no segment in it.
    #[error("there is no audit log in `{}`", .0.display())]
    NoLog(PathBuf),
    /// The folder or a file cannot be read.
    #[error("`{}` cannot be read: {source}", file.display())]
    Unreadable {
        /// The folder or file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Reads a log from its beginning to its end, on all cores, and says whether it is as it was written. What is in
/// memory at any time does not depend on the log's length, but for the list of its segments.
///
/// `progress` is called about once for each mebibyte, from several threads.
///
/// # Errors
/// There is no log, or a file of it cannot be read.
pub fn verify(question: &Question<'_>, progress: &(dyn Fn(Progress) + Sync)) -> Result<Verdict, VerifyError> {
    let all = folder::segments(question.folder)?;
    let first = match question.since {
        Some(since) => folder::first_since(&all, since),
        None => 0,
    };
    let segments = all.get(first..).unwrap_or_default();
    let total = segments.iter().map(|segment| segment.bytes).sum();
    let read = AtomicU64::new(0);
    let told = |bytes| {
        let read = read.fetch_add(bytes, Ordering::Relaxed) + bytes;
        progress(Progress { read: read.min(total), total });
    };
    let scan = Scan {
        watch: question.against.map(|checkpoint| checkpoint.head().records),
        parts: &Parts::new(question.folder),
        told: &told,
    };
    let summaries = scan_all(segments, question.trust, &scan)?;
    Ok(joints::judge(question, segments, &summaries, first > 0))
}

/// Each segment by itself. The newest first: the key that is trusted is mostly the newest, and rotations tell of
/// older ones just before they are needed. Segments that were scanned before a key of theirs was known are
/// scanned again.
fn scan_all(
    segments: &[Segment],
    trust: &[VerifyingKey],
    scan: &Scan<'_>,
) -> Result<Vec<Summary>, VerifyError> {
    let ring = Mutex::new(trust.to_vec());
    let mut summaries: Vec<Option<Summary>> = segments.iter().map(|_| None).collect();
    loop {
        let known = lock(&ring).len();
        let due: Vec<usize> = (0..segments.len())
            .rev()
            .filter(|at| match summaries.get(*at) {
                Some(Some(summary)) => summary.strangers && summary.keys_known < known,
                _ => true,
            })
            .collect();
        if due.is_empty() {
            return Ok(summaries.into_iter().flatten().collect());
        }
        for (at, summary) in in_parallel(&due, segments, &ring, scan)? {
            if let Some(place) = summaries.get_mut(at) {
                *place = Some(summary);
            }
        }
    }
}

fn in_parallel(
    due: &[usize],
    segments: &[Segment],
    ring: &Mutex<Vec<VerifyingKey>>,
    scan: &Scan<'_>,
) -> Result<Vec<(usize, Summary)>, VerifyError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(&at) = due.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(segment) = segments.get(at) else { break };
            let keys = lock(ring).clone();
            let summary = scan.segment(segment, &keys)?;
            let mut ring = lock(ring);
            let named = summary.rotations.iter().flat_map(|rotation| {
                let old = match rotation.old {
                    FormerKey::AtHand(old) => Some(old),
                    FormerKey::Gone(_) => None,
                };
                old.into_iter().chain([rotation.new])
            });
            for key in named {
                if !ring.contains(&key) && ring.len() < VERIFY_KEYS_MAX {
                    ring.push(key);
                }
            }
            done.push((at, summary));
        }
        Ok(done)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(due.len());
    let outcomes: Vec<Result<Vec<_>, VerifyError>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    let mut done = Vec::new();
    for outcome in outcomes {
        done.extend(outcome?);
    }
    Ok(done)
}

fn lock(ring: &Mutex<Vec<VerifyingKey>>) -> std::sync::MutexGuard<'_, Vec<VerifyingKey>> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}
