//! Who is on duty: what each service is doing, and what is to be done next so that requirements run first, stop
//! last, and a service that is given up takes those with it that need it.
//!
//! Decisions only: no process, no clock, no log. Times are counted from any one moment.

use std::time::Duration;

use crate::manifest::Restart;
use crate::order::{needs_first, turned};
use crate::restart::Restarts;

/// What the manifest says of one service. Indexes are places in the list that the roster is made from.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// What must run before it.
    pub(crate) requires: Vec<usize>,
    /// Whether it starts although nothing needs it.
    pub(crate) auto_start: bool,
    /// How it starts again.
    pub(crate) restart: Restart,
    /// Time after which it counts as running well.
    pub(crate) stable_threshold: Duration,
}

/// What a service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Nothing: nobody asked for it.
    Idle,
    /// It starts at this time or later, when what it requires has started.
    Due(Duration),
    /// It has run since then.
    Running(Duration),
    /// It has been asked to end.
    Stopping,
    /// It is over.
    Over(End),
}

/// How a service came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its main function returned.
    Returned,
    /// Somebody ended it.
    Terminated,
    /// It failed more often than it may.
    Failed,
    /// It had to end, or was not started, since the node drains or since what it needs failed.
    Stopped,
}

/// How one run of a service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its main function returned.
    Returned,
    /// Somebody ended it.
    Terminated,
    /// It failed, or could not be started.
    Failed,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Start this one, and say whether it started.
    Start(usize),
    /// Ask this one to end.
    Stop(usize),
}

#[derive(Debug)]
struct Seat {
    terms: Terms,
    dependants: Vec<usize>,
    duty: Duty,
    /// Whether it has to end.
    leaving: bool,
    restarts: Restarts,
}

impl Seat {
    fn alive(&self) -> bool {
        matches!(self.duty, Duty::Due(_) | Duty::Running(_) | Duty::Stopping)
    }

    /// Whether those who need it may start. It counts for them that it has run, not that it still does: a service
    /// that returns has done what it was there for.
    fn has_started(&self) -> bool {
        matches!(self.duty, Duty::Running(_) | Duty::Over(End::Returned | End::Terminated))
    }

    /// It has to end; what has not started never does.
    fn leave(&mut self) {
        self.leaving = true;
        if matches!(self.duty, Duty::Due(_)) {
            self.duty = Duty::Over(End::Stopped);
        }
    }
}

/// Every service of a node, and what it is doing.
#[derive(Debug)]
pub(crate) struct Roster {
    seats: Vec<Seat>,
    /// Requirements first.
    order: Vec<usize>,
}

impl Roster {
    /// A roster on which everything that starts by itself is due, with all that it requires.
    pub(crate) fn new(services: Vec<Terms>) -> Self {
        let requires: Vec<Vec<usize>> = services.iter().map(|terms| terms.requires.clone()).collect();
        let (order, dependants) = (needs_first(&requires), turned(&requires));
        let seat = |(terms, dependants)| Seat {
            terms,
            dependants,
            duty: Duty::Idle,
            leaving: false,
            restarts: Restarts::default(),
        };
        let mut roster = Self { seats: services.into_iter().zip(dependants).map(seat).collect(), order };
        let by_itself = |(index, seat): (usize, &Seat)| seat.terms.auto_start.then_some(index);
        let mut wanted: Vec<usize> = roster.seats.iter().enumerate().filter_map(by_itself).collect();
        while let Some(index) = wanted.pop() {
            let Some(seat) = roster.seats.get_mut(index).filter(|seat| seat.duty == Duty::Idle) else {
                continue;
            };
            seat.duty = Duty::Due(Duration::ZERO);
            wanted.extend(&seat.terms.requires);
        }
        roster
    }

    /// What a service is doing.
    pub(crate) fn duty(&self, index: usize) -> Duty {
        self.seats.get(index).map_or(Duty::Idle, |seat| seat.duty)
    }

    /// How often a service was started again since it last ran well.
    pub(crate) fn restarts(&self, index: usize) -> u32 {
        self.seats.get(index).map_or(0, |seat| seat.restarts.made())
    }

    /// Whether nothing is left to run or to wait for.
    pub(crate) fn is_over(&self) -> bool {
        !self.seats.iter().any(Seat::alive)
    }

    /// What to do now, if anything: ask again when it is done.
    pub(crate) fn next(&self, now: Duration) -> Option<Act> {
        let leaves = |index: &&usize| self.seats.get(**index).is_some_and(|seat| self.can_leave(seat));
        let starts = |index: &&usize| self.start_time(**index).is_some_and(|time| time <= now);
        let stop = self.order.iter().rev().find(leaves).map(|index| Act::Stop(*index));
        stop.or_else(|| self.order.iter().find(starts).map(|index| Act::Start(*index)))
    }

