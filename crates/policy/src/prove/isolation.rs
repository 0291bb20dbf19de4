//! Isolation: the guard keeps tenants apart, whatever any scope permits.
//!
//! What tenants apart means is written down once more, in `policies/isolation.cedar`, and no rule of it is the guard's own.

use std::str::FromStr as _;

use cedar_policy::{Policy, PolicySet};

use super::claim::{About, Broken, Claim, NotAsked, Sides};
use super::confirm::everything;
use super::side::Side;
use crate::permission::ALL;
use crate::study::{Study, on_a_large_stack};

/// What may at most be allowed.
const ISOLATION: &str = include_str!("../../../../policies/isolation.cedar");

/// For each permission, that the enforced guard of a study, with a permit of everything beside it, allows nothing that
/// `policies/isolation.cedar` does not. A policy in shadow does not count.
///
/// # Errors
/// Why it cannot be put to the engine, in words.
pub fn isolation(study: &Study) -> Result<Vec<Claim>, NotAsked> {
    Ok(on_a_large_stack(|| claims(study)).map_err(|error| error.to_string())??)
}

fn claims(study: &Study) -> Result<Vec<Claim>, String> {
    let property = PolicySet::from_str(ISOLATION).map_err(|error| error.to_string())?;
    let property: Side = property.policies().cloned().collect::<Vec<Policy>>().into();
    let only = Side::from(Vec::new());
    let (scope, permit) = everything()?;
    let claims = ALL.iter().map(|spec| {
        let guard = study.bundle().guards.concerning(spec).map(|sliced| &sliced.loaded);
        let enforced = guard.filter(|loaded| !loaded.shadow).map(|loaded| loaded.policy.clone());
        Claim {
            about: About::Guard,
            spec,
            sides: Sides::Sets {
                left: enforced.chain([permit.policy.clone()]).collect::<Vec<Policy>>().into(),
                right: property.clone(),
                only: only.clone(),
            },
            held: vec![scope.clone()],
            broken: Broken::Allowed { by_guard: true },
        }
    });
    Ok(claims.collect())
}
