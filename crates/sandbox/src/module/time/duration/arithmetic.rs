//! Comparing, adding and subtracting durations. A duration and a time make a time, in either order.

use luau::Accepts;
use value::{Failure, Kind};

use crate::declaration::Doc;
use crate::function::Outcome;
use crate::module::pure::Pure;
use crate::module::time::duration::argument;
use crate::object::Object;
use crate::question::Question;

pub(super) struct Equal;

impl Pure for Equal {
    const DOC: Doc = Doc {
        name: "duration:__eq",
        signature: "(left: duration, right: duration) -> boolean",
        text: "Whether two durations are the same length; false for any other object.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.parse_duration(\"60s\") == time.parse_duration(\"1m\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(match (question.object(0), question.object(1)) {
            (Some(Object::Duration(left)), Some(Object::Duration(right))) => left == right,
            _ => false,
        }))
    }
}

pub(super) struct Less;

impl Pure for Less {
    const DOC: Doc = Doc {
        name: "duration:__lt",
        signature: "(left: duration, right: duration) -> boolean",
        text: "Whether the left one is shorter.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no duration; raised")],
        example: "local time = require(\"time\")\nassert(time.parse_duration(\"1s\") < time.parse_duration(\"1m\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const RAISES: bool = true;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(argument(question, 0, "left")? < argument(question, 1, "right")?))
    }
}

pub(super) struct LessOrEqual;

impl Pure for LessOrEqual {
    const DOC: Doc = Doc {
        name: "duration:__le",
        signature: "(left: duration, right: duration) -> boolean",
        text: "Whether the left one is not longer.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no duration; raised")],
        example: "local time = require(\"time\")\nassert(time.parse_duration(\"60s\") <= time.parse_duration(\"1m\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const RAISES: bool = true;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(argument(question, 0, "left")? <= argument(question, 1, "right")?))
    }
}

pub(super) struct Plus;

impl Pure for Plus {
    const DOC: Doc = Doc {
        name: "duration:__add",
        signature: "(left: duration, right: duration | number | string | time) -> duration | time",
        text: "The sum of two durations, or the time that is later by a duration.",
        permissions: &[],
        errors: &[(Kind::Invalid, "anything else, or a sum out of range; raised")],
        example: "local time = require(\"time\")\nlocal minute = time.parse_duration(\"1m\")\n\
                  assert((minute + \"30s\"):seconds() == 90 and (time.SECOND + minute):seconds() == 61)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const RAISES: bool = true;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        sum(question)
    }
}

pub(super) struct Minus;

impl Pure for Minus {
    const DOC: Doc = Doc {
        name: "duration:__sub",
        signature: "(left: duration, right: duration | number | string) -> duration",
        text: "The difference of two durations.",
        permissions: &[],
        errors: &[(Kind::Invalid, "anything else, or a difference out of range; raised")],
        example: "local time = require(\"time\")\n\
                  assert((time.parse_duration(\"1m\") - \"90s\"):seconds() == -30)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const RAISES: bool = true;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        difference(question)
    }
}

/// `left + right`, whichever of them is a time.
pub(in crate::module::time) fn sum(question: &mut Question<'_>) -> Result<Outcome, Failure> {
    let time = match (question.object(0), question.object(1)) {
        (Some(Object::Moment(_)), Some(Object::Moment(_))) => {
            return Err(Failure::invalid("two times cannot be added; `-` gives the duration between them"));
        }
        (Some(Object::Moment(time)), _) => Some((time, 1)),
        (_, Some(Object::Moment(time))) => Some((time, 0)),
        _ => None,
    };
    if let Some((time, other)) = time {
        let duration = argument(question, other, if other == 0 { "left" } else { "right" })?;
        return Ok(Outcome::object(Object::Moment(Box::new(time.plus(duration)?))));
    }
    let sum = argument(question, 0, "left")?.checked_add(argument(question, 1, "right")?);
    sum.map(|sum| Outcome::object(Object::Duration(sum))).ok_or_else(out_of_range)
}

/// `left - right`, where both may be times.
pub(in crate::module::time) fn difference(question: &mut Question<'_>) -> Result<Outcome, Failure> {
    match (question.object(0), question.object(1)) {
        (Some(Object::Moment(left)), Some(Object::Moment(right))) => {
            Ok(Outcome::object(Object::Duration(left.since(right)?)))
        }
        (Some(Object::Moment(left)), _) => {
            let duration = argument(question, 1, "right")?;
            Ok(Outcome::object(Object::Moment(Box::new(left.minus(duration)?))))
        }
        _ => {
            let difference = argument(question, 0, "left")?.checked_sub(argument(question, 1, "right")?);
            difference
                .map(|difference| Outcome::object(Object::Duration(difference)))
                .ok_or_else(out_of_range)
        }
    }
}

fn out_of_range() -> Failure {
    Failure::invalid("the result is no duration: one is at most 292 years, either way")
}
