//! Who has scopes without asking for them, by default or as a service, compared with what it had.
//!
//! Fewer scopes can be more access: a guard may read which are held, and a permit that fails denies what the others permit. So each
//! side is asked under its own scopes, and only where they are the same is it enough that each is shown by itself.

use std::sync::Arc;

use cedar_policy::Policy;

use super::access::{enforced, permits};
use super::claim::{About, Broken, Claim, Claims, NotAsked, Sides};
use super::confirm::everything;
use super::side::Side;
use super::{held, known, strict};
use crate::bundle::Bundle;
use crate::identity::{Actor, Scope, ScopeSet, TenantId};
use crate::permission::{ALL, Spec};

/// Scopes that somebody has without asking for them, now and before.
#[derive(Debug, Clone)]
pub struct Holding {
    /// Who.
    pub holder: Holder,
    /// The scopes now.
    pub now: ScopeSet,
    /// The scopes before.
    pub before: ScopeSet,
    /// Whether its tags are others than before.
    pub retagged: bool,
}

/// Who has scopes without asking for them.
#[derive(Debug, Clone)]
pub enum Holder {
    /// Every actor of a tenant that names none.
    Tenant(TenantId),
    /// The actor of a service.
    Actor(Arc<Actor>),
}

impl Holding {
    /// That what all its scopes together let it do now, those that it had let it do; the same for what a new one of them lets it do
    /// with some of the others laid down; and that nothing hangs on tags that are new.
    pub(super) fn claims(&self, now: &Bundle, before: &Bundle, claims: &mut Claims) -> Result<(), NotAsked> {
        let (who, only) = match &self.holder {
            Holder::Tenant(tenant) => (format!("tenant `{tenant}` by default"), known::only_tenant(tenant)?),
            Holder::Actor(actor) => (format!("service actor `{actor}`"), known::only_actor(actor)?),
        };
        let (holds, had): (Vec<_>, Vec<_>) =
            (self.now.iter().cloned().collect(), self.before.iter().cloned().collect());
        let comparing = Comparing { now, before, who, only, holds, had };
        for spec in ALL {
            if !self.now.ids().eq(self.before.ids()) {
                comparing.scopes(spec)?.into_iter().try_for_each(|claim| claims.add(claim))?;
            }
            if self.retagged {
                comparing.tags(spec)?.into_iter().try_for_each(|claim| claims.add(claim))?;
            }
        }
        Ok(())
    }
}

/// That nothing comes of what is said about somebody and is not compared: what tokens of an issuer are, and what they grant. It is
/// never shown, unless nothing at all is allowed.
///
/// # Errors
/// Why it cannot be put to the engine, in words.
pub fn not_compared(who: String, why: &str) -> Result<Vec<Claim>, NotAsked> {
    let (scope, permit) = everything()?;
    let claim = |spec: &&'static Spec| Claim {
        about: About::Holder(who),
        spec,
        sides: Sides::Sets {
            left: vec![permit.policy.clone()].into(),
            right: Vec::new().into(),
            only: Vec::new().into(),
        },
        held: vec![scope],
        broken: Broken::Untold(why.to_owned()),
    };
    Ok(ALL.first().map(claim).into_iter().collect())
}

struct Comparing<'a> {
    now: &'a Bundle,
    before: &'a Bundle,
    who: String,
    only: Policy,
    holds: Vec<Arc<Scope>>,
    had: Vec<Arc<Scope>>,
}

impl Comparing<'_> {
    fn scopes(&self, spec: &'static Spec) -> Result<Vec<Claim>, String> {
        let left = of_scopes(self.now, &self.holds, spec)?;
        if left.is_empty() {
            return Ok(vec![self.claim(spec, Sides::Nothing, &self.holds, allowed())]);
        }
        let mut right = Vec::new();
        let mut broken = allowed();
        for policy in of_scopes(self.before, &self.had, spec)? {
            match held::under(&policy, &self.had)? {
                Some(policy) => right.push(policy),
                None => {
                    let why = "a policy uses the context as a whole, and the scopes held are part of it";
                    broken = Broken::Untold(why.to_owned());
                }
            }
        }
        if matches!(broken, Broken::Untold(_)) {
            right.clear();
        }
        // Who lays scopes down sheds what a guard has against them, and permits that fail.
        let sheds = left.iter().any(|policy| strict::fails(policy) || held::reads_scopes(policy));
        let right = Side::from(right);
        let mut claims = Vec::new();
        for gained in self.holds.iter().filter(|scope| sheds && !self.had.contains(scope)) {
            let gained = std::slice::from_ref(gained);
            let left = of_scopes(self.now, gained, spec)?;
            if !left.is_empty() {
                let only = vec![self.only.clone(), held::at_most(&self.holds)?].into();
                let sides = Sides::Sets { left: left.into(), right: right.clone(), only };
                claims.push(self.claim(spec, sides, gained, broken.clone()));
            }
        }
        let only = vec![self.only.clone(), held::exactly(&self.holds)?].into();
        claims.push(self.claim(spec, Sides::Sets { left: left.into(), right, only }, &self.holds, broken));
        Ok(claims)
    }

    /// Where a policy reads tags, that nothing is allowed: what it was before, with others, is not told.
    fn tags(&self, spec: &'static Spec) -> Result<Vec<Claim>, String> {
        let [now, before] =
            [of_scopes(self.now, &self.holds, spec)?, of_scopes(self.before, &self.had, spec)?];
        if !now.iter().chain(&before).any(held::reads_tags) {
            return Ok(Vec::new());
        }
        let mut claims = Vec::new();
        for scope in self.holds.iter().map(std::slice::from_ref) {
            let left = of_scopes(self.now, scope, spec)?;
            if !left.is_empty() {
                let why = "its tags are not those that it had, and a policy reads tags";
                let sides = Sides::Sets {
                    left: left.into(),
                    right: Vec::new().into(),
                    only: vec![self.only.clone()].into(),
                };
                claims.push(self.claim(spec, sides, scope, Broken::Untold(why.to_owned())));
            }
        }
        Ok(claims)
    }

    fn claim(&self, spec: &'static Spec, sides: Sides, held: &[Arc<Scope>], broken: Broken) -> Claim {
        Claim { about: About::Holder(self.who.clone()), spec, sides, held: held.to_vec(), broken }
    }
}

/// What permits and guard there are for who holds these scopes; nothing where nothing is permitted.
fn of_scopes(bundle: &Bundle, held: &[Arc<Scope>], spec: &'static Spec) -> Result<Vec<Policy>, String> {
    let mut policies = Vec::new();
    for scope in held {
        policies.extend(permits(bundle, scope.id(), spec)?);
    }
    if !policies.is_empty() {
        policies.extend(enforced(&bundle.guards, spec));
    }
    Ok(policies)
}

fn allowed() -> Broken {
    Broken::Allowed { by_guard: false }
}
