//! `process.registry`: names of processes, each in its tenant.

use std::sync::Arc;

use luau::Accepts;
use policy::{Permit, RegistryRegister, RegistryUnregister};
use value::{Failure, Kind};

use crate::declaration::{Doc, Module};
use crate::function::{Function, Outcome, declare};
use crate::question::Question;
use crate::scene::Scene;

pub(super) static MODULE: Module = Module {
    name: "registry",
    global: true,
    text: "Names of processes. A name belongs to the tenant of its process; it goes when the process ends, \
           before anybody hears of the end. Names are `[A-Za-z0-9._-]{1,128}`.",
    functions: &[declare::<Register>(), declare::<Lookup>(), declare::<Unregister>()],
    constants: &[],
    tables: &[],
};

/// A name argument.
///
/// # Errors
/// INVALID: missing, or not of the alphabet and length of names.
pub(super) fn name(question: &mut Question<'_>, index: usize) -> Result<policy::Name, Failure> {
    let name = question.text(index, "name")?;
    policy::Name::new(question.state.actor.tenant(), &name)
        .map_err(|invalid| Failure::invalid(invalid.to_string()))
}

struct Register;

impl Function for Register {
    const DOC: Doc = Doc {
        name: "process.registry.register",
        signature: "(name: string, pid: string?) -> (true?, error?)",
        text: "Gives a process a name; `pid` is this process by default. The same name and pid again is `true`. \
               A process may have many names.",
        permissions: &["process.registry.register"],
        errors: &[
            (Kind::Invalid, "not a name, or the pid is not a string"),
            (Kind::NotFound, "the process has ended"),
            (Kind::AlreadyExists, "another process has the name"),
            (Kind::PermissionDenied, "policy does not permit it, or the process is another tenant's"),
            (Kind::RateLimited, "too many names"),
        ],
        example: "assert(process.registry.register(\"main\"))\n\
                  assert(process.registry.register(\"main\", process.pid()))\n\
                  assert(process.registry.lookup(\"main\") == process.pid())",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    type Asks = RegistryRegister;
    type Payload = ();

    fn ask(question: &mut Question<'_>) -> Result<(RegistryRegister, ()), Failure> {
        let name = name(question, 0)?;
        let target: Arc<policy::Process> = match question.optional_text(1, "pid")? {
            Some(pid) => question.resolve(pid)?,
            None => question.state.facts.clone(),
        };
        Ok((RegistryRegister { name, target }, ()))
    }

    fn run(scene: &mut Scene<'_>, permit: Permit<RegistryRegister>, (): ()) -> Result<Outcome, Failure> {
        scene.world.kernel.node().register(permit)?;
        Ok(Outcome::done())
    }
}

struct Lookup;

impl Function for Lookup {
    const DOC: Doc = Doc {
        name: "process.registry.lookup",
        signature: "(name: string) -> (string?, error?)",
        text: "The pid that has the name in one's own tenant. Names of others are never found.",
        permissions: &[],
        errors: &[(Kind::Invalid, "the name is missing"), (Kind::NotFound, "nobody has the name")],
        example: "local pid, err = process.registry.lookup(\"nobody\")\n\
                  assert(pid == nil and err:kind() == errors.NOT_FOUND)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = String;

    fn ask(question: &mut Question<'_>) -> Result<((), String), Failure> {
        let name = question.text(0, "name")?;
        let process = question.world.kernel.node().lookup(question.state.actor.tenant(), &name)?;
        Ok(((), process.pid().to_string()))
    }

    fn run(_: &mut Scene<'_>, (): (), pid: String) -> Result<Outcome, Failure> {
        Ok(Outcome::value(pid))
    }
}

struct Unregister;

impl Function for Unregister {
    const DOC: Doc = Doc {
        name: "process.registry.unregister",
        signature: "(name: string) -> (true?, error?)",
        text: "Takes a name away from whichever process of one's own tenant has it.",
        permissions: &["process.registry.unregister"],
        errors: &[
            (Kind::Invalid, "not a name"),
            (Kind::NotFound, "nobody has the name"),
            (Kind::PermissionDenied, "policy does not permit it"),
        ],
        example: "process.registry.register(\"main\")\nassert(process.registry.unregister(\"main\"))\n\
                  local ok, err = process.registry.unregister(\"main\")\n\
                  assert(not ok and err:kind() == errors.NOT_FOUND)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = RegistryUnregister;
    type Payload = ();

    fn ask(question: &mut Question<'_>) -> Result<(RegistryUnregister, ()), Failure> {
        let name = name(question, 0)?;
        question.world.kernel.node().lookup(name.tenant(), name.value())?;
        Ok((RegistryUnregister { name }, ()))
    }

    fn run(scene: &mut Scene<'_>, permit: Permit<RegistryUnregister>, (): ()) -> Result<Outcome, Failure> {
        scene.world.kernel.node().unregister(permit)?;
        Ok(Outcome::done())
    }
}
