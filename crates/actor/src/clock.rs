//! Time as processes feel it: a monotonic clock for timers and a wall clock for deadlines that people read.
//!
//! Everything in this crate asks a [`Clock`] and nothing else, so that tests move time by hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Where a node takes the time from.
pub trait Clock: Send + Sync {
    /// Nanoseconds since a start of the clock's own choosing; never goes back.
    fn monotonic_ns(&self) -> u64;

    /// The time of day; may jump.
    fn wall(&self) -> SystemTime;
}

/// A time of day in seconds since 1970-01-01 UTC, as tokens have it; before that it is 0.
pub fn unix_seconds(wall: SystemTime) -> i64 {
    let since = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The operating system's clocks; monotonic time starts when this was made.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn monotonic_ns(&self) -> u64 {
        nanoseconds(self.start.elapsed())
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that stands still until it is told to [`advance`](Self::advance). Its wall clock starts at the
/// Unix epoch.
#[derive(Debug, Default)]
pub struct TestClock {
    now_ns: AtomicU64,
}

impl TestClock {
    /// A clock at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        self.now_ns.fetch_add(nanoseconds(by), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn monotonic_ns(&self) -> u64 {
        self.now_ns.load(Ordering::SeqCst)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.monotonic_ns())
    }
}

/// A duration in nanoseconds, at most `u64::MAX` (584 years).
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
