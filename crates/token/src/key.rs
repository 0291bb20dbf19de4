//! One key as a JWK writes it (RFC 7517, RFC 7518 section 6, RFC 8037), held against what its issuer allows.
//!
//! The key decides the algorithm; what a token says about it only has to agree (RFC 8725 section 3.1).

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey};
use jsonwebtoken::DecodingKey;
use serde_json::Value as Json;
use value::base64::{Alphabet, decode};

use crate::algorithm::{Algorithm, Family};
use crate::limits::{KEY_ID_BYTES_MAX, RSA_BITS_MAX, RSA_BITS_MIN};
use crate::strict::Object;

/// A key that verifies, and the one algorithm that it verifies with.
pub(crate) struct Key {
    pub(crate) kid: Option<Arc<str>>,
    pub(crate) algorithm: Algorithm,
    /// What tells it from every other key.
    pub(crate) thumbprint: [u8; 32],
    decoding: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key itself: it may be a shared secret.
        formatter.debug_struct("Key").field("kid", &self.kid).field("algorithm", &self.algorithm).finish()
    }
}

/// Why a key is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is no key for verifying tokens of this issuer; others of its set may be.
    LeftOut(String),
    /// It is a secret that is none any more: nothing of the set that it is in can be trusted.
    Leaked(String),
}

/// Members that only a private key has (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

impl Key {
    /// The key that a JWK writes; a shared secret only where `secrets` are kept.
    pub(crate) fn read(jwk: &Object, allowed: &[Algorithm], secrets: bool) -> Result<Self, Unusable> {
        let kid = match jwk.get("kid") {
            None => None,
            Some(kid) => Some(
                kid.as_str()
                    .filter(|kid| !kid.is_empty() && kid.len() <= KEY_ID_BYTES_MAX)
                    .ok_or_else(|| left_out(None, "its `kid` is not text of 1 to 256 bytes"))?,
            ),
        };
        let left = |why: &str| left_out(kid, why);
        let leaked = |why: &str| Unusable::Leaked(format!("key {} {why}", name(kid)));
        if let Some(private) = PRIVATE.into_iter().find(|member| jwk.contains_key(*member)) {
            let why = format!("has the private member `{private}`: it is no secret any more, make another");
            return Err(leaked(&why));
        }
        if jwk.contains_key("k") && !secrets {
            return Err(leaked("is a shared secret (`k`): it is no secret any more, make another"));
        }
        let material = Material::read(jwk).map_err(|why| left(&why))?;
        if !purpose(jwk) {
            return Err(left("it is not for signatures (`use`, `key_ops`)"));
        }
        let algorithm = algorithm(jwk, material.family(), allowed).map_err(|why| left(&why))?;
        if let Material::Secret(bytes) = &material
            && bytes.len() < algorithm.secret_bytes_min()
        {
            let least = algorithm.secret_bytes_min();
            let why = format!("is {} bytes, at least {least} needed for `{algorithm}`", bytes.len());
            return Err(Unusable::LeftOut(format!("key {} {why}", name(kid))));
        }
        let thumbprint = material.thumbprint();
        let kid = kid.map(Arc::from);
        Ok(Self { kid, algorithm, thumbprint, decoding: material.decoding() })
    }

    /// Whether a signature, in base64url, is this key's over a text. The only place where one is verified.
    pub(crate) fn verifies(&self, signed: &str, signature: &str) -> bool {
        let verified = jsonwebtoken::crypto::verify(
            signature,
            signed.as_bytes(),
            &self.decoding,
            self.algorithm.library(),
        );
        verified.unwrap_or(false)
    }
}

fn left_out(kid: Option<&str>, why: &str) -> Unusable {
    Unusable::LeftOut(format!("key {}: {why}", name(kid)))
}

fn name(kid: Option<&str>) -> String {
    kid.map_or_else(|| "without `kid`".to_owned(), |kid| format!("`{kid}`"))
}

/// Whether the key may verify signatures: `use` and `key_ops` say so or are not there.
fn purpose(jwk: &Object) -> bool {
    let for_signatures = jwk.get("use").is_none_or(|purpose| purpose == "sig");
    let verifies = jwk.get("key_ops").is_none_or(|operations| match operations {
        Json::Array(operations) => operations.iter().any(|operation| operation == "verify"),
        _ => false,
    });
    for_signatures && verifies
}

/// The key's own algorithm if it says one, else the only one of the issuer's that fits its type and curve.
fn algorithm(jwk: &Object, family: Family, allowed: &[Algorithm]) -> Result<Algorithm, String> {
    if let Some(written) = jwk.get("alg") {
        let text = written.as_str().ok_or("its `alg` is not text")?;
        let algorithm = Algorithm::from_name(text).filter(|algorithm| algorithm.family() == family);
        let algorithm = algorithm.ok_or_else(|| format!("`{text}` is no algorithm of such a key"))?;
        let listed = allowed.contains(&algorithm);
        return listed
            .then_some(algorithm)
            .ok_or_else(|| format!("`algorithms` does not list `{algorithm}`"));
    }
    let fitting: Vec<Algorithm> =
        allowed.iter().copied().filter(|algorithm| algorithm.family() == family).collect();
    match fitting.as_slice() {
        [one] => Ok(*one),
        [] => Err("it has no `alg`, and no algorithm of `algorithms` is for such a key".to_owned()),
        _ => Err("it has no `alg`, and more than one algorithm of `algorithms` is for such a key".to_owned()),
    }
}

