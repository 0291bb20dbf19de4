//! The form of a line: the schema that is published, and records that keep to it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use audit::{
    AssertedBy, Because, Decision, DecisionKind, Engine, Event, EventKind, Memo, Place, PolicyReference,
    Resource, Shadow, schema_json,
};
use serde_json::{Value, json};

use crate::{open, records, tempdir};

/// A decision with every member there is.
pub(crate) fn decision() -> Decision {
    let policy = PolicyReference {
        id: "guard.tenant".into(),
        file: "policies/guard.cedar".into(),
        line: 12,
        column: 1,
    };
    Decision {
        tenant: Some("acme".into()),
        actor: Some("acme/user/\u{202e}eve".into()),
        actor_digest: Some("ab".repeat(32).into()),
        pid: Some("p1".into()),
        definition: Some("acme.workers:handler".into()),
        place: Some(Place { source: "acme.workers:handler".into(), line: 3 }),
        via: Some("spawn"),
        action: "process.spawn",
        resource: Resource { kind: "Definition", id: "billing:ledger".into() },
        context: json!({"monitored": false}),
        scopes: vec!["acme:worker".into(), "acme:admin".into()],
        entities: json!([{"uid": {"type": "Moonward::Tenant", "id": "acme"}}]),
        policy_set: "cd".repeat(32).into(),
        generation: (1 << 60).into(),
        engine: Engine { version: "4.14.1".into(), error_mode: "deny" },
        decision_kind: DecisionKind::DenyForbid,
        because: Because::Denied,
        policies: vec![policy.clone()],
        errors: vec!["integer overflow".into()],
        shadow: Some(Shadow {
            decision_kind: DecisionKind::Allow,
            policies: vec![policy],
            errors: Vec::new(),
            given: 1.into(),
        }),
        chain: vec!["c1".into(), "c2".into()],
        duration_ns: 17_000.into(),
        memo: Some(Memo::Miss),
        asserted_by: Some(AssertedBy { uid: 1000, login: "eve".into(), host: "box".into() }),
    }
}

/// A decision with nothing that may be absent.
fn bare() -> Decision {
    Decision {
        tenant: None,
        actor: None,
        actor_digest: None,
        pid: None,
        definition: None,
        place: None,
        via: None,
        errors: vec![],
        shadow: None,
        chain: vec![],
        memo: None,
        asserted_by: None,
        ..decision()
    }
}

#[test]
fn a_decision_is_written_member_by_member() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let id = log.accept(decision().into()).unwrap().to_string();
    log.close().unwrap();
    let mut record = records(folder.path()).remove(0);
    let ts = record["ts"].take();
    assert!(is_rfc3339_with_nanoseconds(ts.as_str().unwrap()), "{ts}");
    let policy = json!({"id": "guard.tenant", "file": "policies/guard.cedar", "line": 12, "column": 1});
    let expected = json!({
        "schema": "moonward.audit/1", "seq": "1", "id": id, "ts": null,
        "prev": "0".repeat(64), "kind": "decision", "decision": "deny", "tenant": "acme", "actor": "acme/user/\u{202e}eve",
        "actor_digest": "ab".repeat(32), "pid": "p1", "definition": "acme.workers:handler",
        "place": {"source": "acme.workers:handler", "line": 3}, "via": "spawn", "action": "process.spawn",
        "resource": {"type": "Definition", "id": "billing:ledger"}, "context": {"monitored": false},
        "scopes": ["acme:worker", "acme:admin"],
        "entities": [{"uid": {"type": "Moonward::Tenant", "id": "acme"}}],
        "policy_set": "cd".repeat(32), "generation": "1152921504606846976",
        "engine": {"version": "4.14.1", "error_mode": "deny"}, "decision_kind": "deny_forbid", "because": "denied",
        "policies": [policy], "errors": ["integer overflow"],
        "shadow": {"decision_kind": "allow", "policies": [policy], "given": "1"}, "chain": ["c1", "c2"],
        "duration_ns": "17000", "memo": "miss", "asserted_by": {"uid": 1000, "login": "eve", "host": "box"},
    });
    assert_eq!(record.to_string(), expected.to_string(), "members and their order");
    let text = fs::read_to_string(folder.path().join("00000001.jsonl")).unwrap();
    assert!(text.is_ascii() && text.contains("acme/user/\\u202eeve"), "{text}");
}

