//! Whether an expression can come to true or false at all: one that cannot would match nothing, and look like an answer.
//!
//! Only what is sure is refused. What depends on a record, such as a member of its context, is known record by record.

use cedar_policy::Policy;
use serde_json::Value as Json;

use super::{CEDARS_VARIABLE, record};

/// Methods and functions that come to true or false; every other one comes to something else.
const TESTS: [&str; 9] = [
    "lessThan",
    "lessThanOrEqual",
    "greaterThan",
    "greaterThanOrEqual",
    "isIpv4",
    "isIpv6",
    "isLoopback",
    "isMulticast",
    "isInRange",
];

/// What an expression comes to, if that is surely neither true nor false. `cedars` is an expression as Cedar has it.
pub(super) fn otherwise(cedars: &str) -> Option<&'static str> {
    // The line break ends a comment that the text may end with.
    let policy = format!("permit (principal, action, resource) when {{ {cedars}\n}};");
    let form = Policy::parse(None, policy).ok()?.to_json().ok()?;
    of(form.pointer("/conditions/0/body")?)
}

/// The same of an expression in Cedar's JSON form: an object with one member, which is named by what it does.
fn of(expression: &Json) -> Option<&'static str> {
    let (does, on) = expression.as_object()?.iter().next()?;
    match does.as_str() {
        "Value" => match on {
            Json::Bool(_) => None,
            Json::Number(_) => Some("a number"),
            Json::String(_) => Some("a text"),
            _ => Some("a value"),
        },
        "Var" => Some("the whole record"),
        "Set" => Some("a set"),
        "Record" => Some("a record"),
        "+" | "-" | "*" | "neg" => Some("a number"),
        "." => {
            let is_records = on.pointer("/left/Var").and_then(Json::as_str) == Some(CEDARS_VARIABLE);
            let attribute = on.get("attr").and_then(Json::as_str)?;
            // No member of a record is true or false by itself; a later version may add one that is.
            (is_records && record::MEMBERS.contains(attribute)).then_some("a member that is neither")
        }
        "if-then-else" => of(on.get("then")?).and_then(|otherwise| of(on.get("else")?).map(|_| otherwise)),
        "!" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "&&" | "||" | "has" | "like" | "is"
        | "contains" | "containsAll" | "containsAny" | "isEmpty" | "hasTag" | "getTag" => None,
        call if TESTS.contains(&call) => None,
        _ => Some("a value"),
    }
}
