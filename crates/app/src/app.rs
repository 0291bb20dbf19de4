//! An app ready to run: everything static about a folder, read, compiled and validated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::Log;
use diagnostic::{Diagnostic, Source};
use token::{InvalidIssuer, Issuers};

use crate::archive;
use crate::assembly::{self, Assembly};
use crate::manifest::Manifest;
use crate::outline;
use crate::running::{Running, StartError, StartedBy};

/// Where it is kept what was revoked, in an app's folder.
pub const REVOCATIONS: &str = "data/revocations.jsonl";

/// An app's folder, with nothing wrong in it.
pub struct App {
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) assembly: Assembly,
}

impl App {
    /// Reads an app: its manifest, every script and every policy, and gives it with what is probably not meant.
    /// Nothing is run and nothing is changed.
    ///
    /// # Errors
    /// Everything that is wrong with the manifest, the scripts and the policies that it names, and the warnings among
    /// it. What stands in a file has a place in it. Where a manifest cannot be read, what it would name is not looked at.
    pub fn load(folder: &Path) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        Self::load_with(folder, BTreeMap::new())
    }

    /// The same as if these files, by their paths in the app, said this instead.
    ///
    /// # Errors
    /// As [`App::load`].
    pub(crate) fn load_with(
        folder: &Path,
        instead: BTreeMap<String, Arc<Source>>,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (manifest, mut warnings) = match Manifest::read_with(folder, instead) {
            (Some(manifest), Ok(warnings)) => (manifest, warnings),
            (Some(manifest), Err(mut errors)) => {
                errors.extend(assembly::errors_in_files(&manifest));
                return Err(errors);
            }
            (None, found) => return Err(found.unwrap_or_else(|errors| errors)),
        };
        match Assembly::of(&manifest) {
            Ok((assembly, more)) => {
                warnings.extend(more);
                Ok((Self { folder: folder.to_owned(), manifest, assembly }, warnings))
            }
            Err(errors) => Err(warnings.into_iter().chain(errors).collect()),
        }
    }

    /// The folder, as it was given.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is declared.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How many policies there are, the shipped guard's with them.
    pub fn policy_count(&self) -> usize {
        self.assembly.bundle.policy_count()
    }

    /// SHA-256, in hex, of the policies that it would decide by.
    pub fn policy_digest(&self) -> &Arc<str> {
        self.assembly.bundle.digest()
    }

    /// How to open the app's audit log: as the manifest says, in `log_folder` if one is given.
    pub fn log_options(&self, log_folder: Option<&Path>) -> audit::Options {
        outline::log_options(&self.folder, &self.manifest, log_folder)
    }

    /// Whose tokens are accepted, and what of theirs was revoked, at a time in seconds since 1970. Keys from a server or a file
    /// are had with [`token::Issuers::refresh_now`], or by a [`token::Keeper`].
    ///
    /// # Errors
    /// A file of keys is no longer what it was when the app was loaded.
    pub fn issuers(&self, now: i64) -> Result<Issuers, InvalidIssuer> {
        outline::issuers(&self.folder, &self.manifest, now)
    }

    /// The same for a new version of an app that runs: it goes on with the keys and revocations that the version before knows.
    ///
    /// # Errors
    /// As [`App::issuers`].
    pub fn issuers_after(&self, before: &Issuers) -> Result<Issuers, InvalidIssuer> {
        let issuers = Issuers::new(outline::settings(&self.manifest), before.revocations().clone())?;
        issuers.adopt(before);
        Ok(issuers)
    }

    /// Starts the node: its workers, and the gate in front of them, which records the policies that it decides by, and before
    /// that who put them back, where that is still to be recorded.
    /// No service runs until [`Running::serve`].
    ///
    /// # Errors
    /// The virtual machine cannot be used safely, a thread cannot be made, or an issuer's file of keys changed since the app
    /// was loaded and is no longer good.
    pub fn start(self, log: Log, by: &StartedBy) -> Result<Running, StartError> {
        archive::unrecorded::record(&self.folder, &log);
        Running::start(self, log, by)
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("App").field("folder", &self.folder).finish_non_exhaustive()
    }
}
