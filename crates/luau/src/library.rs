//! Library functions that are ours, and the wrapper that charges Luau's own for what they work through.

use std::ffi::c_int;
use std::sync::OnceLock;

use mlua::ffi;

use crate::clock::now_ns;
use crate::code::Code;
use crate::handle;
use crate::meter::Meter;
use crate::thread::{CFunction, Thread};

/// Nanoseconds in a step of `os.clock`: 1 ms. A finer clock would measure other tenants' work.
const CLOCK_STEP_NS: u64 = 1_000_000;

/// Calls the C function that is the upvalue, charged by the size of its arguments: bytes of strings and
/// buffers, elements of tables, and numbers for their own sake, since they may say how often or how far.
pub(crate) unsafe extern "C-unwind" fn charged(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let work = (1..=thread.top()).map(|index| size(thread, index)).fold(0, usize::saturating_add);
    Meter::of(thread).charge(work);
    // SAFETY: functions with this entry are made by `globals::wrap` only.
    unsafe { call_original(thread) }
}

/// Goes on as Luau's own function.
///
/// # Safety
/// The running function's upvalue is the address of a C function.
pub(crate) unsafe fn call_original(thread: Thread) -> c_int {
    let address = thread.light(ffi::lua_upvalueindex(1));
    debug_assert!(!address.is_null());
    // SAFETY: by the contract. The function gets the running thread with its arguments, as it would from
    // Luau.
    unsafe { std::mem::transmute::<*mut std::ffi::c_void, CFunction>(address)(thread.raw()) }
}

fn size(thread: Thread, index: c_int) -> usize {
    match thread.kind(index) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
        ffi::LUA_TNUMBER => thread.number(index).unwrap_or_default() as usize,
        ffi::LUA_TSTRING | ffi::LUA_TTABLE | ffi::LUA_TBUFFER => thread.length(index),
        _ => 0,
    }
}

/// `assert(value, message?, ...)`: Luau's own, but a message that is no text is raised as it is, where Luau
/// would say that it wants a string: `assert(process.spawn(...))` raises the error object.
pub(crate) unsafe extern "C-unwind" fn assert(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let is_text =
        matches!(thread.kind(2), ffi::LUA_TNONE | ffi::LUA_TNIL | ffi::LUA_TSTRING | ffi::LUA_TNUMBER);
    if !is_text && !thread.boolean(1) {
        thread.push_copy(2);
        thread.raise();
    }
    // SAFETY: functions with this entry are made by `globals::wrap` only.
    unsafe { call_original(thread) }
}

/// `type(x)`: as Luau has it, and the type's own name for an object of the host.
pub(crate) unsafe extern "C-unwind" fn type_of(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    match thread.kind(1) {
        ffi::LUA_TNONE => thread.raise_text(c"missing argument #1"),
        ffi::LUA_TUSERDATA if handle::type_at(thread, 1).is_some() => thread.push_type_name(1),
        kind => thread.push_bytes(thread.kind_name(kind).as_bytes()),
    }
    1
}

/// `os.clock()`: seconds on a clock that only runs forward, in steps of a millisecond.
pub(crate) unsafe extern "C-unwind" fn clock(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds stay below 2^53 for 285 000 years")]
    thread.push_number((now_ns() / CLOCK_STEP_NS) as f64 / 1_000.0);
    1
}

/// Pushes the chunk that makes `table.sort`; false when it cannot be loaded.
pub(crate) fn push_sort(thread: Thread) -> bool {
    static SORT: OnceLock<Option<Code>> = OnceLock::new();
    let sort = SORT.get_or_init(|| Code::compile("table.sort", include_bytes!("sort.luau")).ok());
    sort.as_ref().is_some_and(|sort| thread.load(c"=table.sort", sort.bytecode()))
}
