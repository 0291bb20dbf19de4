//! The reference model: processes, inboxes and signals as plain lists, with no thought for speed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use actor::{CALL_DEPTH_MAX, ChildLimits};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use value::Kind;

/// Processes in one history, dead ones included.
const PROCESSES_MAX: usize = 24;

/// A small mailbox, so that it is full at times.
pub(crate) fn mailbox() -> ChildLimits {
    ChildLimits { mailbox_messages: 3, ..ChildLimits::default() }
}

/// One thing that happens. Processes are named by their position.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Start {
        worker: usize,
    },
    Spawn {
        parent: usize,
        worker: usize,
        monitored: bool,
        linked: bool,
        name: Option<usize>,
        messages: usize,
    },
    Call {
        caller: usize,
        worker: usize,
    },
    Send {
        from: usize,
        to: usize,
    },
    Monitor {
        by: usize,
        target: usize,
    },
    Unmonitor {
        by: usize,
        target: usize,
    },
    Link {
        by: usize,
        target: usize,
    },
    Unlink {
        by: usize,
        target: usize,
    },
    Trap {
        by: usize,
        trap: bool,
    },
    Register {
        name: usize,
        target: usize,
    },
    Unregister {
        name: usize,
    },
    Terminate {
        target: usize,
    },
    Cancel {
        from: Option<usize>,
        target: usize,
        deadline_ms: Option<u64>,
    },
    Timer {
        by: usize,
        after_ms: u64,
    },
    Upgrade {
        by: usize,
    },
    Exit {
        process: usize,
        failed: bool,
    },
    Poll {
        worker: usize,
    },
    Work {
        worker: usize,
    },
    Advance {
        by_ms: u64,
    },
    Read {
        by: usize,
    },
}

/// What a step is answered with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Done(Result<(), Kind>),
    Read { message: Option<(Option<usize>, u64)>, event: Option<Read>, notices: Vec<Read> },
}

/// An event or notice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Read {
    Cancel { from: Option<usize>, deadline: Option<String> },
    Exit { from: usize, end: End },
    LinkDown { from: usize, end: End },
    Timer { token: u64 },
    CallDone { token: u64, end: End },
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Returned,
    Failed,
    Terminated,
    Deadline,
    Linked,
    CallerGone,
}

/// One process as the model sees it.
#[derive(Debug, Clone)]
pub(crate) struct Modelled {
    pub(crate) id: usize,
    pub(crate) alive: bool,
    pub(crate) marked: Option<End>,
    worker: usize,
    /// Slot and generation: signals to many go out in the order of addresses.
    place: (usize, u64),
    arrived: bool,
    lined_up: bool,
    trap: bool,
    depth: u8,
    waiter: Option<usize>,
    names: BTreeSet<usize>,
    links: BTreeSet<usize>,
    monitors: BTreeSet<usize>,
    watchers: BTreeSet<usize>,
    calls: BTreeMap<usize, u64>,
    messages: VecDeque<(Option<usize>, u64)>,
    /// Unread events; a CANCEL's content is in `cancel`.
    events: VecDeque<Option<Read>>,
    notices: Vec<Read>,
    cancel: Option<Option<usize>>,
    cancel_told: bool,
    cancel_queued: bool,
    deadline_ms: Option<u64>,
}

#[derive(Debug, Clone)]
enum Parcel {
    Start(usize),
    Message { to: usize, from: usize, number: u64 },
    Exit { to: usize, from: usize, end: End },
    LinkDown { to: usize, from: usize, end: End },
    CallDone { to: usize, from: usize, end: End },
    Cancel { to: usize },
    End { to: usize },
}

#[derive(Debug, Clone, PartialEq)]
enum Alarm {
    Token(u64),
    Deadline,
}

#[derive(Debug, Clone, Default)]
struct Worker {
    inbox: VecDeque<Parcel>,
    ending: VecDeque<usize>,
    /// By time and then by order of starting.
    timers: BTreeMap<(u64, u64), (usize, Alarm)>,
    free: VecDeque<(usize, u64)>,
    slots: usize,
}

