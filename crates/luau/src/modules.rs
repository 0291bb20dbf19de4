//! What `require` may load in one piece of code: a list, made by the host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::code::Code;

/// The libraries and imports that one piece of code declared; cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Modules(Arc<Listed>);

#[derive(Debug, Default)]
struct Listed {
    libraries: BTreeSet<String>,
    imports: BTreeMap<String, Import>,
}

/// Code that `require` runs once for each body that asks for it. Code is told apart by its name: two imports
/// of one body whose code has the same name are the same import, and what it may require is found by that
/// name.
#[derive(Clone, Debug)]
pub struct Import {
    /// What to run; what it returns is what `require` returns.
    pub code: Code,
    /// What it may require itself.
    pub modules: Modules,
}

impl Modules {
    /// `libraries` are names of the surface (global ones need not be listed); `imports` are by the name that
    /// the script uses.
    pub fn new(
        libraries: impl IntoIterator<Item = String>,
        imports: impl IntoIterator<Item = (String, Import)>,
    ) -> Self {
        let libraries = libraries.into_iter().collect();
        let imports = imports.into_iter().collect();
        Self(Arc::new(Listed { libraries, imports }))
    }

    pub(crate) fn lists_library(&self, name: &str) -> bool {
        self.0.libraries.contains(name)
    }

    pub(crate) fn import(&self, name: &str) -> Option<&Import> {
        self.0.imports.get(name)
    }
}
