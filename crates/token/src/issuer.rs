//! One issuer at work: the keys that it serves at this moment.
//!
//! Keys are used until they are `jwks_max_age` old, whether or not they could be fetched again; past that nothing of this issuer
//! is accepted. Who fetches, and when, is [`crate::Issuers::refresh`].

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::fetch::{authorities, check_url, fetch};
use crate::jwks::{KeySet, Origin, Refusal};
use crate::limits::{FETCH_INTERVAL, FETCH_ON_DEMAND_INTERVAL, FILE_INTERVAL};
use crate::settings::{InvalidIssuer, KeySource, Settings};

/// An issuer at work.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) settings: Settings,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    /// When they were had, in seconds since 1970.
    had_at: i64,
    /// When they were last asked for.
    tried_at: Option<i64>,
    /// Whether somebody came with a key that is not known.
    wanted: bool,
}

/// The issuer's keys are too old, or were never had.
#[derive(Debug)]
pub(crate) struct NoKeys;

impl Issuer {
    /// # Errors
    /// Everything that is wrong with the settings.
    pub(crate) fn new(settings: Settings) -> Result<Self, Vec<InvalidIssuer>> {
        let mut wrong = settings.check_texts();
        // Keys are held against the algorithms: where those are wrong, what is said of keys would follow from that.
        let algorithms = !wrong.iter().any(|wrong| ["algorithms", "jwks"].contains(&wrong.key));
        let keys = if algorithms { first_keys(&settings) } else { Ok(None) };
        match keys {
            Ok(keys) if wrong.is_empty() => {
                let state = State { keys: keys.map(Arc::new), ..State::default() };
                Ok(Self { settings, state: RwLock::new(state) })
            }
            Ok(_) => Err(wrong),
            Err(error) => {
                wrong.push(error);
                Err(wrong)
            }
        }
    }

    /// Its keys, as long as they may be used.
    pub(crate) fn keys(&self, now: i64) -> Result<Arc<KeySet>, NoKeys> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let age = now.saturating_sub(state.had_at);
        let inline = matches!(self.settings.keys, KeySource::Inline(_));
        match &state.keys {
            Some(keys) if inline || age <= seconds(self.settings.jwks_max_age) => Ok(keys.clone()),
            _ => Err(NoKeys),
        }
    }

    /// Notes that somebody came with a key that is not known.
    pub(crate) fn want(&self) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).wanted = true;
    }

    /// Whether it is time to ask for its keys; who is told so has to ask.
    pub(crate) fn is_due(&self, now: i64, at_once: bool) -> bool {
        let interval = match &self.settings.keys {
            KeySource::Inline(_) => return false,
            KeySource::File(_) => FILE_INTERVAL,
            KeySource::Url(_) => FETCH_INTERVAL,
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let since = |least: Duration| {
            // A clock that was set back makes everything due.
            state.tried_at.is_none_or(|at| now < at || now - at >= seconds(least))
        };
        let due = at_once || since(interval) || (state.wanted && since(FETCH_ON_DEMAND_INTERVAL));
        if due {
            state.tried_at = Some(now);
            state.wanted = false;
        }
        due
    }

    /// Asks for its keys, and has them from now on: whether they are others than before. Waits for a file or the network.
    /// Where a secret is found among them there are none from now on.
    ///
    /// # Errors
    /// Why they could not be had, in words; those before stay.
    pub(crate) fn refresh(&self, now: i64) -> Result<bool, String> {
        let keys = match load(&self.settings) {
            Ok(keys) => keys,
            Err(Refusal::Leaked(why)) => KeySet::closed(why),
            Err(Refusal::Unreadable(why)) => return Err(why),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let changed = state.keys.as_ref().is_none_or(|before| !before.is_same(&keys));
        state.keys = Some(Arc::new(keys));
        state.had_at = now;
        Ok(changed)
    }

    /// Takes over what another knows of the same keys.
    pub(crate) fn adopt(&self, other: &Self) {
        let same_source = match (&self.settings.keys, &other.settings.keys) {
            (KeySource::Url(own), KeySource::Url(others)) => own == others,
            (KeySource::File(own), KeySource::File(others)) => own.path == others.path,
            _ => false,
        };
        if same_source && self.settings.algorithms == other.settings.algorithms {
            let others = other.state.read().unwrap_or_else(PoisonError::into_inner);
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            *state = State { keys: others.keys.clone(), ..*others };
        }
    }

    /// What else is served among its keys, and why it is not used.
    pub(crate) fn left_out(&self) -> Vec<String> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.keys.as_ref().map(|keys| keys.left_out.clone()).unwrap_or_default()
    }

    /// Names of the keys that can be known without fetching.
    pub(crate) fn key_names(&self) -> Vec<Arc<str>> {
        let known = self.state.read().unwrap_or_else(PoisonError::into_inner).keys.clone();
        let known = known.or_else(|| match self.settings.keys {
            KeySource::File(_) => load(&self.settings).ok().map(Arc::new),
            _ => None,
        });
        known.map(|keys| keys.names()).unwrap_or_default()
    }
}

/// The keys that there are before anybody asks for them: those that stand in the manifest.
fn first_keys(settings: &Settings) -> Result<Option<KeySet>, InvalidIssuer> {
    let wrong = |key| move |message| InvalidIssuer { key, message };
    match &settings.keys {
        KeySource::Url(url) => {
            check_url(url).map_err(|error| error.to_string()).map_err(wrong("jwks"))?;
            if let Some(pem) = &settings.authorities {
                authorities(pem).map_err(wrong("jwks"))?;
            }
            Ok(None)
        }
        // When it was read is nobody's to say yet: until the first look it counts as never had.
        KeySource::File(_) => some(settings).map_err(wrong("jwks")).map(|_| None),
        KeySource::Inline(_) => some(settings).map_err(wrong("keys")).map(Some),
    }
}

/// The keys as they are at their source, at least one.
fn some(settings: &Settings) -> Result<KeySet, String> {
    let keys = load(settings).map_err(Refusal::into_text)?;
    match &settings.keys {
        KeySource::File(file) if keys.is_empty() => {
            Err(format!("`{}`: the set has no key of use", file.path))
        }
        _ if keys.is_empty() => Err("the set has no key of use".to_owned()),
        _ => Ok(keys),
    }
}

/// The keys as they are at their source.
fn load(settings: &Settings) -> Result<KeySet, Refusal> {
    match &settings.keys {
        KeySource::Inline(text) => KeySet::read(text.as_bytes(), &settings.algorithms, Origin::Inline),
        KeySource::File(file) => {
            let text = (file.read)().map_err(|why| format!("`{}` cannot be read: {why}", file.path))?;
            KeySet::read(text.as_bytes(), &settings.algorithms, Origin::File)
                .map_err(|refusal| refusal.of(&file.path))
        }
        KeySource::Url(url) => {
            let body = fetch(url, settings.fetch_timeout, settings.authorities.as_deref())?;
            KeySet::read(&body, &settings.algorithms, Origin::Server).map_err(|refusal| refusal.of(url))
        }
    }
}

/// Whole seconds, as times are counted.
pub(crate) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
