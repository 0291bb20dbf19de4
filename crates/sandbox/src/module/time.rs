//! The `time` module: durations, times, locations and layouts.
//!
//! A kept library (jiff, with its bundled zones) does the calendar. Nothing here tells a script anything of the
//! host but the time, to the millisecond: the local zone is UTC, and the database is the one built in.

mod constants;
pub(crate) mod duration;
mod layout;
pub(crate) mod location;
pub(crate) mod moment;
pub(crate) mod waiting;

use luau::Accepts;
use value::{Failure, Kind};

use crate::declaration::{Doc, Module};
use crate::function::{Function, Outcome, declare};
use crate::module::pure::Pure;
use crate::module::time::moment::{Calendar, object};
use crate::object::Object;
use crate::question::Question;
use crate::scene::Scene;

pub(crate) use duration::TYPE as DURATION;
pub(crate) use location::{Location, TYPE as LOCATION};
pub(crate) use moment::{Moment, TYPE as TIME};

pub(crate) static MODULE: Module = Module {
    name: "time",
    global: false,
    text: "Durations, times and time zones. Wherever a duration is wanted, a number is nanoseconds \
           (`5 * time.SECOND`), a string is `1h30m`, `500ms` or `2 days`, and a duration object is itself. Times \
           are written and read by layouts in the manner of Go.",
    functions: &[
        declare::<waiting::Sleep>(),
        declare::<waiting::After>(),
        declare::<waiting::NewTimer>(),
        declare::<waiting::NewTicker>(),
        declare::<Now>(),
        declare::<Date>(),
        declare::<Unix>(),
        declare::<Parse>(),
        declare::<ParseDuration>(),
        declare::<location::Load>(),
        declare::<location::Fixed>(),
        declare::<location::Index>(),
    ],
    constants: constants::CONSTANTS,
    tables: &[],
};

struct Now;

impl Function for Now {
    const DOC: Doc = Doc {
        name: "time.now",
        signature: "() -> time",
        text: "The time by the host's clock, in UTC, in steps of a millisecond. The clock may be set back; a \
               duration is better waited for than worked out.",
        permissions: &[],
        errors: &[(Kind::Invalid, "the host's clock is beyond the years 0 to 9999")],
        example: "local time = require(\"time\")\nlocal now = time.now()\n\
                  assert(now:year() >= 2024 and now == now:truncate(time.MILLISECOND))",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    type Asks = ();
    type Payload = ();

    fn ask(_: &mut Question<'_>) -> Result<((), ()), Failure> {
        Ok(((), ()))
    }

    fn run(scene: &mut Scene<'_>, (): (), (): ()) -> Result<Outcome, Failure> {
        Ok(object(Moment::now(scene.wall())?))
    }
}

struct Date;

impl Pure for Date {
    const DOC: Doc = Doc {
        name: "time.date",
        signature: "(year: number, month: number, day: number, hour: number?, minute: number?, second: number?, \
                    nanosecond: number?, location: (location | string)?) -> (time?, error?)",
        text: "The time of a date and a clock in a location, UTC without one. What is past its range runs on: \
               month 13 is January of the next year, day 0 the last of the month before. A time that the clocks \
               there skip moves on by what they skip; of one that they show twice it is the first.",
        permissions: &[],
        errors: &[
            (Kind::Invalid, "a part that is no integer, no location, or beyond the years 0 to 9999"),
            (Kind::NotFound, "no zone of that name"),
        ],
        example: "local time = require(\"time\")\n\
                  local noon = time.date(2024, time.JULY, 1, 12, 0, 0, 0, \"Europe/Berlin\")\n\
                  assert(noon:format_rfc3339() == \"2024-07-01T12:00:00+02:00\")\n\
                  assert(time.date(2024, 3, 0):day() == 29)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data; 8];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let calendar = Calendar {
            year: question.integer(0, "year")?,
            month: question.integer(1, "month")?,
            day: question.integer(2, "day")?,
            hour: question.optional_integer(3, "hour")?.unwrap_or(0),
            minute: question.optional_integer(4, "minute")?.unwrap_or(0),
            second: question.optional_integer(5, "second")?.unwrap_or(0),
            nanosecond: question.optional_integer(6, "nanosecond")?.unwrap_or(0),
        };
        let location = location::optional_argument(question, 7, "location")?.unwrap_or_else(Location::utc);
        Ok(object(Moment::from_calendar(calendar, location)?))
    }
}