/// The whole world.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) processes: Vec<Modelled>,
    pub(crate) answer: Answer,
    workers: [Worker; 2],
    now_ms: u64,
    sent: u64,
    timers: u64,
    started_timers: u64,
    calls: u64,
}

/// The state machine over [`Model`] that makes histories.
pub(crate) struct History;

impl ReferenceStateMachine for History {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model {
            processes: Vec::new(),
            answer: Answer::Done(Ok(())),
            workers: Default::default(),
            now_ms: 0,
            sent: 0,
            timers: 0,
            started_timers: 0,
            calls: 0,
        })
        .boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Step> {
        let worker = || 0..2_usize;
        let count = model.processes.len();
        let able: Vec<usize> = (0..count).filter(|id| model.is_able(*id)).collect();
        let start = worker().prop_map(|worker| Step::Start { worker });
        if able.is_empty() {
            let work = worker().prop_map(|worker| Step::Work { worker });
            return if count < PROCESSES_MAX { prop_oneof![start, work].boxed() } else { work.boxed() };
        }
        let by = || proptest::sample::select(able.clone());
        let any = || 0..count;
        let name = || 0..3_usize;
        // Ties that are there, the other end dead or not: undoing them is what may cross a signal on its way.
        let mut ties = model.ties(&able);
        ties.push((*able.first().unwrap(), 0));
        let tied = || proptest::sample::select(ties.clone());
        let deadline = || proptest::option::of(1..50_u64);
        let cancel = (proptest::option::of(by()), any(), deadline());
        let effects = prop_oneof![
            6 => (by(), any()).prop_map(|(from, to)| Step::Send { from, to }),
            5 => (by(), any()).prop_map(|(by, target)| Step::Monitor { by, target }),
            3 => tied().prop_map(|(by, target)| Step::Unmonitor { by, target }),
            5 => (by(), any()).prop_map(|(by, target)| Step::Link { by, target }),
            3 => tied().prop_map(|(by, target)| Step::Unlink { by, target }),
            3 => (by(), proptest::bool::ANY).prop_map(|(by, trap)| Step::Trap { by, trap }),
            3 => (name(), any()).prop_map(|(name, target)| Step::Register { name, target }),
            1 => name().prop_map(|name| Step::Unregister { name }),
            2 => any().prop_map(|target| Step::Terminate { target }),
            3 => cancel.prop_map(|(from, target, deadline_ms)| Step::Cancel { from, target, deadline_ms }),
            2 => (by(), 0..40_u64).prop_map(|(by, after_ms)| Step::Timer { by, after_ms }),
            1 => by().prop_map(|by| Step::Upgrade { by }),
            4 => (by(), proptest::bool::ANY).prop_map(|(process, failed)| Step::Exit { process, failed }),
        ];
        let passing = prop_oneof![
            4 => worker().prop_map(|worker| Step::Poll { worker }),
            4 => worker().prop_map(|worker| Step::Work { worker }),
            2 => (0..30_u64).prop_map(|by_ms| Step::Advance { by_ms }),
            8 => by().prop_map(|by| Step::Read { by }),
        ];
        if count >= PROCESSES_MAX {
            return prop_oneof![3 => effects, 2 => passing].boxed();
        }
        let how = (proptest::bool::ANY, proptest::bool::ANY, proptest::option::of(name()), 0..5_usize);
        let spawn =
            (by(), worker(), how).prop_map(|(parent, worker, (monitored, linked, name, messages))| {
                Step::Spawn { parent, worker, monitored, linked, name, messages }
            });
        let call = (by(), worker()).prop_map(|(caller, worker)| Step::Call { caller, worker });
        prop_oneof![1 => start, 4 => spawn, 2 => call, 24 => effects, 16 => passing].boxed()
    }

    fn preconditions(model: &Model, step: &Step) -> bool {
        let count = model.processes.len();
        let new = matches!(step, Step::Start { .. } | Step::Spawn { .. } | Step::Call { .. });
        let (by, target) = match *step {
            Step::Spawn { parent: by, .. }
            | Step::Call { caller: by, .. }
            | Step::Trap { by, .. }
            | Step::Timer { by, .. }
            | Step::Upgrade { by }
            | Step::Exit { process: by, .. }
            | Step::Read { by } => (Some(by), None),
            Step::Send { from: by, to: target }
            | Step::Monitor { by, target }
            | Step::Unmonitor { by, target }
            | Step::Link { by, target }
            | Step::Unlink { by, target } => (Some(by), Some(target)),
            Step::Cancel { from, target, .. } => (from, Some(target)),
            Step::Register { target, .. } | Step::Terminate { target } => (None, Some(target)),
            Step::Start { .. }
            | Step::Unregister { .. }
            | Step::Poll { .. }
            | Step::Work { .. }
            | Step::Advance { .. } => (None, None),
        };
        let known = by.is_none_or(|by| model.is_able(by)) && target.is_none_or(|target| target < count);
        known && (!new || count < PROCESSES_MAX)
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        model.answer = match step {
            Step::Read { by } => model.read(*by),
            other => Answer::Done(model.done(other)),
        };
        model
    }
}

