//! Plain data: what may cross between processes, and what an error says.
//!
//! A [`Value`] is all that a message, an argument, a result or a context value can hold: no function, no
//! thread, no handle, nothing that refers back to the virtual machine it came from. A [`Failure`] is the error
//! object of the Lua `errors` module as data. This crate knows nothing of Lua, processes or policies.

pub mod base64;
mod duration;
mod failure;
mod json;
mod limits;
mod timestamp;

pub use duration::parse_duration;
pub use failure::{Failure, Frame, Kind};
pub use json::{from_json, to_json};
pub use limits::{VALUE_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_NODES_MAX, VALUES_MAX};
pub use timestamp::{from_rfc3339, moment, rfc3339_millis, rfc3339_nanos, rfc3339_seconds};

/// One piece of plain data. Immutable once made; cheap to move, never shared between two owners.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Lua's `nil`.
    #[default]
    Nil,
    /// `true` or `false`.
    Boolean(bool),
    /// A double. NaN and infinities cross unchanged.
    Number(f64),
    /// A string of bytes, not necessarily UTF-8.
    Bytes(Box<[u8]>),
    /// A table whose keys are 1..n without a hole, in order. An empty table is an empty array.
    Array(Vec<Value>),
    /// Any other table. Keys are booleans, numbers (never NaN) or strings, and differ from each other.
    Map(Vec<(Value, Value)>),
    /// An error object.
    Failure(Box<Failure>),
}

impl Value {
    /// A string value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Bytes(text.into().into_bytes().into_boxed_slice())
    }

    /// The text of a string that is UTF-8.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// What Lua's `type` says of it; an error object is `"error"`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Boolean(_) => "boolean",
            Self::Number(_) => "number",
            Self::Bytes(_) => "string",
            Self::Array(_) | Self::Map(_) => "table",
            Self::Failure(_) => "error",
        }
    }

    /// The value under a string key of a map.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(candidate, _)| matches!(candidate, Self::Bytes(bytes) if **bytes == *key.as_bytes()))
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Bytes that holding this value costs, as mailboxes and contexts charge it: 16 for each node, and the
    /// length of each string.
    pub fn bytes(&self) -> usize {
        // Iterative: a value is at most `VALUE_DEPTH_MAX` deep when it comes from a script, but a decoder may
        // be given more before it refuses.
        let mut total = 0_usize;
        let mut waiting = vec![self];
        while let Some(value) = waiting.pop() {
            total = total.saturating_add(16);
            match value {
                Self::Bytes(bytes) => total = total.saturating_add(bytes.len()),
                Self::Array(items) => waiting.extend(items),
                Self::Map(entries) => {
                    for (key, value) in entries {
                        waiting.push(key);
                        waiting.push(value);
                    }
                }
                Self::Failure(failure) => total = total.saturating_add(failure.bytes()),
                Self::Nil | Self::Boolean(_) | Self::Number(_) => {}
            }
        }
        total
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::text(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::text(value)
    }
}

impl From<Failure> for Value {
    fn from(value: Failure) -> Self {
        Self::Failure(Box::new(value))
    }
}
