//! Sets of policies that Cedar allows by exactly when the gate would.
//!
//! Cedar skips a policy that fails; the gate denies. So that a proof is about the gate, the permits of a set in which something can
//! fail become one, which holds where one of them does and no policy of the set fails: a condition is compared with itself, which
//! is true, or fails with it. One permit, since that no policy fails said in each of them grows with the square of the set.

use cedar_policy::{Effect, Policy, PolicyId, PolicySet};
use serde_json::{Value as Json, json};

use crate::cedar::NAMESPACE;
use crate::identity::TenantId;
use crate::limits::PROOF_SEPARATE_MAX;

/// A policy that cannot be written in Cedar's JSON form, or read from it again, in words.
pub(super) type Unwritable = String;

/// These policies as one set, under ids of its own, since two files may use one.
///
/// # Errors
/// One of them cannot be written anew.
pub(super) fn decided<'a>(
    policies: impl IntoIterator<Item = &'a Policy> + Clone,
) -> Result<PolicySet, Unwritable> {
    let (mut sound, mut permitted, mut forbidden) = (Vec::new(), Vec::new(), Vec::new());
    for policy in policies.clone() {
        let written = written(policy)?;
        if may_fail(&written) {
            sound.push(within(&written, same(&condition(&written)), json!({"Value": true})));
        }
        let matches = all([head(&written), condition(&written)]);
        match policy.effect() {
            Effect::Permit => permitted.push(matches),
            Effect::Forbid => forbidden.push(matches),
        }
    }
    let one_permit = !sound.is_empty() || permitted.len() > PROOF_SEPARATE_MAX;
    let one_forbid = forbidden.len() > PROOF_SEPARATE_MAX;
    let separate = |(number, policy): (usize, &Policy)| {
        let is_in_one = match policy.effect() {
            Effect::Permit => one_permit,
            Effect::Forbid => one_forbid,
        };
        (!is_in_one).then(|| policy.new_id(PolicyId::new(format!("policy {number}"))))
    };
    let mut made: Vec<Policy> = policies.into_iter().enumerate().filter_map(separate).collect();
    if one_permit {
        let permit = everything("permit", [all(sound), any(permitted)]);
        made.push(read(PolicyId::new("permits"), permit)?);
    }
    if one_forbid {
        // Where one of them fails, nothing is permitted anyway.
        made.push(read(PolicyId::new("forbids"), everything("forbid", [any(forbidden)]))?);
    }
    PolicySet::from_policies(made).map_err(|error| error.to_string())
}

/// A permit that matches whatever the head of this policy does, and one that does so where its conditions do not fail.
///
/// # Errors
/// It cannot be written anew.
pub(super) fn sound(policy: &Policy) -> Result<[Policy; 2], Unwritable> {
    let mut head = written(policy)?;
    let same = same(&condition(&head));
    set(&mut head, "effect", json!("permit"));
    set(&mut head, "conditions", json!([]));
    let mut sound = head.clone();
    set(&mut sound, "conditions", json!([{"kind": "when", "body": same}]));
    Ok([read(PolicyId::new("head"), head)?, read(PolicyId::new("sound"), sound)?])
}

/// A permit of everything but for what the head of this policy matches and its conditions do not hold for.
///
/// # Errors
/// It cannot be written anew.
pub(super) fn at_most(policy: &Policy) -> Result<Policy, Unwritable> {
    let written = written(policy)?;
    let body = within(&written, condition(&written), json!({"Value": true}));
    read(PolicyId::new("at most"), everything("permit", [body]))
}

/// The same permit for the actors of a tenant alone, whom a scope of its own counts for. Of others it is not even looked at, so
/// that it does not fail either.
///
/// # Errors
/// It cannot be written anew.
pub(super) fn for_tenant(policy: &Policy, tenant: &TenantId) -> Result<Policy, Unwritable> {
    let mut written = written(policy)?;
    let tenant = json!({"__entity": {"type": format!("{NAMESPACE}::Tenant"), "id": tenant.as_str()}});
    let own = json!({".": {"left": {"Var": "principal"}, "attr": "tenant"}});
    let own = json!({"==": {"left": own, "right": {"Value": tenant}}});
    if let Some(Json::Array(conditions)) = written.get_mut("conditions") {
        conditions.insert(0, json!({"kind": "when", "body": own}));
    }
    read(policy.id().clone(), written)
}

