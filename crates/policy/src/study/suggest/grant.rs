//! A permit as it is put together. How it is written is not known here.
//!
//! It permits each combination of what it names, so that two that differ in one thing can be one without permitting more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::apart::Test;
use super::mark::{Term, Value};
use crate::limits::SUGGEST_NAMED_MAX;
use crate::vocabulary::{EntityType, Group};

/// Who, what for and on what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    pub(super) actors: BTreeSet<Arc<str>>,
    pub(super) actions: BTreeSet<&'static str>,
    pub(super) entity_type: EntityType,
    /// None for processes.
    pub(super) ids: BTreeSet<Arc<str>>,
}

/// A permit.
#[derive(Debug, Clone)]
pub struct Grant {
    pub(super) head: Head,
    pub(super) tests: BTreeSet<(Term, Test)>,
    members: BTreeSet<usize>,
}

/// In what two permits may differ to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis<'a> {
    Actions,
    Values(&'a Term),
    Ids,
    Actors,
}

impl Grant {
    pub(super) fn new(
        head: Head,
        said: &[(Term, Value)],
        told: Vec<(Term, Test)>,
        members: Vec<usize>,
    ) -> Self {
        let said = said.iter().map(|(term, value)| {
            let test = match value {
                Value::Absent => Test::Absent,
                value => Test::In([value.clone()].into()),
            };
            (term.clone(), test)
        });
        Self { head, tests: said.chain(told).collect(), members: members.into_iter().collect() }
    }

    /// The places of the chosen looks that it is for.
    pub fn members(&self) -> &BTreeSet<usize> {
        &self.members
    }

    /// Ids of the actors that it names.
    pub fn actors(&self) -> &BTreeSet<Arc<str>> {
        &self.head.actors
    }

    /// The permissions that it names.
    pub fn actions(&self) -> &BTreeSet<&'static str> {
        &self.head.actions
    }

    /// A beginning for its id that says what it is about.
    pub fn name(&self) -> String {
        let plain = |text: &str| -> String {
            let fits = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
            text.chars().map(|character| if fits(character) { character } else { '-' }).take(40).collect()
        };
        let actor = match self.head.actors.first() {
            Some(actor) if self.head.actors.len() == 1 => plain(actor.rsplit('/').next().unwrap_or_default()),
            _ => "several".to_owned(),
        };
        let mut actions = self.head.actions.iter();
        let of_group = |action: &str| {
            let group = crate::permission::find(action).map(|spec| spec.group.name());
            group.unwrap_or_default().to_owned()
        };
        let what = match (actions.next(), actions.next()) {
            (Some(action), None) => (*action).to_owned(),
            (Some(action), Some(_))
                if self.head.actions.iter().all(|other| of_group(other) == of_group(action)) =>
            {
                of_group(action)
            }
            _ => "process".to_owned(),
        };
        format!("suggested.{actor}.{what}")
    }

    /// The same without what it names along an axis; nothing where that could not be put back with more.
    fn without(&self, axis: Axis<'_>) -> Option<Self> {
        let mut rest = Self { members: BTreeSet::new(), ..self.clone() };
        match axis {
            Axis::Actions => rest.head.actions.clear(),
            Axis::Ids => rest.head.ids.clear(),
            Axis::Actors => rest.head.actors.clear(),
            Axis::Values(term) => {
                let values = self.values(term)?;
                let joins = |value: &Value| matches!(value, Value::Text(_) | Value::Entity(..));
                if !values.iter().all(joins) {
                    return None;
                }
                rest.tests.retain(|(known, test)| !(known == term && matches!(test, Test::In(_))));
            }
        }
        Some(rest)
    }

    fn values(&self, term: &Term) -> Option<&BTreeSet<Value>> {
        let mut tests = self.tests.iter().filter_map(|(known, test)| match test {
            Test::In(values) if known == term => Some(values),
            _ => None,
        });
        // Two would have to hold at once, which no union of values says.
        tests.next().filter(|_| tests.next().is_none())
    }

    /// Whether it lets end what others run, which nobody is to get unseen beside something else.
    fn controls(&self) -> bool {
        let group = |action: &str| crate::permission::find(action).map(|spec| spec.group);
        self.head.actions.iter().any(|action| group(action) == Some(Group::Control))
    }

    /// What is named along an axis.
    fn named(&self, axis: Axis<'_>) -> usize {
        match axis {
            Axis::Actions => self.head.actions.len(),
            Axis::Ids => self.head.ids.len(),
            Axis::Actors => self.head.actors.len(),
            Axis::Values(term) => self.values(term).map_or(0, BTreeSet::len),
        }
    }

    /// Takes what another names along an axis, in which alone they differ.
    fn take(&mut self, other: Self, axis: Axis<'_>) {
        if let Axis::Values(term) = axis {
            let values = self.values(term).into_iter().chain(other.values(term)).flatten().cloned().collect();
            self.tests.retain(|(known, test)| !(known == term && matches!(test, Test::In(_))));
            self.tests.insert((term.clone(), Test::In(values)));
        }
        self.head.actions.extend(other.head.actions);
        self.head.ids.extend(other.head.ids);
        self.head.actors.extend(other.head.actors);
        self.members.extend(other.members);
    }
}

