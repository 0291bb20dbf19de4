//! What all workers share of one process: its facts, the room in its mailbox, whether it is ending, and its
//! ties to others.
//!
//! The facts never change. Room, event slots and the ending mark are atomics, so that messages take no lock.
//! Ties (who monitors it, its links, its names, a cancel that waits) are behind one mutex that death closes:
//! whoever ties something to a process either did so before its death, and is heard of there, or learns that
//! it is dead. Only the process's own kernel ends it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use policy::{Actor, ScopeSet, Sessions};
use value::{Failure, Kind, Value};

use crate::account::Account;
use crate::address::{Address, LocalId};
use crate::bond::Bond;
use crate::cancel::Cancels;
use crate::limits::{EVENT_SLOT_BYTES, EVENT_SLOTS_MAX};
use crate::room::{Full, Room};

/// One process, as everybody on the node sees it.
#[derive(Debug)]
pub struct Entry {
    facts: Arc<policy::Process>,
    scopes: ScopeSet,
    sessions: Sessions,
    context: Arc<Value>,
    chain: Arc<str>,
    account: Arc<Account>,
    ending: Arc<AtomicBool>,
    cause: OnceLock<Failure>,
    born: AtomicBool,
    room: Room,
    message_bytes_max: u64,
    event_slots: AtomicU32,
    call_depth: u8,
    ties: Mutex<Ties>,
}

/// What is fixed about a process when it is made.
pub(crate) struct Origin {
    pub(crate) facts: Arc<policy::Process>,
    pub(crate) scopes: ScopeSet,
    pub(crate) sessions: Sessions,
    pub(crate) context: Arc<Value>,
    pub(crate) chain: Arc<str>,
    pub(crate) account: Arc<Account>,
    pub(crate) room: Room,
    pub(crate) message_bytes_max: u64,
    pub(crate) call_depth: u8,
}

/// Who is tied to a process.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    /// Set by death, and never cleared: nothing may be tied any more.
    pub(crate) closed: bool,
    /// Who monitors it.
    pub(crate) watchers: BTreeSet<Address>,
    /// Its links. Each is in the ties of both ends; each end holds an event slot for it.
    pub(crate) links: BTreeMap<Address, Arc<Bond>>,
    /// Its names.
    pub(crate) names: Vec<Arc<str>>,
    /// Cancels that it has not read or not met yet.
    pub(crate) cancels: Cancels,
}

impl Entry {
    pub(crate) fn new(origin: Origin, ties: Ties) -> Self {
        Self {
            facts: origin.facts,
            scopes: origin.scopes,
            sessions: origin.sessions,
            context: origin.context,
            chain: origin.chain,
            account: origin.account,
            ending: Arc::new(AtomicBool::new(false)),
            cause: OnceLock::new(),
            born: AtomicBool::new(false),
            room: origin.room,
            message_bytes_max: origin.message_bytes_max,
            event_slots: AtomicU32::new(0),
            call_depth: origin.call_depth,
            ties: Mutex::new(ties),
        }
    }

    /// What policies know of it.
    pub fn facts(&self) -> &Arc<policy::Process> {
        &self.facts
    }

    /// Its process id.
    pub fn pid(&self) -> &Arc<str> {
        self.facts.pid()
    }

    /// The actor that it runs as.
    pub fn actor(&self) -> &Arc<Actor> {
        self.facts.owner()
    }

    /// The scopes that it runs under.
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The sessions that it ends with.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The context values that its spawner gave it: a map, or nil.
    pub fn context(&self) -> &Arc<Value> {
        &self.context
    }

    /// The causal id of its call chain.
    pub fn chain(&self) -> &Arc<str> {
        &self.chain
    }

    /// Its tenant's account.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The mark that it is to end: set once, from any thread, never cleared. From then on it may run no more
    /// code and have no more effects.
    pub fn ending(&self) -> &Arc<AtomicBool> {
        &self.ending
    }

    /// Its id on its own worker's kernel.
    pub fn local(&self) -> LocalId {
        LocalId(self.address())
    }

    /// Messages and bytes that wait in its mailbox or are on their way to it.
    pub fn mailbox_taken(&self) -> (u64, u64) {
        self.room.taken()
    }

    /// Event slots that are taken: by its monitors, its links and its unread events.
    pub fn event_slots_taken(&self) -> u32 {
        self.event_slots.load(Ordering::Acquire)
    }

    pub(crate) fn address(&self) -> Address {
        Address::of(&self.facts)
    }