impl Model {
    /// Whether a process can do something: it is on its worker and not marked to end.
    fn is_able(&self, id: usize) -> bool {
        self.processes
            .get(id)
            .is_some_and(|process| process.alive && process.arrived && process.marked.is_none())
    }

    /// Whom these processes monitor and are linked to.
    fn ties(&self, of: &[usize]) -> Vec<(usize, usize)> {
        let tied = |by: &usize| {
            let Modelled { links, monitors, .. } = &self.processes[*by];
            links.iter().chain(monitors).map(|target| (*by, *target)).collect::<Vec<_>>()
        };
        of.iter().flat_map(tied).collect()
    }

    pub(crate) fn event_slots(&self, id: usize) -> u64 {
        let process = &self.processes[id];
        let unread = process.events.iter().flatten().count();
        (process.monitors.len() + process.links.len() + unread) as u64
    }

    pub(crate) fn mailbox_taken(&self, id: usize) -> u64 {
        (self.processes[id].messages.len() + self.undelivered(|to| to == id)) as u64
    }

    pub(crate) fn undelivered_to_dead(&self) -> u64 {
        self.undelivered(|to| !self.processes[to].alive) as u64
    }

    pub(crate) fn holder(&self, name: usize) -> Option<usize> {
        self.processes.iter().find(|process| process.names.contains(&name)).map(|process| process.id)
    }

    fn undelivered(&self, to_whom: impl Fn(usize) -> bool) -> usize {
        let parcels = self.workers.iter().flat_map(|worker| &worker.inbox);
        parcels.filter(|parcel| matches!(parcel, Parcel::Message { to, .. } if to_whom(*to))).count()
    }

    fn living(&self, id: usize) -> Result<(), Kind> {
        if self.processes[id].alive { Ok(()) } else { Err(Kind::NotFound) }
    }

