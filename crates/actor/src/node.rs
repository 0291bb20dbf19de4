//! What all workers share: the process table, tenants' accounts and names, hosts, and each worker's inbox.
//!
//! A [`Node`] is made together with its kernels, one a worker. Everything here may be used from any thread;
//! what changes a process's own state travels to its kernel through that worker's inbox.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy::{
    AssertedBy, Gate, Host, Permit, Process, ProcessCancel, ProcessSend, ProcessTerminate, TenantId,
};
use value::{Failure, Value};

use crate::account::{Account, Quotas};
use crate::address::Address;
use crate::birth::{Arrival, Birth};
use crate::bond::{Bond, Still};
use crate::cancel::{self, Deadline};
use crate::child::{Child, Outside, StartPermits};
use crate::clock::{Clock, unix_seconds};
use crate::entry::{Entry, no_such_process};
use crate::exit;
use crate::host::{HostSettings, HostUse};
use crate::inbox::{Inbox, Parcel, Signal};
use crate::kernel::{Kernel, Records};
use crate::limits::WORKERS_MAX;
use crate::mailbox::Charged;
use crate::message::{Message, check_topic};
use crate::pid::{NodeIdentity, Tag};
use crate::table::Table;

/// What a node is made from.
pub struct NodeSettings {
    /// What makes its pids its own.
    pub identity: NodeIdentity,
    /// How many workers it has: 1 to 256.
    pub workers: u16,
    /// Where it takes the time from.
    pub clock: Arc<dyn Clock>,
    /// The gate that is asked again when a tie takes effect after policies have changed.
    pub gate: Arc<Gate>,
    /// Who says on the command line who callers are.
    pub asserted_by: Option<Arc<AssertedBy>>,
}

/// The part of the actor system that all workers share.
pub struct Node<P> {
    identity: NodeIdentity,
    clock: Arc<dyn Clock>,
    gate: Arc<Gate>,
    asserted_by: Option<Arc<AssertedBy>>,
    table: Arc<Table>,
    inboxes: Vec<Inbox<P>>,
    accounts: papaya::HashMap<TenantId, Arc<Account>>,
    tags: papaya::HashMap<Tag, Arc<Account>>,
    hosts: papaya::HashMap<Arc<str>, Arc<HostUse>>,
    roll: Mutex<Roll>,
}

/// What the next tenant and the next host are given.
#[derive(Default)]
struct Roll {
    account: u32,
    first_worker: usize,
}

impl<P> Node<P> {
    /// A node and the kernel of each of its workers, in order.
    pub fn new(settings: NodeSettings) -> (Arc<Self>, Vec<Kernel<P>>) {
        let workers = usize::from(settings.workers).clamp(1, WORKERS_MAX);
        let numbers = || (0..=u8::MAX).take(workers);
        let node = Arc::new(Self {
            identity: settings.identity,
            clock: settings.clock,
            gate: settings.gate,
            asserted_by: settings.asserted_by,
            table: Arc::new(Table::new(numbers())),
            inboxes: numbers().map(|_| Inbox::new()).collect(),
            accounts: papaya::HashMap::new(),
            tags: papaya::HashMap::new(),
            hosts: papaya::HashMap::new(),
            roll: Mutex::default(),
        });
        let kernel = |(worker, inbox): (u8, &Inbox<P>)| {
            // The bell alone: the log must not own what owns the log.
            let bell = inbox.bell().clone();
            let records = Records::new(node.gate.watch(move || bell.ring()));
            Kernel::new(node.clone(), worker, records)
        };
        let kernels = numbers().zip(&node.inboxes).map(kernel).collect();
        (node, kernels)
    }

    /// Makes a tenant known, or gives a known one new quotas. What it holds above a smaller quota it keeps.
    pub fn set_tenant(&self, tenant: &TenantId, quotas: Quotas) -> Arc<Account> {
        let mut roll = self.roll.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = self.account(tenant) {
            account.set_quotas(quotas);
            return account;
        }
        let tag = self.identity.tag(tenant);
        let account = Arc::new(Account::new(tenant.clone(), tag, roll.account, quotas));
        roll.account += 1;
        self.tags.pin().insert(tag, account.clone());
        self.accounts.pin().insert(tenant.clone(), account.clone());
        account
    }

