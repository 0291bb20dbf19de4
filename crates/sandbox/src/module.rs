//! The modules that scripts see, one file each, and what several of them share: `pure` functions, `text` of
//! values, `option` tables, `limits`.

pub(crate) mod base64;
pub(crate) mod channel;
pub(crate) mod ctx;
pub(crate) mod errors;
pub(crate) mod hash;
pub(crate) mod json;
pub(crate) mod limits;
pub(crate) mod logger;
mod option;
pub(crate) mod process;
mod pure;
pub(crate) mod security;
mod text;
pub(crate) mod time;
pub(crate) mod uuid;
