//! What permissions are about: processes, definitions, hosts, names and the product's own facilities, as facts.
//!
//! Nothing here finds or changes anything; where a process lives, and whether it still does, is not known.

use std::sync::Arc;

use crate::identity::{Actor, InvalidIdentity, TenantId, check_namespace, split_id};
use crate::limits::{ID_BYTES_MAX, NAME_BYTES_MAX};

/// A program that processes can be started from: `namespace:name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    id: Arc<str>,
    colon: usize,
    tenant: TenantId,
    shared: bool,
}

impl Definition {
    /// The definition of that id in a namespace of `tenant`; `shared` lets other tenants run it.
    ///
    /// # Errors
    /// The id is not `namespace:name`.
    pub fn new(id: &str, tenant: &TenantId, shared: bool) -> Result<Self, InvalidIdentity> {
        let (namespace, _) = split_id("definition id", id)?;
        Ok(Self { id: Arc::from(id), colon: namespace.len(), tenant: tenant.clone(), shared })
    }

    /// What a question about a definition of another tenant's namespace is decided on, whether it exists or not:
    /// that tenant's, not shared.
    ///
    /// # Errors
    /// The id is not `namespace:name`.
    pub fn stand_in(id: &str, tenant: &TenantId) -> Result<Self, InvalidIdentity> {
        Self::new(id, tenant, false)
    }

    /// `namespace:name`.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The part before the colon.
    pub fn namespace(&self) -> &str {
        self.id.get(..self.colon).unwrap_or_default()
    }

    /// The part after the colon.
    pub fn name(&self) -> &str {
        self.id.get(self.colon + 1..).unwrap_or_default()
    }

    /// The owner of its namespace.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Whether other tenants may run it.
    pub fn shared(&self) -> bool {
        self.shared
    }
}

/// A place where processes run: `namespace:name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    id: Arc<str>,
    tenant: Option<TenantId>,
}

impl Host {
    /// The host of that id, reserved for `tenant`; open to every tenant without one.
    ///
    /// # Errors
    /// The id is not `namespace:name`.
    pub fn new(id: &str, tenant: Option<&TenantId>) -> Result<Self, InvalidIdentity> {
        split_id("host id", id)?;
        Ok(Self { id: Arc::from(id), tenant: tenant.cloned() })
    }

    /// What a question about a host of another tenant's namespace is decided on, whether it exists or not.
    ///
    /// # Errors
    /// The id is not `namespace:name`.
    pub fn stand_in(id: &str, tenant: &TenantId) -> Result<Self, InvalidIdentity> {
        Self::new(id, Some(tenant))
    }

    /// `namespace:name`.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The only tenant that may use it, if there is one.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }
}

/// A process: facts that are fixed when it is spawned. Its tenant is its owner's.
#[derive(Debug, Clone)]
pub struct Process {
    pid: Arc<str>,
    owner: Arc<Actor>,
    definition: Arc<Definition>,
    host: Arc<Host>,
    // INVARIANT: the parent has no parent of its own, so that a long line of spawns holds two at most.
    parent: Option<Arc<Process>>,
    address: u64,
}

impl Process {
    /// A process that runs for `owner`. Of `parent` its own facts are kept, not whose child it is. `address` is
    /// the caller's own: where the process lives, of no meaning to policies.
    pub fn new(
        pid: impl Into<Arc<str>>,
        owner: Arc<Actor>,
        definition: Arc<Definition>,
        host: Arc<Host>,
        parent: Option<&Arc<Process>>,
        address: u64,
    ) -> Self {
        let parent = parent.map(|parent| match parent.parent {
            Some(_) => Arc::new(Self { parent: None, ..Self::clone(parent) }),
            None => parent.clone(),
        });
        Self { pid: pid.into(), owner, definition, host, parent, address }
    }

