//! Between those who record and the one who writes: the order is made here, under one short lock, and so are the
//! answers to "is it durable" and "can it be written". Knows no files.

mod outage;
mod shares;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::body::Body;
use crate::entry::Entry;
use crate::error::Unavailable;
use crate::key::SigningKey;
use crate::limits::{BATCH_RECORDS_MAX, COMMIT_INTERVAL};
use crate::options::Mode;
use crate::redact::Redactor;
use crate::rollup::{Due, Rollups};
use crate::segment::Trouble;
use crate::tally::{Count, Tallies};
use crate::watch::{Progress, Ticket, Watchers};
use crate::{Decision, Event, EventKind, Occurrence, RecordId};
use outage::Gap;
use shares::Shares;

/// The queue of one log.
pub(crate) struct Queue {
    mode: Mode,
    /// Nothing when everything is kept.
    redactor: Option<Redactor>,
    /// False while a strict log's disk takes no lines, and after the end. Apart from the state below so that
    /// asking costs one load.
    writable: AtomicBool,
    /// Those who asked whether it is writable while it was not, and were told no.
    turned_away: AtomicU64,
    /// How many entries are durable, as in the state below: apart from it for the same reason.
    durable: AtomicU64,
    /// Those who wait without standing still. Told with no lock of the queue held.
    watchers: Arc<Watchers>,
    state: Mutex<State>,
    /// For the writer: something came into an empty queue, somebody waits for a sync, or the end is asked for.
    work: Condvar,
    /// For those who wait for a sync: something became durable, failed or ended.
    progress: Condvar,
}

struct State {
    waiting: VecDeque<Accepted>,
    rollups: Rollups,
    tallies: Tallies,
    /// Room that is taken: in `waiting`, or with the writer.
    shares: Shares,
    /// How many entries were accepted, and how many of them are durable.
    accepted: u64,
    durable: u64,
    /// Since the last gap record.
    gap: Gap,
    /// Somebody waits for a sync: no commit is put off.
    hurry: bool,
    closing: bool,
    ended: bool,
    /// The end itself could not be written.
    unfinished: bool,
}

/// A body with its name and time; its place in the order is where it waits.
pub(crate) struct Accepted {
    pub(crate) id: RecordId,
    pub(crate) ts: SystemTime,
    pub(crate) body: Body,
    /// With a record of this key's coming, of which only the writer knows what it says: it signs from there on.
    pub(crate) new_key: Option<Box<SigningKey>>,
    bytes: usize,
}

impl Accepted {
    /// Bytes that one with this body takes while it waits, as the queue charges it.
    fn bytes_of(body: &Body) -> usize {
        size_of::<Self>() + body.bytes()
    }

    /// What the log itself has to say, at a time: it takes no room in the queue.
    pub(crate) fn of_log(ts: SystemTime, event: Event) -> Self {
        Self { id: RecordId::at(ts), ts, body: Body::of_log(event), new_key: None, bytes: 0 }
    }
}

/// What the writer is to do now.
pub(crate) struct Taken {
    /// What to write: nothing when only the time has come.
    pub(crate) records: Vec<Accepted>,
    /// Nothing comes after it any more, so far as is known now.
    pub(crate) is_last: bool,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new(mode: Mode, records_max: usize, bytes_max: usize, redactor: Option<Redactor>) -> Self {
        Self {
            mode,
            redactor,
            writable: AtomicBool::new(true),
            turned_away: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            watchers: Arc::default(),
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                rollups: Rollups::default(),
                tallies: Tallies::default(),
                shares: Shares::new(records_max, bytes_max),
                accepted: 0,
                durable: 0,
                gap: Gap::none(mode),
                hurry: false,
                closing: false,
                ended: false,
                unfinished: false,
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
        }
    }

    pub(crate) fn writable(&self) -> bool {
        let writable = self.writable.load(Ordering::Acquire);
        if !writable {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
        }
        writable
    }

    /// Gives an entry its place, or says why it has none.
    pub(crate) fn accept(&self, entry: Entry) -> Result<RecordId, Unavailable> {
        self.place(entry, None)
    }

    /// Counts a decision, or gives its record a place.
    pub(crate) fn decided(
        &self,
        occurrence: &Occurrence<'_>,
        decision: impl FnOnce() -> Decision,
    ) -> Result<RecordId, Unavailable> {
        let due = {
            let mut state = self.state();
            state.may_accept(self.mode)?;
            state.rollups.due(occurrence, Instant::now())
        };
        // Putting a record together takes far longer than anything under the lock.
        match due {
            Due::Counted(opening) => Ok(opening),
            Due::Own => self.place(decision().into(), None),
            Due::Opening => self.place(decision().into(), Some(occurrence)),
        }
    }

