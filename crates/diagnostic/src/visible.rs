//! Hostile text made visible: what a script, manifest or token wrote is shown as text, never obeyed.

use std::fmt::Write as _;

/// The same text with control characters, and characters that turn or hide text around them, written as
/// `\u{...}`; nothing that a terminal or a reader would obey is left. Line breaks are escaped too.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || turns_or_hides(character) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Bidirectional controls, zero-width characters, line and paragraph separators, tags and the byte order mark
/// (Unicode 16, "Default_Ignorable_Code_Point" and UAX #9 formatting characters).
fn turns_or_hides(character: char) -> bool {
    matches!(character,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(visible("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(visible("x\u{202e}y\nz"), "x\\u{202e}y\\u{a}z");
        assert_eq!(visible("grün"), "grün");
    }
}
