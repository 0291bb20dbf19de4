//! What is new in the period: sorts of denials (actor, action, type of resource, policies) that the log did not have before.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use serde::Serialize;
use serde_json::Value as Json;

use super::{At, Sort};
use crate::limits::{REPORT_KNOWN_MAX, REPORT_NAMES_MAX};
use crate::member::add;

/// Sorts of denials that were first seen in the period, newest first.
#[derive(Debug, Default, Serialize)]
pub(super) struct New {
    pub(super) rows: Vec<FirstSeen>,
    /// How many more there are.
    pub(super) more: u64,
    /// Whether what was before the period was too much to remember.
    #[serde(skip)]
    pub(super) forgot: bool,
    #[serde(skip)]
    seen: HashMap<Sort, FirstSeen>,
    /// Hashes of the sorts before the period, under a key of this run: nobody can make two that are the same.
    #[serde(skip)]
    known: HashSet<u64>,
    #[serde(skip)]
    hasher: RandomState,
}

/// A sort of denial, and when it was first seen.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FirstSeen {
    pub(super) first: At,
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) resource_type: String,
    pub(super) policies: Vec<String>,
    /// How many since, with those that were only counted.
    pub(super) total: u64,
}

impl New {
    /// Takes denials of a sort, one by one or from a roll-up.
    pub(super) fn denial(&mut self, sort: &Sort, record: &Json, is_within: bool, count: u64) {
        if let Some(seen) = self.seen.get_mut(sort) {
            add(&mut seen.total, count);
            return;
        }
        let hash = self.hasher.hash_one(sort);
        if self.known.contains(&hash) {
            return;
        }
        if !is_within {
            self.forgot |= self.known.len() >= REPORT_KNOWN_MAX;
            if !self.forgot {
                self.known.insert(hash);
            }
        } else if self.seen.len() < REPORT_NAMES_MAX {
            let first = FirstSeen {
                first: At::of(record),
                actor: sort.actor.clone(),
                action: sort.action.clone(),
                resource_type: sort.resource_type.clone(),
                policies: sort.policies.clone(),
                total: count,
            };
            self.seen.insert(sort.clone(), first);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn finish(&mut self, rows: usize) {
        let mut all: Vec<FirstSeen> = std::mem::take(&mut self.seen).into_values().collect();
        all.sort_by_key(|row| std::cmp::Reverse(row.first.seq));
        add(&mut self.more, all.len().saturating_sub(rows) as u64);
        all.truncate(rows);
        self.rows = all;
        self.known = HashSet::new();
    }
}
