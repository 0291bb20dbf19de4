//! Durations as text, in nanoseconds: Go's form (`1h30m45s`, `-1.5h`, `500ms`) and humantime's
//! (`1h 30min`, `2 days`). Knows neither Lua nor the sandbox.
//!
//! The `humantime` crate is not used here: version 2.4.0 cuts fractions of an hour to whole seconds, knows no
//! sign, and panics when seconds carry past 2^64, which a script could bring about.

use value::Failure;

use crate::module::limits::DURATION_TEXT_BYTES_MAX;
use crate::module::pure::quoted;

/// One microsecond in nanoseconds.
pub(crate) const MICROSECOND: i64 = 1_000;
/// One millisecond in nanoseconds.
pub(crate) const MILLISECOND: i64 = 1_000 * MICROSECOND;
/// One second in nanoseconds.
pub(crate) const SECOND: i64 = 1_000 * MILLISECOND;
/// One minute in nanoseconds.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// One hour in nanoseconds.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// One day of 24 hours in nanoseconds.
const DAY: i64 = 24 * HOUR;

/// Each unit's names and its nanoseconds. A month is 30.44 days and a year 365.25, as humantime has them.
const UNITS: &[(&[&str], i64)] = &[
    (&["ns", "nsec", "nanos"], 1),
    // Micro sign, and Greek mu: Go takes both.
    (&["us", "\u{b5}s", "\u{3bc}s", "usec"], MICROSECOND),
    (&["ms", "msec", "millis"], MILLISECOND),
    (&["s", "sec", "secs", "second", "seconds"], SECOND),
    (&["m", "min", "mins", "minute", "minutes"], MINUTE),
    (&["h", "hr", "hrs", "hour", "hours"], HOUR),
    (&["d", "day", "days"], DAY),
    (&["w", "wk", "wks", "week", "weeks"], 7 * DAY),
    (&["M", "month", "months"], 2_630_016 * SECOND),
    (&["y", "yr", "yrs", "year", "years"], 31_557_600 * SECOND),
];

/// The nanoseconds of a duration; `name` is how an error calls the text.
///
/// A sign may stand in front of the whole. Fractions are exact; what is left below a nanosecond is dropped.
///
/// # Errors
/// INVALID: not a duration, longer than its bound, or beyond 292 years.
pub(crate) fn parse(text: &str, name: &str) -> Result<i64, Failure> {
    let refused = |why: &str| Err(Failure::invalid(format!("`{name}` {why}, got `{}`", quoted(text))));
    if text.len() > DURATION_TEXT_BYTES_MAX {
        return refused(&format!("must be at most {DURATION_TEXT_BYTES_MAX} bytes"));
    }
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    let mut total = 0_i128;
    loop {
        match part(rest) {
            Some((nanoseconds, after)) => {
                total += nanoseconds;
                rest = after;
            }
            None => return refused("must be a duration such as `1h30m`, `500ms` or `2 days`"),
        }
        if rest.is_empty() {
            break;
        }
    }
    match i64::try_from(sign * total) {
        Ok(nanoseconds) => Ok(nanoseconds),
        Err(_) => refused("must be within 292 years"),
    }
}

/// The first number with its unit, in nanoseconds, and the text behind it. Digits past the 18th of a number are
/// more than any duration has.
fn part(text: &str) -> Option<(i128, &str)> {
    let (whole, rest) = digits(text)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest)?,
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let rest = rest.trim_start_matches(' ');
    let unit_end = rest.find(|character: char| !character.is_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(unit_end)?;
    let (_, unit) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
    let unit = i128::from(*unit);
    let number = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i128>().ok() };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let nanoseconds = number(whole)?.checked_mul(unit)? + number(fraction)?.checked_mul(unit)? / scale;
    Some((nanoseconds, rest.trim_start_matches(' ')))
}

/// The digits in front, at most 19: as many as 2^63 nanoseconds have.
fn digits(text: &str) -> Option<(&str, &str)> {
    const DIGITS_MAX: usize = 19;
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    if end > DIGITS_MAX { None } else { text.split_at_checked(end) }
}

/// A duration in Go's form: `1h30m0s`, `1.5s`, `100ms`, `0s`.
pub(crate) fn text(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let total = nanoseconds.unsigned_abs();
    let second = SECOND.unsigned_abs();
    if total == 0 {
        return "0s".to_owned();
    }
    if total < second {
        let (unit, name) = match total {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "\u{b5}s"),
            _ => (1_000_000, "ms"),
        };
        return format!("{sign}{}{name}", decimal(total, unit));
    }
    let (minutes, seconds) = (total / (60 * second), total % (60 * second));
    let seconds = decimal(seconds, second);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// `total / unit`, exactly; `unit` is a power of ten.
fn decimal(total: u64, unit: u64) -> String {
    let (whole, rest) = (total / unit, total % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let places = unit.ilog10() as usize;
    let fraction = format!("{rest:0places$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_exactly() {
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("1h30m45s", HOUR + 30 * MINUTE + 45 * SECOND),
            ("500ms", 500 * MILLISECOND),
            ("1.5h", HOUR + 30 * MINUTE),
            ("0.0001h", 360 * MILLISECOND),
            (".5s", 500 * MILLISECOND),
            ("1.s", SECOND),
            ("-1m", -MINUTE),
            ("+2us", 2 * MICROSECOND),
            ("1\u{b5}s1\u{3bc}s", 2 * MICROSECOND),
            ("1.23456789123ns", 1),
            ("1h 30min", HOUR + 30 * MINUTE),
            ("2 days 3 hours", 2 * DAY + 3 * HOUR),
            ("1month", 2_630_016 * SECOND),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(parse(text, "duration").unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "", " ", "-", "5", "1.5", "s", ".s", "1hh", "1h-5m", "1,5s", "1e3s", "\u{661}s", "1 h 5", "--1s",
            "1d\n",
        ] {
            let failure = parse(text, "duration").unwrap_err();
            assert_eq!(
                failure.message,
                format!("`duration` must be a duration such as `1h30m`, `500ms` or `2 days`, got `{text}`")
            );
        }
        for text in ["9223372036854775808ns", "293y", "9999999999999999999y 9999999999999999999y"] {
            let failure = parse(text, "duration").unwrap_err();
            assert_eq!(failure.message, format!("`duration` must be within 292 years, got `{text}`"));
        }
        let long = "1s ".repeat(50);
        assert!(parse(&long, "duration").unwrap_err().message.contains("at most 128 bytes"));
    }

    #[test]
    fn whole_durations_mean_what_humantime_says() {
        for text in
            ["1s", "2min", "3h 4m 5s", "1day", "2weeks 1d", "1M", "1year 2months", "7usec 5nsec", "5msec"]
        {
            let expected = humantime::parse_duration(text).unwrap().as_nanos();
            assert_eq!(u128::try_from(parse(text, "duration").unwrap()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn text_is_go_s_and_reads_back() {
        for (nanoseconds, expected) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1\u{b5}s"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (4 * MINUTE + 5 * SECOND, "4m5s"),
            (4 * MINUTE + 5 * SECOND + MILLISECOND, "4m5.001s"),
            (HOUR, "1h0m0s"),
            (-90 * MINUTE, "-1h30m0s"),
            (i64::MAX, "2562047h47m16.854775807s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(text(nanoseconds), expected);
            assert_eq!(parse(expected, "duration").unwrap(), nanoseconds);
        }
    }
}
