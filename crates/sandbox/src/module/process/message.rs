//! `process.send`, and the message objects that receivers get.

use actor::check_topic;
use luau::Accepts;
use policy::ProcessSend;
use value::{Failure, Kind, VALUE_BYTES_MAX, Value};

use crate::declaration::{Declared, Doc, Type};
use crate::function::{Function, Outcome, declare};
use crate::question::Question;
use crate::scene::Scene;

pub(crate) static MESSAGE: Type = Type {
    name: "message",
    text: "What `inbox:receive()`, or a channel of `process.listen(topic, {message = true})`, gives.",
    methods: METHODS,
};

const METHODS: &[Declared] = &[declare::<Topic>(), declare::<From>(), declare::<Payload>()];

pub(super) struct Send;

impl Function for Send {
    const DOC: Doc = Doc {
        name: "process.send",
        signature: "(destination: string, topic: string, ...any) -> (true?, error?)",
        text: "Puts one message into another process's mailbox, or one's own. The values are copied at the \
               call: none makes a nil payload, several make one payload that is an array. `true` means that \
               the message has its room and will be delivered unless the receiver ends first. Messages of one \
               sender to one receiver keep their order.\n\nOnly data crosses: nil, booleans, numbers, strings, \
               tables of these without cycles, and error objects; at most 1 MiB, 64 levels, 10 000 nodes, 255 \
               values.",
        permissions: &["process.send"],
        errors: &[
            (
                Kind::Invalid,
                "a topic that is empty, begins with `@` or is over 256 bytes; a value that cannot be copied, named by its path; a message larger than half of the receiver's memory limit",
            ),
            (Kind::NotFound, "nobody of one's own tenant by that pid or name"),
            (Kind::PermissionDenied, "policy does not permit it, or the destination is another tenant's"),
            (
                Kind::RateLimited,
                "the mailbox is full (1 000 messages or 1 MiB), or the tenant's rate is used up",
            ),
        ],
        example: "assert(process.send(process.pid(), \"greet\", {hello = 1}))\n\
                  local msg = process.inbox():receive()\n\
                  assert(msg:topic() == \"greet\" and msg:payload().hello == 1)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const REST: Option<Accepts> = Some(Accepts::Data);
    type Asks = ProcessSend;
    type Payload = Value;

    fn ask(question: &mut Question<'_>) -> Result<(ProcessSend, Value), Failure> {
        let destination = question.text(0, "destination")?;
        let topic = topic(question, 1)?;
        let payload = payload(question, 2)?;
        let to = question.resolve(destination)?;
        let bytes = payload.bytes();
        Ok((ProcessSend { to, topic: topic.into(), bytes: bytes as u64 }, payload))
    }

    fn run(
        scene: &mut Scene<'_>,
        permit: policy::Permit<ProcessSend>,
        payload: Value,
    ) -> Result<Outcome, Failure> {
        let from = scene.state()?.facts.clone();
        scene.world.kernel.send(permit, Some(&from), payload)?;
        Ok(Outcome::done())
    }
}

/// A topic that scripts may send to or listen to.
///
/// # Errors
/// INVALID: missing, empty, reserved or too long.
pub(super) fn topic(question: &mut Question<'_>, index: usize) -> Result<String, Failure> {
    let topic = question.text(index, "topic")?;
    check_topic(&topic)?;
    Ok(topic)
}

/// The payload of a message: what follows the topic.
///
/// # Errors
/// INVALID: a value that cannot be copied, or too much of it.
pub(super) fn payload(question: &mut Question<'_>, index: usize) -> Result<Value, Failure> {
    let mut values = question.rest(index, "payload")?;
    let payload = match values.len() {
        0 => Value::Nil,
        1 => values.pop().unwrap_or_default(),
        _ => Value::Array(values),
    };
    let bytes = payload.bytes();
    if bytes > VALUE_BYTES_MAX {
        return Err(Failure::invalid(format!(
            "`payload` is {bytes} bytes, at most {VALUE_BYTES_MAX} are allowed"
        )));
    }
    Ok(payload)
}

struct Topic;

impl Function for Topic {
    const DOC: Doc = Doc {
        name: "message:topic",
        signature: "() -> string",
        text: "The topic it was sent to.",
        permissions: &[],
        errors: &[],
        example: "process.send(process.pid(), \"a\")\nassert(process.inbox():receive():topic() == \"a\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = String;

    fn ask(question: &mut Question<'_>) -> Result<((), String), Failure> {
        Ok(((), question.message(0)?.topic.clone()))
    }

    fn run(_: &mut Scene<'_>, (): (), topic: String) -> Result<Outcome, Failure> {
        Ok(Outcome::value(topic))
    }
}

struct From;

impl Function for From {
    const DOC: Doc = Doc {
        name: "message:from",
        signature: "() -> string?",
        text: "The sender's pid, set by the host; nil for a message from outside.",
        permissions: &[],
        errors: &[],
        example: "process.send(process.pid(), \"a\")\n\
                  assert(process.inbox():receive():from() == process.pid())",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = Option<String>;

    fn ask(question: &mut Question<'_>) -> Result<((), Option<String>), Failure> {
        Ok(((), question.message(0)?.from.clone()))
    }

    fn run(_: &mut Scene<'_>, (): (), from: Option<String>) -> Result<Outcome, Failure> {
        Ok(Outcome::value(from.map_or(Value::Nil, Value::text)))
    }
}

struct Payload;

impl Function for Payload {
    const DOC: Doc = Doc {
        name: "message:payload",
        signature: "() -> any",
        text: "The data itself, a fresh copy at each call.",
        permissions: &[],
        errors: &[],
        example: "process.send(process.pid(), \"a\", 1, 2)\n\
                  assert(process.inbox():receive():payload()[2] == 2)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = Value;

    fn ask(question: &mut Question<'_>) -> Result<((), Value), Failure> {
        Ok(((), question.message(0)?.payload.clone()))
    }

    fn run(_: &mut Scene<'_>, (): (), payload: Value) -> Result<Outcome, Failure> {
        Ok(Outcome::value(payload))
    }
}
