//! Arithmetic in a `forbid`: numbers overflow, a policy that overflows fails, and Cedar leaves out what fails.
//!
//! Here a policy that fails denies, so that nothing opens; but a request with a large number in it could then stop
//! whatever its sender shares with others.

use diagnostic::Diagnostic;

use super::lint::Words;

/// Functions of dates and times that overflow like `+`.
const FUNCTIONS: [&str; 3] = ["offset", "durationSince", "toDate"];

pub(super) fn check(words: &Words<'_>, found: &mut Vec<Diagnostic>) {
    for at in 0..words.len() {
        let word = words.text(at);
        let is_arithmetic = match word {
            "+" | "*" => true,
            // A minus before a number, after no value, is part of the number.
            "-" => {
                is_value(words.text(at.wrapping_sub(1)))
                    || !words.text(at + 1).starts_with(|next: char| next.is_ascii_digit())
            }
            _ => {
                FUNCTIONS.contains(&word)
                    && words.text(at.wrapping_sub(1)) == "."
                    && words.text(at + 1) == "("
            }
        };
        if is_arithmetic {
            let message = format!(
                "`{word}` in a `forbid` can overflow: the policy then fails, and denies whatever it was asked about"
            );
            let help = "compare the values themselves: `a > 5` instead of `a - 5 > 0`";
            found.push(Diagnostic::error("policy.arithmetic", message).at(words.span(at, at)).help(help));
        }
    }
}

/// Whether a word ends a value, so that a minus after it takes away from that.
fn is_value(word: &str) -> bool {
    let keyword = ["when", "unless", "if", "then", "else", "in", "has", "like", "is"].contains(&word);
    !keyword && word.ends_with(|last: char| last.is_alphanumeric() || "_)]\"".contains(last))
}