    /// Gives an entry its place, and opens a roll-up with it if it is the first of one.
    fn place(&self, entry: Entry, opens: Option<&Occurrence<'_>>) -> Result<RecordId, Unavailable> {
        // Before the lock: this is most of the work, and nobody else has to wait for it.
        let body = Body::of(entry, self.redactor.as_ref());
        let bytes = Accepted::bytes_of(&body);
        let mut state = self.state();
        state.may_accept(self.mode)?;
        if !state.shares.has_room(body.tenant(), bytes) {
            if self.mode == Mode::BestEffort {
                state.gap.add_dropped();
                return Ok(RecordId::at(SystemTime::now()));
            }
            state.gap.add_refused(1);
            return Err(state.shares.full());
        }
        let idle = state.waiting.is_empty();
        let id = state.push(body, None);
        if let Some(event) = opens.and_then(|occurrence| state.rollups.open(occurrence, id)) {
            state.push_owed(event, self.redactor.as_ref());
        }
        drop(state);
        // The writer takes what is there at once, so only the first entry has to wake it.
        if idle {
            self.work.notify_one();
        }
        Ok(id)
    }

    /// Lets another key sign, from a record on that says so. Past the bounds by this one entry.
    pub(crate) fn change_key(&self, new: SigningKey) -> Result<(), Unavailable> {
        let mut state = self.state();
        if state.closing || state.ended {
            return Err(Unavailable::Closed);
        }
        state.push(Body::of_log(Event::new(EventKind::KeyRotate)), Some(Box::new(new)));
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// A count under a record.
    pub(crate) fn count(&self, occurrence: &Occurrence<'_>, opening: RecordId) -> Count {
        let count = self.state().tallies.count(occurrence, opening, Instant::now());
        // A writer that waits for nothing does not know of the time yet.
        self.work.notify_one();
        count
    }

    /// Makes the writer tell all tallies now.
    pub(crate) fn tell_counts(&self) {
        self.state().tallies.tell_all(Instant::now());
        self.work.notify_one();
    }

    /// Everything accepted so far.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.state().accepted)
    }

