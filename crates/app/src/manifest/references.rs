//! What entries name: that it exists, is of the right kind, may be used by who names it, and leads in no
//! circle.

use std::collections::{BTreeMap, BTreeSet};

use diagnostic::{Diagnostic, Span, did_you_mean};

use super::Manifest;
use super::cycle::cycles;
use super::entry::{Code, Definition, Library, Located, Scope, Service};
use super::gather::Gathered;
use super::tenancy::Tenancy;
use crate::findings::Findings;
use crate::identifier::{Id, TenantName};

/// Checks every name in the manifest.
pub(crate) fn check(manifest: &Manifest, gathered: &Gathered, tenancy: &Tenancy, findings: &mut Findings) {
    let mut references = References {
        definitions: manifest.definitions.iter().map(|definition| (&definition.id, definition)).collect(),
        libraries: manifest.libraries.iter().map(|library| (&library.id, library)).collect(),
        scopes: manifest.scopes.iter().map(|scope| (&scope.id, scope)).collect(),
        guards: manifest.guards.iter().map(|guard| &guard.id).collect(),
        manifest,
        gathered,
        tenancy,
        findings,
    };
    for tenant in &manifest.tenants {
        references.scopes(tenant.name.as_str(), &tenant.name, &tenant.default_scopes);
    }
    for definition in &manifest.definitions {
        references.imports(&definition.id, &definition.tenant, &definition.code);
    }
    for library in &manifest.libraries {
        references.imports(&library.id, &library.tenant, &library.code);
    }
    for service in &manifest.services {
        references.service(service);
    }
    for issuer in &manifest.issuers {
        references.scopes(issuer.id.as_str(), &issuer.tenant, &issuer.scopes);
    }
    references.cycles();
    references.never_started();
}

struct References<'a> {
    definitions: BTreeMap<&'a Id, &'a Definition>,
    libraries: BTreeMap<&'a Id, &'a Library>,
    scopes: BTreeMap<&'a Id, &'a Scope>,
    guards: BTreeSet<&'a Id>,
    manifest: &'a Manifest,
    gathered: &'a Gathered,
    tenancy: &'a Tenancy,
    findings: &'a mut Findings,
}

impl<'a> References<'a> {
    fn imports(&mut self, from: &Id, tenant: &TenantName, code: &Code) {
        for import in code.imports.values() {
            self.exists(from.as_str(), import, "library.lua");
            if let Some(library) = self.libraries.get(&import.value) {
                let usable = library.tenant == *tenant || library.shared;
                self.usable(usable, from.as_str(), import, &library.tenant, OWN_SHARED);
            }
        }
    }

    fn service(&mut self, service: &Service) {
        let subject = service.id.as_str();
        self.exists(subject, &service.definition, "process.lua");
        if let Some(definition) = self.definitions.get(&service.definition.value) {
            let usable = definition.tenant == service.tenant || definition.shared;
            self.usable(usable, subject, &service.definition, &definition.tenant, OWN_SHARED);
        }
        if !self.manifest.hosts.iter().any(|host| host.id == service.host.value) {
            self.exists(subject, &service.host, "process.host");
        }
        let tenant = self.manifest.tenants.iter().find(|tenant| tenant.name == service.tenant);
        // What it has from its tenant is the tenant's mistake, told once.
        if tenant.is_none_or(|tenant| tenant.default_scopes != service.scopes) {
            self.scopes(subject, &service.tenant, &service.scopes);
        }
        let namespace = service.id.namespace();
        for required in &service.requires {
            self.exists(subject, required, "process.service");
            let owner = self.tenancy.owner(required.value.namespace());
            let usable = self.tenancy.is_operators(namespace) || owner == self.tenancy.owner(namespace);
            self.usable(usable, subject, required, &owner, "a service requires services of its own tenant");
        }
    }

