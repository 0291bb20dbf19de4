//! Every issuer of an app: a token in, an actor and scopes out, or one text for everything that is wrong with it.
//!
//! Order: form, issuer, key, algorithm, signature, times, revocation, rules. Only what a signature vouches for is asked after it;
//! where there is no key to verify with, a signature is verified all the same, so that time does not tell how far a token got.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;

use policy::{Over, TenantId};

use crate::compact::Token;
use crate::decoy;
use crate::development::DEVELOPMENT_PREFIX;
use crate::issuer::{Issuer, seconds};
use crate::keeper::Wake;
use crate::key::Key;
use crate::limits::{FETCHES_AT_ONCE, ISSUERS_MAX};
use crate::refused::{Cause, Refused};
use crate::revocation::{Revocations, Revoked};
use crate::session::{Authenticated, Ended, Session};
use crate::settings::{InvalidIssuer, KeySource, Settings};
use crate::validity::good_until;

/// The issuers of an app and what of theirs was revoked. Shared by every thread; nothing here waits for a network but
/// [`Issuers::refresh`], [`Issuers::refresh_now`] and [`Issuers::refresh_for`].
#[derive(Debug)]
pub struct Issuers {
    issuers: Vec<Issuer>,
    by_name: HashMap<String, Vec<usize>>,
    by_id: HashMap<Arc<str>, usize>,
    revocations: Arc<Revocations>,
    wake: Arc<Wake>,
}

/// What came of asking for an issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// Id of the issuer's entry.
    pub issuer: Arc<str>,
    /// Whether they are others than before; or why they could not be had, in words that can quote the server.
    pub outcome: Result<bool, String>,
    /// What else is served among them, and why it is not used; in such words too.
    pub left_out: Vec<String>,
}

impl Issuers {
    /// The issuers of these settings.
    ///
    /// # Errors
    /// What is wrong with one of them, two have issuer and audience or the id in common, or there are more than 64.
    pub fn new(settings: Vec<Settings>, revocations: Arc<Revocations>) -> Result<Self, InvalidIssuer> {
        if settings.len() > ISSUERS_MAX {
            let message = format!("there are {} issuers, at most {ISSUERS_MAX} allowed", settings.len());
            return Err(InvalidIssuer { key: "", message });
        }
        let mut this = Self {
            issuers: Vec::new(),
            by_name: HashMap::new(),
            by_id: HashMap::new(),
            revocations,
            wake: Arc::default(),
        };
        for settings in settings {
            let at = this.issuers.len();
            let same_name = this.by_name.entry(settings.issuer.clone()).or_default();
            let other = same_name.iter().filter_map(|at| this.issuers.get(*at));
            if let Some(other) = other.into_iter().find(|other| other.settings.audience == settings.audience)
            {
                let message = format!("`{}` has the same `issuer` and `audience`", other.settings.id);
                return Err(InvalidIssuer { key: "audience", message });
            }
            same_name.push(at);
            if this.by_id.insert(settings.id.clone(), at).is_some() {
                return Err(InvalidIssuer {
                    key: "",
                    message: format!("`{}` is declared twice", settings.id),
                });
            }
            this.issuers.push(Issuer::new(settings).map_err(InvalidIssuer::first)?);
        }
        Ok(this)
    }

    /// No issuer: no token is good.
    pub fn none() -> Self {
        Self {
            issuers: Vec::new(),
            by_name: HashMap::new(),
            by_id: HashMap::new(),
            revocations: Arc::new(Revocations::none()),
            wake: Arc::default(),
        }
    }

    /// Takes over the keys that others have of the same issuers, so that a new version of an app goes on where the one before
    /// was.
    pub fn adopt(&self, before: &Self) {
        for issuer in &self.issuers {
            if let Some(other) = before.issuer(&issuer.settings.id) {
                issuer.adopt(other);
            }
        }
    }

    /// What a token is worth at a time in seconds since 1970, to a tenant if one is given: its issuers' only.
    ///
    /// # Errors
    /// It is not accepted. One text for all causes; an unknown key is asked for in the background.
    pub fn authenticate(
        &self,
        jwt: &[u8],
        tenant: Option<&TenantId>,
        now: i64,
    ) -> Result<Authenticated, Refused> {
        self.judge(jwt, tenant, now).map_err(Refused::from)
    }

    fn judge(&self, jwt: &[u8], tenant: Option<&TenantId>, now: i64) -> Result<Authenticated, Cause> {
        let token = Token::read(jwt)?;
        let (issuer, key) = self.verify(&token, tenant, now)?;
        self.accept(&token, issuer, &key, now)
    }

