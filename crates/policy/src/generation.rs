//! One generation of policies: the bundle in force, and what is kept ready to decide with it.
//!
//! Every check is decided by Cedar in full. What is kept is only what Cedar is given: policies selected for a
//! permission and a set of scopes, and the entities that all checks of one actor share.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, Request, Response, RestrictedExpression,
};

use crate::bundle::{Bundle, Loaded, Selection};
use crate::cedar::{action_uid, resource_uid, uid};
use crate::entity::{self, Unanswerable};
use crate::identity::{Actor, Digest, ScopeSet, TenantId};
use crate::limits::{ACTORS_MAX, SELECTIONS_MAX};
use crate::permission::{Datum, Resource, Spec};
use crate::resource::Process;
use crate::vocabulary::EntityType;

static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(Authorizer::new);

/// What is asked: may this actor, under these scopes, do this?
pub(crate) struct Question<'a> {
    pub(crate) actor: &'a Arc<Actor>,
    pub(crate) scopes: &'a ScopeSet,
    pub(crate) process: Option<&'a Arc<Process>>,
    pub(crate) spec: &'static Spec,
    pub(crate) resource: Resource<'a>,
    pub(crate) context: Vec<(&'static str, Datum<'a>)>,
}

/// What is answered.
pub(crate) struct Answer {
    pub(crate) kind: AnswerKind,
    /// The policies that determined it, by their place in the bundle.
    pub(crate) policies: Vec<Arc<Loaded>>,
    /// What failed, as Cedar words it.
    pub(crate) errors: Vec<Arc<str>>,
}

/// The sort of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerKind {
    Allow,
    Forbid,
    Default,
    Error,
}

impl Answer {
    /// Nobody asked, or under nothing: there is nothing that could permit it.
    pub(crate) fn nobody() -> Self {
        Self { kind: AnswerKind::Default, policies: Vec::new(), errors: Vec::new() }
    }

    /// It could not be decided.
    fn failed(error: &Unanswerable) -> Self {
        Self { kind: AnswerKind::Error, policies: Vec::new(), errors: vec![error.to_string().into()] }
    }
}

/// What Cedar was given, for the record.
pub(crate) struct Case {
    pub(crate) request: Request,
    pub(crate) entities: Entities,
}

/// A bundle in force.
pub(crate) struct Generation {
    /// Counts from 1; each replacement is the next.
    pub(crate) number: u64,
    pub(crate) bundle: Bundle,
    selections: Kept<(TenantId, &'static str, ScopeSet), Arc<Selection>>,
    actors: Kept<(Digest, ScopeSet), Entities>,
}

impl Generation {
    pub(crate) fn new(number: u64, bundle: Bundle) -> Self {
        Self { number, bundle, selections: Kept::new(SELECTIONS_MAX), actors: Kept::new(ACTORS_MAX) }
    }

    /// Decides, by Cedar, over the guards and the policies of the scopes held. Any error denies, whatever the
    /// rest says: Cedar skips a policy that fails, a `forbid` too.
    pub(crate) fn decide(&self, question: &Question<'_>) -> (Answer, Option<Case>) {
        match (self.case(question), self.selection(question)) {
            (Ok(case), Ok(selection)) => {
                let response = AUTHORIZER.is_authorized(&case.request, &selection.policies, &case.entities);
                (answer(&response, &selection), Some(case))
            }
            (Ok(case), Err(error)) => (Answer::failed(&error), Some(case)),
            (Err(error), _) => (Answer::failed(&error), None),
        }
    }

    fn selection(&self, question: &Question<'_>) -> Result<Arc<Selection>, Unanswerable> {
        let Question { actor, scopes, spec, .. } = *question;
        let key = (actor.tenant().clone(), spec.action, scopes.clone());
        self.selections.get_or_make(key, || {
            let selected = self.bundle.select(actor.tenant(), spec, scopes);
            selected.map(Arc::new).map_err(|error| Unanswerable::new(&error))
        })
    }