    fn done(&mut self, step: &Step) -> Result<(), Kind> {
        match *step {
            Step::Start { worker } => {
                let place = self.claim(worker);
                let id = self.add(worker, place, 0);
                self.workers[worker].inbox.push_back(Parcel::Start(id));
            }
            Step::Spawn { parent, worker, monitored, linked, name, messages } => {
                let numbers: Vec<_> = (0..messages).map(|_| self.next_number()).collect();
                let place = self.claim(worker);
                let failure = if messages > 3 {
                    Some(Kind::Invalid)
                } else {
                    name.and_then(|name| self.holder(name)).map(|_| Kind::AlreadyExists)
                };
                if let Some(kind) = failure {
                    self.workers[worker].free.push_back((place.0, place.1 + 1));
                    return Err(kind);
                }
                let id = self.add(worker, place, 0);
                self.processes[id].names.extend(name);
                self.processes[id].messages.extend(numbers.into_iter().map(|number| (Some(parent), number)));
                if monitored {
                    self.processes[parent].monitors.insert(id);
                    self.processes[id].watchers.insert(parent);
                }
                if linked {
                    self.processes[parent].links.insert(id);
                    self.processes[id].links.insert(parent);
                }
                self.bring_up(id, self.processes[parent].worker);
            }
            Step::Call { caller, worker } => {
                self.calls += 1;
                let depth = self.processes[caller].depth;
                if depth >= CALL_DEPTH_MAX {
                    return Err(Kind::RateLimited);
                }
                let place = self.claim(worker);
                let id = self.add(worker, place, depth + 1);
                self.processes[id].waiter = Some(caller);
                self.processes[caller].calls.insert(id, self.calls);
                self.bring_up(id, self.processes[caller].worker);
            }
            Step::Send { from, to } => return self.send(from, to),
            Step::Monitor { by, target } => {
                self.living(target)?;
                if !self.processes[by].monitors.insert(target) {
                    return Err(Kind::AlreadyExists);
                }
                self.processes[target].watchers.insert(by);
            }
            Step::Unmonitor { by, target } => {
                self.processes[by].monitors.remove(&target);
                self.processes[target].watchers.remove(&by);
            }
            Step::Link { by, target } => {
                if by == target {
                    return Err(Kind::Invalid);
                }
                self.living(target)?;
                self.processes[by].links.insert(target);
                self.processes[target].links.insert(by);
            }
            Step::Unlink { by, target } => {
                self.processes[by].links.remove(&target);
                self.processes[target].links.remove(&by);
            }
            Step::Trap { by, trap } => self.processes[by].trap = trap,
            Step::Register { name, target } => {
                self.living(target)?;
                if self.holder(name).is_some_and(|holder| holder != target) {
                    return Err(Kind::AlreadyExists);
                }
                self.processes[target].names.insert(name);
            }
            Step::Unregister { name } => {
                let holder = self.holder(name).ok_or(Kind::NotFound)?;
                self.processes[holder].names.remove(&name);
            }
            Step::Terminate { target } => {
                self.living(target)?;
                self.mark_and_tell(target, End::Terminated);
            }
            Step::Cancel { from, target, deadline_ms } => {
                self.living(target)?;
                let at_ms = deadline_ms.map(|after| self.now_ms + after);
                let process = &mut self.processes[target];
                process.deadline_ms = process.deadline_ms.into_iter().chain(at_ms).min();
                process.cancel.get_or_insert(from);
                if !std::mem::replace(&mut process.cancel_told, true) {
                    self.workers[process.worker].inbox.push_back(Parcel::Cancel { to: target });
                }
            }
            Step::Timer { by, after_ms } => {
                self.timers += 1;
                self.start_timer(by, self.now_ms + after_ms, Alarm::Token(self.timers));
            }
            Step::Upgrade { by } => {
                let process = &mut self.processes[by];
                process.notices.clear();
                process.trap = false;
                let calls = std::mem::take(&mut process.calls);
                self.workers[process.worker]
                    .timers
                    .retain(|_, (owner, alarm)| *owner != by || *alarm == Alarm::Deadline);
                self.drop_calls(calls);
            }
            Step::Exit { process, failed } => {
                self.exit(process, if failed { End::Failed } else { End::Returned });
            }
            Step::Poll { worker } => self.poll(worker),
            Step::Work { worker } => loop {
                self.poll(worker);
                let Some(id) = self.workers[worker].ending.pop_front() else { break };
                if let Some(end) = self.processes[id].marked.filter(|_| self.processes[id].alive) {
                    self.exit(id, end);
                }
            },
            Step::Advance { by_ms } => self.now_ms += by_ms,
            Step::Read { .. } => {}
        }
        Ok(())
    }

    fn read(&mut self, by: usize) -> Answer {
        let process = &mut self.processes[by];
        let message = process.messages.pop_front();
        let event = match process.events.pop_front() {
            Some(None) => {
                process.cancel_queued = false;
                let deadline = process
                    .deadline_ms
                    .map(|ms| format!("1970-01-01T00:00:{:02}.{:03}Z", ms / 1000, ms % 1000));
                process.cancel.take().map(|from| Read::Cancel { from, deadline })
            }
            other => other.flatten(),
        };
        Answer::Read { message, event, notices: std::mem::take(&mut process.notices) }
    }

