//! No new access: whatever these policies allow, those before them allowed, scope by scope.
//!
//! Scopes are compared by id, so that moving a permit from one to another is new access for those who hold the other alone.
//! Who has scopes without asking for them is compared in `holding.rs`.

use std::sync::Arc;

use cedar_policy::Policy;

use super::claim::{About, Broken, Claim, Claims, NotAsked, Sides};
use super::errors::confinement;
use super::holding::Holding;
use super::side::Side;
use super::strict;
use crate::bundle::{Bundle, Loaded, LoadedScope};
use crate::identity::Scope;
use crate::permission::{ALL, Spec};
use crate::slice::Slice;
use crate::study::{Study, on_a_large_stack};
use crate::vocabulary::Group;

/// For each permission, that what `now` allows who holds a scope, `before` allowed as well; and the same for each of
/// `holdings`. Where `before` has one scope that everybody holds, its id is `open`, and stands for every other.
///
/// # Errors
/// Why it cannot be put to the engine, in words.
pub fn no_new_access(
    now: &Study,
    before: &Study,
    open: Option<&str>,
    holdings: &[Holding],
) -> Result<Vec<Claim>, NotAsked> {
    let comparing = Comparing { now: now.bundle(), before: before.bundle(), open };
    let claims = || comparing.claims(before, holdings);
    on_a_large_stack(claims).map_err(|error| error.to_string())?
}

struct Comparing<'a> {
    now: &'a Bundle,
    before: &'a Bundle,
    open: Option<&'a str>,
}

impl Comparing<'_> {
    fn claims(&self, before: &Study, holdings: &[Holding]) -> Result<Vec<Claim>, NotAsked> {
        let mut claims = Claims::default();
        for LoadedScope { scope, .. } in self.now.scopes.values() {
            for spec in ALL {
                claims.add(self.claim(About::Scope(scope.id().clone()), spec, scope)?)?;
            }
        }
        for holding in holdings {
            holding.claims(self.now, self.before, &mut claims)?;
        }
        self.failing(before, &mut claims)?;
        Ok(claims.all())
    }

    /// That what a scope lets somebody do now, it let them do before.
    fn claim(&self, about: About, spec: &'static Spec, held: &Arc<Scope>) -> Result<Claim, String> {
        let mut left = permits(self.now, held.id(), spec)?;
        let sides = if left.is_empty() {
            Sides::Nothing
        } else {
            left.extend(enforced(&self.now.guards, spec));
            // Where one scope stands for all, it is the same for each.
            let mut right = permits(self.before, self.open.unwrap_or(held.id()), spec)?;
            right.extend(enforced(&self.before.guards, spec));
            Sides::Sets { left: left.into(), right: right.into(), only: Vec::new().into() }
        };
        Ok(Claim {
            about,
            spec,
            sides,
            held: vec![held.clone()],
            broken: Broken::Allowed { by_guard: false },
        })
    }

    /// A permit that fails denies what every other scope permits. Where one that may has been changed or taken away, a comparison
    /// scope by scope does not see what that lets through: so that it never failed has to be shown.
    fn failing(&self, before: &Study, claims: &mut Claims) -> Result<(), NotAsked> {
        for LoadedScope { scope, policies } in self.before.scopes.values() {
            let kept = self.now.scopes.get(scope.id());
            for loaded in policies.iter().filter(|loaded| !loaded.shadow && strict::fails(&loaded.policy)) {
                let is_it =
                    |now: &Arc<Loaded>| !now.shadow && now.id == loaded.id && now.text() == loaded.text();
                let stays = kept.is_some_and(|kept| {
                    kept.scope.tenant() == scope.tenant() && kept.policies.iter().any(is_it)
                });
                if stays {
                    continue;
                }
                let [head, sound] = strict::sound(&loaded.policy)?.map(|policy| Side::from(vec![policy]));
                let only = Side::from(confinement(Some(scope))?);
                let why = format!(
                    "policy `{}` of scope `{}` could fail, and deny what other scopes permit; it is gone or changed",
                    loaded.id,
                    scope.id()
                );
                let concerned = |spec: &&&Spec| {
                    policies.concerning(spec).any(|sliced| Arc::ptr_eq(&sliced.loaded, loaded))
                };
                for spec in ALL.iter().filter(concerned) {
                    claims.add(Claim {
                        about: About::Policy(before.view(loaded)),
                        spec,
                        sides: Sides::Sets { left: head.clone(), right: sound.clone(), only: only.clone() },
                        // Where one scope stands for all, nobody holds that one.
                        held: if self.open.is_some() { Vec::new() } else { vec![scope.clone()] },
                        broken: Broken::Untold(why.clone()),
                    })?;
                }
            }
        }
        Ok(())
    }
}

/// The permits of a scope that count for a permission: a tenant's own for its actors alone, and for no door.
///
/// # Errors
/// One of them cannot be written anew.
pub(super) fn permits(bundle: &Bundle, scope: &str, spec: &Spec) -> Result<Vec<Policy>, String> {
    let Some(LoadedScope { scope, policies }) = bundle.scopes.get(scope) else { return Ok(Vec::new()) };
    let permits = enforced(policies, spec);
    match scope.tenant() {
        tenant if tenant.is_system() => Ok(permits.collect()),
        _ if spec.group == Group::Doors => Ok(Vec::new()),
        tenant => permits.map(|permit| strict::for_tenant(&permit, tenant)).collect(),
    }
}

/// The policies that are enforced and can match a permission.
pub(super) fn enforced(policies: &Slice, spec: &Spec) -> impl Iterator<Item = Policy> {
    let concerning = policies.concerning(spec).map(|sliced| &sliced.loaded);
    concerning.filter(|loaded| !loaded.shadow).map(|loaded| loaded.policy.clone())
}
