//! What the parts of a date mean together: which day, and which point in time.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset};

use crate::module::time::location::Location;
use crate::module::time::moment::{Calendar, Moment};

/// What a text says of a time; each in its own range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Parts {
    /// 0 when it is not said.
    pub(super) year: Option<i64>,
    /// 1 when it is not said.
    pub(super) month: Option<i64>,
    /// 1 when it is not said.
    pub(super) day: Option<i64>,
    /// Instead of month and day, or in agreement with them.
    pub(super) year_day: Option<i64>,
    /// 0 to 23, or 1 to 12 with `afternoon`.
    pub(super) hour: i64,
    /// `PM`, or `AM`.
    pub(super) afternoon: Option<bool>,
    /// 0 to 59.
    pub(super) minute: i64,
    /// 0 to 59.
    pub(super) second: i64,
    /// 0 to 999 999 999.
    pub(super) nanosecond: i64,
    /// Seconds ahead of UTC.
    pub(super) offset_seconds: Option<i64>,
    /// What the zone's clocks are called.
    pub(super) abbreviation: Option<String>,
}

impl Parts {
    /// The point in time, in the location that [`super::parse`] promises.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(super) fn moment(&self, location: Option<&Location>) -> Result<Moment, String> {
        let civil = self.datetime()?;
        let moment = match (self.offset_seconds, self.abbreviation.as_deref()) {
            (Some(offset), _) => self.at_offset(civil, offset, location)?,
            (None, Some("UTC" | "GMT")) => self.at_offset(civil, 0, location)?,
            (None, Some(abbreviation)) => abbreviated(civil, abbreviation, location)?,
            (None, None) => {
                let location = location.cloned().unwrap_or_else(Location::utc);
                Moment::from_calendar(Calendar::of(civil), location).map_err(|failure| failure.message)?
            }
        };
        Ok(moment)
    }

    fn datetime(&self) -> Result<DateTime, String> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let date = self.date()?;
        let calendar =
            Calendar { hour, minute: self.minute, second: self.second, nanosecond: self.nanosecond, ..date };
        calendar.datetime().map_err(|failure| failure.message)
    }

    /// The day, at midnight.
    fn date(&self) -> Result<Calendar, String> {
        let year = self.year.unwrap_or(0);
        let first = Calendar { year, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 0 };
        let date = match self.year_day {
            // The calendar counts on from January 1.
            Some(year_day) => Calendar { day: year_day, ..first },
            None => Calendar { month: self.month.unwrap_or(1), day: self.day.unwrap_or(1), ..first },
        };
        let found = date.datetime().map_err(|failure| failure.message)?.date();
        let agrees = |said: Option<i64>, found: i64| said.is_none_or(|said| said == found);
        if agrees(Some(year), found.year().into())
            && agrees(self.month, found.month().into())
            && agrees(self.day, found.day().into())
        {
            return Ok(Calendar::of(Date::to_datetime(found, jiff::civil::Time::midnight())));
        }
        Err("there is no such day".to_owned())
    }

    fn at_offset(
        &self,
        civil: DateTime,
        seconds: i64,
        location: Option<&Location>,
    ) -> Result<Moment, String> {
        let fixed = match seconds {
            0 => Location::utc(),
            _ => {
                let name = self.abbreviation.as_deref().unwrap_or_default();
                Location::fixed(name, seconds).map_err(|failure| failure.message)?
            }
        };
        let there = Moment::from_calendar(Calendar::of(civil), fixed).map_err(|failure| failure.message)?;
        match location {
            Some(location) if i64::from(location.offset(there.instant()).seconds()) == seconds => {
                there.in_location(location.clone()).map_err(|failure| failure.message)
            }
            _ => Ok(there),
        }
    }
}

