//! JSON that can be read in one way only: an object, no member twice at any depth, no more levels than bounded.
//!
//! Parsers disagree about a second member of one name (RFC 8259 section 4); whoever signs a token and whoever reads it may use
//! different ones. What the members mean is not known here.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

use crate::limits::JSON_LEVELS_MAX;

/// The members of an object.
pub(crate) type Object = Map<String, Json>;

/// Why a text is not such an object, in words that quote nothing of it but a member's name.
pub(crate) type NotStrict = String;

/// Reads an object.
///
/// # Errors
/// It is not UTF-8, not JSON, not an object, has a member twice, or too many levels.
pub(crate) fn object(text: &[u8]) -> Result<Object, NotStrict> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Node { level: 0 }.deserialize(&mut reader).map_err(words)?;
    reader.end().map_err(words)?;
    match value {
        Json::Object(members) => Ok(members),
        _ => Err("it is not a JSON object".to_owned()),
    }
}

fn words(error: serde_json::Error) -> NotStrict {
    if error.is_data() { without_place(&error.to_string()) } else { "it is not JSON".to_owned() }
}

/// An error of ours, without the place that the parser adds.
fn without_place(text: &str) -> String {
    text.rsplit_once(" at line ").map_or(text, |(message, _)| message).to_owned()
}

/// One value, this many levels down.
struct Node {
    level: usize,
}

impl Node {
    fn below<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.level >= JSON_LEVELS_MAX {
            return Err(E::custom(format!("it has more than {JSON_LEVELS_MAX} levels")));
        }
        Ok(Self { level: self.level + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value)
            .map(Json::Number)
            .ok_or_else(|| E::custom("it has a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.below()?)? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.below()?)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("it has member `{name}` twice")));
            }
            object.insert(name, value);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_could_take_differently_is_not_read() {
        let deep = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
        for (text, expected) in [
            (r#"{"a":1,"a":1}"#, "it has member `a` twice"),
            (r#"{"a":1,"\u0061":2}"#, "it has member `a` twice"),
            (r#"{"x":[{"y":{"b":1,"b":2}}]}"#, "it has member `b` twice"),
            ("[]", "it is not a JSON object"),
            ("null", "it is not a JSON object"),
            ("", "it is not JSON"),
            ("{} {}", "it is not JSON"),
            ("{\"a\":1,}", "it is not JSON"),
            ("{'a':1}", "it is not JSON"),
            ("{\"a\":NaN}", "it is not JSON"),
            ("{\"a\":\"\\ud800\"}", "it is not JSON"),
            ("{\"a\":1e999}", "it is not JSON"),
            ("\u{feff}{}", "it is not JSON"),
            (deep(16).as_str(), "it has more than 16 levels"),
            (deep(4000).as_str(), "it has more than 16 levels"),
        ] {
            assert_eq!(object(text.as_bytes()).unwrap_err(), expected, "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}").unwrap_err(), "it is not UTF-8 text");
        assert!(object(deep(15).as_bytes()).is_ok());
    }

    #[test]
    fn numbers_keep_their_type() {
        let members = object(br#"{"a":1,"b":1.0,"c":1e3,"d":-1,"e":18446744073709551615,"f":-0}"#).unwrap();
        let whole: Vec<bool> = members.values().map(|value| value.as_i64().is_some()).collect();
        assert_eq!(whole, [true, false, false, true, false, false]);
    }
}
