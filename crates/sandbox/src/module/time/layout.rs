//! Go's layouts: a date written as the reference date, Mon Jan 2 15:04:05 MST 2006, shows how dates are written.
//! Knows neither Lua nor the sandbox.
//!
//! This file takes a layout apart; `print` writes a time with it and `scan` reads one. Stricter than Go in one
//! point: a word or number that is no element is refused, not copied, so `YYYY-MM-DD`, or a layout made from
//! today's date, cannot go unnoticed.

mod parts;
mod print;
mod scan;

use value::Failure;

use crate::module::limits::LAYOUT_BYTES_MAX;
use crate::module::pure::quoted;

pub(crate) use print::format;
pub(crate) use scan::parse;

/// One element of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    /// Four digits.
    Year,
    /// The last two digits.
    ShortYear,
    /// `January`.
    MonthName,
    /// `Jan`.
    ShortMonthName,
    /// 1 to 12.
    Month(Width),
    /// `Monday`.
    WeekdayName,
    /// `Mon`.
    ShortWeekdayName,
    /// 1 to 31.
    Day(Width),
    /// 1 to 366, in three places.
    YearDay(Width),
    /// 0 to 23, in two places.
    Hour,
    /// 1 to 12.
    HourOfHalf(Width),
    /// 0 to 59.
    Minute(Width),
    /// 0 to 59.
    Second(Width),
    /// `PM` or `pm`.
    Half { upper: bool },
    /// `CET`.
    Abbreviation,
    /// `-07:00`, and its kin.
    Offset(OffsetForm),
}

/// How a number of two or three places is filled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// Not at all.
    Bare,
    /// With zeros.
    Zeros,
    /// With spaces.
    Spaces,
}

/// How an offset from UTC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OffsetForm {
    /// Whether UTC is `Z`.
    zulu: bool,
    /// Whether its parts are divided by colons.
    colons: bool,
    /// Parts: 1 hours, 2 minutes too, 3 seconds too.
    parts: usize,
}

/// A stretch of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Element(Element),
    /// `.000` or `,999`: the separator, how many digits, and whether zeros at the end are left out.
    Fraction {
        separator: char,
        digits: usize,
        trimmed: bool,
    },
    /// Text that stands for itself.
    Literal(&'a str),
}

impl Element {
    /// Whether it is a number that is not filled up with zeros, so that no other digit may follow.
    fn is_as_long_as_it_needs(self) -> bool {
        use Element::{Day, HourOfHalf, Minute, Month, Second, YearDay};
        match self {
            Month(width) | Day(width) | YearDay(width) | HourOfHalf(width) | Minute(width)
            | Second(width) => width != Width::Zeros,
            _ => false,
        }
    }
}

const fn offset(zulu: bool, colons: bool, parts: usize) -> Element {
    Element::Offset(OffsetForm { zulu, colons, parts })
}

/// Every element as layouts write it, each before those it begins with.
const ELEMENTS: &[(&str, Element)] = &[
    ("January", Element::MonthName),
    ("Jan", Element::ShortMonthName),
    ("Monday", Element::WeekdayName),
    ("Mon", Element::ShortWeekdayName),
    ("MST", Element::Abbreviation),
    ("2006", Element::Year),
    ("-07:00:00", offset(false, true, 3)),
    ("-070000", offset(false, false, 3)),
    ("-07:00", offset(false, true, 2)),
    ("-0700", offset(false, false, 2)),
    ("-07", offset(false, false, 1)),
    ("Z07:00:00", offset(true, true, 3)),
    ("Z070000", offset(true, false, 3)),
    ("Z07:00", offset(true, true, 2)),
    ("Z0700", offset(true, false, 2)),
    ("Z07", offset(true, false, 1)),
    ("__2", Element::YearDay(Width::Spaces)),
    ("_2", Element::Day(Width::Spaces)),
    ("002", Element::YearDay(Width::Zeros)),
    ("01", Element::Month(Width::Zeros)),
    ("02", Element::Day(Width::Zeros)),
    ("03", Element::HourOfHalf(Width::Zeros)),
    ("04", Element::Minute(Width::Zeros)),
    ("05", Element::Second(Width::Zeros)),
    ("06", Element::ShortYear),
    ("15", Element::Hour),
    ("1", Element::Month(Width::Bare)),
    ("2", Element::Day(Width::Bare)),
    ("3", Element::HourOfHalf(Width::Bare)),
    ("4", Element::Minute(Width::Bare)),
    ("5", Element::Second(Width::Bare)),
    ("PM", Element::Half { upper: true }),
    ("pm", Element::Half { upper: false }),
];

/// Words that may stand in a layout for themselves.
const WORDS: &[&str] = &["T", "Z", "GMT", "UTC", "at", "of", "on", "h", "m", "s"];

/// Month names in order.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Weekday names in order, from Sunday.
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// How many letters a short name has.
const SHORT_NAME: usize = 3;

