//! The one thread that writes: takes what is waiting, makes it lines of the chain, makes them durable, and tries again for
//! as long as the disk does not take them. Decides nothing about order, and nothing about files.
//!
//! INVARIANT: the chain goes on only with lines that are durable. Those of an attempt that failed are made anew, since
//! the first line that a disk takes again is the `gap` record that says it did not.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::checkpoint_copies::CheckpointCopies;
use crate::objects::Part;
use crate::queue::{Accepted, Queue, Taken};
use crate::reserve::Reserve;
use crate::retention::Retention;
use crate::seal::{Reason, Seal};
use crate::segment::{Segments, Trouble};

/// What the thread works with.
pub(crate) struct Writer {
    pub(crate) queue: Arc<Queue>,
    pub(crate) segments: Segments,
    pub(crate) reserve: Reserve,
    pub(crate) retention: Retention,
    pub(crate) seal: Seal,
    pub(crate) copies: Option<CheckpointCopies>,
    /// Time between two attempts while the disk takes no lines.
    pub(crate) retry: Duration,
}

/// What a commit would put down, and the chain as it is then.
struct Made {
    seal: Seal,
    lines: Vec<u8>,
    parts: Vec<Part>,
}

impl Made {
    fn checkpoint(&mut self, reason: Reason) {
        self.lines.extend(self.seal.checkpoint(reason).unwrap_or_default());
    }

    fn stored_by(&self, tenant: &str) -> u64 {
        self.parts.iter().filter(|part| &*part.tenant == tenant).map(|part| part.bytes.len() as u64).sum()
    }
}

impl Writer {
    /// Writes until the log is closed and everything accepted is durable, or cannot be made so.
    pub(crate) fn run(mut self) {
        let _ending = Ending(self.queue.clone());
        // What was written last may have been durable before anybody asked for the end; and a disk that failed at the end
        // is to be told of, too.
        let end = || Taken { records: Vec::new(), is_last: true };
        loop {
            if !(self.write() && self.put(end())) {
                self.queue.unfinished();
                return;
            }
            if !self.queue.has_waiting() {
                return;
            }
        }
    }

    /// Writes until the log is closed and everything accepted is durable; false when it cannot be made so.
    fn write(&mut self) -> bool {
        let (mut last_commit, mut last_segment) = (None, None);
        while let Some(taken) = self.queue.take(last_commit, self.seal.due_at()) {
            if !self.put(taken) {
                return false;
            }
            // At the first commit of a run, and of each segment.
            let segment = Some(self.segments.number());
            if std::mem::replace(&mut last_segment, segment) != segment && !self.retire() {
                return false;
            }
            last_commit = Some(Instant::now());
        }
        true
    }

    /// Removes segments that are older than they are kept, after the record that says so is durable: false as with
    /// [`Self::outlast`].
    fn retire(&mut self) -> bool {
        let now = SystemTime::now();
        let Some(outdated) = self.retention.outdated(self.segments.number(), now) else { return true };
        // Only a record that is signed lets a verifier know that it was the log that removed them.
        let record = Accepted::of_log(now, outdated.event());
        if let Err(trouble) = self.commit(Some(&record), &[], Some(Reason::Interval)) {
            return self.outlast(trouble, Vec::new());
        }
        if let Err(Trouble { file, why, .. }) = self.segments.remove_through(outdated.segment) {
            self.retention.doubt(&format!("`{}` cannot be removed: {why}", file.display()));
        }
        true
    }

    /// Makes what was taken durable, however long it takes; false when the log was closed before it could be.
    fn put(&mut self, taken: Taken) -> bool {
        match self.commit(None, &taken.records, taken.is_last.then_some(Reason::Shutdown)) {
            Ok(()) => {
                // The end of a log whose disk is full says nothing of the disk.
                if !taken.records.is_empty() {
                    self.queue.committed(&taken.records, self.reserve.is_held());
                }
                true
            }
            Err(trouble) => self.outlast(trouble, taken.records),
        }
    }

    /// Makes records durable with the checkpoints that are due, all of it or nothing; with a checkpoint at the end, if one is
    /// asked for.
    fn commit(
        &mut self,
        opening: Option<&Accepted>,
        records: &[Accepted],
        end: Option<Reason>,
    ) -> Result<(), Trouble> {
        let mut made = self.lines(opening, records, end);
        if made.lines.is_empty() {
            return Ok(());
        }
        let has_records = opening.is_some() || !records.is_empty();
        // There is room kept for a checkpoint of what is there already.
        if has_records && self.segments.rotates_before(made.lines.len(), SystemTime::now()) {
            self.end_segment()?;
            // Another line is before them now.
            made = self.lines(opening, records, end);
        }
        self.segments.commit(&made.lines, &made.parts)?;
        self.go_on_after(made.seal);
        Ok(())
    }

    /// Ends a segment, with a checkpoint as its last line.
    fn end_segment(&mut self) -> Result<(), Trouble> {
        let mut seal = self.seal.clone();
        if let Some(line) = seal.checkpoint(Reason::Rotation) {
            self.segments.commit(&line, &[])?;
            self.go_on_after(seal);
        }
        self.segments.rotate();
        Ok(())
    }

    /// The lines of some records with the checkpoints that are due, and the chain with them.
    fn lines(&self, opening: Option<&Accepted>, records: &[Accepted], end: Option<Reason>) -> Made {
        let mut made = Made { seal: self.seal.clone(), lines: Vec::new(), parts: Vec::new() };
        for accepted in opening.into_iter().chain(records) {
            let tenant = accepted.body.tenant().map_or("", |tenant| tenant);
            let room = self.segments.room_for_parts(tenant).saturating_sub(made.stored_by(tenant));
            let line = made.seal.line(accepted, room);
            made.lines.extend(line.bytes);
            made.parts.extend(line.parts);
            if let Some(reason) = made.seal.due_after(accepted) {
                made.checkpoint(reason);
            }
        }
        if let Some(reason) = end.or_else(|| made.seal.due()) {
            made.checkpoint(reason);
        }
        made
    }

    fn go_on_after(&mut self, mut seal: Seal) {
        if let Some(newest) = seal.take_newest()
            && let Some(copies) = &self.copies
        {
            copies.put(newest);
        }
        self.seal = seal;
    }

    /// Goes on through trouble with the disk until all is well again; false when the log was closed before
    /// everything accepted was durable.
    ///
    /// All is well when the record that says so and everything accepted is durable, and the reserve is held. Until
    /// then a strict log takes no more.
    fn outlast(&mut self, trouble: Trouble, mut batch: Vec<Accepted>) -> bool {
        self.segments.hold(true);
        let mut is_full = trouble.is_full();
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
                    is_full = trouble.is_full();
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
            match self.commit(opening.as_ref(), part, None) {
                Ok(()) => {
                    // With the reserve at hand all is well at once, and who waits finds the log writable.
                    let is_well = count == batch.len() && self.reserve.is_held();
                    self.queue.committed(part, is_well);
                    *opening = None;
                    batch.drain(..count);
                    count_max = usize::MAX;
                }
                Err(trouble) if trouble.is_full() && count + usize::from(opening.is_some()) > 1 => {
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
