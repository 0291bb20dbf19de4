//! What filters match, what they do not, and what is said to those that cannot be.

use serde_json::{Value as Json, json};

use super::*;

fn record() -> Json {
    json!({
        "schema": "moonward.audit/1", "seq": "41", "ts": "2026-11-27T13:06:06.000000001Z", "kind": "decision",
        "decision": "deny", "tenant": "acme", "actor": "acme/service/record", "action": "process.send",
        "resource": {"type": "Process", "id": "record.action == context"}, "duration_ns": "1200", "generation": "99999999999999999999",
        "context": {"bytes": 2000, "topic": "a\"b", "null": null, "share": 0.5, "record": true,
            "scopes": [{"__entity": {"type": "Moonward::Scope", "id": "acme:worker"}}]},
        "policies": [{"id": "guard", "line": 3}],
        "detail": {"count": "12", "name": "12"}, "shadow": {"given": "10", "decision_kind": "allow"},
    })
}

fn matches(text: &str) -> Result<bool, String> {
    let filter = Filter::compile(text).map_err(|found| diagnostic::render(&found[0]))?;
    filter.matches(&record()).map_err(|error| error.to_string())
}

#[test]
fn an_expression_sees_the_record_as_it_is_in_the_log() {
    for (text, expected) in [
        ("record.action == \"process.send\" && record.context.bytes > 1000", true),
        ("record.context.bytes > 2000", false),
        ("record.seq == 41 && record.duration_ns >= 1200", true),
        ("record.detail.count == 12 && record.detail.name == \"12\"", true),
        ("record.shadow.given == 10", true),
        // What does not fit stays text.
        ("record.generation like \"9999*\"", true),
        ("record.ts == datetime(\"2026-11-27T13:06:06Z\")", true),
        ("record.ts.toTime() < duration(\"14h\")", true),
        ("record.actor like \"acme/*\"", true),
        ("record[\"actor\"] like \"acme/*\"", true),
        ("record.resource.type == \"Process\"", true),
        ("record.context.scopes.contains(Moonward::Scope::\"acme:worker\")", true),
        ("record has context.topic && record.context.topic == \"a\\\"b\"", true),
        ("record has error", false),
        ("record.context has null || record.context has share", false),
        ("record.policies.contains({id: \"guard\", line: 3})", true),
        ("if record.decision == \"deny\" then true else false", true),
        // The name in strings, members, keys and comments is nobody's variable.
        ("record.resource.id == \"record.action == context\" // record", true),
        ("record.actor == \"acme/service/record\" && record.context.record", true),
        ("record.context has record && {record: 1}.record == 1", true),
        ("record == record", true),
        ("[record].contains(record)", true),
    ] {
        assert_eq!(matches(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_a_record_lacks_is_no_match_and_is_named_as_it_was_written() {
    for (text, expected) in [
        ("record.kind == \"x\" || record.context.topics == 1", "had no `record.context.topics`"),
        ("record.error", "had no `record.error`"),
        (
            "record.decision  ==  \"deny\" && record.tenant > 1",
            "failed at `record.tenant`: type error: expected long, got string",
        ),
        ("record.context.topic", "did not come to true or false"),
        (
            "record.seq + 9223372036854775807 > 0",
            "failed at `record.seq + 9223372036854775807`: integer overflow",
        ),
    ] {
        let said = matches(text).unwrap_err();
        assert!(said.starts_with(expected), "{text}: {said}");
    }
}

#[test]
fn what_is_no_filter_is_told_with_its_place() {
    let nested = format!("{}true{}", "(".repeat(65), ")".repeat(65));
    let deep = vec!["record.seq == 1"; 300].join(" || ");
    let long = format!("record.actor == \"{}\"", "x".repeat(FILTER_BYTES_MAX));
    for (text, expected) in [
        (
            "record.seq == 1 && record.action = 1",
            " 1 | record.seq == 1 && record.action = 1\n   |                    ^^^^^^^^^^^^^^^^^\n",
        ),
        ("record.seq == 1 && recrod.seq == 2", "      ^^^^^^"),
        ("context.bytes > 1", "help: write `record.context`"),
        ("principal == 1", "help: write `record.actor`"),
        ("record.seq ==", "unexpected end of input"),
        ("", "unexpected end of input"),
        ("?principal == 1", "a slot has no place in a filter"),
        ("true }; permit (principal, action, resource", "error: "),
        (&nested, "brackets nest 65 deep, at most 64 allowed"),
        (&deep, "`||` occurs 201 times in a row, at most 200 allowed"),
        (&long, "at most 16384 allowed"),
        ("unknown(\"x\")", "error: "),
        ("record.actor", "the filter comes to a member that is neither, and not to true or false"),
        ("record[\"actor\"]", "help: compare it, such as `record.actor == "),
        ("record", "comes to the whole record"),
        ("\"deny\" // true", "comes to a text"),
        ("record.seq + 1", "comes to a number"),
        ("if record has tenant then record.tenant else 1", "comes to a member that is neither"),
        ("ip(\"::1\")", "comes to a value"),
    ] {
        let said = matches(text).expect_err(text);
        assert!(said.contains(expected), "{text:.60}\n{said}");
    }
}

#[test]
fn a_member_that_no_record_has_is_doubted_and_the_filter_can_be_used() {
    let filter = Filter::compile("record has tenant && record.acton == \"x\"").unwrap();
    let [doubt] = filter.doubts() else { panic!("{:?}", filter.doubts()) };
    assert_eq!(
        diagnostic::render(doubt),
        "warning: no record has a member `acton`\n  --> --where:1:29\n   |\n 1 | record has tenant && record.acton == \"x\"\n   \
         |                             ^^^^^\nhelp: did you mean `action`?\n"
    );
    assert_eq!(filter.matches(&record()).unwrap_err().to_string(), "had no `record.acton`");
    for name in ["seq", "prev", "ts", "decision", "resource", "shadow", "detail", "asserted_by"] {
        assert!(record::MEMBERS.contains(name), "{name}: {:?}", record::MEMBERS);
    }
}

#[test]
fn a_comparison_that_comes_out_the_same_for_every_record_is_doubted() {
    for (text, message, help) in [
        ("record.seq == \"41\"", "never true", "record.seq == 41"),
        ("\"x\" == record.seq", "never true", "record.seq == 1"),
        ("record.duration_ns > \"5\" && true", "true of no record", "record.duration_ns > 5"),
        ("record.generation != \"1\"", "always true", "record.generation != 1"),
        ("record.ts > \"2026-11-27\"", "true of no record", "record.ts > datetime(\"2026-11-27\")"),
        ("record.ts == 5", "never true", "record.ts == datetime(\"2026-11-27T13:00:00Z\")"),
    ] {
        let filter = Filter::compile(text).unwrap();
        let [doubt] = filter.doubts() else { panic!("{text}: {:?}", filter.doubts()) };
        let said = diagnostic::render(doubt);
        assert!(said.contains(message) && said.contains(&format!("help: write `{help}`")), "{text}: {said}");
        assert_ne!(filter.matches(&record()).ok(), Some(message != "always true"), "{text}");
        assert!(Filter::compile(help).unwrap().doubts().is_empty(), "{help}");
    }
    for text in [
        "record.seq == 41",
        "record.ts > datetime(\"2026-11-27\")",
        "record.ts.toTime() < duration(\"14h\")",
        "record.actor == \"41\" && record.context.seq == \"41\"",
        "{seq: \"1\"}.seq == \"1\"",
        "record has seq && record.detail.name == \"12\"",
    ] {
        assert!(Filter::compile(text).unwrap().doubts().is_empty(), "{text}");
    }
}

#[test]
fn only_the_members_that_are_named_are_looked_at() {
    let members = |text: &str| Filter::compile(text).unwrap().members;
    let named = |names: &[&str]| Members::Named(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(
        members("record.a == 1 && record has b && record[\"c\"] == 2 && record has d.e"),
        named(&["a", "b", "c", "d"])
    );
    assert_eq!(members("true"), named(&[]));
    assert_eq!(members("record == {}"), Members::All);
    assert_eq!(members("record[\"\\u{61}\"] == 1"), Members::All);
}
