//! What policies read of who asks, where it is known who that is: the scopes held, written out, and whether tags are read.
//!
//! Policies are taken in Cedar's JSON form, in which an expression is an object of one member, its operator, with its operands
//! below. What is proved by them is not known here.

use std::sync::Arc;

use cedar_policy::{Policy, PolicyId};
use serde_json::{Map, Value as Json, json};

use crate::cedar::{NAMESPACE, uid};
use crate::identity::Scope;
use crate::vocabulary::EntityType;

/// The field of the context that has the scopes held.
const SCOPES: &str = "scopes";

/// The same policy where `context.scopes` is the set of these, of which there is at least one; nothing if it uses the context as a
/// whole, so that the set cannot be put in its place.
///
/// # Errors
/// It cannot be written anew, in words.
pub(super) fn under(policy: &Policy, held: &[Arc<Scope>]) -> Result<Option<Policy>, String> {
    let mut written = written(policy)?;
    let entity = |scope: &Arc<Scope>| json!({"type": format!("{NAMESPACE}::Scope"), "id": &**scope.id()});
    let values = held.iter().map(|scope| json!({"Value": {"__entity": entity(scope)}}));
    let set = json!({"Set": values.collect::<Vec<_>>()});
    for body in bodies(&mut written) {
        match replaced(body, &set) {
            Some(replaced) => *body = replaced,
            None => return Ok(None),
        }
    }
    let policy = Policy::from_json(Some(policy.id().clone()), written);
    policy.map(Some).map_err(|error| error.to_string())
}

/// That exactly these scopes are held.
///
/// # Errors
/// It is not Cedar.
pub(super) fn exactly(held: &[Arc<Scope>]) -> Result<Policy, String> {
    only("exactly", &format!("context.{SCOPES} == {}", set(held)))
}

/// That no other scopes are held than these.
///
/// # Errors
/// It is not Cedar.
pub(super) fn at_most(held: &[Arc<Scope>]) -> Result<Policy, String> {
    only("at most", &format!("{}.containsAll(context.{SCOPES})", set(held)))
}

/// Whether a policy can read which scopes are held. One that cannot be written may.
pub(super) fn reads_scopes(policy: &Policy) -> bool {
    written(policy).map_or(true, |mut written| {
        bodies(&mut written).any(|body| replaced(body, &Json::Null).as_ref() != Some(&*body))
    })
}

/// Whether a policy can read tags, whoever's they are. One that cannot be written may.
pub(super) fn reads_tags(policy: &Policy) -> bool {
    written(policy).map_or(true, |written| asks_for_tags(&written))
}

fn asks_for_tags(value: &Json) -> bool {
    match value {
        Json::Array(items) => items.iter().any(asks_for_tags),
        Json::Object(members) => {
            let operator = |name: &str| matches!(name, "hasTag" | "getTag");
            members.iter().any(|(name, member)| operator(name) || asks_for_tags(member))
        }
        _ => false,
    }
}

fn written(policy: &Policy) -> Result<Json, String> {
    policy.to_json().map_err(|error| error.to_string())
}

/// The conditions of a policy.
fn bodies(written: &mut Json) -> impl Iterator<Item = &mut Json> {
    let conditions = written.get_mut("conditions").and_then(Json::as_array_mut);
    conditions.into_iter().flatten().filter_map(|condition| condition.get_mut("body"))
}

/// An expression with this in the place of `context.scopes`; nothing if it uses the context as a whole.
fn replaced(expression: &Json, set: &Json) -> Option<Json> {
    let (operator, operands) = expression.as_object()?.iter().next()?;
    let of_all = |items: &Vec<Json>| items.iter().map(|item| replaced(item, set)).collect::<Option<Json>>();
    let operands = match (operator.as_str(), operands) {
        ("Value" | "Slot", _) => return Some(expression.clone()),
        ("Var", variable) => return (variable != "context").then(|| expression.clone()),
        ("." | "has", Json::Object(of)) if of.get("left") == Some(&json!({"Var": "context"})) => {
            let read = operator == "." && of.get("attr").is_some_and(|attribute| attribute == SCOPES);
            return Some(if read { set.clone() } else { expression.clone() });
        }
        ("Record", Json::Object(members)) => {
            let members = members.iter().map(|(name, member)| Some((name.clone(), replaced(member, set)?)));
            members.collect::<Option<Map<_, _>>>()?.into()
        }
        (_, Json::Object(operands)) => {
            let operands = operands.iter().map(|(name, operand)| match operand {
                Json::Object(_) => Some((name.clone(), replaced(operand, set)?)),
                // A name, a type or a pattern.
                other => Some((name.clone(), other.clone())),
            });
            operands.collect::<Option<Map<_, _>>>()?.into()
        }
        (_, Json::Array(items)) => of_all(items)?,
        _ => return None,
    };
    Some(Json::from(Map::from_iter([(operator.clone(), operands)])))
}

fn set(held: &[Arc<Scope>]) -> String {
    let uids: Vec<String> = held.iter().map(|scope| uid(EntityType::Scope, scope.id()).to_string()).collect();
    format!("[{}]", uids.join(", "))
}

fn only(id: &str, what: &str) -> Result<Policy, String> {
    let text = format!("forbid (principal, action, resource) unless {{ {what} }};");
    Policy::parse(Some(PolicyId::new(id)), text).map_err(|error| error.to_string())
}
