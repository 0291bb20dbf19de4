//! The range of an answer: what was looked through, what of it could not be, and what was only counted.

use rusqlite::params_from_iter;

use super::{Ends, Scanned};
use crate::beginning;
use crate::index::{Index, IndexError};
use crate::limits::TROUBLES_MAX;
use crate::row::nanoseconds_of;
use crate::selection::Selection;

/// What the index has of the range.
pub(super) fn scanned(index: &Index, selection: &Selection) -> Result<Option<Scanned>, IndexError> {
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

/// The first and the last record that the index has at all.
pub(super) fn covers(index: &Index) -> Result<Option<Ends>, IndexError> {
    let text = "SELECT seq, ts_ns FROM record WHERE seq IN ((SELECT min(seq) FROM record), (SELECT max(seq) FROM record)) ORDER BY seq";
    let mut statement = index.connection().prepare(text)?;
    let ends = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let ends: Vec<(u64, i64)> = ends.collect::<Result<_, _>>()?;
    Ok(ends.first().zip(ends.last()).map(|(first, last)| Ends { first: *first, last: *last }))
}

/// Whether a record of the range says that the log lets happen what it cannot record.
pub(super) fn is_best_effort(index: &Index, selection: &Selection) -> Result<bool, IndexError> {
    let range = selection.range();
    let text = format!("SELECT EXISTS (SELECT 1 FROM record WHERE best_effort = 1 AND {})", range.text);
    Ok(index.connection().query_row(&text, params_from_iter(&range.values), |row| row.get(0))?)
}

/// What could not be read at all.
pub(crate) fn every_trouble(index: &Index) -> Result<Vec<String>, IndexError> {
    troubles_between(index, 0, i64::MAX as u64)
}

/// What could not be read in the range, or between it and the records before and after it.
pub(super) fn troubles(index: &Index, scanned: &Scanned) -> Result<Vec<String>, IndexError> {
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
pub(super) fn removed(
    index: &Index,
    selection: &Selection,
    covers: &Ends,
    scanned: Option<&Scanned>,
) -> Result<(Option<u64>, Option<String>), IndexError> {
    let reaches_back = match scanned {
        Some(scanned) => scanned.first.0 <= covers.first.0,
        None => selection.since.is_none_or(|since| nanoseconds_of(since) < covers.first.1),
    };
    if covers.first.0 == 1 || !reaches_back {
        return Ok((None, None));
    }
    let removed: Option<u64> = index.connection().query_row(
        "SELECT max(count) FROM record WHERE kind = 'retention'",
        [],
        |row| row.get(0),
    )?;
    let asked_for_a_time = selection.since.is_some() || scanned.is_none();
    let trouble = beginning::trouble(covers.first.0, removed, asked_for_a_time);
    Ok((Some(covers.first.0 - 1), trouble))
}

/// Decisions of the range that are counted only: of each roll-up what its count rose by. Those that fit, and those of which
/// that is not known.
pub(super) fn counted(index: &Index, selection: &Selection) -> Result<(u64, u64), IndexError> {
    let (of_policy, rollups, range) = (selection.of_policy(), selection.rollups(), selection.range());
    let values = [of_policy.values, rollups.values, range.values].concat();
    let text = format!(
        "SELECT opening, max(count), min(ts_ns), max({}) FROM record WHERE {} AND {} AND opening IS NOT NULL GROUP BY opening",
        of_policy.text, rollups.text, range.text
    );
    let connection = index.connection();
    let mut statement = connection.prepare(&text)?;
    let mut before = connection.prepare(
        "SELECT coalesce(max(count), 0) FROM record WHERE kind = 'rollup' AND opening = ? AND ts_ns < ?",
    )?;
    let (mut fitting, mut unknown): (u64, u64) = (0, 0);
    let mut rows = statement.query(params_from_iter(&values))?;
    while let Some(row) = rows.next()? {
        let (opening, count, first): (String, Option<u64>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let sum = match row.get::<_, Option<bool>>(3)? {
            Some(true) => &mut fitting,
            Some(false) => continue,
            None => &mut unknown,
        };
        let already: u64 = before.query_row(rusqlite::params![opening, first], |row| row.get(0))?;
        *sum = sum.saturating_add(count.unwrap_or_default().saturating_sub(already));
    }
    Ok((fitting, unknown))
}