/// `2026-11-23T23:24:00.123456789Z`
fn is_rfc3339_with_nanoseconds(ts: &str) -> bool {
    ts.len() == 30 && ts.ends_with('Z') && ts.as_bytes()[10] == b'T' && ts.as_bytes()[19] == b'.'
}

#[test]
fn every_record_keeps_to_the_published_schema() {
    let schema: Value = serde_json::from_str(&schema_json()).unwrap();
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let long: Arc<str> = "\u{1f600}".repeat(20_000).into();
    let oversized = Decision { entities: json!([&*long]), errors: vec![long], ..decision() };
    for entry in [decision(), bare(), oversized] {
        log.accept(entry.into()).unwrap();
    }
    for kind in [
        EventKind::PolicyLoad,
        EventKind::PolicyRefused,
        EventKind::Service,
        EventKind::Admin,
        EventKind::TokenRevoke,
    ] {
        log.accept(Event::new(kind).into()).unwrap();
        log.accept(Event::new(kind).with("by", "eve").into()).unwrap();
    }
    log.close().unwrap();
    for record in records(folder.path()) {
        assert_eq!(fault(&schema, &schema, &record), None, "{record}");
        let mut nameless = record;
        nameless.as_object_mut().unwrap().remove("id");
        assert!(fault(&schema, &schema, &nameless).is_some(), "the check itself works");
    }
}

#[test]
fn what_may_be_absent_is_not_required_and_everything_else_is() {
    let schema: Value = serde_json::from_str(&schema_json()).unwrap();
    for (form, expected) in [
        (
            "DecisionRecord",
            "schema seq id ts prev kind because decision action resource context scopes entities policy_set generation \
             engine decision_kind policies duration_ns",
        ),
        ("EventRecord", "schema seq id ts prev kind"),
    ] {
        let mut required: Vec<_> = strings(&schema["$defs"][form]["required"]).collect();
        let mut expected: Vec<_> = expected.split_whitespace().collect();
        required.sort_unstable();
        expected.sort_unstable();
        assert_eq!(required, expected, "{form}");
    }
}

#[test]
fn the_published_schema_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/audit-record.json");
    let published = fs::read_to_string(path).unwrap();
    assert!(published == schema_json(), "run `moonward generate` and commit schemas/audit-record.json");
}

/// What is wrong with a value, by the part of JSON Schema that the published one uses.
fn fault(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect(reference);
        return fault(root, target, value);
    }
    if let Some(options) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        let faults: Option<Vec<_>> = options.iter().map(|option| fault(root, option, value)).collect();
        return faults.map(|faults| faults.join("; "));
    }
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let wrong = schema.get("type").is_some_and(|expected| expected != is)
        || schema.get("const").is_some_and(|expected| expected != value)
        || schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value));
    if wrong {
        return Some(format!("{value} against {schema}"));
    }
    match (value, &schema["properties"], &schema["items"]) {
        (Value::Object(members), Value::Object(known), _) => {
            let missing = strings(&schema["required"])
                .find(|name| !members.contains_key(*name))
                .map(|name| format!("`{name}` is missing"));
            missing.or_else(|| {
                members.iter().find_map(|(name, member)| match known.get(name) {
                    Some(known) => fault(root, known, member),
                    None => Some(format!("`{name}` is not in the schema")),
                })
            })
        }
        (Value::Array(items), _, of @ Value::Object(_)) => {
            items.iter().find_map(|item| fault(root, of, item))
        }
        _ => None,
    }
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
