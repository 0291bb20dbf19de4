//! The virtual machine: Luau scripts of somebody who is not trusted, run in slices, bounded in time and
//! memory, and able to do nothing but call what the host declares.
//!
//! - A [`Pod`] is one virtual machine. It stays on one OS thread, and belongs to one owner.
//! - A *body* ([`BodySettings`], [`BodyId`]) is what one process runs in it: a sandboxed thread with its own
//!   globals, its own account of memory, and its *strands*.
//! - A *strand* ([`StrandId`]) is a stack of coroutines that runs independently: `main`, and one for each
//!   `coroutine.spawn`. A host function that waits parks its strand and no other.
//! - The [`Host`] answers calls of the functions that a [`Surface`] declares, with plain Rust values.
//!
//! This crate knows nothing of processes as actors, of policies or of tenants. It is the only one with
//! `unsafe`, and the only one that names mlua.

// The faults use the test host of `tests/vm`, which names this crate as others do.
#[cfg(test)]
extern crate self as luau;

mod allocator;
mod body;
mod call;
mod categories;
mod clock;
mod code;
mod coroutine;
#[cfg(test)]
mod faults;
mod flags;
mod frame;
mod globals;
mod handle;
mod host;
mod launch;
mod library;
pub mod limits;
mod machine;
mod meter;
mod modules;
mod object;
mod pod;
mod push;
mod random;
mod read;
mod reference;
mod require;
mod run;
pub mod self_test;
mod step;
mod strand;
mod surface;
mod text;
mod thread;
mod traceback;
mod uncaught;

pub use body::{BodyId, BodySettings, StartError};
pub use clock::now_ns;
pub use code::{Code, SyntaxError};
pub use flags::{UnknownFlag, initialise};
pub use host::{Argument, Call, Host, Item, Place, Reply, StrandId};
pub use modules::{Import, Modules};
pub use object::{Ledger, Object, ObjectKey, Objects};
pub use pod::{Pod, VmError};
pub use reference::Reference;
pub use step::{Slice, Step};
pub use surface::{Accepts, Function, FunctionId, Library, ObjectType, Surface};
