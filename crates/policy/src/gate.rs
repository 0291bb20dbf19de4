//! The gate: asked before every effect, it gives a permit, or a refusal that is recorded.
//!
//! The function that decides is the function that records, before it returns; what is sensitive gets no permit before that
//! record is on the disk. What an effect does is not known here.

mod asks;
mod caller;
mod can;
mod first;
mod permit;
mod record;
mod refusal;
mod self_check;
mod standing;

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use audit::{AssertedBy, Because, Decision, Event, EventKind, Log, Occurrence};
use diagnostic::{Diagnostic, render};

pub use asks::Asks;
pub use caller::Caller;
pub use permit::Permit;
pub use refusal::{Denial, DenialKind, Refusal};
pub use self_check::SelfCheck;
pub use standing::{Checked, Standing};

use crate::archived::Kept;
use crate::generation::{Answer, AnswerKind, Generation, Question, Shadowed};
use crate::memo::{Given, Local, MemoCounts, Stamp};
use crate::permission::{Datum, Permission, Resource};
use record::Decided;
use self_check::Sampler;

/// The only way to a permit. Shared by all threads.
pub struct Gate {
    /// Tells the gates of one program apart.
    id: u64,
    generation: RwLock<Arc<Generation>>,
    /// The [`Stamp`] of the generation in force, set after it is there to be had: a thread that sees it needs no lock to know
    /// that it has the right one.
    stamp: AtomicU64,
    sampler: Sampler,
    log: Log,
    /// Who loads policies, for every record of this gate's own.
    loaded_by: Option<AssertedBy>,
}

impl Gate {
    /// A gate that decides by a bundle that is kept in this log, as generation 1, and records there; what it loads and refuses, in the name of
    /// the person who is given. The load is recorded.
    pub fn new(kept: Kept, log: Log, loaded_by: Option<AssertedBy>) -> Self {
        static GATES: AtomicU64 = AtomicU64::new(0);
        let Kept { bundle, archive } = kept;
        let generation = Arc::new(Generation::new(1, bundle));
        let gate = Self {
            id: GATES.fetch_add(1, Ordering::Relaxed),
            generation: RwLock::new(generation.clone()),
            stamp: AtomicU64::new(Stamp::new(1, true).0),
            sampler: Sampler::default(),
            log,
            loaded_by,
        };
        gate.record_load(&generation, &archive);
        gate
    }

    /// One operation: all that is checked through it is decided by the generation of this moment.
    pub fn operation(&self) -> Operation<'_> {
        Operation { gate: self, local: self.local(), destination: None }
    }

    /// Decides by this bundle, which is kept in this gate's log, from now on; operations that have begun keep theirs. The load is recorded.
    /// Returns the number of the new generation.
    pub fn replace(&self, kept: Kept) -> u64 {
        let Kept { bundle, archive } = kept;
        let mut current = self.generation.write().unwrap_or_else(PoisonError::into_inner);
        let generation = Arc::new(Generation::new(current.number + 1, bundle));
        self.record_load(&generation, &archive);
        *current = generation;
        self.stamp.store(Stamp::new(current.number, self.stamp().remembers()).0, Ordering::Release);
        self.log.tell_counts();
        current.number
    }

    /// Records that a bundle was refused for these reasons; the one in force stays.
    pub fn refuse(&self, diagnostics: &[Diagnostic]) {
        let current = self.current();
        let found: Vec<String> = diagnostics.iter().map(render).collect();
        let event = Event {
            policy_set: Some(current.bundle.digest().clone()),
            generation: Some(current.number.into()),
            ..Event::new(EventKind::PolicyRefused).with("diagnostics", found)
        };
        self.accept(event);
    }

    /// Records something that is no decision, on behalf of the host itself.
    pub fn record(&self, event: Event) {
        self.accept(event);
    }

    /// The number of the generation in force.
    pub fn generation(&self) -> u64 {
        self.stamp().generation()
    }

    /// How often this thread answered from memory, and how often by the engine, since it has the generation in force.
    pub fn memo_counts(&self) -> MemoCounts {
        self.local().counts()
    }

    fn record_load(&self, generation: &Generation, archive: &str) {
        let bundle = &generation.bundle;
        let scopes: Vec<&str> = bundle.scopes.keys().map(|id| &**id).collect();
        self.accept(Event {
            policy_set: Some(bundle.digest().clone()),
            generation: Some(generation.number.into()),
            ..Event::new(EventKind::PolicyLoad)
                .with("archive", archive)
                .with("policies", bundle.policy_count())
                .with("scopes", scopes)
                .with("shadow", bundle.in_shadow().map(|policy| &*policy.id).collect::<Vec<_>>())
                .with("warnings", bundle.warnings().iter().map(render).collect::<Vec<_>>())
        });
    }

    /// A log that takes no records refuses every check, too; a load is not held back by it.
    fn accept(&self, event: Event) {
        let event = Event { asserted_by: self.loaded_by.clone(), ..event };
        if let Err(error) = self.log.accept(event.into()) {
            tracing::error!(%error, "a change of policies is not recorded");
        }
    }

    fn current(&self) -> Arc<Generation> {
        // A poisoned lock guards a whole generation all the same: it is made outside.
        self.generation.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What this thread remembers of the generation in force.
    fn local(&self) -> Rc<Local> {
        Local::of(self.id, self.stamp(), || self.current())
    }

    fn stamp(&self) -> Stamp {
        Stamp(self.stamp.load(Ordering::Acquire))
    }

    /// Remembers no answer any more, on any thread, until the end.
    fn forget_from_now_on(&self) {
        // Under the lock, as each change of the stamp.
        let current = self.generation.write().unwrap_or_else(PoisonError::into_inner);
        self.stamp.store(Stamp::new(current.number, false).0, Ordering::Release);
    }
}

