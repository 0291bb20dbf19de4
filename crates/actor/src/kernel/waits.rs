//! Timers, and the notices that tell a process why it was woken.

use std::time::Duration;

use value::{Failure, Kind};

use super::Kernel;
use super::local::Notice;
use super::records::What;
use crate::address::{Address, LocalId};
use crate::bond::Still;
use crate::clock::nanoseconds;
use crate::exit;
use crate::limits::{TIMER_MAX, TIMERS_PER_PROCESS_MAX};
use crate::timers::{Alarm, TimerId};

impl<P> Kernel<P> {
    /// Takes the next notice. A process that took all of them is not given another turn for them.
    pub fn take_notice(&mut self, local: LocalId) -> Option<Notice> {
        let process = self.locals.get_mut(local.0)?;
        let notice = process.notices.pop();
        if notice.is_none() {
            process.woken = false;
        }
        notice
    }

    /// Starts a timer that gives [`Notice::Timer`] with this token, at the first millisecond that is not too
    /// early.
    ///
    /// # Errors
    /// RATE_LIMITED over 1 000 timers that run, or fired and were not taken.
    pub fn start_timer(&mut self, local: LocalId, after: Duration, token: u64) -> Result<TimerId, Failure> {
        let at_ns = self.node.clock().monotonic_ns().saturating_add(nanoseconds(after.min(TIMER_MAX)));
        let process = self.locals.get_mut(local.0).ok_or_else(super::no_process_context)?;
        if process.timers.len() + process.notices.timers() >= TIMERS_PER_PROCESS_MAX {
            let message = format!("{TIMERS_PER_PROCESS_MAX} timers are running, as many as allowed");
            return Err(Failure::new(Kind::RateLimited, message));
        }
        let timer = self.timers.start(at_ns, local.0, Alarm::Token(token));
        process.timers.insert(timer);
        Ok(timer)
    }

    /// Stops a timer of the process. The notice of one that fired already stays.
    pub fn cancel_timer(&mut self, local: LocalId, timer: TimerId) {
        if let Some(process) = self.locals.get_mut(local.0)
            && process.timers.remove(&timer)
        {
            self.timers.cancel(timer);
        }
    }

    pub(super) fn fire_timers(&mut self) {
        if self.timers.next_ns().is_none() {
            return;
        }
        let now_ns = self.node.clock().monotonic_ns();
        while let Some((timer, owner, alarm)) = self.timers.due(now_ns) {
            match alarm {
                Alarm::Token(token) => self.ring(owner, timer, token),
                Alarm::CancelDeadline => self.cancel_is_due(owner),
                Alarm::SessionOver => self.time_is_up(owner, |_| exit::session_over("the token expired")),
                Alarm::Lifetime(allowed) => {
                    self.time_is_up(owner, |lived_ns| exit::lifetime_over(lived_ns, allowed));
                }
            }
        }
    }

    fn ring(&mut self, owner: Address, timer: TimerId, token: u64) {
        let Some(process) = self.locals.get_mut(owner) else { return };
        process.timers.remove(&timer);
        process.notices.push(Notice::Timer { token });
        self.wake(owner);
    }

    /// Ends a process whose deadline passed, if whoever set it still may; else the next deadline counts.
    pub(super) fn cancel_is_due(&mut self, owner: Address) {
        let now_ns = self.node.clock().monotonic_ns();
        let Some(process) = self.locals.get_mut(owner) else { return };
        if let Some((_, timer)) = process.cancel_timer.take() {
            self.timers.cancel(timer);
        }
        loop {
            let due = process.entry.ties().cancels.take_due(now_ns);
            let Some(deadline) = due else { break };
            match deadline.bond().map_or(Still::Permitted, |bond| self.node.still_permits(bond)) {
                Still::Permitted => return self.time_is_up(owner, |_| exit::cancel_deadline()),
                Still::Refused => {}
                Still::Recorded(bond, ticket) => {
                    process.entry.ties().cancels.put(deadline.under(*bond));
                    return self.await_durable(owner, ticket, What::CancelDeadline);
                }
            }
        }
        let next_ns = process.entry.ties().cancels.next_ns();
        if let Some(at_ns) = next_ns {
            process.cancel_timer = Some((at_ns, self.timers.start(at_ns, owner, Alarm::CancelDeadline)));
        }
    }

    fn time_is_up(&mut self, owner: Address, cause: impl FnOnce(Duration) -> Failure) {
        let now_ns = self.node.clock().monotonic_ns();
        let Some(process) = self.locals.get_mut(owner) else { return };
        process.entry.end(cause(Duration::from_nanos(now_ns.saturating_sub(process.born_ns))));
        self.end_soon(owner);
    }
}
