//! Roll-ups of a report: how many decisions one says more than the time before, and which policies its first decision had.
//!
//! A roll-up names its opening record and counts from there. Which policies decided is in that record only; the first line of
//! the roll-up comes shortly after it, so that the policies of the last decisions are what has to be remembered.

use std::collections::VecDeque;

use serde_json::Value as Json;

use crate::limits::REPORT_OPENINGS_MAX;
use crate::member::{items, number, text};
use crate::rollups::Followed;
use crate::wording::by_nothing;

/// What is followed.
#[derive(Debug, Default)]
pub(super) struct Rollups {
    followed: Followed<Known>,
    /// Ids and policies of the last decisions.
    decisions: VecDeque<(String, Vec<String>)>,
}

#[derive(Debug, Clone)]
struct Known {
    count: u64,
    policies: Option<Vec<String>>,
}

/// The ids of the policies that determined a decision, or why there are none.
pub(super) fn policies(record: &Json, kind: &str) -> Vec<String> {
    let ids: Vec<String> =
        items(record, "/policies").iter().map(|policy| text(policy, "/id").to_owned()).collect();
    if ids.is_empty() { vec![by_nothing(kind)] } else { ids }
}

impl Rollups {
    /// Takes note of a decision: it may be the one that opens a roll-up.
    pub(super) fn decision(&mut self, record: &Json) {
        if self.decisions.len() == REPORT_OPENINGS_MAX {
            self.decisions.pop_front();
        }
        let policies = policies(record, text(record, "/decision_kind"));
        self.decisions.push_back((text(record, "/id").to_owned(), policies));
    }

    /// How many decisions a roll-up counts that it, or one before it of the same opening, had not counted; and the policies of
    /// the opening record, if they are known.
    pub(super) fn more(&mut self, record: &Json) -> (u64, Option<Vec<String>>) {
        let opening = text(record, "/detail/opening");
        let count = number(record, "/detail/count").unwrap_or_default();
        let before = self.followed.get(opening).cloned().unwrap_or_else(|| Known {
            count: 0,
            policies: self.policies(opening, text(record, "/detail/decision_kind")),
        });
        if record.pointer("/detail/closed") == Some(&Json::Bool(true)) {
            self.followed.close(opening);
        } else {
            self.followed.keep(opening, Known { count, policies: before.policies.clone() });
        }
        (count.saturating_sub(before.count), before.policies)
    }

    /// How many had to be forgotten before they were closed.
    pub(super) fn forgotten(&self) -> u64 {
        self.followed.forgotten
    }

    fn policies(&self, opening: &str, kind: &str) -> Option<Vec<String>> {
        let decision = self.decisions.iter().rev().find(|(id, _)| id == opening);
        let known = decision.map(|(_, policies)| policies.clone());
        // No policy decides that sort, whoever was the first.
        known.or_else(|| (kind == "deny_default").then(|| vec![by_nothing(kind)]))
    }
}
