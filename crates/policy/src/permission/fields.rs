//! The fields of one check's context, kept in place: a check whose answer is remembered allocates nothing.

use super::{Datum, Permission};

/// Fields of one action's context, beside those of every check: 5, as a start has.
pub(crate) const FIELDS_MAX: usize = 5;

/// The fields of one check, absent optional ones left out.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    given: [Option<(&'static str, Datum<'a>)>; FIELDS_MAX],
}

impl<'a> Fields<'a> {
    /// No field.
    pub const fn none() -> Self {
        Self { given: [None; FIELDS_MAX] }
    }

    /// One field.
    pub fn one(name: &'static str, datum: Datum<'a>) -> Self {
        Self::none().with(name, datum)
    }

    /// The same and one field more. There is room for all that any action declares.
    #[must_use]
    pub fn with(mut self, name: &'static str, datum: Datum<'a>) -> Self {
        let free = self.given.iter_mut().find(|place| place.is_none());
        debug_assert!(free.is_some(), "a field more than any action has");
        if let Some(place) = free {
            *place = Some((name, datum));
        }
        self
    }

    /// The same and one field more, if it is there.
    #[must_use]
    pub fn with_some(self, name: &'static str, datum: Option<Datum<'a>>) -> Self {
        match datum {
            Some(datum) => self.with(name, datum),
            None => self,
        }
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Datum<'a>)> + '_ {
        self.given.iter().flatten().copied()
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<Datum<'a>> {
        self.iter().find(|(given, _)| *given == name).map(|(_, datum)| datum)
    }
}

/// What can say the fields of a check's context. They are asked for only where policies read them.
pub(crate) trait Context {
    /// The fields.
    fn fields(&self) -> Fields<'_>;
}

impl<P: Permission> Context for P {
    fn fields(&self) -> Fields<'_> {
        self.context()
    }
}

impl Context for Fields<'_> {
    fn fields(&self) -> Fields<'_> {
        *self
    }
}
