//! Whether the records of a log follow each other, so that whoever reads all of them can say that it was all.
//!
//! Whether they are what was written is not known here: `moonward audit verify` says that.

use serde_json::Value as Json;

use crate::beginning;
use crate::member::{number, text};
use crate::row::Row;

/// What is told of one record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Its number; nothing where it has none.
    pub seq: Option<u64>,
    /// The last record that it says was removed, if it is a retention.
    removed_through: Option<u64>,
    /// Records that it says were lost, if it is of a gap.
    pub lost: u64,
}

/// The records that were passed so far, in the order of the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Order {
    first: Option<u64>,
    last: Option<u64>,
    removed_through: Option<u64>,
}

impl Step {
    /// What there is to be told of a record.
    pub fn of(record: &Json) -> Self {
        let is = |kind: &str| text(record, "/kind") == kind;
        let detail = |name: &str| number(record, &format!("/detail/{name}"));
        Self {
            seq: number(record, "/seq"),
            removed_through: detail("through").filter(|_| is("retention")),
            lost: detail("dropped").filter(|_| is("gap")).unwrap_or_default(),
        }
    }

    /// The same of its row, which does not tell of gaps.
    pub(crate) fn of_row(row: &Row) -> Self {
        Self { seq: Some(row.seq), removed_through: row.count.filter(|_| row.kind == "retention"), lost: 0 }
    }
}

impl Order {
    /// Passes the next record: what is missing before it, in words.
    pub fn pass(&mut self, step: Step) -> Option<String> {
        let before = self.last;
        self.first = self.first.or(step.seq);
        self.last = step.seq.or(self.last);
        self.removed_through = self.removed_through.max(step.removed_through);
        let (before, seq) = (before?, step.seq?);
        if seq == before.saturating_add(1) {
            return None;
        }
        let (from, to) = (before.saturating_add(1), seq.saturating_sub(1));
        Some(match seq > before {
            true if from == to => format!("record {from} is not in the log"),
            true => format!("records {from} to {to} are not in the log"),
            false => format!("record {seq} comes after record {before}; `moonward audit verify` says more"),
        })
    }

    /// Number of the first record that was passed.
    pub fn first(&self) -> Option<u64> {
        self.first
    }

    /// Why what was passed is not all from the beginning, in words. `since` is whether it was to begin at a time, which may be an
    /// earlier one than that of the first record.
    pub fn beginning(&self, since: bool) -> Option<String> {
        beginning::trouble(self.first?, self.removed_through, since)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_between_records_and_before_them_is_told() {
        let record = |seq: u64| Step { seq: Some(seq), ..Step::default() };
        let gap = Step::of(&json!({"seq": "4", "kind": "gap", "detail": {"dropped": "3"}}));
        assert_eq!(gap.lost, 3);
        let removed = Step::of(&json!({"seq": "6", "kind": "retention", "detail": {"through": "1"}}));
        for (steps, between, before) in [
            (vec![record(1), record(2)], vec![], None),
            (vec![record(1), record(3)], vec!["record 2 is not in the log"], None),
            (vec![record(1), record(5)], vec!["records 2 to 4 are not in the log"], None),
            (vec![record(1), Step::default(), record(2)], vec![], None),
            (vec![record(1), record(1)], vec!["record 1 comes after record 1"], None),
            (vec![record(3), gap], vec![], Some("1 to 2 are missing")),
            (vec![record(2), record(3), record(4), record(5), removed], vec![], None),
        ] {
            let mut order = Order::default();
            let told: Vec<String> = steps.iter().filter_map(|step| order.pass(*step)).collect();
            assert!(
                told.len() == between.len()
                    && told.iter().zip(&between).all(|(told, is)| told.starts_with(is)),
                "{told:?}"
            );
            let beginning = order.beginning(false);
            let is_told = match (&beginning, before) {
                (Some(told), Some(is)) => told.contains(is),
                (told, is) => told.is_none() && is.is_none(),
            };
            assert!(is_told, "{beginning:?}");
        }
    }
}
