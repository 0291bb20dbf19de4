//! Loads of policies, with the denials before and after: a burst after a change is what somebody looks for first.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value as Json;

use super::{At, Sort};
use crate::limits::{
    LOAD_BURST_FACTOR, LOAD_BURST_MIN, LOAD_SORTS_MAX, LOAD_WINDOW_SECONDS, REPORT_EVENTS_MAX,
};
use crate::member::{add, number, text};

/// Policy sets that came into force in the period, oldest first.
#[derive(Debug, Default, Serialize)]
pub(super) struct Loads {
    pub(super) rows: VecDeque<Load>,
    /// How many older ones there are in the period.
    pub(super) more: u64,
    /// The set in force.
    #[serde(skip)]
    set: Option<String>,
    /// Denials by second, of the last seconds.
    #[serde(skip)]
    recent: VecDeque<(u64, u64)>,
}

/// One set. Loads of the same set in a row are one.
#[derive(Debug, Serialize)]
pub(super) struct Load {
    #[serde(flatten)]
    pub(super) at: At,
    pub(super) policy_set: String,
    pub(super) policies: Option<u64>,
    /// How often it was loaded in a row.
    pub(super) loads: u64,
    /// Whether another set was in force before.
    pub(super) changed: bool,
    /// Who loaded it, as `login@host`.
    pub(super) by: Option<String>,
    /// Denials in the minute before.
    pub(super) denied_before: u64,
    /// Denials in the minute after.
    pub(super) denied_after: u64,
    /// Whether that is many more, and the set another one.
    pub(super) burst: bool,
    /// What most of the denials after it are.
    pub(super) mostly: Option<String>,
    #[serde(skip)]
    pub(super) second: u64,
    #[serde(skip)]
    sorts: HashMap<String, u64>,
}

impl Loads {
    /// Takes a load; of one that is not in the period only the set is kept.
    pub(super) fn load(&mut self, record: &Json, second: u64, is_within: bool) {
        let set = text(record, "/policy_set").to_owned();
        let before = self.set.replace(set.clone());
        if !is_within {
            return;
        }
        if before.as_ref() == Some(&set)
            && let Some(last) = self.rows.back_mut()
        {
            last.loads += 1;
            return;
        }
        if self.rows.len() == REPORT_EVENTS_MAX {
            self.rows.pop_front();
            self.more += 1;
        }
        let by = record.get("asserted_by").map(|by| format!("{}@{}", text(by, "/login"), text(by, "/host")));
        let since = second.saturating_sub(LOAD_WINDOW_SECONDS);
        self.rows.push_back(Load {
            at: At::of(record),
            policy_set: set.clone(),
            policies: number(record, "/detail/policies"),
            loads: 1,
            changed: before.is_some_and(|before| before != set),
            by,
            denied_before: self
                .recent
                .iter()
                .filter(|(at, _)| *at >= since)
                .fold(0, |sum, (_, count)| sum.saturating_add(*count)),
            denied_after: 0,
            burst: false,
            mostly: None,
            second,
            sorts: HashMap::new(),
        });
    }

    /// Takes denials.
    pub(super) fn denials(&mut self, second: u64, sort: &Sort, count: u64) {
        match self.recent.back_mut() {
            Some((at, so_far)) if *at == second => add(so_far, count),
            _ => self.recent.push_back((second, count)),
        }
        // A clock that goes back and forth must not make the window grow.
        while self.recent.front().is_some_and(|(at, _)| at + LOAD_WINDOW_SECONDS < second)
            || self.recent.len() > 2 * LOAD_WINDOW_SECONDS as usize
        {
            self.recent.pop_front();
        }
        // What is denied after a load is that set's; an earlier one no longer decides.
        if let Some(load) = self.rows.back_mut().filter(|load| second <= load.second + LOAD_WINDOW_SECONDS) {
            add(&mut load.denied_after, count);
            let said = format!("{} by {}", sort.action, sort.policies.join(", "));
            if load.sorts.len() < LOAD_SORTS_MAX || load.sorts.contains_key(&said) {
                add(load.sorts.entry(said).or_default(), count);
            }
        }
    }

    pub(super) fn finish(&mut self) {
        for load in &mut self.rows {
            let many = LOAD_BURST_MIN.max(load.denied_before.saturating_mul(LOAD_BURST_FACTOR));
            load.burst = load.changed && load.denied_after >= many;
            let sorts = std::mem::take(&mut load.sorts);
            let most =
                sorts.into_iter().max_by(|one, other| one.1.cmp(&other.1).then_with(|| other.0.cmp(&one.0)));
            load.mostly = most.map(|(said, _)| said);
        }
    }
}
