//! Lines by their place in the log, forward from any place: what the index, a follower and an export go by.
//!
//! Whether a line is a record is not known here. A line in the making, at the end of the last segment, is not given.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, Read as _};
use std::path::{Path, PathBuf};

use audit::{LINE_BYTES_MAX, segment_from};

/// A place in a log: where a line begins, or where the next one will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Number of the segment; 0 before the first.
    pub segment: u64,
    /// Byte in it, as it was written.
    pub offset: u64,
}

/// A line as it is in the file, without its line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLine {
    /// Where it begins.
    pub place: Place,
    /// What it says. Hostile until it was parsed.
    pub bytes: Vec<u8>,
}

impl RawLine {
    /// Where the next line begins.
    pub fn end(&self) -> Place {
        Place { segment: self.place.segment, offset: self.place.offset + self.bytes.len() as u64 + 1 }
    }
}

/// Why a line could not be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The folder or a segment cannot be read, or is a link or no regular file; the rest of it is passed over.
    #[error("audit log `{}` cannot be read: {why}", file.display())]
    Unreadable {
        /// The folder or segment.
        file: PathBuf,
        /// Number of the segment; 0 for the folder.
        segment: u64,
        /// What the system says.
        why: String,
    },
    /// A line is no record; reading goes on after it.
    #[error("byte {} of audit segment `{}` begins no record: {why}", place.offset, file.display())]
    NotARecord {
        /// The segment.
        file: PathBuf,
        /// Where the line begins.
        place: Place,
        /// What is wrong with it.
        why: String,
    },
    /// A segment is shorter than it was: the log was replaced, or cut.
    #[error("audit segment `{}` is shorter than it was: the log was replaced or cut", file.display())]
    Shorter {
        /// The segment.
        file: PathBuf,
    },
}

/// The segments of a folder by number, in order: the plain one where a compressed one is beside it. Files by other names are
/// somebody else's.
pub(crate) fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut segments = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if let Some(number) = path.file_name().and_then(|name| segment_number(name.to_str()?)) {
            segments.push((number, path));
        }
    }
    // `.jsonl` is before `.jsonl.gz`.
    segments.sort_unstable();
    segments.dedup_by_key(|(number, _)| *number);
    Ok(segments)
}

/// Whether a folder has a segment of an audit log in it, or may have one: what cannot be read is for who reads it to say.
pub fn has_records(folder: &Path) -> bool {
    match segments(folder) {
        Ok(segments) => !segments.is_empty(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Whether a segment has to be read from its beginning to be read at all.
pub(crate) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

/// Whether a segment can be read now.
pub(crate) fn is_readable(path: &Path) -> bool {
    segment_from(path, 0).is_ok()
}

fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".gz").unwrap_or(name).strip_suffix(".jsonl")?;
    let number: u64 = digits.parse().ok()?;
    (number > 0 && format!("{number:08}") == digits).then_some(number)
}

/// Every line from a place on, in order, up to the last complete one at the time of reading. A place in a segment that is
/// gone is the beginning of the next one.
pub fn lines_from(folder: &Path, place: Place) -> Lines {
    let mut lines = Lines { segments: Vec::new().into_iter(), current: None, place, broken: None };
    match segments(folder) {
        Ok(mut segments) => {
            segments.retain(|(number, _)| *number >= place.segment);
            lines.segments = segments.into_iter();
        }
        Err(error) => {
            let why = error.to_string();
            lines.broken = Some(Trouble::Unreadable { file: folder.to_owned(), segment: 0, why });
        }
    }
    lines
}

/// Lines in order; made by [`lines_from`].
#[derive(Debug)]
pub struct Lines {
    segments: std::vec::IntoIter<(u64, PathBuf)>,
    current: Option<Segment>,
    place: Place,
    broken: Option<Trouble>,
}

struct Segment {
    number: u64,
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
}

impl fmt::Debug for Segment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Segment").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Lines {
    /// Where the next line begins: what [`lines_from`] goes on from.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Goes on to a place, if that is cheaper than to begin anew there: further on in a compressed segment, which can only be
    /// read through.
    pub(crate) fn pass_to(&mut self, place: Place) -> bool {
        let is_ahead = self.place.segment == place.segment && self.place < place;
        if is_ahead && self.current.as_ref().is_some_and(|segment| is_compressed(&segment.path)) {
            while self.place < place && self.next().is_some() {}
        }
        self.place == place
    }

    /// Opens the next segment.
    fn open_next(&mut self) -> Option<Result<(), Trouble>> {
        let (number, path) = self.segments.next()?;
        if number != self.place.segment {
            self.place = Place { segment: number, offset: 0 };
        }
        match segment_from(&path, self.place.offset) {
            Ok(Some(reader)) => {
                self.current = Some(Segment { number, path, reader });
                Some(Ok(()))
            }
            Ok(None) => {
                self.place.offset = 0;
                Some(Err(Trouble::Shorter { file: path }))
            }
            Err(error) => {
                self.place = Place { segment: number + 1, offset: 0 };
                Some(Err(Trouble::Unreadable { file: path, segment: number, why: error.to_string() }))
            }
        }
    }
}

