//! From what a script wrote as a destination to the process that is meant, as facts for the gate.
//!
//! Of the caller's own tenant there is an answer or NOT_FOUND. Of another tenant there is always a stand-in of
//! that tenant, whether the process exists or not, so that answer and record are the same and nobody learns what
//! exists elsewhere. It carries the address of a process that does exist: where the operator's own guard opens a
//! way between tenants, the effect finds it.

use std::sync::Arc;

use policy::{Process, TenantId};
use value::Failure;

use crate::limits::NAME_BYTES_MAX;
use crate::names::not_registered;
use crate::node::Node;
use crate::pid::{Unverified, is_pid};

impl<P> Node<P> {
    /// The process that `destination` means to a caller of that tenant: a pid, a name of the caller's tenant,
    /// or `tenant/name`. What comes back is what is to be authorised and used.
    ///
    /// # Errors
    /// NOT_FOUND for a process or name of the caller's own tenant that does not exist, or no longer.
    pub fn resolve(&self, caller: &TenantId, destination: &str) -> Result<Arc<Process>, Failure> {
        if is_pid(destination) {
            return self.resolve_pid(caller, destination);
        }
        match destination.split_once('/') {
            Some((tenant, name)) if tenant != caller.as_str() => {
                Ok(self.resolve_foreign_name(tenant, name, destination))
            }
            Some((_, name)) => self.lookup(caller, name),
            None => self.lookup(caller, destination),
        }
    }

    /// The process of a tenant that has a name.
    ///
    /// # Errors
    /// NOT_FOUND when there is none.
    pub fn lookup(&self, tenant: &TenantId, name: &str) -> Result<Arc<Process>, Failure> {
        let entry = self.named(tenant, name).ok_or_else(|| not_registered(name))?;
        Ok(entry.facts().clone())
    }

    fn resolve_pid(&self, caller: &TenantId, pid: &str) -> Result<Arc<Process>, Failure> {
        let read = Unverified::read(pid);
        // The whole text is compared, MAC included, so a live process of one's own needs no verification.
        let live = read.as_ref().and_then(|read| self.table().get(read.address));
        let live = live.filter(|entry| **entry.pid() == *pid);
        if let Some(entry) = live.as_ref().filter(|entry| entry.facts().tenant() == caller) {
            return Ok(entry.facts().clone());
        }
        let tag = read.and_then(|read| self.identity().verify(&read));
        let tenant = tag.and_then(|tag| self.tenant_of(tag)).unwrap_or_else(TenantId::nobody);
        if tenant == *caller {
            return Err(Failure::not_found(format!("no process `{pid}`")));
        }
        Ok(Arc::new(Process::stand_in(pid, &tenant, live.map_or(0, |entry| entry.address().bits()))))
    }

    fn resolve_foreign_name(&self, tenant: &str, name: &str, destination: &str) -> Arc<Process> {
        let tenant = TenantId::new(tenant).ok().filter(|tenant| self.account(tenant).is_some());
        let tenant = tenant.unwrap_or_else(TenantId::nobody);
        let shown: String = destination.chars().take(2 * NAME_BYTES_MAX).collect();
        let address = self.named(&tenant, name).map_or(0, |entry| entry.address().bits());
        Arc::new(Process::stand_in(shown, &tenant, address))
    }
}