/// What a key is made of.
enum Material {
    Rsa {
        modulus: Box<[u8]>,
        exponent: Box<[u8]>,
    },
    /// An uncompressed point.
    Ec {
        family: Family,
        point: Vec<u8>,
    },
    Ed25519(Box<[u8]>),
    Secret(Box<[u8]>),
}

impl Material {
    fn read(jwk: &Object) -> Result<Self, String> {
        let text = |name: &str| {
            jwk.get(name).and_then(Json::as_str).ok_or_else(|| format!("its `{name}` is not text"))
        };
        let bytes = |name: &str| {
            decode(text(name)?.as_bytes(), Alphabet::Url).map_err(|error| format!("its `{name}` {error}"))
        };
        match text("kty")? {
            "RSA" => rsa(bytes("n")?, bytes("e")?),
            "EC" => match text("crv")? {
                "P-256" => point(Family::P256, 32, &bytes("x")?, &bytes("y")?),
                "P-384" => point(Family::P384, 48, &bytes("x")?, &bytes("y")?),
                curve => Err(format!("curve `{curve}` is not supported, `P-256` and `P-384` are")),
            },
            "OKP" => match text("crv")? {
                "Ed25519" => edwards(bytes("x")?),
                curve => Err(format!("curve `{curve}` is not supported, `Ed25519` is")),
            },
            "oct" => Ok(Self::Secret(bytes("k")?)),
            kind => Err(format!("key type `{kind}` is not supported")),
        }
    }

    fn family(&self) -> Family {
        match self {
            Self::Rsa { .. } => Family::Rsa,
            Self::Ec { family, .. } => *family,
            Self::Ed25519(_) => Family::Ed25519,
            Self::Secret(_) => Family::Secret,
        }
    }

    /// SHA-256 over type, length and octets of each part.
    fn thumbprint(&self) -> [u8; 32] {
        let (kind, parts): (&[u8], [&[u8]; 2]) = match self {
            Self::Rsa { modulus, exponent } => (b"RSA", [modulus, exponent]),
            Self::Ec { point, .. } => (b"EC", [point, b""]),
            Self::Ed25519(point) => (b"OKP", [point, b""]),
            Self::Secret(secret) => (b"oct", [secret, b""]),
        };
        let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in [kind, parts[0], parts[1]] {
            digest.update(&(part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let mut thumbprint = [0; 32];
        thumbprint.iter_mut().zip(digest.finish().as_ref()).for_each(|(to, from)| *to = *from);
        thumbprint
    }

    fn decoding(&self) -> DecodingKey {
        match self {
            Self::Rsa { modulus, exponent } => DecodingKey::from_rsa_raw_components(modulus, exponent),
            // What the library calls DER is the bare point.
            Self::Ec { point, .. } => DecodingKey::from_ec_der(point),
            Self::Ed25519(point) => DecodingKey::from_ed_der(point),
            Self::Secret(secret) => DecodingKey::from_secret(secret),
        }
    }
}

fn rsa(modulus: Box<[u8]>, exponent: Box<[u8]>) -> Result<Material, String> {
    let first = modulus.first().copied().unwrap_or_default();
    let bits = (modulus.len() * 8).saturating_sub(first.leading_zeros() as usize);
    if first == 0 || !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Err(format!("its modulus has {bits} bits, {RSA_BITS_MIN} to {RSA_BITS_MAX} allowed"));
    }
    let value = exponent.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    let canonical = exponent.first().is_some_and(|first| *first != 0) && exponent.len() <= 4;
    // FIPS 186-5 appendix A.1.1: odd, and more than 2^16.
    if !canonical || value < 65_537 || value.is_multiple_of(2) {
        return Err("its exponent is not an odd number from 65537 to 2^32".to_owned());
    }
    Ok(Material::Rsa { modulus, exponent })
}

fn point(family: Family, width: usize, x: &[u8], y: &[u8]) -> Result<Material, String> {
    let point: Vec<u8> = [&[4], x, y].concat();
    let verification =
        if family == Family::P256 { &ECDSA_P256_SHA256_FIXED } else { &ECDSA_P384_SHA384_FIXED };
    if x.len() != width || y.len() != width || ParsedPublicKey::new(verification, &point).is_err() {
        return Err("its `x` and `y` are no point of its curve".to_owned());
    }
    Ok(Material::Ec { family, point })
}

fn edwards(point: Box<[u8]>) -> Result<Material, String> {
    if point.len() != 32 || ParsedPublicKey::new(&ED25519, &point).is_err() {
        return Err("its `x` is no point of its curve".to_owned());
    }
    Ok(Material::Ed25519(point))
}
