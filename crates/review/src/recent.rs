//! The newest lines of a log, found from its end, and those that come after them: no index needed.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use audit::{LinePlace, LinesBack, RawLine, ReadError, is_packed, read_from, segments};

use crate::limits::{RECENT_BYTES_MAX, TROUBLES_MAX};

/// The newest lines that were wanted.
#[derive(Debug)]
pub struct Recent {
    /// The lines, oldest first.
    pub lines: Vec<RawLine>,
    /// Where the next line will begin.
    pub end: LinePlace,
    /// Whether older lines were not looked at any more, so that there may be more of those wanted.
    pub cut: bool,
    /// What could not be read.
    pub troubles: Vec<ReadError>,
}

/// The newest lines that are wanted, at most `count`. Looks back through at most 64 MiB.
pub fn recent(folder: &Path, count: usize, wanted: &mut dyn FnMut(&RawLine) -> bool) -> Recent {
    let end = LinePlace::default();
    let mut recent = Recent { lines: Vec::new(), end, cut: false, troubles: Vec::new() };
    let segments = match segments(folder) {
        Ok(segments) => segments,
        Err(source) => {
            let file = folder.to_owned();
            recent.troubles.push(ReadError::Unreadable { file, segment: 0, source });
            return recent;
        }
    };
    let last = segments.last().map(|(number, _)| *number);
    let mut look = Look { found: VecDeque::new(), count, bytes_left: RECENT_BYTES_MAX, wanted };
    for (number, path) in segments.into_iter().rev() {
        // With nothing wanted the end is wanted all the same.
        if look.is_over() && recent.end != LinePlace::default() {
            recent.cut = look.found.len() < count;
            break;
        }
        let troubles = &mut recent.troubles;
        if is_packed(&path) {
            // Never the last one, which is being written.
            look.forward(folder, number, troubles);
            continue;
        }
        match LinesBack::open(number, &path) {
            Ok(lines) => {
                if recent.end == LinePlace::default() {
                    recent.end = lines.end();
                }
                // What is torn in the last segment may be in the making.
                troubles.extend(lines.torn().filter(|_| Some(number) != last));
                look.back(lines, troubles);
            }
            // It was compressed since the folder was listed.
            Err(ReadError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                look.forward(folder, number, troubles);
            }
            Err(trouble) => troubles.push(trouble),
        }
    }
    recent.cut |= look.bytes_left == 0 && look.found.len() < count;
    recent.lines = look.found.into();
    recent
}

/// A look for the newest lines, under way.
struct Look<'w> {
    /// Those that were found, oldest first.
    found: VecDeque<RawLine>,
    count: usize,
    bytes_left: u64,
    wanted: &'w mut dyn FnMut(&RawLine) -> bool,
}

impl Look<'_> {
    fn is_over(&self) -> bool {
        self.found.len() == self.count || self.bytes_left == 0
    }

    /// Takes what is wanted of a segment, from its end.
    fn back(&mut self, lines: LinesBack, troubles: &mut Vec<ReadError>) {
        for line in lines {
            if self.is_over() {
                return;
            }
            match line {
                Ok(line) => {
                    self.bytes_left = self.bytes_left.saturating_sub(line.bytes.len() as u64 + 1);
                    if (self.wanted)(&line) {
                        self.found.push_front(line);
                    }
                }
                Err(trouble) => {
                    let is_last = matches!(trouble, ReadError::Unreadable { .. });
                    add(troubles, trouble);
                    if is_last {
                        return;
                    }
                }
            }
        }
    }

    /// The same of one that can be read from its beginning only.
    fn forward(&mut self, folder: &Path, segment: u64, troubles: &mut Vec<ReadError>) {
        let count = self.count - self.found.len();
        let (mut newest, mut bytes) = (VecDeque::new(), 0);
        let mut lines = read_from(folder, LinePlace { segment, offset: 0 });
        while let Some(line) = lines.next_raw() {
            match line {
                Ok(line) if line.place.segment != segment => break,
                Ok(line) => {
                    bytes = line.end().offset;
                    if (self.wanted)(&line) {
                        newest.push_back(line);
                        if newest.len() > count {
                            newest.pop_front();
                        }
                    }
                }
                Err(ReadError::NotARecord { place, .. }) if place.segment != segment => break,
                Err(ReadError::Unreadable { segment: unreadable, .. }) if unreadable != segment => break,
                Err(trouble) => {
                    let is_last = matches!(trouble, ReadError::Unreadable { .. });
                    add(troubles, trouble);
                    if is_last {
                        break;
                    }
                }
            }
        }
        newest.into_iter().rev().for_each(|line| self.found.push_front(line));
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
    }
}

