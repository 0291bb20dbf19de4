//! What can be asked in one go: a permission, or options, lists and tuples of what can be asked.
//!
//! Asks are checked in the order written, and the first denial ends it: the rest is not checked, and its record
//! is the only one of a denial.

use super::{Caller, Operation, Permit, Refusal};
use crate::permission::Permission;

/// One permission or several, checked together.
pub trait Asks {
    /// The permits that come back, in the same shape.
    type Permits;

    /// Checks each ask in order. [`Operation::check`] is the way to call it.
    ///
    /// # Errors
    /// The first refusal.
    fn check_each(self, operation: &Operation<'_>, caller: &Caller<'_>) -> Result<Self::Permits, Refusal>;
}

impl<P: Permission> Asks for P {
    type Permits = Permit<P>;

    fn check_each(self, operation: &Operation<'_>, caller: &Caller<'_>) -> Result<Self::Permits, Refusal> {
        operation.check_one(caller, self)
    }
}

impl<A: Asks> Asks for Option<A> {
    type Permits = Option<A::Permits>;

    fn check_each(self, operation: &Operation<'_>, caller: &Caller<'_>) -> Result<Self::Permits, Refusal> {
        self.map(|ask| ask.check_each(operation, caller)).transpose()
    }
}

impl<A: Asks> Asks for Vec<A> {
    type Permits = Vec<A::Permits>;

    fn check_each(self, operation: &Operation<'_>, caller: &Caller<'_>) -> Result<Self::Permits, Refusal> {
        self.into_iter().map(|ask| ask.check_each(operation, caller)).collect()
    }
}

/// Nothing to ask: nothing is checked.
impl Asks for () {
    type Permits = ();

    fn check_each(self, _: &Operation<'_>, _: &Caller<'_>) -> Result<Self::Permits, Refusal> {
        Ok(())
    }
}

/// Rust evaluates the fields of a tuple from left to right, which is the order of the checks.
macro_rules! tuple {
    ($($ask:ident $field:tt),+) => {
        impl<$($ask: Asks),+> Asks for ($($ask,)+) {
            type Permits = ($($ask::Permits,)+);

            fn check_each(
                self,
                operation: &Operation<'_>,
                caller: &Caller<'_>,
            ) -> Result<Self::Permits, Refusal> {
                Ok(($(self.$field.check_each(operation, caller)?,)+))
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
