//! Records handed on, in order and at least once: as lines of the log, or as a table.
//!
//! Where it stands is told after each batch, when what was handed on is safe; whoever keeps that goes on from there.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use audit::{LinePlace, ReadError, read_from, segments};
use diagnostic::visible;
use serde_json::Value as Json;

use crate::beginning;
use crate::condition::{Condition, Undecided};
use crate::cursor::{Cursor, CursorError};
use crate::limits::EXPORT_BATCH_RECORDS;
use crate::query::{Found, add_trouble};
use crate::reasons::{count_reason, none_decided};
use crate::rollups::MayFit;
use crate::row::{Row, nanoseconds_of};
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
    /// Of these, those of which a part is kept elsewhere, and is not in the line that was handed on.
    pub without_parts: u64,
    /// Of records that do not say whether they match: why, and how many. They are not handed on.
    pub undecided: BTreeMap<String, u64>,
    /// Decisions of the sort that is asked for that were only counted, in roll-ups that are not handed on themselves.
    pub counted_may_fit: u64,
    /// What could not be read, or is missing.
    pub troubles: Vec<String>,
}

/// How much of a record was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// All that is wanted of it.
    Whole,
    /// Its line, without the parts that are kept elsewhere.
    WithoutParts,
    /// Its line, since parts that were wanted cannot be had: why.
    PartsMissing(String),
}

/// Takes what is exported.
pub trait Taker {
    /// Takes a record.
    ///
    /// # Errors
    /// It cannot be written.
    fn take(&mut self, found: &Found) -> io::Result<Taken>;

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
    let mut beginning = Beginning::default();
    let mut since_settled = 0;
    let mut asked = 0;
    let mut may_fit = MayFit::default();
    let mut lines = read_from(folder, place);
    while let Some(line) = lines.next_raw() {
        let (line, row) = match line.and_then(Row::of_raw) {
            Ok(read) => read,
            Err(trouble) => {
                if matches!(trouble, ReadError::Unreadable { .. } | ReadError::Shorter { .. }) {
                    // What may be had later is not passed over for good.
                    if let Some(cursor) = cursor.take_if(|_| !stays) {
                        taker.settle(&cursor)?;
                    }
                    stays = true;
                }
                add_trouble(&mut exported.troubles, trouble.to_string());
                continue;
            }
        };
        if row.seq <= after {
            continue;
        }
        if after == 0 {
            beginning.pass(&row, selection);
        }
        if row.seq > before + 1 && (before > 0 || after > 0 || exported.range.is_some()) {
            add_trouble(
                &mut exported.troubles,
                format!("the records {} to {} are missing", before + 1, row.seq - 1),
            );
        }
        before = row.seq;
        exported.range = Some((exported.range.map_or(row.seq, |(first, _)| first), row.seq));
        let next = Cursor::after(&line, row.seq, &row.id);
        let (rollup, records) = (selection.may_count(&row).then(|| row.clone()), exported.records);
        if selection.holds(&row) {
            asked += 1;
            let found = Found::new(line, row);
            let holds =
                |condition: &Condition<'_>| condition.holds(folder, found.place.segment, found.record());
            match condition.map_or(Ok(true), holds) {
                Ok(true) => {
                    let taken = taker.take(&found)?;
                    exported.records += 1;
                    match taken {
                        Taken::Whole => {}
                        Taken::WithoutParts => exported.without_parts += 1,
                        Taken::PartsMissing(why) => add_trouble(&mut exported.troubles, why),
                    }
                }
                Ok(false) => {}
                Err(Undecided::Record(why)) => count_reason(&mut exported.undecided, why),
                Err(Undecided::Part(why)) => add_trouble(&mut exported.troubles, why),
            }
        }
        if let Some(rollup) = rollup.filter(|_| exported.records == records) {
            may_fit.add(&rollup);
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
    if let Some(why) = beginning.trouble(selection) {
        add_trouble(&mut exported.troubles, why);
    }
    exported.counted_may_fit = may_fit.count();
    Ok(exported)
}

/// What an export from the beginning meets there.
#[derive(Default)]
struct Beginning {
    /// Number of the first record, if the time that is asked for reaches back to it.
    first: Option<u64>,
    is_passed: bool,
    removed_through: Option<u64>,
}

impl Beginning {
    fn pass(&mut self, row: &Row, selection: &Selection) {
        if !std::mem::replace(&mut self.is_passed, true) {
            let reaches_back = selection.since.is_none_or(|since| row.ts_ns >= nanoseconds_of(since));
            self.first = reaches_back.then_some(row.seq);
        }
        if row.kind == "retention" {
            self.removed_through = self.removed_through.max(row.count);
        }
    }

    fn trouble(&self, selection: &Selection) -> Option<String> {
        beginning::trouble(self.first?, self.removed_through, selection.since.is_some())
    }
}

/// Where to begin so that every record after a number is met: the last segment that begins not later.
fn place_after(folder: &Path, after: u64) -> LinePlace {
    let mut place = LinePlace::default();
    for (segment, _) in segments(folder).unwrap_or_default() {
        let start = LinePlace { segment, offset: 0 };
        let first = read_from(folder, start).next_raw().and_then(Result::ok);
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
