//! Pods: one virtual machine with up to 250 bodies of one owner in it.
//!
//! A pod never moves to another OS thread, and no two owners share one: bodies are kept apart by Luau's
//! sandbox and by accounts, but a defect of the interpreter would cross them. Who the owner is, the pod does
//! not know.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ptr::NonNull;
use std::sync::Arc;

use mlua::ffi;

use crate::allocator::allocate;
use crate::body::{Body, BodyId, BodySettings, Launch, StartError};
use crate::categories::Categories;
use crate::clock::now_ns;
use crate::flags::{UnknownFlag, initialise};
use crate::frame::first_frame;
use crate::globals;
use crate::host::{Host, Place, Reply, StrandId};
use crate::launch::{begin, begun};
use crate::limits::{
    BODY_MEMORY_BYTES_MIN, FUNCTIONS_MAX, OBJECT_TYPES_MAX, POD_BODIES_MAX, POD_HEAP_BYTES_MAX,
};
use crate::machine::{Machine, inherit, set_active, thread_data};
use crate::meter::interrupt;
use crate::object::Objects;
use crate::random::Generator;
use crate::strand::{State, Strand, Strands};
use crate::surface::Surface;
use crate::thread::Thread;

/// KiB of collection between two looks at the clock in [`Pod::collect`]: about 3 us. Strings that a script has made to
/// hash alike take a thousand times as long to free.
const COLLECT_STEP_KIB: i32 = 8;

/// Why a pod was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VmError {
    /// A fix is missing.
    #[error(transparent)]
    UnknownFlag(#[from] UnknownFlag),
    /// More than 100 types or 10 000 functions.
    #[error(
        "the surface has {types} types and {functions} functions, at most {OBJECT_TYPES_MAX} and \
         {FUNCTIONS_MAX} allowed"
    )]
    SurfaceTooLarge {
        /// Its types.
        types: usize,
        /// Its functions.
        functions: usize,
    },
    /// The system has no memory, or the linked Luau lacks a function that the globals are made of.
    #[error("the virtual machine could not be made: out of memory, or not the Luau that this version is for")]
    Setup,
}

/// One virtual machine. See [`crate`].
pub struct Pod<H: Host> {
    /// INVARIANT: from `Box::into_raw`; freed by `drop` and nowhere else. Only shared references to it are
    /// made, but for [`Pod::objects`], which holds the pod alone while no Lua runs.
    machine: NonNull<Machine<H>>,
    main: Thread,
    categories: Categories,
    bodies: usize,
    next_serial: u32,
    /// A panic went through the interpreter: it is not even closed.
    pub(crate) poisoned: bool,
}

impl<H: Host> Pod<H> {
    /// A machine with the globals of a surface, and no body.
    ///
    /// # Errors
    /// The surface is too large, a fast flag is unknown, or there is no memory.
    pub fn new(surface: &Arc<Surface>) -> Result<Self, VmError> {
        initialise()?;
        let (types, functions) = (surface.types.len(), surface.declared().len());
        if types > OBJECT_TYPES_MAX || functions > FUNCTIONS_MAX {
            return Err(VmError::SurfaceTooLarge { types, functions });
        }
        let machine = Box::into_raw(Box::new(Machine::<H>::new(surface.clone())));
        // SAFETY: `machine` was just made, and stays at its address until the state is closed.
        let raw = unsafe { ffi::lua_newstate(allocate, (&raw mut (*machine).meter).cast()) };
        if raw.is_null() {
            // SAFETY: nothing else has the pointer.
            drop(unsafe { Box::from_raw(machine) });
            return Err(VmError::Setup);
        }
        // SAFETY: the state is live, and used by this OS thread only: `Pod` is neither `Send` nor `Sync`.
        let main = unsafe { Thread::new(raw) };
        // SAFETY: a box is not null.
        let machine = unsafe { NonNull::new_unchecked(machine) };
        let pod =
            Self { machine, main, categories: Categories::new(), bodies: 0, next_serial: 0, poisoned: false };
        pod.install_hooks();
        let built = main.protect(|main| globals::build(pod.machine(), main));
        built.map(|()| pod).map_err(|_| VmError::Setup)
    }

    fn install_hooks(&self) {
        let random = RandomState::new();
        let key = |part: u64| random.hash_one(part);
        // SAFETY: the state is live. The callbacks find the machine by this pointer, which outlives the
        // state.
        unsafe {
            let callbacks = ffi::lua_callbacks(self.main.raw());
            (*callbacks).userdata = self.machine.as_ptr().cast();
            (*callbacks).userthread = Some(inherit);
            (*callbacks).interrupt = Some(interrupt);
            ffi::lua_setpointerencodekey(self.main.raw(), key(0), key(1), key(2), key(3));
        }
    }

