//! How many there are of a thing, as people read it.

use crate::grouped;

/// One of a thing, or a number of them: `1 policy`, `2 policies`, `1 234 policies`. A negative number is none that anybody counts, and
/// shown as the largest.
pub fn counted(count: impl TryInto<u64>, one: &str, many: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_one_and_thousands_are_grouped() {
        for (count, expected) in [(0, "0 policies"), (1, "1 policy"), (12_345, "12 345 policies")] {
            assert_eq!(counted(count, "policy", "policies"), expected);
        }
    }
}
