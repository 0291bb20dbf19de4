//! What was permitted and takes effect later: a monitor, a link, a deadline.

use std::fmt;

use super::{Caller, Gate, Permit, Refusal};
use crate::permission::Permission;

/// A permission that was granted and has not taken effect yet. It is no permit: when it is to take effect it is renewed,
/// which asks again if policies have changed since.
#[derive(Clone)]
pub struct Standing<P> {
    request: P,
    /// The generation that granted it.
    generation: u64,
}

impl<P> Standing<P> {
    pub(super) fn new(request: P, generation: u64) -> Self {
        Self { request, generation }
    }

    /// What was granted.
    pub fn request(&self) -> &P {
        &self.request
    }
}

impl<P: Permission + Clone> Standing<P> {
    /// The permit, now that it takes effect. `caller` is whoever asked for it then. Call it on a thread with a stack of
    /// [`crate::limits::EVALUATION_STACK_BYTES`].
    ///
    /// # Errors
    /// The policies now in force do not permit it: as [`super::Operation::check`].
    pub fn renew(&self, gate: &Gate, caller: &Caller<'_>) -> Result<Permit<P>, Refusal> {
        if gate.generation() == self.generation {
            return Ok(Permit::grant(self.request.clone(), self.generation));
        }
        gate.operation().check(caller, self.request.clone())
    }
}

impl<P: fmt::Debug> fmt::Debug for Standing<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Standing({:?}, generation {})", self.request, self.generation)
    }
}
