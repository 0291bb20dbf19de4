//! The record of one decision: everything that it takes to decide it again.

use std::sync::{Arc, LazyLock};

use audit::{Because, Decision, Engine, Memo, PolicyReference, Shadow};
use serde_json::Value as Json;

use super::Caller;
use crate::bundle::Loaded;
use crate::cedar::resource_uid;
use crate::generation::{Case, Generation, Shadowed};
use crate::memo::{By, Given};
use crate::permission::{Resource, Spec, Via};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine {
    version: format!("cedar-policy {}", cedar_policy::get_sdk_version()).into(),
    error_mode: "deny",
});

/// A decision that is to be recorded.
pub(super) struct Decided<'a> {
    pub(super) caller: &'a Caller<'a>,
    pub(super) generation: &'a Generation,
    pub(super) spec: &'static Spec,
    pub(super) resource: Resource<'a>,
    pub(super) via: Option<Via>,
    pub(super) given: &'a Given,
    pub(super) because: Because,
    /// What Cedar was given; nothing when there was nobody to ask for, or it could not be put together.
    pub(super) case: Option<&'a Case>,
}

impl Decided<'_> {
    /// Its record.
    pub(super) fn entry(&self) -> Decision {
        let (caller, answer) = (self.caller, &self.given.answer);
        Decision {
            tenant: caller.actor.map(|actor| actor.tenant().text().clone()),
            actor: caller.actor.map(|actor| actor.id().clone()),
            actor_digest: caller.actor.map(|actor| audit::digest::hex(actor.digest()).into()),
            pid: caller.process.map(|process| process.pid().clone()),
            definition: caller.process.map(|process| process.definition().id().clone()),
            place: (caller.place)(),
            via: self.via.map(Via::text),
            action: self.spec.action,
            resource: audit::Resource {
                kind: self.spec.resource.name(),
                id: resource_uid(&self.resource).id().unescaped().into(),
            },
            context: self.case.map_or(Json::Null, Case::context_json),
            scopes: caller
                .scopes
                .into_iter()
                .flat_map(|scopes| scopes.iter())
                .map(|scope| scope.id().clone())
                .collect(),
            entities: self.case.map_or_else(|| Json::Array(Vec::new()), Case::entities_json),
            policy_set: self.generation.bundle.digest().clone(),
            generation: self.generation.number.into(),
            engine: ENGINE.clone(),
            decision_kind: answer.kind.recorded(),
            because: self.because,
            policies: references(&answer.policies),
            errors: answer.errors.clone(),
            shadow: answer.shadow.as_ref().map(shadow),
            chain: if caller.chain.is_empty() { Vec::new() } else { vec![Arc::from(caller.chain)] },
            duration_ns: match self.given.by {
                By::Cedar(took) => u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).into(),
                By::Nobody | By::Memory => 0.into(),
            },
            memo: match self.given.by {
                By::Nobody => None,
                By::Memory => Some(Memo::Hit),
                By::Cedar(_) => Some(Memo::Miss),
            },
            asserted_by: caller.asserted_by.cloned(),
        }
    }
}

fn shadow(shadowed: &Shadowed) -> Shadow {
    Shadow {
        decision_kind: shadowed.kind.recorded(),
        policies: references(&shadowed.policies),
        errors: shadowed.errors.clone(),
        given: shadowed.given().into(),
    }
}

fn references(policies: &[Arc<Loaded>]) -> Vec<PolicyReference> {
    let reference = |policy: &Arc<Loaded>| PolicyReference {
        id: policy.id.clone(),
        file: policy.file.clone(),
        line: policy.line,
        column: policy.column,
    };
    policies.iter().map(reference).collect()
}
