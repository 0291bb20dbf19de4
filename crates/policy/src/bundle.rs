//! A bundle: the guards, scopes and tenants that one generation decides with.
//!
//! How it is read from files is `load`'s; here is what it holds, and which policies a check considers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use cedar_policy::Policy;
use diagnostic::{Diagnostic, Source, Span};

use crate::entity::Tenants;
use crate::identity::{Actor, Scope, ScopeSet, Tenant, TenantId};
use crate::load;
use crate::permission::Spec;
use crate::slice::{self, Slice, Sliced};
use crate::vocabulary::Group;

/// What a bundle is loaded from.
#[derive(Debug, Clone, Default)]
pub struct BundleSources {
    /// The operator's guard files: they hold `forbid`s only, and bind every check whatever the scopes.
    pub guards: Vec<Arc<Source>>,
    /// Leaves the shipped guard out. The bundle warns of it.
    pub replace_shipped_guard: bool,
    /// The scopes.
    pub scopes: Vec<ScopeSources>,
    /// The tenants. `system` is always there; one that nobody declares counts as suspended.
    pub tenants: Vec<Tenant>,
    /// What else there is to be named, so that a name that nothing has is found; nothing when that is not known.
    pub declared: Option<Declared>,
}

/// The ids that an app declares, as policies write them.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Definitions: `acme.workers:handler`.
    pub definitions: BTreeSet<Arc<str>>,
    /// Hosts: `app:processes`.
    pub hosts: BTreeSet<Arc<str>>,
    /// Namespaces, those around them too: `acme`, `acme.workers`.
    pub namespaces: BTreeSet<Arc<str>>,
}

/// A scope and the files that hold its permits.
#[derive(Debug, Clone)]
pub struct ScopeSources {
    /// The scope. A tenant's own policies are considered for its own actors only, and for the specification's
    /// permissions only; those of a scope of `system` are the operator's, and are always considered.
    pub scope: Arc<Scope>,
    /// Its files.
    pub files: Vec<Arc<Source>>,
}

/// Policies that were read, validated and found to keep the rules. Immutable.
pub struct Bundle {
    pub(crate) guards: Slice,
    pub(crate) scopes: BTreeMap<Arc<str>, LoadedScope>,
    pub(crate) tenants: Tenants,
    pub(crate) digest: Arc<str>,
    /// The part of the digest that the app brings.
    pub(crate) own_digest: String,
    pub(crate) warnings: Vec<Diagnostic>,
    /// What it was loaded from, and the guard that the product brought.
    pub(crate) sources: BundleSources,
    pub(crate) shipped_guard: Arc<Source>,
    /// The scope whose permits count as if they were in one that is held, whoever asks: a study's, never a gate's.
    pub(crate) joined: Option<Arc<str>>,
}

/// A scope and its permits.
pub(crate) struct LoadedScope {
    pub(crate) scope: Arc<Scope>,
    pub(crate) policies: Slice,
}

/// One policy.
pub(crate) struct Loaded {
    /// Its `@id`.
    pub(crate) id: Arc<str>,
    pub(crate) policy: Policy,
    pub(crate) file: Arc<str>,
    /// Line and column of its first character, both from 1.
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// Whether it says `@audit("always")`.
    pub(crate) audited: bool,
    /// Whether it says `@mode("shadow")`: what it would change is recorded, and it changes nothing.
    pub(crate) shadow: bool,
    pub(crate) span: Span,
}

impl Loaded {
    /// File, and first byte in it.
    pub(crate) fn position(&self) -> (&str, usize) {
        (&self.file, self.span.start)
    }

    /// Its text as written.
    pub(crate) fn text(&self) -> &str {
        self.span.source.text.get(self.span.start..self.span.end).unwrap_or_default()
    }
}

impl Bundle {
    /// Reads and validates everything, on a thread of its own with a large stack.
    ///
    /// # Errors
    /// All that is wrong, with file, line and column: over a bound, not Cedar, no or a doubled `@id`, a `permit`
    /// in a guard or a `forbid` in a scope, an unknown `@mode`, a template, anything that strict validation at
    /// level 2 finds, a scope that reaches outside its tenant, a scope or tenant named twice,
    /// and in a guard whatever is only doubtful elsewhere. [`crate::CODES`] lists them.
    pub fn load(sources: BundleSources) -> Result<Self, Vec<Diagnostic>> {
        load::bundle(sources, load::shipped_guard())
    }

