//! What a caller hands to the log, before it has a place in the order.

use std::sync::Arc;

use serde_json::Value;

use crate::{AssertedBy, Decision, Event, PolicyReference};

/// One thing to record.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A decision of the policy engine.
    Decision(Box<Decision>),
    /// Anything else.
    Event(Box<Event>),
}

impl From<Decision> for Entry {
    fn from(decision: Decision) -> Self {
        Self::Decision(Box::new(decision))
    }
}

impl From<Event> for Entry {
    fn from(event: Event) -> Self {
        Self::Event(Box::new(event))
    }
}

impl Entry {
    /// The tenant it is about, if only one.
    pub(crate) fn tenant(&self) -> Option<&Arc<str>> {
        match self {
            Self::Decision(decision) => decision.tenant.as_ref(),
            Self::Event(event) => event.tenant.as_ref(),
        }
    }

    /// Bytes that holding it costs, as the queue charges it. Texts count in full although the caller may share
    /// them: who fills the queue with references to one large text still keeps that text alive.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Decision(decision) => decision_bytes(decision),
            Self::Event(event) => {
                size_of::<Event>()
                    + [&event.tenant, &event.actor, &event.policy_set]
                        .into_iter()
                        .map(optional)
                        .sum::<usize>()
                    + asserted(event.asserted_by.as_ref())
                    + event.detail.iter().map(|(name, value)| name.len() + json(value)).sum::<usize>()
            }
        }
    }
}

fn decision_bytes(decision: &Decision) -> usize {
    let named =
        [&decision.tenant, &decision.actor, &decision.actor_digest, &decision.pid, &decision.definition];
    size_of::<Decision>()
        + named.into_iter().map(optional).sum::<usize>()
        + decision.place.as_ref().map_or(0, |place| place.source.len())
        + decision.resource.id.len()
        + json(&decision.context)
        + json(&decision.entities)
        + texts(&decision.scopes)
        + texts(&decision.errors)
        + texts(&decision.chain)
        + decision.policy_set.len()
        + policies(&decision.policies)
        + decision.shadow.as_ref().map_or(0, |shadow| policies(&shadow.policies))
        + asserted(decision.asserted_by.as_ref())
}

fn optional(text: &Option<Arc<str>>) -> usize {
    text.as_deref().map_or(0, str::len)
}

fn texts(texts: &[Arc<str>]) -> usize {
    texts.iter().map(|text| size_of::<Arc<str>>() + text.len()).sum()
}

fn policies(policies: &[PolicyReference]) -> usize {
    policies.iter().map(|policy| size_of::<PolicyReference>() + policy.id.len() + policy.file.len()).sum()
}

fn asserted(by: Option<&AssertedBy>) -> usize {
    by.map_or(0, |by| by.login.len() + by.host.len())
}

fn json(value: &Value) -> usize {
    let within = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(json).sum(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| size_of::<String>() + name.len() + json(value)).sum()
        }
    };
    size_of::<Value>() + within
}
