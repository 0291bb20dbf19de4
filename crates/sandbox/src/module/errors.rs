//! The `errors` module: errors as objects that scripts make, wrap, tell apart and take apart.
//!
//! An error object is a [`Failure`] and nothing more, so what a script makes and what a refused call returns
//! are the same thing. How it is read in detail is the file below; this one makes them.

mod methods;

use luau::Accepts;
use value::{Failure, Frame, Kind, Value};

use crate::declaration::{Constant, Doc, Module};
use crate::function::{Function, Outcome, declare};
use crate::module::limits::ERROR_CONTEXTS_MAX;
use crate::module::pure::{Pure, quoted};
use crate::object::Object;
use crate::question::{Question, fields_of, missing, text_of, wrong_type};
use crate::scene::Scene;

pub(crate) use methods::TYPE;

pub(crate) static MODULE: Module = Module {
    name: "errors",
    global: true,
    text: "Error objects: what every failed call returns as its second value, and what scripts make themselves. \
           They are plain data: they can be sent, returned and raised with `error(err)`. A kind is one of the \
           constants.",
    functions: &[declare::<New>(), declare::<Wrap>(), declare::<Is>(), declare::<CallStack>()],
    constants: &[
        ("NOT_FOUND", Constant::Text("NotFound"), "nothing by that name or id"),
        ("ALREADY_EXISTS", Constant::Text("AlreadyExists"), "it is there already"),
        ("INVALID", Constant::Text("Invalid"), "an argument that can never work as given"),
        ("PERMISSION_DENIED", Constant::Text("PermissionDenied"), "policy does not permit it"),
        ("UNAVAILABLE", Constant::Text("Unavailable"), "not now; the same call may work later"),
        ("INTERNAL", Constant::Text("Internal"), "a defect of the host"),
        ("CANCELED", Constant::Text("Canceled"), "ended because somebody asked for it"),
        ("CONFLICT", Constant::Text("Conflict"), "the state moved meanwhile"),
        ("TIMEOUT", Constant::Text("Timeout"), "it took longer than was allowed"),
        ("RATE_LIMITED", Constant::Text("RateLimited"), "over a bound or quota"),
        ("UNKNOWN", Constant::Text(""), "no kind was given"),
    ],
    tables: &[],
};

struct New;

impl Function for New {
    const DOC: Doc = Doc {
        name: "errors.new",
        signature: "(message: string | {message: string, kind: string?, retryable: boolean?, details: any?}) \
                    -> (error?, error?)",
        text: "An error with a message, or with all its parts. Without a kind it is UNKNOWN, and `retryable` and \
               `details` are `nil`. It remembers where it was made.",
        permissions: &[],
        errors: &[(
            Kind::Invalid,
            "no message, a kind that is none of the constants, a part of the wrong type or name, or details that \
             are not plain data",
        )],
        example: "local err = errors.new({message = \"no stock\", kind = errors.CONFLICT, details = {item = 7}})\n\
                  assert(err:kind() == errors.CONFLICT and err:message() == \"no stock\")\n\
                  assert(err:details().item == 7 and err:retryable() == nil)\n\
                  assert(errors.new(\"oops\"):kind() == errors.UNKNOWN)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = Failure;

    fn ask(question: &mut Question<'_>) -> Result<((), Failure), Failure> {
        Ok(((), made(question.value(0, "message")?)?))
    }

    fn run(scene: &mut Scene<'_>, (): (), mut failure: Failure) -> Result<Outcome, Failure> {
        failure.stack = scene.site.stack();
        Ok(object(failure))
    }
}

struct Wrap;

impl Function for Wrap {
    const DOC: Doc = Doc {
        name: "errors.wrap",
        signature: "(err: error | string, context: string) -> (error?, error?)",
        text: "A new error that says what was being done when `err` happened. Kind, message, `retryable`, details \
               and stack stay; the context stands in front in `tostring(err)`. A string becomes an error of kind \
               UNKNOWN first. Past 64 contexts the newest takes the place of the one before.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no error and no string, or no context")],
        example: "local inner = errors.new({message = \"no row\", kind = errors.NOT_FOUND})\n\
                  local outer = errors.wrap(inner, \"load order 7\")\n\
                  assert(tostring(outer) == \"load order 7: no row\" and outer:kind() == errors.NOT_FOUND)\n\
                  assert(outer:message() == \"no row\" and tostring(inner) == \"no row\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    type Asks = ();
    type Payload = Failure;

