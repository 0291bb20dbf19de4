//! How plain data reads where a script turns it into text: `print`, and `..` with an error.

use value::Value;

/// A value as a person reads it: strings bare, numbers as Lua writes them, tables as JSON.
pub(crate) fn of(value: &Value) -> String {
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Number(number) if number.is_nan() => "nan".to_owned(),
        Value::Number(number) if number.is_infinite() => {
            if *number > 0.0 { "inf" } else { "-inf" }.to_owned()
        }
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Failure(failure) => failure.to_string(),
        Value::Number(_) | Value::Array(_) | Value::Map(_) => value::to_json(value).to_string(),
    }
}

/// What to show of an argument that is no plain data, from the reason: ` is a function` for the argument itself,
/// `.items[3] is a function` for something inside a table.
pub(crate) fn of_unreadable(why: &str) -> &str {
    why.strip_prefix(" is a ").unwrap_or("table")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_a_person_expects() {
        for (value, expected) in [
            (Value::Nil, "nil"),
            (true.into(), "true"),
            (1.0.into(), "1"),
            (0.1.into(), "0.1"),
            (f64::NAN.into(), "nan"),
            (f64::NEG_INFINITY.into(), "-inf"),
            ("a\tb".into(), "a\tb"),
            (Value::Bytes(Box::new([b'a', 0xff])), "a\u{fffd}"),
            (Value::Array(vec![1.0.into(), "x".into()]), r#"[1,"x"]"#),
            (value::Failure::invalid("oops").into(), "oops"),
        ] {
            assert_eq!(of(&value), expected);
        }
        assert_eq!(of_unreadable(" is a function"), "function");
        assert_eq!(of_unreadable(".items[3] is a function"), "table");
    }
}