struct Unix;

impl Pure for Unix {
    const DOC: Doc = Doc {
        name: "time.unix",
        signature: "(seconds: number, nanoseconds: number?) -> (time?, error?)",
        text: "The time that is so many seconds and nanoseconds after 1970-01-01T00:00:00Z, in UTC. Either may be \
               negative; more nanoseconds than a second has count as seconds.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no integers, or beyond the years 0 to 9999")],
        example: "local time = require(\"time\")\n\
                  assert(time.unix(1720000000, 0):format_rfc3339() == \"2024-07-03T09:46:40Z\")\n\
                  assert(time.unix(0, -1):unix() == -1)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let seconds = question.integer(0, "seconds")?;
        let nanoseconds = question.optional_integer(1, "nanoseconds")?.unwrap_or(0);
        Ok(object(Moment::from_unix(seconds, nanoseconds)?))
    }
}

struct Parse;

impl Pure for Parse {
    const DOC: Doc = Doc {
        name: "time.parse",
        signature: "(layout: string, text: string, location: (location | string)?) -> (time?, error?)",
        text: "The time that a text says, by a layout as in `time:format`. Without a year, month or day these are 0, \
               1 and 1; without an offset the time is in the location, or UTC. With an offset the result is in the \
               location if that has the same offset then, else in UTC or a fixed zone. Names are read in any case, \
               and a weekday is not compared with the date. Stricter than Go: a zone's abbreviation other than UTC \
               and GMT must be one that the location has at that time.",
        permissions: &[],
        errors: &[
            (Kind::Invalid, "no layout, a text that does not match it, or a date that does not exist"),
            (Kind::NotFound, "no zone of that name"),
        ],
        example: "local time = require(\"time\")\n\
                  local noon = time.parse(time.RFC3339, \"2024-07-01T12:00:00.5+02:00\")\n\
                  assert(noon:unix() == 1719828000 and noon:nanosecond() == 500000000)\n\
                  local local_noon = time.parse(time.DATE_TIME, \"2024-07-01 12:00:00\", \"Europe/Berlin\")\n\
                  assert(local_noon:unix() == noon:unix())\n\
                  local none, err = time.parse(time.DATE_ONLY, \"2023-02-29\")\n\
                  assert(none == nil and err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let layout = question.text(0, "layout")?;
        let text = question.text(1, "text")?;
        let location = location::optional_argument(question, 2, "location")?;
        Ok(object(layout::parse(&layout, &text, location.as_ref())?))
    }
}

struct ParseDuration;

impl Pure for ParseDuration {
    const DOC: Doc = Doc {
        name: "time.parse_duration",
        signature: "(duration: string | number | duration) -> (duration?, error?)",
        text: "A duration object. A string is numbers with units, in Go's form (`1h30m45s`, `-1.5h`, `500ms`) or with \
               spaces and longer names (`2 days 3 hours`); units are ns, us, ms, s, m, h, d, w, M (30.44 days) and y \
               (365.25 days), and a fraction is exact to the nanosecond. A number is nanoseconds.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no duration, over 128 bytes of text, or beyond 292 years")],
        example: "local time = require(\"time\")\n\
                  local duration = time.parse_duration(\"1h30m\")\n\
                  assert(duration:minutes() == 90 and tostring(duration) == \"1h30m0s\")\n\
                  assert(duration == time.parse_duration(90 * time.MINUTE))\n\
                  local none, err = time.parse_duration(\"soon\")\n\
                  assert(none == nil and err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let nanoseconds = duration::argument(question, 0, "duration")?;
        Ok(Outcome::object(Object::Duration(nanoseconds)))
    }
}
