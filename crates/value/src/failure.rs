//! Failures: an error with a kind, as Lua's `errors` module, the command line and the audit log all name it.

use std::fmt;

use crate::Value;

/// What sort of failure it is. The names are the Lua constants (`errors.NOT_FOUND`), the texts their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// Nothing by that name or id.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// An argument or message that can never work as given.
    Invalid,
    /// The gate said no; the failure names its audit record.
    PermissionDenied,
    /// Not now; the same call may work later.
    Unavailable,
    /// A defect of the host.
    Internal,
    /// Ended because somebody asked for it.
    Canceled,
    /// The state moved meanwhile.
    Conflict,
    /// It took longer than was allowed.
    Timeout,
    /// Over a bound or quota.
    RateLimited,
    /// None was given.
    #[default]
    Unknown,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::NotFound,
        Self::AlreadyExists,
        Self::Invalid,
        Self::PermissionDenied,
        Self::Unavailable,
        Self::Internal,
        Self::Canceled,
        Self::Conflict,
        Self::Timeout,
        Self::RateLimited,
        Self::Unknown,
    ];

    /// The value of the Lua constant: `"NotFound"`, ..., and `""` for UNKNOWN, as in the reference system.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::AlreadyExists => "AlreadyExists",
            Self::Invalid => "Invalid",
            Self::PermissionDenied => "PermissionDenied",
            Self::Unavailable => "Unavailable",
            Self::Internal => "Internal",
            Self::Canceled => "Canceled",
            Self::Conflict => "Conflict",
            Self::Timeout => "Timeout",
            Self::RateLimited => "RateLimited",
            Self::Unknown => "",
        }
    }

    /// The name of the Lua constant: `NOT_FOUND`, ..., as people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::Invalid => "INVALID",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
            Self::Canceled => "CANCELED",
            Self::Conflict => "CONFLICT",
            Self::Timeout => "TIMEOUT",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The kind whose constant has this value.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.text() == text)
    }

    /// Whether a failure of ours of this kind says that trying again may help.
    pub fn retryable(self) -> bool {
        matches!(self, Self::Timeout | Self::Unavailable | Self::RateLimited)
    }
}

/// An error as data: what `errors.new` makes, what a refused call returns, what an EXIT reports.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Failure {
    /// What went wrong, without the contexts that were wrapped around it. Free text of a script or of ours;
    /// hostile wherever it is shown.
    pub message: String,
    /// What sort of failure.
    pub kind: Kind,
    /// Whether trying again may help; `None` when nobody said.
    pub retryable: Option<bool>,
    /// Free data of whoever raised it; [`Value::Nil`] without any.
    pub details: Value,
    /// Contexts given by `errors.wrap`, innermost first.
    pub contexts: Vec<String>,
    /// Where it was made, innermost first: `source`, line (0 unknown) and function name.
    pub stack: Vec<Frame>,
    /// The audit record of the refusal, when the gate made this failure.
    pub record: Option<String>,
}

/// One level of a script's call stack.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// The definition or library the code belongs to, never a host path.
    pub source: String,
    /// Line in it, from 1; 0 when unknown.
    pub line: u32,
    /// The function's name, empty when it has none.
    pub name: String,
}

impl Failure {
    /// A failure of ours: `retryable` follows from the kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { message: message.into(), kind, retryable: kind.retryable().then_some(true), ..Self::default() }
    }

    /// A wrong argument or message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, message)
    }

    /// Nothing by that name.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// The same with data for whoever handles it.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// Bytes that holding it costs.
    pub fn bytes(&self) -> usize {
        let contexts: usize = self.contexts.iter().map(String::len).sum();
        let stack: usize = self.stack.iter().map(|frame| frame.source.len() + frame.name.len() + 16).sum();
        64 + self.message.len() + contexts + stack + self.details.bytes()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for context in self.contexts.iter().rev() {
            write!(formatter, "{context}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
