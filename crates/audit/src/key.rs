//! The keys that heads of the chain are signed with: Ed25519 (RFC 8032), public ones written as C2SP verifier keys.
//!
//! Where a key is kept, and whom to trust, is not known here.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey as Pair, VerifyingKey as Point};
use value::base64::{Alphabet, decode, encode};

use crate::digest::{hex, sha256};

/// The name of every key of an audit log, as notes have it. Keys are told apart by their ids.
pub const KEY_NAME: &str = "moonward.audit";

/// The algorithm's number in verifier keys (C2SP signed-note, "Signature types").
const ED25519: u8 = 1;

/// A key that signs.
#[derive(Clone)]
pub struct SigningKey(Pair);

/// A key that others check signatures with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(Point);

/// The first four bytes of what a key's name and bytes hash to: a hint, that decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(crate) [u8; 4]);

/// The text is no verifier key of an audit log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key: expected `{KEY_NAME}+`, 8 hexadecimal digits, `+`, and 44 characters of base64")]
pub struct InvalidVerifyingKey;

impl SigningKey {
    /// The key of these 32 bytes.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(Pair::from_bytes(seed))
    }

    /// The key's 32 bytes, for whoever keeps it.
    pub(crate) fn pair(&self) -> &Pair {
        &self.0
    }

    /// The key that checks what this one signs.
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.verifying().id())
    }
}

impl VerifyingKey {
    /// The key's id.
    pub fn id(&self) -> KeyId {
        let named = [KEY_NAME.as_bytes(), b"\n", &[ED25519], self.0.as_bytes()].concat();
        let [one, two, three, four, ..] = sha256(&named);
        KeyId([one, two, three, four])
    }

    /// The key of this point.
    pub(crate) fn of(point: Point) -> Self {
        Self(point)
    }

    /// Whether this key's owner signed the message. Strict: no weak keys, and one form of each signature only.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[ED25519], self.0.as_bytes().as_slice()].concat();
        write!(formatter, "{KEY_NAME}+{}+{}", self.id(), encode(&bytes, Alphabet::Standard))
    }
}

impl FromStr for VerifyingKey {
    type Err = InvalidVerifyingKey;

    fn from_str(text: &str) -> Result<Self, InvalidVerifyingKey> {
        let parse = || {
            let rest = text.strip_prefix(KEY_NAME)?.strip_prefix('+')?;
            let (_, encoded) = rest.split_once('+')?;
            let bytes = decode(encoded.as_bytes(), Alphabet::Standard).ok()?;
            let (algorithm, bytes) = bytes.split_first()?;
            let point = Point::from_bytes(bytes.try_into().ok()?).ok()?;
            Some(Self(point)).filter(|_| *algorithm == ED25519)
        };
        // The id has to be that of the key, and nothing else may be written: one key, one text.
        parse().filter(|key| key.to_string() == text).ok_or(InvalidVerifyingKey)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

impl FromStr for KeyId {
    type Err = InvalidVerifyingKey;

    fn from_str(text: &str) -> Result<Self, InvalidVerifyingKey> {
        let id = u32::from_str_radix(text, 16).map(|id| Self(id.to_be_bytes()));
        id.ok().filter(|id| id.to_string() == text).ok_or(InvalidVerifyingKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_key_reads_back_as_it_is_written_and_other_text_is_none() {
        let key = SigningKey::new(&[7; 32]).verifying();
        let text = key.to_string();
        assert_eq!(text.parse(), Ok(key));
        let wrong_id = text.replacen(&key.id().to_string(), "00000000", 1);
        let other_name = text.replacen("moonward", "sunward", 1);
        for other in
            ["", "moonward.audit", &wrong_id, &other_name, &format!("{text}="), &text[..text.len() - 1]]
        {
            assert_eq!(other.parse::<VerifyingKey>(), Err(InvalidVerifyingKey), "{other}");
        }
    }

    #[test]
    fn signatures_are_those_of_the_standard() {
        // RFC 8032, section 7.1, test 2.
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = SigningKey::new(&seed.try_into().unwrap());
        let signature = key.sign(&[0x72]);
        let expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(hex(&signature), expected);
        assert!(key.verifying().verifies(&[0x72], &signature));
        assert!(!key.verifying().verifies(&[0x73], &signature));
    }
}
