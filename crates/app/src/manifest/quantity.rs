//! Sizes and durations as a manifest writes them: `16MiB`, `1h 30m`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::limits::{DURATION_MAX_MS, DURATION_MIN_MS};

/// Units of a size, largest first.
const UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// The bytes of a size: a whole number and a unit without space between; `None` for anything else.
pub(crate) fn size(text: &str) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A size in the largest unit that says it exactly.
pub(crate) fn show_size(bytes: u64) -> String {
    let exact = UNITS.into_iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    let (unit, factor) = exact.unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

/// A duration as humantime writes it, between a millisecond and ten years; `None` for anything else.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let duration = value::parse_duration(text).ok()?;
    let allowed = Duration::from_millis(DURATION_MIN_MS)..=Duration::from_millis(DURATION_MAX_MS);
    allowed.contains(&duration).then_some(duration)
}

/// The same, where nothing at all (`0s`) can be meant.
pub(crate) fn duration_or_none(text: &str) -> Option<Duration> {
    value::parse_duration(text).ok().filter(Duration::is_zero).or_else(|| duration(text))
}

/// Bytes, read from a size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes(pub(crate) u64);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        size(&text).map(Self).ok_or_else(|| D::Error::custom("expected a size such as `16MiB`"))
    }
}

/// A stretch of time, read from a duration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(crate) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration(&text).map(Self).ok_or_else(|| D::Error::custom("expected a duration such as `10s`"))
    }
}

/// A stretch of time that can be none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeOrNone(pub(crate) Duration);

impl<'de> Deserialize<'de> for TimeOrNone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = duration_or_none(&text).map(Self);
        time.ok_or_else(|| D::Error::custom("expected `0s` or a duration such as `10s`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_binary_unit() {
        for (text, expected) in [
            ("16MiB", Some(16 << 20)),
            ("1TiB", Some(1 << 40)),
            ("512B", Some(512)),
            ("16MB", None),
            ("16 MiB", None),
            ("1.5GiB", None),
            ("-1KiB", None),
            ("16", None),
            ("MiB", None),
            ("99999999999999TiB", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
        assert_eq!([show_size(8 << 20), show_size(1536), show_size(0)], ["8MiB", "1536B", "0B"]);
    }

    #[test]
    fn a_duration_is_more_than_nothing_and_less_than_for_ever() {
        for (text, expected_ms) in [
            ("10s", Some(10_000)),
            ("1h 30m", Some(5_400_000)),
            ("250ms", Some(250)),
            ("0s", None),
            ("10us", None),
            ("10", None),
            ("-1s", None),
            ("900y", None),
        ] {
            assert_eq!(duration(text).map(|duration| duration.as_millis()), expected_ms, "{text}");
            let or_none = if text == "0s" { Some(0) } else { expected_ms };
            assert_eq!(duration_or_none(text).map(|duration| duration.as_millis()), or_none, "{text}");
        }
    }
}
