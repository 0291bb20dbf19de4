//! The Lua API, and the workers that run processes.
//!
//! Reading order: [`definition`] and [`catalogue`] say what can be run; [`runtime`] starts workers; a `worker`
//! runs bodies in slices; each host call goes through `function`, the one loop that decodes, asks, checks, runs
//! and encodes; `module` has a file for each Lua module. This crate never parses a token or a manifest, and
//! knows no HTTP.

mod builder;
mod can;
mod catalogue;
mod channel;
mod context;
mod cpu_time;
mod declaration;
mod definition;
mod function;
pub mod limits;
mod log_line;
mod message;
mod module;
mod object;
mod process_state;
mod question;
mod recorded_call;
pub mod reference;
mod refused_tokens;
mod runtime;
mod scene;
mod sessions;
mod site;
mod surface;
mod timer;
mod waits;
mod watchdog;
mod worker;
mod world;

pub use catalogue::Catalogue;
pub use definition::{Definition, Limits};
pub use runtime::{Runtime, Settings, StartError, StartRequest};
pub use surface::{global_module_names, module_names};
