//! Which policies apply to an actor, and why the others of its scopes do not.

use std::sync::Arc;

use super::{PolicyView, Study};
use crate::bundle::Loaded;
use crate::identity::{Actor, Scope, ScopeSet};
use crate::permission::{ALL, Spec};
use crate::slice::Slice;
use crate::vocabulary::Group;

/// What applies to an actor under a set of scopes.
#[derive(Debug, Clone)]
pub struct Effective {
    /// The guard.
    pub guard: Share,
    /// Each scope held, ordered by id.
    pub scopes: Vec<ScopeShare>,
}

/// Policies of the guard or of a scope, in the order of their files.
#[derive(Debug, Clone, Default)]
pub struct Share {
    /// Those whose heads let them match.
    pub applies: Vec<PolicyView>,
    /// Those that cannot, with the reason in words.
    pub left_out: Vec<(PolicyView, String)>,
}

/// One scope held.
#[derive(Debug, Clone)]
pub struct ScopeShare {
    /// The scope.
    pub scope: Arc<Scope>,
    /// Whether its policies are looked at.
    pub considered: Considered,
    /// Its policies.
    pub share: Share,
}

/// Whether a scope's policies are looked at for an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Considered {
    /// They are.
    Always,
    /// A tenant's own are, but never for the product's doors.
    ButForDoors,
    /// They are another tenant's, whose own actors alone they are for.
    NotForAnotherTenant,
    /// The scope is not among the policies.
    NotLoaded,
}

impl Study {
    /// What applies to this actor under these scopes; for one permission or for any.
    pub fn effective(&self, actor: &Actor, scopes: &ScopeSet, spec: Option<&'static Spec>) -> Effective {
        let specs: Vec<&'static Spec> = spec.map_or_else(|| ALL.to_vec(), |spec| vec![spec]);
        let bundle = self.bundle();
        let names = crate::slice::named_by(actor);
        let share = |slice: &Slice, closed: Option<&str>, doors: bool| {
            let matches = |loaded: &Arc<Loaded>| {
                let asked = specs.iter().filter(|spec| doors || spec.group != Group::Doors);
                asked
                    .flat_map(|spec| slice.select(&names, spec))
                    .any(|sliced| Arc::ptr_eq(&sliced.loaded, loaded))
            };
            let concerns = |loaded: &Arc<Loaded>| {
                specs
                    .iter()
                    .any(|spec| slice.concerning(spec).any(|sliced| Arc::ptr_eq(&sliced.loaded, loaded)))
            };
            let mut share = Share::default();
            for loaded in slice.iter() {
                let view = self.places.view(loaded);
                let why = match closed {
                    Some(why) => why.to_owned(),
                    None if matches(loaded) => {
                        share.applies.push(view);
                        continue;
                    }
                    None if !concerns(loaded) => match spec {
                        Some(spec) => format!("its head is not about `{}`", spec.action),
                        None => "its head matches no permission".to_owned(),
                    },
                    None if !doors && spec.is_some_and(|spec| spec.group == Group::Doors) => {
                        "a tenant's own policies are never looked at for the product's doors".to_owned()
                    }
                    None => {
                        format!("its head names another principal than `{actor}`, its roles and its tenant")
                    }
                };
                share.left_out.push((view, why));
            }
            share
        };
        let guard = share(&bundle.guards, None, true);
        let scopes = scopes.iter().map(|scope| {
            let Some(held) = bundle.scopes.get(scope.id()) else {
                let (scope, share) = (scope.clone(), Share::default());
                return ScopeShare { scope, considered: Considered::NotLoaded, share };
            };
            let owner = held.scope.tenant();
            let considered = match (owner.is_system(), owner == actor.tenant()) {
                (true, _) => Considered::Always,
                (false, true) => Considered::ButForDoors,
                (false, false) => Considered::NotForAnotherTenant,
            };
            let foreign = format!("the policies of tenant `{owner}` are for its own actors only");
            let closed = (considered == Considered::NotForAnotherTenant).then_some(foreign.as_str());
            let share = share(&held.policies, closed, owner.is_system());
            ScopeShare { scope: held.scope.clone(), considered, share }
        });
        Effective { guard, scopes: scopes.collect() }
    }
}
