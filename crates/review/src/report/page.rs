//! A report as one page of HTML that needs nothing else: no script, no resource from anywhere, light or dark as its reader.
//!
//! Every text that is not written here goes through [`escaped`]. Should one ever slip through, the page's own policy lets the
//! browser run and fetch nothing, and use this style only.

use std::fmt::Write as _;

use diagnostic::{grouped, visible};
use value::base64::{Alphabet, encode};

use super::tables::Table;
use super::text::{burst, load_said};
use super::{At, Report};
use crate::wording::{moment, only_counted_may_fit, redacted_short, short, short_id};

const STYLE: &str = include_str!("page.css");

impl Report {
    /// As a page of HTML.
    pub fn to_html(&self) -> String {
        let hash = encode(&audit::digest::sha256(STYLE.as_bytes()), Alphabet::Standard);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>Audit report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        );
        self.heading(&mut page);
        self.tiles(&mut page);
        let _ = write!(page, "<section><h2>When</h2>\n{}</section>\n", self.chart());
        self.bursts(&mut page);
        page.push_str("<div class=\"columns\">\n");
        for (name, table) in self.denied.named() {
            denied_table(&mut page, name, table);
        }
        page.push_str("</div>\n");
        self.first_seen(&mut page);
        self.in_shadow(&mut page);
        self.loaded(&mut page);
        self.incidents(&mut page);
        page.push_str("<section><h2>What was read</h2>\n<table class=\"facts\">\n");
        for (label, value) in self.summary() {
            let _ = writeln!(page, "<tr><th>{label}</th><td>{}</td></tr>", escaped(&value));
        }
        page.push_str("</table></section>\n</body>\n</html>\n");
        page
    }

    /// Which log this is, from when to when, and what is missing.
    fn heading(&self, page: &mut String) {
        let _ = write!(page, "<header><h1>Audit report</h1>\n<p class=\"quiet\">{}", escaped(&self.log));
        if let (Some(first), Some(last)) = (&self.period.first, &self.period.last) {
            let (from, to) = (escaped(&moment(&first.ts)), escaped(&moment(&last.ts)));
            let _ = write!(page, ", {from} to {to}");
        }
        if !self.filter.is_empty() {
            let _ = write!(page, ", only {}", escaped(&self.filter));
        }
        page.push_str("</p></header>\n");
        if self.decisions.counted_may_fit > 0 {
            let said = only_counted_may_fit(self.decisions.counted_may_fit);
            let _ = writeln!(page, "<p class=\"alert\">{}</p>", escaped(&said));
        }
        for missing in &self.missing {
            let _ = writeln!(page, "<p class=\"alert\">{}</p>", escaped(missing));
        }
    }

    /// The numbers that somebody looks for first.
    fn tiles(&self, page: &mut String) {
        let decisions = &self.decisions;
        let complete = if self.complete { ("yes", "good") } else { ("no", "bad") };
        let healthy = self.health.gaps == 0 && self.health.recovered == 0 && !self.health.open;
        let health = if healthy { ("in order", "good") } else { ("trouble", "bad") };
        page.push_str("<div class=\"tiles\">\n");
        for (value, class, label) in [
            (grouped(decisions.denied.saturating_add(decisions.denied_counted)), "denied", "denied"),
            (grouped(decisions.denied_counted), "counted", "of them only counted"),
            (
                grouped(decisions.allowed.saturating_add(decisions.allowed_counted)),
                "allowed",
                "allowed, as far as recorded",
            ),
            (health.0.to_owned(), health.1, "the log"),
            (complete.0.to_owned(), complete.1, "complete"),
        ] {
            let _ = writeln!(
                page,
                "<div class=\"tile\"><b class=\"{class}\">{value}</b><span>{label}</span></div>"
            );
        }
        page.push_str("</div>\n");
    }

    fn bursts(&self, page: &mut String) {
        for load in &self.loads.rows {
            if let Some(burst) = burst(load) {
                let _ = writeln!(
                    page,
                    "<p class=\"alert\"><b>{}</b> policies {} came into force, and then {}</p>",
                    escaped(&moment(&load.at.ts)),
                    code(short(&load.policy_set)),
                    escaped(&burst)
                );
            }
        }
    }

    fn first_seen(&self, page: &mut String) {
        let rows = self.new.rows.iter().map(|row| {
            let actor = if row.actor.is_empty() { "(nobody)" } else { &row.actor };
            vec![
                at(&row.first),
                format!("{} -&gt; {} on {}", code(actor), code(&row.action), code(&row.resource_type)),
                code(&row.policies.join(", ")),
                grouped(row.total),
            ]
        });
        table(page, "First seen", &["first", "denied", "policies", "times"], rows, self.new.more);
    }

    fn in_shadow(&self, page: &mut String) {
        let rows = self.shadow.rows.iter().map(|row| {
            vec![
                code(&row.action),
                code(&row.answered),
                code(&row.would_be),
                code(&row.policies.join(", ")),
                at(&row.last),
                grouped(row.records),
            ]
        });
        let heads = ["action", "answered", "would be", "by", "last", "records"];
        table(page, "Policies in shadow would answer otherwise", &heads, rows, self.shadow.more);
    }

    fn loaded(&self, page: &mut String) {
        let rows = self.loads.rows.iter().map(|load| {
            let said = load_said(load).join(", ");
            vec![
                at(&load.at),
                code(short(&load.policy_set)),
                escaped(&said),
                grouped(load.denied_before),
                grouped(load.denied_after),
            ]
        });
        let heads = ["when", "set", "", "denied in the minute before", "after"];
        table(page, "Policies that came into force", &heads, rows, self.loads.more);
    }

    fn incidents(&self, page: &mut String) {
        let rows =
            self.health.incidents.iter().map(|incident| vec![at(&incident.at), escaped(&incident.text)]);
        table(page, "What else happened", &["when", "what"], rows, self.health.more);
    }
}

