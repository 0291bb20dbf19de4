//! Apps in temporary folders, loaded, started, called, kept and reloaded.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, and so may what they share"
)]

mod apart;
mod calling;
mod loading;
mod reloading;
mod serving;
mod sessions;
mod support;
mod watching;
