//! The chain: each line has the number after, and the hash of, the line before.
//!
//! Where a line is put, and whether it stays there, is not known here: a line that was made is part of the chain.

use std::time::SystemTime;

use crate::RecordId;
use crate::body::Body;
use crate::checkpoint::{GENESIS, Hash};
use crate::digest::sha256;
use crate::fit::Line;
use crate::record::Head;

/// The end of a chain.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// Number of the last record; 0 without one.
    pub(crate) records: u64,
    /// What the last line hashes to.
    pub(crate) hash: Hash,
}

impl Chain {
    /// A chain without a record.
    pub(crate) fn new() -> Self {
        Self { records: 0, hash: GENESIS }
    }

    /// The next line, with so many bytes of room for parts elsewhere.
    pub(crate) fn line(&mut self, id: RecordId, ts: SystemTime, body: &Body, room: u64) -> Line {
        let line = body.line(&Head::new(self.records + 1, id, ts, self.hash), room);
        self.records += 1;
        self.hash = sha256(&line.bytes);
        line
    }
}
