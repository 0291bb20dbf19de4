//! Writes a time with a layout.

use std::fmt::Write as _;

use value::Failure;

use super::{Element, MONTHS, OffsetForm, Piece, SHORT_NAME, WEEKDAYS, Width, pieces};
use crate::module::time::moment::Moment;

/// The text of a time, as it is read in its location.
///
/// # Errors
/// INVALID: the layout is none.
pub(crate) fn format(moment: &Moment, layout: &str) -> Result<String, Failure> {
    let mut text = String::new();
    for piece in pieces(layout)? {
        match piece {
            Piece::Literal(literal) => text.push_str(literal),
            Piece::Fraction { separator, digits, trimmed } => {
                text.push_str(&fraction(moment, separator, digits, trimmed));
            }
            Piece::Element(element) => text.push_str(&written(moment, element)),
        }
    }
    Ok(text)
}

fn written(moment: &Moment, element: Element) -> String {
    let civil = moment.civil();
    let number = |number: i8, width: Width| padded(number.into(), width, 2);
    match element {
        Element::Year => format!("{:04}", civil.year()),
        Element::ShortYear => format!("{:02}", civil.year().rem_euclid(100)),
        Element::MonthName => name(&MONTHS, civil.month() - 1).to_owned(),
        Element::ShortMonthName => short(name(&MONTHS, civil.month() - 1)),
        Element::Month(width) => number(civil.month(), width),
        Element::WeekdayName => name(&WEEKDAYS, civil.weekday().to_sunday_zero_offset()).to_owned(),
        Element::ShortWeekdayName => short(name(&WEEKDAYS, civil.weekday().to_sunday_zero_offset())),
        Element::Day(width) => number(civil.day(), width),
        Element::YearDay(width) => padded(civil.day_of_year(), width, 3),
        Element::Hour => number(civil.hour(), Width::Zeros),
        Element::HourOfHalf(width) => number((civil.hour() + 11) % 12 + 1, width),
        Element::Minute(width) => number(civil.minute(), width),
        Element::Second(width) => number(civil.second(), width),
        Element::Half { upper } => match (civil.hour() >= 12, upper) {
            (false, true) => "AM".to_owned(),
            (true, true) => "PM".to_owned(),
            (false, false) => "am".to_owned(),
            (true, false) => "pm".to_owned(),
        },
        Element::Abbreviation => match moment.location().abbreviation(moment.instant()) {
            name if name.is_empty() => offset(moment, OffsetForm { zulu: false, colons: false, parts: 2 }),
            name => name,
        },
        Element::Offset(form) => offset(moment, form),
    }
}

fn padded(number: i16, width: Width, places: usize) -> String {
    match width {
        Width::Bare => number.to_string(),
        Width::Zeros => format!("{number:0places$}"),
        Width::Spaces => format!("{number:places$}"),
    }
}

fn name(names: &[&'static str], at: i8) -> &'static str {
    usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or("?")
}

fn short(name: &str) -> String {
    name.chars().take(SHORT_NAME).collect()
}

fn fraction(moment: &Moment, separator: char, digits: usize, trimmed: bool) -> String {
    let nanoseconds = format!("{:09}", moment.civil().subsec_nanosecond());
    let shown = nanoseconds.get(..digits).unwrap_or(&nanoseconds);
    let shown = if trimmed { shown.trim_end_matches('0') } else { shown };
    if shown.is_empty() { String::new() } else { format!("{separator}{shown}") }
}

fn offset(moment: &Moment, form: OffsetForm) -> String {
    let seconds = moment.location().offset(moment.instant()).seconds();
    if form.zulu && seconds == 0 {
        return "Z".to_owned();
    }
    let total = seconds.unsigned_abs();
    let mut text = String::from(if seconds < 0 { "-" } else { "+" });
    for (at, part) in [total / 3600, total / 60 % 60, total % 60].into_iter().take(form.parts).enumerate() {
        let colon = if form.colons && at > 0 { ":" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{colon}{part:02}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::time::location::Location;

    #[test]
    fn a_time_is_written_as_go_writes_it() {
        // The time of Go's own `TestFormat`, and one of a morning in winter, west of Greenwich.
        let afternoon = moment("2009-02-05T05:00:57.012345600Z", "America/Los_Angeles");
        for (layout, expected) in [
            ("Mon Jan _2 15:04:05 2006", "Wed Feb  4 21:00:57 2009"),
            ("Mon Jan _2 15:04:05 MST 2006", "Wed Feb  4 21:00:57 PST 2009"),
            ("Mon Jan 02 15:04:05 -0700 2006", "Wed Feb 04 21:00:57 -0800 2009"),
            ("02 Jan 06 15:04 MST", "04 Feb 09 21:00 PST"),
            ("Monday, 02-Jan-06 15:04:05 MST", "Wednesday, 04-Feb-09 21:00:57 PST"),
            ("2006-01-02T15:04:05Z07:00", "2009-02-04T21:00:57-08:00"),
            ("2006-01-02T15:04:05.999999999Z07:00", "2009-02-04T21:00:57.0123456-08:00"),
            ("3:04PM", "9:00PM"),
            ("3pm", "9pm"),
            ("Jan _2 15:04:05.000000", "Feb  4 21:00:57.012345"),
            ("January 2, 2006", "February 4, 2009"),
            ("002 __2", "035  35"),
            ("-07 -07:00:00 -070000", "-08 -08:00:00 -080000"),
            ("15h04m05s", "21h00m57s"),
            (".0 ,99", ".0 ,01"),
        ] {
            assert_eq!(format(&afternoon, layout).unwrap(), expected, "{layout}");
        }
        let midnight = moment("2024-01-01T00:00:00Z", "UTC");
        for (layout, expected) in [
            ("03:04:05 pm", "12:00:00 am"),
            ("Z07:00", "Z"),
            ("-07:00 MST", "+00:00 UTC"),
            (".999|", "|"),
            ("Mon, 02 Jan 2006 15:04:05 GMT", "Mon, 01 Jan 2024 00:00:00 GMT"),
        ] {
            assert_eq!(format(&midnight, layout).unwrap(), expected, "{layout}");
        }
        let nameless = midnight.in_location(Location::fixed("", 20_700).unwrap()).unwrap();
        assert_eq!(format(&nameless, "15:04 MST").unwrap(), "05:45 +0545");
    }

    fn moment(text: &str, zone: &str) -> Moment {
        Moment::new(text.parse().unwrap(), Location::load(zone).unwrap()).unwrap()
    }
}
