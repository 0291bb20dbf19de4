//! Why it could not be said of records whether they match: few reasons, each with a count.

use std::collections::BTreeMap;

use crate::limits::REASONS_MAX;

/// Stands for a number that is another one in each record.
const ANY_NUMBER: &str = "<number>";

/// Counts a reason for not matching. Reasons that differ only in numbers, which are the records' own, are one.
pub fn count_reason(reasons: &mut BTreeMap<String, u64>, why: String) {
    if let Some(count) = reasons.get_mut(&why) {
        *count += 1;
        return;
    }
    let alike = reasons.keys().find_map(|known| Some((known.clone(), in_common(known, &why)?)));
    if let Some((known, common)) = alike {
        let count = reasons.remove(&known).unwrap_or_default();
        *reasons.entry(common).or_default() += count + 1;
        return;
    }
    let why = if reasons.len() < REASONS_MAX { why } else { "could not be decided".to_owned() };
    *reasons.entry(why).or_default() += 1;
}

/// What is to be said when it could not be decided of any of so many records: no answer then, however complete.
pub fn none_decided(reasons: &BTreeMap<String, u64>, asked: u64) -> Option<String> {
    let undecided = reasons.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    (asked > 0 && undecided >= asked)
        .then(|| "of no record could it be said whether the expression is true".to_owned())
}

/// What two texts have in common when they differ in numbers only.
fn in_common(known: &str, why: &str) -> Option<String> {
    let (mut known, mut why) = (parts(known), parts(why));
    let mut common = String::new();
    loop {
        let (one, other) = match (known.next(), why.next()) {
            (None, None) => return Some(common),
            (one, other) => (one?, other?),
        };
        let is_number =
            |part: &str| part == ANY_NUMBER || part.starts_with(|first: char| first.is_ascii_digit());
        if one == other {
            common.push_str(one);
        } else if is_number(one) && is_number(other) {
            common.push_str(ANY_NUMBER);
        } else {
            return None;
        }
    }
}

/// A text as numbers and what is between them.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_digit = |at: char| at.is_ascii_digit();
        let end = if rest.starts_with(ANY_NUMBER) {
            ANY_NUMBER.len()
        } else if rest.starts_with(is_digit) {
            rest.find(|at| !is_digit(at)).unwrap_or(rest.len())
        } else {
            let number = rest.find(is_digit).unwrap_or(rest.len());
            number.min(rest.find(ANY_NUMBER).unwrap_or(rest.len()))
        };
        let (part, more) = rest.split_at_checked(end).filter(|(part, _)| !part.is_empty())?;
        rest = more;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_in_numbers_only_are_counted_as_one() {
        let mut reasons = BTreeMap::new();
        for seq in [7, 12, 7, 130] {
            count_reason(&mut reasons, format!("failed at `record.seq + 99`: {seq} and 99 overflow"));
        }
        count_reason(&mut reasons, "had no `record.context`".to_owned());
        count_reason(&mut reasons, "failed at `record.seq + 99`".to_owned());
        let counted: Vec<_> = reasons.iter().map(|(why, count)| (why.as_str(), *count)).collect();
        assert_eq!(
            counted,
            [
                ("failed at `record.seq + 99`", 1),
                ("failed at `record.seq + 99`: <number> and 99 overflow", 4),
                ("had no `record.context`", 1),
            ]
        );
        assert_eq!(none_decided(&reasons, 7), None);
        assert!(none_decided(&reasons, 6).is_some());
        assert_eq!(none_decided(&BTreeMap::new(), 0), None);
    }

    #[test]
    fn there_are_never_more_than_a_few() {
        let mut reasons = BTreeMap::new();
        for number in 0..2 * REASONS_MAX {
            count_reason(&mut reasons, "x".repeat(number));
        }
        assert_eq!(reasons.len(), REASONS_MAX + 1);
        assert_eq!(reasons["could not be decided"], REASONS_MAX as u64);
    }
}
