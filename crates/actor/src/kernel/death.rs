//! How a process ends, and who hears of it, in the order that is promised.
//!
//! First its pid stops answering; then its names, timers, mailbox and quotas are free; then EXIT goes to those
//! who monitor it, and LINK_DOWN to its links if it ended in an error; last a caller has its result and the
//! outside its word. Signals within a worker are delivered at once, but end nobody: whoever is to end next is
//! lined up.

use std::sync::Arc;

use super::Kernel;
use super::local::Local;
use crate::address::LocalId;
use crate::entry::Ties;
use crate::exit::{self, ExitResult};
use crate::inbox::{Ended, Signal};
use crate::names::release_name;

impl<P> Kernel<P> {
    /// Ends a process whose body is gone. If it was marked to end, that is its result, whatever it returned
    /// itself; a result over 64 KiB becomes an error that says so. Does nothing for a process that ended.
    pub fn exit(&mut self, local: LocalId, result: ExitResult) {
        let Some(process) = self.locals.remove(local.0) else { return };
        self.node.table().withdraw(local.0);
        // Nobody can mark it any more from here on, so that a mark that was acknowledged is its result.
        let ties = process.entry.close();
        let result = process.entry.cause().map_or(result, |cause| Err(cause.clone()));
        for name in &ties.names {
            release_name(process.entry.account(), name, &process.entry);
        }
        let Local { entry, berth, mailbox, monitors, calls, timers, waiter, on_exit, .. } = *process;
        let system_timers = process
            .cancel_timer
            .map(|(_, timer)| timer)
            .into_iter()
            .chain(process.lifetime_timer)
            .chain(process.session_timer);
        for timer in timers.into_iter().chain(system_timers) {
            self.timers.cancel(timer);
        }
        for target in monitors.into_keys() {
            if let Some(target) = self.node.table().get(target) {
                target.ties().watchers.remove(&local.0);
            }
        }
        entry.release_all_events();
        drop((mailbox, berth));
        self.drop_calls(calls.into_keys());

        let result = Arc::new(exit::bounded(result));
        let ended = Ended { address: local.0, pid: entry.pid().clone(), result: result.clone() };
        self.announce(ties, &ended);
        if let Some(waiter) = waiter {
            self.signal(waiter, Signal::CallDone(ended));
        }
        if let Some(hook) = on_exit {
            hook(&result);
        }
    }

    /// Tells those who were tied to a process that ended.
    fn announce(&mut self, ties: Ties, ended: &Ended) {
        for watcher in ties.watchers {
            self.signal(watcher, Signal::Exit(ended.clone()));
        }
        for linked in ties.links.into_keys() {
            if ended.result.is_err() {
                self.signal(linked, Signal::LinkDown(ended.clone()));
            } else if let Some(linked) = self.node.table().get(linked) {
                linked.remove_link(ended.address);
            }
        }
    }
}
