//! Records handed on, in order and at least once: as lines of the log, or as a table.
//!
//! Where it stands is told after each batch, when what was handed on is safe; whoever keeps that goes on from there.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use diagnostic::visible;
use serde_json::Value as Json;

use crate::cursor::{Cursor, CursorError};
use crate::limits::{EXPORT_BATCH_RECORDS, TROUBLES_MAX};
use crate::lines::{Place, RawLine, Trouble, lines_from, segments};
use crate::query::{Condition, Found};
use crate::reasons::{count_reason, none_decided};
use crate::row::Row;
use crate::selection::Selection;

/// Why an export ended before the end of the log.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot go on from the cursor, or the cursor cannot be written.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// What takes the records does not.
    #[error("what was exported cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exported {
    /// Number of the first and of the last record that was looked at.
    pub range: Option<(u64, u64)>,
    /// Records handed on.
    pub records: u64,
    /// Of records of which it could not be said whether they match: why, and how many. They are not handed on.
    pub undecided: BTreeMap<String, u64>,
    /// What could not be read, or is missing.
    pub troubles: Vec<String>,
}

/// Takes what is exported.
pub trait Taker {
    /// Takes a record.
    ///
    /// # Errors
    /// It cannot be written.
    fn take(&mut self, found: &Found) -> io::Result<()>;

    /// Makes what was taken safe, and then remembers how far that is.
    ///
    /// # Errors
    /// One of the two cannot be done.
    fn settle(&mut self, cursor: &Cursor) -> Result<(), ExportError>;
}

