//! Starting processes: the four spawns, the same four of a SpawnBuilder, and `process.call`.
//!
//! All of them ask for every permission of the specification's table, in its order, before anything exists.

use std::rc::Rc;
use std::sync::Arc;

use actor::{CallPermits, Child, SpawnPermits};
use luau::Accepts;
use policy::{
    Host, Permit, ProcessCall, ProcessHost, ProcessSecurity, ProcessSpawn, ProcessSpawnLinked,
    ProcessSpawnMonitored, RegistryRegister, ScopeSet, SecurityAsk, Via,
};
use value::{Failure, Kind, Value};

use crate::builder::Builder;
use crate::declaration::Doc;
use crate::definition::Definition;
use crate::function::{Function, Outcome};
use crate::process_state::Program;
use crate::question::Question;
use crate::scene::Scene;

const SPAWN_ERRORS: &[(Kind, &str)] = &[
    (
        Kind::Invalid,
        "a missing argument, an id that is not `namespace:name`, an argument that cannot be copied",
    ),
    (Kind::NotFound, "no such definition or host in one's own tenant"),
    (Kind::PermissionDenied, "policy does not permit it, or the definition or host is another tenant's"),
    (Kind::AlreadyExists, "the builder's name is taken"),
    (Kind::RateLimited, "a quota of processes, or of monitors and links, is used up"),
];

/// The permissions of a spawn, in the order of the specification.
type SpawnAsks = (
    ProcessSpawn,
    Option<ProcessSpawnMonitored>,
    Option<ProcessSpawnLinked>,
    ProcessHost,
    Vec<ProcessSecurity>,
    Option<RegistryRegister>,
);

type SpawnPermitted = (
    Permit<ProcessSpawn>,
    Option<Permit<ProcessSpawnMonitored>>,
    Option<Permit<ProcessSpawnLinked>>,
    Permit<ProcessHost>,
    Vec<Permit<ProcessSecurity>>,
    Option<Permit<RegistryRegister>>,
);

/// What a child is made of, once it is permitted.
pub(super) struct Launch {
    /// What to run; none for a definition that another tenant does not have either.
    definition: Option<Arc<Definition>>,
    arguments: Vec<Value>,
    builder: Option<Rc<Builder>>,
}

/// Reads `(id, host, ...)` from argument `first` on.
fn launch(
    question: &mut Question<'_>,
    first: usize,
    builder: Option<Rc<Builder>>,
) -> Result<(Arc<policy::Definition>, Arc<Host>, Launch), Failure> {
    let id = question.text(first, "id")?;
    let host = question.text(first + 1, "host")?;
    let arguments = question.rest(first + 2, "argument")?;
    let tenant = question.state.actor.tenant();
    let found = question.world.catalogue.find_definition(tenant, "id", &id)?;
    let host = question.world.catalogue.find_host(tenant, &host)?;
    Ok((found.facts, host, Launch { definition: found.definition, arguments, builder }))
}

fn ask_spawn(
    question: &mut Question<'_>,
    first: usize,
    builder: Option<Rc<Builder>>,
    monitored: bool,
    linked: bool,
) -> Result<(SpawnAsks, Launch), Failure> {
    let (definition, host, launch) = launch(question, first, builder)?;
    let given = launch.builder.as_ref().and_then(|builder| builder.name.clone());
    let name = given.as_ref().map(|name| name.value().clone());
    let spawn = ProcessSpawn {
        definition: definition.clone(),
        host: host.clone(),
        monitored,
        linked,
        name: name.clone(),
        via: Via::Spawn,
    };
    let via = spawn.via;
    let also_monitored = monitored.then(|| ProcessSpawnMonitored {
        definition: definition.clone(),
        host: host.clone(),
        monitored,
        linked,
        name: name.clone(),
        via,
    });
    let also_linked = linked.then(|| ProcessSpawnLinked {
        definition: definition.clone(),
        host: host.clone(),
        monitored,
        linked,
        name: name.clone(),
        via,
    });
    let security = launch.builder.as_deref().map(security_asks).unwrap_or_default();
    let register = given.map(|name| register_ask(question, name, &launch, &definition, &host));
    Ok(((spawn, also_monitored, also_linked, ProcessHost { host }, security, register), launch))
}

