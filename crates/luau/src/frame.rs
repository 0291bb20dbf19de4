//! Call stacks as plain data. Looks only; no Lua runs, nothing is allocated on the Lua side.

use value::Frame;

use crate::host::Place;
use crate::limits::FRAMES_MAX;
use crate::thread::Thread;

/// The innermost line of Lua that a thread is in.
pub(crate) fn first_frame(thread: Thread) -> Option<Place> {
    (0..)
        .map_while(|level| thread.level(level))
        .flatten()
        .next()
        .map(|frame| Place { source: frame.source, line: frame.line })
}

/// The Lua levels of a thread, innermost first.
pub(crate) fn frames(thread: Thread) -> Vec<Frame> {
    (0..).map_while(|level| thread.level(level)).flatten().take(FRAMES_MAX).collect()
}
