//! What would make a denied case come out as allowed: changes of the case, and other scopes of the actor's tenant. Each was decided
//! by the engine before it is told.
//!
//! Nothing is looked for where a case reaches into another tenant, and nothing but a change of the case where a forbid denies.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit::DecisionKind;
use serde_json::Value as Json;

use super::explain::{Claim, ClaimForm, Explained, Outcome};
use super::{Again, Change, Explanation, Facts, Posed, Sitting};
use crate::identity::{Scope, ScopeSet, TenantId};
use crate::limits::{EXPLAIN_NEAR_MAX, EXPLAIN_REMEDIES_MAX, EXPLAIN_TRIES_MAX, EXPLAIN_TURNS_MAX};
use crate::permission::{Given, Subject};
use crate::vocabulary::{BASE, EntityType, FieldType};

/// What allows a case that is denied.
#[derive(Debug, Clone, PartialEq)]
pub enum Remedy {
    /// The case with these changes, none of which can be left out.
    Change(Vec<Change>),
    /// The same case, if this scope of the actor's tenant is held as well.
    Scope(Arc<Scope>, ScopeSet),
}

impl Posed {
    /// The first tenant other than the actor's whose things the case reaches for. What is shared with all, or nobody's, is no
    /// such thing.
    pub fn reaches(&self) -> Option<TenantId> {
        let of_given = |given: &Given| match given {
            Given::Process(process) => Some(process.tenant().clone()),
            Given::Actor(actor) => Some(actor.tenant().clone()),
            Given::Scope(scope) if !scope.shared() => Some(scope.tenant().clone()),
            Given::Host(host) => host.tenant().cloned(),
            _ => None,
        };
        let of_resource = match &self.subject {
            Subject::Definition(definition) if definition.shared() => None,
            subject => subject.resource().tenant().cloned(),
        };
        let of_asker = self.process.as_ref().map(|process| process.tenant().clone());
        let named = self.fields.iter().filter_map(|(_, given)| of_given(given));
        of_resource.into_iter().chain(of_asker).chain(named).find(|tenant| tenant != self.actor.tenant())
    }
}

impl Sitting<'_> {
    /// What would allow this case, which `explanation` tells of: at most [`EXPLAIN_REMEDIES_MAX`] of each sort. Of a recorded case
    /// (`again`) only what can be decided exactly.
    pub fn remedies(
        &mut self,
        posed: &Posed,
        explanation: &Explanation,
        facts: &Facts,
        again: Option<&Again>,
    ) -> Vec<Remedy> {
        if explanation.verdict.allows() || posed.reaches().is_some() {
            return Vec::new();
        }
        let mut tries = Tries { sitting: self, facts, again, left: EXPLAIN_TRIES_MAX };
        let mut found: Vec<Remedy> = Vec::new();
        match explanation.verdict.kind {
            DecisionKind::DenyDefault => {
                for explained in explanation.policies.iter().take(EXPLAIN_NEAR_MAX) {
                    if found.len() < EXPLAIN_REMEDIES_MAX
                        && let Some(changes) = tries.change(posed, std::slice::from_ref(explained))
                        && !found.contains(&Remedy::Change(changes.clone()))
                    {
                        found.push(Remedy::Change(changes));
                    }
                }
                found.extend(tries.scopes(posed));
            }
            _ => found.extend(tries.past(posed, &explanation.policies).map(Remedy::Change)),
        }
        found
    }
}

/// Cases being tried.
struct Tries<'t, 's> {
    sitting: &'t mut Sitting<'s>,
    facts: &'t Facts,
    again: Option<&'t Again>,
    left: usize,
}

impl Tries<'_, '_> {
    /// What a case comes to; nothing for one that is not to be suggested, and when too many were tried.
    fn comes_to(&mut self, posed: &Posed) -> Option<DecisionKind> {
        self.left = self.left.checked_sub(1)?;
        if posed.reaches().is_some()
            || self.again.is_some_and(|again| again.check(posed, self.sitting).is_err())
        {
            return None;
        }
        posed.with(|case| self.sitting.decide(case)).ok().map(|verdict| verdict.kind)
    }

    fn allows(&mut self, posed: &Posed, changes: &[Change]) -> bool {
        let changed = posed.changed(self.facts, changes);
        changed.is_ok_and(|posed| self.comes_to(&posed) == Some(DecisionKind::Allow))
    }

    /// The least changes by which a permit like these matches, if any do.
    fn change(&mut self, posed: &Posed, policies: &[Explained]) -> Option<Vec<Change>> {
        let (changes, _) = self.turned(posed, policies, |kind| kind == DecisionKind::Allow)?;
        Some(self.least(posed, changes))
    }

    /// The least changes by which these policies neither forbid nor fail, and a permit matches.
    fn past(&mut self, posed: &Posed, policies: &[Explained]) -> Option<Vec<Change>> {
        let is_past = |kind| matches!(kind, DecisionKind::Allow | DecisionKind::DenyDefault);
        let (mut changes, kind) = self.turned(posed, policies, is_past)?;
        if kind != DecisionKind::Allow {
            let past = posed.changed(self.facts, &changes).ok()?;
            let explanation = past.with(|case| self.sitting.explain(case)).ok()?;
            let near = explanation.policies.iter().take(EXPLAIN_NEAR_MAX);
            let more =
                near.filter_map(|explained| self.change(&past, std::slice::from_ref(explained))).next()?;
            changes.retain(|change| !more.iter().any(|other| other.path == change.path));
            changes.extend(more);
        }
        Some(self.least(posed, changes)).filter(|changes| self.allows(posed, changes))
    }

