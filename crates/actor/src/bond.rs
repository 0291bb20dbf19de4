//! Bonds: what a process was permitted to set up with another, and takes effect when something happens: a monitor, a
//! link, the deadline of a cancel.
//!
//! When it is to take effect the gate is asked again, if policies have changed since. How policies decide is not known here.

use std::sync::Arc;

use policy::{
    AssertedBy, Caller, Gate, Permission, Permit, ProcessCancel, ProcessLink, ProcessMonitor,
    ProcessSpawnLinked, ProcessSpawnMonitored, ScopeSet, Sessions, Standing,
};

use crate::entry::Entry;

/// Something that a process was permitted, for later.
#[derive(Debug)]
pub(crate) struct Bond {
    /// Who was permitted it.
    asker: Arc<policy::Process>,
    scopes: ScopeSet,
    /// With the first of these that is over, so is the bond.
    sessions: Sessions,
    chain: Arc<str>,
    granted: Granted,
}

/// What was permitted. A child is tied under the permission to spawn it so.
#[derive(Debug)]
enum Granted {
    Monitor(Standing<ProcessMonitor>),
    SpawnMonitored(Standing<ProcessSpawnMonitored>),
    Link(Standing<ProcessLink>),
    SpawnLinked(Standing<ProcessSpawnLinked>),
    Cancel(Standing<ProcessCancel>),
}

impl Bond {
    /// To hear when a process ends.
    pub(crate) fn monitor(asker: &Entry, permit: Permit<ProcessMonitor>) -> Self {
        Self::new(asker, Granted::Monitor(permit.stand()))
    }

    /// To hear when a child ends.
    pub(crate) fn spawn_monitored(asker: &Entry, granted: Standing<ProcessSpawnMonitored>) -> Self {
        Self::new(asker, Granted::SpawnMonitored(granted))
    }

    /// To end when another fails, and the other way round.
    pub(crate) fn link(asker: &Entry, permit: Permit<ProcessLink>) -> Self {
        Self::new(asker, Granted::Link(permit.stand()))
    }

    /// To end when a child fails, and the other way round.
    pub(crate) fn spawn_linked(asker: &Entry, granted: Standing<ProcessSpawnLinked>) -> Self {
        Self::new(asker, Granted::SpawnLinked(granted))
    }

    /// To end a process at a deadline.
    pub(crate) fn cancel(asker: &Entry, granted: Standing<ProcessCancel>) -> Self {
        Self::new(asker, Granted::Cancel(granted))
    }

    fn new(asker: &Entry, granted: Granted) -> Self {
        Self {
            asker: asker.facts().clone(),
            scopes: asker.scopes().clone(),
            sessions: asker.sessions().clone(),
            chain: asker.chain().clone(),
            granted,
        }
    }

    /// Whether it may take effect at a time in seconds since 1970. A denial is recorded; while nothing can be recorded it may
    /// not; nor when a token is no longer good that the asker ran under.
    pub(crate) fn may_take_effect(&self, gate: &Gate, asserted_by: Option<&AssertedBy>, now: i64) -> bool {
        if self.sessions.over_at(now).is_some() {
            return false;
        }
        match &self.granted {
            Granted::Monitor(standing) => self.renews(standing, gate, asserted_by),
            Granted::SpawnMonitored(standing) => self.renews(standing, gate, asserted_by),
            Granted::Link(standing) => self.renews(standing, gate, asserted_by),
            Granted::SpawnLinked(standing) => self.renews(standing, gate, asserted_by),
            Granted::Cancel(standing) => self.renews(standing, gate, asserted_by),
        }
    }

    fn renews<P: Permission + Clone>(
        &self,
        standing: &Standing<P>,
        gate: &Gate,
        asserted_by: Option<&AssertedBy>,
    ) -> bool {
        let caller = Caller {
            process: Some(&self.asker),
            chain: &self.chain,
            asserted_by,
            ..Caller::outside(self.asker.owner(), &self.scopes)
        };
        standing.renew(gate, &caller).is_ok()
    }
}
