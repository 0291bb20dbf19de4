//! A set of keys (RFC 7517 section 5): read whole, strictly, or not at all.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::algorithm::Algorithm;
use crate::key::{Key, Unusable};
use crate::limits::{KEYS_BYTES_MAX, KEYS_MAX};
use crate::strict;

/// Where a set comes from, which is how strict its reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The manifest: every key has to be of use, and shared secrets may be among them.
    Inline,
    /// A file of the operator's: every key has to be of use.
    File,
    /// The issuer's server, which may serve keys for other purposes too; they are left out.
    Server,
}

/// Why a set is not read. Texts can quote it: hostile wherever they are shown.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It says nothing about which keys are good.
    Unreadable(String),
    /// A secret is in it that is none any more: no key that its issuer served is to be trusted.
    Leaked(String),
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self::Unreadable(why)
    }
}

impl Refusal {
    /// The same, with where the set is.
    pub(crate) fn of(self, place: &str) -> Self {
        match self {
            Self::Unreadable(why) => Self::Unreadable(format!("`{place}`: {why}")),
            Self::Leaked(why) => Self::Leaked(format!("`{place}`: {why}")),
        }
    }

    /// Why, in words.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Unreadable(why) | Self::Leaked(why) => why,
        }
    }
}

/// The keys of one issuer, by name.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    named: HashMap<Arc<str>, Arc<Key>>,
    /// The issuer's only key: the one that a token may leave unnamed.
    only: Option<Arc<Key>>,
    /// What else was in the set, and why it is not used.
    pub(crate) left_out: Vec<String>,
}

impl KeySet {
    /// Reads `{"keys": [...]}`. A set without a key of use is a set: its issuer has withdrawn them all.
    ///
    /// # Errors
    /// It is no set of keys, or one that nobody should trust.
    pub(crate) fn read(text: &[u8], allowed: &[Algorithm], origin: Origin) -> Result<Self, Refusal> {
        if text.len() > KEYS_BYTES_MAX {
            let bytes = text.len();
            return Err(format!("the set of keys is {bytes} bytes, at most {KEYS_BYTES_MAX} allowed").into());
        }
        let set = strict::object(text).map_err(|why| format!("the set of keys cannot be read: {why}"))?;
        let Some(Json::Array(written)) = set.get("keys") else {
            return Err("the set of keys has no list `keys`".to_owned().into());
        };
        if written.len() > KEYS_MAX {
            return Err(format!("the set has {} keys, at most {KEYS_MAX} allowed", written.len()).into());
        }
        let mut keys = Vec::new();
        let mut left_out = Vec::new();
        for jwk in written {
            let Json::Object(jwk) = jwk else {
                return Err("a key of the set is not an object".to_owned().into());
            };
            match Key::read(jwk, allowed, origin == Origin::Inline) {
                Ok(key) => keys.push(Arc::new(key)),
                Err(Unusable::LeftOut(why)) if origin == Origin::Server => left_out.push(why),
                Err(Unusable::LeftOut(why)) => return Err(why.into()),
                Err(Unusable::Leaked(why)) => return Err(Refusal::Leaked(why)),
            }
        }
        Ok(Self::of(keys, left_out, written, origin)?)
    }

    fn of(
        keys: Vec<Arc<Key>>,
        mut left_out: Vec<String>,
        written: &[Json],
        origin: Origin,
    ) -> Result<Self, String> {
        // Of all that are written: a name that two keys have is no name, whatever they are for.
        let mut names: Vec<&str> = written.iter().filter_map(|jwk| jwk.get("kid")?.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) =
            names.windows(2).find_map(|pair| (pair.first() == pair.last()).then(|| pair.first()))
        {
            return Err(format!("the set has two keys `{}`", twice.copied().unwrap_or_default()));
        }
        let only = if let [only] = keys.as_slice() { Some(only.clone()) } else { None };
        let mut named = HashMap::new();
        for key in &keys {
            match &key.kid {
                Some(kid) => drop(named.insert(kid.clone(), key.clone())),
                None if only.is_some() => {}
                None if origin == Origin::Server => {
                    left_out.push("a key without `kid` among others: no token can name it".to_owned());
                }
                None => return Err("a key among others needs a `kid`".to_owned()),
            }
        }
        Ok(Self { named, only, left_out })
    }

    /// No key at all, for this reason.
    pub(crate) fn closed(why: String) -> Self {
        Self { left_out: vec![why], ..Self::default() }
    }

    /// Whether no token can be verified with it.
    pub(crate) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.only.is_none()
    }

    /// The key that a token names; the only one there is for a token that names none.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&Arc<Key>> {
        match kid {
            Some(kid) => self.named.get(kid),
            None => self.only.as_ref(),
        }
    }

    /// Whether it has that very key, under whatever name.
    pub(crate) fn has(&self, kid: Option<&str>, thumbprint: &[u8; 32]) -> bool {
        let named = kid.map_or(self.only.as_ref(), |kid| self.named.get(kid));
        named.is_some_and(|key| key.thumbprint == *thumbprint)
    }

    /// Names of its keys, in order.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.named.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// Whether two sets have the same keys under the same names.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let prints = |set: &Self| {
            let mut all: Vec<_> =
                set.named.values().chain(&set.only).map(|key| (key.kid.clone(), key.thumbprint)).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        prints(self) == prints(other)
    }
}
