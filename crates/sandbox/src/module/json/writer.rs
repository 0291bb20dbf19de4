//! Values to JSON text. Knows neither Lua nor the sandbox.

use value::{Failure, Value};

use crate::module::limits::{JSON_DEPTH_MAX, JSON_TEXT_BYTES_MAX};

/// The JSON text of `value`; `name` is how an error calls the value itself.
///
/// # Errors
/// INVALID with the path of what JSON cannot hold, or when the text would be over its bound.
pub(super) fn write(value: &Value, name: &str) -> Result<String, Failure> {
    let mut writer = Writer { text: Vec::new() };
    writer.value(value, 0).map_err(|refusal| refusal.into_failure(name))?;
    // Everything written is ASCII punctuation, serde_json's output, or text that has been checked.
    String::from_utf8(writer.text).map_err(|_| Failure::invalid(format!("`{name}` is not UTF-8 text")))
}

struct Writer {
    text: Vec<u8>,
}

/// Why a value cannot be written, and where: the path is put together while the writer backs out, so that a
/// value that can be written pays nothing for it.
struct Refusal {
    why: String,
    /// Innermost first.
    path: Vec<String>,
}

impl Refusal {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), path: Vec::new() }
    }

    fn inside(mut self, step: String) -> Self {
        self.path.push(step);
        self
    }

    fn into_failure(self, name: &str) -> Failure {
        let path: String = self.path.iter().rev().map(String::as_str).collect();
        Failure::invalid(format!("`{name}{path}` {}", self.why))
    }
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Refusal> {
        match value {
            Value::Nil => self.raw(b"null"),
            Value::Boolean(true) => self.raw(b"true"),
            Value::Boolean(false) => self.raw(b"false"),
            Value::Number(number) => self.number(*number),
            Value::Bytes(bytes) => self.string(bytes),
            Value::Array(items) => self.array(items, deeper(depth)?),
            Value::Map(entries) => self.object(entries, deeper(depth)?),
            Value::Failure(failure) => self.object(&parts(failure), deeper(depth)?),
        }
    }

    fn number(&mut self, number: f64) -> Result<(), Refusal> {
        /// Beyond 2^53 a double no longer tells neighbouring integers apart (IEEE 754).
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        let negative_zero = number == 0.0 && number.is_sign_negative();
        if number.fract() == 0.0 && number.abs() <= EXACT_MAX && !negative_zero {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "an integer within 2^53 fits an i64 exactly"
            )]
            return self.serialized(&(number as i64));
        }
        // serde_json writes NaN and infinities as `null`.
        self.serialized(&number)
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(Refusal::new("is not UTF-8 text; `base64.encode` makes text of any bytes"));
        };
        self.serialized(text)
    }

    fn array(&mut self, items: &[Value], depth: usize) -> Result<(), Refusal> {
        self.raw(b"[")?;
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.raw(b",")?;
            }
            self.value(item, depth).map_err(|refusal| refusal.inside(format!("[{}]", at + 1)))?;
        }
        self.raw(b"]")
    }

    fn object(&mut self, entries: &[(Value, Value)], depth: usize) -> Result<(), Refusal> {
        let mut members =
            entries.iter().map(member).collect::<Option<Vec<_>>>().ok_or_else(|| no_object(entries))?;
        // Lua's own order differs from run to run; sorted text can be compared, cached and signed.
        members.sort_unstable_by_key(|(key, _)| *key);
        self.raw(b"{")?;
        for (at, (key, value)) in members.into_iter().enumerate() {
            if at > 0 {
                self.raw(b",")?;
            }
            self.string(key)?;
            self.raw(b":")?;
            self.value(value, depth).map_err(|refusal| refusal.inside(step(key)))?;
        }
        self.raw(b"}")
    }

    fn serialized<S: serde::Serialize + ?Sized>(&mut self, value: &S) -> Result<(), Refusal> {
        serde_json::to_writer(&mut self.text, value).map_err(|error| Refusal::new(error.to_string()))?;
        self.bounded()
    }

    fn raw(&mut self, text: &[u8]) -> Result<(), Refusal> {
        self.text.extend_from_slice(text);
        self.bounded()
    }

    fn bounded(&self) -> Result<(), Refusal> {
        if self.text.len() <= JSON_TEXT_BYTES_MAX {
            return Ok(());
        }
        Err(Refusal::new(format!(
            "makes the text longer than {JSON_TEXT_BYTES_MAX} bytes, which is the most"
        )))
    }
}

fn deeper(depth: usize) -> Result<usize, Refusal> {
    if depth < JSON_DEPTH_MAX {
        return Ok(depth + 1);
    }
    Err(Refusal::new(format!("is nested more than {JSON_DEPTH_MAX} levels deep")))
}

