//! Decisions that are counted, not written, so that nobody's flood of them fills the disk.
//!
//! Says of each decision whether it has a record of its own, or under which record it is counted, and what counts are
//! to be told when. Knows the time that it is given; no clock, no lock and no file.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::limits::{
    ROLLUP_ACTOR_KEYS_MAX, ROLLUP_IDLE, ROLLUP_INTERVAL, ROLLUP_KEY_BURST, ROLLUP_KEY_EACH,
    ROLLUP_TENANT_BURST, ROLLUP_TENANT_EACH, ROLLUP_TENANTS_MAX,
};
use crate::{DecisionKind, Event, EventKind, RecordId};

/// A decision as it is counted: which ones count as alike.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence<'a> {
    /// Tenant of the actor; absent when nobody was named.
    pub tenant: Option<&'a Arc<str>>,
    /// Who asked; absent when nobody was named.
    pub actor: Option<&'a Arc<str>>,
    /// The permission.
    pub action: &'static str,
    /// Type of what it was asked on.
    pub resource_type: &'static str,
    /// The answer and its sort.
    pub decision_kind: DecisionKind,
}

/// What becomes of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// It has a record of its own.
    Own,
    /// It too, and what comes after is counted under that: [`Rollups::open`] is to be told its id.
    Opening,
    /// It was counted under this record.
    Counted(RecordId),
}

/// What is counted together: an occurrence without its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Absent, too, where more actors ask than are told apart.
    actor: Option<Arc<str>>,
    action: &'static str,
    resource_type: &'static str,
    decision_kind: DecisionKind,
}

/// All that is counted in one log.
#[derive(Debug, Default)]
pub(crate) struct Rollups {
    /// By id; "" where nobody was named.
    tenants: HashMap<Arc<str>, Tenant>,
    next_look: Option<Instant>,
}

#[derive(Debug)]
struct Tenant {
    bucket: Bucket,
    counters: HashMap<Key, Counter>,
}

/// Those that are alike.
#[derive(Debug)]
struct Counter {
    bucket: Bucket,
    last: Instant,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    opening: RecordId,
    count: u64,
    told: u64,
}

/// Records of their own that may still be: a leaky bucket, as the time at which it is full again.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// This bucket with one record taken out, if it has one.
    fn less_one(self, now: Instant, each: Duration, burst: u32) -> Option<Self> {
        let full_at = self.full_at.max(now) + each;
        (full_at.saturating_duration_since(now) <= each * burst).then_some(Self { full_at })
    }
}

impl Rollups {
    /// What becomes of a decision at this moment. Allocates nothing for one that is counted.
    pub(crate) fn due(&mut self, occurrence: &Occurrence<'_>, now: Instant) -> Due {
        self.next_look.get_or_insert(now + ROLLUP_INTERVAL);
        let Some(tenant) = self.tenant(occurrence, now) else { return Due::Own };
        let key = tenant.key(occurrence);
        let full = Bucket { full_at: now };
        let counter = tenant.counters.entry(key).or_insert(Counter { bucket: full, last: now, open: None });
        counter.last = counter.last.max(now);
        let left = (
            counter.bucket.less_one(now, ROLLUP_KEY_EACH, ROLLUP_KEY_BURST),
            tenant.bucket.less_one(now, ROLLUP_TENANT_EACH, ROLLUP_TENANT_BURST),
        );
        if let (Some(own), Some(shared)) = left {
            (counter.bucket, tenant.bucket) = (own, shared);
            return Due::Own;
        }
        match &mut counter.open {
            None => Due::Opening,
            Some(open) => {
                open.count += 1;
                Due::Counted(open.opening)
            }
        }
    }

    /// What was [`Due::Opening`] has its record: those that follow are counted under it. The event to record says so, and
    /// is nothing where another thread came first.
    pub(crate) fn open(&mut self, occurrence: &Occurrence<'_>, opening: RecordId) -> Option<Event> {
        let name = tenant_name(occurrence);
        let tenant = self.tenants.get_mut(name)?;
        let key = tenant.key(occurrence);
        let counter = tenant.counters.get_mut(&key)?;
        if counter.open.is_some() {
            return None;
        }
        counter.open = Some(Open { opening, count: 0, told: 0 });
        Some(key.event(name, opening, 0, false))
    }

