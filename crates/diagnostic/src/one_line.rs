//! A text of several lines within a line of ours, no longer than there is room for.

use crate::visible;

/// The same text on one line, visible, with one space where there were some or a line ended; of more than so many characters the first,
/// and dots. What is counted is what is shown: a character that is escaped takes the room of its escape.
pub fn one_line(text: &str, characters_max: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let shown = visible(&words.join(" "));
    match shown.char_indices().nth(characters_max) {
        None => shown,
        Some((end, _)) => format!("{}...", shown.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn what_is_shown_is_one_line_and_no_longer_than_there_is_room() {
        for (text, expected) in [
            ("a\n    && b", "a && b"),
            ("\u{1b}[0m", "\\u{1b}[..."),
            ("äöüäöüäöü", "äöüäöüä..."),
            ("1234567", "1234567"),
            ("", ""),
        ] {
            assert_eq!(one_line(text, 7), expected);
        }
    }
}
