//! Hosts: on how many of a node's workers processes may run, and how many at once.
//!
//! Which worker a child starts on is decided here too: its spawner's, unless that one is over its load mark
//! and another of the host's workers has less than half its load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;
use value::{Failure, Kind};

use crate::limits::LOAD_MARK;

/// What a manifest says of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSettings {
    /// On how many workers its processes run; more than the node has means all.
    pub workers: u16,
    /// Processes alive at once.
    pub processes_max: u32,
}

/// A host at work.
#[derive(Debug)]
pub(crate) struct HostUse {
    id: Arc<str>,
    node_workers: usize,
    first_worker: usize,
    terms: ArcSwap<Terms>,
    processes: AtomicU32,
}

#[derive(Debug)]
struct Terms {
    workers: Vec<u8>,
    processes_max: u32,
}

impl HostUse {
    /// A host of a node with so many workers; its own begin with the `first_worker` and go round.
    pub(crate) fn new(
        id: Arc<str>,
        node_workers: usize,
        first_worker: usize,
        settings: &HostSettings,
    ) -> Self {
        let terms = ArcSwap::from_pointee(Terms { workers: Vec::new(), processes_max: 0 });
        let host = Self { id, node_workers, first_worker, terms, processes: AtomicU32::new(0) };
        host.set(settings);
        host
    }

    /// New settings for processes to come; those that run stay where they are.
    pub(crate) fn set(&self, settings: &HostSettings) {
        let all = (0..=u8::MAX).take(self.node_workers).cycle();
        let count = usize::from(settings.workers).min(self.node_workers);
        let workers = all.skip(self.first_worker).take(count).collect();
        self.terms.store(Arc::new(Terms { workers, processes_max: settings.processes_max }));
    }

    pub(crate) fn reserve_process(&self) -> Result<(), Failure> {
        let allowed = self.terms.load().processes_max;
        let reserve = |count: u32| (count < allowed).then_some(count + 1);
        self.processes.fetch_update(Ordering::AcqRel, Ordering::Acquire, reserve).map(drop).map_err(|count| {
            let message = format!("host `{}` runs {count} processes, at most {allowed} allowed", self.id);
            Failure::new(Kind::RateLimited, message)
        })
    }

    pub(crate) fn release_process(&self) {
        self.processes.fetch_sub(1, Ordering::AcqRel);
    }

    /// The worker that a child of `spawner`'s worker starts on, given each worker's number of runnable
    /// processes.
    pub(crate) fn place(&self, spawner: Option<u8>, load: impl Fn(u8) -> u32) -> Option<u8> {
        let terms = self.terms.load();
        let lightest = terms.workers.iter().copied().min_by_key(|worker| load(*worker))?;
        let stays = |worker: &u8| {
            let own = load(*worker);
            terms.workers.contains(worker) && (own <= LOAD_MARK || load(lightest) >= own / 2)
        };
        Some(spawner.filter(stays).unwrap_or(lightest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_stays_with_its_spawner_unless_that_worker_is_overloaded() {
        let settings = HostSettings { workers: 2, processes_max: 10 };
        let host = HostUse::new(Arc::from("app:processes"), 3, 2, &settings);
        for (spawner, loads, expected) in [
            (Some(0), [0, 0, 0], 0),
            (Some(2), [0, 0, LOAD_MARK], 2),
            (Some(2), [0, 0, LOAD_MARK + 1], 0),
            (Some(2), [LOAD_MARK, 0, LOAD_MARK + 1], 2),
            (Some(1), [5, 0, 4], 2),
            (None, [5, 0, 4], 2),
        ] {
            let load = |worker: u8| loads[usize::from(worker)];
            assert_eq!(host.place(spawner, load), Some(expected), "{spawner:?} {loads:?}");
        }
        host.set(&HostSettings { workers: 9, processes_max: 10 });
        assert_eq!(host.place(Some(1), |_| 0), Some(1), "all workers");
        host.set(&HostSettings { workers: 0, processes_max: 10 });
        assert_eq!(host.place(Some(0), |_| 0), None);
    }
}
