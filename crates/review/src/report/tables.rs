//! Denials counted by name: of tenants, actors, actions, types of resources, policies.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::{At, Sort};
use crate::limits::REPORT_NAMES_MAX;
use crate::member::add;

/// Denials by each of their parts.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tables {
    pub(super) policy: Table,
    pub(super) actor: Table,
    pub(super) action: Table,
    pub(super) resource_type: Table,
    pub(super) tenant: Table,
}

impl Tables {
    /// Counts denials: those with records of their own, and those that a roll-up counted.
    pub(super) fn add(&mut self, sort: &Sort, record: &Json, denied: u64, counted: u64) {
        let named = |name: &str| if name.is_empty() { "(nobody)".to_owned() } else { name.to_owned() };
        for policy in &sort.policies {
            self.policy.add(policy.clone(), record, denied, counted);
        }
        self.actor.add(named(&sort.actor), record, denied, counted);
        self.action.add(sort.action.clone(), record, denied, counted);
        self.resource_type.add(sort.resource_type.clone(), record, denied, counted);
        self.tenant.add(named(&sort.tenant), record, denied, counted);
    }

    /// What each table counts, with the table.
    pub(super) fn named(&self) -> [(&'static str, &Table); 5] {
        [
            ("policy", &self.policy),
            ("actor", &self.actor),
            ("action", &self.action),
            ("resource type", &self.resource_type),
            ("tenant", &self.tenant),
        ]
    }

    /// Whether there were more names than are counted by name.
    pub(super) fn is_short(&self) -> bool {
        self.named().iter().any(|(_, table)| table.unnamed > 0)
    }

    pub(super) fn finish(&mut self, rows: usize) {
        for table in
            [&mut self.policy, &mut self.actor, &mut self.action, &mut self.resource_type, &mut self.tenant]
        {
            table.finish(rows);
        }
    }
}

/// One table: its greatest rows, greatest first.
#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    /// All other names together.
    #[serde(skip_serializing_if = "Others::is_nothing")]
    pub(super) others: Others,
    #[serde(skip)]
    all: HashMap<String, Row>,
    /// Denials whose names came when there were too many already.
    #[serde(skip)]
    unnamed: u64,
}

/// A name, and how often it was denied.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    /// Denials with a record of their own.
    pub(super) denied: u64,
    /// Denials that were only counted.
    pub(super) counted: u64,
    /// The first record of it in the period.
    pub(super) first: At,
    /// The last one.
    pub(super) last: At,
}

impl Row {
    pub(super) fn total(&self) -> u64 {
        self.denied.saturating_add(self.counted)
    }
}

/// Rows that are not shown.
#[derive(Debug, Default, Serialize)]
pub(super) struct Others {
    /// How many names that is at least.
    pub(super) names: u64,
    pub(super) denied: u64,
    pub(super) counted: u64,
}

impl Others {
    pub(super) fn is_nothing(&self) -> bool {
        self.denied == 0 && self.counted == 0
    }
}

impl Table {
    fn add(&mut self, name: String, record: &Json, denied: u64, counted: u64) {
        if self.all.len() >= REPORT_NAMES_MAX && !self.all.contains_key(&name) {
            self.unnamed += 1;
            add(&mut self.others.denied, denied);
            add(&mut self.others.counted, counted);
            return;
        }
        let at = At::of(record);
        let row = self.all.entry(name.clone()).or_insert_with(|| Row {
            name,
            denied: 0,
            counted: 0,
            first: at.clone(),
            last: At::default(),
        });
        add(&mut row.denied, denied);
        add(&mut row.counted, counted);
        row.last = at;
    }

    fn finish(&mut self, rows: usize) {
        let mut all: Vec<Row> = std::mem::take(&mut self.all).into_values().collect();
        all.sort_by(|one, other| other.total().cmp(&one.total()).then_with(|| one.name.cmp(&other.name)));
        for row in all.drain(rows.min(all.len())..) {
            self.others.names += 1;
            add(&mut self.others.denied, row.denied);
            add(&mut self.others.counted, row.counted);
        }
        add(&mut self.others.names, u64::from(self.unnamed > 0));
        self.rows = all;
    }
}
