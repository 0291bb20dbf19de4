//! One line: what was accepted, with its place in the order. [`crate::fit`] decides what it may lose to fit.

use std::sync::Arc;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::Serialize;

use crate::checkpoint::Hash;
use crate::decision::{Decision, Effect};
use crate::digest::hex;
use crate::{Decimal, Event, RecordId};

/// Name and version of the form of a line; a reader that does not know it must not guess.
pub const SCHEMA: &str = "moonward.audit/1";

/// One line of the audit log: a JSON object in ASCII, at most 16 KiB with its line break. Members that are not
/// required are absent when there is nothing to say; later versions of the product may add members and kinds.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Record<'a> {
    Decision(DecisionRecord<'a>),
    Event(EventRecord<'a>),
}

/// A decision of the policy engine.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DecisionRecord<'a> {
    #[serde(flatten)]
    pub(crate) head: Head,
    /// What sort of record.
    #[schemars(extend("const" = "decision"))]
    pub(crate) kind: &'static str,
    /// The answer.
    pub(crate) decision: Effect,
    #[serde(flatten)]
    pub(crate) request: &'a Decision,
    /// Why this request cannot be decided again from the record alone; absent when it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_replayable: Option<String>,
    /// Members of which a part was left out so that the line fits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cut: Vec<&'static str>,
    /// Paths of members at which there is a commitment, `redacted:hmac-sha256:<key id>:<hex>`, instead of the value.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) redacted: &'a [Arc<str>],
}

/// Anything but a decision.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EventRecord<'a> {
    #[serde(flatten)]
    pub(crate) head: Head,
    #[serde(flatten)]
    pub(crate) event: &'a Event,
    /// Members of which a part was left out so that the line fits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cut: Vec<&'static str>,
    /// Paths of members at which there is a commitment, `redacted:hmac-sha256:<key id>:<hex>`, instead of the value.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) redacted: &'a [Arc<str>],
}

/// A record's place in the order.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Head {
    /// Name and version of this form.
    #[schemars(extend("const" = "moonward.audit/1"))]
    pub(crate) schema: &'static str,
    /// Number of the record, from 1, without a gap through all segments and runs.
    pub(crate) seq: Decimal,
    /// Name of the record.
    pub(crate) id: RecordId,
    /// When it was accepted: RFC 3339 in UTC, with nanoseconds. Clocks are set back at times: `seq` is the order.
    #[serde(serialize_with = "rfc3339")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(crate) ts: SystemTime,
    /// SHA-256, in hex, of the line before with its line feed; 64 zeros in record 1.
    #[serde(serialize_with = "hexadecimal")]
    #[schemars(with = "String", extend("pattern" = "^[0-9a-f]{64}$"))]
    pub(crate) prev: Hash,
}

impl Head {
    pub(crate) fn new(seq: u64, id: RecordId, ts: SystemTime, prev: Hash) -> Self {
        Self { schema: SCHEMA, seq: Decimal(seq), id, ts, prev }
    }
}

fn hexadecimal<S: serde::Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(hash))
}

fn rfc3339<S: serde::Serializer>(ts: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&value::rfc3339_nanos(*ts))
}
