//! The segments as one log: each begins where the one before ends, the beginning is there or was removed in order,
//! and every checkpoint is signed by the key in force where it stands. Then the verdict.

use super::Question;
use super::eras::Eras;
use super::figures::{figures, key_ids};
use super::folder::Segment;
use super::follow::{Link, Misfit, follows};
use super::summary::{Fault, First, Place, Summary};
use super::verdict::{Doubt, Figures, Finding, Tampering, Verdict, Wrong};
use crate::checkpoint::{Checkpoint, GENESIS};
use crate::key::VerifyingKey;
use crate::key_rotation::FormerKey;
use crate::limits::VERIFY_KEYS_MAX;

/// The verdict on these segments; `partial` when there are others before them.
pub(super) fn judge(
    question: &Question<'_>,
    segments: &[Segment],
    summaries: &[Summary],
    partial: bool,
) -> Verdict {
    let mut log =
        Joined { summaries, last: None, origin: None, key: None, eras: Eras::new(), unsigned: None };
    let fault = log.fault(partial);
    let signed = !log.eras.trusted_keys(question.trust).is_empty();
    let counted = figures(segments, summaries);
    let figures = Figures {
        partial,
        origin: log.origin.clone(),
        keys: key_ids(summaries, &log.eras.keys()),
        checkpoints: log.eras.checkpoints(question.trust),
        removed: if partial { 0 } else { counted.first_record.saturating_sub(1) },
        ..counted
    };
    let finding = match fault.or_else(|| log.forgery(signed)) {
        Some(found) => tampered(segments, found),
        None => log.finding(question, segments, &figures),
    };
    Verdict { finding, figures }
}

/// A fault, and the segment that it is in.
struct Found {
    segment: usize,
    record: u64,
    line: u64,
    wrong: Wrong,
}

impl Found {
    fn at(segment: usize, place: Place, wrong: Wrong) -> Self {
        Self { segment, record: place.record, line: place.line, wrong }
    }
}

fn tampered(segments: &[Segment], found: Found) -> Finding {
    let Found { segment, record, line, wrong } = found;
    let file = segments.get(segment).map(|segment| segment.path.clone()).unwrap_or_default();
    Finding::Tampered(Tampering { record, file, line, wrong })
}

/// The log, as far as it was joined.
struct Joined<'s> {
    summaries: &'s [Summary],
    /// The last record so far, with its segment and line.
    last: Option<(Link, usize, u64)>,
    origin: Option<String>,
    /// The key in force.
    key: Option<VerifyingKey>,
    /// All that were, and what they signed.
    eras: Eras,
    /// The first checkpoint of a part, while no key is known to be in force.
    unsigned: Option<(usize, Place)>,
}

