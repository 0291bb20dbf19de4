//! How far one slice of a body may go, and how far it came.

use value::{Failure, Value};

use crate::host::StrandId;

/// What one [`crate::Pod::run`] may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// When it is over, on the clock of [`crate::now_ns`]. Code that cannot yield may run 50 ms longer.
    pub until_ns: u64,
    /// Bytes that the body may use meanwhile, where that is less than its own limit.
    pub memory_bytes_max: usize,
}

/// How a slice ended. After [`Step::Parked`], [`Step::Preempted`] and [`Step::Passed`] the body goes on later; after any other
/// it is to be ended, and running it again repeats the answer without running any Lua.
#[derive(Debug)]
pub enum Step {
    /// The main function returned: its first two values, or why they cannot be copied.
    Returned(Result<Vec<Value>, Failure>),
    /// An error that nobody caught, in any strand.
    Failed {
        /// The error object, or a text with the script's line; the stack says where.
        failure: Failure,
        /// Whether it happened before the main function: in top-level code, or looking the function up.
        loading: bool,
    },
    /// No strand is ready.
    Parked,
    /// The slice is used up.
    Preempted,
    /// A strand lets the others run: whoever was answered meanwhile is to be woken, then this one, with nothing.
    Passed {
        /// The one that waits.
        strand: StrandId,
    },
    /// Over the memory limit even after a collection, or far over it at once.
    OverMemory {
        /// Bytes in the body's account, with what it asked for at last.
        used_bytes: usize,
    },
    /// The `ending` flag was seen, or the host answered [`crate::Reply::Never`].
    Ended,
    /// Code that cannot yield ran 50 ms past its slice.
    Overrun,
    /// The pod is lost with all its bodies, and is to be dropped: the host panicked, or the system has no
    /// memory.
    Lost {
        /// What happened, for the operator.
        why: String,
    },
}
