//! Never errors: no policy fails, whatever is asked. One that does denies, a permit of another scope too.
//!
//! Strict validation rules out most failures. What is left are numbers that grow over 64 bits, and functions of Cedar's extensions.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::Policy;

use super::claim::{About, Broken, Claim, Claims, NotAsked, Sides};
use super::side::Side;
use super::{known, strict};
use crate::bundle::{Bundle, Loaded, LoadedScope};
use crate::identity::Scope;
use crate::permission::ALL;
use crate::slice::Slice;
use crate::study::{Study, on_a_large_stack};
use crate::vocabulary::Group;

/// For each policy of a study, one in shadow too, and each permission that it can be looked at for, that it never fails.
///
/// # Errors
/// Why it cannot be put to the engine, in words.
pub fn never_errors(study: &Study) -> Result<Vec<Claim>, NotAsked> {
    let claims = || -> Result<_, NotAsked> {
        let mut claims = Claims::default();
        let Bundle { guards, scopes, .. } = study.bundle();
        add(&mut claims, study, None, guards)?;
        for LoadedScope { scope, policies } in scopes.values() {
            add(&mut claims, study, Some(scope), policies)?;
        }
        Ok(claims.all())
    };
    on_a_large_stack(claims).map_err(|error| error.to_string())?
}

/// Every policy of a guard or a scope, with each permission that it can be looked at for: a tenant's own never for a door.
fn add(
    claims: &mut Claims,
    study: &Study,
    scope: Option<&Arc<Scope>>,
    policies: &Slice,
) -> Result<(), NotAsked> {
    let of_tenant = scope.is_some_and(|scope| !scope.tenant().is_system());
    let only = Side::from(confinement(scope)?);
    let mut posed: HashMap<*const Loaded, [Side; 2]> = HashMap::new();
    for loaded in policies.iter() {
        let [head, sound] = strict::sound(&loaded.policy)?;
        posed.insert(Arc::as_ptr(loaded), [vec![head].into(), vec![sound].into()]);
    }
    for spec in ALL.iter().copied().filter(|spec| !(of_tenant && spec.group == Group::Doors)) {
        for loaded in policies.concerning(spec).map(|sliced| &sliced.loaded) {
            let Some([head, sound]) = posed.get(&Arc::as_ptr(loaded)) else { continue };
            claims.add(Claim {
                about: About::Policy(study.view(loaded)),
                spec,
                sides: Sides::Sets { left: head.clone(), right: sound.clone(), only: only.clone() },
                held: scope.into_iter().cloned().collect(),
                broken: Broken::Fails(loaded.id.clone()),
            })?;
        }
    }
    Ok(())
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
