//! What a worker keeps of one process beside its Lua side: subscriptions, waits, timers, spent time.
//!
//! It lives and dies with the process's body; an upgrade starts a new one. It decides nothing.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use actor::{Entry, LocalId, TIMERS_PER_PROCESS_MAX, TimerId};
use luau::{BodyId, Ledger};
use policy::{Actor, Permit, ProcessSpawn, ScopeSet};
use value::Value;

use crate::channel::{Channel, Source};
use crate::context::Context;
use crate::cpu_time::CpuTime;
use crate::definition::{Definition, Limits};
use crate::limits::TIMERS_BEFORE_COLLECTION;
use crate::log_line::LogBudget;
use crate::timer::{Abandoned, Token, Use};
use crate::waits::Waits;

/// What a process runs.
pub(crate) type Program = Arc<Definition>;

/// Where a process's Lua side is.
pub(crate) struct Home {
    /// The pod that the body is in.
    pub(crate) pod: u64,
    /// The body.
    pub(crate) body: BodyId,
    /// What is charged to the body beside its objects.
    pub(crate) ledger: Ledger,
}

/// One process on its worker.
pub(crate) struct ProcessState {
    /// Its place in the kernel.
    pub(crate) local: LocalId,
    /// What policies know of it.
    pub(crate) facts: Arc<policy::Process>,
    /// Who it runs as.
    pub(crate) actor: Arc<Actor>,
    /// What it runs under.
    pub(crate) scopes: ScopeSet,
    /// Its context values.
    pub(crate) context: Context,
    /// The causal id of its call chain.
    pub(crate) chain: Arc<str>,
    /// What everybody on the node sees of it.
    pub(crate) entry: Arc<Entry>,
    /// What it runs.
    pub(crate) program: Program,
    /// What it may use: as the program says that it was started with.
    pub(crate) limits: Limits,
    /// Its Lua side.
    pub(crate) body: BodyId,
    /// The pod that the body is in.
    pub(crate) pod: u64,
    /// What its strands wait for.
    pub(crate) waits: Waits,
    /// Its channels over the mailbox.
    pub(crate) mail: Subscriptions,
    /// Its running timers.
    pub(crate) timers: Timers,
    /// The code and arguments that it asked to go on with.
    pub(crate) upgrade: Option<Upgrade>,
    /// Its log lines of this second.
    pub(crate) log: LogBudget,
    /// What it has used of its CPU budgets.
    pub(crate) cpu: CpuTime,
    /// Memory that its tenant's account has been charged, in bytes.
    pub(crate) memory_charged: u64,
    /// What is charged to the body beside its objects.
    pub(crate) ledger: Ledger,
    /// Channels made so far; a channel's number is its identity in the process.
    channels: u64,
}

impl ProcessState {
    /// The state of a process that is about to run `program` in `body`.
    pub(crate) fn new(
        local: LocalId,
        entry: Arc<Entry>,
        program: Program,
        limits: Limits,
        home: Home,
    ) -> Self {
        let Home { pod, body, ledger } = home;
        Self {
            local,
            facts: entry.facts().clone(),
            actor: entry.actor().clone(),
            scopes: entry.scopes().clone(),
            context: Context::new(entry.context().clone()),
            chain: entry.chain().clone(),
            entry,
            program,
            limits,
            body,
            pod,
            waits: Waits::default(),
            mail: Subscriptions::default(),
            timers: Timers::default(),
            upgrade: None,
            log: LogBudget::default(),
            cpu: CpuTime::default(),
            memory_charged: 0,
            ledger,
            channels: 0,
        }
    }

    /// A channel of this process.
    pub(crate) fn new_channel(&mut self, source: Source, size: usize) -> Rc<Channel> {
        self.channels += 1;
        Channel::new(self.channels, source, size, self.ledger.clone())
    }
}

/// What a process goes on with: code and arguments, and the permit for code that is not its own.
pub(crate) struct Upgrade {
    /// The code.
    pub(crate) program: Program,
    /// What its main function is given.
    pub(crate) arguments: Vec<Value>,
    /// The permit, for another definition.
    pub(crate) permit: Option<Permit<ProcessSpawn>>,
}

/// The channels that a process takes its mail from.
#[derive(Default)]
pub(crate) struct Subscriptions {
    /// `process.inbox()`.
    pub(crate) inbox: Option<Rc<Channel>>,
    /// `process.events()`.
    pub(crate) events: Option<Rc<Channel>>,
    /// `process.listen(topic)`.
    pub(crate) topics: HashMap<String, Rc<Channel>>,
}

impl Subscriptions {
    /// Whether this channel is one of them.
    pub(crate) fn has(&self, channel: &Rc<Channel>) -> bool {
        let fixed = [&self.inbox, &self.events];
        fixed.into_iter().flatten().chain(self.topics.values()).any(|known| Rc::ptr_eq(known, channel))
    }

    /// Forgets this channel.
    pub(crate) fn remove(&mut self, channel: &Rc<Channel>) {
        for fixed in [&mut self.inbox, &mut self.events] {
            if fixed.as_ref().is_some_and(|known| Rc::ptr_eq(known, channel)) {
                *fixed = None;
            }
        }
        self.topics.retain(|_, known| !Rc::ptr_eq(known, channel));
    }
}

/// The running timers of a process, by token.
pub(crate) struct Timers {
    next: Token,
    /// How many may run before those whose channel the script has dropped are looked for.
    collect_at: usize,
    /// What fires and for whom.
    pub(crate) running: HashMap<Token, (TimerId, Use)>,
    /// Tokens whose channel nobody can receive from any more.
    pub(crate) abandoned: Abandoned,
}

impl Default for Timers {
    fn default() -> Self {
        let (running, abandoned) = (HashMap::new(), Abandoned::default());
        Self { next: 0, collect_at: TIMERS_BEFORE_COLLECTION, running, abandoned }
    }
}

impl Timers {
    /// Whether garbage is to be collected, since some of the many running timers may be of channels that nobody holds
    /// any more: half of those left each time, so that a process that holds on to all of them pays seldom.
    pub(crate) fn want_collection(&mut self) -> bool {
        let running = self.running.len();
        if running < TIMERS_BEFORE_COLLECTION {
            self.collect_at = TIMERS_BEFORE_COLLECTION;
        }
        if running < self.collect_at {
            return false;
        }
        self.collect_at = running + (TIMERS_PER_PROCESS_MAX.saturating_sub(running) / 2).max(1);
        true
    }

    /// A new token.
    pub(crate) fn new_token(&mut self) -> Token {
        self.next += 1;
        self.next
    }
}
