//! Records counted by who, what or why: decisions one by one, and those that roll-ups count.

use std::collections::BTreeMap;

use crate::limits::GROUPS_MAX;
use crate::rollups::Followed;
use crate::row::Row;
use crate::wording::by_nothing;

/// What records are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// Who asked.
    Actor,
    /// What was asked for.
    Action,
    /// The policies that determined the answer, each for itself.
    Policy,
    /// The tenant of who asked.
    Tenant,
}

/// The counts of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Group {
    /// Denials with a record of their own.
    pub denied: u64,
    /// Allows with a record of their own.
    pub allowed: u64,
    /// Decisions that were only counted, in roll-ups.
    pub counted: u64,
    /// Records that are no decisions.
    pub other: u64,
}

impl Group {
    /// Everything.
    pub fn sum(&self) -> u64 {
        self.denied + self.allowed + self.counted + self.other
    }
}

/// Groups with their counts.
#[derive(Debug, Clone)]
pub struct Groups {
    by: GroupBy,
    groups: BTreeMap<String, Group>,
    /// The last count of each roll-up, by its opening record.
    rollups: Followed<u64>,
}

impl Groups {
    /// No counts yet.
    pub fn new(by: GroupBy) -> Self {
        Self { by, groups: BTreeMap::new(), rollups: Followed::default() }
    }

    /// What is counted by.
    pub fn by(&self) -> GroupBy {
        self.by
    }

    /// Counts a record.
    pub fn add(&mut self, row: &Row) {
        let mut count = Group::default();
        match (row.kind.as_str(), row.decision.as_deref()) {
            ("decision", Some("deny")) => count.denied = 1,
            ("decision", _) => count.allowed = 1,
            ("rollup", _) => count.counted = self.rollups.rise(row),
            _ => count.other = 1,
        }
        if count.sum() == 0 {
            return;
        }
        let one = |name: &Option<String>| vec![name.clone().unwrap_or_else(|| "(none)".to_owned())];
        let names = match self.by {
            GroupBy::Actor => one(&row.actor),
            GroupBy::Action => one(&row.action),
            GroupBy::Tenant => one(&row.tenant),
            GroupBy::Policy if row.kind == "rollup" => vec!["(counted only)".to_owned()],
            GroupBy::Policy if row.kind != "decision" => one(&None),
            GroupBy::Policy if row.policies.is_none() => {
                vec![by_nothing(row.decision_kind.as_deref().unwrap_or_default())]
            }
            GroupBy::Policy => row.policies().map(str::to_owned).collect(),
        };
        for name in names {
            let known = self.groups.contains_key(&name) || self.groups.len() < GROUPS_MAX;
            let group = self.groups.entry(if known { name } else { "(others)".to_owned() }).or_default();
            group.denied += count.denied;
            group.allowed += count.allowed;
            group.counted = group.counted.saturating_add(count.counted);
            group.other += count.other;
        }
    }

    /// How many roll-ups were too many to be followed: what they count may be counted twice.
    pub fn forgotten(&self) -> u64 {
        self.rollups.forgotten
    }

    /// The groups, largest first; those of one size by name.
    pub fn largest(&self) -> Vec<(&str, Group)> {
        let mut groups: Vec<(&str, Group)> =
            self.groups.iter().map(|(name, group)| (name.as_str(), *group)).collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.sum()));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roll_up_counts_once_what_it_says_again_each_second() {
        let mut groups = Groups::new(GroupBy::Actor);
        let decision = |decision: &str| Row {
            kind: "decision".to_owned(),
            actor: Some("a/user/x".to_owned()),
            decision: Some(decision.to_owned()),
            ..Row::default()
        };
        let rollup = |count: u64| Row {
            kind: "rollup".to_owned(),
            actor: Some("a/user/x".to_owned()),
            opening: Some("01X".to_owned()),
            count: Some(count),
            ..Row::default()
        };
        for row in [decision("deny"), rollup(10), rollup(25), rollup(25), decision("allow")] {
            groups.add(&row);
        }
        groups.add(&Row { kind: "gap".to_owned(), ..Row::default() });
        let expected = Group { denied: 1, allowed: 1, counted: 25, other: 0 };
        assert_eq!(
            groups.largest(),
            [("a/user/x", expected), ("(none)", Group { other: 1, ..Group::default() })]
        );
    }

    #[test]
    fn many_roll_ups_at_once_are_counted_once_each() {
        let mut groups = Groups::new(GroupBy::Tenant);
        for _ in 0..2 {
            for number in 0..=GROUPS_MAX {
                let opening = Some(format!("01X{number}"));
                groups.add(&Row { kind: "rollup".to_owned(), opening, count: Some(1), ..Row::default() });
            }
        }
        assert_eq!((groups.largest()[0].1.counted, groups.forgotten()), (GROUPS_MAX as u64 + 1, 0));
    }

    #[test]
    fn names_that_a_tenant_makes_up_do_not_fill_the_memory() {
        let mut groups = Groups::new(GroupBy::Tenant);
        for number in 0..GROUPS_MAX + 5 {
            let tenant = Some(format!("t{number}"));
            groups.add(&Row { kind: "decision".to_owned(), tenant, ..Row::default() });
        }
        let (name, group) = groups.largest()[0];
        assert_eq!((groups.largest().len(), name, group.allowed), (GROUPS_MAX + 1, "(others)", 5));
    }
}
