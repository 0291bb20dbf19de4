//! How much of a queue is taken, by all and by each tenant: records and bytes that were accepted and are not durable.
//!
//! A tenant has no more than its share, so that its flood leaves the others room. What waits is not known here.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::Unavailable;
use crate::limits::QUEUE_TENANT_SHARE;

/// What is taken of a queue of these bounds.
pub(super) struct Shares {
    records_max: usize,
    bytes_max: usize,
    all: Held,
    /// Of each tenant that has any.
    tenants: HashMap<Arc<str>, Held>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Held {
    records: usize,
    bytes: usize,
}

impl Shares {
    /// Nothing yet of so many records and bytes.
    pub(super) fn new(records_max: usize, bytes_max: usize) -> Self {
        Self { records_max, bytes_max, all: Held::default(), tenants: HashMap::new() }
    }

    /// Whether a record of so many bytes more fits: into the queue, and into the tenant's share of it.
    pub(super) fn has_room(&self, tenant: Option<&Arc<str>>, bytes: usize) -> bool {
        let own = tenant.and_then(|tenant| self.tenants.get(tenant)).copied().unwrap_or_default();
        let (records_max, bytes_max) =
            (self.records_max.div_ceil(QUEUE_TENANT_SHARE), self.bytes_max / QUEUE_TENANT_SHARE);
        self.all.has_room(bytes, self.records_max, self.bytes_max)
            && (tenant.is_none() || own.has_room(bytes, records_max, bytes_max))
    }

    /// What is told to whom there is no room for.
    pub(super) fn full(&self) -> Unavailable {
        Unavailable::Full { records: self.all.records, bytes: self.all.bytes }
    }

    /// Takes room, also past the bounds: for what is owed.
    pub(super) fn take(&mut self, tenant: Option<&Arc<str>>, bytes: usize) {
        self.all.add(bytes);
        if let Some(tenant) = tenant {
            self.tenants.entry(tenant.clone()).or_default().add(bytes);
        }
    }

    /// Gives room back that was taken.
    pub(super) fn give_back(&mut self, tenant: Option<&Arc<str>>, bytes: usize) {
        self.all.remove(bytes);
        if let Some(tenant) = tenant
            && let Some(own) = self.tenants.get_mut(tenant)
        {
            own.remove(bytes);
            if own.records == 0 {
                self.tenants.remove(tenant);
            }
        }
    }
}

impl Held {
    fn has_room(self, bytes: usize, records_max: usize, bytes_max: usize) -> bool {
        self.records < records_max && self.bytes.saturating_add(bytes) <= bytes_max
    }

    fn add(&mut self, bytes: usize) {
        self.records += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, bytes: usize) {
        self.records -= 1;
        self.bytes -= bytes;
    }
}