    /// The issuer of a token and the key that signed it.
    pub(crate) fn verify(
        &self,
        token: &Token<'_>,
        tenant: Option<&TenantId>,
        now: i64,
    ) -> Result<(&Issuer, Arc<Key>), Cause> {
        let found =
            self.issuer_of(token, tenant).and_then(|issuer| Ok((issuer, self.key_of(token, issuer, now)?)));
        let (issuer, key) = found.inspect_err(|_| decoy::verify(token))?;
        if !key.verifies(token.signed, token.signature) {
            return Err(Cause::Signature);
        }
        Ok((issuer, key))
    }

    /// What a token is worth whose signature is good.
    fn accept(
        &self,
        token: &Token<'_>,
        issuer: &Issuer,
        key: &Key,
        now: i64,
    ) -> Result<Authenticated, Cause> {
        let (settings, claims) = (&issuer.settings, &token.claims);
        let expires_at = good_until(claims, settings, now)?;
        let session = Session {
            issuer: settings.id.clone(),
            iss: claims.issuer.as_str().into(),
            audience: settings.audience.as_str().into(),
            tenant: settings.tenant.clone(),
            subject: claims.subject.as_str().into(),
            jti: claims.id.as_deref().map(Arc::from),
            kid: key.kid.clone(),
            issued_at: claims.issued_at,
            ends_at: settings.max_lifetime.map_or(expires_at, |max| now.saturating_add(seconds(max))),
            key: key.thumbprint,
            over: Over::default(),
        };
        match self.revocations.judge(&session) {
            Revoked::No => {}
            Revoked::Yes => return Err(Cause::Revoked),
            Revoked::Unreadable(why) => return Err(Cause::RevocationsUnreadable(why)),
        }
        let (actor, scopes) = settings.mapping.apply(claims, &settings.tenant).who?;
        let session = Arc::new(session);
        Ok(Authenticated { actor: Arc::new(actor.with_session(session.clone())), scopes, session })
    }

    /// The issuer that the token names, by `iss` and `aud` together.
    pub(crate) fn issuer_of(&self, token: &Token<'_>, tenant: Option<&TenantId>) -> Result<&Issuer, Cause> {
        let claims = &token.claims;
        let named =
            self.by_name.get(&claims.issuer).into_iter().flatten().filter_map(|at| self.issuers.get(*at));
        let meant: Vec<&Issuer> =
            named.filter(|issuer| claims.audiences.contains(&issuer.settings.audience)).collect();
        let own = |issuer: &&&Issuer| tenant.is_none_or(|tenant| issuer.settings.tenant == *tenant);
        let own: Vec<&&Issuer> = meant.iter().filter(own).collect();
        match (own.as_slice(), meant.first()) {
            ([one], _) => Ok(one),
            ([], None) => {
                let (issuer, audiences) = (claims.issuer.clone(), claims.audiences.clone());
                Err(Cause::UnknownIssuer { issuer, audiences })
            }
            ([], Some(other)) => Err(Cause::OtherTenant(other.settings.id.to_string())),
            (several, _) => {
                Err(Cause::Ambiguous(several.iter().map(|issuer| issuer.settings.id.to_string()).collect()))
            }
        }
    }

    fn key_of(&self, token: &Token<'_>, issuer: &Issuer, now: i64) -> Result<Arc<Key>, Cause> {
        let header = &token.header;
        let Ok(keys) = issuer.keys(now) else {
            self.ask_for(issuer);
            return Err(Cause::NoKeys(issuer.settings.id.to_string()));
        };
        let Some(key) = keys.find(header.kid.as_deref()) else {
            self.ask_for(issuer);
            return Err(Cause::UnknownKey {
                issuer: issuer.settings.id.to_string(),
                kid: header.kid.clone(),
            });
        };
        if key.algorithm != header.algorithm {
            return Err(Cause::OtherAlgorithm {
                found: header.algorithm.name(),
                expected: key.algorithm.name(),
                kid: key.kid.as_deref().unwrap_or_default().to_owned(),
            });
        }
        Ok(key.clone())
    }

    fn ask_for(&self, issuer: &Issuer) {
        if !matches!(issuer.settings.keys, KeySource::Inline(_)) {
            issuer.want();
            self.wake.now();
        }
    }

