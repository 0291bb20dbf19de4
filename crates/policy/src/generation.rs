//! One generation of policies: the bundle in force, and how Cedar decides a question by it.
//!
//! What of its answers is remembered is `memo`'s to know.

use std::cell::{Cell, OnceCell};
use std::sync::{Arc, LazyLock};

use audit::{DecisionKind, Tally};
use cedar_policy::{
    Authorizer, Decision, Entities, Entity, EntityUid, PolicyId, PolicySet, Request, RestrictedExpression,
};
use serde_json::Value as Json;

use crate::bundle::{Bundle, Loaded};
use crate::cedar::{action_uid, resource_uid, uid};
use crate::class::Class;
use crate::entity::{self, Tenants, Unanswerable};
use crate::identity::{Actor, ScopeSet};
use crate::occurred::Occurred;
use crate::permission::{Context, Datum, Fields, Resource, Spec};
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
    pub(crate) context: &'a dyn Context,
}

/// What is answered.
pub(crate) struct Answer {
    pub(crate) kind: AnswerKind,
    /// The policies that determined it, ordered by id.
    pub(crate) policies: Vec<Arc<Loaded>>,
    /// What failed, as Cedar words it.
    pub(crate) errors: Vec<Arc<str>>,
    /// Whether one of these policies wants each answer on record.
    pub(crate) audited: bool,
    /// What it would be with the shadow policies enforced, when that is of another sort.
    pub(crate) shadow: Option<Shadowed>,
    /// Where it is counted when it is given without a record: once it was.
    pub(crate) tally: OnceCell<Tally>,
}

/// An answer as it would be with the shadow policies enforced.
pub(crate) struct Shadowed {
    pub(crate) kind: AnswerKind,
    /// The policies that would determine it, ordered by id.
    pub(crate) policies: Vec<Arc<Loaded>>,
    /// What failed, as Cedar words it.
    pub(crate) errors: Vec<Arc<str>>,
    /// How often the answer was given so far, on the thread that remembers it.
    given: Cell<u64>,
}

impl Shadowed {
    /// Counts that the answer was given. The number is there when a record is owed: the first time, and then each time that
    /// it is ten times as often, so that a policy that is tried out cannot flood the log.
    pub(crate) fn count(&self) -> Option<u64> {
        let given = self.given.get().saturating_add(1);
        self.given.set(given);
        (given == 10_u64.pow(given.ilog10())).then_some(given)
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.policies.capacity() * size_of::<Arc<Loaded>>()
            + self.errors.iter().map(|error| size_of::<Arc<str>>() + error.len()).sum::<usize>()
    }

    /// How often the answer was given so far.
    pub(crate) fn given(&self) -> u64 {
        self.given.get()
    }
}

/// The sort of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerKind {
    Allow,
    Forbid,
    Default,
    Error,
}

impl AnswerKind {
    /// As records have it.
    pub(crate) fn recorded(self) -> DecisionKind {
        match self {
            Self::Allow => DecisionKind::Allow,
            Self::Forbid => DecisionKind::DenyForbid,
            Self::Default => DecisionKind::DenyDefault,
            Self::Error => DecisionKind::DenyError,
        }
    }
}

impl Answer {
    /// Nobody asked, or under nothing: there is nothing that could permit it.
    pub(crate) fn nobody() -> Self {
        Self {
            kind: AnswerKind::Default,
            policies: Vec::new(),
            errors: Vec::new(),
            audited: false,
            shadow: None,
            tally: OnceCell::new(),
        }
    }

    /// It could not be decided.
    pub(crate) fn failed(error: &Unanswerable) -> Self {
        let errors = vec![error.to_string().into()];
        Self { kind: AnswerKind::Error, errors, ..Self::nobody() }
    }
}

/// What Cedar was given, for the record.
pub(crate) struct Case {
    pub(crate) request: Request,
    pub(crate) entities: Entities,
}

impl Case {
    /// The context in Cedar's form.
    pub(crate) fn context_json(&self) -> Json {
        self.request.context().and_then(|context| context.to_json_value().ok()).unwrap_or(Json::Null)
    }

    /// The entities in Cedar's form, in order of their ids. Actions are left out: the schema has them.
    pub(crate) fn entities_json(&self) -> Json {
        let action = self.request.action().map(EntityUid::type_name);
        let data = |entity: &&Entity| Some(entity.uid().type_name()) != action;
        let mut entities: Vec<&Entity> = self.entities.iter().filter(data).collect();
        entities.sort_by_cached_key(|entity| entity.uid().to_string());
        entities.into_iter().filter_map(|entity| entity.to_json_value().ok()).collect()
    }
}

/// A bundle in force.
pub(crate) struct Generation {
    /// Counts from 1; each replacement is the next.
    pub(crate) number: u64,
    pub(crate) bundle: Bundle,
    pub(crate) occurred: Occurred,
}

