//! What a script sees: an allow-list, built once for each pod and frozen before any script runs.
//!
//! Luau's libraries are opened aside; what is listed here is copied over, and the rest is forgotten. So a
//! function that a new version of Luau brings is not there until somebody lists it.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use mlua::ffi;

use crate::call::{answered, enter};
use crate::coroutine;
use crate::handle::{release, tag_of_type};
use crate::host::Host;
use crate::library::{self, charged};
use crate::machine::Machine;
use crate::push::push_value;
use crate::random;
use crate::require::{require, required};
use crate::surface::Library;
use crate::text;
use crate::thread::{CFunction, Continuation, Thread};
use crate::traceback::traceback;

/// Members of Luau's own libraries that scripts get as they are: constants, and functions that do a bounded
/// amount of work or call Lua, which has safepoints.
const KEPT: [(&str, &str); 7] = [
    (
        "",
        "error getmetatable ipairs next pairs pcall rawequal rawget rawlen rawset select \
         setmetatable tonumber tostring typeof xpcall",
    ),
    ("string", "char len"),
    ("table", "freeze isfrozen"),
    ("utf8", "charpattern"),
    (
        "math",
        "abs acos asin atan atan2 ceil clamp cos cosh deg e exp floor fmod frexp huge isfinite \
         isinf isnan ldexp lerp log log10 map max min modf nan noise phi pi pow rad \
         round sign sin sinh sqrt sqrt2 tan tanh tau",
    ),
    (
        "bit32",
        "arshift band bnot bor btest bxor byteswap countlz countrz extract lrotate lshift replace \
         rrotate rshift",
    ),
    (
        "buffer",
        "len readbits readf32 readf64 readi16 readi32 readi8 readu16 readu32 readu8 writebits \
         writef32 writef64 writei16 writei32 writei8 writeu16 writeu32 writeu8",
    ),
];

/// Functions of Luau's own that loop in C over what they are given: kept, and charged by its size.
const CHARGED: [(&str, &str); 6] = [
    ("", "unpack"),
    ("string", "byte format lower pack packsize rep reverse sub unpack upper"),
    ("table", "clear clone concat create find insert move pack remove unpack"),
    ("utf8", "char codepoint codes len offset"),
    ("buffer", "copy create fill fromstring readstring tostring writestring"),
    ("os", "date time"),
];

/// Builds the globals of a machine whose main thread this is. **May raise.**
pub(crate) fn build<H: Host>(machine: &Machine<H>, main: Thread) {
    main.push_libraries();
    let luau = main.top();
    main.push_table(0, 64);
    let globals = main.top();
    main.set_globals(globals);
    main.push_copy(globals);
    set(main, globals, "_G");
    main.push_bytes(b"Luau");
    set(main, globals, "_VERSION");

    for (library, names) in KEPT {
        for name in names.split(' ') {
            push_original(main, luau, library, name);
            add(main, globals, library, name);
        }
    }
    for (library, names) in CHARGED {
        for name in names.split(' ') {
            wrap(main, luau, library, name, charged);
            add(main, globals, library, name);
        }
    }
    for (library, name, wrapper) in [
        ("", "assert", library::assert as CFunction),
        ("string", "find", text::find),
        ("string", "gmatch", text::pattern),
        ("string", "gsub", text::pattern),
        ("string", "match", text::pattern),
    ] {
        wrap(main, luau, library, name, wrapper);
        add(main, globals, library, name);
    }
    for (library, name, function) in [
        ("", c"type", library::type_of as CFunction),
        ("os", c"clock", library::clock),
        ("string", c"split", text::split),
        ("debug", c"traceback", traceback::<H>),
        ("math", c"random", random::random::<H>),
        ("math", c"randomseed", random::seed::<H>),
    ] {
        main.push_function(function, name, 0, None);
        add(main, globals, library, name.to_str().unwrap_or_default());
    }
    for (name, function, continuation) in coroutine::members::<H>() {
        main.push_function(function, name, 0, continuation);
        add(main, globals, "coroutine", name.to_str().unwrap_or_default());
    }
    main.push_function(require::<H>, c"require", 0, Some(required::<H>));
    add(main, globals, "", "require");

    add_sort(main, globals);
    add_surface(machine, main, globals);
    add_types(machine, main);
    freeze(main, globals);
    main.cut(luau - 1);
}

/// `table.sort`, which is a script of ours.
fn add_sort(main: Thread, globals: c_int) {
    if !library::push_sort(main) {
        main.raise_text(c"out of memory");
    }
    push_member(main, globals, "type");
    open(main, globals, "table");
    push_member(main, main.top(), "isfrozen");
    let table = main.top() - 1;
    main.remove(table);
    main.call(2, 1);
    add(main, globals, "table", "sort");
}

/// Pushes `table[name]`.
fn push_member(main: Thread, table: c_int, name: &str) {
    main.push_bytes(name.as_bytes());
    main.get_raw(table);
}

/// `table[name]` becomes the value on top, which is popped.
fn set(main: Thread, table: c_int, name: &str) {
    main.push_bytes(name.as_bytes());
    main.insert(-2);
    main.set_raw(table);
}

/// Pushes a library of `globals`, made if need be; the empty name is `globals` itself.
fn open(main: Thread, globals: c_int, library: &str) {
    if library.is_empty() {
        return main.push_copy(globals);
    }
    push_member(main, globals, library);
    if main.kind(-1) != ffi::LUA_TTABLE {
        main.pop(1);
        main.push_table(0, 16);
        main.push_copy(-1);
        set(main, globals, library);
    }
}

