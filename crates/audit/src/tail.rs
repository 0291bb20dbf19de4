//! Where the log ends: the last segment, its last complete line, what a crash left after it; and whether what is there
//! is a chain: to the first line of the last segment that has any, back to the last checkpoint, and to where the last run began
//! when it did not end in order.
//!
//! Reads only. Complete lines are never cut, whatever they hold: a line that is not the log's is for a person to
//! look at, not for a start to remove. What is before is a verifier's to look at.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Cursor, Read, Seek};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::backward::Backward;
use crate::chain::Chain;
use crate::checkpoint::{Checkpoint, GENESIS, Head};
use crate::digest::{hex, sha256};
use crate::folder::{is_packed, segments};
use crate::key::{KeyId, VerifyingKey};
use crate::key_rotation::{FormerKey, KeyRotation};
use crate::limits::{LINE_BYTES_MAX, RECOVERED_ROLLUPS_MAX, RECOVERY_BYTES_MAX, SEGMENT_NUMBERS_SKIPPED_MAX};
use crate::read::{ReadError, last_lines};
use crate::regular;
use crate::seal::Reason;

/// The end of a log.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Number of the last segment.
    pub(crate) segment: u64,
    /// Bytes of complete lines in it.
    pub(crate) complete_bytes: u64,
    /// Bytes after them: an incomplete line.
    pub(crate) torn_bytes: u64,
    /// The chain up to the last record in any segment.
    pub(crate) chain: Chain,
    /// Id of record 1; nothing when no line was ever written.
    pub(crate) log: Option<String>,
    /// Number of the last checkpoint; 0 without one.
    pub(crate) signed: u64,
    /// The last checkpoint.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Whose signatures are expected from here on; nothing before the first checkpoint.
    pub(crate) signer: Option<KeyId>,
    /// Whether the last line says that its run ended in order.
    pub(crate) shut: bool,
    /// The opening records of roll-ups that no record closes, newest first.
    pub(crate) rollups: Vec<String>,
}

impl Tail {
    /// The records after the last checkpoint, which this start did not see made.
    pub(crate) fn unwitnessed(&self) -> Option<RangeInclusive<u64>> {
        (self.signed < self.chain.records).then(|| self.signed + 1..=self.chain.records)
    }

    /// Whether the last run wrote something and did not end in order.
    pub(crate) fn is_disorderly(&self) -> bool {
        self.torn_bytes > 0 || (self.chain.records > 0 && !self.shut)
    }
}

/// Why the end could not be found.
#[derive(Debug)]
pub(crate) enum TailError {
    /// A file or the folder cannot be read.
    Io(PathBuf, io::Error),
    /// What is there was never written by a log.
    Damaged(PathBuf, String),
}

/// The end of the log in a folder; nothing without any segment. `key` gives the keys that are at hand, by their ids.
pub(crate) fn find(
    folder: &Path,
    key: impl Fn(KeyId) -> Option<VerifyingKey>,
) -> Result<Option<Tail>, TailError> {
    let segments = segments(folder).map_err(|error| TailError::Io(folder.to_owned(), error))?;
    let mut way: Option<Way> = None;
    let mut before = segments.iter().rev().skip(1).map(|(segment, _)| *segment);
    let mut is_last = true;
    for (segment, path) in segments.iter().rev() {
        let (segment, before) = (*segment, before.next().unwrap_or(0));
        let unreadable = |error| unreadable(path, error);
        let is_packed = is_packed(path);
        let (mut lines, torn_bytes) = Backward::new(bytes_of(segment, path)?).map_err(unreadable)?;
        let way = way.get_or_insert_with(|| match is_packed {
            // What is compressed takes no more lines.
            true => Way::new(segment.saturating_add(1), 0, 0),
            false => Way::new(segment, lines.bytes_left(), torn_bytes),
        });
        let damaged = |why| TailError::Damaged(path.clone(), why);
        // Nobody but who wants the numbers to run out puts such a file there.
        if is_last && lines.bytes_left() == 0 && segment - before > SEGMENT_NUMBERS_SKIPPED_MAX {
            let why = format!("it is empty, its number is {} above the last: remove it", segment - before);
            return Err(damaged(why));
        }
        let has_lines = lines.bytes_left() > 0;
        while let Some(line) = lines.next_line().map_err(unreadable)? {
            match way.is_over() {
                // Only that nothing in it was cut or changed.
                true => way.pass_by(&line),
                false => way.pass(&line, &key),
            }
            .map_err(damaged)?;
            if way.is_over() && !is_last {
                return Ok(Some(way.end()));
            }
        }
        if has_lines && way.is_over() {
            return Ok(Some(way.end()));
        }
        is_last &= !has_lines;
    }
    way.map(|way| way.ran_out().map_err(|why| TailError::Damaged(folder.to_owned(), why))).transpose()
}

