//! A Lua thread: the calls of Luau's C interface that this crate uses, each wrapped once.
//!
//! What makes the wrappers sound is kept in one place, the contract of [`Thread::new`], instead of at each of
//! several hundred calls. This file knows no pod, body or host.
//!
//! **May raise** marks a wrapper that can leave by a Lua error, which is a C++ exception. Such a call is made
//! only below a protected call: in a C function that Lua called, or under [`Thread::protect`]. Frames that an
//! error may cross hold nothing that needs dropping; what has to outlive the error lives in the machine.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};

use mlua::ffi;
use value::Frame;

/// A C function of ours as Luau calls it.
pub(crate) type CFunction = ffi::lua_CFunction;

/// What continues a C function of ours that yielded or made a call.
pub(crate) type Continuation = ffi::lua_Continuation;

/// A raised error: the status of a protected call or resume that is neither done nor yielded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raised {
    /// An error value is on top of the stack.
    Error,
    /// An allocation failed.
    Memory,
}

/// How a resumed thread came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// Its function returned; the results are its stack.
    Done,
    /// It yielded; the values are its stack.
    Yielded,
    /// It raised an error, which is on top of its stack.
    Raised(Raised),
}

/// One thread (coroutine) of a virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thread(NonNull<ffi::lua_State>);

impl Thread {
    /// Wraps a thread of a virtual machine.
    ///
    /// # Safety
    /// - The thread is live for as long as the wrapper is used: it is running, anchored, or on a live stack.
    /// - Its virtual machine is used by the current OS thread only.
    /// - Indices given to the methods are positive, a pseudo-index, or negative within the current stack frame.
    ///   (Positive ones past the top read as none; debug builds of Luau assert the rest.)
    /// - Methods that may raise are called below a protected call.
    pub(crate) unsafe fn new(raw: *mut ffi::lua_State) -> Self {
        debug_assert!(!raw.is_null());
        // SAFETY: a live thread is not null.
        Self(unsafe { NonNull::new_unchecked(raw) })
    }

    pub(crate) fn raw(self) -> *mut ffi::lua_State {
        self.0.as_ptr()
    }
}

