//! Durations as people write them: `1h 30m`, `500ms`. Which ones a place allows is its own affair.

use std::time::Duration;

/// Digits of one number: as many nanoseconds as ten seconds have.
const DIGITS_MAX: usize = 10;

/// Bytes of the whole text. 32 numbers of 10 digits, all of them years, are half of what a [`Duration`] holds:
/// humantime 2.4 panics on a text that makes exactly the most (`u64::MAX` seconds and `1000000000ns`).
const TEXT_BYTES_MAX: usize = 64;

/// The duration that a text says in humantime's form.
///
/// # Errors
/// What is wrong, and what to write: no number, no unit, too large a number, over 64 bytes.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let numbers = text.split(|character: char| !character.is_ascii_digit() && !character.is_whitespace());
    let digits = numbers.map(|number| number.bytes().filter(u8::is_ascii_digit).count()).max();
    if text.len() > TEXT_BYTES_MAX || digits > Some(DIGITS_MAX) {
        return Err(format!("too large a number; a duration has at most {DIGITS_MAX} digits before a unit"));
    }
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a number and a unit, such as `500ms` or `1m 30s`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_numbers_with_units() {
        for (text, expected) in [
            ("1m 30s", Some(Duration::from_secs(90))),
            ("500ms", Some(Duration::from_millis(500))),
            ("0s", Some(Duration::ZERO)),
            ("1000000000ns", Some(Duration::from_secs(1))),
            ("10000000000ns", None),
            ("5", None),
            ("-1s", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(parse_duration(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        for text in [
            "18446744073709551615s 1000000000ns",
            "1844674407 3709551615s 1000ms",
            "584542046090y 31557600s",
            &"9999999999y".repeat(5),
            &"9y ".repeat(100),
        ] {
            let _ = parse_duration(text);
        }
    }
}