/// The pieces of a layout, in order.
///
/// # Errors
/// INVALID: over its bound, or a word or number that is no element.
fn pieces(layout: &str) -> Result<Vec<Piece<'_>>, Failure> {
    if layout.len() > LAYOUT_BYTES_MAX {
        let found = layout.len();
        return Err(Failure::invalid(format!(
            "`layout` is {found} bytes, at most {LAYOUT_BYTES_MAX} allowed"
        )));
    }
    let mut pieces = Vec::new();
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        let (piece, length) = if let Some((text, element)) = element(rest) {
            (Piece::Element(element), text.len())
        } else if let Some((piece, length)) = fraction(rest) {
            (piece, length)
        } else if first.is_ascii_alphanumeric() {
            let word = word(rest);
            if !WORDS.contains(&word) {
                return Err(Failure::invalid(format!(
                    "`layout` has `{}`, which is no part of the reference date `Mon Jan 2 15:04:05 MST 2006`",
                    quoted(word)
                )));
            }
            (Piece::Literal(word), word.len())
        } else {
            (Piece::Literal(rest.get(..first.len_utf8()).unwrap_or(rest)), first.len_utf8())
        };
        pieces.push(piece);
        rest = rest.get(length..).unwrap_or("");
    }
    Ok(pieces)
}

/// The element at the beginning of a text.
fn element(text: &str) -> Option<(&'static str, Element)> {
    let (written, element) = ELEMENTS.iter().find(|(written, _)| text.starts_with(written))?;
    let next = text.get(written.len()..).and_then(|rest| rest.chars().next());
    let goes_on = next.is_some_and(|next| {
        // `Month` is not `Mon`, and `2024` not the day `2`; `_2006` is an underscore and a year, as in Go.
        let word = written.ends_with(|last: char| last.is_ascii_lowercase()) && next.is_ascii_lowercase();
        word || (element.is_as_long_as_it_needs() && next.is_ascii_digit())
    });
    (!goes_on).then_some((written, *element))
}

/// The fraction of a second at the beginning of a text: a point or comma, then zeros or nines, then no digit.
fn fraction(text: &str) -> Option<(Piece<'static>, usize)> {
    let separator = text.chars().next().filter(|first| matches!(first, '.' | ','))?;
    let rest = text.get(1..)?;
    let digit = rest.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
    let digits = rest.chars().take_while(|next| *next == digit).count();
    let ends = !rest.chars().nth(digits).is_some_and(|next| next.is_ascii_digit());
    let fits = (1..=9).contains(&digits);
    (ends && fits).then_some((Piece::Fraction { separator, digits, trimmed: digit == '9' }, digits + 1))
}

/// The letters, or the digits, at the beginning of a text.
fn word(text: &str) -> &str {
    let digits = text.starts_with(|first: char| first.is_ascii_digit());
    let belongs = |next: char| if digits { next.is_ascii_digit() } else { next.is_ascii_alphabetic() };
    let end = text.find(|next| !belongs(next)).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_stands_before_those_it_begins_with() {
        for (at, (earlier, _)) in ELEMENTS.iter().enumerate() {
            for (later, _) in &ELEMENTS[at + 1..] {
                assert!(!later.starts_with(earlier), "{earlier} hides {later}");
            }
        }
    }

    #[test]
    fn a_layout_is_elements_fractions_and_literals() {
        use Element::{Day, Hour, Minute, Month, Second, Year};
        let check = |layout: &str, expected: &[Piece<'_>]| {
            assert_eq!(pieces(layout).unwrap(), expected, "{layout}");
        };
        let element = Piece::Element;
        check("20060102", &[element(Year), element(Month(Width::Zeros)), element(Day(Width::Zeros))]);
        check("_2_2006", &[element(Day(Width::Spaces)), Piece::Literal("_"), element(Year)]);
        check("15.04", &[element(Hour), Piece::Literal("."), element(Minute(Width::Zeros))]);
        check(
            "05,999Z07:00",
            &[
                element(Second(Width::Zeros)),
                Piece::Fraction { separator: ',', digits: 3, trimmed: true },
                element(offset(true, true, 2)),
            ],
        );
        check("2006年", &[element(Year), Piece::Literal("年")]);
    }

    #[test]
    fn what_is_no_part_of_the_reference_date_is_refused() {
        for (layout, shown) in [
            ("YYYY-MM-DD", "YYYY"),
            ("2006-01-02 HH:mm", "HH"),
            ("Thu Jan 2", "Thu"),
            ("2024-01-02", "2024"),
            ("_24", "24"),
            ("Month 1", "Month"),
            ("05.0000000000", "0000000000"),
            ("7", "7"),
        ] {
            let failure = pieces(layout).unwrap_err();
            assert!(failure.message.contains(&format!("has `{shown}`")), "{layout}: {failure}");
        }
        assert!(pieces(&" ".repeat(LAYOUT_BYTES_MAX)).is_ok());
        assert!(pieces(&" ".repeat(LAYOUT_BYTES_MAX + 1)).is_err());
    }
}