/// Looking. None of these raises.
impl Thread {
    pub(crate) fn top(self) -> c_int {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_gettop(self.raw()) }
    }

    /// One of `ffi::LUA_T*`; `LUA_TNONE` past the top.
    pub(crate) fn kind(self, index: c_int) -> c_int {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_type(self.raw(), index) }
    }

    /// What `type` says of a kind.
    pub(crate) fn kind_name(self, kind: c_int) -> &'static str {
        // SAFETY: `kind` comes from `lua_type`; the names are constants of Luau.
        let name = unsafe { CStr::from_ptr(ffi::lua_typename(self.raw(), kind)) };
        name.to_str().unwrap_or("value")
    }

    pub(crate) fn boolean(self, index: c_int) -> bool {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_toboolean(self.raw(), index) != 0 }
    }

    /// The number at `index`; a string that looks like one is none.
    pub(crate) fn number(self, index: c_int) -> Option<f64> {
        if self.kind(index) != ffi::LUA_TNUMBER {
            return None;
        }
        // SAFETY: by the contract of `new`; a number converts without allocating.
        Some(unsafe { ffi::lua_tonumber(self.raw(), index) })
    }

    /// The bytes of the string at `index`.
    ///
    /// # Safety
    /// The string stays on the stack, or is kept alive otherwise, for as long as the slice is used.
    pub(crate) unsafe fn bytes<'a>(self, index: c_int) -> Option<&'a [u8]> {
        if self.kind(index) != ffi::LUA_TSTRING {
            return None;
        }
        let mut length = 0;
        // SAFETY: by the contract of `new`; a string is not converted, so nothing is allocated. Strings are
        // immutable and do not move; the caller keeps this one alive.
        unsafe {
            let data = ffi::lua_tolstring(self.raw(), index, &raw mut length);
            Some(std::slice::from_raw_parts(data.cast::<u8>(), length))
        }
    }

    /// Length of a string or buffer, border of a table, 0 of anything else. Runs no metamethod.
    pub(crate) fn length(self, index: c_int) -> usize {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_objlen(self.raw(), index) }
    }

    /// Address of a table, function, thread or userdata: its identity.
    pub(crate) fn address(self, index: c_int) -> usize {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_topointer(self.raw(), index) }.addr()
    }

    /// The payload of a userdata of this tag.
    pub(crate) fn userdata(self, index: c_int, tag: c_int) -> Option<NonNull<c_void>> {
        // SAFETY: by the contract of `new`.
        NonNull::new(unsafe { ffi::lua_touserdatatagged(self.raw(), index, tag) })
    }

    /// The tag of a userdata.
    pub(crate) fn userdata_tag(self, index: c_int) -> Option<c_int> {
        // SAFETY: by the contract of `new`.
        let tag = unsafe { ffi::lua_userdatatag(self.raw(), index) };
        (tag >= 0).then_some(tag)
    }

    /// The pointer in a light userdata, such as an upvalue of ours.
    pub(crate) fn light(self, index: c_int) -> *mut c_void {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_tolightuserdata(self.raw(), index) }
    }

    /// The C function at `index`.
    pub(crate) fn c_function(self, index: c_int) -> Option<CFunction> {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_tocfunction(self.raw(), index) }
    }

    /// The thread at `index`.
    pub(crate) fn thread(self, index: c_int) -> Option<Thread> {
        // SAFETY: by the contract of `new`; the thread found belongs to the same machine and is kept alive by
        // the value at `index`.
        NonNull::new(unsafe { ffi::lua_tothread(self.raw(), index) }).map(Thread)
    }

    /// Whether the running function may yield.
    pub(crate) fn is_yieldable(self) -> bool {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_isyieldable(self.raw()) != 0 }
    }

    /// `LUA_OK`, `LUA_YIELD` or an error status.
    pub(crate) fn status(self) -> c_int {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_status(self.raw()) }
    }

    /// One of `ffi::LUA_CO*`, as seen from this thread.
    pub(crate) fn status_of(self, other: Thread) -> c_int {
        // SAFETY: by the contract of `new`; both threads belong to one machine.
        unsafe { ffi::lua_costatus(self.raw(), other.raw()) }
    }

    /// The machine's main thread, in which nothing ever runs but work under [`Thread::protect`].
    pub(crate) fn main(self) -> Thread {
        // SAFETY: by the contract of `new`; the main thread lives as long as the machine.
        unsafe { Thread::new(ffi::lua_mainthread(self.raw())) }
    }

    /// The word that a thread carries; a new coroutine has its creator's.
    pub(crate) fn data(self) -> usize {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_getthreaddata(self.raw()) }.addr()
    }

    pub(crate) fn set_data(self, data: usize) {
        // SAFETY: by the contract of `new`; Luau never follows the pointer.
        unsafe { ffi::lua_setthreaddata(self.raw(), ptr::without_provenance_mut(data)) }
    }

    /// Bytes in a memory category.
    pub(crate) fn category_bytes(self, category: c_int) -> usize {
        // SAFETY: by the contract of `new`; categories are 0 to 255.
        unsafe { ffi::lua_totalbytes(self.raw(), category) }
    }

    /// One level of the call stack, 0 the innermost: nothing past the last one, an inner nothing for a C
    /// function.
    #[expect(clippy::option_option, reason = "past the end and not Lua are two answers")]
    pub(crate) fn level(self, level: c_int) -> Option<Option<Frame>> {
        // SAFETY: `lua_Debug` is a plain C struct; all zeros is a valid value of each field.
        let mut debug: ffi::lua_Debug = unsafe { std::mem::zeroed() };
        // SAFETY: by the contract of `new`. `sln` fills the struct and pushes nothing.
        let found = unsafe { ffi::lua_getinfo(self.raw(), level, c"sln".as_ptr(), &raw mut debug) } != 0;
        if !found {
            return None;
        }
        let text = |raw: *const c_char| {
            if raw.is_null() {
                return String::new();
            }
            // SAFETY: `lua_getinfo` made it point to NUL-terminated text: a constant, a string that the
            // function on the stack keeps alive, or the struct's own buffer.
            unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned()
        };
        if text(debug.what) == "C" {
            return Some(None);
        }
        let line = u32::try_from(debug.currentline).unwrap_or(0);
        Some(Some(Frame { source: text(debug.short_src), line, name: text(debug.name) }))
    }

    /// Walks a table: pushes key and value and returns the next position, or nothing at the end. Start at 0.
    /// There must be room for two values; the caller pops both.
    fn next_entry(self, table: c_int, position: c_int) -> Option<c_int> {
        if self.kind(table) != ffi::LUA_TTABLE {
            return None;
        }
        // SAFETY: by the contract of `new`; it is a table.
        let next = unsafe { ffi::lua_rawiter(self.raw(), table, position) };
        (next >= 0).then_some(next)
    }

    /// Visits the entries of a table at a positive index, with the key second from the top and the value on
    /// top; false when there are more than `entries_max`. There must be room for two values.
    pub(crate) fn visit_entries(self, table: c_int, entries_max: usize, mut visit: impl FnMut()) -> bool {
        let mut position = 0;
        let mut entries = 0;
        while let Some(next) = self.next_entry(table, position) {
            let within = entries < entries_max;
            if within {
                visit();
            }
            self.pop(2);
            if !within {
                return false;
            }
            entries += 1;
            position = next;
        }
        true
    }

    /// Pushes the metatable of the value at `index`, if it has one. There must be room for one value.
    pub(crate) fn push_metatable(self, index: c_int) -> bool {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_getmetatable(self.raw(), index) != 0 }
    }

    /// Makes room for this many more values; false when the stack would be too large.
    pub(crate) fn make_room(self, values: c_int) -> bool {
        // SAFETY: by the contract of `new`. It catches its own errors.
        unsafe { ffi::lua_checkstack(self.raw(), values) != 0 }
    }

    pub(crate) fn pop(self, values: c_int) {
        // SAFETY: by the contract of `new`: there are that many values.
        unsafe { ffi::lua_pop(self.raw(), values) }
    }

    /// Drops all values above `top`, which is at most the current one.
    pub(crate) fn cut(self, top: c_int) {
        debug_assert!(top <= self.top());
        // SAFETY: by the contract of `new`; the stack does not grow.
        unsafe { ffi::lua_settop(self.raw(), top) }
    }

    /// Lets go of a value in the registry.
    pub(crate) fn unpin(self, registry: c_int) {
        // SAFETY: by the contract of `new`; `registry` came from `pin` and is let go once.
        unsafe { ffi::lua_unref(self.raw(), registry) };
    }
}

