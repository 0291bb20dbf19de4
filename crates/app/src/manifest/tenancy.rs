//! Who owns which namespace: every namespace has exactly one owner, a tenant or the operator.

use std::collections::BTreeMap;

use diagnostic::Span;

use super::form::Form;
use super::gather::{Entry, place};
use super::written::Written;
use crate::findings::Findings;
use crate::identifier::TenantName;

/// The tenants of an app and their namespaces.
#[derive(Debug, Default)]
pub(crate) struct Tenancy {
    /// Where each declared tenant is. Empty: the app has one tenant, which owns every namespace.
    tenants: BTreeMap<TenantName, Span>,
    // INVARIANT: of two namespaces one of which is below the other, the owner is the same.
    owners: BTreeMap<String, (TenantName, Span)>,
}

impl Tenancy {
    /// The owners that these entries declare.
    pub(crate) fn of(entries: &[Entry], findings: &mut Findings) -> Self {
        let mut tenancy = Self::default();
        let mut claims = Vec::new();
        for entry in entries {
            let Written::Tenant(written) = &entry.written else { continue };
            let Some(name) = tenancy.name(entry, findings) else { continue };
            for (index, namespace) in written.namespaces.iter().enumerate() {
                claims.push((namespace, name.clone(), entry, format!("namespaces.{index}")));
            }
        }
        // Shorter first, so that whoever claims more is there when somebody claims a part of it.
        claims.sort_by_key(|(namespace, ..)| namespace.len());
        for (namespace, name, entry, path) in claims {
            match tenancy.claimed(namespace) {
                Some((owner, span)) if *owner != name => {
                    let message = format!("namespace `{namespace}` has two owners: `{owner}` and `{name}`");
                    let help = format!("`{owner}` owns it with all that is below what {} says", place(span));
                    findings.push(entry.error("manifest.two-owners", &path, message).help(help));
                }
                _ => drop(tenancy.owners.insert(namespace.clone(), (name, entry.span(&path)))),
            }
        }
        tenancy
    }

    /// Notes the tenant that an entry declares.
    fn name(&mut self, entry: &Entry, findings: &mut Findings) -> Option<TenantName> {
        let text = entry.id.name();
        let Some(name) = TenantName::new(text).filter(|_| Form::Tenant.fits(text)) else {
            let message = format!("a tenant is called `{text}`, expected {}", Form::Tenant.expected());
            findings.push(entry.error("manifest.value", "", message));
            return None;
        };
        if let Some(first) = self.tenants.get(&name) {
            let help = format!("the first is at {}", place(first));
            findings.push(
                entry
                    .error("manifest.duplicate-id", "", format!("tenant `{name}` is declared twice"))
                    .help(help),
            );
            return None;
        }
        self.tenants.insert(name.clone(), entry.span(""));
        Some(name)
    }

    /// The owner of a namespace.
    pub(crate) fn owner(&self, namespace: &str) -> TenantName {
        match self.claimed(namespace) {
            Some((owner, _)) => owner.clone(),
            None if self.tenants.is_empty() => TenantName::default(),
            None => TenantName::system(),
        }
    }

    /// Whether the operator writes this namespace: nobody else owns it.
    pub(crate) fn is_operators(&self, namespace: &str) -> bool {
        self.claimed(namespace).is_none()
    }

    /// Whether there is such a tenant.
    pub(crate) fn knows(&self, tenant: &TenantName) -> bool {
        match self.tenants.is_empty() {
            true => *tenant == TenantName::default(),
            false => tenant.is_system() || self.tenants.contains_key(tenant),
        }
    }

    /// Whether the app declares tenants.
    pub(crate) fn is_declared(&self) -> bool {
        !self.tenants.is_empty()
    }

    /// Who claims a namespace or one above it.
    fn claimed(&self, namespace: &str) -> Option<&(TenantName, Span)> {
        let mut namespace = namespace;
        loop {
            if let Some(claim) = self.owners.get(namespace) {
                return Some(claim);
            }
            (namespace, _) = namespace.rsplit_once('.')?;
        }
    }
}

/// Refuses what only the operator may declare in a tenant's namespace.
pub(crate) fn confine(entries: &[Entry], tenancy: &Tenancy, findings: &mut Findings) {
    for entry in entries.iter().filter(|entry| !tenancy.is_operators(entry.id.namespace())) {
        let owner = tenancy.owner(entry.id.namespace());
        let mut refuse = |path: &str, what: &str| {
            let message = format!("{what} is the operator's, and this namespace is tenant `{owner}`'s");
            let help = "move it to a file whose namespace no tenant owns";
            findings.push(entry.error("manifest.not-the-tenants", path, message).help(help));
        };
        match &entry.written {
            Written::Host(_) => refuse("kind", "a `process.host`"),
            Written::Tenant(_) => refuse("kind", "a `tenant`"),
            Written::AuditLog(_) => refuse("kind", "an `audit.log`"),
            Written::Issuer(_) => refuse("kind", "a `security.issuer`"),
            Written::Scope(scope) => {
                for (given, key) in [
                    (scope.always, "always"),
                    (scope.replace_shipped_guard, "replace_shipped_guard"),
                    (scope.shared, "shared"),
                ] {
                    if given {
                        refuse(key, &format!("`{key}`"));
                    }
                }
            }
            Written::Definition(_) | Written::Library(_) | Written::Service(_) => {}
        }
    }
}
