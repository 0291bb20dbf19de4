//! The newest lines of a log, found from its end, and those that come after them: no index needed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::limits::{RECENT_BYTES_MAX, RECENT_CHUNK_BYTES};
use crate::lines::{Place, RawLine, Trouble, is_compressed, lines_from, regular, segments};

/// The newest lines that were wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// The lines, oldest first.
    pub lines: Vec<RawLine>,
    /// Where the next line will begin.
    pub end: Place,
    /// Whether older lines were not looked at any more, so that there may be more of those wanted.
    pub cut: bool,
    /// What could not be read.
    pub troubles: Vec<Trouble>,
}

/// The newest lines that are wanted, at most `count`. Looks back through at most 64 MiB.
pub fn recent(folder: &Path, count: usize, wanted: &mut dyn FnMut(&RawLine) -> bool) -> Recent {
    let mut recent = Recent { lines: Vec::new(), end: Place::default(), cut: false, troubles: Vec::new() };
    let segments = match segments(folder) {
        Ok(segments) => segments,
        Err(error) => {
            let (file, why) = (folder.to_owned(), error.to_string());
            recent.troubles.push(Trouble::Unreadable { file, segment: 0, why });
            return recent;
        }
    };
    let mut found = VecDeque::new();
    let mut bytes_left = RECENT_BYTES_MAX;
    for (number, path) in segments.into_iter().rev() {
        if found.len() == count || bytes_left == 0 {
            // With nothing wanted the end is wanted all the same.
            if recent.end != Place::default() {
                recent.cut = found.len() < count;
                break;
            }
        }
        if is_compressed(&path) {
            // Never the last one, which is being written.
            let (lines, bytes) = forwards(folder, number, count - found.len(), wanted, &mut recent.troubles);
            lines.into_iter().rev().for_each(|line| found.push_front(line));
            bytes_left = bytes_left.saturating_sub(bytes);
            continue;
        }
        let mut backwards = match Backwards::open(number, &path) {
            Ok(backwards) => backwards,
            Err(error) => {
                recent.troubles.push(unreadable(path, number, &error));
                continue;
            }
        };
        if recent.end == Place::default() {
            recent.end = Place { segment: number, offset: backwards.complete };
        }
        while found.len() < count {
            match backwards.next_line() {
                Ok(Some(line)) => {
                    let bytes = line.bytes.len() as u64 + 1;
                    if wanted(&line) {
                        found.push_front(line);
                    }
                    bytes_left = bytes_left.saturating_sub(bytes);
                    if bytes_left == 0 {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    recent.troubles.push(unreadable(path.clone(), number, &error));
                    break;
                }
            }
        }
    }
    recent.cut |= bytes_left == 0 && found.len() < count;
    recent.lines = found.into();
    recent
}

/// The newest wanted lines of a segment that can be read from its beginning only, and how many bytes it has.
fn forwards(
    folder: &Path,
    segment: u64,
    count: usize,
    wanted: &mut dyn FnMut(&RawLine) -> bool,
    troubles: &mut Vec<Trouble>,
) -> (VecDeque<RawLine>, u64) {
    let (mut newest, mut bytes) = (VecDeque::new(), 0);
    for line in lines_from(folder, Place { segment, offset: 0 }) {
        match line {
            Ok(line) if line.place.segment != segment => break,
            Ok(line) => {
                bytes = line.end().offset;
                if wanted(&line) {
                    newest.push_back(line);
                    if newest.len() > count {
                        newest.pop_front();
                    }
                }
            }
            Err(trouble @ Trouble::Unreadable { .. }) => {
                troubles.push(trouble);
                break;
            }
            Err(_) => {}
        }
    }
    (newest, bytes)
}

fn unreadable(file: PathBuf, segment: u64, error: &io::Error) -> Trouble {
    Trouble::Unreadable { file, segment, why: error.to_string() }
}

/// The complete lines of one segment, last first.
struct Backwards {
    segment: u64,
    file: File,
    /// Bytes of complete lines.
    complete: u64,
    /// Where what is in memory begins in the file.
    start: u64,
    /// What is in memory, up to the end of the line that is next.
    held: Vec<u8>,
    /// Whether what was before that is the end of a line that is too long.
    passing_over: bool,
}

impl Backwards {
    fn open(segment: u64, path: &Path) -> io::Result<Self> {
        let mut file = regular(path)?;
        let length = file.seek(SeekFrom::End(0))?;
        let mut backwards =
            Self { segment, file, complete: 0, start: length, held: Vec::new(), passing_over: false };
        // An incomplete last line, however long, is passed over.
        while backwards.extend()? {
            if let Some(at) = backwards.held.iter().rposition(|byte| *byte == b'\n') {
                backwards.held.truncate(at);
                backwards.complete = backwards.start + at as u64 + 1;
                return Ok(backwards);
            }
            backwards.held.clear();
        }
        Ok(backwards)
    }

    /// Reads the chunk before what is held. False at the beginning of the file.
    fn extend(&mut self) -> io::Result<bool> {
        let bytes = self.start.min(RECENT_CHUNK_BYTES as u64);
        if bytes == 0 {
            return Ok(false);
        }
        self.start -= bytes;
        self.file.seek(SeekFrom::Start(self.start))?;
        let mut chunk = Vec::with_capacity(RECENT_CHUNK_BYTES + self.held.len());
        (&mut self.file).take(bytes).read_to_end(&mut chunk)?;
        chunk.append(&mut self.held);
        self.held = chunk;
        Ok(true)
    }

    fn next_line(&mut self) -> io::Result<Option<RawLine>> {
        if self.complete == 0 {
            return Ok(None);
        }
        loop {
            if let Some(at) = self.held.iter().rposition(|byte| *byte == b'\n') {
                let bytes = self.held.split_off(at + 1);
                self.held.truncate(at);
                if std::mem::take(&mut self.passing_over) {
                    continue;
                }
                let offset = self.start + at as u64 + 1;
                return Ok(Some(RawLine { place: Place { segment: self.segment, offset }, bytes }));
            }
            // A line that long is no record, and is passed over.
            if self.held.len() > 2 * RECENT_CHUNK_BYTES {
                self.held.clear();
                self.passing_over = true;
            }
            if !self.extend()? {
                let bytes = std::mem::take(&mut self.held);
                self.complete = 0;
                let place = Place { segment: self.segment, offset: 0 };
                return Ok((!self.passing_over).then_some(RawLine { place, bytes }));
            }
        }
    }
}

/// Lines as they come, from a place on.
#[derive(Debug, Clone)]
pub struct Follower {
    folder: PathBuf,
    place: Place,
}

impl Follower {
    /// Follows a log from a place on.
    pub fn new(folder: &Path, place: Place) -> Self {
        Self { folder: folder.to_owned(), place }
    }

    /// What has come since the last look: at most so many lines, the rest with the next look. A folder that is not there has
    /// nothing yet.
    pub fn poll(&mut self, lines_max: usize) -> Vec<Result<RawLine, Trouble>> {
        if !self.folder.exists() {
            return Vec::new();
        }
        let mut lines = lines_from(&self.folder, self.place);
        let come = lines.by_ref().take(lines_max).collect();
        self.place = lines.place();
        come
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn texts(recent: &Recent) -> Vec<String> {
        recent.lines.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
    }

    #[test]
    fn the_newest_lines_are_found_from_the_end_across_segments() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let long = "x".repeat(3 * RECENT_CHUNK_BYTES);
        write("00000001.jsonl", "a\nb\n");
        write("00000002.jsonl", "");
        write("00000003.jsonl", &format!("c\n{}\nd\n\ntorn{long}", "y".repeat(RECENT_CHUNK_BYTES)));
        write("notes.jsonl", "z\n");
        let all = recent(folder.path(), 100, &mut |line| line.bytes.len() < 9);
        assert_eq!((texts(&all), all.cut), (["a", "b", "c", "d", ""].map(str::to_owned).to_vec(), false));
        let end = RECENT_CHUNK_BYTES as u64 + 2 + 1 + 2 + 1;
        assert_eq!(all.end, Place { segment: 3, offset: end });
        for line in &all.lines {
            let read = lines_from(folder.path(), line.place).next().unwrap().unwrap();
            assert_eq!((read.place, &read.bytes), (line.place, &line.bytes));
        }
        let two = recent(folder.path(), 2, &mut |line| !line.bytes.is_empty() && line.bytes.len() < 9);
        assert_eq!((texts(&two), two.end), (["c", "d"].map(str::to_owned).to_vec(), all.end));
        let none = recent(folder.path(), 0, &mut |_| true);
        assert_eq!((none.lines.len(), none.end), (0, all.end));
        // A line that is longer than any record is not put together.
        write("00000004.jsonl", &format!("e\n{long}{long}\nf\n"));
        let last = recent(folder.path(), 3, &mut |line| line.bytes.len() < 9);
        assert_eq!(texts(&last), ["", "e", "f"]);
    }

    #[test]
    fn a_follower_gives_each_line_once_when_it_is_complete_and_goes_on_in_the_next_segment() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut follower = Follower::new(&log, Place::default());
        let poll = |follower: &mut Follower| -> Vec<String> {
            let lines = follower.poll(100).into_iter();
            lines
                .map(|line| match line {
                    Ok(line) => String::from_utf8(line.bytes).unwrap(),
                    Err(trouble) => trouble.to_string(),
                })
                .collect()
        };
        assert!(poll(&mut follower).is_empty());
        fs::create_dir(&log).unwrap();
        let write = |name: &str, text: &str| fs::write(log.join(name), text).unwrap();
        write("00000001.jsonl", "a\nb");
        assert_eq!(poll(&mut follower), ["a"]);
        assert!(poll(&mut follower).is_empty());
        write("00000001.jsonl", "a\nbc\n");
        write("00000002.jsonl", "d\n");
        assert_eq!(poll(&mut follower), ["bc", "d"]);
        fs::remove_file(log.join("00000001.jsonl")).unwrap();
        fs::remove_file(log.join("00000002.jsonl")).unwrap();
        write("00000005.jsonl", "e\n");
        assert_eq!(poll(&mut follower), ["e"]);
        write("00000005.jsonl", "");
        let said = poll(&mut follower);
        assert!(said.len() == 1 && said[0].contains("shorter than it was"), "{said:?}");
        write("00000005.jsonl", "f\n");
        assert_eq!(poll(&mut follower), ["f"]);
    }
}
