//! Watches the workers from outside: one that does not leave a slice is reported, with how long it has been in
//! it. It knows neither Lua nor processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use actor::Clock;

use crate::limits::STUCK_NS;

/// When a worker entered the slice that it is in; 0 between slices.
#[derive(Default)]
pub(crate) struct Beat {
    since_ns: AtomicU64,
}

impl Beat {
    /// A slice begins.
    pub(crate) fn begin(&self, now_ns: u64) {
        self.since_ns.store(now_ns.max(1), Ordering::Relaxed);
    }

    /// It is over.
    pub(crate) fn end(&self) {
        self.since_ns.store(0, Ordering::Relaxed);
    }

    /// How long the worker has been in its slice.
    fn in_slice_ns(&self, now_ns: u64) -> u64 {
        match self.since_ns.load(Ordering::Relaxed) {
            0 => 0,
            since_ns => now_ns.saturating_sub(since_ns),
        }
    }
}

/// Looks at every worker four times in the time after which one counts as stuck, until `stopping`.
pub(crate) fn watch(beats: &[Arc<Beat>], clock: &dyn Clock, stopping: &AtomicBool) {
    let mut reported = vec![false; beats.len()];
    while !stopping.load(Ordering::Acquire) {
        std::thread::park_timeout(Duration::from_nanos(STUCK_NS / 4));
        for (worker, (beat, reported)) in beats.iter().zip(&mut reported).enumerate() {
            let in_slice_ns = beat.in_slice_ns(clock.monotonic_ns());
            let stuck = in_slice_ns > STUCK_NS;
            if stuck && !*reported {
                tracing::warn!(
                    worker,
                    in_slice_ms = in_slice_ns / 1_000_000,
                    "a worker is stuck in one slice"
                );
            }
            *reported = stuck;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_between_slices_is_never_stuck() {
        let beat = Beat::default();
        assert_eq!(beat.in_slice_ns(u64::MAX), 0);
        beat.begin(1_000);
        assert_eq!(beat.in_slice_ns(1_500), 500);
        beat.end();
        assert_eq!(beat.in_slice_ns(u64::MAX), 0);
    }
}
