//! What a verified token leaves behind: an actor, scopes, and the session that ends with it.

use std::sync::Arc;

use policy::Actor;
pub use policy::Session;

/// What a token is worth.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who: verified, with the time at which they authenticated, and the session.
    pub actor: Arc<Actor>,
    /// Ids of the scopes that the issuer's grants give, in order, each once. None: everything is denied.
    pub scopes: Vec<Arc<str>>,
    /// What ends with the token.
    pub session: Arc<Session>,
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
    /// The app no longer has that issuer, or has it for another audience or tenant.
    #[error("the issuer of the token is no longer accepted")]
    IssuerGone,
}
