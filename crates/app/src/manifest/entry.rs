//! What a manifest declares, resolved: ids whole, defaults in place, sources read, and the place of
//! everything that may be found wrong later.
//!
//! These are facts for whoever builds the runtime. What a policy allows is not known here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use diagnostic::{Source, Span};
use value::Value;

use crate::identifier::{Id, TenantName};

/// A value and where it was written; of a default, what it was taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its place in a manifest.
    pub span: Span,
}

/// `process.host`: where processes run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its id.
    pub id: Id,
    /// Where it is declared; `None` for the host of an app that declares none.
    pub span: Option<Span>,
    /// Workers that serve it; `None` for as many as the machine has cores. May be more than it has.
    pub workers: Option<u32>,
    /// Processes that run on it at a time.
    pub processes_max: u32,
}

/// `process.lua`: source that can be spawned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its id.
    pub id: Id,
    /// Where it is declared.
    pub span: Span,
    /// Owner of its namespace.
    pub tenant: TenantName,
    /// Its code, with what that loads.
    pub code: Code,
    /// Function that the process runs.
    pub method: String,
    /// What one process may use.
    pub limits: Limits,
    /// Whether each process has a virtual machine of its own.
    pub isolated: bool,
    /// Whether other tenants may run it.
    pub shared: bool,
}

/// `library.lua`: source that others load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Its id.
    pub id: Id,
    /// Where it is declared.
    pub span: Span,
    /// Owner of its namespace.
    pub tenant: TenantName,
    /// Its code, with what that loads.
    pub code: Code,
    /// Whether other tenants may load it.
    pub shared: bool,
}

/// Lua source and what `require` finds from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The text: a file by its path in the app, or inline under the entry's id.
    pub source: Arc<Source>,
    /// Modules of the host, in the order of the manifest.
    pub modules: Vec<String>,
    /// Libraries by the name under which they are loaded. They exist, may be used, and form no cycle.
    pub imports: BTreeMap<String, Located<Id>>,
}

/// What one process may use before it is ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Memory, in bytes.
    pub memory_bytes_max: u64,
    /// CPU time since it last had to wait.
    pub cpu_max: Duration,
    /// CPU time of the whole process; `None` for no limit.
    pub cpu_total_max: Option<Duration>,
    /// Messages that wait in its mailbox.
    pub mailbox_messages_max: u32,
    /// Time from start to end; `None` for no limit.
    pub lifetime_max: Option<Duration>,
}

/// `process.service`: a supervised process.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its id.
    pub id: Id,
    /// Where it is declared.
    pub span: Span,
    /// Tenant of its actor, whose process it is.
    pub tenant: TenantName,
    /// Definition that it runs; that tenant's or shared.
    pub definition: Located<Id>,
    /// Host that it runs on.
    pub host: Located<Id>,
    /// Arguments of the definition's function.
    pub arguments: Vec<Value>,
    /// Id of its actor, `tenant/service/rest`.
    pub actor: Located<String>,
    /// Tags of its actor that policies can read.
    pub tags: BTreeMap<String, String>,
    /// Its scopes; that tenant's or shared. None: it is denied everything.
    pub scopes: Vec<Located<Id>>,
    /// Whether it starts with the app, needed or not.
    pub auto_start: bool,
    /// Time between being asked to stop and being terminated.
    pub stop_timeout: Duration,
    /// Time after which it counts as running well, and its restarts from none.
    pub stable_threshold: Duration,
    /// Services that run before it. They exist and form no cycle.
    pub requires: Vec<Located<Id>>,
    /// How it starts again after an error.
    pub restart: Restart,
}

/// How a service starts again after an error: each wait is the one before times `backoff_factor`, at most
/// `max_delay`, and a part of it, `jitter`, is random.
#[derive(Debug, Clone, PartialEq)]
pub struct Restart {
    /// Wait before the first restart.
    pub initial_delay: Duration,
    /// Longest wait; not shorter than the first.
    pub max_delay: Duration,
    /// 1 to 100.
    pub backoff_factor: f64,
    /// 0 to 1.
    pub jitter: f64,
    /// Restarts before it counts as failed; `None` for no limit.
    pub attempts_max: Option<u32>,
}

/// `tenant`: who owns which namespaces, and what its processes together may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// Where it is declared; `None` for the tenant of an app that declares none.
    pub span: Option<Span>,
    /// Namespaces that it owns, each with all below it. Empty for the tenant of an app that declares none,
    /// which owns every namespace.
    pub namespaces: Vec<String>,
    /// Scopes of its actors that name none; its own or shared.
    pub default_scopes: Vec<Located<Id>>,
    /// Processes at a time.
    pub processes_max: u32,
    /// Memory of all its processes together, in bytes; `None` for no quota.
    pub memory_bytes_max: Option<u64>,
    /// How long what runs under one of its tokens may go on; `None` for as long as the token is good.
    pub max_lifetime: Option<Duration>,
}

/// `security.scope`: a named set of permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Its id.
    pub id: Id,
    /// Where it is declared.
    pub span: Span,
    /// Owner of its namespace.
    pub tenant: TenantName,
    /// Whether actors of other tenants may have it.
    pub shared: bool,
    /// Its Cedar files, in the order of the manifest, not parsed.
    pub policies: Vec<Located<Arc<Source>>>,
}

/// `security.scope` with `always: true`: forbids that bind every check. The operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Its id.
    pub id: Id,
    /// Where it is declared.
    pub span: Span,
    /// Whether it stands in for the shipped guard, which is then not loaded.
    pub replaces_shipped: bool,
    /// Its Cedar files, in the order of the manifest, not parsed.
    pub policies: Vec<Located<Arc<Source>>>,
}

/// `security.issuer`: whose tokens are accepted.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its id.
    pub id: Id,
    /// Where it is declared.
    pub span: Span,
    /// Whose actors its tokens make.
    pub tenant: TenantName,
    /// All that it says, checked; keys that a server has are not fetched.
    pub settings: token::Settings,
    /// Every scope that its grants name; the tenant's or shared.
    pub scopes: Vec<Located<Id>>,
}

/// `audit.log`: where decisions are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLog {
    /// Where it is declared; `None` for the log of an app that declares none.
    pub span: Option<Span>,
    /// Its folder, relative to the app's and below it.
    pub path: PathBuf,
    /// What happens when a decision cannot be recorded.
    pub mode: AuditMode,
    /// The file of the key that signs it: relative to the app's folder, or a whole path.
    pub key: PathBuf,
    /// What a verifier trusts, instead of the key in the file.
    pub public_key: Option<audit::VerifyingKey>,
    /// Where the signed heads are copied to, if anywhere.
    pub checkpoints: Option<CheckpointPlace>,
    /// What is not kept in plain.
    pub redact: audit::Redaction,
    /// How long records are kept at the least; for ever without it.
    pub retain: Option<Duration>,
    /// Bytes of one segment, if given.
    pub rotate_bytes: Option<u64>,
    /// Age of one segment, if given.
    pub rotate_age: Option<Duration>,
}

/// A place for copies of a log's signed heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointPlace {
    /// A folder: relative to the app's folder, or a whole path.
    Folder(PathBuf),
    /// Stdout of the program that runs the app.
    Stdout,
}

/// What happens when a decision cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditMode {
    /// Nothing is done.
    #[default]
    Strict,
    /// It is done, and reports say so. For development.
    BestEffort,
}
