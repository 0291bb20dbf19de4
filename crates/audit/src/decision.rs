//! One decision of the policy engine: who asked for what, what was answered, why, and what it takes to decide it
//! again. Names of members are those of the line; the engine's own forms (context, entities) pass through unread.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::Decimal;

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Decision {
    /// Tenant of the actor; absent when nobody was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Arc<str>>,
    /// Who asked: `tenant/kind/id`; absent when nobody was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Arc<str>>,
    /// SHA-256, in hex, of the actor's entity: two tokens of one user can carry different roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_digest: Option<Arc<str>>,
    /// The process that asked; absent when the request came from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<Arc<str>>,
    /// What that process runs: `namespace:name`. Shown only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<Arc<str>>,
    /// Where in the script it asked. Shown only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// How the request came: `spawn`, `call`, `service`, `cli`, `http`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<&'static str>,
    /// The permission, as the specification names it: `process.send`.
    pub action: &'static str,
    /// What it was asked on.
    pub resource: Resource,
    /// The request's context in the engine's own form; or `{"$stored": {"bytes", "sha256"}}`, when it is in a file of its own, named
    /// by its hash (docs/audit-format.md); or `{"$oversized": {"bytes", "sha256"}}`, when it is lost.
    pub context: Value,
    /// Scopes whose policies were considered, in order.
    pub scopes: Vec<Arc<str>>,
    /// Every entity needed to decide again, in the engine's own form; or `$stored`, or `$oversized`, as the context.
    pub entities: Value,
    /// SHA-256, in hex, of the policy set that decided.
    pub policy_set: Arc<str>,
    /// The generation in which that policy set was loaded.
    pub generation: Decimal,
    /// Who decided.
    pub engine: Engine,
    /// The answer and its sort.
    pub decision_kind: DecisionKind,
    /// Why it is on record.
    pub because: Because,
    /// The policies that determined the answer; empty for a default deny.
    pub policies: Vec<PolicyReference>,
    /// Errors that the engine reported, as it words them. Shown only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Arc<str>>,
    /// What the answer would be with the shadow policies enforced, when that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// Causal ids, outermost first: what happened because of what. Shown only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Arc<str>>,
    /// Time the engine took to decide, in nanoseconds; 0 when the answer was remembered.
    pub duration_ns: Decimal,
    /// Whether the answer was remembered; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo: Option<Memo>,
    /// The person who said who the actor is, where no token did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asserted_by: Option<AssertedBy>,
}

/// What a permission is asked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Resource {
    /// Its type: `Process`, `Definition`, `Host`, ...
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its id, as the engine was asked. Hostile text: a script may have named it.
    pub id: Arc<str>,
}

/// A line of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// The definition or library the code belongs to, never a host path.
    pub source: Arc<str>,
    /// Line in it, from 1; 0 when unknown.
    pub line: u32,
}

/// The engine that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Engine {
    /// Its version.
    pub version: Arc<str>,
    /// What an error means to the answer: `deny`.
    pub error_mode: &'static str,
}

/// What the answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It may happen. Whether it did is not in this record.
    Allow,
    /// It may not.
    Deny,
}

/// The sort of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// A permit matched, no forbid did, and nothing failed.
    Allow,
    /// A forbid matched.
    DenyForbid,
    /// No permit matched.
    DenyDefault,
    /// A policy failed while it was evaluated.
    DenyError,
}

impl DecisionKind {
    /// Every sort.
    pub const ALL: [Self; 4] = [Self::Allow, Self::DenyForbid, Self::DenyDefault, Self::DenyError];

    /// As records and everything that people write have it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::DenyForbid => "deny_forbid",
            Self::DenyDefault => "deny_default",
            Self::DenyError => "deny_error",
        }
    }

    /// The sort of that text.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.text() == text)
    }

    /// What it comes to: everything but [`Allow`](Self::Allow) is a denial.
    pub fn effect(self) -> Effect {
        match self {
            Self::Allow => Effect::Allow,
            Self::DenyForbid | Self::DenyDefault | Self::DenyError => Effect::Deny,
        }
    }
}

/// Why a decision has a record of its own, where most that allow have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Every denial is recorded.
    Denied,
    /// It allowed something sensitive.
    Sensitive,
    /// One of the policies that allowed it asks for that.
    Asked,
    /// It was the first in this generation of policies of those that are decided alike; how many followed, `rollup` records
    /// say.
    First,
    /// The shadow policies would have said otherwise.
    Shadow,
}

/// A policy, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyReference {
    /// Its `@id`.
    pub id: Arc<str>,
    /// The file it is in, as the app names it.
    pub file: Arc<str>,
    /// Line in the file, from 1.
    pub line: u32,
    /// Column in the line, in characters, from 1.
    pub column: u32,
}

/// The answer as it would be with the shadow policies enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Shadow {
    /// The answer and its sort.
    pub decision_kind: DecisionKind,
    /// The policies that would determine it.
    pub policies: Vec<PolicyReference>,
    /// Errors that the engine reported with them, as it words them. Shown only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Arc<str>>,
    /// How often this answer was given so far, since the thread that gave it has the policy set: allowed ones are recorded
    /// the first time, the tenth, the hundredth, ...
    pub given: Decimal,
}

/// Whether an answer was remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Memo {
    /// It was.
    Hit,
    /// The engine was asked.
    Miss,
}

/// The person at a command line who named an actor without a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AssertedBy {
    /// User number of the operating system.
    pub uid: u32,
    /// User name; shown only.
    pub login: Arc<str>,
    /// Name of the machine; shown only.
    pub host: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::DecisionKind;

    #[test]
    fn a_sort_of_answer_has_the_text_that_records_have() {
        for kind in DecisionKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.text());
            assert_eq!(DecisionKind::from_text(kind.text()), Some(kind));
        }
        assert_eq!(DecisionKind::from_text("deny"), None);
    }
}
