//! One segment as lines, in whichever of its two forms it is there.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::{LinePlace, RawLine, ReadError};
use crate::folder::{is_packed, packed};
use crate::limits::{LINE_BYTES_MAX, READ_BYTES};
use crate::regular;

/// A segment that is being read.
pub(crate) struct SegmentLines {
    file: Arc<Path>,
    segment: u64,
    reader: Box<dyn BufRead + Send>,
    /// The same file, to see how long it is: only of one that may still be written.
    written: Option<File>,
    /// Where the next line begins, uncompressed.
    offset: u64,
    /// The beginning of a line whose end was not there yet.
    begun: Vec<u8>,
}

impl SegmentLines {
    /// Opens a segment, compressed or not, to read from an offset, which is the beginning of a line. Compressed since its
    /// folder was listed, it is found too.
    pub(crate) fn open(segment: u64, path: &Path, offset: u64) -> Result<Self, ReadError> {
        let unreadable =
            |path: &Path, source| ReadError::Unreadable { file: path.to_owned(), segment, source };
        let (path, file) = open_either(path).map_err(|error| unreadable(path, error))?;
        let opened = Self::of(segment, &path, file, offset).map_err(|error| unreadable(&path, error))?;
        opened.ok_or(ReadError::Shorter { file: path })
    }

    /// Nothing when it is shorter.
    fn of(segment: u64, path: &Path, mut file: File, offset: u64) -> io::Result<Option<Self>> {
        let of = |reader, written| {
            Some(Self { file: path.into(), segment, reader, written, offset, begun: Vec::new() })
        };
        if !is_packed(path) {
            if file.metadata()?.len() < offset {
                return Ok(None);
            }
            file.seek(SeekFrom::Start(offset))?;
            let written = file.try_clone()?;
            return Ok(of(Box::new(BufReader::with_capacity(READ_BYTES, file)), Some(written)));
        }
        // A gzip file is a series of members (RFC 1952, section 2.2): one that somebody added is read, not overlooked.
        let bytes = MultiGzDecoder::new(BufReader::with_capacity(READ_BYTES, file));
        let mut reader = BufReader::with_capacity(READ_BYTES, bytes);
        let passed = io::copy(&mut (&mut reader).take(offset), &mut io::sink())?;
        Ok(if passed == offset { of(Box::new(reader), None) } else { None })
    }

    /// Where the next line begins.
    pub(crate) fn place(&self) -> LinePlace {
        LinePlace { segment: self.segment, offset: self.offset }
    }

    /// Whether it is read from its compressed form.
    pub(crate) fn is_packed(&self) -> bool {
        self.written.is_none()
    }

    /// The next line. Nothing at the end for now; then it may be asked again. With `is_last`, an incomplete line at
    /// the end is one that somebody is writing, or was when the machine stopped.
    pub(crate) fn next_line(&mut self, is_last: bool) -> Result<Option<RawLine>, ReadError> {
        let left = LINE_BYTES_MAX.saturating_sub(self.begun.len());
        let read = (&mut self.reader).take(left as u64).read_until(b'\n', &mut self.begun);
        read.map_err(|source| self.unreadable(source))?;
        if self.begun.is_empty() {
            return Ok(None);
        }
        if self.begun.last() == Some(&b'\n') {
            return Ok(Some(self.line()));
        }
        if self.begun.len() == LINE_BYTES_MAX {
            let rest = self.reader.skip_until(b'\n').map_err(|source| self.unreadable(source))?;
            return Err(self.not_a_record(rest, format!("longer than {LINE_BYTES_MAX} bytes")));
        }
        if is_last || self.was_cut() {
            return Ok(None);
        }
        Err(self.not_a_record(0, "it is incomplete".to_owned()))
    }

    fn line(&mut self) -> RawLine {
        let mut bytes = std::mem::take(&mut self.begun);
        let place = self.place();
        self.offset += bytes.len() as u64;
        bytes.pop();
        RawLine { file: self.file.clone(), place, bytes }
    }

    /// Whether the incomplete line that was read was taken back since: after trouble with the disk a segment is cut
    /// to what is durable.
    fn was_cut(&self) -> bool {
        let bytes =
            self.written.as_ref().and_then(|file| file.metadata().ok()).map(|metadata| metadata.len());
        bytes.is_some_and(|bytes| bytes < self.offset + self.begun.len() as u64)
    }

    fn unreadable(&self, source: io::Error) -> ReadError {
        ReadError::Unreadable { file: self.file.to_path_buf(), segment: self.segment, source }
    }

    fn not_a_record(&mut self, rest: usize, why: String) -> ReadError {
        let place = self.place();
        self.offset += (std::mem::take(&mut self.begun).len() + rest) as u64;
        ReadError::NotARecord { file: self.file.to_path_buf(), place, why }
    }
}

impl std::fmt::Debug for SegmentLines {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SegmentLines")
            .field("file", &self.file)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// Opens a segment under the name that it was listed by, or under that of its compressed form.
fn open_either(path: &Path) -> io::Result<(PathBuf, File)> {
    match open_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_packed(path) => {
            let packed = packed(path);
            // What is missing is the segment that was listed, whatever else is missing.
            let file = open_file(&packed).map_err(|_| error)?;
            Ok((packed, file))
        }
        opened => Ok((path.to_owned(), opened?)),
    }
}

pub(super) fn open_file(path: &Path) -> io::Result<File> {
    regular::open(OpenOptions::new().read(true), path)
}

/// The last lines of a segment as they are written, of no more than some bytes, in one piece.
pub(crate) fn last_lines(segment: u64, path: &Path, bytes_max: u64) -> Result<Vec<u8>, ReadError> {
    let mut lines = SegmentLines::open(segment, path, 0)?;
    let (mut kept, mut bytes) = (VecDeque::new(), 0);
    while let Some(line) = lines.next_line(false)? {
        bytes += line.bytes.len() as u64 + 1;
        kept.push_back(line.bytes);
        while bytes > bytes_max
            && let Some(first) = kept.pop_front()
        {
            bytes -= first.len() as u64 + 1;
        }
    }
    Ok(kept.into_iter().flat_map(|line| [line, vec![b'\n']]).flatten().collect())
}

/// The last line of a segment.
pub(crate) fn last_line(segment: u64, path: &Path) -> Result<Option<RawLine>, ReadError> {
    let mut lines = SegmentLines::open(segment, path, 0)?;
    let mut last = None;
    while let Some(line) = lines.next_line(false)? {
        last = Some(line);
    }
    Ok(last)
}

/// The first line of a segment.
pub(crate) fn first_line(segment: u64, path: &Path) -> Result<Option<RawLine>, ReadError> {
    SegmentLines::open(segment, path, 0)?.next_line(true)
}