    pub(crate) fn call_depth(&self) -> u8 {
        self.call_depth
    }

    /// Whether names may lead to it: from the moment that its start is on its way to its worker, so that
    /// nothing sent to it can overtake the start.
    pub(crate) fn is_born(&self) -> bool {
        self.born.load(Ordering::Acquire)
    }

    pub(crate) fn set_born(&self) {
        self.born.store(true, Ordering::Release);
    }

    /// The ties, whatever a panic elsewhere left: each change of them is complete in itself.
    pub(crate) fn ties(&self) -> MutexGuard<'_, Ties> {
        self.ties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ties of a process that is not dead.
    pub(crate) fn open_ties(&self) -> Result<MutexGuard<'_, Ties>, Failure> {
        let ties = self.ties();
        if ties.closed { Err(no_such_process(&self.facts)) } else { Ok(ties) }
    }

    /// Marks that it is to end because of `cause`. The first cause stays; says whether it was this one.
    pub(crate) fn end(&self, cause: Failure) -> bool {
        let first = self.cause.set(cause).is_ok();
        // After the cause, so that whoever sees the mark finds the cause.
        self.ending.store(true, Ordering::Release);
        first
    }

    /// Why it is to end, if it is.
    pub(crate) fn cause(&self) -> Option<&Failure> {
        self.cause.get()
    }

    /// Takes room for one message in its mailbox and charges its tenant.
    pub(crate) fn reserve_message(&self, bytes: u64) -> Result<(), Failure> {
        self.take_room(bytes)?;
        self.charge_message(bytes)
    }

    /// Takes room for one message in its mailbox.
    pub(crate) fn take_room(&self, bytes: u64) -> Result<(), Failure> {
        if bytes > self.message_bytes_max {
            let max = self.message_bytes_max;
            let message =
                format!("message is {bytes} bytes, at most {max} allowed: half the receiver's memory limit");
            return Err(Failure::invalid(message));
        }
        self.room.reserve(bytes).map_err(|full| self.mailbox_full(full, bytes))
    }

    /// Charges its tenant for a message that has its room; gives the room back when that fails.
    pub(crate) fn charge_message(&self, bytes: u64) -> Result<(), Failure> {
        self.account.reserve_memory(bytes).inspect_err(|_| self.room.release(bytes))
    }

    pub(crate) fn release_message(&self, bytes: u64) {
        self.room.release(bytes);
        self.account.release_memory(bytes);
    }

    /// Takes a slot for an event that this process will have to hear.
    pub(crate) fn reserve_event(&self) -> Result<(), Failure> {
        let reserve = |slots: u32| (slots < EVENT_SLOTS_MAX).then_some(slots + 1);
        self.event_slots.fetch_update(Ordering::AcqRel, Ordering::Acquire, reserve).map_err(|_| {
            let message = format!(
                "`{}` has {EVENT_SLOTS_MAX} monitors, links and unread events, as many as allowed",
                self.pid()
            );
            Failure::new(Kind::RateLimited, message)
        })?;
        self.account.reserve_memory(EVENT_SLOT_BYTES).inspect_err(|_| {
            self.event_slots.fetch_sub(1, Ordering::AcqRel);
        })
    }

    pub(crate) fn release_event(&self) {
        self.event_slots.fetch_sub(1, Ordering::AcqRel);
        self.account.release_memory(EVENT_SLOT_BYTES);
    }

    /// Gives back every event slot of a dead process. INVARIANT: its ties are closed, so none is taken again.
    pub(crate) fn release_all_events(&self) {
        let slots = self.event_slots.swap(0, Ordering::AcqRel);
        self.account.release_memory(u64::from(slots) * EVENT_SLOT_BYTES);
    }

    /// Links two processes, both ends in one step, and takes their event slots. Linked already is no error.
    pub(crate) fn link(&self, other: &Self, bond: Bond) -> Result<(), Failure> {
        let (mut own, mut others) = self.both_ties(other);
        for (entry, ties) in [(self, &own), (other, &others)] {
            if ties.closed {
                return Err(no_such_process(&entry.facts));
            }
        }
        if own.links.contains_key(&other.address()) {
            return Ok(());
        }
        self.reserve_event()?;
        other.reserve_event().inspect_err(|_| self.release_event())?;
        let bond = Arc::new(bond);
        own.links.insert(other.address(), bond.clone());
        others.links.insert(self.address(), bond);
        Ok(())
    }

    /// Removes both ends of a link, if there is one, in one step.
    pub(crate) fn unlink(&self, other: &Self) {
        let (mut own, mut others) = self.both_ties(other);
        if own.links.remove(&other.address()).is_some() {
            self.release_event();
        }
        if others.links.remove(&self.address()).is_some() {
            other.release_event();
        }
    }

    /// The ties of two processes. Whoever takes two takes them in the order of addresses.
    fn both_ties<'a>(&'a self, other: &'a Self) -> (MutexGuard<'a, Ties>, MutexGuard<'a, Ties>) {
        debug_assert_ne!(self.address(), other.address(), "a process is never tied to itself");
        if self.address() < other.address() {
            let own = self.ties();
            (own, other.ties())
        } else {
            let others = other.ties();
            (self.ties(), others)
        }
    }

    /// Removes one end of a link, if it is there, and gives back its event slot.
    pub(crate) fn remove_link(&self, other: Address) {
        // The slot goes back before death can close the ties and count what is left.
        let mut ties = self.ties();
        if ties.links.remove(&other).is_some() {
            self.release_event();
        }
    }

    /// Closes the ties for good and takes what they held.
    pub(crate) fn close(&self) -> Ties {
        let closed = Ties { closed: true, ..Ties::default() };
        std::mem::replace(&mut *self.ties(), closed)
    }

    fn mailbox_full(&self, full: Full, bytes: u64) -> Failure {
        let pid = self.pid();
        let message = match full {
            Full::Messages { max } => format!("mailbox of `{pid}` holds {max} messages, as many as allowed"),
            Full::Bytes { waiting, max } => {
                format!("mailbox of `{pid}` holds {waiting} bytes: {bytes} more exceed the {max} allowed")
            }
        };
        Failure::new(Kind::RateLimited, message)
    }
}

