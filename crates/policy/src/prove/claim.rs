//! A claim: whatever one set of policies allows for a permission, another allows as well.

use std::fmt;
use std::sync::Arc;

use cedar_policy::PolicySet;
use serde_json::Value as Json;

use super::side::Side;
use super::solver::Solver;
use super::{programs, strict};
use crate::identity::Scope;
use crate::limits::PROOF_CLAIMS_MAX;
use crate::load;
use crate::permission::Spec;
use crate::schema;
use crate::study::{PolicyView, Verdict, on_a_large_stack};

/// Whom or what a claim is about, beside its permission.
#[derive(Debug, Clone)]
pub enum About {
    /// The guard alone: whatever the scopes are.
    Guard,
    /// Who holds this scope.
    Scope(Arc<str>),
    /// Who holds these together, in words: the actors of a tenant that name no scope, or of a service.
    Holder(String),
    /// One policy.
    Policy(PolicyView),
    /// An invariant, under a scope.
    Invariant(PolicyView, Arc<str>),
}

impl fmt::Display for About {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guard => formatter.write_str("the guard"),
            Self::Scope(id) => write!(formatter, "scope `{id}`"),
            Self::Holder(who) => formatter.write_str(who),
            Self::Policy(policy) => write!(formatter, "policy `{}`", policy.id),
            Self::Invariant(policy, scope) => write!(formatter, "invariant `{}`, scope `{scope}`", policy.id),
        }
    }
}

/// One claim.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Whom or what it is about.
    pub about: About,
    /// The permission.
    pub spec: &'static Spec,
    /// What is supposed to be allowed, and what then must be.
    pub(super) sides: Sides,
    /// The scopes that are held in a counterexample, and that the study has to have.
    pub(super) held: Vec<Arc<Scope>>,
    pub(super) broken: Broken,
}

/// The two sets of a claim.
#[derive(Debug, Clone)]
pub(super) enum Sides {
    /// Nothing is allowed by the first, as heads alone tell.
    Nothing,
    /// Cedar has to tell.
    Sets { left: Side, right: Side, only: Side },
}

/// What a counterexample is.
#[derive(Debug, Clone)]
pub(super) enum Broken {
    /// It is allowed, and must not be; with a permit of everything beside the guard, or as policies have it.
    Allowed { by_guard: bool },
    /// The policy of this id fails.
    Fails(Arc<str>),
    /// Nothing is shown; why the claim cannot be told, in words.
    Untold(String),
}

/// Why a property is not put to a solver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// It comes to more claims than are held.
    #[error("it comes to more than {PROOF_CLAIMS_MAX} claims")]
    TooMany,
    /// A policy cannot be put to the engine, in words.
    #[error("{0}")]
    Unwritable(String),
}

impl From<String> for NotAsked {
    fn from(why: String) -> Self {
        Self::Unwritable(why)
    }
}

/// Claims as they are put together, at most [`PROOF_CLAIMS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Claims(Vec<Claim>);

impl Claims {
    /// One more.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn add(&mut self, claim: Claim) -> Result<(), NotAsked> {
        if self.0.len() >= PROOF_CLAIMS_MAX {
            return Err(NotAsked::TooMany);
        }
        self.0.push(claim);
        Ok(())
    }

    /// All of them, in the order in which they were added.
    pub(super) fn all(self) -> Vec<Claim> {
        self.0
    }
}

impl Claim {
    /// Everything of it that its answer depends on, as text.
    fn canonical(&self) -> Result<String, String> {
        let sides = match &self.sides {
            Sides::Nothing => Json::Null,
            Sides::Sets { left, right, only } => {
                let digest = |side: &Side| side.written().digest.clone();
                serde_json::json!([digest(left), digest(right), digest(only)])
            }
        };
        let held: Vec<_> = self
            .held
            .iter()
            .map(|scope| (scope.id().clone(), scope.tenant().to_string(), scope.shared()))
            .collect();
        Ok(serde_json::json!([
            self.about.to_string(),
            self.spec.action,
            sides,
            held,
            format!("{:?}", self.broken)
        ])
        .to_string())
    }

    /// What must be allowed.
    pub(super) fn right(&self) -> Result<PolicySet, String> {
        match &self.sides {
            Sides::Nothing => Ok(PolicySet::new()),
            Sides::Sets { right, .. } => strict::decided(right.iter()),
        }
    }
}

/// SHA-256, in hex, of what these claims are proved from and by: themselves, the schema, this program as it is built, and the
/// solver: where it really is, what is in its file, and the version that it says it has. What a solver loads or starts in
/// its turn is told by that version alone.
///
/// # Errors
/// One of them cannot be written, or a program cannot be read, in words.
pub fn digest(claims: &[Claim], solver: &Solver) -> Result<String, String> {
    let parts = || -> Result<Vec<String>, String> {
        let (path, program) = programs::solver(solver.path())?;
        let mut parts = vec![schema::render(), super::engine_versions(), programs::own()?];
        parts.extend([solver.version().to_owned(), path.to_string_lossy().into_owned(), program]);
        for claim in claims {
            parts.push(claim.canonical()?);
        }
        Ok(parts)
    };
    let parts = on_a_large_stack(parts).map_err(|error| error.to_string())??;
    Ok(load::hash(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// What became of a claim.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It holds for every request.
    Proved,
    /// It does not hold for this one.
    Counterexample(Box<Counterexample>),
    /// Nobody can tell, for this reason. Hostile text.
    Unknown(String),
}

/// A request for which a claim does not hold, as the engine was given it.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// The actor, `tenant/kind/name`.
    pub principal: String,
    /// Type and id of the resource.
    pub resource: (&'static str, String),
    /// The context in Cedar's form.
    pub context: Json,
    /// Every entity but actions, in Cedar's form, ordered by uid.
    pub entities: Json,
    /// What the engine decides.
    pub verdict: Verdict,
    /// What a policy test has to expect once the claim holds.
    pub expected: Expected,
}

/// What must come of a counterexample once it is none any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A forbid of the guard.
    DeniedByGuard,
    /// A denial of any sort.
    Denied,
    /// No policy fails; allowed or not, as it would be without the one that does.
    NoError {
        /// Whether it is allowed then.
        allowed: bool,
    },
}
