//! A policy set as one document, beside the log whose records it decided: what it was loaded from, so that they can be
//! decided again in years to come.
//!
//! Where documents are kept is `audit`'s to know, and when a set is in force the gate's.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use audit::{ArchiveError, ArchivedError, Log, ReadError, archived};
use diagnostic::{Diagnostic, Source, render};
use serde_json::{Value as Json, json};

use crate::bundle::{Bundle, BundleSources, Declared, ScopeSources};
use crate::identity::{Scope, Tenant, TenantId};
use crate::{load, schema};

/// Name and version of the form of a document; a reader that does not know it must not guess.
const FORM: &str = "moonward.policies/1";

/// A bundle that is in the archive of a log: the only thing that a gate of that log decides by, so that no record names a
/// policy set that is not kept.
#[derive(Debug)]
pub struct Kept {
    pub(crate) bundle: Bundle,
    /// SHA-256, in hex, of the document.
    pub(crate) archive: String,
}

impl Kept {
    /// Puts a bundle in the archive of a log. Waits for the disk.
    ///
    /// # Errors
    /// It cannot be written there, or is over the bound.
    pub fn new(bundle: Bundle, log: &Log) -> Result<Self, ArchiveError> {
        let archive = log.archive(&document(&bundle))?;
        Ok(Self { bundle, archive })
    }
}

/// A policy set read back from the archive of a log.
#[derive(Debug, Clone)]
pub struct Archived {
    digest: String,
    cedar_schema: String,
    shipped_guard: Arc<Source>,
    sources: BundleSources,
}

/// Why a policy set cannot be had from an archive.
#[derive(Debug, thiserror::Error)]
pub enum NotArchived {
    /// The document is not there, or not what was written.
    #[error(transparent)]
    Unreadable(#[from] ArchivedError),
    /// The log cannot be read as far as its load.
    #[error("the record of the policy set's load was not found: {0}")]
    Unread(ReadError),
    /// It is none of this form. Hostile text is escaped.
    #[error("the archived policy set cannot be understood: {0}")]
    NotUnderstood(String),
    /// It was written by a version of the product with another schema.
    #[error(
        "the archived policy set `{0}` is of a version with another schema, and cannot be loaded by this one"
    )]
    OtherSchema(String),
    /// This version finds something wrong with it.
    #[error("the archived policy set `{digest}` does not load in this version: {found}")]
    DoesNotLoad {
        /// The set's digest.
        digest: String,
        /// The first thing that is wrong.
        found: String,
    },
    /// It loads, as another set than it says.
    #[error("the archived policy set says that it is `{said}`, and is `{is}`")]
    Other {
        /// The digest that it says.
        said: String,
        /// The digest that it has.
        is: String,
    },
}

impl Archived {
    /// Reads a set from the archive of the log in a folder; `archive` is what the record of its load names
    /// (`detail.archive`).
    ///
    /// # Errors
    /// It is not there or not what was written, or cannot be understood.
    pub fn read(folder: &Path, archive: &str) -> Result<Self, NotArchived> {
        Self::parse(&archived(folder, archive)?).ok_or_else(|| {
            NotArchived::NotUnderstood(format!("it is not of the form `{FORM}` that this version knows"))
        })
    }

    /// Reads the set of this digest, as a decision's record names it (`policy_set`), from the log in a folder; nothing when no
    /// record of its load is there, or names where it is kept.
    ///
    /// # Errors
    /// As [`Archived::read`]; or the log cannot be read, and nothing that can be names it.
    pub fn of_set(folder: &Path, policy_set: &str) -> Result<Option<Self>, NotArchived> {
        let mut unreadable = None;
        for line in audit::read_with(folder, &[&format!("\"policy_set\":\"{policy_set}\"")]) {
            let record = match line {
                Ok(line) => line.record,
                Err(error) => {
                    unreadable.get_or_insert(error);
                    continue;
                }
            };
            let text = |pointer: &str| record.pointer(pointer).and_then(Json::as_str);
            let is_load = (text("/kind"), text("/policy_set")) == (Some("policy_load"), Some(policy_set));
            if let Some(archive) = text("/detail/archive").filter(|_| is_load) {
                return Self::read(folder, archive).map(Some);
            }
        }
        unreadable.map_or(Ok(None), |error| Err(NotArchived::Unread(error)))
    }

    /// The digest of the set, as records have it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What it was loaded from.
    pub fn sources(&self) -> &BundleSources {
        &self.sources
    }

    /// The files whose policies count for who holds these scopes: those of the guard, the shipped one first, then those of
    /// each scope. Two of them may have the same path, since nobody keeps that of the shipped guard from an app.
    pub fn files<'a>(&'a self, scopes: &'a [&str]) -> impl Iterator<Item = &'a Arc<Source>> {
        let BundleSources { guards, replace_shipped_guard, scopes: all, .. } = &self.sources;
        let shipped = (!replace_shipped_guard).then_some(&self.shipped_guard);
        let held = all.iter().filter(|of| scopes.iter().any(|id| *id == &**of.scope.id()));
        shipped.into_iter().chain(guards).chain(held.flat_map(|of| &of.files))
    }

