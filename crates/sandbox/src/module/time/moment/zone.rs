//! The same time elsewhere.

use luau::Accepts;
use value::{Failure, Kind};

use super::{argument, object};
use crate::declaration::Doc;
use crate::function::Outcome;
use crate::module::pure::Pure;
use crate::module::time::location::{self, Location};
use crate::object::Object;
use crate::question::Question;

pub(super) struct Utc;

impl Pure for Utc {
    const DOC: Doc = Doc {
        name: "time:utc",
        signature: "() -> (time?, error?)",
        text: "The same point in time in UTC.",
        permissions: &[],
        errors: &[(Kind::Invalid, "beyond the years 0 to 9999 there")],
        example: "local time = require(\"time\")\n\
                  local noon = time.date(2024, 7, 1, 12, 0, 0, 0, \"Europe/Berlin\")\n\
                  assert(noon:utc():hour() == 10)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(object(argument(question, 0, "self")?.in_location(Location::utc())?))
    }
}

pub(super) struct InLocal;

impl Pure for InLocal {
    const DOC: Doc = Doc {
        name: "time:in_local",
        signature: "() -> (time?, error?)",
        text: "The same as `time:utc`: where the host stands is not told.",
        permissions: &[],
        errors: &[(Kind::Invalid, "beyond the years 0 to 9999 there")],
        example: "local time = require(\"time\")\nassert(tostring(time.now():in_local():location()) == \"UTC\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(object(argument(question, 0, "self")?.in_location(Location::utc())?))
    }
}

pub(super) struct InLocation;

impl Pure for InLocation {
    const DOC: Doc = Doc {
        name: "time:in_location",
        signature: "(location: location | string) -> (time?, error?)",
        text: "The same point in time in another location, given as an object or by its name.",
        permissions: &[],
        errors: &[
            (Kind::Invalid, "no location, or beyond the years 0 to 9999 there"),
            (Kind::NotFound, "no zone of that name"),
        ],
        example: "local time = require(\"time\")\n\
                  local epoch = time.unix(0, 0)\n\
                  assert(epoch:in_location(\"Asia/Tokyo\"):hour() == 9)\n\
                  assert(epoch:in_location(time.fixed_zone(\"\", 3600)):hour() == 1)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let moment = argument(question, 0, "self")?;
        Ok(object(moment.in_location(location::argument(question, 1, "location")?)?))
    }
}

pub(super) struct LocationOf;

impl Pure for LocationOf {
    const DOC: Doc = Doc {
        name: "time:location",
        signature: "() -> location",
        text: "The location in which the time's date and clock are read.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.now():location():string() == \"UTC\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let location = argument(question, 0, "self")?.location().clone();
        Ok(Outcome::object(Object::Location(Box::new(location))))
    }
}
