//! The lines of one segment from the last to the first: what was written last is what most people look for.
//!
//! Only of one that is not compressed, which cannot be read otherwise than from its beginning.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::segment::open_file;
use super::{LinePlace, RawLine, ReadError};
use crate::backward::Backward;
use crate::limits::LINE_BYTES_MAX;

/// A segment that is read from its end.
pub struct LinesBack {
    file: Arc<Path>,
    segment: u64,
    lines: Backward<File>,
    end: LinePlace,
    torn: bool,
    /// Whether what was passed is the end of a line that is too long.
    is_within: bool,
}

impl LinesBack {
    /// Opens a segment.
    ///
    /// # Errors
    /// It cannot be read, or is a link or no regular file.
    pub fn open(segment: u64, path: &Path) -> Result<Self, ReadError> {
        let opened = open_file(path).and_then(Backward::new);
        let (lines, torn) =
            opened.map_err(|source| ReadError::Unreadable { file: path.to_owned(), segment, source })?;
        let end = LinePlace { segment, offset: lines.bytes_left() };
        Ok(Self { file: path.into(), segment, lines, end, torn: torn > 0, is_within: false })
    }

    /// Where the next line will begin.
    pub fn end(&self) -> LinePlace {
        self.end
    }

    /// Whether a line without its end comes last: in the last segment it is one that somebody is writing, or was when the
    /// machine stopped.
    pub fn torn(&self) -> Option<ReadError> {
        self.torn.then(|| self.not_a_record(self.end, "it is incomplete".to_owned()))
    }

    fn read(&mut self) -> io::Result<Option<Result<RawLine, ReadError>>> {
        loop {
            let Some(mut bytes) = self.lines.next_line()? else { return Ok(None) };
            let place = LinePlace { segment: self.segment, offset: self.lines.bytes_left() };
            // A line that is too long comes in pieces, of which the first one has its beginning.
            let has_end = bytes.pop_if(|byte| *byte == b'\n').is_some();
            let is_whole = has_end && bytes.len() < LINE_BYTES_MAX;
            if is_whole && !self.is_within {
                return Ok(Some(Ok(RawLine { file: self.file.clone(), place, bytes })));
            }
            self.is_within = self.lines.is_within()?;
            if !self.is_within {
                let why = format!("longer than {LINE_BYTES_MAX} bytes");
                return Ok(Some(Err(self.not_a_record(place, why))));
            }
        }
    }

    fn not_a_record(&self, place: LinePlace, why: String) -> ReadError {
        ReadError::NotARecord { file: self.file.to_path_buf(), place, why }
    }
}

impl Iterator for LinesBack {
    type Item = Result<RawLine, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().unwrap_or_else(|source| {
            let (file, segment) = (self.file.to_path_buf(), self.segment);
            Some(Err(ReadError::Unreadable { file, segment, source }))
        })
    }
}
