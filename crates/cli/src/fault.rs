//! Why a command did not do what it was asked to: what is said, and which exit code follows.

use app::StartError;
use audit::{ArchiveError, OpenError, Unavailable};
use diagnostic::{Diagnostic, Severity, counted};
use serde_json::{Map, Value as Json, json};
use value::{Failure, Kind};

use crate::exit::Exit;

/// The end of a command that did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Files that somebody wrote cannot be used; at least one error, and the warnings among them.
    Invalid(Vec<Diagnostic>),
    /// The same of an app that was to be run, and was not.
    NotRun(Vec<Diagnostic>),
    /// Something other than a file that cannot be read: a token, for one.
    Malformed {
        /// What is wrong with it.
        message: String,
        /// The next step.
        help: &'static str,
    },
    /// Arguments that each look right but ask for nothing that exists.
    Usage {
        /// What is wrong with them.
        message: String,
        /// The next step.
        help: String,
    },
    /// A process that was run ended with an error.
    Ended {
        /// Its error.
        failure: Failure,
        /// The next step, if there is one.
        help: Option<String>,
    },
    /// The gate refused; the failure names the record.
    Denied {
        /// What the gate answered.
        failure: Failure,
        /// Why, as the record has it.
        help: Option<String>,
    },
    /// The audit log cannot be opened, or what was recorded is not durable.
    Log {
        /// What is wrong with it.
        message: String,
        /// The next step.
        help: String,
    },
    /// Somebody asked for the end.
    Interrupted,
    /// Anything else that was attempted and did not work.
    Failed {
        /// What was attempted, on what, and why it did not work.
        message: String,
        /// The next step.
        help: Option<String>,
    },
}

impl Fault {
    /// Wrong usage that the parser of arguments cannot see.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    /// Something that did not work.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), help: None }
    }

    /// The same with a next step; only what did not work, or ended, can take one.
    pub(crate) fn with_help(mut self, text: impl Into<String>) -> Self {
        if let Self::Failed { help, .. } | Self::Ended { help, .. } | Self::Denied { help, .. } = &mut self {
            *help = Some(text.into());
        }
        self
    }

    /// The exit code that follows.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Invalid(_) | Self::NotRun(_) | Self::Malformed { .. } => Exit::Invalid,
            Self::Usage { .. } => Exit::Usage,
            Self::Denied { .. } => Exit::Denied,
            Self::Log { .. } => Exit::Log,
            Self::Interrupted => Exit::Interrupted,
            Self::Ended { .. } | Self::Failed { .. } => Exit::Failed,
        }
    }

    /// What is said to people after `error: `, without control characters only where it is ours; the printer makes
    /// the rest visible. Diagnostics are drawn by themselves instead.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Invalid(found) => errors_found(found),
            Self::NotRun(found) => format!("{}, nothing was run", errors_found(found)),
            Self::Interrupted => "interrupted; what was running has ended".to_owned(),
            Self::Ended { failure, .. } | Self::Denied { failure, .. } => {
                format!("{}: {failure}", failure.kind.name())
            }
            Self::Malformed { message, .. }
            | Self::Usage { message, .. }
            | Self::Log { message, .. }
            | Self::Failed { message, .. } => message.clone(),
        }
    }

    /// The next step.
    pub(crate) fn help(&self) -> Option<&str> {
        match self {
            Self::Invalid(_) | Self::NotRun(_) | Self::Interrupted => None,
            Self::Usage { help, .. } | Self::Log { help, .. } => Some(help),
            Self::Malformed { help, .. } => Some(help),
            Self::Ended { help, .. } | Self::Denied { help, .. } | Self::Failed { help, .. } => {
                help.as_deref()
            }
        }
    }

    /// `{"error": {"kind", "message", "help"?, "record"?, "diagnostics"?}}`.
    pub(crate) fn to_json(&self) -> Json {
        let mut error = Map::new();
        let (kind, message) = match self {
            Self::Ended { failure, .. } | Self::Denied { failure, .. } => (failure.kind, failure.to_string()),
            Self::Invalid(_) | Self::NotRun(_) | Self::Malformed { .. } | Self::Usage { .. } => {
                (Kind::Invalid, self.message())
            }
            Self::Interrupted => (Kind::Canceled, self.message()),
            Self::Log { .. } => (Kind::Unavailable, self.message()),
            Self::Failed { .. } => (Kind::Unknown, self.message()),
        };
        error.insert("kind".to_owned(), kind.name().into());
        error.insert("message".to_owned(), message.into());
        // What a process ended with is its own: kind, message and record, and nothing of ours beside them.
        let is_ours = match self {
            Self::Ended { .. } => false,
            Self::Denied { failure, .. } => failure.record.is_none(),
            _ => true,
        };
        if let Some(help) = self.help().filter(|help| is_ours && !help.is_empty()) {
            error.insert("help".to_owned(), help.into());
        }
        match self {
            Self::Denied { failure: Failure { record: Some(record), .. }, .. } => {
                error.insert("record".to_owned(), record.as_str().into());
            }
            Self::Invalid(found) | Self::NotRun(found) => {
                error.insert("diagnostics".to_owned(), found.iter().map(diagnostic_json).collect());
            }
            _ => {}
        }
        json!({ "error": error })
    }
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        Self::Log { message: error.to_string(), help: error.hint() }
    }
}

