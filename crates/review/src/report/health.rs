//! How the log fared, and what else happened that is no decision.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::Value as Json;

use super::At;
use crate::event;
use crate::limits::{REPORT_EVENTS_MAX, REPORT_KINDS_MAX};
use crate::member::{add, number, shown, text};

/// What the period had besides decisions, loads and roll-ups.
#[derive(Debug, Default, Serialize)]
pub(super) struct Health {
    /// Times at which no records were taken.
    pub(super) gaps: u64,
    /// Checks that were refused then.
    pub(super) refused: u64,
    /// Records that were lost then: none in a strict log.
    pub(super) dropped: u64,
    /// Runs that did not end in order.
    pub(super) recovered: u64,
    /// Whether the last thing said is that the log does not take records.
    pub(super) open: bool,
    /// Number of the last signed head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checkpoint: Option<At>,
    /// Records of each kind.
    pub(super) kinds: BTreeMap<String, u64>,
    /// What somebody should know of, oldest first.
    pub(super) incidents: VecDeque<Incident>,
    /// How many older ones there are.
    pub(super) more: u64,
}

/// One record, in a sentence.
#[derive(Debug, Serialize)]
pub(super) struct Incident {
    #[serde(flatten)]
    pub(super) at: At,
    pub(super) kind: String,
    /// What it says, with every text visible.
    pub(super) text: String,
}

impl Health {
    pub(super) fn event(&mut self, record: &Json) {
        let kind = text(record, "/kind");
        if self.kinds.len() < REPORT_KINDS_MAX || self.kinds.contains_key(kind) {
            *self.kinds.entry(kind.to_owned()).or_default() += 1;
        }
        let count = |name: &str| number(record, &format!("/detail/{name}")).unwrap_or_default();
        match kind {
            "checkpoint" => {
                self.checkpoint = Some(At::of(record));
                return;
            }
            "gap" => {
                self.open = text(record, "/detail/state") == "open";
                add(&mut self.gaps, u64::from(!self.open));
                add(&mut self.refused, count("refused"));
                add(&mut self.dropped, count("dropped"));
            }
            "recovered" => self.recovered += 1,
            "policy_refused" | "policy_self_check" | "service" | "admin" | "token_revoke" | "key_rotate"
            | "retention" | "token_refused" | "session_end" => {}
            _ => return,
        }
        if self.incidents.len() == REPORT_EVENTS_MAX {
            self.incidents.pop_front();
            self.more += 1;
        }
        let text = event::sentence(&shown(record));
        self.incidents.push_back(Incident { at: At::of(record), kind: kind.to_owned(), text });
    }
}
