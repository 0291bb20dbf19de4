//! The virtual machine from outside: scripts of one body or several, a small host, and attacks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also where it prepares"
)]

#[cfg(test)]
mod vm {
    mod attack;
    mod bench;
    mod coroutine;
    mod crossing;
    mod language;
    mod memory;
    mod object;
    mod random;
    mod require;
    mod slice;
}
