//! The `uuid` module: identifiers that need no registry (RFC 9562).

use std::time::{SystemTime, UNIX_EPOCH};

use luau::{Accepts, Argument};
use uuid::{NoContext, Timestamp, Uuid};
use value::{Failure, Kind, Value};

use crate::declaration::{Constant, Doc, Module};
use crate::function::{Function, Outcome, declare};
use crate::module::pure::{Pure, quoted};
use crate::question::Question;
use crate::scene::Scene;

pub(crate) static MODULE: Module = Module {
    name: "uuid",
    global: false,
    text: "Universally unique identifiers (RFC 9562), as 36 lower-case characters with hyphens.",
    functions: &[
        declare::<V4>(),
        declare::<V5>(),
        declare::<V7>(),
        declare::<Validate>(),
        declare::<Version>(),
    ],
    constants: &[
        (
            "NAMESPACE_DNS",
            Constant::Text("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
            "namespace of domain names, for `v5`",
        ),
        (
            "NAMESPACE_URL",
            Constant::Text("6ba7b811-9dad-11d1-80b4-00c04fd430c8"),
            "namespace of URLs, for `v5`",
        ),
        (
            "NAMESPACE_OID",
            Constant::Text("6ba7b812-9dad-11d1-80b4-00c04fd430c8"),
            "namespace of object identifiers, for `v5`",
        ),
        (
            "NAMESPACE_X500",
            Constant::Text("6ba7b814-9dad-11d1-80b4-00c04fd430c8"),
            "namespace of X.500 names, for `v5`",
        ),
    ],
    tables: &[],
};

struct V4;

impl Pure for V4 {
    const DOC: Doc = Doc {
        name: "uuid.v4",
        signature: "() -> string",
        text: "A random identifier: 122 bits from the operating system's source, fit for what must not be guessed.",
        permissions: &[],
        errors: &[],
        example: "local uuid = require(\"uuid\")\nlocal id = uuid.v4()\n\
                  assert(#id == 36 and uuid.version(id) == 4 and id ~= uuid.v4())",
    };
    const ACCEPTS: &'static [Accepts] = &[];

    fn answer(_: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(Uuid::new_v4().to_string()))
    }
}

struct V5;

impl Pure for V5 {
    const DOC: Doc = Doc {
        name: "uuid.v5",
        signature: "(namespace: string, name: string) -> (string?, error?)",
        text: "The identifier of a name in a namespace, itself a UUID: the same for the same two, always. It is \
               no secret, and proves nothing (SHA-1 of both).",
        permissions: &[],
        errors: &[(Kind::Invalid, "the namespace is not a UUID, or an argument is missing")],
        example: "local uuid = require(\"uuid\")\n\
                  assert(uuid.v5(uuid.NAMESPACE_DNS, \"www.example.com\") == \"2ed6657d-e927-568b-95e1-2665a8aea6a2\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let namespace = parsed(&question.text(0, "namespace")?, "namespace")?;
        let name = question.bytes(1, "name")?;
        Ok(Outcome::value(Uuid::new_v5(&namespace, &name).to_string()))
    }
}

struct V7;

