//! A definition ready to run: compiled code, its entry, what it may require, and its limits.
//!
//! Definitions are made before anything runs and never change; a reload makes new ones. This file knows no
//! manifest.

use std::sync::Arc;
use std::time::Duration;

use luau::{Code, Modules};

/// What a process runs.
pub struct Definition {
    /// What a policy sees of it.
    pub facts: Arc<policy::Definition>,
    /// Compiled source.
    pub code: Code,
    /// The function of the returned table that is the process's main function.
    pub method: String,
    /// What its `require` may load.
    pub modules: Modules,
    /// Bounds of each process that runs it.
    pub limits: Limits,
    /// Whether each process gets a virtual machine of its own.
    pub isolated: bool,
}

/// Bounds of one process.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Bytes of Lua memory and host-side objects.
    pub memory_bytes: usize,
    /// CPU time since the process last had to wait.
    pub cpu: Duration,
    /// CPU time in all; none without.
    pub cpu_total: Option<Duration>,
    /// Messages that wait in its mailbox.
    pub mailbox_messages: u32,
    /// Bytes of messages that wait in its mailbox, as decoded.
    pub mailbox_bytes: usize,
    /// Time from spawn to end; none without.
    pub lifetime: Option<Duration>,
}

impl Limits {
    /// Bytes of memory without a `memory:` key: 8 MiB, in which a string operation takes at most 40 ms.
    pub const MEMORY_BYTES: usize = 8 * 1024 * 1024;
    /// CPU time between two waits without a `cpu:` key: 2 s.
    pub const CPU: Duration = Duration::from_secs(2);
    /// Messages in a mailbox without a `mailbox:` key.
    pub const MAILBOX_MESSAGES: u32 = 1_000;
    /// Bytes in a mailbox: 1 MiB, one message of the largest size.
    pub const MAILBOX_BYTES: usize = 1024 * 1024;
}

impl Limits {
    /// What the kernel keeps to for a process with these limits.
    pub(crate) fn of_child(&self) -> actor::ChildLimits {
        actor::ChildLimits {
            mailbox_messages: self.mailbox_messages,
            mailbox_bytes: self.mailbox_bytes as u64,
            memory_bytes: self.memory_bytes as u64,
            lifetime: self.lifetime,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: Self::MEMORY_BYTES,
            cpu: Self::CPU,
            cpu_total: None,
            mailbox_messages: Self::MAILBOX_MESSAGES,
            mailbox_bytes: Self::MAILBOX_BYTES,
            lifetime: None,
        }
    }
}
