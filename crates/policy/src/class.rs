//! A class of questions: one actor under one set of scopes, asking for one permission. What all of them have in common is
//! made once: the policies that can concern them, the entities that they share, what those policies can read, and the
//! answers so far.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use cedar_policy::{Entities, PolicyId, PolicySet};
use rustc_hash::FxHashMap;

use crate::bundle::{Bundle, Loaded};
use crate::entity::{self, Unanswerable};
use crate::footprint::{self, Footprint};
use crate::generation::{Answer, Question};
use crate::view;

/// What questions of one class have in common.
pub(crate) struct Class {
    pub(crate) policies: PolicySet,
    pub(crate) loaded: HashMap<PolicyId, Arc<Loaded>>,
    /// The principal, its roles, the scopes held, their tenants, and the action with its groups.
    pub(crate) shared: Entities,
    footprint: Footprint,
    /// By the values of what the policies can read.
    answers: RefCell<FxHashMap<Box<[u8]>, Rc<Answer>>>,
}

impl Class {
    /// The class of a question.
    ///
    /// # Errors
    /// The policies or entities cannot be put together: nothing of this class can be answered.
    pub(crate) fn of(question: &Question<'_>, bundle: &Bundle) -> Result<Self, Unanswerable> {
        let selected = bundle.select(question.actor, question.spec, question.scopes);
        let footprint =
            footprint::of(question.spec, selected.iter().map(|loaded| (&loaded.id, &loaded.policy)));
        if let Footprint::Everything { policy, what } = &footprint {
            let (actor, action) = (question.actor, question.spec.action);
            tracing::debug!(%actor, action, %policy, what, "no answer is remembered");
        }
        let mut policies = PolicySet::new();
        let mut by_id = HashMap::with_capacity(selected.len());
        for loaded in selected {
            policies.add(loaded.policy.clone()).map_err(|error| Unanswerable::new(&error))?;
            by_id.insert(loaded.policy.id().clone(), loaded.clone());
        }
        let shared = entity::of_class(question.actor, question.scopes, question.spec, &bundle.tenants)?;
        Ok(Self { policies, loaded: by_id, shared, footprint, answers: RefCell::default() })
    }

    /// Writes what decides the answer of a question of this class into `key`; false when nothing can be kept.
    pub(crate) fn write_key(&self, question: &Question<'_>, bundle: &Bundle, key: &mut Vec<u8>) -> bool {
        key.clear();
        match &self.footprint {
            Footprint::Reads(reads) => view::write_key(question, &bundle.tenants, reads, key),
            Footprint::Everything { .. } => false,
        }
    }

    /// The answer that was kept under this key.
    pub(crate) fn known(&self, key: &[u8]) -> Option<Rc<Answer>> {
        self.answers.borrow().get(key).cloned()
    }

    /// Keeps an answer. One with errors is never kept: it is an incident each time.
    pub(crate) fn keep(&self, key: &[u8], answer: &Rc<Answer>) {
        self.answers.borrow_mut().insert(key.into(), answer.clone());
    }
}