    fn next_number(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    fn claim(&mut self, worker: usize) -> (usize, u64) {
        let worker = &mut self.workers[worker];
        worker.free.pop_front().unwrap_or_else(|| {
            worker.slots += 1;
            (worker.slots - 1, 1)
        })
    }

    fn add(&mut self, worker: usize, place: (usize, u64), depth: u8) -> usize {
        let id = self.processes.len();
        self.processes.push(Modelled {
            id,
            alive: true,
            marked: None,
            worker,
            place,
            arrived: false,
            lined_up: false,
            trap: false,
            depth,
            waiter: None,
            names: BTreeSet::new(),
            links: BTreeSet::new(),
            monitors: BTreeSet::new(),
            watchers: BTreeSet::new(),
            calls: BTreeMap::new(),
            messages: VecDeque::new(),
            events: VecDeque::new(),
            notices: Vec::new(),
            cancel: None,
            cancel_told: false,
            cancel_queued: false,
            deadline_ms: None,
        });
        id
    }

    fn bring_up(&mut self, id: usize, from: usize) {
        let worker = self.processes[id].worker;
        if worker == from {
            self.processes[id].arrived = true;
        } else {
            self.workers[worker].inbox.push_back(Parcel::Start(id));
        }
    }

    /// Takes a worker's parcels until a process has arrived there.
    fn fetch(&mut self, id: usize) {
        while self.processes[id].alive && !self.processes[id].arrived {
            let parcel = self.workers[self.processes[id].worker].inbox.pop_front().unwrap();
            self.unpack(parcel);
        }
    }

    fn send(&mut self, from: usize, to: usize) -> Result<(), Kind> {
        let number = self.next_number();
        let (here, there) = (self.processes[from].worker, self.processes[to].worker);
        if here == there {
            self.fetch(to);
        }
        self.living(to)?;
        if self.mailbox_taken(to) >= 3 {
            return Err(Kind::RateLimited);
        }
        if here == there {
            self.processes[to].messages.push_back((Some(from), number));
        } else {
            self.workers[there].inbox.push_back(Parcel::Message { to, from, number });
        }
        Ok(())
    }

    fn start_timer(&mut self, owner: usize, at_ms: u64, alarm: Alarm) {
        self.started_timers += 1;
        let timers = &mut self.workers[self.processes[owner].worker].timers;
        timers.insert((at_ms, self.started_timers), (owner, alarm));
    }

    fn poll(&mut self, worker: usize) {
        while let Some(parcel) = self.workers[worker].inbox.pop_front() {
            self.unpack(parcel);
        }
        while let Some(due) =
            self.workers[worker].timers.first_entry().filter(|due| due.key().0 <= self.now_ms)
        {
            let (owner, alarm) = due.remove();
            match alarm {
                Alarm::Token(token) => self.processes[owner].notices.push(Read::Timer { token }),
                Alarm::Deadline => {
                    self.processes[owner].marked.get_or_insert(End::Deadline);
                    self.line_up(owner);
                }
            }
        }
    }

    fn unpack(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Start(id) => self.processes[id].arrived = true,
            Parcel::Message { to, from, number } => {
                if self.processes[to].alive {
                    self.processes[to].messages.push_back((Some(from), number));
                }
            }
            signal => self.deliver(signal),
        }
    }

    fn deliver(&mut self, signal: Parcel) {
        match signal {
            Parcel::Exit { to, from, end } => {
                let process = &mut self.processes[to];
                if process.alive && process.monitors.remove(&from) {
                    process.events.push_back(Some(Read::Exit { from, end }));
                }
            }
            Parcel::LinkDown { to, from, end } => {
                self.fetch(to);
                let process = &mut self.processes[to];
                if process.alive && process.links.remove(&from) {
                    if process.trap {
                        process.events.push_back(Some(Read::LinkDown { from, end }));
                    } else {
                        process.marked.get_or_insert(End::Linked);
                        self.line_up(to);
                    }
                }
            }
            Parcel::CallDone { to, from, end } => {
                let process = &mut self.processes[to];
                if let Some(token) = process.calls.remove(&from).filter(|_| process.alive) {
                    process.notices.push(Read::CallDone { token, end });
                }
            }
            Parcel::Cancel { to } => self.deliver_cancel(to),
            Parcel::End { to } => self.line_up(to),
            Parcel::Start(_) | Parcel::Message { .. } => unreachable!("not a signal"),
        }
    }

