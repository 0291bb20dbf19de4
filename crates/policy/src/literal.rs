//! Texts and uids as policies write them. What is said by them is not known here.

use crate::cedar;
use crate::vocabulary::EntityType;

/// A uid as policies write it.
pub(crate) fn uid(entity_type: EntityType, id: &str) -> String {
    format!("{}::{}", cedar::type_name(entity_type), quoted(id))
}

/// Text as policies write it: nothing in it ends the text, the line or a comment, nor turns or hides what stands around it.
pub(crate) fn quoted(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            ' '..='~' => written.push(character),
            character if character.is_alphanumeric() && is_plain(character) => written.push(character),
            character => written.extend(character.escape_unicode()),
        }
    }
    written.push('"');
    written
}

/// Whether it is shown as it is.
fn is_plain(character: char) -> bool {
    let mut text = [0; 4];
    let text: &str = character.encode_utf8(&mut text);
    diagnostic::visible(text) == text
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_text_of_a_guest_gets_out_of_its_quotes() {
        for (text, expected) in [
            ("greet", r#""greet""#),
            ("grün", r#""grün""#),
            (r#"a"};permit(principal,action,resource);//"#, r#""a\"};permit(principal,action,resource);//""#),
            ("a\\", r#""a\\""#),
            ("a\nb\r\t\0", r#""a\u{a}b\u{d}\u{9}\u{0}""#),
            ("\u{202e}x\u{2066}\u{200b}", r#""\u{202e}x\u{2066}\u{200b}""#),
            ("\u{1b}[31m", r#""\u{1b}[31m""#),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
