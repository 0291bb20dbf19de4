//! A time as text.

use luau::Accepts;
use value::{Failure, Kind};

use super::argument;
use crate::declaration::Doc;
use crate::function::Outcome;
use crate::module::pure::Pure;
use crate::module::time::layout;
use crate::question::Question;

const SELF: &[Accepts] = &[Accepts::Data];

pub(super) struct Format;

impl Pure for Format {
    const DOC: Doc = Doc {
        name: "time:format",
        signature: "(layout: string) -> (string?, error?)",
        text: "The time as text, by a layout in the manner of Go: the reference date `Mon Jan 2 15:04:05 MST 2006` \
               written as the result is to be.",
        permissions: &[],
        errors: &[(
            Kind::Invalid,
            "a layout over 256 bytes, or with a word or number that is no part of that date",
        )],
        example: "local time = require(\"time\")\n\
                  local day = time.date(2024, time.FEBRUARY, 29, 9, 5, 0, 0)\n\
                  assert(day:format(\"Monday, 2 January 2006 at 3:04 PM\") == \"Thursday, 29 February 2024 at 9:05 AM\")\n\
                  local text, err = day:format(\"YYYY-MM-DD\")\n\
                  assert(text == nil and err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let moment = argument(question, 0, "self")?;
        Ok(Outcome::value(layout::format(moment, &question.text(1, "layout")?)?))
    }
}

pub(super) struct FormatRfc3339;

impl Pure for FormatRfc3339 {
    const DOC: Doc = Doc {
        name: "time:format_rfc3339",
        signature: "() -> string",
        text: "The time as in RFC 3339, to the second; `RFC3339NANO` is the layout that keeps the fraction.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.unix(0, 0):format_rfc3339() == \"1970-01-01T00:00:00Z\")",
    };
    const ACCEPTS: &'static [Accepts] = SELF;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let moment = argument(question, 0, "self")?;
        Ok(Outcome::value(layout::format(moment, "2006-01-02T15:04:05Z07:00")?))
    }
}

pub(super) struct ToString;

impl Pure for ToString {
    const DOC: Doc = Doc {
        name: "time:__tostring",
        signature: "(time: time) -> string",
        text: "The time by the layout `2006-01-02 15:04:05.999999999 -0700 MST`.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\n\
                  assert(tostring(time.unix(0, 5)) == \"1970-01-01 00:00:00.000000005 +0000 UTC\")",
    };
    const ACCEPTS: &'static [Accepts] = SELF;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(argument(question, 0, "self")?.to_string()))
    }
}
