//! Running a body: resume the strand whose turn it is, act on what it asks for when it yields, and stop at
//! the end of the slice.
//!
//! Every coroutine is resumed from here, none from C; so a yield always comes back here, with a request that
//! says what it means.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mlua::ffi;

use crate::body::BodyId;
use crate::host::{Host, StrandId};
use crate::machine::set_active;
use crate::meter::{Account, Doom, Request};
use crate::pod::Pod;
use crate::read::Reader;
use crate::step::{Slice, Step};
use crate::thread::{Resumed, Thread};
use crate::uncaught::failure_of;

impl<H: Host> Pod<H> {
    /// Runs a body until it has nothing to do or its slice is used up. Strands of a body take turns only
    /// where one waits, ends or passes; a pre-empted one goes on first.
    pub fn run(&mut self, id: BodyId, host: &mut H, slice: Slice) -> Step {
        if let Some(why) = self.machine().lost.borrow().clone() {
            return Step::Lost { why };
        }
        let Some(account) = self.with_body(id, |body| Account {
            category: body.category,
            baseline: body.baseline,
            memory_max: body.memory_max.min(slice.memory_bytes_max),
            object_bytes: body.objects.bytes(),
            ending: Arc::as_ptr(&body.ending),
            until_ns: slice.until_ns,
        }) else {
            return Step::Ended;
        };
        if let Some(doom) = self.with_body(id, |body| body.doom).flatten() {
            return self.step_of(id, doom);
        }
        self.let_go();
        self.machine().meter.arm(&account, self.memory_bytes(id));
        self.machine().host.set(host);
        let step = catch_unwind(AssertUnwindSafe(|| self.take_turns(id)));
        self.machine().host.set(std::ptr::null_mut());
        self.machine().running.set(None);
        self.machine().meter.disarm();
        self.let_go();
        step.unwrap_or_else(|_| {
            // Host functions are caught in the trampoline, so this is a defect of this crate, and it has
            // unwound through the interpreter: nothing is known of its state.
            self.poisoned = true;
            let why = "a panic went through the virtual machine".to_owned();
            *self.machine().lost.borrow_mut() = Some(why.clone());
            Step::Lost { why }
        })
    }

    fn take_turns(&mut self, id: BodyId) -> Step {
        loop {
            let Some((strand, thread, depth)) = self.next_turn(id) else { return Step::Parked };
            let meter = &self.machine().meter;
            if meter.is_over(thread) {
                return match meter.doom.get() {
                    Some(doom) => self.condemn(id, doom),
                    None => Step::Preempted,
                };
            }
            self.machine().running.set(Some((id.index, strand)));
            meter.depth.set(depth);
            meter.request.set(Request::None);
            let resumed = thread.resume(arguments(thread));
            if meter.refused() {
                return self.condemn(id, Doom::OverMemory);
            }
            if let Some(doom) = meter.doom.get() {
                return self.condemn(id, doom);
            }
            let step = match resumed {
                Resumed::Yielded => self.act(id, thread),
                Resumed::Done | Resumed::Raised(_) => self.leave(id, strand, thread, resumed),
            };
            // Reading what the strand left may have needed more stack.
            if self.machine().meter.refused() {
                return self.condemn(id, Doom::OverMemory);
            }
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn next_turn(&self, id: BodyId) -> Option<(StrandId, Thread, usize)> {
        self.with_body(id, |body| {
            let id = body.strands.front()?;
            let strand = body.strands.get(id)?;
            Some((id, strand.top()?, strand.depth()))
        })?
    }

    /// Does what a thread that yielded asked for.
    fn act(&mut self, id: BodyId, thread: Thread) -> Option<Step> {
        match self.machine().meter.request.get() {
            Request::Resume(coroutine) => {
                set_active(coroutine, true);
                self.with_strand(id, |strand| strand.push(coroutine));
            }
            Request::Yield => {
                self.with_strand(id, |strand| strand.pop());
                set_active(thread, false);
            }
            Request::Wait => {
                self.with_body(id, |body| body.strands.park_front());
            }
            Request::Pass => {
                let strand = self.with_body(id, |body| {
                    let strand = body.strands.front();
                    body.strands.park_front();
                    strand
                });
                return strand.flatten().map(|strand| Step::Passed { strand });
            }
            Request::Preempt => return Some(Step::Preempted),
            Request::Collect => return self.collect_for(id),
            Request::Stop | Request::None => {
                // A stop sets its doom before it yields, and no function yields without a request.
                *self.machine().lost.borrow_mut() = Some("a thread yielded to nobody".to_owned());
                return Some(self.condemn(id, Doom::Lost));
            }
        }
        None
    }

    /// A coroutine returned or raised: whoever resumed it goes on, or its strand has ended.
    fn leave(&mut self, id: BodyId, strand: StrandId, thread: Thread, resumed: Resumed) -> Option<Step> {
        if self.with_strand(id, |strand| strand.pop()).flatten().is_some() {
            set_active(thread, false);
            return None;
        }
        let machine = self.machine();
        let raised = matches!(resumed, Resumed::Raised(_));
        let (step, ended) = self.with_body(id, |body| {
            if raised {
                let failure = failure_of(thread, &body.objects, &machine.surface);
                let loading = body.loading && strand == body.main;
                return (Some(Step::Failed { failure, loading }), None);
            }
            if strand == body.main {
                let mut reader = Reader::new(thread, &body.objects, &machine.surface);
                return (Some(Step::Returned(reader.results())), None);
            }
            set_active(thread, false);
            // What it returned is nobody's, and would make it look suspended.
            thread.cut(0);
            (None, body.strands.remove(strand))
        })?;
        if let Some(ended) = ended {
            self.main().unpin(ended.registry);
        }
        if step.is_some() {
            self.with_body(id, |body| body.doom = Some(Doom::Ended));
        }
        step
    }

    /// The body is over its limit: what is garbage goes, at its expense; what is not ends it.
    fn collect_for(&mut self, id: BodyId) -> Option<Step> {
        self.machine().meter.lift();
        self.collect_all();
        if let Some(why) = self.machine().lost.borrow().clone() {
            return Some(Step::Lost { why });
        }
        let used = self.memory_bytes(id);
        let meter = &self.machine().meter;
        meter.object_bytes.set(self.with_body(id, |body| body.objects.bytes()).unwrap_or(0));
        meter.limit(used);
        if used > meter.memory_max() {
            return Some(self.condemn(id, Doom::OverMemory));
        }
        None
    }

    fn with_strand<R>(
        &self,
        id: BodyId,
        work: impl FnOnce(&mut crate::strand::Strand<H::Object>) -> R,
    ) -> Option<R> {
        self.with_body(id, |body| {
            let front = body.strands.front()?;
            body.strands.get_mut(front).map(work)
        })?
    }

    fn condemn(&mut self, id: BodyId, doom: Doom) -> Step {
        self.with_body(id, |body| body.doom = Some(doom));
        self.step_of(id, doom)
    }

    fn step_of(&self, id: BodyId, doom: Doom) -> Step {
        match doom {
            Doom::OverMemory => Step::OverMemory {
                used_bytes: self.memory_bytes(id).saturating_add(self.machine().meter.refused_bytes()),
            },
            Doom::Ended => Step::Ended,
            Doom::Overrun => Step::Overrun,
            Doom::Lost => Step::Lost { why: self.machine().lost.borrow().clone().unwrap_or_default() },
        }
    }
}

/// How many values a thread is resumed with: what is on its stack, less the function that begins it.
fn arguments(thread: Thread) -> i32 {
    if thread.status() == ffi::LUA_YIELD { thread.top() } else { thread.top() - 1 }
}
