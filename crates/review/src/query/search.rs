//! Records found by the index and read from their segments. Why the index does not fit them, if so, is given in words.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use audit::{LinePlace, Lines, RawLine, read_from};
use rusqlite::params_from_iter;

use super::{Answer, Found, add_trouble};
use crate::condition::{Condition, Undecided};
use crate::index::{Index, IndexError, Progress, Stage};
use crate::limits::QUERY_PROGRESS_RECORDS;
use crate::reasons::{count_reason, none_decided};
use crate::row::Row;
use crate::selection::{self, Selection};

/// A search under way.
pub(super) struct Search<'a> {
    index: &'a Index,
    fetcher: Fetcher<'a>,
    answer: &'a mut Answer,
    progress: &'a mut dyn FnMut(Progress),
    each: &'a mut dyn FnMut(Found) -> ControlFlow<()>,
}

impl<'a> Search<'a> {
    /// A search that tells in the answer what it finds, and gives each record.
    pub(super) fn new(
        index: &'a Index,
        answer: &'a mut Answer,
        progress: &'a mut dyn FnMut(Progress),
        each: &'a mut dyn FnMut(Found) -> ControlFlow<()>,
    ) -> Self {
        Self { index, fetcher: Fetcher::new(index), answer, progress, each }
    }

    /// The newest that the index has: the others are only counted.
    pub(super) fn newest(
        &mut self,
        selection: &Selection,
        limit: usize,
    ) -> Result<Option<String>, IndexError> {
        let condition = selection.records();
        let connection = self.index.connection();
        self.answer.matched = self.count(&condition)?;
        // SQLite has no larger numbers.
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let text = format!(
            "SELECT seq, segment, offset FROM record WHERE {} ORDER BY seq DESC LIMIT {limit}",
            condition.text
        );
        let mut statement = connection.prepare(&text)?;
        let places = statement.query_map(params_from_iter(&condition.values), |row| {
            Ok((row.get(0)?, LinePlace { segment: row.get(1)?, offset: row.get(2)? }))
        })?;
        let mut places: Vec<(u64, LinePlace)> = places.collect::<Result<_, _>>()?;
        places.reverse();
        // Nothing is given before all of it was found: what was given cannot be taken back.
        let mut found = Vec::with_capacity(places.len());
        for (seq, place) in places {
            match self.fetcher.record(seq, place, selection) {
                Ok(record) => found.push(record),
                Err(why) => return Ok(Some(why)),
            }
        }
        self.give(found);
        Ok(None)
    }

    /// Each that the index has, looked at; the newest so many of those that match.
    pub(super) fn all(
        &mut self,
        selection: &Selection,
        matches: Option<&Condition<'_>>,
        limit: Option<usize>,
    ) -> Result<Option<String>, IndexError> {
        let condition = selection.records();
        let in_all = self.count(&condition)?;
        let mut done = 0;
        let text = format!("SELECT seq, segment, offset FROM record WHERE {} ORDER BY seq", condition.text);
        let mut statement = self.index.connection().prepare(&text)?;
        let mut rows = statement.query(params_from_iter(&condition.values))?;
        let mut newest = VecDeque::new();
        while let Some(row) = rows.next()? {
            let place = LinePlace { segment: row.get(1)?, offset: row.get(2)? };
            let found = match self.fetcher.record(row.get(0)?, place, selection) {
                Ok(found) => found,
                Err(why) => return Ok(Some(why)),
            };
            done += 1;
            if done % QUERY_PROGRESS_RECORDS == 0 {
                (self.progress)(Progress { stage: Stage::Reading, done, in_all });
            }
            let holds = |matches: &Condition<'_>| {
                matches.holds(self.index.folder(), found.place.segment, found.record())
            };
            match matches.map_or(Ok(true), holds) {
                Ok(true) => self.answer.matched += 1,
                Ok(false) => continue,
                Err(Undecided::Record(why)) => {
                    count_reason(&mut self.answer.undecided, why);
                    continue;
                }
                Err(Undecided::Part(why)) => {
                    add_trouble(&mut self.answer.troubles, why);
                    continue;
                }
            }
            match limit {
                Some(limit) => {
                    newest.push_back(found);
                    if newest.len() > limit {
                        newest.pop_front();
                    }
                }
                None => {
                    self.answer.shown += 1;
                    if (self.each)(found).is_break() {
                        break;
                    }
                }
            }
        }
        self.answer.troubles.extend(none_decided(&self.answer.undecided, done));
        self.give(newest);
        Ok(None)
    }

    fn give(&mut self, found: impl IntoIterator<Item = Found>) {
        for found in found {
            self.answer.shown += 1;
            if (self.each)(found).is_break() {
                break;
            }
        }
    }

    fn count(&self, condition: &selection::Condition) -> Result<u64, IndexError> {
        let text = format!("SELECT count(*) FROM record WHERE {}", condition.text);
        let values = params_from_iter(&condition.values);
        Ok(self.index.connection().query_row(&text, values, |row| row.get(0))?)
    }
}

/// Records read from their segments, in order of place as a rule: then the next one is read on.
struct Fetcher<'a> {
    index: &'a Index,
    lines: Option<Lines>,
}

impl<'a> Fetcher<'a> {
    fn new(index: &'a Index) -> Self {
        Self { index, lines: None }
    }

    /// The record of that number, at that place; or what is there instead.
    fn record(&mut self, seq: u64, place: LinePlace, selection: &Selection) -> Result<Found, String> {
        let line =
            self.line(place).ok_or_else(|| format!("record {seq} is not where it was: the log changed"))?;
        let row = Row::of_line(&line.bytes)
            .ok()
            .filter(|row| row.seq == seq && selection.holds(row))
            .ok_or_else(|| format!("record {seq} is not what it was: the log changed"))?;
        Ok(Found::new(line, row))
    }

    fn line(&mut self, place: LinePlace) -> Option<RawLine> {
        if !self.lines.as_mut().is_some_and(|lines| lines.pass_to(place)) {
            self.lines = Some(read_from(self.index.folder(), place));
        }
        self.lines.as_mut()?.next_raw()?.ok().filter(|line| line.place == place)
    }
}
