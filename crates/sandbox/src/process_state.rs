//! What a worker keeps of one process beside its Lua side: subscriptions, waits, timers, spent time.
//!
//! It lives and dies with the process's body; an upgrade starts a new one. It decides nothing.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use actor::{Entry, LocalId, TimerId};
use luau::BodyId;
use policy::{Actor, Permit, ProcessSpawn, ScopeSet};
use value::Value;

use crate::channel::Channel;
use crate::context::Context;
use crate::definition::Definition;
use crate::log_line::LogBudget;
use crate::timer::{Abandoned, Token, Use};
use crate::waits::Waits;

/// What a process runs.
pub(crate) type Program = Arc<Definition>;

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
    /// CPU time since it last had to wait, in nanoseconds.
    pub(crate) cpu_since_wait_ns: u64,
    /// CPU time in all.
    pub(crate) cpu_total_ns: u64,
    /// Memory that its tenant's account has been charged, in bytes.
    pub(crate) memory_charged: u64,
    next_identity: u64,
}

impl ProcessState {
    /// The state of a process that is about to run `program` in `body`.
    pub(crate) fn new(local: LocalId, entry: Arc<Entry>, program: Program, body: BodyId, pod: u64) -> Self {
        Self {
            local,
            facts: entry.facts().clone(),
            actor: entry.actor().clone(),
            scopes: entry.scopes().clone(),
            context: Context::new(entry.context().clone()),
            chain: entry.chain().clone(),
            entry,
            program,
            body,
            pod,
            waits: Waits::default(),
            mail: Subscriptions::default(),
            timers: Timers::default(),
            upgrade: None,
            log: LogBudget::default(),
            cpu_since_wait_ns: 0,
            cpu_total_ns: 0,
            memory_charged: 0,
            next_identity: 0,
        }
    }

    /// An identity for a new channel: unique in the node, since pods keep objects of many processes by it.
    pub(crate) fn new_identity(&mut self) -> u64 {
        self.next_identity += 1;
        // A process makes less than 2^24 channels before its memory limit ends it... or identities wrap within
        // the process, where only channels that are still alive could meet.
        (self.local.key() << 24) ^ self.next_identity
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
#[derive(Default)]
pub(crate) struct Timers {
    next: Token,
    /// What fires and for whom.
    pub(crate) running: HashMap<Token, (TimerId, Use)>,
    /// Tokens whose channel nobody can receive from any more.
    pub(crate) abandoned: Abandoned,
}

impl Timers {
    /// A new token.
    pub(crate) fn new_token(&mut self) -> Token {
        self.next += 1;
        self.next
    }
}
