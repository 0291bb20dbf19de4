//! What was looked at, counted.

use super::folder::Segment;
use super::summary::Summary;
use super::verdict::{Figures, Tail};
use crate::digest::hex;
use crate::key::{KeyId, VerifyingKey};
use crate::limits::{VERIFY_KEYS_MAX, VERIFY_UNWITNESSED_MAX};

/// The figures of these segments, but for what only those who joined them know: origin, keys and what they signed, and what is before.
pub(super) fn figures(segments: &[Segment], summaries: &[Summary]) -> Figures {
    let count = |of: fn(&Summary) -> u64| summaries.iter().map(of).sum();
    let first = summaries.iter().find_map(|summary| summary.first.as_ref());
    let last = summaries.iter().rev().find_map(|summary| Some((summary, summary.last?)));
    let last_checkpoint = summaries.iter().filter_map(|summary| summary.last_checkpoint).max().unwrap_or(0);
    let torn = summaries.iter().rev().find(|summary| summary.torn > 0).map(|summary| summary.torn);
    let unsealed = summaries.iter().filter(|summary| summary.records > 0 && !summary.sealed).count() as u64;
    let first_record = first.map_or(0, |first| first.seq);
    let last_record = last.map_or(0, |(_, last)| last.seq);
    Figures {
        segments: segments.len() as u64,
        compressed: segments.iter().filter(|segment| segment.compressed).count() as u64,
        // The last one may go on.
        unsealed: unsealed - u64::from(last.is_some_and(|(summary, _)| !summary.sealed)),
        records: count(|summary| summary.records),
        first_record,
        first_ts: first.map(|first| first.ts.clone()).unwrap_or_default(),
        last_record,
        last_ts: last.map(|(summary, _)| summary.last_ts.clone()).unwrap_or_default(),
        head: last.map(|(_, last)| hex(&last.hash)).unwrap_or_default(),
        last_checkpoint,
        // Where there is none, all of them do.
        after_last_checkpoint: last_record
            .saturating_sub(last_checkpoint.max(first_record.saturating_sub(1))),
        unwitnessed: summaries
            .iter()
            .fold(0, |count: u64, summary| count.saturating_add(summary.unwitnessed)),
        unwitnessed_some: summaries
            .iter()
            .flat_map(|summary| summary.unwitnessed_some.iter().copied())
            .take(VERIFY_UNWITNESSED_MAX)
            .collect(),
        parts: count(|summary| summary.parts),
        best_effort: summaries.iter().any(|summary| summary.best_effort),
        tail: match (torn, last) {
            (Some(bytes), _) => Tail::Torn(bytes),
            (None, Some((summary, _))) if summary.closed => Tail::Closed,
            (None, _) => Tail::Open,
        },
        ..Figures::default()
    }
}

/// The ids of the keys that were in force; where none is known, of some that checkpoints name.
pub(super) fn key_ids(summaries: &[Summary], in_force: &[VerifyingKey]) -> Vec<KeyId> {
    let mut ids: Vec<KeyId> = if in_force.is_empty() {
        summaries.iter().flat_map(|summary| &summary.ids).copied().collect()
    } else {
        in_force.iter().map(VerifyingKey::id).collect()
    };
    ids.dedup();
    ids.truncate(VERIFY_KEYS_MAX);
    ids
}