/// Text for a page: nothing of it is markup, and nothing of it turns or hides what is around it.
pub(super) fn escaped(text: &str) -> String {
    let mut page = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            other => page.push(other),
        }
    }
    page
}

/// A name in the face of names. The direction of its letters stays within it.
fn code(text: &str) -> String {
    format!("<code><bdi>{}</bdi></code>", escaped(&redacted_short(text)))
}

fn at(at: &At) -> String {
    let (time, id) = (escaped(&moment(&at.ts)), escaped(&at.id));
    format!("<span class=\"time\">{time}</span> <code title=\"{id}\">{}</code>", escaped(short_id(&at.id)))
}

/// A table, if there is anything in it. Cells are markup; the last column is of numbers when there are more than two.
fn table(
    page: &mut String,
    heading: &str,
    heads: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    more: u64,
) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let _ = write!(page, "<section><h2>{heading}</h2>\n<div class=\"wide\"><table><tr>");
    for head in heads {
        let _ = write!(page, "<th>{head}</th>");
    }
    page.push_str("</tr>\n");
    for row in rows {
        let _ = writeln!(
            page,
            "<tr>{}</tr>",
            row.iter().map(|cell| format!("<td>{cell}</td>")).collect::<String>()
        );
    }
    page.push_str("</table></div>\n");
    if more > 0 {
        let _ = writeln!(page, "<p class=\"quiet\">{} more</p>", grouped(more));
    }
    page.push_str("</section>\n");
}

/// One of the tables of denials, each row with a bar.
fn denied_table(page: &mut String, name: &str, table: &Table) {
    let Some(most) = table.rows.first().map(|row| row.total().max(1)) else { return };
    let _ = write!(
        page,
        "<section><h2>Denied by {name}</h2>\n<table><tr><th>{name}</th><th class=\"number\">records</th><th class=\"number\">counted</th><th>last</th></tr>\n"
    );
    for row in &table.rows {
        let share = |count: u64| count as f64 / most as f64 * 100.0;
        let _ = writeln!(
            page,
            "<tr><td>{}<svg class=\"bar\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"denied\" width=\"{:.2}\" height=\"4\"/><rect class=\"counted\" x=\"{:.2}\" width=\"{:.2}\" height=\"4\"/></svg></td><td class=\"number\">{}</td><td class=\"number\">{}</td><td>{}</td></tr>",
            code(&row.name),
            share(row.denied),
            share(row.denied),
            share(row.counted),
            grouped(row.denied),
            grouped(row.counted),
            at(&row.last)
        );
    }
    if !table.others.is_nothing() {
        let others = &table.others;
        let _ = writeln!(
            page,
            "<tr><td class=\"quiet\">others ({})</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td></td></tr>",
            grouped(others.names),
            grouped(others.denied),
            grouped(others.counted)
        );
    }
    page.push_str("</table></section>\n");
}
