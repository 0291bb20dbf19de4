//! Where the log of a measurement is made, and removed from.

use std::path::PathBuf;

use clap::Args;
use tempfile::TempDir;

use crate::fault::Fault;

/// The folder, as an argument.
#[derive(Debug, Args)]
pub(super) struct MadeIn {
    /// Folder that the log is made in, and removed from [default: the temporary one]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl MadeIn {
    /// A new folder in it, which goes with what is returned.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn make(&self) -> Result<TempDir, Fault> {
        let made = match &self.folder {
            Some(folder) => TempDir::with_prefix_in("moonward-bench-", folder),
            None => TempDir::with_prefix("moonward-bench-"),
        };
        made.map_err(|error| Fault::failed(format!("no folder for the log: {error}")))
    }
}
