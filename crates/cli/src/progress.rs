//! How far long work is: one line on a terminal, from the first second on, gone when the work is done.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Work that takes less is done before anybody asks.
const SILENT: Duration = Duration::from_secs(1);

/// Time between two drawings.
const REDRAWN: Duration = Duration::from_millis(100);

/// The line. It goes when this is dropped.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    terminal: bool,
    next: Instant,
    drawn: bool,
}

impl ProgressLine {
    /// For work that begins now.
    pub(crate) fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), next: Instant::now() + SILENT, drawn: false }
    }

    /// So much of what is called so is done, of so much in all.
    pub(crate) fn at(&mut self, what: &str, done: u64, in_all: u64) {
        if !self.terminal || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + REDRAWN;
        self.drawn = true;
        // Nobody to read it is no error.
        let _ = write!(io::stderr().lock(), "\r\x1b[K{}", line(what, done, in_all));
    }

    /// Makes room for something else.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}

fn line(what: &str, done: u64, in_all: u64) -> String {
    const WIDTH: u64 = 30;
    let share = |of: u64| done.min(in_all).saturating_mul(of).checked_div(in_all).unwrap_or(of);
    let filled = usize::try_from(share(WIDTH)).unwrap_or_default();
    format!("{what} [{:<30}] {:>3} %", "=".repeat(filled), share(100))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_line_fills_up_and_never_overflows() {
        assert_eq!(line("indexing", 1, 2), "indexing [===============               ]  50 %");
        assert_eq!(line("indexing", 5, 2), "indexing [==============================] 100 %");
        assert_eq!(line("indexing", 0, 0), "indexing [==============================] 100 %");
    }
}
