//! A property to be proved of an app's policies, put together from files: as claims about its guard and scopes.

use std::path::PathBuf;
use std::sync::Arc;

use diagnostic::Diagnostic;
use policy::prove::{self, Claim, Holder, Holding, Invariants, NotAsked};
use policy::study::Study;
use policy::{Actor, ScopeSet};

use super::premises::GIVEN;
use super::{Premises, files};

/// What is to be proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// The guard keeps tenants apart, whatever scopes permit.
    Isolation,
    /// No policy fails.
    NeverErrors,
    /// Nothing is allowed that the policies of this app, file or folder do not allow.
    NoNewAccess(PathBuf),
    /// What is allowed keeps to the invariants of this file or folder.
    Invariants(PathBuf),
}

/// A property of some policies.
#[derive(Debug)]
pub struct Posed {
    /// The policies.
    pub study: Study,
    /// What has to be shown.
    pub claims: Vec<Claim>,
}

/// Why a property is not posed.
#[derive(Debug, thiserror::Error)]
pub enum NotPosed {
    /// Everything that is wrong with the policies, those that they are compared with, or the invariants.
    #[error("the policies or the invariants are not valid")]
    Invalid(Vec<Diagnostic>),
    /// It would be too much to ask.
    #[error("{0}")]
    TooMany(NotAsked),
}

impl From<Vec<Diagnostic>> for NotPosed {
    fn from(found: Vec<Diagnostic>) -> Self {
        Self::Invalid(found)
    }
}

impl From<NotAsked> for NotPosed {
    fn from(why: NotAsked) -> Self {
        match why {
            NotAsked::TooMany => Self::TooMany(why),
            NotAsked::Unwritable(why) => Self::Invalid(vec![Diagnostic::error("policy.load", why)]),
        }
    }
}

impl Property {
    /// The claims that it comes to.
    ///
    /// # Errors
    /// See [`NotPosed`].
    pub fn pose(&self, premises: &Premises) -> Result<Posed, NotPosed> {
        let study = premises.study()?;
        let claims = match self {
            Self::Isolation => prove::isolation(&study),
            Self::NeverErrors => prove::never_errors(&study),
            Self::NoNewAccess(base) => {
                let base = match base.is_dir() && Premises::is_app(base) {
                    true => Premises::of_app(base)?,
                    false => Premises::of_policies(std::slice::from_ref(base))?,
                };
                let open = base.facts.is_open();
                let holdings = if open { Vec::new() } else { holdings(premises, &base) };
                let claims = prove::no_new_access(&study, &base.study()?, open.then_some(GIVEN), &holdings);
                claims.and_then(|mut claims| {
                    for issuer in if open { Vec::new() } else { other_issuers(premises, &base) } {
                        let who = format!("bearers of tokens of issuer `{issuer}`");
                        claims.extend(prove::not_compared(who, NOT_AS_IT_WAS)?);
                    }
                    Ok(claims)
                })
            }
            Self::Invariants(path) => {
                let found = files::find(path, |name| name.ends_with(".cedar"))?;
                let sources = found.iter().map(|path| files::read(path)).collect::<Result<Vec<_>, _>>()?;
                let invariants = Invariants::read(sources, premises.sources())?;
                if invariants.is_empty() {
                    let message = format!("there is no invariant in `{}`", path.display());
                    let help = "write one policy of Cedar for each: a `forbid` of what must never be allowed, or a `permit` of what may at most be";
                    return Err(vec![Diagnostic::error("policy.invariant", message).help(help)].into());
                }
                invariants.claims(&study)
            }
        };
        Ok(Posed { study, claims: claims? })
    }
}

/// Why nothing is said of tokens.
const NOT_AS_IT_WAS: &str =
    "what is said of the issuer is not what it was, and what its tokens are worth is not compared";

/// Issuers that are new, or of which something else is said than before.
fn other_issuers<'a>(now: &'a Premises, before: &Premises) -> Vec<&'a str> {
    let is_other = |(id, says): &(&String, &String)| before.issuers().get(*id) != Some(*says);
    now.issuers().iter().filter(is_other).map(|(id, _)| id.as_str()).collect()
}

/// The scopes that somebody has without asking, now and before.
fn holdings(now: &Premises, before: &Premises) -> Vec<Holding> {
    let default = |tenant| before.default_scopes().find(|(known, _)| *known == tenant).map(|(_, held)| held);
    let mut holdings = Vec::new();
    for (tenant, held) in now.default_scopes() {
        let before = default(tenant).cloned().unwrap_or_default();
        holdings.push(Holding {
            holder: Holder::Tenant(tenant.clone()),
            now: held.clone(),
            before,
            retagged: false,
        });
    }
    for (actor, held) in now.run_as() {
        let is_same = |known: &Actor| known.tags().eq(actor.tags());
        let common = |had: &ScopeSet| held.ids().filter(|id| had.contains(id)).count();
        let nearness = |(known, had): &(&Arc<Actor>, &ScopeSet)| {
            (is_same(known), common(had), std::cmp::Reverse(had.len()))
        };
        // Of several services of one actor, the one that is nearest; a new one had what its tenant gives, and no tags.
        let of_actor = before.run_as().filter(|(known, _)| known.id() == actor.id());
        let (retagged, had) = match of_actor.max_by_key(nearness) {
            Some((known, had)) => (!is_same(known), Some(had)),
            None => (actor.tags().next().is_some(), default(actor.tenant())),
        };
        let before = had.cloned().unwrap_or_default();
        holdings.push(Holding { holder: Holder::Actor(actor.clone()), now: held.clone(), before, retagged });
    }
    holdings
}