/// One operation: what it asks is decided by one generation of policies, on one thread.
pub struct Operation<'a> {
    gate: &'a Gate,
    local: Rc<Local>,
    destination: Option<&'a str>,
}

impl<'a> Operation<'a> {
    /// The same, for a call whose destination was written as `destination`: a refusal on a process then names
    /// that, not the pid it stands for.
    #[must_use]
    pub fn naming(mut self, destination: &'a str) -> Self {
        self.destination = Some(destination);
        self
    }

    /// The number of the generation that it is decided by.
    pub fn generation(&self) -> u64 {
        self.local.generation.number
    }

    /// Checks each ask in order and gives the permits in the same shape; stops at the first refusal. Waits for the disk if
    /// something sensitive is among them: not for a thread that serves others. Call it on a thread with a stack of
    /// [`crate::limits::EVALUATION_STACK_BYTES`].
    ///
    /// # Errors
    /// [`Refusal::Denied`], recorded or counted once; [`Refusal::Unavailable`] while the log cannot be written, whatever
    /// the answer would be.
    pub fn check<A: Asks>(&self, caller: &Caller<'_>, asks: A) -> Result<A::Permits, Refusal> {
        asks.decide_each(self, caller)?;
        if self.gate.is_sensitive(&asks) {
            return self.wait_for_record(caller, asks);
        }
        Ok(asks.grant_each(&asks::Settled { generation: self.generation() }))
    }

    /// The permits for what was decided and recorded just now, once that is durable.
    fn wait_for_record<A: Asks>(&self, caller: &Caller<'_>, asks: A) -> Result<A::Permits, Refusal> {
        let mut checked = self.recorded(asks)?;
        loop {
            match checked {
                Checked::Granted(permits) => return Ok(permits),
                Checked::Recorded(standing, ticket) => {
                    self.gate.log.wait(ticket).map_err(|_| Refusal::Unavailable)?;
                    let now = Operation { destination: self.destination, ..self.gate.operation() };
                    checked = now.renew(caller, standing)?;
                }
            }
        }
    }

    /// The same without ever waiting: what has to be durable first is given back as [`Checked::Recorded`], which only asks
    /// do that [`Gate::is_sensitive`] says yes to.
    ///
    /// # Errors
    /// As [`Operation::check`].
    pub fn try_check<A: Asks>(&self, caller: &Caller<'_>, asks: A) -> Result<Checked<A>, Refusal> {
        asks.decide_each(self, caller)?;
        if !self.gate.is_sensitive(&asks) {
            return Ok(Checked::granted(asks, self.generation()));
        }
        self.recorded(asks)
    }

