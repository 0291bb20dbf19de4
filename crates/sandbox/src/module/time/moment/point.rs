//! A point in time, seen in a location: what it is, and reckoning with it. Knows neither Lua nor the sandbox.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::DateTime;
use value::Failure;

use crate::module::time::duration::MILLISECOND;
use crate::module::time::layout;
use crate::module::time::location::Location;
use crate::module::time::moment::calendar::Calendar;

/// Seconds from 0001-01-01T00:00:00Z to 1970: Go's zero time, from which it also rounds.
const ZERO_SECONDS: i64 = -62_135_596_800;

/// A point in time, to the nanosecond, and the location in which its date and clock are read.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// INVARIANT: in its location it lies in the years 0 to 9999; checked in [`Moment::new`].
    instant: Timestamp,
    location: Location,
}

impl Moment {
    /// A point in time in a location.
    ///
    /// # Errors
    /// INVALID: beyond the years 0 to 9999, which every layout can write.
    pub(crate) fn new(instant: Timestamp, location: Location) -> Result<Self, Failure> {
        let moment = Self { instant, location };
        if (0..=9999).contains(&moment.civil().year()) { Ok(moment) } else { Err(out_of_range()) }
    }

    /// The wall clock's time in UTC, cut to whole milliseconds: a finer clock would let a script measure what its
    /// neighbours do.
    ///
    /// # Errors
    /// INVALID: a clock that is thousands of years off.
    pub(crate) fn now(wall: SystemTime) -> Result<Self, Failure> {
        let instant = Timestamp::try_from(wall).map_err(|_| out_of_range())?;
        Self::new(instant, Location::utc())?.truncated(MILLISECOND)
    }

    /// Seconds and nanoseconds since 1970-01-01T00:00:00Z, in UTC. Either may be negative, and more nanoseconds
    /// than a second has count as seconds.
    ///
    /// # Errors
    /// INVALID: beyond the years 0 to 9999.
    pub(crate) fn from_unix(seconds: i64, nanoseconds: i64) -> Result<Self, Failure> {
        Self::at(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds), Location::utc())
    }

    /// A date and a time of day in a location. A time that the clocks there skip moves on by what they skip; of
    /// one that they show twice it is the first.
    ///
    /// # Errors
    /// INVALID: beyond the years 0 to 9999.
    pub(crate) fn from_calendar(calendar: Calendar, location: Location) -> Result<Self, Failure> {
        let ambiguous = location.zone().to_ambiguous_timestamp(calendar.datetime()?);
        let instant = ambiguous.compatible().map_err(|_| out_of_range())?;
        Self::new(instant, location)
    }

    fn at(nanoseconds: i128, location: Location) -> Result<Self, Failure> {
        let instant = Timestamp::from_nanosecond(nanoseconds).map_err(|_| out_of_range())?;
        Self::new(instant, location)
    }

    /// The point in time itself.
    pub(crate) fn instant(&self) -> Timestamp {
        self.instant
    }

    /// Where its date and clock are read.
    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// Its date and clock.
    pub(crate) fn civil(&self) -> DateTime {
        self.location.zone().to_datetime(self.instant)
    }

    /// The same point elsewhere.
    ///
    /// # Errors
    /// INVALID: beyond the years 0 to 9999 there.
    pub(crate) fn in_location(&self, location: Location) -> Result<Self, Failure> {
        Self::new(self.instant, location)
    }

    /// So many nanoseconds later.
    ///
    /// # Errors
    /// INVALID: beyond the years 0 to 9999.
    pub(crate) fn plus(&self, nanoseconds: i64) -> Result<Self, Failure> {
        Self::at(self.instant.as_nanosecond() + i128::from(nanoseconds), self.location.clone())
    }

    /// So many nanoseconds earlier.
    ///
    /// # Errors
    /// INVALID: beyond the years 0 to 9999.
    pub(crate) fn minus(&self, nanoseconds: i64) -> Result<Self, Failure> {
        Self::at(self.instant.as_nanosecond() - i128::from(nanoseconds), self.location.clone())
    }

    /// Nanoseconds from another point to this one.
    ///
    /// # Errors
    /// INVALID: more than 292 years.
    pub(crate) fn since(&self, other: &Self) -> Result<i64, Failure> {
        i64::try_from(self.instant.as_nanosecond() - other.instant.as_nanosecond()).map_err(|_| {
            Failure::invalid("the two times are more than 292 years apart, the most of a duration")
        })
    }

    /// The same clock on another day: years, months and days are added to the date as it stands, and what
    /// overflows runs on. A month after October 31 is December 1.
    ///
    /// # Errors
    /// INVALID: beyond the years 0 to 9999.
    pub(crate) fn plus_date(&self, years: i64, months: i64, days: i64) -> Result<Self, Failure> {
        let mut calendar = Calendar::of(self.civil());
        calendar.year = calendar.year.saturating_add(years);
        calendar.month = calendar.month.saturating_add(months);
        calendar.day = calendar.day.saturating_add(days);
        Self::from_calendar(calendar, self.location.clone())
    }

    /// Cut to a whole multiple of a step since the year 1; the same point for a step of zero or less.
    ///
    /// # Errors
    /// INVALID: beyond the years 0 to 9999.
    pub(crate) fn truncated(&self, step: i64) -> Result<Self, Failure> {
        Self::at(self.instant.as_nanosecond() - self.past_step(step), self.location.clone())
    }

    /// The nearest whole multiple of a step since the year 1, the later one from halfway on; the same point for
    /// a step of zero or less.
    ///
    /// # Errors
    /// INVALID: beyond the years 0 to 9999.
    pub(crate) fn rounded(&self, step: i64) -> Result<Self, Failure> {
        let past = self.past_step(step);
        let up = if past * 2 >= i128::from(step.max(1)) { i128::from(step.max(0)) } else { 0 };
        Self::at(self.instant.as_nanosecond() - past + up, self.location.clone())
    }

    /// Nanoseconds past the last multiple of a step.
    fn past_step(&self, step: i64) -> i128 {
        let since_zero = self.instant.as_nanosecond() - i128::from(ZERO_SECONDS) * 1_000_000_000;
        since_zero.rem_euclid(i128::from(step.max(1)))
    }

    /// Whether it is 0001-01-01T00:00:00Z, Go's zero time.
    pub(crate) fn is_zero(&self) -> bool {
        self.instant.as_second() == ZERO_SECONDS && self.instant.subsec_nanosecond() == 0
    }
}

