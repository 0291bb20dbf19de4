//! Monitors and links: made and undone by a process of this worker, with a process anywhere.
//!
//! Each takes effect only if policies still permit it then (`bond`). Each is kept at both ends. The target's end is behind the lock that its death closes, so whoever ties
//! either hears of the end or learns that it was too late. Both ends of a link change in one step, under both locks,
//! which are taken in the order of addresses.

use policy::{Permit, ProcessLink, ProcessMonitor, ProcessUnlink, ProcessUnmonitor};
use value::{Failure, Kind};

use super::Kernel;
use crate::address::{Address, LocalId};
use crate::bond::Bond;
use crate::entry::no_such_process;

impl<P> Kernel<P> {
    /// Lets a process hear when another ends: exactly one EXIT, which it holds an event slot for.
    ///
    /// # Errors
    /// NOT_FOUND for a dead process, ALREADY_EXISTS when it is monitored already, RATE_LIMITED without a free
    /// event slot.
    pub fn monitor(&mut self, local: LocalId, permit: Permit<ProcessMonitor>) -> Result<(), Failure> {
        let target = &permit.request().target;
        let entry = self.node.process(target).ok_or_else(|| no_such_process(target))?;
        let watcher = self.local_mut(local)?;
        if watcher.monitors.contains_key(&entry.address()) {
            let message = format!("`{}` is monitored already", target.pid());
            return Err(Failure::new(Kind::AlreadyExists, message));
        }
        watcher.entry.reserve_event()?;
        match entry.open_ties() {
            Ok(mut ties) => ties.watchers.insert(local.0),
            Err(dead) => {
                watcher.entry.release_event();
                return Err(dead);
            }
        };
        let bond = Bond::monitor(&watcher.entry, permit);
        watcher.monitors.insert(entry.address(), bond);
        Ok(())
    }

    /// Undoes a monitor, if there is one. An EXIT that arrived already stays.
    ///
    /// # Errors
    /// INVALID when the caller ended.
    pub fn unmonitor(&mut self, local: LocalId, permit: Permit<ProcessUnmonitor>) -> Result<(), Failure> {
        let target = Address::of(&permit.into_request().target);
        let watcher = self.local_mut(local)?;
        if watcher.monitors.remove(&target).is_some() {
            watcher.entry.release_event();
            if let Some(entry) = self.node.table().get(target) {
                entry.ties().watchers.remove(&local.0);
            }
        }
        Ok(())
    }

    /// Links two processes: an error end of either reaches the other. Each side holds an event slot for it.
    ///
    /// # Errors
    /// INVALID for the process itself, NOT_FOUND for a dead process, RATE_LIMITED without a free event slot on
    /// either side. Linked already is no error.
    pub fn link(&mut self, local: LocalId, permit: Permit<ProcessLink>) -> Result<(), Failure> {
        let target = &permit.request().target;
        let own = self.local(local)?.entry.clone();
        if Address::of(target) == local.0 {
            return Err(Failure::invalid("a process cannot be linked to itself"));
        }
        let other = self.node.process(target).ok_or_else(|| no_such_process(target))?;
        own.link(&other, Bond::link(&own, permit))
    }

    /// Undoes a link, if there is one. A LINK_DOWN that arrived already stays.
    ///
    /// # Errors
    /// INVALID when the caller ended.
    pub fn unlink(&mut self, local: LocalId, permit: Permit<ProcessUnlink>) -> Result<(), Failure> {
        let target = Address::of(&permit.into_request().target);
        let own = &self.local(local)?.entry;
        if target == local.0 {
            return Ok(());
        }
        match self.node.table().get(target) {
            Some(other) => own.unlink(&other),
            None => own.remove_link(target),
        }
        Ok(())
    }
}
