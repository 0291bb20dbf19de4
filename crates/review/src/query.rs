//! A question answered: the records, and whether they are all there are.
//!
//! The index says where to look; each record is read from its segment, and must be the one that was looked for.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rusqlite::params_from_iter;
use serde_json::Value as Json;

use crate::index::{Index, IndexError, Progress};
use crate::limits::{REASONS_MAX, TROUBLES_MAX};
use crate::lines::{Lines, Place, RawLine, lines_from};
use crate::row::Row;
use crate::selection::Selection;

/// Whether a record is one of those looked for, or why that cannot be said.
pub type Condition<'a> = dyn Fn(&Json) -> Result<bool, String> + 'a;

/// What is asked.
pub struct Question<'a> {
    /// Which records, by what the index knows.
    pub selection: &'a Selection,
    /// Which of those, by all that they say.
    pub condition: Option<&'a Condition<'a>>,
    /// At most so many: the newest.
    pub limit: Option<usize>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The line as it is in its segment, without its line feed.
    pub line: Vec<u8>,
    /// What the index knows of it, read from the line.
    pub row: Row,
    /// The whole record, once somebody asked for it: most lines are passed on as they are.
    record: OnceCell<Json>,
}

impl Found {
    pub(crate) fn new(line: Vec<u8>, row: Row) -> Self {
        Self { line, row, record: OnceCell::new() }
    }

    /// The whole record. Texts are hostile wherever they are shown.
    pub fn record(&self) -> &Json {
        // A row was read from it, so that it is JSON; deeper than anybody writes it, it has nothing to say.
        self.record.get_or_init(|| serde_json::from_slice(&self.line).unwrap_or_default())
    }
}

/// What was looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// Records that the index has in the range of time.
    pub records: u64,
    /// The lowest number among them, and its time.
    pub first: (u64, i64),
    /// The highest number among them, and its time.
    pub last: (u64, i64),
}

/// What is to be known of an answer beside its records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// What was looked through; nothing when no record is of that time.
    pub scanned: Option<Scanned>,
    /// Records that matched.
    pub matched: u64,
    /// Those of them that were given: the newest.
    pub shown: u64,
    /// Decisions of the range that were counted in roll-ups, and have no record of their own. A condition is not asked of them.
    pub counted: u64,
    /// Of records of which it could not be said whether they match: why, and how many. They are not among those that matched.
    pub undecided: BTreeMap<String, u64>,
    /// Why the answer is not complete.
    pub troubles: Vec<String>,
    /// The last record that retention removed before the range; nothing is known of it.
    pub removed_through: Option<u64>,
}

impl Answer {
    /// Whether nothing of the range escaped. A limit takes nothing from that.
    pub fn is_complete(&self) -> bool {
        self.troubles.is_empty()
    }
}