/// A name given at spawn is asked for on behalf of the child to be, which has no pid yet.
fn register_ask(
    question: &Question<'_>,
    name: policy::Name,
    launch: &Launch,
    definition: &Arc<policy::Definition>,
    host: &Arc<Host>,
) -> RegistryRegister {
    let state = question.state;
    let owner = launch.builder.as_ref().and_then(|builder| builder.actor.clone());
    let target = policy::Process::new(
        "new",
        owner.unwrap_or_else(|| state.actor.clone()),
        definition.clone(),
        host.clone(),
        Some(&state.facts),
        0,
    );
    RegistryRegister { name, target: Arc::new(target) }
}

/// One check for the actor asked for, one for each scope asked for, and one for none.
pub(super) fn security_asks(builder: &Builder) -> Vec<ProcessSecurity> {
    let actor = builder.actor.iter().map(|actor| ProcessSecurity { ask: SecurityAsk::Actor(actor.clone()) });
    let scopes = builder
        .scopes
        .iter()
        .flat_map(|scopes| scopes.iter())
        .map(|scope| ProcessSecurity { ask: SecurityAsk::Scope(scope.clone()) });
    let none = builder.scopes.as_ref().is_some_and(ScopeSet::is_empty);
    let none = none.then_some(ProcessSecurity { ask: SecurityAsk::NoScope });
    actor.chain(scopes).chain(none).collect()
}

fn run_spawn(scene: &mut Scene<'_>, permits: SpawnPermitted, launch: Launch) -> Result<Outcome, Failure> {
    let (spawn, monitored, linked, host, security, name) = permits;
    let child = child(scene, launch, spawn.request().definition.id(), None)?;
    let permits = SpawnPermits { spawn, monitored, linked, host, name, security };
    let parent = scene.state()?.local;
    let process = scene.world.kernel.spawn(permits, child, parent)?;
    Ok(Outcome::value(&**process.pid()))
}

/// The child of the calling process. A chain of its own unless it is given one.
fn child(
    scene: &Scene<'_>,
    launch: Launch,
    id: &str,
    chain: Option<Arc<str>>,
) -> Result<Child<Program>, Failure> {
    let state = scene.state()?;
    let Some(definition) = launch.definition else {
        return Err(Failure::not_found(format!("definition `{id}` does not exist")));
    };
    let builder = launch.builder.as_deref();
    let context =
        builder.map_or_else(|| state.context.clone(), |builder| state.context.with(&builder.context));
    let messages = builder.map(|builder| builder.messages.as_slice()).unwrap_or_default();
    Ok(Child {
        limits: definition.limits.of_child(),
        program: definition,
        arguments: launch.arguments,
        context: context.share(),
        messages: messages.iter().map(|(topic, payload)| (topic.as_str().into(), payload.clone())).collect(),
        chain: chain.unwrap_or_else(|| scene.world.chains.next()),
    })
}

macro_rules! spawn_functions {
    ($($struct:ident $name:literal monitored: $monitored:literal linked: $linked:literal
       permissions: $permissions:expr, $text:literal, $example:literal;)*) => {$(
        pub(super) struct $struct;

        impl Function for $struct {
            const DOC: Doc = Doc {
                name: $name,
                signature: "(id: string, host: string, ...any) -> (string?, error?)",
                text: $text,
                permissions: $permissions,
                errors: SPAWN_ERRORS,
                example: $example,
            };
            const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
            const REST: Option<Accepts> = Some(Accepts::Data);
            type Asks = SpawnAsks;
            type Payload = Launch;

            fn ask(question: &mut Question<'_>) -> Result<(SpawnAsks, Launch), Failure> {
                ask_spawn(question, 0, None, $monitored, $linked)
            }

            fn run(scene: &mut Scene<'_>, permits: SpawnPermitted, launch: Launch) -> Result<Outcome, Failure> {
                run_spawn(scene, permits, launch)
            }
        }
    )*};
}