fn add(troubles: &mut Vec<ReadError>, trouble: ReadError) {
    if troubles.len() < TROUBLES_MAX {
        troubles.push(trouble);
    }
}

/// Lines as they come, from a place on.
#[derive(Debug, Clone)]
pub struct Follower {
    folder: PathBuf,
    place: LinePlace,
}

impl Follower {
    /// Follows a log from a place on.
    pub fn new(folder: &Path, place: LinePlace) -> Self {
        Self { folder: folder.to_owned(), place }
    }

    /// What has come since the last look: at most so many lines, the rest with the next look. A folder that is not there has
    /// nothing yet.
    pub fn poll(&mut self, lines_max: usize) -> Vec<Result<RawLine, ReadError>> {
        if !self.folder.exists() {
            return Vec::new();
        }
        let mut lines = read_from(&self.folder, self.place);
        let come = std::iter::from_fn(|| lines.next_raw()).take(lines_max).collect();
        self.place = lines.place();
        come
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// As much as no line has.
    const CHUNK: usize = 256 * 1024;

    fn texts(recent: &Recent) -> Vec<String> {
        recent.lines.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
    }

    #[test]
    fn the_newest_lines_are_found_from_the_end_across_segments() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let long = "x".repeat(3 * CHUNK);
        write("00000001.jsonl", "a\nb\n");
        write("00000002.jsonl", "");
        write("00000003.jsonl", &format!("c\n{}\nd\n\ntorn{long}", "y".repeat(CHUNK)));
        write("notes.jsonl", "z\n");
        let all = recent(folder.path(), 100, &mut |line| line.bytes.len() < 9);
        assert_eq!((texts(&all), all.cut), (["a", "b", "c", "d", ""].map(str::to_owned).to_vec(), false));
        let end = CHUNK as u64 + 2 + 1 + 2 + 1;
        assert_eq!(all.end, LinePlace { segment: 3, offset: end });
        for line in &all.lines {
            let read = read_from(folder.path(), line.place).next_raw().unwrap().unwrap();
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
        let said: Vec<String> = last.troubles.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("byte 2 of") && said[0].ends_with("longer than 16384 bytes"), "{said:?}");
        assert!(said[1].ends_with("it is incomplete"), "{said:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_or_a_pipe_in_the_place_of_a_segment_is_told_and_neither_followed_nor_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("00000001.jsonl"), "a\n").unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("00000002.jsonl")).status().unwrap().success());
        fs::write(at("elsewhere"), "b\n").unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at("00000003.jsonl")).unwrap();
        let all = recent(folder.path(), 100, &mut |_| true);
        assert_eq!(texts(&all), ["a"]);
        let mut told: Vec<String> = all.troubles.iter().map(ToString::to_string).collect();
        let mut come = Follower::new(folder.path(), LinePlace::default()).poll(100);
        assert_eq!(come.remove(0).unwrap().bytes, b"a");
        told.reverse();
        assert!(
            told[0].ends_with("it is not a regular file") && told[1].ends_with("it is a symbolic link"),
            "{told:?}"
        );
        assert_eq!(come.into_iter().map(|line| line.unwrap_err().to_string()).collect::<Vec<_>>(), told);
    }

    #[test]
    fn a_follower_gives_each_line_once_when_it_is_complete_and_goes_on_in_the_next_segment() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut follower = Follower::new(&log, LinePlace::default());
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
