//! Scripts compiled, with what each may load.
//!
//! A library is compiled once for each app, whoever imports it, and its code is shared. Nothing is run.

use std::collections::BTreeMap;

use diagnostic::{Diagnostic, Span};
use luau::{Code, Import, Modules};

use crate::identifier::Id;
use crate::limits::IMPORTS_NESTED_MAX;
use crate::manifest::{self, Library, Manifest};
use crate::order::needs_first;

/// A definition and what it runs.
pub(super) struct Compiled<'a> {
    pub(super) declared: &'a manifest::Definition,
    pub(super) code: Code,
    pub(super) modules: Modules,
}

/// Every definition, compiled; those with something wrong in them or in what they load are left out, and found.
pub(super) fn compile<'a>(manifest: &'a Manifest, found: &mut Vec<Diagnostic>) -> Vec<Compiled<'a>> {
    let libraries = libraries(manifest, found);
    let definitions = manifest.definitions.iter();
    definitions
        .filter_map(|declared| {
            let code = compiled(&declared.id, &declared.code, found)?;
            Some(Compiled { declared, code, modules: modules(&declared.code, &libraries)? })
        })
        .collect()
}

/// What a process with these limits may use.
pub(super) fn limits(declared: &manifest::Limits) -> sandbox::Limits {
    sandbox::Limits {
        memory_bytes: usize::try_from(declared.memory_bytes_max).unwrap_or(usize::MAX),
        cpu: declared.cpu_max,
        cpu_total: declared.cpu_total_max,
        mailbox_messages: declared.mailbox_messages_max,
        mailbox_bytes: sandbox::Limits::MAILBOX_BYTES,
        lifetime: declared.lifetime_max,
    }
}

/// Every library, ready to be loaded; those that cannot be are left out, and found.
fn libraries<'a>(manifest: &'a Manifest, found: &mut Vec<Diagnostic>) -> BTreeMap<&'a Id, Import> {
    let declared = &manifest.libraries;
    let places: BTreeMap<&Id, usize> =
        declared.iter().enumerate().map(|(index, library)| (&library.id, index)).collect();
    let imported = |library: &Library| {
        let ids = library.code.imports.values();
        ids.filter_map(|id| places.get(&id.value).copied()).collect::<Vec<usize>>()
    };
    let needs: Vec<Vec<usize>> = declared.iter().map(imported).collect();
    let mut levels = vec![0; declared.len()];
    let mut ready = BTreeMap::new();
    for index in needs_first(&needs) {
        let Some(library) = declared.get(index) else { continue };
        let below = needs.get(index).into_iter().flatten().filter_map(|import| levels.get(*import).copied());
        let level = below.max().map_or(0, |below| below + 1);
        if let Some(known) = levels.get_mut(index) {
            *known = level;
        }
        if level == IMPORTS_NESTED_MAX {
            let message = format!("libraries import each other more than {IMPORTS_NESTED_MAX} deep");
            let error = Diagnostic::error("source.imports", message).at(library.span.clone());
            found.push(error.about(library.id.as_str()));
        }
        let code = compiled(&library.id, &library.code, found);
        if let (Some(code), Some(modules)) = (code, modules(&library.code, &ready))
            && level < IMPORTS_NESTED_MAX
        {
            ready.insert(&library.id, Import { code, modules });
        }
    }
    ready
}

fn compiled(id: &Id, declared: &manifest::Code, found: &mut Vec<Diagnostic>) -> Option<Code> {
    let source = &declared.source;
    Code::compile(id.as_str(), source.text.as_bytes())
        .map_err(|error| {
            // Line 0 stands for the whole text.
            let line = usize::try_from(error.line).unwrap_or(usize::MAX).max(1);
            let refused = Diagnostic::error("source.syntax", error.message).at(Span::line(source, line));
            found.push(refused.about(id.as_str()));
        })
        .ok()
}

/// What this code may load; `None` when a library is not ready, of which there is a finding.
fn modules(declared: &manifest::Code, ready: &BTreeMap<&Id, Import>) -> Option<Modules> {
    let imports = declared.imports.iter();
    let imports = imports.map(|(alias, id)| Some((alias.clone(), ready.get(&id.value)?.clone())));
    Some(Modules::new(declared.modules.iter().cloned(), imports.collect::<Option<Vec<_>>>()?))
}
