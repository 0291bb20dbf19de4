//! How a process comes to be: its permits, its quotas, its place, its ties; all of it before it can run.
//!
//! Everything that can fail happens before anything can be seen: a birth that fails leaves nothing behind.
//! What the child may do is read out of the permits (who it runs as, its name, its host), so that nothing can
//! be done that was not checked.

use std::sync::Arc;
use std::time::Duration;

use policy::{
    Actor, Definition, Host, Name, Permit, ProcessSpawnLinked, ProcessSpawnMonitored, ScopeSet, SecurityAsk,
    Sessions, Standing,
};
use value::{Failure, Kind, Value};

use crate::address::Address;
use crate::berth::Berth;
use crate::bond::Bond;
use crate::child::{CallPermits, Child, ExitHook, Outside, SpawnPermits, StartPermits};
use crate::clock::{Clock, unix_seconds};
use crate::entry::{Entry, Origin, Ties};
use crate::exit;
use crate::limits::{CALL_DEPTH_MAX, SESSIONS_PER_PROCESS_MAX};
use crate::mailbox::{Charged, Mailbox};
use crate::message::{Message, check_topic};
use crate::node::Node;
use crate::room::Room;

/// A process on its way to its worker. Dropped unborn, it gives everything back.
pub(crate) struct Arrival<P> {
    pub(crate) entry: Arc<Entry>,
    pub(crate) mailbox: Mailbox,
    pub(crate) berth: Berth,
    pub(crate) program: P,
    pub(crate) arguments: Vec<Value>,
    pub(crate) lifetime: Option<Duration>,
    /// Until the first of its sessions ends.
    pub(crate) session_ends: Option<Duration>,
    /// What its parent's kernel takes, if the parent monitors it.
    pub(crate) monitor: Option<Bond>,
    /// The caller that waits for its result.
    pub(crate) waiter: Option<Address>,
    pub(crate) on_exit: Option<ExitHook>,
}

/// What the permits of a start say, and whose child it is.
pub(crate) struct Birth<'a> {
    definition: Arc<Definition>,
    host: Arc<Host>,
    actor: Arc<Actor>,
    scopes: ScopeSet,
    sessions: Sessions,
    name: Option<Name>,
    parent: Option<&'a Arc<Entry>>,
    monitored: Option<Standing<ProcessSpawnMonitored>>,
    linked: Option<Standing<ProcessSpawnLinked>>,
    waiter: Option<Address>,
    on_exit: Option<ExitHook>,
}

impl<'a> Birth<'a> {
    /// A child of `parent`.
    pub(crate) fn spawned(permits: SpawnPermits, parent: &'a Arc<Entry>) -> Result<Self, Failure> {
        let spawn = permits.spawn.into_request();
        let host = permits.host.into_request().host;
        let name = permits.name.map(|permit| permit.into_request().name);
        let monitored = permits.monitored.map(Permit::stand);
        let linked = permits.linked.map(Permit::stand);
        let is_of = |definition: &Arc<Definition>| *definition == spawn.definition;
        let one_definition = monitored.as_ref().is_none_or(|standing| is_of(&standing.request().definition))
            && linked.as_ref().is_none_or(|standing| is_of(&standing.request().definition));
        let one_name = name.as_ref().map(Name::value) == spawn.name.as_ref();
        if !one_definition || !one_name || spawn.host != host {
            return Err(of_another_start());
        }
        let mut actor = None;
        let mut scopes: Option<Vec<_>> = None;
        for permit in permits.security {
            match permit.into_request().ask {
                SecurityAsk::Actor(asked) => actor = Some(asked),
                SecurityAsk::Scope(asked) => scopes.get_or_insert_default().push(asked),
                SecurityAsk::NoScope => drop(scopes.get_or_insert_default()),
            }
        }
        let sessions = parent.sessions().with(actor.as_ref().and_then(|actor| actor.session()));
        Ok(Self {
            definition: spawn.definition,
            host,
            actor: actor.unwrap_or_else(|| parent.actor().clone()),
            scopes: scopes.map_or_else(|| parent.scopes().clone(), ScopeSet::new),
            sessions,
            name,
            parent: Some(parent),
            monitored,
            linked,
            waiter: None,
            on_exit: None,
        })
    }

    /// A child that `caller` waits for.
    pub(crate) fn called(permits: CallPermits, caller: &'a Arc<Entry>) -> Result<Self, Failure> {
        let call = permits.call.into_request();
        let host = permits.host.into_request().host;
        if call.host != host {
            return Err(of_another_start());
        }
        if caller.call_depth() >= CALL_DEPTH_MAX {
            let message = format!("calls are {CALL_DEPTH_MAX} deep, as many as allowed");
            return Err(Failure::new(Kind::RateLimited, message));
        }
        Ok(Self {
            definition: call.definition,
            host,
            actor: caller.actor().clone(),
            scopes: caller.scopes().clone(),
            sessions: caller.sessions().clone(),
            name: None,
            parent: Some(caller),
            monitored: None,
            linked: None,
            waiter: Some(caller.address()),
            on_exit: None,
        })
    }

    /// A process that no process started.
    pub(crate) fn started(permits: StartPermits, outside: Outside) -> Result<Self, Failure> {
        let spawn = permits.spawn.into_request();
        let host = permits.host.into_request().host;
        if spawn.host != host || spawn.name.is_some() {
            return Err(of_another_start());
        }
        Ok(Self {
            definition: spawn.definition,
            host,
            sessions: Sessions::none().with(outside.actor.session()),
            actor: outside.actor,
            scopes: outside.scopes,
            name: None,
            parent: None,
            monitored: None,
            linked: None,
            waiter: None,
            on_exit: outside.on_exit,
        })
    }

