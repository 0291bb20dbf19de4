//! Compiled code: source text in, bytecode of our own compiler out.
//!
//! Luau does not validate bytecode, so none is accepted from outside: a [`Code`] can only be made here, from
//! text. This file knows no virtual machine.

use std::sync::Arc;

use mlua::ffi;

use crate::flags::initialise;
use crate::limits::{BYTECODE_BYTES_MAX, CODE_NAME_BYTES_MAX, COMPILE_STACK_BYTES, SOURCE_BYTES_MAX};

/// Compiled source; cloning shares it.
#[derive(Clone)]
pub struct Code(Arc<Compiled>);

struct Compiled {
    name: String,
    bytecode: Vec<u8>,
}

/// Why a source does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Line of the mistake, from 1; 0 when it is about the whole text.
    pub line: u32,
    /// What is wrong, without name and line.
    pub message: String,
}

/// Built-in functions that the compiler must not replace by its own instructions: `type`, because objects of
/// the host have types of their own, and the vector library, because scripts do not have it.
const NOT_BUILT_IN: [&std::ffi::CStr; 14] = [
    c"type",
    c"vector.create",
    c"vector.magnitude",
    c"vector.normalize",
    c"vector.cross",
    c"vector.dot",
    c"vector.floor",
    c"vector.ceil",
    c"vector.abs",
    c"vector.sign",
    c"vector.clamp",
    c"vector.min",
    c"vector.max",
    c"vector.lerp",
];

impl Code {
    /// Compiles a source text. `name` is what errors show (`acme.workers:handler`), never a path of the host;
    /// past 200 bytes it is cut.
    ///
    /// # Errors
    /// Longer than 256 KiB, not UTF-8, a NUL byte, not Luau, or more than 4 MiB once compiled.
    pub fn compile(name: &str, source: &[u8]) -> Result<Self, SyntaxError> {
        initialise().map_err(|unknown| whole_text(unknown.to_string()))?;
        check_text(source)?;
        let bytecode = compile_on_deep_stack(source)?;
        // Luau marks a failed compilation by a first byte of zero, followed by `:line: message`.
        match bytecode.split_first() {
            Some((0, message)) => Err(syntax_error(&String::from_utf8_lossy(message))),
            Some(_) if bytecode.len() > BYTECODE_BYTES_MAX => Err(whole_text(format!(
                "source compiles to {} bytes, at most {BYTECODE_BYTES_MAX} allowed",
                bytecode.len()
            ))),
            Some(_) => Ok(Self(Arc::new(Compiled { name: shown_name(name), bytecode }))),
            None => Err(whole_text("the compiler returned nothing".to_owned())),
        }
    }

    /// What errors show.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn bytecode(&self) -> &[u8] {
        &self.0.bytecode
    }

    /// Tells one compiled text from another, for as long as either lives.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Code({}, {} bytes)", self.0.name, self.0.bytecode.len())
    }
}

fn check_text(source: &[u8]) -> Result<(), SyntaxError> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(whole_text(format!(
            "source is {} bytes, at most {SOURCE_BYTES_MAX} allowed",
            source.len()
        )));
    }
    let line_at = |at: usize| {
        let lines = source.iter().take(at).filter(|byte| **byte == b'\n').count();
        u32::try_from(lines + 1).unwrap_or(u32::MAX)
    };
    if let Err(error) = std::str::from_utf8(source) {
        return Err(SyntaxError {
            line: line_at(error.valid_up_to()),
            message: "source is not UTF-8 text".to_owned(),
        });
    }
    if let Some(at) = memchr::memchr(0, source) {
        return Err(SyntaxError { line: line_at(at), message: "source contains a NUL byte".to_owned() });
    }
    Ok(())
}

fn compile_on_deep_stack(source: &[u8]) -> Result<Vec<u8>, SyntaxError> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("compile".to_owned())
            .stack_size(COMPILE_STACK_BYTES)
            .spawn_scoped(scope, || compile(source))
            .map_err(|error| whole_text(format!("no thread to compile on: {error}")))?
            .join()
            .map_err(|_| whole_text("the compiler failed".to_owned()))
    })
}

fn compile(source: &[u8]) -> Vec<u8> {
    let mut disabled: Vec<_> = NOT_BUILT_IN.iter().map(|name| name.as_ptr()).collect();
    disabled.push(std::ptr::null());
    let mut options = ffi::lua_CompileOptions::default();
    options.optimizationLevel = 1;
    options.debugLevel = 1;
    options.disabledBuiltins = disabled.as_ptr();
    // SAFETY: `source` is a readable slice; the options point to `disabled`, an array of NUL-terminated
    // strings that ends in null and outlives the call. `luau_compile` keeps neither.
    unsafe { ffi::luau_compile(source, options) }
}

