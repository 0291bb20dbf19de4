//! The `process` module: its table of functions, and the functions that only concern the calling process.
//!
//! The others have a file each kind: messages, spawning, control, mail, upgrade, builder, names.

mod builder;
mod control;
mod mail;
mod message;
mod registry;
mod spawn;
mod upgrade;

pub(crate) use builder::BUILDER;
pub(crate) use message::MESSAGE;

use luau::Accepts;
use value::{Failure, Kind, Value};

use crate::declaration::{Constant, Doc, Module};
use crate::function::{Function, Outcome, declare};
use crate::question::Question;
use crate::scene::Scene;

pub(crate) static MODULE: Module = Module {
    name: "process",
    global: true,
    text: "Spawn, monitor and talk to processes. A global, and `require(\"process\")` works too. A function \
           succeeds with `value, nil` and fails with `nil, err`; wrong or missing arguments are INVALID errors \
           that name the argument.\n\nA *destination* is a pid, or a name registered in the caller's tenant; \
           `tenant/name` is a name of another tenant. A name is resolved once, and what it resolved to is what \
           is authorised and used. One's own tenant's unknown or dead destination is NOT_FOUND; another \
           tenant's is PERMISSION_DENIED, whether it exists or not.",
    functions: &[
        declare::<Id>(),
        declare::<Pid>(),
        declare::<message::Send>(),
        declare::<spawn::Spawn>(),
        declare::<spawn::SpawnMonitored>(),
        declare::<spawn::SpawnLinked>(),
        declare::<spawn::SpawnLinkedMonitored>(),
        declare::<spawn::CallProcess>(),
        declare::<control::Terminate>(),
        declare::<control::Cancel>(),
        declare::<control::Monitor>(),
        declare::<control::Unmonitor>(),
        declare::<control::Link>(),
        declare::<control::Unlink>(),
        declare::<GetOptions>(),
        declare::<SetOptions>(),
        declare::<mail::Inbox>(),
        declare::<mail::Events>(),
        declare::<mail::Listen>(),
        declare::<mail::Unlisten>(),
        declare::<upgrade::Upgrade>(),
        declare::<builder::WithContext>(),
    ],
    constants: &[],
    tables: &[&EVENT, &registry::MODULE],
};

static EVENT: Module = Module {
    name: "event",
    global: true,
    text: "Kinds of events, as `event.kind` carries them.",
    functions: &[],
    constants: &[
        (
            "CANCEL",
            Constant::Text("pid.cancel"),
            "Cancellation was requested: `from`, and `deadline` if one was given.",
        ),
        ("EXIT", Constant::Text("pid.exit"), "A monitored process ended: `from`, `result`."),
        (
            "LINK_DOWN",
            Constant::Text("pid.link.down"),
            "A linked process ended with an error: `from`, `result`.",
        ),
    ],
    tables: &[],
};

struct Id;

impl Function for Id {
    const DOC: Doc = Doc {
        name: "process.id",
        signature: "() -> (string?, error?)",
        text: "The frame id: the call-chain identifier `namespace:name#chain` of the running definition. The \
               chain is the causal id that audit records carry; it is kept along `process.call` and new at \
               each spawn.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no process context")],
        example: "assert(process.id():match(\"^[%w._-]+:[%w._-]+#\"))",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    type Asks = ();
    type Payload = String;

    fn ask(question: &mut Question<'_>) -> Result<((), String), Failure> {
        let state = question.state;
        Ok(((), format!("{}#{}", state.program.facts.id(), state.chain)))
    }

    fn run(_: &mut Scene<'_>, (): (), id: String) -> Result<Outcome, Failure> {
        Ok(Outcome::value(id))
    }
}

struct Pid;

impl Function for Pid {
    const DOC: Doc = Doc {
        name: "process.pid",
        signature: "() -> (string?, error?)",
        text: "This process: text of at most 64 bytes, the same at every call, never used again after its end.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no process context")],
        example: "assert(process.pid() == process.pid())",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    type Asks = ();
    type Payload = String;

    fn ask(question: &mut Question<'_>) -> Result<((), String), Failure> {
        Ok(((), question.state.facts.pid().to_string()))
    }

    fn run(_: &mut Scene<'_>, (): (), pid: String) -> Result<Outcome, Failure> {
        Ok(Outcome::value(pid))
    }
}

struct GetOptions;

impl Function for GetOptions {
    const DOC: Doc = Doc {
        name: "process.get_options",
        signature: "() -> ({trap_links: boolean}?, error?)",
        text: "The options of this process. `trap_links` is false at the start and after an upgrade.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no process context")],
        example: "assert(process.get_options().trap_links == false)",
    };
    const ACCEPTS: &'static [Accepts] = &[];
    type Asks = ();
    type Payload = bool;

    fn ask(question: &mut Question<'_>) -> Result<((), bool), Failure> {
        Ok(((), question.world.kernel.trap_links(question.state.local)))
    }

    fn run(_: &mut Scene<'_>, (): (), trap_links: bool) -> Result<Outcome, Failure> {
        Ok(Outcome::value(Value::Map(vec![("trap_links".into(), trap_links.into())])))
    }
}

struct SetOptions;

impl Function for SetOptions {
    const DOC: Doc = Doc {
        name: "process.set_options",
        signature: "(options: {trap_links: boolean?}) -> (true?, error?)",
        text: "Sets options of this process. With `trap_links = true` the error end of a linked process is a \
               LINK_DOWN event; without, it ends this process too. The option is read when the signal is \
               delivered. An unknown option or a wrong type changes nothing.",
        permissions: &[],
        errors: &[(Kind::Invalid, "not a table, an unknown option, a value of another type")],
        example: "assert(process.set_options({trap_links = true}))\n\
                  assert(process.get_options().trap_links)\n\
                  local ok, err = process.set_options({trap_link = true})\n\
                  assert(not ok and err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = Option<bool>;

    fn ask(question: &mut Question<'_>) -> Result<((), Option<bool>), Failure> {
        let mut trap_links = None;
        for (key, value) in question.fields(0, "options")? {
            match (key.as_str(), value) {
                ("trap_links", Value::Boolean(value)) => trap_links = Some(value),
                ("trap_links", other) => {
                    return Err(crate::question::wrong_type(
                        "options.trap_links",
                        "a boolean",
                        other.type_name(),
                    ));
                }
                (unknown, _) => {
                    return Err(Failure::invalid(format!(
                        "`options.{unknown}` is unknown, `trap_links` is allowed"
                    )));
                }
            }
        }
        Ok(((), trap_links))
    }

    fn run(scene: &mut Scene<'_>, (): (), trap_links: Option<bool>) -> Result<Outcome, Failure> {
        if let Some(trap_links) = trap_links {
            let local = scene.state()?.local;
            scene.world.kernel.set_trap_links(local, trap_links);
        }
        Ok(Outcome::done())
    }
}
