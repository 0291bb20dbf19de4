//! What a manifest comes to: code compiled, policies loaded, and everything that a node is started from.
//!
//! Each part is in a file of its own and says everything that is wrong with it; nothing runs yet.

mod code;
mod placement;
pub(crate) mod policies;
mod supervised;

use std::sync::Arc;

use diagnostic::{Diagnostic, Severity};
use policy::{Bundle, Definition, InvalidIdentity, ScopeSet, TenantId};
use sandbox::Catalogue;

use crate::identifier::{Id, TenantName};
use crate::manifest::{Located, Manifest};
pub(crate) use placement::Placement;
pub(crate) use supervised::Supervised;

/// The parts of a node.
pub(crate) struct Assembly {
    /// What decides.
    pub(crate) bundle: Bundle,
    /// What there is to run.
    pub(crate) catalogue: Catalogue,
    /// Workers, hosts and quotas.
    pub(crate) placement: Placement,
    /// What is supervised, in the order of the manifest.
    pub(crate) services: Vec<Supervised>,
}

impl Assembly {
    /// The parts that a manifest declares, and what is probably not meant.
    ///
    /// # Errors
    /// Everything wrong in scripts and in policies; the warnings among them.
    pub(crate) fn of(manifest: &Manifest) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut found = Vec::new();
        let compiled = code::compile(manifest, &mut found);
        let mut parts = None;
        match policies::load(manifest) {
            Ok(bundle) => {
                found.extend_from_slice(bundle.warnings());
                let assembled = Self::put_together(manifest, compiled, bundle);
                parts = assembled.map_err(|error| found.push(unfit(&error))).ok();
            }
            Err(refused) => found.extend(refused),
        }
        match parts {
            Some(parts) if !found.iter().any(|found| found.severity == Severity::Error) => Ok((parts, found)),
            _ => Err(found),
        }
    }

    fn put_together(
        manifest: &Manifest,
        compiled: Vec<code::Compiled>,
        bundle: Bundle,
    ) -> Result<Self, InvalidIdentity> {
        // No tenant can claim the empty namespace: its owner is whoever owns what is left over.
        let mut catalogue = Catalogue::new(tenant_id(&manifest.owner(""))?);
        for code::Compiled { declared, code, modules } in compiled {
            catalogue.add_definition(sandbox::Definition {
                facts: Arc::new(Definition::new(
                    declared.id.as_str(),
                    &tenant_id(&declared.tenant)?,
                    declared.shared,
                )?),
                code,
                method: declared.method.clone(),
                modules,
                limits: code::limits(&declared.limits),
                isolated: declared.isolated,
            });
        }
        for scope in &manifest.scopes {
            catalogue.add_scope(policies::scope(scope)?);
        }
        for tenant in &manifest.tenants {
            let id = tenant_id(&tenant.name)?;
            for namespace in &tenant.namespaces {
                catalogue.own_namespace(namespace.clone(), id.clone());
            }
            let scopes = scope_set(&catalogue, &tenant.default_scopes);
            catalogue.set_default_scopes(id, scopes);
        }
        let placement = Placement::of(manifest)?;
        for (host, _) in &placement.hosts {
            catalogue.add_host(host.clone());
        }
        let supervised = |service| Supervised::of(service, &catalogue);
        let services = manifest.services.iter().map(supervised).collect::<Result<_, _>>()?;
        Ok(Self { bundle, catalogue, placement, services })
    }
}

/// What is wrong in the scripts and policies of a manifest that has errors itself: only what has a place in one of them,
/// since the rest may follow from those errors.
pub(crate) fn errors_in_files(manifest: &Manifest) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    code::compile(manifest, &mut found);
    found.extend(policies::load(manifest).err().into_iter().flatten());
    // What is not declared may be in an entry that has an error.
    let follows = |found: &Diagnostic| found.code == "policy.undeclared";
    found.retain(|found| found.severity == Severity::Error && found.span.is_some() && !follows(found));
    found
}

/// The policy engine's name for a tenant.
fn tenant_id(name: &TenantName) -> Result<TenantId, InvalidIdentity> {
    TenantId::new(name.as_str())
}

/// The scopes of these ids, as far as they are declared.
fn scope_set(catalogue: &Catalogue, ids: &[Located<Id>]) -> ScopeSet {
    ScopeSet::new(ids.iter().filter_map(|id| catalogue.scope(id.value.as_str()).cloned()))
}

/// The manifest allows no name that the policy engine does not; should it ever, the app is refused.
fn unfit(error: &InvalidIdentity) -> Diagnostic {
    Diagnostic::error("app.identity", error.to_string())
}
