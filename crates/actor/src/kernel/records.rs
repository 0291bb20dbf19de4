//! Waiting for records: what may happen only once the audit log has it on the disk.
//!
//! The worker never waits. It looks how far the log is between two slices, and only while something of its own waits; the
//! log wakes it when that has changed. Whether the thing may happen then is asked again by whoever waited: a notice proves
//! nothing.

use std::collections::VecDeque;

use policy::{Ticket, Watch};

use super::Kernel;
use super::local::Notice;
use crate::address::{Address, LocalId};

/// What of one worker waits for the log. Bounded by who waits: the calls of a process by a bound of its own, a deadline by its
/// process. And whatever has a record of its own to wait for has a place in the log's queue, of which a tenant has a share.
pub(crate) struct Records {
    /// The oldest first: a ticket that is taken later is never smaller.
    waiting: VecDeque<Wait>,
    watch: Watch,
}

struct Wait {
    ticket: Ticket,
    owner: Address,
    what: What,
}

/// What goes on then.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    /// The process itself, told by a notice with this token.
    Process(u64),
    /// The deadline of a cancel, which is due.
    CancelDeadline,
}

impl Records {
    pub(crate) fn new(watch: Watch) -> Self {
        Self { waiting: VecDeque::new(), watch }
    }
}

impl<P> Kernel<P> {
    /// Gives the process [`Notice::Recorded`] with this token when everything up to the ticket is durable, or cannot be made
    /// so. Forgotten when the process ends.
    pub fn await_record(&mut self, local: LocalId, ticket: Ticket, token: u64) {
        self.await_durable(local.0, ticket, What::Process(token));
    }

    pub(super) fn await_durable(&mut self, owner: Address, ticket: Ticket, what: What) {
        self.records.waiting.push_back(Wait { ticket, owner, what });
    }

    /// Lets go on whoever waits for nothing any more.
    pub(super) fn tell_recorded(&mut self) {
        if self.records.waiting.is_empty() {
            return;
        }
        // Before looking, so that a commit after the look wakes this worker if it sleeps.
        self.records.watch.arm();
        // What waits anew is looked at the next time.
        for _ in 0..self.records.waiting.len() {
            match self.records.waiting.pop_front() {
                Some(wait) if self.node.gate().awaits(wait.ticket) => {
                    return self.records.waiting.push_front(wait);
                }
                Some(Wait { owner, what: What::Process(token), .. }) => {
                    if let Some(process) = self.locals.get_mut(owner) {
                        process.notices.push(Notice::Recorded { token });
                        self.wake(owner);
                    }
                }
                Some(Wait { owner, what: What::CancelDeadline, .. }) => self.cancel_is_due(owner),
                None => return,
            }
        }
    }
}
