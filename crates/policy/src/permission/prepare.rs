//! Preparing processes to be spawned: their context values, actor and scopes.

use std::sync::Arc;

use super::{Datum, Fields, Permission, Recorded, Resource, Spec, declared};
use crate::identity::{Actor, Scope};
use crate::resource::Facility;
use crate::vocabulary::{EntityType, Field, FieldType, Group};

/// Give context values to processes that one will spawn.
#[derive(Debug, Clone)]
pub struct ProcessContext {
    /// The names of the values.
    pub keys: Vec<Arc<str>>,
}

impl declared::Here for ProcessContext {}

impl Permission for ProcessContext {
    const SPEC: Spec = Spec {
        action: "process.context",
        group: Group::All,
        resource: EntityType::Facility,
        doc: "Give context values to processes that one will spawn.",
        asked_by: &["process.with_context", "spawner:with_context"],
        context: &[Field::new("keys", FieldType::Strings, "The names of the values.")],
        recorded: Recorded::Asked,
    };

    fn resource(&self) -> Resource<'_> {
        Resource::Facility(Facility::Context)
    }

    fn context(&self) -> Fields<'_> {
        Fields::one("keys", Datum::Strings(&self.keys))
    }
}

/// Let a process that one will spawn run as another actor, or under another scope: one check for each.
#[derive(Debug, Clone)]
pub struct ProcessSecurity {
    /// The actor or scope asked for.
    pub ask: SecurityAsk,
}

/// What a spawner is to give to its children.
#[derive(Debug, Clone)]
pub enum SecurityAsk {
    /// This actor instead of the caller's.
    Actor(Arc<Actor>),
    /// This scope, one of those that replace the caller's.
    Scope(Arc<Scope>),
    /// No scope in place of the caller's, under which nothing is permitted. Policies see neither actor nor scope.
    NoScope,
}

impl declared::Here for ProcessSecurity {}

impl Permission for ProcessSecurity {
    const SPEC: Spec = Spec {
        action: "process.security",
        group: Group::All,
        resource: EntityType::Facility,
        doc: "Let a process that one will spawn run as another actor or under another scope: one check for each.",
        asked_by: &["spawner:with_actor", "spawner:with_scope", "spawner:spawn*"],
        context: &[
            Field::optional("actor", FieldType::Entity(EntityType::Actor), "The actor asked for."),
            Field::optional("scope", FieldType::Entity(EntityType::Scope), "The scope asked for."),
        ],
        recorded: Recorded::Always,
    };

    fn resource(&self) -> Resource<'_> {
        Resource::Facility(Facility::Security)
    }

    fn context(&self) -> Fields<'_> {
        match &self.ask {
            SecurityAsk::Actor(actor) => Fields::one("actor", Datum::Actor(actor)),
            SecurityAsk::Scope(scope) => Fields::one("scope", Datum::Scope(scope)),
            SecurityAsk::NoScope => Fields::none(),
        }
    }
}
