//! Channels inside one process: a buffer, who waits to send and who waits to receive.
//!
//! This file decides who gets which value and says whom to wake; it knows neither Lua nor the kernel. A channel
//! whose source is the mailbox (`inbox`, `events`, `listen`) holds no values of its own: they are taken from the
//! mailbox when a receiver is there, so that routing is decided when a message is taken.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use luau::{Item, Ledger, Reference, StrandId};
use value::Value;

use crate::module::time::Moment;
use crate::object::Object;
use crate::timer::Guard;

/// A value of this process: plain data, or a reference to whatever Lua has there.
#[derive(Clone)]
pub(crate) enum Held {
    /// Plain.
    Value(Value),
    /// A table, function, string or object of the script, itself and not a copy.
    Reference(Reference),
    /// The time at which a timer fired.
    Time(Box<Moment>),
}

impl From<Held> for Item<Object> {
    fn from(held: Held) -> Self {
        match held {
            Held::Value(value) => Self::Value(value),
            Held::Reference(reference) => Self::Reference(reference),
            Held::Time(moment) => Self::Object(Object::Moment(moment)),
        }
    }
}

/// What a process is charged for one value that a channel holds: 96 bytes, for the value's place and the reference
/// that keeps it alive. What a reference keeps alive is in the process's account as Lua has it.
const HELD_BYTES: usize = 96;

/// Where a channel's values come from.
pub(crate) enum Source {
    /// `channel.new`: from senders of this process.
    Plain,
    /// `process.inbox()`: messages whose topic nobody listens to.
    Inbox,
    /// `process.events()`.
    Events,
    /// `process.listen(topic)`.
    Topic {
        /// The topic.
        topic: String,
        /// Whether receivers get message objects instead of payloads; once on, it stays on.
        as_message: Cell<bool>,
    },
    /// `time.after`, a timer or a ticker. The guard cancels it when nobody can receive any more.
    Timer(Guard),
}

/// One channel.
pub(crate) struct Channel {
    identity: u64,
    source: Source,
    /// Values that fit without a receiver.
    size: usize,
    state: RefCell<State>,
    /// Charged with [`HELD_BYTES`] for each value in the state.
    ledger: Ledger,
}

#[derive(Default)]
struct State {
    buffer: VecDeque<Held>,
    closed: bool,
    receivers: VecDeque<Waiter>,
    senders: VecDeque<(Waiter, Held)>,
    /// Length at which a queue is next freed of stale places.
    sweep_at: usize,
}

/// A strand's place in a queue. It is stale once that wait is over, whichever case ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiter {
    /// The strand.
    pub(crate) strand: StrandId,
    /// Which of the process's waits.
    pub(crate) wait: u64,
    /// Which case of that wait.
    pub(crate) case: usize,
}

/// One case of a select: receive from a channel, or send a value to it.
#[derive(Clone)]
pub(crate) struct Case {
    /// The channel.
    pub(crate) channel: Rc<Channel>,
    /// What to send; a receive without.
    pub(crate) send: Option<Held>,
}

/// What came of trying to send.
pub(crate) enum Sent {
    /// This waiting receiver gets it.
    To(Waiter, Held),
    /// It is in the buffer.
    Buffered,
    /// No receiver and no room: the value comes back.
    Full(Held),
    /// The channel is closed.
    Closed,
}

/// What came of trying to receive.
pub(crate) enum Received {
    /// A value; the sender whose value moved up, if one was waiting, is done.
    Value(Held, Option<Waiter>),
    /// Closed and drained.
    Closed,
    /// Nothing now.
    Empty,
}

impl Channel {
    /// A channel of `size` values that need no receiver, charged to the process of that ledger.
    pub(crate) fn new(identity: u64, source: Source, size: usize, ledger: Ledger) -> Rc<Self> {
        Rc::new(Self { identity, source, size, state: RefCell::default(), ledger })
    }

    /// What makes it the same channel wherever it comes from.
    pub(crate) fn identity(&self) -> u64 {
        self.identity
    }

    /// Where its values come from.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Whether its values are taken from the mailbox.
    pub(crate) fn is_mail(&self) -> bool {
        matches!(self.source, Source::Inbox | Source::Events | Source::Topic { .. })
    }

