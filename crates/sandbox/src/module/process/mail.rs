//! `inbox`, `events`, `listen`, `unlisten`: channels over the mailbox.

use std::rc::Rc;

use luau::Accepts;
use value::{Failure, Kind, Value};

use crate::channel::{Channel, Source};
use crate::declaration::Doc;
use crate::function::{Function, Outcome};
use crate::limits::TOPICS_MAX;
use crate::object::Object;
use crate::question::{Question, wrong_type};
use crate::scene::Scene;

use super::message;

pub(super) struct Inbox;

impl Function for Inbox {
    const DOC: Doc = Doc {
        name: "process.inbox",
        signature: "() -> channel",
        text: "The channel of messages whose topic nobody listens to, as message objects; the same channel at \
               every call. What arrived before waits, in order.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no process context")],
        example: "assert(process.inbox() == process.inbox())",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    type Asks = ();
    type Payload = ();

    fn ask(_: &mut Question<'_>) -> Result<((), ()), Failure> {
        Ok(((), ()))
    }

    fn run(scene: &mut Scene<'_>, (): (), (): ()) -> Result<Outcome, Failure> {
        let state = scene.state_mut()?;
        let channel = match &state.mail.inbox {
            Some(channel) => channel.clone(),
            None => {
                let channel = state.new_channel(Source::Inbox, 0);
                state.mail.inbox.insert(channel).clone()
            }
        };
        Ok(Outcome::object(Object::Channel(channel)))
    }
}

pub(super) struct Events;

impl Function for Events {
    const DOC: Doc = Doc {
        name: "process.events",
        signature: "() -> channel",
        text: "The channel of lifecycle events: tables with `kind`, `from`, and `result` or `deadline`; the same \
               channel at every call. A `result` is `{value = any}` or `{error = string}`.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no process context")],
        example: "process.spawn_monitored(\"app.workers:double\", \"app:processes\", 1)\n\
                  assert(process.events():receive().kind == process.event.EXIT)",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    type Asks = ();
    type Payload = ();

    fn ask(_: &mut Question<'_>) -> Result<((), ()), Failure> {
        Ok(((), ()))
    }

    fn run(scene: &mut Scene<'_>, (): (), (): ()) -> Result<Outcome, Failure> {
        let state = scene.state_mut()?;
        let channel = match &state.mail.events {
            Some(channel) => channel.clone(),
            None => {
                let channel = state.new_channel(Source::Events, 0);
                state.mail.events.insert(channel).clone()
            }
        };
        Ok(Outcome::object(Object::Channel(channel)))
    }
}

pub(super) struct Listen;

impl Function for Listen {
    const DOC: Doc = Doc {
        name: "process.listen",
        signature: "(topic: string, options: {message: boolean?}?) -> (channel?, error?)",
        text: "The channel of one topic's messages: raw payloads, or message objects with `message = true`, \
               which a later call can turn on but not off. The same channel at every call. Messages that \
               arrived before wait for it, in order.",
        permissions: &[],
        errors: &[
            (Kind::Invalid, "a topic that is empty, begins with `@` or is over 256 bytes; an unknown option"),
            (Kind::RateLimited, "more than 1 000 topics"),
        ],
        example: "local jobs = process.listen(\"job\")\nprocess.send(process.pid(), \"job\", 7)\n\
                  assert(jobs:receive() == 7)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    type Asks = ();
    type Payload = (String, bool);

    fn ask(question: &mut Question<'_>) -> Result<((), (String, bool)), Failure> {
        let topic = message::topic(question, 0)?;
        let mut as_message = false;
        for (key, value) in question.optional_fields(1, "options")? {
            match (key.as_str(), value) {
                ("message", Value::Boolean(value)) => as_message = value,
                ("message", other) => {
                    return Err(wrong_type("options.message", "a boolean", other.type_name()));
                }
                (unknown, _) => {
                    return Err(Failure::invalid(format!(
                        "`options.{unknown}` is unknown, `message` is allowed"
                    )));
                }
            }
        }
        Ok(((), (topic, as_message)))
    }

    fn run(scene: &mut Scene<'_>, (): (), (topic, as_message): (String, bool)) -> Result<Outcome, Failure> {
        let state = scene.state_mut()?;
        if let Some(channel) = state.mail.topics.get(&topic) {
            if let (Source::Topic { as_message: present, .. }, true) = (channel.source(), as_message) {
                present.set(true);
            }
            return Ok(Outcome::object(Object::Channel(channel.clone())));
        }
        if state.mail.topics.len() >= TOPICS_MAX {
            return Err(Failure::new(
                Kind::RateLimited,
                format!("at most {TOPICS_MAX} topics can be listened to"),
            ));
        }
        let source = Source::Topic { topic: topic.clone(), as_message: as_message.into() };
        let channel = state.new_channel(source, 0);
        state.mail.topics.insert(topic, channel.clone());
        Ok(Outcome::object(Object::Channel(channel)))
    }
}

pub(super) struct Unlisten;

impl Function for Unlisten {
    const DOC: Doc = Doc {
        name: "process.unlisten",
        signature: "(channel: channel) -> (true?, error?)",
        text: "Closes a channel of `listen`, `inbox` or `events`: who waits on it gets `nil, false`. Waiting and \
               later messages of a topic are the inbox's from now on.",
        permissions: &[],
        errors: &[(Kind::Invalid, "not a channel, or not one that is subscribed")],
        example: "local jobs = process.listen(\"job\")\nassert(process.unlisten(jobs))\n\
                  process.send(process.pid(), \"job\", 7)\n\
                  assert(process.inbox():receive():topic() == \"job\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = Rc<Channel>;

    fn ask(question: &mut Question<'_>) -> Result<((), Rc<Channel>), Failure> {
        let channel = question.channel(0, "channel")?;
        if question.state.mail.has(&channel) {
            return Ok(((), channel));
        }
        Err(Failure::invalid("`channel` is not a subscription of this process"))
    }

    fn run(scene: &mut Scene<'_>, (): (), channel: Rc<Channel>) -> Result<Outcome, Failure> {
        let state = scene.state_mut()?;
        state.mail.remove(&channel);
        let local = state.local;
        scene.close(&channel)?;
        scene.world.kernel.offer_messages_again(local);
        Ok(Outcome::done())
    }
}
