//! Dates as people put them together: any field may overflow into the next. Knows neither Lua nor the sandbox.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use value::Failure;

use crate::module::time::moment::point::out_of_range;

/// A date and a time of day whose fields need not be in their usual ranges: month 13 is January of the next
/// year, day 0 the last of the month before, hour -1 eleven in the evening of the day before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// Year of the proleptic Gregorian calendar.
    pub(crate) year: i64,
    /// Month, from 1.
    pub(crate) month: i64,
    /// Day of the month, from 1.
    pub(crate) day: i64,
    /// Hour, from 0.
    pub(crate) hour: i64,
    /// Minute, from 0.
    pub(crate) minute: i64,
    /// Second, from 0.
    pub(crate) second: i64,
    /// Nanosecond, from 0.
    pub(crate) nanosecond: i64,
}

impl Calendar {
    /// The fields of a date and time.
    pub(crate) fn of(civil: DateTime) -> Self {
        Self {
            year: civil.year().into(),
            month: civil.month().into(),
            day: civil.day().into(),
            hour: civil.hour().into(),
            minute: civil.minute().into(),
            second: civil.second().into(),
            nanosecond: civil.subsec_nanosecond().into(),
        }
    }

    /// The date and time that the fields mean.
    ///
    /// # Errors
    /// INVALID: beyond the years 0 to 9999.
    pub(crate) fn datetime(self) -> Result<DateTime, Failure> {
        const NANOSECONDS: i128 = 1_000_000_000;
        // Wide integers: no field of 64 bits can overflow them.
        let months = i128::from(self.year) * 12 + i128::from(self.month) - 1;
        let year = i16::try_from(months.div_euclid(12)).map_err(|_| out_of_range())?;
        let month = i8::try_from(months.rem_euclid(12) + 1).map_err(|_| out_of_range())?;
        let first = Date::new(year, month, 1).map_err(|_| out_of_range())?;

        let hours = (i128::from(self.day) - 1) * 24 + i128::from(self.hour);
        let minutes = hours * 60 + i128::from(self.minute);
        let seconds = minutes * 60 + i128::from(self.second);
        let nanoseconds = seconds * NANOSECONDS + i128::from(self.nanosecond);
        let seconds = i64::try_from(nanoseconds.div_euclid(NANOSECONDS)).map_err(|_| out_of_range())?;
        let rest = i32::try_from(nanoseconds.rem_euclid(NANOSECONDS)).map_err(|_| out_of_range())?;
        first
            .to_datetime(Time::midnight())
            .checked_add(SignedDuration::new(seconds, rest))
            .map_err(|_| out_of_range())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_overflow_into_the_next() {
        let check = |fields: [i64; 7], expected: Option<&str>| {
            let [year, month, day, hour, minute, second, nanosecond] = fields;
            let calendar = Calendar { year, month, day, hour, minute, second, nanosecond };
            assert_eq!(
                calendar.datetime().ok().map(|civil| civil.to_string()).as_deref(),
                expected,
                "{fields:?}"
            );
        };
        check([2024, 2, 29, 12, 30, 15, 1], Some("2024-02-29T12:30:15.000000001"));
        check([2023, 2, 29, 0, 0, 0, 0], Some("2023-03-01T00:00:00"));
        check([2024, 13, 1, 0, 0, 0, 0], Some("2025-01-01T00:00:00"));
        check([2024, 0, 1, 0, 0, 0, 0], Some("2023-12-01T00:00:00"));
        check([2024, 3, 0, 0, 0, 0, 0], Some("2024-02-29T00:00:00"));
        check([2024, 10, 32, 25, 61, 61, 1_000_000_000], Some("2024-11-02T02:02:02"));
        check([2024, 1, 1, 0, 0, 0, -1], Some("2023-12-31T23:59:59.999999999"));
        check([i64::MAX, i64::MAX, 1, 0, 0, 0, 0], None);
        check([2024, 1, i64::MIN, i64::MIN, i64::MIN, i64::MIN, i64::MIN], None);
    }
}
