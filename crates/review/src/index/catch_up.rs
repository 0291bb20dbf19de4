//! The index brought up to the end of the log, a transaction at a time, so that two who do it at once share the work.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use audit::{LinePlace, RawLine, ReadError, read_from, segments};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::file::is_unusable;
use super::fit::seal_segments;
use super::head::{Head, hash};
use super::{Index, IndexError};
use crate::limits::{INDEX_BATCH_BYTES, INDEX_BATCH_RECORDS, TROUBLES_MAX};
use crate::row::Row;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Bytes that were indexed, or records that were read.
    pub done: u64,
    /// As many as there were when it began.
    pub in_all: u64,
}

/// What takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// Lines that are new are indexed.
    #[default]
    Indexing,
    /// Records that may match are read.
    Reading,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indexed {
    /// Records that were indexed now.
    pub records: u64,
    /// Bytes of lines that were read for it.
    pub bytes: u64,
    /// Segments that the log has.
    pub segments: usize,
}

/// What one transaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Step {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// Where the next line begins.
    pub(crate) next: LinePlace,
    /// Whether there was no more to read.
    pub(crate) at_end: bool,
}

impl Index {
    /// Brings the index up to the last complete line. One that does not fit the log, or is corrupt, is made anew.
    ///
    /// # Errors
    /// SQLite failed, also with an index made anew: a full disk, for one.
    pub fn catch_up(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<Indexed, IndexError> {
        self.or_anew(|index| index.try_catch_up(progress))
    }

    /// The same for one transaction only, for who has time.
    pub(crate) fn step(&mut self) -> Result<Step, IndexError> {
        self.or_anew(|index| {
            index.check_fit()?;
            index.batch()
        })
    }

    /// Does it once more with an index made anew when this one is corrupt.
    pub(crate) fn or_anew<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        match work(self) {
            Err(IndexError::Sqlite(error)) if is_unusable(&error) => {
                self.begin_anew(&error.to_string())?;
                work(self)
            }
            other => other,
        }
    }

    pub(super) fn try_catch_up(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<Indexed, IndexError> {
        self.check_fit()?;
        let head = Head::read(&self.connection)?;
        let segments = self.segments()?;
        let bytes_in_all = segments.iter().filter(|(number, _)| *number >= head.next.segment);
        let bytes_in_all: u64 =
            bytes_in_all.filter_map(|(_, path)| Some(path.symlink_metadata().ok()?.len())).sum();
        let bytes_in_all = bytes_in_all.saturating_sub(head.next.offset);
        let end = segments.last().map_or_else(LinePlace::default, |(segment, path)| {
            let offset = path.symlink_metadata().map_or(0, |metadata| metadata.len());
            LinePlace { segment: *segment, offset }
        });
        let mut indexed = Indexed { segments: segments.len(), ..Indexed::default() };
        loop {
            let step = self.batch()?;
            indexed.records += step.records;
            indexed.bytes += step.bytes;
            // Who writes faster than this reads must not hold an answer up for ever.
            if step.at_end || step.next >= end {
                return Ok(indexed);
            }
            progress(Progress { stage: Stage::Indexing, done: indexed.bytes, in_all: bytes_in_all });
        }
    }

    /// The segments that the log has now.
    pub(super) fn segments(&self) -> Result<Vec<(u64, PathBuf)>, IndexError> {
        let no_log =
            |error: io::Error| IndexError::NoLog { folder: self.folder.clone(), why: error.to_string() };
        segments(&self.folder).map_err(no_log)
    }

    fn batch(&mut self) -> Result<Step, IndexError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read within the transaction: somebody else may have gone on.
        let before = Head::read(&transaction)?;
        let mut batch = Batch {
            head: before.clone(),
            transaction,
            step: Step { at_end: true, ..Step::default() },
            touched: BTreeSet::new(),
        };
        batch.fill(&self.folder)?;
        if batch.head == before {
            return Ok(Step { next: before.next, ..batch.step });
        }
        seal_segments(&batch.transaction, &self.folder, &batch.touched, batch.head.next.segment)?;
        let Batch { head, transaction, mut step, .. } = batch;
        step.next = head.next;
        head.write(&transaction)?;
        transaction.commit()?;
        Ok(step)
    }
}

