//! A signed token taken apart (RFC 7515 section 7.1): three parts, each in the one form that it may have.
//!
//! Nothing here is believed yet: whose the token is, and whether it says the truth, is asked afterwards.

use value::base64::{Alphabet, InvalidBase64, decode};

use crate::algorithm::Algorithm;
use crate::claims::Claims;
use crate::limits::TOKEN_BYTES_MAX;
use crate::refused::Cause;
use crate::strict::{self, Object};

/// Header members that are never accepted: they would let a token say which key verifies it, or that its parts are to be
/// read in another way (RFC 8725 sections 3.5, 3.10, RFC 7515 section 4.1.11, RFC 7797, RFC 7516 section 4.1.3).
const NEVER: [&str; 7] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"];

/// What `typ` may say; names of media types have no case (RFC 7515 section 4.1.9, RFC 9068 section 2.1).
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// A token whose form is right.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    pub(crate) header: Header,
    pub(crate) claims: Claims,
    /// What was signed: the first two parts and the dot between.
    pub(crate) signed: &'a str,
    /// The third part, canonical base64url.
    pub(crate) signature: &'a str,
}

/// What a header says that counts. Members that are not known are ignored (RFC 7515 section 4).
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// Whatever is wrong with its form, or with the types of what it says.
    pub(crate) fn read(jwt: &'a [u8]) -> Result<Self, Cause> {
        if jwt.len() > TOKEN_BYTES_MAX {
            return Err(Cause::TooLong(jwt.len()));
        }
        let jwt = std::str::from_utf8(jwt)
            .map_err(|_| Cause::Encoding { part: "text", why: "is not UTF-8".to_owned() })?;
        let parts: Vec<&str> = jwt.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else { return Err(Cause::Parts(parts.len())) };
        let signed = jwt.get(..header.len() + 1 + claims.len()).unwrap_or_default();
        let header = Header::read(object("header", header)?)?;
        let claims = Claims::read(object("claims", claims)?)?;
        if bytes("signature", signature)?.is_empty() {
            return Err(Cause::Missing("signature"));
        }
        Ok(Self { header, claims, signed, signature })
    }
}

impl Header {
    fn read(members: Object) -> Result<Self, Cause> {
        if let Some(never) = NEVER.into_iter().find(|name| members.contains_key(*name)) {
            return Err(Cause::Header(never));
        }
        let text = |name: &'static str| match members.get(name) {
            None => Ok(None),
            Some(value) => match value.as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(Cause::Claim { name, expected: "text" }),
            },
        };
        // Before anything else of it: that no issuer can allow `none` is what is wrong with an unsigned token, not that it lacks
        // a signature.
        let algorithm = text("alg")?.ok_or(Cause::Missing("alg"))?;
        let algorithm = Algorithm::from_name(&algorithm).ok_or(Cause::Algorithm(algorithm))?;
        match text("typ")? {
            Some(found) if !TYPES.iter().any(|expected| found.eq_ignore_ascii_case(expected)) => {
                return Err(Cause::Type(found));
            }
            _ => {}
        }
        Ok(Self { algorithm, kid: text("kid")? })
    }
}

fn object(part: &'static str, text: &str) -> Result<Object, Cause> {
    strict::object(&bytes(part, text)?).map_err(|why| Cause::Json { part, why })
}

fn bytes(part: &'static str, text: &str) -> Result<Box<[u8]>, Cause> {
    decode(text.as_bytes(), Alphabet::Url).map_err(|error| {
        let why = match error {
            InvalidBase64::Padding => "is padded".to_owned(),
            other => other.to_string(),
        };
        Cause::Encoding { part, why }
    })
}
