//! Durations in Lua: what counts as one, and the object that `time.parse_duration` gives.
//!
//! Inside, a duration is an `i64` of nanoseconds, 292 years either way. How one is written is `text`'s.

mod arithmetic;
mod text;

use luau::Accepts;
use value::{Failure, Value};

use crate::declaration::{Doc, Type};
use crate::function::{Outcome, declare};
use crate::module::pure::Pure;
use crate::module::text::of as readable;
use crate::object::Object;
use crate::question::{Question, missing, text_of, wrong_type};

pub(in crate::module::time) use arithmetic::{difference, sum};
pub(crate) use text::{HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, parse, text};

pub(crate) static TYPE: Type = Type {
    name: "duration",
    text: "A length of time in nanoseconds, up to 292 years either way. Two are compared with `==`, `<` and `<=`, \
           added with `+` and subtracted with `-`, where the other one may also be a number or a string; \
           `tostring` is Go's form, `1h30m0s`.",
    methods: &[
        declare::<Hours>(),
        declare::<Minutes>(),
        declare::<Seconds>(),
        declare::<Milliseconds>(),
        declare::<Microseconds>(),
        declare::<Nanoseconds>(),
        declare::<ToString>(),
        declare::<arithmetic::Equal>(),
        declare::<arithmetic::Less>(),
        declare::<arithmetic::LessOrEqual>(),
        declare::<arithmetic::Plus>(),
        declare::<arithmetic::Minus>(),
    ],
};

/// The duration at `index` in nanoseconds: a number of them, text, or a duration object. A fraction of a
/// nanosecond is dropped.
///
/// # Errors
/// INVALID: missing, of another type, no duration, or beyond 292 years.
pub(crate) fn argument(question: &mut Question<'_>, index: usize, name: &str) -> Result<i64, Failure> {
    const WANTED: &str = "a duration";
    if let Some(Object::Duration(nanoseconds)) = question.object(index) {
        return Ok(*nanoseconds);
    }
    if question.object(index).is_some() {
        return Err(question.expected(index, name, WANTED));
    }
    match question.value(index, name)? {
        Value::Number(number) => of_number(number, name),
        text @ Value::Bytes(_) => parse(&text_of(text, name)?, name),
        Value::Nil => Err(missing(name, WANTED)),
        other => Err(wrong_type(name, WANTED, other.type_name())),
    }
}

fn of_number(number: f64, name: &str) -> Result<i64, Failure> {
    /// 2^63, the first double beyond an `i64`.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&number) {
        #[expect(clippy::cast_possible_truncation, reason = "within an i64; the fraction is to be dropped")]
        return Ok(number as i64);
    }
    let found = readable(&Value::Number(number));
    Err(Failure::invalid(format!(
        "`{name}` must be nanoseconds within 2^63, which is 292 years, got {found}"
    )))
}

fn itself(question: &Question<'_>) -> Result<i64, Failure> {
    match question.object(0) {
        Some(Object::Duration(nanoseconds)) => Ok(*nanoseconds),
        _ => Err(question.expected(0, "self", "a duration")),
    }
}

/// How many of a unit, with the fraction.
#[expect(clippy::cast_precision_loss, reason = "a script counts in doubles; the documentation says so")]
fn count(nanoseconds: i64, unit: i64) -> Value {
    Value::Number((nanoseconds / unit) as f64 + (nanoseconds % unit) as f64 / unit as f64)
}

/// How many of a unit, whole ones.
#[expect(clippy::cast_precision_loss, reason = "a script counts in doubles; the documentation says so")]
fn whole(nanoseconds: i64, unit: i64) -> Value {
    Value::Number((nanoseconds / unit) as f64)
}

struct Hours;

impl Pure for Hours {
    const DOC: Doc = Doc {
        name: "duration:hours",
        signature: "() -> number",
        text: "The duration in hours, with a fraction.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.parse_duration(\"1h30m\"):hours() == 1.5)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(count(itself(question)?, HOUR)))
    }
}

struct Minutes;

impl Pure for Minutes {
    const DOC: Doc = Doc {
        name: "duration:minutes",
        signature: "() -> number",
        text: "The duration in minutes, with a fraction.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.parse_duration(\"1h30m\"):minutes() == 90)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(count(itself(question)?, MINUTE)))
    }
}

struct Seconds;

impl Pure for Seconds {
    const DOC: Doc = Doc {
        name: "duration:seconds",
        signature: "() -> number",
        text: "The duration in seconds, with a fraction.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.parse_duration(\"1500ms\"):seconds() == 1.5)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(count(itself(question)?, SECOND)))
    }
}

struct Milliseconds;

impl Pure for Milliseconds {
    const DOC: Doc = Doc {
        name: "duration:milliseconds",
        signature: "() -> number",
        text: "The duration in whole milliseconds; the rest is dropped.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.parse_duration(\"1.0005s\"):milliseconds() == 1000)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(whole(itself(question)?, MILLISECOND)))
    }
}

struct Microseconds;

impl Pure for Microseconds {
    const DOC: Doc = Doc {
        name: "duration:microseconds",
        signature: "() -> number",
        text: "The duration in whole microseconds; the rest is dropped.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.parse_duration(\"1.5ms\"):microseconds() == 1500)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(whole(itself(question)?, MICROSECOND)))
    }
}

struct Nanoseconds;

impl Pure for Nanoseconds {
    const DOC: Doc = Doc {
        name: "duration:nanoseconds",
        signature: "() -> number",
        text: "The duration in nanoseconds: what a number means wherever a duration is wanted. Exact up to 2^53, \
               which is 104 days.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.parse_duration(\"1s\"):nanoseconds() == time.SECOND)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(whole(itself(question)?, 1)))
    }
}

struct ToString;

impl Pure for ToString {
    const DOC: Doc = Doc {
        name: "duration:__tostring",
        signature: "(duration: duration) -> string",
        text: "Go's form, which `time.parse_duration` reads back.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(tostring(time.parse_duration(\"90min\")) == \"1h30m0s\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(text(itself(question)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_nanoseconds_within_an_integer_of_64_bits() {
        for (number, expected) in [(0.0, 0), (1.9, 1), (-1.9, -1), (1e18, 1_000_000_000_000_000_000)] {
            assert_eq!(of_number(number, "duration").unwrap(), expected);
        }
        for number in [9.3e18, -9.3e18, f64::INFINITY, f64::NAN] {
            assert!(of_number(number, "duration").is_err(), "{number}");
        }
    }

    #[test]
    fn counts_keep_the_fraction_and_whole_counts_drop_it() {
        assert_eq!(count(90 * MINUTE, HOUR), Value::Number(1.5));
        assert_eq!(count(-90 * MINUTE, HOUR), Value::Number(-1.5));
        assert_eq!(whole(-1_999_999, MILLISECOND), Value::Number(-1.0));
    }
}
