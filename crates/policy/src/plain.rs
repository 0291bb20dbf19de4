//! A question decided by plain Cedar over every policy that can be considered: no slice, no class, nothing remembered.
//!
//! What the gate answers otherwise is held against this, in production too.

use std::sync::Arc;

use cedar_policy::PolicySet;

use crate::bundle::Loaded;
use crate::class::Class;
use crate::entity::Unanswerable;
use crate::generation::{Answer, Case, Generation, Question, decide};
use crate::identity::{Actor, ScopeSet};
use crate::permission::Spec;

/// A question put to Cedar, to be decided later or elsewhere.
pub(crate) struct Plainly {
    actor: Arc<Actor>,
    scopes: ScopeSet,
    spec: &'static Spec,
    case: Case,
}

impl Plainly {
    /// The question, its entities made anew.
    ///
    /// # Errors
    /// It cannot be put to Cedar.
    pub(crate) fn put(question: &Question<'_>, generation: &Generation) -> Result<Self, Unanswerable> {
        let case = generation.case(question, &Class::of(question, &generation.bundle)?)?;
        let Question { actor, scopes, spec, .. } = *question;
        Ok(Self { actor: actor.clone(), scopes: scopes.clone(), spec, case })
    }

    /// The answer by the policies that are enforced. Needs a stack of [`crate::limits::EVALUATION_STACK_BYTES`].
    pub(crate) fn decide(&self, generation: &Generation) -> Answer {
        let slices = generation.bundle.considered(self.actor.tenant(), self.spec, &self.scopes);
        let enforced: Vec<&Arc<Loaded>> =
            slices.flat_map(|slice| slice.iter()).filter(|loaded| !loaded.shadow).collect();
        match PolicySet::from_policies(enforced.iter().map(|loaded| loaded.policy.clone())) {
            Ok(policies) => {
                let known =
                    |id: &_| enforced.iter().find(|loaded| loaded.policy.id() == id).copied().cloned();
                decide(&self.case, &policies, known)
            }
            Err(error) => Answer::failed(&Unanswerable::new(&error)),
        }
    }
}
