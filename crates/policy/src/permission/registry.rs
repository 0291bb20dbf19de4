//! Giving and taking names.

use std::sync::Arc;

use super::{Datum, Fields, Permission, Recorded, Resource, Spec, declared};
use crate::resource::{Name, Process};
use crate::vocabulary::{EntityType, Field, FieldType, Group};

/// Give a name to a process.
#[derive(Debug, Clone)]
pub struct RegistryRegister {
    /// The name.
    pub name: Name,
    /// Who is to have it: for a name given at spawn the child to be, with the pid `new`.
    pub target: Arc<Process>,
}

impl declared::Here for RegistryRegister {}

impl Permission for RegistryRegister {
    const SPEC: Spec = Spec {
        action: "process.registry.register",
        group: Group::Registry,
        resource: EntityType::Name,
        doc: "Give a name to a process.",
        asked_by: &["process.registry.register", "spawner:with_name"],
        context: &[Field::new(
            "target",
            FieldType::Entity(EntityType::Process),
            "Who is to have the name; of a child to be, the pid is `new`.",
        )],
        recorded: Recorded::Asked,
    };

    fn resource(&self) -> Resource<'_> {
        Resource::Name(&self.name)
    }

    fn context(&self) -> Fields<'_> {
        Fields::one("target", Datum::Process(&self.target))
    }
}

/// Take a name away.
#[derive(Debug, Clone)]
pub struct RegistryUnregister {
    /// The name.
    pub name: Name,
}

impl declared::Here for RegistryUnregister {}

impl Permission for RegistryUnregister {
    const SPEC: Spec = Spec {
        action: "process.registry.unregister",
        group: Group::Registry,
        resource: EntityType::Name,
        doc: "Take a name away from the process that has it.",
        asked_by: &["process.registry.unregister"],
        context: &[],
        recorded: Recorded::Asked,
    };

    fn resource(&self) -> Resource<'_> {
        Resource::Name(&self.name)
    }

    fn context(&self) -> Fields<'_> {
        Fields::none()
    }
}
