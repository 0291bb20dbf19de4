//! What one tenant uses of a node, and its quotas: processes, memory, processor time.
//!
//! Counts are shared by all workers and taken by one atomic step each, so a quota holds across workers. Over a
//! quota the tenant's own call fails with RATE_LIMITED; no other tenant notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use policy::TenantId;
use value::{Failure, Kind};

use crate::entry::Entry;
use crate::limits::{DEBT_NS_MAX, QUANTUM_NS, TENANT_PROCESSES_DEFAULT, TOKENS_PER_SECOND};
use crate::pid::Tag;

/// The most that one tenant may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Processes alive at once.
    pub processes: u32,
    /// Bytes of everything that is charged to the tenant: scripts' memory, mailboxes, event slots.
    pub memory_bytes: u64,
}

impl Default for Quotas {
    /// 100 000 processes; memory bounded only by what each process may hold.
    fn default() -> Self {
        Self { processes: TENANT_PROCESSES_DEFAULT, memory_bytes: u64::MAX }
    }
}

/// One tenant's use of a node. Lives as long as the node.
#[derive(Debug)]
pub struct Account {
    tenant: TenantId,
    tag: Tag,
    /// Position among the node's accounts, as run queues name the tenant.
    index: u32,
    quotas: ArcSwap<Quotas>,
    processes: AtomicU32,
    memory_bytes: AtomicU64,
    /// Time the tenant may still use before others' turn; below zero it owes.
    credit_ns: AtomicI64,
    /// When the tenant's allowance of tokens to verify is whole again, on the node's clock.
    tokens_whole_at_ns: AtomicU64,
    /// The tenant's names. Read without a lock.
    pub(crate) names: papaya::HashMap<Arc<str>, Arc<Entry>>,
}

impl Account {
    pub(crate) fn new(tenant: TenantId, tag: Tag, index: u32, quotas: Quotas) -> Self {
        Self {
            tenant,
            tag,
            index,
            quotas: ArcSwap::from_pointee(quotas),
            processes: AtomicU32::new(0),
            memory_bytes: AtomicU64::new(0),
            credit_ns: AtomicI64::new(QUANTUM_NS),
            tokens_whole_at_ns: AtomicU64::new(0),
            names: papaya::HashMap::new(),
        }
    }

    /// Whose account it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The quotas in force.
    pub fn quotas(&self) -> Arc<Quotas> {
        self.quotas.load_full()
    }

    /// Processes alive now.
    pub fn processes(&self) -> u32 {
        self.processes.load(Ordering::Acquire)
    }

