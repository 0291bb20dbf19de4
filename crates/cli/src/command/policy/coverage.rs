//! Which policies determined a decision of some cell, and whether they are enough: counted, never rounded up.
//!
//! A permit is covered when it allowed, a forbid when it denied; a policy that failed, or that matched where another failed,
//! determined nothing. What comes out otherwise than a test says is not known here.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;

use diagnostic::counted;
use policy::DecisionKind;
use policy::study::{PolicyView, Study, Verdict, shipped_guard};
use serde_json::{Value as Json, json};

use super::answer::Policy;
use super::test_report::escaped;

/// A share of a hundred, in steps of 0.0001.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Percent(u32);

impl Percent {
    const STEPS: u32 = 10_000;
    const DECIMALS: usize = 4;
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || {
            "a percentage is a number from 0 to 100 with at most 4 decimals, such as 90 or 99.5; \
             an app goes before `--coverage`"
                .to_owned()
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(decimals) || decimals.len() > Self::DECIMALS {
            return Err(invalid());
        }
        let steps = format!("{whole}{decimals:0<width$}", width = Self::DECIMALS);
        let steps = steps.parse().ok().filter(|steps| *steps <= 100 * Self::STEPS);
        steps.map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / Self::STEPS, self.0 % Self::STEPS);
        let decimals = format!("{rest:04}");
        match decimals.trim_end_matches('0') {
            "" => write!(formatter, "{whole}"),
            decimals => write!(formatter, "{whole}.{decimals}"),
        }
    }
}

/// What is to be covered, and how much of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The least share; nothing to count alone.
    pub(super) least: Option<Percent>,
    /// Whether the shipped guard is to be covered as well.
    pub(super) shipped_guard: bool,
}

/// What tells policies of several sets apart: whether it is an app's, whose paths are its own; file, place and id.
type Key = (bool, String, usize, Arc<str>);

/// The policies of all sets that tests are about, and which of them determined anything.
pub(super) struct Coverage {
    wanted: Wanted,
    policies: BTreeMap<Key, (PolicyView, bool)>,
}

/// Policies that count alike.
#[derive(Default)]
struct Share<'a> {
    covered: usize,
    uncovered: Vec<&'a PolicyView>,
}

impl Share<'_> {
    fn total(&self) -> usize {
        self.covered + self.uncovered.len()
    }

    /// Whether it is at least so much. Of nothing there is never enough.
    fn is_enough(&self, least: Percent) -> bool {
        let wide = |count: usize| count as u128;
        let (steps, whole) = (u128::from(least.0), u128::from(100 * Percent::STEPS));
        self.total() > 0 && wide(self.covered) * whole >= wide(self.total()) * steps
    }

    /// Rounded down, so that 100 is all.
    fn percent(&self) -> Option<Percent> {
        let whole = 100 * u128::from(Percent::STEPS);
        let steps = (self.covered as u128 * whole).checked_div(self.total() as u128)?;
        // Two decimals are read; the rest only decides.
        u32::try_from(steps).ok().map(|steps| Percent(steps / 100 * 100))
    }
}

impl Coverage {
    /// Nothing yet.
    pub(super) fn new(wanted: Wanted) -> Self {
        Self { wanted, policies: BTreeMap::new() }
    }

    /// Adds the policies of a set that a test is about; `of_app` if it is an app's.
    pub(super) fn add(&mut self, study: &Study, of_app: bool) {
        for policy in study.policies() {
            self.policies.entry(key(&policy, of_app)).or_insert((policy, false));
        }
    }

    /// Notes what determined a decision.
    pub(super) fn note(&mut self, verdict: &Verdict, of_app: bool) {
        if !matches!(verdict.kind, DecisionKind::Allow | DecisionKind::DenyForbid) {
            return;
        }
        for policy in &verdict.policies {
            if let Some((_, covered)) = self.policies.get_mut(&key(policy, of_app)) {
                *covered = true;
            }
        }
    }

    /// Whether it is as much as is wanted.
    pub(super) fn is_enough(&self) -> bool {
        self.wanted.least.is_none_or(|least| self.own().is_enough(least))
    }