    /// Makes the process, visible to nobody but through its name, which leads nowhere yet. The parent's own
    /// side of monitor and link is for the parent's kernel to add.
    pub(crate) fn bear<P>(mut self, node: &Node<P>, child: Child<P>) -> Result<Arrival<P>, Failure> {
        let session_ends = self.session_ends(&**node.clock())?;
        let account = node.account(self.actor.tenant()).ok_or_else(|| {
            Failure::not_found(format!("tenant `{}` is not known here", self.actor.tenant()))
        })?;
        let host = node
            .host(self.host.id())
            .ok_or_else(|| Failure::not_found(format!("no host `{}`", self.host.id())))?;
        let berth = Berth::take(node, &account, &host, self.parent.map(|parent| parent.address().worker()))?;
        let entry = Arc::new(self.entry(node, &berth, &child));
        let mailbox = self.first_messages(&entry, child.messages)?;
        let linked = self.linked.is_some().then(|| Slots::reserve(&entry, 1)).transpose()?;
        let edges = u32::from(self.monitored.is_some()) + u32::from(self.linked.is_some());
        let parents = self.parent.map(|parent| Slots::reserve(parent, edges)).transpose()?;
        let monitor = self
            .parent
            .zip(self.monitored.take())
            .map(|(parent, granted)| Bond::spawn_monitored(parent, granted));
        if let Some(name) = self.name {
            node.give_name(&account, &name, &entry)?;
        }
        // Nothing below can fail: the slots stay taken until their events are read.
        [linked, parents].into_iter().flatten().for_each(Slots::keep);
        Ok(Arrival {
            entry: entry.clone(),
            mailbox,
            berth,
            program: child.program,
            arguments: child.arguments,
            lifetime: child.limits.lifetime,
            session_ends,
            monitor,
            waiter: self.waiter,
            on_exit: self.on_exit,
        })
    }

    /// How long it may run until the first of its sessions ends; nothing when it has none.
    fn session_ends(&self, clock: &dyn Clock) -> Result<Option<Duration>, Failure> {
        if self.sessions.len() > SESSIONS_PER_PROCESS_MAX {
            let message = format!(
                "a process would carry {} sessions of tokens, at most {SESSIONS_PER_PROCESS_MAX} allowed",
                self.sessions.len()
            );
            return Err(Failure::new(Kind::RateLimited, message));
        }
        let now = unix_seconds(clock.wall());
        match self.sessions.over_at(now) {
            Some(why) => Err(exit::session_over(why)),
            None => Ok(self
                .sessions
                .ends_at()
                .map(|at| Duration::from_secs(u64::try_from(at.saturating_sub(now)).unwrap_or(0)))),
        }
    }

    fn entry<P>(&self, node: &Node<P>, berth: &Berth, child: &Child<P>) -> Entry {
        let pid = node.identity().mint(berth.account.tag(), berth.address);
        let facts = policy::Process::new(
            pid,
            self.actor.clone(),
            self.definition.clone(),
            self.host.clone(),
            self.parent.map(|parent| parent.facts()),
            berth.address.bits(),
        );
        let mut ties = Ties::default();
        if let Some(parent) = self.parent {
            ties.watchers.extend(self.monitored.as_ref().map(|_| parent.address()));
            let bond = self.linked.as_ref().map(|granted| Bond::spawn_linked(parent, granted.clone()));
            ties.links.extend(bond.map(|bond| (parent.address(), Arc::new(bond))));
        }
        // A spawned process does not return to its parent: depth counts again from there.
        let caller = self.parent.filter(|_| self.waiter.is_some());
        let origin = Origin {
            facts: Arc::new(facts),
            scopes: self.scopes.clone(),
            sessions: self.sessions.clone(),
            context: child.context.clone(),
            chain: child.chain.clone(),
            account: berth.account.clone(),
            room: Room::new(child.limits.mailbox_messages, child.limits.mailbox_bytes),
            message_bytes_max: child.limits.memory_bytes / 2,
            call_depth: caller.map_or(0, |caller| caller.call_depth() + 1),
        };
        Entry::new(origin, ties)
    }

    fn first_messages(
        &self,
        entry: &Arc<Entry>,
        messages: Vec<(Arc<str>, Value)>,
    ) -> Result<Mailbox, Failure> {
        let mut mailbox = Mailbox::new(entry.clone());
        for (topic, payload) in messages {
            check_topic(&topic)?;
            let bytes = payload.bytes() as u64;
            // INVALID and not RATE_LIMITED: they would not fit later either.
            entry.take_room(bytes).map_err(|full| Failure::invalid(full.message))?;
            entry.charge_message(bytes)?;
            let from = self.parent.map(|parent| parent.pid().clone());
            mailbox.push(Charged { message: Message { topic, from, payload }, bytes });
        }
        Ok(mailbox)
    }
}

/// Event slots that are given back unless they are kept.
struct Slots<'a> {
    entry: &'a Entry,
    count: u32,
}

impl<'a> Slots<'a> {
    fn reserve(entry: &'a Entry, count: u32) -> Result<Self, Failure> {
        let mut slots = Self { entry, count: 0 };
        for _ in 0..count {
            entry.reserve_event()?;
            slots.count += 1;
        }
        Ok(slots)
    }

    fn keep(mut self) {
        self.count = 0;
    }
}

impl Drop for Slots<'_> {
    fn drop(&mut self) {
        for _ in 0..self.count {
            self.entry.release_event();
        }
    }
}

fn of_another_start() -> Failure {
    Failure::new(Kind::Internal, "the permits given are not of one start")
}
