//! Bytes as text and back (RFC 4648), strictly: one text for some bytes, and no other is read.

use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD};
use base64::{DecodeError, Engine as _};

/// Which letters, and whether the text is padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// RFC 4648 section 4: `+` and `/`, padded with `=`.
    Standard,
    /// RFC 4648 section 5 without padding, as in RFC 7515: `-` and `_`.
    Url,
}

impl Alphabet {
    fn engine(self) -> &'static GeneralPurpose {
        match self {
            Self::Standard => &STANDARD,
            Self::Url => &URL_SAFE_NO_PAD,
        }
    }
}

/// The text of any bytes, without line breaks.
pub fn encode(bytes: &[u8], alphabet: Alphabet) -> String {
    alphabet.engine().encode(bytes)
}

/// Why a text is not the text of any bytes, to be put behind its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBase64 {
    /// A character outside the alphabet.
    #[error("has a character at byte {0} that does not belong there")]
    Byte(usize),
    /// No bytes have a text of this length.
    #[error("cannot be {0} characters long")]
    Length(usize),
    /// Bits that encode nothing are not zero.
    #[error("ends at byte {0} with stray bits")]
    StrayBits(usize),
    /// Padding is missing, or there where the alphabet has none.
    #[error("must be padded with `=` to a multiple of 4 characters")]
    Padding,
}

/// The bytes that [`encode`] makes this text of.
///
/// # Errors
/// Any text that [`encode`] does not make.
pub fn decode(text: &[u8], alphabet: Alphabet) -> Result<Box<[u8]>, InvalidBase64> {
    alphabet.engine().decode(text).map(Vec::into_boxed_slice).map_err(|error| match error {
        DecodeError::InvalidByte(at, _) => InvalidBase64::Byte(at + 1),
        DecodeError::InvalidLength(length) => InvalidBase64::Length(length),
        DecodeError::InvalidLastSymbol(at, _) => InvalidBase64::StrayBits(at + 1),
        DecodeError::InvalidPadding => InvalidBase64::Padding,
    })
}

#[cfg(test)]
mod tests {
    use super::Alphabet::{Standard, Url};
    use super::*;

    #[test]
    fn only_the_one_text_of_some_bytes_is_decoded() {
        let check = |text: &str, alphabet: Alphabet, expected: Result<&[u8], InvalidBase64>| {
            let found = decode(text.as_bytes(), alphabet);
            assert_eq!(found.as_deref(), expected.as_ref().copied(), "{text}");
        };
        check("", Standard, Ok(b""));
        check("//4=", Standard, Ok(b"\xff\xfe"));
        check("__4", Url, Ok(b"\xff\xfe"));
        check("__4=", Standard, Err(InvalidBase64::Byte(1)));
        check("//4", Url, Err(InvalidBase64::Byte(1)));
        check("//4", Standard, Err(InvalidBase64::Padding));
        check("//5=", Standard, Err(InvalidBase64::StrayBits(3)));
        check("a", Standard, Err(InvalidBase64::Length(1)));
        check("aGVs bG8=", Standard, Err(InvalidBase64::Byte(5)));
    }
}
