//! The story of one record: what happened, why, what was counted with it, and what came before and after.
//!
//! [`Story::of`] takes the record; [`Story::add`] is given every record that may belong to it, in the order of the log, and
//! keeps a bounded number. Policies are quoted by whoever can find their text. As data it is what `-o json` prints.

mod text;
mod told;

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value as Json;

pub use told::{Answered, Told};

use crate::event;
use crate::limits::STORY_NEIGHBOURS_MAX;
use crate::member::{as_text, items, number, shown, text, unknown_form};
use crate::row::says_best_effort;
use crate::wording::{deed, reason, resource, who};

/// Name and version of the form.
const SCHEMA: &str = "moonward.audit-story/1";

/// One record with what belongs to it. Texts are as the log has them, and hostile wherever they are shown, but for
/// `sentence` and [`Story::to_text`], in which they are visible.
#[derive(Debug, Serialize)]
pub struct Story {
    schema: &'static str,
    /// The record's id.
    id: String,
    /// What happened and why, in one sentence.
    sentence: String,
    /// Whether everything that belongs to it could be read.
    complete: bool,
    /// What could not be read, and what else is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    /// Whether the log lets happen what it cannot record, as the app or the record's run says.
    best_effort: bool,
    /// The policies that determined the answer, those of the shadow verdict after them, as they were.
    policies: Vec<Quotation>,
    /// What was counted under this record, if it opened a roll-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<Counted>,
    /// How the policy set that decided came into force.
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<Near>,
    /// The name under which the log keeps that policy set.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<String>,
    /// The load that replaced it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<Near>,
    /// Records of the same causal chain.
    chain: Around,
    /// Records of the same actor; of the same kind where there is no actor.
    near: Around,
    /// The record itself.
    record: Json,
    #[serde(skip)]
    visible: Json,
    #[serde(skip)]
    run: Run,
}

/// What is known of the run that the record is of.
#[derive(Debug, Default)]
struct Run {
    /// Whether it ended, and what comes is of another one.
    is_over: bool,
}

/// A policy as it was when it decided.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Quotation {
    /// Its `@id`.
    pub id: String,
    /// The file it is in, as the record names it.
    pub file: String,
    /// Line of its first character, from 1.
    pub line: u64,
    /// Column of it, in characters, from 1.
    pub column: u64,
    /// Whether only the shadow verdict comes from it.
    pub shadow: bool,
    /// Its text, if that could be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where its text was found, or why it was not, in words.
    pub source: String,
}

/// What a roll-up counted.
#[derive(Debug, Serialize)]
struct Counted {
    /// Decisions after the opening record that have no record of their own.
    count: u64,
    /// When that was written.
    until: String,
    /// Whether nothing is added any more.
    closed: bool,
    /// The record that says so.
    id: String,
}

/// Records before and after, oldest first.
#[derive(Debug, Default, Serialize)]
struct Around {
    before: VecDeque<Near>,
    after: Vec<Near>,
    /// How many more there are before.
    more_before: u64,
    /// How many more there are after.
    more_after: u64,
}

/// Another record, in short.
#[derive(Debug, Clone, Serialize)]
struct Near {
    #[serde(serialize_with = "as_text")]
    seq: u64,
    id: String,
    ts: String,
    kind: String,
    /// `allow` or `deny`; nothing of what is no decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    /// What it says, with every text visible.
    text: String,
}

impl Near {
    fn of(record: &Json) -> Self {
        let given = |path: &str| record.pointer(path).and_then(Json::as_str).map(str::to_owned);
        let visible = shown(record);
        let says = match given("/decision") {
            Some(_) => format!("{} on {}", text(&visible, "/action"), resource(&visible)),
            None => event::sentence(&visible),
        };
        Self {
            seq: number(record, "/seq").unwrap_or_default(),
            id: text(record, "/id").to_owned(),
            ts: text(record, "/ts").to_owned(),
            kind: text(record, "/kind").to_owned(),
            decision: given("/decision"),
            actor: given("/actor"),
            text: says,
        }
    }
}

