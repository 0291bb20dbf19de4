//! Which classes of allowed questions have occurred in a generation, on whichever thread: the first of each is
//! recorded, and those that follow are counted under that record.
//!
//! Asked only for what a thread meets for the first time. What a record holds is not known here, nor when counts are told.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use audit::Count;

use crate::generation::Question;
use crate::identity::{Digest, TenantId};
use crate::limits::FIRST_ALLOWS_TENANT_MAX;

/// What an allowed question is counted under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Under {
    /// Its class: SHA-256 of who asks, under what, for what sort of thing, and of all that the policies can read.
    Class(Digest),
    /// Its tenant and action: there are more classes than are told apart.
    Others(TenantId, &'static str),
}

/// What has occurred in one generation.
#[derive(Debug, Default)]
pub(crate) struct Occurred(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    counts: HashMap<Under, Count>,
    /// How many classes of each tenant there are among them.
    classes: HashMap<TenantId, usize>,
}

impl Occurred {
    /// What a question of this class is counted under, and the count if it has occurred.
    pub(crate) fn find(&self, question: &Question<'_>, class: Digest) -> (Under, Option<Count>) {
        let counts = self.counts();
        let under = Under::Class(class);
        if let Some(count) = counts.counts.get(&under) {
            return (under, Some(count.clone()));
        }
        let tenant = question.actor.tenant();
        if counts.classes.get(tenant).is_none_or(|classes| *classes < FIRST_ALLOWS_TENANT_MAX) {
            return (under, None);
        }
        let under = Under::Others(tenant.clone(), question.spec.action);
        let count = counts.counts.get(&under).cloned();
        (under, count)
    }

    /// Keeps the count of what occurred for the first time; gives the one to go by, which another thread may have kept
    /// meanwhile.
    pub(crate) fn keep(&self, question: &Question<'_>, under: &Under, count: Count) -> Count {
        let mut counts = self.counts();
        if let Some(before) = counts.counts.get(under) {
            return before.clone();
        }
        if let Under::Class(_) = under {
            *counts.classes.entry(question.actor.tenant().clone()).or_default() += 1;
        }
        counts.counts.insert(under.clone(), count.clone());
        count
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // No step under the lock leaves it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
