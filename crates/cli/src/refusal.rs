//! Why the gate said no, for the operator at the command line: read back from the audit record.
//!
//! Scripts are never told this; whoever may read the log is.

use std::path::Path;

use audit::RecordId;
use serde_json::Value as Json;

use crate::shell;

/// The reason and the next step, from the record of a denial; `place` are the arguments that name its app and log, as a shell
/// takes them, where there is more to be asked there. `None` when the record cannot be read back; the denial stands without it.
pub(crate) fn explain(log_folder: &Path, record: &str, place: Option<&str>) -> Option<String> {
    let id: RecordId = record.parse().ok()?;
    let line = audit::find(log_folder, id).ok()??;
    // Whose scopes are foreign is in a part that may be kept elsewhere; without it less is said.
    let record = audit::stored(log_folder, &line).unwrap_or(line.record);
    Some(reason(&record, place))
}

fn reason(record: &Json, place: Option<&str>) -> String {
    let why = review::why(record);
    let scopes = record.get("scopes").and_then(Json::as_array).map_or(0, Vec::len);
    match record.get("decision_kind").and_then(Json::as_str) {
        Some("deny_default") if scopes == 0 => {
            format!(
                "{why}; name one, with `--scope ID` on the command line or `security.scopes` of a service"
            )
        }
        kind => match (place, record.get("id").and_then(Json::as_str)) {
            (Some(place), Some(id)) => format!(
                "{why}; `moonward policy explain {} {place}` tells which clause says so, and what would allow it",
                shell::word(id)
            ),
            _ if kind == Some("deny_default") => {
                format!("{why}; add a permit to a scope of its own tenant that it has")
            }
            _ => why,
        },
    }
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
                "no policy permits it (scopes `acme:worker`, `acme:reader`); add a permit to a scope of its own tenant that it has",
            ),
            (
                json!({"decision_kind": "deny_default", "actor": "a/user/cli", "action": "process.send", "scopes": []}),
                "no policy permits it, since it has no scope; name one, with `--scope ID` on the command line or \
                 `security.scopes` of a service",
            ),
            (
                json!({"decision_kind": "deny_default", "tenant": "acme", "actor": "acme/user/x", "action": "process.spawn",
                    "scopes": ["globex:s"], "entities": [{"uid": {"type": "Moonward::Scope", "id": "globex:s"},
                    "attrs": {"tenant": {"__entity": {"type": "Moonward::Tenant", "id": "globex"}}}}]}),
                "no policy permits it (scopes `globex:s`); those of `globex:s` are for another tenant's actors only; add a \
                 permit to a scope of its own tenant that it has",
            ),
            (
                json!({"decision_kind": "deny_error", "errors": ["integer overflow"]}),
                "a policy failed, and what fails is denied: `integer overflow`",
            ),
        ] {
            assert_eq!(reason(&record, None), expected);
        }
    }

    #[test]
    fn a_denial_that_can_be_explained_names_the_command() {
        let record = json!({"id": "01X", "decision_kind": "deny_default", "scopes": ["acme:worker"]});
        assert_eq!(
            reason(&record, Some("my-app --log log")),
            "no policy permits it (scopes `acme:worker`); `moonward policy explain 01X my-app --log log` tells which clause \
             says so, and what would allow it"
        );
    }
}
