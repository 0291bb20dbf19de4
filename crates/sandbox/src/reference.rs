//! `docs/lua-api.md`, rendered from the declarations.

use std::fmt::Write as _;

use crate::declaration::{Constant, Declared, Module, Type};
use crate::surface::{MODULES, TYPES};

/// An example of the documentation, for the tests that run them all.
pub struct Example {
    /// The function that it shows.
    pub name: &'static str,
    /// The body of a main function.
    pub source: &'static str,
}

/// Every example, in the order of the documentation.
pub fn examples() -> Vec<Example> {
    let modules = MODULES.iter().flat_map(|module| functions(module));
    let methods = TYPES.iter().flat_map(|object_type| object_type.methods);
    modules
        .chain(methods)
        .filter(|declared| !is_metamethod(declared))
        .map(|declared| Example { name: declared.doc.name, source: declared.doc.example })
        .collect()
}

/// The functions that ask for a permission: name and the permissions in order.
pub fn guarded() -> Vec<(&'static str, &'static [&'static str])> {
    let modules = MODULES.iter().flat_map(|module| functions(module));
    let methods = TYPES.iter().flat_map(|object_type| object_type.methods);
    modules
        .chain(methods)
        .filter(|declared| !declared.doc.permissions.is_empty())
        .map(|declared| (declared.doc.name, declared.doc.permissions))
        .collect()
}

fn functions(module: &'static Module) -> Vec<&'static Declared> {
    let own = module.functions.iter();
    own.chain(module.tables.iter().flat_map(|table| functions(table))).collect()
}

fn is_metamethod(declared: &Declared) -> bool {
    declared.short_name().starts_with("__")
}

/// The text of `docs/lua-api.md`.
pub fn render() -> String {
    let mut text = String::from(INTRODUCTION);
    for module in MODULES {
        render_module(&mut text, module, 2, module.name);
    }
    text.push_str("\n## Objects\n\nObjects live on the host's side. They cannot be forged, read as tables or put in a message (error objects excepted: they are copied).\n");
    for object_type in TYPES {
        render_type(&mut text, object_type);
    }
    text.push_str(LANGUAGE);
    text
}

fn render_module(text: &mut String, module: &Module, level: usize, path: &str) {
    let marks = "#".repeat(level);
    let title = if path.is_empty() { "Globals".to_owned() } else { format!("`{path}`") };
    let how = match (module.name.is_empty(), module.global) {
        (false, false) => format!(
            "\n`local {0} = require(\"{0}\")`, when `modules:` of the definition lists it.\n",
            module.name
        ),
        _ => String::new(),
    };
    let _ = write!(text, "\n{marks} {title}\n\n{}\n{how}", module.text);
    if !module.constants.is_empty() {
        text.push_str("\n| constant | value | meaning |\n|---|---|---|\n");
        for (name, constant, meaning) in module.constants {
            let value = match constant {
                Constant::Text(text) => format!("`\"{text}\"`"),
                Constant::Number(number) => format!("`{number}`"),
                Constant::Object(type_name) => format!("a `{type_name}`"),
            };
            let _ = writeln!(text, "| `{path}.{name}` | {value} | {meaning} |");
        }
    }
    for declared in module.functions.iter().filter(|declared| !is_metamethod(declared)) {
        render_function(text, declared, level + 1);
    }
    for table in module.tables {
        render_module(text, table, level + 1, &format!("{path}.{}", table.name));
    }
}

fn render_type(text: &mut String, object_type: &Type) {
    let _ = write!(text, "\n### `{}`\n\n{}\n", object_type.name, object_type.text);
    for declared in object_type.methods.iter().filter(|declared| !is_metamethod(declared)) {
        render_function(text, declared, 4);
    }
}

fn render_function(text: &mut String, declared: &Declared, level: usize) {
    let doc = declared.doc;
    let marks = "#".repeat(level);
    let _ = write!(
        text,
        "\n{marks} `{}`\n\n```luau\n{}{}\n```\n\n{}\n",
        doc.name, doc.name, doc.signature, doc.text
    );
    if !doc.permissions.is_empty() {
        let list: Vec<String> = doc.permissions.iter().map(|permission| format!("`{permission}`")).collect();
        let _ = write!(text, "\nPermissions, in order: {}.\n", list.join(", "));
    }
    if !doc.errors.is_empty() {
        text.push_str("\n| error | when |\n|---|---|\n");
        for (kind, when) in doc.errors {
            let _ = writeln!(text, "| {} | {when} |", kind.name());
        }
    }
    let _ = write!(text, "\n```luau\n{}\n```\n", doc.example);
}

const INTRODUCTION: &str = "\
# The Lua API

<!-- Rendered from the declarations in crates/sandbox; `moonward generate` rewrites it. -->

A definition's source returns a table of functions, or one function; `method` names the entry (`main` by default).
What the entry returns is the process's result. `process`, `channel`, `errors` and `coroutine.spawn` are globals
(and `require` gives the first three too); the other modules come by `require` when the definition's `modules:` lists them.

A function succeeds with `value, nil` and fails with `nil, err`, where `err` is an error object: `err:kind()`,
`err:message()`. Wrong or missing arguments are INVALID errors that name the argument; they do not raise. The
exceptions say that they raise.

The examples run as the body of a main function, in an app whose scope permits everything in its tenant and that has
these definitions: `app.workers:echo` sends every message back to its sender, `app.workers:double` returns twice its
number, `app.workers:counter` upgrades itself until it has counted to 3.
";

const LANGUAGE: &str = "
## Coroutines

`coroutine.create`, `resume`, `wrap`, `yield`, `status`, `close`, `isyieldable` and `running` are Luau's own in all that a
script sees. Whatever waits inside them, such as `ch:receive()` or `process.call`, holds up the whole chain of coroutines
that led there, and no other.

### `coroutine.spawn`

```luau
coroutine.spawn(f: (...any) -> ...any, ...any) -> thread
```

Runs a function beside main, in the same process: it begins when the caller next waits, and ends with it, or when main
returns. What it returns is dropped; an error that it does not catch ends the process. At most 10 000 may wait at once.
Raises when `f` is not a function.

```luau
local ch = channel.new()
coroutine.spawn(function(greeting) ch:send(greeting) end, \"hello\")
assert(ch:receive() == \"hello\")
```

## The language

Luau, with `string`, `table`, `math`, `utf8`, `bit32`, `buffer`, `coroutine`, `os.time`, `os.clock` and `os.date`.
Scripts in Lua 5.1's common core load as they are, and so do Luau's type annotations (`local x: number = 1`), which are
not checked when a script runs. Every library table is frozen.

| where Lua 5.3 | here |
|---|---|
| integers of 64 bits | doubles only: exact up to 2^53; keep larger ids as strings |
| `goto` | `continue`, or a function |
| `a & b`, `a << n`, `~a` | `bit32.band(a, b)`, `bit32.lshift(a, n)`, `bit32.bnot(a)` |
| `//` on integers | `//` on doubles |
| `load`, `loadstring`, `dofile`, `require` of files | `require` of declared modules and imports |
| `setmetatable(t, {__gc = f})`, `<close>` | nothing runs when a value is collected |
| `io`, `package`, `debug` | not there; `debug.traceback` is |
| `collectgarbage`, `getfenv`, `setfenv`, `newproxy` | not there |
| `tostring(table)` with its address | a number in its place, which tells nothing of the host's memory |
| `coroutine.wrap` around something that waits | works: the whole chain of coroutines waits |
";
