//! How far an export has come: the last record that was handed on, and where it is.
//!
//! The record's hash is in it, so that a log that was changed or replaced is not taken for the one that was exported.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use audit::digest::{hex, sha256};
use audit::{LinePlace, RawLine, read_from};
use serde::{Deserialize, Serialize};

use crate::limits::CURSOR_BYTES_MAX;

const SCHEMA: &str = "moonward.audit-cursor/1";

/// The last record that was handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    schema: String,
    /// Its number.
    pub seq: u64,
    /// Its id: the deduplication id of what comes twice.
    pub id: String,
    segment: u64,
    offset: u64,
    line_sha256: String,
}

/// Why an export cannot go on from a cursor.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The file cannot be read or written.
    #[error("cursor `{}` cannot be used: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no cursor.
    #[error("`{}` is not a cursor of an export: {why}", file.display())]
    NotACursor {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The log does not have that record where it was.
    #[error(
        "record {seq}, where the export stopped, is not in this log as it was: the log was changed or replaced"
    )]
    AnotherLog {
        /// Number of the record.
        seq: u64,
    },
}

impl Cursor {
    /// The cursor after a line.
    pub(crate) fn after(line: &RawLine, seq: u64, id: &str) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            seq,
            id: id.to_owned(),
            segment: line.place.segment,
            offset: line.place.offset,
            line_sha256: hash(line),
        }
    }

    /// Reads a file that [`Cursor::write`] wrote; nothing when there is none yet.
    ///
    /// # Errors
    /// It cannot be read, or is no cursor.
    pub fn read(file: &Path) -> Result<Option<Self>, CursorError> {
        let mut text = String::new();
        let opened = match File::open(file) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CursorError::Io { file: file.to_owned(), source }),
        };
        let not = |why: String| CursorError::NotACursor { file: file.to_owned(), why };
        let read = opened.take(CURSOR_BYTES_MAX + 1).read_to_string(&mut text);
        read.map_err(|source| CursorError::Io { file: file.to_owned(), source })?;
        if text.len() as u64 > CURSOR_BYTES_MAX {
            return Err(not(format!("it is over {CURSOR_BYTES_MAX} bytes")));
        }
        let cursor: Self = serde_json::from_str(&text).map_err(|error| not(error.to_string()))?;
        if cursor.schema != SCHEMA {
            return Err(not(format!("its schema is not `{SCHEMA}`")));
        }
        Ok(Some(cursor))
    }

    /// Writes it beside the file and puts it in its place, durably: there is the old one or the new one, whatever happens.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), CursorError> {
        let mut beside = file.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let written = (|| {
            let mut new = File::create(&beside)?;
            writeln!(new, "{}", serde_json::to_string(self)?)?;
            new.sync_all()?;
            fs::rename(&beside, file)?;
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            if cfg!(unix) { File::open(folder.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
        })();
        written.map_err(|source| CursorError::Io { file: file.to_owned(), source })
    }

    /// Where the next record begins. A segment that is gone was removed by retention, and the next one follows.
    ///
    /// # Errors
    /// The log has another record there.
    pub(crate) fn next(&self, folder: &Path) -> Result<LinePlace, CursorError> {
        let place = LinePlace { segment: self.segment, offset: self.offset };
        let another = || CursorError::AnotherLog { seq: self.seq };
        match read_from(folder, place).next_raw() {
            Some(Ok(line)) if line.place == place => {
                if hash(&line) == self.line_sha256 {
                    Ok(line.end())
                } else {
                    Err(another())
                }
            }
            Some(Ok(line)) if line.place.segment > self.segment => Ok(line.place),
            _ => Err(another()),
        }
    }
}

fn hash(line: &RawLine) -> String {
    hex(&sha256(&[line.bytes.as_slice(), b"\n"].concat()))
}