/// Pushing and changing. All of these **may raise**: out of memory, or out of stack.
impl Thread {
    pub(crate) fn push_nil(self) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_pushnil(self.raw()) }
    }

    pub(crate) fn push_boolean(self, boolean: bool) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_pushboolean(self.raw(), c_int::from(boolean)) }
    }

    pub(crate) fn push_number(self, number: f64) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_pushnumber(self.raw(), number) }
    }

    pub(crate) fn push_bytes(self, bytes: &[u8]) {
        // SAFETY: by the contract of `new`; Luau copies the bytes.
        unsafe { ffi::lua_pushlstring_(self.raw(), bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Pushes what `typeof` says of the value at `index`.
    pub(crate) fn push_type_name(self, index: c_int) {
        // SAFETY: by the contract of `new`; the name is a string that the metatable keeps alive.
        unsafe { ffi::lua_pushstring_(self.raw(), ffi::luaL_typename(self.raw(), index)) }
    }

    pub(crate) fn push_light(self, pointer: *mut c_void) {
        // SAFETY: by the contract of `new`; Luau never follows the pointer.
        unsafe { ffi::lua_pushlightuserdata(self.raw(), pointer) }
    }

    pub(crate) fn push_copy(self, index: c_int) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_pushvalue(self.raw(), index) }
    }

    pub(crate) fn push_table(self, items: c_int, entries: c_int) {
        // SAFETY: by the contract of `new`; neither is negative.
        unsafe { ffi::lua_createtable(self.raw(), items.max(0), entries.max(0)) }
    }

    /// Pushes a C function, with the top `upvalues` values as its upvalues.
    pub(crate) fn push_function(
        self,
        function: CFunction,
        name: &CStr,
        upvalues: c_int,
        continuation: Option<Continuation>,
    ) {
        // SAFETY: by the contract of `new`; Luau copies the name.
        unsafe { ffi::lua_pushcclosurek(self.raw(), function, name.as_ptr(), upvalues, continuation) }
    }

    /// Pushes this thread itself.
    pub(crate) fn push_self(self) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_pushthread(self.raw()) };
    }

    /// Pushes a new thread, with this one's globals, category and data.
    pub(crate) fn push_thread(self) -> Thread {
        // SAFETY: by the contract of `new`; the new thread is not null, and on this stack.
        unsafe { Thread::new(ffi::lua_newthread(self.raw())) }
    }

    /// Pushes a userdata of `size` bytes with the metatable of its tag.
    pub(crate) fn push_userdata(self, size: usize, tag: c_int) -> *mut c_void {
        // SAFETY: by the contract of `new`; the tag has a metatable, set when the pod was made.
        unsafe { ffi::lua_newuserdatataggedwithmetatable(self.raw(), size, tag) }
    }

    /// Pushes what is pinned in the registry.
    pub(crate) fn push_pinned(self, registry: c_int) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_rawgeti_(self.raw(), ffi::LUA_REGISTRYINDEX, registry) };
    }

    /// Pins the value at `index` in the registry.
    pub(crate) fn pin(self, index: c_int) -> c_int {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_ref(self.raw(), index) }
    }

    /// Replaces the key on top by `table[key]`, without metamethods. `table` must be one.
    pub(crate) fn get_raw(self, table: c_int) {
        debug_assert_eq!(self.kind(table), ffi::LUA_TTABLE);
        // SAFETY: by the contract of `new`; callers name tables of their own making.
        unsafe { ffi::lua_rawget(self.raw(), table) };
    }

    /// `table[key] = value`, both popped, without metamethods. `table` must be one that is not frozen, and
    /// the key neither nil nor NaN.
    pub(crate) fn set_raw(self, table: c_int) {
        debug_assert_eq!(self.kind(table), ffi::LUA_TTABLE);
        // SAFETY: by the contract of `new`; callers name tables of their own making.
        unsafe { ffi::lua_rawset(self.raw(), table) }
    }

    /// `table[position] = value`, which is popped, without metamethods.
    pub(crate) fn set_item(self, table: c_int, position: c_int) {
        debug_assert_eq!(self.kind(table), ffi::LUA_TTABLE);
        // SAFETY: by the contract of `new`; callers name tables of their own making.
        unsafe { ffi::lua_rawseti_(self.raw(), table, position) }
    }

    /// `table[key] = value`, which is popped, without metamethods.
    pub(crate) fn set_field(self, table: c_int, key: &CStr) {
        debug_assert_eq!(self.kind(table), ffi::LUA_TTABLE);
        // SAFETY: by the contract of `new`; callers name tables of their own making.
        unsafe { ffi::lua_rawsetfield(self.raw(), table, key.as_ptr()) }
    }

    /// Pops a table and makes it the metatable of the value at `index`.
    pub(crate) fn set_metatable(self, index: c_int) {
        // SAFETY: by the contract of `new`; callers push a table before.
        unsafe { ffi::lua_setmetatable(self.raw(), index) };
    }

    /// Makes a table read-only.
    pub(crate) fn freeze(self, table: c_int) {
        debug_assert_eq!(self.kind(table), ffi::LUA_TTABLE);
        // SAFETY: by the contract of `new`; callers name tables of their own making.
        unsafe { ffi::lua_setreadonly(self.raw(), table, 1) }
    }

    /// Moves the top value to `index`, shifting the others up.
    pub(crate) fn insert(self, index: c_int) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_insert(self.raw(), index) }
    }

    /// Pops the top value into `index`.
    pub(crate) fn replace(self, index: c_int) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_replace(self.raw(), index) }
    }

    /// Takes the value at `index` out.
    pub(crate) fn remove(self, index: c_int) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_remove(self.raw(), index) }
    }

    /// Moves the top values to another thread of the same machine, which has room for them.
    pub(crate) fn move_values(self, to: Thread, values: c_int) {
        // SAFETY: by the contract of `new`; both belong to one machine, and there are that many values.
        unsafe { ffi::lua_xmove(self.raw(), to.raw(), values) }
    }

    /// Opens Luau's own libraries aside, and pushes the table of their globals. For a machine that is being
    /// made: this thread has no globals of ours yet.
    pub(crate) fn push_libraries(self) {
        // SAFETY: by the contract of `new`. The registry's list of loaded libraries is Luau's, and only used
        // while they are opened.
        unsafe {
            ffi::luaL_openlibs(self.raw());
            ffi::lua_pushvalue(self.raw(), ffi::LUA_GLOBALSINDEX);
            ffi::lua_pushnil(self.raw());
            ffi::lua_setfield(self.raw(), ffi::LUA_REGISTRYINDEX, ffi::LUA_LOADED_TABLE);
        }
    }

    /// Makes the table at `index` the globals of this thread, and of the coroutines it makes from now on.
    pub(crate) fn set_globals(self, index: c_int) {
        debug_assert_eq!(self.kind(index), ffi::LUA_TTABLE);
        // SAFETY: by the contract of `new`; it is a table.
        unsafe {
            ffi::lua_pushvalue(self.raw(), index);
            ffi::lua_replace(self.raw(), ffi::LUA_GLOBALSINDEX);
        }
    }

    /// Pushes the globals of this thread.
    pub(crate) fn push_globals(self) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_pushvalue(self.raw(), ffi::LUA_GLOBALSINDEX) }
    }

    /// Lets code with these globals use Luau's fast paths for built-in functions, which ignore what the table
    /// says under their names.
    pub(crate) fn trust(self, globals: c_int) {
        debug_assert_eq!(self.kind(globals), ffi::LUA_TTABLE);
        // SAFETY: by the contract of `new`; it is a table.
        unsafe { ffi::lua_setsafeenv(self.raw(), globals, 1) }
    }

    /// Pops a table and makes it the metatable of userdata with this tag, which `destructor` is told of when
    /// they are freed.
    pub(crate) fn set_tag(self, tag: c_int, destructor: ffi::lua_Destructor) {
        // SAFETY: by the contract of `new`; the tag is below 128 (`Surface` is checked) and set once.
        unsafe {
            ffi::lua_setuserdatametatable(self.raw(), tag);
            ffi::lua_setuserdatadtor(self.raw(), tag, Some(destructor));
        }
    }

    /// Calls the function below `arguments` values. It cannot yield.
    pub(crate) fn call(self, arguments: c_int, results: c_int) {
        // SAFETY: by the contract of `new`: function and arguments are there.
        unsafe { ffi::lua_call(self.raw(), arguments, results) }
    }

    /// Joins the top values, which are strings, into one.
    pub(crate) fn concat(self, values: c_int) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_concat(self.raw(), values) }
    }

    /// Pushes `source:line: ` of the function at a level, or an empty string.
    pub(crate) fn push_where(self, level: c_int) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::luaL_where(self.raw(), level) }
    }

    /// Raises the value on top.
    pub(crate) fn raise(self) -> ! {
        // SAFETY: by the contract of `new`: a value is there, and a protected call is below.
        unsafe { ffi::lua_error(self.raw()) }
    }

    /// Raises a constant text, with the position of the calling script in front.
    pub(crate) fn raise_text(self, text: &CStr) -> ! {
        // SAFETY: by the contract of `new`; the format takes one NUL-terminated string.
        unsafe { ffi::luaL_error(self.raw(), c"%s".as_ptr(), text.as_ptr()) }
    }

    /// Yields the top values from a C function. Its result is what the function returns to Luau.
    pub(crate) fn yield_values(self, values: c_int) -> c_int {
        // SAFETY: by the contract of `new`; it raises where the thread cannot yield.
        unsafe { ffi::lua_yield(self.raw(), values) }
    }

    /// Calls the function below `arguments` values from a C function that has a continuation, which goes on
    /// with the results whether the call yields or not. Its result is what the function returns to Luau.
    pub(crate) fn call_then_continue(self, arguments: c_int, results: c_int) -> c_int {
        // SAFETY: by the contract of `new`; the running function is a C function with a continuation.
        unsafe { ffi::lua_callyieldable(self.raw(), arguments, results) }
    }

    /// The same under protection: the continuation gets the status of an error.
    pub(crate) fn call_protected_then_continue(self, arguments: c_int, results: c_int) -> c_int {
        // SAFETY: by the contract of `new`; the running function is a C function with a continuation.
        unsafe { ffi::lua_pcallyieldable(self.raw(), arguments, results, 0) }
    }

    /// Loads bytecode of our own compiler and pushes the function, or an error message and false.
    pub(crate) fn load(self, name: &CStr, bytecode: &[u8]) -> bool {
        let raw = bytecode.as_ptr().cast();
        // SAFETY: by the contract of `new`; only `Code` gives bytecode, and only our compiler makes a `Code`.
        unsafe { ffi::luau_load(self.raw(), name.as_ptr(), raw, bytecode.len(), 0) == 0 }
    }

    /// Pushes a copy of the Lua function at `index` that has this thread's globals and shares the code.
    pub(crate) fn push_clone(self, index: c_int) {
        // SAFETY: by the contract of `new`; callers name a Lua function.
        unsafe { ffi::lua_clonefunction(self.raw(), index) }
    }
}