/// Permits that differ in one thing only made one, until none do; what ends processes stays by itself. Not more than [`SUGGEST_NAMED_MAX`] are named in one place.
pub(super) fn united(mut grants: Vec<Grant>) -> Vec<Grant> {
    loop {
        let before = grants.len();
        let terms: BTreeSet<Term> =
            grants.iter().flat_map(|grant| grant.tests.iter().map(|(term, _)| term.clone())).collect();
        grants = along(grants, Axis::Actions);
        for term in &terms {
            grants = along(grants, Axis::Values(term));
        }
        grants = along(grants, Axis::Ids);
        grants = along(grants, Axis::Actors);
        if grants.len() == before {
            grants.sort_by(|one, other| (&one.head, &one.tests).cmp(&(&other.head, &other.tests)));
            return grants;
        }
    }
}

/// What has to be the same of two permits to be one along an axis, and whether they let end processes.
type Rest = (Head, BTreeSet<(Term, Test)>, bool);

fn along(grants: Vec<Grant>, axis: Axis<'_>) -> Vec<Grant> {
    let mut united: Vec<Grant> = Vec::new();
    let mut open: BTreeMap<Rest, usize> = BTreeMap::new();
    for grant in grants {
        let Some(rest) = grant.without(axis) else {
            united.push(grant);
            continue;
        };
        let key = (rest.head, rest.tests, axis == Axis::Actions && grant.controls());
        let at = open.get(&key).copied();
        match at.and_then(|at| united.get_mut(at)) {
            Some(one) if one.named(axis) + grant.named(axis) <= SUGGEST_NAMED_MAX => one.take(grant, axis),
            _ => {
                open.insert(key, united.len());
                united.push(grant);
            }
        }
    }
    united
}

#[cfg(test)]
mod tests {
    use super::super::{Look, grants};
    use super::*;

    fn fits(grant: &Grant, look: &Look) -> bool {
        let Head { actors, actions, entity_type, ids } = &grant.head;
        actors.contains(&look.actor)
            && actions.contains(look.action)
            && *entity_type == look.resource.0
            && look.resource.1.as_ref().is_none_or(|id| ids.contains(id))
            && grant.tests.iter().all(|(term, test)| test.may_hold(look.value(term)))
    }

    /// A few values of each thing, so that much is alike.
    fn look(below: &mut impl FnMut(u64) -> u64) -> Look {
        let entity = |kind, number: u64| Value::Entity(kind, format!("a:{number}").into());
        let topic = if below(9) == 0 { Value::Unknown } else { Value::Text(below(3).to_string().into()) };
        let deadline = if below(2) == 0 { Value::Absent } else { Value::Long(below(4).cast_signed()) };
        let field = |name, required| Term::Field { name, required };
        Look {
            actor: format!("acme/user/{}", below(2)).into(),
            action: ["process.send", "process.cancel"][usize::try_from(below(2)).unwrap()],
            resource: (EntityType::Process, None),
            marks: vec![
                (Term::CallerDefinition, entity(EntityType::Definition, below(2))),
                (Term::Definition, entity(EntityType::Definition, below(2))),
                (Term::Itself, Value::Bool(below(2) == 0)),
                (field("deadline_ms", false), deadline),
                (field("topic", true), topic),
            ],
        }
    }

    #[test]
    fn permits_fit_each_chosen_look_that_is_not_left_out_and_no_other_united_or_not() {
        let seed = std::env::var("MOONWARD_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
        println!("MOONWARD_SEED={seed}");
        let mut state = seed;
        let mut below = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        for _ in 0..300 {
            let looks: Vec<Look> = (0..40).map(|_| look(&mut below)).collect();
            let (chosen, others): (Vec<&Look>, Vec<&Look>) = looks.iter().partition(|_| below(2) == 0);
            let found = grants(&chosen, &others, &mut |_| {});
            let left: BTreeSet<usize> = found.left_out.iter().map(|alike| alike.chosen).collect();
            let united = united(found.grants.clone());
            assert!(united.len() <= found.grants.len());
            for permits in [&found.grants, &united] {
                for (at, look) in chosen.iter().enumerate() {
                    let fitting =
                        permits.iter().any(|grant| fits(grant, look) && grant.members().contains(&at));
                    assert_eq!(fitting, !left.contains(&at), "{look:?}");
                }
                for look in &others {
                    assert!(!permits.iter().any(|grant| fits(grant, look)), "{look:?}\n{permits:#?}");
                }
            }
        }
    }
}
