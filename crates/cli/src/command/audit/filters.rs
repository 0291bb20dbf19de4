//! Which records are asked for, as every verb takes it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use diagnostic::{did_you_mean, visible};
use policy::Filter;
use policy::permission::ALL;
use policy::vocabulary::Group;
use review::{Column, Condition, Index, Selection};
use serde_json::Value as Json;

use crate::fault::Fault;
use crate::print::Printer;

/// Names of the log that a mistyped one is held against.
const NAMES_MAX: usize = 1000;

/// Which records are asked for: those that fit all that is said.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Filters")]
pub(in crate::command) struct Filters {
    /// From this time on: how long ago (`15m`, `2h 30m`), or when (`2026-11-27 13:00:00Z`, `2026-11-27 13:00`, `2026-11-27`)
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<SystemTime>,
    /// Before this time, written alike
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<SystemTime>,
    /// What concerns this tenant
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// What this actor asked for or did
    #[arg(long, value_name = "TENANT/KIND/ID")]
    actor: Option<String>,
    /// Decisions on this action, or on those of this group (`spawn`, `message`, ...); repeats
    #[arg(long, value_name = "NAME", value_parser = actions)]
    action: Vec<Actions>,
    /// Decisions that were so
    #[arg(long, value_enum, value_name = "DECISION")]
    decision: Option<Asked>,
    /// Records of this kind (`decision`, `policy_load`, `gap`, ...); repeats
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Vec<String>,
    /// Decisions that this policy determined, or would if it were not in shadow
    #[arg(long, value_name = "ID")]
    policy: Option<String>,
    /// Records of which this Cedar expression is true: `record` is the line as it is in the log, with its numbers as numbers
    /// and `ts` as a `datetime`, and with the parts of it that are kept elsewhere. What a record lacks is no match, and is counted; ask with `has` where that is meant
    #[arg(long = "where", value_name = "EXPR")]
    expression: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Asked {
    Allow,
    /// Any denial
    Deny,
    /// By a policy that forbids
    DenyForbid,
    /// Since no policy permits it
    DenyDefault,
    /// Since a policy failed
    DenyError,
}

/// The actions that one word names.
#[derive(Debug, Clone)]
struct Actions(Vec<String>);

impl Filters {
    /// What the index knows of.
    ///
    /// # Errors
    /// The time that is asked for ends before it begins: nothing can be of it, and an empty answer would look like one.
    pub(in crate::command) fn selection(&self) -> Result<Selection, Fault> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && until <= since
        {
            let [since, until] = [since, until].map(moment_of);
            let message = format!("`--until` is {until}, which is not after `--since`, {since}");
            return Err(Fault::usage(message, "give the earlier time to `--since`"));
        }
        Ok(Selection {
            since: self.since,
            until: self.until,
            tenant: self.tenant.clone(),
            actor: self.actor.clone(),
            actions: self.action.iter().flat_map(|actions| actions.0.iter().cloned()).collect(),
            decision: self.decision.and_then(|asked| Some(asked.to_possible_value()?.get_name().to_owned())),
            kinds: self.kind.clone(),
            kinds_left_out: Vec::new(),
            policy: self.policy.clone(),
        })
    }

    /// The same for people: records that only hold the log together are left out unless they are asked for.
    ///
    /// # Errors
    /// As [`Filters::selection`].
    pub(super) fn selection_for_people(&self) -> Result<Selection, Fault> {
        let mut selection = self.selection()?;
        if self.kind.is_empty() && self.expression.is_none() {
            selection.kinds_left_out = vec!["checkpoint"];
        }
        Ok(selection)
    }

    /// The time that is asked for, in words; nothing when it is all there is.
    pub(in crate::command) fn period(&self) -> Option<String> {
        match (self.since.map(moment_of), self.until.map(moment_of)) {
            (None, None) => None,
            (Some(since), None) => Some(format!("since {since}")),
            (None, Some(until)) => Some(format!("until {until}")),
            (Some(since), Some(until)) => Some(format!("{since} to {until}")),
        }
    }

    /// What they leave out of a period, in words; empty when that is nothing.
    pub(in crate::command) fn words(&self) -> String {
        let actions = self.action.iter().map(|actions| actions.0.join(", ")).collect::<Vec<_>>().join(", ");
        let decision = self.decision.and_then(|asked| Some(asked.to_possible_value()?.get_name().to_owned()));
        let texts = [
            ("tenant", self.tenant.clone()),
            ("actor", self.actor.clone()),
            ("action", Some(actions).filter(|actions| !actions.is_empty())),
            ("decision", decision),
            ("kind", Some(self.kind.join(", ")).filter(|kinds| !kinds.is_empty())),
            ("policy", self.policy.clone()),
            ("where", self.expression.clone()),
        ];
        let given = texts.into_iter().filter_map(|(name, value)| Some(format!("{name} `{}`", value?)));
        given.collect::<Vec<_>>().join(", ")
    }

    /// The expression, compiled. What is probably not meant is said.
    ///
    /// # Errors
    /// It is no Cedar expression over `record`.
    pub(in crate::command) fn filter(&self, printer: &Printer) -> Result<Option<Filter>, Fault> {
        let Some(text) = &self.expression else { return Ok(None) };
        let filter = Filter::compile(text).map_err(Fault::Invalid)?;
        printer.diagnostics(filter.doubts());
        Ok(Some(filter))
    }

