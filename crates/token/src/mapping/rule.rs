//! One rule and the claim that it reads: what it gives, or why it gives nothing.

use std::sync::Arc;

use policy::TenantId;
use serde_json::Value as Json;

use super::{Condition, Grant, Rule, RuleOutcome};
use crate::limits::SUBJECT_BYTES_MAX;
use crate::strict::Object;

/// The tag that a claim becomes.
pub(super) fn tag(
    rule: &Rule<(String, String)>,
    all: &Object,
    outcomes: &mut Vec<RuleOutcome>,
) -> Option<(String, String)> {
    let (name, claim) = &rule.value;
    let found = find(all, claim);
    let value = found.and_then(scalar);
    outcomes.push(RuleOutcome {
        place: rule.place.clone(),
        rule: format!("actor.tags.{name}: {claim}"),
        claims: vec![top(claim)],
        gave: value.iter().map(|value| format!("tag {name} = {value}")).collect(),
        why_not: match (found, &value) {
            (None, _) => Some(format!("claim `{claim}` is missing")),
            (_, None) => Some(format!("claim `{claim}` is not text, a whole number, `true` or `false`")),
            _ => None,
        },
    });
    Some((name.clone(), value?))
}

/// The roles, `tenant/role`, that a claim names.
pub(super) fn roles(
    rule: &Rule<String>,
    all: &Object,
    tenant: &TenantId,
    outcomes: &mut Vec<RuleOutcome>,
) -> Vec<String> {
    let claim = &rule.value;
    let mut given = Vec::new();
    let mut refused = Vec::new();
    let is_role = |name: &str| {
        !name.is_empty()
            && name.len() <= SUBJECT_BYTES_MAX
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte))
    };
    let found = find(all, claim);
    let items = match found {
        Some(Json::Array(items)) => Some(items.as_slice()),
        Some(one @ Json::String(_)) => Some(std::slice::from_ref(one)),
        _ => None,
    };
    for item in items.unwrap_or_default() {
        match item.as_str().filter(|name| is_role(name)) {
            Some(name) => given.push(format!("{tenant}/{name}")),
            None => refused.push(item.to_string()),
        }
    }
    outcomes.push(RuleOutcome {
        place: rule.place.clone(),
        rule: format!("roles: {claim}"),
        claims: vec![top(claim)],
        gave: given.iter().map(|role| format!("role {role}")).collect(),
        why_not: match (found, items) {
            (None, _) => Some(format!("claim `{claim}` is missing")),
            (_, None) => Some(format!("claim `{claim}` is not a list of texts")),
            _ if refused.is_empty() => None,
            _ => Some(format!(
                "a role is 1 to 256 letters, digits, `.`, `_`, `@` and `-`, which these are not: {}",
                refused.join(", ")
            )),
        },
    });
    given
}

/// The scopes of a grant, if its condition is met.
pub(super) fn granted(rule: &Rule<Grant>, all: &Object, outcomes: &mut Vec<RuleOutcome>) -> Vec<Arc<str>> {
    let (claim, phrase, met) = match &rule.value.when {
        Condition::Contains { claim, item } => {
            let found = find(all, claim);
            let met = match found {
                Some(Json::Array(items)) => Ok(items.iter().any(|one| one.as_str() == Some(item.as_str()))),
                Some(Json::String(words)) if claim == "scope" => {
                    Ok(words.split(' ').any(|word| word == item))
                }
                Some(_) => Err(format!("claim `{claim}` is not a list")),
                None => Err(format!("claim `{claim}` is missing")),
            };
            (claim, format!("{claim} contains {item}"), met)
        }
        Condition::Equals { claim, text } => {
            let met = match find(all, claim) {
                Some(value) => match scalar(value) {
                    Some(found) => Ok(found == *text),
                    None => Err(format!("claim `{claim}` is not text, a whole number, `true` or `false`")),
                },
                None => Err(format!("claim `{claim}` is missing")),
            };
            (claim, format!("{claim} equals {text}"), met)
        }
    };
    let given = if met == Ok(true) { rule.value.scopes.clone() } else { Vec::new() };
    outcomes.push(RuleOutcome {
        place: rule.place.clone(),
        rule: format!("grant when {phrase}"),
        claims: vec![top(claim)],
        gave: given.iter().map(|scope| format!("scope {scope}")).collect(),
        why_not: match met {
            Ok(true) => None,
            Ok(false) => Some(format!("claim `{claim}` is something else")),
            Err(why) => Some(why),
        },
    });
    given
}

/// The claim of that name, or what it leads to.
fn find<'a>(all: &'a Object, claim: &str) -> Option<&'a Json> {
    let Some(path) = claim.strip_prefix('/') else { return all.get(claim) };
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let value = all.get(&first.replace("~1", "/").replace("~0", "~"))?;
    if rest.is_empty() { Some(value) } else { value.pointer(&format!("/{rest}")) }
}

/// The claim of the token that a name leads into.
fn top(claim: &str) -> String {
    let Some(path) = claim.strip_prefix('/') else { return claim.to_owned() };
    path.split('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
}

/// Text, a whole number, `true` or `false`, as text.
fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_into_objects_and_a_name_is_exact() {
        let all =
            crate::strict::object(br#"{"a/b":1,"realm":{"roles":["x"]},"https://x.org/roles":2}"#).unwrap();
        assert_eq!(find(&all, "/realm/roles/0"), Some(&Json::from("x")));
        assert_eq!(find(&all, "/a~1b"), Some(&Json::from(1)));
        assert_eq!(find(&all, "https://x.org/roles"), Some(&Json::from(2)));
        assert_eq!(find(&all, "realm/roles"), None);
        assert_eq!(top("/realm/roles"), "realm");
    }
}