/// Whether a policy can fail at all: it counts, or calls a function. Everything else strict validation has ruled out.
pub(super) fn fails(policy: &Policy) -> bool {
    written(policy).map_or(true, |written| may_fail(&written))
}

/// Every entity that a policy names, as type and id.
///
/// # Errors
/// It cannot be written in JSON.
pub(super) fn named(policy: &Policy) -> Result<Vec<(String, String)>, Unwritable> {
    let mut named = Vec::new();
    references(&written(policy)?, &mut named);
    Ok(named)
}

fn references(value: &Json, named: &mut Vec<(String, String)>) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| references(item, named)),
        Json::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Json::as_str);
            if let (2, Some(kind), Some(id)) = (members.len(), text("type"), text("id")) {
                named.push((kind.to_owned(), id.to_owned()));
            }
            members.values().for_each(|member| references(member, named));
        }
        _ => {}
    }
}

fn written(policy: &Policy) -> Result<Json, Unwritable> {
    policy.to_json().map_err(|error| error.to_string())
}

fn read(id: PolicyId, written: Json) -> Result<Policy, Unwritable> {
    Policy::from_json(Some(id), written).map_err(|error| error.to_string())
}

fn set(policy: &mut Json, name: &str, value: Json) {
    if let Json::Object(members) = policy {
        members.insert(name.to_owned(), value);
    }
}

/// Operators and forms that cannot fail where strict validation finds nothing. What is not listed may.
const TOTAL: [&str; 24] = [
    "Value",
    "Var",
    "Slot",
    "!",
    "==",
    "!=",
    "in",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "contains",
    "containsAll",
    "containsAny",
    "isEmpty",
    "hasTag",
    "getTag",
    ".",
    "has",
    "like",
    "is",
    "if-then-else",
];

fn may_fail(written: &Json) -> bool {
    let conditions = written.get("conditions").and_then(Json::as_array);
    conditions.into_iter().flatten().filter_map(|condition| condition.get("body")).any(expression_fails)
}

/// An expression is an object of one member, its operator, with its operands below.
fn expression_fails(expression: &Json) -> bool {
    let Some((operator, operands)) = expression.as_object().and_then(|members| members.iter().next()) else {
        return true;
    };
    match (operator.as_str(), operands) {
        ("Value" | "Var", _) => false,
        ("Set", Json::Array(items)) => items.iter().any(expression_fails),
        ("Record", Json::Object(members)) => members.values().any(expression_fails),
        (operator, Json::Object(operands)) if TOTAL.contains(&operator) => {
            operands.values().filter(|operand| operand.is_object()).any(expression_fails)
        }
        _ => true,
    }
}

/// A policy about everything for which these conditions hold, the first before the second.
fn everything(effect: &str, conditions: impl IntoIterator<Item = Json>) -> Json {
    let conditions: Vec<Json> =
        conditions.into_iter().map(|body| json!({"kind": "when", "body": body})).collect();
    json!({
        "effect": effect,
        "principal": {"op": "All"},
        "action": {"op": "All"},
        "resource": {"op": "All"},
        "conditions": conditions,
    })
}

/// What all conditions together say.
fn condition(written: &Json) -> Json {
    let conditions = written.get("conditions").and_then(Json::as_array);
    let bodies = conditions.into_iter().flatten().filter_map(|condition| {
        let body = condition.get("body")?.clone();
        let unless = condition.get("kind").and_then(Json::as_str) == Some("unless");
        Some(if unless { json!({"!": {"arg": body}}) } else { body })
    });
    all(bodies)
}

fn all(parts: impl IntoIterator<Item = Json>) -> Json {
    joined("&&", parts.into_iter().collect()).unwrap_or_else(|| json!({"Value": true}))
}