fn member((key, value): &(Value, Value)) -> Option<(&[u8], &Value)> {
    match key {
        Value::Bytes(bytes) => Some((bytes, value)),
        _ => None,
    }
}

/// Why a table with these keys is neither an array nor an object.
fn no_object(entries: &[(Value, Value)]) -> Refusal {
    let count = |wanted: fn(&Value) -> bool| entries.iter().filter(|(key, _)| wanted(key)).count();
    let strings = count(|key| matches!(key, Value::Bytes(_)));
    let numbers = count(|key| matches!(key, Value::Number(_)));
    Refusal::new(if numbers == entries.len() {
        "has a hole: an array has the keys 1 to n, and all of them"
    } else if strings + numbers == entries.len() {
        "mixes string keys with numbers: it must be an array or an object"
    } else {
        "has a boolean key, which JSON has not"
    })
}

/// An error as `errors.new` takes it.
fn parts(failure: &Failure) -> Vec<(Value, Value)> {
    let mut parts = vec![
        (Value::from("kind"), Value::from(failure.kind.text())),
        (Value::from("message"), Value::from(failure.to_string())),
    ];
    if let Some(retryable) = failure.retryable {
        parts.push((Value::from("retryable"), Value::from(retryable)));
    }
    if failure.details != Value::Nil {
        parts.push((Value::from("details"), failure.details.clone()));
    }
    parts
}

/// One step of a path: `.name`, or `["any other key"]`.
fn step(key: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(key).chars().take(64).collect();
    if text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_') && !text.is_empty()
    {
        format!(".{text}")
    } else {
        format!("[{text:?}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: Vec<(Value, Value)>) -> Value {
        Value::Map(entries)
    }

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::from(true), |inner, _| Value::Array(vec![inner]))
    }

    #[test]
    fn values_are_written_as_promised() {
        for (value, expected) in [
            (Value::Nil, "null"),
            (Value::from(false), "false"),
            (Value::from(1.0), "1"),
            (Value::from(-0.0), "-0.0"),
            (Value::from(0.1), "0.1"),
            (Value::from(9_007_199_254_740_992.0), "9007199254740992"),
            (Value::from(f64::NAN), "null"),
            (Value::from(f64::NEG_INFINITY), "null"),
            (Value::from("a\"\\\n\u{1}é"), r#""a\"\\\n\u0001é""#),
            (Value::Array(Vec::new()), "[]"),
            (Value::Array(vec![1.0.into(), "x".into()]), r#"[1,"x"]"#),
            (table(vec![("b".into(), 1.0.into()), ("a".into(), 2.0.into())]), r#"{"a":2,"b":1}"#),
            (
                Failure::not_found("no order").with_details(1.0.into()).into(),
                r#"{"details":1,"kind":"NotFound","message":"no order"}"#,
            ),
        ] {
            assert_eq!(write(&value, "value").unwrap(), expected);
        }
    }

    #[test]
    fn what_json_cannot_hold_is_named_with_its_path() {
        let hole = table(vec![(1.0.into(), 1.0.into()), (3.0.into(), 1.0.into())]);
        let mixture = table(vec![(1.0.into(), 1.0.into()), ("a".into(), 1.0.into())]);
        let boolean = table(vec![(true.into(), 1.0.into())]);
        let bytes = Value::Bytes(Box::new([0xff]));
        for (value, expected) in [
            (hole.clone(), "`value` has a hole: an array has the keys 1 to n, and all of them"),
            (mixture, "`value` mixes string keys with numbers: it must be an array or an object"),
            (boolean, "`value` has a boolean key, which JSON has not"),
            (
                table(vec![("items".into(), Value::Array(vec![1.0.into(), bytes]))]),
                "`value.items[2]` is not UTF-8 text; `base64.encode` makes text of any bytes",
            ),
            (
                table(vec![("a b".into(), hole)]),
                "`value[\"a b\"]` has a hole: an array has the keys 1 to n, and all of them",
            ),
        ] {
            let failure = write(&value, "value").unwrap_err();
            assert_eq!((failure.kind, failure.message.as_str()), (value::Kind::Invalid, expected));
        }
    }

    #[test]
    fn text_is_bounded_in_depth_and_length() {
        assert!(write(&nested(128), "value").is_ok());
        let failure = write(&nested(129), "value").unwrap_err();
        assert!(failure.message.ends_with("is nested more than 128 levels deep"), "{failure}");

        let fits = "x".repeat(JSON_TEXT_BYTES_MAX - 2);
        assert!(write(&fits.as_str().into(), "value").is_ok());
        let failure = write(&format!("{fits}x").into(), "value").unwrap_err();
        assert!(failure.message.contains("longer than 1048576 bytes"), "{failure}");
    }
}
