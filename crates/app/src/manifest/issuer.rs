//! Issuers made into what they mean: the settings by which tokens are verified and mapped.
//!
//! What tokens and keys are is known by the crate `token`, which says what is wrong with settings; here each finding gets its
//! place. Nothing is fetched.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use diagnostic::{Diagnostic, Span};
use policy::TenantId;
use serde_json::json;
use token::limits::{
    AUTHORITIES_BYTES_MAX, FETCH_TIMEOUT_DEFAULT, ISSUERS_MAX, KEYS_AGE_DEFAULT, LEEWAY_DEFAULT,
};
use token::{Algorithm, Condition, Grant, KeyFile, KeySource, Mapping, Rule, Settings, Template};

use super::entry::{Issuer, Located};
use super::form::variable;
use super::gather::{Entry, place};
use super::resolve::Resolver;
use super::written;
use crate::identifier::{Id, TenantName};
use crate::limits::TAGS_MAX;

/// The environment variable with a file of certificates.
const AUTHORITIES: &str = "SSL_CERT_FILE";

impl Resolver<'_> {
    /// Adds an issuer, unless something it says of itself is wrong.
    pub(super) fn issuer(&mut self, entry: &Entry, written: &written::Issuer) {
        let tenant = self.issuers_tenant(entry, &written.tenant);
        let keys = self.keys(entry, written);
        let mapping = self.mapping(entry, written);
        let authorities = self.authorities(entry, keys.as_ref());
        let (Some(keys), Some((mapping, scopes)), Some(authorities)) = (keys, mapping, authorities) else {
            return;
        };
        // Of an unknown tenant nothing is made, and what else is wrong is told: to the operator's own all is allowed.
        let (tenant, is_known) =
            tenant.map_or_else(|| (TenantName::system(), false), |tenant| (tenant, true));
        let Ok(owner) = TenantId::new(tenant.as_str()) else { return };
        let declared = self.manifest.tenants.iter().find(|declared| declared.name == tenant);
        let max_lifetime = declared.and_then(|tenant| tenant.max_lifetime);
        let settings = Settings {
            id: entry.id.as_str().into(),
            place: line(&entry.span("")),
            issuer: written.issuer.clone(),
            audience: written.audience.clone(),
            algorithms: written.algorithms.iter().filter_map(|name| Algorithm::from_name(name)).collect(),
            keys,
            leeway: written.leeway.map_or(LEEWAY_DEFAULT, |time| time.0),
            max_age: written.max_age.map(|time| time.0),
            jwks_max_age: written.jwks_max_age.map_or(KEYS_AGE_DEFAULT, |time| time.0),
            fetch_timeout: FETCH_TIMEOUT_DEFAULT,
            authorities,
            tenant: owner,
            max_lifetime,
            mapping,
        };
        if self.is_sound(entry, &settings) && is_known {
            let (id, span) = (entry.id.clone(), entry.span(""));
            self.manifest.issuers.push(Issuer { id, span, tenant, settings, scopes });
        }
    }

    /// The tenant that it names: a declared one, or the operator's own.
    fn issuers_tenant(&mut self, entry: &Entry, written: &str) -> Option<TenantName> {
        let tenant = TenantName::new(written)?;
        if tenant.is_system() || self.tenancy.knows(&tenant) {
            return Some(tenant);
        }
        let help = match self.tenancy.is_declared() {
            true => "declare it with `kind: tenant`".to_owned(),
            false => "an app that declares no tenant has one, `default`".to_owned(),
        };
        let unknown = entry.error("manifest.reference", "tenant", format!("there is no tenant `{tenant}`"));
        self.findings.push(unknown.help(help));
        None
    }

    /// Where its keys are: one place.
    fn keys(&mut self, entry: &Entry, written: &written::Issuer) -> Option<KeySource> {
        match (&written.jwks, &written.keys) {
            (Some(_), Some(_)) => {
                let twice =
                    entry.error("manifest.duplicate-key", "keys", "keys are given twice: `jwks` and `keys`");
                self.findings.push(twice.help("keep one of them"));
                None
            }
            (None, None) => {
                let missing = entry.error("manifest.missing-key", "", "key `jwks` or `keys` is missing");
                self.findings.push(missing.help("where the keys are that sign its tokens"));
                None
            }
            (Some(place), None) => match entry.file(place) {
                None => Some(KeySource::Url(place.clone())),
                Some(path) => {
                    self.file(entry, "jwks", &path)?;
                    let read = Arc::new(self.sources.reader(&path));
                    Some(KeySource::File(KeyFile { path: path.into(), read }))
                }
            },
            (None, Some(keys)) => {
                let keys = keys.iter().enumerate().map(|(index, key)| self.key(entry, index, key));
                // All of them, so that each mistake is told.
                let keys: Vec<Option<serde_json::Value>> = keys.collect();
                let keys: Vec<serde_json::Value> = keys.into_iter().collect::<Option<_>>()?;
                Some(KeySource::Inline(json!({ "keys": keys }).to_string().into()))
            }
        }
    }

    /// Who vouches for the server of its keys: the file that `SSL_CERT_FILE` names, as for other programs, or the default.
    fn authorities(&mut self, entry: &Entry, keys: Option<&KeySource>) -> Option<Option<Arc<str>>> {
        let named = std::env::var_os(AUTHORITIES).filter(|path| !path.is_empty());
        let (Some(path), Some(KeySource::Url(_))) = (named, keys) else { return Some(None) };
        let mut text = String::new();
        let read =
            File::open(&path).and_then(|file| file.take(AUTHORITIES_BYTES_MAX).read_to_string(&mut text));
        match read {
            Ok(_) => Some(Some(text.into())),
            Err(error) => {
                let path = Path::new(&path).display();
                let message = format!("`{path}`, which `{AUTHORITIES}` names, cannot be read: {error}");
                self.findings.push(entry.error("manifest.environment", "jwks", message));
                None
            }
        }
    }

    /// One key as RFC 7517 writes it, its secret taken from where it is.
    fn key(
        &mut self,
        entry: &Entry,
        index: usize,
        written: &written::IssuerKey,
    ) -> Option<serde_json::Value> {
        let mut key = serde_json::to_value(written).ok()?;
        let Some(reference) = &written.k else { return Some(key) };
        let name = variable(reference)?;
        match std::env::var(name) {
            Ok(secret) => {
                key.as_object_mut()?.insert("k".to_owned(), secret.into());
                Some(key)
            }
            Err(error) => {
                let why = match error {
                    std::env::VarError::NotPresent => "is not set",
                    std::env::VarError::NotUnicode(_) => "is not UTF-8 text",
                };
                let path = format!("keys.{index}.k");
                let missing = entry.error(
                    "manifest.environment",
                    &path,
                    format!("environment variable `{name}` {why}"),
                );
                let help = "`openssl rand -base64 32 | tr '+/' '-_' | tr -d '='` makes a secret";
                self.findings.push(missing.help(help));
                None
            }
        }
    }

    /// What claims are worth, and the scopes that are named in it.
    fn mapping(&mut self, entry: &Entry, written: &written::Issuer) -> Option<(Mapping, Vec<Located<Id>>)> {
        let template = Template::parse(&written.actor.id).ok()?;
        let tags = &written.actor.tags;
        if tags.len() > TAGS_MAX {
            let message = format!("`tags` has {} tags, at most {TAGS_MAX} allowed", tags.len());
            self.findings.push(entry.error("manifest.length", "actor.tags", message));
        }
        let mut scopes = Vec::new();
        let mut grants = Vec::new();
        for (index, grant) in written.grants.iter().enumerate() {
            let path = format!("grants.{index}");
            let named = self.ids(entry, &format!("{path}.grant"), &grant.grant);
            let ids = named.iter().map(|scope| scope.value.as_str().into()).collect();
            scopes.extend(named);
            let when = self.condition(entry, &format!("{path}.when"), &grant.when);
            let place = line(&entry.span(&format!("{path}.when.claim")));
            grants.push(when.map(|when| Rule { value: Grant { when, scopes: ids }, place }));
        }
        let mapping = Mapping {
            actor: Rule { value: template, place: line(&entry.span("actor.id")) },
            tags: tags
                .iter()
                .map(|(name, claim)| {
                    let place = line(&entry.span(&format!("actor.tags.{name}")));
                    Rule { value: (name.clone(), claim.clone()), place }
                })
                .collect(),
            roles: written
                .roles
                .as_ref()
                .map(|claim| Rule { value: claim.clone(), place: line(&entry.span("roles")) }),
            grants: grants.into_iter().collect::<Option<_>>()?,
        };
        Some((mapping, scopes))
    }

    fn condition(&mut self, entry: &Entry, path: &str, written: &written::Condition) -> Option<Condition> {
        let claim = written.claim.clone();
        match (&written.contains, &written.equals) {
            (Some(item), None) => Some(Condition::Contains { claim, item: item.clone() }),
            (None, Some(text)) => Some(Condition::Equals { claim, text: text.clone() }),
            (None, None) => {
                let missing =
                    entry.error("manifest.missing-key", path, "key `contains` or `equals` is missing");
                self.findings.push(missing.help("what the claim has to be"));
                None
            }
            (Some(_), Some(_)) => {
                let path = format!("{path}.equals");
                let both =
                    entry.error("manifest.duplicate-key", &path, "a claim either `contains` or `equals`");
                self.findings.push(both.help("keep one of them, and write another grant for the other"));
                None
            }
        }
    }

    /// Whether settings can be used, and no other issuer has the same tokens.
    fn is_sound(&mut self, entry: &Entry, settings: &Settings) -> bool {
        let same = |other: &&Issuer| {
            other.settings.issuer == settings.issuer && other.settings.audience == settings.audience
        };
        let mut sound = true;
        if let Some(first) = self.manifest.issuers.iter().find(same) {
            let message = format!("`{}` has the same `issuer` and `audience`", first.id);
            let help = format!("the first is at {}; a token would be of both", place(&first.span));
            self.findings.push(entry.error("manifest.issuer", "audience", message).help(help));
            sound = false;
        }
        if self.manifest.issuers.len() >= ISSUERS_MAX {
            let message = format!("the app has more than {ISSUERS_MAX} issuers");
            self.findings.push(entry.error("manifest.length", "", message));
            sound = false;
        }
        match settings.check() {
            Ok(development) => {
                let path = if matches!(settings.keys, KeySource::Inline(_)) { "keys" } else { "jwks" };
                for kid in development {
                    let message = format!(
                        "key `{kid}` is for development: whoever has its file makes tokens of this issuer"
                    );
                    let warning = Diagnostic::warning("manifest.development-key", message);
                    let warning = warning.at(entry.span(path)).about(entry.id.as_str());
                    self.findings.push(warning.help("remove it before others rely on this app"));
                }
                sound
            }
            Err(wrong) => {
                for invalid in wrong {
                    let path = if invalid.key == "actor" { "actor.id" } else { invalid.key };
                    self.findings.push(entry.error("manifest.issuer", path, invalid.message));
                }
                false
            }
        }
    }
}

/// A place in words: `file:line`.
fn line(span: &Span) -> Arc<str> {
    format!("{}:{}", span.source.path, span.position().0).into()
}
