//! Starting processes: `process.spawn`, its two additions, `process.call`, and the host that they run on.

use std::sync::Arc;

use super::{Datum, Fields, Permission, Recorded, Resource, Spec, declared};
use crate::resource::{Definition, Host};
use crate::vocabulary::{EntityType, Field, FieldType, Group};

/// By which way a process is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// `process.spawn*`.
    Spawn,
    /// `process.call`.
    Call,
    /// `process.upgrade` to another definition.
    Upgrade,
    /// The supervisor of services.
    Service,
    /// `moonward call`.
    Cli,
    /// The HTTP API.
    Http,
}

impl Via {
    /// Every way.
    pub const ALL: [Self; 6] = [Self::Spawn, Self::Call, Self::Upgrade, Self::Service, Self::Cli, Self::Http];

    /// As `context.via` has it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Spawn => "spawn",
            Self::Call => "call",
            Self::Upgrade => "upgrade",
            Self::Service => "service",
            Self::Cli => "cli",
            Self::Http => "http",
        }
    }
}

const CONTEXT: &[Field] = &[
    Field::new("host", FieldType::Entity(EntityType::Host), "Where it is to run."),
    Field::new("monitored", FieldType::Bool, "Whether the caller will monitor it."),
    Field::new("linked", FieldType::Bool, "Whether the caller will be linked to it."),
    Field::optional("name", FieldType::String, "The name it is to have."),
    Field::new("via", FieldType::Via, "`spawn`, `call`, `upgrade`, `service`, `cli` or `http`."),
];

/// The four permissions on a definition differ in their names only: one check each for one and the same start.
macro_rules! start_permission {
    ($(#[$doc:meta])* $name:ident, $action:literal, $sentence:literal, $asked_by:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            /// What is to be started.
            pub definition: Arc<Definition>,
            /// Where it is to run.
            pub host: Arc<Host>,
            /// Whether the caller will monitor it.
            pub monitored: bool,
            /// Whether the caller will be linked to it.
            pub linked: bool,
            /// The name it is to have.
            pub name: Option<Arc<str>>,
            /// By which way it is started.
            pub via: Via,
        }

        impl declared::Here for $name {}

        impl Permission for $name {
            const SPEC: Spec = Spec {
                action: $action,
                group: Group::Spawn,
                resource: EntityType::Definition,
                doc: $sentence,
                asked_by: $asked_by,
                context: CONTEXT,
                recorded: Recorded::Asked,
            };

            fn resource(&self) -> Resource<'_> {
                Resource::Definition(&self.definition)
            }

            fn context(&self) -> Fields<'_> {
                Fields::one("host", Datum::Host(&self.host))
                    .with("monitored", Datum::Bool(self.monitored))
                    .with("linked", Datum::Bool(self.linked))
                    .with("via", Datum::Via(self.via))
                    .with_some("name", self.name.as_deref().map(Datum::String))
            }
        }
    };
}

start_permission!(
    /// Start a process from a definition, or turn the caller's own into one.
    ProcessSpawn,
    "process.spawn",
    "Start a process from a definition, or turn the caller's own into one.",
    &["process.spawn*", "spawner:spawn*", "process.upgrade", "moonward call", "process.service"]
);

start_permission!(
    /// Monitor the process that one starts.
    ProcessSpawnMonitored,
    "process.spawn.monitored",
    "Monitor the process that one starts.",
    &["process.spawn_monitored", "process.spawn_linked_monitored"]
);

start_permission!(
    /// Be linked to the process that one starts.
    ProcessSpawnLinked,
    "process.spawn.linked",
    "Be linked to the process that one starts.",
    &["process.spawn_linked", "process.spawn_linked_monitored"]
);

start_permission!(
    /// Run a definition to its end and have its result.
    ProcessCall,
    "process.call",
    "Run a definition to its end and have its result.",
    &["process.call"]
);

/// Use a host for a process that one starts.
#[derive(Debug, Clone)]
pub struct ProcessHost {
    /// The host.
    pub host: Arc<Host>,
}

impl declared::Here for ProcessHost {}

impl Permission for ProcessHost {
    const SPEC: Spec = Spec {
        action: "process.host",
        group: Group::Spawn,
        resource: EntityType::Host,
        doc: "Use a host for a process that one starts.",
        asked_by: &["process.spawn*", "spawner:spawn*", "process.call", "moonward call", "process.service"],
        context: &[],
        recorded: Recorded::Asked,
    };

    fn resource(&self) -> Resource<'_> {
        Resource::Host(&self.host)
    }

    fn context(&self) -> Fields<'_> {
        Fields::none()
    }
}
