//! What claims are worth: an issuer's rules, from a claim to the actor's id, a tag, a role or a scope.
//!
//! A claim that no rule names gives nothing; a rule whose claim is missing or of another type gives nothing, and says so in its
//! [`RuleOutcome`]. Tenant and kind are never a claim's to say.

mod rule;
mod template;

use std::sync::Arc;

use policy::{Actor, TenantId};

use crate::claims::Claims;
use crate::refused::Cause;

pub use template::Template;

/// Rules of one issuer. A claim is named as it is in the token; a name that begins with `/` leads into objects (RFC 6901), as
/// `/realm_access/roles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The last part of the actor's id.
    pub actor: Rule<Template>,
    /// Tags of the actor, each with the claim that it takes its value from.
    pub tags: Vec<Rule<(String, String)>>,
    /// The claim with names of roles.
    pub roles: Option<Rule<String>>,
    /// What gives scopes.
    pub grants: Vec<Rule<Grant>>,
}

/// A rule and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule<T> {
    /// What it says.
    pub value: T,
    /// Its place, `file:line`, for people.
    pub place: Arc<str>,
}

/// Scopes for tokens that fulfil a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Which tokens.
    pub when: Condition,
    /// Ids of the scopes.
    pub scopes: Vec<Arc<str>>,
}

/// What a claim has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A list with this text in it. Of the claim `scope`, text with this word in it (RFC 8693 section 4.2).
    Contains {
        /// Name of the claim.
        claim: String,
        /// The item or word, whole.
        item: String,
    },
    /// This text; a whole number or `true` or `false` as it is written.
    Equals {
        /// Name of the claim.
        claim: String,
        /// The text.
        text: String,
    },
}

/// What one rule did with the claims of a token. Texts quote the token: hostile wherever they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOutcome {
    /// Where the rule is written.
    pub place: Arc<str>,
    /// The rule, in the words of the manifest.
    pub rule: String,
    /// Names of the claims that it reads.
    pub claims: Vec<String>,
    /// What it gave: an actor's id, tags, roles, ids of scopes.
    pub gave: Vec<String>,
    /// Why it gave nothing, or less than the claim has.
    pub why_not: Option<String>,
}

/// A rule that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMapping(String);

/// What claims are worth.
pub(crate) struct Worth {
    /// What each rule did.
    pub(crate) outcomes: Vec<RuleOutcome>,
    /// The actor and the ids of its scopes.
    pub(crate) who: Result<(Actor, Vec<Arc<str>>), Cause>,
}

impl Mapping {
    /// What the claims are worth in that tenant, and what each rule did.
    pub(crate) fn apply(&self, claims: &Claims, tenant: &TenantId) -> Worth {
        let all = &claims.all;
        let mut outcomes = Vec::new();
        let identity = self.actor.value.fill(all).and_then(|rest| {
            Actor::new(tenant, self.actor.value.kind(), &rest).map_err(|error| error.to_string())
        });
        outcomes.push(RuleOutcome {
            place: self.actor.place.clone(),
            rule: format!("actor.id: \"{}\"", self.actor.value.text()),
            claims: self.actor.value.claims(),
            gave: identity.as_ref().map(|actor| vec![format!("actor {}", actor.id())]).unwrap_or_default(),
            why_not: identity.as_ref().err().cloned(),
        });
        let tags: Vec<(String, String)> =
            self.tags.iter().filter_map(|rule| rule::tag(rule, all, &mut outcomes)).collect();
        let roles =
            self.roles.as_ref().map(|rule| rule::roles(rule, all, tenant, &mut outcomes)).unwrap_or_default();
        let mut scopes: Vec<Arc<str>> =
            self.grants.iter().flat_map(|rule| rule::granted(rule, all, &mut outcomes)).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let actor = identity.and_then(|actor| {
            let seconds = claims.authenticated_at.unwrap_or(claims.issued_at);
            let actor = actor.with_verified().with_auth_time(seconds);
            let actor =
                actor.with_roles(roles.iter().map(String::as_str)).map_err(|error| error.to_string())?;
            actor.with_tags(tags).map_err(|error| error.to_string())
        });
        Worth { outcomes, who: actor.map(|actor| (actor, scopes)).map_err(Cause::Mapping) }
    }
}