    /// When [`look`](Self::look) is wanted; nothing while there is nothing to look at.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// The counts that changed since they were last told, and the end of those that have been idle. Nothing before its
    /// time.
    pub(crate) fn look(&mut self, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        if self.next_look.is_none_or(|next| now < next) {
            return events;
        }
        self.tenants.retain(|name, tenant| {
            tenant.counters.retain(|key, counter| {
                let idle = now.saturating_duration_since(counter.last) >= ROLLUP_IDLE;
                if let Some(open) = &mut counter.open
                    && (idle || open.count != open.told)
                {
                    open.told = open.count;
                    events.push(key.event(name, open.opening, open.count, idle));
                }
                !idle
            });
            !tenant.counters.is_empty() || tenant.bucket.full_at > now
        });
        self.next_look = (!self.tenants.is_empty()).then(|| now + ROLLUP_INTERVAL);
        events
    }

    /// The end of all: the last counts.
    pub(crate) fn close(&mut self) -> Vec<Event> {
        self.next_look = None;
        let mut events = Vec::new();
        for (name, tenant) in self.tenants.drain() {
            for (key, counter) in tenant.counters {
                let last = counter.open.map(|open| key.event(&name, open.opening, open.count, true));
                events.extend(last);
            }
        }
        events
    }

    /// What is known of the tenant; nothing for one more than the bound, whose decisions then all have records.
    fn tenant(&mut self, occurrence: &Occurrence<'_>, now: Instant) -> Option<&mut Tenant> {
        let name = tenant_name(occurrence);
        if !self.tenants.contains_key(name) {
            if self.tenants.len() >= ROLLUP_TENANTS_MAX {
                return None;
            }
            let name = occurrence.tenant.map_or_else(|| Arc::from(name), Arc::clone);
            let tenant = Tenant { bucket: Bucket { full_at: now }, counters: HashMap::new() };
            self.tenants.insert(name, tenant);
        }
        self.tenants.get_mut(name)
    }
}

impl Tenant {
    /// What this decision is counted under. Of more than so many at once the actors are not told apart: only what a
    /// tenant can choose is given up, so that what is left has a bound.
    fn key(&self, occurrence: &Occurrence<'_>) -> Key {
        let key = Key::of(occurrence);
        match key.actor.is_none() || self.counters.contains_key(&key) || self.has_room() {
            true => key,
            false => Key { actor: None, ..key },
        }
    }

    fn has_room(&self) -> bool {
        self.counters.len() < ROLLUP_ACTOR_KEYS_MAX
    }
}

impl Key {
    pub(crate) fn of(occurrence: &Occurrence<'_>) -> Self {
        let Occurrence { actor, action, resource_type, decision_kind, .. } = *occurrence;
        Self { actor: actor.cloned(), action, resource_type, decision_kind }
    }

    /// The event of a count.
    pub(crate) fn event(&self, tenant: &str, opening: RecordId, count: u64, closed: bool) -> Event {
        Event {
            tenant: (!tenant.is_empty()).then(|| tenant.into()),
            actor: self.actor.clone(),
            ..Event::new(EventKind::Rollup)
                .with("opening", opening.to_string())
                .with("action", self.action)
                .with("resource_type", self.resource_type)
                .with("decision_kind", json!(self.decision_kind))
                .with("count", count.to_string())
                .with("closed", closed)
        }
    }
}

