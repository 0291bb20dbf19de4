//! The one thread that writes: takes what is waiting, makes lines of it, makes them durable, and tries again for
//! as long as the disk does not take them. Decides nothing about order, and nothing about files.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::chain::Chain;
use crate::queue::Queue;
use crate::segment::Segments;

/// Writes until the log is closed and everything accepted is durable, or cannot be made so.
pub(crate) fn run(queue: &Arc<Queue>, mut segments: Segments, mut chain: Chain, retry: Duration) {
    let ending = Ending(queue.clone());
    let mut last_commit = None;
    let mut lines = Vec::new();
    while let Some(batch) = ending.0.take(last_commit) {
        lines.clear();
        for accepted in &batch {
            lines.extend(chain.line(accepted.id, accepted.ts, &accepted.entry));
        }
        if segments.rotates_before(lines.len(), SystemTime::now()) {
            segments.rotate();
        }
        if !commit(queue, &mut segments, &lines, retry) {
            return;
        }
        last_commit = Some(Instant::now());
        queue.committed(&batch);
    }
}

/// Makes lines durable, however long it takes; false when the log was closed and the last attempt failed.
fn commit(queue: &Queue, segments: &mut Segments, lines: &[u8], retry: Duration) -> bool {
    loop {
        let last_attempt = queue.closing();
        match segments.commit(lines) {
            Ok(()) => {
                segments.hold(false);
                return true;
            }
            Err(trouble) => {
                segments.hold(true);
                queue.failed(trouble);
            }
        }
        if last_attempt {
            return false;
        }
        queue.pause(retry);
    }
}

/// Tells everybody that nobody writes any more: also when this thread panics, so that a log without a writer is
/// never taken for a writable one.
struct Ending(Arc<Queue>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended();
    }
}
