//! What can be asked in one go: a permission, or options, lists and tuples of what can be asked.
//!
//! Asks are decided in the order written, and the first denial ends it: the rest is not decided, and its record
//! is the only one of a denial. Permits are made of all of them together, once nothing stands against any.

use super::{Caller, Operation, Permit, Refusal};
use crate::permission::Permission;

/// One permission or several, checked together.
pub trait Asks: Sized {
    /// The permits that come back, in the same shape.
    type Permits;

    /// Whether something sensitive can be among them at all.
    const SENSITIVE: bool;

    /// Whether something sensitive is among these.
    fn is_sensitive(&self) -> bool;

    /// Decides each ask in order, and records what is to be recorded. [`Operation::check`] is the way to call it.
    ///
    /// # Errors
    /// The first refusal.
    fn decide_each(&self, operation: &Operation<'_>, caller: &Caller<'_>) -> Result<(), Refusal>;

    /// The permits.
    fn grant_each(self, settled: &Settled) -> Self::Permits;
}

/// The proof that everything asked was decided with a yes, by one generation, and that what has to be on the disk before it
/// happens is there.
pub struct Settled {
    // INVARIANT: made by the gate alone.
    pub(super) generation: u64,
}

impl<P: Permission> Asks for P {
    type Permits = Permit<P>;

    const SENSITIVE: bool = P::SPEC.recorded.ever_sensitive();

    fn is_sensitive(&self) -> bool {
        P::SPEC.recorded.is_sensitive(self)
    }

    fn decide_each(&self, operation: &Operation<'_>, caller: &Caller<'_>) -> Result<(), Refusal> {
        operation.decide_one(caller, self)
    }

    fn grant_each(self, settled: &Settled) -> Permit<P> {
        Permit::grant(self, settled)
    }
}

impl<A: Asks> Asks for Option<A> {
    type Permits = Option<A::Permits>;

    const SENSITIVE: bool = A::SENSITIVE;

    fn is_sensitive(&self) -> bool {
        self.as_ref().is_some_and(A::is_sensitive)
    }

    fn decide_each(&self, operation: &Operation<'_>, caller: &Caller<'_>) -> Result<(), Refusal> {
        self.iter().try_for_each(|ask| ask.decide_each(operation, caller))
    }

    fn grant_each(self, settled: &Settled) -> Self::Permits {
        self.map(|ask| ask.grant_each(settled))
    }
}

impl<A: Asks> Asks for Vec<A> {
    type Permits = Vec<A::Permits>;

    const SENSITIVE: bool = A::SENSITIVE;

    fn is_sensitive(&self) -> bool {
        self.iter().any(A::is_sensitive)
    }

    fn decide_each(&self, operation: &Operation<'_>, caller: &Caller<'_>) -> Result<(), Refusal> {
        self.iter().try_for_each(|ask| ask.decide_each(operation, caller))
    }

    fn grant_each(self, settled: &Settled) -> Self::Permits {
        self.into_iter().map(|ask| ask.grant_each(settled)).collect()
    }
}

/// Nothing to ask: nothing is checked.
impl Asks for () {
    type Permits = ();

    const SENSITIVE: bool = false;

    fn is_sensitive(&self) -> bool {
        false
    }

    fn decide_each(&self, _: &Operation<'_>, _: &Caller<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn grant_each(self, _: &Settled) {}
}

macro_rules! tuple {
    ($($ask:ident $field:tt),+) => {
        impl<$($ask: Asks),+> Asks for ($($ask,)+) {
            type Permits = ($($ask::Permits,)+);

            const SENSITIVE: bool = $($ask::SENSITIVE)||+;

            fn is_sensitive(&self) -> bool {
                $(self.$field.is_sensitive())||+
            }

            fn decide_each(&self, operation: &Operation<'_>, caller: &Caller<'_>) -> Result<(), Refusal> {
                $(self.$field.decide_each(operation, caller)?;)+
                Ok(())
            }

            fn grant_each(self, settled: &Settled) -> Self::Permits {
                ($(self.$field.grant_each(settled),)+)
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
