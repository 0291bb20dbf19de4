//! What the crate promises, from the outside: each check through a gate with a real log.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also where it prepares"
)]

mod archived;
mod asking;
mod closed;
mod decided_again;
mod fails_closed;
#[path = "../../../audit/tests/audit/faulty.rs"]
#[allow(dead_code, reason = "it is the disk of the log's own tests, which fail it in more ways")]
mod faulty;
mod first;
mod flooded;
mod forged;
mod formatting;
mod guard;
mod lints;
mod loading;
mod permissions;
mod proved;
mod random;
mod redacted;
mod reload;
mod rendered;
mod sensitive;
mod shadow;
mod studied;
mod who;
mod world;
