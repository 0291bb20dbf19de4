//! The range of an answer: what was looked through, what of it could not be, and what was only counted.

use rusqlite::params_from_iter;

use super::Scanned;
use crate::beginning;
use crate::index::{Index, IndexError};
use crate::limits::TROUBLES_MAX;
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
    scanned: &Scanned,
) -> Result<(Option<u64>, Option<String>), IndexError> {
    let connection = index.connection();
    let first: u64 = connection.query_row("SELECT min(seq) FROM record", [], |row| row.get(0))?;
    if first == 1 || scanned.first.0 > first {
        return Ok((None, None));
    }
    let through = first - 1;
    let removed: Option<u64> =
        connection
            .query_row("SELECT max(count) FROM record WHERE kind = 'retention'", [], |row| row.get(0))?;
    let trouble = beginning::trouble(first, removed, selection.since.is_some());
    Ok((Some(through), trouble))
}

/// Decisions of the range that are counted only: of each roll-up what its count rose by.
pub(super) fn counted(index: &Index, selection: &Selection) -> Result<u64, IndexError> {
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
