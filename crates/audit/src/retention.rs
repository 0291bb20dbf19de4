//! Which segments are older than they are kept, and whether the clock that says so can be believed.
//!
//! A segment is old when its last record is; segments are looked at from the first on, up to one that is not. What is
//! done about it, and in which order, is the writer's business.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::checkpoint::Hash;
use crate::digest::{hex, sha256};
use crate::folder::segments;
use crate::limits::{CLOCK_CONFIRMED_AFTER, CLOCK_JUMP_MAX};
use crate::read::{RawLine, ReadError, first_line, last_line};
use crate::stamp::Stamp;
use crate::{Event, EventKind};

/// How long records are kept.
pub(crate) struct Retention {
    folder: PathBuf,
    retain: Option<Duration>,
    /// The end of the oldest segment, which is read whole for it, by the segment's number.
    oldest: Option<(u64, End)>,
    /// What kept old segments from being removed was told.
    was_told: bool,
}

#[derive(Clone, Copy)]
struct End {
    stamp: Stamp,
    hash: Hash,
}

/// Segments that are older than they are kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outdated {
    /// Number of the last of them; all before it are meant too.
    pub(crate) segment: u64,
    /// Number of its last record.
    pub(crate) through: u64,
    head: Hash,
}

impl Outdated {
    /// What the log says before they go.
    pub(crate) fn event(&self) -> Event {
        Event::new(EventKind::Retention)
            .with("through", self.through.to_string())
            .with("head", hex(&self.head))
    }
}

impl Retention {
    /// Keeps the records of a folder for so long; for ever without a time.
    pub(crate) fn of(folder: &Path, retain: Option<Duration>) -> Self {
        Self { folder: folder.to_owned(), retain, oldest: None, was_told: false }
    }

    /// What is outdated among the segments with smaller numbers than this. Nothing in doubt, which is told.
    pub(crate) fn outdated(&mut self, below: u64, now: SystemTime) -> Option<Outdated> {
        let retain = self.retain?;
        match self.find(below, now, retain) {
            Ok(outdated) => {
                self.was_told = false;
                outdated
            }
            Err(why) => {
                self.doubt(&why);
                None
            }
        }
    }

    /// What is old cannot be removed: told once, until it works again.
    pub(crate) fn doubt(&mut self, why: &str) {
        if !std::mem::replace(&mut self.was_told, true) {
            let folder = self.folder.display();
            tracing::warn!(%folder, why, "audit segments are older than `retain` and are kept nevertheless");
        }
    }

    fn find(&mut self, below: u64, now: SystemTime, retain: Duration) -> Result<Option<Outdated>, String> {
        let is_old = |stamp: Stamp| now.duration_since(stamp.ts).is_ok_and(|age| age >= retain);
        let segments = segments(&self.folder).map_err(|error| error.to_string())?;
        let mut outdated = None;
        for (number, path) in segments.iter().take_while(|(number, _)| *number < below) {
            // An empty one, left by trouble, is as old as what is after it.
            let Some(first) = stamp(first_line(*number, path))? else { continue };
            // Most often this says enough, and the segment need not be read to its end.
            if !is_old(first) {
                break;
            }
            let Some(end) = self.end(*number, path)?.filter(|end| is_old(end.stamp)) else { break };
            outdated = Some(Outdated { segment: *number, through: end.stamp.seq, head: end.hash });
        }
        if outdated.is_some() {
            is_believable(&segments, now)?;
        }
        Ok(outdated)
    }

    fn end(&mut self, number: u64, path: &Path) -> Result<Option<End>, String> {
        if let Some((_, end)) = self.oldest.filter(|(known, _)| *known == number) {
            return Ok(Some(end));
        }
        let Some(line) = last_line(number, path).map_err(|error| error.to_string())? else { return Ok(None) };
        let hash = sha256(&[line.bytes.as_slice(), b"\n"].concat());
        let Some(stamp) = stamp(Ok(Some(line)))? else { return Ok(None) };
        let end = End { stamp, hash };
        self.oldest = Some((number, end));
        Ok(Some(end))
    }
}

/// Whether the log bears the clock out.
fn is_believable(segments: &[(u64, PathBuf)], now: SystemTime) -> Result<(), String> {
    // The times at which segments begin, back from now until one is long enough ago.
    let mut times = vec![now];
    for (number, path) in segments.iter().rev() {
        let Some(first) = stamp(first_line(*number, path))? else { continue };
        times.push(first.ts);
        if now.duration_since(first.ts).is_ok_and(|age| age >= CLOCK_CONFIRMED_AFTER) {
            break;
        }
    }
    confirmed(&times)
}

