//! What records say, in words: times, deeds, and why an answer came out as it did. One wording for all that is shown.
//!
//! Texts are passed through as they are: whoever shows them makes them visible first.

use std::borrow::Cow;

use diagnostic::{grouped, visible};
use serde_json::Value as Json;
pub use value::moment;

use crate::member::{items, number, shown, text};

/// Why an answer of the sort `deny_default` is no, wherever there is room for nothing more.
pub const NO_POLICY_PERMITS: &str = "no policy permits it";

/// Why one of the sort `deny_error` is.
pub const A_POLICY_FAILED: &str = "a policy failed";

/// What a log does that is not strict.
pub const BEST_EFFORT: &str = "best_effort: what cannot be recorded happens all the same";

/// The same without the date.
pub(crate) fn time_of_day(ts: &str) -> String {
    moment(ts).split_once(' ').map_or_else(|| ts.to_owned(), |(_, time)| time.to_owned())
}

/// Enough of a digest to be recognized.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Enough of a record's id to be typed: its time, and four of its random characters.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(..14).unwrap_or(id)
}

/// A text, or if it is what stands for one that was redacted, enough of that to be recognized: `redacted:` and 8 digits of it.
pub fn redacted_short(text: &str) -> Cow<'_, str> {
    let commitment = text.strip_prefix("redacted:hmac-sha256:").and_then(|rest| rest.split_once(':'));
    match commitment.and_then(|(_, commitment)| commitment.get(..8)) {
        Some(short) => format!("redacted:{short}").into(),
        None => text.into(),
    }
}

/// The same with what a terminal or a reader would obey made visible.
pub(crate) fn named(text: &str) -> String {
    visible(&redacted_short(text))
}

/// That roll-ups have decisions of which a filter cannot tell, in the words of every answer.
pub fn only_counted_may_fit(count: u64) -> String {
    let were = if count == 1 { "was" } else { "were" };
    format!("{} more {were} only counted, and may fit", grouped(count))
}

/// Who asked, or that nobody was named.
pub(crate) fn who(record: &Json) -> String {
    match text(record, "/actor") {
        "" => "somebody who was not named".to_owned(),
        actor => format!("`{actor}`"),
    }
}

/// What was asked for, to follow "to": "spawn `billing:ledger`".
pub(crate) fn deed(record: &Json) -> String {
    let (action, kind) = (text(record, "/action"), text(record, "/resource/type"));
    let id = format!("`{}`", text(record, "/resource/id"));
    match action {
        "process.spawn" => format!("spawn {id}"),
        "process.spawn.monitored" => format!("spawn {id} and monitor it"),
        "process.spawn.linked" => format!("spawn {id} and be linked to it"),
        "process.call" => format!("call {id}"),
        "process.host" => format!("run something on host {id}"),
        "process.send" => format!("send a message to {}", process(record)),
        "process.terminate" => format!("terminate {}", process(record)),
        "process.cancel" => format!("cancel {}", process(record)),
        "process.link" => format!("link itself to {}", process(record)),
        "process.unlink" => format!("unlink itself from {}", process(record)),
        "process.monitor" => format!("monitor {}", process(record)),
        "process.unmonitor" => format!("stop monitoring {}", process(record)),
        "process.read" => format!("look at {}", process(record)),
        "process.registry.register" => format!("register the name {id}"),
        "process.registry.unregister" => format!("unregister the name {id}"),
        "process.context" => "give a process a context".to_owned(),
        "process.security" => "give a process an actor or scopes".to_owned(),
        "definition.deploy" => format!("deploy to namespace {id}"),
        "definition.read" => format!("read definition {id}"),
        "log.read" => format!("read what tenant {id} logs"),
        "audit.read" => format!("read the audit log of tenant {id}"),
        "policy.read" => format!("read the policies of tenant {id}"),
        "policy.write" => format!("change the policies of tenant {id}"),
        "tenant.read" => format!("look at tenant {id}"),
        "tenant.suspend" => format!("suspend tenant {id}"),
        "token.revoke" => format!("revoke tokens of tenant {id}"),
        other => format!("`{other}` on {kind} {id}"),
    }
}

/// What was asked on, to follow "on".
pub(crate) fn resource(record: &Json) -> String {
    match text(record, "/resource/type") {
        "Process" => process(record),
        kind => format!("{kind} `{}`", text(record, "/resource/id")),
    }
}

/// A process by what it runs, which says more than its pid.
fn process(record: &Json) -> String {
    let pid = text(record, "/resource/id");
    if pid == text(record, "/pid") {
        return "itself".to_owned();
    }
    let Some(entity) = entity(record, "Moonward::Process", pid) else { return format!("process `{pid}`") };
    let definition = text(entity, "/attrs/definition/__entity/id");
    let tenant = text(entity, "/attrs/tenant/__entity/id");
    match (definition, tenant == text(record, "/tenant")) {
        ("", _) => format!("process `{pid}`"),
        (definition, true) => format!("a process of `{definition}`"),
        (definition, false) => format!("a process of `{definition}` in tenant `{tenant}`"),
    }
}

/// One of the entities that the decision was made with.
pub(crate) fn entity<'r>(record: &'r Json, kind: &str, id: &str) -> Option<&'r Json> {
    let is_it = |entity: &&Json| text(entity, "/uid/type") == kind && text(entity, "/uid/id") == id;
    items(record, "/entities").iter().find(is_it)
}

