//! What a line says of its own place: its number and its time. Whether that is true is not judged here.

use std::time::SystemTime;

use serde::Deserialize;

/// Place of a record in the order, and when it was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) seq: u64,
    pub(crate) ts: SystemTime,
}

impl Stamp {
    /// That of a line, with or without its line feed; nothing when it says none.
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Head {
            seq: String,
            ts: String,
        }

        let head: Head = serde_json::from_slice(line).ok()?;
        Some(Self { seq: head.seq.parse().ok()?, ts: value::from_rfc3339(&head.ts)? })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::Stamp;

    #[test]
    fn a_line_says_its_number_and_its_time_or_nothing_is_taken_from_it() {
        let stamp = Stamp { seq: 7, ts: UNIX_EPOCH + Duration::new(1, 5) };
        for (line, expected) in [
            (r#"{"seq":"7","ts":"1970-01-01T00:00:01.000000005Z","kind":"admin"}"#, Some(stamp)),
            (r#"{"seq":"7"}"#, None),
            (r#"{"seq":7,"ts":"1970-01-01T00:00:01Z"}"#, None),
            (r#"{"seq":"7","ts":"yesterday"}"#, None),
            ("", None),
        ] {
            assert_eq!(Stamp::of(line.as_bytes()), expected, "{line}");
            assert_eq!(Stamp::of(format!("{line}\n").as_bytes()), expected, "{line}");
        }
    }
}
