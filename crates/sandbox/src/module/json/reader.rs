//! JSON text to values. Knows neither Lua nor the sandbox.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use value::{Failure, VALUE_NODES_MAX, Value};

use crate::module::limits::{JSON_DEPTH_MAX, JSON_TEXT_BYTES_MAX};

/// The value of a JSON text; `name` is how an error calls the text.
///
/// # Errors
/// INVALID: not JSON, or over a bound. `details` says where, from 1: `line`, `column` and `offset` in bytes.
pub(super) fn read(text: &[u8], name: &str) -> Result<Value, Failure> {
    if text.len() > JSON_TEXT_BYTES_MAX {
        let found = text.len();
        return Err(Failure::invalid(format!(
            "`{name}` is {found} bytes, at most {JSON_TEXT_BYTES_MAX} allowed"
        )));
    }
    let nodes = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    // The library stops at 127 levels; ours counts to 128 itself.
    deserializer.disable_recursion_limit();
    let node = Node { depth: 0, nodes: &nodes };
    node.deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| refused(text, name, &error))
}

fn refused(text: &[u8], name: &str, error: &serde_json::Error) -> Failure {
    let (line, column) = (error.line().max(1), error.column().max(1));
    let before: usize = text.split_inclusive(|byte| *byte == b'\n').take(line - 1).map(<[u8]>::len).sum();
    let place = [("line", line), ("column", column), ("offset", before + column)];
    #[expect(clippy::cast_precision_loss, reason = "a text is at most 1 MiB long")]
    let details = place.map(|(key, at)| (Value::from(key), Value::from(at as f64)));
    Failure::invalid(format!("`{name}` is not JSON: {error}")).with_details(Value::Map(details.into()))
}

/// One value of the text, and all that is inside it.
#[derive(Clone, Copy)]
struct Node<'a> {
    /// Arrays and objects around it.
    depth: usize,
    /// Values read so far, keys included.
    nodes: &'a Cell<usize>,
}

