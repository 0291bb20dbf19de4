//! Bonds: what a process was permitted to set up with another, and takes effect when something happens: a monitor, a
//! link, the deadline of a cancel.
//!
//! When it is to take effect the gate is asked again, if policies have changed since. How policies decide is not known here.

use std::sync::Arc;

use policy::{
    AssertedBy, Caller, Checked, Gate, Permission, Permit, ProcessCancel, ProcessLink, ProcessMonitor,
    ProcessSpawnLinked, ProcessSpawnMonitored, ScopeSet, Sessions, Standing, Ticket,
};

use crate::entry::Entry;

/// Something that a process was permitted, for later.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
enum Granted {
    Monitor(Standing<ProcessMonitor>),
    SpawnMonitored(Standing<ProcessSpawnMonitored>),
    Link(Standing<ProcessLink>),
    SpawnLinked(Standing<ProcessSpawnLinked>),
    Cancel(Standing<ProcessCancel>),
}

/// Whether something may take effect that was permitted before.
pub(crate) enum Still {
    /// Now.
    Permitted,
    /// Not any more.
    Refused,
    /// It was permitted anew and is on record: this bond instead, once everything up to the ticket is durable.
    Recorded(Box<Bond>, Ticket),
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
    /// not; nor when a token is no longer good that the asker ran under. Never waits.
    pub(crate) fn may_take_effect(&self, gate: &Gate, asserted_by: Option<&AssertedBy>, now: i64) -> Still {
        if self.sessions.over_at(now).is_some() {
            return Still::Refused;
        }
        match &self.granted {
            Granted::Monitor(standing) => self.renew(standing, Granted::Monitor, gate, asserted_by),
            Granted::SpawnMonitored(standing) => {
                self.renew(standing, Granted::SpawnMonitored, gate, asserted_by)
            }
            Granted::Link(standing) => self.renew(standing, Granted::Link, gate, asserted_by),
            Granted::SpawnLinked(standing) => self.renew(standing, Granted::SpawnLinked, gate, asserted_by),
            Granted::Cancel(standing) => self.renew(standing, Granted::Cancel, gate, asserted_by),
        }
    }

    fn renew<P: Permission + Clone>(
        &self,
        standing: &Standing<P>,
        granted: impl FnOnce(Standing<P>) -> Granted,
        gate: &Gate,
        asserted_by: Option<&AssertedBy>,
    ) -> Still {
        let caller = Caller {
            process: Some(&self.asker),
            chain: &self.chain,
            asserted_by,
            ..Caller::outside(self.asker.owner(), &self.scopes)
        };
        match gate.operation().renew(&caller, standing.clone()) {
            Ok(Checked::Granted(_)) => Still::Permitted,
            Ok(Checked::Recorded(standing, ticket)) => {
                Still::Recorded(Box::new(Self { granted: granted(standing), ..self.clone() }), ticket)
            }
            Err(_) => Still::Refused,
        }
    }
}
