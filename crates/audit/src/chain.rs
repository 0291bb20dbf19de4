//! The chain: each line has the number after, and the hash of, the line before.
//!
//! Where a line is put, and whether it stays there, is not known here: a line that was made is part of the chain.

use std::time::SystemTime;

use crate::checkpoint::{GENESIS, Hash};
use crate::digest::sha256;
use crate::fit::{Draft, Line};
use crate::record::Head;
use crate::{RecordId, fit};

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

    /// The next line.
    pub(crate) fn line(&mut self, id: RecordId, ts: SystemTime, draft: Draft<'_>) -> Line {
        let line = fit::line(&Head::new(self.records + 1, id, ts, self.hash), draft);
        self.records += 1;
        self.hash = sha256(&line.bytes);
        line
    }
}
