//! Signals: what the system tells processes, and the events that they read.
//!
//! A signal may arrive after what it is about was undone: whether it still applies is decided by the
//! receiver's own ties, here.

use super::{Kernel, Notice};
use crate::address::{Address, LocalId};
use crate::bond::Still;
use crate::event::{Event, Waiting};
use crate::exit;
use crate::inbox::{Ended, Signal};
use crate::timers::Alarm;

impl<P> Kernel<P> {
    /// Takes the oldest unread event.
    pub fn take_event(&mut self, local: LocalId) -> Option<Event> {
        let process = self.locals.get_mut(local.0)?;
        loop {
            match process.events.pop()? {
                Waiting::Exit { from, result } => {
                    process.entry.release_event();
                    return Some(Event::Exit { from, result });
                }
                Waiting::LinkDown { from, result } => {
                    process.entry.release_event();
                    return Some(Event::LinkDown { from, result });
                }
                Waiting::Cancel => {
                    process.cancel_queued = false;
                    if let Some((from, deadline)) = process.entry.ties().cancels.read() {
                        return Some(Event::Cancel { from, deadline });
                    }
                }
            }
        }
    }

    /// Whether an event waits.
    pub fn has_event(&self, local: LocalId) -> bool {
        self.locals.get(local.0).is_some_and(|process| !process.events.is_empty())
    }

    /// Whether LINK_DOWN is an event for this process instead of its end.
    pub fn trap_links(&self, local: LocalId) -> bool {
        self.locals.get(local.0).is_some_and(|process| process.trap_links)
    }

    /// Says whether LINK_DOWN is to be an event. Counts for signals that are delivered from now on.
    pub fn set_trap_links(&mut self, local: LocalId, trap: bool) {
        if let Some(process) = self.locals.get_mut(local.0) {
            process.trap_links = trap;
        }
    }

    /// Sends a signal on, to this kernel or another.
    pub(super) fn signal(&mut self, to: Address, signal: Signal) {
        if to.worker() == self.worker {
            self.deliver(to, signal);
        } else {
            self.node.signal(to, signal);
        }
    }

    /// A signal for a process of this worker. Never ends a process itself: those that are to end are lined up,
    /// so a chain of links is work for the queue and not for the stack.
    pub(super) fn deliver(&mut self, to: Address, signal: Signal) {
        match signal {
            Signal::Exit(ended) => self.deliver_exit(to, ended),
            Signal::LinkDown(ended) => self.deliver_link_down(to, ended),
            Signal::CallDone(ended) => self.deliver_call_done(to, ended),
            Signal::Cancel => self.deliver_cancel(to),
            Signal::End => self.end_soon(to),
        }
    }

    fn deliver_exit(&mut self, to: Address, ended: Ended) {
        let Some(process) = self.locals.get_mut(to) else { return };
        // Gone when it was unmonitored meanwhile.
        let Some(bond) = process.monitors.remove(&ended.address) else { return };
        if !matches!(self.node.still_permits(&bond), Still::Permitted) {
            process.entry.release_event();
            return;
        }
        process.events.push_exit(ended.pid, ended.result);
        process.notices.push(Notice::Event);
        self.wake(to);
    }

    fn deliver_link_down(&mut self, to: Address, ended: Ended) {
        // A child is linked before it arrives; every other signal is for a process that has run.
        if !self.is_here(to) {
            return;
        }
        let Some(process) = self.locals.get_mut(to) else { return };
        // Gone when it was unlinked meanwhile.
        let Some(bond) = process.entry.ties().links.remove(&ended.address) else { return };
        if !matches!(self.node.still_permits(&bond), Still::Permitted) {
            process.entry.release_event();
            return;
        }
        if process.trap_links {
            process.events.push_link_down(ended.pid, ended.result);
            process.notices.push(Notice::Event);
            self.wake(to);
        } else {
            process.entry.release_event();
            process.entry.end(exit::linked_process_failed(&ended.pid, &ended.result));
            self.end_soon(to);
        }
    }

    fn deliver_call_done(&mut self, to: Address, ended: Ended) {
        let Some(process) = self.locals.get_mut(to) else { return };
        // Gone when it was upgraded meanwhile.
        if let Some(token) = process.calls.remove(&ended.address) {
            process.notices.push(Notice::CallDone { token, result: ended.result });
            self.wake(to);
        }
    }

    fn deliver_cancel(&mut self, to: Address) {
        let Some(process) = self.locals.get_mut(to) else { return };
        let found = process.entry.ties().cancels.look();
        if let Some(at_ns) = found.deadline_ns
            && process.cancel_timer.is_none_or(|(running_ns, _)| at_ns < running_ns)
        {
            let timer = self.timers.start(at_ns, to, Alarm::CancelDeadline);
            if let Some((_, later)) = process.cancel_timer.replace((at_ns, timer)) {
                self.timers.cancel(later);
            }
        }
        if found.waiting && !process.cancel_queued {
            process.cancel_queued = true;
            process.events.push_cancel();
            process.notices.push(Notice::Event);
            self.wake(to);
        }
    }
}
