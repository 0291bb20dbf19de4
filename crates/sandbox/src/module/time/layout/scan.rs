//! Reads a time with a layout: takes the text apart. What the parts mean together is `parts`'.

use std::ops::RangeInclusive;

use value::Failure;

use super::parts::Parts;
use super::{Element, MONTHS, OffsetForm, Piece, SHORT_NAME, WEEKDAYS, Width, pieces};
use crate::module::limits::LAYOUT_BYTES_MAX;
use crate::module::pure::quoted;
use crate::module::time::location::Location;
use crate::module::time::moment::Moment;

/// The time that a text says. Without a year, month or day these are 0, 1 and 1; without an offset the time is in
/// `location`, or UTC. With one the result is in `location` if that has the same offset then, else in UTC or a
/// fixed zone.
///
/// # Errors
/// INVALID: the layout is none, the text does not match it, a field is out of its range, or a zone's
/// abbreviation is neither UTC nor one that `location` has at that time.
pub(crate) fn parse(layout: &str, text: &str, location: Option<&Location>) -> Result<Moment, Failure> {
    if text.len() > LAYOUT_BYTES_MAX {
        let found = text.len();
        return Err(Failure::invalid(format!("`text` is {found} bytes, at most {LAYOUT_BYTES_MAX} allowed")));
    }
    let pieces = pieces(layout)?;
    parts(&pieces, text).and_then(|parts| parts.moment(location)).map_err(|why| {
        Failure::invalid(format!("`{}` is no time of layout `{}`: {why}", quoted(text), quoted(layout)))
    })
}

/// What the text says, part by part. An error is the reason only; [`parse`] puts text and layout in front.
fn parts(pieces: &[Piece<'_>], text: &str) -> Result<Parts, String> {
    let mut scan = Scan { rest: text, parts: Parts::default() };
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => scan.literal(literal)?,
            Piece::Fraction { separator, digits, trimmed } => scan.fraction(*separator, *digits, *trimmed)?,
            Piece::Element(element) => {
                scan.element(*element)?;
                if matches!(element, Element::Second(_)) {
                    scan.unannounced_fraction(pieces.get(at + 1))?;
                }
            }
        }
    }
    match scan.rest {
        "" => Ok(scan.parts),
        rest => Err(format!("`{}` is left over", quoted(rest))),
    }
}

struct Scan<'a> {
    rest: &'a str,
    parts: Parts,
}

