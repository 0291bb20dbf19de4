//! The constants of the `time` module.

use crate::declaration::Constant;

/// Name, value and one line each, in the order of the documentation.
pub(super) const CONSTANTS: &[(&str, Constant, &str)] = &[
    ("NANOSECOND", Constant::Number(1.0), "a duration; a number as duration is nanoseconds"),
    ("MICROSECOND", Constant::Number(1e3), "a duration"),
    ("MILLISECOND", Constant::Number(1e6), "a duration"),
    ("SECOND", Constant::Number(1e9), "a duration"),
    ("MINUTE", Constant::Number(60e9), "a duration"),
    ("HOUR", Constant::Number(3600e9), "a duration"),
    ("RFC3339", Constant::Text("2006-01-02T15:04:05Z07:00"), "layout; reads fractions of a second too"),
    ("RFC3339NANO", Constant::Text("2006-01-02T15:04:05.999999999Z07:00"), "layout"),
    ("DATE_TIME", Constant::Text("2006-01-02 15:04:05"), "layout"),
    ("DATE_ONLY", Constant::Text("2006-01-02"), "layout"),
    ("TIME_ONLY", Constant::Text("15:04:05"), "layout"),
    ("KITCHEN", Constant::Text("3:04PM"), "layout"),
    ("RFC1123", Constant::Text("Mon, 02 Jan 2006 15:04:05 MST"), "layout"),
    ("RFC1123Z", Constant::Text("Mon, 02 Jan 2006 15:04:05 -0700"), "layout"),
    ("RFC850", Constant::Text("Monday, 02-Jan-06 15:04:05 MST"), "layout"),
    ("RFC822", Constant::Text("02 Jan 06 15:04 MST"), "layout"),
    ("RFC822Z", Constant::Text("02 Jan 06 15:04 -0700"), "layout"),
    ("ANSIC", Constant::Text("Mon Jan _2 15:04:05 2006"), "layout"),
    ("UNIX_DATE", Constant::Text("Mon Jan _2 15:04:05 MST 2006"), "layout"),
    ("RUBY_DATE", Constant::Text("Mon Jan 02 15:04:05 -0700 2006"), "layout"),
    ("STAMP", Constant::Text("Jan _2 15:04:05"), "layout"),
    ("STAMP_MILLI", Constant::Text("Jan _2 15:04:05.000"), "layout"),
    ("STAMP_MICRO", Constant::Text("Jan _2 15:04:05.000000"), "layout"),
    ("STAMP_NANO", Constant::Text("Jan _2 15:04:05.000000000"), "layout"),
    ("JANUARY", Constant::Number(1.0), "a month"),
    ("FEBRUARY", Constant::Number(2.0), "a month"),
    ("MARCH", Constant::Number(3.0), "a month"),
    ("APRIL", Constant::Number(4.0), "a month"),
    ("MAY", Constant::Number(5.0), "a month"),
    ("JUNE", Constant::Number(6.0), "a month"),
    ("JULY", Constant::Number(7.0), "a month"),
    ("AUGUST", Constant::Number(8.0), "a month"),
    ("SEPTEMBER", Constant::Number(9.0), "a month"),
    ("OCTOBER", Constant::Number(10.0), "a month"),
    ("NOVEMBER", Constant::Number(11.0), "a month"),
    ("DECEMBER", Constant::Number(12.0), "a month"),
    ("SUNDAY", Constant::Number(0.0), "a weekday"),
    ("MONDAY", Constant::Number(1.0), "a weekday"),
    ("TUESDAY", Constant::Number(2.0), "a weekday"),
    ("WEDNESDAY", Constant::Number(3.0), "a weekday"),
    ("THURSDAY", Constant::Number(4.0), "a weekday"),
    ("FRIDAY", Constant::Number(5.0), "a weekday"),
    ("SATURDAY", Constant::Number(6.0), "a weekday"),
    ("utc", Constant::Object("location"), "UTC"),
    ("localtz", Constant::Object("location"), "UTC too: where the host stands is not told"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::time::layout;
    use crate::module::time::moment::Moment;

    #[test]
    fn every_layout_constant_reads_what_it_writes() {
        let time = Moment::from_unix(1_720_000_000, 0).unwrap();
        for (name, constant, what) in CONSTANTS {
            if let (Constant::Text(layout), true) = (constant, what.starts_with("layout")) {
                let text = layout::format(&time, layout).unwrap();
                let back = layout::parse(layout, &text, None).unwrap();
                assert_eq!(layout::format(&back, layout).unwrap(), text, "{name}");
            }
        }
    }
}
