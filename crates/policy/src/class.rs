//! A class of questions: one actor under one set of scopes, asking for one permission. What all of them have in common is
//! made once: the policies that can concern them, the entities that they share, what those policies can read, and the
//! answers so far.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use cedar_policy::{Entities, PolicyId, PolicySet};

use crate::bundle::{Bundle, Loaded};
use crate::entity::{self, Tenants, Unanswerable};
use crate::footprint::{NotFollowed, Read};
use crate::generation::{Answer, Question};
use crate::limits::{MEMO_CLASS_BYTES, MEMO_ENTITY_BYTES, MEMO_POLICY_BYTES};
use crate::slice::Sliced;
use crate::view;
use crate::vocabulary::FieldType;

/// What questions of one class have in common.
pub(crate) struct Class {
    /// The policies that are enforced.
    pub(crate) policies: PolicySet,
    /// Those and the ones in shadow; nothing when there are none of these.
    pub(crate) with_shadow: Option<PolicySet>,
    pub(crate) loaded: HashMap<PolicyId, Arc<Loaded>>,
    /// The principal, its roles, the scopes held, their tenants, and the action with its groups.
    pub(crate) shared: Entities,
    /// What the policies can read, in a fixed order; nothing when that may be anything.
    footprint: Option<Vec<Read>>,
    /// By the values of what the policies can read, which a tenant can choose: the hash has a seed that nobody knows.
    answers: RefCell<HashMap<Box<[u8]>, Rc<Answer>>>,
    /// Whether nothing that the policies can read is in the context, but for the process that asks: who asks about whom then
    /// decides the answer.
    pub(crate) reads_no_field: bool,
    /// Bytes that it counts for in the memo.
    pub(crate) bytes: usize,
}

impl Class {
    /// The class of a question.
    ///
    /// # Errors
    /// The policies or entities cannot be put together: nothing of this class can be answered.
    pub(crate) fn of(question: &Question<'_>, bundle: &Bundle) -> Result<Self, Unanswerable> {
        Self::among(&bundle.tenants, question, bundle)
    }

    /// The same where the tenants are these, and not those of the bundle.
    ///
    /// # Errors
    /// As [`Class::of`].
    pub(crate) fn among(
        tenants: &Tenants,
        question: &Question<'_>,
        bundle: &Bundle,
    ) -> Result<Self, Unanswerable> {
        let Question { actor, scopes, spec, .. } = *question;
        let selected = bundle.select(actor, spec, scopes);
        let mut policies = PolicySet::new();
        let mut by_id = HashMap::with_capacity(selected.len());
        let mut reads = Some(BTreeSet::new());
        let entities = actor.roles().count() + actor.tags().count() + scopes.len();
        let mut bytes = MEMO_CLASS_BYTES + entities * MEMO_ENTITY_BYTES;
        let mut shadow: Vec<&Loaded> = Vec::new();
        for Sliced { loaded, footprint } in &selected {
            match loaded.shadow {
                true => shadow.push(loaded),
                false => add(&mut policies, loaded)?,
            }
            by_id.insert(loaded.policy.id().clone(), loaded.clone());
            bytes += policy_bytes(loaded);
            match (&mut reads, footprint) {
                (Some(reads), Ok(footprint)) => reads.extend(footprint.iter().cloned()),
                (_, Ok(_)) => {}
                (_, Err(NotFollowed(why))) => {
                    tracing::debug!(%actor, action = spec.action, policy = %loaded.id, why, "answers are not remembered");
                    reads = None;
                }
            }
        }
        let with_shadow = if shadow.is_empty() {
            None
        } else {
            // A copy of each.
            bytes += selected.iter().map(|sliced| policy_bytes(&sliced.loaded)).sum::<usize>();
            let mut all = policies.clone();
            shadow.into_iter().try_for_each(|loaded| add(&mut all, loaded))?;
            Some(all)
        };
        let footprint: Option<Vec<Read>> = reads.map(|reads| reads.into_iter().collect());
        let reads_no_field = footprint.as_ref().is_some_and(|reads| !reads.iter().any(Read::reads_a_field))
            && !spec.context.iter().any(|field| matches!(field.kind, FieldType::Entity(_)));
        let shared = entity::of_class(actor, scopes, spec, tenants)?;
        Ok(Self {
            policies,
            with_shadow,
            loaded: by_id,
            shared,
            footprint,
            answers: RefCell::default(),
            reads_no_field,
            bytes,
        })
    }

    /// Writes what decides the answer of a question of this class into `key`; false when nothing can be kept.
    pub(crate) fn write_key(&self, question: &Question<'_>, tenants: &Tenants, key: &mut Vec<u8>) -> bool {
        key.clear();
        self.footprint.as_ref().is_some_and(|reads| view::write_key(question, tenants, reads, key))
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

fn add(policies: &mut PolicySet, loaded: &Loaded) -> Result<(), Unanswerable> {
    policies.add(loaded.policy.clone()).map_err(|error| Unanswerable::new(&error))
}

fn policy_bytes(loaded: &Loaded) -> usize {
    MEMO_POLICY_BYTES + loaded.text().len()
}