struct Batch<'c> {
    head: Head,
    transaction: Transaction<'c>,
    step: Step,
    /// Segments of which lines were taken.
    touched: BTreeSet<u64>,
}

impl Batch<'_> {
    fn fill(&mut self, folder: &Path) -> rusqlite::Result<()> {
        if self.head.line.is_some() {
            // It is sealed when it turns out to be complete.
            self.touched.insert(self.head.next.segment);
        }
        let mut lines = read_from(folder, self.head.next);
        loop {
            if self.step.records >= INDEX_BATCH_RECORDS as u64 || self.step.bytes >= INDEX_BATCH_BYTES {
                self.step.at_end = false;
                return Ok(());
            }
            match lines.next_raw() {
                None => {
                    self.head.next = lines.place();
                    return Ok(());
                }
                Some(Ok(line)) => self.line(line)?,
                Some(Err(trouble)) => {
                    // The folder is gone, or the log was replaced at this moment: the next look finds out.
                    if matches!(trouble, ReadError::Unreadable { segment: 0, .. } | ReadError::Shorter { .. })
                    {
                        return Ok(());
                    }
                    self.trouble(&trouble)?;
                    self.head.next = lines.place();
                }
            }
        }
    }

    fn line(&mut self, line: RawLine) -> rusqlite::Result<()> {
        let end = line.end();
        self.touched.insert(line.place.segment);
        self.step.bytes += line.bytes.len() as u64 + 1;
        match Row::of_line(&line.bytes) {
            Ok(row) => {
                if self.head.line.is_some() && row.seq != self.head.seq + 1 {
                    self.order(line.place, self.head.seq, row.seq)?;
                }
                if insert(&self.transaction, &row, line.place)? {
                    self.step.records += 1;
                }
                self.head.seq = row.seq;
                self.head.line = Some((line.place, hash(line.bytes)));
            }
            Err(why) => {
                let file = line.file.to_path_buf();
                self.trouble(&ReadError::NotARecord { file, place: line.place, why })?;
            }
        }
        self.head.next = end;
        Ok(())
    }

    /// The numbers of two lines in a row are not.
    fn order(&self, place: LinePlace, before: u64, seq: u64) -> rusqlite::Result<()> {
        let what = if seq > before {
            format!("the records {} to {} are missing", before + 1, seq - 1)
        } else {
            format!("record {seq} comes after record {before}: the log is not in order")
        };
        add_trouble(&self.transaction, before.min(seq), place.segment, false, &what)
    }

    fn trouble(&self, trouble: &ReadError) -> rusqlite::Result<()> {
        let (segment, unreadable) = match trouble {
            ReadError::Unreadable { segment, .. } => (*segment, true),
            ReadError::NotARecord { place, .. } => (place.segment, false),
            ReadError::Shorter { .. } => (self.head.next.segment, false),
        };
        add_trouble(&self.transaction, self.head.seq, segment, unreadable, &trouble.to_string())
    }
}

fn add_trouble(
    connection: &Connection,
    after_seq: u64,
    segment: u64,
    unreadable: bool,
    what: &str,
) -> rusqlite::Result<()> {
    let count: u64 = connection.query_row("SELECT count(*) FROM trouble", [], |row| row.get(0))?;
    if count < TROUBLES_MAX as u64 {
        connection
            .prepare_cached("INSERT INTO trouble (after_seq, segment, unreadable, what) VALUES (?, ?, ?, ?)")?
            .execute(params![after_seq, segment, unreadable, what])?;
    }
    Ok(())
}

/// False when there is a record of that number already.
fn insert(connection: &Connection, row: &Row, place: LinePlace) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "INSERT OR IGNORE INTO record (seq, segment, offset, id, ts_ns, kind, tenant, actor, action, resource_type, decision, \
         decision_kind, policies, opening, count, best_effort) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let inserted = statement.execute(params![
        row.seq,
        place.segment,
        place.offset,
        row.id,
        row.ts_ns,
        row.kind,
        row.tenant,
        row.actor,
        row.action,
        row.resource_type,
        row.decision,
        row.decision_kind,
        row.policies,
        row.opening,
        row.count,
        row.best_effort,
    ])?;
    Ok(inserted == 1)
}
