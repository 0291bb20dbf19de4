//! Lines out of a segment file, one at a time, each within the bound of a line whatever the file holds.

use std::io::{self, BufRead, Read};

use crate::limits::LINE_BYTES_MAX;

/// What comes next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line, with its line feed.
    Line,
    /// So many bytes without a line feed, up to the end of the file.
    Torn(u64),
    /// A line over the bound.
    TooLong,
    /// Nothing.
    End,
}

/// Reads the next line into `line`, which holds no more than the bound of a line afterwards.
///
/// # Errors
/// The file cannot be read, or unpacked.
pub(super) fn next(reader: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Next> {
    line.clear();
    Read::take(&mut *reader, LINE_BYTES_MAX as u64).read_until(b'\n', line)?;
    if line.ends_with(b"\n") {
        return Ok(Next::Line);
    }
    if line.is_empty() {
        return Ok(Next::End);
    }
    let mut bytes = line.len() as u64;
    loop {
        let more = reader.fill_buf()?;
        if more.is_empty() {
            return Ok(Next::Torn(bytes));
        }
        if more.contains(&b'\n') {
            return Ok(Next::TooLong);
        }
        let read = more.len();
        bytes += read as u64;
        reader.consume(read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_whole_torn_or_too_long() {
        let check = |text: &[u8], expected: &[Next]| {
            let mut reader = text;
            let mut line = Vec::new();
            for one in expected {
                assert_eq!(next(&mut reader, &mut line).unwrap(), *one);
                assert!(line.len() <= LINE_BYTES_MAX);
            }
        };
        let longest = [vec![b'x'; LINE_BYTES_MAX - 1], vec![b'\n']].concat();
        let longer = [vec![b'x'; LINE_BYTES_MAX], vec![b'\n']].concat();
        check(b"", &[Next::End, Next::End]);
        check(b"a\nb", &[Next::Line, Next::Torn(1)]);
        check(b"\n", &[Next::Line, Next::End]);
        check(&longest, &[Next::Line, Next::End]);
        check(&longer, &[Next::TooLong]);
        check(&vec![0; 100_000], &[Next::Torn(100_000)]);
    }
}
