//! A whole log from its first line to its last, without an index: each line with its row, and what is missing between them.
//!
//! That numbers follow each other is looked at; whether a record is as it was written is for `moonward audit verify` to say.

use std::path::Path;

use audit::{Lines, RawLine, read};

use crate::order::{Order, Step};
use crate::row::Row;

/// The lines of a log, in order; an error says in words what cannot be read, or is missing.
pub fn walk(folder: &Path) -> Walk {
    Walk { lines: read(folder), waiting: None, order: Order::default(), is_over: false }
}

/// Made by [`walk`].
#[derive(Debug)]
pub struct Walk {
    lines: Lines,
    /// A line that comes after what is missing before it.
    waiting: Option<(RawLine, Row)>,
    order: Order,
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
        match self.order.pass(Step::of_row(&row)) {
            Some(missing) => {
                self.waiting = Some((line, row));
                Err(missing)
            }
            None => Ok((line, row)),
        }
    }

    /// What is missing at the beginning: known when a retention had its chance to say that it removed it.
    fn end(&mut self) -> Option<String> {
        if std::mem::replace(&mut self.is_over, true) { None } else { self.order.beginning(false) }
    }
}
