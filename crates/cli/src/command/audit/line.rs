//! One record on one line, for people: when, what was decided, who asked for what on what, why and where.
//!
//! Everything in a record is foreign text, and shown as text.

use diagnostic::visible;
use review::{A_POLICY_FAILED, NO_POLICY_PERMITS, event, moment, redacted_short};
use serde_json::Value as Json;

use crate::print::Terminal;

/// Characters of one value of an event that are shown; `show` has the whole.
const VALUE_CHARACTERS_MAX: usize = 80;

/// How far the rest of a line is set in that does not fit: behind the time.
const INDENT: usize = 21;

/// The record as a line that ends in a line break. On a terminal that is too narrow for it, why and where and the id come below.
pub(super) fn line(record: &Json, terminal: Option<Terminal>) -> String {
    let (word, what, more) = parts(record);
    let time = visible(&moment(text(record, "/ts")));
    let what = visible(&what);
    let more: Vec<String> = more.iter().map(|part| visible(part)).collect();
    let plain = format!("{time} {word:7} {what}  {}\n", more.join(", "));
    let Some(terminal) = terminal else { return plain };
    let paint = |text: &str, colour: &str| match terminal.colour {
        true => format!("\x1b[{colour}m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let below = format!("\n{}", " ".repeat(INDENT));
    let width = terminal.columns.saturating_sub(INDENT);
    let fits = plain.trim_end().chars().count() <= terminal.columns;
    let between = if fits { "  " } else { below.as_str() };
    let more = if fits { more.join(", ") } else { folded(&more.join(", "), width, &below) };
    let head = word.chars().count().max(7) + 1;
    let what = match what.rsplit_once(" on ") {
        _ if head + what.chars().count() <= width => format!(" {what}"),
        // A pid alone is half a line.
        Some((who, on)) if text(record, "/kind") == "decision" => format!(" {who}{below}on {on}"),
        _ => format!("{below}{}", folded(&what, width, &below)),
    };
    let word = paint(&format!("{word:7}"), colour_of(&word));
    format!("{} {word}{what}{between}{}\n", paint(&time, "2"), paint(&more, "2"))
}

/// A text in lines of a width, as far as its words allow.
fn folded(text: &str, width: usize, below: &str) -> String {
    let (mut lines, mut column) = (String::new(), 0);
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            lines.push_str(below);
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

fn colour_of(word: &str) -> &'static str {
    match word {
        "denied" => "1;31",
        "allowed" => "32",
        "counted" => "33",
        _ => "36",
    }
}

/// What happened in a word, what it was, and what there is to say beside it: the id last.
fn parts(record: &Json) -> (String, String, Vec<String>) {
    let (word, what, mut more) = match text(record, "/kind") {
        "decision" => decision(record),
        "rollup" => counted(record),
        kind => (visible(kind), event(record), asserted_by(record).into_iter().collect()),
    };
    more.push(text(record, "/id").to_owned());
    (word, what, more)
}

/// Who did it, as far as the system it came from says so.
fn asserted_by(record: &Json) -> Option<String> {
    let by = record.get("asserted_by")?;
    Some(format!("by {}@{}", name(by, "/login"), name(by, "/host")))
}

fn decision(record: &Json) -> (String, String, Vec<String>) {
    let word = verdict(text(record, "/decision"));
    let actor = or(name(record, "/actor"), "nobody");
    let what = format!("{actor} -> {} on {}", text(record, "/action"), name(record, "/resource/id"));
    let mut more = Vec::new();
    let policies = policies(record.get("policies"));
    match (text(record, "/decision_kind"), policies.is_empty()) {
        ("deny_default", _) => more.push(NO_POLICY_PERMITS.to_owned()),
        ("deny_error", _) => more.push(A_POLICY_FAILED.to_owned()),
        (_, false) => more.push(format!("by {policies}")),
        (_, true) => {}
    }
    if let Some(shadow) = record.get("shadow") {
        let verdict = if text(shadow, "/decision_kind") == "allow" { "allowed" } else { "denied" };
        let by = self::policies(shadow.get("policies"));
        more.push(format!("in shadow {verdict}{}", if by.is_empty() { by } else { format!(" by {by}") }));
    }
    if record.get("place").is_some() {
        more.push(format!("at {}:{}", name(record, "/place/source"), value(record.pointer("/place/line"))));
    }
    (word, what, more)
}

fn counted(record: &Json) -> (String, String, Vec<String>) {
    let kind = if text(record, "/detail/decision_kind") == "allow" { "allowed" } else { "denied" };
    let what = format!(
        "{} -> {} on {}: {} more {kind}",
        or(name(record, "/actor"), "nobody"),
        text(record, "/detail/action"),
        or(text(record, "/detail/resource_type").to_owned(), "anything"),
        value(record.pointer("/detail/count")),
    );
    ("counted".to_owned(), what, vec![format!("since {}", text(record, "/detail/opening"))])
}

fn verdict(decision: &str) -> String {
    match decision {
        "allow" => "allowed".to_owned(),
        "deny" => "denied".to_owned(),
        other => visible(other),
    }
}

fn policies(references: Option<&Json>) -> String {
    let references = references.and_then(Json::as_array).into_iter().flatten();
    references.filter_map(|policy| policy.get("id")?.as_str()).collect::<Vec<_>>().join(" ")
}

/// A value in few words.
fn value(value: Option<&Json>) -> String {
    let text = match value {
        None => return "?".to_owned(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(VALUE_CHARACTERS_MAX).collect();
    if characters.next().is_some() {
        shown.push_str("...");
    }
    shown
}

fn text<'r>(record: &'r Json, path: &str) -> &'r str {
    member(record, path).unwrap_or_default()
}

fn member<'r>(record: &'r Json, path: &str) -> Option<&'r str> {
    record.pointer(path).and_then(Json::as_str)
}

