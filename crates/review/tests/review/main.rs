//! The log reviewed through the crate's face, on logs written by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also where it prepares"
)]

mod answers;
mod exports;
mod written;
