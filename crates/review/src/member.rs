//! Members of a record, read without trust: a line may be of a later version, or of nobody's.

use std::time::{Duration, SystemTime};

use diagnostic::visible;
use serde::Serializer;
use serde_json::Value as Json;

use crate::wording::named;

/// The form of a record that this version does not know, and must not guess at.
pub(crate) fn unknown_form(record: &Json) -> Option<&str> {
    Some(text(record, "/schema")).filter(|schema| *schema != audit::SCHEMA)
}

/// A text; empty when there is none.
pub(crate) fn text<'r>(record: &'r Json, path: &str) -> &'r str {
    record.pointer(path).and_then(Json::as_str).unwrap_or_default()
}

/// A whole number: as records write those of 64 bits, or as JSON does.
pub(crate) fn number(record: &Json, path: &str) -> Option<u64> {
    match record.pointer(path)? {
        Json::String(digits) => digits.parse().ok(),
        other => other.as_u64(),
    }
}

/// Writes a number of 64 bits as records do: as text, since most readers of JSON have fewer.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands members over by reference")]
pub(crate) fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// The items of a list; none when there is no list.
pub(crate) fn items<'r>(record: &'r Json, path: &str) -> &'r [Json] {
    record.pointer(path).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// When it was accepted.
pub(crate) fn time(record: &Json) -> Option<SystemTime> {
    humantime::parse_rfc3339(text(record, "/ts")).ok()
}

/// The same in seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).as_ref().map_or(0, Duration::as_secs)
}

/// Adds to a count. A roll-up says whatever number its line says, so that no sum may overflow.
pub(crate) fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

/// Whether it is a denial; nothing when it is no decision.
pub(crate) fn denied(record: &Json) -> Option<bool> {
    match text(record, "/decision") {
        "allow" => Some(false),
        "deny" => Some(true),
        _ => None,
    }
}

/// The same with every text in it made visible, names of members too, and what stands for a redacted one short: what is made of
/// it can go to a terminal.
pub(crate) fn shown(value: &Json) -> Json {
    match value {
        Json::String(text) => Json::String(named(text)),
        Json::Array(items) => items.iter().map(shown).collect(),
        Json::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (visible(name), shown(value))).collect())
        }
        plain => plain.clone(),
    }
}