/// Why a decision came out as it did: to follow a colon, and with every text visible.
pub fn why(record: &Json) -> String {
    reason(&shown(record))
}

/// Stands in the place of a policy's id, in brackets, which no id has, where no policy decided.
pub(crate) fn by_nothing(decision_kind: &str) -> String {
    let why = match decision_kind {
        "deny_default" => NO_POLICY_PERMITS,
        "deny_error" => A_POLICY_FAILED,
        _ => "not known",
    };
    format!("({why})")
}

/// The same of a record whose texts are visible.
pub(crate) fn reason(record: &Json) -> String {
    let policies = items(record, "/policies");
    match text(record, "/decision_kind") {
        "allow" => format!("permitted by {}", list(policies, policy)),
        "deny_forbid" => format!("forbidden by {}", list(policies, policy)),
        "deny_default" => nothing_permits(record),
        "deny_error" => match items(record, "/errors") {
            [] => "it could not be decided, and what is unclear is denied".to_owned(),
            errors => format!("{A_POLICY_FAILED}, and what fails is denied: {}", list(errors, quoted)),
        },
        other => format!("the answer is `{other}`"),
    }
}

fn nothing_permits(record: &Json) -> String {
    let scopes = items(record, "/scopes");
    if scopes.is_empty() {
        return format!("{NO_POLICY_PERMITS}, since it has no scope");
    }
    let foreign = foreign_scopes(record);
    let held = format!("{NO_POLICY_PERMITS} (scopes {})", list(scopes, quoted));
    match foreign.is_empty() {
        true => held,
        false => format!("{held}; those of {} are for another tenant's actors only", foreign.join(", ")),
    }
}

/// The scopes held that are of another tenant than the actor's: their policies are not considered for it.
fn foreign_scopes(record: &Json) -> Vec<String> {
    let own = text(record, "/tenant");
    let is_foreign = |entity: &&Json| {
        let tenant = text(entity, "/attrs/tenant/__entity/id");
        text(entity, "/uid/type") == "Moonward::Scope" && ![own, "system", ""].contains(&tenant)
    };
    items(record, "/entities")
        .iter()
        .filter(is_foreign)
        .map(|scope| format!("`{}`", text(scope, "/uid/id")))
        .collect()
}

/// Some items in a row.
pub(crate) fn list(items: &[Json], say: impl Fn(&Json) -> String) -> String {
    items.iter().map(say).collect::<Vec<_>>().join(", ")
}

/// A text in backticks.
pub(crate) fn quoted(item: &Json) -> String {
    format!("`{}`", item.as_str().unwrap_or_default())
}

/// A policy with its place.
pub(crate) fn policy(policy: &Json) -> String {
    let (id, file) = (text(policy, "/id"), text(policy, "/file"));
    match number(policy, "/line") {
        Some(line) if !file.is_empty() => format!("`{id}` ({file}:{line})"),
        _ => format!("`{id}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_process_is_named_by_what_it_runs() {
        let mut record = json!({"action": "process.send", "tenant": "acme", "pid": "p1",
            "resource": {"type": "Process", "id": "p2"}, "entities": [{"uid": {"type": "Moonward::Process", "id": "p2"},
            "attrs": {"definition": {"__entity": {"id": "acme:worker"}}, "tenant": {"__entity": {"id": "acme"}}}}]});
        assert_eq!(deed(&record), "send a message to a process of `acme:worker`");
        record["tenant"] = "beta".into();
        assert_eq!(deed(&record), "send a message to a process of `acme:worker` in tenant `acme`");
        record["pid"] = "p2".into();
        assert_eq!(deed(&record), "send a message to itself");
        record["entities"] = json!({"$stored": {"bytes": "20000"}});
        record["pid"] = "p1".into();
        assert_eq!(deed(&record), "send a message to process `p2`");
    }

    #[test]
    fn every_kind_of_answer_has_its_reason() {
        let guard = json!([{"id": "guard.x", "file": "guard.cedar", "line": 22, "column": 1}]);
        let foreign = json!([{"uid": {"type": "Moonward::Scope", "id": "globex:s"},
            "attrs": {"tenant": {"__entity": {"id": "globex"}}}}]);
        for (record, expected) in [
            (
                json!({"decision_kind": "deny_forbid", "policies": guard}),
                "forbidden by `guard.x` (guard.cedar:22)",
            ),
            (json!({"decision_kind": "allow", "policies": [{"id": "a"}]}), "permitted by `a`"),
            (
                json!({"decision_kind": "deny_default", "scopes": ["a:b", "a:c"]}),
                "no policy permits it (scopes `a:b`, `a:c`)",
            ),
            (json!({"decision_kind": "deny_default"}), "no policy permits it, since it has no scope"),
            (
                json!({"decision_kind": "deny_default", "tenant": "acme", "scopes": ["globex:s"], "entities": foreign}),
                "no policy permits it (scopes `globex:s`); those of `globex:s` are for another tenant's actors only",
            ),
            (
                json!({"decision_kind": "deny_error", "errors": ["integer overflow"]}),
                "a policy failed, and what fails is denied: `integer overflow`",
            ),
            (json!({}), "the answer is ``"),
        ] {
            assert_eq!(reason(&record), expected);
        }
    }
}