/// The value on top becomes a member of a library.
fn add(main: Thread, globals: c_int, library: &str, name: &str) {
    open(main, globals, library);
    main.insert(-2);
    let table = main.top() - 1;
    set(main, table, name);
    main.pop(1);
}

/// Pushes a member of Luau's own libraries.
fn push_original(main: Thread, luau: c_int, library: &str, name: &str) {
    open(main, luau, library);
    push_member(main, main.top(), name);
    main.insert(-2);
    main.pop(1);
    if main.kind(-1) == ffi::LUA_TNIL {
        main.raise_text(c"the linked Luau lacks a library function that scripts rely on");
    }
}

/// Pushes `wrapper` with Luau's own function as its upvalue.
fn wrap(main: Thread, luau: c_int, library: &str, name: &str, wrapper: CFunction) {
    push_original(main, luau, library, name);
    let Some(original) = main.c_function(-1) else {
        main.raise_text(c"a library function of the linked Luau is not a C function");
    };
    main.pop(1);
    main.push_light(original as *mut c_void);
    push_named(main, wrapper, name, 1, None);
}

/// Pushes a C function under a name that is not NUL-terminated.
fn push_named(main: Thread, function: CFunction, name: &str, upvalues: c_int, then: Option<Continuation>) {
    let mut buffer = [0_u8; 64];
    for (to, from) in buffer.iter_mut().zip(name.bytes().take(63)) {
        *to = from;
    }
    let name = CStr::from_bytes_until_nul(&buffer).unwrap_or_default();
    main.push_function(function, name, upvalues, then);
}

/// The libraries of the surface: global ones into the globals, all of them where `require` finds them.
fn add_surface<H: Host>(machine: &Machine<H>, main: Thread, globals: c_int) {
    main.push_table(0, 16);
    let by_name = main.top();
    let mut next_id = 0;
    for library in &machine.surface.libraries {
        if library.global {
            open(main, globals, library.name);
        } else {
            main.push_table(0, 16);
        }
        fill(machine, main, library, &mut next_id);
        if library.name.is_empty() {
            main.pop(1);
        } else {
            main.freeze(main.top());
            set(main, by_name, library.name);
        }
    }
    machine.libraries.set(main.pin(by_name));
    main.cut(by_name - 1);
}

/// Fills the table on top with a library's functions, constants and tables.
fn fill<H: Host>(machine: &Machine<H>, main: Thread, library: &Library, next_id: &mut usize) {
    let table = main.top();
    main.push_table(0, 0);
    let metatable = main.top();
    let mut has_metamethod = false;
    for function in &library.functions {
        push_declared::<H>(main, *next_id, function.name);
        let is_metamethod = function.name.starts_with("__");
        set(main, if is_metamethod { metatable } else { table }, function.name);
        has_metamethod |= is_metamethod;
        *next_id += 1;
    }
    if has_metamethod {
        lock(main, metatable);
        main.set_metatable(table);
    } else {
        main.pop(1);
    }
    for (name, value) in &library.constants {
        push_value(machine, main, value, 0);
        if main.kind(-1) == ffi::LUA_TTABLE {
            main.freeze(main.top());
        }
        set(main, table, name);
    }
    for inner in &library.tables {
        main.push_table(0, 8);
        fill(machine, main, inner, next_id);
        main.freeze(main.top());
        set(main, table, inner.name);
    }
}

fn push_declared<H: Host>(main: Thread, id: usize, name: &str) {
    main.push_light(ptr::without_provenance_mut(id));
    push_named(main, enter::<H>, name, 1, Some(answered::<H>));
}

/// The metatables of the surface's types, by userdata tag.
fn add_types<H: Host>(machine: &Machine<H>, main: Thread) {
    let methods: usize = machine.surface.types.iter().map(|object_type| object_type.methods.len()).sum();
    let mut next_id = machine.functions.len() - methods;
    for (object_type, index) in machine.surface.types.iter().zip(0..) {
        main.push_table(0, 8);
        let metatable = main.top();
        main.push_table(0, 8);
        let members = main.top();
        for method in &object_type.methods {
            push_declared::<H>(main, next_id, method.name);
            set(main, if method.name.starts_with("__") { metatable } else { members }, method.name);
            next_id += 1;
        }
        main.freeze(members);
        set(main, metatable, "__index");
        main.push_bytes(object_type.name.as_bytes());
        set(main, metatable, "__type");
        lock(main, metatable);
        main.set_tag(tag_of_type(index), release::<H>);
    }
}

/// Makes a metatable read-only and hides it.
fn lock(main: Thread, metatable: c_int) {
    main.push_bytes(b"locked");
    set(main, metatable, "__metatable");
    main.freeze(metatable);
}

/// Makes everything read-only: libraries, globals, and the metatable that all strings share.
fn freeze(main: Thread, globals: c_int) {
    main.push_bytes(b"");
    main.push_table(0, 1);
    open(main, globals, "string");
    set(main, main.top() - 1, "__index");
    main.freeze(main.top());
    main.set_metatable(-2);
    main.pop(1);
    main.visit_entries(globals, usize::MAX, || {
        if main.kind(-1) == ffi::LUA_TTABLE {
            main.freeze(main.top());
        }
    });
    main.freeze(globals);
    main.trust(globals);
}
