//! Ending processes, and links, through which an error exit ends the other side.

use std::sync::Arc;

use super::{Datum, Fields, Permission, Recorded, Resource, Spec, declared};
use crate::resource::Process;
use crate::vocabulary::{EntityType, Field, FieldType, Group};

/// End a process at once.
#[derive(Debug, Clone)]
pub struct ProcessTerminate {
    /// The process to end.
    pub target: Arc<Process>,
}

impl declared::Here for ProcessTerminate {}

impl Permission for ProcessTerminate {
    const SPEC: Spec = Spec {
        action: "process.terminate",
        group: Group::Control,
        resource: EntityType::Process,
        doc: "End a process at once.",
        asked_by: &["process.terminate"],
        context: &[],
        recorded: Recorded::Always,
    };

    fn resource(&self) -> Resource<'_> {
        Resource::Process(&self.target)
    }

    fn context(&self) -> Fields<'_> {
        Fields::none()
    }
}

/// Ask a process to end, or end it after a deadline.
#[derive(Debug, Clone)]
pub struct ProcessCancel {
    /// The process to ask.
    pub target: Arc<Process>,
    /// Milliseconds after which it is ended; never when absent.
    pub deadline_ms: Option<u64>,
}

impl declared::Here for ProcessCancel {}

impl Permission for ProcessCancel {
    const SPEC: Spec = Spec {
        action: "process.cancel",
        group: Group::Control,
        resource: EntityType::Process,
        doc: "Ask a process to end; with a deadline, end it then.",
        asked_by: &["process.cancel"],
        context: &[Field::optional(
            "deadline_ms",
            FieldType::Long,
            "Milliseconds after which the process is ended; absent for a request only.",
        )],
        recorded: Recorded::With("deadline_ms"),
    };

    fn resource(&self) -> Resource<'_> {
        Resource::Process(&self.target)
    }

    fn context(&self) -> Fields<'_> {
        let deadline = self.deadline_ms.map(|millis| i64::try_from(millis).unwrap_or(i64::MAX));
        Fields::none().with_some("deadline_ms", deadline.map(Datum::Long))
    }
}

/// Be linked to a process.
#[derive(Debug, Clone)]
pub struct ProcessLink {
    /// The other side of the link.
    pub target: Arc<Process>,
}

impl declared::Here for ProcessLink {}

impl Permission for ProcessLink {
    const SPEC: Spec = Spec {
        action: "process.link",
        group: Group::Control,
        resource: EntityType::Process,
        doc: "Be linked to a process: an error exit of either reaches the other.",
        asked_by: &["process.link"],
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

/// Undo a link.
#[derive(Debug, Clone)]
pub struct ProcessUnlink {
    /// The other side of the link.
    pub target: Arc<Process>,
}

impl declared::Here for ProcessUnlink {}

impl Permission for ProcessUnlink {
    const SPEC: Spec = Spec {
        action: "process.unlink",
        group: Group::Control,
        resource: EntityType::Process,
        doc: "Undo a link.",
        asked_by: &["process.unlink"],
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
