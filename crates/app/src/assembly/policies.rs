//! The manifest's guards, scopes and tenants, handed to the policy engine.
//!
//! What a policy says is not known here.

use std::sync::Arc;

use diagnostic::{Diagnostic, Source};
use policy::{Bundle, BundleSources, InvalidIdentity, Scope, ScopeSources, Tenant};

use super::{tenant_id, unfit};
use crate::manifest::{self, Located, Manifest};

/// The bundle of everything that the manifest declares.
///
/// # Errors
/// Everything that is wrong with any policy.
pub(super) fn load(manifest: &Manifest) -> Result<Bundle, Vec<Diagnostic>> {
    Bundle::load(sources(manifest).map_err(|error| vec![unfit(&error)])?)
}

/// A scope as the policy engine names it.
pub(super) fn scope(declared: &manifest::Scope) -> Result<Arc<Scope>, InvalidIdentity> {
    let tenant = tenant_id(&declared.tenant)?;
    Ok(Arc::new(Scope::new(declared.id.as_str(), &tenant, declared.shared)?))
}

fn sources(manifest: &Manifest) -> Result<BundleSources, InvalidIdentity> {
    let scope_sources =
        |declared| Ok(ScopeSources { scope: scope(declared)?, files: files(&declared.policies).collect() });
    Ok(BundleSources {
        guards: manifest.guards.iter().flat_map(|guard| files(&guard.policies)).collect(),
        replace_shipped_guard: manifest.guards.iter().any(|guard| guard.replaces_shipped),
        scopes: manifest.scopes.iter().map(scope_sources).collect::<Result<_, _>>()?,
        tenants: (manifest.tenants.iter())
            .map(|tenant| Ok(Tenant::new(tenant_id(&tenant.name)?)))
            .collect::<Result<_, _>>()?,
    })
}

fn files(policies: &[Located<Arc<Source>>]) -> impl Iterator<Item = Arc<Source>> {
    policies.iter().map(|policy| policy.value.clone())
}
