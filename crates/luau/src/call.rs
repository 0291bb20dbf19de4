//! The trampoline: how a script calls the host. One C function serves every declared function.
//!
//! It has three steps. Read the arguments: what may raise first, while nothing is alive that needs dropping.
//! Ask the host, under `catch_unwind`, with no Lua call inside: a Lua error that met `catch_unwind` would
//! abort the OS process. Push the answer, outside of it.

use std::ffi::{CStr, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

use mlua::ffi;

use crate::handle;
use crate::host::{Call, Host, Reply};
use crate::machine::{Machine, body_of};
use crate::meter::{Doom, Request};
use crate::push::{deliver, place_failure, post};
use crate::read::{pin_references, read_arguments};
use crate::surface::FunctionId;
use crate::thread::Thread;

/// How the trampoline goes on. Nothing in it needs dropping.
enum Next {
    /// Push the outbox.
    Deliver,
    /// Raise the object in the spare.
    RaiseSpare,
    /// Raise a text.
    RaiseText(&'static CStr),
    /// Yield for the worker to act on.
    Yield(Request),
    /// The body is condemned.
    Halt,
}

/// Entry of every declared function. Its upvalue is the function's id.
pub(crate) unsafe extern "C-unwind" fn enter<H: Host>(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let machine = Machine::<H>::of(thread);
    let id = thread.light(ffi::lua_upvalueindex(1)).addr();
    let Some(declared) = machine.functions.get(id) else {
        thread.raise_text(c"the function is not declared");
    };
    if let Some(receiver) = declared.receiver
        && handle::type_at(thread, 1) != Some(receiver)
    {
        let wrong_self = format!("`{}` is a method: call it on its object, with `:`", declared.name);
        machine.raise(thread, wrong_self);
    }
    let Some(body) =
        machine.running.get().map(|(body, _)| body).filter(|body| body_of(thread) == Some(*body))
    else {
        thread.raise_text(c"no process context");
    };
    pin_references(machine, thread, &declared.function, body);
    let next = ask(machine, thread, id);
    act(machine, thread, next)
}

/// Goes on when the strand that waited was answered.
pub(crate) unsafe extern "C-unwind" fn answered<H: Host>(raw: *mut ffi::lua_State, _: c_int) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let machine = Machine::<H>::of(thread);
    let next = match machine.with_running(|body, strand| body.strands.take_reply(strand)).flatten() {
        Some(reply) => settle(machine, thread, reply),
        None => Next::Deliver,
    };
    act(machine, thread, next)
}

/// Reads the arguments and asks the host. Never raises.
fn ask<H: Host>(machine: &Machine<H>, thread: Thread, id: usize) -> Next {
    let Some((index, strand)) = machine.running.get() else { return Next::Halt };
    let Some(declared) = machine.functions.get(id) else { return Next::Halt };
    let host = machine.host.get();
    if host.is_null() {
        return Next::RaiseText(c"no process context");
    }
    let mut bodies = machine.bodies.borrow_mut();
    let Some(Some(body)) = bodies.get_mut(index) else { return Next::Halt };
    let arguments = read_arguments(machine, &body.objects, thread, &declared.function);
    let call = Call {
        function: FunctionId(u16::try_from(id).unwrap_or(u16::MAX)),
        key: body.key,
        strand,
        arguments,
        objects: &mut body.objects,
        yieldable: thread.is_yieldable(),
        thread,
    };
    let answer = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: by the field's invariant it is the host that `run` borrowed for this slice, and which
        // nothing else uses while Lua runs.
        unsafe { &mut *host }.call(call)
    }));
    machine.meter.object_bytes.set(body.objects.bytes());
    machine.meter.charge_host_call();
    if body.objects.ledger().take_wish() {
        machine.meter.want_collection();
    }
    drop(bodies);
    match answer {
        Ok(reply) => settle(machine, thread, reply),
        Err(panic) => {
            *machine.lost.borrow_mut() = Some(format!("host function panicked: {}", panic_text(&*panic)));
            machine.meter.condemn(Doom::Lost);
            Next::Halt
        }
    }
}

/// Puts a reply where it can be acted on without anything left to drop.
fn settle<H: Host>(machine: &Machine<H>, thread: Thread, reply: Reply<H::Object>) -> Next {
    match reply {
        Reply::Return(items) => {
            post(machine, items);
            Next::Deliver
        }
        Reply::Raise(failure) => {
            place_failure(machine, failure);
            Next::RaiseSpare
        }
        Reply::Wait if thread.is_yieldable() => Next::Yield(Request::Wait),
        Reply::Wait => Next::RaiseText(c"attempt to wait across a metamethod or C call boundary"),
        Reply::Pass if thread.is_yieldable() => Next::Yield(Request::Pass),
        Reply::Pass => {
            post(machine, Vec::new());
            Next::Deliver
        }
        Reply::Never => {
            machine.meter.condemn(Doom::Ended);
            Next::Halt
        }
    }
}

fn act<H: Host>(machine: &Machine<H>, thread: Thread, next: Next) -> c_int {
    match next {
        Next::Deliver => deliver(machine, thread),
        Next::RaiseSpare => {
            handle::push(machine, thread);
            thread.raise()
        }
        Next::RaiseText(text) => thread.raise_text(text),
        Next::Yield(request) => {
            machine.meter.request.set(request);
            thread.yield_values(0)
        }
        Next::Halt => machine.meter.stop(thread),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
