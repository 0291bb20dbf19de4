//! Why the gate said no, for the operator at the command line: read back from the audit record.
//!
//! Scripts are never told this; whoever may read the log is.

use std::path::Path;

use audit::RecordId;
use serde_json::Value as Json;

/// The reason and the next step, from the record of a denial. `None` when the record cannot be read back; the
/// denial stands without it.
pub(crate) fn explain(log_folder: &Path, record: &str) -> Option<String> {
    let id: RecordId = record.parse().ok()?;
    let line = audit::find(log_folder, id).ok()??;
    Some(reason(&line.record))
}

fn reason(record: &Json) -> String {
    let text = |name: &str| record.get(name).and_then(Json::as_str).unwrap_or("nobody");
    let scopes = list(record.get("scopes"), quoted);
    match record.get("decision_kind").and_then(Json::as_str) {
        Some("deny_forbid") => format!("forbidden by {}", list(record.get("policies"), policy)),
        Some("deny_default") => {
            let nothing = if scopes.is_empty() {
                "it has no scope, so nothing".to_owned()
            } else {
                format!("no policy of {scopes}")
            };
            let (actor, action) = (text("actor"), text("action"));
            format!(
                "{nothing} permits `{actor}` to `{action}`; add a permit to a policy of a scope that it has"
            )
        }
        _ => format!("a policy failed: {}", list(record.get("errors"), quoted)),
    }
}

/// The items that can be shown, joined by commas.
fn list(items: Option<&Json>, show: impl Fn(&Json) -> Option<String>) -> String {
    let items = items.and_then(Json::as_array).into_iter().flatten();
    items.filter_map(show).collect::<Vec<_>>().join(", ")
}

fn quoted(text: &Json) -> Option<String> {
    Some(format!("`{}`", text.as_str()?))
}

fn policy(policy: &Json) -> Option<String> {
    let (id, file) = (quoted(policy.get("id")?)?, policy.get("file")?.as_str()?);
    Some(format!("{id} ({file}:{})", policy.get("line")?.as_u64()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::reason;

    #[test]
    fn a_denial_names_what_denied_it() {
        for (record, expected) in [
            (
                json!({"decision_kind": "deny_forbid", "policies":
                    [{"id": "guard.tenant.definition", "file": "guard.cedar", "line": 22, "column": 1}]}),
                "forbidden by `guard.tenant.definition` (guard.cedar:22)",
            ),
            (
                json!({"decision_kind": "deny_default", "actor": "acme/user/cli", "action": "process.spawn",
                    "scopes": ["acme:worker", "acme:reader"]}),
                "no policy of `acme:worker`, `acme:reader` permits `acme/user/cli` to `process.spawn`; \
                 add a permit to a policy of a scope that it has",
            ),
            (
                json!({"decision_kind": "deny_default", "actor": "a/user/cli", "action": "process.send", "scopes": []}),
                "it has no scope, so nothing permits `a/user/cli` to `process.send`; \
                 add a permit to a policy of a scope that it has",
            ),
            (
                json!({"decision_kind": "deny_error", "errors": ["integer overflow"]}),
                "a policy failed: `integer overflow`",
            ),
        ] {
            assert_eq!(reason(&record), expected);
        }
    }
}
