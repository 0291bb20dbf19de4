//! How many decisions there were when: steps of time that become longer as the period does.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::limits::REPORT_BUCKETS_MAX;
use crate::member::add;

/// Lengths of a step in seconds: each divides the next, so that steps can be put together.
const STEPS: [u64; 16] = [
    1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_419_200, 29_030_400,
];

/// Counts by time.
#[derive(Debug, Serialize)]
pub(super) struct Trend {
    /// Length of a step.
    pub(super) step_seconds: u64,
    /// Steps in which there was something, in order; those in between had nothing.
    pub(super) steps: Vec<Step>,
    #[serde(skip)]
    counts: BTreeMap<u64, Counts>,
}

/// One step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Step {
    /// When it begins, in RFC 3339.
    pub(super) from: String,
    /// The same in seconds since 1970.
    #[serde(skip)]
    pub(super) second: u64,
    #[serde(flatten)]
    pub(super) counts: Counts,
}

/// What was counted in a step.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Counts {
    /// Denials with a record of their own.
    pub(super) denied: u64,
    /// Denials that were only counted; they are in the step in which that was written.
    pub(super) counted: u64,
    /// Allowed, as far as that is recorded or counted.
    pub(super) allowed: u64,
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Denied,
    Counted,
    Allowed,
}

impl Default for Trend {
    fn default() -> Self {
        Self { step_seconds: 1, steps: Vec::new(), counts: BTreeMap::new() }
    }
}

impl Counts {
    /// All denials.
    pub(super) fn denials(&self) -> u64 {
        self.denied.saturating_add(self.counted)
    }

    fn add(&mut self, other: Self) {
        add(&mut self.denied, other.denied);
        add(&mut self.counted, other.counted);
        add(&mut self.allowed, other.allowed);
    }
}

impl Trend {
    pub(super) fn add(&mut self, second: u64, what: What, count: u64) {
        let of = self.counts.entry(second / self.step_seconds).or_default();
        match what {
            What::Denied => add(&mut of.denied, count),
            What::Counted => add(&mut of.counted, count),
            What::Allowed => add(&mut of.allowed, count),
        }
        while self.span() > REPORT_BUCKETS_MAX as u64 && self.lengthen() {}
    }

    pub(super) fn finish(&mut self) {
        self.steps = steps(&self.counts, self.step_seconds);
    }

    /// The same in at most `steps_max` steps, those with nothing in them included.
    pub(super) fn coarser(&self, steps_max: usize) -> Self {
        let mut coarser =
            Self { step_seconds: self.step_seconds, steps: Vec::new(), counts: self.counts.clone() };
        while coarser.span() > steps_max as u64 && coarser.lengthen() {}
        coarser.finish();
        coarser
    }

    /// Every step from the first to the last, those with nothing in them too.
    pub(super) fn whole(&self) -> Vec<Step> {
        let (Some((first, _)), Some((last, _))) =
            (self.counts.first_key_value(), self.counts.last_key_value())
        else {
            return Vec::new();
        };
        // A clock that went far back makes a period of years, whose steps are the longest: then some are left out.
        let whole = (*first..=*last).take(REPORT_BUCKETS_MAX);
        let whole = whole.map(|at| (at, self.counts.get(&at).copied().unwrap_or_default()));
        steps(&whole.collect(), self.step_seconds)
    }

    /// How many steps there are from the first to the last.
    fn span(&self) -> u64 {
        match (self.counts.first_key_value(), self.counts.last_key_value()) {
            (Some((first, _)), Some((last, _))) => last - first + 1,
            _ => 0,
        }
    }

    /// Makes steps longer, if there are longer ones.
    fn lengthen(&mut self) -> bool {
        let Some(next) = STEPS.into_iter().find(|step| *step > self.step_seconds) else { return false };
        let factor = next / self.step_seconds;
        let mut longer: BTreeMap<u64, Counts> = BTreeMap::new();
        for (at, counts) in &self.counts {
            longer.entry(at / factor).or_default().add(*counts);
        }
        (self.counts, self.step_seconds) = (longer, next);
        true
    }
}

fn steps(counts: &BTreeMap<u64, Counts>, step_seconds: u64) -> Vec<Step> {
    let step = |(at, counts): (&u64, &Counts)| {
        let second = at.saturating_mul(step_seconds);
        Step { from: rfc3339(second), second, counts: *counts }
    };
    counts.iter().map(step).collect()
}

/// A time in seconds since 1970, as records write times.
pub(super) fn rfc3339(second: u64) -> String {
    let time = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(second));
    value::rfc3339_seconds(time.unwrap_or(std::time::UNIX_EPOCH)).to_string()
}

/// The length of a step in words.
pub(super) fn length(seconds: u64) -> String {
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}
