//! Timers of one process: what fires when, and that a timer nobody can receive from is cancelled.
//!
//! The kernel knows tokens and times; this file knows what a token means.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::channel::Channel;

/// Names one timer of a process; never used again in it.
pub(crate) type Token = u64;

/// The tokens whose channel is gone, until the worker cancels them.
pub(crate) type Abandoned = Rc<RefCell<Vec<Token>>>;

/// What a timer does when it fires.
pub(crate) enum Use {
    /// Wakes the strand that sleeps on its token.
    Sleep,
    /// Puts the time into the channel, once.
    Once(Weak<Channel>),
    /// Puts the time into the channel, and fires again.
    Tick {
        /// Where.
        channel: Weak<Channel>,
        /// How often, in nanoseconds.
        period_ns: u64,
        /// When the next tick is due, on the monotonic clock in nanoseconds: ticks do not drift.
        due_ns: u64,
    },
}

/// Held by a timer's channel: when the last handle goes, the timer is cancelled.
pub(crate) struct Guard {
    token: Token,
    abandoned: Abandoned,
    /// Whether it will still fire: a strand that waits for it is not deadlocked.
    running: Cell<bool>,
}

impl Guard {
    /// The guard of a running timer.
    pub(crate) fn new(token: Token, abandoned: Abandoned) -> Self {
        Self { token, abandoned, running: Cell::new(true) }
    }

    /// The timer's token.
    pub(crate) fn token(&self) -> Token {
        self.token
    }

    /// Whether it will still fire.
    pub(crate) fn is_running(&self) -> bool {
        self.running.get()
    }

    /// Marks it as running or not.
    pub(crate) fn set_running(&self, running: bool) {
        self.running.set(running);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.abandoned.borrow_mut().push(self.token);
    }
}

/// The object behind `time.timer` and `time.ticker`.
pub(crate) struct Timer {
    /// Where it delivers.
    pub(crate) channel: Rc<Channel>,
    /// The period of a ticker in nanoseconds.
    pub(crate) period_ns: Option<u64>,
}

impl Timer {
    /// Whether it fires again and again.
    pub(crate) fn is_ticker(&self) -> bool {
        self.period_ns.is_some()
    }
}
