//! A story as people read it: the sentence, the facts, the policies with their lines, and what came before and after.

use std::fmt::Write as _;

use diagnostic::{counted, marked_lines, visible};
use serde_json::Value as Json;

use super::{Around, Near, Quotation, Story, Told, answered};
use crate::limits::{STORY_POLICY_LINES_MAX, STORY_VALUE_CHARACTERS_MAX};
use crate::member::{items, number, text};
use crate::wording::{self, BEST_EFFORT, list, moment, policy, quoted, short, short_id, time_of_day};

impl Story {
    /// For people: nothing that a terminal obeys is in it. Ends with a line break.
    pub fn to_text(&self) -> Told {
        let mut shown = Told::default();
        self.sentence(&mut shown);
        self.facts(&mut shown);
        for policy in &self.policies {
            shown.push_str("\n");
            quotation(&mut shown, policy);
        }
        self.shadow(&mut shown);
        self.counted(&mut shown);
        let label = match self.relation() {
            super::Relation::Actor(_) if self.chain.is_same(&self.near) => {
                "in the same causal chain, and by the same actor"
            }
            super::Relation::Actor(_) => "by the same actor",
            super::Relation::Kind(_) => "of the same kind",
        };
        if !self.chain.is_same(&self.near) {
            around(&mut shown, &self.chain, "in the same causal chain", true);
        }
        around(&mut shown, &self.near, label, false);
        if !self.missing.is_empty() {
            shown.push_str("\nnot everything could be read:\n");
            for what in &self.missing {
                let _ = writeln!(shown, "  {}", visible(what));
            }
        }
        shown
    }

    /// What happened, with the answer between who asked and what for.
    fn sentence(&self, shown: &mut Told) {
        let allowed = text(&self.visible, "/decision") == "allow";
        let who = wording::who(&self.visible);
        match answered(&self.visible)
            .and_then(|was| Some((was, self.sentence.strip_prefix(&format!("{who} {was}"))?)))
        {
            Some((was, rest)) => {
                shown.push_str(&format!("{who} "));
                shown.answer(was, allowed);
                shown.push_str(rest);
            }
            None => shown.push_str(&self.sentence),
        }
        shown.push_str("\n\n");
    }

    /// Label and value, one a line.
    fn facts(&self, shown: &mut Told) {
        let record = &self.visible;
        let get = |path: &str| text(record, path);
        fact(shown, "when", &format!("{}, record {} ({})", moment(get("/ts")), get("/seq"), get("/id")));
        if record.get("decision").is_some() || !get("/actor").is_empty() {
            fact(shown, "who", &who(record));
        }
        if !get("/place/source").is_empty() {
            let place = match number(record, "/place/line") {
                Some(line) if line > 0 => format!("{}:{line}", get("/place/source")),
                _ => get("/place/source").to_owned(),
            };
            fact(shown, "where", &place);
        }
        if record.get("decision").is_some() {
            let asked = format!("{} on {} `{}`", get("/action"), get("/resource/type"), get("/resource/id"));
            fact(shown, "asked", &asked);
            if let Some(context) = record.get("context") {
                members(shown, "context", context, &["pid", "scopes"]);
            }
            let scopes = items(record, "/scopes");
            let scopes = if scopes.is_empty() { "none".to_owned() } else { list(scopes, quoted) };
            fact(shown, "scopes", &scopes);
            answer(shown, record);
        } else if let Some(detail) = record.get("detail") {
            members(shown, "detail", detail, &[]);
        }
        self.policy_set(shown);
        if self.best_effort {
            fact(shown, "mode", BEST_EFFORT);
        }
        if let Some(by) = record.get("asserted_by") {
            let person = format!(
                "{}@{} (user {})",
                text(by, "/login"),
                text(by, "/host"),
                number(by, "/uid").unwrap_or_default()
            );
            fact(shown, "by", &person);
        }
        for (label, path) in [("redacted", "/redacted"), ("cut", "/cut")] {
            if !items(record, path).is_empty() {
                fact(shown, label, &list(items(record, path), quoted));
            }
        }
        if !get("/not_replayable").is_empty() {
            fact(shown, "again", &format!("it cannot be decided again: {}", get("/not_replayable")));
        }
    }

    fn policy_set(&self, shown: &mut Told) {
        let set = short(text(&self.visible, "/policy_set"));
        if set.is_empty() {
            return;
        }
        let mut said = match number(&self.visible, "/generation") {
            Some(generation) => format!("{set}, generation {generation}"),
            None => set.to_owned(),
        };
        match &self.load {
            Some(Near { ts, .. }) => {
                let _ = write!(said, ", loaded {}", visible(&moment(ts)));
            }
            None if self.visible.get("decision").is_some() => said.push_str(", whose load is not in the log"),
            None => {}
        }
        if let Some(Near { ts, .. }) = &self.replaced {
            let _ = write!(said, ", replaced {}", visible(&moment(ts)));
        }
        fact(shown, "policies", &said);
    }

    fn shadow(&self, shown: &mut Told) {
        let Some(would) = self.visible.get("shadow") else { return };
        let word = match text(would, "/decision_kind") {
            "allow" => "allowed",
            _ => "denied",
        };
        let by = match items(would, "/policies") {
            [] => String::new(),
            policies => format!(", by {}", list(policies, policy)),
        };
        let kind = text(would, "/decision_kind");
        let given = number(would, "/given").unwrap_or(1);
        let _ = writeln!(
            shown,
            "\nwith the policies in shadow enforced it would be {word} ({kind}){by};\nanswered so {} until then",
            counted(given, "time", "times")
        );
    }

