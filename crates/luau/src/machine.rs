//! Everything of a pod that C code reaches: one allocation at a fixed address, found from any thread.
//!
//! All fields have interior mutability, because Rust frames below the interpreter hold the machine while C
//! functions above it use it too. No borrow is held across a call that runs Lua or its collector.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::{HashMap, VecDeque};
use std::ffi::c_int;
use std::ptr;
use std::sync::Arc;

use mlua::ffi;

use crate::body::Body;
use crate::host::{Host, Item, StrandId};
use crate::meter::Meter;
use crate::reference::{Reference, References};
use crate::surface::{Declared, Surface};
use crate::thread::Thread;

/// A coroutine that is part of a strand: it runs, waits, or has resumed another.
const ACTIVE: usize = 1 << 32;

/// The pod's inner side.
pub(crate) struct Machine<H: Host> {
    pub(crate) meter: Meter,
    pub(crate) surface: Arc<Surface>,
    pub(crate) functions: Vec<Declared>,
    pub(crate) bodies: RefCell<Vec<Option<Body<H::Object>>>>,
    /// The body and strand whose slice it is.
    pub(crate) running: Cell<Option<(usize, StrandId)>>,
    /// INVARIANT: null outside a slice; in one, the only way that the host is reached.
    pub(crate) host: Cell<*mut H>,
    pub(crate) references: RefCell<References>,
    /// References of the arguments that are being read.
    pub(crate) inbox: RefCell<VecDeque<Reference>>,
    /// What is being pushed. Kept here, so that an error in the middle leaves nothing behind.
    pub(crate) outbox: UnsafeCell<Vec<Item<H::Object>>>,
    /// The object that is about to get its handle, for the same reason.
    pub(crate) spare: UnsafeCell<Option<H::Object>>,
    /// Objects whose handle was collected; dropped when no Lua is running, since a drop is the host's code.
    pub(crate) discarded: RefCell<Vec<H::Object>>,
    /// The text of an error that is being raised, for the same reason.
    pub(crate) said: UnsafeCell<String>,
    /// Loaded code that bodies share, by the identity of its [`crate::Code`]: where it is pinned.
    pub(crate) codes: RefCell<HashMap<usize, (crate::Code, c_int)>>,
    /// How much that is, see [`crate::limits::POD_CODE_BYTES_MAX`].
    pub(crate) code_bytes: Cell<usize>,
    /// Where the table of the surface's libraries is pinned, by name.
    pub(crate) libraries: Cell<c_int>,
    /// Why the pod must be dropped.
    pub(crate) lost: RefCell<Option<String>>,
}

impl<H: Host> Machine<H> {
    pub(crate) fn new(surface: Arc<Surface>) -> Self {
        Self {
            meter: Meter::new(),
            functions: surface.declared(),
            surface,
            bodies: RefCell::default(),
            running: Cell::new(None),
            host: Cell::new(ptr::null_mut()),
            references: RefCell::default(),
            inbox: RefCell::default(),
            outbox: UnsafeCell::default(),
            spare: UnsafeCell::default(),
            discarded: RefCell::default(),
            said: UnsafeCell::default(),
            codes: RefCell::default(),
            code_bytes: Cell::new(0),
            libraries: Cell::new(ffi::LUA_NOREF),
            lost: RefCell::default(),
        }
    }

    /// The machine of a thread.
    pub(crate) fn of<'a>(thread: Thread) -> &'a Self {
        // SAFETY: the pod put the address of its machine, of this very `H`, there before it registered any
        // function of ours; the machine outlives every thread, and only shared references to it are made.
        unsafe { &*(*ffi::lua_callbacks(thread.raw())).userdata.cast::<Self>() }
    }

    /// Uses the running body. `work` calls neither Lua nor the host.
    pub(crate) fn with_running<R>(
        &self,
        work: impl FnOnce(&mut Body<H::Object>, StrandId) -> R,
    ) -> Option<R> {
        let (index, strand) = self.running.get()?;
        let mut bodies = self.bodies.borrow_mut();
        bodies.get_mut(index)?.as_mut().map(|body| work(body, strand))
    }

    /// Drops what a call that ended by an error has left half read or half pushed.
    pub(crate) fn clear_desk(&self) {
        self.inbox.borrow_mut().clear();
        // SAFETY: called while no Lua is running, so that nothing refers into either.
        unsafe {
            drop(std::mem::take(&mut *self.outbox.get()));
            drop((*self.spare.get()).take());
        }
    }

    /// Pushes a text that we made. **May raise.**
    pub(crate) fn push_text(&self, thread: Thread, text: String) {
        // SAFETY: nothing refers into the buffer between two calls, and a machine stays on one OS thread.
        unsafe { *self.said.get() = text };
        // SAFETY: as above; the reference ends before anything else can run.
        thread.push_bytes(unsafe { &*self.said.get() }.as_bytes());
    }

    /// Raises a text, with the position of the calling script in front.
    pub(crate) fn raise(&self, thread: Thread, text: String) -> ! {
        self.push_text(thread, text);
        thread.push_where(1);
        thread.insert(-2);
        thread.concat(2);
        thread.raise()
    }

    /// Raises a text as it is.
    pub(crate) fn raise_plain(&self, thread: Thread, text: String) -> ! {
        self.push_text(thread, text);
        thread.raise()
    }
}

/// What a body's threads carry.
pub(crate) fn thread_data(body: usize) -> usize {
    body + 1
}

/// Which body a thread belongs to.
pub(crate) fn body_of(thread: Thread) -> Option<usize> {
    (thread.data() & !ACTIVE).checked_sub(1)
}

/// Whether a coroutine is part of a strand.
pub(crate) fn is_active(thread: Thread) -> bool {
    thread.data() & ACTIVE != 0
}

/// Says whether a coroutine is part of a strand.
pub(crate) fn set_active(thread: Thread, active: bool) {
    let data = thread.data() & !ACTIVE;
    thread.set_data(if active { data | ACTIVE } else { data });
}

/// Luau's hook for new and freed threads: a coroutine belongs to the body of whoever makes it.
pub(crate) unsafe extern "C-unwind" fn inherit(parent: *mut ffi::lua_State, raw: *mut ffi::lua_State) {
    if parent.is_null() {
        return;
    }
    // SAFETY: Luau calls this with two live threads.
    let (parent, thread) = unsafe { (Thread::new(parent), Thread::new(raw)) };
    thread.set_data(parent.data() & !ACTIVE);
}