impl Around {
    fn add(&mut self, record: &Json, is_before: bool) {
        if is_before {
            if self.before.len() == STORY_NEIGHBOURS_MAX {
                self.before.pop_front();
                self.more_before += 1;
            }
            self.before.push_back(Near::of(record));
        } else if self.after.len() < STORY_NEIGHBOURS_MAX {
            self.after.push(Near::of(record));
        } else {
            self.more_after += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    /// Whether these are the same records.
    fn is_same(&self, other: &Self) -> bool {
        let ids = |around: &Self| -> Vec<u64> {
            around.before.iter().chain(&around.after).map(|near| near.seq).collect()
        };
        ids(self) == ids(other)
    }
}

impl Story {
    /// The story of this record, as far as it tells it by itself.
    pub fn of(record: Json) -> Self {
        let visible = shown(&record);
        let policies = ["/policies", "/shadow/policies"].into_iter().flat_map(|path| {
            items(&record, path).iter().map(move |policy| Quotation {
                id: text(policy, "/id").to_owned(),
                file: text(policy, "/file").to_owned(),
                line: number(policy, "/line").unwrap_or_default(),
                column: number(policy, "/column").unwrap_or_default(),
                shadow: path == "/shadow/policies",
                text: None,
                source: "its text was not looked for".to_owned(),
            })
        });
        let mut quoted: Vec<Quotation> = Vec::new();
        for policy in policies {
            // The shadow verdict may come from what enforced policies say as well.
            let is_there =
                |one: &Quotation| (&one.id, &one.file, one.line) == (&policy.id, &policy.file, policy.line);
            if !quoted.iter().any(is_there) {
                quoted.push(policy);
            }
        }
        Self {
            schema: SCHEMA,
            id: text(&record, "/id").to_owned(),
            sentence: sentence(&visible),
            complete: true,
            missing: Vec::new(),
            best_effort: record
                .get("detail")
                .is_some_and(|detail| says_best_effort(text(&record, "/kind"), detail)),
            policies: quoted,
            counted: None,
            load: None,
            archive: None,
            replaced: None,
            chain: Around::default(),
            near: Around::default(),
            record,
            visible,
            run: Run::default(),
        }
    }

    /// The record.
    pub fn record(&self) -> &Json {
        &self.record
    }

    /// The name under which the log keeps the policy set that decided, if its load says so.
    pub fn archive(&self) -> Option<&str> {
        self.archive.as_deref()
    }

    /// The policies that it names, to be quoted.
    pub fn policies_mut(&mut self) -> impl Iterator<Item = &mut Quotation> {
        self.policies.iter_mut()
    }

    /// Texts of which every line has one that belongs to the story: others need not be given to [`Story::add`].
    pub fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = [
            r#""kind":"policy_load""#,
            r#""kind":"recovered""#,
            r#""reason":"start""#,
            r#""reason":"shutdown""#,
            r#""log_mode":"#,
            text(&self.record, "/id"),
        ]
        .map(str::to_owned)
        .to_vec();
        texts.extend(self.chain_id().map(in_a_line));
        texts.push(match self.relation() {
            Relation::Actor(actor) => format!("\"actor\":{}", in_a_line(actor)),
            Relation::Kind(kind) => format!("\"kind\":{}", in_a_line(kind)),
        });
        texts
    }

    /// Takes what belongs to the story from another record. Records come in the order of the log; the story's own may be among
    /// them.
    pub fn add(&mut self, record: &Json) {
        let (own, seq) = (number(&self.record, "/seq"), number(record, "/seq"));
        if seq.is_none() || seq == own || unknown_form(record).is_some() {
            return;
        }
        let is_before = seq < own;
        self.add_run(record, is_before);
        match text(record, "/kind") {
            "policy_load" => self.add_load(record, is_before),
            "rollup" if text(record, "/detail/opening") == text(&self.record, "/id") => {
                self.counted = Some(Counted {
                    count: number(record, "/detail/count").unwrap_or_default(),
                    until: text(record, "/ts").to_owned(),
                    closed: record.pointer("/detail/closed") == Some(&Json::Bool(true)),
                    id: text(record, "/id").to_owned(),
                });
                return;
            }
            _ => {}
        }
        if let Some(chain) = self.chain_id()
            && items(record, "/chain").iter().any(|id| id.as_str() == Some(chain))
        {
            self.chain.add(record, is_before);
        }
        let is_near = match self.relation() {
            // What a roll-up of theirs counts is no act of its own.
            Relation::Actor(actor) => text(record, "/actor") == actor && text(record, "/kind") != "rollup",
            Relation::Kind(kind) => text(record, "/kind") == kind,
        };
        if is_near {
            self.near.add(record, is_before);
        }
    }

    /// Takes what a record says of the run that the story's own is of: runs are told apart by how they begin and end.
    fn add_run(&mut self, record: &Json, is_before: bool) {
        let (kind, reason) = (text(record, "/kind"), text(record, "/detail/reason"));
        let begins = kind == "recovered" || (kind == "checkpoint" && reason == "start");
        let ends = kind == "checkpoint" && reason == "shutdown";
        let says = record.get("detail").is_some_and(|detail| says_best_effort(kind, detail));
        if is_before {
            self.best_effort = !ends && (says || (self.best_effort && !begins));
        } else if !self.run.is_over {
            self.run.is_over = begins || ends;
            self.best_effort |= says && !begins;
        }
    }

    fn add_load(&mut self, record: &Json, is_before: bool) {
        let set = text(&self.record, "/policy_set");
        if set.is_empty() || text(&self.record, "/kind") == "policy_load" {
            return;
        }
        // A thread that is in the middle of something decides by the set before for a moment longer: the load that counts is
        // that of the record's own set, whatever was loaded after it.
        match text(record, "/policy_set") == set {
            true if is_before => {
                self.load = Some(Near::of(record));
                self.replaced = None;
                let archive = text(record, "/detail/archive");
                self.archive = (!archive.is_empty()).then(|| archive.to_owned());
            }
            true => {}
            false if self.replaced.is_none() && (self.load.is_some() || !is_before) => {
                self.replaced = Some(Near::of(record));
            }
            false => {}
        }
    }

    /// Says that the app goes on when it cannot record.
    pub fn best_effort(&mut self) {
        self.best_effort = true;
    }

    /// Something that belongs to it could not be read, in words.
    pub fn is_missing(&mut self, what: impl Into<String>) {
        self.complete = false;
        self.missing.push(what.into());
    }

    /// Whether everything that belongs to it could be read.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The outermost causal id: what began it all.
    fn chain_id(&self) -> Option<&str> {
        items(&self.record, "/chain").first()?.as_str()
    }

    fn relation(&self) -> Relation<'_> {
        match text(&self.record, "/actor") {
            "" => Relation::Kind(text(&self.record, "/kind")),
            actor => Relation::Actor(actor),
        }
    }
}

