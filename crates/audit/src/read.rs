//! The log read back, from the files alone: no lock, no index, no writer needed.
//!
//! Gives lines as they are; whether they are complete, in order and unchanged is not judged here.

mod back;
mod segment;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec::IntoIter;

use serde_json::Value;

use crate::RecordId;
use crate::folder::segments;

pub use back::LinesBack;
use segment::SegmentLines;
pub(crate) use segment::{first_line, last_line, last_lines};

/// A place in a log: where a line begins, or where the next one will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct LinePlace {
    /// Number of the segment; 0 before the first.
    pub segment: u64,
    /// Bytes before it in its segment, uncompressed.
    pub offset: u64,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The file it is in.
    pub file: Arc<Path>,
    /// Where it begins.
    pub place: LinePlace,
    /// The record. Members are in the order of the line; texts are hostile wherever they are shown.
    pub record: Value,
}

/// One line of the log as it is written: what [`Lines::next_raw`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLine {
    /// The file it is in.
    pub file: Arc<Path>,
    /// Where it begins.
    pub place: LinePlace,
    /// Its bytes without the line feed, fewer than [`crate::LINE_BYTES_MAX`]; hostile wherever they are shown.
    pub bytes: Vec<u8>,
}

/// Why a line could not be given.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder or a segment cannot be read, is a link or no regular file, or is compressed and damaged or
    /// incomplete; the rest of it is passed over.
    #[error("audit log `{}` cannot be read: {source}", file.display())]
    Unreadable {
        /// The folder or segment.
        file: PathBuf,
        /// Number of the segment; 0 for the folder.
        segment: u64,
        /// What the system says.
        source: io::Error,
    },
    /// A line is too long, is not a JSON object, or is incomplete within the log; reading goes on after it.
    #[error("byte {} of audit segment `{}` begins no record: {why}", place.offset, file.display())]
    NotARecord {
        /// The segment.
        file: PathBuf,
        /// Where the line begins.
        place: LinePlace,
        /// What is wrong with it.
        why: String,
    },
    /// The segment that was to be read on in is shorter than it was: the log was replaced, or cut. What comes after it
    /// is given.
    #[error("audit segment `{}` is shorter than it was: the log was replaced or cut", file.display())]
    Shorter {
        /// The segment.
        file: PathBuf,
    },
}

/// Every line of a folder's log, in order, up to the last complete one at the time of reading. Takes one line
/// into memory at a time, also of compressed segments.
pub fn read(folder: &Path) -> Lines {
    read_from(folder, LinePlace::default())
}

/// The same from a place on, where a line begins, and through all segments after it. [`Lines::place`] says where to go on
/// another time. A segment that is gone is no error: what comes after it is given.
pub fn read_from(folder: &Path, place: LinePlace) -> Lines {
    Lines {
        folder: folder.to_owned(),
        from: place,
        resume: place,
        next_segment: place.segment,
        to_come: Vec::new().into_iter(),
        current: None,
        is_unlisted: false,
    }
}

/// The lines of a folder's log that hold one of these texts, in order; all others are passed over unparsed, so that
/// a few events are found fast among many decisions. A text may occur anywhere in a line: look at the record. What
/// cannot be read is an error, as with [`read`], whatever it may have held.
pub fn read_with(folder: &Path, texts: &[&str]) -> impl Iterator<Item = Result<Line, ReadError>> {
    let mut lines = read(folder);
    std::iter::from_fn(move || {
        loop {
            match lines.next_raw()? {
                Ok(raw) if !texts.iter().any(|text| raw.holds(text)) => {}
                raw => return Some(raw.and_then(RawLine::parse)),
            }
        }
    })
}

