//! A study: cases decided exactly as the gate would decide them, with no gate, no log and no consequence.
//!
//! Policies are selected, entities put together and errors counted by the very code that the gate uses; `tests`
//! holds the two against each other. What a case is about comes as [`Facts`], from wherever somebody wrote them
//! down.

mod again;
mod case;
mod effective;
mod entities;
mod explain;
mod facts;
mod inspect;
mod partly;
mod remedy;
mod view;
mod who;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::{io, panic, thread};

use audit::DecisionKind;
use diagnostic::{Diagnostic, Source, Span, did_you_mean};
use serde_json::Value as Json;

pub use again::{Again, NotReplayable};
pub use case::{Case, Change, InvalidCase, Posed};
pub use effective::{Considered, Effective, ScopeShare, Share};
pub use entities::InvalidEntity;
pub use explain::{
    Beside, Claim, ClaimForm, Clause, Explained, Explanation, Found, Outcome, Read, Reason, Section, Wider,
};
pub use facts::{Assumed, Facts, Unknown};
pub use inspect::{Inspected, Inspection};
pub use remedy::Remedy;
pub use view::{Place, PolicyView};
pub use who::{Inquiry, May, Opening, Others, Whom};

use crate::asked::{self, InvalidQuestion};
use crate::bundle::{Bundle, Loaded};
use crate::class::Class;
use crate::entity::Tenants;
use crate::generation::{Answer, Generation, Question};
use crate::identity::{Digest, ScopeSet, Tenant};
use crate::limits::{EVALUATION_STACK_BYTES, STUDY_CLASSES_MAX};
use crate::load;
use crate::permission::Fields;
use crate::slice::Slice;
use view::Places;

/// Policies to be studied.
pub struct Study {
    generation: Generation,
    places: Places,
}

/// What a case comes to.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The answer and its sort.
    pub kind: DecisionKind,
    /// The policies that determined it, ordered by id.
    pub policies: Vec<PolicyView>,
    /// What failed, as the engine words it. Hostile text: it may quote a policy.
    pub errors: Vec<Arc<str>>,
    /// The policies that failed, ordered by id; none when the question could not be put to the engine at all.
    pub failed: Vec<PolicyView>,
    /// What it would be with the shadow policies enforced, when that is of another sort.
    pub shadow: Option<Box<Verdict>>,
}

impl Verdict {
    /// Whether it may happen.
    pub fn allows(&self) -> bool {
        self.kind == DecisionKind::Allow
    }
}

/// A case as it stands in a record of its decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The context, in the engine's form.
    pub context: Json,
    /// Every entity but actions, in the engine's form, ordered by uid.
    pub entities: Json,
}

/// No policy has that id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no policy has the id `{id}`{}", near.as_ref().map_or(String::new(), |near| format!(", did you mean `{near}`?")))]
pub struct UnknownPolicy {
    /// The id as given. Hostile wherever it is shown.
    pub id: String,
    /// The id that is nearest to it.
    pub near: Option<String>,
    /// What can be named instead, in words.
    pub help: Option<String>,
}

impl Study {
    /// A study of this bundle.
    pub fn new(bundle: Bundle) -> Self {
        let places = Places::of(&bundle);
        Self { generation: Generation::new(1, bundle), places }
    }

    /// What is studied.
    pub fn bundle(&self) -> &Bundle {
        &self.generation.bundle
    }

    /// Every policy, the guard's first.
    pub fn policies(&self) -> impl Iterator<Item = PolicyView> {
        self.bundle().policies().map(|loaded| self.places.view(loaded))
    }

    /// The same with these tenants instead of those of the same id; whom nobody declared counts as suspended.
    #[must_use]
    pub fn with_tenants(mut self, tenants: impl IntoIterator<Item = Tenant>) -> Self {
        let known: &mut Tenants = &mut self.generation.bundle.tenants;
        known.extend(tenants.into_iter().map(|tenant| (tenant.id.clone(), tenant)));
        self
    }

