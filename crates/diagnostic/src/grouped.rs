//! Large numbers as people read them. What is counted is not known here.

/// A number with groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn every_three_digits_stand_apart() {
        assert_eq!([0, 999, 1_234_567].map(grouped), ["0", "999", "1 234 567"]);
    }
}