    /// What was recorded just now: durable already, or to be waited for.
    fn recorded<A: Asks>(&self, asks: A) -> Result<Checked<A>, Refusal> {
        let ticket = self.gate.log.ticket();
        self.settle(Standing { asks, generation: self.generation(), ticket: Some(ticket) })
    }

    /// Decides one request, and records the answer if it is to be recorded.
    fn decide_one<P: Permission>(&self, caller: &Caller<'_>, request: &P) -> Result<(), Refusal> {
        if !self.gate.log.writable() {
            return Err(Refusal::Unavailable);
        }
        let given = self.decide(caller, request);
        let answer = &given.answer;
        let Some(because) = because(request, answer) else {
            self.count(caller, request, &given)?;
            return Ok(());
        };
        let occurrence = self.occurrence::<P>(caller, &given);
        let mut written = false;
        let decision = || {
            written = true;
            self.decision(caller, request, &given, because)
        };
        let record = self.gate.log.decided(&occurrence, decision).map_err(|_| Refusal::Unavailable)?;
        let kind = match answer.kind {
            AnswerKind::Allow => return Ok(()),
            AnswerKind::Forbid => DenialKind::Forbid,
            AnswerKind::Default => DenialKind::Default,
            AnswerKind::Error => {
                if written {
                    tracing::error!(%record, action = P::SPEC.action, errors = ?answer.errors, "a policy failed: denied");
                }
                DenialKind::Error
            }
        };
        let resource = request.resource();
        let named = match (resource, self.destination) {
            (Resource::Process(_), Some(destination)) => destination,
            _ => resource.text(),
        };
        let (action, resource) = (P::SPEC.action, named.to_owned());
        Err(Refusal::Denied(Denial { kind, action, resource, record }))
    }

    /// What an answer is counted as.
    fn occurrence<'c, P: Permission>(&self, caller: &Caller<'c>, given: &Given) -> Occurrence<'c> {
        Occurrence {
            tenant: caller.actor.map(|actor| actor.tenant().text()),
            actor: caller.actor.map(|actor| actor.id()),
            action: P::SPEC.action,
            resource_type: P::SPEC.resource.name(),
            decision_kind: given.answer.kind.recorded(),
        }
    }

    /// The record of an answer.
    fn decision<P: Permission>(
        &self,
        caller: &Caller<'_>,
        request: &P,
        given: &Given,
        because: Because,
    ) -> Decision {
        // What Cedar cannot be given is not in the record either; its errors say why.
        let case = self.question(caller, request).and_then(|question| self.local.case(&question));
        let decided = Decided {
            caller,
            generation: &self.local.generation,
            spec: &P::SPEC,
            resource: request.resource(),
            via: match request.context().get("via") {
                Some(Datum::Via(via)) => Some(via),
                _ => None,
            },
            given,
            because,
            case: case.as_ref(),
        };
        decided.entry()
    }

    fn decide<P: Permission>(&self, caller: &Caller<'_>, request: &P) -> Given {
        match self.question(caller, request) {
            Some(question) => {
                let given = self.local.answer(&question);
                self.gate.sampler.offer(&question, &self.local.generation, &given.answer);
                given
            }
            None => Given::nobody(),
        }
    }

    /// What is asked; nothing when there is nobody to ask for.
    fn question<'q, P: Permission>(&self, caller: &Caller<'q>, request: &'q P) -> Option<Question<'q>> {
        Some(Question {
            actor: caller.actor?,
            scopes: caller.scopes?,
            process: caller.process,
            spec: &P::SPEC,
            resource: request.resource(),
            context: request,
        })
    }
}

/// Why an answer is recorded; nothing for an allow that is only counted. What is owed for a shadow is counted with it.
fn because<P: Permission>(request: &P, answer: &Answer) -> Option<Because> {
    let owed_by_shadow = answer.shadow.as_ref().and_then(Shadowed::count).is_some();
    match answer.kind {
        AnswerKind::Allow if P::SPEC.recorded.is_sensitive(request) => Some(Because::Sensitive),
        AnswerKind::Allow if answer.audited => Some(Because::Asked),
        AnswerKind::Allow => owed_by_shadow.then_some(Because::Shadow),
        AnswerKind::Forbid | AnswerKind::Default | AnswerKind::Error => Some(Because::Denied),
    }
}