    /// How far everything up to there is. Takes no lock, and counts nobody as refused.
    pub(crate) fn progress(&self, ticket: Ticket) -> Progress {
        if self.durable.load(Ordering::Acquire) >= ticket.0 {
            Progress::Durable
        } else if self.writable.load(Ordering::Acquire) {
            Progress::Waiting
        } else {
            Progress::Unwritable
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn watchers(&self) -> &Arc<Watchers> {
        &self.watchers
    }

    /// Waits until everything up to there is durable.
    pub(crate) fn wait(&self, ticket: Ticket) -> Result<(), Unavailable> {
        let mut state = self.state();
        while state.durable < ticket.0 {
            if let Some(unavailable) = state.gap.unavailable() {
                return Err(unavailable);
            }
            if state.ended {
                return Err(Unavailable::Closed);
            }
            state.hurry = true;
            self.work.notify_one();
            state = self.progress.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Takes no more entries, and lets the writer end once it has written what was accepted.
    pub(crate) fn close(&self) {
        self.state().closing = true;
        self.work.notify_one();
    }

    /// Whether everything ever accepted is durable, and the log says that it is over, once the writer has ended.
    pub(crate) fn outcome(&self) -> Result<(), Unavailable> {
        let state = self.state();
        match state.durable == state.accepted && !state.unfinished {
            true => Ok(()),
            false => Err(state.gap.unavailable().unwrap_or(Unavailable::Closed)),
        }
    }

    /// For the writer: waits for entries, and until the last commit is long enough ago; no longer than until `wake` while
    /// there are none. Nothing once the log is closing and everything was taken.
    pub(crate) fn take(&self, last_commit: Option<Instant>, wake: Option<Instant>) -> Option<Taken> {
        let mut state = self.state();
        while !state.tell_counts(Instant::now(), self.redactor.as_ref()) {
            if state.closing {
                return None;
            }
            if wake.is_some_and(|wake| wake <= Instant::now()) {
                return Some(Taken { records: Vec::new(), is_last: false });
            }
            state = match [state.next_look(), wake].into_iter().flatten().min() {
                Some(next) => {
                    let left = next.saturating_duration_since(Instant::now());
                    self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        while !state.hurry && !state.closing && state.waiting.len() < BATCH_RECORDS_MAX {
            let since = last_commit.map_or(COMMIT_INTERVAL, |last| last.elapsed());
            let left = COMMIT_INTERVAL.saturating_sub(since);
            if left.is_zero() {
                break;
            }
            (state, _) = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        let records = state.take_waiting();
        Some(Taken { records, is_last: state.closing && state.waiting.is_empty() })
    }

    /// For the writer: what waits now, also nothing, at most as much as for one commit.
    pub(crate) fn take_waiting(&self) -> Vec<Accepted> {
        self.state().take_waiting()
    }

    /// For the writer: whether anything waits, at the end too.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// For the writer: a batch is durable. An outage is over only when all is well.
    pub(crate) fn committed(&self, batch: &[Accepted], is_well: bool) {
        let mut state = self.state();
        batch.iter().for_each(|accepted| state.release(accepted));
        state.durable += batch.len() as u64;
        self.durable.store(state.durable, Ordering::Release);
        if is_well {
            // Only the writer ends or mends the log, so this cannot undo an end.
            self.writable.store(true, Ordering::Release);
            state.gap.add_refused(self.turned_away.swap(0, Ordering::Relaxed));
            if let Some(event) = state.gap.close() {
                state.push_owed(event, None);
            }
        }
        self.tell(state);
    }

    /// For the writer: the disk does not take lines. Said once for each outage, with the first cause; the record of
    /// that, which has its place before everything that is not durable, is the writer's to keep.
    pub(crate) fn failed(&self, trouble: Trouble) -> Option<Accepted> {
        let mut state = self.state();
        let opening = state.gap.open(trouble).map(|(since, event)| Accepted::of_log(since, event));
        if self.mode == Mode::Strict {
            self.writable.store(false, Ordering::Release);
        }
        self.tell(state);
        opening
    }

    /// For the writer: waits before the next attempt, unless the log is closing.
    pub(crate) fn pause(&self, pause: Duration) {
        let ended = self.work.wait_timeout_while(self.state(), pause, |state| !state.closing);
        drop(ended.unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn closing(&self) -> bool {
        self.state().closing
    }

    /// For the writer: the log cannot be brought to its end.
    pub(crate) fn unfinished(&self) {
        self.state().unfinished = true;
    }

    /// For the writer: nobody writes any more, for whatever reason.
    pub(crate) fn ended(&self) {
        let mut state = self.state();
        state.ended = true;
        self.writable.store(false, Ordering::Release);
        self.tell(state);
    }

    /// Tells those who wait that something has changed, once the lock is given back.
    fn tell(&self, state: MutexGuard<'_, State>) {
        drop(state);
        self.progress.notify_all();
        self.watchers.tell();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No step under the lock leaves the state half changed, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether entries are taken at all; one that is not has been refused.
    fn may_accept(&mut self, mode: Mode) -> Result<(), Unavailable> {
        if self.closing || self.ended {
            return Err(Unavailable::Closed);
        }
        if mode == Mode::Strict
            && let Some(unavailable) = self.gap.unavailable()
        {
            self.gap.add_refused(1);
            return Err(unavailable);
        }
        Ok(())
    }

    fn take_waiting(&mut self) -> Vec<Accepted> {
        let count = self.waiting.len().min(BATCH_RECORDS_MAX);
        let batch = self.waiting.drain(..count).collect();
        // Whoever waits for a sync waits for entries accepted before, so for those still here too.
        self.hurry &= !self.waiting.is_empty();
        batch
    }

    /// Gives back what a record held that is durable now.
    fn release(&mut self, accepted: &Accepted) {
        self.shares.give_back(accepted.body.tenant(), accepted.bytes);
    }

    fn push(&mut self, body: Body, new_key: Option<Box<SigningKey>>) -> RecordId {
        let bytes = Accepted::bytes_of(&body);
        let ts = SystemTime::now();
        let id = RecordId::at(ts);
        self.accepted += 1;
        self.shares.take(body.tenant(), bytes);
        self.waiting.push_back(Accepted { id, ts, body, new_key, bytes });
        id
    }

    /// What the log has to say of itself: past the bound, since it is owed whatever else waits.
    fn push_owed(&mut self, event: Event, redactor: Option<&Redactor>) {
        self.push(Body::owed(event, redactor), None);
    }

    /// When a count is to be told, if no work comes before.
    fn next_look(&self) -> Option<Instant> {
        [self.rollups.next_look(), self.tallies.next_look()].into_iter().flatten().min()
    }

    /// Puts the counts that are due among what waits, all of them at the end; whether anything waits then.
    fn tell_counts(&mut self, now: Instant, redactor: Option<&Redactor>) -> bool {
        let counts = match self.closing {
            true => [self.rollups.close(), self.tallies.close()],
            false => [self.rollups.look(now), self.tallies.look(now)],
        };
        counts.into_iter().flatten().for_each(|event| self.push_owed(event, redactor));
        !self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tenant: &str) -> Entry {
        Event { tenant: Some(tenant.into()), ..Event::new(EventKind::Admin) }.into()
    }

    #[test]
    fn a_tenant_has_a_share_of_the_queue_and_leaves_the_others_theirs() {
        let queue = Queue::new(Mode::Strict, 8, 1 << 20, None);
        let full = |tenant| matches!(queue.accept(of(tenant)), Err(Unavailable::Full { .. }));
        assert_eq!([full("flood"), full("flood"), full("flood")], [false, false, true]);
        assert!(!full("other"));
        let batch = queue.take(None, None).unwrap().records;
        assert!(full("flood"), "what is being written is held until it is durable");
        queue.committed(&batch, true);
        assert!(!full("flood"));
    }
}