    fn counted(&self, shown: &mut Told) {
        if let Some(rollup) = &self.counted {
            let _ = writeln!(
                shown,
                "\nit opened a roll-up: {} more of the same until {} {} no record of\ntheir own ({}, record {})",
                counted(rollup.count, "decision", "decisions"),
                visible(&moment(&rollup.until)),
                if rollup.count == 1 { "has" } else { "have" },
                if rollup.closed { "closed" } else { "not closed" },
                visible(&rollup.id)
            );
        }
    }
}

fn fact(shown: &mut Told, label: &str, value: &str) {
    let _ = writeln!(shown, "  {label:<11}{value}");
}

/// Members of an object, one a line.
fn members(shown: &mut Told, label: &str, value: &Json, besides: &[&str]) {
    let Some(members) = value.as_object() else { return };
    if let Some(stored) = value.get("$stored") {
        let bytes = counted(number(stored, "/bytes").unwrap_or_default(), "byte", "bytes");
        return fact(
            shown,
            label,
            &format!("{bytes}, kept beside the log: objects/.../{}", text(stored, "/sha256")),
        );
    }
    if value.get("$oversized").is_some() {
        return fact(shown, label, "too large, and not recorded");
    }
    let mut label = label;
    for (name, value) in members.iter().filter(|(name, _)| !besides.contains(&name.as_str())) {
        fact(shown, label, &format!("{name}: {}", bounded(plain(value))));
        label = "";
    }
}

/// A value as it is shown: one that is long by its beginning.
fn bounded(value: String) -> String {
    match value.char_indices().nth(STORY_VALUE_CHARACTERS_MAX) {
        None => value,
        Some((at, _)) => {
            let more = value.chars().count() - STORY_VALUE_CHARACTERS_MAX;
            format!("{}... ({more} more characters)", value.get(..at).unwrap_or_default())
        }
    }
}

/// A value in few words; an entity by its type and id.
fn plain(value: &Json) -> String {
    if let Some(entity) = value.get("__entity") {
        let kind = text(entity, "/type");
        return format!("{} `{}`", kind.strip_prefix("Moonward::").unwrap_or(kind), text(entity, "/id"));
    }
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) if items.is_empty() => "none".to_owned(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn who(record: &Json) -> String {
    let mut said = match text(record, "/actor") {
        "" => "nobody was named".to_owned(),
        actor => format!("`{actor}`"),
    };
    for (words, path) in [("tenant", "/tenant"), ("running", "/definition")] {
        if !text(record, path).is_empty() {
            let _ = write!(said, ", {words} {}", text(record, path));
        }
    }
    if !text(record, "/pid").is_empty() {
        let _ = write!(said, "\n{:13}process {}", "", text(record, "/pid"));
    }
    said
}

fn answer(shown: &mut Told, record: &Json) {
    let allowed = text(record, "/decision") == "allow";
    let how = match (text(record, "/memo"), number(record, "/duration_ns")) {
        ("hit", _) => ", remembered".to_owned(),
        ("miss", Some(nanoseconds)) => format!(", decided in {} µs", nanoseconds.div_ceil(1_000)),
        _ => String::new(),
    };
    let because = match text(record, "/because") {
        "sensitive" => "; recorded since it is sensitive",
        "asked" => "; recorded since a policy asks for it",
        "first" => "; recorded since it was the first of its sort",
        "shadow" => "; recorded since policies in shadow would say otherwise",
        _ => "",
    };
    let _ = write!(shown, "  {:<11}", "answer");
    shown.answer(if allowed { "allowed" } else { "denied" }, allowed);
    let _ = writeln!(shown, " ({}){how}{because}", text(record, "/decision_kind"));
}

/// A policy with its lines, as far as they are known.
fn quotation(shown: &mut Told, policy: &Quotation) {
    let shadow = if policy.shadow { " (in shadow)" } else { "" };
    let (id, file, source) = (visible(&policy.id), visible(&policy.file), visible(&policy.source));
    let _ = writeln!(shown, "`{id}`{shadow}, {source}");
    match &policy.text {
        Some(text) => {
            let first = usize::try_from(policy.line).unwrap_or(usize::MAX).max(1);
            shown.push_str(&marked_lines(
                &format!("{file}:{first}:{}", policy.column),
                first,
                text,
                STORY_POLICY_LINES_MAX,
            ));
        }
        None if !file.is_empty() => {
            let _ = writeln!(shown, "  --> {file}:{}", policy.line);
        }
        None => {}
    }
}

fn around(shown: &mut Told, around: &Around, label: &str, with_actor: bool) {
    if around.is_empty() {
        return;
    }
    let _ = writeln!(shown, "\n{label}:");
    if around.more_before > 0 {
        let _ = writeln!(shown, "  ... {} before", counted(around.more_before, "more", "more"));
    }
    around.before.iter().for_each(|near| neighbour(shown, near, with_actor));
    let _ = writeln!(shown, "  {:9} {:8} this record", "", "");
    around.after.iter().for_each(|near| neighbour(shown, near, with_actor));
    if around.more_after > 0 {
        let _ = writeln!(shown, "  ... {} after", counted(around.more_after, "more", "more"));
    }
}

fn neighbour(shown: &mut Told, near: &Near, with_actor: bool) {
    let actor = match &near.actor {
        Some(actor) if with_actor => format!("{} -> ", visible(actor)),
        _ => String::new(),
    };
    let (time, id) = (visible(&time_of_day(&near.ts)), visible(short_id(&near.id)));
    let _ = write!(shown, "  {time:9} ");
    let word = match near.decision.as_deref() {
        Some("allow") => "allowed",
        Some("deny") => "denied",
        _ => "",
    };
    if !word.is_empty() {
        shown.answer(word, word == "allowed");
    }
    let _ = writeln!(shown, "{:1$} {id}  {actor}{2}", "", 8 - word.len().min(8), near.text);
}
