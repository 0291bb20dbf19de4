//! What the host offers to scripts, as a declaration: libraries of functions, and types of objects.
//!
//! Everything here is data; what a function does is the host's affair ([`crate::Host`]). A name that is not
//! declared does not exist for a script.

use std::collections::HashMap;

use value::Value;

/// Position of a function in its surface: libraries first (each function of a library, then its nested
/// tables), then the methods of the types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FunctionId(pub u16);

/// How one argument is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// A deep copy as plain data, within the bounds of [`value`]; an object comes as
    /// [`crate::Argument::Object`].
    Data,
    /// The same, nested twice as deeply: for what becomes text here and never crosses to another body.
    DeepData,
    /// Any Lua value, kept by reference; nil, booleans and numbers come as data.
    Reference,
    /// A table, read one level deep: its entries may be data, objects or references.
    Shallow,
}

/// One function that scripts may call.
#[derive(Debug, Clone)]
pub struct Function {
    /// The last part of its name: `send`.
    pub name: &'static str,
    /// How each parameter is read; for a method, `self` is the first.
    pub parameters: &'static [Accepts],
    /// How further arguments are read; without it they are dropped, as Lua does.
    pub rest: Option<Accepts>,
}

/// A table of functions and constants.
#[derive(Debug, Clone, Default)]
pub struct Library {
    /// Its name, as `require` and globals have it; empty: its functions are globals themselves. The name of a
    /// library that Luau brings (`coroutine`) extends that library.
    pub name: &'static str,
    /// Whether scripts see it without `require`.
    pub global: bool,
    /// Its functions. One named `__index` is asked for what the library does not have: what belongs to a body,
    /// as every object does, cannot be a constant of a table that bodies share.
    pub functions: Vec<Function>,
    /// Its constants.
    pub constants: Vec<(&'static str, Value)>,
    /// Tables inside it: `process.registry`.
    pub tables: Vec<Library>,
}

/// A type of object that scripts hold.
#[derive(Debug, Clone)]
pub struct ObjectType {
    /// What `type(x)` says of it.
    pub name: &'static str,
    /// Methods (`ch:send(v)`). One named `__tostring`, `__eq`, `__concat`, `__lt`, `__le`, `__add`, `__sub`,
    /// `__unm` or `__len` becomes that metamethod.
    pub methods: Vec<Function>,
}

/// All that the host offers.
#[derive(Debug, Clone, Default)]
pub struct Surface {
    /// Libraries, in the order of their function ids.
    pub libraries: Vec<Library>,
    /// Types, by [`crate::Object::type_index`].
    pub types: Vec<ObjectType>,
}

impl Surface {
    /// The id of a function by its full name: `process.send`, `process.registry.lookup`, `channel:send`, or a
    /// global's plain name.
    pub fn function(&self, name: &str) -> Option<FunctionId> {
        let position = self.names().iter().position(|candidate| candidate == name)?;
        u16::try_from(position).ok().map(FunctionId)
    }

    /// The full name of every function, in the order of their ids.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for library in &self.libraries {
            library.collect_names("", &mut names);
        }
        for object_type in &self.types {
            names.extend(
                object_type.methods.iter().map(|method| format!("{}:{}", object_type.name, method.name)),
            );
        }
        names
    }

    /// Every function with what its calls are checked against, in the order of their ids.
    pub(crate) fn declared(&self) -> Vec<Declared> {
        let mut functions = Vec::new();
        for library in &self.libraries {
            library.collect_functions(&mut functions);
        }
        let of_libraries = functions.into_iter().map(|function| (function, None));
        let of_types = self.types.iter().enumerate().flat_map(|(index, object_type)| {
            let methods = object_type.methods.iter().cloned();
            methods.map(move |method| {
                let receiver = (!method.name.starts_with("__")).then_some(index);
                (method, receiver)
            })
        });
        of_libraries
            .chain(of_types)
            .zip(self.names())
            .map(|((function, receiver), name)| Declared { function, receiver, name })
            .collect()
    }
}

/// One function of a surface as its calls need it.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) function: Function,
    /// The type whose method it is. Operands of a metamethod come in any order, so one of those has none.
    pub(crate) receiver: Option<usize>,
    /// Its full name.
    pub(crate) name: String,
}

impl Library {
    fn collect_names(&self, prefix: &str, names: &mut Vec<String>) {
        let path = if self.name.is_empty() { prefix.to_owned() } else { format!("{prefix}{}.", self.name) };
        names.extend(self.functions.iter().map(|function| format!("{path}{}", function.name)));
        for table in &self.tables {
            table.collect_names(&path, names);
        }
    }

    fn collect_functions(&self, functions: &mut Vec<Function>) {
        functions.extend(self.functions.iter().cloned());
        for table in &self.tables {
            table.collect_functions(functions);
        }
    }
}

/// The names of libraries, for `require`.
pub(crate) fn library_names(surface: &Surface) -> HashMap<&'static str, bool> {
    surface
        .libraries
        .iter()
        .filter(|library| !library.name.is_empty())
        .map(|library| (library.name, library.global))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &'static str) -> Function {
        Function { name, parameters: &[], rest: None }
    }

    #[test]
    fn ids_run_over_libraries_depth_first_and_then_over_methods() {
        let surface = Surface {
            libraries: vec![
                Library { functions: vec![function("print")], ..Library::default() },
                Library {
                    name: "process",
                    functions: vec![function("send"), function("spawn")],
                    tables: vec![Library {
                        name: "registry",
                        functions: vec![function("lookup")],
                        ..Library::default()
                    }],
                    ..Library::default()
                },
            ],
            types: vec![ObjectType { name: "channel", methods: vec![function("send")] }],
        };
        for (name, id) in [
            ("print", Some(0)),
            ("process.send", Some(1)),
            ("process.spawn", Some(2)),
            ("process.registry.lookup", Some(3)),
            ("channel:send", Some(4)),
            ("channel.send", None),
            ("", None),
        ] {
            assert_eq!(surface.function(name), id.map(FunctionId), "{name}");
        }
        assert_eq!(surface.declared().len(), surface.names().len());
    }
}
