//! Sessions: what processes carry of the tokens that they, or those before them, were started under.
//!
//! A session grants nothing and no policy reads it; it is what can be over. Who finds that it is over, and what follows, is
//! not known here.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::TenantId;

/// A token that was accepted, for as long as anything runs under it. Never the token itself.
#[derive(Debug)]
pub struct Session {
    /// Id of the issuer's entry, `namespace:name`.
    pub issuer: Arc<str>,
    /// The token's `iss`.
    pub iss: Arc<str>,
    /// Audience of that entry.
    pub audience: Arc<str>,
    /// Tenant of that entry, whose actor the token made.
    pub tenant: TenantId,
    /// The token's `sub`, as it is there: hostile wherever it is shown.
    pub subject: Arc<str>,
    /// The token's `jti`, if it has one. Hostile as well.
    pub jti: Option<Arc<str>>,
    /// Name of the key that signed it; `None` for an issuer's only key, which needs no name.
    pub kid: Option<Arc<str>>,
    /// Thumbprint of that key, so that another key of the same name does not keep the session alive.
    pub key: [u8; 32],
    /// The token's `iat`, in seconds since 1970.
    pub issued_at: i64,
    /// When what runs under it is ended, in seconds since 1970.
    pub ends_at: i64,
    /// Whether it was ended before that.
    pub over: Over,
}

/// The mark that a session is over: set once, from any thread, never cleared.
#[derive(Default)]
pub struct Over(OnceLock<Arc<str>>);

impl Over {
    /// Marks it, saying why. The first reason stays; says whether it was this one.
    pub fn set(&self, why: &str) -> bool {
        self.0.set(why.into()).is_ok()
    }

    /// Why it is over, if it is.
    pub fn why(&self) -> Option<&Arc<str>> {
        self.0.get()
    }
}

impl fmt::Debug for Over {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.why().map_or("no", |why| why))
    }
}

impl Session {
    /// Why it is over at a time in seconds since 1970, if it is.
    pub fn over_at(&self, now: i64) -> Option<&str> {
        match self.over.why() {
            Some(why) => Some(why),
            None => (now >= self.ends_at).then_some("the token expired"),
        }
    }
}

/// The sessions that a process carries: of the token that it was started under, and of every token whose actor it or one
/// before it was given. Each once; cheap to clone.
#[derive(Clone, Default)]
pub struct Sessions(Option<Arc<[Arc<Session>]>>);

impl Sessions {
    /// None: nothing outside can end what carries this.
    pub const fn none() -> Self {
        Self(None)
    }

    /// These and one more, if it is there.
    #[must_use]
    pub fn with(&self, session: Option<&Arc<Session>>) -> Self {
        match session {
            Some(session) if !self.iter().any(|held| Arc::ptr_eq(held, session)) => {
                Self(Some(self.iter().chain([session]).cloned().collect()))
            }
            _ => self.clone(),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.0.iter().flat_map(|sessions| sessions.iter())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Why the first that is over at a time in seconds since 1970 is, if any is.
    pub fn over_at(&self, now: i64) -> Option<&str> {
        self.iter().find_map(|session| session.over_at(now))
    }

    /// When the first of them ends, in seconds since 1970.
    pub fn ends_at(&self) -> Option<i64> {
        self.iter().map(|session| session.ends_at).min()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}
