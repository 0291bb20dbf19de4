//! The permissions: one struct each, which describes one thing that is about to happen.
//!
//! A permission is declared once, here: the declaration types the check, and `schema` and `reference` render it.
//! Whether it is granted is the gate's to say.

use std::sync::Arc;

use crate::identity::{Actor, Scope, TenantId};
use crate::resource::{Definition, Facility, Host, Name, Namespace, Process};
use crate::vocabulary::{EntityType, Field, Group};

mod control;
mod doors;
mod fields;
mod message;
mod observe;
mod owned;
mod prepare;
mod registry;
mod spawn;

pub use control::{ProcessCancel, ProcessLink, ProcessTerminate, ProcessUnlink};
pub use doors::{
    AuditRead, DefinitionDeploy, DefinitionRead, LogRead, PolicyRead, PolicyWrite, ProcessRead, TenantRead,
    TenantSuspend, TokenRevoke,
};
pub use fields::Fields;
pub(crate) use fields::{Context, FIELDS_MAX};
pub use message::ProcessSend;
pub use observe::{ProcessMonitor, ProcessUnmonitor};
pub use owned::{Given, Subject};
pub use prepare::{ProcessContext, ProcessSecurity, SecurityAsk};
pub use registry::{RegistryRegister, RegistryUnregister};
pub use spawn::{ProcessCall, ProcessHost, ProcessSpawn, ProcessSpawnLinked, ProcessSpawnMonitored, Via};

/// One thing that is about to happen, with all that policies can read of it. The permissions of this module are
/// all there are: the schema is rendered from them.
pub trait Permission: declared::Here + Send + 'static {
    /// Its declaration.
    const SPEC: Spec;

    /// What it would be done to.
    fn resource(&self) -> Resource<'_>;

    /// The fields of [`Spec::context`], absent optional ones left out.
    fn context(&self) -> Fields<'_>;
}

/// Keeps other crates from adding permissions that the schema does not know.
mod declared {
    /// A permission of this crate.
    pub trait Here {}
}

/// The declaration of a permission.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its name: the action of the check.
    pub action: &'static str,
    /// The group that its action is in.
    pub group: Group,
    /// The type of its resource.
    pub resource: EntityType,
    /// What it lets one do: one sentence.
    pub doc: &'static str,
    /// Who asks for it: Lua functions, commands and kinds of entries, as people write them. Nobody for what is
    /// declared ahead of its use.
    pub asked_by: &'static [&'static str],
    /// What its context holds beside [`crate::vocabulary::BASE`].
    pub context: &'static [Field],
    /// When an allow of it is recorded without a policy asking for that.
    pub recorded: Recorded,
}

/// When an allow is recorded; a denial always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// When a determining policy says `@audit("always")`.
    Asked,
    /// Always: the action is sensitive.
    Always,
    /// Also when the context holds this field: it is sensitive then.
    With(&'static str),
}

impl Recorded {
    /// Whether any request of such a permission is sensitive.
    pub(crate) const fn ever_sensitive(self) -> bool {
        !matches!(self, Self::Asked)
    }

    /// Whether this request is sensitive: recorded whatever policies say, and nothing happens before that is durable.
    pub(crate) fn is_sensitive<P: Permission>(self, request: &P) -> bool {
        match self {
            Self::Asked => false,
            Self::Always => true,
            Self::With(field) => request.context().get(field).is_some(),
        }
    }
}

/// What a permission is about.
#[derive(Debug, Clone, Copy)]
pub enum Resource<'a> {
    /// A process.
    Process(&'a Arc<Process>),
    /// A definition.
    Definition(&'a Arc<Definition>),
    /// A host.
    Host(&'a Arc<Host>),
    /// A name.
    Name(&'a Name),
    /// A facility.
    Facility(Facility),
    /// A tenant.
    Tenant(&'a TenantId),
    /// A namespace.
    Namespace(&'a Namespace),
}

impl Resource<'_> {
    /// Its type.
    pub fn entity_type(&self) -> EntityType {
        match self {
            Self::Process(_) => EntityType::Process,
            Self::Definition(_) => EntityType::Definition,
            Self::Host(_) => EntityType::Host,
            Self::Name(_) => EntityType::Name,
            Self::Facility(_) => EntityType::Facility,
            Self::Tenant(_) => EntityType::Tenant,
            Self::Namespace(_) => EntityType::Namespace,
        }
    }

    /// As people write it: a pid, an id, a name.
    pub fn text(&self) -> &str {
        match self {
            Self::Process(process) => process.pid(),
            Self::Definition(definition) => definition.id(),
            Self::Host(host) => host.id(),
            Self::Name(name) => name.value(),
            Self::Facility(facility) => facility.id(),
            Self::Tenant(tenant) => tenant.as_str(),
            Self::Namespace(namespace) => namespace.name(),
        }
    }

    /// Whose it is; `None` when it is nobody's in particular.
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Process(process) => Some(process.tenant()),
            Self::Definition(definition) => Some(definition.tenant()),
            Self::Host(host) => host.tenant(),
            Self::Name(name) => Some(name.tenant()),
            Self::Facility(_) => None,
            Self::Tenant(tenant) => Some(tenant),
            Self::Namespace(namespace) => Some(namespace.tenant()),
        }
    }
}

/// The value of one field of a context.
#[derive(Debug, Clone, Copy)]
pub enum Datum<'a> {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// Text.
    String(&'a str),
    /// A set of texts.
    Strings(&'a [Arc<str>]),
    /// By which way a process is started.
    Via(Via),
    /// A host.
    Host(&'a Arc<Host>),
    /// A process.
    Process(&'a Arc<Process>),
    /// An actor.
    Actor(&'a Arc<Actor>),
    /// A scope.
    Scope(&'a Arc<Scope>),
}

/// Every permission, in the order of the documentation.
pub const ALL: &[&Spec] = &[
    &ProcessSpawn::SPEC,
    &ProcessSpawnMonitored::SPEC,
    &ProcessSpawnLinked::SPEC,
    &ProcessCall::SPEC,
    &ProcessHost::SPEC,
    &ProcessSend::SPEC,
    &ProcessTerminate::SPEC,
    &ProcessCancel::SPEC,
    &ProcessLink::SPEC,
    &ProcessUnlink::SPEC,
    &ProcessMonitor::SPEC,
    &ProcessUnmonitor::SPEC,
    &RegistryRegister::SPEC,
    &RegistryUnregister::SPEC,
    &ProcessContext::SPEC,
    &ProcessSecurity::SPEC,
    &DefinitionDeploy::SPEC,
    &DefinitionRead::SPEC,
    &ProcessRead::SPEC,
    &LogRead::SPEC,
    &AuditRead::SPEC,
    &PolicyRead::SPEC,
    &PolicyWrite::SPEC,
    &TenantRead::SPEC,
    &TenantSuspend::SPEC,
    &TokenRevoke::SPEC,
];

// A context has room for the fields of every action.
const _: () = {
    let mut at = 0;
    while at < ALL.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
        let spec = ALL[at];
        assert!(spec.context.len() <= FIELDS_MAX, "an action has more fields than a context has room for");
        at += 1;
    }
};

/// The permission of that action.
pub fn find(action: &str) -> Option<&'static Spec> {
    ALL.iter().copied().find(|spec| spec.action == action)
}
