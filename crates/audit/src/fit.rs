//! What a record loses when it does not fit into a line: first text that is only shown, then what could be
//! recomputed nowhere else (entities, context), each replaced by its size and digest, and last the names of the
//! request. The line says what it lost, and whether the request can still be decided again: it can while what it lost is
//! only stored elsewhere.

mod cut;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::ascii;
use crate::decision::Decision;
use crate::digest::{hex, sha256};
use crate::entry::Entry;
use crate::event::Event;
use crate::limits::LINE_BYTES_MAX;
use crate::objects::{OVERSIZED, Part, STORED};
use crate::record::{DecisionRecord, EventRecord, Head, Record};
use cut::{Cut, cut_detail, shortened, with_digest};

/// A line to be, and what is to be known of it beside the entry.
#[derive(Clone, Copy)]
pub(crate) struct Draft<'a> {
    /// What the line says.
    pub(crate) entry: &'a Entry,
    /// Paths at which the entry holds commitments instead of values.
    pub(crate) redacted: &'a [Arc<str>],
    /// Bytes of parts that may be stored elsewhere.
    pub(crate) room: u64,
}

/// A line with its line break, and the parts of it that are to be stored first.
pub(crate) struct Line {
    pub(crate) bytes: Vec<u8>,
    pub(crate) parts: Vec<Part>,
}

/// The line of an entry that loses nothing, with its line break; nothing when it does not fit.
pub(crate) fn whole(head: &Head, entry: &Entry, redacted: &[Arc<str>]) -> Option<Vec<u8>> {
    let mut line = match entry {
        Entry::Decision(decision) => write_decision(head, decision, redacted, &[], Vec::new()),
        Entry::Event(event) => write_event(head, event, redacted, Vec::new()),
    };
    fits(&line).then(|| {
        line.push(b'\n');
        line
    })
}

/// The line of an entry: at most [`LINE_BYTES_MAX`] bytes, whatever the entry holds.
pub(crate) fn line(head: &Head, draft: Draft<'_>) -> Line {
    if let Some(bytes) = whole(head, draft.entry, draft.redacted) {
        return Line { bytes, parts: Vec::new() };
    }
    let mut line = match draft.entry {
        Entry::Decision(decision) => smaller_decision(head, decision, draft),
        Entry::Event(event) => Line { bytes: smaller_event(head, event, draft.redacted), parts: Vec::new() },
    };
    line.bytes.push(b'\n');
    line
}

/// A part of a decision that can be given up, or stored elsewhere.
#[derive(Clone, Copy)]
enum Loss {
    Shown,
    Entities,
    Context,
    Names,
}

/// What to give up, from the least loss to the greatest; the last always fits (`limits`).
const LOSSES: [&[Loss]; 7] = [
    &[Loss::Shown],
    &[Loss::Entities],
    &[Loss::Entities, Loss::Shown],
    &[Loss::Context],
    &[Loss::Entities, Loss::Context],
    &[Loss::Entities, Loss::Context, Loss::Shown],
    &[Loss::Entities, Loss::Context, Loss::Shown, Loss::Names],
];

fn smaller_decision(head: &Head, decision: &Decision, draft: Draft<'_>) -> Line {
    let mut line = Line { bytes: Vec::new(), parts: Vec::new() };
    for losses in LOSSES {
        line = decision_without(head, decision, draft, losses);
        if fits(&line.bytes) {
            break;
        }
    }
    line
}

fn decision_without(head: &Head, decision: &Decision, draft: Draft<'_>, losses: &[Loss]) -> Line {
    let mut smaller = decision.clone();
    let (mut missing, mut cut) = (Vec::new(), Cut::default());
    let mut elsewhere = Elsewhere { tenant: decision.tenant.clone(), room: draft.room, parts: Vec::new() };
    for loss in losses {
        match loss {
            Loss::Shown => cut_shown(&mut smaller, &mut cut),
            Loss::Entities => missing.extend(elsewhere.move_there("entities", &mut smaller.entities)),
            Loss::Context => missing.extend(elsewhere.move_there("context", &mut smaller.context)),
            Loss::Names => {
                let shown = cut.0.len();
                cut_names(&mut smaller, &mut cut);
                missing.extend(cut.0.iter().skip(shown));
            }
        }
    }
    let bytes = write_decision(head, &smaller, draft.redacted, &missing, cut.0);
    Line { bytes, parts: elsewhere.parts }
}

