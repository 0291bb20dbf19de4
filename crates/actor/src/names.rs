//! The name registry: a tenant's names, each of one process.
//!
//! A name is in its tenant's map, read without a lock, and in the ties of its process, which give it back when
//! the process ends. Both are changed under the ties' lock, so that no name survives its process.

use std::sync::Arc;

use policy::{Name, Permit, RegistryRegister, RegistryUnregister, TenantId};
use value::{Failure, Kind};

use crate::account::Account;
use crate::address::Address;
use crate::entry::{Entry, no_such_process};
use crate::limits::NAMES_PER_PROCESS_MAX;
use crate::node::Node;

impl<P> Node<P> {
    /// Gives a name to a process.
    ///
    /// # Errors
    /// NOT_FOUND for a dead process, ALREADY_EXISTS for a name that another one has, RATE_LIMITED over 64 names
    /// of one process, INVALID for a name of another tenant than the process's.
    pub fn register(&self, permit: Permit<RegistryRegister>) -> Result<(), Failure> {
        let RegistryRegister { name, target } = permit.into_request();
        let entry = self.table().get(Address::of(&target)).ok_or_else(|| no_such_process(&target))?;
        self.give_name(&entry.account().clone(), &name, &entry)
    }

    /// Takes a name away from whoever has it.
    ///
    /// # Errors
    /// NOT_FOUND when no process of the tenant has the name.
    pub fn unregister(&self, permit: Permit<RegistryUnregister>) -> Result<(), Failure> {
        let RegistryUnregister { name } = permit.into_request();
        let entry = self.named(name.tenant(), name.value()).ok_or_else(|| not_registered(name.value()))?;
        let mut ties = entry.open_ties().map_err(|_| not_registered(name.value()))?;
        let held = ties.names.iter().position(|held| held == name.value());
        let held = held.ok_or_else(|| not_registered(name.value()))?;
        ties.names.swap_remove(held);
        release_name(entry.account(), name.value(), &entry);
        Ok(())
    }

    /// The process of a tenant that has a name.
    pub(crate) fn named(&self, tenant: &TenantId, name: &str) -> Option<Arc<Entry>> {
        let account = self.account(tenant)?;
        let entry = account.names.pin().get(name).cloned()?;
        // A dying process's names stop leading to it in the moment that its pid does.
        (entry.is_born() && self.table().get(entry.address()).is_some()).then_some(entry)
    }

    /// The same for a child that is not born yet.
    pub(crate) fn give_name(
        &self,
        account: &Arc<Account>,
        name: &Name,
        entry: &Arc<Entry>,
    ) -> Result<(), Failure> {
        if name.tenant() != account.tenant() {
            let message = format!("name `{}` and process belong to different tenants", name.value());
            return Err(Failure::invalid(message));
        }
        let mut ties = entry.open_ties()?;
        if ties.names.contains(name.value()) {
            return Ok(());
        }
        if ties.names.len() >= NAMES_PER_PROCESS_MAX {
            let message = format!("`{}` has {NAMES_PER_PROCESS_MAX} names, as many as allowed", entry.pid());
            return Err(Failure::new(Kind::RateLimited, message));
        }
        match account.names.pin().try_insert(name.value().clone(), entry.clone()) {
            Ok(_) => {
                ties.names.push(name.value().clone());
                Ok(())
            }
            Err(_) => {
                let message = format!("name `{}` is already registered", name.value());
                Err(Failure::new(Kind::AlreadyExists, message))
            }
        }
    }
}

/// Removes a name from its tenant's map if this process still has it there.
pub(crate) fn release_name(account: &Account, name: &Arc<str>, entry: &Arc<Entry>) {
    let held_by = |_: &Arc<str>, holder: &Arc<Entry>| Arc::ptr_eq(holder, entry);
    // Another holder keeps it.
    let _ = account.names.pin().remove_if(name, held_by);
}

/// A name that leads nowhere.
pub(crate) fn not_registered(name: &str) -> Failure {
    let shown: String = name.chars().take(crate::limits::NAME_BYTES_MAX).collect();
    Failure::not_found(format!("name `{shown}` is not registered"))
}