    /// Whether it is closed; what is buffered can still be received.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.borrow().closed
    }

    /// Sends if a receiver waits or there is room. `waiting` says whether a waiter's wait still goes on.
    pub(crate) fn send(&self, value: Held, waiting: &dyn Fn(&Waiter) -> bool) -> Sent {
        let state = &mut *self.state.borrow_mut();
        if state.closed {
            return Sent::Closed;
        }
        while let Some(receiver) = state.receivers.pop_front() {
            if waiting(&receiver) {
                return Sent::To(receiver, value);
            }
        }
        if state.buffer.len() < self.size {
            state.buffer.push_back(value);
            self.ledger.add(HELD_BYTES);
            return Sent::Buffered;
        }
        Sent::Full(value)
    }

    /// Receives if a value is there.
    pub(crate) fn receive(&self, waiting: &dyn Fn(&Waiter) -> bool) -> Received {
        let state = &mut *self.state.borrow_mut();
        let next_sender = |senders: &mut VecDeque<(Waiter, Held)>| {
            while let Some((waiter, value)) = senders.pop_front() {
                self.ledger.take(HELD_BYTES);
                if waiting(&waiter) {
                    return Some((waiter, value));
                }
            }
            None
        };
        if let Some(value) = state.buffer.pop_front() {
            self.ledger.take(HELD_BYTES);
            let moved_up = next_sender(&mut state.senders).map(|(waiter, value)| {
                state.buffer.push_back(value);
                self.ledger.add(HELD_BYTES);
                waiter
            });
            return Received::Value(value, moved_up);
        }
        if let Some((waiter, value)) = next_sender(&mut state.senders) {
            return Received::Value(value, Some(waiter));
        }
        if state.closed { Received::Closed } else { Received::Empty }
    }

    /// Puts the newest value in place of what waits: tickers coalesce, so that never more than one tick waits.
    pub(crate) fn put(&self, value: Held, waiting: &dyn Fn(&Waiter) -> bool) -> Sent {
        let sent = self.send(value, waiting);
        if let Sent::Full(value) = sent {
            let state = &mut *self.state.borrow_mut();
            if state.buffer.pop_front().is_none() {
                self.ledger.add(HELD_BYTES);
            }
            state.buffer.push_back(value);
            return Sent::Buffered;
        }
        sent
    }

    /// Forgets what is buffered: a reset timer's old tick.
    pub(crate) fn drain(&self) {
        let dropped = std::mem::take(&mut self.state.borrow_mut().buffer);
        self.ledger.take(dropped.len() * HELD_BYTES);
    }

    /// Joins the queue of receivers.
    pub(crate) fn wait_to_receive(&self, waiter: Waiter, waiting: &dyn Fn(&Waiter) -> bool) {
        let state = &mut *self.state.borrow_mut();
        // Stale places of selects that another case ended would pile up on a channel that never delivers.
        if state.receivers.len() >= state.sweep_at {
            state.receivers.retain(waiting);
            state.sweep_at = next_sweep(state.receivers.len());
        }
        state.receivers.push_back(waiter);
    }

    /// Joins the queue of senders.
    pub(crate) fn wait_to_send(&self, waiter: Waiter, value: Held, waiting: &dyn Fn(&Waiter) -> bool) {
        let state = &mut *self.state.borrow_mut();
        if state.senders.len() >= state.sweep_at {
            let before = state.senders.len();
            state.senders.retain(|(waiter, _)| waiting(waiter));
            self.ledger.take((before - state.senders.len()) * HELD_BYTES);
            state.sweep_at = next_sweep(state.senders.len());
        }
        state.senders.push_back((waiter, value));
        self.ledger.add(HELD_BYTES);
    }

    /// Whether a receiver waits.
    pub(crate) fn has_receiver(&self, waiting: &dyn Fn(&Waiter) -> bool) -> bool {
        self.state.borrow().receivers.iter().any(waiting)
    }

    /// The oldest receiver that waits, taken from the queue.
    pub(crate) fn next_receiver(&self, waiting: &dyn Fn(&Waiter) -> bool) -> Option<Waiter> {
        let state = &mut *self.state.borrow_mut();
        std::iter::from_fn(|| state.receivers.pop_front()).find(waiting)
    }

    /// Closes it; twice is fine. Who waited, receivers first, is returned to be told.
    pub(crate) fn close(&self) -> (Vec<Waiter>, Vec<Waiter>) {
        let state = &mut *self.state.borrow_mut();
        state.closed = true;
        let receivers = state.receivers.drain(..).collect();
        let senders: Vec<Waiter> = state.senders.drain(..).map(|(waiter, _)| waiter).collect();
        self.ledger.take(senders.len() * HELD_BYTES);
        (receivers, senders)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        self.ledger.take((state.buffer.len() + state.senders.len()) * HELD_BYTES);
    }
}

/// A queue is swept when it has doubled since, so that joining it costs the same however long it is.
fn next_sweep(length: usize) -> usize {
    length * 2 + 8
}
