//! A manifest folder read whole: every entry with its defaults, or every error there is, at once.
//!
//! Reading goes in steps, each in a file of its own: [`folder`] lists and opens, [`scan`] refuses what makes
//! YAML say two things and keeps places, [`check`] holds the rest against the [`vocabulary`], [`yaml`] reads
//! entries into the structs of [`written`], [`tenancy`] tells who owns what, [`resolve`] fills in defaults
//! and reads sources, [`references`] follows every name. Nothing is applied unless all of it holds. What
//! policies and scripts say is not known here: their text is kept, not parsed.

pub(crate) mod check;
mod cycle;
pub(crate) mod document;
mod entry;
pub(crate) mod folder;
pub(crate) mod form;
mod gather;
mod issuer;
mod quantity;
mod references;
mod resolve;
mod scalar;
pub(crate) mod scan;
mod schema;
mod service;
mod tenancy;
pub(crate) mod vocabulary;
mod written;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diagnostic::{Diagnostic, Source};

pub use entry::{
    AuditLog, AuditMode, CheckpointPlace, Code, Definition, Guard, Host, Issuer, Library, Limits, Located,
    Restart, Scope, Service, Tenant,
};
pub use form::MODULES;
pub use schema::schema_json;

use crate::findings::Findings;
use crate::identifier::{Id, TenantName};
use folder::Folder;
use gather::{Sources, gather};
use tenancy::Tenancy;

/// An app's folder as its manifests declare it. Every list is in the order of files by path, then of entries.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Where processes run; at least one.
    pub hosts: Vec<Host>,
    /// What can be spawned.
    pub definitions: Vec<Definition>,
    /// What definitions load.
    pub libraries: Vec<Library>,
    /// What is supervised.
    pub services: Vec<Service>,
    /// Who owns what; at least one. The operator's own tenant `system` is not among them.
    pub tenants: Vec<Tenant>,
    /// Named permits.
    pub scopes: Vec<Scope>,
    /// Forbids that bind every check, beside the shipped guard.
    pub guards: Vec<Guard>,
    /// Whose tokens are accepted.
    pub issuers: Vec<Issuer>,
    /// Where decisions are recorded.
    pub audit_log: AuditLog,
    tenancy: Arc<Tenancy>,
    sources: Vec<Arc<Source>>,
}

impl Default for Manifest {
    /// Nothing declared, and the log in its default place.
    fn default() -> Self {
        let audit_log = AuditLog {
            span: None,
            path: PathBuf::from(resolve::DEFAULT_LOG),
            mode: AuditMode::default(),
            key: PathBuf::from(resolve::DEFAULT_KEY),
            public_key: None,
            checkpoints: None,
            redact: audit::Redaction::default(),
            retain: None,
            rotate_bytes: None,
            rotate_age: None,
        };
        Self {
            hosts: Vec::new(),
            definitions: Vec::new(),
            libraries: Vec::new(),
            services: Vec::new(),
            tenants: Vec::new(),
            scopes: Vec::new(),
            guards: Vec::new(),
            issuers: Vec::new(),
            audit_log,
            tenancy: Arc::default(),
            sources: Vec::new(),
        }
    }
}

impl Manifest {
    /// Reads the app in a folder: the manifest with warnings, or everything that is wrong. Both are ordered
    /// by file and place; paths in them are relative to the folder.
    ///
    /// Reads files and changes nothing. What is returned does not follow later changes of the folder.
    ///
    /// # Errors
    /// Everything wrong in any manifest, in a file that one names, and in what entries name; at least one
    /// error, and the warnings among them.
    pub fn load(folder: &Path) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        match Self::read(folder) {
            (Some(manifest), Ok(warnings)) => Ok((manifest, warnings)),
            (_, found) => Err(found.unwrap_or_else(|errors| errors)),
        }
    }

    /// The same, with what could be understood of a manifest that has errors: its scripts and policies have errors of
    /// their own to tell. Nothing else is to be made of that.
    pub(crate) fn read(folder: &Path) -> (Option<Self>, Result<Vec<Diagnostic>, Vec<Diagnostic>>) {
        Self::read_with(folder, BTreeMap::new())
    }

    /// The same as if these files, by their paths, said this instead.
    pub(crate) fn read_with(
        folder: &Path,
        instead: BTreeMap<String, Arc<Source>>,
    ) -> (Option<Self>, Result<Vec<Diagnostic>, Vec<Diagnostic>>) {
        let mut findings = Findings::default();
        let opened = match Folder::open(folder) {
            Ok(opened) => opened,
            Err(error) => {
                let message = format!("`{}` cannot be opened: {error}", folder.display());
                let help = "an app is a folder with manifests in it; `moonward init DIR` makes one";
                return (None, Err(vec![Diagnostic::error("manifest.folder", message).help(help)]));
            }
        };
        let mut sources = Sources::new(opened, instead);
        let gathered = gather(&mut sources, &mut findings);
        if !gathered.tenants_are_known() {
            // Whatever else could be said would be about an app that nobody wrote.
            return (None, findings.finish());
        }
        let tenancy = Tenancy::of(&gathered.entries, &mut findings);
        tenancy::confine(&gathered.entries, &tenancy, &mut findings);
        let mut manifest = resolve::resolve(&gathered.entries, &tenancy, &mut sources, &mut findings);
        references::check(&manifest, &gathered, &tenancy, &mut findings);
        manifest.tenancy = Arc::new(tenancy);
        manifest.sources = sources.finish();
        (Some(manifest), findings.finish())
    }

    /// The definition of that id.
    pub fn definition(&self, id: &Id) -> Option<&Definition> {
        self.definitions.iter().find(|definition| definition.id == *id)
    }

    /// The owner of a namespace, declared or not: a tenant of this manifest, or `system`.
    pub fn owner(&self, namespace: &str) -> TenantName {
        self.tenancy.owner(namespace)
    }

    /// Every file that was read, by its path relative to the folder, in order: manifests, scripts and
    /// policies. A change of any of them, or a new manifest, can change what [`Manifest::load`] answers.
    pub fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }
}