impl Iterator for Lines {
    type Item = Result<RawLine, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(trouble) = self.broken.take() {
            return Some(Err(trouble));
        }
        loop {
            let Some(segment) = &mut self.current else {
                match self.open_next()? {
                    Ok(()) => continue,
                    Err(trouble) => return Some(Err(trouble)),
                }
            };
            let is_last = self.segments.as_slice().is_empty();
            let read = next_line(&mut *segment.reader);
            let not_a_record = |file: &Path, place: Place, why: &str| {
                Some(Err(Trouble::NotARecord { file: file.to_owned(), place, why: why.to_owned() }))
            };
            let place = self.place;
            match read {
                Ok(Read::Line(bytes)) => {
                    let line = RawLine { place, bytes };
                    self.place = line.end();
                    return Some(Ok(line));
                }
                Ok(Read::TooLong(bytes)) => {
                    self.place.offset += bytes;
                    return not_a_record(
                        &segment.path,
                        place,
                        &format!("longer than {LINE_BYTES_MAX} bytes"),
                    );
                }
                // Somebody is writing it, or was when the machine stopped.
                Ok(Read::End | Read::Torn(_)) if is_last => return None,
                Ok(Read::End) => self.current = None,
                Ok(Read::Torn(bytes)) => {
                    self.place.offset += bytes;
                    return not_a_record(&segment.path, place, "it is incomplete");
                }
                Err(error) => {
                    let (file, number, why) = (segment.path.clone(), segment.number, error.to_string());
                    self.current = None;
                    self.place = Place { segment: number + 1, offset: 0 };
                    return Some(Err(Trouble::Unreadable { file, segment: number, why }));
                }
            }
        }
    }
}

/// Opens a regular file, never through a link: whoever hands a folder over chooses what its names lead to.
pub(crate) fn regular(path: &Path) -> io::Result<File> {
    let refused = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what);
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_symlink() {
        return Err(refused("it is a symbolic link"));
    }
    if !kind.is_file() {
        return Err(refused("it is not a regular file"));
    }
    File::open(path)
}

enum Read {
    Line(Vec<u8>),
    /// Over the bound, and passed over: so many bytes.
    TooLong(u64),
    /// So many bytes without a line feed.
    Torn(u64),
    End,
}

fn next_line(reader: &mut dyn BufRead) -> io::Result<Read> {
    let mut bytes = Vec::new();
    reader.take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(Read::End);
    }
    if bytes.pop_if(|byte| *byte == b'\n').is_some() {
        return Ok(Read::Line(bytes));
    }
    let read = bytes.len() as u64;
    if bytes.len() == LINE_BYTES_MAX {
        return Ok(Read::TooLong(read + reader.skip_until(b'\n')? as u64));
    }
    Ok(Read::Torn(read))
}
