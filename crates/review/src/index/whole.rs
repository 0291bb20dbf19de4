//! Whether the index has a row of each record that it was made from. Who may write its file can take rows out of it, and an
//! answer would not know.
//!
//! Not a proof: who takes the trouble can change a row instead. That is for `moonward audit verify`, and an index made anew.

use audit::{LinePlace, RawLine, read_from};

use super::{Index, IndexError, Progress};
use crate::limits::TROUBLES_MAX;
use crate::recent::recent;
use crate::row::Row;

impl Index {
    /// As [`Index::catch_up`], and made anew when it lacks rows.
    pub(crate) fn catch_up_whole(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), IndexError> {
        // Looked for before it is brought up to now: what is written meanwhile it need not have.
        let newest = recent(&self.folder, 1, &mut |line| number(line).is_some());
        let newest = newest.lines.first().and_then(number);
        let lacks = self.or_anew(|index| {
            index.try_catch_up(progress)?;
            index.lacks(newest)
        })?;
        if let Some(why) = lacks {
            self.begin_anew(&why)?;
            self.catch_up(progress)?;
        }
        Ok(())
    }

    /// What it lacks, in words. A gap in the numbers that a known trouble of the log explains is none of the index.
    fn lacks(&self, newest: Option<u64>) -> Result<Option<String>, IndexError> {
        // All of it about one moment, whoever indexes what comes meanwhile.
        let _moment = self.connection.unchecked_transaction()?;
        let has = |seq: u64| -> rusqlite::Result<bool> {
            self.connection
                .query_row("SELECT EXISTS (SELECT 1 FROM record WHERE seq = ?)", [seq], |row| row.get(0))
        };
        let first = read_from(&self.folder, LinePlace::default()).next_raw().and_then(Result::ok);
        let oldest = first.as_ref().and_then(number);
        let lacks = |seq: u64| Ok(Some(format!("it lacks record {seq}, which is in the log")));
        for seq in oldest.into_iter().chain(newest) {
            if !has(seq)? {
                return lacks(seq);
            }
        }
        let (rows, span, troubles): (u64, u64, usize) = self.connection.query_row(
            "SELECT (SELECT count(*) FROM record), coalesce(max(seq) - min(seq) + 1, 0), (SELECT count(*) FROM trouble) FROM record",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        // With so many troubles not each is known, and no answer is complete.
        if rows == span || troubles >= TROUBLES_MAX {
            return Ok(None);
        }
        let before_a_gap = "SELECT min(seq) FROM record AS before WHERE seq < (SELECT max(seq) FROM record) \
             AND NOT EXISTS (SELECT 1 FROM record WHERE seq = before.seq + 1) \
             AND NOT EXISTS (SELECT 1 FROM trouble WHERE after_seq = before.seq)";
        let before: Option<u64> = self.connection.query_row(before_a_gap, [], |row| row.get(0))?;
        before.map_or(Ok(None), |before| lacks(before + 1))
    }
}

/// The number of a line's record, if it is one.
fn number(line: &RawLine) -> Option<u64> {
    Row::of_line(&line.bytes).ok().map(|row| row.seq)
}