/// Hands on all records after a number, or after a cursor, that are selected and match.
///
/// A segment that cannot be read at the moment is passed over, and the cursor stays before it: what comes after it comes
/// again, once it can be read.
///
/// # Errors
/// The cursor is of another log, or the taker failed.
pub fn export(
    folder: &Path,
    (after, cursor): (u64, Option<&Cursor>),
    (selection, condition): (&Selection, Option<&Condition<'_>>),
    taker: &mut dyn Taker,
) -> Result<Exported, ExportError> {
    let after = cursor.map_or(after, |cursor| cursor.seq);
    let place = match cursor {
        Some(cursor) => cursor.next(folder)?,
        None => place_after(folder, after),
    };
    let mut exported = Exported::default();
    let mut cursor: Option<Cursor> = None;
    let mut stays = false;
    let mut before = after;
    let mut since_settled = 0;
    let mut asked = 0;
    for line in lines_from(folder, place) {
        let (line, row) = match line.and_then(|line| row(folder, line)) {
            Ok(read) => read,
            Err(trouble) => {
                if matches!(trouble, Trouble::Unreadable { .. } | Trouble::Shorter { .. }) {
                    // What may be had later is not passed over for good.
                    if let Some(cursor) = cursor.take_if(|_| !stays) {
                        taker.settle(&cursor)?;
                    }
                    stays = true;
                }
                add(&mut exported.troubles, trouble.to_string());
                continue;
            }
        };
        if row.seq <= after {
            continue;
        }
        if row.seq > before + 1 && (before > 0 || after > 0 || exported.range.is_some()) {
            add(&mut exported.troubles, format!("the records {} to {} are missing", before + 1, row.seq - 1));
        }
        before = row.seq;
        exported.range = Some((exported.range.map_or(row.seq, |(first, _)| first), row.seq));
        let next = Cursor::after(&line, row.seq, &row.id);
        if selection.holds(&row) {
            asked += 1;
            match found(line, row, condition) {
                Ok(Some(found)) => {
                    taker.take(&found)?;
                    exported.records += 1;
                }
                Ok(None) => {}
                Err(why) => count_reason(&mut exported.undecided, why),
            }
        }
        if !stays {
            since_settled += 1;
            if since_settled >= EXPORT_BATCH_RECORDS {
                since_settled = 0;
                taker.settle(&next)?;
                cursor = None;
            } else {
                cursor = Some(next);
            }
        }
    }
    if let Some(cursor) = cursor {
        taker.settle(&cursor)?;
    }
    exported.troubles.extend(none_decided(&exported.undecided, asked));
    Ok(exported)
}

fn row(folder: &Path, line: RawLine) -> Result<(RawLine, Row), Trouble> {
    match Row::of_line(&line.bytes) {
        Ok(row) => Ok((line, row)),
        Err(why) => {
            let file = folder.join(format!("{:08}.jsonl", line.place.segment));
            Err(Trouble::NotARecord { file, place: line.place, why })
        }
    }
}

fn found(line: RawLine, row: Row, condition: Option<&Condition<'_>>) -> Result<Option<Found>, String> {
    let found = Found::new(line.bytes, row);
    let matches = condition.map_or(Ok(true), |condition| condition(found.record()))?;
    Ok(matches.then_some(found))
}

fn add(troubles: &mut Vec<String>, trouble: String) {
    if troubles.len() < TROUBLES_MAX {
        troubles.push(trouble);
    }
}

/// Where to begin so that every record after a number is met: the last segment that begins not later.
fn place_after(folder: &Path, after: u64) -> Place {
    let mut place = Place::default();
    for (segment, _) in segments(folder).unwrap_or_default() {
        let start = Place { segment, offset: 0 };
        let first = lines_from(folder, start).next().and_then(Result::ok);
        let first = first.filter(|line| line.place.segment == segment);
        match first.and_then(|line| Row::of_line(&line.bytes).ok()) {
            Some(row) if row.seq <= after => place = start,
            Some(_) => break,
            None => {}
        }
    }
    place
}

/// The names of a table's columns, in the order of [`csv_line`].
pub const CSV_HEAD: &str = "seq,id,ts,kind,decision,decision_kind,tenant,actor,action,resource_type,resource_id,policies,\
definition,place,pid,policy_set,not_replayable,detail\r\n";

/// A record as a line of a table (RFC 4180). No cell is taken for a formula by a spreadsheet, and none holds what a terminal
/// or a reader would obey.
pub fn csv_line(found: &Found) -> String {
    let record = found.record();
    let text = |path: &str| match record.pointer(path) {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let policies = record.get("policies").and_then(Json::as_array).into_iter().flatten();
    let policies: Vec<&str> = policies.filter_map(|policy| policy.get("id")?.as_str()).collect();
    let place = match record.get("place") {
        Some(_) => format!("{}:{}", text("/place/source"), text("/place/line")),
        None => String::new(),
    };
    let cells = [
        found.row.seq.to_string(),
        text("/id"),
        text("/ts"),
        text("/kind"),
        text("/decision"),
        text("/decision_kind"),
        text("/tenant"),
        text("/actor"),
        text("/action"),
        text("/resource/type"),
        text("/resource/id"),
        policies.join(" "),
        text("/definition"),
        place,
        text("/pid"),
        text("/policy_set"),
        text("/not_replayable"),
        text("/detail"),
    ];
    cells.map(|text| cell(&text)).join(",") + "\r\n"
}

fn cell(text: &str) -> String {
    // What a formula begins with, in either width; spreadsheets pass over blanks before it.
    let first = text.trim_start_matches([' ', '\u{a0}', '\u{3000}']).chars().next();
    let formula = matches!(
        first,
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
    );
    let shown = format!("{}{}", if formula { "'" } else { "" }, visible(text));
    if shown.contains(['"', ',', '\'', ' ']) { format!("\"{}\"", shown.replace('"', "\"\"")) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_neither_a_formula_nor_two_cells() {
        for (text, expected) in [
            ("acme/user/ada", "acme/user/ada"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=cmd|'/c calc'!A1", "\"'=cmd|'/c calc'!A1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@x", "\"'@x\""),
            (" =1", "\"' =1\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
            ("\t=1", "\"'\\u{9}=1\""),
            ("\r\n=1", "\"'\\u{d}\\u{a}=1\""),
            ("a\u{202e}b\u{1b}[31m", "a\\u{202e}b\\u{1b}[31m"),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
