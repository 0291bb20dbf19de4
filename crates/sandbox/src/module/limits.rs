//! Bounds of the plain modules, with unit and reason. Those of processes, channels and workers are the crate's
//! own `limits`; those of a single value (1 MiB, 10 000 nodes) are the `value` crate's.

/// Bytes of JSON text that is read or written: 1 MiB, what one string argument may hold.
pub(crate) const JSON_TEXT_BYTES_MAX: usize = 1024 * 1024;

/// Arrays and objects inside each other in JSON text: 128. Reader and writer recurse that far, on any worker's
/// stack.
pub(crate) const JSON_DEPTH_MAX: usize = 128;

/// Bytes of a duration as text: 128, twice what naming every unit once takes.
pub(crate) const DURATION_TEXT_BYTES_MAX: usize = 128;

/// Bytes of a layout, or of a text to be read with one: 256. The longest layout constant has 35.
pub(crate) const LAYOUT_BYTES_MAX: usize = 256;

/// Bytes of a zone's name: 64. The longest in the database has 30.
pub(crate) const ZONE_NAME_BYTES_MAX: usize = 64;

/// Contexts wrapped around one error: 64. Past it the newest takes the place of the one before, so that a loop
/// that wraps its own error stays bounded and what went wrong first stays readable.
pub(crate) const ERROR_CONTEXTS_MAX: usize = 64;

/// Fields of one logger or line: 64. A line is cut at 8 KiB anyway.
pub(crate) const LOG_FIELDS_MAX: usize = 64;

/// Characters of a script's own text that an error message repeats: 64, enough to recognise it.
pub(crate) const QUOTED_CHARS_MAX: usize = 64;
