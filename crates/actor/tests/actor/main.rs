//! The promises of the crate, from outside: kernels driven by hand, permits from a real gate.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly, in their shared parts too"
)]

mod children;
mod directory;
mod ends;
#[path = "../../../audit/tests/audit/faulty.rs"]
#[allow(dead_code, reason = "it is the disk of the log's own tests, which fail it in more ways")]
mod faulty;
mod messages;
mod model;
mod reload;
mod sessions;
mod threads;
mod world;
