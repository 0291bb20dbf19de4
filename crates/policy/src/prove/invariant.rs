//! Invariants: what an operator says must never be, whatever scopes permit; one policy each, in a file of Cedar.
//!
//! A `forbid` says what is never allowed. A `permit` says what may at most be: whatever its head matches is allowed only where its
//! conditions hold. Each is checked on its own, under its `@id`, for every scope. Nothing decides by it.

use std::sync::Arc;

use cedar_policy::{Effect, Policy, PolicyId};
use diagnostic::{Diagnostic, Source};

use super::access::{enforced, permits};
use super::claim::{About, Broken, Claim, Sides};
use super::strict;
use crate::bundle::{BundleSources, Loaded, LoadedScope};
use crate::load;
use crate::permission::{ALL, Spec};
use crate::slice::Slice;
use crate::study::{Study, on_a_large_stack};

/// Invariants that were read, validated and found to keep the rules.
pub struct Invariants(Vec<Arc<Loaded>>);

impl Invariants {
    /// Reads and validates files of invariants about the policies of these sources.
    ///
    /// # Errors
    /// All that is wrong, with file, line and column, as of policies; one that nothing could break, since it names what nothing
    /// declares or can never match; and one in shadow.
    pub fn read(files: Vec<Arc<Source>>, about: BundleSources) -> Result<Self, Vec<Diagnostic>> {
        let invariants = load::invariants(files, about)?;
        let shadowed = |loaded: &&Arc<Loaded>| loaded.shadow;
        let found: Vec<Diagnostic> = invariants
            .iter()
            .filter(shadowed)
            .map(|loaded| {
                let error = Diagnostic::error("policy.invariant", "an invariant cannot be in shadow");
                error.at(loaded.span.clone()).about(&*loaded.id).help("take `@mode` away")
            })
            .collect();
        if found.is_empty() { Ok(Self(invariants)) } else { Err(found) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For each permission that one is about, and each scope, that what the scope and the guard allow keeps to it.
    ///
    /// # Errors
    /// Why it cannot be put to the engine, in words.
    pub fn claims(&self, study: &Study) -> Result<Vec<Claim>, String> {
        let claims = || {
            let slice = Slice::new(self.0.clone());
            let mut claims = Vec::new();
            for invariant in &self.0 {
                let kept = kept(&invariant.policy)?;
                for spec in ALL.iter().filter(|spec| concerns(&slice, invariant, spec)) {
                    for LoadedScope { scope, .. } in study.bundle().scopes.values() {
                        let mut left = permits(study.bundle(), scope.id(), spec)?;
                        let sides = if left.is_empty() {
                            Sides::Nothing
                        } else {
                            left.extend(enforced(&study.bundle().guards, spec));
                            Sides::Sets { left, right: kept.clone(), only: Vec::new() }
                        };
                        claims.push(Claim {
                            about: About::Invariant(study.view(invariant), scope.id().clone()),
                            spec,
                            sides,
                            held: vec![scope.clone()],
                            broken: Broken::Allowed { by_guard: false },
                        });
                    }
                }
            }
            Ok(claims)
        };
        on_a_large_stack(claims).map_err(|error| error.to_string())?
    }
}

impl std::fmt::Debug for Invariants {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|loaded| &loaded.id)).finish()
    }
}

fn concerns(slice: &Slice, invariant: &Arc<Loaded>, spec: &Spec) -> bool {
    slice.concerning(spec).any(|sliced| Arc::ptr_eq(&sliced.loaded, invariant))
}

/// What may be allowed where an invariant holds.
fn kept(invariant: &Policy) -> Result<Vec<Policy>, String> {
    if invariant.effect() == Effect::Permit {
        return Ok(vec![strict::at_most(invariant)?]);
    }
    let id = PolicyId::new("everything");
    let everything = Policy::parse(Some(id), "permit (principal, action, resource);");
    Ok(vec![everything.map_err(|error| error.to_string())?, invariant.clone()])
}
