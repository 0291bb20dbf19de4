//! The head of the index: the last line that is in it, and where the next one begins.
//!
//! The line's hash is in it, so that an index of another log, or of one that was changed, is told by one look.

use audit::LinePlace;
use audit::digest::sha256;
use rusqlite::{Connection, OptionalExtension as _, params};

/// The last line that is indexed, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Head {
    pub(super) seq: u64,
    /// Where the last line begins, and its hash; nothing before the first.
    pub(super) line: Option<(LinePlace, [u8; 32])>,
    pub(super) next: LinePlace,
}

impl Head {
    /// The head that the index has; one of nothing when it is empty.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT seq, line_segment, line_offset, line_hash, next_segment, next_offset FROM head WHERE one = 1",
        )?;
        let head = statement.query_row([], |row| {
            let hash: Vec<u8> = row.get(3)?;
            let place = LinePlace { segment: row.get(1)?, offset: row.get(2)? };
            // An empty one stands for no line yet.
            let line = <[u8; 32]>::try_from(hash).ok().map(|hash| (place, hash));
            Ok(Self { seq: row.get(0)?, line, next: LinePlace { segment: row.get(4)?, offset: row.get(5)? } })
        });
        Ok(head.optional()?.unwrap_or_default())
    }

    /// Makes it the head of the index.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let (place, hash) = match self.line {
            Some((place, hash)) => (place, hash.to_vec()),
            None => (LinePlace::default(), Vec::new()),
        };
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO head (one, seq, line_segment, line_offset, line_hash, next_segment, next_offset) \
                 VALUES (1, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![self.seq, place.segment, place.offset, hash, self.next.segment, self.next.offset])?;
        Ok(())
    }
}

/// What a line hashes to, with its line feed.
pub(super) fn hash(mut line: Vec<u8>) -> [u8; 32] {
    line.push(b'\n');
    sha256(&line)
}
