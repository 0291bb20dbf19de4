//! `debug.traceback`: a call stack as text, of bounded length.

use std::ffi::c_int;
use std::fmt::Write;

use mlua::ffi;

use crate::frame::frames;
use crate::host::Host;
use crate::machine::Machine;
use crate::thread::Thread;

/// `debug.traceback([coroutine,] [message [, level]])`: the message, and a line for each level of script.
pub(crate) unsafe extern "C-unwind" fn traceback<H: Host>(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let other = thread.thread(1);
    let message = if other.is_some() { 2 } else { 1 };
    if !matches!(thread.kind(message), ffi::LUA_TNONE | ffi::LUA_TNIL | ffi::LUA_TSTRING) {
        // As in Lua: what is not text is given back untouched.
        thread.push_copy(message);
        return 1;
    }
    Machine::<H>::of(thread).push_text(thread, text(thread, other.unwrap_or(thread), message));
    1
}

fn text(thread: Thread, of: Thread, message: c_int) -> String {
    let mut text = String::new();
    // SAFETY: the argument stays where it is while the function runs.
    if let Some(message) = unsafe { thread.bytes(message) } {
        text.push_str(&String::from_utf8_lossy(message));
        text.push('\n');
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    let skipped = (thread.number(message + 1).unwrap_or(1.0) as usize).saturating_sub(1);
    for frame in frames(of).into_iter().skip(skipped) {
        let name = if frame.name.is_empty() { String::new() } else { format!(" function {}", frame.name) };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}:{}{name}", frame.source, frame.line);
    }
    text
}
