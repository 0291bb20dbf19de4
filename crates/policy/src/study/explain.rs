//! Why a case comes out as it does: the policies that decide it, or that nearly did, taken apart down to the clauses that say
//! so, with what they read.
//!
//! What a clause comes to is Cedar's to say, asked with the very request and entities that decide. What could be changed
//! about it is not known here.

mod parts;
mod reads;
mod reason;
mod sides;
mod turn;
mod value;
mod weigh;
mod wider;

use audit::DecisionKind;
use cedar_policy::Effect;

pub use parts::Section;
pub use reads::{Found, Read};
pub use reason::{Beside, Reason};
pub use weigh::{Claim, ClaimForm, Outcome};
pub use wider::Wider;

use super::{Case, PolicyView, Sitting, Verdict, question};
use crate::asked::{self, InvalidQuestion};
use crate::bundle::Loaded;
use crate::generation;
use crate::limits::{EXPLAIN_PARTS_MAX, EXPLAIN_POLICY_PARTS_MAX};
use crate::load::lexemes;
use crate::permission::Spec;
use crate::vocabulary::BASE;
use parts::{Form, sections};
use weigh::Scale;

/// What a case comes to, and why.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The answer.
    pub verdict: Verdict,
    /// The policies that decided or failed, ordered by id; of a default deny the permits of the scopes held that are about this
    /// action, the nearest to a match first, and last those that want a field which the action never has. None in shadow.
    pub policies: Vec<Explained>,
    /// Such policies that were not taken apart, past a bound.
    pub more: usize,
}

/// A policy, and what its clauses come to.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The policy.
    pub policy: PolicyView,
    /// What its head asks for and each of its conditions, in the order in which they are written.
    pub clauses: Vec<Clause>,
}

/// A clause of a policy: all must hold for it to match.
#[derive(Debug, Clone)]
pub struct Clause {
    /// Where it stands.
    pub section: Section,
    /// What it comes to.
    pub claim: Claim,
}

impl Clause {
    /// What it must come to for the policy to match.
    pub fn wanted(&self) -> bool {
        self.section != Section::Unless
    }

    /// Whether it lets the policy match.
    pub fn holds(&self) -> bool {
        self.claim.outcome.is(self.wanted())
    }
}

impl Explained {
    /// The clauses that keep it from matching. One that fails after another said no is never come to, and none.
    pub fn against(&self) -> impl Iterator<Item = &Clause> {
        self.clauses.iter().filter(|clause| clause.claim.outcome.is(!clause.wanted()))
    }

    /// The clause that fails when the policy does: the first that does not hold.
    pub fn failing(&self) -> Option<&Clause> {
        let first = self.clauses.iter().find(|clause| !clause.holds())?;
        matches!(first.claim.outcome, Outcome::Fails(..)).then_some(first)
    }

    /// Whether it matches.
    pub fn matches(&self) -> bool {
        self.clauses.iter().all(Clause::holds)
    }

    /// Whether a clause says no by a field of the context that this action never has, so that no case of it matches.
    fn asks_for_another(&self, spec: &Spec) -> bool {
        let is_strange = |read: &Read| {
            let field = read.path.strip_prefix("context.");
            let field = field.and_then(|rest| rest.split(['.', '[']).next());
            let mut known = BASE.iter().chain(spec.context);
            field.is_some_and(|field| known.all(|known| known.name != field))
        };
        self.against().any(|clause| {
            let reasons = clause.reasons();
            !reasons.is_empty() && reasons.iter().all(|reason| reason.reads.iter().any(is_strange))
        })
    }

    /// How far it is from matching: clauses that say no.
    fn distance(&self) -> usize {
        self.against().count()
    }
}

impl Sitting<'_> {
    /// Decides a case and tells why it comes out so.
    ///
    /// # Errors
    /// As [`Sitting::decide`].
    pub fn explain(&mut self, case: &Case<'_>) -> Result<Explanation, InvalidQuestion> {
        let verdict = self.decide(case)?;
        let (spec, fields) = asked::pose(case.action, case.resource.entity_type(), case.fields)?;
        let question = question(case, spec, &fields);
        let study = self.study;
        let class = self.class(&study.bundle().tenants, &question);
        let made = class.and_then(|(_, class)| study.generation.case(&question, &class));
        let Ok(made) = made else {
            return Ok(Explanation { verdict, policies: Vec::new(), more: 0 });
        };
        let bundle = self.study.bundle();
        let candidates = bundle.concerning(case.actor.tenant(), spec, case.scopes);
        let is_meant = |loaded: &Loaded| match verdict.kind {
            DecisionKind::DenyDefault => loaded.policy.effect() == Effect::Permit,
            DecisionKind::DenyError => verdict.failed.iter().any(|failed| failed.span == loaded.span),
            _ => verdict.policies.iter().any(|decided| decided.span == loaded.span),
        };
        let mut left = EXPLAIN_PARTS_MAX;
        let (mut policies, mut more) = (Vec::new(), 0);
        for sliced in candidates {
            if sliced.loaded.shadow || !is_meant(&sliced.loaded) {
                continue;
            }
            match explained(&sliced.loaded, &made, &mut left) {
                Some(clauses) => {
                    policies.push(Explained { policy: self.study.places.view(&sliced.loaded), clauses });
                }
                None => more += 1,
            }
        }
        match verdict.kind {
            DecisionKind::DenyDefault => {
                policies.sort_by_key(|explained| (explained.asks_for_another(spec), explained.distance()));
            }
            _ => policies.sort_by(|one, other| one.policy.id.cmp(&other.policy.id)),
        }
        Ok(Explanation { verdict, policies, more })
    }
}

/// The clauses of a policy; nothing when no more parts may be looked at.
fn explained(loaded: &Loaded, case: &generation::Case, left: &mut usize) -> Option<Vec<Clause>> {
    let scale = Scale { case, policy: &loaded.span };
    let lexemes = lexemes(loaded.text());
    let sections = sections(&lexemes);
    let parts = sections.iter().map(|(_, part)| part.count().min(EXPLAIN_POLICY_PARTS_MAX)).sum();
    *left = left.checked_sub(parts)?;
    let mut clauses = Vec::new();
    for (section, part) in &sections {
        let section = *section;
        match &part.form {
            _ if part.count() > EXPLAIN_POLICY_PARTS_MAX => {
                clauses.push(Clause { section, claim: scale.test(part) });
            }
            // Each must hold by itself, as if it were a `when` of its own.
            Form::All(parts) if section != Section::Unless => {
                clauses.extend(parts.iter().map(|part| Clause { section, claim: scale.claim(part) }));
            }
            _ => clauses.push(Clause { section, claim: scale.claim(part) }),
        }
    }
    Some(clauses)
}
