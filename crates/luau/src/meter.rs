//! What the running slice may use, what it has used, and why it stopped: the part of a pod that the allocator
//! and the safepoints see.
//!
//! All fields are cells: C code reaches the meter through a shared pointer while Rust frames further up hold
//! it too. This file knows no bodies and no host.

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use mlua::ffi;

use crate::clock::now_ns;
use crate::limits::{
    ALLOCATION_SLACK_BYTES, LOOK_INTERVAL_NS, OVERRUN_NS, SAFEPOINTS_PER_LOOK_MAX, WORK_WITHOUT_LOOK_MAX,
};
use crate::thread::Thread;

/// Why the running body must not go on. Sticky: once set, each safepoint stops it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doom {
    /// Over its memory limit, or an allocation was refused.
    OverMemory,
    /// Somebody ends it, or it asked never to return.
    Ended,
    /// It could not yield for too long past its slice.
    Overrun,
    /// The host panicked.
    Lost,
}

/// What a thread that yields asks of the worker. Written on this side, never in a value that a script could
/// forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Nothing: nobody of ours yielded.
    None,
    /// Run this coroutine on top of the one that yields.
    Resume(Thread),
    /// Give the values to the coroutine below.
    Yield,
    /// Park the strand until it is woken.
    Wait,
    /// Let other strands go first.
    Pass,
    /// Look again later: the slice is used up.
    Preempt,
    /// Find out whether memory over the limit is garbage.
    Collect,
    /// Stop: a [`Doom`] is set.
    Stop,
}

/// Where a slice stands.
pub(crate) struct Meter {
    /// Bytes that the whole pod has from the system.
    allocated: Cell<usize>,
    /// Past which an allocation is refused.
    ceiling: Cell<usize>,
    /// Whether one was refused in this slice, or by the system outside of one.
    refused: Cell<bool>,
    refused_bytes: Cell<usize>,
    /// Whether the next safepoint that can yield collects garbage.
    collection_wanted: Cell<bool>,
    /// Safepoints to the next look.
    fuel: Cell<u32>,
    /// What the last look set `fuel` to.
    refill: Cell<u32>,
    looked_ns: Cell<u64>,
    until_ns: Cell<u64>,
    /// INVARIANT: null, or points into an `Arc` that the running body owns.
    ending: Cell<*const AtomicBool>,
    category: Cell<c_int>,
    baseline: Cell<usize>,
    memory_max: Cell<usize>,
    /// Bytes of the running body's objects.
    pub(crate) object_bytes: Cell<usize>,
    /// Coroutines of the running strand: 1 is the strand's own function.
    pub(crate) depth: Cell<usize>,
    pub(crate) request: Cell<Request>,
    pub(crate) doom: Cell<Option<Doom>>,
    /// Counts allocations down to the one that fails.
    #[cfg(test)]
    pub(crate) fail_after: Cell<Option<u64>>,
}

#[cfg(test)]
thread_local! {
    /// What a new meter's `fail_after` begins with.
    pub(crate) static FAIL_NEW_AFTER: Cell<Option<u64>> = const { Cell::new(None) };
}

