//! A verification whose answer nobody wants: where there is no key for a token, it takes the time that one would.

use std::hint::black_box;
use std::sync::LazyLock;

use crate::algorithm::Algorithm;
use crate::compact::Token;
use crate::key::Key;
use crate::strict;

/// The key of RFC 8032 section 7.1, test 1.
const JWK: &[u8] = br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// 64 bytes that sign nothing.
const SIGNATURE: &str =
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static KEY: LazyLock<Option<Key>> =
    LazyLock::new(|| Key::read(&strict::object(JWK).ok()?, &[Algorithm::EdDsa], false).ok());

/// Verifies for nothing.
pub(crate) fn verify(token: &Token<'_>) {
    black_box(KEY.as_ref().is_some_and(|key| key.verifies(token.signed, SIGNATURE)));
}

#[cfg(test)]
mod tests {
    use super::{KEY, SIGNATURE};

    #[test]
    fn the_decoy_is_a_key_that_verifies_nothing() {
        let key = KEY.as_ref().unwrap();
        assert!(!key.verifies("a.b", SIGNATURE));
        assert_eq!(
            value::base64::decode(SIGNATURE.as_bytes(), value::base64::Alphabet::Url).unwrap().len(),
            64
        );
    }
}