    fn deliver_cancel(&mut self, to: usize) {
        let process = &mut self.processes[to];
        if !process.alive {
            return;
        }
        process.cancel_told = false;
        if process.cancel.is_some() && !std::mem::replace(&mut process.cancel_queued, true) {
            process.events.push_back(None);
        }
        let timers = &mut self.workers[process.worker].timers;
        let running = timers.iter().find(|(_, (owner, alarm))| *owner == to && *alarm == Alarm::Deadline);
        let running = running.map(|(key, _)| *key);
        if let Some(at_ms) = process.deadline_ms
            && running.is_none_or(|(running_ms, _)| at_ms < running_ms)
        {
            running.and_then(|key| timers.remove(&key));
            self.start_timer(to, at_ms, Alarm::Deadline);
        }
    }

    /// Marks a process from anywhere; its worker is told once.
    fn mark_and_tell(&mut self, id: usize, end: End) {
        if self.processes[id].marked.is_none() {
            self.processes[id].marked = Some(end);
            self.workers[self.processes[id].worker].inbox.push_back(Parcel::End { to: id });
        }
    }

    fn line_up(&mut self, id: usize) {
        let process = &mut self.processes[id];
        if process.alive && !std::mem::replace(&mut process.lined_up, true) {
            self.workers[process.worker].ending.push_back(id);
        }
    }

    fn drop_calls(&mut self, calls: BTreeMap<usize, u64>) {
        let mut callees: Vec<_> = calls.into_keys().collect();
        callees.sort_by_key(|id| self.address(*id));
        for callee in callees {
            if self.processes[callee].alive {
                self.mark_and_tell(callee, End::CallerGone);
            }
        }
    }

    fn address(&self, id: usize) -> (usize, usize, u64) {
        let Modelled { worker, place, .. } = self.processes[id];
        (worker, place.0, place.1)
    }

    /// The signal reaches its own worker at once, another one through its inbox.
    fn signal(&mut self, from_worker: usize, to: usize, signal: Parcel) {
        if self.processes[to].worker == from_worker {
            self.deliver(signal);
        } else {
            self.workers[self.processes[to].worker].inbox.push_back(signal);
        }
    }

    fn exit(&mut self, id: usize, end: End) {
        let process = &mut self.processes[id];
        let end = process.marked.unwrap_or(end);
        process.alive = false;
        process.names.clear();
        process.messages.clear();
        process.events.clear();
        let (worker, place, waiter) = (process.worker, process.place, process.waiter);
        let (links, watchers) = (std::mem::take(&mut process.links), std::mem::take(&mut process.watchers));
        let calls = std::mem::take(&mut process.calls);
        for target in std::mem::take(&mut process.monitors) {
            self.processes[target].watchers.remove(&id);
        }
        self.workers[worker].timers.retain(|_, (owner, _)| *owner != id);
        self.workers[worker].free.push_back((place.0, place.1 + 1));
        self.drop_calls(calls);
        let in_order = |model: &Self, ids: BTreeSet<usize>| {
            let mut ids: Vec<_> = ids.into_iter().collect();
            ids.sort_by_key(|id| model.address(*id));
            ids
        };
        for watcher in in_order(self, watchers) {
            self.signal(worker, watcher, Parcel::Exit { to: watcher, from: id, end });
        }
        for linked in in_order(self, links) {
            if end == End::Returned {
                self.processes[linked].links.remove(&id);
            } else {
                self.signal(worker, linked, Parcel::LinkDown { to: linked, from: id, end });
            }
        }
        if let Some(waiter) = waiter {
            self.signal(worker, waiter, Parcel::CallDone { to: waiter, from: id, end });
        }
    }
}
