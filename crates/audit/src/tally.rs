//! Counts of what is so frequent that nobody may wait for anybody to be counted: each thread counts by itself, and the
//! log adds up.
//!
//! Under which record something is counted, and how many such records there are, is the caller's to say.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::limits::TALLY_INTERVAL;
use crate::rollup::{Key, Occurrence, tenant_name};
use crate::{Event, RecordId};

/// The count under one record, for as long as anybody may count. Shared by threads; each counts with a [`Tally`] of it.
#[derive(Debug, Clone)]
pub struct Count(Arc<Mutex<Vec<Arc<Own>>>>);

/// What one thread counts.
#[derive(Debug, Clone)]
pub struct Tally {
    own: Arc<Own>,
    /// INVARIANT: one thread alone counts with it, so that it stays where it was made.
    one_thread: PhantomData<*const ()>,
}

/// A line of a processor's memory of its own (64 bytes on all that we know): what one thread counts does not slow another.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Own(AtomicU64);

impl Count {
    /// For the thread that calls.
    pub fn tally(&self) -> Tally {
        let own = Arc::new(Own::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(own.clone());
        Tally { own, one_thread: PhantomData }
    }
}

impl Tally {
    /// Counts one more: a load and a store, without a lock or a locked instruction.
    pub fn add_one(&self) {
        let own = &self.own.0;
        own.store(own.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

/// All counts of one log.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    counted: Vec<Counted>,
    next_look: Option<Instant>,
    /// Whether all that changed is told then, however little.
    all: bool,
}

#[derive(Debug)]
struct Counted {
    tenant: Arc<str>,
    key: Key,
    opening: RecordId,
    count: Count,
    /// What threads counted that do not any more.
    before: u64,
    told: u64,
}

impl Tallies {
    /// A count of occurrences like this, under a record.
    pub(crate) fn count(&mut self, occurrence: &Occurrence<'_>, opening: RecordId, now: Instant) -> Count {
        let count = Count(Arc::default());
        self.counted.push(Counted {
            tenant: occurrence.tenant.map_or_else(|| Arc::from(tenant_name(occurrence)), Arc::clone),
            key: Key::of(occurrence),
            opening,
            count: count.clone(),
            before: 0,
            told: 0,
        });
        self.next_look.get_or_insert(now + TALLY_INTERVAL);
        count
    }

    /// When [`look`](Self::look) is wanted; nothing while there is nothing to look at.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// At the next look, which is due now, all is told that changed.
    pub(crate) fn tell_all(&mut self, now: Instant) {
        if self.next_look.is_some() {
            self.next_look = Some(now);
            self.all = true;
        }
    }

    /// The counts that are twice what was last told, so that what is counted all day is told a few times; and the end of
    /// those that nobody adds to any more. Nothing before its time.
    pub(crate) fn look(&mut self, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        if self.next_look.is_none_or(|next| now < next) {
            return events;
        }
        let all = std::mem::take(&mut self.all);
        self.counted.retain_mut(|counted| {
            let over = counted.is_over();
            let count = counted.sum();
            let due = count != counted.told && (all || count >= counted.told.saturating_mul(2));
            if due || (over && count > 0) {
                events.push(counted.event(count, over));
            }
            !over
        });
        self.next_look = (!self.counted.is_empty()).then(|| now + TALLY_INTERVAL);
        events
    }

    /// The end of all: the last counts.
    pub(crate) fn close(&mut self) -> Vec<Event> {
        self.next_look = None;
        let last = |mut counted: Counted| {
            let count = counted.sum();
            (count > 0).then(|| counted.event(count, true))
        };
        std::mem::take(&mut self.counted).into_iter().filter_map(last).collect()
    }
}

impl Counted {
    /// Whether nobody has the count, nor a tally of it.
    fn is_over(&mut self) -> bool {
        let Some(threads) = Arc::get_mut(&mut self.count.0) else { return false };
        let threads = threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Seen alone, an `Arc` has all that was done to it by those who let go of it (`Arc::get_mut`).
        threads.retain_mut(|own| match Arc::get_mut(own) {
            Some(own) => {
                self.before = self.before.saturating_add(*own.0.get_mut());
                false
            }
            None => true,
        });
        threads.is_empty()
    }

    fn sum(&self) -> u64 {
        let threads = self.count.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = threads.iter().map(|own| own.0.load(Ordering::Relaxed));
        now.fold(self.before, u64::saturating_add)
    }

    fn event(&mut self, count: u64, closed: bool) -> Event {
        self.told = count;
        self.key.event(&self.tenant, self.opening, count, closed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::DecisionKind;

    fn occurrence() -> Occurrence<'static> {
        Occurrence {
            tenant: None,
            actor: None,
            action: "process.send",
            resource_type: "Process",
            decision_kind: DecisionKind::Allow,
        }
    }

    fn told(events: Vec<Event>) -> Vec<(u64, bool)> {
        let count = |event: &Event| event.detail["count"].as_str().unwrap().parse().unwrap();
        events.iter().map(|event| (count(event), event.detail["closed"].as_bool().unwrap())).collect()
    }

    fn add(tally: &Tally, times: usize) {
        (0..times).for_each(|_| tally.add_one());
    }

    #[test]
    fn a_count_is_told_when_it_has_doubled_when_all_is_wanted_and_at_its_end() {
        let begin = Instant::now();
        let mut tallies = Tallies::default();
        let opening = RecordId::at(SystemTime::now());
        let count = tallies.count(&occurrence(), opening, begin);
        let tally = count.tally();
        let mut now = begin;
        let mut next = |tallies: &mut Tallies| {
            assert!(tallies.look(now + TALLY_INTERVAL - Duration::from_nanos(1)).is_empty());
            now += TALLY_INTERVAL;
            told(tallies.look(now))
        };
        assert_eq!(next(&mut tallies), [], "nothing was counted");
        add(&tally, 10);
        assert_eq!(next(&mut tallies), [(10, false)]);
        assert_eq!(next(&mut tallies), []);
        add(&tally, 9);
        assert_eq!(next(&mut tallies), []);
        let other = std::thread::spawn({
            let count = count.clone();
            move || add(&count.tally(), 1)
        });
        other.join().unwrap();
        assert_eq!(next(&mut tallies), [(20, false)]);
        add(&tally, 1);
        tallies.tell_all(now);
        assert_eq!(told(tallies.look(now)), [(21, false)]);
        drop(count);
        add(&tally, 1);
        drop(tally);
        now += TALLY_INTERVAL;
        assert_eq!(told(tallies.look(now)), [(22, true)]);
        assert_eq!(tallies.next_look(), None);
    }

    #[test]
    fn what_nobody_counted_is_not_told_and_the_rest_is_told_at_the_end() {
        let mut tallies = Tallies::default();
        let [first, second] =
            [(); 2].map(|()| tallies.count(&occurrence(), RecordId::at(SystemTime::now()), Instant::now()));
        let (_unused, used) = (first.tally(), second.tally());
        add(&used, 3);
        assert_eq!(told(tallies.close()), [(3, true)]);
        assert_eq!(told(tallies.close()), []);
    }
}