    /// Looks at files of which nobody says where they belong: how many sound policies there are, and everything that
    /// was found, errors first. A `permit` is held to the rules of an operator's scope, a `forbid` to those of the
    /// guard. Ids of tenants, scopes and definitions are not looked up, since nothing declares any.
    pub fn examine(files: Vec<Arc<Source>>) -> (usize, Vec<Diagnostic>) {
        load::loose(files)
    }

    /// What loaded all the same, but is probably not meant.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// SHA-256, in hex, of everything that can change an answer: schema, policies and whose they are.
    pub fn digest(&self) -> &Arc<str> {
        &self.digest
    }

    /// The digest that it would have in a version of the product with another schema or guard: one of which
    /// [`crate::shipped_digest`] is this.
    pub fn digest_with(&self, shipped: &str) -> String {
        load::digest(shipped, &self.own_digest)
    }

    /// The declared tenants, ordered by id.
    pub fn tenants(&self) -> impl Iterator<Item = &Tenant> {
        self.tenants.values()
    }

    /// The scope of that id.
    pub fn scope(&self, id: &str) -> Option<&Arc<Scope>> {
        self.scopes.get(id).map(|loaded| &loaded.scope)
    }

    /// The scopes, ordered by id.
    pub fn scopes(&self) -> impl Iterator<Item = &Arc<Scope>> {
        self.scopes.values().map(|loaded| &loaded.scope)
    }

    /// How many policies there are in guards and scopes.
    pub fn policy_count(&self) -> usize {
        self.guards.len() + self.scopes.values().map(|scope| scope.policies.len()).sum::<usize>()
    }

    /// The policies in shadow, those of guards first.
    pub(crate) fn in_shadow(&self) -> impl Iterator<Item = &Arc<Loaded>> {
        self.policies().filter(|loaded| loaded.shadow)
    }

    /// The policies considered when this actor asks for a permission under these scopes. Those whose head names other actors,
    /// actions or another type of resource are left out: a head cannot fail, so that they could neither match nor err.
    pub(crate) fn select(&self, actor: &Actor, spec: &Spec, scopes: &ScopeSet) -> Vec<&Sliced> {
        let named = slice::named_by(actor);
        let slices = self.considered(actor.tenant(), spec, scopes);
        slices.flat_map(|slice| slice.select(&named, spec)).collect()
    }

    /// The same, whoever of the tenant asks, ordered by file and place.
    pub(crate) fn concerning(&self, tenant: &TenantId, spec: &Spec, scopes: &ScopeSet) -> Vec<&Sliced> {
        let mut concerning = Vec::new();
        for slice in self.considered(tenant, spec, scopes) {
            let from = concerning.len();
            concerning.extend(slice.concerning(spec));
            let own: &mut [&Sliced] = concerning.get_mut(from..).unwrap_or_default();
            own.sort_by(|one, other| one.loaded.position().cmp(&other.loaded.position()));
        }
        concerning
    }

    /// The policies that count for a tenant's actors under these scopes: the guards, and of each scope its permits; a tenant's
    /// own only for its own actors, and never for a door.
    pub(crate) fn considered(
        &self,
        tenant: &TenantId,
        spec: &Spec,
        scopes: &ScopeSet,
    ) -> impl Iterator<Item = &Slice> {
        let door = spec.group == Group::Doors;
        let held = scopes.ids().filter_map(|id| self.scopes.get(id));
        let counts = move |owner: &TenantId| owner.is_system() || (owner == tenant && !door);
        let considered = held.filter(move |held| counts(held.scope.tenant()));
        // As `app` joins permits to the scopes of one actor: to one of its own tenant's, else to the first that it holds, else to
        // one that its tenant would have.
        let joined =
            self.joined.as_ref().filter(|id| !scopes.contains(id)).and_then(|id| self.scopes.get(id));
        let place = scopes.iter().find(|held| held.tenant() == tenant).or_else(|| scopes.iter().next());
        let joined = joined.filter(|_| counts(place.map_or(tenant, |held| held.tenant())));
        std::iter::once(&self.guards).chain(considered.chain(joined).map(|held| &held.policies))
    }

    /// Whether it is known what a scope of this id permits. Where there is none but the one that joins all, that is what every
    /// scope permits.
    pub(crate) fn knows_scope(&self, id: &str) -> bool {
        let stands_for_all = || self.joined.is_some() && self.scopes.len() == 1;
        self.scopes.contains_key(id) || stands_for_all()
    }

    /// All policies, the guard's first.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &Arc<Loaded>> {
        self.guards.iter().chain(self.scopes.values().flat_map(|scope| scope.policies.iter()))
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Bundle({}, {} policies)", self.digest, self.policy_count())
    }
}