/// From outside: no Lua of this machine is running.
impl Thread {
    /// Runs `work` so that an error it raises comes back as a status. The error value is dropped.
    ///
    /// `work` must own nothing that needs dropping while it makes calls that may raise.
    pub(crate) fn protect(self, mut work: impl FnMut(Thread)) -> Result<(), Raised> {
        unsafe extern "C-unwind" fn enter<F: FnMut(Thread)>(raw: *mut ffi::lua_State) -> c_int {
            // SAFETY: Luau calls this with a running thread, under `lua_cpcall`.
            let thread = unsafe { Thread::new(raw) };
            let work = thread.light(1).cast::<F>();
            // SAFETY: `protect` passed the address of its own `work`, which is not otherwise used meanwhile.
            unsafe { (*work)(thread) };
            0
        }
        fn entry<F: FnMut(Thread)>(_: &F) -> CFunction {
            enter::<F>
        }
        let top = self.top();
        let function = entry(&work);
        // SAFETY: by the contract of `new`; `function` gets the address of `work`, of the type it expects.
        let status = unsafe { ffi::lua_cpcall(self.raw(), function, (&raw mut work).cast()) };
        self.cut(top.min(self.top()));
        match status {
            ffi::LUA_OK => Ok(()),
            ffi::LUA_ERRMEM => Err(Raised::Memory),
            _ => Err(Raised::Error),
        }
    }

