//! The `json` module: plain data as JSON text (RFC 8259), and back.
//!
//! Strict in both directions: what is written can be read again, and nothing is dropped in silence but what
//! JSON cannot say at all (NaN, infinities, `nil`). How text looks is the writer's and the reader's business.

mod reader;
mod writer;

use luau::Accepts;
use value::{Failure, Kind};

use crate::declaration::{Doc, Module};
use crate::function::{Outcome, declare};
use crate::module::pure::Pure;
use crate::question::Question;

pub(crate) static MODULE: Module = Module {
    name: "json",
    global: false,
    text: "Plain data as JSON text (RFC 8259), and back. Numbers are doubles: an integer beyond 2^53 is rounded \
           to the nearest one, so keep longer ids as strings.",
    functions: &[declare::<Encode>(), declare::<Decode>()],
    constants: &[],
    tables: &[],
};

struct Encode;

impl Pure for Encode {
    const DOC: Doc = Doc {
        name: "json.encode",
        signature: "(value: any) -> (string?, error?)",
        text: "The JSON text of a value, without spaces. A table with the keys 1..n is an array, one with string \
               keys an object whose members are sorted by key, an empty table `[]`. Integers up to 2^53 have no \
               decimal point; `nil`, NaN and infinities are `null`; an error object becomes the table that \
               `errors.new` takes. At most 1 MiB of text.",
        permissions: &[],
        errors: &[(
            Kind::Invalid,
            "a table with a hole or with both kinds of keys, a cycle, more than 128 levels, over 10 000 values (as \
             of any data that is copied), a string that is not UTF-8, a function or handle, or a result over 1 MiB; \
             the message names the path",
        )],
        example: "local json = require(\"json\")\n\
                  assert(json.encode({1, 2, {b = true, a = \"x\"}}) == '[1,2,{\"a\":\"x\",\"b\":true}]')\n\
                  local text, err = json.encode({1, nil, 3, name = \"mixed\"})\n\
                  assert(text == nil and err:kind() == errors.INVALID)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::DeepData];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let value = question.value(0, "value")?;
        Ok(Outcome::value(writer::write(&value, "value")?))
    }
}

struct Decode;

impl Pure for Decode {
    const DOC: Doc = Doc {
        name: "json.decode",
        signature: "(text: string) -> (any, error?)",
        text: "The value of a JSON text. `null` is `nil`: such a member is absent, such an array element leaves \
               a hole. Of a member that is there twice the last one counts. An integer beyond 2^53 is rounded \
               to the nearest double. At most 1 MiB of text and 10 000 values.",
        permissions: &[],
        errors: &[(
            Kind::Invalid,
            "not JSON, more than 128 levels, over a bound, or not UTF-8; `details` has `line` and `column`, and \
             `offset` as `string.sub` counts",
        )],
        example: "local json = require(\"json\")\n\
                  local order = json.decode('{\"id\": 7, \"items\": [\"a\", \"b\"], \"note\": null}')\n\
                  assert(order.id == 7 and order.items[2] == \"b\" and order.note == nil)\n\
                  local value, err = json.decode(\"[1,]\")\n\
                  assert(value == nil and err:kind() == errors.INVALID and err:details().offset == 4)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];

    fn answer(question: &mut Question<'_>) -> Result<Outcome, Failure> {
        let text = question.bytes(0, "text")?;
        Ok(Outcome::value(reader::read(&text, "text")?))
    }
}
