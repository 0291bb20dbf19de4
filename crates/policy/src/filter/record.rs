//! A member of a record as Cedar has it.
//!
//! The engine's own forms in a record (an entity, an extension's value) are what they stand for; all else is plain data.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cedar_policy::{EntityUid, RestrictedExpression};
use serde_json::{Map, Value as Json};

/// The members that a record can have, by its published form.
pub(super) static MEMBERS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let schema: Json = serde_json::from_str(&audit::schema_json()).unwrap_or_default();
    let mut members = BTreeSet::new();
    collect(&schema, &schema, &mut members);
    members
});

/// Members that are numbers, whoever wrote them as text.
pub(super) const NUMBERS: [&str; 3] = ["seq", "generation", "duration_ns"];

/// The member that is a `datetime`.
pub(super) const TIME: &str = "ts";

/// Members of `detail` that are numbers, whoever wrote them as text.
const DETAIL_NUMBERS: [&str; 6] = ["bytes_cut", "count", "dropped", "refused", "records", "through"];

/// A member of a record with its name; nothing when Cedar has no form for it.
pub(super) fn member(name: &str, value: &Json) -> Option<(String, RestrictedExpression)> {
    let expression = match (name, value) {
        (name, _) if NUMBERS.contains(&name) => number(value),
        (TIME, Json::String(text)) => datetime(text),
        ("shadow", Json::Object(members)) => object(members, &["given"]),
        ("detail", Json::Object(members)) => object(members, &DETAIL_NUMBERS),
        (_, value) => plain(value),
    };
    Some((name.to_owned(), expression?))
}

/// An object of which some members are numbers that may be written as text.
fn object(members: &Map<String, Json>, numbers: &[&str]) -> Option<RestrictedExpression> {
    let members = members.iter().filter_map(|(name, value)| {
        let is_number = numbers.contains(&name.as_str());
        Some((name.clone(), if is_number { number(value) } else { plain(value) }?))
    });
    RestrictedExpression::new_record(members).ok()
}

fn number(value: &Json) -> Option<RestrictedExpression> {
    let digits = value.as_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(number) => Some(RestrictedExpression::new_long(number)),
        None => plain(value),
    }
}

/// The time of a record. Cedar knows milliseconds.
fn datetime(text: &str) -> Option<RestrictedExpression> {
    let time = humantime_millis(text);
    Some(match time {
        Some(time) => RestrictedExpression::new_datetime(time),
        None => RestrictedExpression::new_string(text.to_owned()),
    })
}

/// `2026-11-27T13:06:06.000000001Z` with three digits of the second. Anything else is no time of ours.
fn humantime_millis(text: &str) -> Option<String> {
    let (seconds, fraction) = text.strip_suffix('Z')?.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let form = seconds.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    (form.eq(*b"0000-00-00T00:00:00") && fraction.len() == 9 && digits(fraction))
        .then(|| format!("{seconds}.{}Z", fraction.get(..3).unwrap_or_default()))
}

fn plain(value: &Json) -> Option<RestrictedExpression> {
    match value {
        Json::Null => None,
        Json::Bool(value) => Some(RestrictedExpression::new_bool(*value)),
        Json::Number(number) => number.as_i64().map(RestrictedExpression::new_long),
        Json::String(text) => Some(RestrictedExpression::new_string(text.clone())),
        Json::Array(items) => Some(RestrictedExpression::new_set(items.iter().filter_map(plain))),
        Json::Object(members) => match entity(members) {
            Some(uid) => Some(RestrictedExpression::new_entity_uid(uid)),
            None => object(members, &[]),
        },
    }
}

/// An entity in the engine's own form: `{"__entity": {"type": ..., "id": ...}}`.
fn entity(members: &Map<String, Json>) -> Option<EntityUid> {
    let uid = members.get("__entity").filter(|_| members.len() == 1)?;
    let text = |name: &str| uid.get(name).and_then(Json::as_str);
    let entity_type = text("type")?.parse().ok()?;
    Some(EntityUid::from_type_name_and_id(entity_type, cedar_policy::EntityId::new(text("id")?)))
}

/// The names of the properties of a schema, and of the schemas that it is put together from.
fn collect(schema: &Json, whole: &Json, members: &mut BTreeSet<String>) {
    let properties = schema.get("properties").and_then(Json::as_object);
    members.extend(properties.into_iter().flatten().map(|(name, _)| name.clone()));
    for parts in ["anyOf", "oneOf", "allOf"].iter().filter_map(|name| schema.get(name)?.as_array()) {
        for part in parts {
            let named = part.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix('#'));
            collect(named.and_then(|path| whole.pointer(path)).unwrap_or(part), whole, members);
        }
    }
}