    /// The same without the policies of these ids, those of the shipped guard with them.
    ///
    /// # Errors
    /// The first id that no policy has; or the system gives no thread.
    pub fn without(self, ids: &[String]) -> io::Result<Result<Self, UnknownPolicy>> {
        if let Some(unknown) = ids.iter().find_map(|id| self.known(id).err()) {
            return Ok(Err(unknown));
        }
        let left = |slice: &Slice| {
            let stays = |loaded: &&Arc<Loaded>| !ids.iter().any(|id| **id == *loaded.id);
            Slice::new(slice.iter().filter(stays).cloned().collect())
        };
        let mut bundle = self.generation.bundle;
        // Slices are made anew from syntax trees, by recursion.
        let (guards, scopes) = on_a_large_stack(|| {
            let scopes: Vec<Slice> = bundle.scopes.values().map(|scope| left(&scope.policies)).collect();
            (left(&bundle.guards), scopes)
        })?;
        bundle.guards = guards;
        for (scope, policies) in bundle.scopes.values_mut().zip(scopes) {
            scope.policies = policies;
        }
        Ok(Ok(Self::new(bundle)))
    }

    /// Where the policies of these ids are written; those of one id in several tenants' scopes, all.
    ///
    /// # Errors
    /// The first id that no policy has.
    pub fn spans(&self, ids: &[String]) -> Result<Vec<Span>, UnknownPolicy> {
        ids.iter().try_for_each(|id| self.known(id))?;
        let named = self.bundle().policies().filter(|loaded| ids.iter().any(|id| **id == *loaded.id));
        Ok(named.map(|loaded| loaded.span.clone()).collect())
    }

    fn known(&self, id: &str) -> Result<(), UnknownPolicy> {
        let ids = || self.bundle().policies().map(|loaded| &*loaded.id);
        if ids().any(|known| known == id) {
            return Ok(());
        }
        let near = did_you_mean(id, ids()).map(str::to_owned);
        // The guard comes first, and is the same everywhere: an app's own are what was most likely meant.
        let of_scopes = self.bundle().scopes.values().flat_map(|scope| scope.policies.iter());
        let help = facts::there_are(of_scopes.chain(self.bundle().guards.iter()).map(|loaded| &*loaded.id));
        Err(UnknownPolicy { id: id.to_owned(), near, help })
    }

    /// Decides cases one after the other, on a thread with a stack of [`EVALUATION_STACK_BYTES`].
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn sit<T: Send>(&self, work: impl FnOnce(&mut Sitting<'_>) -> T + Send) -> io::Result<T> {
        on_a_large_stack(|| work(&mut Sitting { study: self, classes: HashMap::new() }))
    }

    /// Decides one case.
    ///
    /// # Errors
    /// No question is asked; or the system gives no thread.
    pub fn decide(&self, case: &Case<'_>) -> io::Result<Result<Verdict, InvalidQuestion>> {
        self.sit(|sitting| sitting.decide(case))
    }
}

impl std::fmt::Debug for Study {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Study({:?})", self.bundle())
    }
}

/// The policies of a file by their effect, each in a text of the whole file's length with the others blanked out,
/// so that every place stays what it is: permits, then forbids; nothing where there is none.
///
/// # Errors
/// The file is over a bound.
pub fn apart(source: &Arc<Source>) -> Result<[Option<Arc<Source>>; 2], Vec<Diagnostic>> {
    load::apart(source)
}

/// A file with those of these places that are in it blanked out, so that every other place stays what it is. Of
/// two that overlap, the second is left.
pub fn blanked(source: &Arc<Source>, spans: &[Span]) -> Arc<Source> {
    let mut own: Vec<&Span> = spans.iter().filter(|span| Arc::ptr_eq(&span.source, source)).collect();
    own.sort_by_key(|span| span.start);
    own.dedup_by(|later, earlier| later.start < earlier.end);
    if own.is_empty() { source.clone() } else { load::blanked(source, own.into_iter()) }
}

/// The policy of a file that has this id and begins at this line and column, both from 1, as a record of its decision has
/// them. Threads that call it need a stack of [`EVALUATION_STACK_BYTES`].
pub fn policy_at(source: &Arc<Source>, id: &str, line: usize, column: usize) -> Option<Span> {
    load::policy_at(source, id, line, column)
}

/// The guard that this version of the product ships.
pub fn shipped_guard() -> &'static Arc<Source> {
    &load::SHIPPED_GUARD
}

/// Cases decided on one thread. What questions of one actor, scopes and action have in common is made once.
pub struct Sitting<'s> {
    study: &'s Study,
    classes: HashMap<(Digest, ScopeSet, &'static str), Rc<Class>>,
}