    /// What is to be covered. A policy in shadow cannot determine anything.
    fn own(&self) -> Share<'_> {
        self.share(|policy| !policy.shadow && (self.wanted.shipped_guard || !is_shipped(policy)))
    }

    fn guard(&self) -> Share<'_> {
        self.share(is_shipped)
    }

    fn share(&self, counts: impl Fn(&PolicyView) -> bool) -> Share<'_> {
        let mut share = Share::default();
        for (policy, covered) in self.policies.values().filter(|(policy, _)| counts(policy)) {
            match covered {
                true => share.covered += 1,
                false => share.uncovered.push(policy),
            }
        }
        share
    }

    fn in_shadow(&self) -> Vec<&PolicyView> {
        self.policies.values().map(|(policy, _)| policy).filter(|policy| policy.shadow).collect()
    }

    /// For people.
    pub(super) fn to_text(&self) -> String {
        let own = self.own();
        let mut text = format!("coverage: {}\n", sentence(&own));
        for policy in &own.uncovered {
            let _ = writeln!(text, "  never: {}", policy.placed());
        }
        for policy in self.in_shadow() {
            let _ = writeln!(text, "  not counted: {}, in shadow", policy.placed());
        }
        let guard = self.guard();
        if !self.wanted.shipped_guard && guard.total() > 0 {
            let (covered, total) = (guard.covered, guard.total());
            let _ = writeln!(text, "  not counted: the shipped guard, {covered} of {total}");
        }
        if let Some(least) = self.wanted.least {
            let _ = match own.is_enough(least) {
                true => writeln!(text, "ok: coverage is {least} % or more"),
                false if own.total() == 0 => writeln!(text, "failed: there is no policy to cover"),
                false => writeln!(text, "failed: coverage is below {least} %"),
            };
        }
        text
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Json {
        let (own, guard) = (self.own(), self.guard());
        let policies =
            |policies: &[&PolicyView]| policies.iter().map(|policy| Policy::of(policy)).collect::<Vec<_>>();
        json!({
            "covered": own.covered,
            "total": own.total(),
            "uncovered": policies(&own.uncovered),
            "percent": own.percent().map(|percent| percent.to_string()),
            "least": self.wanted.least.map(|least| least.to_string()),
            "enough": self.is_enough(),
            "in_shadow": policies(&self.in_shadow()),
            "shipped_guard": {
                "counted": self.wanted.shipped_guard,
                "covered": guard.covered,
                "total": guard.total(),
                "uncovered": policies(&guard.uncovered),
            },
        })
    }

    /// A suite of one case, which fails where coverage does.
    pub(super) fn to_junit(&self) -> String {
        let own = self.own();
        let failures = usize::from(!self.is_enough());
        let mut text = format!(
            "  <testsuite name=\"coverage\" tests=\"1\" failures=\"{failures}\">\n    <properties>\n"
        );
        let least = self.wanted.least.map(|least| least.to_string());
        for (name, value) in [
            ("covered", Some(own.covered.to_string())),
            ("total", Some(own.total().to_string())),
            ("uncovered", Some(own.uncovered.len().to_string())),
            ("least", least),
        ] {
            if let Some(value) = value {
                let _ = writeln!(text, "      <property name=\"{name}\" value=\"{value}\"/>");
            }
        }
        text.push_str("    </properties>\n    <testcase name=\"policies that determined a decision\" classname=\"coverage\"");
        if failures == 0 {
            text.push_str("/>\n");
        } else {
            let never: Vec<String> = own.uncovered.iter().map(|policy| policy.position()).collect();
            let (message, never) = (escaped(&sentence(&own)), escaped(&never.join(", ")));
            let _ = writeln!(text, "><failure message=\"{message}\">{never}</failure></testcase>");
        }
        text.push_str("  </testsuite>\n");
        text
    }
}

fn sentence(share: &Share<'_>) -> String {
    let (covered, total, short) = (share.covered, share.total(), share.uncovered.len());
    let percent = share.percent().map_or_else(String::new, |percent| format!(" ({percent} %)"));
    let did = format!("{covered} of {} determined a decision{percent}", counted(total, "policy", "policies"));
    if short == 0 { did } else { format!("{did}, {short} did not") }
}

fn is_shipped(policy: &PolicyView) -> bool {
    Arc::ptr_eq(&policy.span.source, shipped_guard())
}

fn key(policy: &PolicyView, of_app: bool) -> Key {
    // The shipped guard is the same one in every set.
    let of_app = of_app && !is_shipped(policy);
    (of_app, policy.span.source.path.clone(), policy.span.start, policy.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_has_at_most_four_decimals_and_is_shown_as_it_is_meant() {
        for (text, shown) in
            [("0", "0"), ("90", "90"), ("99.99", "99.99"), ("100.0000", "100"), ("007.5000", "7.5")]
        {
            assert_eq!(text.parse::<Percent>().unwrap().to_string(), shown);
        }
        for text in ["", ".", "90%", "-1", "100.0001", "101", "1.00001", "my-app", "1e1", "99999999999999"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_never_rounded_up_and_nothing_is_never_enough() {
        let source = Arc::new(diagnostic::Source { path: "a.cedar".to_owned(), text: String::new() });
        let policy = PolicyView {
            id: "a".into(),
            place: policy::study::Place::Guard,
            span: diagnostic::Span { source, start: 0, end: 0 },
            shipped: false,
            advice: None,
            severity: None,
            audited: false,
            shadow: false,
        };
        let share = |covered, uncovered| Share { covered, uncovered: vec![&policy; uncovered] };
        let least = |text: &str| text.parse::<Percent>().unwrap();
        for (covered, uncovered, wanted, enough, shown) in [
            (9_999, 1, "100", false, "99.99"),
            (99_999, 1, "100", false, "99.99"),
            (99_999, 1, "99.999", true, "99.99"),
            (99_999, 1, "99.9991", false, "99.99"),
            (2, 1, "66.6666", true, "66.66"),
            (2, 1, "66.6667", false, "66.66"),
            (3, 0, "100", true, "100"),
            (0, 3, "0", true, "0"),
        ] {
            let share = share(covered, uncovered);
            assert_eq!(share.is_enough(least(wanted)), enough, "{covered} {uncovered} {wanted}");
            assert_eq!(share.percent().unwrap().to_string(), shown);
        }
        assert!(!share(0, 0).is_enough(least("0")) && share(0, 0).percent().is_none());
    }
}
