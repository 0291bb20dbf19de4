//! Whether a checkpoint that was kept outside is of the chain that a log has: one that is ahead of it, or has another head, shows
//! that the log was cut, or written anew.
//!
//! Who signed the checkpoint is not looked at: whoever can write where it is kept is believed.

use std::path::Path;

use crate::checkpoint::{Checkpoint, GENESIS, Hash};
use crate::digest::sha256;
use crate::folder::segments;
use crate::read::{LinePlace, ReadError, first_line, read_from};
use crate::stamp::Stamp;

/// What a checkpoint from outside says against the chain; nothing when it is of it, or of another log. `log` is the id of record
/// 1, `records` how many there are.
///
/// # Errors
/// A segment cannot be read.
pub(crate) fn conflict(
    outside: &Checkpoint,
    folder: &Path,
    log: &str,
    records: u64,
) -> Result<Option<String>, ReadError> {
    let head = outside.head();
    if head.log != log {
        return Ok(None);
    }
    if head.records > records {
        return Ok(Some(format!("it counts {} records, and the log has {records}", head.records)));
    }
    Ok(match hash_after(folder, head.records)? {
        Some(hash) if hash == head.hash => None,
        Some(_) => Some(format!("after {} records the log has another hash than it says", head.records)),
        None => Some(format!("it is of record {}, which the log has no more", head.records)),
    })
}

/// The hash of a record's line; nothing when it is not there.
fn hash_after(folder: &Path, record: u64) -> Result<Option<Hash>, ReadError> {
    if record == 0 {
        return Ok(Some(GENESIS));
    }
    let listed = segments(folder).map_err(|source| ReadError::Unreadable {
        file: folder.to_owned(),
        segment: 0,
        source,
    })?;
    for (number, path) in listed.into_iter().rev() {
        let first = first_line(number, &path)?;
        let Some(first) = first.and_then(|line| Stamp::of(&line.bytes)).map(|stamp| stamp.seq) else {
            continue;
        };
        if first > record {
            continue;
        }
        let mut lines = read_from(folder, LinePlace { segment: number, offset: 0 });
        for _ in first..record {
            if lines.next_raw().transpose()?.is_none() {
                return Ok(None);
            }
        }
        let line = lines.next_raw().transpose()?;
        return Ok(line.map(|line| sha256(&[&line.bytes[..], b"\n"].concat())));
    }
    Ok(None)
}
