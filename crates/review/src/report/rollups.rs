//! Roll-ups followed: how many decisions one says more than the time before, and which policies its first decision had.
//!
//! A roll-up names its opening record and counts from there. Which policies denied is in that record only; the first line of the
//! roll-up comes shortly after it, so that the policies of the last denials are what has to be remembered.

use std::collections::{HashMap, VecDeque};

use serde_json::Value as Json;

use crate::limits::{REPORT_OPENINGS_MAX, REPORT_ROLLUPS_MAX};
use crate::member::{add, items, number, text};

/// What is followed. The oldest is forgotten first.
#[derive(Debug, Default)]
pub(super) struct Rollups {
    /// By the opening record's id.
    open: HashMap<String, Followed>,
    order: VecDeque<String>,
    /// How many had to be forgotten before they were closed.
    pub(super) forgotten: u64,
    /// Ids and policies of the last denials.
    denials: VecDeque<(String, Vec<String>)>,
}

#[derive(Debug, Clone)]
struct Followed {
    count: u64,
    policies: Vec<String>,
}

/// The ids of the policies that determined a denial, or why there are none, in brackets, which no id has.
pub(super) fn policies(record: &Json, kind: &str) -> Vec<String> {
    let ids: Vec<String> =
        items(record, "/policies").iter().map(|policy| text(policy, "/id").to_owned()).collect();
    if ids.is_empty() { without_policy(kind) } else { ids }
}

fn without_policy(kind: &str) -> Vec<String> {
    let why = match kind {
        "deny_default" => "(no permit)",
        "deny_error" => "(a failure)",
        _ => "(not known)",
    };
    vec![why.to_owned()]
}

impl Rollups {
    /// Takes note of a denial: it may be the one that opens a roll-up.
    pub(super) fn denial(&mut self, record: &Json) {
        if self.denials.len() == REPORT_OPENINGS_MAX {
            self.denials.pop_front();
        }
        let policies = policies(record, text(record, "/decision_kind"));
        self.denials.push_back((text(record, "/id").to_owned(), policies));
    }

    /// How many decisions a roll-up counts that it, or one before it of the same opening, had not counted; and the policies of
    /// the opening record.
    pub(super) fn more(&mut self, record: &Json) -> (u64, Vec<String>) {
        let opening = text(record, "/detail/opening");
        let count = number(record, "/detail/count").unwrap_or_default();
        let before = self.open.get(opening).cloned().unwrap_or_else(|| Followed {
            count: 0,
            policies: self.policies(opening, text(record, "/detail/decision_kind")),
        });
        if record.pointer("/detail/closed") == Some(&Json::Bool(true)) {
            self.open.remove(opening);
        } else {
            self.follow(opening, Followed { count, policies: before.policies.clone() });
        }
        (count.saturating_sub(before.count), before.policies)
    }

    fn policies(&self, opening: &str, kind: &str) -> Vec<String> {
        let denial = self.denials.iter().rev().find(|(id, _)| id == opening);
        denial.map_or_else(|| without_policy(kind), |(_, policies)| policies.clone())
    }

    fn follow(&mut self, opening: &str, followed: Followed) {
        if self.open.insert(opening.to_owned(), followed).is_some() {
            return;
        }
        self.order.push_back(opening.to_owned());
        if self.order.len() > REPORT_ROLLUPS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            add(&mut self.forgotten, u64::from(self.open.remove(&oldest).is_some()));
        }
    }
}
