//! Keys and tokens for development: made here, and marked in the key's name wherever they go.
//!
//! Nothing else in the product signs. A key whose name does not begin with [`DEVELOPMENT_PREFIX`] cannot be read as one.

use std::fmt;

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Map, Value as Json, json};
use value::base64::{Alphabet, decode, encode};

use crate::limits::KEYS_BYTES_MAX;
use crate::strict;

/// What the name of every development key begins with. An issuer that serves such a key trusts whoever has the file.
pub const DEVELOPMENT_PREFIX: &str = "development-";

/// A private Ed25519 key for development.
pub struct DevelopmentKey {
    kid: String,
    pair: Ed25519KeyPair,
    seed: Vec<u8>,
}

/// Why something is no development key. Never quotes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDevelopmentKey {
    /// The system gives no randomness, or the key cannot be made.
    #[error("a key cannot be made: the system gives no randomness")]
    NotMade,
    /// It is not a private Ed25519 key as RFC 8037 writes it.
    #[error("it is no private Ed25519 key (RFC 8037): {0}")]
    Form(String),
    /// Its name does not begin with [`DEVELOPMENT_PREFIX`].
    #[error("its `kid` does not begin with `{DEVELOPMENT_PREFIX}`: only development keys mint tokens")]
    NotDevelopment,
}

impl fmt::Debug for DevelopmentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DevelopmentKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl DevelopmentKey {
    /// A new key, named after itself.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn generate() -> Result<Self, InvalidDevelopmentKey> {
        let pair = Ed25519KeyPair::generate().map_err(|_| InvalidDevelopmentKey::NotMade)?;
        let seed = pair.seed().map_err(|_| InvalidDevelopmentKey::NotMade)?;
        let seed = seed.as_be_bytes().map_err(|_| InvalidDevelopmentKey::NotMade)?.as_ref().to_vec();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, pair.public_key().as_ref());
        let name: String = digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { kid: format!("{DEVELOPMENT_PREFIX}{name}"), pair, seed })
    }

    /// The key that a file holds, as [`DevelopmentKey::private_jwk`] writes it.
    ///
    /// # Errors
    /// It is another sort of key, damaged, or not for development.
    pub fn read(text: &[u8]) -> Result<Self, InvalidDevelopmentKey> {
        let wrong = |why: &str| InvalidDevelopmentKey::Form(why.to_owned());
        if text.len() > KEYS_BYTES_MAX {
            return Err(wrong("it is too large"));
        }
        let jwk = strict::object(text).map_err(InvalidDevelopmentKey::Form)?;
        let member = |name: &str| jwk.get(name).and_then(Json::as_str);
        if member("kty") != Some("OKP") || member("crv") != Some("Ed25519") {
            return Err(wrong("`kty` is not `OKP` or `crv` is not `Ed25519`"));
        }
        let kid = member("kid").unwrap_or_default();
        if !kid.starts_with(DEVELOPMENT_PREFIX) {
            return Err(InvalidDevelopmentKey::NotDevelopment);
        }
        let bytes = |name: &str| {
            let text = member(name).ok_or_else(|| wrong(&format!("`{name}` is missing")))?;
            decode(text.as_bytes(), Alphabet::Url).map_err(|_| wrong(&format!("`{name}` is not base64url")))
        };
        let seed = bytes("d")?.into_vec();
        let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &bytes("x")?)
            .map_err(|_| wrong("`d` and `x` do not belong together"))?;
        Ok(Self { kid: kid.to_owned(), pair, seed })
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key, as an issuer's `keys` take it.
    pub fn public_jwk(&self) -> Json {
        let x = encode(self.pair.public_key().as_ref(), Alphabet::Url);
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x})
    }

    /// The private key, for a file that only its owner can read.
    pub fn private_jwk(&self) -> Json {
        let mut jwk = self.public_jwk();
        if let Json::Object(members) = &mut jwk {
            members.insert("d".to_owned(), encode(&self.seed, Alphabet::Url).into());
        }
        jwk
    }

    /// A signed token with these claims.
    pub fn sign(&self, claims: &Map<String, Json>) -> String {
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.kid});
        let part = |json: String| encode(json.as_bytes(), Alphabet::Url);
        let signed =
            format!("{}.{}", part(header.to_string()), part(Json::Object(claims.clone()).to_string()));
        let signature = encode(self.pair.sign(signed.as_bytes()).as_ref(), Alphabet::Url);
        format!("{signed}.{signature}")
    }
}

/// 128 random bits in hex, for a `jti`.
///
/// # Errors
/// The system gives no randomness.
pub fn random_id() -> Result<String, InvalidDevelopmentKey> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| InvalidDevelopmentKey::NotMade)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
