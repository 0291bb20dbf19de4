//! What lies between scripts and the host: a call with its arguments, and the answer.
//!
//! The host is asked with plain Rust values and answers with plain Rust values; no Lua runs meanwhile. What a
//! function means, and whether it is permitted, only the host knows.

use value::{Failure, Frame, Value};

use crate::frame::{first_frame, frames};
use crate::object::{Object, ObjectKey, Objects};
use crate::reference::Reference;
use crate::surface::FunctionId;
use crate::thread::Thread;

/// Answers the calls of scripts.
pub trait Host: 'static {
    /// What scripts hold handles to.
    type Object: Object;

    /// Answers one call. A panic costs the whole pod, see [`crate::Step::Lost`].
    fn call(&mut self, call: Call<'_, Self::Object>) -> Reply<Self::Object>;
}

/// Names one strand of one body: `main`, or what one `coroutine.spawn` started. Never used again in that
/// body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StrandId {
    pub(crate) index: u32,
    pub(crate) serial: u32,
}

/// One call of a declared function by a script.
pub struct Call<'a, O> {
    /// Which function.
    pub function: FunctionId,
    /// Who is calling: the key that the body was started with. Coroutines have it from the body's thread, so
    /// that no script can lend or forge it.
    pub key: u64,
    /// The strand that is calling, and that waits if the answer is [`Reply::Wait`].
    pub strand: StrandId,
    /// As many arguments as the script gave, less those that the declaration drops.
    pub arguments: Vec<Argument>,
    /// The body's objects.
    pub objects: &'a mut Objects<O>,
    /// Whether [`Reply::Wait`] is possible: not inside a metamethod, comparator or pattern callback.
    pub yieldable: bool,
    pub(crate) thread: Thread,
}

impl<O> Call<'_, O> {
    /// Where the script called: the innermost line of Lua; none when a coroutine's body is the host function
    /// itself.
    pub fn place(&self) -> Option<Place> {
        first_frame(self.thread)
    }

    /// The script's call stack, innermost first, at most 32 levels.
    pub fn stack(&self) -> Vec<Frame> {
        frames(self.thread)
    }
}

/// A line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the code.
    pub source: String,
    /// Line in it, from 1; 0 when unknown.
    pub line: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.source, self.line)
    }
}

/// One argument as it was read.
#[derive(Debug, Clone)]
pub enum Argument {
    /// Not given.
    Missing,
    /// Plain data, copied.
    Value(Value),
    /// An object of the calling body.
    Object(ObjectKey),
    /// A value kept by reference.
    Reference(Reference),
    /// The entries of a table: keys are booleans, numbers or strings; entries are data, objects or
    /// references.
    Shallow(Vec<(Value, Argument)>),
    /// Why it cannot be read, to be put behind the argument's name: ` is a function`,
    /// `.items[3].handler is a function`.
    Wrong(String),
}

/// One result that is pushed.
#[derive(Debug)]
pub enum Item<O> {
    /// Plain data, copied into the body's account. A failure in it becomes an error object.
    Value(Value),
    /// The value behind a reference of the same body; nil if its body has ended.
    Reference(Reference),
    /// A new handle, or the one that the object's identity has.
    Object(O),
    /// A table of such.
    Table(Vec<(Value, Item<O>)>),
}

/// The answer to a call.
#[derive(Debug)]
pub enum Reply<O> {
    /// Return these.
    Return(Vec<Item<O>>),
    /// Raise this as an error object.
    Raise(Failure),
    /// Park this strand until [`crate::Pod::wake`]. Where the strand cannot yield, an error is raised
    /// instead.
    Wait,
    /// Let the body's other ready strands go first, then return nothing. Where the strand cannot yield,
    /// return at once.
    Pass,
    /// Never return: the body runs no more, and [`crate::Pod::run`] says [`crate::Step::Ended`].
    Never,
}