impl Joined<'_> {
    /// Joins the segments, up to the first fault.
    fn fault(&mut self, partial: bool) -> Option<Found> {
        for (at, summary) in self.summaries.iter().enumerate() {
            let joint = match (&summary.first, self.last) {
                (Some(first), Some((before, segment, line))) => joint(at, first, before, segment, line),
                (Some(first), None) if !partial => self.beginning(at, first),
                _ => None,
            };
            let inside = || summary.fault.as_ref().map(|fault| self.inside(at, fault));
            // Only the last file that holds anything can be torn.
            let torn = || {
                let later = self.summaries.iter().skip(at + 1).any(|later| later.lines > 0);
                let place = Place { record: self.next(summary), line: summary.lines + 1 };
                (summary.torn > 0 && later).then(|| Found::at(at, place, Wrong::Incomplete))
            };
            let by_line = joint.or_else(inside).or_else(torn);
            let found = [by_line, self.other_log(at, summary), self.other_key(at, summary)];
            let found = found.into_iter().flatten().min_by_key(|found| (found.segment, found.line));
            if found.is_some() {
                return found;
            }
            if let Some(last) = summary.last {
                self.last = Some((last, at, summary.lines));
            }
        }
        None
    }

    /// The number of the record that comes after a segment.
    fn next(&self, summary: &Summary) -> u64 {
        let last = summary.last.or(self.last.map(|(last, ..)| last));
        last.map_or(1, |last| last.seq.saturating_add(1))
    }

    fn inside(&self, at: usize, fault: &Fault) -> Found {
        let record = fault.record.or_else(|| self.last.map(|(last, ..)| last.seq.saturating_add(1)));
        // The first line of all is no record: it is record 1, or what comes after those that were removed.
        let removed =
            || self.summaries.iter().filter_map(|summary| summary.retention).map(|it| it.through).max();
        let record = record.unwrap_or_else(|| removed().map_or(1, |through| through.saturating_add(1)));
        Found { segment: at, record, line: fault.line, wrong: fault.wrong.clone() }
    }

    /// Whether what is first is the first there was, or the first that is left.
    fn beginning(&mut self, at: usize, first: &First) -> Option<Found> {
        let here = |record, wrong| Some(Found { segment: at, record, line: 1, wrong });
        if first.seq == 1 {
            self.origin = Some(first.id.clone());
            return if first.prev == GENESIS { None } else { here(1, Wrong::PrevChanged) };
        }
        let last = first.seq - 1;
        let retention = self.summaries.iter().filter_map(|summary| summary.retention);
        match retention.max_by_key(|retention| retention.through) {
            None => here(1, Wrong::Beginning { last }),
            Some(retention) if retention.through < last => {
                here(retention.through + 1, Wrong::Beginning { last })
            }
            Some(retention) if retention.through == last && retention.head != first.prev => {
                here(first.seq, Wrong::NotAfterRemoved)
            }
            Some(_) => None,
        }
    }

    fn other_log(&mut self, at: usize, summary: &Summary) -> Option<Found> {
        let (origin, place) = summary.origin.as_ref()?;
        let known = self.origin.get_or_insert_with(|| origin.clone());
        (known != origin).then(|| Found::at(at, *place, Wrong::OtherLog { origin: origin.clone() }))
    }

    /// The first checkpoint that is not signed by the key in force, or rotation from another one.
    fn other_key(&mut self, at: usize, summary: &Summary) -> Option<Found> {
        for (index, stretch) in summary.stretches.iter().enumerate() {
            let odd = match (self.key, stretch.signer) {
                (Some(key), Some(signer)) if key == signer => stretch.odd,
                (Some(_), _) => stretch.first,
                (None, Some(signer)) => {
                    self.enter(signer);
                    if let Some((segment, place)) = self.unsigned.take() {
                        return Some(Found::at(segment, place, Wrong::Signature));
                    }
                    stretch.odd
                }
                (None, None) => {
                    self.unsigned = self.unsigned.or(stretch.first.map(|place| (at, place)));
                    None
                }
            };
            if let Some(place) = odd {
                return Some(Found::at(at, place, Wrong::Signature));
            }
            self.eras.sign(stretch.last, stretch.checkpoints);
            let Some(rotation) = summary.rotations.get(index) else { continue };
            match (self.key, rotation.old) {
                (Some(key), old) if !old.is(&key) => {
                    return Some(Found::at(at, rotation.place, Wrong::OtherKeyInForce));
                }
                (None, FormerKey::AtHand(old)) => self.enter(old),
                _ => {}
            }
            if self.eras.keys().len() >= VERIFY_KEYS_MAX {
                return Some(Found::at(at, rotation.place, Wrong::TooManyKeys));
            }
            let unsigned = self.unsigned.take();
            match (rotation.old, unsigned) {
                // Checkpoints before it, of which none was signed by the key that it says was in force.
                (FormerKey::AtHand(_), Some((segment, place))) => {
                    return Some(Found::at(segment, place, Wrong::Signature));
                }
                (FormerKey::AtHand(_), None) => {}
                // Nobody said of the new key that it may sign; and the checkpoints before it are of a key that is not known.
                (FormerKey::Gone(_), _) => self.eras.begin(rotation.place.record),
            }
            self.enter(rotation.new);
            self.eras.sign(rotation.place.record, 1);
        }
        None
    }

    fn enter(&mut self, key: VerifyingKey) {
        self.key = Some(key);
        self.eras.enter(key);
    }

    /// A checkpoint in the name of a trusted key, in a log that no trusted key signed.
    fn forgery(&self, signed: bool) -> Option<Found> {
        let mut stretches = self.summaries.iter().enumerate().flat_map(|(at, summary)| {
            summary.stretches.iter().filter_map(move |stretch| Some((at, stretch.forged?)))
        });
        let (at, place) = stretches.next().filter(|_| !signed)?;
        Some(Found::at(at, place, Wrong::Signature))
    }

    /// The finding on a log without a fault.
    fn finding(&self, question: &Question<'_>, segments: &[Segment], figures: &Figures) -> Finding {
        if let Some(outside) = question.against {
            let handed_on = self.eras.trusted_keys(question.trust);
            let mut keys = question.trust.iter().chain(&handed_on);
            if !question.trust.is_empty() && !keys.any(|key| outside.is_signed_by(key)) {
                return Finding::Unverifiable(Doubt::OutsideNotTrusted);
            }
            if let Some(found) = self.against(outside, figures) {
                return found
                    .map_or(Finding::Unverifiable(Doubt::OutsideGone), |found| tampered(segments, found));
            }
        }
        let doubt = if question.trust.is_empty() {
            Doubt::NoKey
        } else if figures.last_checkpoint == 0 {
            Doubt::NoCheckpoint
        } else if let Some(doubt) = self.eras.doubt(question.trust, figures.first_record, figures.last_record)
        {
            doubt
        } else if !question.in_force.is_empty()
            && self.key.is_none_or(|key| !question.in_force.contains(&key))
        {
            // Whoever has a key that was retired may have written it.
            Doubt::OtherKeyInForce
        } else {
            return Finding::Intact;
        };
        Finding::Unverifiable(doubt)
    }

    /// What is wrong with the log by a checkpoint from outside: a fault, or that it cannot be told.
    fn against(&self, outside: &Checkpoint, figures: &Figures) -> Option<Option<Found>> {
        let head = outside.head();
        let at = self.summaries.len().saturating_sub(1);
        let (lines, last) = self.last.map_or((0, 0), |(last, _, lines)| (lines, last.seq));
        let found = |record, line, wrong| Some(Some(Found { segment: at, record, line, wrong }));
        if let Some(origin) = &self.origin
            && *origin != head.log
        {
            let record = figures.first_record;
            let wrong = Wrong::NotThatLog { origin: head.log.clone() };
            return Some(Some(Found { segment: 0, record, line: 1, wrong }));
        }
        if head.records > last {
            return found(last + 1, lines + 1, Wrong::CutOff { records: head.records });
        }
        let watched =
            self.summaries.iter().enumerate().find_map(|(at, summary)| Some((at, summary.watched?)));
        let Some((segment, hash)) = watched else { return Some(None) };
        if hash == head.hash {
            return None;
        }
        // Lines of a segment are counted from its first record on.
        let first = self.summaries.get(segment).and_then(|summary| summary.first.as_ref());
        let line = first.map_or(1, |first| head.records.saturating_sub(first.seq) + 1);
        Some(Some(Found { segment, record: head.records, line, wrong: Wrong::Replaced }))
    }
}

/// How a segment does not begin where the one before ends.
fn joint(at: usize, first: &First, before: Link, segment: usize, line: u64) -> Option<Found> {
    Some(match follows(before, first.seq, first.prev)? {
        Misfit::Here(record, wrong) => Found { segment: at, record, line: 1, wrong },
        Misfit::Before(record, wrong) => Found { segment, record, line, wrong },
    })
}