/// Whether a folder has a segment of an audit log in it, or may have one: what cannot be read is for who reads it to say.
pub fn has_records(folder: &Path) -> bool {
    match segments(folder) {
        Ok(segments) => !segments.is_empty(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
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

/// The lines of a log; made by [`read`] and [`read_from`]. After the end it may be asked again, and gives what was
/// written since.
///
/// The last lines of a log that is being written may not be durable yet: should the disk fail there, they are taken
/// back, and written again after a `gap` record, in a later segment.
#[derive(Debug)]
pub struct Lines {
    folder: PathBuf,
    /// Where to begin.
    from: LinePlace,
    /// Where the next line begins as long as no segment is open.
    resume: LinePlace,
    /// The lowest number that was not opened yet.
    next_segment: u64,
    /// Segments from there on, as the folder was listed.
    to_come: IntoIter<(u64, PathBuf)>,
    current: Option<SegmentLines>,
    /// The folder could not be listed, and that was told.
    is_unlisted: bool,
}

impl Iterator for Lines {
    type Item = Result<Line, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_raw().map(|raw| raw?.parse())
    }
}

impl Lines {
    /// The next line as it is written, unparsed.
    pub fn next_raw(&mut self) -> Option<Result<RawLine, ReadError>> {
        self.advance().transpose()
    }

    /// Where the next line begins.
    pub fn place(&self) -> LinePlace {
        self.current.as_ref().map_or(self.resume, SegmentLines::place)
    }

    /// Goes on to a place, if that is cheaper than to begin anew there: further on in a compressed segment, which can only
    /// be read through. Whether it did, or is there already.
    pub fn pass_to(&mut self, place: LinePlace) -> bool {
        let is_open = self.current.as_ref().is_some_and(|current| current.is_packed());
        if is_open && self.place().segment == place.segment {
            while self.place() < place && self.next_raw().is_some() {}
        }
        self.place() == place
    }

    fn advance(&mut self) -> Result<Option<RawLine>, ReadError> {
        loop {
            let is_last = self.to_come.as_slice().is_empty();
            if let Some(current) = &mut self.current {
                let line = current.next_line(is_last);
                if let Err(ReadError::Unreadable { segment, .. }) = line {
                    self.leave(segment);
                }
                if let Some(line) = line? {
                    return Ok(Some(line));
                }
            }
            if !is_last {
                self.current = self.open_next()?;
            // The one before is complete where another began since: then it is asked once more before it is left.
            } else if !self.list()? {
                return Ok(None);
            }
        }
    }

    fn open_next(&mut self) -> Result<Option<SegmentLines>, ReadError> {
        self.current = None;
        let Some((segment, path)) = self.to_come.next() else { return Ok(None) };
        self.next_segment = segment.saturating_add(1);
        let offset = if segment == self.from.segment { self.from.offset } else { 0 };
        let opened = SegmentLines::open(segment, &path, offset);
        match &opened {
            Err(ReadError::Shorter { .. }) => self.resume = LinePlace { segment, offset: 0 },
            Err(_) => self.leave(segment),
            Ok(_) => {}
        }
        opened.map(Some)
    }

    /// Gives up a segment.
    fn leave(&mut self, segment: u64) {
        self.current = None;
        self.resume = LinePlace { segment: segment.saturating_add(1), offset: 0 };
    }

    /// Looks for segments that were not opened yet: whether there are any.
    fn list(&mut self) -> Result<bool, ReadError> {
        match segments(&self.folder) {
            Ok(mut found) => {
                found.retain(|(number, _)| *number >= self.next_segment);
                self.to_come = found.into_iter();
                self.is_unlisted = false;
                Ok(!self.to_come.as_slice().is_empty())
            }
            // Told once, so that who takes all there is comes to an end.
            Err(_) if self.is_unlisted => Ok(false),
            Err(source) => {
                self.is_unlisted = true;
                Err(ReadError::Unreadable { file: self.folder.clone(), segment: 0, source })
            }
        }
    }
}

impl RawLine {
    /// Where the next line begins.
    pub fn end(&self) -> LinePlace {
        LinePlace { offset: self.place.offset + self.bytes.len() as u64 + 1, ..self.place }
    }

    /// Whether a text occurs in it, as it is written.
    pub fn holds(&self, text: &str) -> bool {
        match str::from_utf8(&self.bytes) {
            // Several times as fast as comparing at each byte.
            Ok(line) => line.contains(text),
            Err(_) => self.bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes()),
        }
    }

    /// The record.
    ///
    /// # Errors
    /// It is not a JSON object.
    pub fn parse(self) -> Result<Line, ReadError> {
        let Self { file, place, bytes } = self;
        let why = match serde_json::from_slice::<Value>(&bytes) {
            Ok(record) if record.is_object() => return Ok(Line { file, place, record }),
            Ok(_) => "not a JSON object".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(ReadError::NotARecord { file: file.to_path_buf(), place, why })
    }
}
