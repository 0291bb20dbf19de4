//! How long a service waits before it starts again, and when it has had its chances: arithmetic, no clock.

use std::time::Duration;

use crate::manifest::Restart;

/// The restarts of one service since it last ran well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Restarts {
    made: u32,
}

impl Restarts {
    /// How many there were.
    pub(crate) fn made(self) -> u32 {
        self.made
    }

    /// The wait before the next one after the service failed; `None` when it has had as many as it may.
    ///
    /// `ran` is how long it ran: from `stable_threshold` on it counts as having run well. `chance`, from 0 to 1,
    /// says how much of the random part is waited.
    pub(crate) fn after_failure(
        &mut self,
        restart: &Restart,
        stable_threshold: Duration,
        ran: Option<Duration>,
        chance: f64,
    ) -> Option<Duration> {
        if ran.is_some_and(|ran| ran >= stable_threshold) {
            self.made = 0;
        }
        if restart.attempts_max.is_some_and(|attempts_max| self.made >= attempts_max) {
            return None;
        }
        let wait = delay(restart, self.made, chance);
        self.made = self.made.saturating_add(1);
        Some(wait)
    }
}

/// Shortest wait: a service that fails at once must not keep everybody else from their turn.
const SHORTEST: Duration = Duration::from_millis(1);

/// The wait before a restart that `before` others went before.
fn delay(restart: &Restart, before: u32, chance: f64) -> Duration {
    let exponent = i32::try_from(before).unwrap_or(i32::MAX);
    let grown = restart.initial_delay.as_secs_f64() * restart.backoff_factor.powi(exponent);
    // Not a number or too large to be a duration: either way the longest wait.
    let whole = Duration::try_from_secs_f64(grown)
        .unwrap_or(restart.max_delay)
        .clamp(Duration::ZERO, restart.max_delay);
    let random = restart.jitter.clamp(0.0, 1.0) * chance.clamp(0.0, 1.0);
    whole.mul_f64(1.0 - random).max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restart(attempts_max: Option<u32>) -> Restart {
        Restart {
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(10),
            backoff_factor: 2.0,
            jitter: 0.5,
            attempts_max,
        }
    }

    /// Waits, in milliseconds, after failures of a service that ran for so long each time.
    fn waits(attempts_max: Option<u32>, chance: f64, ran_ms: &[u64]) -> Vec<Option<u128>> {
        let (restart, mut restarts) = (restart(attempts_max), Restarts::default());
        let stable = Duration::from_millis(500);
        let mut wait = |ran_ms: &u64| {
            let ran = Some(Duration::from_millis(*ran_ms));
            restarts.after_failure(&restart, stable, ran, chance).map(|wait| wait.as_millis())
        };
        ran_ms.iter().map(&mut wait).collect()
    }

    #[test]
    fn waits_grow_up_to_the_longest_one() {
        let expected = [1_000, 2_000, 4_000, 8_000, 10_000, 10_000].map(Some);
        assert_eq!(waits(None, 0.0, &[0; 6]), expected);
    }

    #[test]
    fn a_part_of_a_wait_is_random_and_only_shortens_it() {
        assert_eq!(waits(None, 1.0, &[0; 3]), [500, 1_000, 2_000].map(Some));
        assert_eq!(waits(None, 0.5, &[0; 3]), [750, 1_500, 3_000].map(Some));
    }

    #[test]
    fn as_many_restarts_as_allowed_and_then_none() {
        assert_eq!(waits(Some(2), 0.0, &[0; 4]), [Some(1_000), Some(2_000), None, None]);
    }

    #[test]
    fn a_service_that_ran_well_counts_from_none() {
        let ran = [0, 0, 499, 500, 0];
        assert_eq!(waits(Some(3), 0.0, &ran), [1_000, 2_000, 4_000, 1_000, 2_000].map(Some));
    }

    #[test]
    fn no_number_of_restarts_overflows() {
        let restart = Restart { backoff_factor: 100.0, ..restart(None) };
        assert_eq!(delay(&restart, u32::MAX, 0.0), restart.max_delay);
        let none = Restart { initial_delay: Duration::ZERO, ..restart };
        assert_eq!(delay(&none, u32::MAX, 0.0), none.max_delay, "nothing times infinity is no number");
    }

    #[test]
    fn there_is_always_a_wait() {
        let none = Restart { jitter: 1.0, ..restart(None) };
        assert_eq!(delay(&none, 0, 1.0), SHORTEST);
    }
}