/// Where parts go that do not fit into the line, as far as the tenant has room there.
struct Elsewhere {
    tenant: Option<Arc<str>>,
    room: u64,
    parts: Vec<Part>,
}

impl Elsewhere {
    /// Puts into the value's place what stands for it; the name of the member when it is lost.
    fn move_there(&mut self, name: &'static str, value: &mut Value) -> Option<&'static str> {
        let bytes = ascii::to_vec(value);
        let sha256 = hex(&sha256(&bytes));
        let told = json!({"bytes": bytes.len().to_string(), "sha256": sha256});
        let Some(room) = self.room.checked_sub(bytes.len() as u64) else {
            *value = json!({OVERSIZED: told});
            return Some(name);
        };
        self.room = room;
        self.parts.push(Part { tenant: self.tenant.clone().unwrap_or_default(), sha256, bytes });
        *value = json!({STORED: told});
        None
    }
}

fn write_decision(
    head: &Head,
    request: &Decision,
    redacted: &[Arc<str>],
    missing: &[&str],
    cut: Vec<&'static str>,
) -> Vec<u8> {
    ascii::to_vec(&Record::Decision(DecisionRecord {
        head: head.clone(),
        kind: "decision",
        decision: request.decision_kind.effect(),
        request,
        not_replayable: (!missing.is_empty()).then(|| format!("oversized: {}", missing.join(", "))),
        cut,
        redacted,
    }))
}

fn write_event(head: &Head, event: &Event, redacted: &[Arc<str>], cut: Vec<&'static str>) -> Vec<u8> {
    ascii::to_vec(&Record::Event(EventRecord { head: head.clone(), event, cut, redacted }))
}

fn smaller_event(head: &Head, event: &Event, redacted: &[Arc<str>]) -> Vec<u8> {
    let mut smaller = event.clone();
    let mut cut = Cut::default();
    cut.optional("tenant", &mut smaller.tenant, with_digest);
    cut.optional("actor", &mut smaller.actor, with_digest);
    cut.optional("policy_set", &mut smaller.policy_set, with_digest);
    if let Some(by) = &mut smaller.asserted_by {
        cut.text("asserted_by", &mut by.login, shortened);
        cut.text("asserted_by", &mut by.host, shortened);
    }
    for value in smaller.detail.values_mut() {
        cut_detail(value);
    }
    cut.0.push("detail");
    let line = write_event(head, &smaller, redacted, cut.0.clone());
    if fits(&line) {
        return line;
    }
    smaller.detail = match oversized(&Value::Object(event.detail.clone())) {
        Value::Object(stand_in) => stand_in,
        _ => Map::new(),
    };
    write_event(head, &smaller, redacted, cut.0)
}

fn fits(line: &[u8]) -> bool {
    line.len() < LINE_BYTES_MAX
}

/// Stands for a value that is too large: its size and digest as this crate would have written it, so that a
/// copy found elsewhere can be recognised.
fn oversized(value: &Value) -> Value {
    let written = ascii::to_vec(value);
    json!({"$oversized": {"bytes": written.len().to_string(), "sha256": hex(&sha256(&written))}})
}

fn cut_shown(decision: &mut Decision, cut: &mut Cut) {
    cut.optional("definition", &mut decision.definition, shortened);
    if let Some(place) = &mut decision.place {
        cut.text("place", &mut place.source, shortened);
    }
    cut.text("engine", &mut decision.engine.version, shortened);
    cut.texts("errors", &mut decision.errors, shortened);
    cut.texts("chain", &mut decision.chain, shortened);
    cut.policies("policies", &mut decision.policies);
    if let Some(shadow) = &mut decision.shadow {
        cut.policies("shadow", &mut shadow.policies);
        cut.texts("shadow", &mut shadow.errors, shortened);
    }
    if let Some(by) = &mut decision.asserted_by {
        cut.text("asserted_by", &mut by.login, shortened);
        cut.text("asserted_by", &mut by.host, shortened);
    }
}

fn cut_names(decision: &mut Decision, cut: &mut Cut) {
    cut.optional("tenant", &mut decision.tenant, with_digest);
    cut.optional("actor", &mut decision.actor, with_digest);
    cut.optional("actor_digest", &mut decision.actor_digest, with_digest);
    cut.optional("pid", &mut decision.pid, with_digest);
    cut.text("resource", &mut decision.resource.id, with_digest);
    cut.texts("scopes", &mut decision.scopes, with_digest);
    cut.text("policy_set", &mut decision.policy_set, with_digest);
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::{Value, json};

    use super::{Draft, line};
    use crate::limits::{CUT_TEXT_BYTES_MAX, LINE_BYTES_MAX, REDACT_PATH_BYTES_MAX, REDACT_PATHS_MAX};
    use crate::record::Head;
    use crate::{
        AssertedBy, Because, Decision, DecisionKind, Engine, Entry, Event, EventKind, Place, PolicyReference,
        RecordId, Resource, Shadow,
    };

    fn decision() -> Decision {
        Decision {
            tenant: Some("acme".into()),
            actor: Some("acme/service/orders".into()),
            actor_digest: Some("ab".repeat(32).into()),
            pid: Some("p1".into()),
            definition: Some("acme.workers:handler".into()),
            place: Some(Place { source: "acme.workers:handler".into(), line: 3 }),
            via: Some("spawn"),
            action: "process.spawn",
            resource: Resource { kind: "Definition", id: "billing:ledger".into() },
            context: json!({"monitored": false}),
            scopes: vec!["acme:worker".into()],
            entities: json!([]),
            policy_set: "cd".repeat(32).into(),
            generation: u64::MAX.into(),
            engine: Engine { version: "4.14.1".into(), error_mode: "deny" },
            decision_kind: DecisionKind::DenyForbid,
            because: Because::Denied,
            policies: vec![policy("guard.tenant.definition")],
            errors: vec![],
            shadow: None,
            chain: vec!["c1".into()],
            duration_ns: u64::MAX.into(),
            memo: None,
            asserted_by: None,
        }
    }

    fn policy(id: &str) -> PolicyReference {
        PolicyReference {
            id: id.into(),
            file: "policies/guard.cedar".into(),
            line: u32::MAX,
            column: u32::MAX,
        }
    }

    fn written(entry: impl Into<Entry>) -> Value {
        let now = SystemTime::now();
        let head = Head::new(u64::MAX, RecordId::at(now), now, [0xff; 32]);
        let entry = entry.into();
        // As many paths as can be redacted, each as long as it may be.
        let redacted = vec!["x".repeat(REDACT_PATH_BYTES_MAX).into(); REDACT_PATHS_MAX];
        let line = line(&head, Draft { entry: &entry, redacted: &redacted, room: 0 }).bytes;
        assert!(line.len() <= LINE_BYTES_MAX, "{} bytes", line.len());
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
        assert!(line[..line.len() - 1].iter().all(|byte| matches!(byte, b' '..=b'~')));
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn a_record_gives_up_no_more_than_it_takes_to_fit() {
        let large = || "x".repeat(LINE_BYTES_MAX);
        type Change = fn(&mut Decision, String);
        let cases: [(Change, Value, Value); 9] = [
            (|_, _| {}, json!(null), json!(null)),
            (|decision, large| decision.errors = vec![large.into()], json!(["errors"]), json!(null)),
            (
                |decision, large| decision.place = Some(Place { source: large.into(), line: 1 }),
                json!(["place"]),
                json!(null),
            ),
            (|decision, _| decision.policies = vec![policy("p"); 1_000], json!(["policies"]), json!(null)),
            (|decision, large| decision.entities = json!([large]), json!(null), json!("oversized: entities")),
            (
                |decision, large| {
                    decision.entities = json!([large]);
                    decision.errors = vec![large.into()];
                },
                json!(["errors"]),
                json!("oversized: entities"),
            ),
            (|decision, large| decision.context = json!([large]), json!(null), json!("oversized: context")),
            (
                |decision, large| {
                    decision.entities = json!([large]);
                    decision.context = json!([large]);
                },
                json!(null),
                json!("oversized: entities, context"),
            ),
            (
                |decision, large| decision.resource.id = large.into(),
                json!(["resource"]),
                json!("oversized: entities, context, resource"),
            ),
        ];
        for (change, cut, not_replayable) in cases {
            let mut decision = decision();
            change(&mut decision, large());
            let record = written(decision);
            assert_eq!((&record["cut"], &record["not_replayable"]), (&cut, &not_replayable));
        }
    }

    #[test]
    fn what_was_left_out_is_told_by_its_size_and_digest() {
        let mut decision = decision();
        decision.entities = json!(["x".repeat(LINE_BYTES_MAX)]);
        let stand_in = &written(decision)["entities"]["$oversized"];
        assert_eq!(stand_in["bytes"], (LINE_BYTES_MAX + 4).to_string());
        assert_eq!(stand_in["sha256"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn two_long_names_that_begin_alike_stay_two_names() {
        let id = |end: &str| {
            let mut decision = decision();
            decision.resource.id = ("x".repeat(LINE_BYTES_MAX) + end).into();
            written(decision)["resource"]["id"].as_str().unwrap().to_owned()
        };
        assert_ne!(id("1"), id("2"));
        assert_eq!(id("1").len(), CUT_TEXT_BYTES_MAX);
    }

    #[test]
    fn a_record_with_everything_too_long_still_fits_into_a_line() {
        // The longest form of a character (12 bytes), and one that ends a cut in the middle of the bound.
        for character in ["\u{1f600}", "\u{1}", "x", "\""] {
            let text = || character.repeat(2_000);
            let policy = || PolicyReference {
                id: text().into(),
                file: text().into(),
                line: u32::MAX,
                column: u32::MAX,
            };
            let record = written(Decision {
                tenant: Some(text().into()),
                actor: Some(text().into()),
                actor_digest: Some(text().into()),
                pid: Some(text().into()),
                definition: Some(text().into()),
                place: Some(Place { source: text().into(), line: u32::MAX }),
                resource: Resource { kind: "Definition", id: text().into() },
                context: json!({ text(): text() }),
                scopes: vec![text().into(); 9],
                entities: json!([text()]),
                policy_set: text().into(),
                engine: Engine { version: text().into(), error_mode: "deny" },
                policies: vec![policy(); 9],
                errors: vec![text().into(); 9],
                shadow: Some(Shadow {
                    decision_kind: DecisionKind::DenyDefault,
                    policies: vec![policy(); 9],
                    errors: vec![text().into(); 9],
                    given: u64::MAX.into(),
                }),
                chain: vec![text().into(); 9],
                asserted_by: Some(AssertedBy { uid: u32::MAX, login: text().into(), host: text().into() }),
                ..decision()
            });
            assert_eq!(record["cut"].as_array().unwrap().len(), 15);
            let event = Event {
                tenant: Some(text().into()),
                actor: Some(text().into()),
                policy_set: Some(text().into()),
                generation: Some(u64::MAX.into()),
                asserted_by: Some(AssertedBy { uid: u32::MAX, login: text().into(), host: text().into() }),
                ..Event::new(EventKind::Admin).with(&text().repeat(9), text())
            };
            assert!(written(event)["detail"]["$oversized"].is_object());
        }
    }

    #[test]
    fn an_event_keeps_the_beginning_of_each_text_and_list() {
        let record = written(
            Event::new(EventKind::PolicyRefused)
                .with("findings", vec![json!({"message": "y".repeat(300)}); 1_000])
                .with("file", "a.cedar"),
        );
        assert_eq!(record["cut"], json!(["detail"]));
        assert_eq!(record["detail"]["file"], "a.cedar");
        let findings = record["detail"]["findings"].as_array().unwrap();
        assert_eq!(findings.len(), 16);
        assert!(findings[0]["message"].as_str().unwrap().ends_with("yyy..."));
    }
}
