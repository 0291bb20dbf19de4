//! Points in time as text.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

/// The last second of RFC 3339's calendar, 9999-12-31T23:59:59Z, after 1970.
const LAST_SECONDS: u64 = 253_402_300_799;

/// A time as RFC 3339 text in UTC, without what is below a second.
pub fn rfc3339_seconds(time: SystemTime) -> impl Display {
    humantime::format_rfc3339_seconds(within_calendar(time))
}

/// A time as RFC 3339 text in UTC, with milliseconds.
pub fn rfc3339_millis(time: SystemTime) -> impl Display {
    humantime::format_rfc3339_millis(within_calendar(time))
}

/// A time as RFC 3339 text in UTC, with nanoseconds.
pub fn rfc3339_nanos(time: SystemTime) -> impl Display {
    humantime::format_rfc3339_nanos(within_calendar(time))
}

/// The time that an RFC 3339 text in UTC says, as the functions above write it; nothing for any other text.
pub fn from_rfc3339(text: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(text).ok()
}

/// The nearest time that RFC 3339 can say: its calendar ends with the year 9999, and a clock before 1970 is not one to
/// believe. humantime cannot format any other, and makes `to_string` panic.
fn within_calendar(time: SystemTime) -> SystemTime {
    time.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_SECONDS))
}

/// A time that is written so for people, to the second: `2026-11-27 13:06:06Z`. What is no such time is given back as it is, and is
/// hostile where it came from somebody.
pub fn moment(time: &str) -> String {
    match (time.get(..10), time.get(10..11), time.get(11..19), time.ends_with('Z')) {
        (Some(date), Some("T"), Some(of_day), true) => format!("{date} {of_day}Z"),
        _ => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_to_the_second_and_what_is_none_stays() {
        assert_eq!(super::moment("2026-11-27T13:06:06.000000001Z"), "2026-11-27 13:06:06Z");
        for odd in ["", "yesterday", "2026-11-27T13:06:06", "äöüäöüäöüäöüäöüäöü"] {
            assert_eq!(super::moment(odd), odd);
        }
    }

    #[test]
    fn a_time_that_was_said_is_understood() {
        let time = SystemTime::UNIX_EPOCH + Duration::new(1_795_786_041, 123_456_789);
        assert_eq!(from_rfc3339(&rfc3339_nanos(time).to_string()), Some(time));
        for text in ["", "now", "2026-11-27", "2026-11-27T13:33:21+01:00", "2026-13-27T13:33:21Z"] {
            assert_eq!(from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn every_time_can_be_said() {
        let day = Duration::from_secs(86_400);
        for (time, expected) in [
            (SystemTime::UNIX_EPOCH + day, "1970-01-02T00:00:00.000Z"),
            (SystemTime::UNIX_EPOCH - day, "1970-01-01T00:00:00.000Z"),
            (SystemTime::UNIX_EPOCH + day * 10_000_000, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339_millis(time).to_string(), expected);
            assert_eq!(rfc3339_seconds(time).to_string(), expected.replace(".000", ""));
        }
    }
}
