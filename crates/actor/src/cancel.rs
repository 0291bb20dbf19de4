//! Cancelling: a request that waits until it is read, and deadlines that do not wait.
//!
//! Both are kept in the process's ties. At most one CANCEL waits. The earliest deadline ends the process; the others are
//! kept, since whoever set the earliest may have lost the permission to by then.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use value::{Failure, rfc3339_millis};

use crate::bond::Bond;
use crate::clock::{Clock, nanoseconds};
use crate::entry::Entry;
use crate::limits::{CANCEL_DEADLINES_MAX, TIMER_MAX};

/// What cancels have left with a process.
#[derive(Debug, Default)]
pub(crate) struct Cancels {
    /// The request that it has not read yet, with the pid of who asked first.
    waiting: Option<Option<Arc<str>>>,
    /// The earliest first.
    deadlines: Vec<Deadline>,
    /// Whether its kernel has been told and has not looked yet.
    told: bool,
}

/// When a cancelled process is ended.
#[derive(Debug)]
pub(crate) struct Deadline {
    at_ns: u64,
    wall: SystemTime,
    bond: Option<Bond>,
}

/// What a kernel finds when it was told of a cancel.
pub(crate) struct Found {
    /// Whether a CANCEL waits to be read.
    pub(crate) waiting: bool,
    /// When the process is to be ended.
    pub(crate) deadline_ns: Option<u64>,
}

impl Deadline {
    /// The deadline that is so far away.
    pub(crate) fn after(after: Duration, bond: Option<Bond>, clock: &dyn Clock) -> Self {
        let after = after.min(TIMER_MAX);
        let at_ns = clock.monotonic_ns().saturating_add(nanoseconds(after));
        Self { at_ns, wall: clock.wall() + after, bond }
    }

    /// The same deadline, under another bond.
    pub(crate) fn under(self, bond: Bond) -> Self {
        Self { bond: Some(bond), ..self }
    }

    /// What it was permitted as; nothing for an act of the host itself, or from outside any process.
    pub(crate) fn bond(&self) -> Option<&Bond> {
        self.bond.as_ref()
    }
}

/// Leaves a cancel with a process. Says whether its kernel must be told.
pub(crate) fn request(
    target: &Entry,
    from: Option<&Arc<policy::Process>>,
    deadline: Option<Deadline>,
) -> Result<bool, Failure> {
    let cancels = &mut target.open_ties()?.cancels;
    if let Some(deadline) = deadline {
        cancels.put(deadline);
    }
    cancels.waiting.get_or_insert_with(|| from.map(|from| from.pid().clone()));
    Ok(!std::mem::replace(&mut cancels.told, true))
}

impl Cancels {
    /// What there is now; the next request tells the kernel again.
    pub(crate) fn look(&mut self) -> Found {
        self.told = false;
        Found { waiting: self.waiting.is_some(), deadline_ns: self.next_ns() }
    }

    /// Takes the request that waits: who asked, and the deadline in force, RFC 3339.
    pub(crate) fn read(&mut self) -> Option<(Option<Arc<str>>, Option<String>)> {
        let from = self.waiting.take()?;
        let deadline = self.deadlines.first().map(|deadline| rfc3339_millis(deadline.wall).to_string());
        Some((from, deadline))
    }

    /// When the earliest deadline is.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.deadlines.first().map(|deadline| deadline.at_ns)
    }

    /// Takes the earliest deadline that is due.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> Option<Deadline> {
        self.next_ns().filter(|at_ns| *at_ns <= now_ns)?;
        Some(self.deadlines.remove(0))
    }

    /// Keeps a deadline, if it is among the earliest.
    pub(crate) fn put(&mut self, deadline: Deadline) {
        let at = self.deadlines.partition_point(|known| known.at_ns <= deadline.at_ns);
        self.deadlines.insert(at, deadline);
        self.deadlines.truncate(CANCEL_DEADLINES_MAX);
    }
}
