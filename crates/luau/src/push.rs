//! From the host to a script: plain data, references and objects become Lua values.
//!
//! Everything here **may raise**. What is pushed lives in the machine's outbox meanwhile, so that an error in
//! the middle leaves nothing to be dropped on the way.

use std::ffi::c_int;

use value::{Failure, VALUE_DEPTH_MAX, Value};

use crate::handle;
use crate::host::{Host, Item};
use crate::machine::Machine;
use crate::object::Object;
use crate::thread::Thread;

/// Levels of a value that is pushed: what a script may send, and as many again for what the host wraps
/// around.
const DEPTH_MAX: usize = 2 * VALUE_DEPTH_MAX;

/// Puts values into the outbox.
pub(crate) fn post<H: Host>(machine: &Machine<H>, items: Vec<Item<H::Object>>) {
    // SAFETY: nothing refers into the outbox outside of `deliver`, which posts nothing.
    unsafe { *machine.outbox.get() = items };
}

/// Pushes what is in the outbox and returns how many values that is.
pub(crate) fn deliver<H: Host>(machine: &Machine<H>, thread: Thread) -> c_int {
    // SAFETY: until `post` below, only this function uses the outbox. Elements are reached by raw pointers;
    // no reference to the vector is alive while Lua runs its collector.
    let (first, count) = unsafe {
        let outbox = machine.outbox.get();
        ((*outbox).as_mut_ptr(), (*outbox).len())
    };
    let values = c_int::try_from(count).unwrap_or(c_int::MAX);
    if !thread.make_room(values.saturating_add(8)) {
        thread.raise_text(c"too many results");
    }
    for at in 0..count {
        // SAFETY: `at` is within the vector, which nobody changes meanwhile.
        push_item(machine, thread, unsafe { first.add(at) }, 0);
    }
    post(machine, Vec::new());
    values
}

/// Pushes one item of the outbox.
fn push_item<H: Host>(machine: &Machine<H>, thread: Thread, item: *mut Item<H::Object>, depth: usize) {
    // SAFETY: `item` points into the outbox, which outlives the call and which only this call uses.
    match unsafe { &mut *item } {
        Item::Value(value) => push_value(machine, thread, value, depth),
        Item::Reference(reference) => {
            let body = machine.running.get().map_or(usize::MAX, |(body, _)| body);
            // The borrow ends before the push, which may raise.
            let pinned = machine.references.borrow().registry(reference, body);
            match pinned {
                Some(pinned) => thread.push_pinned(pinned),
                None => thread.push_nil(),
            }
        }
        Item::Object(_) => {
            // SAFETY: as above. The object moves to the spare, whose old content is dropped without any Lua.
            let taken = std::mem::replace(unsafe { &mut *item }, Item::Value(Value::Nil));
            if let Item::Object(object) = taken {
                // SAFETY: nothing uses the spare between two handles.
                unsafe { *machine.spare.get() = Some(object) };
            }
            handle::push(machine, thread);
        }
        Item::Table(entries) => {
            check_depth(thread, depth);
            thread.push_table(0, c_int::try_from(entries.len()).unwrap_or(0));
            let (first, count) = (entries.as_mut_ptr(), entries.len());
            for at in 0..count {
                // SAFETY: `at` is within the vector, which nobody changes meanwhile.
                let (key, item) = unsafe { (&raw const (*first.add(at)).0, &raw mut (*first.add(at)).1) };
                // SAFETY: as above; keys are only read.
                if push_key(machine, thread, unsafe { &*key }, depth) {
                    push_item(machine, thread, item, depth + 1);
                    thread.set_raw(-3);
                }
            }
        }
    }
}

/// Pushes plain data.
pub(crate) fn push_value<H: Host>(machine: &Machine<H>, thread: Thread, value: &Value, depth: usize) {
    match value {
        Value::Nil => thread.push_nil(),
        Value::Boolean(boolean) => thread.push_boolean(*boolean),
        Value::Number(number) => thread.push_number(*number),
        Value::Bytes(bytes) => thread.push_bytes(bytes),
        Value::Array(items) => {
            check_depth(thread, depth);
            thread.push_table(c_int::try_from(items.len()).unwrap_or(0), 0);
            for (item, position) in items.iter().zip(1..) {
                push_value(machine, thread, item, depth + 1);
                thread.set_item(-2, position);
            }
        }
        Value::Map(entries) => {
            check_depth(thread, depth);
            thread.push_table(0, c_int::try_from(entries.len()).unwrap_or(0));
            for (key, value) in entries {
                if push_key(machine, thread, key, depth) {
                    push_value(machine, thread, value, depth + 1);
                    thread.set_raw(-3);
                }
            }
        }
        Value::Failure(failure) => {
            place_failure(machine, (**failure).clone());
            handle::push(machine, thread);
        }
    }
}

/// Pushes a key of a table; false, and nothing is pushed, when it cannot be one.
fn push_key<H: Host>(machine: &Machine<H>, thread: Thread, key: &Value, depth: usize) -> bool {
    let is_key = match key {
        Value::Boolean(_) | Value::Bytes(_) => true,
        Value::Number(number) => !number.is_nan(),
        Value::Nil | Value::Array(_) | Value::Map(_) | Value::Failure(_) => false,
    };
    if is_key {
        push_value(machine, thread, key, depth + 1);
    }
    is_key
}

/// Makes a failure's error object the one that gets its handle next.
pub(crate) fn place_failure<H: Host>(machine: &Machine<H>, failure: Failure) {
    let object = H::Object::from_failure(failure);
    // SAFETY: nothing uses the spare between two handles; its old content is dropped without any Lua.
    unsafe { *machine.spare.get() = Some(object) };
}

fn check_depth(thread: Thread, depth: usize) {
    if depth >= DEPTH_MAX || !thread.make_room(8) {
        thread.raise_text(c"the value is nested too deeply");
    }
}
