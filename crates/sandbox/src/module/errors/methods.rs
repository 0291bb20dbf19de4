//! The methods of an error object, and how it reads as text.

use luau::{Accepts, Argument};
use value::{Failure, Kind, Value};

use crate::declaration::{Doc, Type};
use crate::function::{Outcome, declare};
use crate::module::pure::Pure;
use crate::module::text;
use crate::question::{Question, missing, wrong_type};

pub(crate) static TYPE: Type = Type {
    name: "error",
    text: "An error. `tostring(err)` is its contexts, outermost first, and its message; `..` joins that with a \
           string on either side.",
    methods: &[
        declare::<KindOf>(),
        declare::<Message>(),
        declare::<Retryable>(),
        declare::<Details>(),
        declare::<Stack>(),
        declare::<ToString>(),
        declare::<Concat>(),
    ],
};

struct KindOf;

impl Pure for KindOf {
    const DOC: Doc = Doc {
        name: "error:kind",
        signature: "() -> string",
        text: "What sort of error: the value of one of the constants.",
        permissions: &[],
        errors: &[],
        example: "assert(errors.new(\"oops\"):kind() == errors.UNKNOWN)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(itself(question)?.kind.text()))
    }
}

struct Message;

impl Pure for Message {
    const DOC: Doc = Doc {
        name: "error:message",
        signature: "() -> string",
        text: "What went wrong, without the contexts wrapped around it.",
        permissions: &[],
        errors: &[],
        example: "assert(errors.wrap(\"oops\", \"load\"):message() == \"oops\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(itself(question)?.message.as_str()))
    }
}

struct Retryable;

impl Pure for Retryable {
    const DOC: Doc = Doc {
        name: "error:retryable",
        signature: "() -> boolean?",
        text: "Whether trying again may help; `nil` when nobody said. The host says so of TIMEOUT, UNAVAILABLE and \
               RATE_LIMITED.",
        permissions: &[],
        errors: &[],
        example: "assert(errors.new({message = \"late\", retryable = true}):retryable())",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(itself(question)?.retryable.map_or(Value::Nil, Value::Boolean)))
    }
}

struct Details;

impl Pure for Details {
    const DOC: Doc = Doc {
        name: "error:details",
        signature: "() -> any",
        text: "The data given with the error, a fresh copy; `nil` without any.",
        permissions: &[],
        errors: &[],
        example: "local err = errors.new({message = \"no stock\", details = {item = 7}})\n\
                  assert(err:details().item == 7)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(itself(question)?.details.clone()))
    }
}

struct Stack;

impl Pure for Stack {
    const DOC: Doc = Doc {
        name: "error:stack",
        signature: "() -> string",
        text: "The error as `tostring` gives it, and below it one line for each place it was made in, innermost \
               first. For people; `errors.call_stack` is for programs.",
        permissions: &[],
        errors: &[],
        example: "local err = errors.wrap(\"oops\", \"load\")\n\
                  assert(err:stack():sub(1, 10) == \"load: oops\" and err:stack():find(\"\\n  at \"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(stack_text(itself(question)?)))
    }
}

struct ToString;

impl Pure for ToString {
    const DOC: Doc = Doc {
        name: "error:__tostring",
        signature: "(err: error) -> string",
        text: "Contexts, outermost first, and message.",
        permissions: &[],
        errors: &[],
        example: "assert(tostring(errors.wrap(\"oops\", \"load\")) == \"load: oops\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(itself(question)?.to_string()))
    }
}

struct Concat;

impl Pure for Concat {
    const DOC: Doc = Doc {
        name: "error:__concat",
        signature: "(left: error | string | number, right: error | string | number) -> string",
        text: "An error's text joined with a string, a number or another error.",
        permissions: &[],
        errors: &[(Kind::Invalid, "anything else; raised")],
        example: "local err = errors.new(\"oops\")\n\
                  assert(\"failed: \" .. err == \"failed: oops\" and err .. \"!\" == \"oops!\")\n\
                  assert(not pcall(function() return err .. {} end))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const RAISES: bool = true;

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let mut joined = operand(question, 0, "left")?;
        joined.extend(operand(question, 1, "right")?);
        Ok(Outcome::value(Value::Bytes(joined.into_boxed_slice())))
    }
}

fn itself<'a>(question: &Question<'a>) -> Result<&'a Failure, Failure> {
    question.failure(0).ok_or_else(|| question.expected(0, "self", "an error"))
}

fn operand(question: &mut Question<'_>, index: usize, name: &str) -> Result<Vec<u8>, Failure> {
    const WANTED: &str = "an error, a string or a number";
    if let Some(failure) = question.failure(index) {
        return Ok(failure.to_string().into_bytes());
    }
    match question.take(index) {
        Argument::Value(Value::Bytes(bytes)) => Ok(bytes.into_vec()),
        Argument::Value(number @ Value::Number(_)) => Ok(text::of(&number).into_bytes()),
        Argument::Missing | Argument::Value(Value::Nil) => Err(missing(name, WANTED)),
        Argument::Value(other) => Err(wrong_type(name, WANTED, other.type_name())),
        _ => Err(wrong_type(name, WANTED, "another value")),
    }
}

fn stack_text(failure: &Failure) -> String {
    let mut text = failure.to_string();
    for frame in &failure.stack {
        text.push_str("\n  at ");
        text.push_str(&frame.source);
        if frame.line > 0 {
            text.push_str(&format!(":{}", frame.line));
        }
        if !frame.name.is_empty() {
            text.push_str(&format!(" in {}", frame.name));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use value::Frame;

    use super::*;

    #[test]
    fn a_stack_names_what_it_knows() {
        let frame = |source: &str, line, name: &str| Frame { source: source.into(), line, name: name.into() };
        let failure = Failure {
            message: "no row".into(),
            contexts: vec!["query".into(), "load order".into()],
            stack: vec![
                frame("app:orders", 12, "load"),
                frame("app:orders", 30, ""),
                frame("app:main", 0, "main"),
            ],
            ..Failure::default()
        };
        assert_eq!(
            stack_text(&failure),
            "load order: query: no row\n  at app:orders:12 in load\n  at app:orders:30\n  at app:main in main"
        );
    }
}
