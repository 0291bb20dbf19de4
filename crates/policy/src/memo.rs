//! What one thread remembers of the generation that it decides with: classes of questions and their answers.
//!
//! Nothing here is shared, so that an allowed check takes no lock. A tenant has a bound of its own, since it chooses
//! texts that answers are kept under; what is over it is forgotten, which costs time only.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::{Count, Tally};

use crate::bundle::{Bundle, Loaded};
use crate::class::Class;
use crate::entity::Unanswerable;
use crate::generation::{Answer, AnswerKind, Case, Generation, Question, Shadowed};
use crate::identity::{Digest, ScopeSet, TenantId};
use crate::limits::{MEMO_ANSWER_BYTES, MEMO_BYTES_MAX, MEMO_CLASS_BYTES_MAX, MEMO_TENANT_BYTES_MAX};
use crate::occurred::Under;
use crate::recent::Recent;

thread_local! {
    /// Bound to one generation of one gate, see [`Local::of`].
    static LOCAL: RefCell<Option<Rc<Local>>> = const { RefCell::new(None) };
}

/// The generation in force, by its number, and whether answers of it are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) u64);

impl Stamp {
    const FORGETS: u64 = 1 << 63;

    pub(crate) fn new(number: u64, remembers: bool) -> Self {
        Self(if remembers { number } else { number | Self::FORGETS })
    }

    pub(crate) fn generation(self) -> u64 {
        self.0 & !Self::FORGETS
    }

    pub(crate) fn remembers(self) -> bool {
        self.0 & Self::FORGETS == 0
    }
}

/// The generation that this thread decides with, and what it remembers of it.
pub(crate) struct Local {
    gate: u64,
    stamp: Stamp,
    pub(crate) generation: Arc<Generation>,
    memo: RefCell<Memo>,
    /// What this thread counts: as many as the generation has, whatever is forgotten of answers.
    tallies: RefCell<HashMap<Under, Tally>>,
}

/// How often questions of one generation were answered on one thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoCounts {
    /// From memory.
    pub hits: u64,
    /// By the engine.
    pub misses: u64,
}

/// An answer, and how it was come by.
pub(crate) struct Given {
    pub(crate) answer: Rc<Answer>,
    pub(crate) by: By,
}

/// How an answer was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// There was nobody to ask for, or nothing that Cedar could be given.
    Nobody,
    /// It was remembered.
    Memory,
    /// Cedar was asked, and took so long.
    Cedar(Duration),
}

impl Given {
    /// The answer when there is nobody to ask for.
    pub(crate) fn nobody() -> Self {
        Self::undecided(Answer::nobody())
    }

    fn undecided(answer: Answer) -> Self {
        Self { answer: Rc::new(answer), by: By::Nobody }
    }
}

impl Local {
    /// What this thread has of a gate's generation; made anew from `current` when it has another, which forgets
    /// all that it remembered.
    pub(crate) fn of(gate: u64, stamp: Stamp, current: impl FnOnce() -> Arc<Generation>) -> Rc<Self> {
        LOCAL.with_borrow_mut(|local| match local {
            Some(local) if local.gate == gate && local.stamp == stamp => local.clone(),
            _ => {
                // A newer generation may be in force already: then the stamp says so too, before long.
                let generation = current();
                let stamp = Stamp::new(generation.number, stamp.remembers());
                let made = Rc::new(Self {
                    gate,
                    stamp,
                    generation,
                    memo: RefCell::default(),
                    tallies: RefCell::default(),
                });
                *local = Some(made.clone());
                made
            }
        })
    }

    /// The answer, remembered or decided now.
    pub(crate) fn answer(&self, question: &Question<'_>) -> Given {
        let memo = &mut self.memo.borrow_mut();
        match self.stamp.remembers() {
            true => memo.answer(question, &self.generation),
            false => memo.decide(question, &self.generation),
        }
    }

    /// What Cedar is given to decide a question, for the record; nothing where it could not be put together.
    pub(crate) fn case(&self, question: &Question<'_>) -> Option<Case> {
        self.generation.case(question, &*self.class(question)?).ok()
    }

    /// The class of a question; nothing where it cannot be put together.
    pub(crate) fn class(&self, question: &Question<'_>) -> Option<Rc<Class>> {
        let bundle = &self.generation.bundle;
        let class = match self.stamp.remembers() {
            true => self.memo.borrow_mut().class(question, bundle),
            false => Class::of(question, bundle).map(Rc::new),
        };
        class.ok()
    }

