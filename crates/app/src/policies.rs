//! An app's policies without its scripts, for tools that run nothing.

use std::path::Path;

use diagnostic::{Diagnostic, Severity};
use policy::Bundle;

use crate::assembly::policies;
use crate::manifest::Manifest;

/// Policies as an app's manifest puts them together.
#[derive(Debug)]
pub struct Policies {
    /// What decides.
    pub bundle: Bundle,
    /// Which guards, scopes and tenants there are.
    pub manifest: Manifest,
}

impl Policies {
    /// Reads the policies of the app in a folder, and gives them with what is probably not meant in them. Warnings about
    /// the rest of the manifest are left out; `moonward check` has them.
    ///
    /// # Errors
    /// Everything that is wrong with the policies and the manifest, and the warnings about policies. Of a folder without
    /// a manifest the only finding is `manifest.none`.
    pub fn load(folder: &Path) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (manifest, wrong) = match Manifest::read(folder) {
            (Some(manifest), Ok(_)) => (manifest, Vec::new()),
            (manifest, Err(mut found)) => {
                found.retain(|found| found.severity == Severity::Error);
                match manifest {
                    Some(manifest) => (manifest, found),
                    None => return Err(found),
                }
            }
            (None, Ok(found)) => return Err(found),
        };
        match policies::load(&manifest) {
            Ok(bundle) if wrong.is_empty() => {
                let warnings = bundle.warnings().to_vec();
                Ok((Self { bundle, manifest }, warnings))
            }
            Ok(_) => Err(wrong),
            Err(found) if wrong.is_empty() => Err(found),
            Err(mut found) => {
                // What is not declared may be in an entry that has an error.
                found.retain(|found| found.span.is_some() && found.code != "policy.undeclared");
                Err(wrong.into_iter().chain(found).collect())
            }
        }
    }
}
