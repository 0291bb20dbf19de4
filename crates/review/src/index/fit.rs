//! Whether the index is of this log as it is now. In doubt it is made anew.
//!
//! Not a proof that nobody changed the log: that is for `moonward audit verify`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use audit::{LinePlace, ReadError, is_packed, read_from, segments};
use rusqlite::{Connection, params};

use super::head::{Head, hash};
use super::{Index, IndexError};
use crate::row::nanoseconds_of;

impl Index {
    /// Makes the index anew when it is not of this log as it is now; drops what was removed from the log.
    pub(super) fn check_fit(&mut self) -> Result<(), IndexError> {
        let head = Head::read(&self.connection)?;
        let segments = self.segments()?;
        if let Some((place, hash)) = head.line {
            let is_there = segments.iter().any(|(number, _)| *number == place.segment);
            let same = is_there
                && read_from(&self.folder, place)
                    .next_raw()
                    .and_then(Result::ok)
                    .is_some_and(|line| line.place == place && self::hash(line.bytes) == hash);
            if !same {
                return self.begin_anew("the log is not the one that it was made from");
            }
        }
        if let Some(why) = self.changed_segment(&segments)? {
            return self.begin_anew(&why);
        }
        let unreadable: Vec<u64> = {
            let mut statement =
                self.connection.prepare("SELECT segment FROM trouble WHERE unreadable = 1")?;
            let numbers = statement.query_map([], |row| row.get(0))?;
            numbers.collect::<Result<_, _>>()?
        };
        let readable_again = segments
            .iter()
            .any(|(number, _)| unreadable.contains(number) && is_readable(&self.folder, *number));
        if readable_again {
            return self.begin_anew("a segment that could not be read can be read now");
        }
        let first = segments.first().map_or(i64::MAX as u64, |(number, _)| *number);
        let has_older: bool = self.connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM segment WHERE number < ?1) OR \
             EXISTS (SELECT 1 FROM trouble WHERE segment < ?1)",
            [first],
            |row| row.get(0),
        )?;
        if has_older {
            self.connection.execute("DELETE FROM record WHERE segment < ?", [first])?;
            self.connection.execute("DELETE FROM trouble WHERE segment < ?", [first])?;
            self.connection.execute("DELETE FROM segment WHERE number < ?", [first])?;
        }
        Ok(())
    }

    /// A complete segment that is not as it was when it was indexed, in words. Those before the first one that is there were
    /// removed by retention.
    fn changed_segment(&self, segments: &[(u64, PathBuf)]) -> Result<Option<String>, IndexError> {
        let first = segments.first().map_or(0, |(number, _)| *number);
        let mut statement = self
            .connection
            .prepare_cached("SELECT number, bytes, changed_ns FROM segment WHERE number >= ?")?;
        let mut rows = statement.query([first])?;
        while let Some(row) = rows.next()? {
            let (number, bytes, changed): (u64, Option<u64>, Option<i64>) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let Ok(at) = segments.binary_search_by_key(&number, |(number, _)| *number) else {
                return Ok(Some(format!("segment {number} is gone")));
            };
            // What is compressed is another file, and says the same.
            let path = segments.get(at).map(|(_, path)| path).filter(|path| !is_packed(path));
            let is = path.and_then(|path| seal(path));
            if let (Some(bytes), Some(changed), Some(is)) = (bytes, changed, is)
                && is != (bytes, changed)
            {
                return Ok(Some(format!("segment {number} was changed")));
            }
        }
        Ok(None)
    }
}

/// Whether a segment can be read now, to its end.
fn is_readable(folder: &Path, segment: u64) -> bool {
    let mut lines = read_from(folder, LinePlace { segment, offset: 0 });
    loop {
        match lines.next_raw() {
            Some(Err(ReadError::Unreadable { segment: unreadable, .. })) if unreadable == segment => {
                return false;
            }
            None => return true,
            Some(_) if lines.place().segment != segment => return true,
            Some(_) => {}
        }
    }
}

/// Notes of the segments what they are, so that it is seen when one is changed.
pub(super) fn seal_segments(
    connection: &Connection,
    folder: &Path,
    touched: &BTreeSet<u64>,
    last: u64,
) -> rusqlite::Result<()> {
    let paths: BTreeMap<u64, PathBuf> = segments(folder).unwrap_or_default().into_iter().collect();
    for number in touched {
        // The last one grows.
        let complete = *number < last;
        let path = paths.get(number).filter(|path| complete && !is_packed(path));
        let (bytes, changed) = path.and_then(|path| seal(path)).unzip();
        connection
            .prepare_cached("INSERT OR REPLACE INTO segment (number, bytes, changed_ns) VALUES (?, ?, ?)")?
            .execute(params![number, bytes, changed])?;
    }
    Ok(())
}

/// What changes when a file does: its size, and when it was written last.
fn seal(path: &Path) -> Option<(u64, i64)> {
    let metadata = path.symlink_metadata().ok()?;
    Some((metadata.len(), nanoseconds_of(metadata.modified().ok()?)))
}