/// A name, or enough of what stands for one that was redacted.
fn name(record: &Json, path: &str) -> String {
    redacted_short(text(record, path)).into_owned()
}

fn or(text: String, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn denial() -> Json {
        json!({
            "seq": "2", "id": "01JDA7E0Q4V4R6ZD2M1W5X8Y9B", "ts": "2026-11-27T13:06:06.000000001Z", "kind": "decision",
            "decision": "deny", "decision_kind": "deny_forbid", "actor": "acme/service/orders", "action": "process.spawn",
            "resource": {"type": "Definition", "id": "billing:ledger"}, "policies": [{"id": "guard.tenant"}],
            "place": {"source": "acme:orders", "line": 12},
        })
    }

    #[test]
    fn a_record_is_one_line_and_folds_on_a_narrow_terminal() {
        let record = denial();
        assert_eq!(
            line(&record, None),
            "2026-11-27 13:06:06Z denied  acme/service/orders -> process.spawn on billing:ledger  by guard.tenant, at \
             acme:orders:12, 01JDA7E0Q4V4R6ZD2M1W5X8Y9B\n"
        );
        let narrow = Terminal { colour: false, columns: 100 };
        assert_eq!(
            line(&record, Some(narrow)),
            "2026-11-27 13:06:06Z denied  acme/service/orders -> process.spawn on billing:ledger\n                     \
             by guard.tenant, at acme:orders:12, 01JDA7E0Q4V4R6ZD2M1W5X8Y9B\n"
        );
        let wide = Terminal { colour: true, columns: 200 };
        assert!(
            line(&record, Some(wide))
                .starts_with("\x1b[2m2026-11-27 13:06:06Z\x1b[0m \x1b[1;31mdenied \x1b[0m acme/")
        );
        assert_eq!(line(&record, Some(wide)).lines().count(), 1);
    }

    #[test]
    fn a_long_resource_has_a_line_of_its_own_on_a_narrow_terminal() {
        let mut record = denial();
        let pid = format!("p~{}", "0".repeat(48));
        record["resource"]["id"] = pid.as_str().into();
        let shown = line(&record, Some(Terminal { colour: false, columns: 80 }));
        let lines: Vec<&str> = shown.lines().map(str::trim_start).collect();
        assert_eq!(lines[0], "2026-11-27 13:06:06Z denied  acme/service/orders -> process.spawn");
        assert_eq!((lines.len(), lines[1]), (4, format!("on {pid}").as_str()));
        assert_eq!(line(&record, None).lines().count(), 1);
    }

    #[test]
    fn each_sort_of_record_says_what_matters() {
        let mut default = denial();
        default["decision_kind"] = "deny_default".into();
        default["policies"] = json!([]);
        default["shadow"] = json!({"decision_kind": "allow", "policies": [{"id": "new"}]});
        let head = |kind: &str, more: Json| {
            let mut record = json!({"id": "01X", "ts": "2026-11-27T13:06:06.0Z", "kind": kind});
            record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            record
        };
        for (record, expected) in [
            (
                default,
                "on billing:ledger  no policy permits it, in shadow allowed by new, at acme:orders:12, 01JDA",
            ),
            (
                head(
                    "rollup",
                    json!({"actor": "a/user/x", "detail": {"action": "process.send", "resource_type": "Process",
                    "decision_kind": "deny_forbid", "count": "250", "opening": "01Y"}}),
                ),
                "counted a/user/x -> process.send on Process: 250 more denied  since 01Y, 01X",
            ),
            (
                head(
                    "policy_load",
                    json!({"policy_set": "0123456789abcdef", "detail": {"policies": 18},
                    "asserted_by": {"uid": 1, "login": "ada", "host": "desk"}}),
                ),
                "policy_load policy set 0123456789ab came into force, with 18 policies  by ada@desk, 01X",
            ),
            (
                head("gap", json!({"detail": {"state": "open", "why": "no space"}})),
                "gap     the log stopped taking records: no space  01X",
            ),
            (head("new\u{1b}", json!({})), "new\\u{1b} a record of kind `new\\u{1b}`  01X"),
        ] {
            assert!(line(&record, None).contains(expected), "{expected}\n{}", line(&record, None));
        }
    }

    #[test]
    fn an_event_and_what_was_redacted_fit_into_80_columns() {
        let commitment = format!("redacted:hmac-sha256:0a1b2c3d:{}", "89abcdef".repeat(8));
        let mut denied = denial();
        denied["actor"] = commitment.as_str().into();
        denied["resource"]["id"] = commitment.as_str().into();
        let rotated = json!({"id": "01JDA7E0Q4V4R6ZD2M1W5X8Y9B", "ts": "2026-11-27T13:06:06.0Z", "kind": "key_rotate",
            "detail": {"new": "moonward.audit+32e8b641+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"}});
        let loaded = json!({"id": "01JDA7E0Q4V4R6ZD2M1W5X8Y9B", "ts": "2026-11-27T13:06:06.0Z", "kind": "policy_load",
            "policy_set": "0123456789abcdef", "detail": {"policies": 18}, "asserted_by": {"login": "root", "host": "vm"}});
        for (record, expected) in [
            (
                denied,
                "denied  redacted:89abcdef -> process.spawn\n                     on redacted:89abcdef\n",
            ),
            (rotated, "key_rotate key 32e8b641 signs the log from here on\n"),
            (
                loaded,
                "policy_load\n                     policy set 0123456789ab came into force, with 18 policies\n                     \
                 by root@vm, 01JDA",
            ),
        ] {
            let shown = line(&record, Some(Terminal { colour: false, columns: 80 }));
            assert!(shown.contains(expected), "{shown}");
            assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        }
    }

    #[test]
    fn what_a_tenant_wrote_is_shown_and_not_obeyed() {
        let mut record = denial();
        for path in [
            "/actor",
            "/action",
            "/resource/id",
            "/policies/0/id",
            "/place/source",
            "/ts",
            "/id",
            "/decision",
        ] {
            *record.pointer_mut(path).unwrap() = "a\u{1b}[2J\u{202e}\nb".into();
        }
        let shown = line(&record, Some(Terminal { colour: false, columns: 80 }));
        assert!(!shown.contains(['\u{1b}', '\u{202e}']) && shown.matches('\n').count() == 4, "{shown}");
    }
}
