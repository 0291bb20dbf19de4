//! A value of Cedar's as it is told: for people, short and with nothing in it that a terminal obeys; for programs, whole.

use cedar_policy::{EntityUid, EvalResult};
use diagnostic::visible;
use serde_json::{Value as Json, json};

use crate::limits::{EXPLAIN_VALUE_CHARS_MAX, EXPLAIN_VALUE_ITEMS_MAX};

/// A value for people.
pub(super) fn shown(value: &EvalResult) -> String {
    let shown = match value {
        EvalResult::String(text) => visible(&format!("{:?}", cut(text))),
        EvalResult::EntityUid(uid) => entity(uid),
        EvalResult::Set(set) => {
            let mut items: Vec<String> = set.iter().take(EXPLAIN_VALUE_ITEMS_MAX).map(shown).collect();
            match set.iter().count() - items.len() {
                0 => {}
                more => items.push(format!("{more} more")),
            }
            format!("[{}]", items.join(", "))
        }
        other => visible(&cut(&other.to_string())),
    };
    cut(&shown)
}

/// An entity as people write it.
pub(super) fn entity(uid: &EntityUid) -> String {
    format!("{} `{}`", uid.type_name().basename(), visible(&cut(uid.id().unescaped())))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(EXPLAIN_VALUE_CHARS_MAX) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
    }
}

/// A value for programs.
pub(super) fn as_json(value: &EvalResult) -> Json {
    match value {
        EvalResult::Bool(truth) => json!(truth),
        EvalResult::Long(number) => json!(number),
        EvalResult::String(text) => json!(text),
        EvalResult::EntityUid(uid) => {
            json!({ "type": uid.type_name().basename(), "id": uid.id().unescaped() })
        }
        EvalResult::Set(set) => set.iter().map(as_json).collect(),
        other => json!(other.to_string()),
    }
}
