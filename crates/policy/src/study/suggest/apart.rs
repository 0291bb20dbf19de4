//! Chosen cases told from others: the conditions that fit those and none of these.
//!
//! One thing is asked after the other, each time the one that leaves the fewest pairs of a chosen case and another that look alike;
//! of several, the one that people would say first. What looks alike in everything is not told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::Look;
use super::mark::{Term, Value};

/// Parts that one question may split cases into before another is preferred: more values than that are drawn by lot, or counted.
const PARTS_FEW: usize = 16;

/// What is asked of something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Test {
    /// It is one of these, none of which is absent.
    In(BTreeSet<Value>),
    Absent,
    Present,
    AtMost(i64),
    AtLeast(i64),
}

/// Two cases that no policy can tell apart, one of which was not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alike {
    /// The place of the chosen one.
    pub chosen: usize,
    /// The place of the other.
    pub other: usize,
}

/// Chosen cases and what tells them from all others.
pub(super) struct Part {
    pub(super) tests: Vec<(Term, Test)>,
    pub(super) members: Vec<usize>,
}

/// Everything that came of it.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) told: Vec<Part>,
    pub(super) alike: Vec<Alike>,
}

/// Tells the members from those that are near.
pub(super) fn apart((chosen, members): (&[&Look], &[usize]), (others, near): (&[&Look], &[usize])) -> Parts {
    let mut parts = Parts::default();
    let mut waiting = vec![(Vec::new(), members.to_vec(), near.to_vec())];
    while let Some((tests, members, near)) = waiting.pop() {
        let Some(first_near) = near.first().copied() else {
            parts.told.push(Part { tests, members });
            continue;
        };
        let pool = Pool { chosen, members: &members, others, near: &near };
        match pool.best() {
            Some(split) => waiting.extend(split.into_iter().map(|(term, test, members, near)| {
                let tests = tests.iter().cloned().chain([(term, test)]).collect();
                (tests, members, near)
            })),
            None => {
                let alike = |chosen| Alike { chosen, other: first_near };
                parts.alike.extend(members.into_iter().map(alike));
            }
        }
    }
    parts.told.sort_by(|one, other| one.tests.cmp(&other.tests));
    parts.alike.sort_by_key(|alike| alike.chosen);
    parts
}

/// A question with, for each answer, the members and the near that give it.
type Split = Vec<(Term, Test, Vec<usize>, Vec<usize>)>;

/// How far a question is from what people would ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Plain,
    /// The bound of a number.
    Bound,
    /// An exact number, which a later case has by chance: where nothing else helps.
    Exact,
}

struct Pool<'a> {
    chosen: &'a [&'a Look],
    members: &'a [usize],
    others: &'a [&'a Look],
    near: &'a [usize],
}

impl Pool<'_> {
    fn of_member(&self, at: usize, term: &Term) -> &Value {
        self.chosen.get(at).map_or(&Value::Unknown, |look| look.value(term))
    }

    fn of_near(&self, at: usize, term: &Term) -> &Value {
        self.others.get(at).map_or(&Value::Unknown, |look| look.value(term))
    }

    /// The question that leaves the fewest pairs, if one leaves fewer than there are.
    fn best(&self) -> Option<Split> {
        let members = self.members.iter().filter_map(|at| self.chosen.get(*at));
        let near = self.near.iter().filter_map(|at| self.others.get(*at));
        let terms: BTreeSet<&Term> =
            members.chain(near).flat_map(|look| look.marks.iter().map(|(term, _)| term)).collect();
        let whole = self.members.len() * self.near.len();
        let splits = terms.into_iter().flat_map(|term| self.splits(term));
        let rated = splits.filter_map(|(kind, split)| {
            let left: usize = split.iter().map(|(_, _, members, near)| members.len() * near.len()).sum();
            let rank = (kind == Kind::Exact, left, split.len() > PARTS_FEW, kind);
            (left < whole).then_some((rank, split))
        });
        // Of equals the first is kept: terms come in the order in which people would say them.
        rated.min_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, split)| split)
    }

    /// The questions that can be asked of something.
    fn splits(&self, term: &Term) -> Vec<(Kind, Split)> {
        let values: BTreeSet<&Value> = self.members.iter().map(|at| self.of_member(*at, term)).collect();
        if values.contains(&Value::Unknown) {
            return Vec::new();
        }
        let numbers: Vec<i64> = values
            .iter()
            .filter_map(|value| match value {
                Value::Long(number) => Some(*number),
                _ => None,
            })
            .collect();
        let (Some(least), Some(most)) = (numbers.iter().min(), numbers.iter().max()) else {
            return vec![(Kind::Plain, self.by_value(term))];
        };
        if values.contains(&Value::Absent) {
            return vec![(Kind::Plain, self.by_tests(term, [Test::Absent, Test::Present]))];
        }
        vec![
            (Kind::Bound, self.by_tests(term, [Test::AtMost(*most)])),
            (Kind::Bound, self.by_tests(term, [Test::AtLeast(*least)])),
            (Kind::Exact, self.by_value(term)),
        ]
    }

    fn by_tests(&self, term: &Term, tests: impl IntoIterator<Item = Test>) -> Split {
        let split = tests.into_iter().map(|test| {
            let of = |places: &[usize], value: &dyn Fn(usize) -> Value| -> Vec<usize> {
                places.iter().copied().filter(|at| test.may_hold(&value(*at))).collect()
            };
            let members = of(self.members, &|at| self.of_member(at, term).clone());
            let near = of(self.near, &|at| self.of_near(at, term).clone());
            (term.clone(), test, members, near)
        });
        split.collect()
    }

    /// One part for each value that something near has, too; one for all others.
    fn by_value(&self, term: &Term) -> Split {
        let mut parts: BTreeMap<&Value, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for at in self.members {
            parts.entry(self.of_member(*at, term)).or_default().0.push(*at);
        }
        for at in self.near {
            match self.of_near(*at, term) {
                Value::Unknown => parts.values_mut().for_each(|part| part.1.push(*at)),
                value => {
                    if let Some(part) = parts.get_mut(value) {
                        part.1.push(*at);
                    }
                }
            }
        }
        let mut split = Split::new();
        let mut free: (BTreeSet<Value>, Vec<usize>) = Default::default();
        for (value, (members, near)) in parts {
            match value {
                Value::Absent => split.push((term.clone(), Test::Absent, members, near)),
                Value::Text(_) | Value::Entity(..) | Value::Long(_) if near.is_empty() => {
                    free.0.insert(value.clone());
                    free.1.extend(members);
                }
                value => split.push((term.clone(), Test::In([value.clone()].into()), members, near)),
            }
        }
        if !free.1.is_empty() {
            split.push((term.clone(), Test::In(free.0), free.1, Vec::new()));
        }
        split
    }
}

impl Test {
    /// Whether it holds, or could.
    pub(super) fn may_hold(&self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Unknown) => true,
            (Self::Absent, value) => *value == Value::Absent,
            (Self::Present, value) => *value != Value::Absent,
            (Self::AtMost(most), Value::Long(number)) => number <= most,
            (Self::AtLeast(least), Value::Long(number)) => number >= least,
            (Self::AtMost(_) | Self::AtLeast(_), _) => false,
            (Self::In(values), value) => values.contains(value),
        }
    }
}