    /// Changes of what these policies come out by with which the answer is of a sort that is wanted, and which sort it is.
    fn turned(
        &mut self,
        posed: &Posed,
        policies: &[Explained],
        wanted: impl Fn(DecisionKind) -> bool,
    ) -> Option<(Vec<Change>, DecisionKind)> {
        let choices = self.choices(posed, policies);
        if choices.is_empty() {
            return None;
        }
        // Each round takes the next choice of one path, then of the next, as an odometer does.
        let mut at = vec![0_usize; choices.len()];
        loop {
            let changes: Vec<Change> =
                choices.iter().zip(&at).filter_map(|(choices, at)| choices.get(*at).cloned()).collect();
            let changed = posed.changed(self.facts, &changes).ok();
            let kind = changed.and_then(|posed| self.comes_to(&posed));
            if let Some(kind) = kind.filter(|kind| wanted(*kind)) {
                return Some((changes, kind));
            }
            let turned = choices.iter().zip(&mut at).any(|(choices, at)| {
                *at += 1;
                if *at == choices.len() {
                    *at = 0;
                }
                *at != 0
            });
            if !turned || self.left == 0 {
                return None;
            }
        }
    }

    /// Without those changes that can be left out.
    fn least(&mut self, posed: &Posed, mut changes: Vec<Change>) -> Vec<Change> {
        let mut at = 0;
        while at < changes.len() && changes.len() > 1 {
            let mut fewer = changes.clone();
            fewer.remove(at);
            if self.allows(posed, &fewer) {
                changes = fewer;
            } else {
                at += 1;
            }
        }
        changes
    }

    /// What could be changed, by path, with the values to try.
    fn choices(&self, posed: &Posed, policies: &[Explained]) -> Vec<Vec<Change>> {
        let mut by_path: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
        let mut order = Vec::new();
        for explained in policies {
            let matches = explained.matches();
            for clause in explained.clauses.iter().filter(|clause| clause.holds() == matches) {
                let mut found = Vec::new();
                collect(&clause.claim, &mut found);
                for change in found {
                    by_path
                        .entry(&change.path)
                        .or_insert_with(|| {
                            order.push(change.path.as_str());
                            Vec::new()
                        })
                        .push(change);
                }
            }
        }
        let is_process = |name: &&str| {
            let mut fields = BASE.iter().chain(posed.spec.context);
            let field = fields.find(|field| field.name == *name);
            field.is_some_and(|field| field.kind == FieldType::Entity(EntityType::Process))
        };
        let choices = order.into_iter().map(|path| {
            let mut choices: Vec<Change> = Vec::new();
            // What asks for a certain value says more than what asks whether there is any.
            let (vague, certain): (Vec<&Change>, Vec<&Change>) =
                by_path.remove(path).unwrap_or_default().into_iter().partition(|change| is_vague(change));
            let own = path.strip_prefix("context.").filter(is_process).into_iter().flat_map(|_| {
                let own = self.facts.processes_of(posed.actor.tenant()).take(EXPLAIN_TURNS_MAX);
                own.map(|name| Change { path: path.to_owned(), value: name.into() })
            });
            for change in certain.into_iter().cloned().chain(own).chain(vague.into_iter().cloned()) {
                if !choices.contains(&change) {
                    choices.push(change);
                }
            }
            choices
        });
        choices.collect()
    }

    /// Scopes of the actor's tenant that are not held, each of which would do.
    fn scopes(&mut self, posed: &Posed) -> Vec<Remedy> {
        let bundle = self.sitting.study.bundle();
        let own = bundle.scopes.values().map(|loaded| &loaded.scope);
        let own = own.filter(|scope| scope.tenant() == posed.actor.tenant());
        let own: Vec<Arc<Scope>> = own.filter(|scope| !posed.scopes.contains(scope.id())).cloned().collect();
        let mut found = Vec::new();
        for scope in own {
            if found.len() == EXPLAIN_REMEDIES_MAX {
                break;
            }
            let scopes = posed.scopes.with(&scope);
            let held = Posed { scopes: scopes.clone(), ..posed.clone() };
            if self.comes_to(&held) == Some(DecisionKind::Allow) {
                found.push(Remedy::Scope(scope, scopes));
            }
        }
        found
    }
}

/// Whether it only says that something is to be there.
fn is_vague(change: &Change) -> bool {
    match &change.value {
        Json::Bool(_) => true,
        // An actor without a tag is what one with another is made up for.
        Json::Null => !change.path.starts_with("principal.tags."),
        value => *value == 0 || *value == "",
    }
}

/// The changes by which the tests of a claim would come out otherwise.
fn collect<'e>(claim: &'e Claim, found: &mut Vec<&'e Change>) {
    match &claim.form {
        ClaimForm::Test { turns, .. } => found.extend(turns),
        ClaimForm::All(parts) | ClaimForm::Any(parts) => parts
            .iter()
            .filter(|part| part.outcome == claim.outcome || matches!(part.outcome, Outcome::Fails(..)))
            .for_each(|part| collect(part, found)),
        ClaimForm::Not(part) => collect(part, found),
        ClaimForm::If(test, taken) => {
            collect(test, found);
            taken.iter().for_each(|taken| collect(taken, found));
        }
    }
}
