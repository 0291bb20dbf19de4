//! What was permitted and has not taken effect yet: a monitor, a link, a deadline, or what may not happen before its record is
//! durable.

use std::fmt;

use audit::{Mode, Progress, Ticket, Watch};

use super::asks::Settled;
use super::{Asks, Caller, Gate, Operation, Permit, Refusal};

/// Asks that were all permitted, for later. It is no permit: when they are to take effect it is renewed with
/// [`super::Operation::renew`], which asks again if policies have changed since, and gives nothing before what is on record
/// is durable.
#[derive(Clone)]
pub struct Standing<A> {
    pub(super) asks: A,
    /// The generation that permitted them.
    pub(super) generation: u64,
    /// What has to be durable first; nothing when there were permits already.
    pub(super) ticket: Option<Ticket>,
}

impl<A> Standing<A> {
    /// What was permitted.
    pub fn request(&self) -> &A {
        &self.asks
    }
}

/// How a check came out that is not refused.
#[must_use = "a permit is granted to be used, at once"]
pub enum Checked<A: Asks> {
    /// It may happen now.
    Granted(A::Permits),
    /// It is permitted and on record, and something in it is sensitive: it may happen once everything up to the ticket is
    /// durable. [`super::Operation::renew`] gives the permits then.
    Recorded(Standing<A>, Ticket),
}

impl<A: Asks> Checked<A> {
    pub(super) fn granted(asks: A, generation: u64) -> Self {
        Self::Granted(asks.grant_each(&Settled { generation }))
    }

    pub(super) fn recorded(asks: A, generation: u64, ticket: Ticket) -> Self {
        Self::Recorded(Standing { asks, generation, ticket: Some(ticket) }, ticket)
    }
}

impl Operation<'_> {
    /// The permits of what was permitted before, now that it is to take effect. If policies have changed since, it is decided
    /// and recorded anew. `caller` is whoever asked for it then. Never waits.
    ///
    /// # Errors
    /// As [`Operation::check`], by the policies now in force.
    pub fn renew<A: Asks>(&self, caller: &Caller<'_>, standing: Standing<A>) -> Result<Checked<A>, Refusal> {
        if standing.generation != self.generation() {
            return self.try_check(caller, standing.asks);
        }
        self.settle(standing)
    }

    /// The permits, if what has to be durable is.
    pub(super) fn settle<A: Asks>(&self, standing: Standing<A>) -> Result<Checked<A>, Refusal> {
        let Standing { asks, generation, ticket } = standing;
        let Some(ticket) = ticket else { return Ok(Checked::granted(asks, generation)) };
        // Also when it is durable: nothing is permitted while nothing can be recorded.
        if !self.gate.log.writable() {
            return Err(Refusal::Unavailable);
        }
        match self.gate.log.progress(ticket) {
            Progress::Durable => Ok(Checked::granted(asks, generation)),
            Progress::Waiting => Ok(Checked::recorded(asks, generation, ticket)),
            Progress::Unwritable => Err(Refusal::Unavailable),
        }
    }
}

impl Gate {
    /// Whether these may not happen before the record of their permission is durable: in a strict log, what is sensitive.
    pub fn is_sensitive<A: Asks>(&self, asks: &A) -> bool {
        A::SENSITIVE && self.log.mode() == Mode::Strict && asks.is_sensitive()
    }

    /// Whether everything up to the ticket is still on its way to the disk. If not, it is durable or cannot be made so now:
    /// [`Operation::renew`] says which.
    pub fn awaits(&self, ticket: Ticket) -> bool {
        self.log.progress(ticket) == Progress::Waiting
    }

    /// Has `wake` called when [`Gate::awaits`] may have changed: see [`audit::Log::watch`].
    pub fn watch(&self, wake: impl Fn() + Send + Sync + 'static) -> Watch {
        self.log.watch(wake)
    }
}

impl<P> Permit<P> {
    /// What was granted, for something that takes effect later.
    pub fn stand(self) -> Standing<P> {
        let (asks, generation) = self.into_parts();
        Standing { asks, generation, ticket: None }
    }
}

impl<A: fmt::Debug> fmt::Debug for Standing<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Standing({:?}, generation {})", self.asks, self.generation)
    }
}