    /// Bytes charged now.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Acquire)
    }

    /// Bytes that the quota leaves now.
    pub fn memory_left(&self) -> u64 {
        self.quotas.load().memory_bytes.saturating_sub(self.memory_bytes())
    }

    /// Charges memory to the tenant until the same number of bytes is released.
    ///
    /// # Errors
    /// RATE_LIMITED over the tenant's quota; nothing is charged then.
    pub fn reserve_memory(&self, bytes: u64) -> Result<(), Failure> {
        let allowed = self.quotas.load().memory_bytes;
        let reserve = |held: u64| held.checked_add(bytes).filter(|held| *held <= allowed);
        self.memory_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, reserve).map(drop).map_err(
            |held| {
                let tenant = &self.tenant;
                over(format!(
                    "tenant `{tenant}` holds {held} bytes: {bytes} more exceed the {allowed} allowed"
                ))
            },
        )
    }

    /// Gives back memory that was reserved.
    pub fn release_memory(&self, bytes: u64) {
        let before = self.memory_bytes.fetch_sub(bytes, Ordering::AcqRel);
        debug_assert!(before >= bytes, "released {bytes} bytes of {before}");
    }

    /// Counts that a token is about to be verified, by the generic cell rate algorithm (ITU-T I.371).
    ///
    /// # Errors
    /// RATE_LIMITED over [`TOKENS_PER_SECOND`].
    pub fn take_token(&self, now_ns: u64) -> Result<(), Failure> {
        const SECOND_NS: u64 = 1_000_000_000;
        let take = |whole_at_ns: u64| {
            let from = whole_at_ns.max(now_ns);
            (from - now_ns < SECOND_NS).then(|| from + SECOND_NS / u64::from(TOKENS_PER_SECOND))
        };
        let taken = self.tokens_whole_at_ns.fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        taken.map(drop).map_err(|_| {
            let tenant = &self.tenant;
            over(format!(
                "tenant `{tenant}` verified {TOKENS_PER_SECOND} tokens within a second, as many as allowed"
            ))
        })
    }

    pub(crate) fn tag(&self) -> Tag {
        self.tag
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn set_quotas(&self, quotas: Quotas) {
        self.quotas.store(Arc::new(quotas));
    }

    pub(crate) fn reserve_process(&self) -> Result<(), Failure> {
        let allowed = self.quotas.load().processes;
        let reserve = |count: u32| (count < allowed).then_some(count + 1);
        self.processes.fetch_update(Ordering::AcqRel, Ordering::Acquire, reserve).map(drop).map_err(|count| {
            over(format!("tenant `{}` has {count} processes, at most {allowed} allowed", self.tenant))
        })
    }

    pub(crate) fn release_process(&self) {
        self.processes.fetch_sub(1, Ordering::AcqRel);
    }

    /// Time the tenant may still use; zero or less when it is others' turn.
    pub(crate) fn credit_ns(&self) -> i64 {
        self.credit_ns.load(Ordering::Acquire)
    }

    /// Charges time that one of its processes used, on any worker.
    pub(crate) fn charge_time(&self, used_ns: u64) {
        let used = i64::try_from(used_ns).unwrap_or(i64::MAX);
        self.change_credit(|credit| credit.saturating_sub(used).max(-DEBT_NS_MAX));
    }

    /// One round's worth of time.
    pub(crate) fn refill_time(&self) {
        self.change_credit(|credit| credit.saturating_add(QUANTUM_NS).min(QUANTUM_NS));
    }

    fn change_credit(&self, change: impl Fn(i64) -> i64) {
        // Never fails: the closure always gives a value.
        let _ =
            self.credit_ns.fetch_update(Ordering::AcqRel, Ordering::Acquire, |credit| Some(change(credit)));
    }
}

fn over(message: String) -> Failure {
    Failure::new(Kind::RateLimited, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(quotas: Quotas) -> Account {
        let identity = crate::pid::NodeIdentity { key: [0; 32], node: 0, incarnation: 0 };
        let tenant = TenantId::new("acme").unwrap();
        let tag = identity.tag(&tenant);
        Account::new(tenant, tag, 0, quotas)
    }

    #[test]
    fn a_quota_refuses_what_exceeds_it_and_takes_nothing() {
        let account = account(Quotas { processes: 1, memory_bytes: 100 });
        assert!(account.reserve_process().is_ok());
        let refused = account.reserve_process().unwrap_err();
        assert_eq!(refused.message, "tenant `acme` has 1 processes, at most 1 allowed");
        assert_eq!((refused.kind, refused.retryable), (Kind::RateLimited, Some(true)));
        assert!(account.reserve_memory(60).is_ok());
        let refused = account.reserve_memory(41).unwrap_err();
        assert_eq!(refused.message, "tenant `acme` holds 60 bytes: 41 more exceed the 100 allowed");
        assert!(account.reserve_memory(u64::MAX).is_err());
        account.release_memory(60);
        account.release_process();
        assert_eq!((account.processes(), account.memory_bytes()), (0, 0));
    }

    #[test]
    fn time_owed_and_time_saved_are_both_bounded() {
        let account = account(Quotas::default());
        account.charge_time(u64::MAX);
        assert_eq!(account.credit_ns(), -DEBT_NS_MAX);
        for _ in 0..=DEBT_NS_MAX / QUANTUM_NS {
            account.refill_time();
        }
        assert_eq!(account.credit_ns(), QUANTUM_NS);
    }
}