    pub(crate) fn machine(&self) -> &Machine<H> {
        // SAFETY: by the field's invariant.
        unsafe { self.machine.as_ref() }
    }

    /// Whether a body with this memory limit may be started: fewer than 250 live here, a memory category is
    /// left, and the heap is under 32 MiB or the body's own limit.
    pub fn has_room(&self, memory_bytes_max: usize) -> bool {
        self.machine().lost.borrow().is_none()
            && self.bodies < POD_BODIES_MAX
            && self.categories.any_left()
            && self.heap_bytes() < POD_HEAP_BYTES_MAX.max(memory_bytes_max)
    }

    /// Whether no body lives here.
    pub fn is_empty(&self) -> bool {
        self.bodies == 0
    }

    /// How many bodies live here.
    pub fn bodies(&self) -> usize {
        self.bodies
    }

    /// Bytes that the machine has from the system: all bodies, code, and garbage.
    pub fn heap_bytes(&self) -> usize {
        self.machine().meter.allocated()
    }

    /// Adds a body. Nothing of it runs yet: its top-level code, too, runs under [`Pod::run`].
    ///
    /// # Errors
    /// No room, no memory, or the pod is lost; nothing is left behind.
    pub fn start(&mut self, settings: BodySettings<'_>) -> Result<BodyId, StartError> {
        if self.machine().lost.borrow().is_some() {
            return Err(StartError::Lost);
        }
        let category = self.take_category().ok_or(StartError::NoRoom)?;
        let baseline = self.main.category_bytes(category);
        let index = self.free_index();
        let (thread, registry) = match self.make_thread(category, index) {
            Some(made) => made,
            None => {
                self.categories.end(category);
                return Err(StartError::OutOfMemory);
            }
        };
        self.next_serial = self.next_serial.wrapping_add(1);
        let id = BodyId { index, serial: self.next_serial };
        let mut strands = Strands::new();
        let main = strands.add(Strand::new(thread, registry));
        let body = Body {
            serial: id.serial,
            key: settings.key,
            category,
            baseline,
            memory_max: settings.memory_bytes_max.max(BODY_MEMORY_BYTES_MIN),
            ending: settings.ending,
            objects: Objects::new(id.serial),
            strands,
            main,
            modules: [(settings.code.name().to_owned(), settings.modules)].into(),
            imports: HashMap::new(),
            launch: Some(Launch {
                code: settings.code.clone(),
                method: settings.method.to_owned(),
                arguments: settings.arguments,
            }),
            loading: true,
            random: Generator::unpredictable(),
            handles: None,
            doom: None,
        };
        let mut bodies = self.machine().bodies.borrow_mut();
        match bodies.get_mut(index) {
            Some(slot) => *slot = Some(body),
            None => bodies.push(Some(body)),
        }
        drop(bodies);
        self.bodies += 1;
        Ok(id)
    }

    fn take_category(&mut self) -> Option<i32> {
        if self.bodies >= POD_BODIES_MAX {
            return None;
        }
        self.categories.take().or_else(|| {
            self.collect_all();
            self.categories.take()
        })
    }

    fn free_index(&self) -> usize {
        let bodies = self.machine().bodies.borrow();
        bodies.iter().position(Option::is_none).unwrap_or(bodies.len())
    }

    /// Makes the thread of a body's `main`, with globals of its own behind which it sees the frozen ones, and
    /// pins it.
    fn make_thread(&self, category: i32, index: usize) -> Option<(Thread, i32)> {
        let mut made = None;
        self.main.set_category(category);
        let result = self.main.protect(|main| {
            let thread = main.push_thread();
            let at = main.top();
            main.push_table(0, 0);
            main.push_table(0, 1);
            main.push_globals();
            main.set_field(-2, c"__index");
            main.freeze(main.top());
            main.set_metatable(-2);
            main.trust(main.top());
            main.move_values(thread, 1);
            thread.set_globals(1);
            thread.pop(1);
            main.push_function(begin::<H>, c"", 0, Some(begun::<H>));
            main.move_values(thread, 1);
            thread.set_data(thread_data(index));
            set_active(thread, true);
            made = Some((thread, main.pin(at)));
        });
        self.main.set_category(0);
        result.ok().and(made)
    }

    /// Answers a parked strand with [`Reply::Return`] or [`Reply::Raise`]; it goes on when the body runs
    /// next. Whether that was so: a strand or body that is gone, or does not wait, is left alone.
    pub fn wake(&mut self, id: BodyId, strand: StrandId, reply: Reply<H::Object>) -> bool {
        if !matches!(reply, Reply::Return(_) | Reply::Raise(_)) {
            return false;
        }
        self.with_body(id, |body| body.strands.answer(strand, reply)).unwrap_or(false)
    }