    /// What tells the class of a question from every other: SHA-256 of who asks for what sort of thing under what, and of all
    /// that decides the answer beside. Where that cannot be written, all of one asker and action are one class. Nothing where
    /// the class cannot be put together.
    pub(crate) fn class_digest(&self, question: &Question<'_>) -> Option<Digest> {
        let Question { actor, scopes, spec, .. } = *question;
        let class = self.class(question)?;
        let key = &mut self.memo.borrow_mut().key;
        if !class.write_key(question, &self.generation.bundle.tenants, key) {
            key.clear();
        }
        let mut parts = actor.digest().to_vec();
        for text in scopes.ids().chain([spec.action]) {
            parts.extend_from_slice(&text.len().to_le_bytes());
            parts.extend_from_slice(text.as_bytes());
        }
        parts.extend_from_slice(key);
        Some(audit::digest::sha256(&parts))
    }

    /// Where this thread counts an allowed question of a class; or what it is to be counted under, when it is the first of
    /// that on any thread.
    pub(crate) fn tally(&self, question: &Question<'_>, class: Digest) -> Result<Tally, Under> {
        let mut tallies = self.tallies.borrow_mut();
        if let Some(tally) = tallies.get(&Under::Class(class)) {
            return Ok(tally.clone());
        }
        let (under, count) = self.generation.occurred.find(question, class);
        match count {
            Some(count) => Ok(tallies.entry(under).or_insert_with(|| count.tally()).clone()),
            None => Err(under),
        }
    }

    /// Begins to count under the record of the first. Another thread may have come before: then there are two records, and
    /// both count under that one's.
    pub(crate) fn begin_tally(&self, question: &Question<'_>, under: Under, count: Count) -> Tally {
        let count = self.generation.occurred.keep(question, &under, count);
        self.tallies.borrow_mut().entry(under).or_insert_with(|| count.tally()).clone()
    }

    /// How often questions were answered so far.
    pub(crate) fn counts(&self) -> MemoCounts {
        self.memo.borrow().counts
    }
}

