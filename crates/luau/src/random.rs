//! `math.random` and `math.randomseed`: a generator for each body.
//!
//! Luau's own is one for a whole machine: a body could steer what another one draws. Not for secrets.

use std::collections::hash_map::RandomState;
use std::ffi::c_int;
use std::hash::BuildHasher as _;

use mlua::ffi;

use crate::host::Host;
use crate::machine::Machine;
use crate::thread::Thread;

/// SplitMix64 (Steele, Lea, Flood 2014): one word, and every seed is a good one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generator(u64);

impl Generator {
    /// One that nobody can foresee.
    pub(crate) fn unpredictable() -> Self {
        Self(RandomState::new().hash_one(0_u64))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// `math.random()`: from 0 to below 1. `math.random(n)`: an integer from 1 to n. `math.random(m, n)`: from m to n.
pub(crate) unsafe extern "C-unwind" fn random<H: Host>(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let (low, high) = match thread.top() {
        0 => {
            thread.push_number(fraction(drawn::<H>(thread)));
            return 1;
        }
        1 => (1.0, integer(thread, 1)),
        _ => (integer(thread, 1), integer(thread, 2)),
    };
    if low > high {
        thread.raise_text(c"invalid argument to 'random' (interval is empty)");
    }
    thread.push_number(between(drawn::<H>(thread), low, high));
    1
}

/// `math.randomseed(seed)`: the same numbers follow the same seed.
pub(crate) unsafe extern "C-unwind" fn seed<H: Host>(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: Luau calls this with the running thread.
    let thread = unsafe { Thread::new(raw) };
    let seed = integer(thread, 1).to_bits();
    Machine::<H>::of(thread).with_running(|body, _| body.random = Generator(seed));
    0
}

fn drawn<H: Host>(thread: Thread) -> u64 {
    Machine::<H>::of(thread).with_running(|body, _| body.random.next()).unwrap_or_default()
}

/// The whole number at `index`. Raises when there is none, or beyond 2^53, where doubles have gaps.
fn integer(thread: Thread, index: c_int) -> f64 {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match thread.number(index).map(f64::trunc) {
        Some(number) if number.abs() <= EXACT_MAX => number,
        _ => thread.raise_text(c"invalid argument to 'random' (integer up to 2^53 expected)"),
    }
}

/// 53 random bits, which is what a double from 0 to 1 has.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
fn fraction(word: u64) -> f64 {
    (word >> 11) as f64 / (1_u64 << 53) as f64
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers up to 2^54"
)]
fn between(word: u64, low: f64, high: f64) -> f64 {
    let count = (high - low) as u64 + 1;
    let offset = (u128::from(word) * u128::from(count)) >> 64;
    (low + offset as f64).min(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_stays_within_its_bounds_and_reaches_them() {
        for (low, high) in [(1.0, 1.0), (1.0, 6.0), (-3.0, 3.0), (0.0, 9_007_199_254_740_992.0)] {
            assert_eq!((between(0, low, high), between(u64::MAX, low, high)), (low, high));
        }
        assert!((fraction(0), fraction(u64::MAX)) < (0.1, 1.0));
        let mut generator = Generator(1);
        let drawn: std::collections::BTreeSet<_> =
            (0..1000).map(|_| between(generator.next(), 1.0, 6.0).to_bits()).collect();
        assert_eq!(drawn.len(), 6);
    }
}
