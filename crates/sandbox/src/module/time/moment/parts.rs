//! The parts of a time: its date, its clock, and its place on the line of seconds.

use std::marker::PhantomData;

use luau::{Accepts, Item};
use value::{Failure, Value};

use super::{Moment, argument};
use crate::declaration::Doc;
use crate::function::Outcome;
use crate::module::pure::Pure;
use crate::question::Question;

const SELF: &[Accepts] = &[Accepts::Data];

pub(super) struct Date;

impl Pure for Date {
    const DOC: Doc = Doc {
        name: "time:date",
        signature: "() -> (number, number, number)",
        text: "Year, month and day.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nlocal year, month, day = time.unix(0, 0):date()\n\
                  assert(year == 1970 and month == time.JANUARY and day == 1)",
    };
    const ACCEPTS: &'static [Accepts] = SELF;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let civil = argument(question, 0, "self")?.civil();
        Ok(numbers([civil.year().into(), civil.month().into(), civil.day().into()]))
    }
}

pub(super) struct Clock;

impl Pure for Clock {
    const DOC: Doc = Doc {
        name: "time:clock",
        signature: "() -> (number, number, number)",
        text: "Hour, minute and second.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nlocal hour, minute, second = time.unix(3723, 0):clock()\n\
                  assert(hour == 1 and minute == 2 and second == 3)",
    };
    const ACCEPTS: &'static [Accepts] = SELF;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let civil = argument(question, 0, "self")?.civil();
        Ok(numbers([civil.hour().into(), civil.minute().into(), civil.second().into()]))
    }
}

pub(super) struct IsZero;

impl Pure for IsZero {
    const DOC: Doc = Doc {
        name: "time:is_zero",
        signature: "() -> boolean",
        text: "Whether it is the first moment of the year 1 in UTC, which scripts from Go use for no time at all.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\n\
                  assert(time.date(1, 1, 1):is_zero() and not time.now():is_zero())",
    };
    const ACCEPTS: &'static [Accepts] = SELF;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(argument(question, 0, "self")?.is_zero()))
    }
}

/// A part that is one number.
pub(super) trait Part: 'static {
    /// Documentation of the method that gives it.
    const DOC: Doc;

    /// The number.
    fn of(moment: &Moment) -> f64;
}

/// The method that gives a part.
pub(super) struct Get<P>(PhantomData<P>);

impl<P: Part> Pure for Get<P> {
    const DOC: Doc = P::DOC;
    const ACCEPTS: &'static [Accepts] = SELF;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(Value::Number(P::of(argument(question, 0, "self")?))))
    }
}

pub(super) struct Unix;

impl Part for Unix {
    const DOC: Doc = Doc {
        name: "time:unix",
        signature: "() -> number",
        text: "Whole seconds since 1970-01-01T00:00:00Z, the fraction dropped; negative before.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(7, 999):unix() == 7)",
    };

    #[expect(clippy::cast_precision_loss, reason = "seconds of 10 000 years fit a double exactly")]
    fn of(moment: &Moment) -> f64 {
        moment.instant().as_nanosecond().div_euclid(1_000_000_000) as f64
    }
}

pub(super) struct UnixNano;

impl Part for UnixNano {
    const DOC: Doc = Doc {
        name: "time:unix_nano",
        signature: "() -> number",
        text: "Nanoseconds since 1970-01-01T00:00:00Z. A double holds those of today to 256 ns; `unix` \
               and `nanosecond` together are exact.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(1, 5):unix_nano() == 1000000005)",
    };

    #[expect(clippy::cast_precision_loss, reason = "a script counts in doubles; the documentation says so")]
    fn of(moment: &Moment) -> f64 {
        moment.instant().as_nanosecond() as f64
    }
}

pub(super) struct Year;

impl Part for Year {
    const DOC: Doc = Doc {
        name: "time:year",
        signature: "() -> number",
        text: "The year, 0 to 9999.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(0, 0):year() == 1970)",
    };

    fn of(moment: &Moment) -> f64 {
        moment.civil().year().into()
    }
}

pub(super) struct Month;

impl Part for Month {
    const DOC: Doc = Doc {
        name: "time:month",
        signature: "() -> number",
        text: "The month, 1 to 12; the constants have their names.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(0, 0):month() == time.JANUARY)",
    };

    fn of(moment: &Moment) -> f64 {
        moment.civil().month().into()
    }
}

pub(super) struct Day;

impl Part for Day {
    const DOC: Doc = Doc {
        name: "time:day",
        signature: "() -> number",
        text: "The day of the month, 1 to 31.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(0, 0):day() == 1)",
    };

    fn of(moment: &Moment) -> f64 {
        moment.civil().day().into()
    }
}

pub(super) struct Hour;

impl Part for Hour {
    const DOC: Doc = Doc {
        name: "time:hour",
        signature: "() -> number",
        text: "The hour, 0 to 23.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(7200, 0):hour() == 2)",
    };

    fn of(moment: &Moment) -> f64 {
        moment.civil().hour().into()
    }
}

pub(super) struct Minute;

impl Part for Minute {
    const DOC: Doc = Doc {
        name: "time:minute",
        signature: "() -> number",
        text: "The minute, 0 to 59.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(120, 0):minute() == 2)",
    };

    fn of(moment: &Moment) -> f64 {
        moment.civil().minute().into()
    }
}

pub(super) struct Second;

impl Part for Second {
    const DOC: Doc = Doc {
        name: "time:second",
        signature: "() -> number",
        text: "The second, 0 to 59; leap seconds are not counted.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(62, 0):second() == 2)",
    };

    fn of(moment: &Moment) -> f64 {
        moment.civil().second().into()
    }
}

pub(super) struct Nanosecond;

impl Part for Nanosecond {
    const DOC: Doc = Doc {
        name: "time:nanosecond",
        signature: "() -> number",
        text: "The fraction of the second in nanoseconds, 0 to 999 999 999.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(0, 5):nanosecond() == 5)",
    };

    fn of(moment: &Moment) -> f64 {
        moment.civil().subsec_nanosecond().into()
    }
}

pub(super) struct Weekday;

impl Part for Weekday {
    const DOC: Doc = Doc {
        name: "time:weekday",
        signature: "() -> number",
        text: "The day of the week, 0 (Sunday) to 6; the constants have their names.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(0, 0):weekday() == time.THURSDAY)",
    };

    fn of(moment: &Moment) -> f64 {
        moment.civil().weekday().to_sunday_zero_offset().into()
    }
}

pub(super) struct YearDay;

impl Part for YearDay {
    const DOC: Doc = Doc {
        name: "time:year_day",
        signature: "() -> number",
        text: "The day of the year, 1 to 366.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.date(2024, 12, 31):year_day() == 366)",
    };

    fn of(moment: &Moment) -> f64 {
        moment.civil().day_of_year().into()
    }
}

fn numbers(parts: [f64; 3]) -> Outcome {
    Outcome::Return(parts.into_iter().map(|part| Item::Value(Value::Number(part))).collect())
}
