//! Apps in temporary folders, loaded, started, called, kept and reloaded.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, and so may what they share"
)]

mod apart;
mod calling;
#[path = "../../../audit/tests/audit/faulty.rs"]
#[allow(dead_code, reason = "it is the disk of the log's own tests, which fail it in more ways")]
mod faulty;
mod loading;
mod parking;
mod reloading;
mod serving;
mod sessions;
mod support;
mod watching;