    /// Whether what runs under a session may go on, at a time in seconds since 1970. While what was revoked cannot be read,
    /// what was known of it counts.
    ///
    /// # Errors
    /// Why it is over.
    pub fn still_good(&self, session: &Session, now: i64) -> Result<(), Ended> {
        if now >= session.ends_at {
            return Err(Ended::Expired);
        }
        let is_same = |settings: &Settings| {
            *settings.issuer == *session.iss
                && *settings.audience == *session.audience
                && settings.tenant == session.tenant
        };
        let issuer = self.issuer(&session.issuer).filter(|issuer| is_same(&issuer.settings));
        let issuer = issuer.ok_or(Ended::IssuerGone)?;
        let keys = issuer.keys(now).map_err(|_| Ended::NoKeys)?;
        if !keys.has(session.kid.as_deref(), &session.key) {
            return Err(Ended::KeyWithdrawn);
        }
        if self.revocations.is_revoked(session) { Err(Ended::Revoked) } else { Ok(()) }
    }

    /// Asks for all keys that are due, several at a time, and gives what came of it. Waits for the network; a [`crate::Keeper`]
    /// calls it.
    pub fn refresh(&self, now: i64) -> Vec<Refresh> {
        let due = self.issuers.iter().filter(|issuer| issuer.is_due(now, false)).collect();
        ask(due, now)
    }

    /// Reads the keys that are in files, so that they are there from the first token on. Waits for no network. What is wrong with
    /// one is told by whoever keeps them.
    pub fn read_files(&self, now: i64) {
        let in_files = |issuer: &&Issuer| matches!(issuer.settings.keys, KeySource::File(_));
        for issuer in self.issuers.iter().filter(in_files).filter(|issuer| issuer.is_due(now, false)) {
            let _ = issuer.refresh(now);
        }
    }

    /// Asks for the keys of every issuer at once, due or not, and waits for them; for commands that run once.
    pub fn refresh_now(&self, now: i64) -> Vec<Refresh> {
        let due = self.issuers.iter().filter(|issuer| issuer.is_due(now, true)).collect();
        ask(due, now)
    }

    /// Asks for the keys of the issuers that a token may be of, due or not, and waits for them; nothing for what is no token.
    pub fn refresh_for(&self, jwt: &[u8], now: i64) -> Vec<Refresh> {
        let Ok(token) = Token::read(jwt) else { return Vec::new() };
        let named = self.by_name.get(&token.claims.issuer).into_iter().flatten();
        let named = named.filter_map(|at| self.issuers.get(*at)).filter(|issuer| issuer.is_due(now, true));
        ask(named.collect(), now)
    }

    /// What of their tokens was revoked.
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    /// Settings of every issuer, in order.
    pub fn settings(&self) -> impl Iterator<Item = &Settings> {
        self.issuers.iter().map(|issuer| &issuer.settings)
    }

    /// How many issuers there are.
    pub fn len(&self) -> usize {
        self.issuers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Issuers that accept tokens of a development key, each with the key's name, as far as can be known without fetching.
    pub fn development_keys(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let names = self
            .issuers
            .iter()
            .flat_map(|issuer| issuer.key_names().into_iter().map(|name| (issuer.settings.id.clone(), name)));
        names.filter(|(_, name)| name.starts_with(DEVELOPMENT_PREFIX)).collect()
    }

    pub(crate) fn issuer(&self, id: &str) -> Option<&Issuer> {
        self.by_id.get(id).and_then(|at| self.issuers.get(*at))
    }

    pub(crate) fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }
}

impl Default for Issuers {
    fn default() -> Self {
        Self::none()
    }
}

/// Asks several issuers at a time.
fn ask(due: Vec<&Issuer>, now: i64) -> Vec<Refresh> {
    let mut asked = Vec::new();
    for some in due.chunks(FETCHES_AT_ONCE) {
        thread::scope(|scope| {
            let ask = |issuer| {
                let named = thread::Builder::new().name("moonward-fetch".to_owned());
                named.spawn_scoped(scope, move || Issuer::refresh(issuer, now))
            };
            let answers: Vec<_> = some.iter().copied().map(|issuer| (issuer, ask(issuer))).collect();
            for (issuer, answer) in answers {
                let outcome = match answer.map(thread::ScopedJoinHandle::join) {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(_)) => Err("the fetch broke off".to_owned()),
                    Err(error) => Err(format!("a thread for the fetch cannot be made: {error}")),
                };
                asked.push(Refresh {
                    issuer: issuer.settings.id.clone(),
                    outcome,
                    left_out: issuer.left_out(),
                });
            }
        });
    }
    asked
}
