//! By which change of a case a test would probably come out otherwise: boundary values of comparisons, what is asked for with
//! `has`, members of a list.
//!
//! Only guesses are made here, from what Cedar says that the other side of a comparison is; whether one helps, the engine has to
//! say. What a thing is (whose a process is, what a definition is shared with) is left as it is.

use cedar_policy::{EntityUid, EvalResult};
use serde_json::{Value as Json, json};

use super::parts::place;
use super::reads::Chain;
use super::sides::{comparison, contains, mirrored};
use super::value::as_json;
use super::weigh::{Outcome, Scale};
use crate::cedar::type_name;
use crate::limits::EXPLAIN_TURNS_MAX;
use crate::load::Lexeme;
use crate::permission::Via;
use crate::study::case::{Change, typed};
use crate::vocabulary::EntityType;

/// The changes by which a test that comes to this would probably come out otherwise, the most telling first.
pub(super) fn turns(scale: &Scale<'_>, lexemes: &[Lexeme<'_>], outcome: &Outcome) -> Vec<Change> {
    let wanted = *outcome != Outcome::True;
    let mut turns = guesses(scale, lexemes, wanted).unwrap_or_default();
    turns.truncate(EXPLAIN_TURNS_MAX);
    turns
}

fn guesses(scale: &Scale<'_>, lexemes: &[Lexeme<'_>], wanted: bool) -> Option<Vec<Change>> {
    let all = |path: &str, values: Vec<Json>| {
        values.into_iter().map(|value| Change { path: path.to_owned(), value }).collect()
    };
    if let Some((left, mark, right)) = comparison(lexemes) {
        if let ([variable], "in", true) = (left, mark, wanted)
            && variable.text == "principal"
        {
            return roles(scale, &value(scale, right)?);
        }
        if let Some(path) = changeable(scale, left) {
            if mark == "like" {
                return Some(all(&path, like(right, wanted)?));
            }
            return Some(all(&path, values(&path, mark, &value(scale, right)?, wanted)));
        }
        let path = changeable(scale, right)?;
        return Some(all(&path, values(&path, mirrored(mark)?, &value(scale, left)?, wanted)));
    }
    if let Some((list, item)) = contains(lexemes) {
        return match (changeable(scale, item), wanted) {
            (Some(path), true) => Some(all(&path, members(&value(scale, list)?))),
            (Some(_), false) => None,
            (None, _) => {
                let (path, item) = (changeable(scale, list)?, as_json(&value(scale, item)?));
                let Json::Array(mut items) = as_json(&value(scale, list)?) else { return None };
                match wanted {
                    true => items.push(item),
                    false => items.retain(|known| *known != item),
                }
                Some(all(&path, vec![Json::Array(items)]))
            }
        };
    }
    // What is asked for with `has` and `hasTag`, and a truth by itself.
    let path = changeable(scale, lexemes)?;
    let asks = lexemes.iter().any(|lexeme| matches!(lexeme.text, "has" | "hasTag"));
    Some(match (asks, wanted) {
        (true, true) => all(&path, vec![json!(0), json!(true), json!(false), json!("")]),
        (true, false) => all(&path, vec![Json::Null]),
        (false, wanted) => all(&path, vec![json!(wanted)]),
    })
}

fn value(scale: &Scale<'_>, lexemes: &[Lexeme<'_>]) -> Option<EvalResult> {
    scale.value(scale.text(place(lexemes))).ok()
}

/// The path by which what these lexemes read can be changed: a field of the context, a tag, or what else a token says.
fn changeable(scale: &Scale<'_>, lexemes: &[Lexeme<'_>]) -> Option<String> {
    let chain = Chain::at(scale, lexemes, 0)?;
    (chain.length == lexemes.len()).then_some(())?;
    let path = chain.path;
    if let Some(field) = path.strip_prefix("context.") {
        let is_name = field.chars().all(|character| character.is_alphanumeric() || character == '_');
        return (is_name && field != "scopes").then_some(path);
    }
    if matches!(path.as_str(), "principal.verified" | "principal.authTime") {
        return Some(path);
    }
    let key = path.strip_prefix("principal.getTag(").and_then(|rest| rest.strip_suffix(')'))?;
    match scale.value(key).ok()? {
        EvalResult::String(key) if !key.is_empty() && !key.contains('=') && key.trim() == key => {
            Some(format!("principal.tags.{key}"))
        }
        _ => None,
    }
}

/// Values that compare so with this one, or not so if that is wanted: those at the boundary.
fn values(path: &str, mark: &str, other: &EvalResult, wanted: bool) -> Vec<Json> {
    let mark = match (mark, wanted) {
        (mark, true) => mark,
        ("<", false) => ">=",
        ("<=", false) => ">",
        (">", false) => "<=",
        (">=", false) => "<",
        ("==", false) => "!=",
        ("!=", false) => "==",
        _ => return Vec::new(),
    };
    let number = |difference: i64| match other {
        EvalResult::Long(number) => number.checked_add(difference).map(|number| json!(number)),
        _ => None,
    };
    match (mark, other) {
        ("==", other) => vec![named(other)],
        ("!=", EvalResult::Bool(truth)) => vec![json!(!truth)],
        ("!=", EvalResult::Long(_)) => [-1, 1].into_iter().filter_map(number).collect(),
        ("!=", EvalResult::String(text)) => other_texts(path, text),
        ("<", _) => number(-1).into_iter().collect(),
        (">", _) => number(1).into_iter().collect(),
        ("<=" | ">=", _) => number(0).into_iter().collect(),
        ("in", other) => members(other),
        _ => Vec::new(),
    }
}

/// Texts that are not this one: of a way in the others; else a tag, or a field, that is not there, and a text that says that any
/// other would do.
fn other_texts(path: &str, text: &str) -> Vec<Json> {
    match path {
        "context.via" => Via::ALL.iter().map(|via| json!(via.text())).collect(),
        _ => vec![Json::Null, json!(format!("not-{text}"))],
    }
}

/// The members of a list; one thing by itself is one.
fn members(list: &EvalResult) -> Vec<Json> {
    match list {
        EvalResult::Set(set) => set.iter().take(EXPLAIN_TURNS_MAX).map(named).collect(),
        one => vec![named(one)],
    }
}

/// A value as a change has it: an entity by its id, where that is not taken for something else.
fn named(value: &EvalResult) -> Json {
    match value {
        EvalResult::EntityUid(uid) if typed(uid.id().unescaped()).0.is_none() => {
            json!(uid.id().unescaped())
        }
        value => as_json(value),
    }
}

/// A text that a pattern matches, or the empty one.
fn like(pattern: &[Lexeme<'_>], wanted: bool) -> Option<Vec<Json>> {
    let [pattern] = pattern else { return None };
    let text = pattern.text.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('\\')).then(|| match wanted {
        true => vec![json!(text.replace('*', ""))],
        false => vec![json!("")],
    })
}

/// The roles of the principal, and the one that it must be in.
fn roles(scale: &Scale<'_>, wanted: &EvalResult) -> Option<Vec<Change>> {
    let EvalResult::EntityUid(wanted) = wanted else { return None };
    let is_role = |uid: &&EntityUid| uid.type_name() == type_name(EntityType::Role);
    is_role(&wanted).then_some(())?;
    let principal = scale.case.request.principal()?;
    let held = scale.case.entities.ancestors(principal).into_iter().flatten().filter(is_role);
    let mut roles: Vec<&str> = held.map(|role| role.id().unescaped()).collect();
    roles.sort_unstable();
    roles.push(wanted.id().unescaped());
    Some(vec![Change { path: "principal.roles".to_owned(), value: json!(roles) }])
}
