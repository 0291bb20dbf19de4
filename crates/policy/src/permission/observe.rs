//! Watching processes end.

use std::sync::Arc;

use super::{Fields, Permission, Recorded, Resource, Spec, declared};
use crate::resource::Process;
use crate::vocabulary::{EntityType, Group};

/// Hear when a process ends, and with what result.
#[derive(Debug, Clone)]
pub struct ProcessMonitor {
    /// The process to watch.
    pub target: Arc<Process>,
}

impl declared::Here for ProcessMonitor {}

impl Permission for ProcessMonitor {
    const SPEC: Spec = Spec {
        action: "process.monitor",
        group: Group::Observe,
        resource: EntityType::Process,
        doc: "Hear when a process ends, and with what result.",
        asked_by: &["process.monitor"],
        context: &[],
        recorded: Recorded::Asked,
    };

    fn resource(&self) -> Resource<'_> {
        Resource::Process(&self.target)
    }

    fn context(&self) -> Fields<'_> {
        Fields::none()
    }
}

/// Stop watching a process.
#[derive(Debug, Clone)]
pub struct ProcessUnmonitor {
    /// The process that was watched.
    pub target: Arc<Process>,
}

impl declared::Here for ProcessUnmonitor {}

impl Permission for ProcessUnmonitor {
    const SPEC: Spec = Spec {
        action: "process.unmonitor",
        group: Group::Observe,
        resource: EntityType::Process,
        doc: "Stop watching a process.",
        asked_by: &["process.unmonitor"],
        context: &[],
        recorded: Recorded::Asked,
    };

    fn resource(&self) -> Resource<'_> {
        Resource::Process(&self.target)
    }

    fn context(&self) -> Fields<'_> {
        Fields::none()
    }
}
