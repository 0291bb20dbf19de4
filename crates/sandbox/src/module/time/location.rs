//! Locations in Lua: time zones by name, fixed ones, and the object that stands for one.

mod zone;

use luau::Accepts;
use value::{Failure, Kind, Value};

use crate::declaration::{Doc, Type};
use crate::function::{Outcome, declare};
use crate::module::pure::Pure;
use crate::object::Object;
use crate::question::{Question, missing, text_of, wrong_type};

pub(crate) use zone::Location;

pub(crate) static TYPE: Type = Type {
    name: "location",
    text: "A time zone. `tostring` is its name; two are equal when name and rules are. Wherever a location is \
           wanted, its name will do.",
    methods: &[declare::<Text>(), declare::<ToString>(), declare::<Equal>()],
};

/// What an argument that says where may be.
const WANTED: &str = "a location or a zone's name";

/// The location at `index`: an object or a name.
///
/// # Errors
/// INVALID: missing or of another type. NOT_FOUND: no zone of that name.
pub(in crate::module::time) fn argument(
    question: &mut Question<'_>,
    index: usize,
    name: &str,
) -> Result<Location, Failure> {
    optional_argument(question, index, name)?.ok_or_else(|| missing(name, WANTED))
}

/// The location at `index`: an object or a name; none when it is missing.
///
/// # Errors
/// INVALID: of another type. NOT_FOUND: no zone of that name.
pub(in crate::module::time) fn optional_argument(
    question: &mut Question<'_>,
    index: usize,
    name: &str,
) -> Result<Option<Location>, Failure> {
    match question.object(index) {
        Some(Object::Location(location)) => return Ok(Some((**location).clone())),
        Some(_) => return Err(question.expected(index, name, WANTED)),
        None => {}
    }
    match question.value(index, name)? {
        Value::Nil => Ok(None),
        text @ Value::Bytes(_) => Location::load(&text_of(text, name)?).map(Some),
        other => Err(wrong_type(name, WANTED, other.type_name())),
    }
}

/// `time.utc` and `time.localtz`.
pub(super) struct Index;

impl Pure for Index {
    const DOC: Doc = Doc {
        name: "time.__index",
        signature: "(time: table, key: string) -> location?",
        text: "What of the module is an object.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.utc == time.localtz and time.nothing == nil)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Reference, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        match question.value(1, "key")?.as_text() {
            Some("utc" | "localtz") => object(Location::utc()),
            _ => Ok(Outcome::value(Value::Nil)),
        }
    }
}

pub(super) struct Load;

impl Pure for Load {
    const DOC: Doc = Doc {
        name: "time.load_location",
        signature: "(name: string) -> (location?, error?)",
        text: "A zone of the IANA database, such as `Europe/Berlin`, in any case. `UTC`, `Local` and the empty name \
               are UTC: where the host stands is not told. The database is built in and never the host's.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no string, or over 64 bytes"), (Kind::NotFound, "no such zone")],
        example: "local time = require(\"time\")\n\
                  local berlin = time.load_location(\"Europe/Berlin\")\n\
                  assert(time.unix(1720000000, 0):in_location(berlin):format(\"15:04 MST\") == \"11:46 CEST\")\n\
                  local zone, err = time.load_location(\"Mars/Olympus\")\n\
                  assert(zone == nil and err:kind() == errors.NOT_FOUND)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        object(Location::load(&question.text(0, "name")?)?)
    }
}

pub(super) struct Fixed;

impl Pure for Fixed {
    const DOC: Doc = Doc {
        name: "time.fixed_zone",
        signature: "(name: string, offset_seconds: number) -> (location?, error?)",
        text: "A zone that is always so many seconds ahead of UTC, at most 86 400 either way. The name is what \
               layouts print for `MST`; it may be empty, then they print the offset.",
        permissions: &[],
        errors: &[(Kind::Invalid, "a name over 64 bytes, or an offset that is no integer or too far")],
        example: "local time = require(\"time\")\n\
                  local kathmandu = time.fixed_zone(\"NPT\", 20700)\n\
                  assert(time.unix(0, 0):in_location(kathmandu):format_rfc3339() == \"1970-01-01T05:45:00+05:45\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let name = question.text(0, "name")?;
        object(Location::fixed(&name, question.integer(1, "offset_seconds")?)?)
    }
}

struct Text;

impl Pure for Text {
    const DOC: Doc = Doc {
        name: "location:string",
        signature: "() -> string",
        text: "The zone's name.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\n\
                  assert(time.load_location(\"europe/berlin\"):string() == \"Europe/Berlin\")\n\
                  assert(time.utc:string() == \"UTC\" and time.utc == time.load_location(\"UTC\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(itself(question)?.name()))
    }
}

struct ToString;

impl Pure for ToString {
    const DOC: Doc = Doc {
        name: "location:__tostring",
        signature: "(location: location) -> string",
        text: "The zone's name.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(tostring(time.fixed_zone(\"NPT\", 20700)) == \"NPT\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(itself(question)?.name()))
    }
}

struct Equal;

impl Pure for Equal {
    const DOC: Doc = Doc {
        name: "location:__eq",
        signature: "(left: location, right: location) -> boolean",
        text: "Whether both are the same zone under the same name; false for any other object.",
        permissions: &[],
        errors: &[],
        example: "local time = require(\"time\")\nassert(time.utc == time.load_location(\"UTC\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(match (question.object(0), question.object(1)) {
            (Some(Object::Location(left)), Some(Object::Location(right))) => left == right,
            _ => false,
        }))
    }
}

fn itself<'a>(question: &Question<'a>) -> Result<&'a Location, Failure> {
    match question.object(0) {
        Some(Object::Location(location)) => Ok(location),
        _ => Err(question.expected(0, "self", "a location")),
    }
}

fn object(location: Location) -> Result<Outcome, Failure> {
    Ok(Outcome::object(Object::Location(Box::new(location))))
}
