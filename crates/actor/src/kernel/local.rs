//! One process as its own kernel keeps it: what waits for it, what it waits for, what it is tied to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::address::Address;
use crate::berth::Berth;
use crate::bond::Bond;
use crate::child::ExitHook;
use crate::entry::Entry;
use crate::event::EventQueue;
use crate::exit::ExitResult;
use crate::mailbox::Mailbox;
use crate::timers::TimerId;

/// Why a process was woken.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A timer fired.
    Timer {
        /// The token that it was started with.
        token: u64,
    },
    /// A called process ended.
    CallDone {
        /// The token that the call was made with.
        token: u64,
        /// Its result.
        result: Arc<ExitResult>,
    },
    /// A record that it waits for is durable, or cannot be made so now.
    Recorded {
        /// The token that it waits with.
        token: u64,
    },
    /// There may be new messages. Said once for all that arrived since it was taken last.
    Mail,
    /// There may be new events. Said once for all that arrived since it was taken last.
    Event,
}

/// Where a process is on its way to its next slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It waits for something to arrive.
    Parked,
    /// It stands in its tenant's line.
    Waiting,
    /// It is in a slice.
    Running,
    /// It stands among those that are to end.
    Ending,
}

/// A process of this worker.
pub(super) struct Local {
    pub(super) entry: Arc<Entry>,
    pub(super) berth: Berth,
    pub(super) mailbox: Mailbox,
    pub(super) events: EventQueue,
    /// Whether the unread events hold a CANCEL.
    pub(super) cancel_queued: bool,
    pub(super) notices: Notices,
    /// Whom it monitors. The other half is in the target's ties.
    pub(super) monitors: BTreeMap<Address, Bond>,
    /// Whom it has called, and the token of each call.
    pub(super) calls: BTreeMap<Address, u64>,
    /// Its own timers that run.
    pub(super) timers: BTreeSet<TimerId>,
    /// The system's timers about it; with the time of that of a cancel.
    pub(super) cancel_timer: Option<(u64, TimerId)>,
    pub(super) lifetime_timer: Option<TimerId>,
    pub(super) session_timer: Option<TimerId>,
    pub(super) born_ns: u64,
    pub(super) trap_links: bool,
    pub(super) turn: Turn,
    /// Whether something arrived while it was in its slice.
    pub(super) woken: bool,
    /// The caller that waits for its result.
    pub(super) waiter: Option<Address>,
    pub(super) on_exit: Option<ExitHook>,
}

/// The notices that a process has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Notices {
    waiting: VecDeque<Notice>,
    mail: bool,
    event: bool,
    /// Timers among the waiting ones: they still count against the process's bound.
    timers: usize,
}

impl Notices {
    pub(super) fn push(&mut self, notice: Notice) {
        match notice {
            Notice::Mail => self.mail = true,
            Notice::Event => self.event = true,
            Notice::Timer { .. } => {
                self.timers += 1;
                self.waiting.push_back(notice);
            }
            Notice::CallDone { .. } | Notice::Recorded { .. } => self.waiting.push_back(notice),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Notice> {
        let notice = self.waiting.pop_front();
        if let Some(Notice::Timer { .. }) = notice {
            self.timers -= 1;
        }
        notice
            .or_else(|| std::mem::take(&mut self.event).then_some(Notice::Event))
            .or_else(|| std::mem::take(&mut self.mail).then_some(Notice::Mail))
    }

    pub(super) fn timers(&self) -> usize {
        self.timers
    }
}

/// The processes of one worker, by slot.
#[derive(Default)]
pub(super) struct Locals {
    slots: Vec<Option<Box<Local>>>,
}

impl Locals {
    pub(super) fn get(&self, address: Address) -> Option<&Local> {
        let local = self.slots.get(address.slot() as usize)?.as_deref()?;
        (local.entry.address() == address).then_some(local)
    }

    pub(super) fn get_mut(&mut self, address: Address) -> Option<&mut Local> {
        let local = self.slots.get_mut(address.slot() as usize)?.as_deref_mut()?;
        (local.entry.address() == address).then_some(local)
    }

    pub(super) fn insert(&mut self, local: Local) {
        let slot = local.entry.address().slot() as usize;
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            debug_assert!(place.is_none(), "a slot holds one process at a time");
            *place = Some(Box::new(local));
        }
    }

    pub(super) fn remove(&mut self, address: Address) -> Option<Box<Local>> {
        self.get(address)?;
        self.slots.get_mut(address.slot() as usize)?.take()
    }
}