    /// Ends a body: it never runs again. Its objects are returned, to be dropped by the caller; what it had
    /// in Lua is collected later.
    pub fn end(&mut self, id: BodyId) -> Vec<H::Object> {
        let mut bodies = self.machine().bodies.borrow_mut();
        let Some(slot) = bodies.get_mut(id.index) else { return Vec::new() };
        if slot.as_ref().is_none_or(|body| body.serial != id.serial) {
            return Vec::new();
        }
        let Some(body) = slot.take() else { return Vec::new() };
        drop(bodies);
        self.bodies -= 1;
        self.categories.end(body.category);
        for pinned in body.pinned().chain(self.machine().references.borrow_mut().take_of_body(id.index)) {
            self.main.unpin(pinned);
        }
        body.objects.into_all()
    }

    /// Bytes in a body's account: its Lua memory and its objects. 0 for one that has ended.
    pub fn memory_bytes(&self, id: BodyId) -> usize {
        self.with_body(id, |body| body.used(self.main)).unwrap_or(0)
    }

    /// The objects of a body.
    pub fn objects(&mut self, id: BodyId) -> Option<&mut Objects<H::Object>> {
        // SAFETY: by the field's invariant, and `&mut self`: no Lua runs and nothing else refers to the
        // machine.
        let machine = unsafe { self.machine.as_mut() };
        let body = machine.bodies.get_mut().get_mut(id.index)?.as_mut()?;
        (body.serial == id.serial).then_some(&mut body.objects)
    }

    /// Where the parked strands of a body wait, `main` first.
    pub fn parked(&self, id: BodyId) -> Vec<Place> {
        let places = self.with_body(id, |body| {
            let parked = body.strands.iter().filter(|strand| matches!(strand.state, State::Parked));
            parked.filter_map(|strand| strand.coroutines().find_map(first_frame)).collect()
        });
        places.unwrap_or_default()
    }

    /// How many strands a body has.
    pub fn strands(&self, id: BodyId) -> usize {
        self.with_body(id, |body| body.strands.count()).unwrap_or(0)
    }

    /// How many Lua values the host holds by reference, in all bodies.
    pub fn references(&mut self) -> usize {
        self.let_go();
        self.machine().references.borrow().count()
    }

    /// Collects garbage until a time on the clock of [`now_ns`], or until a cycle has ended; whether one has.
    /// For when nothing else is to be done.
    pub fn collect(&mut self, until_ns: u64) -> bool {
        let mut ended = false;
        let result = self.main.protect(|main| {
            while !ended && now_ns() < until_ns {
                ended = main.collect_step(COLLECT_STEP_KIB);
            }
        });
        self.note(result, "the collector ran out of memory");
        if ended {
            let main = self.main;
            self.categories.reclaim(|category| main.category_bytes(category));
        }
        self.let_go();
        ended
    }

    /// A whole collection, outside of any body's account.
    pub(crate) fn collect_all(&mut self) {
        let result = self.main.protect(Thread::collect);
        self.note(result, "the collector ran out of memory");
        let main = self.main;
        self.categories.reclaim(|category| main.category_bytes(category));
        self.let_go();
    }

    /// Drops the objects whose handles were collected and what a call that failed has left over, and unpins
    /// what the host no longer refers to. No Lua is running.
    pub(crate) fn let_go(&self) {
        self.machine().clear_desk();
        let discarded = std::mem::take(&mut *self.machine().discarded.borrow_mut());
        drop(discarded);
        let dropped = self.machine().references.borrow_mut().take_dropped();
        for pinned in dropped {
            self.main.unpin(pinned);
        }
    }

    fn note(&self, result: Result<(), crate::thread::Raised>, why: &str) {
        if result.is_err() {
            *self.machine().lost.borrow_mut() = Some(why.to_owned());
        }
    }

    pub(crate) fn main(&self) -> Thread {
        self.main
    }

    /// Uses a body. `work` calls no Lua that could run or collect.
    pub(crate) fn with_body<R>(&self, id: BodyId, work: impl FnOnce(&mut Body<H::Object>) -> R) -> Option<R> {
        let mut bodies = self.machine().bodies.borrow_mut();
        let body = bodies.get_mut(id.index)?.as_mut().filter(|body| body.serial == id.serial)?;
        Some(work(body))
    }
}

impl<H: Host> Drop for Pod<H> {
    fn drop(&mut self) {
        if !self.poisoned {
            // SAFETY: the state is live and nothing runs in it. Closing frees every userdata, whose
            // destructor uses the machine, which is still there.
            unsafe { ffi::lua_close(self.main.raw()) };
        }
        // SAFETY: by the field's invariant; the state is closed, or never used again.
        drop(unsafe { Box::from_raw(self.machine.as_ptr()) });
    }
}
