//! The proof that a permission was granted.

use super::asks::Settled;

/// What the gate gives for a permission that it granted: the only thing that effects take.
///
/// It cannot be made outside the gate, copied, or used for another permission; the effect reads what was checked
/// out of it. Use it at once: it never outlives the resume of the process in which it was made.
#[derive(Debug)]
#[must_use = "a permit is granted to be used, at once"]
pub struct Permit<P> {
    // INVARIANT: made by the gate alone, after it said yes to this very value; of a sensitive one, in a strict log, after the
    // record of that is durable.
    request: P,
    /// The generation that granted it.
    generation: u64,
}

impl<P> Permit<P> {
    pub(super) fn grant(request: P, settled: &Settled) -> Self {
        Self { request, generation: settled.generation }
    }

    /// What was granted.
    pub fn request(&self) -> &P {
        &self.request
    }

    /// What was granted, given up for the effect.
    pub fn into_request(self) -> P {
        self.request
    }

    pub(super) fn into_parts(self) -> (P, u64) {
        (self.request, self.generation)
    }
}
