//! One segment by itself: each line follows the one before, and what it says of the chain is so. What came before its
//! first line, and who may be trusted, is not known here.

use std::io;

use super::VerifyError;
use super::folder::Segment;
use super::head::Head;
use super::lines::{Next, next};
use super::members::{self, STORED};
use super::parts::Parts;
use super::verdict::Wrong;
use crate::checkpoint::Hash;
use crate::digest::sha256;
use crate::key::{KeyId, VerifyingKey};
use crate::limits::{VERIFY_ID_SAMPLES_MAX, VERIFY_KEYS_MAX, VERIFY_PROGRESS_BYTES};

/// What is the same for all segments of a log.
pub(super) struct Scan<'a> {
    /// The hash after this many records is wanted.
    pub(super) watch: Option<u64>,
    pub(super) parts: &'a Parts<'a>,
    /// Hears of bytes read.
    pub(super) told: &'a (dyn Fn(u64) + Sync),
}

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
    /// The removal that reached furthest.
    pub(super) retention: Option<Retention>,
    /// Or rotation, which signs the same.
    pub(super) last_checkpoint: Option<u64>,
    /// Whether the last record is one of these, and one of a run that ended in order.
    pub(super) sealed: bool,
    pub(super) closed: bool,
    pub(super) parts: u64,
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

/// A record as the next one needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) hash: Hash,
    pub(super) prev: Hash,
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
    /// Who signed the first that is signed by a known key.
    pub(super) signer: Option<VerifyingKey>,
    /// The first that is not signed by them.
    pub(super) odd: Option<Place>,
    /// The first that names a known key and is signed by none.
    pub(super) forged: Option<Place>,
}

/// A key that hands over to another, with the signatures of both.
#[derive(Debug)]
pub(super) struct Rotation {
    pub(super) place: Place,
    pub(super) old: VerifyingKey,
    pub(super) new: VerifyingKey,
}

/// Records that were removed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub(super) record: u64,
    pub(super) through: u64,
    pub(super) head: Hash,
}

/// What swallowed its line feed, and the line after it.
const NOT_JSON: Wrong = Wrong::NotARecord("it is not JSON");

/// How a record does not follow the one before it.
pub(super) enum Misfit {
    /// It is wrong itself, or what should be there is missing.
    Here(u64, Wrong),
    /// The one before it is wrong.
    Before(u64, Wrong),
}

/// Whether a record follows another one; if not, which of both is wrong, and how.
pub(super) fn follows(before: Link, seq: u64, prev: Hash) -> Option<Misfit> {
    let expected = before.seq.saturating_add(1);
    if seq == expected {
        return match digits_apart(prev, before.hash) {
            0 => None,
            // Two hashes of different lines have few digits in common: so this is no other hash, but a changed one.
            1..16 => Some(Misfit::Here(seq, Wrong::PrevChanged)),
            _ => Some(Misfit::Before(before.seq, Wrong::Changed)),
        };
    }
    Some(if prev == before.hash {
        Misfit::Here(expected, Wrong::Renumbered { found: seq })
    } else if seq == before.seq && prev == before.prev {
        Misfit::Here(seq, Wrong::Twice)
    } else if seq > expected {
        Misfit::Here(expected, Wrong::Missing { next: seq })
    } else {
        Misfit::Here(expected, Wrong::OutOfOrder { found: seq })
    })
}

/// In how many hex digits two hashes differ.
fn digits_apart(one: Hash, other: Hash) -> usize {
    let differ = |(one, other): (u8, u8)| {
        usize::from((one ^ other) & 0xf0 != 0) + usize::from((one ^ other) & 0x0f != 0)
    };
    one.into_iter().zip(other).map(differ).sum()
}

impl Scan<'_> {
    /// Reads a segment, knowing these keys.
    ///
    /// # Errors
    /// A file cannot be read, for a reason that is not the log's.
    pub(super) fn segment(&self, segment: &Segment, keys: &[VerifyingKey]) -> Result<Summary, VerifyError> {
        let unreadable = |source| VerifyError::Unreadable { file: segment.path.clone(), source };
        let untold = std::cell::Cell::new(0);
        let told = |bytes| {
            untold.set(untold.get() + bytes);
            if untold.get() >= VERIFY_PROGRESS_BYTES {
                (self.told)(untold.take());
            }
        };
        let mut reader = segment.open(&told).map_err(unreadable)?;
        let mut reading = Reading {
            scan: self,
            segment: segment.number,
            keys,
            before: Vec::new(),
            summary: Summary {
                stretches: vec![Stretch::default()],
                keys_known: keys.len(),
                watched: (self.watch == Some(0)).then_some(crate::checkpoint::GENESIS),
                ..Summary::default()
            },
        };
        let mut line = Vec::new();
        while reading.summary.fault.is_none() {
            let found = match next(&mut *reader, &mut line) {
                Ok(found) => found,
                Err(error) if segment.compressed && is_of_the_format(&error) => {
                    reading.fault_here(Wrong::Damaged(error.to_string()));
                    break;
                }
                Err(error) => return Err(unreadable(error)),
            };
            match found {
                Next::Line => {
                    reading.line(&line)?;
                    std::mem::swap(&mut reading.before, &mut line);
                }
                Next::Torn(_) if segment.compressed => reading.fault_here(Wrong::Incomplete),
                Next::Torn(bytes) => {
                    reading.summary.torn = bytes;
                    break;
                }
                Next::TooLong => reading.fault_here(Wrong::TooLong),
                Next::End => break,
            }
        }
        reading.end();
        drop(reader);
        (self.told)(untold.take());
        Ok(reading.summary)
    }
}

