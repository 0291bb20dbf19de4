//! Resources and values of fields that hold what they are about: for questions put together from texts.

use std::sync::Arc;

use super::{Datum, Resource, Via};
use crate::identity::{Actor, Scope, TenantId};
use crate::resource::{Definition, Facility, Host, Name, Namespace, Process};

/// A resource and all of it.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A process.
    Process(Arc<Process>),
    /// A definition.
    Definition(Arc<Definition>),
    /// A host.
    Host(Arc<Host>),
    /// A registered name.
    Name(Name),
    /// Something of a process.
    Facility(Facility),
    /// A tenant.
    Tenant(TenantId),
    /// A namespace.
    Namespace(Namespace),
}

impl Subject {
    /// The same as a check takes it.
    pub fn resource(&self) -> Resource<'_> {
        match self {
            Self::Process(process) => Resource::Process(process),
            Self::Definition(definition) => Resource::Definition(definition),
            Self::Host(host) => Resource::Host(host),
            Self::Name(name) => Resource::Name(name),
            Self::Facility(facility) => Resource::Facility(*facility),
            Self::Tenant(tenant) => Resource::Tenant(tenant),
            Self::Namespace(namespace) => Resource::Namespace(namespace),
        }
    }
}

/// The value of a field and all of it.
#[derive(Debug, Clone)]
pub enum Given {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// Text.
    Text(String),
    /// A set of texts.
    Texts(Vec<Arc<str>>),
    /// By which way a process is started.
    Via(Via),
    /// A host.
    Host(Arc<Host>),
    /// A process.
    Process(Arc<Process>),
    /// An actor.
    Actor(Arc<Actor>),
    /// A scope.
    Scope(Arc<Scope>),
}

impl Given {
    /// The same as a check takes it.
    pub fn datum(&self) -> Datum<'_> {
        match self {
            Self::Bool(value) => Datum::Bool(*value),
            Self::Long(value) => Datum::Long(*value),
            Self::Text(text) => Datum::String(text),
            Self::Texts(texts) => Datum::Strings(texts),
            Self::Via(via) => Datum::Via(*via),
            Self::Host(host) => Datum::Host(host),
            Self::Process(process) => Datum::Process(process),
            Self::Actor(actor) => Datum::Actor(actor),
            Self::Scope(scope) => Datum::Scope(scope),
        }
    }
}
