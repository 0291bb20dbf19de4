//! Luau's fast flags: fixes that ship switched off, switched on before the first virtual machine.
//!
//! Without `LuauTableArrayAdjustCheck` one line of a script ends the whole host with a segmentation fault
//! (luau-lang/luau#2970). On every Luau upgrade, read the list of `FASTFLAGVARIABLE` in its VM for new fixes.

use std::sync::OnceLock;

/// What must be on, and why.
const FLAGS: [&str; 5] = [
    // `table.move` to the lowest index writes out of bounds.
    "LuauTableArrayAdjustCheck",
    // `table.move` over 2^31 empty slots never looks at the interrupt.
    "LuauTableMoveTimeoutFix",
    // A table that runs out of memory while it grows keeps its old shape.
    "LuauTableRobustOom",
    // Scripts cannot change the metatable that all vectors share.
    "LuauSandboxFreezesVectorMetatable",
    // `tostring(table)` shows a keyed permutation of the address instead of a linear map of it.
    "LuauNewPointerEncode",
];

/// A fix that the linked Luau does not know by this name: the host must not run scripts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the linked Luau has no fast flag `{flag}`, which this version relies on")]
pub struct UnknownFlag {
    /// The flag's name.
    pub flag: &'static str,
}

/// Switches the fixes on, once for the process; later calls only repeat the answer. [`crate::Pod::new`] and
/// [`crate::Code::compile`] call it first, so that nothing can run without; a host calls it at its start to
/// fail early.
///
/// # Errors
/// The linked Luau does not know one of the flags.
pub fn initialise() -> Result<(), UnknownFlag> {
    static DONE: OnceLock<Result<(), UnknownFlag>> = OnceLock::new();
    DONE.get_or_init(|| {
        FLAGS
            .into_iter()
            .try_for_each(|flag| mlua::Lua::set_fflag(flag, true).map_err(|()| UnknownFlag { flag }))
    })
    .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_known_to_the_linked_luau() {
        assert_eq!(initialise(), Ok(()));
    }
}
