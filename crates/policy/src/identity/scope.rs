//! Scopes: named sets of permits, and the sets of them that a process runs under.
//!
//! A scope here is its name and owner; which policies it holds is the bundle's to know.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::{InvalidIdentity, TenantId, split_id};

/// A named set of policies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    id: Arc<str>,
    tenant: TenantId,
    shared: bool,
}

impl Scope {
    /// The scope `namespace:name` in a namespace of `tenant`; `shared` when the operator lets other tenants'
    /// actors hold it.
    ///
    /// # Errors
    /// The id is not `namespace:name`.
    pub fn new(id: &str, tenant: &TenantId, shared: bool) -> Result<Self, InvalidIdentity> {
        split_id("scope id", id)?;
        Ok(Self { id: Arc::from(id), tenant: tenant.clone(), shared })
    }

    /// `namespace:name`.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The owner of its namespace.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Whether other tenants' actors may hold it.
    pub fn shared(&self) -> bool {
        self.shared
    }
}

/// The scopes that something runs under: their permits are united, so fewer scopes are fewer permits, and none
/// is denied everything. Not always less is allowed: guards can read which are held, and a permit that fails denies what
/// others permit. Ordered by id, each id once; cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ScopeSet(Arc<[Arc<Scope>]>);

static EMPTY: LazyLock<ScopeSet> = LazyLock::new(|| ScopeSet(Arc::from([])));

impl ScopeSet {
    /// The set of these scopes. Of two with one id the first stays.
    pub fn new(scopes: impl IntoIterator<Item = Arc<Scope>>) -> Self {
        let mut scopes: Vec<Arc<Scope>> = scopes.into_iter().collect();
        // A stable sort, so that the first of one id comes first.
        scopes.sort_by(|one, other| one.id.cmp(&other.id));
        scopes.dedup_by(|later, earlier| later.id == earlier.id);
        Self(Arc::from(scopes))
    }

    /// No scope: everything is denied.
    pub fn empty() -> Self {
        EMPTY.clone()
    }

    /// The scopes, ordered by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Scope>> {
        self.0.iter()
    }

    /// Their ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|scope| &**scope.id())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scope of that id, if it is in the set.
    pub fn get(&self, id: &str) -> Option<&Arc<Scope>> {
        self.0.binary_search_by(|scope| (**scope.id()).cmp(id)).ok().and_then(|at| self.0.get(at))
    }

    /// Whether a scope of that id is in the set.
    pub fn contains(&self, id: &str) -> bool {
        self.get(id).is_some()
    }

    /// This set and that scope.
    #[must_use]
    pub fn with(&self, scope: &Arc<Scope>) -> Self {
        if self.contains(scope.id()) {
            return self.clone();
        }
        Self::new(self.0.iter().chain([scope]).cloned())
    }

    /// This set but for the scope of that id.
    #[must_use]
    pub fn without(&self, id: &str) -> Self {
        if !self.contains(id) {
            return self.clone();
        }
        Self(self.0.iter().filter(|scope| **scope.id() != *id).cloned().collect())
    }

    /// Whether it is the same set in memory; false tells nothing.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where it is in memory.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The scopes of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_same(other) {
            return self.clone();
        }
        Self::new(self.0.iter().chain(other.0.iter()).cloned())
    }
}

impl Default for ScopeSet {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(id: &str) -> Arc<Scope> {
        Arc::new(Scope::new(id, &TenantId::system(), true).unwrap())
    }

    fn ids(set: &ScopeSet) -> Vec<&str> {
        set.ids().collect()
    }

    #[test]
    fn a_set_is_ordered_and_holds_each_scope_once() {
        let set = ScopeSet::new([scope("b:x"), scope("a:x"), scope("b:x")]);
        assert_eq!(ids(&set), ["a:x", "b:x"]);
        assert_eq!(set, ScopeSet::new([scope("a:x"), scope("b:x")]));
        assert!(set.contains("a:x") && !set.contains("c:x"));
        assert_eq!(ids(&set.with(&scope("aa:x"))), ["a:x", "aa:x", "b:x"]);
        assert_eq!(ids(&set.without("a:x")), ["b:x"]);
        assert_eq!(ids(&set.union(&ScopeSet::new([scope("c:x"), scope("a:x")]))), ["a:x", "b:x", "c:x"]);
        assert!(ScopeSet::empty().is_empty());
    }

    #[test]
    fn a_scope_id_is_a_namespace_and_a_name() {
        for id in ["x", "a:b:c", ":x", "a:", "a..b:x", "a/b:x", "a:b c"] {
            assert!(Scope::new(id, &TenantId::system(), false).is_err(), "{id}");
        }
        assert!(Scope::new("acme.security:worker-1", &TenantId::system(), false).is_ok());
    }
}