/// A process that does not exist, or no longer.
pub(crate) fn no_such_process(facts: &policy::Process) -> Failure {
    Failure::not_found(format!("no process `{}`", facts.pid()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Quotas;
    use crate::pid::NodeIdentity;
    use policy::TenantId;

    fn entry(quotas: Quotas) -> Entry {
        let tenant = TenantId::new("acme").unwrap();
        let tag = NodeIdentity { key: [0; 32], node: 0, incarnation: 0 }.tag(&tenant);
        let origin = Origin {
            facts: Arc::new(policy::Process::stand_in("p~1", &tenant, 0)),
            scopes: ScopeSet::empty(),
            sessions: Sessions::none(),
            context: Arc::new(Value::Nil),
            chain: Arc::from(""),
            account: Arc::new(Account::new(tenant, tag, 0, quotas)),
            room: Room::new(1, 1),
            message_bytes_max: 1,
            call_depth: 0,
        };
        Entry::new(origin, Ties::default())
    }

    #[test]
    fn event_slots_are_bounded_and_charged_and_come_back() {
        let entry = entry(Quotas::default());
        for _ in 0..EVENT_SLOTS_MAX {
            entry.reserve_event().unwrap();
        }
        let refused = "`p~1` has 10000 monitors, links and unread events, as many as allowed";
        assert_eq!(entry.reserve_event().unwrap_err().message, refused);
        assert_eq!(entry.account.memory_bytes(), u64::from(EVENT_SLOTS_MAX) * EVENT_SLOT_BYTES);
        entry.release_event();
        entry.reserve_event().unwrap();
        entry.close();
        entry.release_all_events();
        assert_eq!((entry.event_slots_taken(), entry.account.memory_bytes()), (0, 0));
        assert!(entry.open_ties().is_err(), "death closes the ties");
    }

    #[test]
    fn an_event_slot_over_the_tenants_memory_is_refused_and_takes_nothing() {
        let entry = entry(Quotas { memory_bytes: EVENT_SLOT_BYTES - 1, ..Quotas::default() });
        assert_eq!(entry.reserve_event().unwrap_err().kind, Kind::RateLimited);
        assert_eq!((entry.event_slots_taken(), entry.account.memory_bytes()), (0, 0));
    }

    #[test]
    fn the_first_cause_of_an_end_stays() {
        let entry = entry(Quotas::default());
        assert!(entry.end(Failure::invalid("one")) && !entry.end(Failure::invalid("other")));
        assert_eq!(entry.cause().map(|cause| cause.message.as_str()), Some("one"));
        assert!(entry.ending().load(Ordering::SeqCst));
    }
}
