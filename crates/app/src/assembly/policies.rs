//! The manifest's guards, scopes and tenants, handed to the policy engine.
//!
//! What a policy says is not known here.

use std::sync::Arc;

use diagnostic::{Diagnostic, Source};
use policy::{Bundle, BundleSources, Declared, InvalidIdentity, Scope, ScopeSources, Tenant};

use super::{tenant_id, unfit};
use crate::identifier::Id;
use crate::manifest::{self, Located, Manifest};

/// The bundle of everything that the manifest declares.
///
/// # Errors
/// Everything that is wrong with any policy.
pub(crate) fn load(manifest: &Manifest) -> Result<Bundle, Vec<Diagnostic>> {
    Bundle::load(sources(manifest).map_err(|error| vec![unfit(&error)])?)
}

/// A scope as the policy engine names it.
pub(crate) fn scope(declared: &manifest::Scope) -> Result<Arc<Scope>, InvalidIdentity> {
    let tenant = tenant_id(&declared.tenant)?;
    Ok(Arc::new(Scope::new(declared.id.as_str(), &tenant, declared.shared)?))
}

pub(crate) fn sources(manifest: &Manifest) -> Result<BundleSources, InvalidIdentity> {
    let scope_sources =
        |declared| Ok(ScopeSources { scope: scope(declared)?, files: files(&declared.policies).collect() });
    Ok(BundleSources {
        guards: manifest.guards.iter().flat_map(|guard| files(&guard.policies)).collect(),
        replace_shipped_guard: manifest.guards.iter().any(|guard| guard.replaces_shipped),
        scopes: manifest.scopes.iter().map(scope_sources).collect::<Result<_, _>>()?,
        tenants: (manifest.tenants.iter())
            .map(|tenant| Ok(Tenant::new(tenant_id(&tenant.name)?)))
            .collect::<Result<_, _>>()?,
        declared: Some(declared(manifest)),
    })
}

/// What policies can name. A namespace is there when a tenant owns it or an entry is in it, with those around it.
fn declared(manifest: &Manifest) -> Declared {
    let owned = manifest.tenants.iter().flat_map(|tenant| tenant.namespaces.iter().map(String::as_str));
    let definitions = manifest.definitions.iter().map(|definition| &definition.id);
    let used = definitions.clone().map(Id::namespace);
    let around = |namespace: &'_ str| {
        let parts = namespace.match_indices('.').map(|(at, _)| at).chain([namespace.len()]);
        parts.filter_map(|end| namespace.get(..end).map(Arc::from)).collect::<Vec<Arc<str>>>()
    };
    Declared {
        definitions: definitions.map(|id| Arc::from(id.as_str())).collect(),
        hosts: manifest.hosts.iter().map(|host| Arc::from(host.id.as_str())).collect(),
        namespaces: owned.chain(used).flat_map(around).collect(),
    }
}

fn files(policies: &[Located<Arc<Source>>]) -> impl Iterator<Item = Arc<Source>> {
    policies.iter().map(|policy| policy.value.clone())
}
