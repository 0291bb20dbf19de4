//! What an app's manifest says, of an app that may not load: for what has to be done all the same, such as a revocation.
//!
//! Scripts and policies are not looked at; an entry with an error in it is left out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::{CopyTo, Mode};
use diagnostic::Diagnostic;
use token::{InvalidIssuer, Issuers, Revocations};

use crate::app::REVOCATIONS;
use crate::manifest::{AuditMode, CheckpointPlace, Manifest};

/// A folder, and what can be understood of the manifest in it.
#[derive(Debug)]
pub struct Outline {
    folder: PathBuf,
    manifest: Manifest,
}

impl Outline {
    /// Reads what there is.
    ///
    /// # Errors
    /// What is wrong with a manifest of which nothing can be understood.
    pub fn read(folder: &Path) -> Result<Self, Vec<Diagnostic>> {
        match Manifest::read(folder) {
            (Some(manifest), _) => Ok(Self { folder: folder.to_owned(), manifest }),
            (None, found) => Err(found.unwrap_or_else(|errors| errors)),
        }
    }

    /// What is declared, as far as it can be understood.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// As [`crate::App::log_options`].
    pub fn log_options(&self, log_folder: Option<&Path>) -> audit::Options {
        log_options(&self.folder, &self.manifest, log_folder)
    }

    /// As [`crate::App::issuers`].
    ///
    /// # Errors
    /// An issuer cannot be used.
    pub fn issuers(&self, now: i64) -> Result<Issuers, InvalidIssuer> {
        issuers(&self.folder, &self.manifest, now)
    }
}

/// How to open an app's log: as its manifest says, in another folder if one is given.
pub(crate) fn log_options(folder: &Path, manifest: &Manifest, log_folder: Option<&Path>) -> audit::Options {
    let declared = &manifest.audit_log;
    // The app's key signs its records wherever they are.
    let key = folder.join(&declared.key);
    let checkpoints = match &declared.checkpoints {
        Some(CheckpointPlace::Folder(place)) => Some(CopyTo::Folder(folder.join(place))),
        // Whoever has a stdout to give says so.
        Some(CheckpointPlace::Stdout) | None => None,
    };
    let folder = log_folder.map_or_else(|| folder.join(&declared.path), Path::to_owned);
    let mode = match declared.mode {
        AuditMode::Strict => Mode::Strict,
        AuditMode::BestEffort => Mode::BestEffort,
    };
    let options = audit::Options::new(folder);
    audit::Options {
        key,
        mode,
        checkpoints,
        redact: declared.redact.clone(),
        segment_bytes_max: declared.rotate_bytes.unwrap_or(options.segment_bytes_max),
        segment_age_max: declared.rotate_age.unwrap_or(options.segment_age_max),
        retain: declared.retain,
        ..options
    }
}

/// Whose tokens an app accepts, and what of theirs was revoked.
pub(crate) fn issuers(folder: &Path, manifest: &Manifest, now: i64) -> Result<Issuers, InvalidIssuer> {
    Issuers::new(settings(manifest), Arc::new(Revocations::open(&folder.join(REVOCATIONS), now)))
}

/// What a manifest says of its issuers.
pub(crate) fn settings(manifest: &Manifest) -> Vec<token::Settings> {
    manifest.issuers.iter().map(|issuer| issuer.settings.clone()).collect()
}