/// The tenant as the maps have it.
pub(crate) fn tenant_name<'a>(occurrence: &Occurrence<'a>) -> &'a str {
    occurrence.tenant.map_or("", |tenant| tenant)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::SystemTime;

    use super::*;

    fn occurrence<'a>(tenant: &'a Arc<str>, actor: &'a Arc<str>) -> Occurrence<'a> {
        Occurrence {
            tenant: Some(tenant),
            actor: Some(actor),
            action: "process.send",
            resource_type: "Process",
            decision_kind: DecisionKind::DenyForbid,
        }
    }

    /// What a log would make of it: its own records by tenant, and the last count of each roll-up.
    #[derive(Default)]
    struct Told {
        rollups: Rollups,
        own: HashMap<String, u64>,
        openings: u64,
        counts: HashMap<String, (u64, bool)>,
    }

    impl Told {
        fn decide(&mut self, occurrence: &Occurrence<'_>, now: Instant) -> Due {
            let due = self.rollups.due(occurrence, now);
            if !matches!(due, Due::Counted(_)) {
                *self.own.entry(tenant_name(occurrence).to_owned()).or_default() += 1;
            }
            if due == Due::Opening {
                self.openings += 1;
                let event = self.rollups.open(occurrence, RecordId::at(SystemTime::UNIX_EPOCH));
                self.tell(event);
            }
            due
        }

        fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
            for event in events {
                let text = |name: &str| event.detail[name].as_str().unwrap().to_owned();
                let closed = event.detail["closed"].as_bool().unwrap();
                let count = text("count").parse().unwrap();
                let before = self.counts.insert(text("opening"), (count, closed));
                let (told, was_closed) = before.unwrap_or_default();
                assert!(!was_closed, "nothing is told of what was closed: {event:?}");
                assert!(told <= count, "counts are cumulative: {event:?}");
            }
        }

        fn counted(&self) -> u64 {
            self.counts.values().map(|(count, _)| count).sum()
        }
    }

    fn records(dues: &[Due]) -> usize {
        dues.iter().filter(|due| !matches!(due, Due::Counted(_))).count()
    }

    #[test]
    fn the_first_hundred_have_records_and_then_ten_a_second() {
        let (tenant, actor, begin) = ("acme".into(), "acme/user/bob".into(), Instant::now());
        let occurrence = occurrence(&tenant, &actor);
        let mut told = Told::default();
        let mut at = |ms, count| -> Vec<Due> {
            (0..count).map(|_| told.decide(&occurrence, begin + Duration::from_millis(ms))).collect()
        };
        let dues = at(0, 150);
        assert_eq!(records(&dues), 101);
        assert_eq!(dues[99..101], [Due::Own, Due::Opening]);
        let Due::Counted(opening) = dues[101] else { panic!("{:?}", dues[101]) };
        assert!(dues[101..].iter().all(|due| *due == Due::Counted(opening)), "all of one opening");
        assert_eq!(records(&at(99, 1)), 0);
        assert_eq!(records(&at(1_000, 50)), 10);
        assert_eq!(told.counted(), 0, "nothing is told before a second is over");
    }

    #[test]
    fn counts_are_told_each_second_while_they_change_and_when_nothing_came_for_ten() {
        let (tenant, actor, begin) = ("acme".into(), "acme/user/bob".into(), Instant::now());
        let occurrence = occurrence(&tenant, &actor);
        let mut rollups = Rollups::default();
        assert_eq!(rollups.next_look(), None, "nothing wakes anybody for an idle log");
        let flood = |rollups: &mut Rollups, now| {
            for _ in 0..201 {
                if rollups.due(&occurrence, now) == Due::Opening {
                    assert!(rollups.open(&occurrence, RecordId::at(SystemTime::now())).is_some());
                    assert!(rollups.open(&occurrence, RecordId::at(SystemTime::now())).is_none());
                }
            }
        };
        flood(&mut rollups, begin);
        let mut seen = Vec::new();
        let mut now = begin;
        while let Some(next) = rollups.next_look() {
            assert!(rollups.look(next.checked_sub(Duration::from_nanos(1)).unwrap()).is_empty());
            now = next;
            for event in rollups.look(now) {
                let second = now.duration_since(begin).as_secs();
                seen.push((
                    second,
                    event.detail["count"].as_str().unwrap().to_owned(),
                    event.detail["closed"].clone(),
                ));
            }
        }
        let expected = [(1, "100".to_owned(), json!(false)), (10, "100".to_owned(), json!(true))];
        assert_eq!(seen, expected);
        flood(&mut rollups, now);
        assert_eq!(rollups.close().len(), 1, "it begins anew");
    }

    #[test]
    fn one_tenant_has_a_bound_over_all_that_it_does_and_another_keeps_its_own() {
        let (flood, other, begin) = (Arc::from("flood"), Arc::from("other"), Instant::now());
        let mut told = Told::default();
        let decisions = 200_000_u32;
        for number in 0..decisions {
            // Ten seconds of it, by more actors than are told apart.
            let now = begin + Duration::from_secs(10) / decisions * number;
            let events = told.rollups.look(now);
            told.tell(events);
            told.decide(&occurrence(&flood, &format!("flood/user/{}", number % 5_000).into()), now);
            if number.is_multiple_of(2_000) {
                let due = told.decide(&occurrence(&other, &"other/user/eve".into()), now);
                assert_eq!(due, Due::Own, "decision {number}");
            }
        }
        let events = told.rollups.close();
        told.tell(events);
        // Its burst, fifty a second, and an opening for each that is told apart and one for all others.
        let most = u64::from(ROLLUP_TENANT_BURST) + 10 * 50 + ROLLUP_ACTOR_KEYS_MAX as u64 + 1;
        assert!(told.own["flood"] <= most, "{} records", told.own["flood"]);
        assert_eq!(told.own["flood"] + told.counted(), u64::from(decisions));
        assert!(told.rollups.tenants.is_empty());
    }

    /// splitmix64 (Steele and others 2014).
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    #[test]
    fn records_and_last_counts_add_up_to_all_decisions_of_each_tenant_whatever_happens() {
        let given = std::env::var("MOONWARD_SEED").ok().and_then(|seed| seed.parse().ok());
        let mut seed = given.unwrap_or(20_261_127);
        println!("seed {seed} (set MOONWARD_SEED for another)");
        let tenants: Vec<Arc<str>> = ["", "a", "b", "c"].map(Arc::from).to_vec();
        let actors: Vec<Arc<str>> = (0..200).map(|number| format!("actor {number}").into()).collect();
        let (mut now, mut told, mut decided) = (Instant::now(), Told::default(), 0_u64);
        let kinds = [DecisionKind::Allow, DecisionKind::DenyForbid, DecisionKind::DenyDefault];
        for _ in 0..100_000 {
            let draw = |seed: &mut u64, bound: usize| usize::try_from(next(seed) % bound as u64).unwrap();
            // Mostly bursts, at times a pause that lets everything close.
            now += match draw(&mut seed, 10_000) {
                0 => Duration::from_secs(11),
                1..10 => Duration::from_millis(700),
                _ => Duration::from_micros(100),
            };
            let tenant = &tenants[draw(&mut seed, tenants.len())];
            let few = 1 + draw(&mut seed, 3) * 99;
            let occurrence = Occurrence {
                tenant: (!tenant.is_empty()).then_some(tenant),
                actor: (draw(&mut seed, 20) > 0).then_some(&actors[draw(&mut seed, few)]),
                action: ["process.send", "process.spawn"][draw(&mut seed, 2)],
                resource_type: "Process",
                decision_kind: kinds[draw(&mut seed, 3)],
            };
            told.decide(&occurrence, now);
            decided += 1;
            let events = told.rollups.look(now);
            told.tell(events);
            for tenant in told.rollups.tenants.values() {
                assert!(tenant.counters.len() <= ROLLUP_ACTOR_KEYS_MAX + 2 * kinds.len());
            }
        }
        let events = told.rollups.close();
        told.tell(events);
        assert!(told.openings > 100, "{} roll-ups", told.openings);
        assert_eq!(told.counts.len() as u64, told.openings);
        assert!(told.counts.values().all(|(_, closed)| *closed));
        assert_eq!(told.own.values().sum::<u64>() + told.counted(), decided);
    }
}
