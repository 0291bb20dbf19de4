//! Processes, without the language that runs in them: pids, mailboxes, signals, links, monitors, names, timers,
//! turns and quotas.
//!
//! A [`Node`] is what all workers share; each worker thread owns one [`Kernel`], which keeps the state of the
//! processes that live there. Every effect takes a [`policy::Permit`] by value and reads its target out of it,
//! or is a signal that the system itself sends. A process's *body* is made and run by whoever drives the
//! kernel; this crate tells it which process's turn it is and what there is for it.
//!
//! Knows nothing of Lua, HTTP, manifests or how a permit is decided.
//!
//! # A worker's loop
//! 1. [`Kernel::poll`] takes what other threads sent, fires timers, and tells who waited for the audit log.
//! 2. [`Kernel::take_starts`] gives the processes whose bodies are to be made.
//! 3. [`Kernel::next_turn`] says whose turn it is. If [`Kernel::ending`] gives a cause, drop the body and
//!    call [`Kernel::exit`]; else run it for a slice, then call [`Kernel::after_slice`] and, if it ended,
//!    [`Kernel::exit`].
//! 4. When it is nobody's turn, [`Kernel::park`].

#![allow(
    clippy::result_large_err,
    reason = "a `Failure` is 136 bytes, 8 over the lint's mark, and made only when something fails"
)]

mod account;
mod address;
mod base32;
mod berth;
mod birth;
mod bond;
mod cancel;
mod child;
mod clock;
mod directory;
mod entry;
mod event;
mod exit;
mod host;
mod inbox;
mod kernel;
mod limits;
mod mailbox;
mod message;
mod names;
mod node;
mod pid;
mod room;
mod table;
mod timers;
mod turns;

pub use account::{Account, Quotas};
pub use address::LocalId;
pub use child::{CallPermits, Child, ChildLimits, ExitHook, Outside, SpawnPermits, Start, StartPermits};
pub use clock::{Clock, SystemClock, TestClock, unix_seconds};
pub use entry::Entry;
pub use event::Event;
pub use exit::{ExitResult, was_asked_for};
pub use host::HostSettings;
pub use kernel::{Kernel, Notice, State};
pub use limits::{
    CALL_DEPTH_MAX, CALLS_PER_PROCESS_MAX, CANCEL_DEADLINES_MAX, EVENT_RESULT_BYTES_MAX, EVENT_SLOT_BYTES,
    EVENT_SLOTS_MAX, MAILBOX_BYTES_DEFAULT, MAILBOX_MESSAGES_DEFAULT, MAILBOX_MESSAGES_MAX, NAME_BYTES_MAX,
    NAMES_PER_PROCESS_MAX, PROCESSES_PER_WORKER_MAX, RESULT_BYTES_MAX, SESSIONS_PER_PROCESS_MAX,
    TENANT_PROCESSES_DEFAULT, TIMER_MAX, TIMERS_PER_PROCESS_MAX, TOKENS_PER_SECOND, TOPIC_BYTES_MAX,
    WORKERS_MAX,
};
pub use mailbox::Take;
pub use message::{Message, check_topic};
pub use node::{Node, NodeSettings};
pub use pid::NodeIdentity;
pub use timers::TimerId;
