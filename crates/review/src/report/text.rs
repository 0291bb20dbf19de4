//! A report as people read it in a terminal, in 80 columns where names allow it.

use std::fmt::Write as _;

use diagnostic::{counted, grouped, visible};

use super::loads::Load;
use super::new::FirstSeen;
use super::tables::Table;
use super::trend::length;
use super::{At, Report};
use crate::limits::REPORT_LINES_MAX;
use crate::wording::{BEST_EFFORT, by_nothing, moment, named, only_counted_may_fit, short, short_id};

/// Columns of the longest bar.
const BAR_COLUMNS: u64 = 40;

impl Report {
    /// For people: nothing that a terminal obeys is in it. Ends with a line break.
    pub fn to_text(&self) -> String {
        let mut shown = String::new();
        for (label, value) in self.summary() {
            let _ = writeln!(shown, "{label:<11}{value}");
        }
        for load in &self.loads.rows {
            if let Some(burst) = burst(load) {
                let burst = burst.replacen("; mostly", ";\n           mostly", 1);
                let (when, set) = (visible(&moment(&load.at.ts)), visible(short(&load.policy_set)));
                let _ = writeln!(
                    shown,
                    "{:<11}{when} policies {set} came into force, and then\n{:11}{burst}",
                    "look at", ""
                );
            }
        }
        self.trend_lines(&mut shown);
        for (name, table) in self.denied.named() {
            table_lines(&mut shown, name, table);
        }
        section(&mut shown, "first seen, newest first", self.new.more, &self.new.rows, first_seen);
        section(
            &mut shown,
            "policies in shadow would answer otherwise",
            self.shadow.more,
            &self.shadow.rows,
            |row| {
                let by = match row.policies.as_slice() {
                    [] => by_nothing(&row.would_be),
                    policies => policies.join(", "),
                };
                format!(
                    "{:>9}  {}: {} instead of {}\n{:13}by {}, {}",
                    grouped(row.records),
                    visible(&row.action),
                    visible(&row.would_be),
                    visible(&row.answered),
                    "",
                    visible(&by),
                    visible(short_id(&row.last.id))
                )
            },
        );
        section(&mut shown, "policies that came into force", self.loads.more, &self.loads.rows, load);
        section(&mut shown, "what else happened", self.health.more, &self.health.incidents, |incident| {
            format!("{}\n{:4}{}", at(&incident.at), "", incident.text)
        });
        shown
    }

    /// Label and value of each fact about the whole, with every text visible.
    pub(super) fn summary(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("log", visible(&self.log))];
        let period = &self.period;
        let asked = match (&period.since, &period.until) {
            (None, None) => "all there is".to_owned(),
            (Some(since), None) => format!("since {}", moment(since)),
            (None, Some(until)) => format!("until {}", moment(until)),
            (Some(since), Some(until)) => format!("{} to {}", moment(since), moment(until)),
        };
        facts.push(("period", asked));
        if !self.filter.is_empty() {
            facts.push(("only", visible(&self.filter)));
        }
        facts.push(match (&period.first, &period.last) {
            (Some(first), Some(last)) => (
                "read",
                format!(
                    "records {} to {}, {} to {}",
                    grouped(first.seq),
                    grouped(last.seq),
                    visible(&moment(&first.ts)),
                    visible(&moment(&last.ts))
                ),
            ),
            _ => ("read", "no record is in that period".to_owned()),
        });
        let decisions = &self.decisions;
        facts.push((
            "denied",
            format!(
                "{}, and {} more only counted, in roll-ups",
                grouped(decisions.denied),
                grouped(decisions.denied_counted)
            ),
        ));
        facts.push((
            "allowed",
            format!(
                "{} recorded, {} only counted; what is allowed is not all recorded",
                grouped(decisions.allowed),
                grouped(decisions.allowed_counted)
            ),
        ));
        if decisions.counted_may_fit > 0 {
            facts.push(("may fit", only_counted_may_fit(decisions.counted_may_fit)));
        }
        facts.push(("log health", self.health_said()));
        if self.best_effort {
            facts.push(("mode", BEST_EFFORT.to_owned()));
        }
        facts.push(("complete", if self.complete { "yes" } else { "no" }.to_owned()));
        facts.extend(self.missing.iter().map(|what| ("", visible(what))));
        facts
    }

    fn health_said(&self) -> String {
        let health = &self.health;
        let mut said = Vec::new();
        if health.open {
            said.push("it does not take records now".to_owned());
        }
        if health.gaps > 0 {
            said.push(format!(
                "{} with {} refused and {} lost",
                counted(health.gaps, "gap", "gaps"),
                counted(health.refused, "check", "checks"),
                counted(health.dropped, "record", "records")
            ));
        }
        if health.recovered > 0 {
            let runs =
                counted(health.recovered, "run that did not end in order", "runs that did not end in order");
            said.push(format!("{runs}, and may lack some records at the end"));
        }
        if said.is_empty() {
            said.push("no gap, and every run ended in order".to_owned());
        }
        said.join("; ")
    }

    fn trend_lines(&self, shown: &mut String) {
        let trend = self.trend.coarser(REPORT_LINES_MAX);
        let steps = trend.whole();
        let most = steps.iter().map(|step| step.counts.denials()).max().unwrap_or_default();
        if most == 0 {
            return;
        }
        let _ = writeln!(shown, "\ndenied, each line {}:", length(trend.step_seconds));
        for step in &steps {
            let denials = step.counts.denials();
            // In 128 bits, so that no count is too large; at least one column for what is there.
            let columns = (u128::from(denials) * u128::from(BAR_COLUMNS)).div_ceil(u128::from(most));
            let bar = "█".repeat(usize::try_from(columns).unwrap_or_default());
            let mark = if self.loaded_within(step.second, trend.step_seconds) {
                "  <- policies changed"
            } else {
                ""
            };
            let count = if denials == 0 { String::new() } else { format!(" {}", grouped(denials)) };
            let _ = writeln!(shown, "  {}  {bar}{count}{mark}", moment(&step.from));
        }
    }

    fn loaded_within(&self, from: u64, seconds: u64) -> bool {
        self.loads
            .rows
            .iter()
            .any(|load| load.changed && (from..from.saturating_add(seconds)).contains(&load.second))
    }
}

