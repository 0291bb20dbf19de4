//! Times in Lua: the object that `time.now` gives, and what can be done with it.

mod calendar;
mod parts;
mod point;
mod reckoning;
mod text;
mod zone;

use value::Failure;

use crate::declaration::Type;
use crate::function::{Outcome, declare};
use crate::object::Object;
use crate::question::Question;

pub(crate) use calendar::Calendar;
pub(crate) use point::Moment;

pub(crate) static TYPE: Type = Type {
    name: "time",
    text: "A point in time, to the nanosecond, in a location, in the years 0 to 9999. It never changes; every \
           method makes a new one. `==`, `<` and `<=` compare points in time, wherever they are looked at; `-` \
           gives the duration between two, `+` and `-` with a duration a later or earlier one.",
    methods: &[
        declare::<reckoning::Add>(),
        declare::<reckoning::Sub>(),
        declare::<reckoning::AddDate>(),
        declare::<reckoning::Round>(),
        declare::<reckoning::Truncate>(),
        declare::<reckoning::Before>(),
        declare::<reckoning::After>(),
        declare::<reckoning::Equal>(),
        declare::<text::Format>(),
        declare::<text::FormatRfc3339>(),
        declare::<parts::Get<parts::Unix>>(),
        declare::<parts::Get<parts::UnixNano>>(),
        declare::<parts::Date>(),
        declare::<parts::Clock>(),
        declare::<parts::Get<parts::Year>>(),
        declare::<parts::Get<parts::Month>>(),
        declare::<parts::Get<parts::Day>>(),
        declare::<parts::Get<parts::Hour>>(),
        declare::<parts::Get<parts::Minute>>(),
        declare::<parts::Get<parts::Second>>(),
        declare::<parts::Get<parts::Nanosecond>>(),
        declare::<parts::Get<parts::Weekday>>(),
        declare::<parts::Get<parts::YearDay>>(),
        declare::<parts::IsZero>(),
        declare::<zone::Utc>(),
        declare::<zone::InLocal>(),
        declare::<zone::InLocation>(),
        declare::<zone::LocationOf>(),
        declare::<text::ToString>(),
        declare::<reckoning::EqualOperator>(),
        declare::<reckoning::Less>(),
        declare::<reckoning::LessOrEqual>(),
        declare::<reckoning::Plus>(),
        declare::<reckoning::Minus>(),
    ],
};

/// The time at `index`.
///
/// # Errors
/// INVALID: anything else.
fn argument<'a>(question: &Question<'a>, index: usize, name: &str) -> Result<&'a Moment, Failure> {
    match question.object(index) {
        Some(Object::Moment(moment)) => Ok(moment),
        _ => Err(question.expected(index, name, "a time")),
    }
}

/// Returns a time.
pub(super) fn object(moment: Moment) -> Outcome {
    Outcome::object(Object::Moment(Box::new(moment)))
}