/// Reads `:12: message`.
fn syntax_error(text: &str) -> SyntaxError {
    let parsed = text.strip_prefix(':').and_then(|rest| {
        let (line, message) = rest.split_once(": ")?;
        Some(SyntaxError { line: line.parse().ok()?, message: message.to_owned() })
    });
    parsed.unwrap_or_else(|| whole_text(text.to_owned()))
}

fn whole_text(message: String) -> SyntaxError {
    SyntaxError { line: 0, message }
}

/// A name without NUL (Luau takes it as a C string), of bounded length.
fn shown_name(name: &str) -> String {
    let mut shown = name.replace('\0', "?");
    shown.truncate(shown.floor_char_boundary(CODE_NAME_BYTES_MAX));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &[u8], line: u32, message: &str) {
        let error = Code::compile("test", source).expect_err("must not compile");
        assert_eq!(error.line, line, "{error:?}");
        assert!(error.message.contains(message), "{error:?}");
    }

    #[test]
    fn a_source_that_is_not_luau_is_refused_with_its_line() {
        check(b"local a = 1\nlocal b = = 2", 2, "Expected");
        check(b"\x1bLua", 1, "Expected");
        check(b"a\0b", 1, "NUL");
        check(b"x\n\n\xff", 3, "UTF-8");
        check(&vec![b' '; SOURCE_BYTES_MAX + 1], 0, "at most 262144");
        check("(".repeat(100_000).as_bytes(), 1, "recursion");
        check(format!("return {}1", "- ".repeat(100_000)).as_bytes(), 1, "recursion");
        check(format!("x={}{}", "{".repeat(50_000), "}".repeat(50_000)).as_bytes(), 1, "recursion");
    }

    #[test]
    fn no_source_takes_long_to_compile_or_grows_without_bound() {
        let repeated = |unit: &str| unit.repeat(SOURCE_BYTES_MAX / unit.len());
        let nested = |open: &str, close: &str| format!("{}{}", open.repeat(900), close.repeat(900));
        let numbered = |unit: &str, count: usize| {
            (0..count).map(|number| unit.replace('N', &number.to_string())).collect::<String>()
        };
        let joined = format!("local s = '{}' {}", "x".repeat(4_000), numbered("f(s..'N')", 16_000));
        for (name, source) in [
            ("statements", repeated("x=1 ")),
            ("functions", repeated("f=function()end ")),
            ("concatenation", format!("x='a'{}", "..a".repeat(80_000))),
            ("table", format!("x={{{}}}", "1,".repeat(120_000))),
            ("keys", format!("x={{{}}}", numbered("kN=N,", 20_000))),
            ("closures", nested("return function() ", " end")),
            ("conditions", nested("if x then ", " end")),
            ("types", format!("type T = {}number{}", "(".repeat(900), ")".repeat(900))),
            ("unions", format!("type T = {}number", "number|".repeat(30_000))),
            ("strings", format!("x={}", "`{a}`..".repeat(30_000) + "a")),
            ("locals", numbered("do local xN = N ", 200) + &" end".repeat(200)),
            ("joined constants", joined),
            ("escapes", format!("x='{}'", "\\u{10FFFF}".repeat(20_000))),
        ] {
            let begun = crate::now_ns();
            let compiled = Code::compile("test", source.as_bytes());
            let took_ms = (crate::now_ns() - begun) / 1_000_000;
            assert!(took_ms < 5_000, "{name}: {took_ms} ms");
            if let Ok(code) = compiled {
                assert!(code.bytecode().len() <= BYTECODE_BYTES_MAX, "{name}");
            }
        }
    }

    #[test]
    fn a_name_is_cut_and_never_ends_early() {
        let name = format!("a\0{}", "é".repeat(200));
        let code = Code::compile(&name, b"return 1").expect("compiles");
        assert!(code.name().starts_with("a?é"));
        assert!(code.name().len() <= CODE_NAME_BYTES_MAX);
    }

    #[test]
    fn bytecode_of_others_is_text_that_does_not_parse() {
        let bytecode = Code::compile("test", b"return 1").expect("compiles").bytecode().to_vec();
        assert!(Code::compile("test", &bytecode).is_err());
    }
}