    fn ask(question: &mut Question<'_>) -> Result<((), Failure), Failure> {
        let inner = match question.value(0, "err")? {
            Value::Failure(failure) => *failure,
            Value::Nil => return Err(missing("err", "an error or a string")),
            message @ Value::Bytes(_) => Failure { message: text_of(message, "err")?, ..Failure::default() },
            other => return Err(wrong_type("err", "an error or a string", other.type_name())),
        };
        let context = question.text(1, "context")?;
        Ok(((), wrapped(inner, context)))
    }

    fn run(scene: &mut Scene<'_>, (): (), mut failure: Failure) -> Result<Outcome, Failure> {
        if failure.stack.is_empty() {
            failure.stack = scene.site.stack();
        }
        Ok(object(failure))
    }
}

struct Is;

impl Pure for Is {
    const DOC: Doc = Doc {
        name: "errors.is",
        signature: "(err: any, kind: string) -> (boolean?, error?)",
        text: "Whether a value is an error of this kind; false for anything that is no error.",
        permissions: &[],
        errors: &[(Kind::Invalid, "a kind that is none of the constants")],
        example: "local err = errors.new({message = \"late\", kind = errors.TIMEOUT})\n\
                  assert(errors.is(err, errors.TIMEOUT) and not errors.is(err, errors.INVALID))\n\
                  assert(errors.is(nil, errors.TIMEOUT) == false)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let kind = kind_of(&question.text(1, "kind")?)?;
        Ok(Outcome::value(question.failure(0).is_some_and(|failure| failure.kind == kind)))
    }
}

struct CallStack;

impl Pure for CallStack {
    const DOC: Doc = Doc {
        name: "errors.call_stack",
        signature: "(err: error) -> ({thread: string, frames: {{source: string, line: number, name: string}}}?, error?)",
        text: "Where an error was made, innermost frame first. `source` is a definition or library, `line` counts \
               from 1 and is 0 where it is unknown, `name` is empty for a function without one. `thread` is empty: \
               which coroutine it was is not kept.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no error")],
        example: "local stack = errors.call_stack(errors.new(\"oops\"))\n\
                  assert(stack.frames[1].line > 0 and #stack.frames[1].source > 0)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        match question.failure(0) {
            Some(failure) => Ok(Outcome::value(stack_of(failure))),
            None => Err(question.expected(0, "err", "an error")),
        }
    }
}

fn object(failure: Failure) -> Outcome {
    Outcome::object(Object::Failure(Box::new(failure)))
}

/// The error that `errors.new` was asked for, without its stack.
fn made(argument: Value) -> Result<Failure, Failure> {
    let parts = match argument {
        Value::Nil => return Err(missing("message", "a string or a table")),
        Value::Bytes(_) => {
            return Ok(Failure { message: text_of(argument, "message")?, ..Failure::default() });
        }
        Value::Array(_) | Value::Map(_) => fields_of(argument, "message")?,
        other => return Err(wrong_type("message", "a string or a table", other.type_name())),
    };
    let mut message = None;
    let mut failure = Failure::default();
    for (part, value) in parts {
        match (part.as_str(), value) {
            ("message", value) => message = Some(text_of(value, "message")?),
            ("kind", value) => failure.kind = kind_of(&text_of(value, "kind")?)?,
            ("retryable", Value::Boolean(retryable)) => failure.retryable = Some(retryable),
            ("retryable", other) => return Err(wrong_type("retryable", "a boolean", other.type_name())),
            ("details", value) => failure.details = value,
            (other, _) => {
                return Err(Failure::invalid(format!(
                    "an error has no part `{}`, only `message`, `kind`, `retryable` and `details`",
                    quoted(other)
                )));
            }
        }
    }
    failure.message = message.ok_or_else(|| missing("message", "a string"))?;
    Ok(failure)
}

