//! The name of one record, as callers, scripts and people pass it on.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use ulid::Ulid;

/// The id of one record: a ULID, 26 characters of Crockford's base 32, the first 10 the time in milliseconds.
///
/// The other 80 bits are random each time, not counted up within a millisecond: a script is told the ids of its
/// own denials, and must not learn from them how many records others caused. The order of records is their
/// `seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordId(Ulid);

/// The text is not a record id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a record id: expected 26 characters of `0-9` and `A-Z` without `I`, `L`, `O`, `U`")]
pub struct InvalidRecordId;

impl RecordId {
    /// A fresh id for a record of this moment.
    pub(crate) fn at(moment: SystemTime) -> Self {
        Self(Ulid::from_datetime(moment))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for RecordId {
    type Err = InvalidRecordId;

    /// Reads what [`Display`](fmt::Display) writes; lower case too, since people type it.
    fn from_str(text: &str) -> Result<Self, InvalidRecordId> {
        // The library drops what is over 128 bits; an id that does not read back as it was given is none.
        let id = Ulid::from_string(text).map(Self).map_err(|_| InvalidRecordId)?;
        if id.to_string().eq_ignore_ascii_case(text) { Ok(id) } else { Err(InvalidRecordId) }
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for RecordId {
    fn schema_name() -> Cow<'static, str> {
        "RecordId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$",
            "description": "The id of one record: a ULID. Its order within a millisecond means nothing.",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{InvalidRecordId, RecordId};

    #[test]
    fn an_id_reads_back_as_it_was_written_and_two_of_one_moment_differ() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        let (first, second) = (RecordId::at(moment), RecordId::at(moment));
        assert_ne!(first, second);
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!(first.to_string().to_lowercase().parse(), Ok(first));
        assert!(first.to_string().starts_with("01HF7YAT3V"));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "01HF7YAT3V", "01HF7YAT3V000000000000000U", "81HF7YAT3V0000000000000000"] {
            assert_eq!(text.parse::<RecordId>(), Err(InvalidRecordId), "{text}");
        }
    }
}