/// Whether times, from now back, show a clock that goes as clocks do: it is not before what was recorded, and has not
/// jumped within the last day. After a jump, which may be a machine that was off or a clock that is wrong, the log has
/// to go on for a day first: time for a person to see it.
fn confirmed(times: &[SystemTime]) -> Result<(), String> {
    let Some(now) = times.first() else { return Ok(()) };
    for (later, earlier) in times.iter().zip(times.iter().skip(1)) {
        let age =
            now.duration_since(*later).map_err(|_| "the clock is before the last records".to_owned())?;
        let jumped = later.duration_since(*earlier).is_ok_and(|step| step > CLOCK_JUMP_MAX);
        if jumped && age < CLOCK_CONFIRMED_AFTER {
            return Err("from one record to the next more than a week went by, less than a day ago: either \
                        nothing ran, or the clock is wrong"
                .to_owned());
        }
    }
    match times.last() {
        Some(earliest) if earliest > now => Err("the clock is before the last records".to_owned()),
        _ => Ok(()),
    }
}

fn stamp(line: Result<Option<RawLine>, ReadError>) -> Result<Option<Stamp>, String> {
    let Some(line) = line.map_err(|error| error.to_string())? else { return Ok(None) };
    let stamp = Stamp::of(&line.bytes);
    stamp.map(Some).ok_or_else(|| format!("`{}` does not say when it was written", line.file.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::folder::segment_name;

    const HOUR: Duration = Duration::from_secs(3_600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn day(number: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + (1_000 + number) * DAY
    }

    /// A folder with a segment for each list of times.
    fn folder(segments: &[&[SystemTime]]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut seq = 0;
        for (number, times) in (1..).zip(segments) {
            let lines: String = times
                .iter()
                .map(|ts| {
                    seq += 1;
                    format!("{{\"seq\":\"{seq}\",\"ts\":\"{}\"}}\n", value::rfc3339_nanos(*ts))
                })
                .collect();
            fs::write(folder.path().join(segment_name(number)), lines).unwrap();
        }
        folder
    }

    #[test]
    fn a_segment_is_outdated_when_its_last_record_is_and_the_clock_can_be_believed() {
        let daily: &[&[SystemTime]] =
            &[&[day(0), day(1)], &[], &[day(1), day(2)], &[day(2), day(3)], &[day(3)]];
        // Records of four days, then none for three weeks.
        let stopped: &[&[SystemTime]] = &[&[day(0), day(1)], &[day(1)], &[day(22)]];
        for (segments, below, retain, now, expected) in [
            (daily, 5, DAY, day(2) - HOUR, None),
            (daily, 5, DAY, day(3) - HOUR, None),
            (daily, 5, DAY, day(3), Some((3, 4))),
            (daily, 5, DAY, day(3) + HOUR, Some((3, 4))),
            (daily, 5, DAY, day(4) + HOUR, Some((4, 6))),
            // Never the last, and nothing that is kept.
            (daily, 5, DAY, day(9), Some((4, 6))),
            (daily, 1, DAY, day(9), None),
            (daily, 5, 100 * DAY, day(9), None),
            // The clock is a month ahead, or the machine was off; a day later it is still so.
            (daily, 5, DAY, day(33), None),
            (stopped, 3, DAY, day(22) + HOUR, None),
            (stopped, 3, DAY, day(22) + 23 * HOUR, None),
            (stopped, 3, DAY, day(23), Some((2, 3))),
            // The clock is before what was recorded.
            (stopped, 3, DAY, day(21), None),
        ] {
            let folder = folder(segments);
            let found = Retention::of(folder.path(), Some(retain)).outdated(below, now);
            let found = found.map(|outdated| (outdated.segment, outdated.through));
            assert_eq!(
                found,
                expected,
                "{:?} days",
                now.duration_since(day(0)).unwrap().as_secs_f32() / 86_400.0
            );
            assert_eq!(Retention::of(folder.path(), None).outdated(below, now), None);
        }
    }

    #[test]
    fn what_does_not_say_its_time_is_kept_with_all_that_follows() {
        let folder = folder(&[&[day(0)], &[day(1)], &[day(5)]]);
        fs::write(folder.path().join(segment_name(1)), "{\"seq\":\"1\"}\n").unwrap();
        assert_eq!(Retention::of(folder.path(), Some(DAY)).outdated(3, day(5)), None);
    }
}