impl Generation {
    /// A bundle, in force as this generation: nothing has occurred yet.
    pub(crate) fn new(number: u64, bundle: Bundle) -> Self {
        Self { number, bundle, occurred: Occurred::default() }
    }

    /// Decides a question of this class, by Cedar.
    pub(crate) fn decide(&self, question: &Question<'_>, class: &Class) -> Answer {
        decide_among(&self.bundle.tenants, question, class)
    }

    /// What Cedar is given to decide a question of this class.
    ///
    /// # Errors
    /// The question cannot be put to Cedar.
    pub(crate) fn case(&self, question: &Question<'_>, class: &Class) -> Result<Case, Unanswerable> {
        case_among(&self.bundle.tenants, question, &class.shared)
    }

    /// The same, with the entities that the class shares.
    ///
    /// # Errors
    /// The question cannot be put to Cedar.
    pub(crate) fn case_with(&self, question: &Question<'_>, shared: &Entities) -> Result<Case, Unanswerable> {
        case_among(&self.bundle.tenants, question, shared)
    }
}

/// Decides a question of this class where the tenants are these. Any error denies, whatever the rest says: Cedar skips a
/// policy that fails, a `forbid` too. What a shadow policy does, or fails to do, never changes the answer.
pub(crate) fn decide_among(tenants: &Tenants, question: &Question<'_>, class: &Class) -> Answer {
    let case = match case_among(tenants, question, &class.shared) {
        Ok(case) => case,
        Err(error) => return Answer::failed(&error),
    };
    let decide = |policies| decide(&case, policies, |id| class.loaded.get(id).cloned());
    let answer = decide(&class.policies);
    let shadow = class.with_shadow.as_ref().map(decide).filter(|would| would.kind != answer.kind);
    let shadow = shadow.map(|Answer { kind, policies, errors, .. }| Shadowed {
        kind,
        policies,
        errors,
        given: Cell::default(),
    });
    Answer { shadow, ..answer }
}

/// What Cedar is given to decide a question with these entities that its class shares, where the tenants are these.
fn case_among(tenants: &Tenants, question: &Question<'_>, shared: &Entities) -> Result<Case, Unanswerable> {
    let Question { actor, scopes, process, spec, ref resource, context } = *question;
    let context = &context.fields();
    let entities = entity::of_check(shared, tenants, resource, process, context)?;
    let request = Request::new(
        uid(EntityType::Actor, actor.id()),
        action_uid(spec.action),
        resource_uid(resource),
        context_of(process, scopes, context)?,
        None,
    )
    .map_err(|error| Unanswerable::new(&error))?;
    Ok(Case { request, entities })
}

fn context_of(
    process: Option<&Arc<Process>>,
    scopes: &ScopeSet,
    fields: &Fields<'_>,
) -> Result<cedar_policy::Context, Unanswerable> {
    let entity = |uid: EntityUid| RestrictedExpression::new_entity_uid(uid);
    let held = scopes.ids().map(|id| entity(uid(EntityType::Scope, id)));
    let base = [("scopes", RestrictedExpression::new_set(held))];
    let pid = process.map(|process| ("pid", entity(uid(EntityType::Process, process.pid()))));
    let fields = fields.iter().map(|(name, datum)| (name, expression(&datum)));
    let pairs = base.into_iter().chain(pid).chain(fields).map(|(name, value)| (name.to_owned(), value));
    cedar_policy::Context::from_pairs(pairs).map_err(|error| Unanswerable::new(&error))
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

/// Decides a case by these policies; `loaded` finds them by their id.
pub(crate) fn decide(
    case: &Case,
    policies: &PolicySet,
    loaded: impl Fn(&PolicyId) -> Option<Arc<Loaded>>,
) -> Answer {
    let response = AUTHORIZER.is_authorized(&case.request, policies, &case.entities);
    let diagnostics = response.diagnostics();
    let mut policies: Vec<Arc<Loaded>> = diagnostics.reason().filter_map(loaded).collect();
    policies.sort_by(|one, other| one.id.cmp(&other.id));
    let mut errors: Vec<Arc<str>> = diagnostics.errors().map(|error| error.to_string().into()).collect();
    errors.sort();
    let kind = match (errors.is_empty(), response.decision(), policies.is_empty()) {
        (false, ..) => AnswerKind::Error,
        (true, Decision::Allow, _) => AnswerKind::Allow,
        (true, Decision::Deny, false) => AnswerKind::Forbid,
        (true, Decision::Deny, true) => AnswerKind::Default,
    };
    let audited = policies.iter().any(|policy| policy.audited);
    Answer { kind, policies, errors, audited, shadow: None, tally: OnceCell::new() }
}
