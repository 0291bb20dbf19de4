//! May they? The vocabulary of permissions, actors and scopes, policies as they load, and the gate that decides.
//!
//! A permission is a value that describes what is about to happen. [`Operation::check`] turns it into a
//! [`Permit`] of the same type, or into a recorded denial; every effect takes its permit by value. This is the
//! only crate that names Cedar. It knows no Lua and no HTTP, and not how a process runs.
//!
//! Threads that call [`Operation::check`] or [`Gate::can`] need a stack of
//! [`limits::EVALUATION_STACK_BYTES`].

mod archived;
mod asked;
mod bundle;
mod cedar;
mod class;
#[cfg(test)]
mod differential;
mod entity;
mod filter;
mod footprint;
mod format;
mod gate;
mod generation;
mod identity;
pub mod limits;
mod literal;
mod load;
mod memo;
mod occurred;
pub mod permission;
mod plain;
pub mod prove;
mod recent;
pub mod reference;
mod resource;
pub mod schema;
mod slice;
pub mod study;
mod view;
pub mod vocabulary;

pub use archived::{Archived, Kept, NotArchived};
pub use asked::InvalidQuestion;
pub use bundle::{Bundle, BundleSources, Declared, ScopeSources};
pub use filter::{Filter, NoMatch};
pub use format::format;
pub use gate::{
    Asks, Caller, Checked, Denial, DenialKind, Gate, Operation, Permit, Refusal, SelfCheck, Standing,
};
pub use identity::{
    Actor, ActorKind, Digest, InvalidIdentity, Over, Scope, ScopeSet, Session, Sessions, Tenant, TenantId,
    encode_subject,
};
pub use load::{CODES, Code, Weight, code, shipped_digest};
pub use memo::MemoCounts;
pub use permission::{
    AuditRead, Datum, DefinitionDeploy, DefinitionRead, Given, LogRead, Permission, PolicyRead, PolicyWrite,
    ProcessCall, ProcessCancel, ProcessContext, ProcessHost, ProcessLink, ProcessMonitor, ProcessRead,
    ProcessSecurity, ProcessSend, ProcessSpawn, ProcessSpawnLinked, ProcessSpawnMonitored, ProcessTerminate,
    ProcessUnlink, ProcessUnmonitor, Recorded, RegistryRegister, RegistryUnregister, Resource, SecurityAsk,
    Spec, Subject, TenantRead, TenantSuspend, TokenRevoke, Via,
};
pub use resource::{Definition, Facility, Host, Name, Namespace, Process};

pub use audit::{AssertedBy, DecisionKind, Place, RecordId, Ticket, Watch};