/// The bytes of a segment, for the way back; of a compressed one, as much of its end as a start looks at.
fn bytes_of(segment: u64, path: &Path) -> Result<Box<dyn Bytes>, TailError> {
    if !is_packed(path) {
        let file = regular::open(OpenOptions::new().read(true), path);
        return Ok(Box::new(file.map_err(|error| unreadable(path, error))?));
    }
    let lines = last_lines(segment, path, RECOVERY_BYTES_MAX).map_err(|error| match error {
        ReadError::Unreadable { file, source, .. } => unreadable(&file, source),
        ReadError::NotARecord { file, why, .. } => TailError::Damaged(file, why),
        ReadError::Shorter { file } => TailError::Damaged(file, "it is shorter than it was".to_owned()),
    })?;
    Ok(Box::new(Cursor::new(lines)))
}

/// A file that cannot be read, or one that no log wrote: a link, a folder, or damaged compressed data.
fn unreadable(path: &Path, error: io::Error) -> TailError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.kind() {
        InvalidData | InvalidInput | UnexpectedEof => TailError::Damaged(path.to_owned(), error.to_string()),
        _ => TailError::Io(path.to_owned(), error),
    }
}

/// What can be read from its end.
trait Bytes: Read + Seek {}

impl<T: Read + Seek> Bytes for T {}

/// The way back from the end, line by line.
struct Way {
    tail: Tail,
    /// The line that was passed last: the one after the next.
    after: Option<Place>,
    bytes: u64,
    /// Roll-ups that were seen to be closed.
    closed: HashSet<String>,
    /// Whether the end of the run before was reached.
    is_at_run: bool,
}

/// What a line says of the one before.
struct Place {
    seq: u64,
    prev: String,
    is_recovered: bool,
}

/// The same, as it is in the line.
#[derive(Deserialize)]
struct Link<'l> {
    seq: &'l str,
    prev: &'l str,
}

/// What is looked at of a line.
#[derive(Deserialize)]
struct Line {
    schema: String,
    seq: String,
    id: String,
    prev: String,
    kind: String,
    #[serde(default)]
    detail: Map<String, Value>,
}

