//! The process table: from an address to the process that lives there now, read without a lock by all workers.
//!
//! Each worker has slots of its own, made in chunks as they are needed and never unmade. A slot's generation
//! grows with each process, so an address finds its own process or nobody.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use crossbeam_queue::SegQueue;

use crate::address::Address;
use crate::entry::Entry;
use crate::limits::{PROCESSES_PER_WORKER_MAX, SLOTS_PER_CHUNK};

type Chunk = Box<[ArcSwapOption<Entry>]>;

/// All processes of a node.
#[derive(Debug)]
pub(crate) struct Table {
    workers: Vec<Slots>,
}

/// The slots of one worker.
#[derive(Debug)]
struct Slots {
    worker: u8,
    chunks: Box<[OnceLock<Chunk>]>,
    /// How many slots have ever been used.
    used: AtomicU32,
    /// Addresses that a next process may have. First in, first out, so that a slot rests as long as possible.
    free: SegQueue<Address>,
}

impl Table {
    pub(crate) fn new(workers: impl Iterator<Item = u8>) -> Self {
        Self { workers: workers.map(Slots::new).collect() }
    }

    /// Takes an address on a worker for a process to be; `None` when all its slots are taken.
    pub(crate) fn claim(&self, worker: u8) -> Option<Address> {
        let slots = self.workers.get(usize::from(worker))?;
        slots.free.pop().or_else(|| slots.grow())
    }

    /// Gives back an address whose process is gone, or never was. The address itself is not used again.
    pub(crate) fn recycle(&self, address: Address) {
        self.withdraw(address);
        let Some(slots) = self.workers.get(usize::from(address.worker())) else { return };
        // A slot whose generations are used up is retired.
        if let Some(generation) = address.generation().checked_add(1) {
            slots.free.push(Address::new(address.worker(), address.slot(), generation));
        }
    }

    /// From now on the address finds this process.
    pub(crate) fn publish(&self, entry: &Arc<Entry>) {
        if let Some(slot) = self.slot(entry.address()) {
            slot.store(Some(entry.clone()));
        }
    }

    /// From now on the address finds nobody.
    pub(crate) fn withdraw(&self, address: Address) {
        if let Some(slot) = self.slot(address) {
            slot.store(None);
        }
    }

    /// The process that lives at exactly this address.
    pub(crate) fn get(&self, address: Address) -> Option<Arc<Entry>> {
        let entry = self.slot(address)?.load();
        entry.as_ref().filter(|entry| entry.address() == address).cloned()
    }

    /// Looks at every process that lives now. One that is published or withdrawn meanwhile may be seen or not.
    pub(crate) fn each(&self, mut look: impl FnMut(&Arc<Entry>)) {
        let chunks = self.workers.iter().flat_map(|slots| slots.chunks.iter());
        for slot in chunks.filter_map(OnceLock::get).flatten() {
            if let Some(entry) = &*slot.load() {
                look(entry);
            }
        }
    }

    fn slot(&self, address: Address) -> Option<&ArcSwapOption<Entry>> {
        let slots = self.workers.get(usize::from(address.worker()))?;
        let slot = address.slot() as usize;
        slots.chunks.get(slot / SLOTS_PER_CHUNK)?.get()?.get(slot % SLOTS_PER_CHUNK)
    }
}

impl Slots {
    fn new(worker: u8) -> Self {
        Self {
            worker,
            chunks: (0..PROCESSES_PER_WORKER_MAX / SLOTS_PER_CHUNK).map(|_| OnceLock::new()).collect(),
            used: AtomicU32::new(0),
            free: SegQueue::new(),
        }
    }

    fn grow(&self) -> Option<Address> {
        let next = |used: u32| ((used as usize) < PROCESSES_PER_WORKER_MAX).then_some(used + 1);
        let slot = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        let chunk = self.chunks.get(slot as usize / SLOTS_PER_CHUNK)?;
        chunk.get_or_init(|| (0..SLOTS_PER_CHUNK).map(|_| ArcSwapOption::empty()).collect());
        Some(Address::new(self.worker, slot, 1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_address_is_given_out_twice() {
        let table = Table::new(0..2);
        let mut seen = BTreeSet::new();
        for round in 0..5_000_u32 {
            let address = table.claim((round % 2) as u8).unwrap();
            assert!(address.generation() > 0);
            assert!(seen.insert(address), "{address:?}");
            if !round.is_multiple_of(3) {
                table.recycle(address);
            }
        }
        assert!(table.claim(2).is_none());
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_retired() {
        let table = Table::new(0..1);
        let first = table.claim(0).unwrap();
        table.recycle(Address::new(0, first.slot(), u32::MAX));
        assert_ne!(table.claim(0).unwrap().slot(), first.slot());
    }
}
