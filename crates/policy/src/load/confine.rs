//! A tenant's own policies must not look as if they reached outside the tenant.
//!
//! They cannot: they are considered for the tenant's own actors only, and never for a door. A head that names
//! somebody else's entity, or only doors, would silently never match, so it is refused with the reason.

use cedar_policy::{ActionConstraint, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};
use diagnostic::{Diagnostic, Span};

use crate::cedar::{ACTIONS, action_uid};
use crate::identity::TenantId;
use crate::vocabulary::Group;

pub(super) fn check(policy: &Policy, tenant: &TenantId, span: &Span, errors: &mut Vec<Diagnostic>) {
    if tenant.is_system() {
        return;
    }
    for named in named_in_head(policy) {
        if tenant_of(&named).is_some_and(|other| other != tenant.as_str()) {
            let message = format!("a scope of tenant `{tenant}` names `{named}`, which is another tenant's");
            let error = Diagnostic::error("policy.another-tenant", message).at(span.clone());
            errors.push(error.help("only the operator's guard can open a way between tenants"));
        }
    }
    if names_only_doors(&policy.action_constraint()) {
        let message = format!("a scope of tenant `{tenant}` permits the product's doors only");
        let error = Diagnostic::error("policy.doors", message).at(span.clone());
        errors.push(error.help("doors are permitted by scopes of `system`, never by a tenant's own"));
    }
}

fn named_in_head(policy: &Policy) -> Vec<EntityUid> {
    let principal = match policy.principal_constraint() {
        PrincipalConstraint::In(uid) | PrincipalConstraint::Eq(uid) | PrincipalConstraint::IsIn(_, uid) => {
            Some(uid)
        }
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
    };
    let resource = match policy.resource_constraint() {
        ResourceConstraint::In(uid) | ResourceConstraint::Eq(uid) | ResourceConstraint::IsIn(_, uid) => {
            Some(uid)
        }
        ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
    };
    principal.into_iter().chain(resource).collect()
}

/// Whose an entity is, where its id says so.
fn tenant_of(uid: &EntityUid) -> Option<String> {
    let id = uid.id().unescaped();
    match uid.type_name().basename() {
        "Tenant" => Some(id.to_owned()),
        "Role" | "Actor" | "Name" => id.split('/').next().map(str::to_owned),
        _ => None,
    }
}

fn names_only_doors(actions: &ActionConstraint) -> bool {
    let doors = action_uid(Group::Doors.name());
    let is_door = |action: &EntityUid| *action == doors || ACTIONS.is_ancestor_of(&doors, action);
    match actions {
        ActionConstraint::Any => false,
        ActionConstraint::Eq(action) => is_door(action),
        ActionConstraint::In(actions) => !actions.is_empty() && actions.iter().all(is_door),
    }
}
