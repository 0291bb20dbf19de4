//! Of whom it is told already what a permit that names them by id comes to, whatever scopes they would hold beside it.
//!
//! Whether the permit or the guard reads more than the id is not known here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::address;
use crate::bundle::Loaded;
use crate::identity::{Actor, ScopeSet};
use crate::permission::Spec;
use crate::study::Study;
use crate::study::partly::may_fail;

/// The actors that were asked about.
pub(super) struct Told<'a> {
    study: &'a Study,
    spec: &'static Spec,
    known: &'a HashMap<&'a str, Vec<(&'a Actor, &'a ScopeSet)>>,
    /// By id, as far as asked for: each one's scopes, and which of the permits in them can fail, by where they are in memory.
    failing: HashMap<&'a str, Vec<(&'a ScopeSet, BTreeSet<usize>)>>,
}

impl<'a> Told<'a> {
    /// Those that are known, by id.
    pub(super) fn of(
        study: &'a Study,
        spec: &'static Spec,
        known: &'a HashMap<&'a str, Vec<(&'a Actor, &'a ScopeSet)>>,
    ) -> Self {
        Self { study, spec, known, failing: HashMap::new() }
    }

    /// Whether an actor of this id was asked about under this scope, and under no other permit that can fail: one that fails
    /// denies, so that with fewer scopes it might be let in.
    pub(super) fn of_permit(&mut self, id: &str, scope: &str, permit: &Arc<Loaded>) -> bool {
        let Some((id, known)) = self.known.get_key_value(id) else { return false };
        let (study, spec) = (self.study, self.spec);
        let failing = self.failing.entry(*id).or_insert_with(|| {
            known.iter().map(|(actor, scopes)| (*scopes, failing(study, spec, actor, scopes))).collect()
        });
        let own = address(permit);
        let mut holding = failing.iter().filter(|(scopes, _)| scopes.contains(scope));
        holding.any(|(_, failing)| failing.iter().all(|other| *other == own))
    }
}

/// The permits of an actor under scopes that can fail.
fn failing(study: &Study, spec: &'static Spec, actor: &Actor, scopes: &ScopeSet) -> BTreeSet<usize> {
    let selected = study.bundle().select(actor, spec, scopes).into_iter().map(|sliced| &sliced.loaded);
    let permits = selected.filter(|loaded| !loaded.shadow && !study.places.is_guard(loaded));
    permits.filter(|loaded| may_fail(&loaded.policy)).map(address).collect()
}