impl PartialEq for Moment {
    /// The same point in time, wherever it is looked at.
    fn eq(&self, other: &Self) -> bool {
        self.instant == other.instant
    }
}

impl fmt::Display for Moment {
    /// As Go prints a time.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = layout::format(self, "2006-01-02 15:04:05.999999999 -0700 MST").map_err(|_| fmt::Error)?;
        formatter.write_str(&text)
    }
}

/// INVALID: a time that cannot be.
pub(super) fn out_of_range() -> Failure {
    Failure::invalid("the time is out of range: it must lie in the years 0 to 9999")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::module::time::duration::{HOUR, MINUTE, SECOND};

    fn moment(text: &str, zone: &str) -> Moment {
        Moment::new(text.parse().unwrap(), Location::load(zone).unwrap()).unwrap()
    }

    #[test]
    fn now_is_coarse() {
        for (nanoseconds, expected) in
            [(0, 0), (999_999, 0), (1_000_000, 1_000_000), (123_456_789, 123_000_000)]
        {
            let now = Moment::now(UNIX_EPOCH + Duration::from_nanos(nanoseconds)).unwrap();
            assert_eq!(now.instant().as_nanosecond(), expected);
        }
        let before_1970 = Moment::now(UNIX_EPOCH - Duration::from_nanos(1)).unwrap();
        assert_eq!(before_1970.instant().as_nanosecond(), -1_000_000);
    }

    #[test]
    fn a_clock_that_is_skipped_moves_on_and_of_two_the_first_counts() {
        let berlin = Location::load("Europe/Berlin").unwrap();
        for (day, month, expected) in
            [(31, 3, "2024-03-31 03:30:00 +0200 CEST"), (27, 10, "2024-10-27 02:30:00 +0200 CEST")]
        {
            let calendar = Calendar { year: 2024, month, day, hour: 2, minute: 30, second: 0, nanosecond: 0 };
            assert_eq!(Moment::from_calendar(calendar, berlin.clone()).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn a_day_later_is_the_same_clock_and_24_hours_later_may_not_be() {
        let eve = moment("2024-03-30T11:00:00Z", "Europe/Berlin");
        assert_eq!(eve.plus_date(0, 0, 1).unwrap().to_string(), "2024-03-31 12:00:00 +0200 CEST");
        assert_eq!(eve.plus(24 * HOUR).unwrap().to_string(), "2024-03-31 13:00:00 +0200 CEST");
        let october = moment("2024-10-31T00:00:00Z", "UTC");
        assert_eq!(october.plus_date(0, 1, 0).unwrap().to_string(), "2024-12-01 00:00:00 +0000 UTC");
        assert!(october.plus_date(i64::MAX, i64::MAX, i64::MIN).is_err());
    }

    #[test]
    fn rounding_is_that_of_go() {
        // The table of Go's own documentation of `Time.Round` and `Time.Truncate`.
        let time = moment("2012-12-07T12:15:30.918273645Z", "UTC");
        for (step, rounded, truncated) in [
            (1, ":15:30.918273645", ":15:30.918273645"),
            (1_000, ":15:30.918274", ":15:30.918273"),
            (MILLISECOND, ":15:30.918", ":15:30.918"),
            (SECOND, ":15:31", ":15:30"),
            (2 * SECOND, ":15:30", ":15:30"),
            (MINUTE, ":16:00", ":15:00"),
            (10 * MINUTE, ":20:00", ":10:00"),
            (0, ":15:30.918273645", ":15:30.918273645"),
            (i64::MIN, ":15:30.918273645", ":15:30.918273645"),
        ] {
            let expected = |clock| format!("2012-12-07 12{clock} +0000 UTC");
            assert_eq!(time.rounded(step).unwrap().to_string(), expected(rounded), "{step}");
            assert_eq!(time.truncated(step).unwrap().to_string(), expected(truncated), "{step}");
        }
    }

    #[test]
    fn differences_and_ranges_are_bounded() {
        let first = Moment::from_unix(-62_167_219_200, 0).unwrap();
        assert_eq!(first.to_string(), "0000-01-01 00:00:00 +0000 UTC");
        assert!(first.minus(1).is_err() && first.plus(1).is_ok());
        assert!(first.in_location(Location::fixed("", -60).unwrap()).is_err());
        assert!(
            Moment::from_unix(253_402_207_200, 0).is_ok() && Moment::from_unix(253_402_207_201, 0).is_err()
        );
        assert!(Moment::from_unix(i64::MAX, i64::MAX).is_err());
        assert!(Moment::from_unix(0, 0).unwrap().since(&first).is_err());
        let minute = Moment::from_unix(60, 0).unwrap().since(&Moment::from_unix(0, 1).unwrap());
        assert_eq!(minute.unwrap(), MINUTE - 1);
        assert!(Moment::from_unix(ZERO_SECONDS, 0).unwrap().is_zero());
    }
}
