//! `process.with_context` and the SpawnBuilder's methods. All of them raise, for bad arguments and refusals
//! alike, so that a chain stops; only the spawns return `nil, err`.

use std::rc::Rc;
use std::sync::Arc;

use luau::Accepts;
use policy::{Permit, ProcessContext, ProcessSecurity, SecurityAsk};
use value::{Failure, Kind, Value};

use crate::builder::Builder;
use crate::declaration::{Doc, Type};
use crate::function::{Function, Outcome, declare};
use crate::limits::{BUILDER_MESSAGES_MAX, CONTEXT_BYTES_MAX, CONTEXT_KEY_BYTES_MAX};
use crate::object::Object;
use crate::question::Question;
use crate::scene::Scene;

use super::{message, registry, spawn};

pub(crate) static BUILDER: Type = Type {
    name: "spawner",
    text: "What `process.with_context` gives: how children will be started. Immutable; every method returns a \
           new one, so that one spawner can start many children.",
    methods: &[
        declare::<AddContext>(),
        declare::<WithActor>(),
        declare::<WithScope>(),
        declare::<WithName>(),
        declare::<WithMessage>(),
        declare::<spawn::BuilderSpawn>(),
        declare::<spawn::BuilderSpawnMonitored>(),
        declare::<spawn::BuilderSpawnLinked>(),
        declare::<spawn::BuilderSpawnLinkedMonitored>(),
    ],
};

fn object(builder: Builder) -> Outcome {
    Outcome::object(Object::Builder(Rc::new(builder)))
}

/// Reads context values and puts them on top of what `builder` has.
fn merged(
    question: &mut Question<'_>,
    index: usize,
    mut builder: Builder,
) -> Result<(ProcessContext, Builder), Failure> {
    let values = question.fields(index, "values")?;
    let keys: Vec<Arc<str>> = values.iter().map(|(key, _)| key.as_str().into()).collect();
    for key in &keys {
        if key.is_empty() || key.len() > CONTEXT_KEY_BYTES_MAX {
            return Err(Failure::invalid(format!(
                "a key of `values` must have 1 to {CONTEXT_KEY_BYTES_MAX} bytes, got {}",
                key.len()
            )));
        }
    }
    builder.merge(values);
    let bytes = question.state.context.with(&builder.context).bytes();
    if bytes > CONTEXT_BYTES_MAX {
        return Err(Failure::invalid(format!(
            "context values are {bytes} bytes with those inherited, at most {CONTEXT_BYTES_MAX} are allowed"
        )));
    }
    Ok((ProcessContext { keys }, builder))
}

pub(super) struct WithContext;