fn wrapped(mut failure: Failure, context: String) -> Failure {
    failure.contexts.truncate(ERROR_CONTEXTS_MAX - 1);
    failure.contexts.push(context);
    failure
}

fn kind_of(text: &str) -> Result<Kind, Failure> {
    Kind::from_text(text).ok_or_else(|| {
        Failure::invalid(format!(
            "`kind` must be a constant such as `errors.NOT_FOUND`, got `{}`",
            quoted(text)
        ))
    })
}

fn stack_of(failure: &Failure) -> Value {
    let frame = |frame: &Frame| {
        Value::Map(vec![
            ("source".into(), frame.source.as_str().into()),
            ("line".into(), f64::from(frame.line).into()),
            ("name".into(), frame.name.as_str().into()),
        ])
    };
    Value::Map(vec![
        ("thread".into(), "".into()),
        ("frames".into(), Value::Array(failure.stack.iter().map(frame).collect())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(key, value)| (Value::from(*key), value.clone())).collect())
    }

    #[test]
    fn the_constants_are_the_kinds() {
        let constants: Vec<_> =
            MODULE.constants.iter().map(|(name, constant, _)| (*name, constant.value().unwrap())).collect();
        let kinds: Vec<_> =
            Kind::ALL.into_iter().map(|kind| (kind.name(), Value::from(kind.text()))).collect();
        assert_eq!(constants, kinds);
    }

    #[test]
    fn an_error_is_made_from_a_message_or_from_its_parts() {
        let plain = made("oops".into()).unwrap();
        assert_eq!((plain.kind, plain.retryable, plain.details), (Kind::Unknown, None, Value::Nil));

        let full = table(&[
            ("message", "late".into()),
            ("kind", "Timeout".into()),
            ("retryable", false.into()),
            ("details", Value::Array(vec![1.0.into()])),
        ]);
        let full = made(full).unwrap();
        assert_eq!((full.message.as_str(), full.kind, full.retryable), ("late", Kind::Timeout, Some(false)));
        assert_eq!(full.details, Value::Array(vec![1.0.into()]));
    }

    #[test]
    fn a_wrong_part_is_named() {
        for (argument, expected) in [
            (Value::Nil, "`message` is missing, a string or a table is expected"),
            (1.0.into(), "`message` must be a string or a table, got number"),
            (table(&[("kind", "Timeout".into())]), "`message` is missing, a string is expected"),
            (
                table(&[("message", "x".into()), ("kind", "TIMEOUT".into())]),
                "`kind` must be a constant such as `errors.NOT_FOUND`, got `TIMEOUT`",
            ),
            (
                table(&[("message", "x".into()), ("retryable", 1.0.into())]),
                "`retryable` must be a boolean, got number",
            ),
            (
                table(&[("message", "x".into()), ("detail", 1.0.into())]),
                "an error has no part `detail`, only `message`, `kind`, `retryable` and `details`",
            ),
        ] {
            let failure = made(argument).unwrap_err();
            assert_eq!((failure.kind, failure.message.as_str()), (Kind::Invalid, expected));
        }
    }

    #[test]
    fn past_the_bound_the_newest_context_takes_the_place_of_the_one_before() {
        let error = (0..100).fold(Failure::default(), |error, at| wrapped(error, at.to_string()));
        assert_eq!(error.contexts.len(), ERROR_CONTEXTS_MAX);
        assert_eq!(error.contexts.first().map(String::as_str), Some("0"));
        assert_eq!(error.contexts.last().map(String::as_str), Some("99"));
    }
}