fn any(parts: impl IntoIterator<Item = Json>) -> Json {
    joined("||", parts.into_iter().collect()).unwrap_or_else(|| json!({"Value": false}))
}

/// All parts in their order, as a tree of few levels: Cedar goes through it by recursion.
fn joined(operator: &str, mut parts: Vec<Json>) -> Option<Json> {
    if parts.len() < 2 {
        return parts.pop();
    }
    let second = parts.split_off(parts.len() / 2);
    let (left, right) = (joined(operator, parts)?, joined(operator, second)?);
    Some(json!({operator: {"left": left, "right": right}}))
}

fn same(expression: &Json) -> Json {
    json!({"==": {"left": expression, "right": expression}})
}

/// One thing where the head matches, another where it does not.
fn within(written: &Json, then: Json, otherwise: Json) -> Json {
    json!({"if-then-else": {"if": head(written), "then": then, "else": otherwise}})
}

/// The head as a condition.
fn head(written: &Json) -> Json {
    let entity = |entity: &Json| json!({"Value": {"__entity": entity}});
    let constraints = ["principal", "action", "resource"].into_iter().filter_map(|variable| {
        let constraint = written.get(variable)?;
        let var = json!({"Var": variable});
        let named = constraint.get("entity").map(entity);
        match (constraint.get("op")?.as_str()?, named) {
            ("==", Some(named)) => Some(json!({"==": {"left": var, "right": named}})),
            ("in", Some(named)) => Some(json!({"in": {"left": var, "right": named}})),
            ("in", None) => {
                let named = constraint.get("entities").and_then(Json::as_array).into_iter().flatten();
                let named: Vec<Json> = named.map(entity).collect();
                Some(json!({"in": {"left": var, "right": {"Set": named}}}))
            }
            ("is", _) => {
                let mut is = json!({"left": var, "entity_type": constraint.get("entity_type")?});
                if let Some(within) = constraint.get("in").and_then(|within| within.get("entity")) {
                    set(&mut is, "in", entity(within));
                }
                Some(json!({"is": is}))
            }
            _ => None,
        }
    });
    all(constraints)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many permits that can each fail, and a forbid that can, too.
    fn set(permits: usize) -> PolicySet {
        let text = |number: usize| {
            format!("permit (principal, action, resource) when {{ context.bytes + {number} < 9 }};")
        };
        let policies: Vec<Policy> = (0..permits)
            .map(text)
            .chain(["forbid (principal, action, resource) when { context.bytes * 2 == 8 };".to_owned()])
            .map(|text| Policy::parse(None, text).unwrap())
            .collect();
        decided(&policies).unwrap()
    }

    #[test]
    fn twice_the_permits_that_can_fail_are_twice_as_long_and_hardly_deeper() {
        let written = |permits| set(permits).to_json().unwrap().to_string();
        let (short, long) = (written(200), written(400));
        assert!(long.len() < short.len() * 21 / 10, "{} and {} bytes", short.len(), long.len());
        let depth = |text: &str| {
            let mut level = 0_usize;
            let levels = text.bytes().map(|byte| {
                match byte {
                    b'{' => level += 1,
                    b'}' => level -= 1,
                    _ => {}
                }
                level
            });
            levels.max().unwrap()
        };
        assert!(depth(&long) < depth(&short) + 5, "{} and {} levels", depth(&short), depth(&long));
    }

    #[test]
    fn the_libraries_never_go_through_more_policies_of_one_effect_than_they_can() {
        for effect in ["permit", "forbid"] {
            let policy = Policy::parse(None, format!("{effect} (principal, action, resource);")).unwrap();
            let made = |count| decided(&vec![policy.clone(); count]).unwrap().policies().count();
            assert_eq!(made(PROOF_SEPARATE_MAX), PROOF_SEPARATE_MAX, "{effect}");
            assert_eq!(made(PROOF_SEPARATE_MAX + 1), 1, "{effect}");
        }
    }
}
