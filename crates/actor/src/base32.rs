//! Crockford's base 32 in lower case, strict: one text for each sequence of bytes, and no other accepted.
//!
//! Safe in URLs, shells and file names, and read aloud without mistakes. Only for lengths that are a multiple
//! of five bytes, where no bit is left over.

/// <https://www.crockford.com/base32.html>, without its lenient decoding: a pid is canonical.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Appends the text of `bytes`, whose length is a multiple of five.
pub(crate) fn encode(bytes: &[u8], text: &mut String) {
    debug_assert!(bytes.len().is_multiple_of(5), "base 32 of whole groups only");
    for group in bytes.chunks_exact(5) {
        let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for position in (0..8).rev() {
            let digit = (bits >> (position * 5) & 31) as usize;
            text.push(char::from(ALPHABET.get(digit).copied().unwrap_or_default()));
        }
    }
}

/// The bytes of a text that [`encode`] made from `N` bytes.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    debug_assert!(N.is_multiple_of(5), "base 32 of whole groups only");
    if text.len() != N / 5 * 8 {
        return None;
    }
    let mut bytes = [0; N];
    for (group, digits) in bytes.chunks_exact_mut(5).zip(text.as_bytes().chunks_exact(8)) {
        let mut bits = 0_u64;
        for digit in digits {
            bits = bits << 5 | ALPHABET.iter().position(|known| known == digit)? as u64;
        }
        let [_, _, _, low @ ..] = bits.to_be_bytes();
        group.copy_from_slice(&low);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_back_and_no_other_spelling_is() {
        let mut text = String::new();
        encode(&[0x00, 0xff, 0x80, 0x01, 0x7e, 1, 2, 3, 4, 5], &mut text);
        assert_eq!(text, "03zr00by04106105");
        assert_eq!(decode::<10>(&text), Some([0x00, 0xff, 0x80, 0x01, 0x7e, 1, 2, 3, 4, 5]));
        for bad in ["", "03ZR00BY04106105", "o3zr00by04106105", "03zr00by0410610", "03zr00by041061055"] {
            assert_eq!(decode::<10>(bad), None, "{bad}");
        }
    }
}