    /// Makes a host known, or gives a known one new settings. Hosts that do not want all workers are spread
    /// over them in the order in which they come.
    pub fn set_host(&self, host: &Host, settings: &HostSettings) {
        let mut roll = self.roll.lock().unwrap_or_else(PoisonError::into_inner);
        match self.host(host.id()) {
            Some(known) => known.set(settings),
            None => {
                let workers = self.inboxes.len();
                let known = HostUse::new(host.id().clone(), workers, roll.first_worker, settings);
                self.hosts.pin().insert(host.id().clone(), Arc::new(known));
                roll.first_worker = (roll.first_worker + usize::from(settings.workers)) % workers;
            }
        }
    }

    /// The account of a known tenant.
    pub fn account(&self, tenant: &TenantId) -> Option<Arc<Account>> {
        self.accounts.pin().get(tenant).cloned()
    }

    /// The process that these facts are of, while it lives.
    pub fn process(&self, facts: &Process) -> Option<Arc<Entry>> {
        self.table.get(Address::of(facts))
    }

    /// The node's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Wakes a worker that sleeps in [`Kernel::park`], or keeps it from sleeping the next time.
    pub fn wake(&self, worker: usize) {
        if let Some(inbox) = self.inboxes.get(worker) {
            inbox.bell().ring();
        }
    }

    /// Starts a process that no process starts: a service, a command, a request.
    ///
    /// # Errors
    /// RATE_LIMITED over a quota of tenant or host, NOT_FOUND for an unknown tenant or host, INVALID for
    /// messages that do not fit; nothing is left behind.
    pub fn start(
        &self,
        permits: StartPermits,
        child: Child<P>,
        outside: Outside,
    ) -> Result<Arc<Process>, Failure> {
        let arrival = Birth::started(permits, outside)?.bear(self, child)?;
        let entry = arrival.entry.clone();
        self.publish(&entry);
        self.ship(arrival);
        Ok(entry.facts().clone())
    }

    /// Sends a message from outside: it has no sender.
    ///
    /// # Errors
    /// As [`Kernel::send`].
    pub fn send(&self, permit: Permit<ProcessSend>, payload: Value) -> Result<(), Failure> {
        self.post(permit.into_request(), None, payload)
    }

    /// Ends a process at once. When this returns it is marked, and will have no more effects; its EXIT is the
    /// proof that it ended.
    ///
    /// # Errors
    /// NOT_FOUND when it is dead.
    pub fn terminate(&self, permit: Permit<ProcessTerminate>) -> Result<(), Failure> {
        let target = permit.into_request().target;
        let entry = self.process(&target).ok_or_else(|| no_such_process(&target))?;
        self.end(&entry, exit::terminated())
    }

    /// Asks a process to end; with a deadline it is ended then. The earliest deadline wins that anybody gave who still may.
    ///
    /// # Errors
    /// NOT_FOUND when it is dead.
    pub fn cancel(&self, permit: Permit<ProcessCancel>, from: Option<&Arc<Process>>) -> Result<(), Failure> {
        let granted = permit.stand();
        let ProcessCancel { target, deadline_ms } = granted.request();
        let entry = self.process(target).ok_or_else(|| no_such_process(target))?;
        let deadline = deadline_ms.map(|milliseconds| {
            let asker = from.and_then(|from| self.process(from));
            let bond = asker.map(|asker| Bond::cancel(&asker, granted.clone()));
            Deadline::after(Duration::from_millis(milliseconds), bond, &*self.clock)
        });
        if cancel::request(&entry, from, deadline)? {
            self.signal(entry.address(), Signal::Cancel);
        }
        Ok(())
    }

    /// Asks a process to end, and ends it after `deadline`: an act of the host itself, on whose behalf nobody is
    /// asked. Nothing happens when it is dead.
    pub fn stop(&self, process: &Process, deadline: Duration) {
        let deadline = Deadline::after(deadline, None, &*self.clock);
        if let Some(entry) = self.process(process)
            && let Ok(true) = cancel::request(&entry, None, Some(deadline))
        {
            self.signal(entry.address(), Signal::Cancel);
        }
    }

