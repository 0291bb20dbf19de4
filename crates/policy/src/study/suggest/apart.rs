//! Chosen cases told from others: the conditions that fit those and none of these.
//!
//! One thing is asked after the other, each time the one that leaves the fewest pairs of a chosen case and another that look alike;
//! of several, the one that people would say first. What looks alike in everything is not told apart.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

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

/// Places of cases that are near. Those of which something is redacted are near whatever is asked of it, and kept once for all
/// answers.
#[derive(Debug, Clone, Default)]
struct Near(Vec<Rc<[usize]>>);

impl Near {
    fn of(places: Vec<usize>) -> Self {
        let mut near = Self::default();
        near.add(&Rc::from(places));
        near
    }

    fn add(&mut self, places: &Rc<[usize]>) {
        if !places.is_empty() {
            self.0.push(places.clone());
        }
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|places| places.iter().copied())
    }

    fn len(&self) -> usize {
        self.0.iter().map(|places| places.len()).sum()
    }
}

/// Tells the members from those that are near. `progress` is told how many members are done with since it was told last.
pub(super) fn apart(
    (chosen, members): (&[&Look], &[usize]),
    (others, near): (&[&Look], &[usize]),
    progress: &mut dyn FnMut(usize),
) -> Parts {
    let mut parts = Parts::default();
    let mut waiting = vec![(Vec::new(), members.to_vec(), Near::of(near.to_vec()))];
    while let Some((tests, members, near)) = waiting.pop() {
        let Some(first_near) = near.iter().min() else {
            progress(members.len());
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
                progress(members.len());
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
type Split = Vec<(Term, Test, Vec<usize>, Near)>;

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
    near: &'a Near,
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
        let near = self.near.iter().filter_map(|at| self.others.get(at));
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
            let members = self.members.iter().copied();
            let members = members.filter(|at| test.may_hold(self.of_member(*at, term))).collect();
            let near = self.near.iter().filter(|at| test.may_hold(self.of_near(*at, term)));
            let near = Near::of(near.collect());
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
        let mut unknown = Vec::new();
        for at in self.near.iter() {
            match self.of_near(at, term) {
                Value::Unknown => unknown.push(at),
                value => {
                    if let Some(part) = parts.get_mut(value) {
                        part.1.push(at);
                    }
                }
            }
        }
        let unknown = Rc::from(unknown);
        let mut split = Split::new();
        let mut free: (BTreeSet<Value>, Vec<usize>) = Default::default();
        for (value, (members, near)) in parts {
            let mut near = Near::of(near);
            near.add(&unknown);
            match value {
                Value::Absent => split.push((term.clone(), Test::Absent, members, near)),
                Value::Text(_) | Value::Entity(..) | Value::Long(_) if near.len() == 0 => {
                    free.0.insert(value.clone());
                    free.1.extend(members);
                }
                value => split.push((term.clone(), Test::In([value.clone()].into()), members, near)),
            }
        }
        if !free.1.is_empty() {
            split.push((term.clone(), Test::In(free.0), free.1, Near::default()));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::vocabulary::EntityType;

    fn look(topic: Value) -> Look {
        Look {
            actor: Arc::from("acme/user/ada"),
            action: "process.send",
            resource: (EntityType::Process, None),
            marks: vec![(Term::Field { name: "topic", required: true }, topic)],
        }
    }

    /// As many lists of what is redacted as there are values would be gigabytes.
    #[test]
    fn what_is_redacted_is_kept_once_for_all_answers() {
        const COUNT: usize = 1000;
        let text = |number: usize| Value::Text(number.to_string().into());
        let chosen: Vec<Look> = (0..COUNT).map(|number| look(text(number))).collect();
        let others: Vec<Look> = (0..COUNT).map(|_| look(Value::Unknown)).chain([look(text(7))]).collect();
        let (chosen, others): (Vec<&Look>, Vec<&Look>) = (chosen.iter().collect(), others.iter().collect());
        let (members, near): (Vec<usize>, Vec<usize>) =
            ((0..chosen.len()).collect(), (0..others.len()).collect());
        let near = Near::of(near);
        let pool = Pool { chosen: &chosen, members: &members, others: &others, near: &near };
        let split = pool.by_value(&Term::Field { name: "topic", required: true });
        assert_eq!(split.len(), COUNT);
        let lists: BTreeSet<*const usize> = split
            .iter()
            .flat_map(|(_, _, _, near)| &near.0)
            .filter(|places| places.len() > 1)
            .map(|places| places.as_ptr())
            .collect();
        assert_eq!(lists.len(), 1);
        assert!(split.iter().all(|(_, _, members, near)| (members.len(), near.len() >= COUNT) == (1, true)));
        // Every member is told of, once.
        let mut done = 0;
        let parts =
            apart((&chosen, &members), (&others, &near.iter().collect::<Vec<_>>()), &mut |more| done += more);
        assert_eq!((done, parts.alike.len(), parts.told.len()), (COUNT, COUNT, 0));
    }
}
