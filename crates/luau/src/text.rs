//! String functions that Luau has as loops in C without a safepoint: searching without patterns in linear
//! time, and a bound on what one step of a pattern may cost.

use std::ffi::c_int;

use memchr::memmem;
use mlua::ffi;

use crate::library::call_original;
use crate::limits::{PATTERN_STEPS_MAX, PIECES_WITHOUT_LOOK};
use crate::meter::Meter;
use crate::thread::Thread;

/// Characters that mean something in a pattern.
const SPECIALS: &[u8] = b"^$*+?.([%-";

/// `string.find`: without a pattern by `memchr`'s linear search, where Luau's is quadratic; with one as
/// [`pattern`].
pub(crate) unsafe extern "C-unwind" fn find(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    // SAFETY: arguments stay where they are while the function runs.
    let (subject, needle) = unsafe { (thread.bytes(1), thread.bytes(2)) };
    let start = match thread.kind(3) {
        ffi::LUA_TNONE | ffi::LUA_TNIL => Some(1.0),
        _ => thread.number(3),
    };
    let (Some(subject), Some(needle), Some(start)) = (subject, needle, start) else {
        // SAFETY: as in `pattern`. Luau's own function converts the arguments, or names the wrong one.
        return unsafe { call_original(thread) };
    };
    if !thread.boolean(4) && needle.iter().any(|byte| SPECIALS.contains(byte)) {
        // SAFETY: the same function with the same upvalue.
        return unsafe { pattern(raw) };
    }
    Meter::of(thread).charge(subject.len());
    let from = first_position(start, subject.len());
    let rest = subject.get(from - 1..);
    match rest.and_then(|rest| memmem::find(rest, needle)) {
        Some(at) => {
            push_position(thread, from + at);
            push_position(thread, from + at + needle.len() - 1);
            2
        }
        None => {
            thread.push_nil();
            1
        }
    }
}

/// Where a search begins, from 1: negative positions count from the end.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a float cast saturates, and lengths stay below 2^31"
)]
fn first_position(start: f64, length: usize) -> usize {
    let start = start.trunc();
    let start = if start < 0.0 { start + length as f64 + 1.0 } else { start };
    (start as usize).max(1)
}

#[expect(clippy::cast_precision_loss, reason = "lengths stay below 2^31")]
fn push_position(thread: Thread, position: usize) {
    thread.push_number(position as f64);
}

/// `string.match`, `gmatch` and `gsub`: Luau's own. Its matcher looks at the interrupt at each step, but one
/// step such as `[...]*` may try each byte of the subject against the whole set.
pub(crate) unsafe extern "C-unwind" fn pattern(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    // SAFETY: arguments stay where they are while the function runs.
    if let (Some(subject), Some(pattern)) = unsafe { (thread.bytes(1), thread.bytes(2)) } {
        Meter::of(thread).charge(subject.len().max(pattern.len()));
        if subject.len().saturating_mul(longest_set(pattern)) > PATTERN_STEPS_MAX {
            thread.raise_text(c"pattern has too long a set for a subject of this length");
        }
    }
    // SAFETY: functions with this entry are made by `globals::wrap` only.
    unsafe { call_original(thread) }
}

/// Bytes of the longest `[set]` of a pattern.
fn longest_set(pattern: &[u8]) -> usize {
    let mut longest = 0;
    let mut rest = pattern;
    while let Some(at) = memchr::memchr2(b'[', b'%', rest) {
        let Some((&found, after)) = rest.get(at..).and_then(<[u8]>::split_first) else { break };
        if found == b'%' {
            // `%bxy` takes two characters more, whatever they are.
            let taken = if after.first() == Some(&b'b') { 3 } else { 1 };
            rest = after.get(taken..).unwrap_or_default();
            continue;
        }
        let length = set_length(after);
        longest = longest.max(length);
        rest = after.get(length..).unwrap_or_default();
    }
    longest
}

/// Length of a set from behind its `[` to its `]`, which is none in the first place.
fn set_length(set: &[u8]) -> usize {
    let first = usize::from(set.first() == Some(&b'^')) + 1;
    let mut at = if set.get(first - 1) == Some(&b'%') { first + 1 } else { first };
    while let Some(byte) = set.get(at) {
        match byte {
            b']' => return at,
            b'%' => at += 2,
            _ => at += 1,
        }
    }
    set.len()
}

/// `string.split(s, separator = ",")`: in linear time, where Luau's is quadratic.
pub(crate) unsafe extern "C-unwind" fn split(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    // SAFETY: arguments stay where they are while the function runs.
    let Some(subject) = (unsafe { thread.bytes(1) }) else {
        thread.raise_text(c"invalid argument #1 to 'split' (string expected)");
    };
    // SAFETY: as above.
    let separator = match unsafe { thread.bytes(2) } {
        Some(separator) => separator,
        None if matches!(thread.kind(2), ffi::LUA_TNONE | ffi::LUA_TNIL) => b",",
        None => thread.raise_text(c"invalid argument #2 to 'split' (string expected)"),
    };
    Meter::of(thread).charge(subject.len());
    thread.cut(2.min(thread.top()));
    if separator.is_empty() {
        push_pieces(thread, subject.len(), subject.chunks(1));
    } else {
        push_pieces(thread, Pieces::new(subject, separator).count(), Pieces::new(subject, separator));
    }
    1
}

fn push_pieces<'a>(thread: Thread, count: usize, pieces: impl Iterator<Item = &'a [u8]>) {
    thread.push_table(c_int::try_from(count).unwrap_or(c_int::MAX), 0);
    let meter = Meter::of(thread);
    for (piece, position) in pieces.zip(1..) {
        // Making a string looks for an equal one: many that hash alike take long.
        if position % PIECES_WITHOUT_LOOK == 0 {
            meter.safepoint_now(thread);
        }
        thread.push_bytes(piece);
        thread.set_item(-2, position);
    }
}

/// What lies between separators. Holds nothing that needs dropping.
struct Pieces<'a> {
    rest: Option<&'a [u8]>,
    separator: &'a [u8],
}

impl<'a> Pieces<'a> {
    fn new(subject: &'a [u8], separator: &'a [u8]) -> Self {
        Self { rest: Some(subject), separator }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let Some(at) = memmem::find(rest, self.separator) else { return Some(rest) };
        self.rest = rest.get(at + self.separator.len()..);
        rest.get(..at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_set_is_found_as_the_matcher_reads_it() {
        for (pattern, length) in [
            (&b"abc"[..], 0),
            (b"[abc]x", 3),
            (b"[^abc]", 4),
            (b"[]abc]", 4),
            (b"[^]abc]", 5),
            (b"%[abc]", 0),
            (b"[a%]bc]d[e]", 5),
            (b"[abc", 3),
            (b"%", 0),
            (b"[%]", 2),
            (b"%bx%[abc]", 3),
            (b"%b[][ab]", 2),
            (b"%b[", 0),
            (b"%f[abc]", 3),
        ] {
            assert_eq!(longest_set(pattern), length, "{}", pattern.escape_ascii());
        }
    }

    #[test]
    fn pieces_are_what_lies_between_separators() {
        for (subject, separator, pieces) in [
            (&b"a,b"[..], &b","[..], vec![&b"a"[..], b"b"]),
            (b"", b",", vec![b""]),
            (b",", b",", vec![b"", b""]),
            (b"aXXb", b"XX", vec![b"a", b"b"]),
            (b"aXXX", b"XX", vec![b"a", b"X"]),
        ] {
            assert_eq!(Pieces::new(subject, separator).collect::<Vec<_>>(), pieces);
        }
    }
}
