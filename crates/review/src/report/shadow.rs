//! Where policies in shadow would answer otherwise.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::At;
use crate::limits::REPORT_NAMES_MAX;
use crate::member::{items, text};

/// Sorts of disagreement, most frequent first.
#[derive(Debug, Default, Serialize)]
pub(super) struct Disagreements {
    pub(super) rows: Vec<Disagreement>,
    /// Records that are not in the rows.
    pub(super) more: u64,
    #[serde(skip)]
    all: HashMap<[String; 4], Disagreement>,
}

/// What was answered, and what would have been.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Disagreement {
    pub(super) action: String,
    pub(super) answered: String,
    pub(super) would_be: String,
    /// Ids of the policies by which it would be so; none of a default deny.
    pub(super) policies: Vec<String>,
    /// Records that say so. Of allowed ones only the first, the tenth, the hundredth, ... are recorded.
    pub(super) records: u64,
    /// The last of them.
    pub(super) last: At,
}

impl Disagreements {
    pub(super) fn decision(&mut self, record: &Json) {
        let Some(would) = record.get("shadow") else { return };
        let policies: Vec<String> =
            items(would, "/policies").iter().map(|policy| text(policy, "/id").to_owned()).collect();
        let of = |record: &Json, path: &str| text(record, path).to_owned();
        let (action, answered) = (of(record, "/action"), of(record, "/decision_kind"));
        let would_be = of(would, "/decision_kind");
        let key = [action.clone(), answered.clone(), would_be.clone(), policies.join(" ")];
        if self.all.len() >= REPORT_NAMES_MAX && !self.all.contains_key(&key) {
            self.more += 1;
            return;
        }
        let row = self.all.entry(key).or_insert_with(|| Disagreement {
            action,
            answered,
            would_be,
            policies,
            records: 0,
            last: At::default(),
        });
        row.records += 1;
        row.last = At::of(record);
    }

    pub(super) fn finish(&mut self, rows: usize) {
        let mut all: Vec<([String; 4], Disagreement)> = std::mem::take(&mut self.all).into_iter().collect();
        all.sort_by(|one, other| other.1.records.cmp(&one.1.records).then_with(|| one.0.cmp(&other.0)));
        self.more += all.drain(rows.min(all.len())..).map(|(_, row)| row.records).sum::<u64>();
        self.rows = all.into_iter().map(|(_, row)| row).collect();
    }
}
