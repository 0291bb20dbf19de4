//! The `hash` module: digests for scripts that sign and verify. How they are computed is the `audit` crate's.

use luau::Accepts;
use value::{Failure, Kind, Value};

use crate::declaration::{Doc, Module};
use crate::function::{Outcome, declare};
use crate::module::option::switch;
use crate::module::pure::Pure;
use crate::question::Question;

pub(crate) static MODULE: Module = Module {
    name: "hash",
    global: false,
    text: "Digests of strings, for scripts that sign and verify: lower-case hexadecimal, or the bytes themselves \
           with `{raw = true}`.",
    functions: &[declare::<Sha256>(), declare::<HmacSha256>()],
    constants: &[],
    tables: &[],
};

struct Sha256;

impl Pure for Sha256 {
    const DOC: Doc = Doc {
        name: "hash.sha256",
        signature: "(data: string, options: {raw: boolean?}?) -> (string?, error?)",
        text: "SHA-256 (FIPS 180-4) of any bytes: 64 hexadecimal characters, or 32 bytes with `{raw = true}`.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no string, or an option that is not known")],
        example: "local hash = require(\"hash\")\n\
                  assert(hash.sha256(\"abc\"):sub(1, 16) == \"ba7816bf8f01cfea\")\n\
                  assert(#hash.sha256(\"abc\", {raw = true}) == 32)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let data = question.bytes(0, "data")?;
        let raw = switch(question.optional_fields(1, "options")?, "raw")?;
        Ok(Outcome::value(shown(audit::digest::sha256(&data), raw)))
    }
}

struct HmacSha256;

impl Pure for HmacSha256 {
    const DOC: Doc = Doc {
        name: "hash.hmac_sha256",
        signature: "(data: string, key: string, options: {raw: boolean?}?) -> (string?, error?)",
        text: "HMAC-SHA-256 (RFC 2104) of any bytes under a secret key of any length: 64 hexadecimal characters, \
               or 32 bytes with `{raw = true}`. The data comes first, the key second.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no string, an empty key, or an option that is not known")],
        example: "local hash = require(\"hash\")\n\
                  local signature = hash.hmac_sha256(\"what do ya want for nothing?\", \"Jefe\")\n\
                  assert(signature:sub(1, 16) == \"5bdcc146bf60754e\")\n\
                  local _, err = hash.hmac_sha256(\"data\", \"\")\n\
                  assert(err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let data = question.bytes(0, "data")?;
        let key = question.bytes(1, "key")?;
        if key.is_empty() {
            // A key that was never set would sign what anybody can sign.
            return Err(Failure::invalid("`key` is empty, a secret is expected"));
        }
        let raw = switch(question.optional_fields(2, "options")?, "raw")?;
        Ok(Outcome::value(shown(audit::digest::hmac_sha256(&key, &data), raw)))
    }
}

fn shown(digest: [u8; 32], raw: bool) -> Value {
    if raw { Value::Bytes(Box::new(digest)) } else { Value::text(audit::digest::hex(&digest)) }
}
