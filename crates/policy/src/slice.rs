//! A slice: policies found by what their heads name, so that a check need not look at those that cannot match.
//!
//! Exact, since a head cannot fail: a policy that is left out could neither match nor err. What the resource of a head names
//! is left to Cedar.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{ActionConstraint, EntityTypeName, EntityUid, PrincipalConstraint, ResourceConstraint};

use crate::bundle::Loaded;
use crate::cedar::{ACTIONS, action_uid, tenant_uid, type_name, uid};
use crate::footprint::{Footprint, Tree};
use crate::identity::Actor;
use crate::permission::{ALL, Spec};
use crate::vocabulary::EntityType;

/// Policies of a guard or a scope.
#[derive(Default)]
pub(crate) struct Slice {
    policies: Vec<Arc<Loaded>>,
    by_action: HashMap<&'static str, ByPrincipal>,
}

#[derive(Default)]
struct ByPrincipal {
    /// Those whose head names no principal.
    any: Vec<Sliced>,
    /// Those whose head names this one, or what it is in.
    named: HashMap<EntityUid, Vec<Sliced>>,
}

/// A policy that can match a permission, and what it can then read.
pub(crate) struct Sliced {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) footprint: Footprint,
}

impl Slice {
    pub(crate) fn new(policies: Vec<Arc<Loaded>>) -> Self {
        let mut by_action: HashMap<&'static str, ByPrincipal> = HashMap::new();
        let trees: Vec<Tree> = policies.iter().map(|loaded| Tree::of(&loaded.policy)).collect();
        for spec in ALL {
            let (action, resource) = (action_uid(spec.action), type_name(spec.resource));
            let read = policies.iter().zip(&trees);
            for (loaded, tree) in read.filter(|(loaded, _)| concerns(loaded, &action, resource)) {
                let slice = by_action.entry(spec.action).or_default();
                let place = match loaded.policy.principal_constraint() {
                    PrincipalConstraint::Any | PrincipalConstraint::Is(_) => &mut slice.any,
                    PrincipalConstraint::Eq(named)
                    | PrincipalConstraint::In(named)
                    | PrincipalConstraint::IsIn(_, named) => slice.named.entry(named).or_default(),
                };
                place.push(Sliced { loaded: loaded.clone(), footprint: tree.footprint(spec) });
            }
        }
        Self { policies, by_action }
    }

    /// All of them, in the order of their files.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Loaded>> {
        self.policies.iter()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.policies.len()
    }

    /// Those that can match or err when an actor that goes by these names asks for this.
    pub(crate) fn select(&self, names: &[EntityUid], spec: &Spec) -> impl Iterator<Item = &Sliced> {
        let slice = self.by_action.get(spec.action);
        let named =
            move |name: &EntityUid| slice.and_then(|slice| slice.named.get(name)).into_iter().flatten();
        slice.into_iter().flat_map(|slice| &slice.any).chain(names.iter().flat_map(named))
    }
}

impl Slice {
    /// Those that can match or err when anybody asks for this.
    pub(crate) fn concerning(&self, spec: &Spec) -> impl Iterator<Item = &Sliced> {
        let slice = self.by_action.get(spec.action);
        slice.into_iter().flat_map(|slice| slice.any.iter().chain(slice.named.values().flatten()))
    }
}

/// What a head can name an actor by: itself, its roles and its tenant.
pub(crate) fn named_by(actor: &Actor) -> Vec<EntityUid> {
    let roles = actor.roles().map(|role| uid(EntityType::Role, role));
    [uid(EntityType::Actor, actor.id()), tenant_uid(actor.tenant())].into_iter().chain(roles).collect()
}

/// Whether a policy's head lets it match this action on a resource of this type.
fn concerns(loaded: &Loaded, action: &EntityUid, resource: &EntityTypeName) -> bool {
    let is_or_holds = |named: &EntityUid| named == action || ACTIONS.is_ancestor_of(named, action);
    let by_action = match loaded.policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => named == *action,
        ActionConstraint::In(named) => named.iter().any(is_or_holds),
    };
    by_action
        && match loaded.policy.resource_constraint() {
            ResourceConstraint::Any | ResourceConstraint::In(_) => true,
            ResourceConstraint::Eq(named) => named.type_name() == resource,
            ResourceConstraint::Is(named) | ResourceConstraint::IsIn(named, _) => named == *resource,
        }
}