impl Function for WithContext {
    const DOC: Doc = Doc {
        name: "process.with_context",
        signature: "(values: {[string]: any}) -> spawner",
        text: "A spawner whose children get these context values on top of this process's own; `ctx.get` reads \
               them. Only data, at most 64 KiB with what is inherited. Raises the error.",
        permissions: &["process.context"],
        errors: &[
            (Kind::Invalid, "not a table with string keys, a value that cannot be copied, too much of it"),
            (Kind::PermissionDenied, "policy does not permit it"),
        ],
        example: "local spawner = process.with_context({request_id = \"123\"})\n\
                  assert(spawner:spawn(\"app.workers:echo\", \"app:processes\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    const RAISES: bool = true;
    type Asks = ProcessContext;
    type Payload = Builder;

    fn ask(question: &mut Question<'_>) -> Result<(ProcessContext, Builder), Failure> {
        merged(question, 0, Builder::default())
    }

    fn run(_: &mut Scene<'_>, _: Permit<ProcessContext>, builder: Builder) -> Result<Outcome, Failure> {
        Ok(object(builder))
    }
}

struct AddContext;

impl Function for AddContext {
    const DOC: Doc = Doc {
        name: "spawner:with_context",
        signature: "(values: {[string]: any}) -> spawner",
        text: "Adds context values; a key that is there already is replaced. Raises the error.",
        permissions: &["process.context"],
        errors: &[
            (Kind::Invalid, "not a table with string keys, a value that cannot be copied, too much of it"),
            (Kind::PermissionDenied, "policy does not permit it"),
        ],
        example: "local spawner = process.with_context({a = 1}):with_context({b = 2})\n\
                  assert(spawner:spawn(\"app.workers:echo\", \"app:processes\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const RAISES: bool = true;
    type Asks = ProcessContext;
    type Payload = Builder;

    fn ask(question: &mut Question<'_>) -> Result<(ProcessContext, Builder), Failure> {
        let builder = (*question.builder(0)?).clone();
        merged(question, 1, builder)
    }

    fn run(_: &mut Scene<'_>, _: Permit<ProcessContext>, builder: Builder) -> Result<Outcome, Failure> {
        Ok(object(builder))
    }
}

struct WithActor;

impl Function for WithActor {
    const DOC: Doc = Doc {
        name: "spawner:with_actor",
        signature: "(actor: actor) -> spawner",
        text: "Children run as this actor, with this process's scopes unless `with_scope` says otherwise. \
               Checked here, and again when the spawner spawns; each time it waits until the audit record of it is on \
               the disk. Raises the error.",
        permissions: &["process.security"],
        errors: &[
            (Kind::Invalid, "not an actor of the `security` module; called where it cannot wait"),
            (
                Kind::PermissionDenied,
                "policy does not permit it, or the actor is another tenant's or an operator",
            ),
        ],
        example: "local security = require(\"security\")\n\
                  local child = process.with_context({}):with_actor(security.new_actor(\"orders\"))\n\
                  assert(child:spawn(\"app.workers:echo\", \"app:processes\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const RAISES: bool = true;
    type Asks = ProcessSecurity;
    type Payload = Builder;

    fn ask(question: &mut Question<'_>) -> Result<(ProcessSecurity, Builder), Failure> {
        let mut builder = (*question.builder(0)?).clone();
        let actor = question.actor(1, "actor")?;
        builder.actor = Some(actor.clone());
        Ok((ProcessSecurity { ask: SecurityAsk::Actor(actor) }, builder))
    }

    fn run(_: &mut Scene<'_>, _: Permit<ProcessSecurity>, builder: Builder) -> Result<Outcome, Failure> {
        Ok(object(builder))
    }
}

struct WithScope;

impl Function for WithScope {
    const DOC: Doc = Doc {
        name: "spawner:with_scope",
        signature: "(scope: scope) -> spawner",
        text: "Children run under this scope instead of this process's, and under none if it is empty: they may do \
               nothing. Each named scope in it is checked, here and again when the spawner spawns; each time it waits until \
               the audit record of it is on the disk. Raises the error.",
        permissions: &["process.security"],
        errors: &[
            (Kind::Invalid, "not a scope of the `security` module; called where it cannot wait"),
            (
                Kind::PermissionDenied,
                "policy does not permit it, or a scope is another tenant's, not shared and not held",
            ),
        ],
        example: "local security = require(\"security\")\n\
                  local child = process.with_context({}):with_scope(security.scope())\n\
                  assert(child:spawn(\"app.workers:echo\", \"app:processes\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const RAISES: bool = true;
    type Asks = Vec<ProcessSecurity>;
    type Payload = Builder;

    fn ask(question: &mut Question<'_>) -> Result<(Vec<ProcessSecurity>, Builder), Failure> {
        let mut builder = (*question.builder(0)?).clone();
        let scopes = question.scope(1, "scope")?;
        let asks = spawn::security_asks(&Builder { scopes: Some(scopes.clone()), ..Builder::default() });
        builder.scopes = Some(scopes);
        Ok((asks, builder))
    }

    fn run(_: &mut Scene<'_>, _: Vec<Permit<ProcessSecurity>>, builder: Builder) -> Result<Outcome, Failure> {
        Ok(object(builder))
    }
}

struct WithName;

impl Function for WithName {
    const DOC: Doc = Doc {
        name: "spawner:with_name",
        signature: "(name: string) -> spawner",
        text: "The child registers this name before it runs. `process.registry.register` is checked when the \
               spawner spawns. Raises the error.",
        permissions: &[],
        errors: &[(Kind::Invalid, "not a name: `[A-Za-z0-9._-]{1,128}`")],
        example: "local pid = process.with_context({}):with_name(\"echo.main\"):spawn(\"app.workers:echo\", \"app:processes\")\n\
                  assert(process.registry.lookup(\"echo.main\") == pid)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const RAISES: bool = true;
    type Asks = ();
    type Payload = Builder;

    fn ask(question: &mut Question<'_>) -> Result<((), Builder), Failure> {
        let mut builder = (*question.builder(0)?).clone();
        builder.name = Some(registry::name(question, 1)?);
        Ok(((), builder))
    }

    fn run(_: &mut Scene<'_>, (): (), builder: Builder) -> Result<Outcome, Failure> {
        Ok(object(builder))
    }
}

struct WithMessage;

impl Function for WithMessage {
    const DOC: Doc = Doc {
        name: "spawner:with_message",
        signature: "(topic: string, ...any) -> spawner",
        text: "Queues a message that is in the child's mailbox before it runs, `from` this process; in the order \
               of the calls, at most 100. Topic and size follow the rules of `process.send`; `process.send` \
               is not needed, since arguments carry as much. Raises the error.",
        permissions: &[],
        errors: &[(Kind::Invalid, "as `process.send`, or more than 100 messages")],
        example: "local pid = process.with_context({}):with_message(\"hi\", \"there\"):spawn(\"app.workers:echo\", \"app:processes\")\n\
                  assert(process.inbox():receive():payload() == \"there\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const REST: Option<Accepts> = Some(Accepts::Data);
    const RAISES: bool = true;
    type Asks = ();
    type Payload = Builder;

    fn ask(question: &mut Question<'_>) -> Result<((), Builder), Failure> {
        let mut builder = (*question.builder(0)?).clone();
        let topic = message::topic(question, 1)?;
        let payload: Value = message::payload(question, 2)?;
        if builder.messages.len() >= BUILDER_MESSAGES_MAX {
            return Err(Failure::invalid(format!(
                "a spawner queues at most {BUILDER_MESSAGES_MAX} messages"
            )));
        }
        builder.messages.push((topic, payload));
        Ok(((), builder))
    }

    fn run(_: &mut Scene<'_>, (): (), builder: Builder) -> Result<Outcome, Failure> {
        Ok(object(builder))
    }
}
