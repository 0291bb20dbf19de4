//! Ending, cancelling, monitoring and linking other processes.

use std::sync::Arc;

use luau::Accepts;
use policy::{
    Permit, ProcessCancel, ProcessLink, ProcessMonitor, ProcessTerminate, ProcessUnlink, ProcessUnmonitor,
};
use value::{Failure, Kind, Value};

use crate::declaration::Doc;
use crate::function::{Function, Outcome};
use crate::module::time::duration;
use crate::question::{Question, wrong_type};
use crate::scene::Scene;

const DESTINATION_ERRORS: &[(Kind, &str)] = &[
    (Kind::Invalid, "the destination is missing or not a string"),
    (Kind::NotFound, "nobody of one's own tenant by that pid or name"),
    (Kind::PermissionDenied, "policy does not permit it, or the destination is another tenant's"),
];

fn target(question: &mut Question<'_>) -> Result<Arc<policy::Process>, Failure> {
    let destination = question.text(0, "destination")?;
    question.resolve(destination)
}

pub(super) struct Terminate;

impl Function for Terminate {
    const DOC: Doc = Doc {
        name: "process.terminate",
        signature: "(destination: string) -> (true?, error?)",
        text: "Ends a process; it cannot be trapped. `true` means marked: from then on every host function of \
               the target refuses, and it runs no Lua after its next safepoint; EXIT (`process terminated`) is \
               the proof that it ended. Terminating oneself does not return.\n\nWaits until the audit record of it is \
               on the disk, some milliseconds; other coroutines run meanwhile. UNAVAILABLE means that nothing has \
               happened.",
        permissions: &["process.terminate"],
        errors: &[
            (Kind::Invalid, "the destination is missing or not a string; called where it cannot wait"),
            (Kind::NotFound, "nobody of one's own tenant by that pid or name"),
            (Kind::PermissionDenied, "policy does not permit it, or the destination is another tenant's"),
            (Kind::RateLimited, "100 calls of the process wait for their record already"),
        ],
        example: "local pid = process.spawn_monitored(\"app.workers:echo\", \"app:processes\")\n\
                  assert(process.terminate(pid))\n\
                  local event = process.events():receive()\n\
                  assert(event.kind == process.event.EXIT and event.result.error == \"process terminated\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ProcessTerminate;
    type Payload = bool;

    fn ask(question: &mut Question<'_>) -> Result<(ProcessTerminate, bool), Failure> {
        let target = target(question)?;
        let oneself = target.pid() == question.state.facts.pid();
        Ok((ProcessTerminate { target }, oneself))
    }

    fn run(
        scene: &mut Scene<'_>,
        permit: Permit<ProcessTerminate>,
        oneself: bool,
    ) -> Result<Outcome, Failure> {
        scene.world.kernel.node().terminate(permit)?;
        Ok(if oneself { Outcome::Never } else { Outcome::done() })
    }
}

pub(super) struct Cancel;

impl Function for Cancel {
    const DOC: Doc = Doc {
        name: "process.cancel",
        signature: "(destination: string, deadline: (string | number)?) -> (true?, error?)",
        text: "Asks a process to end: it gets a CANCEL event with `from` and, if a deadline was given, \
               `deadline` (RFC 3339). At the deadline it is terminated (`cancel deadline exceeded`); of \
               several the earliest counts. Without a deadline it is a request only. At most one CANCEL waits. \
               A deadline is a duration string (`\"5s\"`, `\"1m30s\"`, `\"250ms\"`) or a positive integer of \
               **milliseconds**.\n\nWith a deadline it waits until the audit record of it is on the disk, as \
               `process.terminate` does; the time counts from then.",
        permissions: &["process.cancel"],
        errors: &[
            (
                Kind::Invalid,
                "the destination is missing; the deadline is zero, negative, NaN or not a duration; with one, called where it cannot wait",
            ),
            (Kind::NotFound, "nobody of one's own tenant by that pid or name"),
            (Kind::PermissionDenied, "policy does not permit it, or the destination is another tenant's"),
            (Kind::RateLimited, "100 calls of the process wait for their record already"),
        ],
        example: "local pid = process.spawn_monitored(\"app.workers:echo\", \"app:processes\")\n\
                  assert(process.cancel(pid, \"5s\"))\n\
                  local ok, err = process.cancel(pid, -1)\n\
                  assert(not ok and err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    type Asks = ProcessCancel;
    type Payload = ();

    fn ask(question: &mut Question<'_>) -> Result<(ProcessCancel, ()), Failure> {
        let destination = question.text(0, "destination")?;
        let deadline_ms =
            deadline_ms(question.of_type(1, "deadline", "a duration string or milliseconds")?)?;
        Ok((ProcessCancel { target: question.resolve(destination)?, deadline_ms }, ()))
    }

    fn run(scene: &mut Scene<'_>, permit: Permit<ProcessCancel>, (): ()) -> Result<Outcome, Failure> {
        let from = scene.state()?.facts.clone();
        scene.world.kernel.node().cancel(permit, Some(&from))?;
        Ok(Outcome::done())
    }
}

/// A deadline as the specification writes it: a duration string, or milliseconds.
fn deadline_ms(deadline: Value) -> Result<Option<u64>, Failure> {
    const NS_IN_MS: i64 = 1_000_000;
    match deadline {
        Value::Nil => Ok(None),
        Value::Number(number) => match u64::try_from(crate::question::integer_of(number, "deadline")?) {
            Ok(milliseconds) if milliseconds > 0 => Ok(Some(milliseconds)),
            _ => Err(Failure::invalid(format!("`deadline` must be more than 0 milliseconds, got {number}"))),
        },
        Value::Bytes(_) => {
            let text = crate::question::text_of(deadline, "deadline")?;
            let nanoseconds = duration::parse(&text, "deadline").map_err(|_| {
                Failure::invalid("invalid duration format: `deadline` must be like `5s`, `1m30s` or `250ms`")
            })?;
            match u64::try_from(nanoseconds) {
                // Less than a millisecond is rounded up: the kernel's timers count milliseconds.
                Ok(positive) if positive > 0 => Ok(Some(positive.div_ceil(NS_IN_MS.unsigned_abs()))),
                _ => Err(Failure::invalid("`deadline` must be more than zero")),
            }
        }
        other => Err(wrong_type("deadline", "a duration string or milliseconds", other.type_name())),
    }
}

pub(super) struct Monitor;

impl Function for Monitor {
    const DOC: Doc = Doc {
        name: "process.monitor",
        signature: "(destination: string) -> (true?, error?)",
        text: "From now on the end of the process is an EXIT event here. Its room is reserved until the event \
               has been read.",
        permissions: &["process.monitor"],
        errors: &[
            (Kind::Invalid, "the destination is missing or not a string"),
            (Kind::NotFound, "nobody of one's own tenant by that pid or name"),
            (Kind::PermissionDenied, "policy does not permit it, or the destination is another tenant's"),
            (Kind::AlreadyExists, "it is monitored already"),
            (Kind::RateLimited, "too many monitors and links"),
        ],
        example: "local pid = process.spawn(\"app.workers:echo\", \"app:processes\")\n\
                  assert(process.monitor(pid))\n\
                  local ok, err = process.monitor(pid)\n\
                  assert(not ok and err:kind() == errors.ALREADY_EXISTS)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ProcessMonitor;
    type Payload = ();

    fn ask(question: &mut Question<'_>) -> Result<(ProcessMonitor, ()), Failure> {
        Ok((ProcessMonitor { target: target(question)? }, ()))
    }

    fn run(scene: &mut Scene<'_>, permit: Permit<ProcessMonitor>, (): ()) -> Result<Outcome, Failure> {
        let local = scene.state()?.local;
        scene.world.kernel.monitor(local, permit)?;
        Ok(Outcome::done())
    }
}

pub(super) struct Unmonitor;

impl Function for Unmonitor {
    const DOC: Doc = Doc {
        name: "process.unmonitor",
        signature: "(destination: string) -> (true?, error?)",
        text: "Ends the monitoring; `true` too when there was none. An EXIT that is in the mailbox already is \
               not withdrawn.",
        permissions: &["process.unmonitor"],
        errors: DESTINATION_ERRORS,
        example: "local pid = process.spawn_monitored(\"app.workers:echo\", \"app:processes\")\n\
                  assert(process.unmonitor(pid))\nassert(process.unmonitor(pid))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ProcessUnmonitor;
    type Payload = ();

    fn ask(question: &mut Question<'_>) -> Result<(ProcessUnmonitor, ()), Failure> {
        Ok((ProcessUnmonitor { target: target(question)? }, ()))
    }

    fn run(scene: &mut Scene<'_>, permit: Permit<ProcessUnmonitor>, (): ()) -> Result<Outcome, Failure> {
        let local = scene.state()?.local;
        scene.world.kernel.unmonitor(local, permit)?;
        Ok(Outcome::done())
    }
}

pub(super) struct Link;

impl Function for Link {
    const DOC: Doc = Doc {
        name: "process.link",
        signature: "(destination: string) -> (true?, error?)",
        text: "Ties two processes: when one ends with an error the other gets LINK_DOWN, which ends it too \
               unless it has `trap_links`. Linking twice is `true`.",
        permissions: &["process.link"],
        errors: &[
            (Kind::Invalid, "the destination is missing, not a string, or this process itself"),
            (Kind::NotFound, "nobody of one's own tenant by that pid or name"),
            (Kind::PermissionDenied, "policy does not permit it, or the destination is another tenant's"),
            (Kind::RateLimited, "too many monitors and links"),
        ],
        example: "process.set_options({trap_links = true})\n\
                  local pid = process.spawn(\"app.workers:echo\", \"app:processes\")\n\
                  assert(process.link(pid))\nassert(process.terminate(pid))\n\
                  assert(process.events():receive().kind == process.event.LINK_DOWN)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ProcessLink;
    type Payload = ();

    fn ask(question: &mut Question<'_>) -> Result<(ProcessLink, ()), Failure> {
        let target = target(question)?;
        if target.pid() == question.state.facts.pid() {
            return Err(Failure::invalid("`destination` is this process, which cannot be linked to itself"));
        }
        Ok((ProcessLink { target }, ()))
    }

    fn run(scene: &mut Scene<'_>, permit: Permit<ProcessLink>, (): ()) -> Result<Outcome, Failure> {
        let local = scene.state()?.local;
        scene.world.kernel.link(local, permit)?;
        Ok(Outcome::done())
    }
}

pub(super) struct Unlink;

impl Function for Unlink {
    const DOC: Doc = Doc {
        name: "process.unlink",
        signature: "(destination: string) -> (true?, error?)",
        text: "Unties two processes; `true` too when they were not linked. A LINK_DOWN that is in the mailbox \
               already is not withdrawn.",
        permissions: &["process.unlink"],
        errors: DESTINATION_ERRORS,
        example: "local pid = process.spawn_linked(\"app.workers:echo\", \"app:processes\")\n\
                  assert(process.unlink(pid))\nassert(process.terminate(pid))",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ProcessUnlink;
    type Payload = ();

    fn ask(question: &mut Question<'_>) -> Result<(ProcessUnlink, ()), Failure> {
        Ok((ProcessUnlink { target: target(question)? }, ()))
    }

    fn run(scene: &mut Scene<'_>, permit: Permit<ProcessUnlink>, (): ()) -> Result<Outcome, Failure> {
        let local = scene.state()?.local;
        scene.world.kernel.unlink(local, permit)?;
        Ok(Outcome::done())
    }
}
