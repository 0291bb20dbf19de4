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
mod messages;
mod model;
mod reload;
mod sessions;
mod threads;
mod world;
