//! A key to trust, out of the text that an operator has: a verifier key, or a key file.

use std::str::FromStr as _;

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};

use crate::key::{SigningKey, VerifyingKey};

/// The text holds no key of an audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key of an audit log: expected a verifier key (`moonward.audit+...`) or an Ed25519 key in PEM")]
pub struct InvalidTrust;

impl VerifyingKey {
    /// The key that a text names: a verifier key, or a PEM file (RFC 8410) with the public or the private key. White space
    /// around it does not count.
    ///
    /// # Errors
    /// It is none of these.
    pub fn from_text(text: &str) -> Result<Self, InvalidTrust> {
        let text = text.trim();
        if let Ok(pair) = ed25519_dalek::SigningKey::from_pkcs8_pem(text) {
            return Ok(SigningKey::new(pair.as_bytes()).verifying());
        }
        if let Ok(point) = ed25519_dalek::VerifyingKey::from_public_key_pem(text) {
            return Ok(Self::of(point));
        }
        Self::from_str(text).map_err(|_| InvalidTrust)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_each_form_that_an_operator_has() {
        // RFC 8410, section 10.3 and 10.1.
        let private = "-----BEGIN PRIVATE KEY-----\n\
                       MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                       -----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\n\
                      MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                      -----END PUBLIC KEY-----\n";
        let key = VerifyingKey::from_text(public).unwrap();
        assert_eq!(VerifyingKey::from_text(private), Ok(key));
        assert_eq!(VerifyingKey::from_text(&format!("\n{key}\n")), Ok(key));
        for text in ["", "moonward.audit+", &public.replace("BEGIN PUBLIC", "BEGIN RSA"), &public[..60]] {
            assert_eq!(VerifyingKey::from_text(text), Err(InvalidTrust), "{text}");
        }
    }
}