/// Whether an error is one of unpacking: what the system reports has other kinds.
fn is_of_the_format(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

struct Reading<'r> {
    scan: &'r Scan<'r>,
    segment: u64,
    keys: &'r [VerifyingKey],
    /// The line before.
    before: Vec<u8>,
    summary: Summary,
}

impl Reading<'_> {
    fn line(&mut self, line: &[u8]) -> Result<(), VerifyError> {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let head = match Head::read(text) {
            Ok(head) => head,
            Err(why) => {
                self.fault_here(Wrong::NotARecord(why));
                return Ok(());
            }
        };
        if let Some(misfit) = self.summary.last.and_then(|before| follows(before, head.seq, head.prev)) {
            self.misfit(misfit);
            return Ok(());
        }
        self.summary.lines += 1;
        let place = Place { record: head.seq, line: self.summary.lines };
        self.summary.sealed = false;
        self.summary.closed = false;
        // It is ASCII: its head was read.
        let wrong = self.members(&head, str::from_utf8(text).unwrap_or_default(), place)?;
        if let Some(wrong) = wrong {
            self.summary.fault = Some(Fault { record: Some(head.seq), line: place.line, wrong });
            return Ok(());
        }
        let hash = sha256(line);
        let summary = &mut self.summary;
        summary.records += 1;
        summary.last = Some(Link { seq: head.seq, hash, prev: head.prev });
        summary.last_ts.clear();
        summary.last_ts.push_str(head.ts);
        summary.first.get_or_insert_with(|| First {
            seq: head.seq,
            prev: head.prev,
            id: head.id.to_owned(),
            ts: head.ts.to_owned(),
        });
        match self.scan.watch {
            Some(watch) if watch == head.seq => summary.watched = Some(hash),
            Some(watch) if watch == head.seq - 1 => summary.watched = Some(head.prev),
            _ => {}
        }
        Ok(())
    }

    /// What a record of some kinds says; gives what is wrong with it.
    fn members(&mut self, head: &Head<'_>, line: &str, place: Place) -> Result<Option<Wrong>, VerifyError> {
        let said = match head.kind {
            "checkpoint" => self.checkpoint(head, line, place),
            "key_rotate" => self.rotation(head, line, place),
            "retention" => members::retention(line).map(|(through, head)| {
                let further = self.summary.retention.is_none_or(|last| last.through <= through);
                if further {
                    self.summary.retention = Some(Retention { record: place.record, through, head });
                }
            }),
            "policy_load" => match members::archive(line) {
                Ok(Some(hash)) => {
                    self.summary.parts += 1;
                    return self.scan.parts.policies(hash);
                }
                said => said.map(drop),
            },
            _ => Ok(()),
        };
        if let Err(wrong) = said {
            return Ok(Some(wrong));
        }
        if !line.contains(STORED) {
            return Ok(None);
        }
        let stored = match members::stored(line) {
            Ok(stored) => stored,
            Err(wrong) => return Ok(Some(wrong)),
        };
        for (bytes, hash) in stored {
            self.summary.parts += 1;
            let wrong = self.scan.parts.object(self.segment, bytes, hash)?;
            if wrong.is_some() {
                return Ok(wrong);
            }
        }
        Ok(None)
    }

    fn checkpoint(&mut self, head: &Head<'_>, line: &str, place: Place) -> Result<(), Wrong> {
        let (checkpoint, closed) = members::checkpoint(line)?;
        let said = checkpoint.head();
        self.says(head, &said.log, said.records, said.hash, place)?;
        let Some(stretch) = self.summary.stretches.last_mut() else { return Ok(()) };
        stretch.checkpoints += 1;
        stretch.first.get_or_insert(place);
        let mut known = stretch.signer.into_iter().chain(self.keys.iter().copied());
        let signer = known.find(|key| checkpoint.is_signed_by(key));
        match signer {
            Some(signer) => {
                if *stretch.signer.get_or_insert(signer) != signer {
                    stretch.odd.get_or_insert(place);
                }
            }
            None => {
                self.summary.strangers = true;
                stretch.odd.get_or_insert(place);
                if checkpoint.key_ids().any(|id| self.keys.iter().any(|key| key.id() == id)) {
                    stretch.forged.get_or_insert(place);
                }
            }
        }
        let ids = &mut self.summary.ids;
        for id in checkpoint.key_ids() {
            if ids.len() < VERIFY_ID_SAMPLES_MAX && !ids.contains(&id) {
                ids.push(id);
            }
        }
        self.summary.sealed = true;
        self.summary.closed = closed;
        self.summary.last_checkpoint = Some(place.record);
        Ok(())
    }

    fn rotation(&mut self, head: &Head<'_>, line: &str, place: Place) -> Result<(), Wrong> {
        let hand_over = members::hand_over(line)?;
        self.says(head, &hand_over.origin, hand_over.records, hand_over.hash, place)?;
        if !hand_over.is_signed() {
            return Err(Wrong::HandOver);
        }
        if self.summary.rotations.len() >= VERIFY_KEYS_MAX / 2 {
            return Err(Wrong::TooManyKeys);
        }
        let (old, new) = (hand_over.old, hand_over.new);
        self.summary.sealed = true;
        self.summary.last_checkpoint = Some(place.record);
        self.summary.rotations.push(Rotation { place, old, new });
        self.summary.stretches.push(Stretch { signer: Some(new), ..Stretch::default() });
        Ok(())
    }

    /// Whether what a record says of the chain before it is so.
    fn says(
        &mut self,
        head: &Head<'_>,
        log: &str,
        records: u64,
        hash: Hash,
        place: Place,
    ) -> Result<(), Wrong> {
        if records != head.seq - 1 || hash != head.prev {
            return Err(Wrong::OtherHead);
        }
        let (origin, _) = self.summary.origin.get_or_insert_with(|| (log.to_owned(), place));
        if origin == log { Ok(()) } else { Err(Wrong::OtherLog { origin: log.to_owned() }) }
    }

    /// Nothing follows the last line that would show what is wrong with it.
    fn end(&mut self) {
        if let Some(last) = self.summary.last
            && self.summary.fault.is_none()
            && !members::is_json(self.before.strip_suffix(b"\n").unwrap_or_default())
        {
            self.fault(Misfit::Before(last.seq, NOT_JSON), Some(last.seq));
        }
    }

    /// The next line is wrong by itself.
    fn fault_here(&mut self, wrong: Wrong) {
        let record = self.summary.last.map(|last| last.seq.saturating_add(1));
        self.fault(Misfit::Here(0, wrong), record);
    }

    fn misfit(&mut self, misfit: Misfit) {
        let (Misfit::Here(record, _) | Misfit::Before(record, _)) = misfit;
        self.fault(misfit, Some(record));
    }

    fn fault(&mut self, misfit: Misfit, record: Option<u64>) {
        let lines = self.summary.lines;
        let before = self.before.strip_suffix(b"\n").unwrap_or_default();
        self.summary.fault = Some(match (self.summary.last, misfit) {
            // The line before may have swallowed its line feed, and the line after it.
            (Some(last), _) if !members::is_json(before) => {
                Fault { record: Some(last.seq), line: lines, wrong: NOT_JSON }
            }
            (_, Misfit::Before(_, wrong)) => Fault { record, line: lines, wrong },
            (_, Misfit::Here(_, wrong)) => Fault { record, line: lines + 1, wrong },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_does_not_follow_says_which_is_wrong() {
        let before = Link { seq: 7, hash: [0xaa; 32], prev: [0xbb; 32] };
        let mut flipped = before.hash;
        flipped[3] ^= 4;
        for (seq, prev, expected) in [
            (8, [0xaa; 32], None),
            (8, flipped, Some((8, Wrong::PrevChanged))),
            (8, [0x11; 32], Some((7, Wrong::Changed))),
            (9, [0xaa; 32], Some((8, Wrong::Renumbered { found: 9 }))),
            (7, [0xbb; 32], Some((7, Wrong::Twice))),
            (7, [0xaa; 32], Some((8, Wrong::Renumbered { found: 7 }))),
            (10, [0xcc; 32], Some((8, Wrong::Missing { next: 10 }))),
            (3, [0xcc; 32], Some((8, Wrong::OutOfOrder { found: 3 }))),
        ] {
            let found = follows(before, seq, prev).map(|misfit| match misfit {
                Misfit::Here(record, wrong) | Misfit::Before(record, wrong) => (record, wrong),
            });
            assert_eq!(found, expected, "{seq}");
        }
        let last = Link { seq: u64::MAX, ..before };
        assert!(follows(last, 1, [0; 32]).is_some());
    }
}