macro_rules! builder_spawn_functions {
    ($($struct:ident $name:literal monitored: $monitored:literal linked: $linked:literal
       permissions: $permissions:expr, $text:literal, $example:literal;)*) => {$(
        pub(super) struct $struct;

        impl Function for $struct {
            const DOC: Doc = Doc {
                name: $name,
                signature: "(id: string, host: string, ...any) -> (string?, error?)",
                text: $text,
                permissions: $permissions,
                errors: SPAWN_ERRORS,
                example: $example,
            };
            const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data, Accepts::Data];
            const REST: Option<Accepts> = Some(Accepts::Data);
            type Asks = SpawnAsks;
            type Payload = Launch;

            fn ask(question: &mut Question<'_>) -> Result<(SpawnAsks, Launch), Failure> {
                let builder = question.builder(0)?;
                ask_spawn(question, 1, Some(builder), $monitored, $linked)
            }

            fn run(scene: &mut Scene<'_>, permits: SpawnPermitted, launch: Launch) -> Result<Outcome, Failure> {
                run_spawn(scene, permits, launch)
            }
        }
    )*};
}

spawn_functions! {
    Spawn "process.spawn" monitored: false linked: false
        permissions: &["process.spawn", "process.host"],
        "Starts a process and returns its pid. The child has this process's actor, scopes and context values. \
         After this call the start is committed: top-level code and the look-up of the entry run as the child, \
         and a failure there is its error exit (`load failed: ...`).",
        "local pid = assert(process.spawn(\"app.workers:echo\", \"app:processes\"))\n\
         process.send(pid, \"hi\", 1)\n\
         assert(process.inbox():receive():payload() == 1)";
    SpawnMonitored "process.spawn_monitored" monitored: true linked: false
        permissions: &["process.spawn", "process.spawn.monitored", "process.host"],
        "As `process.spawn`, and the child is monitored before it can run: its EXIT is never missed.",
        "local pid = assert(process.spawn_monitored(\"app.workers:double\", \"app:processes\", 21))\n\
         local event = process.events():receive()\n\
         assert(event.from == pid and event.result.value == 42)";
    SpawnLinked "process.spawn_linked" monitored: false linked: true
        permissions: &["process.spawn", "process.spawn.linked", "process.host"],
        "As `process.spawn`, and the child is linked before it can run.",
        "process.set_options({trap_links = true})\n\
         local pid = assert(process.spawn_linked(\"app.workers:double\", \"app:processes\", \"x\"))\n\
         local event = process.events():receive()\n\
         assert(event.kind == process.event.LINK_DOWN and event.from == pid)";
    SpawnLinkedMonitored "process.spawn_linked_monitored" monitored: true linked: true
        permissions: &["process.spawn", "process.spawn.monitored", "process.spawn.linked", "process.host"],
        "As `process.spawn`, and the child is both linked and monitored before it can run.",
        "local pid = assert(process.spawn_linked_monitored(\"app.workers:double\", \"app:processes\", 1))\n\
         assert(process.events():receive().result.value == 2)";
}

