//! Which records are asked for, by what the index knows of them.

use std::time::SystemTime;

use crate::row::{Row, nanoseconds_of};

/// Records that are asked for; by default all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Not before this time.
    pub since: Option<SystemTime>,
    /// Before this time.
    pub until: Option<SystemTime>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of this actor.
    pub actor: Option<String>,
    /// Decisions on one of these actions; on any if there is none.
    pub actions: Vec<String>,
    /// Decisions that were so: `allow`, `deny`, or a sort of denial such as `deny_forbid`.
    pub decision: Option<String>,
    /// Of one of these kinds; of any if there is none.
    pub kinds: Vec<String>,
    /// Of none of these kinds.
    pub kinds_left_out: Vec<&'static str>,
    /// Decisions that this policy determined, or would if it were not in shadow.
    pub policy: Option<String>,
}

/// A part of an SQL condition, with its values.
pub(crate) struct Condition {
    pub(crate) text: String,
    pub(crate) values: Vec<rusqlite::types::Value>,
}

impl Selection {
    /// Whether a record is one of them.
    pub fn holds(&self, row: &Row) -> bool {
        let asks_for_decisions = !self.actions.is_empty() || self.decision.is_some() || self.policy.is_some();
        self.in_time(row)
            && (!asks_for_decisions || row.kind == "decision")
            && (self.kinds.is_empty() || self.kinds.contains(&row.kind))
            && !self.kinds_left_out.contains(&row.kind.as_str())
            && self.fits(row)
            && self.policy.as_ref().is_none_or(|policy| row.policies().any(|id| id == policy))
    }

    /// Whether decisions that a roll-up counts are of these, as far as the roll-up tells.
    pub fn may_count(&self, row: &Row) -> bool {
        row.kind == "rollup" && self.in_time(row) && self.may_count_decisions() && self.fits(row)
    }

    /// Whether decisions are asked for at all.
    pub(crate) fn may_count_decisions(&self) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == "decision")
    }

    fn in_time(&self, row: &Row) -> bool {
        self.since.is_none_or(|since| row.ts_ns >= nanoseconds_of(since))
            && self.until.is_none_or(|until| row.ts_ns < nanoseconds_of(until))
    }

    fn fits(&self, row: &Row) -> bool {
        let same = |asked: &Option<String>, has: &Option<String>| asked.is_none() || asked == has;
        same(&self.tenant, &row.tenant)
            && same(&self.actor, &row.actor)
            && (self.actions.is_empty() || row.action.as_ref().is_some_and(|has| self.actions.contains(has)))
            && self.decision.as_deref().is_none_or(|asked| {
                [&row.decision, &row.decision_kind].iter().any(|has| has.as_deref() == Some(asked))
            })
    }

    /// The time alone, for the index.
    pub(crate) fn range(&self) -> Condition {
        let mut condition = Condition { text: "1".to_owned(), values: Vec::new() };
        if let Some(since) = self.since {
            condition.and(" AND ts_ns >= ?", [nanoseconds_of(since).into()]);
        }
        if let Some(until) = self.until {
            condition.and(" AND ts_ns < ?", [nanoseconds_of(until).into()]);
        }
        condition
    }

    /// As [`Selection::holds`], for the index.
    pub(crate) fn records(&self) -> Condition {
        let mut condition = self.range();
        if !self.actions.is_empty() || self.decision.is_some() || self.policy.is_some() {
            condition.and(" AND kind = 'decision'", []);
        }
        condition.one_of("kind", &self.kinds);
        for kind in &self.kinds_left_out {
            condition.and(" AND kind <> ?", [(*kind).to_owned().into()]);
        }
        self.fitting(&mut condition);
        if let Some(policy) = &self.policy {
            condition.and(" AND instr(policies, ?) > 0", [format!("\n{policy}\n").into()]);
        }
        condition
    }

    /// As [`Selection::may_count`], for the index.
    pub(crate) fn rollups(&self) -> Condition {
        let mut condition = Condition { text: "kind = 'rollup'".to_owned(), values: Vec::new() };
        self.fitting(&mut condition);
        condition
    }

    /// Whether a roll-up counts decisions of the policy that is asked for, as a column of its record: the first of those that
    /// are counted names the policies. Null where that one is not in the log.
    pub(crate) fn of_policy(&self) -> Condition {
        let Some(policy) = &self.policy else {
            return Condition { text: "1".to_owned(), values: Vec::new() };
        };
        let text = "CASE decision_kind WHEN 'deny_default' THEN 0 ELSE (SELECT instr(coalesce(first.policies, ''), ?) > 0 \
                    FROM record AS first WHERE first.id = record.opening) END";
        Condition { text: text.to_owned(), values: vec![format!("\n{policy}\n").into()] }
    }

    fn fitting(&self, condition: &mut Condition) {
        for (column, asked) in [("tenant", &self.tenant), ("actor", &self.actor)] {
            if let Some(asked) = asked {
                condition.and(&format!(" AND {column} = ?"), [asked.clone().into()]);
            }
        }
        condition.one_of("action", &self.actions);
        if let Some(asked) = &self.decision {
            condition.and(" AND ? IN (decision, decision_kind)", [asked.clone().into()]);
        }
    }
}

impl Condition {
    fn and<const COUNT: usize>(&mut self, text: &str, values: [rusqlite::types::Value; COUNT]) {
        self.text.push_str(text);
        self.values.extend(values);
    }

    fn one_of(&mut self, column: &str, values: &[String]) {
        if !values.is_empty() {
            let marks = vec!["?"; values.len()].join(", ");
            self.text.push_str(&format!(" AND {column} IN ({marks})"));
            self.values.extend(values.iter().cloned().map(Into::into));
        }
    }
}