impl Line {
    fn detail(&self, name: &str) -> &str {
        self.detail.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Way {
    fn new(segment: u64, complete_bytes: u64, torn_bytes: u64) -> Self {
        let tail = Tail {
            segment,
            complete_bytes,
            torn_bytes,
            chain: Chain::new(),
            log: None,
            signed: 0,
            checkpoint: None,
            signer: None,
            shut: false,
            rollups: Vec::new(),
        };
        Self { tail, after: None, bytes: 0, closed: HashSet::new(), is_at_run: false }
    }

    /// Goes one line back.
    fn pass(&mut self, raw: &[u8], key: impl Fn(KeyId) -> Option<VerifyingKey>) -> Result<(), String> {
        let (line, place) = read(raw)?;
        self.follow(raw, &place)?;
        self.bytes += raw.len() as u64;
        match line.kind.as_str() {
            "checkpoint" => self.checkpoint(&line, &place, key)?,
            "key_rotate" if self.tail.signed == 0 => self.unsigned_change(&line, &place, key)?,
            "retention" if self.tail.signed == 0 => self.unsigned_removal(&place)?,
            "rollup" => self.rollup(&line),
            "recovered" if self.after.is_some() => self.is_at_run = true,
            _ => {}
        }
        if place.seq == 1 {
            self.tail.log.get_or_insert(line.id);
        }
        self.after = Some(place);
        Ok(())
    }

    /// Goes one line back, and looks at nothing in it but what it follows.
    fn pass_by(&mut self, raw: &[u8]) -> Result<(), String> {
        let Link { seq, prev } =
            serde_json::from_slice(raw).map_err(|error| format!("a line is not a record: {error}"))?;
        let seq = seq.parse().map_err(|_| "a line has no number")?;
        let place = Place { seq, prev: prev.to_owned(), is_recovered: false };
        self.follow(raw, &place)?;
        self.after = Some(place);
        Ok(())
    }

    /// Whether the line that was passed last follows this one.
    fn follow(&mut self, raw: &[u8], place: &Place) -> Result<(), String> {
        let hash = sha256(raw);
        match &self.after {
            None => self.tail.chain = Chain { records: place.seq, hash },
            Some(after) if after.prev != hex(&hash) || after.seq != place.seq.saturating_add(1) => {
                return Err(format!("record {} does not follow record {}", after.seq, place.seq));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// A change of keys that no checkpoint follows: of a writer that was stopped in the middle of its commit. It is worth as
    /// much as a checkpoint, and has to be signed like one.
    fn unsigned_change(
        &mut self,
        line: &Line,
        place: &Place,
        key: impl Fn(KeyId) -> Option<VerifyingKey>,
    ) -> Result<(), String> {
        let at = |why: &dyn std::fmt::Display| format!("record {}: {why}", place.seq);
        let change = KeyRotation::parse(line.detail("note")).map_err(|why| at(&why))?;
        let Head { records, hash, .. } = change.head();
        if (*records, hex(hash)) != (place.seq - 1, place.prev.clone()) {
            return Err(at(&"it is not of the records before it"));
        }
        let old = match change.old() {
            FormerKey::AtHand(old) => Some(old.id()),
            FormerKey::Gone(_) => None,
        };
        let signed = |id| key(id).is_some_and(|key| change.is_signed_by(&key));
        if ![Some(change.new_key().id()), old].into_iter().flatten().all(signed) {
            return Err(at(&"it changes keys, and is not signed by both"));
        }
        self.tail.signer.get_or_insert(change.new_key().id());
        Ok(())
    }

    /// A removal that no checkpoint follows: the log writes both at once. It counts for nothing, and only a writer that was
    /// stopped in the middle of its commit leaves one.
    fn unsigned_removal(&self, place: &Place) -> Result<(), String> {
        let was_stopped = match &self.after {
            None => self.tail.torn_bytes > 0,
            Some(after) => after.is_recovered,
        };
        match was_stopped {
            true => Ok(()),
            false => Err(format!(
                "record {} says that old records were removed, and no checkpoint follows it",
                place.seq
            )),
        }
    }

    fn checkpoint(
        &mut self,
        line: &Line,
        place: &Place,
        key: impl Fn(KeyId) -> Option<VerifyingKey>,
    ) -> Result<(), String> {
        let at = |why: &dyn std::fmt::Display| format!("checkpoint {}: {why}", place.seq);
        let is_shutdown = line.detail("reason") == Reason::Shutdown.as_str();
        self.tail.shut |= is_shutdown && self.after.is_none();
        self.is_at_run |= is_shutdown && self.after.is_some();
        let checkpoint = Checkpoint::parse(line.detail("note")).map_err(|why| at(&why))?;
        let Head { log, records, hash } = checkpoint.head();
        if (*records, hex(hash)) != (place.seq - 1, place.prev.clone()) {
            return Err(at(&"it is not of the records before it"));
        }
        if self.tail.signed > 0 {
            return Ok(());
        }
        let signer = checkpoint.key_ids().next().ok_or_else(|| at(&"nobody signed it"))?;
        if key(signer).is_some_and(|key| !checkpoint.is_signed_by(&key)) {
            return Err(at(&"its signature is not that of the key that it names"));
        }
        self.tail.signed = place.seq;
        self.tail.log = Some(log.clone());
        self.tail.signer.get_or_insert(signer);
        self.tail.checkpoint = Some(checkpoint);
        Ok(())
    }

    /// Seen from the end, the first record of a roll-up is its last.
    fn rollup(&mut self, line: &Line) {
        let opening = line.detail("opening");
        let is_closed = line.detail.get("closed").is_some_and(|closed| *closed == true);
        if self.closed.insert(opening.to_owned())
            && !is_closed
            && self.tail.rollups.len() < RECOVERED_ROLLUPS_MAX
        {
            self.tail.rollups.push(opening.to_owned());
        }
    }

    /// Whether nothing is to be looked for any more.
    fn is_over(&self) -> bool {
        let is_first = self.after.as_ref().is_some_and(|place| place.seq == 1);
        let knows_run = self.tail.shut || self.is_at_run || self.bytes >= RECOVERY_BYTES_MAX;
        is_first || (self.tail.signed > 0 && knows_run)
    }

    fn end(&mut self) -> Tail {
        let empty = Self::new(0, 0, 0).tail;
        std::mem::replace(&mut self.tail, empty)
    }

    /// There are no lines before.
    fn ran_out(mut self) -> Result<Tail, String> {
        match self.after {
            Some(place) if place.seq > 1 && self.tail.signed == 0 => Err(format!(
                "the records before {} are missing, and there is no checkpoint after them",
                place.seq
            )),
            _ => Ok(self.end()),
        }
    }
}

fn read(raw: &[u8]) -> Result<(Line, Place), String> {
    if raw.len() > LINE_BYTES_MAX {
        return Err(format!("a line is longer than {LINE_BYTES_MAX} bytes"));
    }
    let line: Line =
        serde_json::from_slice(raw).map_err(|error| format!("a line is not a record: {error}"))?;
    if line.schema != crate::SCHEMA {
        let schema = line.schema.escape_default();
        return Err(format!("a line has schema `{schema}`, expected `{}`", crate::SCHEMA));
    }
    let seq = line.seq.parse().ok().filter(|seq: &u64| *seq > 0 && seq.to_string() == line.seq);
    let seq = seq.ok_or("a line has no number")?;
    if seq == 1 && line.prev != hex(&GENESIS) {
        return Err("record 1 follows another".to_owned());
    }
    let (prev, is_recovered) = (line.prev.clone(), line.kind == "recovered");
    Ok((line, Place { seq, prev, is_recovered }))
}
