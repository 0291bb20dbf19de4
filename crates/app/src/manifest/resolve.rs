//! Written entries made into what they mean: ids whole, defaults in place, sources read, actors and tenants
//! told.
//!
//! Whether what an entry names exists and may be used is asked afterwards, when everything is known.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audit::Redaction;
use diagnostic::Source;

use super::Manifest;
use super::entry::{
    AuditLog, AuditMode, CheckpointPlace, Code, Definition, Guard, Host, Library, Limits, Located, Scope,
    Tenant,
};
use super::form::{MODULES, STDOUT};
use super::gather::{Entry, Sources, place};
use super::quantity::{Bytes, Time};
use super::tenancy::Tenancy;
use super::written::{self, Written};
use crate::findings::Findings;
use crate::identifier::{Id, TenantName};
use crate::limits::{
    HOST_PROCESSES_DEFAULT, MAILBOX_MESSAGES_DEFAULT, PROCESS_CPU_DEFAULT_MS, PROCESS_MEMORY_DEFAULT,
    TENANT_PROCESSES_DEFAULT,
};

/// Folder of the log of an app that names none.
pub(super) const DEFAULT_LOG: &str = "data/audit";

/// The key of that log, and of every other that does not say.
pub(super) const DEFAULT_KEY: &str = "data/keys/audit.ed25519";

/// Everything that the entries declare, and the defaults for what they do not.
pub(crate) fn resolve(
    entries: &[Entry],
    tenancy: &Tenancy,
    sources: &mut Sources,
    findings: &mut Findings,
) -> Manifest {
    let mut resolver = Resolver { tenancy, sources, findings, manifest: Manifest::default() };
    resolver.tenants(entries);
    resolver.hosts(entries);
    for entry in entries {
        resolver.entry(entry);
    }
    resolver.manifest
}

pub(super) struct Resolver<'a> {
    pub(super) tenancy: &'a Tenancy,
    pub(super) sources: &'a mut Sources,
    pub(super) findings: &'a mut Findings,
    pub(super) manifest: Manifest,
}

