//! Who: tenants, actors and the scopes they hold.
//!
//! Values of this module are facts that the host has established (from a verified token or the manifest); the
//! constructors keep their shape right, and grant nothing. How a token is verified is not known here.

mod actor;
mod scope;
mod session;
mod tenant;

pub use actor::{Actor, ActorKind, Digest, encode_subject};
pub use scope::{Scope, ScopeSet};
pub use session::{Over, Session, Sessions};
pub use tenant::{Tenant, TenantId};

/// A name or id whose shape is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{text}` is not valid: {rule}")]
pub struct InvalidIdentity {
    /// What it was to be: `tenant id`, `role`, ...
    pub what: &'static str,
    /// The text as given. Hostile wherever it is shown.
    pub text: String,
    /// The rule that it breaks, with what is allowed.
    pub rule: &'static str,
}

impl InvalidIdentity {
    pub(crate) fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        Self { what, text: text.to_owned(), rule }
    }
}

/// `namespace:name`: the parts of an id of a definition, host or scope. A namespace is dotted words.
pub(crate) fn split_id<'a>(what: &'static str, id: &'a str) -> Result<(&'a str, &'a str), InvalidIdentity> {
    let wrong = |rule| InvalidIdentity::new(what, id, rule);
    if id.len() > crate::limits::ID_BYTES_MAX {
        return Err(wrong("at most 512 bytes"));
    }
    let (namespace, name) = id.split_once(':').ok_or_else(|| wrong("write `namespace:name`"))?;
    check_namespace(namespace).map_err(wrong)?;
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || !name.bytes().all(in_name) {
        return Err(wrong("a name is letters, digits, `.`, `_` and `-`"));
    }
    Ok((namespace, name))
}

/// The rule that a namespace breaks, if it breaks one.
pub(crate) fn check_namespace(namespace: &str) -> Result<(), &'static str> {
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let word = |word: &str| !word.is_empty() && word.bytes().all(in_word);
    if namespace.split('.').all(word) {
        Ok(())
    } else {
        Err("a namespace is words of letters, digits, `_` and `-`, joined by `.`")
    }
}
