//! The one thread that writes: takes what is waiting, makes lines of it, makes them durable, and tries again for
//! as long as the disk does not take them. Decides nothing about order, and nothing about files.
//!
//! INVARIANT: the chain goes on only with lines that are durable. Those of an attempt that failed are made anew, since
//! the first line that a disk takes again is the `gap` record that says it did not.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::chain::Chain;
use crate::queue::{Accepted, Queue};
use crate::reserve::Reserve;
use crate::segment::{Segments, Trouble};

/// What the thread works with.
pub(crate) struct Writer {
    pub(crate) queue: Arc<Queue>,
    pub(crate) segments: Segments,
    pub(crate) reserve: Reserve,
    pub(crate) chain: Chain,
    /// Time between two attempts while the disk takes no lines.
    pub(crate) retry: Duration,
}

impl Writer {
    /// Writes until the log is closed and everything accepted is durable, or cannot be made so.
    pub(crate) fn run(mut self) {
        let ending = Ending(self.queue.clone());
        let mut last_commit = None;
        while let Some(batch) = ending.0.take(last_commit) {
            let is_durable = match self.commit(&batch) {
                Ok(()) => {
                    self.queue.committed(&batch, true);
                    true
                }
                Err(trouble) => self.outlast(trouble, batch),
            };
            if !is_durable {
                return;
            }
            last_commit = Some(Instant::now());
        }
    }

    /// Makes records durable, all of them or none.
    fn commit<'a>(&mut self, records: impl IntoIterator<Item = &'a Accepted>) -> Result<(), Trouble> {
        let mut chain = self.chain.clone();
        let mut lines = Vec::new();
        for Accepted { id, ts, entry, .. } in records {
            lines.extend(chain.line(*id, *ts, entry));
        }
        if self.segments.rotates_before(lines.len(), SystemTime::now()) {
            self.segments.rotate();
        }
        self.segments.commit(&lines)?;
        self.chain = chain;
        Ok(())
    }

    /// Goes on through trouble with the disk until all is well again; false when the log was closed before
    /// everything accepted was durable.
    ///
    /// All is well when the record that says so and everything accepted is durable, and the reserve is held. Until
    /// then a strict log takes no more.
    fn outlast(&mut self, trouble: Trouble, mut batch: Vec<Accepted>) -> bool {
        self.segments.hold(true);
        let mut is_full = trouble.is_full;
        let mut opening = self.queue.failed(trouble);
        loop {
            let last_attempt = self.queue.closing();
            if is_full {
                self.reserve.give_up();
            }
            match self.catch_up(&mut opening, &mut batch) {
                Ok(()) if self.reserve.hold().is_ok() => {
                    self.segments.hold(false);
                    self.queue.committed(&[], true);
                    return true;
                }
                Ok(()) => {
                    batch = self.queue.take_waiting();
                    is_full = false;
                    if !batch.is_empty() {
                        continue;
                    }
                }
                Err(trouble) => {
                    is_full = trouble.is_full;
                    if is_full && self.reserve.is_held() {
                        continue;
                    }
                }
            }
            if last_attempt {
                return opening.is_none() && batch.is_empty();
            }
            self.queue.pause(self.retry);
        }
    }

    /// Makes durable what is owed, as much at a time as the disk has room for; at the least the record that says what
    /// is wrong, which comes first.
    fn catch_up(&mut self, opening: &mut Option<Accepted>, batch: &mut Vec<Accepted>) -> Result<(), Trouble> {
        let mut count_max = usize::MAX;
        while opening.is_some() || !batch.is_empty() {
            let count = batch.len().min(count_max);
            let (part, _) = batch.split_at(count);
            match self.commit(opening.iter().chain(part)) {
                Ok(()) => {
                    // With the reserve at hand all is well at once, and who waits finds the log writable.
                    let is_well = count == batch.len() && self.reserve.is_held();
                    self.queue.committed(part, is_well);
                    *opening = None;
                    batch.drain(..count);
                    count_max = usize::MAX;
                }
                Err(trouble) if trouble.is_full && count + usize::from(opening.is_some()) > 1 => {
                    count_max = count / 2;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
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
