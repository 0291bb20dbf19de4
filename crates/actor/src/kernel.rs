//! The processes of one worker: whose turn it is, what waits for each, and every effect that one of them asks
//! for.
//!
//! A kernel belongs to one thread. Driven by hand, several kernels of one node make the same steps in the same
//! order every time.

mod death;
mod local;
mod messages;
mod offspring;
mod records;
mod signals;
mod ties;
mod waits;

pub use local::Notice;
pub(crate) use records::Records;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use value::Failure;

use crate::address::{Address, LocalId};
use crate::child::Start;
use crate::entry::Entry;
use crate::inbox::Parcel;
use crate::limits::PARCELS_PER_POLL;
use crate::node::Node;
use crate::timers::Timers;
use crate::turns::Turns;
use local::{Local, Locals, Turn};

/// The processes of one worker. `P` is the program that a process's body is made from.
pub struct Kernel<P> {
    node: Arc<Node<P>>,
    worker: u8,
    locals: Locals,
    turns: Turns,
    /// Processes marked to end. They wait for nobody's turn: ending frees what others wait for.
    ending: VecDeque<Address>,
    starts: Vec<Start<P>>,
    timers: Timers,
    records: Records,
}

/// How a process comes out of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has more to do.
    Runnable,
    /// It waits for a message, an event or a notice.
    Parked,
}

impl<P> Kernel<P> {
    pub(crate) fn new(node: Arc<Node<P>>, worker: u8, records: Records) -> Self {
        Self {
            node,
            worker,
            locals: Locals::default(),
            turns: Turns::default(),
            ending: VecDeque::new(),
            starts: Vec::new(),
            timers: Timers::default(),
            records,
        }
    }

    /// What this kernel shares with the others: look-ups, names, terminate, cancel.
    pub fn node(&self) -> &Arc<Node<P>> {
        &self.node
    }

    /// Which of the node's workers it is, from 0.
    pub fn worker(&self) -> usize {
        usize::from(self.worker)
    }

    /// A process of this worker, as everybody sees it; `None` when it ended.
    pub fn entry(&self, local: LocalId) -> Option<&Arc<Entry>> {
        self.locals.get(local.0).map(|local| &local.entry)
    }

    /// Takes what other threads sent, at most 4 096 parcels of it, fires the timers that are due, and tells who waited for
    /// the audit log.
    pub fn poll(&mut self) {
        for _ in 0..PARCELS_PER_POLL {
            if !self.unpack_next() {
                break;
            }
        }
        self.fire_timers();
        self.tell_recorded();
    }

    /// Takes the processes whose bodies are to be made before the next [`Self::next_turn`]. One whose body cannot
    /// be made is ended with [`Self::exit`].
    pub fn take_starts(&mut self) -> Vec<Start<P>> {
        std::mem::take(&mut self.starts)
    }

    /// The process whose turn it is: one that is to end if there is any, else by tenants' turns. `None` when
    /// all wait.
    pub fn next_turn(&mut self) -> Option<LocalId> {
        let next = self.next_ending().or_else(|| self.next_in_line());
        self.say_load();
        next.map(LocalId)
    }

    /// Puts a process back after a slice, charging its tenant with the time it used.
    ///
    /// A parked process comes to its turn again when something arrives for it; if that happened while it ran,
    /// at once.
    pub fn after_slice(&mut self, local: LocalId, used_ns: u64, state: State) {
        let Some(process) = self.locals.get_mut(local.0) else { return };
        process.entry.account().charge_time(used_ns);
        if process.entry.cause().is_some() {
            self.end_soon(local.0);
            return;
        }
        if process.turn != Turn::Running {
            return;
        }
        process.turn = Turn::Parked;
        if state == State::Runnable || process.woken {
            self.wake(local.0);
        }
    }

    /// Why a process is to end: it was terminated, a deadline passed, a linked process failed. `None` while it
    /// may go on.
    pub fn ending(&self, local: LocalId) -> Option<&Failure> {
        self.locals.get(local.0)?.entry.cause()
    }

    /// When the next timer is due, on the node's monotonic clock.
    pub fn next_deadline(&self) -> Option<u64> {
        self.timers.next_ns()
    }

    /// Sleeps until another thread sends something or the next timer is due; returns at once when it is
    /// somebody's turn. May return early.
    pub fn park(&self) {
        if !self.starts.is_empty() || !self.ending.is_empty() || self.turns.len() > 0 {
            return;
        }
        let now_ns = self.node.clock().monotonic_ns();
        let wait = self.next_deadline().map(|at_ns| Duration::from_nanos(at_ns.saturating_sub(now_ns)));
        if let Some(inbox) = self.node.inbox(self.worker) {
            inbox.sleep(wait);
        }
    }

    /// Takes one parcel; says whether there was one.
    fn unpack_next(&mut self) -> bool {
        match self.node.inbox(self.worker).and_then(|inbox| inbox.pop()) {
            Some(Parcel::Start(arrival)) => self.adopt(*arrival),
            Some(Parcel::Message { to, message }) => self.receive(&to, message),
            Some(Parcel::Signal { to, signal }) => self.deliver(to, signal),
            None => return false,
        }
        true
    }

    /// Whether a process of this worker lives, with its start taken. One that another worker spawned here may
    /// be known by its name or through a link while its start is still in the inbox: everything up to it is
    /// taken first, so that nothing overtakes it.
    fn is_here(&mut self, address: Address) -> bool {
        while self.locals.get(address).is_none() {
            if self.node.table().get(address).is_none() || !self.unpack_next() {
                return false;
            }
        }
        true
    }

    fn next_ending(&mut self) -> Option<Address> {
        while let Some(address) = self.ending.pop_front() {
            if let Some(process) = self.locals.get_mut(address) {
                process.turn = Turn::Running;
                return Some(address);
            }
        }
        None
    }

    fn next_in_line(&mut self) -> Option<Address> {
        while let Some(address) = self.turns.next() {
            // A process that ended, or is to end, leaves its place in line behind.
            if let Some(process) = self.locals.get_mut(address)
                && process.turn == Turn::Waiting
            {
                process.turn = Turn::Running;
                process.woken = false;
                return Some(address);
            }
        }
        None
    }

    /// Something is there for a process: it gets a turn, now or after the slice that it is in.
    fn wake(&mut self, address: Address) {
        let Some(process) = self.locals.get_mut(address) else { return };
        match process.turn {
            Turn::Parked => {
                process.turn = Turn::Waiting;
                self.turns.join(process.entry.account(), address);
                self.say_load();
            }
            Turn::Running => process.woken = true,
            Turn::Waiting | Turn::Ending => {}
        }
    }

    /// Lines a process up to be ended.
    fn end_soon(&mut self, address: Address) {
        if let Some(process) = self.locals.get_mut(address)
            && process.turn != Turn::Ending
        {
            process.turn = Turn::Ending;
            self.ending.push_back(address);
        }
    }

    fn say_load(&self) {
        if let Some(inbox) = self.node.inbox(self.worker) {
            inbox.set_load(self.turns.len());
        }
    }

    fn local(&self, local: LocalId) -> Result<&Local, Failure> {
        self.locals.get(local.0).ok_or_else(no_process_context)
    }

    fn local_mut(&mut self, local: LocalId) -> Result<&mut Local, Failure> {
        self.locals.get_mut(local.0).ok_or_else(no_process_context)
    }
}

/// The caller is no process, or no longer.
fn no_process_context() -> Failure {
    Failure::invalid("no process context")
}
