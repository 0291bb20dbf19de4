//! A time zone as scripts hold it: UTC, one of the database, or a fixed offset. Knows neither Lua nor the sandbox.
//!
//! The database is the one that is built in, never the host's: what a script computes does not depend on where
//! it runs, and tells nothing of it. For the same reason the local zone is UTC.

use std::fmt;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use value::Failure;

use crate::module::limits::ZONE_NAME_BYTES_MAX;
use crate::module::pure::quoted;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone. Cheap to clone.
#[derive(Clone, PartialEq)]
pub(crate) struct Location {
    zone: TimeZone,
    /// As in the database, or as the script called its fixed offset.
    name: Arc<str>,
    /// Whether the name is also what `MST` in a layout prints.
    fixed: bool,
}

impl Location {
    /// UTC.
    pub(crate) fn utc() -> Self {
        Self { zone: TimeZone::UTC, name: Arc::from("UTC"), fixed: true }
    }

    /// A zone of the database, such as `Europe/Berlin`, in any case. `UTC`, `Local` and the empty name are UTC.
    ///
    /// # Errors
    /// INVALID: longer than any zone's name. NOT_FOUND: no such zone.
    pub(crate) fn load(name: &str) -> Result<Self, Failure> {
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Self::utc());
        }
        bounded(name)?;
        let zone = DATABASE
            .get(name)
            .map_err(|_| Failure::not_found(format!("time zone `{}` does not exist", quoted(name))))?;
        let name = Arc::from(zone.iana_name().unwrap_or(name));
        Ok(Self { zone, name, fixed: false })
    }

    /// A zone that is always `offset_seconds` ahead of UTC. The name may be empty.
    ///
    /// # Errors
    /// INVALID: a name that is too long, or an offset of more than a day.
    pub(crate) fn fixed(name: &str, offset_seconds: i64) -> Result<Self, Failure> {
        /// As far as two clocks on Earth are apart: UTC-12 to UTC+14; a day is a round bound that leaves room.
        const OFFSET_SECONDS_MAX: u64 = 24 * 60 * 60;
        bounded(name)?;
        let offset = i32::try_from(offset_seconds)
            .ok()
            .filter(|seconds| u64::from(seconds.unsigned_abs()) <= OFFSET_SECONDS_MAX)
            .and_then(|seconds| Offset::from_seconds(seconds).ok());
        match offset {
            Some(offset) => Ok(Self { zone: offset.to_time_zone(), name: Arc::from(name), fixed: true }),
            None => Err(Failure::invalid(format!(
                "`offset_seconds` must be -{OFFSET_SECONDS_MAX} to {OFFSET_SECONDS_MAX}, got {offset_seconds}"
            ))),
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The rules of the zone.
    pub(in crate::module::time) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// How far ahead of UTC its clocks are at a time.
    pub(in crate::module::time) fn offset(&self, instant: Timestamp) -> Offset {
        self.zone.to_offset(instant)
    }

    /// What its clocks are called at a time: `CET`, `CEST`. Empty for a fixed offset without a name.
    pub(in crate::module::time) fn abbreviation(&self, instant: Timestamp) -> String {
        if self.fixed {
            self.name.to_string()
        } else {
            self.zone.to_offset_info(instant).abbreviation().to_owned()
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Location({})", self.name)
    }
}

fn bounded(name: &str) -> Result<(), Failure> {
    if name.len() <= ZONE_NAME_BYTES_MAX && !name.contains(char::is_control) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "`name` must be at most {ZONE_NAME_BYTES_MAX} bytes without control characters"
    )))
}

#[cfg(test)]
mod tests {
    use value::Kind;

    use super::*;

    #[test]
    fn zones_come_from_the_built_in_database_and_the_local_one_is_utc() {
        for (name, expected) in [
            ("Europe/Berlin", Ok("Europe/Berlin")),
            ("europe/berlin", Ok("Europe/Berlin")),
            ("UTC", Ok("UTC")),
            ("Local", Ok("UTC")),
            ("", Ok("UTC")),
            ("Mars/Olympus", Err(Kind::NotFound)),
            ("../etc/passwd", Err(Kind::NotFound)),
            ("a\nb", Err(Kind::Invalid)),
        ] {
            let found = Location::load(name);
            assert_eq!(
                found.as_ref().map(Location::name).map_err(|failure| failure.kind),
                expected,
                "{name}"
            );
        }
        assert_eq!(Location::load(&"x".repeat(65)).unwrap_err().kind, Kind::Invalid);
    }

    #[test]
    fn a_fixed_zone_is_at_most_a_day_from_utc() {
        for (seconds, fits) in
            [(0, true), (86_400, true), (-86_400, true), (86_401, false), (i64::MIN, false)]
        {
            assert_eq!(Location::fixed("X", seconds).is_ok(), fits, "{seconds}");
        }
    }

    #[test]
    fn an_abbreviation_follows_the_season() {
        let berlin = Location::load("Europe/Berlin").unwrap();
        for (second, expected) in [(1_705_312_800, "CET"), (1_721_037_600, "CEST")] {
            assert_eq!(berlin.abbreviation(Timestamp::from_second(second).unwrap()), expected);
        }
        assert_eq!(Location::fixed("", 3600).unwrap().abbreviation(Timestamp::UNIX_EPOCH), "");
    }
}
