//! Invariants: what an operator says must never be, whatever scopes permit; one policy each, in a file of Cedar.
//!
//! A `forbid` says what is never allowed. A `permit` says what may at most be: whatever its head matches is allowed only where its
//! conditions hold. Each is checked on its own, under its `@id`, for every scope. Nothing decides by it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use cedar_policy::{Effect, Policy, PolicyId};
use diagnostic::{Diagnostic, Source};

use super::access::{enforced, permits};
use super::claim::{About, Broken, Claim, Claims, NotAsked, Sides};
use super::side::Side;
use super::strict;
use crate::bundle::{Bundle, BundleSources, Loaded, LoadedScope};
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
    pub fn claims(&self, study: &Study) -> Result<Vec<Claim>, NotAsked> {
        let claims = || -> Result<_, NotAsked> {
            let slice = Slice::new(self.0.clone());
            let mut allowing = BTreeMap::new();
            let only = Side::from(Vec::new());
            let mut claims = Claims::default();
            for invariant in &self.0 {
                let kept = Side::from(kept(&invariant.policy)?);
                for spec in ALL.iter().filter(|spec| concerns(&slice, invariant, spec)) {
                    for LoadedScope { scope, .. } in study.bundle().scopes.values() {
                        let left = match allowing.entry((spec.action, scope.id().clone())) {
                            Entry::Occupied(known) => known.into_mut(),
                            Entry::Vacant(new) => new.insert(allowed_by(study.bundle(), scope.id(), spec)?),
                        };
                        let sides = match left {
                            None => Sides::Nothing,
                            Some(left) => {
                                Sides::Sets { left: left.clone(), right: kept.clone(), only: only.clone() }
                            }
                        };
                        claims.add(Claim {
                            about: About::Invariant(study.view(invariant), scope.id().clone()),
                            spec,
                            sides,
                            held: vec![scope.clone()],
                            broken: Broken::Allowed { by_guard: false },
                        })?;
                    }
                }
            }
            Ok(claims.all())
        };
        on_a_large_stack(claims).map_err(|error| error.to_string())?
    }
}

/// What decides for who holds a scope, the same for every invariant; nothing where the scope permits nothing.
fn allowed_by(bundle: &Bundle, scope: &str, spec: &Spec) -> Result<Option<Side>, String> {
    let mut policies = permits(bundle, scope, spec)?;
    if policies.is_empty() {
        return Ok(None);
    }
    policies.extend(enforced(&bundle.guards, spec));
    Ok(Some(policies.into()))
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
