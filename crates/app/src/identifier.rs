//! Names of things in a manifest: ids, namespaces and tenants, and which text may be one.
//!
//! The alphabets are those of the policy engine's entities, so that an id here is an id there. Whether
//! anything of that name exists is not known here.

use std::fmt;
use std::sync::Arc;

use crate::limits::{NAME_BYTES_MAX, NAMESPACE_BYTES_MAX, TENANT_BYTES_MAX};

/// `namespace:name`: what an entry is called everywhere. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    // INVARIANT: two valid parts joined by the first and only `:`; checked in `join`.
    text: Arc<str>,
    namespace_bytes: usize,
}

impl Id {
    /// The id of these two parts; `None` when one of them is not valid.
    pub fn join(namespace: &str, name: &str) -> Option<Self> {
        let valid = is_namespace(namespace) && is_name(name);
        valid.then(|| Self { text: format!("{namespace}:{name}").into(), namespace_bytes: namespace.len() })
    }

    /// The id that `text` means in an entry of `namespace`: itself when it is one, an entry of the same
    /// namespace when it is a bare name; `None` when it is neither.
    pub fn within(namespace: &str, text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once(':').unwrap_or((namespace, text));
        Self::join(namespace, name)
    }

    /// `namespace:name`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the colon.
    pub fn namespace(&self) -> &str {
        self.text.get(..self.namespace_bytes).unwrap_or_default()
    }

    /// The part after the colon.
    pub fn name(&self) -> &str {
        self.text.get(self.namespace_bytes + 1..).unwrap_or_default()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.text)
    }
}

/// The name of a tenant: 1 to 64 of `a-z`, `0-9` and `-`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantName(Arc<str>);

impl TenantName {
    /// The operator's own tenant: owner of every namespace that no declared tenant owns.
    pub const SYSTEM: &str = "system";

    /// The one tenant of an app that declares none.
    pub const DEFAULT: &str = "default";

    /// The tenant of that name; `None` when no tenant can have it.
    pub fn new(text: &str) -> Option<Self> {
        is_tenant(text).then(|| Self(text.into()))
    }

    /// The operator's own tenant.
    pub fn system() -> Self {
        Self(Self::SYSTEM.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the operator's own.
    pub fn is_system(&self) -> bool {
        self.as_str() == Self::SYSTEM
    }
}

impl Default for TenantName {
    /// The one tenant of an app that declares none.
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for TenantName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.0)
    }
}

/// Words of letters, digits, `_` and `-`, joined by `.`.
pub(crate) fn is_namespace(text: &str) -> bool {
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    text.len() <= NAMESPACE_BYTES_MAX
        && text.split('.').all(|word| !word.is_empty() && word.bytes().all(in_word))
}

/// Letters, digits, `.`, `_` and `-`.
pub(crate) fn is_name(text: &str) -> bool {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(in_name)
}

/// Small letters, digits and `-`.
pub(crate) fn is_tenant(text: &str) -> bool {
    let in_tenant = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= TENANT_BYTES_MAX && text.bytes().all(in_tenant)
}

/// What may stand in the last part of an actor's id.
pub(crate) fn in_actor(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._@%/-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_means_an_entry_of_the_same_namespace() {
        for (text, expected) in [
            ("handler", Some("acme.workers:handler")),
            ("acme.lib:orders", Some("acme.lib:orders")),
            ("a:b:c", None),
            (":b", None),
            ("a:", None),
            ("", None),
            ("a..b:c", None),
            ("a b", None),
            ("gr\u{fc}n", None),
        ] {
            let id = Id::within("acme.workers", text);
            assert_eq!(id.as_ref().map(Id::as_str), expected, "{text}");
        }
        let id = Id::within("acme.workers", "handler").unwrap();
        assert_eq!((id.namespace(), id.name()), ("acme.workers", "handler"));
    }

    #[test]
    fn names_have_a_bound() {
        assert!(is_name(&"n".repeat(NAME_BYTES_MAX)));
        assert!(!is_name(&"n".repeat(NAME_BYTES_MAX + 1)));
        assert!(!is_namespace(&"n".repeat(NAMESPACE_BYTES_MAX + 1)));
        assert!(TenantName::new(&"n".repeat(TENANT_BYTES_MAX + 1)).is_none());
        assert!(TenantName::new("ACME").is_none());
    }
}
