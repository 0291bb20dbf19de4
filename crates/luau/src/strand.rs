//! Strands: stacks of coroutines that run independently of each other in one body.
//!
//! The first is `main`; each `coroutine.spawn` makes another. In a strand only the topmost coroutine runs;
//! those below wait for it, because they resumed it. A host function that waits parks its strand and no
//! other.

use std::collections::VecDeque;
use std::ffi::c_int;

use crate::host::{Reply, StrandId};
use crate::thread::Thread;

/// One strand.
pub(crate) struct Strand<O> {
    /// Where its bottom thread is pinned in the registry; the others are on the stacks below them.
    pub(crate) registry: c_int,
    /// INVARIANT: never empty; each but the last has resumed the next one.
    coroutines: Vec<Thread>,
    pub(crate) state: State<O>,
}

/// Whether a strand can run.
pub(crate) enum State<O> {
    /// In the queue, or running.
    Ready,
    /// In the queue; the reply is delivered when it runs.
    Answered(Reply<O>),
    /// Waits for [`crate::Pod::wake`].
    Parked,
}

impl<O> Strand<O> {
    pub(crate) fn new(thread: Thread, registry: c_int) -> Self {
        Self { registry, coroutines: vec![thread], state: State::Ready }
    }

    /// The coroutine that runs next.
    pub(crate) fn top(&self) -> Option<Thread> {
        self.coroutines.last().copied()
    }

    pub(crate) fn push(&mut self, coroutine: Thread) {
        self.coroutines.push(coroutine);
    }

    /// Takes the topmost coroutine off; the bottom one stays.
    pub(crate) fn pop(&mut self) -> Option<Thread> {
        if self.coroutines.len() > 1 { self.coroutines.pop() } else { None }
    }

    pub(crate) fn depth(&self) -> usize {
        self.coroutines.len()
    }

    /// Innermost first: who is looked at for a place in the script.
    pub(crate) fn coroutines(&self) -> impl Iterator<Item = Thread> {
        self.coroutines.iter().rev().copied()
    }
}

/// All strands of one body.
pub(crate) struct Strands<O> {
    slots: Vec<Slot<O>>,
    free: Vec<u32>,
    /// Whose turn it is, in order. The front one is running, or will be.
    ready: VecDeque<StrandId>,
}

struct Slot<O> {
    serial: u32,
    strand: Option<Strand<O>>,
}

impl<O> Strands<O> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), ready: VecDeque::new() }
    }

    /// Adds a strand at the end of the queue.
    pub(crate) fn add(&mut self, strand: Strand<O>) -> StrandId {
        let index = self.free.pop().unwrap_or_else(|| {
            if self.slots.is_empty() {
                // Most bodies never have another strand than main.
                self.slots.reserve_exact(1);
            }
            self.slots.push(Slot { serial: 0, strand: None });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let mut id = StrandId { index, serial: 0 };
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.serial = slot.serial.wrapping_add(1);
            slot.strand = Some(strand);
            id.serial = slot.serial;
        }
        self.ready.push_back(id);
        id
    }

    pub(crate) fn get(&self, id: StrandId) -> Option<&Strand<O>> {
        self.slots.get(id.index as usize).filter(|slot| slot.serial == id.serial)?.strand.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: StrandId) -> Option<&mut Strand<O>> {
        self.slots.get_mut(id.index as usize).filter(|slot| slot.serial == id.serial)?.strand.as_mut()
    }

    /// Takes a strand that has ended, or whose body has.
    pub(crate) fn remove(&mut self, id: StrandId) -> Option<Strand<O>> {
        let slot = self.slots.get_mut(id.index as usize).filter(|slot| slot.serial == id.serial)?;
        let strand = slot.strand.take()?;
        self.free.push(id.index);
        if self.ready.front() == Some(&id) {
            self.ready.pop_front();
        } else {
            self.ready.retain(|ready| *ready != id);
        }
        Some(strand)
    }

    /// Whose turn it is.
    pub(crate) fn front(&self) -> Option<StrandId> {
        self.ready.front().copied()
    }

    /// Parks the strand whose turn it is.
    pub(crate) fn park_front(&mut self) {
        if let Some(id) = self.ready.pop_front()
            && let Some(strand) = self.get_mut(id)
        {
            strand.state = State::Parked;
        }
    }

    /// Answers a parked strand; any other is left alone.
    pub(crate) fn answer(&mut self, id: StrandId, reply: Reply<O>) -> bool {
        let Some(strand) = self.get_mut(id) else { return false };
        if !matches!(strand.state, State::Parked) {
            return false;
        }
        strand.state = State::Answered(reply);
        self.ready.push_back(id);
        true
    }

    /// The reply that the strand is to be continued with; it is ready from now on.
    pub(crate) fn take_reply(&mut self, id: StrandId) -> Option<Reply<O>> {
        match std::mem::replace(&mut self.get_mut(id)?.state, State::Ready) {
            State::Answered(reply) => Some(reply),
            State::Ready | State::Parked => None,
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Strand<O>> {
        self.slots.iter().filter_map(|slot| slot.strand.as_ref())
    }
}
