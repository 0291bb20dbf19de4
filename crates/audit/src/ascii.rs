//! JSON in ASCII: whatever a tenant could name shows as text in any terminal, pager or editor, because every
//! character outside printable ASCII is written `\uXXXX`. What the text means is unchanged.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// A value as compact JSON of printable ASCII, without a line break.
pub(crate) fn to_vec(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, Ascii));
    // INVARIANT: the types of this crate have string keys and finite numbers only, and a vector takes every
    // write, so serialising cannot fail.
    debug_assert!(written.is_ok(), "a record is always JSON: {written:?}");
    bytes
}

/// Bytes that a character takes inside a string as [`to_vec`] writes it.
pub(crate) fn escaped_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        ' '..='~' => 1,
        _ => 6 * character.len_utf16(),
    }
}

struct Ascii;

impl Formatter for Ascii {
    /// Fragments hold no quote, backslash or character under U+0020: those come as escapes of their own.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        // Byte by byte, since most text is plain: the first that is not begins a character.
        while let Some(at) = rest.bytes().position(|byte| !matches!(byte, b' '..=b'~')) {
            let (plain, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            writer.write_all(plain.as_bytes())?;
            let mut characters = from.chars();
            if let Some(character) = characters.next() {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::{escaped_len, to_vec};

    #[test]
    fn hostile_text_is_written_as_printable_ascii_and_reads_back_unchanged() {
        for (text, expected) in [
            ("plain ~", r#""plain ~""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("line\nbreak\r\u{0}", r#""line\nbreak\r\u0000""#),
            ("\u{1b}[31m\u{7f}\u{9b}", r#""\u001b[31m\u007f\u009b""#),
            ("\u{202e}gpj.exe\u{200b}\u{feff}", r#""\u202egpj.exe\u200b\ufeff""#),
            ("gr\u{fc}n \u{2028}", r#""gr\u00fcn \u2028""#),
            ("\u{1f600}\u{e0041}x", r#""\ud83d\ude00\udb40\udc41x""#),
        ] {
            let written = String::from_utf8(to_vec(&text)).unwrap();
            assert_eq!(written, expected);
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            assert_eq!(text.chars().map(escaped_len).sum::<usize>() + 2, written.len(), "{expected}");
        }
    }
}
