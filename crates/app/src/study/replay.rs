//! The decisions of an audit log, decided again: by one or more policy sets in one pass, on every core, a line at a time.
//!
//! A record is decided exactly or not at all; why not is told for each. What is made of the answers (a report, a new policy) is
//! the caller's: it looks at each record on the thread that decided it, and is given what it made of them in the order
//! of the log.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder};
use std::{io, panic};

use audit::{LinePlace, RawLine, ReadError, STORED_MEMBERS, StoredError, Whereabouts, whereabouts};
use policy::DecisionKind;
use policy::limits::EVALUATION_STACK_BYTES;
use policy::study::{Again, Effort, NotReplayable, Sitting, Study, Verdict};
use review::{Order, Step};
use serde_json::Value as Json;

use crate::limits::{REPLAY_BATCH_LINES, REPLAY_PENDING_BATCHES, REPLAY_THREADS_MAX};

/// One line of a log, looked at.
#[derive(Debug)]
pub enum Seen<'a> {
    /// A decision that was to be decided again.
    Decision(Decided<'a>),
    /// Any other record, and a decision that was not asked for.
    Other {
        /// Where it begins.
        place: LinePlace,
        /// The record.
        record: &'a Json,
    },
    /// What is no record, or cannot be read.
    Unreadable(ReadError),
    /// Records that are not there, or were never written, in words.
    Missing(String),
}

/// A recorded decision, and what each policy set makes of it.
#[derive(Debug)]
pub struct Decided<'a> {
    /// Where its line begins.
    pub place: LinePlace,
    /// The record. Parts of it that are kept elsewhere are filled in, where that was possible.
    pub record: &'a Json,
    /// Its case, where it could be put together exactly.
    pub case: Option<&'a Again>,
    /// One for each policy set, in their order.
    pub verdicts: Vec<Result<Arc<Verdict>, NotReplayable>>,
}

/// Decides the decisions of the log in a folder again by each of these policy sets. `is_wanted` tells of each decision whether
/// it is to be decided; its parts kept elsewhere are not filled in then. `look` makes something of each line, on any thread;
/// `take` is given that in the order of the log.
///
/// Takes a bounded number of lines into memory, whatever the length of the log. Gives what it took to decide them.
///
/// # Errors
/// The system gives no thread.
pub fn replay<T: Send>(
    log: &Path,
    sets: &[&Study],
    is_wanted: impl Fn(LinePlace, &Json) -> bool + Sync,
    look: impl Fn(Seen<'_>) -> T + Sync,
    mut take: impl FnMut(T),
) -> io::Result<Effort> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(REPLAY_THREADS_MAX);
    let (is_wanted, look) = (&is_wanted, &look);
    thread::scope(|scope| {
        let mut workers = Vec::with_capacity(threads);
        for _ in 0..threads {
            let (lines, batches) = sync_channel::<Vec<Result<RawLine, ReadError>>>(REPLAY_PENDING_BATCHES);
            let (done, made) = sync_channel::<Vec<Made<T>>>(REPLAY_PENDING_BATCHES);
            let work = move || {
                let mut sittings: Vec<Sitting<'_>> = sets.iter().map(|set| set.sitting()).collect();
                for batch in batches {
                    let seen = batch.into_iter().map(|line| see(log, line, &mut sittings, is_wanted, look));
                    if done.send(seen.collect()).is_err() {
                        break;
                    }
                }
                let mut effort = Effort::default();
                sittings.iter().for_each(|sitting| effort += sitting.effort());
                effort
            };
            let thread = Builder::new().name("policy replay".to_owned()).stack_size(EVALUATION_STACK_BYTES);
            let deciding = thread.spawn_scoped(scope, work)?;
            workers.push((Worker { lines, made }, deciding));
        }
        let (workers, deciding): (Vec<_>, Vec<_>) = workers.into_iter().unzip();
        let missing = |why| look(Seen::Missing(why));
        hand_out(log, &workers, missing, &mut take);
        drop(workers);
        let mut effort = Effort::default();
        for thread in deciding {
            effort += thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        }
        Ok(effort)
    })
}

/// A thread that decides.
struct Worker<T> {
    lines: SyncSender<Vec<Result<RawLine, ReadError>>>,
    made: Receiver<Vec<Made<T>>>,
}

/// What was made of one line, and what the line says of its place among all.
struct Made<T> {
    step: Step,
    made: T,
}

