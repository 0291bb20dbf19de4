//! What a record that is no decision says, in one sentence.

use diagnostic::counted;
use serde_json::Value as Json;

use crate::member::{items, number, shown, text};
use crate::wording::{moment, short};

/// What a record that is no decision says, in one sentence without a full stop, and with every text visible.
pub fn event(record: &Json) -> String {
    sentence(&shown(record))
}

/// The same of a record whose texts are visible.
pub(crate) fn sentence(record: &Json) -> String {
    let detail = |name: &str| text(record, &format!("/detail/{name}"));
    let count = |name: &str| number(record, &format!("/detail/{name}")).unwrap_or_default();
    let set = short(text(record, "/policy_set"));
    match text(record, "/kind") {
        "policy_load" => format!(
            "policy set {set} came into force, with {}",
            counted(count("policies"), "policy", "policies")
        ),
        "policy_refused" => {
            format!("a policy set was refused, and {set} stayed in force{}", after_colon(refusal(record)))
        }
        "policy_self_check" => format!(
            "the gate checked itself and had answered wrongly: `{}` instead of `{}` for `{}`",
            detail("answered"),
            detail("decided"),
            detail("action")
        ),
        "service" => format!(
            "service `{}` was given up after {}{}",
            detail("service"),
            counted(count("restarts"), "restart", "restarts"),
            after_colon(detail("error"))
        ),
        "admin" => format!("an administrative act: `{}`", detail("act")),
        "token_revoke" => match (detail("sub"), detail("issuer")) {
            ("", issuer) => format!("one token of `{issuer}` was revoked"),
            (subject, issuer) => format!("the tokens of `{subject}` from `{issuer}` were revoked"),
        },
        "token_refused" => format!(
            "a token was not accepted, {} so far{}",
            counted(count("count"), "time", "times"),
            after_colon(detail("cause"))
        ),
        "session_end" => format!(
            "a session of `{}` from `{}` was ended{}",
            detail("sub"),
            detail("issuer"),
            after_colon(detail("why"))
        ),
        "checkpoint" => format!("the head of the log was signed ({})", detail("reason")),
        "key_rotate" => format!("key {} signs the log from here on", key_id(detail("new"))),
        "rollup" => format!(
            "{} of `{}` ({}) {} only counted after record {}",
            counted(count("count"), "decision", "decisions"),
            detail("action"),
            detail("decision_kind"),
            if count("count") == 1 { "was" } else { "were" },
            detail("opening")
        ),
        "retention" => format!("old segments were removed, up to record {}", count("through")),
        "recovered" => recovered(record),
        "gap" => gap(record),
        "query" => "somebody read the log".to_owned(),
        other => format!("a record of kind `{other}`"),
    }
}

fn recovered(record: &Json) -> String {
    let detail = |name: &str| text(record, &format!("/detail/{name}"));
    let file = match detail("file") {
        "" => "the log",
        file => file,
    };
    let cut = counted(detail("bytes_cut").parse().unwrap_or(0), "byte", "bytes");
    let taken_over = match (detail("unwitnessed_from"), detail("unwitnessed_through")) {
        ("", _) | (_, "") => String::new(),
        (from, through) => {
            format!("; records {from} to {through} had no checkpoint, and were taken over as they were found")
        }
    };
    format!(
        "the run before did not end in order, and may lack some records at its end: {cut} of an incomplete last line were cut \
         from {file}{taken_over}"
    )
}

fn gap(record: &Json) -> String {
    let detail = |name: &str| text(record, &format!("/detail/{name}"));
    let count = |name: &str| number(record, &format!("/detail/{name}")).unwrap_or_default();
    if detail("state") == "open" {
        return format!("the log stopped taking records{}", after_colon(detail("why")));
    }
    let since = match detail("since") {
        "" => String::new(),
        since => format!(" since {}", moment(since)),
    };
    format!(
        "the log took no records for a while{since}: {} refused, {} lost{}",
        counted(count("refused"), "check", "checks"),
        counted(count("dropped"), "record", "records"),
        match detail("why") {
            "" => String::new(),
            why => format!(" ({why})"),
        }
    )
}

/// What refused a set: its first error, since warnings found beside it stop nothing; only the first of its lines. Line
/// breaks are as visible as everything else.
fn refusal(record: &Json) -> &str {
    let found = items(record, "/detail/diagnostics");
    let mut texts = found.iter().filter_map(Json::as_str);
    let first = texts.clone().next().unwrap_or_default();
    let cause = texts.find(|text| text.starts_with("error:")).unwrap_or(first);
    cause.split("\\u{a}").next().unwrap_or_default()
}

/// The id in a verifier key, which is name, id and key.
fn key_id(key: &str) -> &str {
    key.split('+').nth(1).unwrap_or(key)
}

fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::sentence;

    #[test]
    fn every_kind_says_something_and_so_does_one_that_nobody_knows() {
        for (record, expected) in [
            (
                json!({"kind": "policy_load", "policy_set": "0123456789abcdef", "detail": {"policies": 1}}),
                "policy set 0123456789ab came into force, with 1 policy",
            ),
            (
                json!({"kind": "policy_refused", "policy_set": "aa", "detail": {"diagnostics": ["warning: w", "error: e\\u{a} --> x"]}}),
                "a policy set was refused, and aa stayed in force: error: e",
            ),
            (
                json!({"kind": "gap", "detail": {"state": "closed", "refused": "12", "dropped": "0", "why": "disk full",
                    "since": "2026-11-27T13:00:00.5Z"}}),
                "the log took no records for a while since 2026-11-27 13:00:00Z: 12 checks refused, 0 records lost (disk full)",
            ),
            (
                json!({"kind": "rollup", "detail": {"action": "process.send", "decision_kind": "deny_forbid", "count": "1", "opening": "R"}}),
                "1 decision of `process.send` (deny_forbid) was only counted after record R",
            ),
            (json!({"kind": "moonrise"}), "a record of kind `moonrise`"),
            (json!({}), "a record of kind ``"),
        ] {
            assert_eq!(sentence(&record), expected);
        }
    }
}
