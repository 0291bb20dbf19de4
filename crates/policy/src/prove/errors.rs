//! Never errors: no policy fails, whatever is asked. One that does denies, a permit of another scope too.
//!
//! Strict validation rules out most failures. What is left are numbers that grow over 64 bits, and functions of Cedar's extensions.

use std::sync::Arc;

use cedar_policy::Policy;

use super::claim::{About, Broken, Claim, Sides};
use super::{known, strict};
use crate::bundle::{Bundle, Loaded};
use crate::identity::Scope;
use crate::permission::{ALL, Spec};
use crate::slice::Slice;
use crate::study::{Study, on_a_large_stack};
use crate::vocabulary::Group;

/// For each policy of a study, one in shadow too, and each permission that it can be looked at for, that it never fails.
///
/// # Errors
/// Why it cannot be put to the engine, in words.
pub fn never_errors(study: &Study) -> Result<Vec<Claim>, String> {
    let claims = || {
        let mut claims = Vec::new();
        for (scope, loaded, spec) in considered(study.bundle()) {
            claims.push(claim(study, scope, loaded, spec)?);
        }
        Ok(claims)
    };
    on_a_large_stack(claims).map_err(|error| error.to_string())?
}

/// Every policy with its scope and each permission that it can be looked at for: a tenant's own never for a door.
fn considered(bundle: &Bundle) -> impl Iterator<Item = (Option<&Arc<Scope>>, &Arc<Loaded>, &'static Spec)> {
    let scopes = bundle.scopes.values().map(|held| (Some(&held.scope), &held.policies));
    let slices = std::iter::once((None, &bundle.guards)).chain(scopes);
    slices.flat_map(|(scope, slice): (Option<&Arc<Scope>>, &Slice)| {
        let of_tenant = scope.is_some_and(|scope| !scope.tenant().is_system());
        slice.iter().flat_map(move |loaded| {
            let asked = ALL.iter().copied().filter(move |spec| !(of_tenant && spec.group == Group::Doors));
            let concerned = asked
                .filter(move |spec| slice.concerning(spec).any(|sliced| Arc::ptr_eq(&sliced.loaded, loaded)));
            concerned.map(move |spec| (scope, loaded, spec))
        })
    })
}

fn claim(
    study: &Study,
    scope: Option<&Arc<Scope>>,
    loaded: &Arc<Loaded>,
    spec: &'static Spec,
) -> Result<Claim, String> {
    let [head, sound] = strict::sound(&loaded.policy)?;
    Ok(Claim {
        about: About::Policy(study.view(loaded)),
        spec,
        sides: Sides::Sets { left: vec![head], right: vec![sound], only: confinement(scope)? },
        held: scope.into_iter().cloned().collect(),
        broken: Broken::Fails(loaded.id.clone()),
    })
}

/// That only those ask for whom a scope's policies count.
///
/// # Errors
/// Why that cannot be said, in words.
pub(super) fn confinement(scope: Option<&Arc<Scope>>) -> Result<Vec<Policy>, String> {
    match scope.map(|scope| scope.tenant()) {
        Some(tenant) if !tenant.is_system() => Ok(vec![known::confined(tenant)?]),
        _ => Ok(Vec::new()),
    }
}
