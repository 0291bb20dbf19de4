//! Reckoning with times: later, earlier, between, and which is first.

use luau::Accepts;
use value::{Failure, Kind};

use super::{argument, object};
use crate::declaration::Doc;
use crate::function::Outcome;
use crate::module::pure::Pure;
use crate::module::time::duration;
use crate::object::Object;
use crate::question::Question;

const TWO: &[Accepts] = &[Accepts::Data, Accepts::Data];

pub(super) struct Add;

impl Pure for Add {
    const DOC: Doc = Doc {
        name: "time:add",
        signature: "(duration: duration | number | string) -> (time?, error?)",
        text: "The time that is later by a duration; earlier by a negative one.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no duration, or beyond the years 0 to 9999")],
        example: "local time = require(\"time\")\n\
                  assert(time.unix(0, 0):add(\"1h30m\"):unix() == 5400)",
    };
    const ACCEPTS: &'static [Accepts] = TWO;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let moment = argument(question, 0, "self")?;
        Ok(object(moment.plus(duration::argument(question, 1, "duration")?)?))
    }
}

pub(super) struct Sub;

impl Pure for Sub {
    const DOC: Doc = Doc {
        name: "time:sub",
        signature: "(other: time) -> (duration?, error?)",
        text: "The duration from another time to this one; negative when the other one is later.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no time, or more than 292 years between them")],
        example: "local time = require(\"time\")\n\
                  assert(time.unix(90, 0):sub(time.unix(0, 0)):minutes() == 1.5)",
    };
    const ACCEPTS: &'static [Accepts] = TWO;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let between = argument(question, 0, "self")?.since(argument(question, 1, "other")?)?;
        Ok(Outcome::object(Object::Duration(between)))
    }
}

pub(super) struct AddDate;

impl Pure for AddDate {
    const DOC: Doc = Doc {
        name: "time:add_date",
        signature: "(years: number, months: number, days: number) -> (time?, error?)",
        text: "The same clock in the same location on another day. What overflows runs on, as in `time.date`: a \
               month after October 31 is December 1. A day later need not be 24 hours later.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no integers, or beyond the years 0 to 9999")],
        example: "local time = require(\"time\")\n\
                  local day = time.date(2024, 10, 31, 12, 0, 0, 0)\n\
                  assert(day:add_date(0, 1, 0):format(time.DATE_ONLY) == \"2024-12-01\")\n\
                  assert(day:add_date(-1, 0, -31):format(time.DATE_ONLY) == \"2023-09-30\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data, Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let moment = argument(question, 0, "self")?;
        let years = question.integer(1, "years")?;
        let months = question.integer(2, "months")?;
        Ok(object(moment.plus_date(years, months, question.integer(3, "days")?)?))
    }
}

pub(super) struct Round;

impl Pure for Round {
    const DOC: Doc = Doc {
        name: "time:round",
        signature: "(step: duration | number | string) -> (time?, error?)",
        text: "The nearest whole multiple of a step since the year 1 in UTC, the later one from halfway on; the same \
               time for a step of zero or less.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no duration, or beyond the years 0 to 9999")],
        example: "local time = require(\"time\")\n\
                  assert(time.unix(90, 0):round(time.MINUTE):unix() == 120)",
    };
    const ACCEPTS: &'static [Accepts] = TWO;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let moment = argument(question, 0, "self")?;
        Ok(object(moment.rounded(duration::argument(question, 1, "step")?)?))
    }
}

pub(super) struct Truncate;

impl Pure for Truncate {
    const DOC: Doc = Doc {
        name: "time:truncate",
        signature: "(step: duration | number | string) -> (time?, error?)",
        text: "The last whole multiple of a step since the year 1 in UTC; the same time for a step of zero or less. \
               A day's step ends at midnight in UTC, not in the time's location.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no duration, or beyond the years 0 to 9999")],
        example: "local time = require(\"time\")\n\
                  assert(time.unix(119, 5):truncate(\"1m\"):unix_nano() == 60 * time.SECOND)",
    };
    const ACCEPTS: &'static [Accepts] = TWO;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let moment = argument(question, 0, "self")?;
        Ok(object(moment.truncated(duration::argument(question, 1, "step")?)?))
    }
}

pub(super) struct Before;

impl Pure for Before {
    const DOC: Doc = Doc {
        name: "time:before",
        signature: "(other: time) -> (boolean?, error?)",
        text: "Whether this time is earlier than another.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no time")],
        example: "local time = require(\"time\")\nassert(time.unix(0, 0):before(time.unix(1, 0)))",
    };
    const ACCEPTS: &'static [Accepts] = TWO;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let (left, right) = (argument(question, 0, "self")?, argument(question, 1, "other")?);
        Ok(Outcome::value(left.instant() < right.instant()))
    }
}