    /// What a question about a process of another tenant is decided on: of that tenant, and nothing else is said.
    /// `text` is what the caller wrote, a pid or a name; `address` is where the process lives, 0 if it does not.
    pub fn stand_in(text: impl Into<Arc<str>>, tenant: &TenantId, address: u64) -> Self {
        let unknown = || Arc::from("unknown:unknown");
        Self {
            pid: text.into(),
            owner: Arc::new(Actor::stand_in(tenant)),
            definition: Arc::new(Definition {
                id: unknown(),
                colon: "unknown".len(),
                tenant: tenant.clone(),
                shared: false,
            }),
            host: Arc::new(Host { id: unknown(), tenant: Some(tenant.clone()) }),
            parent: None,
            address,
        }
    }

    /// Its pid, as text.
    pub fn pid(&self) -> &Arc<str> {
        &self.pid
    }

    /// Its owner's tenant.
    pub fn tenant(&self) -> &TenantId {
        self.owner.tenant()
    }

    /// The actor that it runs for.
    pub fn owner(&self) -> &Arc<Actor> {
        &self.owner
    }

    /// The program that it was started from.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Where it runs.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// The process that spawned it, without that one's own parent.
    pub fn parent(&self) -> Option<&Arc<Process>> {
        self.parent.as_ref()
    }

    /// Where it lives: opaque here.
    pub fn address(&self) -> u64 {
        self.address
    }
}

/// A name in a tenant's registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    tenant: TenantId,
    value: Arc<str>,
}

impl Name {
    /// The name `value` of `tenant`.
    ///
    /// # Errors
    /// Empty, over 128 bytes, or other characters than letters, digits, `.`, `_` and `-`.
    pub fn new(tenant: &TenantId, value: &str) -> Result<Self, InvalidIdentity> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if value.is_empty() || value.len() > NAME_BYTES_MAX || !value.bytes().all(allowed) {
            let rule = "a name is 1 to 128 letters, digits, `.`, `_` and `-`";
            return Err(InvalidIdentity::new("name", value, rule));
        }
        Ok(Self { tenant: tenant.clone(), value: Arc::from(value) })
    }

    /// Whose registry it is in.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The name itself.
    pub fn value(&self) -> &Arc<str> {
        &self.value
    }
}

/// Something of a process that is not a thing of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facility {
    /// The context values of processes to be spawned.
    Context,
    /// The actor and scopes of processes to be spawned.
    Security,
}

impl Facility {
    /// Its id: `context` or `security`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Security => "security",
        }
    }
}

/// A namespace of definitions, such as `acme.workers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    name: Arc<str>,
    tenant: TenantId,
}

impl Namespace {
    /// The namespace of that name, owned by `tenant`.
    ///
    /// # Errors
    /// Not words of letters, digits, `_` and `-` joined by `.`, or over 512 bytes.
    pub fn new(name: &str, tenant: &TenantId) -> Result<Self, InvalidIdentity> {
        check_namespace(name).map_err(|rule| InvalidIdentity::new("namespace", name, rule))?;
        if name.len() > ID_BYTES_MAX {
            return Err(InvalidIdentity::new("namespace", name, "at most 512 bytes"));
        }
        Ok(Self { name: Arc::from(name), tenant: tenant.clone() })
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its owner.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_carries_no_parent_of_its_own() {
        let tenant = TenantId::new("acme").unwrap();
        let mut newest = Arc::new(Process::stand_in("p0", &tenant, 0));
        for pid in ["p1", "p2", "p3"] {
            let owner = newest.owner().clone();
            let (definition, host) = (newest.definition().clone(), newest.host().clone());
            newest = Arc::new(Process::new(pid, owner, definition, host, Some(&newest), 1));
        }
        let parent = newest.parent().unwrap();
        assert_eq!(&**parent.pid(), "p2");
        assert!(parent.parent().is_none());
    }

    #[test]
    fn a_definitions_id_is_its_namespace_and_name() {
        let tenant = TenantId::new("acme").unwrap();
        let definition = Definition::new("acme.workers:handler", &tenant, false).unwrap();
        assert_eq!((definition.namespace(), definition.name()), ("acme.workers", "handler"));
        assert!(Definition::new("handler", &tenant, false).is_err());
    }
}
