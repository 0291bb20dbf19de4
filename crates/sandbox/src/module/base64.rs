//! The `base64` module: bytes as text (RFC 4648), and back.

use luau::Accepts;
use value::base64::{Alphabet, decode, encode};
use value::{Failure, Kind, Value};

use crate::declaration::{Doc, Module};
use crate::function::{Outcome, declare};
use crate::module::option::switch;
use crate::module::pure::Pure;
use crate::question::Question;

pub(crate) static MODULE: Module = Module {
    name: "base64",
    global: false,
    text: "Bytes as text and back (RFC 4648): the standard alphabet with padding, or with `{url = true}` the one \
           for URLs and tokens without.",
    functions: &[declare::<Encode>(), declare::<Decode>()],
    constants: &[],
    tables: &[],
};

struct Encode;

impl Pure for Encode {
    const DOC: Doc = Doc {
        name: "base64.encode",
        signature: "(data: string, options: {url: boolean?}?) -> (string?, error?)",
        text: "The text of any bytes, without line breaks: the standard alphabet with padding (RFC 4648, section \
               4), or with `{url = true}` the URL alphabet without padding (section 5, as in RFC 7515).",
        permissions: &[],
        errors: &[(Kind::Invalid, "no string, or an option that is not known")],
        example: "local base64 = require(\"base64\")\n\
                  assert(base64.encode(\"\\255\\254\") == \"//4=\")\n\
                  assert(base64.encode(\"\\255\\254\", {url = true}) == \"__4\")",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let data = question.bytes(0, "data")?;
        let url = switch(question.optional_fields(1, "options")?, "url")?;
        Ok(Outcome::value(encode(&data, alphabet(url))))
    }
}

struct Decode;

impl Pure for Decode {
    const DOC: Doc = Doc {
        name: "base64.decode",
        signature: "(text: string, options: {url: boolean?}?) -> (string?, error?)",
        text: "The bytes of a text that `base64.encode` with the same options could have made, and of no other: \
               one alphabet, exact padding, no spaces, no stray bits. So two texts never mean the same bytes, \
               which matters where a text is signed or compared.",
        permissions: &[],
        errors: &[(Kind::Invalid, "no string, not in that form, or an option that is not known")],
        example: "local base64 = require(\"base64\")\n\
                  assert(base64.decode(\"aGVsbG8=\") == \"hello\")\n\
                  assert(base64.decode(\"aGVsbG8\", {url = true}) == \"hello\")\n\
                  local bytes, err = base64.decode(\"aGVsbG8\")\n\
                  assert(bytes == nil and err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let text = question.bytes(0, "text")?;
        let url = switch(question.optional_fields(1, "options")?, "url")?;
        let bytes = decode(&text, alphabet(url)).map_err(|why| Failure::invalid(format!("`text` {why}")))?;
        Ok(Outcome::value(Value::Bytes(bytes)))
    }
}

fn alphabet(url: bool) -> Alphabet {
    if url { Alphabet::Url } else { Alphabet::Standard }
}
