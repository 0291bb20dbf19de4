//! An app: a folder of manifests, read whole or refused with every error in it.
//!
//! This crate knows what YAML says and nothing of HTTP. It parses no Lua and no policy, and decides nothing: it
//! gathers what the crates that do are told.

mod findings;
mod identifier;
pub mod limits;
pub mod manifest;

pub use identifier::{Id, TenantName};
pub use manifest::{Manifest, schema_json};
