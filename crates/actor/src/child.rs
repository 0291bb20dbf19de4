//! A child to be, as whoever asks for it describes it: program, limits, permits.

use std::sync::Arc;
use std::time::Duration;

use policy::{
    Actor, Permit, ProcessCall, ProcessHost, ProcessSecurity, ProcessSpawn, ProcessSpawnLinked,
    ProcessSpawnMonitored, RegistryRegister, ScopeSet,
};
use value::Value;

use crate::address::LocalId;
use crate::entry::Entry;
use crate::exit::ExitResult;
use crate::limits::{MAILBOX_BYTES_DEFAULT, MAILBOX_MESSAGES_DEFAULT};

/// Tells the outside how a process ended. Runs on the process's worker: it must not wait.
pub type ExitHook = Box<dyn FnOnce(&ExitResult) + Send>;

/// A process to be. `P` is the program that its body is made from, of no meaning here.
pub struct Child<P> {
    /// What it runs.
    pub program: P,
    /// What its main function is given.
    pub arguments: Vec<Value>,
    /// Its context values: a map, or nil.
    pub context: Arc<Value>,
    /// Messages that are in its mailbox before it runs, with their topics; they come from its parent.
    pub messages: Vec<(Arc<str>, Value)>,
    /// What it may use.
    pub limits: ChildLimits,
    /// The causal id of its call chain.
    pub chain: Arc<str>,
}

/// What one process may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildLimits {
    /// Messages that may wait in its mailbox, at most 100 000.
    pub mailbox_messages: u32,
    /// Bytes that may wait in its mailbox.
    pub mailbox_bytes: u64,
    /// Memory that its body may use; a message may be half as large. Enforced by whoever runs the body.
    pub memory_bytes: u64,
    /// How long it may live; `None` for ever.
    pub lifetime: Option<Duration>,
}

impl Default for ChildLimits {
    /// 1 000 messages, 1 MiB of them, 8 MiB of memory, for ever.
    fn default() -> Self {
        Self {
            mailbox_messages: MAILBOX_MESSAGES_DEFAULT,
            mailbox_bytes: MAILBOX_BYTES_DEFAULT,
            memory_bytes: 8 * 1024 * 1024,
            lifetime: None,
        }
    }
}

/// The permits of one spawn.
pub struct SpawnPermits {
    /// To start the definition.
    pub spawn: Permit<ProcessSpawn>,
    /// To monitor it; the monitor is there before the child can run.
    pub monitored: Option<Permit<ProcessSpawnMonitored>>,
    /// To be linked to it; the link is there before the child can run.
    pub linked: Option<Permit<ProcessSpawnLinked>>,
    /// To use the host.
    pub host: Permit<ProcessHost>,
    /// To give it a name.
    pub name: Option<Permit<RegistryRegister>>,
    /// To run it as another actor or under other scopes. An actor alone keeps the parent's scopes; scopes
    /// replace them.
    pub security: Vec<Permit<ProcessSecurity>>,
}

/// The permits of one call.
pub struct CallPermits {
    /// To run the definition and have its result.
    pub call: Permit<ProcessCall>,
    /// To use the host.
    pub host: Permit<ProcessHost>,
}

/// The permits of a start from outside.
pub struct StartPermits {
    /// To start the definition.
    pub spawn: Permit<ProcessSpawn>,
    /// To use the host.
    pub host: Permit<ProcessHost>,
}

/// For whom a process is started that no process started.
pub struct Outside {
    /// The actor that it runs as.
    pub actor: Arc<Actor>,
    /// The scopes that it runs under.
    pub scopes: ScopeSet,
    /// Who is told how it ended.
    pub on_exit: Option<ExitHook>,
}

/// A process whose body is to be made, on the worker that asks for it.
pub struct Start<P> {
    /// The process.
    pub local: LocalId,
    /// The same, as everybody sees it.
    pub entry: Arc<Entry>,
    /// What it runs.
    pub program: P,
    /// What its main function is given.
    pub arguments: Vec<Value>,
}