    /// Starts or continues a thread that nothing is running in, with the top `arguments` values.
    pub(crate) fn resume(self, arguments: c_int) -> Resumed {
        // SAFETY: by the contract of `new`; the thread is new or suspended. It catches its own errors.
        match unsafe { ffi::lua_resume_(self.raw(), ptr::null_mut(), arguments) } {
            ffi::LUA_OK => Resumed::Done,
            ffi::LUA_YIELD => Resumed::Yielded,
            ffi::LUA_ERRMEM => Resumed::Raised(Raised::Memory),
            _ => Resumed::Raised(Raised::Error),
        }
    }

    /// Closes a thread that is suspended or has ended: what it had on its stack is dropped. **May raise.**
    pub(crate) fn reset(self) {
        // SAFETY: by the contract of `new`; the thread is not running.
        unsafe { ffi::lua_resetthread(self.raw()) }
    }

    /// Charges what this thread and its future coroutines allocate to a category.
    pub(crate) fn set_category(self, category: c_int) {
        // SAFETY: by the contract of `new`; categories are 0 to 255.
        unsafe { ffi::lua_setmemcat(self.raw(), category) }
    }

    /// A whole collection. **May raise.**
    pub(crate) fn collect(self) {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_gc(self.raw(), ffi::LUA_GCCOLLECT, 0) };
    }

    /// A part of a collection, of about this many KiB; whether a cycle ended. **May raise.**
    pub(crate) fn collect_step(self, kib: c_int) -> bool {
        // SAFETY: by the contract of `new`.
        unsafe { ffi::lua_gc(self.raw(), ffi::LUA_GCSTEP, kib) != 0 }
    }
}
