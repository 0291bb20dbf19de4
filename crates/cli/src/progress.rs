//! How far a long reading is, on a terminal: from the first second on, ten times a second, and gone at the end.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Time before anything is shown.
const QUIET: Duration = Duration::from_secs(1);

/// Time between two changes of what is shown.
const PACE: Duration = Duration::from_millis(100);

/// Steps between two looks at the clock.
const STEPS: u64 = 256;

/// Counts steps and shows how many there were.
pub(crate) struct Progress {
    what: &'static str,
    steps: u64,
    next: Instant,
    is_shown: bool,
    is_wanted: bool,
}

impl Progress {
    /// A count of steps of this.
    pub(crate) fn new(what: &'static str) -> Self {
        let is_wanted = io::stderr().is_terminal();
        Self { what, steps: 0, next: Instant::now() + QUIET, is_shown: false, is_wanted }
    }

    /// One step more.
    pub(crate) fn step(&mut self) {
        self.steps += 1;
        if !self.is_wanted || !self.steps.is_multiple_of(STEPS) || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + PACE;
        self.is_shown = true;
        // Nobody to see it is not an error.
        let _ = write!(io::stderr().lock(), "\r{}: {} records", self.what, self.steps);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            // The line is cleared, for what comes after it.
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}
