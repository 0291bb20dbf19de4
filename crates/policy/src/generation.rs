//! One generation of policies: the bundle in force, and how Cedar decides a question by it.
//!
//! What of its answers is remembered is `memo`'s to know.

use std::sync::{Arc, LazyLock};

use cedar_policy::{Authorizer, Decision, Entities, EntityUid, Request, Response, RestrictedExpression};

use crate::bundle::{Bundle, Loaded};
use crate::cedar::{action_uid, resource_uid, uid};
use crate::class::Class;
use crate::entity::{self, Unanswerable};
use crate::identity::{Actor, ScopeSet};
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
    pub(crate) fn failed(error: &Unanswerable) -> Self {
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
}

impl Generation {
    /// Decides a question of this class, by Cedar. Any error denies, whatever the rest says: Cedar skips a policy that
    /// fails, a `forbid` too.
    pub(crate) fn decide(&self, question: &Question<'_>, class: &Class) -> Answer {
        match self.case(question, class) {
            Ok(case) => {
                answer(&AUTHORIZER.is_authorized(&case.request, &class.policies, &case.entities), class)
            }
            Err(error) => Answer::failed(&error),
        }
    }

    /// What Cedar is given to decide a question of this class.
    ///
    /// # Errors
    /// The question cannot be put to Cedar.
    pub(crate) fn case(&self, question: &Question<'_>, class: &Class) -> Result<Case, Unanswerable> {
        let Question { actor, scopes, process, spec, ref resource, context } = *question;
        let context = &context.fields();
        let entities = entity::of_check(&class.shared, &self.bundle.tenants, resource, process, context)?;
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

fn answer(response: &Response, class: &Class) -> Answer {
    let diagnostics = response.diagnostics();
    let mut policies: Vec<Arc<Loaded>> =
        diagnostics.reason().filter_map(|id| class.loaded.get(id).cloned()).collect();
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