/// Gives each worker in turn some lines, and takes what they made in the same turn, which is the order of the log. A worker
/// that is gone has panicked, which who waits for it passes on.
fn hand_out<T>(log: &Path, workers: &[Worker<T>], missing: impl Fn(String) -> T, take: &mut impl FnMut(T)) {
    let mut lines = audit::read(log);
    let mut pending: VecDeque<&Worker<T>> = VecDeque::new();
    let mut order = Order::default();
    let mut collect = |worker: &Worker<T>| {
        for Made { step, made } in worker.made.recv().into_iter().flatten() {
            order.pass(step).map(&missing).into_iter().for_each(&mut *take);
            if step.lost > 0 {
                take(missing(format!("{} decisions were not recorded, in a gap of the log", step.lost)));
            }
            take(made);
        }
    };
    for worker in workers.iter().cycle() {
        let batch: Vec<_> = std::iter::from_fn(|| lines.next_raw()).take(REPLAY_BATCH_LINES).collect();
        if batch.is_empty() || worker.lines.send(batch).is_err() {
            break;
        }
        pending.push_back(worker);
        if pending.len() >= workers.len() * REPLAY_PENDING_BATCHES
            && let Some(oldest) = pending.pop_front()
        {
            collect(oldest);
        }
    }
    pending.into_iter().for_each(&mut collect);
    order.beginning(false).map(missing).into_iter().for_each(take);
}

/// Looks at one line.
fn see<T>(
    log: &Path,
    line: Result<RawLine, ReadError>,
    sittings: &mut [Sitting<'_>],
    is_wanted: impl Fn(LinePlace, &Json) -> bool,
    look: impl Fn(Seen<'_>) -> T,
) -> Made<T> {
    let line = match line.and_then(RawLine::parse) {
        Ok(line) => line,
        Err(error) => return Made { step: Step::default(), made: look(Seen::Unreadable(error)) },
    };
    let (place, record) = (line.place, &line.record);
    let step = Step::of(record);
    let is_decision = record.get("kind").and_then(Json::as_str) == Some("decision");
    if !is_decision || !is_wanted(place, record) {
        return Made { step, made: look(Seen::Other { place, record }) };
    }
    let is_elsewhere = |member: &&str| whereabouts(record, member) == Whereabouts::Elsewhere;
    let record = match STORED_MEMBERS.iter().any(is_elsewhere) {
        false => Ok(Cow::Borrowed(record)),
        true => audit::stored(log, &line).map(Cow::Owned).map_err(|error| missing(&error)),
    };
    let (record, case) = match record {
        Ok(record) => {
            let case = Again::of_record(&record);
            (record, case)
        }
        Err(why) => (Cow::Borrowed(&line.record), Err(why)),
    };
    let verdicts = sittings.iter_mut().map(|sitting| case.as_ref().map_err(Clone::clone)?.decide(sitting));
    let verdicts = verdicts.collect();
    let made = look(Seen::Decision(Decided { place, record: &record, case: case.as_ref().ok(), verdicts }));
    Made { step, made }
}

/// Without the name of the file, so that records that lack theirs are counted together.
fn missing(error: &StoredError) -> NotReplayable {
    NotReplayable(match error {
        StoredError::Unreadable { source, .. } => {
            format!("a part of the record that is kept beside the log cannot be read: {}", source.kind())
        }
        StoredError::Changed { .. } => {
            "a part of the record that is kept beside the log is not what was recorded".to_owned()
        }
    })
}

/// What a decision came to: its sort, and the policies that determined it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The answer and its sort.
    pub kind: DecisionKind,
    /// Ids of the policies that determined it, in order. Hostile text where they are a record's.
    pub policies: Vec<Arc<str>>,
}

impl Outcome {
    /// What a record says; nothing when it says none that there is.
    pub fn recorded(record: &Json) -> Option<Self> {
        let kind = DecisionKind::from_text(record.get("decision_kind")?.as_str()?)?;
        let policies = record.get("policies")?.as_array()?.iter();
        let policies: Option<Vec<Arc<str>>> =
            policies.map(|policy| policy.get("id")?.as_str().map(Arc::from)).collect();
        Some(Self::new(kind, policies?))
    }

    /// What a policy set makes of it.
    pub fn of(verdict: &Verdict) -> Self {
        Self::new(verdict.kind, verdict.policies.iter().map(|policy| policy.id.clone()).collect())
    }

    fn new(kind: DecisionKind, mut policies: Vec<Arc<str>>) -> Self {
        policies.sort();
        Self { kind, policies }
    }

    /// What there is between this and what it would be `then`.
    pub fn change(&self, then: &Self) -> AnswerChange {
        use DecisionKind::{Allow, DenyError};
        match (self.kind, then.kind) {
            (Allow, Allow) | (DenyError, DenyError) => {}
            (_, Allow) => return AnswerChange::NewlyAllowed,
            (_, DenyError) => return AnswerChange::NewError,
            (Allow, _) => return AnswerChange::NewlyDenied,
            _ => {}
        }
        if self == then { AnswerChange::Nothing } else { AnswerChange::OtherReason }
    }
}

/// What changed from one answer to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerChange {
    /// It was denied, and would be allowed.
    NewlyAllowed,
    /// It was allowed, and would be denied.
    NewlyDenied,
    /// A policy would fail, and did not.
    NewError,
    /// It would be answered alike, for another reason: another sort of denial, or by other policies.
    OtherReason,
    /// Nothing.
    Nothing,
}