fn at(at: &At) -> String {
    format!("{}  {}", visible(&moment(&at.ts)), visible(short_id(&at.id)))
}

/// A heading and its rows; nothing when there are none.
fn section<'r, R: 'r>(
    shown: &mut String,
    heading: &str,
    more: u64,
    rows: impl IntoIterator<Item = &'r R>,
    line: impl Fn(&R) -> String,
) {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return;
    }
    let _ = writeln!(shown, "\n{heading}:");
    for row in rows {
        let _ = writeln!(shown, "  {}", line(row));
    }
    if more > 0 {
        let _ = writeln!(shown, "  ... {} more", grouped(more));
    }
}

fn table_lines(shown: &mut String, name: &str, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    let _ =
        writeln!(shown, "\ndenied by {name}:\n  {:>9} {:>9}  {:20}  {name}", "records", "counted", "last");
    for row in &table.rows {
        let _ = writeln!(
            shown,
            "  {:>9} {:>9}  {:20}  {}",
            grouped(row.denied),
            grouped(row.counted),
            visible(&moment(&row.last.ts)),
            named(&row.name)
        );
    }
    if !table.others.is_nothing() {
        let others = &table.others;
        let _ = writeln!(
            shown,
            "  {:>9} {:>9}  {:20}  others ({})",
            grouped(others.denied),
            grouped(others.counted),
            "",
            grouped(others.names)
        );
    }
}

fn first_seen(row: &FirstSeen) -> String {
    let times = if row.total > 1 { format!(", {} times", grouped(row.total)) } else { String::new() };
    format!(
        "{}  {} -> {} on {}\n{:40}{}{times}",
        at(&row.first),
        named(if row.actor.is_empty() { "(nobody)" } else { &row.actor }),
        visible(&row.action),
        visible(&row.resource_type),
        "",
        visible(&row.policies.join(", "))
    )
}

fn load(load: &Load) -> String {
    let mut said = format!("{}  {}", at(&load.at), visible(short(&load.policy_set)));
    for part in load_said(load) {
        let _ = write!(said, ", {part}");
    }
    if load.changed || load.denied_after > 0 {
        let (after, before) = (grouped(load.denied_after), grouped(load.denied_before));
        let _ = write!(said, "\n{:4}denied in the minute after it {after}, before it {before}", "");
    }
    said
}

/// What is said of a load besides its time and digest, with every text visible.
pub(super) fn load_said(load: &Load) -> Vec<String> {
    let mut said = Vec::new();
    said.extend(load.policies.map(|policies| counted(policies, "policy", "policies")));
    if load.loads > 1 {
        said.push(format!("{} times", grouped(load.loads)));
    }
    said.extend(load.by.as_deref().map(|by| format!("by {}", visible(by))));
    said
}

/// What is said of the denials after a load that began a burst, with every text visible.
pub(super) fn burst(load: &Load) -> Option<String> {
    let mostly = load.mostly.as_deref().filter(|_| load.burst)?;
    Some(format!(
        "a burst: {} denied in the minute after it, {} before; mostly {}",
        grouped(load.denied_after),
        grouped(load.denied_before),
        visible(mostly)
    ))
}