pub(super) struct After;

impl Pure for After {
    const DOC: Doc = Doc {
        name: "time:after",
        signature: "(other: time) -> (boolean?, error?)",
        text: "Whether this time is later than another.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no time")],
        example: "local time = require(\"time\")\nassert(time.unix(1, 0):after(time.unix(0, 0)))",
    };
    const ACCEPTS: &'static [Accepts] = TWO;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let (left, right) = (argument(question, 0, "self")?, argument(question, 1, "other")?);
        Ok(Outcome::value(left.instant() > right.instant()))
    }
}

pub(super) struct Equal;

impl Pure for Equal {
    const DOC: Doc = Doc {
        name: "time:equal",
        signature: "(other: time) -> (boolean?, error?)",
        text: "Whether this is the same point in time as another, wherever they are looked at.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no time")],
        example: "local time = require(\"time\")\n\
                  local noon = time.date(2024, 7, 1, 12, 0, 0, 0, \"Europe/Berlin\")\n\
                  assert(noon:equal(time.date(2024, 7, 1, 10, 0, 0, 0)))",
    };
    const ACCEPTS: &'static [Accepts] = TWO;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(argument(question, 0, "self")? == argument(question, 1, "other")?))
    }
}

pub(super) struct EqualOperator;

impl Pure for EqualOperator {
    const DOC: Doc = Doc {
        name: "time:__eq",
        signature: "(left: time, right: time) -> boolean",
        text: "As `time:equal`; false for any other object.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(1, 0) == time.unix(0, 1000000000))",
    };
    const ACCEPTS: &'static [Accepts] = TWO;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(match (question.object(0), question.object(1)) {
            (Some(Object::Moment(left)), Some(Object::Moment(right))) => left == right,
            _ => false,
        }))
    }
}

pub(super) struct Less;

impl Pure for Less {
    const DOC: Doc = Doc {
        name: "time:__lt",
        signature: "(left: time, right: time) -> boolean",
        text: "Whether the left one is earlier.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no time; raised")],
        example: "local time = require(\"time\")\nassert(time.unix(0, 0) < time.unix(0, 1))",
    };
    const ACCEPTS: &'static [Accepts] = TWO;
    const RAISES: bool = true;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let (left, right) = (argument(question, 0, "left")?, argument(question, 1, "right")?);
        Ok(Outcome::value(left.instant() < right.instant()))
    }
}

pub(super) struct LessOrEqual;

impl Pure for LessOrEqual {
    const DOC: Doc = Doc {
        name: "time:__le",
        signature: "(left: time, right: time) -> boolean",
        text: "Whether the left one is not later.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no time; raised")],
        example: "local time = require(\"time\")\nassert(time.unix(0, 0) <= time.unix(0, 0))",
    };
    const ACCEPTS: &'static [Accepts] = TWO;
    const RAISES: bool = true;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let (left, right) = (argument(question, 0, "left")?, argument(question, 1, "right")?);
        Ok(Outcome::value(left.instant() <= right.instant()))
    }
}

pub(super) struct Plus;

impl Pure for Plus {
    const DOC: Doc = Doc {
        name: "time:__add",
        signature: "(left: time, right: duration | number | string) -> time",
        text: "As `time:add`, with the operands in either order.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no duration, or beyond the years 0 to 9999; raised")],
        example: "local time = require(\"time\")\n\
                  assert((time.unix(0, 0) + \"1m\"):unix() == 60 and (time.SECOND + time.unix(0, 0)):unix() == 1)\n\
                  assert((time.parse_duration(\"1h\") + time.unix(0, 0)):unix() == 3600)",
    };
    const ACCEPTS: &'static [Accepts] = TWO;
    const RAISES: bool = true;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        duration::sum(question)
    }
}

pub(super) struct Minus;

impl Pure for Minus {
    const DOC: Doc = Doc {
        name: "time:__sub",
        signature: "(left: time, right: time | duration | number | string) -> duration | time",
        text: "The duration between two times, or the time that is earlier by a duration.",
        permissions: &[],
        errors: &[(Kind::Invalid, "anything else, or a result out of range; raised")],
        example: "local time = require(\"time\")\n\
                  assert((time.unix(60, 0) - time.unix(0, 0)):seconds() == 60)\n\
                  assert((time.unix(60, 0) - \"1m\"):unix() == 0)",
    };
    const ACCEPTS: &'static [Accepts] = TWO;
    const RAISES: bool = true;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        duration::difference(question)
    }
}
