//! A whole log from its first line to its last, without an index: each line with its row, and what is missing between them.
//!
//! That numbers follow each other is looked at; whether a record is as it was written is for `moonward audit verify` to say.

use std::path::Path;

use audit::{Lines, RawLine, read};

use crate::beginning;
use crate::row::Row;

/// The lines of a log, in order; an error says in words what cannot be read, or is missing.
pub fn walk(folder: &Path) -> Walk {
    Walk {
        lines: read(folder),
        waiting: None,
        first: None,
        before: None,
        removed_through: None,
        is_over: false,
    }
}

/// Made by [`walk`].
#[derive(Debug)]
pub struct Walk {
    lines: Lines,
    /// A line that comes after what is missing before it.
    waiting: Option<(RawLine, Row)>,
    /// Number of the first record.
    first: Option<u64>,
    /// Number of the last that was read.
    before: Option<u64>,
    /// Number of the last record that a retention says was removed.
    removed_through: Option<u64>,
    is_over: bool,
}

impl Iterator for Walk {
    type Item = Result<(RawLine, Row), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(waiting) = self.waiting.take() {
            return Some(Ok(waiting));
        }
        match self.lines.next_raw() {
            None => self.end().map(Err),
            Some(Err(error)) => Some(Err(error.to_string())),
            Some(Ok(line)) => Some(self.pass(line)),
        }
    }
}

impl Walk {
    fn pass(&mut self, line: RawLine) -> Result<(RawLine, Row), String> {
        let (line, row) = Row::of_raw(line).map_err(|error| error.to_string())?;
        self.first.get_or_insert(row.seq);
        if row.kind == "retention" {
            self.removed_through = self.removed_through.max(row.count);
        }
        let before = self.before.replace(row.seq);
        match before {
            Some(before) if row.seq != before.saturating_add(1) => {
                let (first, last) = (before.saturating_add(1), row.seq.saturating_sub(1));
                let what = if row.seq <= before {
                    format!("record {} comes after record {before}", row.seq)
                } else if first == last {
                    format!("record {first} is missing")
                } else {
                    format!("the records {first} to {last} are missing")
                };
                self.waiting = Some((line, row));
                Err(what)
            }
            _ => Ok((line, row)),
        }
    }

    /// What is missing at the beginning: known when a retention had its chance to say that it removed it.
    fn end(&mut self) -> Option<String> {
        if std::mem::replace(&mut self.is_over, true) {
            return None;
        }
        beginning::trouble(self.first?, self.removed_through, false)
    }
}
