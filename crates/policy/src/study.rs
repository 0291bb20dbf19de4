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
mod same;
pub mod suggest;
mod view;
mod who;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::{io, panic, thread};

use audit::DecisionKind;
use cedar_policy::PolicySet;
use diagnostic::{Diagnostic, Source, Span, did_you_mean};
use serde_json::Value as Json;

pub use again::{Again, NotReplayable};
pub(crate) use case::type_named;
pub use case::{Case, Change, InvalidCase, Posed};
pub use effective::{Considered, Effective, ScopeShare, Share};
pub use entities::InvalidEntity;
pub use explain::{
    Beside, Claim, ClaimForm, Clause, Explained, Explanation, Found, Outcome, Read, Reason, Section, Wider,
};
pub use facts::{Assumed, Facts, Unknown};
pub use inspect::{Inspected, Inspection};
pub use remedy::Remedy;
#[cfg(test)]
pub(crate) use same::is_recorded;
pub use view::{Place, PolicyView};
pub use who::{Inquiry, May, Opening, Others, Whom};

use crate::asked::{self, InvalidQuestion};
use crate::bundle::{Bundle, Loaded};
use crate::class::Class;
use crate::entity::Tenants;
use crate::generation::{self, Answer, AnswerKind, Generation, Question, decide_among};
use crate::identity::{Digest, ScopeSet, Tenant};
use crate::limits::{EVALUATION_STACK_BYTES, MEMO_ANSWER_BYTES, STUDY_MEMO_BYTES_MAX};
use crate::load;
use crate::memo::MemoCounts;
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

    /// Bytes on the heap, without the texts that policies share.
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + (self.policies.len() + self.failed.len()) * size_of::<PolicyView>()
            + self.errors.iter().map(|error| error.len()).sum::<usize>()
            + self.shadow.as_ref().map_or(0, |shadow| shadow.bytes())
    }
}

/// A case as it stands in a record of its decision.
pub(crate) struct Written {
    /// The context, in the engine's form.
    pub(crate) context: Json,
    /// Every entity but actions, in the engine's form, ordered by uid.
    pub(crate) entities: Json,
}

/// No policy has these ids. Its text says all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no policy has the id {}", ids.iter().map(NotAnId::words).collect::<Vec<_>>().join("; nor "))]
pub struct UnknownPolicy {
    /// The ids, as they were given; at least one.
    pub ids: Vec<NotAnId>,
    /// What can be named instead, in words.
    pub help: Option<String>,
}

/// An id that no policy has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnId {
    /// The id as given. Hostile wherever it is shown.
    pub id: String,
    /// The id that is nearest to it.
    pub near: Option<String>,
}

impl NotAnId {
    fn words(&self) -> String {
        let near = self.near.as_ref().map_or(String::new(), |near| format!(", did you mean `{near}`?"));
        format!("`{}`{near}", self.id)
    }
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

    /// A policy of it, as tools show it.
    pub(crate) fn view(&self, loaded: &Arc<Loaded>) -> PolicyView {
        self.places.view(loaded)
    }

    /// What decides.
    #[cfg(test)]
    pub(crate) fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The same with these tenants instead of those of the same id; whom nobody declared counts as suspended.
    #[must_use]
    pub fn with_tenants(mut self, tenants: impl IntoIterator<Item = Tenant>) -> Self {
        let known: &mut Tenants = &mut self.generation.bundle.tenants;
        known.extend(tenants.into_iter().map(|tenant| (tenant.id.clone(), tenant)));
        self
    }

    /// The same where the permits of this scope count as if they were in one of the scopes that an actor holds, whoever it is: in
    /// one of its own tenant's, else in the first, else in one that its tenant would have. If there is no other scope, every
    /// scope that is held counts as declared.
    #[must_use]
    pub fn joining(mut self, scope: &str) -> Self {
        self.generation.bundle.joined = Some(Arc::from(scope));
        self
    }