impl Node<'_> {
    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > VALUE_NODES_MAX {
            return Err(E::custom(format_args!("more than {VALUE_NODES_MAX} values")));
        }
        Ok(())
    }

    fn inner<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(E::custom(format_args!("more than {JSON_DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1, nodes: self.nodes })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Value, E> {
        Ok(Value::Boolean(boolean))
    }

    #[expect(clippy::cast_precision_loss, reason = "doubles are all there is; the documentation says so")]
    fn visit_i64<E>(self, integer: i64) -> Result<Value, E> {
        Ok(Value::Number(integer as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "doubles are all there is; the documentation says so")]
    fn visit_u64<E>(self, integer: u64) -> Result<Value, E> {
        Ok(Value::Number(integer as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        // The last of several members with one name counts, also when it is null.
        let mut entries = BTreeMap::new();
        while let Some(key) = members.next_key::<String>()? {
            self.count().map_err(|error: A::Error| A::Error::custom(error))?;
            entries.insert(key, members.next_value_seed(inner)?);
        }
        entries.retain(|_, value| *value != Value::Nil);
        if entries.is_empty() {
            return Ok(Value::Array(Vec::new()));
        }
        Ok(Value::Map(entries.into_iter().map(|(key, value)| (Value::text(key), value)).collect()))
    }
}

/// An array, or a table with holes where elements are null: a [`Value::Array`] has none.
fn array(mut items: Vec<Value>) -> Value {
    while items.last() == Some(&Value::Nil) {
        items.pop();
    }
    if !items.contains(&Value::Nil) {
        return Value::Array(items);
    }
    #[expect(clippy::cast_precision_loss, reason = "a text is at most 1 MiB long")]
    let place = |at: usize| Value::Number((at + 1) as f64);
    let entries = items.into_iter().enumerate().filter(|(_, item)| *item != Value::Nil);
    Value::Map(entries.map(|(at, item)| (place(at), item)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::json::writer::write;

    fn number(number: f64) -> Value {
        Value::Number(number)
    }

    #[test]
    fn text_is_read_as_promised() {
        for (text, expected) in [
            ("null", Value::Nil),
            (" true ", Value::from(true)),
            ("-1.5e3", number(-1500.0)),
            ("9007199254740993", number(9_007_199_254_740_992.0)),
            ("18446744073709551616", number(18_446_744_073_709_551_616.0)),
            (r#""a\u00e9\ud83d\ude00\n""#, Value::from("aé😀\n")),
            ("[]", Value::Array(Vec::new())),
            ("{}", Value::Array(Vec::new())),
            (r#"{"a":null}"#, Value::Array(Vec::new())),
            ("[1,null]", Value::Array(vec![number(1.0)])),
            ("[1,null,3]", Value::Map(vec![(number(1.0), number(1.0)), (number(3.0), number(3.0))])),
            (r#"{"a":1,"a":2}"#, Value::Map(vec![(Value::from("a"), number(2.0))])),
            (r#"{"a":1,"a":null}"#, Value::Array(Vec::new())),
            (r#"{"1":true}"#, Value::Map(vec![(Value::from("1"), Value::from(true))])),
        ] {
            assert_eq!(read(text.as_bytes(), "text").unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        for (text, line, column, offset) in [
            ("", 1, 1, 1),
            ("[1,]", 1, 4, 4),
            ("{\"a\":1,\n \"b\" 2}", 2, 6, 14),
            ("nul", 1, 3, 3),
            ("1 2", 1, 3, 3),
            ("[NaN]", 1, 2, 2),
            ("\"\\ud800\"", 1, 8, 8),
            ("1e999", 1, 5, 5),
            ("'a'", 1, 1, 1),
        ] {
            let failure = read(text.as_bytes(), "text").unwrap_err();
            assert!(failure.message.starts_with("`text` is not JSON: "), "{failure}");
            let place = ["line", "column", "offset"].map(|key| failure.details.get(key).cloned());
            let expected = [line, column, offset].map(|at| Some(number(f64::from(at))));
            assert_eq!(place, expected, "{text}: {failure}");
        }
        assert!(read(b"\"\xff\"", "text").is_err());
    }

    #[test]
    fn text_is_bounded_in_depth_nodes_and_length() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(read(nested(128).as_bytes(), "text").is_ok());
        let failure = read(nested(129).as_bytes(), "text").unwrap_err();
        assert!(failure.message.contains("more than 128 levels"), "{failure}");

        let row = |items: usize| format!("[{}]", vec!["0"; items].join(","));
        assert!(read(row(VALUE_NODES_MAX - 1).as_bytes(), "text").is_ok());
        let failure = read(row(VALUE_NODES_MAX).as_bytes(), "text").unwrap_err();
        assert!(failure.message.contains("more than 10000 values"), "{failure}");

        let failure = read(&vec![b' '; JSON_TEXT_BYTES_MAX + 1], "text").unwrap_err();
        assert_eq!(failure.message, "`text` is 1048577 bytes, at most 1048576 allowed");
    }

    #[test]
    fn numbers_and_strings_survive_the_way_there_and_back() {
        let seed = 0x9e37_79b9_7f4a_7c15_u64;
        println!("seed {seed}");
        let mut state = seed;
        for _ in 0..20_000 {
            // splitmix64
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut bits = state;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^= bits >> 31;
            let double = f64::from_bits(bits);
            if double.is_finite() {
                let text = write(&number(double), "value").unwrap();
                assert_eq!(read(text.as_bytes(), "text").unwrap(), number(double), "{text}");
            }
            let character = char::from_u32((bits % 0x11_0000) as u32).unwrap_or('\u{fffd}');
            let text = Value::text(format!("{character}{bits:x}"));
            assert_eq!(read(write(&text, "value").unwrap().as_bytes(), "text").unwrap(), text);
        }
    }
}