    /// When there is something to start that cannot start yet.
    pub(crate) fn next_start(&self) -> Option<Duration> {
        self.order.iter().filter_map(|index| self.start_time(*index)).min()
    }

    /// It was started.
    pub(crate) fn started(&mut self, index: usize, now: Duration) {
        self.set(index, Duty::Running(now));
    }

    /// It was asked to end.
    pub(crate) fn stopping(&mut self, index: usize) {
        self.set(index, Duty::Stopping);
    }

    /// A run of it ended, or it could not be started. `chance`, from 0 to 1, is how much of the random part of a
    /// wait is waited. Says what it is doing from here on: due again, or over.
    pub(crate) fn ended(&mut self, index: usize, outcome: Outcome, now: Duration, chance: f64) -> Duty {
        let Some(seat) = self.seats.get_mut(index) else { return Duty::Idle };
        let ran = match seat.duty {
            Duty::Running(since) => Some(now.saturating_sub(since)),
            _ => None,
        };
        seat.duty = match outcome {
            _ if seat.leaving => Duty::Over(End::Stopped),
            Outcome::Returned => Duty::Over(End::Returned),
            Outcome::Terminated => Duty::Over(End::Terminated),
            Outcome::Failed => {
                let Terms { restart, stable_threshold, .. } = &seat.terms;
                match seat.restarts.after_failure(restart, *stable_threshold, ran, chance) {
                    Some(wait) => Duty::Due(now + wait),
                    None => Duty::Over(End::Failed),
                }
            }
        };
        let duty = seat.duty;
        if duty == Duty::Over(End::Failed) {
            self.dismiss_dependants(index);
        }
        duty
    }

    /// Everything has to end; nothing starts any more.
    pub(crate) fn drain(&mut self) {
        self.seats.iter_mut().for_each(Seat::leave);
    }

    /// Those that need a service, directly or not, have to end.
    fn dismiss_dependants(&mut self, index: usize) {
        let dependants = |roster: &Self, index: usize| {
            roster.seats.get(index).map(|seat| seat.dependants.clone()).unwrap_or_default()
        };
        let mut waiting = dependants(self, index);
        while let Some(index) = waiting.pop() {
            let Some(seat) = self.seats.get_mut(index).filter(|seat| !seat.leaving) else { continue };
            seat.leave();
            waiting.append(&mut dependants(self, index));
        }
    }

    /// Whether it has to end, and nothing that needs it is there any more.
    fn can_leave(&self, seat: &Seat) -> bool {
        let needed = || {
            let dependants = seat.dependants.iter().filter_map(|index| self.seats.get(*index));
            dependants.filter(|dependant| dependant.alive()).count() > 0
        };
        seat.leaving && matches!(seat.duty, Duty::Running(_)) && !needed()
    }

    /// When it may start; `None` when it is not to, or what it requires does not run.
    fn start_time(&self, index: usize) -> Option<Duration> {
        let seat = self.seats.get(index)?;
        let Duty::Due(time) = seat.duty else { return None };
        let started = |index: &usize| self.seats.get(*index).is_some_and(Seat::has_started);
        seat.terms.requires.iter().all(started).then_some(time)
    }

