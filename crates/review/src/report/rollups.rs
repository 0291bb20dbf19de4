//! Roll-ups followed: how many decisions one says more than the time before, and which policies its first decision had.
//!
//! A roll-up names its opening record and counts from there. Which policies denied is in that record only, so the last denial
//! of each sort that a roll-up can count is remembered.

use std::collections::{HashMap, VecDeque};

use serde_json::Value as Json;

use crate::limits::REPORT_ROLLUPS_MAX;
use crate::member::{add, items, number, text};

/// What is followed. The oldest is forgotten first.
#[derive(Debug, Default)]
pub(super) struct Rollups {
    /// The last count, by the opening record's id.
    counts: HashMap<String, u64>,
    order: VecDeque<String>,
    /// How many had to be forgotten before they were closed.
    pub(super) forgotten: u64,
    /// Id and policies of the last denial of each sort.
    openings: HashMap<[String; 5], (String, Vec<String>)>,
}

/// The ids of the policies that determined a denial, or why there are none, in brackets, which no id has.
pub(super) fn policies(record: &Json, kind: &str) -> Vec<String> {
    let ids: Vec<String> =
        items(record, "/policies").iter().map(|policy| text(policy, "/id").to_owned()).collect();
    if ids.is_empty() { vec![without_policy(kind).to_owned()] } else { ids }
}

fn without_policy(kind: &str) -> &'static str {
    match kind {
        "deny_default" => "(no permit)",
        "deny_error" => "(a failure)",
        _ => "(not known)",
    }
}

impl Rollups {
    /// Takes note of a denial: it may be the one that opens a roll-up.
    pub(super) fn denial(&mut self, record: &Json) {
        let kind = text(record, "/decision_kind");
        let key = key(record, text(record, "/action"), text(record, "/resource/type"), kind);
        if self.openings.len() >= REPORT_ROLLUPS_MAX && !self.openings.contains_key(&key) {
            return;
        }
        self.openings.insert(key, (text(record, "/id").to_owned(), policies(record, kind)));
    }

    /// How many decisions a roll-up counts that it, or one before it of the same opening, had not counted.
    pub(super) fn more(&mut self, record: &Json) -> u64 {
        let opening = text(record, "/detail/opening").to_owned();
        let count = number(record, "/detail/count").unwrap_or_default();
        if record.pointer("/detail/closed") == Some(&Json::Bool(true)) {
            return count.saturating_sub(self.counts.remove(&opening).unwrap_or_default());
        }
        if let Some(before) = self.counts.get_mut(&opening) {
            return count.saturating_sub(std::mem::replace(before, count));
        }
        if self.order.len() >= REPORT_ROLLUPS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            add(&mut self.forgotten, u64::from(self.counts.remove(&oldest).is_some()));
        }
        self.order.push_back(opening.clone());
        self.counts.insert(opening, count);
        count
    }

    /// The policies of the record that opened it.
    pub(super) fn policies(&self, record: &Json) -> Vec<String> {
        let detail = |name: &str| text(record, &format!("/detail/{name}"));
        let kind = detail("decision_kind");
        match self.openings.get(&key(record, detail("action"), detail("resource_type"), kind)) {
            Some((id, policies)) if id == detail("opening") => policies.clone(),
            _ if kind == "deny_forbid" => vec!["(not known)".to_owned()],
            _ => vec![without_policy(kind).to_owned()],
        }
    }
}

fn key(record: &Json, action: &str, resource_type: &str, kind: &str) -> [String; 5] {
    [text(record, "/tenant"), text(record, "/actor"), action, resource_type, kind].map(str::to_owned)
}
