//! Hashing for the whole product, so that one crate owns the libraries: SHA-256, HMAC-SHA-256, hex, and keys.
//!
//! What is hashed, and what a digest proves, is the caller's business.

use std::fmt::Write as _;
use std::io;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// SHA-256 (FIPS 180-4) of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of bytes that come in parts.
#[derive(Default)]
pub(crate) struct Sha256Writer(Sha256);

impl Sha256Writer {
    /// Adds a part.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all parts.
    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// SHA-256 of all that a reader gives, and how many bytes that was.
///
/// # Errors
/// It cannot be read.
pub fn sha256_of(mut reader: impl io::Read) -> io::Result<([u8; 32], u64)> {
    let mut hashing = Sha256::new();
    let mut buffer = [0; 16 * 1024];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((hashing.finalize().into(), bytes)),
            Ok(read) => {
                hashing.update(buffer.get(..read).unwrap_or_default());
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// HMAC-SHA-256 (RFC 2104, FIPS 198-1) of a message under a key of any length.
///
/// Compare two of them with [`same`], never with `==`, when one comes from outside.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104, section 2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Whether two byte strings are the same, in a time that depends on their lengths only.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}

/// A fresh key of 32 bytes from the operating system's source of randomness.
///
/// # Errors
/// The system gives no randomness; nothing that needs a key can start then.
pub fn key() -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(key)
}

/// Lower-case hexadecimal, two characters a byte.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Sha256Writer, hex, hmac_sha256, key, same, sha256};

    #[test]
    fn digests_are_those_of_the_standards() {
        // FIPS 180-4 examples, and RFC 4231 test cases 2 and 6 (a key longer than a block).
        for (digest, expected) in [
            (sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                hmac_sha256(b"Jefe", b"what do ya want for nothing?"),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                hmac_sha256(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex(&digest), expected);
        }
    }

    #[test]
    fn parts_have_the_digest_of_the_whole() {
        let mut parts = Sha256Writer::default();
        ["a", "", "bc"].iter().for_each(|part| parts.update(part.as_bytes()));
        assert_eq!(parts.finish(), sha256(b"abc"));
    }

    #[test]
    fn same_compares_length_and_every_byte() {
        assert!(same(b"", b"") && same(b"ab", b"ab"));
        assert!(!same(b"ab", b"ac") && !same(b"ab", b"abc") && !same(b"bb", b"ab"));
    }

    #[test]
    fn two_keys_differ() {
        assert_ne!(key().unwrap(), key().unwrap());
    }
}
