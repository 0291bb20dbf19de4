//! What a verified token leaves behind: an actor, scopes, and the session that ends with it.

use std::sync::Arc;

use policy::Actor;

/// What a token is worth.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who: verified, with the time at which they authenticated.
    pub actor: Arc<Actor>,
    /// Ids of the scopes that the issuer's grants give, in order, each once. None: everything is denied.
    pub scopes: Vec<Arc<str>>,
    /// What ends with the token.
    pub session: Arc<Session>,
}

/// A token that was accepted, as long as processes run under it. Never the token itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session {
    /// Id of the issuer's entry, `namespace:name`.
    pub issuer: Arc<str>,
    /// The token's `iss`.
    pub iss: Arc<str>,
    /// The token's `sub`, as it is there: hostile wherever it is shown.
    pub subject: Arc<str>,
    /// The token's `jti`, if it has one. Hostile as well.
    pub jti: Option<Arc<str>>,
    /// Name of the key that signed it; `None` for an issuer's only key, which needs no name.
    pub kid: Option<Arc<str>>,
    /// The token's `iat`, in seconds since 1970.
    pub issued_at: i64,
    /// Until when it is good, in seconds since 1970: the token's `exp` and the issuer's leeway.
    pub expires_at: i64,
    /// Thumbprint of that key, so that another key of the same name does not keep the session alive.
    pub(crate) key: [u8; 32],
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Ended {
    /// Its deadline has passed.
    #[error("the token expired")]
    Expired,
    /// The token, or all of its subject's, was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// Its issuer no longer serves the key that signed it.
    #[error("the key of the token was withdrawn")]
    KeyWithdrawn,
    /// Its issuer's keys could not be had for longer than `jwks_max_age`.
    #[error("the keys of the token's issuer could not be had for too long")]
    NoKeys,
    /// The app no longer has that issuer.
    #[error("the issuer of the token is no longer accepted")]
    IssuerGone,
}
