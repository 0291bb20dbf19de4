//! Where the log ends: the last segment, its last complete line, and what a crash left after it.
//!
//! Reads only. Complete lines are never cut, whatever they hold: a line that is not a record is for a person to
//! look at, not for a start to remove.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::chain::Chain;
use crate::digest::sha256;
use crate::folder::{is_packed, segments};
use crate::limits::LINE_BYTES_MAX;
use crate::read::{ReadError, last_line};
use crate::regular;

/// Bytes read at once on the way back: 64 KiB.
const CHUNK_BYTES: u64 = 64 * 1024;

/// The end of a log: where the next line goes, which may be a segment that is not there yet.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Number of the last segment.
    pub(crate) segment: u64,
    /// Bytes of complete lines in it.
    pub(crate) complete_bytes: u64,
    /// Bytes after them: an incomplete line.
    pub(crate) torn_bytes: u64,
    /// The chain up to the last record in any segment.
    pub(crate) chain: Chain,
}

/// Why the end could not be found.
#[derive(Debug)]
pub(crate) enum TailError {
    /// A file or the folder cannot be read.
    Io(PathBuf, io::Error),
    /// The last complete line is not a record.
    NotARecord(PathBuf, String),
}

/// The end of the log in a folder; nothing without any segment.
pub(crate) fn find(folder: &Path) -> Result<Option<Tail>, TailError> {
    let segments = segments(folder).map_err(|error| TailError::Io(folder.to_owned(), error))?;
    let mut tail = None;
    // A segment that was begun just before a crash has no line yet; the one before it knows the last number.
    for (segment, path) in segments.into_iter().rev() {
        let is_packed = is_packed(&path);
        let end = match is_packed {
            true => packed_end(segment, &path)?,
            false => read_end(&path).map_err(|error| TailError::Io(path.clone(), error))?,
        };
        let tail = tail.get_or_insert(Tail {
            // What is compressed takes no more lines.
            segment: segment.saturating_add(u64::from(is_packed)),
            complete_bytes: end.complete_bytes,
            torn_bytes: end.torn_bytes,
            chain: Chain::new(),
        });
        if let Some(line) = end.line {
            let records = seq_of(&line).map_err(|why| TailError::NotARecord(path, why))?;
            let hash = sha256(&[line.as_slice(), b"\n"].concat());
            tail.chain = Chain { records, hash };
            break;
        }
    }
    Ok(tail)
}

struct End {
    complete_bytes: u64,
    torn_bytes: u64,
    line: Option<Vec<u8>>,
}

fn read_end(path: &Path) -> io::Result<End> {
    let mut file = regular::open(OpenOptions::new().read(true), path)?;
    let bytes = file.metadata()?.len();
    let Some(last_break) = last_break_before(&mut file, bytes)? else {
        return Ok(End { complete_bytes: 0, torn_bytes: bytes, line: None });
    };
    let start = last_break_before(&mut file, last_break)?.map_or(0, |at| at + 1);
    // One byte more than a line may have, so that a longer one does not pass for its beginning.
    let mut line = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take((last_break - start).min(LINE_BYTES_MAX as u64)).read_to_end(&mut line)?;
    Ok(End { complete_bytes: last_break + 1, torn_bytes: bytes - last_break - 1, line: Some(line) })
}

/// The last line of a compressed segment, to which nothing is added: no bytes of it are at the end of the log.
fn packed_end(segment: u64, path: &Path) -> Result<End, TailError> {
    let line = last_line(segment, path).map_err(|error| match error {
        ReadError::Unreadable { file, source } => TailError::Io(file, source),
        ReadError::NotARecord { file, why, .. } => TailError::NotARecord(file, why),
    })?;
    Ok(End { complete_bytes: 0, torn_bytes: 0, line: line.map(|line| line.bytes) })
}

/// Position of the last line break before a position.
fn last_break_before(file: &mut File, mut end: u64) -> io::Result<Option<u64>> {
    let mut chunk = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(CHUNK_BYTES);
        chunk.clear();
        file.seek(SeekFrom::Start(start))?;
        file.by_ref().take(end - start).read_to_end(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|byte| *byte == b'\n') {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}

fn seq_of(line: &[u8]) -> Result<u64, String> {
    #[derive(Deserialize)]
    struct Numbered {
        schema: String,
        seq: String,
    }

    if line.len() >= LINE_BYTES_MAX {
        return Err(format!("line is {} bytes or more, at most {LINE_BYTES_MAX} allowed", line.len()));
    }
    let numbered: Numbered = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if numbered.schema != crate::SCHEMA {
        return Err(format!(
            "schema is `{}`, expected `{}`",
            numbered.schema.escape_default(),
            crate::SCHEMA
        ));
    }
    numbered.seq.parse().map_err(|_| "`seq` is not a number".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{TailError, find};
    use crate::folder::segment_name;

    fn line(seq: u64) -> String {
        format!("{{\"schema\":\"moonward.audit/1\",\"seq\":\"{seq}\"}}\n")
    }

    #[test]
    fn the_end_is_the_last_complete_line_of_any_segment() {
        let long_torn = "x".repeat(200_000);
        for (segments, expected) in [
            (vec![], None),
            (vec![String::new()], Some((1, 0, 0, 0))),
            (vec![line(1)], Some((1, 40, 0, 1))),
            (vec![line(1) + &line(2) + "{\"sch"], Some((1, 80, 5, 2))),
            (vec![line(1) + &line(2), String::new()], Some((2, 0, 0, 2))),
            (vec![line(1), "{\"s".to_owned()], Some((2, 0, 3, 1))),
            (vec![line(1) + &long_torn], Some((1, 40, 200_000, 1))),
        ] {
            let folder = tempfile::tempdir().unwrap();
            for (number, text) in (1..).zip(&segments) {
                fs::write(folder.path().join(segment_name(number)), text).unwrap();
            }
            let found = find(folder.path()).unwrap();
            let found =
                found.map(|tail| (tail.segment, tail.complete_bytes, tail.torn_bytes, tail.chain.records));
            assert_eq!(found, expected, "{segments:?}");
        }
    }

    #[test]
    fn a_complete_line_that_is_no_record_is_reported_and_not_passed_over() {
        for text in ["\n", "{}\n", "nonsense\n", "{\"schema\":\"moonward.audit/2\",\"seq\":\"1\"}\n"] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(segment_name(1)), line(1) + text).unwrap();
            assert!(matches!(find(folder.path()), Err(TailError::NotARecord(..))), "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(segment_name(1)), "9".repeat(20_000) + "\n").unwrap();
        assert!(matches!(find(folder.path()), Err(TailError::NotARecord(_, why)) if why.contains("at most")));
    }
}
