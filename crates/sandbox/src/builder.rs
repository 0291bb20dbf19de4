//! SpawnBuilder: what a child will get beside its arguments. Immutable; every method makes a new one.
//!
//! It knows what was asked for, not whether it is permitted: `process.security` is checked when the actor or
//! scope is put in, and again when the builder spawns, since a builder may be older than the policy.

use std::sync::Arc;

use policy::{Actor, ScopeSet};
use value::Value;

/// What a child will get.
#[derive(Clone, Default)]
pub(crate) struct Builder {
    /// Context values on top of the spawner's; later ones have won already.
    pub(crate) context: Vec<(String, Value)>,
    /// Another actor.
    pub(crate) actor: Option<Arc<Actor>>,
    /// Other scopes, instead of the spawner's.
    pub(crate) scopes: Option<ScopeSet>,
    /// A name to register before the child runs.
    pub(crate) name: Option<policy::Name>,
    /// Messages that are in the mailbox before the child runs: topic and payload.
    pub(crate) messages: Vec<(String, Value)>,
}

impl Builder {
    /// Adds context values; a key that is there already is replaced.
    pub(crate) fn merge(&mut self, values: Vec<(String, Value)>) {
        for (key, value) in values {
            match self.context.iter_mut().find(|(present, _)| *present == key) {
                Some((_, slot)) => *slot = value,
                None => self.context.push((key, value)),
            }
        }
    }

    /// Bytes of the context values.
    pub(crate) fn context_bytes(&self) -> usize {
        self.context.iter().map(|(key, value)| key.len() + value.bytes()).sum()
    }

    /// What holding it costs.
    pub(crate) fn bytes(&self) -> usize {
        let messages: usize = self.messages.iter().map(|(topic, value)| topic.len() + value.bytes()).sum();
        128 + self.context_bytes() + messages
    }
}