    fn set(&mut self, index: usize, duty: Duty) {
        if let Some(seat) = self.seats.get_mut(index) {
            seat.duty = duty;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn terms(requires: &[usize]) -> Terms {
        Terms {
            requires: requires.to_vec(),
            auto_start: true,
            restart: Restart {
                initial_delay: Duration::from_secs(1),
                max_delay: Duration::from_secs(60),
                backoff_factor: 2.0,
                jitter: 0.0,
                attempts_max: Some(2),
            },
            stable_threshold: Duration::from_secs(5),
        }
    }

    /// Does everything that is to be done, each start with success.
    fn act(roster: &mut Roster, now: Duration) -> Vec<Act> {
        let mut acts = Vec::new();
        while let Some(act) = roster.next(now) {
            match act {
                Act::Start(index) => roster.started(index, now),
                Act::Stop(index) => roster.stopping(index),
            }
            acts.push(act);
        }
        acts
    }

    fn fail(roster: &mut Roster, index: usize, now: Duration) -> Duty {
        roster.ended(index, Outcome::Failed, now, 0.0)
    }

    #[test]
    fn requirements_start_first_and_what_nobody_wants_does_not() {
        let idle = Terms { auto_start: false, ..terms(&[]) };
        let required = Terms { auto_start: false, ..terms(&[3]) };
        let mut roster =
            Roster::new(vec![terms(&[1]), required, idle, Terms { auto_start: false, ..terms(&[]) }]);
        assert_eq!(act(&mut roster, NOW), [3, 1, 0].map(Act::Start));
        assert_eq!(roster.duty(2), Duty::Idle);
    }

    #[test]
    fn a_service_waits_for_a_requirement_that_does_not_start() {
        let mut roster = Roster::new(vec![terms(&[]), terms(&[0])]);
        assert_eq!(roster.next(NOW), Some(Act::Start(0)));
        assert_eq!(fail(&mut roster, 0, NOW), Duty::Due(NOW + Duration::from_secs(1)));
        assert_eq!(roster.next(NOW), None);
        assert_eq!(roster.next_start(), Some(NOW + Duration::from_secs(1)));
        assert_eq!(act(&mut roster, NOW + Duration::from_secs(1)), [0, 1].map(Act::Start));
    }

    #[test]
    fn a_service_that_fails_once_too_often_takes_its_dependants_with_it_and_nobody_else() {
        let mut roster = Roster::new(vec![terms(&[]), terms(&[0]), terms(&[1]), terms(&[])]);
        act(&mut roster, NOW);
        for failure in 1..=2 {
            assert!(matches!(fail(&mut roster, 0, NOW), Duty::Due(_)));
            assert_eq!(roster.restarts(0), failure);
            assert_eq!(act(&mut roster, NOW + Duration::from_secs(60)), [Act::Start(0)]);
        }
        assert_eq!(fail(&mut roster, 0, NOW + Duration::from_secs(60)), Duty::Over(End::Failed));
        // The one that needs the other ends first.
        assert_eq!(act(&mut roster, NOW), [Act::Stop(2)]);
        assert_eq!(roster.ended(2, Outcome::Terminated, NOW, 0.0), Duty::Over(End::Stopped));
        assert_eq!(act(&mut roster, NOW), [Act::Stop(1)]);
        assert_eq!(fail(&mut roster, 1, NOW), Duty::Over(End::Stopped));
        assert!(matches!(roster.duty(3), Duty::Running(_)) && !roster.is_over());
        assert_eq!(roster.ended(3, Outcome::Returned, NOW, 0.0), Duty::Over(End::Returned));
        assert!(roster.is_over());
    }

    #[test]
    fn a_dependant_that_waits_never_starts_once_its_requirement_failed() {
        let mut roster = Roster::new(vec![terms(&[]), terms(&[0])]);
        for _ in 0..3 {
            assert_eq!(roster.next(Duration::MAX), Some(Act::Start(0)));
            fail(&mut roster, 0, NOW);
        }
        assert_eq!(roster.duty(1), Duty::Over(End::Stopped));
        assert!(roster.is_over());
    }

    #[test]
    fn a_return_and_a_termination_are_not_restarted_and_leave_dependants_alone() {
        for outcome in [Outcome::Returned, Outcome::Terminated] {
            let mut roster = Roster::new(vec![terms(&[]), terms(&[0])]);
            act(&mut roster, NOW);
            assert!(matches!(roster.ended(0, outcome, NOW, 0.0), Duty::Over(_)));
            assert_eq!(roster.next(Duration::MAX), None);
            assert!(matches!(roster.duty(1), Duty::Running(_)));
            // Nor do they keep a dependant from starting again.
            fail(&mut roster, 1, NOW);
            assert_eq!(roster.next(Duration::MAX), Some(Act::Start(1)));
        }
    }

    #[test]
    fn draining_stops_in_reverse_order_and_starts_nothing() {
        let mut roster = Roster::new(vec![terms(&[]), terms(&[0]), terms(&[0]), terms(&[])]);
        act(&mut roster, NOW);
        fail(&mut roster, 3, NOW);
        roster.drain();
        assert_eq!(roster.duty(3), Duty::Over(End::Stopped));
        assert_eq!(act(&mut roster, Duration::MAX), [2, 1].map(Act::Stop));
        fail(&mut roster, 1, NOW);
        assert_eq!(act(&mut roster, Duration::MAX), []);
        roster.ended(2, Outcome::Returned, NOW, 0.0);
        assert_eq!(act(&mut roster, Duration::MAX), [Act::Stop(0)]);
        fail(&mut roster, 0, NOW);
        assert!(roster.is_over());
    }

    #[test]
    fn a_service_that_ran_well_counts_its_restarts_from_none() {
        let mut roster = Roster::new(vec![terms(&[])]);
        let mut now = NOW;
        for _ in 0..10 {
            assert_eq!(act(&mut roster, now), [Act::Start(0)]);
            now += Duration::from_secs(5);
            assert_eq!(fail(&mut roster, 0, now), Duty::Due(now + Duration::from_secs(1)));
            now += Duration::from_secs(1);
        }
    }
}
