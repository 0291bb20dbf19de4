//! Tenants: whose a process, name, definition or record is.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::InvalidIdentity;
use crate::limits::TENANT_ID_BYTES_MAX;

/// The id of a tenant: 1 to 64 of `a`-`z`, `0`-`9` and `-`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

static SYSTEM: LazyLock<TenantId> = LazyLock::new(|| TenantId(Arc::from("system")));
// INVARIANT: not a valid id, so that nobody can be it.
static NOBODY: LazyLock<TenantId> = LazyLock::new(|| TenantId(Arc::from("~nobody")));

impl TenantId {
    /// The tenant of that id; whether it exists is for the bundle to say.
    ///
    /// # Errors
    /// Empty, over 64 bytes, or other characters than `a`-`z`, `0`-`9` and `-`.
    pub fn new(id: &str) -> Result<Self, InvalidIdentity> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || id.len() > TENANT_ID_BYTES_MAX || !id.bytes().all(allowed) {
            let rule = "a tenant's id is 1 to 64 of `a`-`z`, `0`-`9` and `-`";
            return Err(InvalidIdentity::new("tenant id", id, rule));
        }
        Ok(Self(Arc::from(id)))
    }

    /// The operator's own tenant, `system`.
    pub fn system() -> Self {
        SYSTEM.clone()
    }

    /// A tenant that nobody has: whose what belongs to no known tenant is, when a question about it must still
    /// be decided. No declared tenant is ever equal to it.
    pub fn nobody() -> Self {
        NOBODY.clone()
    }

    /// Whether this is the operator's own tenant.
    pub fn is_system(&self) -> bool {
        *self == *SYSTEM
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as shared text.
    pub fn text(&self) -> &Arc<str> {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for TenantId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What policies can read of a tenant. Part of a bundle: a change of it is a new generation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Whether everything of it is refused (`guard.suspended`).
    pub suspended: bool,
    /// The name of its plan; empty without one.
    pub plan: String,
}

impl Tenant {
    /// A tenant that is not suspended, without a plan.
    pub fn new(id: TenantId) -> Self {
        Self { id, suspended: false, plan: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::TenantId;

    #[test]
    fn a_tenant_id_is_lower_case_letters_digits_and_dashes() {
        let long = "a".repeat(65);
        for (id, valid) in
            [("acme", true), ("a-1", true), ("", false), ("Acme", false), ("a/b", false), ("~nobody", false)]
                .into_iter()
                .chain([(long.as_str(), false)])
        {
            assert_eq!(TenantId::new(id).is_ok(), valid, "{id}");
        }
    }
}