    /// The bundle that it was, with the guard that the product shipped then, and with the same digest.
    ///
    /// # Errors
    /// It cannot be loaded by this version of the product as what it was.
    pub fn bundle(&self) -> Result<Bundle, NotArchived> {
        if self.cedar_schema != schema::render() {
            return Err(NotArchived::OtherSchema(self.digest.clone()));
        }
        let loaded = load::bundle(self.sources.clone(), self.shipped_guard.clone());
        let bundle = loaded.map_err(|found| NotArchived::DoesNotLoad {
            digest: self.digest.clone(),
            found: found.first().map(first_line).unwrap_or_default(),
        })?;
        if **bundle.digest() != *self.digest {
            return Err(NotArchived::Other { said: self.digest.clone(), is: bundle.digest().to_string() });
        }
        Ok(bundle)
    }

    fn parse(document: &Json) -> Option<Self> {
        if document.get("form").and_then(Json::as_str) != Some(FORM) {
            return None;
        }
        let text = |name: &str| document.get(name).and_then(Json::as_str).map(str::to_owned);
        let scopes = list(document, "scopes", |scope| {
            let (id, tenant) = (scope.get("id")?.as_str()?, scope.get("tenant")?.as_str()?);
            let scope_of =
                Scope::new(id, &TenantId::new(tenant).ok()?, scope.get("shared")?.as_bool()?).ok()?;
            Some(ScopeSources { scope: Arc::new(scope_of), files: list(scope, "files", source)? })
        })?;
        let tenants = list(document, "tenants", |tenant| {
            Some(Tenant {
                id: TenantId::new(tenant.get("id")?.as_str()?).ok()?,
                suspended: tenant.get("suspended")?.as_bool()?,
                plan: tenant.get("plan")?.as_str()?.to_owned(),
            })
        })?;
        let declared = match document.get("declared")? {
            Json::Null => None,
            declared => Some(Declared {
                definitions: ids(declared, "definitions")?,
                hosts: ids(declared, "hosts")?,
                namespaces: ids(declared, "namespaces")?,
            }),
        };
        Some(Self {
            digest: text("policy_set")?,
            cedar_schema: text("cedar_schema")?,
            shipped_guard: source(document.get("shipped_guard")?)?,
            sources: BundleSources {
                guards: list(document, "guards", source)?,
                replace_shipped_guard: document.get("replace_shipped_guard")?.as_bool()?,
                scopes,
                tenants,
                declared,
            },
        })
    }
}

/// The same for the same set, whatever order its scopes and tenants came in.
fn document(bundle: &Bundle) -> Json {
    let BundleSources { guards, replace_shipped_guard, scopes, tenants, declared } = &bundle.sources;
    let mut scopes: Vec<&ScopeSources> = scopes.iter().collect();
    scopes.sort_by(|one, other| one.scope.id().cmp(other.scope.id()));
    let mut tenants: Vec<&Tenant> = tenants.iter().collect();
    tenants.sort_by(|one, other| one.id.cmp(&other.id));
    let scope = |ScopeSources { scope, files }: &ScopeSources| json!({"id": &**scope.id(), "tenant": scope.tenant().as_str(), "shared": scope.shared(), "files": written(files)});
    let tenant = |tenant: &Tenant| json!({"id": tenant.id.as_str(), "suspended": tenant.suspended, "plan": tenant.plan});
    let declared = declared.as_ref().map(|declared| {
        let texts = |ids: &BTreeSet<Arc<str>>| ids.iter().map(|id| json!(**id)).collect::<Json>();
        json!({"definitions": texts(&declared.definitions), "hosts": texts(&declared.hosts),
            "namespaces": texts(&declared.namespaces)})
    });
    json!({
        "form": FORM,
        "policy_set": &**bundle.digest(),
        "engine": format!("cedar-policy {}", cedar_policy::get_sdk_version()),
        "cedar_schema": schema::render(),
        "shipped_guard": written_one(&bundle.shipped_guard),
        "replace_shipped_guard": replace_shipped_guard,
        "guards": written(guards),
        "scopes": scopes.into_iter().map(scope).collect::<Json>(),
        "tenants": tenants.into_iter().map(tenant).collect::<Json>(),
        "declared": declared,
    })
}

fn written(files: &[Arc<Source>]) -> Json {
    files.iter().map(|file| written_one(file)).collect()
}

fn written_one(file: &Source) -> Json {
    json!({"path": file.path, "text": file.text})
}

fn source(file: &Json) -> Option<Arc<Source>> {
    let text = |name: &str| Some(file.get(name)?.as_str()?.to_owned());
    Some(Arc::new(Source { path: text("path")?, text: text("text")? }))
}

/// Every item, or nothing when one cannot be read.
fn list<T>(of: &Json, name: &str, read: impl Fn(&Json) -> Option<T>) -> Option<Vec<T>> {
    of.get(name)?.as_array()?.iter().map(read).collect()
}

fn ids(of: &Json, name: &str) -> Option<BTreeSet<Arc<str>>> {
    of.get(name)?.as_array()?.iter().map(|id| Some(Arc::from(id.as_str()?))).collect()
}

fn first_line(found: &Diagnostic) -> String {
    render(found).lines().next().unwrap_or_default().to_owned()
}
