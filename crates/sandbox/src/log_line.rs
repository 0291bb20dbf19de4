//! Log lines of scripts: bounded, rate limited, made visible, and marked with who wrote them.
//!
//! They are the tenant's own words and never part of a decision record. Where they end up is the subscriber's
//! to say; this file only emits events of the target `tenant`.

use diagnostic::visible;
use value::{Value, to_json};

use crate::limits::{LOG_LINE_BYTES_MAX, LOG_LINES_PER_SECOND};
use crate::process_state::ProcessState;

/// How many lines a process has written in the second that runs.
#[derive(Default)]
pub(crate) struct LogBudget {
    second: u64,
    written: u32,
    dropped: u32,
}

impl LogBudget {
    /// Whether one more line may be written; the lines dropped in a second that is over are returned once.
    fn take(&mut self, now_ns: u64) -> (bool, u32) {
        let second = now_ns / 1_000_000_000;
        let mut dropped = 0;
        if second != self.second {
            dropped = self.dropped;
            *self = Self { second, ..Self::default() };
        }
        if self.written >= LOG_LINES_PER_SECOND {
            self.dropped += 1;
            return (false, dropped);
        }
        self.written += 1;
        (true, dropped)
    }
}

/// Writes one line for a process.
pub(crate) fn write(
    state: &mut ProcessState,
    now_ns: u64,
    level: tracing::Level,
    message: &str,
    fields: &[(String, Value)],
) {
    let (allowed, dropped) = state.log.take(now_ns);
    let tenant = state.actor.tenant().as_str();
    let (pid, definition, actor): (&str, &str, &str) =
        (state.facts.pid(), state.program.facts.id(), state.actor.id());
    if dropped > 0 {
        tracing::warn!(target: "tenant", tenant, pid, definition, actor, dropped, "log lines were dropped");
    }
    if !allowed {
        return;
    }
    let mut line = visible(message);
    for (key, value) in fields {
        line.push(' ');
        line.push_str(&visible(key));
        line.push('=');
        line.push_str(&visible(&to_json(value).to_string()));
    }
    if line.len() > LOG_LINE_BYTES_MAX {
        let mut end = LOG_LINE_BYTES_MAX;
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.truncate(end);
        line.push_str(" [cut]");
    }
    match level {
        tracing::Level::ERROR => tracing::error!(target: "tenant", tenant, pid, definition, actor, "{line}"),
        tracing::Level::WARN => tracing::warn!(target: "tenant", tenant, pid, definition, actor, "{line}"),
        tracing::Level::INFO => tracing::info!(target: "tenant", tenant, pid, definition, actor, "{line}"),
        _ => tracing::debug!(target: "tenant", tenant, pid, definition, actor, "{line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_the_rate_are_counted_and_told_in_the_next_second() {
        let mut budget = LogBudget::default();
        for _ in 0..LOG_LINES_PER_SECOND {
            assert_eq!(budget.take(1_000_000_000), (true, 0));
        }
        assert_eq!(budget.take(1_500_000_000), (false, 0));
        assert_eq!(budget.take(2_000_000_000), (true, 1));
    }
}