    /// The same without the policies of these ids, those of the shipped guard with them.
    ///
    /// # Errors
    /// Ids that no policy has; or the system gives no thread.
    pub fn without(self, ids: &[String]) -> io::Result<Result<Self, UnknownPolicy>> {
        if let Err(unknown) = self.known(ids) {
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
    /// Ids that no policy has.
    pub fn spans(&self, ids: &[String]) -> Result<Vec<Span>, UnknownPolicy> {
        self.known(ids)?;
        let named = self.bundle().policies().filter(|loaded| ids.iter().any(|id| **id == *loaded.id));
        Ok(named.map(|loaded| loaded.span.clone()).collect())
    }

    /// The policies of these ids; of one id in several tenants' scopes, all.
    ///
    /// # Errors
    /// Ids that no policy has.
    pub fn views(&self, ids: &[String]) -> Result<Vec<PolicyView>, UnknownPolicy> {
        self.known(ids)?;
        let named = self.bundle().policies().filter(|loaded| ids.iter().any(|id| **id == *loaded.id));
        Ok(named.map(|loaded| self.places.view(loaded)).collect())
    }

    /// Whether there is a policy of each of these ids.
    fn known(&self, ids: &[String]) -> Result<(), UnknownPolicy> {
        let all = || self.bundle().policies().map(|loaded| &*loaded.id);
        let unknown = ids.iter().filter(|id| !all().any(|known| known == **id));
        let unknown =
            unknown.map(|id| NotAnId { id: id.clone(), near: did_you_mean(id, all()).map(str::to_owned) });
        let unknown: Vec<NotAnId> = unknown.collect();
        if unknown.is_empty() {
            return Ok(());
        }
        // The guard comes first, and is the same everywhere: an app's own are what was most likely meant.
        let of_scopes = self.bundle().scopes.values().flat_map(|scope| scope.policies.iter());
        let help = facts::there_are(of_scopes.chain(self.bundle().guards.iter()).map(|loaded| &*loaded.id));
        Err(UnknownPolicy { ids: unknown, help })
    }

    /// Decides cases one after the other, on a thread with a stack of [`EVALUATION_STACK_BYTES`].
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn sit<T: Send>(&self, work: impl FnOnce(&mut Sitting<'_>) -> T + Send) -> io::Result<T> {
        on_a_large_stack(|| work(&mut self.sitting()))
    }

    /// The same on this thread, which needs a stack of [`EVALUATION_STACK_BYTES`].
    pub fn sitting(&self) -> Sitting<'_> {
        Sitting::new(self)
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

/// Cases decided on one thread. What questions of one actor, scopes and action have in common is made once, and of questions
/// that agree on all that policies can read the answer is remembered, as at the gate.
pub struct Sitting<'s> {
    study: &'s Study,
    classes: HashMap<Key, Known>,
    /// What all of them count for.
    bytes: usize,
    key: Vec<u8>,
    effort: Effort,
}

/// What it took to decide many cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Classes of questions that were made: as many as different actors under different scopes asked for different things, unless
    /// some had to be forgotten.
    pub classes: u64,
    /// Answers that were remembered, and those by the engine.
    pub answers: MemoCounts,
}

impl std::ops::AddAssign for Effort {
    fn add_assign(&mut self, other: Self) {
        self.classes += other.classes;
        self.answers.hits += other.answers.hits;
        self.answers.misses += other.answers.misses;
    }
}

/// What a class is found by: the digest of the actor, its scopes, the action, and what the tenants of these are like.
type Key = (Digest, ScopeSet, &'static str, Vec<Option<Tenant>>);

/// A class, and its answers by what policies read. They come from records, whose writers chose texts: the hash has a seed that
/// nobody knows.
struct Known {
    class: Rc<Class>,
    answers: HashMap<Box<[u8]>, Arc<Verdict>>,
}

impl<'s> Sitting<'s> {
    fn new(study: &'s Study) -> Self {
        Self { study, classes: HashMap::new(), bytes: 0, key: Vec::new(), effort: Effort::default() }
    }

    /// Decides a case as the gate would.
    ///
    /// # Errors
    /// An unknown action or field, a resource or value of another type, or no value for a field that must name an
    /// entity.
    pub fn decide(&mut self, case: &Case<'_>) -> Result<Verdict, InvalidQuestion> {
        let study = self.study;
        self.decide_among(&study.bundle().tenants, case).map(Arc::unwrap_or_clone)
    }

    /// The same where the tenants are these.
    fn decide_among(&mut self, tenants: &Tenants, case: &Case<'_>) -> Result<Arc<Verdict>, InvalidQuestion> {
        let (spec, fields) = asked::pose(case.action, case.resource.entity_type(), case.fields)?;
        let question = question(case, spec, &fields);
        let (at, class) = match self.class(tenants, &question) {
            Ok(found) => found,
            Err(error) => return Ok(Arc::new(self.verdict(&Answer::failed(&error), None))),
        };
        let mut key = std::mem::take(&mut self.key);
        let is_kept = class.write_key(&question, tenants, &mut key);
        let known = self.classes.get(&at).filter(|_| is_kept).and_then(|known| known.answers.get(&*key));
        let verdict = match known {
            Some(known) => {
                self.effort.answers.hits += 1;
                known.clone()
            }
            None => {
                self.effort.answers.misses += 1;
                let answer = decide_among(tenants, &question, &class);
                let verdict = Arc::new(self.verdict(&answer, Some(&class)));
                if is_kept && answer.errors.is_empty() {
                    self.keep(&at, &key, &verdict);
                }
                verdict
            }
        };
        self.key = key;
        Ok(verdict)
    }

    /// What it took until now.
    pub fn effort(&self) -> Effort {
        self.effort
    }

    fn keep(&mut self, at: &Key, key: &[u8], verdict: &Arc<Verdict>) {
        let bytes = MEMO_ANSWER_BYTES + key.len() + verdict.bytes();
        self.make_room(bytes);
        if let Some(known) = self.classes.get_mut(at) {
            known.answers.insert(key.into(), verdict.clone());
            self.bytes += bytes;
        }
    }

    /// Forgets everything where there is no room for so much.
    fn make_room(&mut self, bytes: usize) {
        if self.bytes.saturating_add(bytes) > STUDY_MEMO_BYTES_MAX {
            self.classes.clear();
            self.bytes = 0;
        }
    }

    fn verdict(&self, answer: &Answer, class: Option<&Class>) -> Verdict {
        let view =
            |policies: &[Arc<Loaded>]| policies.iter().map(|loaded| self.study.places.view(loaded)).collect();
        let failed = |errors: &[Arc<str>]| view(&class.map_or(Vec::new(), |class| failed(class, errors)));
        let shadow = answer.shadow.as_ref().map(|would| Verdict {
            kind: would.kind.recorded(),
            policies: view(&would.policies),
            failed: failed(&would.errors),
            errors: would.errors.clone(),
            shadow: None,
        });
        Verdict {
            kind: answer.kind.recorded(),
            policies: view(&answer.policies),
            failed: failed(&answer.errors),
            errors: answer.errors.clone(),
            shadow: shadow.map(Box::new),
        }
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
    pub(crate) fn written(&mut self, case: &Case<'_>) -> Result<Option<Written>, InvalidQuestion> {
        let (spec, fields) = asked::pose(case.action, case.resource.entity_type(), case.fields)?;
        let question = question(case, spec, &fields);
        let study = self.study;
        let Ok((_, class)) = self.class(&study.bundle().tenants, &question) else { return Ok(None) };
        let made = study.generation.case(&question, &class).ok();
        Ok(made.map(|case| Written { context: case.context_json(), entities: case.entities_json() }))
    }

    /// Whether these policies allow a case, errors left aside; nothing when the engine cannot be given it.
    ///
    /// # Errors
    /// As [`Sitting::decide`].
    pub(crate) fn allowed_by(
        &mut self,
        case: &Case<'_>,
        policies: &PolicySet,
    ) -> Result<Option<bool>, InvalidQuestion> {
        let (spec, fields) = asked::pose(case.action, case.resource.entity_type(), case.fields)?;
        let question = question(case, spec, &fields);
        let study = self.study;
        let Ok((_, class)) = self.class(&study.bundle().tenants, &question) else { return Ok(None) };
        let made = study.generation.case(&question, &class).ok();
        Ok(made.map(|case| generation::decide(&case, policies, |_| None).kind == AnswerKind::Allow))
    }

    fn class(
        &mut self,
        tenants: &Tenants,
        question: &Question<'_>,
    ) -> Result<(Key, Rc<Class>), crate::entity::Unanswerable> {
        let own =
            [question.actor.tenant()].into_iter().chain(question.scopes.iter().map(|held| held.tenant()));
        let own = own.map(|tenant| tenants.get(tenant).cloned()).collect();
        let key = (*question.actor.digest(), question.scopes.clone(), question.spec.action, own);
        if let Some(known) = self.classes.get(&key) {
            return Ok((key, known.class.clone()));
        }
        let class = Rc::new(Class::among(tenants, question, self.study.bundle())?);
        self.effort.classes += 1;
        self.make_room(class.bytes);
        self.bytes += class.bytes;
        self.classes.insert(key.clone(), Known { class: class.clone(), answers: HashMap::new() });
        Ok((key, class))
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

pub(crate) fn question<'a>(
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
pub(crate) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("policy study".to_owned())
            .stack_size(EVALUATION_STACK_BYTES)
            .spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|failure| panic::resume_unwind(failure)))
    })
}