/// What records have in common with this one.
enum Relation<'r> {
    Actor(&'r str),
    Kind(&'r str),
}

/// A text as it stands in a line: in quotes, and in ASCII.
fn in_a_line(text: &str) -> String {
    let mut line = String::new();
    for character in Json::from(text).to_string().chars() {
        if (' '..='~').contains(&character) {
            line.push(character);
        } else {
            let mut units = [0; 2];
            line.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    line
}

/// What was answered, between who asked and what for; nothing of what is no decision.
fn answered(record: &Json) -> Option<&'static str> {
    match text(record, "/decision") {
        "allow" => Some("was allowed to"),
        "deny" => Some("was not allowed to"),
        _ => None,
    }
}

/// What a record says, in one sentence without a full stop. The record's texts are visible.
fn sentence(visible: &Json) -> String {
    let Some(was) = answered(visible) else { return event::sentence(visible) };
    format!("{} {was} {}: {}", who(visible), deed(visible), reason(visible))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decision(seq: u64, actor: &str, chain: &str) -> Json {
        json!({"schema": audit::SCHEMA, "seq": seq.to_string(), "id": format!("R{seq}"), "ts": format!("2026-11-27T13:06:{:02}.5Z", seq % 60),
            "kind": "decision", "decision": "deny", "actor": actor, "action": "process.spawn",
            "resource": {"type": "Definition", "id": "b:x"}, "chain": [chain], "policy_set": "aa"})
    }

    fn event(seq: u64, kind: &str, set: &str, detail: Json) -> Json {
        json!({"schema": audit::SCHEMA, "seq": seq.to_string(), "id": format!("R{seq}"), "ts": "2026-11-27T13:00:00Z", "kind": kind,
            "policy_set": set, "detail": detail})
    }

    fn seqs<'n>(near: impl IntoIterator<Item = &'n Near>) -> Vec<u64> {
        near.into_iter().map(|near| near.seq).collect()
    }

    #[test]
    fn the_nearest_records_of_actor_and_chain_are_told_and_the_others_counted() {
        let mut story = Story::of(decision(20, "a", "c1"));
        for seq in 1..=40 {
            let actor = if seq % 2 == 0 { "a" } else { "b" };
            let chain = if (18..23).contains(&seq) { "c1" } else { "c2" };
            story.add(&decision(seq, actor, chain));
        }
        assert_eq!(seqs(&story.chain.before), [18, 19]);
        assert_eq!(seqs(&story.chain.after), [21, 22]);
        assert_eq!(seqs(&story.near.before), [10, 12, 14, 16, 18]);
        assert_eq!((story.near.more_before, story.near.more_after), (4, 5));
        assert_eq!(seqs(&story.near.after), [22, 24, 26, 28, 30]);
    }

    #[test]
    fn the_load_that_decided_and_the_one_that_replaced_it_are_told() {
        let mut story = Story::of(decision(20, "a", "c"));
        for (seq, set) in [(1, "bb"), (2, "aa"), (3, "aa"), (25, "aa"), (30, "cc"), (31, "dd")] {
            story.add(&event(seq, "policy_load", set, json!({})));
        }
        assert_eq!(seqs(&story.load), [3]);
        assert_eq!(seqs(&story.replaced), [30]);
        // Another set came between: a thread decided by the one before for a moment longer.
        let mut story = Story::of(decision(20, "a", "c"));
        for (seq, set) in [(2, "aa"), (19, "bb"), (21, "cc")] {
            story.add(&event(seq, "policy_load", set, json!({})));
        }
        assert_eq!((seqs(&story.load), seqs(&story.replaced)), (vec![2], vec![19]));
        // Its load is not in the log: only what replaced it is told.
        let mut story = Story::of(decision(20, "a", "c"));
        story.add(&event(3, "policy_load", "bb", json!({})));
        assert!(story.load.is_none() && story.replaced.is_none());
    }

    #[test]
    fn the_last_count_of_a_roll_up_is_told() {
        let mut story = Story::of(decision(20, "a", "c"));
        for (seq, opening, count, closed) in
            [(21, "R20", 5, false), (22, "R9", 99, true), (23, "R20", 7, true)]
        {
            let detail = json!({"opening": opening, "count": count.to_string(), "closed": closed});
            story.add(&event(seq, "rollup", "", detail));
        }
        let counted = story.counted.unwrap();
        assert_eq!((counted.count, counted.closed, counted.id.as_str()), (7, true, "R23"));
    }

    #[test]
    fn lines_that_belong_to_it_are_found_by_their_text() {
        let story = Story::of(decision(20, "a/user/gr\u{fc}n\u{1f600}", "c1"));
        let texts = story.texts();
        assert!(texts.contains(&r#""actor":"a/user/gr\u00fcn\ud83d\ude00""#.to_owned()), "{texts:?}");
        assert!(texts.contains(&"\"c1\"".to_owned()), "{texts:?}");
    }
}