impl Function for V7 {
    const DOC: Doc = Doc {
        name: "uuid.v7",
        signature: "() -> string",
        text: "An identifier that sorts by time: milliseconds since 1970, then 74 random bits. Two of the same \
               millisecond sort either way. It tells when it was made.",
        permissions: &[],
        errors: &[(Kind::Unavailable, "the host's clock is before 1970")],
        example: "local uuid = require(\"uuid\")\nlocal id = uuid.v7()\n\
                  assert(#id == 36 and uuid.version(id) == 7 and id ~= uuid.v7())",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    type Asks = ();
    type Payload = ();

    fn ask(_: &mut Question<'_>) -> Result<((), ()), Failure> {
        Ok(((), ()))
    }

    fn run(scene: &mut Scene<'_>, (): (), (): ()) -> Result<Outcome, Failure> {
        Ok(Outcome::value(v7(scene.wall())?.to_string()))
    }
}

struct Validate;

impl Pure for Validate {
    const DOC: Doc = Doc {
        name: "uuid.validate",
        signature: "(value: any) -> boolean",
        text: "Whether a value is a UUID as 36 characters with hyphens, in either case, of any version. Braces, \
               `urn:uuid:` and forms without hyphens are not.",
        permissions: &[],
        errors: &[],
        example: "local uuid = require(\"uuid\")\n\
                  assert(uuid.validate(\"6BA7B810-9dad-11d1-80b4-00c04fd430c8\"))\n\
                  assert(not uuid.validate(\"6ba7b8109dad11d180b400c04fd430c8\") and not uuid.validate(nil))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let valid = match question.take(0) {
            Argument::Value(value) => value.as_text().is_some_and(|text| parsed(text, "value").is_ok()),
            _ => false,
        };
        Ok(Outcome::value(valid))
    }
}

struct Version;

impl Pure for Version {
    const DOC: Doc = Doc {
        name: "uuid.version",
        signature: "(id: string) -> (number?, error?)",
        text: "The version field of a UUID: 1 to 8; 0 for the nil UUID, 15 for the one of all ones.",
        permissions: &[],
        errors: &[(Kind::Invalid, "not a UUID")],
        example: "local uuid = require(\"uuid\")\n\
                  assert(uuid.version(uuid.NAMESPACE_URL) == 1)\n\
                  local version, err = uuid.version(\"7\")\n\
                  assert(version == nil and err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let id = parsed(&question.text(0, "id")?, "id")?;
        let version = u8::try_from(id.get_version_num()).unwrap_or_default();
        Ok(Outcome::value(Value::Number(f64::from(version))))
    }
}

/// A UUID in the form with hyphens.
fn parsed(text: &str, name: &str) -> Result<Uuid, Failure> {
    /// The form with hyphens (RFC 9562, section 4); of the other forms that the library reads none has this length.
    const HYPHENATED_BYTES: usize = 36;
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == HYPHENATED_BYTES => Ok(id),
        _ => Err(Failure::invalid(format!("`{name}` must be a UUID with hyphens, got `{}`", quoted(text)))),
    }
}

/// A version 7 identifier. Without the library's shared counter: a counter that all tenants advance would tell
/// each how busy the others are.
fn v7(wall: SystemTime) -> Result<Uuid, Failure> {
    let since = wall
        .duration_since(UNIX_EPOCH)
        .map_err(|_| Failure::new(Kind::Unavailable, "the host's clock is before 1970"))?;
    Ok(Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_form_is_a_uuid() {
        for (text, valid) in [
            ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", true),
            ("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", true),
            ("00000000-0000-0000-0000-000000000000", true),
            ("6ba7b8109dad11d180b400c04fd430c8", false),
            ("{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", false),
            ("urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8", false),
            ("6ba7b810-9dad-11d1-80b4-00c04fd430cg", false),
            ("6ba7b810-9dad-11d1-80b400-c04fd430c8", false),
            ("", false),
        ] {
            assert_eq!(parsed(text, "id").is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn version_7_begins_with_the_milliseconds() {
        let id = v7(UNIX_EPOCH + Duration::from_millis(0x0123_4567_89ab)).unwrap();
        assert!(id.to_string().starts_with("01234567-89ab-7"), "{id}");
        assert_eq!(v7(UNIX_EPOCH - Duration::from_secs(1)).unwrap_err().kind, Kind::Unavailable);
    }

    #[test]
    fn the_namespaces_are_those_of_the_standard() {
        let expected = [Uuid::NAMESPACE_DNS, Uuid::NAMESPACE_URL, Uuid::NAMESPACE_OID, Uuid::NAMESPACE_X500];
        for ((name, constant, _), expected) in MODULE.constants.iter().zip(expected) {
            assert_eq!(constant.value().unwrap().as_text(), Some(expected.to_string().as_str()), "{name}");
        }
    }
}