impl Sitting<'_> {
    /// Decides a case as the gate would.
    ///
    /// # Errors
    /// An unknown action or field, a resource or value of another type, or no value for a field that must name an
    /// entity.
    pub fn decide(&mut self, case: &Case<'_>) -> Result<Verdict, InvalidQuestion> {
        let (spec, fields) = asked::pose(case.action, case.resource.entity_type(), case.fields)?;
        let question = question(case, spec, &fields);
        let class = self.class(&question);
        let answer = match &class {
            Ok(class) => self.study.generation.decide(&question, class),
            Err(error) => Answer::failed(error),
        };
        let view =
            |policies: &[Arc<Loaded>]| policies.iter().map(|loaded| self.study.places.view(loaded)).collect();
        let failed =
            |errors: &[Arc<str>]| view(&class.as_ref().map_or(Vec::new(), |class| failed(class, errors)));
        let shadow = answer.shadow.map(|would| Verdict {
            kind: would.kind.recorded(),
            policies: view(&would.policies),
            failed: failed(&would.errors),
            errors: would.errors,
            shadow: None,
        });
        Ok(Verdict {
            kind: answer.kind.recorded(),
            policies: view(&answer.policies),
            failed: failed(&answer.errors),
            errors: answer.errors,
            shadow: shadow.map(Box::new),
        })
    }

    /// The policies whose heads let them match a case, whatever their conditions say: guard first, each in the
    /// order of its file.
    ///
    /// # Errors
    /// An action that there is not.
    pub fn considered(&self, case: &Case<'_>) -> Result<Vec<PolicyView>, InvalidQuestion> {
        let spec = asked::spec(case.action)?;
        let selected = self.study.bundle().select(case.actor, spec, case.scopes);
        Ok(selected.into_iter().map(|sliced| self.study.places.view(&sliced.loaded)).collect())
    }

    /// A case as a record of its decision would have it; nothing when the engine cannot be given it.
    ///
    /// # Errors
    /// As [`Sitting::decide`].
    pub fn written(&mut self, case: &Case<'_>) -> Result<Option<Written>, InvalidQuestion> {
        let (spec, fields) = asked::pose(case.action, case.resource.entity_type(), case.fields)?;
        let question = question(case, spec, &fields);
        let Ok(class) = self.class(&question) else { return Ok(None) };
        let made = self.study.generation.case(&question, &class).ok();
        Ok(made.map(|case| Written { context: case.context_json(), entities: case.entities_json() }))
    }

    fn class(&mut self, question: &Question<'_>) -> Result<Rc<Class>, crate::entity::Unanswerable> {
        let key = (*question.actor.digest(), question.scopes.clone(), question.spec.action);
        if let Some(class) = self.classes.get(&key) {
            return Ok(class.clone());
        }
        if self.classes.len() >= STUDY_CLASSES_MAX {
            self.classes.clear();
        }
        let class = Rc::new(Class::of(question, self.study.bundle())?);
        self.classes.insert(key, class.clone());
        Ok(class)
    }
}

/// The policies of a class that these errors are of, ordered by id. The engine names each by its id, first of all that it
/// says.
fn failed(class: &Class, errors: &[Arc<str>]) -> Vec<Arc<Loaded>> {
    let is_of = |error: &Arc<str>, loaded: &Loaded| {
        let rest = error.strip_prefix("error while evaluating policy `");
        rest.and_then(|rest| rest.strip_prefix(&*loaded.id)).is_some_and(|rest| rest.starts_with('`'))
    };
    let all = class.loaded.values();
    let mut failed: Vec<Arc<Loaded>> =
        all.filter(|loaded| errors.iter().any(|error| is_of(error, loaded))).cloned().collect();
    failed.sort_by(|one, other| one.id.cmp(&other.id));
    failed
}

fn question<'a>(
    case: &Case<'a>,
    spec: &'static crate::permission::Spec,
    fields: &'a Fields<'a>,
) -> Question<'a> {
    Question {
        actor: case.actor,
        scopes: case.scopes,
        process: case.process,
        spec,
        resource: case.resource,
        context: fields,
    }
}

/// Cedar evaluates by recursion, and an error for want of stack is a denial.
fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("policy study".to_owned())
            .stack_size(EVALUATION_STACK_BYTES)
            .spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|failure| panic::resume_unwind(failure)))
    })
}
