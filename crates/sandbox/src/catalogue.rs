//! What there is to run, where, and under which scopes: one immutable set, swapped whole by a reload.
//!
//! Looking something up never tells one tenant what another has: a definition or host of a foreign namespace is
//! answered with facts that the policy engine denies alike, whether it exists or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{Host, Scope, ScopeSet, TenantId};
use token::Issuers;
use value::Failure;

use crate::definition::Definition;

/// Definitions, hosts, scopes and tenants by id.
#[derive(Default)]
pub struct Catalogue {
    definitions: BTreeMap<String, Arc<Definition>>,
    hosts: BTreeMap<String, Arc<Host>>,
    scopes: BTreeMap<String, Arc<Scope>>,
    default_scopes: BTreeMap<TenantId, ScopeSet>,
    /// Namespace to its owner; a namespace below it is the same tenant's.
    namespaces: BTreeMap<String, TenantId>,
    /// Who owns a namespace that nobody owns: `system`, or `default` in an app without tenants.
    owner_of_rest: Option<TenantId>,
    /// Whose tokens are accepted.
    issuers: Arc<Issuers>,
}

/// A definition as a caller finds it.
pub(crate) struct Found {
    /// What a policy sees of it; made up for one that does not exist in another tenant's namespace.
    pub(crate) facts: Arc<policy::Definition>,
    /// What to run, if it exists.
    pub(crate) definition: Option<Arc<Definition>>,
}

impl Catalogue {
    /// A catalogue in which `owner_of_rest` owns every namespace that is not given away.
    pub fn new(owner_of_rest: TenantId) -> Self {
        Self { owner_of_rest: Some(owner_of_rest), ..Self::default() }
    }

    /// Adds a definition.
    pub fn add_definition(&mut self, definition: Definition) {
        self.definitions.insert(definition.facts.id().to_string(), Arc::new(definition));
    }

    /// Adds a host.
    pub fn add_host(&mut self, host: Arc<Host>) {
        self.hosts.insert(host.id().to_string(), host);
    }

    /// Adds a scope.
    pub fn add_scope(&mut self, scope: Arc<Scope>) {
        self.scopes.insert(scope.id().to_string(), scope);
    }

    /// Says which scopes a tenant's actors have when nobody says otherwise.
    pub fn set_default_scopes(&mut self, tenant: TenantId, scopes: ScopeSet) {
        self.default_scopes.insert(tenant, scopes);
    }

    /// Gives a namespace, and all below it, to a tenant.
    pub fn own_namespace(&mut self, namespace: impl Into<String>, tenant: TenantId) {
        self.namespaces.insert(namespace.into(), tenant);
    }

    /// Says whose tokens are accepted.
    pub fn set_issuers(&mut self, issuers: Arc<Issuers>) {
        self.issuers = issuers;
    }

    /// Whose tokens are accepted.
    pub fn issuers(&self) -> &Arc<Issuers> {
        &self.issuers
    }

    /// The scopes of these ids, as far as they are declared: fewer have fewer permits.
    pub fn scope_set<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> ScopeSet {
        ScopeSet::new(ids.into_iter().filter_map(|id| self.scope(id).cloned()))
    }

    /// The definition with this id.
    pub fn definition(&self, id: &str) -> Option<&Arc<Definition>> {
        self.definitions.get(id)
    }

    /// Every definition, by id.
    pub fn definitions(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.definitions.values()
    }

    /// The host with this id.
    pub fn host(&self, id: &str) -> Option<&Arc<Host>> {
        self.hosts.get(id)
    }

    /// Every host, by id.
    pub fn hosts(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.hosts.values()
    }

    /// The scope with this id.
    pub fn scope(&self, id: &str) -> Option<&Arc<Scope>> {
        self.scopes.get(id)
    }

    /// Every scope, by id.
    pub fn scopes(&self) -> impl Iterator<Item = &Arc<Scope>> {
        self.scopes.values()
    }

    /// The scopes that a tenant's actors have when nobody says otherwise.
    pub fn default_scopes(&self, tenant: &TenantId) -> ScopeSet {
        self.default_scopes.get(tenant).cloned().unwrap_or_default()
    }

    /// Who owns a namespace: whoever owns it or the nearest one above it.
    pub fn owner(&self, namespace: &str) -> Option<&TenantId> {
        let mut candidate = namespace;
        loop {
            if let Some(owner) = self.namespaces.get(candidate) {
                return Some(owner);
            }
            match candidate.rsplit_once('.') {
                Some((above, _)) => candidate = above,
                None => return self.owner_of_rest.as_ref(),
            }
        }
    }

    /// A definition for a caller of `tenant`.
    ///
    /// # Errors
    /// INVALID: not an id. NOT_FOUND: none in a namespace of one's own.
    pub(crate) fn find_definition(
        &self,
        tenant: &TenantId,
        argument: &str,
        id: &str,
    ) -> Result<Found, Failure> {
        let (namespace, _) = id_parts(id, argument)?;
        if let Some(definition) = self.definitions.get(id) {
            return Ok(Found { facts: definition.facts.clone(), definition: Some(definition.clone()) });
        }
        match self.owner(namespace) {
            Some(owner) if owner != tenant => {
                let facts = policy::Definition::stand_in(id, owner).map_err(invalid)?;
                Ok(Found { facts: Arc::new(facts), definition: None })
            }
            _ => Err(Failure::not_found(format!("definition `{id}` does not exist"))),
        }
    }

    /// A host for a caller of `tenant`.
    ///
    /// # Errors
    /// INVALID: not an id. NOT_FOUND: none in a namespace of one's own.
    pub(crate) fn find_host(&self, tenant: &TenantId, id: &str) -> Result<Arc<Host>, Failure> {
        let (namespace, _) = id_parts(id, "host")?;
        if let Some(host) = self.hosts.get(id) {
            return Ok(host.clone());
        }
        match self.owner(namespace) {
            Some(owner) if owner != tenant => Ok(Arc::new(Host::stand_in(id, owner).map_err(invalid)?)),
            _ => Err(Failure::not_found(format!("host `{id}` does not exist"))),
        }
    }
}

fn invalid(why: policy::InvalidIdentity) -> Failure {
    Failure::invalid(why.to_string())
}

/// Namespace and name of an id.
///
/// # Errors
/// INVALID: not of the form `namespace:name`.
pub(crate) fn id_parts<'a>(id: &'a str, argument: &str) -> Result<(&'a str, &'a str), Failure> {
    match id.split_once(':') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && id.len() <= 256 => {
            Ok((namespace, name))
        }
        _ => Err(Failure::invalid(format!(
            "`{argument}` must be `namespace:name`, got `{}`",
            id.chars().take(64).collect::<String>()
        ))),
    }
}
