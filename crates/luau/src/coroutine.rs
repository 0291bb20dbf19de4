//! The `coroutine` library, ours: `resume` and `wrap` never run the coroutine from C.
//!
//! They ask the worker to put it on the strand's stack and yield; the worker resumes it directly. So whatever
//! surfaces in it, a wait of the host or a pre-emption, surfaces in the worker, and not in the script that
//! resumed it. The price: inside a metamethod or a pattern callback, where no yield is possible, a coroutine
//! cannot be resumed.

use std::ffi::{CStr, c_int};

use mlua::ffi;

use crate::host::Host;
use crate::limits::{COROUTINES_NESTED_MAX, STRANDS_MAX};
use crate::machine::{Machine, is_active, set_active};
use crate::meter::{Meter, Request};
use crate::strand::Strand;
use crate::thread::{CFunction, Continuation, Thread};

/// Name, function and continuation of each member.
pub(crate) fn members<H: Host>() -> [(&'static CStr, CFunction, Option<Continuation>); 9] {
    [
        (c"create", create, None),
        (c"resume", resume, Some(resumed)),
        (c"wrap", wrap, None),
        (c"yield", yield_, None),
        (c"status", status, None),
        (c"close", close, None),
        (c"isyieldable", is_yieldable, None),
        (c"running", running, None),
        (c"spawn", spawn::<H>, None),
    ]
}

/// How a coroutine was entered: what its end means to whoever entered it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `coroutine.resume`: `true` and values, or `false` and the error.
    Resume,
    /// A function of `coroutine.wrap`: values, or the error is raised.
    Wrap,
}

unsafe extern "C-unwind" fn create(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    push_coroutine(thread, c"invalid argument #1 to 'create' (function expected)");
    1
}

unsafe extern "C-unwind" fn wrap(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    push_coroutine(thread, c"invalid argument #1 to 'wrap' (function expected)");
    thread.push_function(wrapped, c"wrap", 1, Some(wrapped_resumed));
    1
}

/// Pushes a coroutine that has the function at 1 on its stack.
fn push_coroutine(thread: Thread, otherwise: &CStr) -> Thread {
    if thread.kind(1) != ffi::LUA_TFUNCTION {
        thread.raise_text(otherwise);
    }
    let coroutine = thread.push_thread();
    thread.push_copy(1);
    thread.move_values(coroutine, 1);
    coroutine
}

/// The thread that is the first argument.
fn argument(thread: Thread, otherwise: &CStr) -> Thread {
    match thread.thread(1) {
        Some(coroutine) => coroutine,
        None => thread.raise_text(otherwise),
    }
}

unsafe extern "C-unwind" fn resume(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let coroutine = argument(thread, c"invalid argument #1 to 'resume' (thread expected)");
    enter(thread, coroutine, thread.top() - 1, Way::Resume)
}

unsafe extern "C-unwind" fn resumed(raw: *mut ffi::lua_State, _: c_int) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let coroutine = argument(thread, c"the coroutine is gone");
    leave(thread, coroutine, Way::Resume)
}

unsafe extern "C-unwind" fn wrapped(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    match thread.thread(ffi::lua_upvalueindex(1)) {
        Some(coroutine) => enter(thread, coroutine, thread.top(), Way::Wrap),
        None => thread.raise_text(c"the coroutine is gone"),
    }
}

unsafe extern "C-unwind" fn wrapped_resumed(raw: *mut ffi::lua_State, _: c_int) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    match thread.thread(ffi::lua_upvalueindex(1)) {
        Some(coroutine) => leave(thread, coroutine, Way::Wrap),
        None => thread.raise_text(c"the coroutine is gone"),
    }
}

/// Hands the top `values` values to a coroutine and asks the worker to run it.
fn enter(thread: Thread, coroutine: Thread, values: c_int, way: Way) -> c_int {
    let meter = Meter::of(thread);
    let problem = match standing(thread, coroutine) {
        Standing::Suspended => None,
        Standing::Running => Some(c"cannot resume running coroutine"),
        Standing::Normal => Some(c"cannot resume normal coroutine"),
        Standing::Dead => Some(c"cannot resume dead coroutine"),
    };
    if let Some(problem) = problem {
        if way == Way::Wrap {
            thread.raise_text(problem);
        }
        thread.push_boolean(false);
        thread.push_bytes(problem.to_bytes());
        return 2;
    }
    if !thread.is_yieldable() {
        thread.raise_text(c"cannot resume a coroutine inside a metamethod or pattern callback");
    }
    if meter.depth.get() >= COROUTINES_NESTED_MAX {
        thread.raise_text(c"too many coroutines resume each other");
    }
    if !coroutine.make_room(values) {
        thread.raise_text(c"too many arguments to resume");
    }
    thread.move_values(coroutine, values);
    meter.request.set(Request::Resume(coroutine));
    thread.yield_values(0)
}

