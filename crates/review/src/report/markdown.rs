//! A report in Markdown (GitHub's, with tables). What a tenant could name is in code spans, which nothing in it can leave.

use std::fmt::Write as _;

use diagnostic::{code_span, grouped};

use super::Report;
use super::text::{burst, load_said};
use super::trend::length;
use crate::wording::{moment, redacted_short, short};

impl Report {
    /// In Markdown. Ends with a line break.
    pub fn to_markdown(&self) -> String {
        let mut shown = String::from("# Audit report\n\n");
        shown.push_str("| | |\n|---|---|\n");
        for (label, value) in self.summary() {
            let _ = writeln!(shown, "| {label} | {} |", code(&value));
        }
        let steps = self.trend.steps.as_slice();
        if !steps.is_empty() {
            let _ = writeln!(
                shown,
                "\n## When\n\nEach row is {}; times without a row had nothing.\n\n| from | denied | only counted | allowed |\n|---|--:|--:|--:|",
                length(self.trend.step_seconds)
            );
        }
        for step in steps {
            let counts = step.counts;
            let _ = writeln!(
                shown,
                "| {} | {} | {} | {} |",
                moment(&step.from),
                grouped(counts.denied),
                grouped(counts.counted),
                grouped(counts.allowed)
            );
        }
        for (name, table) in self.denied.named() {
            if table.rows.is_empty() {
                continue;
            }
            let _ = writeln!(
                shown,
                "\n## Denied by {name}\n\n| {name} | records | only counted | first | last |\n|---|--:|--:|---|---|"
            );
            for row in &table.rows {
                let (denied, only) = (grouped(row.denied), grouped(row.counted));
                let _ = writeln!(
                    shown,
                    "| {} | {denied} | {only} | {} | {} |",
                    code(&row.name),
                    code(&moment(&row.first.ts)),
                    code(&moment(&row.last.ts))
                );
            }
            if !table.others.is_nothing() {
                let others = &table.others;
                let (denied, only) = (grouped(others.denied), grouped(others.counted));
                let _ = writeln!(shown, "| others ({}) | {denied} | {only} | | |", grouped(others.names));
            }
        }
        self.first_seen_table(&mut shown);
        self.in_shadow_table(&mut shown);
        self.event_lists(&mut shown);
        shown
    }

    fn first_seen_table(&self, shown: &mut String) {
        if self.new.rows.is_empty() {
            return;
        }
        shown.push_str("\n## First seen\n\n| first | actor | action | on | policies | times | record |\n|---|---|---|---|---|--:|---|\n");
        for row in &self.new.rows {
            let _ = writeln!(
                shown,
                "| {} | {} | {} | {} | {} | {} | {} |",
                code(&moment(&row.first.ts)),
                code(&row.actor),
                code(&row.action),
                code(&row.resource_type),
                code(&row.policies.join(", ")),
                grouped(row.total),
                code(&row.first.id)
            );
        }
        more(shown, self.new.more);
    }

    fn in_shadow_table(&self, shown: &mut String) {
        if self.shadow.rows.is_empty() {
            return;
        }
        shown.push_str("\n## Policies in shadow would answer otherwise\n\n| action | answered | would be | by | records | last |\n|---|---|---|---|--:|---|\n");
        for row in &self.shadow.rows {
            let _ = writeln!(
                shown,
                "| {} | {} | {} | {} | {} | {} |",
                code(&row.action),
                code(&row.answered),
                code(&row.would_be),
                code(&row.policies.join(", ")),
                grouped(row.records),
                code(&row.last.id)
            );
        }
        more(shown, self.shadow.more);
    }

    fn event_lists(&self, shown: &mut String) {
        if !self.loads.rows.is_empty() {
            shown.push_str("\n## Policies that came into force\n\n");
        }
        for load in &self.loads.rows {
            let set = short(&load.policy_set);
            let _ = write!(shown, "- {} {}", code(&moment(&load.at.ts)), code(set));
            load_said(load).iter().chain(&burst(load)).for_each(|said| {
                let _ = write!(shown, ", {}", code(said));
            });
            let _ = writeln!(shown, ", record {}", code(&load.at.id));
        }
        more(shown, self.loads.more);
        if !self.health.incidents.is_empty() {
            shown.push_str("\n## What else happened\n\n");
        }
        for incident in &self.health.incidents {
            let (ts, id) = (code(&moment(&incident.at.ts)), code(&incident.at.id));
            let _ = writeln!(shown, "- {ts} {}, record {id}", code(&incident.text));
        }
        more(shown, self.health.more);
    }
}

fn more(shown: &mut String, more: u64) {
    if more > 0 {
        let _ = writeln!(shown, "\n{} more.", grouped(more));
    }
}

/// A text as a code span, or enough of what stands for one that was redacted.
fn code(text: &str) -> String {
    code_span(&redacted_short(text))
}
