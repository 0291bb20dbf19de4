//! Cancelling: a request that waits until it is read, and a deadline that does not wait.
//!
//! Both are kept in the process's ties. At most one CANCEL waits; a deadline only ever moves forward in time
//! towards now.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use value::{Failure, rfc3339_millis};

use crate::clock::{Clock, nanoseconds};
use crate::entry::Entry;
use crate::limits::TIMER_MAX;

/// What cancels have left with a process.
#[derive(Debug, Default)]
pub(crate) struct Cancels {
    /// The request that it has not read yet, with the pid of who asked first.
    waiting: Option<Option<Arc<str>>>,
    deadline: Option<Deadline>,
    /// Whether its kernel has been told and has not looked yet.
    told: bool,
}

/// When a cancelled process is ended.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    at_ns: u64,
    wall: SystemTime,
}

/// What a kernel finds when it was told of a cancel.
pub(crate) struct Found {
    /// Whether a CANCEL waits to be read.
    pub(crate) waiting: bool,
    /// When the process is to be ended.
    pub(crate) deadline_ns: Option<u64>,
}

/// Leaves a cancel with a process. Says whether its kernel must be told.
pub(crate) fn request(
    target: &Entry,
    from: Option<&Arc<policy::Process>>,
    deadline_ms: Option<u64>,
    clock: &dyn Clock,
) -> Result<bool, Failure> {
    let deadline = deadline_ms.map(|milliseconds| {
        let after = Duration::from_millis(milliseconds).min(TIMER_MAX);
        let at_ns = clock.monotonic_ns().saturating_add(nanoseconds(after));
        Deadline { at_ns, wall: clock.wall() + after }
    });
    let cancels = &mut target.open_ties()?.cancels;
    let earlier = |new: &Deadline| cancels.deadline.is_none_or(|old| new.at_ns < old.at_ns);
    if let Some(deadline) = deadline.filter(earlier) {
        cancels.deadline = Some(deadline);
    }
    cancels.waiting.get_or_insert_with(|| from.map(|from| from.pid().clone()));
    Ok(!std::mem::replace(&mut cancels.told, true))
}

impl Cancels {
    /// What there is now; the next request tells the kernel again.
    pub(crate) fn look(&mut self) -> Found {
        self.told = false;
        Found { waiting: self.waiting.is_some(), deadline_ns: self.deadline.map(|deadline| deadline.at_ns) }
    }

    /// Takes the request that waits: who asked, and the deadline in force, RFC 3339.
    pub(crate) fn read(&mut self) -> Option<(Option<Arc<str>>, Option<String>)> {
        let from = self.waiting.take()?;
        let deadline = self.deadline.map(|deadline| rfc3339_millis(deadline.wall).to_string());
        Some((from, deadline))
    }
}