impl Scan<'_> {
    fn literal(&mut self, literal: &str) -> Result<(), String> {
        match self.rest.strip_prefix(literal) {
            Some(rest) => self.rest = rest,
            None => return Err(self.expected(&format!("`{literal}`"))),
        }
        Ok(())
    }

    fn element(&mut self, element: Element) -> Result<(), String> {
        match element {
            Element::Year => self.parts.year = Some(self.number(4..=4, 0..=9999, "year")?),
            Element::ShortYear => {
                let short = self.number(2..=2, 0..=99, "year")?;
                // The pivot of Go, and of POSIX `strptime`.
                self.parts.year = Some(if short >= 69 { 1900 + short } else { 2000 + short });
            }
            Element::MonthName => self.parts.month = Some(self.name(&MONTHS, usize::MAX, "month")?),
            Element::ShortMonthName => self.parts.month = Some(self.name(&MONTHS, SHORT_NAME, "month")?),
            Element::Month(width) => self.parts.month = Some(self.padded(width, 2, 1..=12, "month")?),
            // The date says which weekday it is; a name that says otherwise is not compared, as in Go.
            Element::WeekdayName => {
                self.name(&WEEKDAYS, usize::MAX, "weekday")?;
            }
            Element::ShortWeekdayName => {
                self.name(&WEEKDAYS, SHORT_NAME, "weekday")?;
            }
            Element::Day(width) => self.parts.day = Some(self.padded(width, 2, 1..=31, "day")?),
            Element::YearDay(width) => {
                self.parts.year_day = Some(self.padded(width, 3, 1..=366, "day of the year")?);
            }
            Element::Hour => self.parts.hour = self.number(1..=2, 0..=23, "hour")?,
            Element::HourOfHalf(width) => self.parts.hour = self.padded(width, 2, 1..=12, "hour")?,
            Element::Minute(width) => self.parts.minute = self.padded(width, 2, 0..=59, "minute")?,
            Element::Second(width) => self.parts.second = self.padded(width, 2, 0..=59, "second")?,
            Element::Half { upper: true } => self.half("AM", "PM")?,
            Element::Half { upper: false } => self.half("am", "pm")?,
            Element::Abbreviation => self.abbreviation()?,
            Element::Offset(form) => self.offset(form)?,
        }
        Ok(())
    }

    /// A number that may be filled up to `places`.
    fn padded(
        &mut self,
        width: Width,
        places: usize,
        range: RangeInclusive<i64>,
        what: &str,
    ) -> Result<i64, String> {
        let mut fill = 0;
        while width == Width::Spaces && fill + 1 < places {
            let Some(rest) = self.rest.strip_prefix(' ') else { break };
            self.rest = rest;
            fill += 1;
        }
        let least = if width == Width::Zeros { places } else { 1 };
        self.number(least..=places, range, what)
    }

    /// A number of so many digits within a range.
    fn number(
        &mut self,
        digits: RangeInclusive<usize>,
        range: RangeInclusive<i64>,
        what: &str,
    ) -> Result<i64, String> {
        let found = self.rest.bytes().take(*digits.end()).take_while(u8::is_ascii_digit).count();
        let number = self.take(found).parse::<i64>();
        match number {
            Ok(number) if found >= *digits.start() && range.contains(&number) => Ok(number),
            Ok(number) if found >= *digits.start() => {
                Err(format!("the {what} must be {} to {}, got {number}", range.start(), range.end()))
            }
            _ => Err(format!("the {what} must have {} digits", digits.end())),
        }
    }

    /// The number of a name in a list, from 1; its first letters do where it is cut.
    fn name(&mut self, names: &[&str], letters: usize, what: &str) -> Result<i64, String> {
        for (number, name) in (1..).zip(names) {
            let name = name.get(..letters).unwrap_or(name);
            if self.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
                self.take(name.len());
                return Ok(number);
            }
        }
        Err(self.expected(&format!("a {what}'s name")))
    }

    fn half(&mut self, morning: &str, afternoon: &str) -> Result<(), String> {
        let found = self.take(2);
        if found != morning && found != afternoon {
            return Err(format!("`{morning}` or `{afternoon}` is expected, got `{}`", quoted(found)));
        }
        self.parts.afternoon = Some(found == afternoon);
        Ok(())
    }

    fn fraction(&mut self, separator: char, digits: usize, trimmed: bool) -> Result<(), String> {
        let after = self.rest.strip_prefix(separator);
        match after {
            Some(rest) => self.rest = rest,
            None if trimmed => return Ok(()),
            None => return Err(self.expected(&format!("`{separator}` and {digits} digits"))),
        }
        let digits = if trimmed { 1..=9 } else { digits..=digits };
        self.nanoseconds(digits)
    }

    /// A fraction of a second that the layout does not have is read all the same, as in Go: so RFC3339 reads what
    /// RFC3339NANO wrote.
    fn unannounced_fraction(&mut self, next: Option<&Piece<'_>>) -> Result<(), String> {
        let mut characters = self.rest.chars();
        let separator = characters.next().filter(|first| matches!(first, '.' | ','));
        let digit_follows = characters.next().is_some_and(|next| next.is_ascii_digit());
        let announced = match next {
            Some(Piece::Fraction { .. }) => true,
            Some(Piece::Literal(literal)) => {
                separator.is_some_and(|separator| literal.starts_with(separator))
            }
            Some(Piece::Element(_)) | None => false,
        };
        if separator.is_none() || !digit_follows || announced {
            return Ok(());
        }
        self.take(1);
        self.nanoseconds(1..=9)
    }

    fn nanoseconds(&mut self, digits: RangeInclusive<usize>) -> Result<(), String> {
        let before = self.rest.len();
        let fraction = self.number(digits, 0..=999_999_999, "fraction of the second")?;
        let missing = 9_usize.saturating_sub(before - self.rest.len());
        self.parts.nanosecond = (0..missing).fold(fraction, |scaled, _| scaled * 10);
        Ok(())
    }

    /// `CET`, or what is printed for a zone without a name: its offset.
    fn abbreviation(&mut self) -> Result<(), String> {
        const LETTERS: RangeInclusive<usize> = 2..=6;
        if self.rest.starts_with(['+', '-']) {
            let digits = self.rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
            let parts = if digits >= 4 { 2 } else { 1 };
            return self.offset(OffsetForm { zulu: false, colons: false, parts });
        }
        let letters = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        if !LETTERS.contains(&letters) {
            return Err(self.expected("a zone's abbreviation"));
        }
        self.parts.abbreviation = Some(self.take(letters).to_owned());
        Ok(())
    }

    fn offset(&mut self, form: OffsetForm) -> Result<(), String> {
        if form.zulu && self.rest.starts_with('Z') {
            self.take(1);
            self.parts.offset_seconds = Some(0);
            return Ok(());
        }
        let sign = match self.take(1) {
            "+" => 1,
            "-" => -1,
            other => return Err(format!("an offset such as `+01:00` is expected, got `{}`", quoted(other))),
        };
        let mut seconds = 0;
        let parts = [(3600, 0..=24), (60, 0..=59), (1, 0..=59)];
        for (at, (unit, range)) in parts.into_iter().take(form.parts).enumerate() {
            if form.colons && at > 0 {
                self.literal(":")?;
            }
            seconds += unit * self.number(2..=2, range, "part of the offset")?;
        }
        self.parts.offset_seconds = Some(sign * seconds);
        Ok(())
    }

    /// The next bytes; fewer where the text ends, none where they would cut a character.
    fn take(&mut self, bytes: usize) -> &str {
        let (taken, rest) = self.rest.split_at_checked(bytes.min(self.rest.len())).unwrap_or(("", self.rest));
        self.rest = rest;
        taken
    }

    fn expected(&self, wanted: &str) -> String {
        match self.rest {
            "" => format!("{wanted} is expected where the text ends"),
            rest => format!("{wanted} is expected, got `{}`", quoted(rest)),
        }
    }
}
