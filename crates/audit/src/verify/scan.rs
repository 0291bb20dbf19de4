//! One segment by itself: each line follows the one before, and what it says of the chain is so. What came before its
//! first line, and who may be trusted, is not known here.

use std::io;

use super::VerifyError;
use super::folder::Segment;
use super::follow::{Link, Misfit, follows};
use super::head::Head;
use super::lines::{Next, next};
use super::members::{self, BEST_EFFORT, STORED};
use super::parts::Parts;
use super::summary::{Fault, First, Place, Retention, Rotation, Stretch, Summary};
use super::verdict::Wrong;
use crate::checkpoint::Hash;
use crate::digest::sha256;
use crate::key::VerifyingKey;
use crate::limits::{
    LINE_BYTES_MAX, VERIFY_ID_SAMPLES_MAX, VERIFY_KEYS_MAX, VERIFY_PROGRESS_BYTES, VERIFY_UNWITNESSED_MAX,
};

/// What is the same for all segments of a log.
pub(super) struct Scan<'a> {
    /// The hash after this many records is wanted.
    pub(super) watch: Option<u64>,
    pub(super) parts: &'a Parts<'a>,
    /// Hears of bytes read.
    pub(super) told: &'a (dyn Fn(u64) + Sync),
}

/// What swallowed its line feed, and the line after it.
const NOT_JSON: Wrong = Wrong::NotARecord("it is not JSON");

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
        let mut reader = match segment.open(&told) {
            // A link, a folder or a pipe, which no writer makes.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                let fault = Fault { record: None, line: 1, wrong: Wrong::NotAFile(error.to_string()) };
                return Ok(Summary { fault: Some(fault), ..Summary::default() });
            }
            opened => opened.map_err(unreadable)?,
        };
        let mut reading = Reading {
            scan: self,
            segment: segment.number,
            keys,
            before: Vec::new(),
            removal: None,
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
                // The writer was interrupted within a line: what is longer never was one.
                Next::Torn(bytes) if bytes > LINE_BYTES_MAX as u64 => reading.fault_here(Wrong::TooLong),
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
    /// What it says was removed, if it says so: it counts if a checkpoint follows.
    removal: Option<Retention>,
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
        let removal = self.removal.take();
        if matches!(head.kind, "checkpoint" | "gap") {
            self.summary.best_effort |= line.contains(BEST_EFFORT);
        }
        let said = match head.kind {
            "checkpoint" => {
                // The writer makes both at once. What others put at the end is followed by what a start has to say of it.
                let last = self.summary.retention;
                self.summary.retention =
                    last.into_iter().chain(removal).max_by_key(|removal| removal.through);
                self.checkpoint(head, line, place)
            }
            "key_rotate" => self.rotation(head, line, place),
            "retention" => members::retention(line)
                .map(|(through, head)| self.removal = Some(Retention { through, head })),
            "recovered" => members::recovered(line).map(|taken_over| self.take_over(taken_over, place)),
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

    /// Counts records that a start took over; only those before it, whatever it says.
    fn take_over(&mut self, records: Option<(u64, u64)>, place: Place) {
        let Some((from, through)) = records.filter(|(_, through)| *through < place.record) else { return };
        let summary = &mut self.summary;
        summary.unwitnessed = summary.unwitnessed.saturating_add(through - from + 1);
        if summary.unwitnessed_some.len() < VERIFY_UNWITNESSED_MAX {
            summary.unwitnessed_some.push((from, through));
        }
    }

    fn checkpoint(&mut self, head: &Head<'_>, line: &str, place: Place) -> Result<(), Wrong> {
        let (checkpoint, closed) = members::checkpoint(line)?;
        let said = checkpoint.head();
        self.says(head, &said.log, said.records, said.hash, place)?;
        let Some(stretch) = self.summary.stretches.last_mut() else { return Ok(()) };
        stretch.checkpoints += 1;
        stretch.first.get_or_insert(place);
        stretch.last = place.record;
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
        if self.summary.rotations.len() >= VERIFY_KEYS_MAX {
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
