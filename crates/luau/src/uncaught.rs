//! What is left of a strand that raised: the error that nobody caught, as plain data.

use value::Failure;

use crate::frame::frames;
use crate::handle;
use crate::limits::ERROR_MESSAGE_BYTES_MAX;
use crate::object::{Object, Objects};
use crate::read::Reader;
use crate::surface::Surface;
use crate::thread::Thread;

/// The failure of a thread that has an error value on top. An error object keeps what it says; a text becomes
/// the message; any other value is named by its type, with its data as details.
pub(crate) fn failure_of<O: Object>(thread: Thread, objects: &Objects<O>, surface: &Surface) -> Failure {
    let top = thread.top();
    let known = handle::key_at(thread, top).and_then(|key| objects.get(key)).and_then(Object::as_failure);
    let mut failure = known.cloned().unwrap_or_else(|| described(thread, objects, surface));
    failure.message.truncate(failure.message.floor_char_boundary(ERROR_MESSAGE_BYTES_MAX));
    if failure.stack.is_empty() {
        failure.stack = frames(thread);
    }
    failure
}

fn described<O: Object>(thread: Thread, objects: &Objects<O>, surface: &Surface) -> Failure {
    let top = thread.top();
    // SAFETY: the error value stays on top while it is read.
    if let Some(text) = unsafe { thread.bytes(top) } {
        let shown = text.get(..ERROR_MESSAGE_BYTES_MAX).unwrap_or(text);
        return Failure { message: String::from_utf8_lossy(shown).into_owned(), ..Failure::default() };
    }
    let message = format!("error object is a {} value", thread.kind_name(thread.kind(top)));
    let mut reader = Reader::new(thread, objects, surface);
    let details = reader.value(top).unwrap_or_default();
    Failure { message, details, ..Failure::default() }
}
