//! Which records a verb is about: a period, and names that they have.

use std::time::SystemTime;

use clap::{Args, ValueEnum};
use review::Period;
use serde_json::Value as Json;
use value::parse_duration;

/// What records are wanted.
#[derive(Debug, Args)]
pub(super) struct Filters {
    /// From when on: how long ago, as `15m` or `24h`, or a time as `2026-11-27T13:00:00Z`
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<SystemTime>,
    /// Until when, written in the same way
    #[arg(long, value_name = "WHEN", value_parser = when)]
    until: Option<SystemTime>,
    /// Only of this tenant
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Only of this actor, as `tenant/kind/name`
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// Only of this permission, such as `process.send`
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// Only of this answer
    #[arg(long, value_name = "ANSWER")]
    decision: Option<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Answer {
    Allow,
    Deny,
}

impl Filters {
    /// The period.
    pub(super) fn period(&self) -> Period {
        Period { since: self.since, until: self.until }
    }

    /// Whether a decision, or a roll-up of decisions, is wanted.
    pub(super) fn wants(&self, record: &Json) -> bool {
        let text = |paths: [&str; 2]| paths.iter().find_map(|path| record.pointer(path)?.as_str());
        let is =
            |wanted: &Option<String>, paths| wanted.as_ref().is_none_or(|wanted| text(paths) == Some(wanted));
        let answer = match text(["/decision", "/detail/decision_kind"]) {
            Some("allow") => Answer::Allow,
            _ => Answer::Deny,
        };
        is(&self.tenant, ["/tenant", ""])
            && is(&self.actor, ["/actor", ""])
            && is(&self.action, ["/action", "/detail/action"])
            && self.decision.is_none_or(|wanted| wanted == answer)
    }

    /// What they leave out, in words; empty when nothing but a period is asked for.
    pub(super) fn words(&self) -> String {
        let mut words = Vec::new();
        for (name, value) in [("tenant", &self.tenant), ("actor", &self.actor), ("action", &self.action)] {
            words.extend(value.as_ref().map(|value| format!("{name} `{value}`")));
        }
        words.extend(self.decision.map(|answer| match answer {
            Answer::Allow => "what was allowed".to_owned(),
            Answer::Deny => "what was denied".to_owned(),
        }));
        words.join(", ")
    }
}

/// A time as people write it.
fn when(text: &str) -> Result<SystemTime, String> {
    if let Ok(time) = humantime::parse_rfc3339(text) {
        return Ok(time);
    }
    let ago =
        parse_duration(text).map_err(|error| format!("{error}, or a time such as `2026-11-27T13:00:00Z`"))?;
    SystemTime::now().checked_sub(ago).ok_or_else(|| "that is too long ago".to_owned())
}
