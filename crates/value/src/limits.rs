//! Bounds of one value that crosses between processes.

/// Bytes of one value as [`crate::Value::bytes`] counts them: 1 MiB, a mailbox's whole byte bound, so that one
/// message can fill a mailbox and never overfill it.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// Nested tables: 64 levels. Real payloads stay under 10; walks over values may recurse this far on any stack.
pub const VALUE_DEPTH_MAX: usize = 64;

/// Nodes (tables, keys and leaves) counted at every visit, so that a table named twice costs twice: 10 000.
pub const VALUE_NODES_MAX: usize = 10_000;

/// Values in one argument list or message: 255.
pub const VALUES_MAX: usize = 255;