/// Takes over what a coroutine yielded, returned or raised.
fn leave(thread: Thread, coroutine: Thread, way: Way) -> c_int {
    if matches!(coroutine.status(), ffi::LUA_OK | ffi::LUA_YIELD) {
        let values = coroutine.top();
        if !thread.make_room(values.saturating_add(1)) {
            thread.raise_text(c"too many results to resume");
        }
        if way == Way::Resume {
            thread.push_boolean(true);
        }
        coroutine.move_values(thread, values);
        return values + c_int::from(way == Way::Resume);
    }
    if !thread.make_room(3) {
        thread.raise_text(c"stack overflow");
    }
    if way == Way::Resume {
        thread.push_boolean(false);
        coroutine.move_values(thread, 1);
        return 2;
    }
    coroutine.move_values(thread, 1);
    if thread.kind(-1) == ffi::LUA_TSTRING {
        thread.push_where(1);
        thread.insert(-2);
        thread.concat(2);
    }
    thread.raise()
}

unsafe extern "C-unwind" fn yield_(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let meter = Meter::of(thread);
    if meter.depth.get() <= 1 {
        thread.raise_text(c"attempt to yield from outside a coroutine");
    }
    if !thread.is_yieldable() {
        thread.raise_text(c"attempt to yield across metamethod/C-call boundary");
    }
    meter.request.set(Request::Yield);
    thread.yield_values(thread.top())
}

/// Where a coroutine stands, as seen from another or itself.
enum Standing {
    Running,
    Suspended,
    /// Part of a strand: it has resumed another, or its strand waits.
    Normal,
    Dead,
}

fn standing(thread: Thread, coroutine: Thread) -> Standing {
    if coroutine == thread {
        return Standing::Running;
    }
    if is_active(coroutine) {
        return Standing::Normal;
    }
    match thread.status_of(coroutine) {
        ffi::LUA_COSUS => Standing::Suspended,
        _ => Standing::Dead,
    }
}

unsafe extern "C-unwind" fn status(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let coroutine = argument(thread, c"invalid argument #1 to 'status' (thread expected)");
    let name = match standing(thread, coroutine) {
        Standing::Running => "running",
        Standing::Suspended => "suspended",
        Standing::Normal => "normal",
        Standing::Dead => "dead",
    };
    thread.push_bytes(name.as_bytes());
    1
}

unsafe extern "C-unwind" fn close(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let coroutine = argument(thread, c"invalid argument #1 to 'close' (thread expected)");
    match standing(thread, coroutine) {
        Standing::Running => thread.raise_text(c"cannot close running coroutine"),
        Standing::Normal => thread.raise_text(c"cannot close normal coroutine"),
        Standing::Suspended | Standing::Dead => {}
    }
    let failed = !matches!(coroutine.status(), ffi::LUA_OK | ffi::LUA_YIELD);
    thread.push_boolean(!failed);
    if failed && coroutine.top() > 0 {
        coroutine.move_values(thread, 1);
        coroutine.reset();
        return 2;
    }
    coroutine.reset();
    1
}

unsafe extern "C-unwind" fn is_yieldable(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    thread.push_boolean(Meter::of(thread).depth.get() > 1 && thread.is_yieldable());
    1
}

unsafe extern "C-unwind" fn running(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    thread.push_self();
    1
}

/// `coroutine.spawn(f, ...)`: a new strand that begins with f; returns its coroutine.
unsafe extern "C-unwind" fn spawn<H: Host>(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let machine = Machine::<H>::of(thread);
    let values = thread.top() - 1;
    let coroutine = push_coroutine(thread, c"invalid argument #1 to 'spawn' (function expected)");
    let strands = machine.with_running(|body, _| body.strands.count()).unwrap_or(STRANDS_MAX);
    if strands >= STRANDS_MAX {
        thread.raise_text(c"too many coroutines are spawned in this process");
    }
    if !coroutine.make_room(values) {
        thread.raise_text(c"too many arguments to spawn");
    }
    // The coroutine itself stays below, as the result; the arguments go in their order.
    thread.insert(1);
    thread.move_values(coroutine, values);
    let registry = thread.pin(1);
    set_active(coroutine, true);
    machine.with_running(|body, _| body.strands.add(Strand::new(coroutine, registry)));
    thread.cut(1);
    1
}