/// Classes by the digest of the actor, its scopes and the action; never by the actor's id, since two tokens of one user
/// can carry different roles.
type Classes = HashMap<(Digest, ScopeSet, &'static str), Rc<Class>>;

/// Classes and answers of one generation.
#[derive(Default)]
struct Memo {
    tenants: HashMap<TenantId, Tenant>,
    recent: Recent,
    bytes: usize,
    counts: MemoCounts,
    /// Where keys are written.
    key: Vec<u8>,
}

/// What is remembered for the actors of one tenant.
#[derive(Default)]
struct Tenant {
    classes: Classes,
    bytes: usize,
}

impl Memo {
    fn answer(&mut self, question: &Question<'_>, generation: &Generation) -> Given {
        if let Some(answer) = self.recent.answer(question) {
            return self.known(answer);
        }
        let class = match self.class(question, &generation.bundle) {
            Ok(class) => class,
            Err(error) => return Given::undecided(Answer::failed(&error)),
        };
        // A class that is too large for its tenant's memory is made anew each time.
        let has_key = class.bytes <= MEMO_CLASS_BYTES_MAX
            && class.write_key(question, &generation.bundle.tenants, &mut self.key);
        if has_key && let Some(answer) = class.known(&self.key) {
            self.recent.keep_answer(question, &class, &answer);
            return self.known(answer);
        }
        let decided = self.decided(question, generation, &class);
        // One with errors is an incident each time.
        if has_key && decided.answer.kind != AnswerKind::Error {
            self.keep(question, &class, &decided.answer);
        }
        decided
    }

    /// Decides by the engine, with nothing from before.
    fn decide(&mut self, question: &Question<'_>, generation: &Generation) -> Given {
        match Class::of(question, &generation.bundle) {
            Ok(class) => self.decided(question, generation, &class),
            Err(error) => Given::undecided(Answer::failed(&error)),
        }
    }

    fn decided(&mut self, question: &Question<'_>, generation: &Generation, class: &Class) -> Given {
        self.counts.misses += 1;
        let started = Instant::now();
        let answer = Rc::new(generation.decide(question, class));
        Given { answer, by: By::Cedar(started.elapsed()) }
    }

    fn known(&mut self, answer: Rc<Answer>) -> Given {
        self.counts.hits += 1;
        Given { answer, by: By::Memory }
    }

    fn class(&mut self, question: &Question<'_>, bundle: &Bundle) -> Result<Rc<Class>, Unanswerable> {
        let Question { actor, scopes, spec, .. } = *question;
        if let Some(class) = self.recent.class(question) {
            return Ok(class);
        }
        let key = (*actor.digest(), scopes.clone(), spec.action);
        let known = self.tenants.get(actor.tenant()).and_then(|tenant| tenant.classes.get(&key)).cloned();
        let class = match known {
            Some(class) => class,
            None => {
                let class = Rc::new(Class::of(question, bundle)?);
                if class.bytes > MEMO_CLASS_BYTES_MAX {
                    return Ok(class);
                }
                self.charge(actor.tenant(), class.bytes);
                self.tenants.entry(actor.tenant().clone()).or_default().classes.insert(key, class.clone());
                class
            }
        };
        self.recent.keep_class(question, &class);
        Ok(class)
    }

    fn keep(&mut self, question: &Question<'_>, class: &Rc<Class>, answer: &Rc<Answer>) {
        // Where there was no room, the class is forgotten too, and the answer with it.
        let policies = answer.policies.capacity() * size_of::<Arc<Loaded>>();
        let shadow = answer.shadow.as_ref().map_or(0, Shadowed::bytes);
        self.charge(question.actor.tenant(), MEMO_ANSWER_BYTES + self.key.len() + policies + shadow);
        class.keep(&self.key, answer);
        self.recent.keep_answer(question, class, answer);
    }

    /// Counts bytes that are about to be remembered; forgets, where they would be too many.
    fn charge(&mut self, tenant: &TenantId, bytes: usize) {
        if self.bytes.saturating_add(bytes) > MEMO_BYTES_MAX {
            let key = std::mem::take(&mut self.key);
            *self = Self { key, counts: self.counts, ..Self::default() };
        }
        let held = self.tenants.get(tenant).map_or(0, |tenant| tenant.bytes);
        if held.saturating_add(bytes) > MEMO_TENANT_BYTES_MAX {
            self.tenants.remove(tenant);
            self.recent.forget(tenant);
            self.bytes = self.bytes.saturating_sub(held);
        }
        self.bytes += bytes;
        match self.tenants.get_mut(tenant) {
            Some(held) => held.bytes += bytes,
            None => {
                self.tenants.insert(tenant.clone(), Tenant { bytes, ..Tenant::default() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use diagnostic::Source;

    use super::*;
    use crate::bundle::{BundleSources, ScopeSources};
    use crate::identity::{Actor, Scope};
    use crate::permission::{Datum, Fields, Permission, ProcessSend, Resource};
    use crate::resource::Process;

    #[test]
    fn texts_that_a_tenant_chooses_stay_within_its_bound() {
        let text = "@id(\"a\") permit (principal, action == Moonward::Action::\"process.send\", resource) \
                    when { context.topic like \"*x\" };";
        let acme = TenantId::new("acme").unwrap();
        let scope = Arc::new(Scope::new("acme:scope", &acme, false).unwrap());
        let file = Arc::new(Source { path: "a.cedar".to_owned(), text: text.to_owned() });
        let bundle = Bundle::load(BundleSources {
            scopes: vec![ScopeSources { scope: scope.clone(), files: vec![file] }],
            tenants: vec![crate::identity::Tenant::new(acme.clone())],
            ..BundleSources::default()
        });
        let generation = Generation::new(1, bundle.unwrap());
        let (actor, scopes) = (Arc::new(Actor::parse("acme/user/bob").unwrap()), ScopeSet::new([scope]));
        let to = Arc::new(Process::stand_in("to", &acme, 0));
        let mut memo = Memo::default();
        for number in 0..1000 {
            // Larger than any real topic, so that few are enough.
            let topic = format!("{number}{}x", "-".repeat(64 * 1024));
            let context = Fields::one("topic", Datum::String(&topic)).with("bytes", Datum::Long(1));
            let question = Question {
                actor: &actor,
                scopes: &scopes,
                process: None,
                spec: &ProcessSend::SPEC,
                resource: Resource::Process(&to),
                context: &context,
            };
            let [first, again] = [(); 2].map(|()| memo.answer(&question, &generation));
            assert!(matches!(first.by, By::Cedar(_)) && first.answer.kind == AnswerKind::Allow);
            assert_eq!(again.answer.kind, AnswerKind::Allow);
            assert!(memo.bytes <= MEMO_TENANT_BYTES_MAX, "{} bytes", memo.bytes);
        }
        // Far more was asked than there is room for, and most of it was remembered.
        assert!(memo.counts.hits > 900, "{:?}", memo.counts);
    }
}
