//! The `ctx` module: context values that `with_context` gave. Data only; identity never travels here.

use luau::Accepts;
use value::{Failure, Kind, Value};

use crate::declaration::{Doc, Module};
use crate::function::{Function, Outcome, declare};
use crate::question::Question;
use crate::scene::Scene;

pub(crate) static MODULE: Module = Module {
    name: "ctx",
    global: false,
    text: "Context values of this process: what `process.with_context` gave to it or to a process above it. \
           Plain data, inherited by spawned and called processes; identity never travels here.",
    functions: &[declare::<Get>(), declare::<All>()],
    constants: &[],
    tables: &[],
};

struct Get;

impl Function for Get {
    const DOC: Doc = Doc {
        name: "ctx.get",
        signature: "(key: string) -> (any, error?)",
        text: "The value under a key, a fresh copy.",
        permissions: &[],
        errors: &[(Kind::Invalid, "the key is missing or empty"), (Kind::NotFound, "no such key")],
        example: "local ctx = require(\"ctx\")\nlocal value, err = ctx.get(\"nothing\")\n\
                  assert(value == nil and err:kind() == errors.NOT_FOUND)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = Value;

    fn ask(question: &mut Question<'_>) -> Result<((), Value), Failure> {
        let key = question.text(0, "key")?;
        if key.is_empty() {
            return Err(Failure::invalid("`key` is empty, a name is expected"));
        }
        let mut entries = question.state.context.iter();
        let found = entries.find(|(present, _)| *present == key);
        match found {
            Some((_, value)) => Ok(((), value.clone())),
            None => Err(Failure::not_found(format!("no context value `{key}`"))),
        }
    }

    fn run(_: &mut Scene<'_>, (): (), value: Value) -> Result<Outcome, Failure> {
        Ok(Outcome::value(value))
    }
}

struct All;

impl Function for All {
    const DOC: Doc = Doc {
        name: "ctx.all",
        signature: "() -> {[string]: any}",
        text: "All context values, as a fresh table.",
        permissions: &[],
        errors: &[],
        example: "local ctx = require(\"ctx\")\nassert(next(ctx.all()) == nil)",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    type Asks = ();
    type Payload = Value;

    fn ask(question: &mut Question<'_>) -> Result<((), Value), Failure> {
        let entries = question.state.context.iter();
        Ok(((), Value::Map(entries.map(|(key, value)| (key.into(), value.clone())).collect())))
    }

    fn run(_: &mut Scene<'_>, (): (), values: Value) -> Result<Outcome, Failure> {
        Ok(Outcome::value(values))
    }
}