/// What a slice is armed with.
pub(crate) struct Account {
    pub(crate) category: c_int,
    pub(crate) baseline: usize,
    pub(crate) memory_max: usize,
    pub(crate) object_bytes: usize,
    pub(crate) ending: *const AtomicBool,
    pub(crate) until_ns: u64,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            allocated: Cell::new(0),
            ceiling: Cell::new(usize::MAX),
            refused: Cell::new(false),
            refused_bytes: Cell::new(0),
            collection_wanted: Cell::new(false),
            fuel: Cell::new(0),
            refill: Cell::new(1),
            looked_ns: Cell::new(0),
            until_ns: Cell::new(u64::MAX),
            ending: Cell::new(ptr::null()),
            category: Cell::new(0),
            baseline: Cell::new(0),
            memory_max: Cell::new(usize::MAX),
            object_bytes: Cell::new(0),
            depth: Cell::new(0),
            request: Cell::new(Request::None),
            doom: Cell::new(None),
            #[cfg(test)]
            fail_after: Cell::new(FAIL_NEW_AFTER.get()),
        }
    }

    /// The meter of a thread's machine.
    pub(crate) fn of<'a>(thread: Thread) -> &'a Self {
        let mut meter = ptr::null_mut();
        // SAFETY: `lua_getallocf` writes the pointer that the machine was made with: its meter, which
        // outlives every thread, and of which only shared references are ever made.
        unsafe {
            ffi::lua_getallocf(thread.raw(), &raw mut meter);
            &*meter.cast::<Self>()
        }
    }

    /// Begins a slice.
    pub(crate) fn arm(&self, account: &Account, used: usize) {
        self.category.set(account.category);
        self.baseline.set(account.baseline);
        self.memory_max.set(account.memory_max);
        self.object_bytes.set(account.object_bytes);
        self.ending.set(account.ending);
        self.until_ns.set(account.until_ns);
        self.looked_ns.set(now_ns());
        self.fuel.set(0);
        self.refill.set(1);
        self.refused.set(false);
        self.refused_bytes.set(0);
        self.collection_wanted.set(false);
        self.request.set(Request::None);
        self.doom.set(None);
        self.limit(used);
    }

    /// Sets the ceiling for a body that uses so much now: what its limit leaves, and the slack.
    pub(crate) fn limit(&self, used: usize) {
        let free = self.memory_max.get().saturating_sub(used);
        let slack = self.memory_max.get() / 2 + ALLOCATION_SLACK_BYTES;
        self.ceiling.set(self.allocated.get().saturating_add(free).saturating_add(slack));
    }

    /// Ends a slice: no allocation is refused any more.
    pub(crate) fn disarm(&self) {
        self.ceiling.set(usize::MAX);
        self.ending.set(ptr::null());
        self.until_ns.set(u64::MAX);
        self.memory_max.set(usize::MAX);
        self.request.set(Request::None);
        self.doom.set(None);
    }

    /// Lifts the ceiling for a collection, after which [`Meter::limit`] sets a new one.
    pub(crate) fn lift(&self) {
        self.ceiling.set(usize::MAX);
    }

    /// Does work that is the pod's own: what it allocates is not the running body's.
    pub(crate) fn without_ceiling<T>(&self, work: impl FnOnce() -> T) -> T {
        let (ceiling, before) = (self.ceiling.replace(usize::MAX), self.allocated.get());
        let result = work();
        let grown = self.allocated.get().saturating_sub(before);
        self.ceiling.set(ceiling.saturating_add(grown));
        result
    }

    #[cfg(test)]
    pub(crate) fn set_ceiling(&self, ceiling: usize) {
        self.ceiling.set(ceiling);
    }

    /// Bytes that the running body may use.
    pub(crate) fn memory_max(&self) -> usize {
        self.memory_max.get()
    }

    pub(crate) fn allocated(&self) -> usize {
        self.allocated.get()
    }

    /// Bytes of the allocation that was refused in this slice; 0 if none was.
    pub(crate) fn refused_bytes(&self) -> usize {
        self.refused_bytes.get()
    }

    pub(crate) fn refused(&self) -> bool {
        self.refused.get()
    }

    /// Bytes that the running body uses.
    pub(crate) fn used(&self, thread: Thread) -> usize {
        let lua = thread.category_bytes(self.category.get()).saturating_sub(self.baseline.get());
        lua.saturating_add(self.object_bytes.get())
    }

    /// Marks the running body: it stops at the next safepoint where it can yield.
    pub(crate) fn condemn(&self, doom: Doom) {
        if self.doom.get().is_none() {
            self.doom.set(Some(doom));
        }
        self.fuel.set(0);
    }

    /// A library call works through this many bytes or elements: after more than a little, the next safepoint
    /// looks at the clock.
    pub(crate) fn charge(&self, work: usize) {
        if work > WORK_WITHOUT_LOOK_MAX {
            self.fuel.set(0);
        }
    }

    /// A host call was made; it may have taken long.
    pub(crate) fn charge_host_call(&self) {
        self.fuel.set(self.fuel.get().min(2));
    }

    /// Garbage is to be collected soon, whatever the memory in use.
    pub(crate) fn want_collection(&self) {
        self.collection_wanted.set(true);
        self.fuel.set(0);
    }

    /// One safepoint.
    #[inline]
    pub(crate) fn safepoint(&self, thread: Thread) {
        match self.fuel.get().checked_sub(1) {
            Some(fuel) => self.fuel.set(fuel),
            None => self.look(thread),
        }
    }

    /// A safepoint in the middle of a library function, which cannot yield: over the end of the slice and the time
    /// allowed past it, it raises.
    pub(crate) fn safepoint_now(&self, thread: Thread) {
        let now = self.read_clock();
        if self.doom.get().is_none() && now >= self.until_ns.get().saturating_add(OVERRUN_NS) {
            self.doom.set(Some(Doom::Overrun));
        }
        if self.doom.get().is_some() {
            thread.raise_text(c"the process is being ended");
        }
        self.fuel.set(0);
    }

    /// The safepoint of the worker itself, between two resumes: whether the slice is over.
    pub(crate) fn is_over(&self, thread: Thread) -> bool {
        if let Some(fuel) = self.fuel.get().checked_sub(1) {
            self.fuel.set(fuel);
            return false;
        }
        let now = self.read_clock();
        if self.doom.get().is_none() {
            self.doom.set(self.find_doom(now, thread));
        }
        self.doom.get().is_some() || now >= self.until_ns.get()
    }

    fn read_clock(&self) -> u64 {
        let now = now_ns();
        let interval = now.saturating_sub(self.looked_ns.replace(now));
        // A long interval means that each safepoint does much work: look at every one until it gets better.
        let refill = if interval > LOOK_INTERVAL_NS { 1 } else { self.refill.get() * 2 };
        self.refill.set(refill.min(SAFEPOINTS_PER_LOOK_MAX));
        self.fuel.set(self.refill.get());
        now
    }

    #[cold]
    fn look(&self, thread: Thread) {
        let now = self.read_clock();
        if self.doom.get().is_none()
            && let Some(doom) = self.find_doom(now, thread)
        {
            self.doom.set(Some(doom));
        }
        if self.doom.get().is_some() {
            self.stop(thread);
            return;
        }
        let request = if self.collection_wanted.get() || self.used(thread) > self.memory_max.get() {
            Request::Collect
        } else if now >= self.until_ns.get() {
            Request::Preempt
        } else {
            return;
        };
        if thread.is_yieldable() {
            if request == Request::Collect {
                self.collection_wanted.set(false);
            }
            self.yield_for(thread, request);
        } else {
            // Look at every safepoint from now on, so that the first one that can yield is not missed.
            self.fuel.set(0);
        }
    }

    fn find_doom(&self, now: u64, thread: Thread) -> Option<Doom> {
        if self.refused.get() {
            return Some(Doom::OverMemory);
        }
        let ending = self.ending.get();
        // SAFETY: by the field's invariant; the body lives while its slice is armed.
        if !ending.is_null() && unsafe { &*ending }.load(Ordering::Relaxed) {
            return Some(Doom::Ended);
        }
        let overrun = now >= self.until_ns.get().saturating_add(OVERRUN_NS);
        (overrun && !thread.is_yieldable()).then_some(Doom::Overrun)
    }

    /// Stops a condemned body. A yield cannot be caught, so it is preferred; where none is possible an error
    /// is raised, again at each safepoint, until it has unwound to where one is.
    pub(crate) fn stop(&self, thread: Thread) -> c_int {
        self.fuel.set(0);
        if thread.is_yieldable() {
            self.yield_for(thread, Request::Stop)
        } else {
            thread.raise_text(c"the process is being ended");
        }
    }

    fn yield_for(&self, thread: Thread, request: Request) -> c_int {
        self.request.set(request);
        thread.yield_values(0)
    }

    /// Counts and permits an allocation from `old` to `new` bytes.
    pub(crate) fn permits(&self, old: usize, new: usize) -> bool {
        // Luau relies on it that shrinking cannot fail.
        if new <= old {
            return true;
        }
        #[cfg(test)]
        if let Some(left) = self.fail_after.get() {
            self.fail_after.set(left.checked_sub(1));
            if left == 0 {
                return false;
            }
        }
        self.allocated.get().saturating_add(new - old) <= self.ceiling.get()
    }

    /// An allocation changed from `old` to `new` bytes.
    pub(crate) fn record(&self, old: usize, new: usize) {
        self.allocated.set(self.allocated.get().saturating_sub(old).saturating_add(new));
    }

    /// An allocation failed: the body is not continued.
    pub(crate) fn record_refusal(&self, bytes: usize) {
        self.refused.set(true);
        self.refused_bytes.set(bytes);
        self.fuel.set(0);
    }
}

/// Luau's interrupt: called at loop back edges, calls and returns, and for each step of a pattern.
pub(crate) unsafe extern "C-unwind" fn interrupt(raw: *mut ffi::lua_State, collector: c_int) {
    if collector >= 0 {
        // The collector reports its phases through the same hook.
        return;
    }
    // SAFETY: Luau calls this with the running thread, below a resume.
    let thread = unsafe { Thread::new(raw) };
    Meter::of(thread).safepoint(thread);
}
