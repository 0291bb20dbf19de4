//! Permits put together from cases: the least that permit the cases that were chosen, and none of the others.
//!
//! A permit begins as people write one: who, what for, on what, from which program, and with which few topics. Where that fits a case
//! that was not chosen, conditions are added that tell the two apart, or the chosen one is left out. What is found is a proposal by what cases look like:
//! whether it permits exactly what it should is the engine's to say, which whoever asks has to let decide.

mod apart;
mod grant;
mod mark;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use apart::Alike;
pub use grant::Grant;

use self::apart::{Part, Test};
use self::grant::Head;
use self::mark::{Term, Value, marks};
use super::Again;
use crate::cedar::name_id;
use crate::limits::SUGGEST_TEXTS_MAX;
use crate::permission::Subject;
use crate::vocabulary::EntityType;

/// What a policy could tell of a case: cases of one look are permitted together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Look {
    actor: Arc<str>,
    action: &'static str,
    resource: (EntityType, Option<Arc<str>>),
    marks: Vec<(Term, Value)>,
}

impl Look {
    /// The look of a recorded case. What is redacted in it cannot be told from anything.
    pub fn of(again: &Again) -> Self {
        let posed = again.posed();
        let id = match &posed.subject {
            // A pid is drawn by lot: no policy can name one.
            Subject::Process(_) => None,
            Subject::Name(name) => Some(Arc::from(name_id(name))),
            other => Some(Arc::from(other.resource().text())),
        };
        Self {
            actor: posed.actor.id().clone(),
            action: posed.spec.action,
            resource: (posed.subject.resource().entity_type(), id),
            marks: marks(posed, again.redacted()),
        }
    }

    /// The permission that was asked for.
    pub fn action(&self) -> &'static str {
        self.action
    }

    fn value(&self, term: &Term) -> &Value {
        let found = self.marks.binary_search_by(|(known, _)| known.cmp(term));
        found.ok().and_then(|at| self.marks.get(at)).map_or_else(|| term.unmarked(), |(_, value)| value)
    }

    /// Where a permit for it begins: the head, and what is always said.
    fn beginning(&self) -> (Head, Vec<(Term, Value)>) {
        let head = Head {
            actors: [self.actor.clone()].into(),
            actions: [self.action].into(),
            entity_type: self.resource.0,
            ids: self.resource.1.iter().cloned().collect(),
        };
        let says_via = self.marks.iter().any(|(term, _)| *term == Term::Via);
        // What comes from outside has no program that asks, and says so by its way in.
        let is_said = |(term, value): &&(Term, Value)| {
            term.begins() && !(says_via && *term == Term::CallerDefinition && *value == Value::Absent)
        };
        (head, self.marks.iter().filter(is_said).cloned().collect())
    }
}

/// What was found for chosen looks.
#[derive(Debug, Default)]
pub struct Found {
    /// Permits, each with the places of the chosen looks that it is for; a look is permitted by one of them.
    pub grants: Vec<Grant>,
    /// Places of the chosen looks that no policy can tell from one of the others.
    pub left_out: Vec<Alike>,
}

/// Permits for these looks that fit none of those others. The same looks give the same permits. `progress` is told how many of the
/// chosen are told from the others.
pub fn grants(chosen: &[&Look], others: &[&Look], progress: &mut dyn FnMut(usize)) -> Found {
    let mut groups: BTreeMap<_, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, look) in chosen.iter().enumerate() {
        groups.entry(look.beginning()).or_default().0.push(at);
    }
    for (at, look) in others.iter().enumerate() {
        if let Some(group) = groups.get_mut(&look.beginning()) {
            group.1.push(at);
        }
    }
    let (mut found, mut done) = (Found::default(), 0);
    for ((head, said), (members, near)) in groups {
        let parts = apart::apart((chosen, &members), (others, &near), &mut |more| {
            done += more;
            progress(done);
        });
        found.left_out.extend(parts.alike);
        for mut part in parts.told {
            let texts = texts(&part, chosen);
            part.tests.extend(texts);
            found.grants.push(Grant::new(head.clone(), &said, part.tests, part.members));
        }
    }
    found
}

/// The texts of the context, such as topics, that all of the cases say, and that nothing was asked of: where they are few, they are
/// what a program says again, and a permit is for these alone.
fn texts(part: &Part, chosen: &[&Look]) -> Vec<(Term, Test)> {
    let members: Vec<&&Look> = part.members.iter().filter_map(|at| chosen.get(*at)).collect();
    let fields = members.iter().flat_map(|look| look.marks.iter().map(|(term, _)| term));
    let fields: BTreeSet<&Term> = fields.filter(|term| matches!(term, Term::Field { .. })).collect();
    let unasked = fields.into_iter().filter(|term| part.tests.iter().all(|(asked, _)| asked != *term));
    let said = unasked.filter_map(|term| {
        let values: BTreeSet<Value> = members.iter().map(|look| look.value(term).clone()).collect();
        let are_few =
            values.len() <= SUGGEST_TEXTS_MAX && values.iter().all(|value| matches!(value, Value::Text(_)));
        are_few.then(|| (term.clone(), Test::In(values)))
    });
    said.collect()
}

/// The same permits, as few as say it: those that differ in one thing only are one. What they permit stays the same.
pub fn united(grants: Vec<Grant>) -> Vec<Grant> {
    grant::united(grants)
}