    fn case(&self, question: &Question<'_>) -> Result<Case, Unanswerable> {
        let Question { actor, scopes, process, spec, ref resource, ref context } = *question;
        let tenants = &self.bundle.tenants;
        let shared = self
            .actors
            .get_or_make((*actor.digest(), scopes.clone()), || entity::of_actor(actor, scopes, tenants))?;
        let action = action_uid(spec.action);
        let entities = entity::of_check(&shared, tenants, &action, resource, process, context)?;
        let request = Request::new(
            uid(EntityType::Actor, actor.id()),
            action,
            resource_uid(resource),
            context_of(process, scopes, context)?,
            None,
        )
        .map_err(|error| Unanswerable::new(&error))?;
        Ok(Case { request, entities })
    }
}

fn context_of(
    process: Option<&Arc<Process>>,
    scopes: &ScopeSet,
    fields: &[(&'static str, Datum<'_>)],
) -> Result<Context, Unanswerable> {
    let entity = |uid: EntityUid| RestrictedExpression::new_entity_uid(uid);
    let held = scopes.ids().map(|id| entity(uid(EntityType::Scope, id)));
    let base = [("scopes", RestrictedExpression::new_set(held))];
    let pid = process.map(|process| ("pid", entity(uid(EntityType::Process, process.pid()))));
    let fields = fields.iter().map(|(name, datum)| (*name, expression(datum)));
    let pairs = base.into_iter().chain(pid).chain(fields).map(|(name, value)| (name.to_owned(), value));
    Context::from_pairs(pairs).map_err(|error| Unanswerable::new(&error))
}

fn expression(datum: &Datum<'_>) -> RestrictedExpression {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let entity = |entity_type, id: &str| RestrictedExpression::new_entity_uid(uid(entity_type, id));
    match *datum {
        Datum::Bool(truth) => RestrictedExpression::new_bool(truth),
        Datum::Long(number) => RestrictedExpression::new_long(number),
        Datum::String(string) => text(string),
        Datum::Via(via) => text(via.text()),
        Datum::Strings(strings) => RestrictedExpression::new_set(strings.iter().map(|string| text(string))),
        Datum::Host(host) => entity(EntityType::Host, host.id()),
        Datum::Process(process) => entity(EntityType::Process, process.pid()),
        Datum::Actor(actor) => entity(EntityType::Actor, actor.id()),
        Datum::Scope(scope) => entity(EntityType::Scope, scope.id()),
    }
}

fn answer(response: &Response, selection: &Selection) -> Answer {
    let diagnostics = response.diagnostics();
    let mut policies: Vec<Arc<Loaded>> =
        diagnostics.reason().filter_map(|id| selection.loaded.get(id).cloned()).collect();
    policies.sort_by(|one, other| one.id.cmp(&other.id));
    let mut errors: Vec<Arc<str>> = diagnostics.errors().map(|error| error.to_string().into()).collect();
    errors.sort();
    let kind = match (errors.is_empty(), response.decision(), policies.is_empty()) {
        (false, ..) => AnswerKind::Error,
        (true, Decision::Allow, _) => AnswerKind::Allow,
        (true, Decision::Deny, false) => AnswerKind::Forbid,
        (true, Decision::Deny, true) => AnswerKind::Default,
    };
    Answer { kind, policies, errors }
}

/// Values that are made on demand and kept, up to a bound; a full one is emptied, which costs time only.
struct Kept<K, V> {
    values: RwLock<HashMap<K, V>>,
    values_max: usize,
}

impl<K: Hash + Eq, V: Clone> Kept<K, V> {
    fn new(values_max: usize) -> Self {
        Self { values: RwLock::new(HashMap::new()), values_max }
    }

    fn get_or_make<E>(&self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        // A poisoned lock guards whole values all the same: they are made outside it.
        if let Some(value) = self.values.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(value.clone());
        }
        let value = make()?;
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        if values.len() >= self.values_max {
            values.clear();
        }
        values.insert(key, value.clone());
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    #[test]
    fn what_is_kept_never_exceeds_its_bound() {
        let kept = Kept::new(3);
        for number in 0..10 {
            assert_eq!(kept.get_or_make(number, || Ok::<_, ()>(number * 2)), Ok(number * 2));
            assert!(kept.values.read().unwrap().len() <= 3);
        }
        assert_eq!(kept.get_or_make(9, || Err(())), Ok(18));
        assert_eq!(kept.get_or_make(10, || Err(())), Err(()));
    }
}
