//! The `channel` module: values between the coroutines of one process, and select over everything that waits.

use std::rc::Rc;

use luau::{Accepts, Argument};
use value::{Failure, Kind, Value};

use crate::channel::{Case, Channel, Held, Source};
use crate::declaration::{Doc, Module, Type};
use crate::function::{Function, Outcome, declare};
use crate::limits::{CHANNEL_SIZE_MAX, SELECT_CASES_MAX};
use crate::object::Object;
use crate::question::{Question, missing, wrong_type};
use crate::scene::Scene;
use crate::waits::{Form, closed, selected};

pub(crate) static MODULE: Module = Module {
    name: "channel",
    global: true,
    text: "Channels between the coroutines of one process. They never leave it; what crosses between processes \
           is messages.",
    functions: &[declare::<New>(), declare::<Select>()],
    constants: &[],
    tables: &[],
};

pub(crate) static CHANNEL: Type = Type {
    name: "channel",
    text: "A queue of values between coroutines of one process, also what `process.inbox`, `process.events`, \
           `process.listen` and `time.after` give.",
    methods: &[
        declare::<Send>(),
        declare::<Receive>(),
        declare::<Close>(),
        declare::<CaseSend>(),
        declare::<CaseReceive>(),
    ],
};

pub(crate) static CASE: Type = Type { name: "case", text: "One case of a `channel.select`.", methods: &[] };

struct New;

