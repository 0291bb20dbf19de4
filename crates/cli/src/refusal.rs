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
            let (actor, action) = (text("actor"), text("action"));
            if scopes.is_empty() {
                return format!(
                    "`{actor}` has no scope, so nothing permits it to `{action}`; name one, with `--scope ID` on the \
                     command line or `security.scopes` of a service"
                );
            }
            let foreign = foreign_scopes(record);
            if !foreign.is_empty() {
                return format!(
                    "no policy that counts permits `{actor}` to `{action}`: those of {foreign} are for another \
                     tenant's actors only"
                );
            }
            format!(
                "no policy of {scopes} permits `{actor}` to `{action}`; add a permit to a policy of a scope that it has"
            )
        }
        _ => format!("a policy failed: {}", list(record.get("errors"), quoted)),
    }
}

/// The scopes held that are of another tenant than the actor's: their policies are not considered for it.
fn foreign_scopes(record: &Json) -> String {
    let own = record.get("tenant").and_then(Json::as_str).unwrap_or_default();
    let entities = record.get("entities").and_then(Json::as_array).into_iter().flatten();
    let foreign = entities.filter_map(|entity| {
        let is_scope = entity.pointer("/uid/type")?.as_str()? == "Moonward::Scope";
        let tenant = entity.pointer("/attrs/tenant/__entity/id")?.as_str()?;
        let id = entity.pointer("/uid/id").and_then(quoted)?;
        (is_scope && tenant != own && tenant != "system").then_some(id)
    });
    foreign.collect::<Vec<_>>().join(", ")
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
                "`a/user/cli` has no scope, so nothing permits it to `process.send`; name one, with `--scope ID` on the \
                 command line or `security.scopes` of a service",
            ),
            (
                json!({"decision_kind": "deny_default", "tenant": "acme", "actor": "acme/user/x", "action": "process.spawn",
                    "scopes": ["globex:s"], "entities": [{"uid": {"type": "Moonward::Scope", "id": "globex:s"},
                    "attrs": {"tenant": {"__entity": {"type": "Moonward::Tenant", "id": "globex"}}}}]}),
                "no policy that counts permits `acme/user/x` to `process.spawn`: those of `globex:s` are for another \
                 tenant's actors only",
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
