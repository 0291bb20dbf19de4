//! Values as JSON, for the command line and the `json` module's lenient side: results are printed, arguments
//! are read.
//!
//! Printing never fails: `nil`, NaN and infinities are `null`, bytes that are not UTF-8 are
//! `{"$base64": "..."}`, an error object is `{"kind", "message", "details"?}`. Reading gives back plain data
//! only; `$base64` is not undone, since a script can produce such a table itself.

use serde_json::{Map, Number, Value as Json};

use crate::base64::{Alphabet, encode};
use crate::{Failure, Value};

/// The JSON form of a value. Numbers without a fraction in the range of exact doubles print as integers.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Boolean(boolean) => Json::Bool(*boolean),
        Value::Number(number) => number_to_json(*number),
        Value::Bytes(bytes) => bytes_to_json(bytes),
        Value::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key_to_text(key), to_json(value))).collect())
        }
        Value::Failure(failure) => failure_to_json(failure),
    }
}

/// A value from JSON. An object becomes a map with string keys; `null` becomes nil.
pub fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(boolean) => Value::Boolean(*boolean),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::text(text.as_str()),
        Json::Array(items) => Value::Array(items.iter().map(from_json).collect()),
        Json::Object(members) if members.is_empty() => Value::Array(Vec::new()),
        Json::Object(members) => Value::Map(
            members.iter().map(|(key, value)| (Value::text(key.as_str()), from_json(value))).collect(),
        ),
    }
}

fn number_to_json(number: f64) -> Json {
    /// Beyond 2^53 a double no longer tells neighbouring integers apart (IEEE 754).
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "an integer within 2^53 fits an i64 exactly")]
        return Json::Number(Number::from(number as i64));
    }
    Number::from_f64(number).map_or(Json::Null, Json::Number)
}

fn bytes_to_json(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) => Json::String(text.to_owned()),
        Err(_) => {
            let mut object = Map::new();
            object.insert("$base64".to_owned(), Json::String(encode(bytes, Alphabet::Standard)));
            Json::Object(object)
        }
    }
}

fn key_to_text(key: &Value) -> String {
    match key {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => match to_json(other) {
            Json::String(text) => text,
            json => json.to_string(),
        },
    }
}

fn failure_to_json(failure: &Failure) -> Json {
    let mut object = Map::new();
    object.insert("kind".to_owned(), Json::String(failure.kind.name().to_owned()));
    object.insert("message".to_owned(), Json::String(failure.to_string()));
    if failure.details != Value::Nil {
        object.insert("details".to_owned(), to_json(&failure.details));
    }
    if let Some(record) = &failure.record {
        object.insert("record".to_owned(), Json::String(record.clone()));
    }
    Json::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_the_command_line_promises() {
        for (value, expected) in [
            (Value::Nil, "null"),
            (Value::Number(1.0), "1"),
            (Value::Number(0.5), "0.5"),
            (Value::Number(f64::NAN), "null"),
            (Value::Number(f64::INFINITY), "null"),
            (Value::Number(-0.0), "0"),
            (Value::Number(1e300), "1e+300"),
            (Value::Bytes(Box::new([0xff, 0x00])), r#"{"$base64":"/wA="}"#),
            (Value::Array(vec![Value::from(true), Value::from("x")]), r#"[true,"x"]"#),
            (Value::Map(vec![(Value::Number(3.0), Value::from("x"))]), r#"{"3":"x"}"#),
        ] {
            assert_eq!(to_json(&value).to_string(), expected);
        }
    }
}