impl Function for New {
    const DOC: Doc = Doc {
        name: "channel.new",
        signature: "(size: number?) -> channel",
        text: "A channel that holds `size` values without a receiver; 0 by default, at most 100 000.",
        permissions: &[],
        errors: &[(Kind::Invalid, "a size that is not an integer from 0 to 100 000")],
        example: "local ch = channel.new(1)\nch:send(\"x\")\nassert(ch:receive() == \"x\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    const RAISES: bool = true;
    type Asks = ();
    type Payload = usize;

    fn ask(question: &mut Question<'_>) -> Result<((), usize), Failure> {
        let size = question.optional_integer(0, "size")?.unwrap_or(0);
        match usize::try_from(size) {
            Ok(size) if size <= CHANNEL_SIZE_MAX => Ok(((), size)),
            _ => Err(Failure::invalid(format!("`size` must be 0 to {CHANNEL_SIZE_MAX}, got {size}"))),
        }
    }

    fn run(scene: &mut Scene<'_>, (): (), size: usize) -> Result<Outcome, Failure> {
        Ok(Outcome::object(Object::Channel(scene.state_mut()?.new_channel(Source::Plain, size))))
    }
}

struct Send;

impl Function for Send {
    const DOC: Doc = Doc {
        name: "channel:send",
        signature: "(value: any) -> true",
        text: "Puts a value in; waits while the channel is full. Any value of the process can be sent, by \
               reference. Raises when the channel is closed, also while it waits.",
        permissions: &[],
        errors: &[(Kind::Invalid, "the channel is closed, or is one that only the host sends to")],
        example: "local ch = channel.new()\ncoroutine.spawn(function() ch:send(1) end)\nassert(ch:receive() == 1)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Reference];
    const RAISES: bool = true;
    type Asks = ();
    type Payload = (Rc<Channel>, Held, bool);

    fn ask(question: &mut Question<'_>) -> Result<((), (Rc<Channel>, Held, bool)), Failure> {
        let channel = sendable(question.channel(0, "self")?)?;
        Ok(((), (channel, question.held(1), question.yieldable)))
    }

    fn run(
        scene: &mut Scene<'_>,
        (): (),
        (channel, value, yieldable): (Rc<Channel>, Held, bool),
    ) -> Result<Outcome, Failure> {
        let strand = scene.strand;
        let waits = &mut scene.state_mut()?.waits;
        let Some(value) = waits.send(&channel, value)? else { return Ok(Outcome::done()) };
        may_wait(yieldable)?;
        waits.on_channels(strand, Form::Send, vec![Case { channel, send: Some(value) }])?;
        Ok(Outcome::Wait)
    }
}

struct Receive;

impl Function for Receive {
    const DOC: Doc = Doc {
        name: "channel:receive",
        signature: "() -> (any, boolean)",
        text: "Takes the oldest value; waits for one. `nil, false` when the channel is closed and drained.",
        permissions: &[],
        errors: &[],
        example: "local ch = channel.new(1)\nch:send(nil)\nch:close()\n\
                  local value, ok = ch:receive()\nassert(value == nil and ok)\n\
                  value, ok = ch:receive()\nassert(value == nil and not ok)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    const RAISES: bool = true;
    type Asks = ();
    type Payload = (Rc<Channel>, bool);

    fn ask(question: &mut Question<'_>) -> Result<((), (Rc<Channel>, bool)), Failure> {
        Ok(((), (question.channel(0, "self")?, question.yieldable)))
    }

    fn run(
        scene: &mut Scene<'_>,
        (): (),
        (channel, yieldable): (Rc<Channel>, bool),
    ) -> Result<Outcome, Failure> {
        if let Some((item, ok)) = scene.take(&channel)? {
            return Ok(Outcome::Return(vec![item, luau::Item::Value(ok.into())]));
        }
        may_wait(yieldable)?;
        let strand = scene.strand;
        scene.state_mut()?.waits.on_channels(strand, Form::Receive, vec![Case { channel, send: None }])?;
        Ok(Outcome::Wait)
    }
}

struct Close;

impl Function for Close {
    const DOC: Doc = Doc {
        name: "channel:close",
        signature: "() -> ()",
        text: "No more values: receivers get what is buffered, then `nil, false`; who waits to send gets an \
               error. Closing twice is fine.",
        permissions: &[],
        errors: &[(
            Kind::Invalid,
            "a channel of `inbox`, `events` or `listen`: `process.unlisten` closes those",
        )],
        example: "local ch = channel.new()\nch:close()\nch:close()\nassert(not pcall(ch.send, ch, 1))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    const RAISES: bool = true;
    type Asks = ();
    type Payload = Rc<Channel>;

    fn ask(question: &mut Question<'_>) -> Result<((), Rc<Channel>), Failure> {
        let channel = question.channel(0, "self")?;
        if channel.is_mail() {
            return Err(Failure::invalid("a subscription is closed by `process.unlisten`"));
        }
        Ok(((), channel))
    }

    fn run(scene: &mut Scene<'_>, (): (), channel: Rc<Channel>) -> Result<Outcome, Failure> {
        scene.close(&channel)?;
        Ok(Outcome::nothing())
    }
}

struct CaseSend;

impl Function for CaseSend {
    const DOC: Doc = Doc {
        name: "channel:case_send",
        signature: "(value: any) -> case",
        text: "A case of `channel.select` that is ready when the value can be sent.",
        permissions: &[],
        errors: &[(Kind::Invalid, "a channel that only the host sends to")],
        example: "local ch = channel.new(1)\nlocal got = channel.select{ch:case_send(1)}\n\
                  assert(got.channel == ch and got.ok)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Reference];
    const RAISES: bool = true;
    type Asks = ();
    type Payload = Case;

    fn ask(question: &mut Question<'_>) -> Result<((), Case), Failure> {
        let channel = sendable(question.channel(0, "self")?)?;
        Ok(((), Case { channel, send: Some(question.held(1)) }))
    }

    fn run(_: &mut Scene<'_>, (): (), case: Case) -> Result<Outcome, Failure> {
        Ok(Outcome::object(Object::Case(Box::new(case))))
    }
}

struct CaseReceive;

impl Function for CaseReceive {
    const DOC: Doc = Doc {
        name: "channel:case_receive",
        signature: "() -> case",
        text: "A case of `channel.select` that is ready when a value is there or the channel is closed.",
        permissions: &[],
        errors: &[],
        example: "local ch = channel.new(1)\nch:send(5)\n\
                  assert(channel.select{ch:case_receive()}.value == 5)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    const RAISES: bool = true;
    type Asks = ();
    type Payload = Case;

    fn ask(question: &mut Question<'_>) -> Result<((), Case), Failure> {
        Ok(((), Case { channel: question.channel(0, "self")?, send: None }))
    }

    fn run(_: &mut Scene<'_>, (): (), case: Case) -> Result<Outcome, Failure> {
        Ok(Outcome::object(Object::Case(Box::new(case))))
    }
}

struct Select;

impl Function for Select {
    const DOC: Doc = Doc {
        name: "channel.select",
        signature: "(cases: {case}) -> {channel: channel, value: any, ok: boolean} | {default: true, ok: true}",
        text: "Waits until one case is ready; the first ready one in the order written wins (put `events` \
               first). With `default = true` in the table it never waits: `{default = true, ok = true}` when no \
               case is ready. At most 256 cases.",
        permissions: &[],
        errors: &[(
            Kind::Invalid,
            "no case and no default, an entry that is not a case, a send on a closed channel",
        )],
        example: "local got = channel.select{process.events():case_receive(), default = true}\n\
                  assert(got.default and got.ok)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Shallow];
    const RAISES: bool = true;
    type Asks = ();
    type Payload = (Vec<Case>, bool, bool);

    fn ask(question: &mut Question<'_>) -> Result<((), (Vec<Case>, bool, bool)), Failure> {
        let entries = match question.take(0) {
            Argument::Shallow(entries) => entries,
            Argument::Value(Value::Nil) | Argument::Missing => {
                return Err(missing("cases", "a table of cases"));
            }
            _ => return Err(Failure::invalid("`cases` must be a table of cases")),
        };
        let mut cases = Vec::new();
        let mut default = false;
        for (key, entry) in entries {
            match (key, entry) {
                (Value::Number(index), Argument::Object(object)) => match question.case(object) {
                    Some(case) => cases.push((index, case)),
                    None => return Err(not_a_case(index)),
                },
                (Value::Number(index), _) => return Err(not_a_case(index)),
                (key, Argument::Value(Value::Boolean(value))) if key.as_text() == Some("default") => {
                    default = value
                }
                (key, _) if key.as_text() == Some("default") => {
                    return Err(wrong_type("cases.default", "a boolean", "another value"));
                }
                (key, _) => {
                    return Err(Failure::invalid(format!(
                        "`cases.{}` is unknown, cases and `default` are allowed",
                        key.as_text().unwrap_or("?")
                    )));
                }
            }
        }
        if cases.len() > SELECT_CASES_MAX {
            return Err(Failure::invalid(format!("at most {SELECT_CASES_MAX} cases are allowed")));
        }
        if cases.is_empty() && !default {
            return Err(Failure::invalid("`cases` has no case and no default: it would wait for ever"));
        }
        cases.sort_by(|(left, _), (right, _)| left.total_cmp(right));
        let cases = cases.into_iter().map(|(_, case)| case).collect();
        Ok(((), (cases, default, question.yieldable)))
    }

    fn run(
        scene: &mut Scene<'_>,
        (): (),
        (cases, default, yieldable): (Vec<Case>, bool, bool),
    ) -> Result<Outcome, Failure> {
        for case in &cases {
            let channel = case.channel.clone();
            match &case.send {
                Some(value) => {
                    if scene.state_mut()?.waits.send(&channel, value.clone())?.is_none() {
                        return Ok(Outcome::Return(vec![selected(channel, None, true)]));
                    }
                }
                None => {
                    if let Some((item, ok)) = scene.take(&channel)? {
                        return Ok(Outcome::Return(vec![selected(channel, Some(item), ok)]));
                    }
                }
            }
        }
        if default {
            return Ok(Outcome::value(Value::Map(vec![
                ("default".into(), true.into()),
                ("ok".into(), true.into()),
            ])));
        }
        may_wait(yieldable)?;
        let strand = scene.strand;
        scene.state_mut()?.waits.on_channels(strand, Form::Select, cases)?;
        Ok(Outcome::Wait)
    }
}

fn not_a_case(index: f64) -> Failure {
    Failure::invalid(format!(
        "`cases[{index}]` is not a case: use `ch:case_receive()` or `ch:case_send(value)`"
    ))
}

fn sendable(channel: Rc<Channel>) -> Result<Rc<Channel>, Failure> {
    if channel.is_closed() {
        return Err(closed());
    }
    match channel.source() {
        Source::Plain => Ok(channel),
        _ => Err(Failure::invalid("only the host sends to this channel")),
    }
}

/// # Errors
/// INVALID: Lua cannot leave a metamethod, comparator or pattern callback in the middle.
pub(crate) fn may_wait(yieldable: bool) -> Result<(), Failure> {
    if yieldable {
        return Ok(());
    }
    Err(Failure::invalid("cannot wait here: a metamethod, comparator or pattern callback is running"))
}
