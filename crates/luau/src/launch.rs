//! How a body begins: top-level code, look-up of the main function, and the main function itself, all as Lua
//! of the body and in its account.

use std::ffi::{CString, c_int};

use mlua::ffi;

use crate::code::Code;
use crate::host::{Host, Item};
use crate::limits::POD_CODE_BYTES_MAX;
use crate::machine::Machine;
use crate::push::{deliver, post};
use crate::thread::Thread;

/// What the first stack slot of [`begin`] says while the top level runs.
const LOADING: f64 = 1.0;

/// What it says while the main function runs.
const RUNNING: f64 = 2.0;

/// Bytes that a piece of code costs the pod beside its bytecode.
const CODE_OVERHEAD_BYTES: usize = 256;

/// The C function at the bottom of `main`: runs the top level.
pub(crate) unsafe extern "C-unwind" fn begin<H: Host>(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let machine = Machine::<H>::of(thread);
    thread.push_number(LOADING);
    let code = machine.with_running(|body, _| body.launch.as_ref().map(|launch| launch.code.clone()));
    if !push_code(machine, thread, code.flatten()) {
        thread.raise_text(c"out of memory");
    }
    thread.call_then_continue(0, 1)
}

/// Goes on after the top level, and after the main function.
pub(crate) unsafe extern "C-unwind" fn begun<H: Host>(raw: *mut ffi::lua_State, _: c_int) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let machine = Machine::<H>::of(thread);
    if thread.number(1) == Some(RUNNING) {
        return thread.top() - 1;
    }
    push_main(machine, thread);
    thread.push_number(RUNNING);
    thread.replace(1);
    post_arguments(machine);
    let arguments = deliver(machine, thread);
    thread.call_then_continue(arguments, ffi::LUA_MULTRET)
}

/// Replaces what the top level returned, at 2, by the main function.
fn push_main<H: Host>(machine: &Machine<H>, thread: Thread) {
    match thread.kind(2) {
        ffi::LUA_TFUNCTION => return,
        ffi::LUA_TTABLE => {}
        kind => machine.raise_plain(thread, nothing_to_run(machine, thread.kind_name(kind))),
    }
    machine.push_text(thread, method(machine));
    thread.get_raw(2);
    if thread.kind(-1) != ffi::LUA_TFUNCTION {
        machine.raise_plain(thread, no_such_method(machine));
    }
    thread.replace(2);
}

fn method<H: Host>(machine: &Machine<H>) -> String {
    let method = machine.with_running(|body, _| body.launch.as_ref().map(|launch| launch.method.clone()));
    method.flatten().unwrap_or_default()
}

fn nothing_to_run<H: Host>(machine: &Machine<H>, found: &str) -> String {
    let name = machine.with_running(|body, _| body.launch.as_ref().map(|l| l.code.name().to_owned()));
    let name = name.flatten().unwrap_or_default();
    format!("`{name}` returns {found}: a table of functions, or one function, is expected")
}

fn no_such_method<H: Host>(machine: &Machine<H>) -> String {
    let text = machine.with_running(|body, _| {
        let launch = body.launch.as_ref()?;
        Some(format!("`{}` returns a table without a function `{}`", launch.code.name(), launch.method))
    });
    text.flatten().unwrap_or_default()
}

fn post_arguments<H: Host>(machine: &Machine<H>) {
    let arguments = machine.with_running(|body, _| {
        body.loading = false;
        body.launch.take().map(|launch| launch.arguments)
    });
    let arguments = arguments.flatten().unwrap_or_default();
    post(machine, arguments.into_iter().map(Item::Value).collect());
}

/// Pushes a piece of code as a function with the globals of the thread; false when memory runs out. Code is
/// loaded once for the pod, in the pod's own account, and shared by all bodies; past the bound it is loaded
/// into the body's account. **May raise.**
pub(crate) fn push_code<H: Host>(machine: &Machine<H>, thread: Thread, code: Option<Code>) -> bool {
    let Some(code) = code else { return false };
    let identity = code.identity();
    let known = machine.codes.borrow().get(&identity).map(|(_, pinned)| *pinned);
    let pinned = match known.filter(|pinned| *pinned != ffi::LUA_NOREF) {
        Some(pinned) => {
            drop(code);
            pinned
        }
        None => {
            let bytes = machine.code_bytes.get() + code.bytecode().len() + CODE_OVERHEAD_BYTES;
            if bytes > POD_CODE_BYTES_MAX {
                return load(thread, &code);
            }
            if !load_shared(machine, thread, &code) {
                return false;
            }
            machine.code_bytes.set(bytes);
            share(machine, thread, identity, code)
        }
    };
    thread.push_pinned(pinned);
    thread.push_clone(-1);
    thread.insert(-2);
    thread.pop(1);
    true
}

/// Pops a loaded function and pins it for all bodies.
fn share<H: Host>(machine: &Machine<H>, thread: Thread, identity: usize, code: Code) -> c_int {
    // Entered before it is pinned: pinning may raise, and then nothing may be left to drop here.
    machine.codes.borrow_mut().insert(identity, (code, ffi::LUA_NOREF));
    let pinned = thread.pin(-1);
    thread.pop(1);
    if let Some(entry) = machine.codes.borrow_mut().get_mut(&identity) {
        entry.1 = pinned;
    }
    pinned
}

/// Loads code on the main thread, whose globals are the ones that all bodies see, and moves it here.
fn load_shared<H: Host>(machine: &Machine<H>, thread: Thread, code: &Code) -> bool {
    let main = thread.main();
    let loaded =
        machine.meter.without_ceiling(|| main.make_room(2) && thread.make_room(2) && load(main, code));
    if loaded {
        main.move_values(thread, 1);
    } else {
        main.cut(0);
    }
    loaded
}

/// Loads code on a thread that has room. Never raises: Luau catches what goes wrong while it loads.
fn load(thread: Thread, code: &Code) -> bool {
    // `=` tells Luau to show the name as it is.
    CString::new(format!("={}", code.name())).is_ok_and(|name| thread.load(&name, code.bytecode()))
}
