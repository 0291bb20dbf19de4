//! How a Lua function is declared: its name, typed signature, errors and example, once.
//!
//! The declarations make the virtual machine's surface and `docs/lua-api.md`; a function that is not declared
//! cannot be called, and one that is declared is documented. This file knows no function by name.

use luau::Accepts;
use value::{Kind, Value};

use crate::function::Enter;

/// What the documentation says of one function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doc {
    /// Full name: `process.send`, or `channel:receive` for a method.
    pub(crate) name: &'static str,
    /// Parameters and results in Luau's notation, without the name: `(topic: string) -> channel`.
    pub(crate) signature: &'static str,
    /// What it does, with units, edges and what it does not promise. Markdown.
    pub(crate) text: &'static str,
    /// Permissions that it asks for, in order; empty when it acts on nobody else.
    pub(crate) permissions: &'static [&'static str],
    /// Kinds of its errors, with when.
    pub(crate) errors: &'static [(Kind, &'static str)],
    /// Lua that runs as the main function of a process and shows it; run by the tests.
    pub(crate) example: &'static str,
}

/// One declared function, ready to be called.
#[derive(Clone, Copy)]
pub(crate) struct Declared {
    /// Its documentation.
    pub(crate) doc: &'static Doc,
    /// How each parameter is read.
    pub(crate) accepts: &'static [Accepts],
    /// How further arguments are read, where any number is allowed.
    pub(crate) rest: Option<Accepts>,
    /// Decode, ask, check, run, encode.
    pub(crate) enter: Enter,
}

impl Declared {
    /// The last part of the name: `send`, `receive`.
    pub(crate) fn short_name(&self) -> &'static str {
        self.doc.name.rsplit(['.', ':']).next().unwrap_or(self.doc.name)
    }
}

/// One Lua library, or a table inside one.
pub(crate) struct Module {
    /// `process`, `time`; a table inside one has its own last name (`registry`). Empty: globals.
    pub(crate) name: &'static str,
    /// Whether scripts see it without `require`, and without naming it in `modules:`.
    pub(crate) global: bool,
    /// One paragraph. Markdown.
    pub(crate) text: &'static str,
    /// Its functions, in the order of the documentation.
    pub(crate) functions: &'static [Declared],
    /// Its constants with one line each.
    pub(crate) constants: &'static [(&'static str, Constant, &'static str)],
    /// Tables inside it.
    pub(crate) tables: &'static [&'static Module],
}

/// A constant's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Constant {
    /// A string.
    Text(&'static str),
    /// A number.
    Number(f64),
    /// An object of this type: the module's `__index` gives it, since an object belongs to one process and a
    /// library to many.
    Object(&'static str),
}

impl Constant {
    /// What the library's table holds under its name.
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::Text(text) => Some(Value::text(text)),
            Self::Number(number) => Some(Value::Number(number)),
            Self::Object(_) => None,
        }
    }
}

/// One type of object that scripts hold: a channel, a message, an error.
pub(crate) struct Type {
    /// What `type(x)` says.
    pub(crate) name: &'static str,
    /// One paragraph. Markdown.
    pub(crate) text: &'static str,
    /// Its methods and metamethods.
    pub(crate) methods: &'static [Declared],
}
