//! Anything recorded that is not a decision: a policy set loaded or refused, a service failed, an administrative
//! act, and what the log says of itself.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{AssertedBy, Decimal};

/// What sort of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A policy set is in force from here on; `detail` has `archive`, the SHA-256 that names it whole beside the log, and what is
    /// in it.
    PolicyLoad,
    /// A policy set was refused; the one before stays in force.
    PolicyRefused,
    /// The policy engine, decided again, said otherwise than what was answered: a defect, `detail` has both. From then on
    /// nothing is remembered.
    PolicySelfCheck,
    /// A service was given up: it failed more often than it may.
    Service,
    /// Somebody did something that only an operator may.
    Admin,
    /// Tokens were revoked; `detail` has `at` (seconds since 1970), `issuer`, and `sub` (every token of that subject issued up
    /// to then) or `jti_sha256` (one token).
    TokenRevoke,
    /// A tenant's process came with a token that is not accepted; `detail` has `cause` (a sort of reason) and `count`, how often so
    /// since the start: the first time, the tenth, the hundredth, ... are recorded.
    TokenRefused,
    /// A session of a token is over before its time, and what ran under it ends; `detail` has `issuer`, `sub`, `jti_sha256` if
    /// the token had a `jti`, and `why`.
    SessionEnd,
    /// The log itself: the head of the chain, signed; `detail` has `note` and `reason` (docs/audit-format.md);
    /// the first of a run in a log that is not strict has `log_mode`.
    Checkpoint,
    /// The log itself: another key signs from here on; `detail` has `new`, `old` and `note`.
    KeyRotate,
    /// The log itself: decisions that were counted, not written; `detail` has `opening` (the id of the first, which has its own
    /// record), `action`, `resource_type`, `decision_kind`, `count` (of all after the opening one until now) and `closed`.
    Rollup,
    /// The log itself: old segments were removed; `detail` has `through` (the last record removed) and `head` (its line's hash).
    Retention,
    /// The log itself: the last run did not end in order; `detail` has `file` and `bytes_cut` (what was cut of an incomplete last
    /// line), `unwitnessed_from` and `unwitnessed_through` (the records after the last checkpoint, which this start took over without
    /// having seen them made), and `rollups`, whose last second is not known. Records that were accepted last may be missing at
    /// the end of such a run, though never one of what is sensitive.
    Recovered,
    /// The log itself: for a while it took no records; `detail` has `state` (`open` when that began, `closed` when it was over), `dropped` (records lost: always "0" in a
    /// strict log), `refused` (checks that were answered UNAVAILABLE for it), and after trouble with the
    /// disk `why`, `file` and `since`; `log_mode` in a log that is not strict.
    Gap,
}

impl EventKind {
    /// Whether the log says it of itself.
    pub(crate) fn is_the_logs(self) -> bool {
        use EventKind::{Checkpoint, Gap, KeyRotate, Recovered, Retention, Rollup};
        matches!(self, Checkpoint | Gap | KeyRotate | Recovered | Retention | Rollup)
    }
}

/// One event. `detail` is free data of whoever records it, and hostile wherever it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Event {
    /// What sort of event.
    pub kind: EventKind,
    /// The tenant it concerns, if only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Arc<str>>,
    /// Who did it, if an actor did: `tenant/kind/id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Arc<str>>,
    /// SHA-256, in hex, of the policy set it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_set: Option<Arc<str>>,
    /// The generation of that policy set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<Decimal>,
    /// The person at the command line who did it, or who said who the actor is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asserted_by: Option<AssertedBy>,
    /// What there is to say, by name; or `{"$oversized": ...}`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub detail: Map<String, Value>,
}

impl Event {
    /// An event that concerns everybody and says nothing more yet.
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            tenant: None,
            actor: None,
            policy_set: None,
            generation: None,
            asserted_by: None,
            detail: Map::new(),
        }
    }

    /// The same, saying one thing more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}
