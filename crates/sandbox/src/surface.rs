//! Everything that Lua sees, in one order: modules first, then types. The order makes function ids.
//!
//! A module or type is added here by one line; nothing else lists them.

use std::sync::{Arc, LazyLock};

use luau::{Function, Library, ObjectType, Surface};

use crate::declaration::{Declared, Module, Type};
use crate::module::{base64, channel, ctx, errors, hash, json, logger, process, security, time, uuid};
use crate::object::TypeIndex;

/// The modules, in the order of the documentation.
pub(crate) static MODULES: &[&Module] = &[
    &process::MODULE,
    &channel::MODULE,
    &errors::MODULE,
    &logger::GLOBALS,
    &ctx::MODULE,
    &security::MODULE,
    &time::MODULE,
    &logger::MODULE,
    &json::MODULE,
    &uuid::MODULE,
    &base64::MODULE,
    &hash::MODULE,
];

/// The types, in the order of [`TypeIndex`].
pub(crate) static TYPES: &[&Type] = &[
    &errors::TYPE,
    &channel::CHANNEL,
    &channel::CASE,
    &process::MESSAGE,
    &time::waiting::TIMER,
    &time::waiting::TICKER,
    &time::DURATION,
    &time::TIME,
    &time::LOCATION,
    &process::BUILDER,
    &security::ACTOR,
    &security::SCOPE,
    &logger::TYPE,
];

/// Every function by its id.
pub(crate) static DECLARED: LazyLock<Vec<&'static Declared>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for module in MODULES {
        collect(module, &mut all);
    }
    for object_type in TYPES {
        all.extend(object_type.methods);
    }
    all
});

/// Functions of a module and the tables in it: its own first, depth first.
fn collect(module: &'static Module, all: &mut Vec<&'static Declared>) {
    all.extend(module.functions);
    for table in module.tables {
        collect(table, all);
    }
}

/// What the virtual machines are built with.
pub(crate) static SURFACE: LazyLock<Arc<Surface>> = LazyLock::new(|| {
    Arc::new(Surface {
        libraries: MODULES.iter().map(|module| library(module)).collect(),
        types: TYPES
            .iter()
            .map(|object_type| ObjectType {
                name: object_type.name,
                methods: object_type.methods.iter().map(function).collect(),
            })
            .collect(),
    })
});

/// What `type(x)` says of an object.
pub(crate) fn type_name(index: TypeIndex) -> &'static str {
    TYPES.get(index as usize).map_or("object", |object_type| object_type.name)
}

/// The names that `modules:` of a definition may list.
pub fn module_names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().filter(|module| !module.global).map(|module| module.name)
}

/// The names of the modules that every script sees as globals.
pub fn global_module_names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().filter(|module| module.global && !module.name.is_empty()).map(|module| module.name)
}

fn library(module: &Module) -> Library {
    Library {
        name: module.name,
        global: module.global,
        functions: module.functions.iter().map(function).collect(),
        constants: module
            .constants
            .iter()
            .filter_map(|(name, constant, _)| constant.value().map(|value| (*name, value)))
            .collect(),
        tables: module.tables.iter().map(|table| library(table)).collect(),
    }
}

fn function(declared: &Declared) -> Function {
    Function { name: declared.short_name(), parameters: declared.accepts, rest: declared.rest }
}