impl From<Unavailable> for Fault {
    fn from(error: Unavailable) -> Self {
        let help = format!("what was done may not be on record; {}", error.hint());
        Self::Log { message: error.to_string(), help }
    }
}

impl From<ArchiveError> for Fault {
    fn from(error: ArchiveError) -> Self {
        let help = "policies decide only what can be decided again from the log; make its folder writable, then run the command again";
        Self::Log { message: error.to_string(), help: help.to_owned() }
    }
}

impl From<StartError> for Fault {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Archive(error) => error.into(),
            error => Self::failed(error.to_string()),
        }
    }
}

fn errors_found(found: &[Diagnostic]) -> String {
    let errors = found.iter().filter(|one| one.severity == Severity::Error).count();
    format!("{} found", counted(errors, "error", "errors"))
}

/// One diagnostic as tools read it; members without a value are left out.
pub(crate) fn diagnostic_json(diagnostic: &Diagnostic) -> Json {
    let mut object = Map::new();
    object.insert("severity".to_owned(), json!(diagnostic.severity));
    object.insert("code".to_owned(), diagnostic.code.into());
    object.insert("message".to_owned(), diagnostic.message.as_str().into());
    if let Some(span) = &diagnostic.span {
        let (line, column) = span.position();
        object.insert("file".to_owned(), span.source.path.as_str().into());
        object.insert("line".to_owned(), line.into());
        object.insert("column".to_owned(), column.into());
    }
    if let Some(subject) = &diagnostic.subject {
        object.insert("subject".to_owned(), subject.as_str().into());
    }
    if let Some(help) = &diagnostic.help {
        object.insert("help".to_owned(), help.as_str().into());
    }
    Json::Object(object)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use diagnostic::{Diagnostic, Source, Span};
    use value::{Failure, Kind};

    use super::{Exit, Fault};

    #[test]
    fn a_denial_carries_its_record_and_an_error_exit_does_not() {
        let failure = Failure {
            record: Some("01HF7YAT3V".into()),
            ..Failure::new(Kind::PermissionDenied, "permission denied")
        };
        let denied = Fault::Denied { failure: failure.clone(), help: None };
        assert_eq!(denied.exit(), Exit::Denied);
        assert_eq!(
            denied.to_json().to_string(),
            r#"{"error":{"kind":"PERMISSION_DENIED","message":"permission denied","record":"01HF7YAT3V"}}"#
        );
        let ended = Fault::Ended { failure: Failure::not_found("no `x`"), help: None };
        assert_eq!(ended.exit(), Exit::Failed);
        assert_eq!(ended.message(), "NOT_FOUND: no `x`");
        assert_eq!(ended.to_json().to_string(), r#"{"error":{"kind":"NOT_FOUND","message":"no `x`"}}"#);
    }

    #[test]
    fn diagnostics_are_data_too() {
        let source = Arc::new(Source { path: "a.yaml".into(), text: "x: 1\n".into() });
        let wrong = Diagnostic::error("manifest.unknown-key", "unknown key `x`")
            .at(Span { source, start: 0, end: 1 })
            .help("remove it");
        assert_eq!(Fault::Invalid(vec![wrong.clone()]).message(), "1 error found");
        let fault = Fault::NotRun(vec![wrong]);
        assert_eq!(fault.message(), "1 error found, nothing was run");
        assert_eq!(
            fault.to_json().to_string(),
            "{\"error\":{\"kind\":\"INVALID\",\"message\":\"1 error found, nothing was run\",\"diagnostics\":\
             [{\"severity\":\"error\",\"code\":\"manifest.unknown-key\",\"message\":\"unknown key `x`\",\
             \"file\":\"a.yaml\",\"line\":1,\"column\":1,\"help\":\"remove it\"}]}}"
        );
    }
}
