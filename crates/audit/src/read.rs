//! The log read back, from the files alone: no lock, no index, no writer needed.
//!
//! Gives lines as they are; whether they are complete, in order and unchanged is not judged here.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec::IntoIter;

use serde_json::Value;

use crate::RecordId;
use crate::limits::LINE_BYTES_MAX;
use crate::regular;
use crate::stamp::Stamp;
use crate::tail::segments;

/// One line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The segment it is in.
    pub file: Arc<Path>,
    /// Its number there, from 1.
    pub number: u64,
    /// The record. Members are in the order of the line; texts are hostile wherever they are shown.
    pub record: Value,
}

/// Why a line could not be given.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder or a segment cannot be read, or is a link or no regular file; the rest of it is passed over.
    #[error("audit log `{}` cannot be read: {source}", file.display())]
    Unreadable {
        /// The folder or segment.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line is too long, is not a JSON object, or is incomplete within the log; reading goes on after it.
    #[error("line {number} of audit segment `{}` is not a record: {why}", file.display())]
    NotARecord {
        /// The segment.
        file: PathBuf,
        /// The line's number, from 1.
        number: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// Every line of a folder's log, in order, up to the last complete one at the time of reading. Takes one line
/// into memory at a time.
pub fn read(folder: &Path) -> Lines {
    let mut lines = Lines { segments: Vec::new().into_iter(), current: None, broken: None };
    match segments(folder) {
        Ok(segments) => lines.segments = segments.into_iter(),
        Err(source) => lines.broken = Some(ReadError::Unreadable { file: folder.to_owned(), source }),
    }
    lines
}

/// The lines of a folder's log that hold one of these texts, in order; all others are passed over unparsed, so that
/// a few events are found fast among many decisions. A text may occur anywhere in a line: look at the record. What
/// cannot be read is an error, as with [`read`], whatever it may have held.
pub fn read_with(folder: &Path, texts: &[&str]) -> impl Iterator<Item = Result<Line, ReadError>> {
    let mut lines = read(folder);
    std::iter::from_fn(move || {
        loop {
            match lines.next_raw()? {
                Ok(raw) if texts.iter().any(|text| raw.holds(text)) => return Some(raw.parse()),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    })
}

/// The line of one record, if the log has it.
///
/// # Errors
/// It was not found, but some line could not be read that may have been it.
pub fn find(folder: &Path, id: RecordId) -> Result<Option<Line>, ReadError> {
    let id = id.to_string();
    let mut first_error = None;
    let mut lines = read(folder);
    while let Some(raw) = lines.next_raw() {
        // Parsing is the expensive part, and nearly every line can do without.
        let line = match raw {
            Ok(raw) if raw.holds(&id) => raw.parse(),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        match line {
            Ok(line) if line.record.get("id").and_then(Value::as_str) == Some(&id) => return Ok(Some(line)),
            Ok(_) => {}
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(None), Err)
}

/// Place of the first record of a segment; nothing when there is none, or it does not say.
pub(crate) fn first_stamp(path: &Path) -> Option<Stamp> {
    let file = regular::open(OpenOptions::new().read(true), path).ok()?;
    let mut line = Vec::new();
    BufReader::new(file).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line).ok()?;
    Stamp::of(&line)
}

/// The lines of a log; made by [`read`].
#[derive(Debug)]
pub struct Lines {
    segments: IntoIter<(u64, PathBuf)>,
    current: Option<Segment>,
    /// What went wrong before the first segment.
    broken: Option<ReadError>,
}

#[derive(Debug)]
struct Segment {
    file: Arc<Path>,
    reader: BufReader<File>,
    lines: u64,
}

struct RawLine {
    file: Arc<Path>,
    number: u64,
    bytes: Vec<u8>,
}

impl Iterator for Lines {
    type Item = Result<Line, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_raw().map(|raw| raw?.parse())
    }
}

impl Lines {
    fn next_raw(&mut self) -> Option<Result<RawLine, ReadError>> {
        if let Some(error) = self.broken.take() {
            return Some(Err(error));
        }
        loop {
            let segment = match &mut self.current {
                Some(segment) => segment,
                None => {
                    let (_, path) = self.segments.next()?;
                    match regular::open(OpenOptions::new().read(true), &path) {
                        Ok(file) => self.current.insert(Segment {
                            file: path.into(),
                            reader: BufReader::new(file),
                            lines: 0,
                        }),
                        Err(source) => return Some(Err(ReadError::Unreadable { file: path, source })),
                    }
                }
            };
            let is_last = self.segments.as_slice().is_empty();
            match segment.next_line(is_last) {
                Ok(Some(line)) => return Some(Ok(line)),
                Ok(None) => self.current = None,
                Err(error) => {
                    if matches!(error, ReadError::Unreadable { .. }) {
                        self.current = None;
                    }
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Segment {
    fn next_line(&mut self, is_last: bool) -> Result<Option<RawLine>, ReadError> {
        let unreadable = |source| ReadError::Unreadable { file: self.file.to_path_buf(), source };
        let mut bytes = Vec::new();
        let mut bounded = (&mut self.reader).take(LINE_BYTES_MAX as u64);
        bounded.read_until(b'\n', &mut bytes).map_err(unreadable)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.lines += 1;
        if bytes.pop_if(|byte| *byte == b'\n').is_some() {
            return Ok(Some(RawLine { file: self.file.clone(), number: self.lines, bytes }));
        }
        if bytes.len() == LINE_BYTES_MAX {
            self.reader.skip_until(b'\n').map_err(unreadable)?;
            return Err(self.not_a_record(format!("longer than {LINE_BYTES_MAX} bytes")));
        }
        // Somebody is writing it, or was when the machine stopped.
        if is_last {
            return Ok(None);
        }
        Err(self.not_a_record("it is incomplete".to_owned()))
    }

    fn not_a_record(&self, why: String) -> ReadError {
        ReadError::NotARecord { file: self.file.to_path_buf(), number: self.lines, why }
    }
}

impl RawLine {
    fn holds(&self, text: &str) -> bool {
        match str::from_utf8(&self.bytes) {
            // Several times as fast as comparing at each byte.
            Ok(line) => line.contains(text),
            Err(_) => self.bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes()),
        }
    }

    fn parse(self) -> Result<Line, ReadError> {
        let Self { file, number, bytes } = self;
        let why = match serde_json::from_slice::<Value>(&bytes) {
            Ok(record) if record.is_object() => return Ok(Line { file, number, record }),
            Ok(_) => "not a JSON object".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(ReadError::NotARecord { file: file.to_path_buf(), number, why })
    }
}