    fn scopes(&mut self, subject: &str, tenant: &TenantName, scopes: &[Located<Id>]) {
        for named in scopes {
            self.exists(subject, named, "security.scope");
            if let Some(scope) = self.scopes.get(&named.value) {
                let usable = scope.tenant == *tenant || scope.shared;
                let help = "the operator shares a scope with `shared: true`";
                self.usable(usable, subject, named, &scope.tenant, help);
            }
            if self.guards.contains(&named.value) {
                let message = format!("`{}` is a guard, expected a scope", named.value);
                let help = "a guard binds every check already, remove it here";
                self.error("manifest.reference", message, &named.span, subject, Some(help.to_owned()));
            }
        }
    }

    /// A finding when nothing of that id and kind is declared.
    fn exists(&mut self, subject: &str, named: &Located<Id>, kind: &'static str) {
        let id = &named.value;
        let (message, help) = match self.gathered.declared.get(id) {
            // Of an unknown kind there is a finding already.
            Some(declaration) if declaration.kind.is_none_or(|found| found == kind) => return,
            Some(declaration) => {
                let found = declaration.kind.unwrap_or_default();
                (format!("`{id}` is a `{found}`, expected a `{kind}`"), None)
            }
            None => (format!("there is no {kind} `{id}`"), self.nearest(id, kind)),
        };
        self.error("manifest.reference", message, &named.span, subject, help);
    }

    /// The id of that kind that may be meant.
    fn nearest(&self, id: &Id, kind: &'static str) -> Option<String> {
        if self.findings.is_full() {
            return None;
        }
        let declared = self.gathered.declared.iter();
        let same_kind =
            declared.filter(|(id, declaration)| declaration.kind == Some(kind) && !self.guards.contains(id));
        let nearest = did_you_mean(id.as_str(), same_kind.map(|(id, _)| id.as_str()))?;
        Some(format!("did you mean `{nearest}`?"))
    }

    fn usable(&mut self, usable: bool, subject: &str, named: &Located<Id>, owner: &TenantName, help: &str) {
        if !usable {
            let message = format!("`{}` is tenant `{owner}`'s and not shared", named.value);
            self.error("manifest.not-shared", message, &named.span, subject, Some(help.to_owned()));
        }
    }

    fn cycles(&mut self) {
        let manifest = self.manifest;
        let services =
            manifest.services.iter().map(|service| (&service.id, service.requires.iter().collect()));
        self.cycles_of("services require each other", services.collect());
        let libraries = manifest.libraries.iter();
        let imports = libraries.map(|library| (&library.id, library.code.imports.values().collect()));
        self.cycles_of("libraries import each other", imports.collect());
    }

    fn cycles_of(&mut self, what: &str, edges: BTreeMap<&'a Id, Vec<&'a Located<Id>>>) {
        let ids = |named: &Vec<&'a Located<Id>>| named.iter().map(|named| &named.value).collect();
        for cycle in cycles(&edges.iter().map(|(id, named)| (*id, ids(named))).collect()) {
            let (Some(first), Some(last)) = (cycle.first(), cycle.last()) else { continue };
            let closing = edges.get(last).and_then(|named| named.iter().find(|named| named.value == *first));
            let Some(closing) = closing else { continue };
            let round: Vec<String> = cycle.iter().chain([first]).map(|id| format!("`{id}`")).collect();
            let message = format!("{what}: {}", round.join(" -> "));
            self.error("manifest.cycle", message, &closing.span, last.as_str(), None);
        }
    }

    /// Warns of services that nothing starts.
    fn never_started(&mut self) {
        let required = self.manifest.services.iter().flat_map(|service| &service.requires);
        let required: BTreeSet<&Id> = required.map(|required| &required.value).collect();
        for service in &self.manifest.services {
            if !service.auto_start && !required.contains(&service.id) {
                let message =
                    "this service is never started: nothing requires it and it does not start by itself";
                let warning = Diagnostic::warning("manifest.never-started", message).at(service.span.clone());
                self.findings
                    .push(warning.about(service.id.as_str()).help("write `lifecycle: {auto_start: true}`"));
            }
        }
    }

    fn error(
        &mut self,
        code: &'static str,
        message: String,
        span: &Span,
        subject: &str,
        help: Option<String>,
    ) {
        let mut error = Diagnostic::error(code, message).at(span.clone()).about(subject);
        error.help = help;
        self.findings.push(error);
    }
}

const OWN_SHARED: &str = "its owner shares it with `shared: true`";
