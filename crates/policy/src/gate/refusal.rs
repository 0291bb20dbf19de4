//! Why a check did not give a permit.

use audit::RecordId;
use diagnostic::visible;
use value::{Failure, Kind, Value};

/// What came instead of a permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The answer is no, and it is recorded.
    #[error("{0}")]
    Denied(Denial),
    /// The audit log cannot be written, so that nothing may happen.
    #[error("permission checks are unavailable: the audit log cannot be written")]
    Unavailable,
}

/// A recorded no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("permission denied: `{action}` on `{}` (record {record})", visible(.resource))]
pub struct Denial {
    /// Why.
    pub kind: DenialKind,
    /// The permission that was asked for.
    pub action: &'static str,
    /// What it was asked on, as the caller named it. Hostile wherever it is shown.
    pub resource: String,
    /// The record of it.
    pub record: RecordId,
}

/// Why the answer is no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenialKind {
    /// A `forbid` matched.
    Forbid,
    /// No permit matched.
    Default,
    /// A policy failed; whatever the others say, that is a no.
    Error,
}

/// What the caller is told: the action, the resource as it was named and the record; never policy text, and not
/// which kind of no.
impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied(denial) => {
                let record = denial.record.to_string();
                let message = denial.to_string();
                let details = Value::Map(vec![
                    (Value::text("action"), Value::text(denial.action)),
                    (Value::text("resource"), Value::text(denial.resource)),
                    (Value::text("record"), Value::text(record.as_str())),
                ]);
                let mut failure = Self::new(Kind::PermissionDenied, message).with_details(details);
                failure.record = Some(record);
                failure
            }
            Refusal::Unavailable => Self::new(Kind::Unavailable, Refusal::Unavailable.to_string()),
        }
    }
}
