//! The lines of a file from the last to the first, in one pass and without taking the file into memory.
//!
//! What is in a line is not known here.

use std::io::{self, Read, Seek, SeekFrom};

use crate::limits::{LINE_BYTES_MAX, READ_BYTES};

/// A file that is read from its end.
pub(crate) struct Backward<F> {
    file: F,
    /// What was read and not given: the bytes from `start` on.
    held: Vec<u8>,
    start: u64,
}

impl<F: Read + Seek> Backward<F> {
    /// The file's complete lines, and how many bytes there are after them: of an incomplete one.
    pub(crate) fn new(mut file: F) -> io::Result<(Self, u64)> {
        let bytes = file.seek(SeekFrom::End(0))?;
        let mut lines = Self { file, held: Vec::new(), start: bytes };
        loop {
            if let Some(at) = lines.held.iter().rposition(|byte| *byte == b'\n') {
                lines.held.truncate(at + 1);
                let complete = lines.bytes_left();
                return Ok((lines, bytes - complete));
            }
            // What is behind the last line break may be of any length; nobody looks at it.
            lines.held.clear();
            if !lines.read_more()? {
                return Ok((lines, bytes));
            }
        }
    }

    /// Bytes of the lines that were not given yet.
    pub(crate) fn bytes_left(&self) -> u64 {
        self.start + self.held.len() as u64
    }

    /// The last line that was not given yet, with its line feed; of one that is too long, its end.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let before = self.held.split_last().map_or(&[][..], |(_, before)| before);
            let begin = before.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
            if let Some(begin) = begin {
                return Ok(Some(self.held.split_off(begin)));
            }
            if self.held.len() > LINE_BYTES_MAX || !self.read_more()? {
                let line = std::mem::take(&mut self.held);
                return Ok((!line.is_empty()).then_some(line));
            }
        }
    }

    /// Whether the line that was given last was the end of one that is too long, whose rest comes next.
    pub(crate) fn is_within(&mut self) -> io::Result<bool> {
        if self.held.is_empty() && !self.read_more()? {
            return Ok(false);
        }
        Ok(self.held.last() != Some(&b'\n'))
    }

    /// Reads the bytes before those that are held; false when there are none.
    fn read_more(&mut self) -> io::Result<bool> {
        let begin = self.start.saturating_sub(READ_BYTES as u64);
        let mut chunk = Vec::new();
        self.file.seek(SeekFrom::Start(begin))?;
        self.file.by_ref().take(self.start - begin).read_to_end(&mut chunk)?;
        self.start = begin;
        let is_more = !chunk.is_empty();
        chunk.append(&mut self.held);
        self.held = chunk;
        Ok(is_more)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn lines_come_from_the_last_to_the_first_and_what_is_incomplete_is_counted() {
        let long = "x".repeat(200_000);
        let many: String = (0..40_000).map(|number| format!("{number}\n")).collect();
        for text in ["", "\n", "a\n", "a\nb\n\nc\n", "a\nb", "torn", &many, &format!("a\n{long}")] {
            let (mut lines, torn) = Backward::new(Cursor::new(text)).unwrap();
            let complete = text.rfind('\n').map_or(0, |at| at + 1);
            assert_eq!((lines.bytes_left(), torn), (complete as u64, (text.len() - complete) as u64));
            let mut expected: Vec<&str> = text[..complete].split_inclusive('\n').collect();
            while let Some(line) = lines.next_line().unwrap() {
                assert_eq!(Some(str::from_utf8(&line).unwrap()), expected.pop());
            }
            assert_eq!(expected.len(), 0);
        }
        let (mut lines, _) = Backward::new(Cursor::new(format!("{long}\n"))).unwrap();
        assert!(lines.next_line().unwrap().unwrap().len() > LINE_BYTES_MAX);
    }
}