/// The time at which the clocks of a location show this and are called so.
///
/// An abbreviation alone names no zone (`CST` is a time of three continents, `IST` of three countries). Go takes
/// one that it does not know for UTC; we refuse it.
fn abbreviated(civil: DateTime, abbreviation: &str, location: Option<&Location>) -> Result<Moment, String> {
    let Some(location) = location else {
        return Err(format!(
            "`{abbreviation}` alone names no zone; give a location, or an offset in the text"
        ));
    };
    let offsets: [Offset; 2] = match location.zone().to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => [offset, offset],
        AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => [before, after],
    };
    offsets
        .into_iter()
        .filter_map(|offset| {
            offset.to_timestamp(civil).ok().filter(|instant| location.offset(*instant) == offset)
        })
        .find(|instant| location.abbreviation(*instant) == abbreviation)
        .and_then(|instant| Moment::new(instant, location.clone()).ok())
        .ok_or_else(|| format!("`{}` has no `{abbreviation}` at that time", location.name()))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use crate::module::time::location::Location;

    fn check(layout: &str, text: &str, zone: Option<&str>, expected: Result<&str, &str>) {
        let location = zone.map(|name| Location::load(name).unwrap());
        let found = parse(layout, text, location.as_ref());
        match expected {
            Ok(expected) => assert_eq!(found.unwrap().to_string(), expected, "{layout} {text}"),
            Err(why) => {
                let message = found.unwrap_err().message;
                assert!(message.ends_with(why), "{message}");
            }
        }
    }

    #[test]
    fn a_text_is_read_by_its_layout() {
        const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
        for (layout, text, expected) in [
            (RFC3339, "2024-02-29T23:59:59Z", "2024-02-29 23:59:59 +0000 UTC"),
            (RFC3339, "2024-02-29T23:59:59.123456789Z", "2024-02-29 23:59:59.123456789 +0000 UTC"),
            (RFC3339, "2024-02-29T23:59:59,5+05:45", "2024-02-29 23:59:59.5 +0545 +0545"),
            (
                "Mon, 02 Jan 2006 15:04:05 MST",
                "Thu, 29 Feb 2024 10:00:00 GMT",
                "2024-02-29 10:00:00 +0000 UTC",
            ),
            ("Mon Jan _2 15:04:05 2006", "thu feb  1 10:00:00 2024", "2024-02-01 10:00:00 +0000 UTC"),
            ("3:04PM", "12:00AM", "0000-01-01 00:00:00 +0000 UTC"),
            ("3:04pm", "1:30pm", "0000-01-01 13:30:00 +0000 UTC"),
            ("January 2, 06", "May 7, 69", "1969-05-07 00:00:00 +0000 UTC"),
            ("02.01.06", "07.05.68", "2068-05-07 00:00:00 +0000 UTC"),
            ("20060102150405", "20240229235959", "2024-02-29 23:59:59 +0000 UTC"),
            ("2006 002", "2024 366", "2024-12-31 00:00:00 +0000 UTC"),
            ("15:04:05.000", "10:00:00.250", "0000-01-01 10:00:00.25 +0000 UTC"),
            ("15:04:05.999", "10:00:00", "0000-01-01 10:00:00 +0000 UTC"),
            ("15:04:05.02", "10:00:00.17", "0000-01-17 10:00:00 +0000 UTC"),
            ("2006-01-02 -07:00:00", "2024-01-01 -00:00:30", "2024-01-01 00:00:00 -0000 -0000"),
        ] {
            check(layout, text, None, Ok(expected));
        }
    }

    #[test]
    fn a_text_that_does_not_match_is_refused_with_the_reason() {
        const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
        for (layout, text, why) in [
            (RFC3339, "2024-13-01T00:00:00Z", "the month must be 1 to 12, got 13"),
            (RFC3339, "2023-02-29T00:00:00Z", "there is no such day"),
            (RFC3339, "2024-1-01T00:00:00Z", "the month must have 2 digits"),
            (RFC3339, "2024-01-01T24:00:00Z", "the hour must be 0 to 23, got 24"),
            (RFC3339, "2024-01-01T00:00:60Z", "the second must be 0 to 59, got 60"),
            (RFC3339, "2024-01-01 00:00:00Z", "`T` is expected, got ` 00:00:00Z`"),
            (RFC3339, "2024-01-01T00:00:00", "an offset such as `+01:00` is expected, got ``"),
            (RFC3339, "2024-01-01T00:00:00+24:01", "`offset_seconds` must be -86400 to 86400, got 86460"),
            (RFC3339, "2024-01-01T00:00:00Z ", "` ` is left over"),
            (RFC3339, "", "the year must have 4 digits"),
            ("Jan", "Foo", "a month's name is expected, got `Foo`"),
            ("Jan", "é", "a month's name is expected, got `é`"),
            ("PM", "é", "`AM` or `PM` is expected, got `é`"),
            ("2006 002", "2023 366", "there is no such day"),
            ("2006-01-02 002", "2024-02-01 001", "there is no such day"),
            ("15:04:05.000", "10:00:00.25", "the fraction of the second must have 3 digits"),
            (
                "15:04 MST",
                "10:00 PST",
                "`PST` alone names no zone; give a location, or an offset in the text",
            ),
        ] {
            check(layout, text, None, Err(why));
        }
    }

    #[test]
    fn a_zone_is_that_of_the_text_or_else_of_the_location() {
        let berlin = Some("Europe/Berlin");
        for (layout, text, expected) in [
            ("2006-01-02 15:04", "2024-07-01 12:00", Ok("2024-07-01 12:00:00 +0200 CEST")),
            ("2006-01-02 15:04 -07", "2024-07-01 12:00 +02", Ok("2024-07-01 12:00:00 +0200 CEST")),
            ("2006-01-02 15:04 -07", "2024-07-01 12:00 +01", Ok("2024-07-01 12:00:00 +0100 +0100")),
            ("2006-01-02 15:04 MST -07", "2024-07-01 12:00 MSK +03", Ok("2024-07-01 12:00:00 +0300 MSK")),
            // The hour that the clocks show twice: the abbreviation tells which.
            ("2006-01-02 15:04 MST", "2024-10-27 02:30 CEST", Ok("2024-10-27 02:30:00 +0200 CEST")),
            ("2006-01-02 15:04 MST", "2024-10-27 02:30 CET", Ok("2024-10-27 02:30:00 +0100 CET")),
            (
                "2006-01-02 15:04 MST",
                "2024-07-01 12:00 CET",
                Err("`Europe/Berlin` has no `CET` at that time"),
            ),
            ("2006-01-02 15:04 MST", "2024-07-01 12:00 UTC", Ok("2024-07-01 12:00:00 +0000 UTC")),
        ] {
            check(layout, text, berlin, expected);
        }
    }

    #[test]
    fn what_a_layout_with_a_whole_date_writes_it_reads_again() {
        let seed = 0x0dd_ba11_u64;
        println!("seed {seed}");
        let mut state = seed;
        let zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati"];
        let layouts = [
            "2006-01-02T15:04:05.999999999Z07:00",
            "Monday, January 2 2006 3:04:05.000000000 PM -07:00",
            "2006 __2 15h4m5s.999999999 Z0700",
            "20060102150405,000000000-0700",
        ];
        for round in 0..2_000_usize {
            // splitmix64
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut bits = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            // 1973 to 2109: times since when no zone has had offsets of odd seconds.
            let (seconds, nanoseconds) = ((bits >> 32) as i64 + 94_694_400, (bits & 0x1fff_ffff) as i64);
            let location = Location::load(zones[round % zones.len()]).unwrap();
            let time = crate::module::time::moment::Moment::from_unix(seconds, nanoseconds).unwrap();
            let time = time.in_location(location.clone()).unwrap();
            for layout in layouts {
                let text = super::super::format(&time, layout).unwrap();
                let back = parse(layout, &text, Some(&location)).unwrap();
                assert_eq!((&back, back.to_string()), (&time, time.to_string()), "{layout} {text}");
            }
        }
    }
}
