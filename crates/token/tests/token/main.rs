//! Hostile tokens, keys that come and go, and what was revoked, from the outside: [`token::Issuers`] and its answers.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, and so may what they share"
)]

mod claims;
mod forms;
mod keys;
mod mapping;
mod random;
mod revocations;
mod rotation;
mod signatures;
mod support;
mod transport;
