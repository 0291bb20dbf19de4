//! The gate checks itself: now and then an answer is decided again, by plain Cedar over every policy. Should one ever
//! differ, that is an alarm and a record, and nothing is remembered any more.
//!
//! One thread does it, in a hundredth of a core at most; a check that is not picked pays one load of an atomic.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use audit::{Event, EventKind};

use super::Gate;
use crate::bundle::Loaded;
use crate::generation::{Answer, AnswerKind, Generation, Question};
use crate::limits::{EVALUATION_STACK_BYTES, SELF_CHECK_IDLE, SELF_CHECK_REST};
use crate::plain::Plainly;

/// Where a check leaves a question to be decided again.
#[derive(Default)]
pub(super) struct Sampler {
    /// Whether one is wanted.
    wanted: AtomicBool,
    sample: Mutex<Option<Sample>>,
}

/// A question, and what was answered.
struct Sample {
    question: Plainly,
    generation: Arc<Generation>,
    action: &'static str,
    actor: Arc<str>,
    kind: AnswerKind,
    policies: Vec<Arc<Loaded>>,
}

impl Sampler {
    /// Takes this question, if one is wanted.
    pub(super) fn offer(&self, question: &Question<'_>, generation: &Arc<Generation>, answer: &Answer) {
        if !self.wanted.load(Ordering::Relaxed) || !self.wanted.swap(false, Ordering::Relaxed) {
            return;
        }
        // What cannot be put to Cedar was denied.
        let Ok(put) = Plainly::put(question, generation) else { return };
        let sample = Sample {
            question: put,
            generation: generation.clone(),
            action: question.spec.action,
            actor: question.actor.id().clone(),
            kind: answer.kind,
            policies: answer.policies.clone(),
        };
        *self.sample.lock().unwrap_or_else(PoisonError::into_inner) = Some(sample);
    }

    fn take(&self) -> Option<Sample> {
        self.sample.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The thread that checks a gate. Dropping it ends the thread.
pub struct SelfCheck {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl SelfCheck {
    /// Checks this gate from now on.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(gate: Arc<Gate>) -> io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let until = stopping.clone();
        let thread = std::thread::Builder::new()
            .name("policy check".to_owned())
            .stack_size(EVALUATION_STACK_BYTES)
            .spawn(move || {
                let stopping = || until.load(Ordering::Acquire);
                while !stopping() {
                    gate.sampler.wanted.store(true, Ordering::Relaxed);
                    std::thread::park_timeout(SELF_CHECK_IDLE);
                    if stopping() {
                        break;
                    }
                    let started = Instant::now();
                    gate.check_sample();
                    std::thread::park_timeout(started.elapsed() * SELF_CHECK_REST);
                }
            })?;
        Ok(Self { stopping, thread: Some(thread) })
    }
}

impl Drop for SelfCheck {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Gate {
    /// Decides the question that was left, if any, again.
    fn check_sample(&self) {
        let Some(sample) = self.sampler.take() else { return };
        let plainly = sample.question.decide(&sample.generation);
        let ids = |policies: &[Arc<Loaded>]| -> Vec<String> {
            policies.iter().map(|policy| policy.id.to_string()).collect()
        };
        let (given, again) = (ids(&sample.policies), ids(&plainly.policies));
        if (sample.kind, &given) == (plainly.kind, &again) {
            return;
        }
        self.forget_from_now_on();
        let [kind, kind_again] = [sample.kind, plainly.kind].map(AnswerKind::recorded);
        tracing::error!(
            actor = %sample.actor, action = sample.action, ?kind, ?kind_again,
            "the gate answered otherwise than the policies say, which is a defect of it: from now on it remembers no answer"
        );
        self.accept(Event {
            actor: Some(sample.actor),
            policy_set: Some(sample.generation.bundle.digest().clone()),
            generation: Some(sample.generation.number.into()),
            ..Event::new(EventKind::PolicySelfCheck)
                .with("action", sample.action)
                .with("answered", serde_json::json!(kind))
                .with("answered_policies", given)
                .with("decided", serde_json::json!(kind_again))
                .with("decided_policies", again)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use diagnostic::Source;

    use super::*;
    use crate::archived::Kept;
    use crate::bundle::{Bundle, BundleSources, ScopeSources};
    use crate::gate::Caller;
    use crate::identity::{Actor, Scope, ScopeSet, Tenant, TenantId};
    use crate::permission::{Permission, ProcessSend};
    use crate::resource::Process;

    /// Allows messages of the topic `news`.
    const POLICY: &str = "@id(\"news\") permit (principal, action == Moonward::Action::\"process.send\", resource) \
                          when { context.topic == \"news\" };";

    fn gate(folder: &tempfile::TempDir, scope: &Arc<Scope>) -> Gate {
        let file = Arc::new(Source { path: "a.cedar".to_owned(), text: POLICY.to_owned() });
        let bundle = Bundle::load(BundleSources {
            scopes: vec![ScopeSources { scope: scope.clone(), files: vec![file] }],
            tenants: vec![Tenant::new(scope.tenant().clone())],
            ..BundleSources::default()
        });
        let log = audit::Log::open(audit::Options::new(folder.path().join("log"))).unwrap();
        Gate::new(Kept::new(bundle.unwrap(), &log).unwrap(), log, None)
    }

    #[test]
    fn an_answer_that_the_policies_do_not_give_is_recorded_and_nothing_is_remembered_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let acme = TenantId::new("acme").unwrap();
        let scope = Arc::new(Scope::new("acme:scope", &acme, false).unwrap());
        let gate = gate(&folder, &scope);
        let (actor, scopes) = (Arc::new(Actor::parse("acme/user/bob").unwrap()), ScopeSet::new([scope]));
        let caller = Caller::outside(&actor, &scopes);
        let to = Arc::new(Process::stand_in("to", &acme, 0));
        let send = |topic: &str| ProcessSend { to: to.clone(), topic: topic.into(), bytes: 1 };
        let ask = |topic| {
            gate.sampler.wanted.store(true, Ordering::Relaxed);
            let allowed = gate.operation().check(&caller, send(topic)).is_ok();
            gate.check_sample();
            allowed
        };
        assert!(ask("news") && ask("news") && !ask("gossip"));
        assert_eq!(gate.memo_counts().hits, 1);
        assert!(gate.stamp().remembers(), "an answer as the policies give it is no alarm");

        // An answer that a defect might leave behind.
        let gossip = send("gossip");
        let operation = gate.operation();
        let question = operation.question(&caller, &gossip).unwrap();
        let class = operation.local.class(&question).unwrap();
        let mut key = Vec::new();
        assert!(class.write_key(&question, &operation.local.generation.bundle.tenants, &mut key));
        let wrong = Answer { kind: AnswerKind::Allow, ..Answer::nobody() };
        class.keep(&key, &Rc::new(wrong));

        assert!(ask("gossip"), "the defect is there");
        assert!(!ask("gossip"), "and was found");
        assert!(ask("news") && ask("news"));
        assert_eq!(gate.memo_counts().hits, 0);
        gate.log.sync().unwrap();
        let records: Vec<_> =
            audit::read(&folder.path().join("log")).map(|line| line.unwrap().record).collect();
        let alarms: Vec<_> = records.iter().filter(|record| record["kind"] == "policy_self_check").collect();
        let [alarm] = alarms[..] else { panic!("{records:?}") };
        assert_eq!(alarm["detail"]["action"], ProcessSend::SPEC.action);
        assert_eq!(
            (&alarm["detail"]["answered"], &alarm["detail"]["decided"]),
            (&"allow".into(), &"deny_default".into())
        );
    }
}
