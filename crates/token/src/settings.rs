//! What the manifest says of an issuer, and whether it can be used.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use policy::{ActorKind, TenantId};

use crate::algorithm::Algorithm;
use crate::development::DEVELOPMENT_PREFIX;
use crate::issuer::Issuer;
use crate::limits::{GRANTS_MAX, KEYS_AGE_MIN, LEEWAY_MAX, NAME_BYTES_MAX};
use crate::mapping::Mapping;

/// What the manifest says of an issuer.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Id of its entry, `namespace:name`.
    pub id: Arc<str>,
    /// Place of its entry, `file:line`, for people.
    pub place: Arc<str>,
    /// What `iss` has to be, byte by byte.
    pub issuer: String,
    /// What `aud` has to be, or to have among others.
    pub audience: String,
    /// Algorithms that may be used; none but these.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are.
    pub keys: KeySource,
    /// By how much clocks may differ.
    pub leeway: Duration,
    /// How old a token may be; `None` for as long as it says.
    pub max_age: Option<Duration>,
    /// For how long keys that cannot be fetched again are used.
    pub jwks_max_age: Duration,
    /// How long one fetch may take.
    pub fetch_timeout: Duration,
    /// Certificates (PEM) of the authorities that vouch for the server of its keys; `None` for Mozilla's list.
    pub authorities: Option<Arc<str>>,
    /// Whose its tokens' bearers are.
    pub tenant: TenantId,
    /// How long what runs under one of its tokens may go on, from when the token was accepted: as long as the token says,
    /// if nothing is said.
    pub max_lifetime: Option<Duration>,
    /// What its claims are worth.
    pub mapping: Mapping,
}

/// Where keys are.
#[derive(Clone)]
pub enum KeySource {
    /// A URL that [`check_url`] accepts.
    Url(String),
    /// A file of the operator's, read again when it changes.
    File(KeyFile),
    /// The text of a set of keys; the only source that may hold shared secrets.
    Inline(Arc<str>),
}

/// A file that whoever knows the app's folder reads.
#[derive(Clone)]
pub struct KeyFile {
    /// Its path, for people and to tell it from another.
    pub path: Arc<str>,
    /// Its text, or why it cannot be read.
    pub read: Arc<dyn Fn() -> Result<String, String> + Send + Sync>,
}

impl fmt::Debug for KeySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the keys: they may be secrets.
        match self {
            Self::Url(url) => formatter.debug_tuple("Url").field(url).finish(),
            Self::File(file) => formatter.debug_tuple("File").field(&file.path).finish(),
            Self::Inline(_) => formatter.write_str("Inline"),
        }
    }
}

/// Settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidIssuer {
    /// Name of the setting, as the manifest writes it.
    pub key: &'static str,
    /// What is wrong with it. Can quote a set of keys: hostile wherever it is shown.
    pub message: String,
}

impl InvalidIssuer {
    /// The first of what is wrong, for whoever is told one thing.
    pub(crate) fn first(wrong: Vec<Self>) -> Self {
        let unsaid = || Self { key: "", message: "it cannot be used".to_owned() };
        wrong.into_iter().next().unwrap_or_else(unsaid)
    }
}

impl Settings {
    /// Whether they can be used, and the names of development keys among those that can be known without fetching.
    ///
    /// # Errors
    /// Everything that is wrong, each with its setting; at least one.
    pub fn check(&self) -> Result<Vec<Arc<str>>, Vec<InvalidIssuer>> {
        let names = Issuer::new(self.clone())?.key_names();
        Ok(names.into_iter().filter(|name| name.starts_with(DEVELOPMENT_PREFIX)).collect())
    }

    /// What of it makes no sense, wherever its keys are.
    pub(crate) fn check_texts(&self) -> Vec<InvalidIssuer> {
        let mut found = Vec::new();
        let mut wrong = |key, message: String| found.push(InvalidIssuer { key, message });
        for (key, text) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
                wrong(
                    key,
                    format!("`{key}` is not text of 1 to {NAME_BYTES_MAX} bytes without control characters"),
                );
            }
        }
        match self.algorithms.first() {
            None => wrong("algorithms", "no algorithm is allowed, so no token could be accepted".to_owned()),
            Some(first) if self.algorithms.iter().any(|one| one.is_symmetric() != first.is_symmetric()) => {
                let message =
                    "algorithms with a shared secret and with public keys cannot be mixed on one issuer";
                wrong("algorithms", message.to_owned());
            }
            Some(first) if first.is_symmetric() && !matches!(self.keys, KeySource::Inline(_)) => {
                wrong("jwks", format!("`{first}` needs a shared secret, which only `keys` can hold"));
            }
            Some(_) => {}
        }
        if self.leeway > LEEWAY_MAX {
            let (leeway, max) = (self.leeway.as_secs(), LEEWAY_MAX.as_secs());
            wrong("leeway", format!("`leeway` is {leeway} s, at most {max} s allowed"));
        }
        if self.jwks_max_age < KEYS_AGE_MIN {
            let (age, min) = (self.jwks_max_age.as_secs(), KEYS_AGE_MIN.as_secs());
            wrong("jwks_max_age", format!("`jwks_max_age` is {age} s, at least {min} s needed"));
        }
        if self.mapping.grants.len() > GRANTS_MAX {
            let grants = self.mapping.grants.len();
            wrong("grants", format!("there are {grants} grants, at most {GRANTS_MAX} allowed"));
        }
        if self.mapping.actor.value.kind() == ActorKind::Operator && !self.tenant.is_system() {
            wrong("actor", "only an issuer of tenant `system` makes operators".to_owned());
        }
        found
    }
}
