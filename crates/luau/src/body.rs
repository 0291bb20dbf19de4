//! Bodies: what one process runs in its pod, with its own globals, account and strands.

use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use value::Value;

use crate::code::Code;
use crate::host::StrandId;
use crate::meter::Doom;
use crate::modules::Modules;
use crate::object::{Object, Objects};
use crate::random::Generator;
use crate::strand::Strands;
use crate::thread::Thread;

/// Names one body of one pod; never used again in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyId {
    pub(crate) index: usize,
    pub(crate) serial: u32,
}

/// What a body is started with.
pub struct BodySettings<'a> {
    /// What its host calls carry: the host's own name for it.
    pub key: u64,
    /// Its code: the top level returns a table of functions, or one function.
    pub code: &'a Code,
    /// The function of that table that is its main function; a single function is that whatever its name.
    pub method: &'a str,
    /// Arguments of the main function.
    pub arguments: Vec<Value>,
    /// What `require` may load.
    pub modules: Modules,
    /// Bytes of Lua memory and objects; at least 64 KiB.
    pub memory_bytes_max: usize,
    /// Set by whoever wants it ended: it runs no Lua after its next safepoint.
    pub ending: Arc<AtomicBool>,
}

/// Why a body was not started. Nothing is left behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The pod takes no more, see [`crate::Pod::has_room`].
    #[error("the pod has no room for another body")]
    NoRoom,
    /// The system has no memory left.
    #[error("out of memory")]
    OutOfMemory,
    /// The pod was lost earlier.
    #[error("the virtual machine is lost")]
    Lost,
}

/// One body.
pub(crate) struct Body<O> {
    pub(crate) serial: u32,
    pub(crate) key: u64,
    /// Its memory category, and what was in it when it began.
    pub(crate) category: c_int,
    pub(crate) baseline: usize,
    pub(crate) memory_max: usize,
    pub(crate) ending: Arc<AtomicBool>,
    pub(crate) objects: Objects<O>,
    pub(crate) strands: Strands<O>,
    pub(crate) main: StrandId,
    /// What `main` is started with, until it has begun.
    pub(crate) launch: Option<Launch>,
    /// Whether the top level and the look-up of the main function are still to be done.
    pub(crate) loading: bool,
    /// What each piece of its code may require, by the name of the code.
    pub(crate) modules: HashMap<String, Modules>,
    pub(crate) imports: HashMap<String, Imported>,
    /// What `math.random` draws from.
    pub(crate) random: Generator,
    /// Where its table of handles with an identity is pinned, once there is one.
    pub(crate) handles: Option<c_int>,
    /// Why it runs no more, once that is so.
    pub(crate) doom: Option<Doom>,
}

impl<O: Object> Body<O> {
    /// Bytes in its account.
    pub(crate) fn used(&self, main: Thread) -> usize {
        let lua = main.category_bytes(self.category).saturating_sub(self.baseline);
        lua.saturating_add(self.objects.bytes())
    }

    /// Everything of it that is pinned in the registry, but for references.
    pub(crate) fn pinned(&self) -> impl Iterator<Item = c_int> {
        let imports = self.imports.values().filter_map(|import| match import {
            Imported::Loaded(pinned) => Some(*pinned),
            Imported::Loading { .. } => None,
        });
        self.strands.iter().map(|strand| strand.registry).chain(imports).chain(self.handles)
    }
}

/// How `main` begins.
pub(crate) struct Launch {
    pub(crate) code: Code,
    pub(crate) method: String,
    pub(crate) arguments: Vec<Value>,
}

/// How far an import has come.
pub(crate) enum Imported {
    /// Its top level is running on this strand; the others wait.
    Loading { on: StrandId, waiting: Vec<StrandId> },
    /// Where its result is pinned.
    Loaded(c_int),
}
