//! An app: a folder of manifests, read whole or refused with every error in it, and run.
//!
//! This crate knows what YAML says and nothing of HTTP. It parses no Lua and no policy, and decides nothing: it
//! gathers what the crates that do are told, starts them, and keeps services running.

mod app;
mod archive;
mod assembly;
mod call;
mod findings;
mod identifier;
mod identities;
pub mod limits;
pub mod manifest;
mod order;
mod outline;
mod policies;
mod policy_files;
mod reload;
mod replace;
mod restart;
mod revoked;
mod rollback;
mod running;
mod status;
pub mod study;
mod supervisor;
mod watch;

pub use app::{App, REVOCATIONS};
pub use archive::{Archive, Archived, Found};
pub use call::{CallFailure, CallRequest};
pub use identifier::{Id, TenantName};
pub use manifest::{Manifest, schema_json};
pub use outline::Outline;
pub use policies::Policies;
pub use policy_files::PolicyFiles;
pub use revoked::revocation_event;
pub use rollback::{NoRollback, Rollback};
pub use running::{Running, StartError, StartedBy};
pub use status::{ServiceState, ServiceStatus};
pub use supervisor::{ServeOptions, ServeOutcome};
pub use watch::{Reload, Report};
