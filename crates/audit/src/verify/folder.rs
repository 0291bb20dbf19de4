//! The segments of a folder, and how they are opened: plain or compressed, never through a link.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;

use super::VerifyError;
use super::head::Head;
use super::lines::{Next, next};
use crate::limits::VERIFY_BUFFER_BYTES;
use crate::{folder, regular};

/// A file with records.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its number.
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) compressed: bool,
    /// Its length when the folder was listed.
    pub(super) bytes: u64,
}

/// The segments of a folder, in the order of their numbers; at least one.
pub(super) fn segments(log: &Path) -> Result<Vec<Segment>, VerifyError> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => VerifyError::NoLog(log.to_owned()),
        _ => VerifyError::Unreadable { file: log.to_owned(), source },
    };
    let mut segments = Vec::new();
    for (number, path) in folder::segments(log).map_err(unreadable)? {
        let bytes = path.symlink_metadata().map_or(0, |metadata| metadata.len());
        segments.push(Segment { number, compressed: folder::is_packed(&path), path, bytes });
    }
    if segments.is_empty() {
        return Err(VerifyError::NoLog(log.to_owned()));
    }
    Ok(segments)
}

/// The first of these segments that may hold a record since then. Clocks are set back at times: what comes after the
/// first segment that begins since then counts, whatever its times.
pub(super) fn first_since(segments: &[Segment], since: SystemTime) -> usize {
    let since = value::rfc3339_nanos(since).to_string();
    let begins_since = |segment: &Segment| {
        let mut line = Vec::new();
        let read = segment.open(&|_| {}).and_then(|mut reader| next(&mut *reader, &mut line));
        match (read, Head::read(line.trim_ascii_end())) {
            (Ok(Next::Line), Ok(head)) => head.ts >= since.as_str(),
            // An empty segment holds no record; what cannot be read is looked at.
            (read, _) => !matches!(read, Ok(Next::End)),
        }
    };
    segments.iter().position(begins_since).unwrap_or(segments.len()).saturating_sub(1)
}

impl Segment {
    /// Its text from the beginning; `told` hears of each chunk that is read from the disk.
    pub(super) fn open<'t>(&self, told: &'t dyn Fn(u64)) -> io::Result<Box<dyn BufRead + 't>> {
        let (file, compressed) = match regular::open(OpenOptions::new().read(true), &self.path) {
            // It was compressed since the folder was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.compressed => {
                (regular::open(OpenOptions::new().read(true), &self.path.with_extension("jsonl.gz"))?, true)
            }
            opened => (opened?, self.compressed),
        };
        let read = Told { file, told };
        Ok(if compressed {
            let packed = BufReader::with_capacity(VERIFY_BUFFER_BYTES, read);
            Box::new(BufReader::with_capacity(VERIFY_BUFFER_BYTES, MultiGzDecoder::new(packed)))
        } else {
            Box::new(BufReader::with_capacity(VERIFY_BUFFER_BYTES, read))
        })
    }
}

/// A file that tells how much of it was read.
struct Told<'t> {
    file: fs::File,
    told: &'t dyn Fn(u64),
}

impl Read for Told<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        (self.told)(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_the_log_gives_are_segments_and_the_plain_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "00000002.jsonl.gz",
            "00000002.jsonl",
            "00000010.jsonl.gz",
            "123456789.jsonl",
            "1.jsonl",
            "00000000.jsonl",
            "+0000001.jsonl",
            "00000003.jsonl.gz.part",
            "00000003.gz",
            "lock",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found: Vec<_> = segments(folder.path())
            .unwrap()
            .into_iter()
            .map(|segment| (segment.number, segment.compressed))
            .collect();
        assert_eq!(found, [(2, false), (10, true), (123_456_789, false)]);
        assert!(matches!(segments(&folder.path().join("none")), Err(VerifyError::NoLog(_))));
        assert!(matches!(segments(&folder.path().join("lock")), Err(VerifyError::NoLog(_))));
    }
}