builder_spawn_functions! {
    BuilderSpawn "spawner:spawn" monitored: false linked: false
        permissions: &["process.spawn", "process.host", "process.security", "process.registry.register"],
        "As `process.spawn`, with what the builder holds. An actor and scopes are checked again \
         (`process.security`), and the spawn waits until the audit records of that are on the disk. A name is checked \
         (`process.registry.register`); a taken name is ALREADY_EXISTS and no process starts. Queued messages are in the mailbox before name and pid are visible.",
        "local spawner = process.with_context({request_id = \"123\"}):with_message(\"hi\", 1)\n\
         local pid = assert(spawner:spawn(\"app.workers:echo\", \"app:processes\"))\n\
         assert(process.inbox():receive():from() == pid)";
    BuilderSpawnMonitored "spawner:spawn_monitored" monitored: true linked: false
        permissions: &["process.spawn", "process.spawn.monitored", "process.host", "process.security", "process.registry.register"],
        "As `process.spawn_monitored`, with what the builder holds.",
        "local pid = assert(process.with_context({}):spawn_monitored(\"app.workers:double\", \"app:processes\", 4))\n\
         assert(process.events():receive().result.value == 8)";
    BuilderSpawnLinked "spawner:spawn_linked" monitored: false linked: true
        permissions: &["process.spawn", "process.spawn.linked", "process.host", "process.security", "process.registry.register"],
        "As `process.spawn_linked`, with what the builder holds.",
        "local pid = assert(process.with_context({}):spawn_linked(\"app.workers:echo\", \"app:processes\"))\n\
         assert(process.unlink(pid))";
    BuilderSpawnLinkedMonitored "spawner:spawn_linked_monitored" monitored: true linked: true
        permissions: &["process.spawn", "process.spawn.monitored", "process.spawn.linked", "process.host", "process.security", "process.registry.register"],
        "As `process.spawn_linked_monitored`, with what the builder holds.",
        "local pid = assert(process.with_context({}):spawn_linked_monitored(\"app.workers:double\", \"app:processes\", 4))\n\
         assert(process.events():receive().result.value == 8)";
}

/// `process.call`.
pub(super) struct CallProcess;

impl Function for CallProcess {
    const DOC: Doc = Doc {
        name: "process.call",
        signature: "(id: string, host: string, ...any) -> (any, error?)",
        text: "Starts a process, waits for its end and returns its value, or `nil, err` with the callee's kind. \
               Other coroutines of the caller keep running. The callee has the caller's actor, scopes, context \
               values and chain; it is terminated when its caller ends. Calls nest at most 16 deep.",
        permissions: &["process.call", "process.host"],
        errors: &[
            (Kind::Invalid, "as `process.spawn`; called where it cannot wait; the callee failed to load"),
            (Kind::NotFound, "no such definition or host in one's own tenant"),
            (
                Kind::PermissionDenied,
                "policy does not permit it, or the definition or host is another tenant's",
            ),
            (Kind::RateLimited, "a quota is used up, or calls nest too deep"),
        ],
        example: "assert(process.call(\"app.workers:double\", \"app:processes\", 21) == 42)\n\
                  local value, err = process.call(\"app.workers:double\", \"app:processes\", \"x\")\n\
                  assert(value == nil and err ~= nil)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    const REST: Option<Accepts> = Some(Accepts::Data);
    type Asks = (ProcessCall, ProcessHost);
    type Payload = Launch;

    fn ask(question: &mut Question<'_>) -> Result<((ProcessCall, ProcessHost), Launch), Failure> {
        if !question.yieldable {
            return Err(Failure::invalid(
                "cannot wait here: a metamethod, comparator or pattern callback is running",
            ));
        }
        let (definition, host, launch) = launch(question, 0, None)?;
        let call = ProcessCall {
            definition,
            host: host.clone(),
            monitored: false,
            linked: false,
            name: None,
            via: Via::Call,
        };
        Ok(((call, ProcessHost { host }), launch))
    }

    fn run(
        scene: &mut Scene<'_>,
        (call, host): (Permit<ProcessCall>, Permit<ProcessHost>),
        launch: Launch,
    ) -> Result<Outcome, Failure> {
        let chain = scene.state()?.chain.clone();
        let child = child(scene, launch, call.request().definition.id(), Some(chain))?;
        let local = scene.state()?.local;
        let token = {
            let strand = scene.strand;
            scene.state_mut()?.waits.on_call(strand)?
        };
        match scene.world.kernel.call(CallPermits { call, host }, child, local, token) {
            Ok(_) => Ok(Outcome::Wait),
            Err(failure) => {
                scene.state_mut()?.waits.forget(token);
                Err(failure)
            }
        }
    }
}