/// Answers a question, with the index brought up to now. Records come in the order of the log.
///
/// # Errors
/// There is no index, nor can one be had.
pub fn query(
    index: &mut Index,
    question: &Question<'_>,
    progress: &mut dyn FnMut(Progress),
    each: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> Result<Answer, IndexError> {
    index.catch_up(progress)?;
    match answer(index, question, each)? {
        // The index is stale in a way that its head does not show.
        Outcome::Stale(why) => {
            index.begin_anew(&why)?;
            index.catch_up(progress)?;
            answer(index, question, each).map(Outcome::into_answer)
        }
        Outcome::Answer(answer) => Ok(answer),
    }
}

enum Outcome {
    Answer(Answer),
    /// The index does not fit the log, and nothing was given yet.
    Stale(String),
}

impl Outcome {
    fn into_answer(self) -> Answer {
        match self {
            Self::Answer(answer) => answer,
            Self::Stale(why) => Answer { troubles: vec![why], ..Answer::default() },
        }
    }
}

fn answer(
    index: &Index,
    question: &Question<'_>,
    each: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> Result<Outcome, IndexError> {
    let selection = question.selection;
    let mut answer = Answer { scanned: scanned(index, selection)?, ..Answer::default() };
    let Some(scanned) = &answer.scanned else {
        answer.troubles = every_trouble(index)?;
        return Ok(Outcome::Answer(answer));
    };
    answer.troubles = troubles(index, scanned)?;
    let (removed_through, trouble) = removed(index, selection, scanned)?;
    answer.removed_through = removed_through;
    answer.troubles.extend(trouble);
    answer.counted = if selection.may_count_decisions() { counted(index, selection)? } else { 0 };
    let search = Search { index, fetcher: Fetcher::new(index), answer, each };
    match (question.condition, question.limit) {
        (None, Some(limit)) => search.newest(selection, limit),
        (condition, limit) => search.all(selection, condition, limit),
    }
}

struct Search<'a> {
    index: &'a Index,
    fetcher: Fetcher<'a>,
    answer: Answer,
    each: &'a mut dyn FnMut(Found) -> ControlFlow<()>,
}

impl Search<'_> {
    /// The newest that the index has: the others are only counted.
    fn newest(mut self, selection: &Selection, limit: usize) -> Result<Outcome, IndexError> {
        let condition = selection.records();
        let connection = self.index.connection();
        let text = format!("SELECT count(*) FROM record WHERE {}", condition.text);
        self.answer.matched =
            connection.query_row(&text, params_from_iter(&condition.values), |row| row.get(0))?;
        let text = format!(
            "SELECT seq, segment, offset FROM record WHERE {} ORDER BY seq DESC LIMIT {limit}",
            condition.text
        );
        let mut statement = connection.prepare(&text)?;
        let places = statement.query_map(params_from_iter(&condition.values), |row| {
            Ok((row.get(0)?, Place { segment: row.get(1)?, offset: row.get(2)? }))
        })?;
        let mut places: Vec<(u64, Place)> = places.collect::<Result<_, _>>()?;
        places.reverse();
        for (seq, place) in places {
            match self.fetcher.record(seq, place, selection) {
                Ok(found) => {
                    self.answer.shown += 1;
                    if (self.each)(found).is_break() {
                        break;
                    }
                }
                Err(why) => return Ok(self.stale(why)),
            }
        }
        Ok(Outcome::Answer(self.answer))
    }

    /// Each that the index has, looked at; the newest so many of those that match.
    fn all(
        mut self,
        selection: &Selection,
        matches: Option<&Condition<'_>>,
        limit: Option<usize>,
    ) -> Result<Outcome, IndexError> {
        let condition = selection.records();
        let text = format!("SELECT seq, segment, offset FROM record WHERE {} ORDER BY seq", condition.text);
        let mut statement = self.index.connection().prepare(&text)?;
        let mut rows = statement.query(params_from_iter(&condition.values))?;
        let mut newest = std::collections::VecDeque::new();
        while let Some(row) = rows.next()? {
            let place = Place { segment: row.get(1)?, offset: row.get(2)? };
            let found = match self.fetcher.record(row.get(0)?, place, selection) {
                Ok(found) => found,
                Err(why) => return Ok(self.stale(why)),
            };
            match matches.map_or(Ok(true), |matches| matches(found.record())) {
                Ok(true) => self.answer.matched += 1,
                Ok(false) => continue,
                Err(why) => {
                    count_reason(&mut self.answer.undecided, why);
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
        for found in newest {
            self.answer.shown += 1;
            if (self.each)(found).is_break() {
                break;
            }
        }
        Ok(Outcome::Answer(self.answer))
    }

    /// Nothing was given yet: it can be begun anew. Else what was given stands, and is not all.
    fn stale(mut self, why: String) -> Outcome {
        if self.answer.shown == 0 {
            return Outcome::Stale(why);
        }
        self.answer.troubles.push(why);
        Outcome::Answer(self.answer)
    }
}

/// Counts a reason for not matching, of which there are not many.
pub(crate) fn count_reason(reasons: &mut BTreeMap<String, u64>, why: String) {
    let known = reasons.contains_key(&why) || reasons.len() < REASONS_MAX;
    *reasons.entry(if known { why } else { "could not be decided".to_owned() }).or_default() += 1;
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
    fn record(&mut self, seq: u64, place: Place, selection: &Selection) -> Result<Found, String> {
        let line =
            self.line(place).ok_or_else(|| format!("record {seq} is not where it was: the log changed"))?;
        let row = Row::of_line(&line.bytes)
            .ok()
            .filter(|row| row.seq == seq && selection.holds(row))
            .ok_or_else(|| format!("record {seq} is not what it was: the log changed"))?;
        Ok(Found::new(line.bytes, row))
    }

    fn line(&mut self, place: Place) -> Option<RawLine> {
        if self.lines.as_ref().is_none_or(|lines| lines.place() != place) {
            self.lines = Some(lines_from(self.index.folder(), place));
        }
        self.lines.as_mut()?.next()?.ok().filter(|line| line.place == place)
    }
}

fn scanned(index: &Index, selection: &Selection) -> Result<Option<Scanned>, IndexError> {
    let range = selection.range();
    let connection = index.connection();
    let text = format!("SELECT count(*), min(seq), max(seq) FROM record WHERE {}", range.text);
    let (records, first, last): (u64, Option<u64>, Option<u64>) =
        connection.query_row(&text, params_from_iter(&range.values), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
    let time = |seq: u64| {
        connection.query_row("SELECT ts_ns FROM record WHERE seq = ?", [seq], |row| row.get::<_, i64>(0))
    };
    Ok(Some(Scanned { records, first: (first, time(first)?), last: (last, time(last)?) }))
}

fn every_trouble(index: &Index) -> Result<Vec<String>, IndexError> {
    troubles_between(index, 0, i64::MAX as u64)
}

/// What could not be read in the range, or between it and the records before and after it.
fn troubles(index: &Index, scanned: &Scanned) -> Result<Vec<String>, IndexError> {
    let before: u64 = index.connection().query_row(
        "SELECT coalesce(max(seq), 0) FROM record WHERE seq < ?",
        [scanned.first.0],
        |row| row.get(0),
    )?;
    troubles_between(index, before, scanned.last.0)
}

fn troubles_between(index: &Index, after: u64, upto: u64) -> Result<Vec<String>, IndexError> {
    let text = format!("SELECT what FROM trouble WHERE after_seq BETWEEN ? AND ? LIMIT {TROUBLES_MAX}");
    let mut statement = index.connection().prepare(&text)?;
    let troubles = statement.query_map([after, upto], |row| row.get(0))?;
    Ok(troubles.collect::<Result<_, _>>()?)
}

/// Through which record the log's beginning is gone, if the range reaches back to there; and why that is more than
/// retention explains, or more than was asked for.
fn removed(
    index: &Index,
    selection: &Selection,
    scanned: &Scanned,
) -> Result<(Option<u64>, Option<String>), IndexError> {
    let connection = index.connection();
    let (first, removed): (u64, Option<u64>) = connection.query_row(
        "SELECT min(seq), (SELECT max(count) FROM record WHERE kind = 'retention') FROM record",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if first == 1 || scanned.first.0 > first {
        return Ok((None, None));
    }
    let through = first - 1;
    let trouble = if removed.is_none_or(|removed| removed < through) {
        Some(format!("the records 1 to {through} are missing, and no retention says that it removed them"))
    } else if selection.since.is_some() {
        Some(format!("the records up to {through} were removed by retention, and some may be of the range"))
    } else {
        None
    };
    Ok((Some(through), trouble))
}

/// Decisions of the range that are counted only: of each roll-up what its count rose by.
fn counted(index: &Index, selection: &Selection) -> Result<u64, IndexError> {
    let (range, rollups) = (selection.range(), selection.rollups());
    let mut values = rollups.values.clone();
    values.extend(range.values.iter().cloned());
    let text = format!(
        "SELECT opening, max(count), min(ts_ns) FROM record WHERE {} AND {} AND opening IS NOT NULL GROUP BY opening",
        rollups.text, range.text
    );
    let connection = index.connection();
    let mut statement = connection.prepare(&text)?;
    let mut before = connection.prepare(
        "SELECT coalesce(max(count), 0) FROM record WHERE kind = 'rollup' AND opening = ? AND ts_ns < ?",
    )?;
    let mut counted: u64 = 0;
    let mut rows = statement.query(params_from_iter(&values))?;
    while let Some(row) = rows.next()? {
        let (opening, count, first): (String, Option<u64>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let already: u64 = before.query_row(rusqlite::params![opening, first], |row| row.get(0))?;
        counted = counted.saturating_add(count.unwrap_or_default().saturating_sub(already));
    }
    Ok(counted)
}
