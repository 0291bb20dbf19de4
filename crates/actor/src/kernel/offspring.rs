//! Children: spawning, calling, and a process's own change into another program.

use std::sync::Arc;
use std::time::Duration;

use policy::{Permit, Process, ProcessSpawn};
use value::{Failure, Kind};

use super::Kernel;
use super::local::{Local, Notices, Turn};
use crate::address::{Address, LocalId};
use crate::birth::{Arrival, Birth};
use crate::child::{CallPermits, Child, SpawnPermits, Start};
use crate::clock::nanoseconds;
use crate::event::EventQueue;
use crate::exit;
use crate::limits::CALLS_PER_PROCESS_MAX;
use crate::timers::Alarm;

impl<P> Kernel<P> {
    /// Spawns a child of a process of this worker. Monitor, link, name and first messages are there before the
    /// child can run.
    ///
    /// # Errors
    /// RATE_LIMITED over a quota of tenant or host or for want of event slots, ALREADY_EXISTS for a taken name,
    /// NOT_FOUND for an unknown host, INVALID for messages that do not fit; nothing is left behind.
    pub fn spawn(
        &mut self,
        permits: SpawnPermits,
        child: Child<P>,
        parent: LocalId,
    ) -> Result<Arc<Process>, Failure> {
        let entry = self.local(parent)?.entry.clone();
        let mut arrival = Birth::spawned(permits, &entry)?.bear(&self.node, child)?;
        let address = arrival.entry.address();
        if let Some(bond) = arrival.monitor.take()
            && let Some(parent) = self.locals.get_mut(parent.0)
        {
            parent.monitors.insert(address, bond);
        }
        let link = arrival.entry.ties().links.get(&entry.address()).cloned();
        if let Some(bond) = link {
            entry.ties().links.insert(address, bond);
        }
        Ok(self.bring_up(arrival))
    }

    /// Starts a child and has its result come back as [`super::Notice::CallDone`] with this token. The child is
    /// ended when its caller ends or is upgraded.
    ///
    /// # Errors
    /// As [`Self::spawn`]; RATE_LIMITED also for calls 16 deep, and for a process that waits for 1 000 results.
    pub fn call(
        &mut self,
        permits: CallPermits,
        child: Child<P>,
        caller: LocalId,
        token: u64,
    ) -> Result<Arc<Process>, Failure> {
        let process = self.local(caller)?;
        if process.calls.len() >= CALLS_PER_PROCESS_MAX {
            let message = format!("{CALLS_PER_PROCESS_MAX} calls wait for their result, as many as allowed");
            return Err(Failure::new(Kind::RateLimited, message));
        }
        let entry = process.entry.clone();
        let arrival = Birth::called(permits, &entry)?.bear(&self.node, child)?;
        if let Some(caller) = self.locals.get_mut(caller.0) {
            caller.calls.insert(arrival.entry.address(), token);
        }
        Ok(self.bring_up(arrival))
    }

    /// Makes a process ready for another body: pid, names, ties, mailbox and unread events stay; its timers,
    /// notices, calls and `trap_links` are those of a process just started. The permit is that for the new
    /// definition, `None` to run its own again. Whoever drives the kernel replaces the body. What policies know
    /// of the process stays as it was spawned.
    ///
    /// # Errors
    /// INVALID when the process ended.
    pub fn upgrade(&mut self, local: LocalId, permit: Option<Permit<ProcessSpawn>>) -> Result<(), Failure> {
        drop(permit);
        let process = self.local_mut(local)?;
        process.notices = Notices::default();
        process.trap_links = false;
        let (calls, timers) = (std::mem::take(&mut process.calls), std::mem::take(&mut process.timers));
        for timer in timers {
            self.timers.cancel(timer);
        }
        self.drop_calls(calls.into_keys());
        Ok(())
    }

    /// Makes a process of this worker of one that arrived.
    pub(super) fn adopt(&mut self, arrival: Arrival<P>) {
        let Arrival {
            entry,
            mailbox,
            berth,
            program,
            arguments,
            lifetime,
            session_ends,
            waiter,
            on_exit,
            ..
        } = arrival;
        let (address, born_ns) = (entry.address(), self.node.clock().monotonic_ns());
        let mut end_after = |after: Duration, alarm| {
            self.timers.start(born_ns.saturating_add(nanoseconds(after)), address, alarm)
        };
        let lifetime_timer = lifetime.map(|lifetime| end_after(lifetime, Alarm::Lifetime(lifetime)));
        let session_timer = session_ends.map(|ends| end_after(ends, Alarm::SessionOver));
        self.starts.push(Start { local: entry.local(), entry: entry.clone(), program, arguments });
        self.locals.insert(Local {
            entry: entry.clone(),
            berth,
            mailbox,
            events: EventQueue::default(),
            cancel_queued: false,
            notices: Notices::default(),
            monitors: Default::default(),
            calls: Default::default(),
            timers: Default::default(),
            cancel_timer: None,
            lifetime_timer,
            session_timer,
            born_ns,
            trap_links: false,
            turn: Turn::Parked,
            woken: false,
            waiter,
            on_exit,
        });
        entry.set_born();
        self.wake(address);
    }

    /// Ends processes that were called, because nobody waits for their results any more.
    pub(super) fn drop_calls(&self, callees: impl Iterator<Item = Address>) {
        for callee in callees {
            if let Some(entry) = self.node.table().get(callee) {
                // One that died meanwhile needs no ending.
                let _ = self.node.end(&entry, exit::caller_gone());
            }
        }
    }

    /// Lets a child be seen, here or on its own worker.
    fn bring_up(&mut self, arrival: Arrival<P>) -> Arc<Process> {
        let entry = arrival.entry.clone();
        self.node.publish(&entry);
        if entry.address().worker() == self.worker {
            self.adopt(arrival);
        } else {
            self.node.ship(arrival);
        }
        entry.facts().clone()
    }
}