impl Resolver<'_> {
    fn entry(&mut self, entry: &Entry) {
        match &entry.written {
            // Services fall back on tenants and hosts, which therefore come first.
            Written::Tenant(_) | Written::Host(_) => {}
            Written::Definition(written) => self.definition(entry, written),
            Written::Library(written) => self.library(entry, written),
            Written::Service(written) => self.service(entry, written),
            Written::Scope(written) => self.scope(entry, written),
            Written::Issuer(written) => self.issuer(entry, written),
            Written::AuditLog(written) => self.audit_log(entry, written),
        }
    }

    fn tenants(&mut self, entries: &[Entry]) {
        for entry in entries {
            let Written::Tenant(written) = &entry.written else { continue };
            // Of an invalid name there is a finding already.
            let Some(name) = TenantName::new(entry.id.name()) else { continue };
            let default_scopes = self.ids(entry, "default_scopes", &written.default_scopes);
            self.manifest.tenants.push(Tenant {
                name,
                span: Some(entry.span("")),
                namespaces: written.namespaces.clone(),
                default_scopes,
                processes_max: written.quotas.processes.unwrap_or(TENANT_PROCESSES_DEFAULT),
                memory_bytes_max: written.quotas.memory.map(|bytes| bytes.0),
                max_lifetime: written.max_lifetime.map(|time| time.0),
            });
        }
        if !self.tenancy.is_declared() {
            let scope = |entry: &Entry| match &entry.written {
                Written::Scope(scope) if !scope.always => {
                    Some(Located { value: entry.id.clone(), span: entry.span("") })
                }
                _ => None,
            };
            self.manifest.tenants.push(Tenant {
                name: TenantName::default(),
                span: None,
                namespaces: Vec::new(),
                default_scopes: entries.iter().filter_map(scope).collect(),
                processes_max: TENANT_PROCESSES_DEFAULT,
                memory_bytes_max: None,
                max_lifetime: None,
            });
        }
    }

    fn hosts(&mut self, entries: &[Entry]) {
        for entry in entries {
            let Written::Host(written) = &entry.written else { continue };
            self.manifest.hosts.push(Host {
                id: entry.id.clone(),
                span: Some(entry.span("")),
                workers: written.host.workers,
                processes_max: written.host.max_processes.unwrap_or(HOST_PROCESSES_DEFAULT),
            });
        }
        if self.manifest.hosts.is_empty()
            && let Some(id) = Id::join("app", "processes")
        {
            let processes_max = HOST_PROCESSES_DEFAULT;
            self.manifest.hosts.push(Host { id, span: None, workers: None, processes_max });
        }
    }

    fn definition(&mut self, entry: &Entry, written: &written::Definition) {
        let Some(code) = self.code(entry, &written.source, &written.modules, &written.imports) else {
            return;
        };
        let limits = &written.limits;
        self.manifest.definitions.push(Definition {
            id: entry.id.clone(),
            span: entry.span(""),
            tenant: self.tenancy.owner(entry.id.namespace()),
            code,
            method: written.method.clone().unwrap_or_else(|| "main".to_owned()),
            limits: Limits {
                memory_bytes_max: limits.memory.map_or(PROCESS_MEMORY_DEFAULT, |bytes| bytes.0),
                cpu_max: limits.cpu.map_or(Duration::from_millis(PROCESS_CPU_DEFAULT_MS), |time| time.0),
                cpu_total_max: limits.cpu_total.map(|time| time.0),
                mailbox_messages_max: limits.mailbox.unwrap_or(MAILBOX_MESSAGES_DEFAULT),
                lifetime_max: limits.lifetime.map(|time| time.0),
            },
            isolated: written.isolation.is_some(),
            shared: written.shared,
        });
    }

    fn library(&mut self, entry: &Entry, written: &written::Library) {
        let Some(code) = self.code(entry, &written.source, &written.modules, &written.imports) else {
            return;
        };
        self.manifest.libraries.push(Library {
            id: entry.id.clone(),
            span: entry.span(""),
            tenant: self.tenancy.owner(entry.id.namespace()),
            code,
            shared: written.shared,
        });
    }

    fn code(
        &mut self,
        entry: &Entry,
        source: &str,
        modules: &[String],
        imports: &BTreeMap<String, String>,
    ) -> Option<Code> {
        let imports = imports
            .iter()
            .filter_map(|(alias, written)| {
                let path = format!("imports.{alias}");
                if MODULES.contains(&alias.as_str()) {
                    let message = format!("`{alias}` is a module of the host, an import needs another name");
                    self.findings.push(entry.error("manifest.import", &path, message));
                }
                Some((alias.clone(), self.id(entry, &path, written)?))
            })
            .collect();
        let source = match entry.file(source) {
            Some(file) => self.file(entry, "source", &file)?,
            None => Arc::new(Source { path: entry.id.to_string(), text: source.to_owned() }),
        };
        Some(Code { source, modules: modules.to_vec(), imports })
    }

    fn scope(&mut self, entry: &Entry, written: &written::Scope) {
        let policies: Vec<_> = written
            .policies
            .iter()
            .enumerate()
            .filter_map(|(index, policy)| {
                let path = format!("policies.{index}");
                let source = self.file(entry, &path, &entry.file(policy)?)?;
                Some(Located { value: source, span: entry.span(&path) })
            })
            .collect();
        let (id, span) = (entry.id.clone(), entry.span(""));
        if !written.always {
            if written.replace_shipped_guard {
                let message = "only a guard can replace the shipped one";
                let refused = entry.error("manifest.guard", "replace_shipped_guard", message);
                self.findings.push(refused.help("a guard is a scope with `always: true`"));
            }
            let tenant = self.tenancy.owner(id.namespace());
            return self.manifest.scopes.push(Scope { id, span, tenant, shared: written.shared, policies });
        }
        if written.shared {
            let message = "a guard binds everybody, it cannot be shared";
            self.findings.push(entry.error("manifest.guard", "shared", message).help("remove `shared`"));
        }
        self.manifest.guards.push(Guard {
            id,
            span,
            replaces_shipped: written.replace_shipped_guard,
            policies,
        });
    }

    fn audit_log(&mut self, entry: &Entry, written: &written::AuditLog) {
        if let Some(first) = &self.manifest.audit_log.span {
            let help = format!("the first is at {}", place(first));
            let again = entry.error("manifest.duplicate-id", "", "an app has one `audit.log`");
            return self.findings.push(again.help(help));
        }
        // One by one they are of the right form; together they may say the same twice.
        let redact = Redaction::of(written.redact.iter().map(String::as_str)).unwrap_or_else(|error| {
            self.findings.push(entry.error("manifest.value", "redact", error.to_string()));
            Redaction::default()
        });
        self.manifest.audit_log = AuditLog {
            span: Some(entry.span("")),
            path: PathBuf::from(written.path.as_deref().unwrap_or(DEFAULT_LOG)),
            mode: match written.mode.as_deref() {
                Some("best_effort") => AuditMode::BestEffort,
                _ => AuditMode::Strict,
            },
            key: PathBuf::from(written.key.as_deref().unwrap_or(DEFAULT_KEY)),
            public_key: written.public_key.as_deref().and_then(|key| key.parse().ok()),
            checkpoints: written.checkpoints.as_deref().map(|place| match place {
                STDOUT => CheckpointPlace::Stdout,
                folder => CheckpointPlace::Folder(PathBuf::from(folder)),
            }),
            redact,
            retain: written.retain.map(|Time(retain)| retain),
            rotate_bytes: written.rotate.size.map(|Bytes(bytes)| bytes),
            rotate_age: written.rotate.age.map(|Time(age)| age),
        };
    }

    /// A file of the app, by its path in the app.
    pub(super) fn file(&mut self, entry: &Entry, path: &str, file: &str) -> Option<Arc<Source>> {
        let read = self.sources.read(file);
        let refused =
            |reason| entry.error("manifest.file", path, format!("`{file}` cannot be read: {reason}"));
        read.map_err(|reason| self.findings.push(refused(reason))).ok()
    }

    /// The id that a text at a path means.
    pub(super) fn id(&mut self, entry: &Entry, path: &str, text: &str) -> Option<Located<Id>> {
        let Some(value) = Id::within(entry.id.namespace(), text) else {
            // The check has seen it; in doubt, refuse.
            self.findings.push(entry.error("manifest.value", path, format!("`{text}` is no id")));
            return None;
        };
        Some(Located { value, span: entry.span(path) })
    }

    /// The ids of a list at a path.
    pub(super) fn ids(&mut self, entry: &Entry, path: &str, texts: &[String]) -> Vec<Located<Id>> {
        let ids = texts.iter().enumerate();
        ids.filter_map(|(index, text)| self.id(entry, &format!("{path}.{index}"), text)).collect()
    }
}
