//! Characters that hide or turn text: what a reviewer sees would not be what the engine decides by.
//!
//! The whole file is looked at, comments too: a comment that reads as ended, and is not, hides a policy.

use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span, visible};

/// What of that sort a file holds: one finding for each line.
pub(super) fn check(source: &Arc<Source>) -> Vec<Diagnostic> {
    if source.text.is_ascii() && !source.text.bytes().any(is_control) {
        return Vec::new();
    }
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut line_seen = None;
    let mut line = 1;
    for (start, character) in source.text.char_indices() {
        if character == '\n' {
            line += 1;
        }
        if !hides(character) || line_seen == Some(line) {
            continue;
        }
        line_seen = Some(line);
        let span = Span { source: source.clone(), start, end: start + character.len_utf8() };
        let escaped = character.escape_unicode();
        let diagnostic = if turns(character) {
            let message = format!(
                "`{escaped}` turns the text around it, so that it reads as something else than it says"
            );
            Diagnostic::error("policy.bidirectional", message)
        } else {
            let message =
                format!("`{escaped}` cannot be seen, so that the text reads as something else than it says");
            Diagnostic::error("policy.invisible", message)
        };
        found.push(
            diagnostic.at(span).help("delete the character; in a string it can be written as an escape"),
        );
    }
    found
}

/// Line breaks and tabs are white space; every other control character is not.
fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && !b"\n\r\t".contains(&byte)
}

fn hides(character: char) -> bool {
    !"\n\r\t".contains(character) && {
        let mut text = [0; 4];
        let text: &str = character.encode_utf8(&mut text);
        visible(text) != text
    }
}

/// The formatting characters of UAX #9.
fn turns(character: char) -> bool {
    matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_found_wherever_they_stand_once_a_line() {
        let text = "// grün\n// a\u{202e}b\u{202d}\n\tpermit\u{200b}(\r\n\u{7}";
        let found = check(&Arc::new(Source { path: "a.cedar".into(), text: text.into() }));
        let found: Vec<_> =
            found.iter().map(|found| (found.code, found.span.as_ref().unwrap().position())).collect();
        assert_eq!(
            found,
            [("policy.bidirectional", (2, 5)), ("policy.invisible", (3, 8)), ("policy.invisible", (4, 1))]
        );
    }
}