    /// Ends a process at once: an act of the host itself, on whose behalf nobody is asked. Nothing happens when
    /// it is dead.
    pub fn kill(&self, process: &Process) {
        if let Some(entry) = self.process(process) {
            // It died meanwhile: that is what was wanted.
            let _ = self.end(&entry, exit::terminated());
        }
    }

    /// Ends every process that carries a session which is over now: an act of the host itself. Returns how many are to end.
    pub fn end_sessions(&self) -> usize {
        let now = unix_seconds(self.clock.wall());
        let over = |entry: &Arc<Entry>| Some(exit::session_over(entry.sessions().over_at(now)?));
        let mut ended = 0;
        self.table.each(|entry| {
            if let Some(cause) = over(entry)
                && self.end(entry, cause).is_ok()
            {
                ended += 1;
            }
        });
        ended
    }

    /// Lets a process be found. One whose session ended while it was made is to end.
    pub(crate) fn publish(&self, entry: &Arc<Entry>) {
        self.table.publish(entry);
        if !entry.sessions().is_empty()
            && let Some(why) = entry.sessions().over_at(unix_seconds(self.clock.wall()))
        {
            // It cannot have died before it ran.
            let _ = self.end(entry, exit::session_over(why));
        }
    }

    pub(crate) fn identity(&self) -> &NodeIdentity {
        &self.identity
    }

    /// Whether what was permitted for later may take effect now.
    pub(crate) fn still_permits(&self, bond: &Bond) -> Still {
        bond.may_take_effect(&self.gate, self.asserted_by.as_deref(), unix_seconds(self.clock.wall()))
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    pub(crate) fn host(&self, id: &str) -> Option<Arc<HostUse>> {
        self.hosts.pin().get(id).cloned()
    }

    pub(crate) fn tenant_of(&self, tag: Tag) -> Option<TenantId> {
        self.tags.pin().get(&tag).map(|account| account.tenant().clone())
    }

    pub(crate) fn inbox(&self, worker: u8) -> Option<&Inbox<P>> {
        self.inboxes.get(usize::from(worker))
    }

    pub(crate) fn load(&self, worker: u8) -> u32 {
        self.inbox(worker).map_or(u32::MAX, Inbox::load)
    }

    /// Marks a process to end and tells its kernel, once.
    pub(crate) fn end(&self, entry: &Entry, cause: Failure) -> Result<(), Failure> {
        let _alive = entry.open_ties()?;
        if entry.end(cause) {
            self.signal(entry.address(), Signal::End);
        }
        Ok(())
    }

    /// Puts a signal into the inbox of the process's worker.
    pub(crate) fn signal(&self, to: Address, signal: Signal) {
        if let Some(inbox) = self.inbox(to.worker()) {
            inbox.push(Parcel::Signal { to, signal });
        }
    }

    /// Sends a new process to its worker; from then on its name leads to it.
    pub(crate) fn ship(&self, arrival: Arrival<P>) {
        let entry = arrival.entry.clone();
        if let Some(inbox) = self.inbox(entry.address().worker()) {
            inbox.push(Parcel::Start(Box::new(arrival)));
        }
        entry.set_born();
    }

    /// Puts a message into the inbox of the receiver's worker.
    pub(crate) fn post(
        &self,
        request: ProcessSend,
        from: Option<&Arc<Process>>,
        payload: Value,
    ) -> Result<(), Failure> {
        let ProcessSend { to, topic, bytes } = request;
        let entry = self.process(&to).ok_or_else(|| no_such_process(&to))?;
        let message =
            self.admit(&entry, Message { topic, from: from.map(|from| from.pid().clone()), payload }, bytes)?;
        if let Some(inbox) = self.inbox(entry.address().worker()) {
            inbox.push(Parcel::Message { to: entry, message });
        }
        Ok(())
    }

    /// Takes room for a message.
    pub(crate) fn admit(&self, to: &Entry, message: Message, bytes: u64) -> Result<Charged, Failure> {
        debug_assert_eq!(bytes, message.payload.bytes() as u64, "the permit's size is the payload's");
        check_topic(&message.topic)?;
        to.reserve_message(bytes)?;
        Ok(Charged { message, bytes })
    }
}
