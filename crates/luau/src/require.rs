//! `require`: libraries of the surface, and imports, which run once for each body.
//!
//! What may be required is a matter of the code that asks, not of the body: each piece of code has a list of
//! its own ([`crate::Modules`]), found by the name of the innermost script function on the stack.

use std::ffi::c_int;

use mlua::ffi;

use crate::body::{Body, Imported};
use crate::code::Code;
use crate::frame::first_frame;
use crate::host::{Host, Reply, StrandId};
use crate::launch::push_code;
use crate::machine::Machine;
use crate::meter::Request;
use crate::surface::{Surface, library_names};
use crate::thread::Thread;

/// Characters of a required name that an error shows.
const SHOWN_NAME_CHARS_MAX: usize = 64;

/// What `require` is to do.
enum Next {
    /// Push the library whose name is the argument.
    Library,
    /// Push what is pinned here.
    Loaded(c_int),
    /// Run this import.
    Run(Code),
    /// Wait until another strand has run it.
    Wait,
    /// Raise this.
    Raise(String),
}

/// `require(name)`.
pub(crate) unsafe extern "C-unwind" fn require<H: Host>(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    if thread.kind(1) != ffi::LUA_TSTRING {
        thread.raise_text(c"invalid argument #1 to 'require' (string expected)");
    }
    thread.cut(1);
    go(Machine::<H>::of(thread), thread)
}

/// Goes on after an import's top level, or after another strand has run it. In the first case the import's
/// name is at 2.
pub(crate) unsafe extern "C-unwind" fn required<H: Host>(raw: *mut ffi::lua_State, status: c_int) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let machine = Machine::<H>::of(thread);
    if thread.top() == 1 {
        machine.with_running(|body, strand| drop(body.strands.take_reply(strand)));
        return go(machine, thread);
    }
    if status != ffi::LUA_OK {
        finish(machine, thread, None);
        thread.raise();
    }
    if thread.kind(-1) == ffi::LUA_TNIL {
        thread.push_boolean(true);
    }
    let pinned = thread.pin(-1);
    finish(machine, thread, Some(pinned));
    1
}

fn go<H: Host>(machine: &Machine<H>, thread: Thread) -> c_int {
    match next(machine, thread) {
        Next::Library => {
            thread.push_pinned(machine.libraries.get());
            thread.push_copy(1);
            thread.get_raw(-2);
            1
        }
        Next::Loaded(pinned) => {
            thread.push_pinned(pinned);
            1
        }
        Next::Run(code) => {
            machine.push_text(thread, code.name().to_owned());
            if !push_code(machine, thread, Some(code)) {
                thread.raise_text(c"out of memory");
            }
            thread.call_protected_then_continue(0, 1)
        }
        Next::Wait if thread.is_yieldable() => {
            machine.meter.request.set(Request::Wait);
            thread.yield_values(0)
        }
        Next::Wait => thread.raise_text(c"attempt to wait across a metamethod or C call boundary"),
        Next::Raise(text) => machine.raise(thread, text),
    }
}

/// Decides. Never raises.
fn next<H: Host>(machine: &Machine<H>, thread: Thread) -> Next {
    // SAFETY: the argument stays at 1 for as long as the function runs.
    let name = String::from_utf8_lossy(unsafe { thread.bytes(1) }.unwrap_or_default()).into_owned();
    let next = machine.with_running(|body, strand| {
        let asking = first_frame(thread).or_else(|| {
            let strand = body.strands.get(strand)?;
            strand.coroutines().find_map(first_frame)
        });
        let asking = asking.map(|place| place.source).unwrap_or_default();
        find(&machine.surface, body, strand, &asking, &name)
    });
    next.unwrap_or_else(|| Next::Raise("no process context".to_owned()))
}

fn find<O>(surface: &Surface, body: &mut Body<O>, strand: StrandId, asking: &str, name: &str) -> Next {
    let modules = body.modules.get(asking).cloned().unwrap_or_default();
    let library = library_names(surface).get(name).copied();
    if library.is_some_and(|global| global || modules.lists_library(name)) {
        return Next::Library;
    }
    let Some(import) = modules.import(name) else {
        let shown: String = name.chars().take(SHOWN_NAME_CHARS_MAX).flat_map(char::escape_debug).collect();
        return Next::Raise(match library {
            Some(_) => format!("module `{shown}` is not listed in `modules:` of `{asking}`"),
            None => format!("`{shown}` is listed neither in `modules:` nor in `imports:` of `{asking}`"),
        });
    };
    match body.imports.get_mut(import.code.name()) {
        Some(Imported::Loaded(pinned)) => Next::Loaded(*pinned),
        Some(Imported::Loading { on, .. }) if *on == strand => {
            Next::Raise(format!("`{}` requires itself, directly or through another", import.code.name()))
        }
        Some(Imported::Loading { waiting, .. }) => {
            waiting.push(strand);
            Next::Wait
        }
        None => {
            let loading = Imported::Loading { on: strand, waiting: Vec::new() };
            body.imports.insert(import.code.name().to_owned(), loading);
            body.modules.insert(import.code.name().to_owned(), import.modules.clone());
            Next::Run(import.code.clone())
        }
    }
}

/// Notes how an import's top level ended, and wakes who waits for it. After an error the next one to ask runs
/// it again.
fn finish<H: Host>(machine: &Machine<H>, thread: Thread, pinned: Option<c_int>) {
    // SAFETY: the import's name stays at 2 for as long as the function runs.
    let name = String::from_utf8_lossy(unsafe { thread.bytes(2) }.unwrap_or_default()).into_owned();
    machine.with_running(|body, _| {
        let was = match pinned {
            Some(pinned) => body.imports.insert(name, Imported::Loaded(pinned)),
            None => body.imports.remove(&name),
        };
        if let Some(Imported::Loading { waiting, .. }) = was {
            for strand in waiting {
                body.strands.answer(strand, Reply::Return(Vec::new()));
            }
        }
    });
}