    /// What was probably meant by a name that no record of the log has: asked when nothing was found. Without an index there is
    /// no advice.
    pub(in crate::command) fn say_nearest(&self, folder: &Path, printer: &Printer) {
        let names = [
            ("tenant", &self.tenant, Column::Tenant),
            ("actor", &self.actor, Column::Actor),
            ("policy", &self.policy, Column::Policy),
        ];
        let named: Vec<_> =
            names.iter().filter_map(|(what, name, column)| Some((what, name.as_ref()?, *column))).collect();
        if named.is_empty() {
            return;
        }
        let Ok(mut index) = Index::open(folder) else { return };
        if index.catch_up(&mut |_| {}).is_err() {
            return;
        }
        for (what, name, column) in named {
            let Ok(known) = index.names(column, NAMES_MAX) else { continue };
            if known.contains(name) {
                continue;
            }
            let meant = did_you_mean(name, known.iter().map(String::as_str))
                .map_or_else(String::new, |near| format!("; did you mean `{}`?", visible(near)));
            printer.say(&format!("help: no record names the {what} `{}`{meant}", visible(name)));
        }
    }
}

/// A time for people.
fn moment_of(time: SystemTime) -> String {
    review::moment(&value::rfc3339_seconds(time).to_string())
}

/// A filter as a question takes it.
pub(in crate::command) fn condition(filter: &Filter) -> Condition<'_> {
    Condition {
        matches: Box::new(|record| filter.matches(record).map_err(|no_match| no_match.to_string())),
        reads: Box::new(|member| filter.reads(member)),
    }
}

/// A time that somebody gives: how long ago, or when.
pub(super) fn time(text: &str) -> Result<SystemTime, String> {
    time_at(text, SystemTime::now())
}

fn time_at(text: &str, now: SystemTime) -> Result<SystemTime, String> {
    let text = text.trim();
    let expected = || {
        Err("expected how long ago, such as `15m` or `2h 30m`, or when, such as `2026-11-27 13:00:00Z`, `2026-11-27 13:00` \
             or `2026-11-27`"
            .to_owned())
    };
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH));
    }
    let said = text.trim_end_matches(['Z', 'z']);
    let whole = match said.len() {
        10 => format!("{said}T00:00:00"),
        16 => format!("{said}:00"),
        _ => said.to_owned(),
    };
    match humantime::parse_rfc3339_weak(&whole) {
        Ok(time) if time.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| since < Duration::MAX) => {
            Ok(time)
        }
        _ => expected(),
    }
}

fn actions(text: &str) -> Result<Actions, String> {
    if ALL.iter().any(|spec| spec.action == text) {
        return Ok(Actions(vec![text.to_owned()]));
    }
    if let Some(group) = Group::ALL.into_iter().find(|group| group.name() == text) {
        let within = |of: Group| of == group || of.parent() == Some(group);
        let specs = ALL.iter().filter(|spec| within(spec.group));
        return Ok(Actions(specs.map(|spec| spec.action.to_owned()).collect()));
    }
    let known = ALL.iter().map(|spec| spec.action).chain(Group::ALL.into_iter().map(Group::name));
    Err(unknown("action", text, known))
}

fn kind(text: &str) -> Result<String, String> {
    let kinds = kinds();
    if kinds.iter().any(|kind| kind == text) {
        return Ok(text.to_owned());
    }
    Err(unknown("kind", text, kinds.iter().map(String::as_str)))
}

/// Every kind of record, by their published form.
fn kinds() -> Vec<String> {
    let schema: Json = serde_json::from_str(&audit::schema_json()).unwrap_or_default();
    let events = schema.pointer("/$defs/EventKind/oneOf").and_then(Json::as_array).into_iter().flatten();
    let events = events.filter_map(|kind| kind.get("const")?.as_str().map(str::to_owned));
    std::iter::once("decision".to_owned()).chain(events).collect()
}

fn unknown<'a>(what: &str, text: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match did_you_mean(text, known.clone()) {
        Some(near) => format!("no such {what}; did you mean `{near}`?"),
        None => format!("no such {what}; there are: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_how_long_ago_or_when() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let seconds = |text: &str| {
            time_at(text, now).map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
        };
        for (text, expected) in [
            ("15m", 1_800_000_000 - 900),
            ("2h 30m", 1_800_000_000 - 9000),
            ("900000days", 0),
            ("2026-11-27", 1_795_737_600),
            ("2026-11-27 13:06:06Z", 1_795_784_766),
            ("2026-11-27T13:06:06Z", 1_795_784_766),
            ("2026-11-27T13:06:06.5Z", 1_795_784_766),
            ("2026-11-27 13:06:06", 1_795_784_766),
            ("2026-11-27 13:06", 1_795_784_760),
            ("2026-11-27T13:06Z", 1_795_784_760),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "15", "13:06", "-5m"] {
            assert!(seconds(text).unwrap_err().contains("15m"), "{text}");
        }
    }

    #[test]
    fn actions_groups_and_kinds_are_known_and_a_slip_of_the_hand_is_told() {
        assert_eq!(actions("process.send").unwrap().0, ["process.send"]);
        assert!(actions("registry").unwrap().0.iter().all(|action| action.contains("regist")));
        assert!(actions("all").unwrap().0.len() > 10);
        assert_eq!(actions("process.sent").unwrap_err(), "no such action; did you mean `process.send`?");
        assert_eq!(kind("policy_load").unwrap(), "policy_load");
        assert_eq!(kind("decisions").unwrap_err(), "no such kind; did you mean `decision`?");
        assert!(kind("x").unwrap_err().contains("decision, policy_load,"));
    }
}
