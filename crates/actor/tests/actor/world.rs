//! A small world for tests: one node with kernels that are driven by hand, a gate that permits everything
//! within a tenant, and permits that really come from it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actor::{
    CallPermits, Child, ChildLimits, HostSettings, Kernel, LocalId, Node, NodeIdentity, NodeSettings, Notice,
    Outside, Quotas, SpawnPermits, StartPermits, State, Take, TestClock,
};
use policy::{
    Actor, Asks, Bundle, BundleSources, Caller, Definition, Gate, Host, Kept, Name, Permit, Process,
    ProcessCall, ProcessCancel, ProcessHost, ProcessLink, ProcessMonitor, ProcessSecurity, ProcessSend,
    ProcessSpawn, ProcessSpawnLinked, ProcessSpawnMonitored, ProcessTerminate, ProcessUnlink,
    ProcessUnmonitor, RegistryRegister, RegistryUnregister, Scope, ScopeSet, ScopeSources, SecurityAsk,
    Tenant, TenantId, Via,
};
use value::{Failure, Value};

/// The programs of these tests are mere numbers.
pub(crate) type Program = u32;

/// A gate with a log in a temporary folder, shared by all tests: its policies never change.
struct Door {
    gate: Arc<Gate>,
    _folder: tempfile::TempDir,
}

static DOOR: LazyLock<Door> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let log = audit::Log::open(audit::Options::new(folder.path().join("log"))).unwrap();
    let kept = Kept::new(bundle(EVERYTHING), &log).unwrap();
    Door { gate: Arc::new(Gate::new(kept, log, None)), _folder: folder }
});

/// The actions of the specification.
pub(crate) const EVERYTHING: &str = "action in Moonward::Action::\"all\"";

/// Policies that permit both tenants these actions within themselves.
pub(crate) fn bundle(actions: &str) -> Bundle {
    let scopes = ["acme", "globex"].map(|tenant| {
        let text = format!("@id(\"{tenant}.some\")\npermit (principal, {actions}, resource);\n");
        let path = format!("{tenant}.cedar");
        ScopeSources { scope: scope(tenant), files: vec![Arc::new(diagnostic::Source { path, text })] }
    });
    let tenants = ["acme", "globex"].map(|id| Tenant::new(tenant(id))).to_vec();
    let sources = BundleSources { scopes: scopes.to_vec(), tenants, ..BundleSources::default() };
    Bundle::load(sources).map_err(|found| format!("{found:?}")).unwrap()
}

/// The gate of all tests.
pub(crate) fn gate() -> Arc<Gate> {
    DOOR.gate.clone()
}

/// Runs a test on a thread with the stack that a check needs.
pub(crate) fn with_deep_stack(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(policy::limits::EVALUATION_STACK_BYTES);
        let outcome = thread.spawn_scoped(scope, test).unwrap().join();
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

pub(crate) fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

pub(crate) fn scope(tenant_id: &str) -> Arc<Scope> {
    Arc::new(Scope::new(&format!("{tenant_id}.security:everything"), &tenant(tenant_id), false).unwrap())
}

pub(crate) fn user(tenant_id: &str) -> Arc<Actor> {
    Arc::new(Actor::parse(&format!("{tenant_id}/user/ada")).unwrap())
}

/// One permit of tenant acme's user, or of another tenant's.
pub(crate) fn permit<A: Asks>(tenant_id: &str, asks: A) -> A::Permits {
    let (actor, scopes) = (user(tenant_id), ScopeSet::new([scope(tenant_id)]));
    DOOR.gate.operation().check(&Caller::outside(&actor, &scopes), asks).unwrap()
}

/// Hosts of the world: one for each of the first two workers, and one on all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    First,
    Second,
    Any,
}

pub(crate) struct World {
    pub(crate) node: Arc<Node<Program>>,
    pub(crate) kernels: Vec<Kernel<Program>>,
    pub(crate) clock: Arc<TestClock>,
}

/// How a child is spawned.
#[derive(Debug, Clone, Default)]
pub(crate) struct How {
    pub(crate) monitored: bool,
    pub(crate) linked: bool,
    pub(crate) name: Option<&'static str>,
    pub(crate) security: Vec<SecurityAsk>,
    pub(crate) messages: Vec<(Arc<str>, Value)>,
    pub(crate) limits: ChildLimits,
}

pub(crate) fn host(on: On) -> Arc<Host> {
    let id = match on {
        On::First => "app:first",
        On::Second => "app:second",
        On::Any => "app:any",
    };
    Arc::new(Host::new(id, None).unwrap())
}

pub(crate) fn definition(id: &str) -> Arc<Definition> {
    let owner = tenant(id.split(['.', ':']).next().unwrap());
    Arc::new(Definition::new(id, &owner, false).unwrap())
}

pub(crate) fn spawn_ask(on: On, how: &How) -> ProcessSpawn {
    ProcessSpawn {
        definition: definition("acme:worker"),
        host: host(on),
        monitored: how.monitored,
        linked: how.linked,
        name: how.name.map(Arc::from),
        via: Via::Spawn,
    }
}

impl World {
    /// Two workers, tenants acme and globex without tight quotas, the clock at zero.
    pub(crate) fn new() -> Self {
        Self::with_quotas(Quotas::default())
    }

    pub(crate) fn with_quotas(quotas: Quotas) -> Self {
        Self::with(quotas, gate())
    }

    pub(crate) fn with(quotas: Quotas, gate: Arc<Gate>) -> Self {
        let clock = Arc::new(TestClock::new());
        let identity = NodeIdentity { key: [7; 32], node: 1, incarnation: 1 };
        let (node, kernels) =
            Node::new(NodeSettings { identity, workers: 2, clock: clock.clone(), gate, asserted_by: None });
        node.set_tenant(&tenant("acme"), quotas.clone());
        node.set_tenant(&tenant("globex"), quotas);
        for (on, workers) in [(On::First, 1), (On::Second, 1), (On::Any, 2)] {
            node.set_host(&host(on), &HostSettings { workers, processes_max: 100_000 });
        }
        Self { node, kernels, clock }
    }

    /// A process that nobody spawned, on its worker already.
    pub(crate) fn start(&mut self, on: On) -> Arc<Process> {
        let process = self.try_start("acme", on, ChildLimits::default()).unwrap();
        self.settle();
        process
    }

    pub(crate) fn try_start(
        &mut self,
        of: &str,
        on: On,
        limits: ChildLimits,
    ) -> Result<Arc<Process>, Failure> {
        let spawn = ProcessSpawn {
            definition: definition(&format!("{of}:worker")),
            via: Via::Service,
            ..spawn_ask(on, &How::default())
        };
        let (spawn, host) = permit(of, (spawn, ProcessHost { host: host(on) }));
        let outside = Outside { actor: user(of), scopes: ScopeSet::new([scope(of)]), on_exit: None };
        self.node.start(StartPermits { spawn, host }, child(limits, Vec::new()), outside)
    }

    pub(crate) fn spawn(&mut self, parent: &Arc<Process>, on: On, how: How) -> Result<Arc<Process>, Failure> {
        let permits = spawn_permits(parent, on, &how);
        let child = child(how.limits, how.messages);
        let kernel = self.kernel_of(parent);
        kernel.spawn(permits, child, local(parent))
    }

    pub(crate) fn call(
        &mut self,
        caller: &Arc<Process>,
        on: On,
        token: u64,
    ) -> Result<Arc<Process>, Failure> {
        self.call_with(caller, on, token, ChildLimits::default())
    }

    pub(crate) fn call_with(
        &mut self,
        caller: &Arc<Process>,
        on: On,
        token: u64,
        limits: ChildLimits,
    ) -> Result<Arc<Process>, Failure> {
        let How { monitored, linked, .. } = How::default();
        let call = ProcessCall {
            definition: definition("acme:worker"),
            host: host(on),
            monitored,
            linked,
            name: None,
            via: Via::Call,
        };
        let (call, host) = permit("acme", (call, ProcessHost { host: host(on) }));
        let child = child(limits, Vec::new());
        self.kernel_of(caller).call(CallPermits { call, host }, child, local(caller), token)
    }

    pub(crate) fn send(
        &mut self,
        from: &Arc<Process>,
        to: &Arc<Process>,
        topic: &str,
        payload: Value,
    ) -> Result<(), Failure> {
        let permit = send_permit(to, topic, &payload);
        self.kernel_of(from).send(permit, Some(from), payload)
    }

    pub(crate) fn monitor(&mut self, by: &Arc<Process>, target: &Arc<Process>) -> Result<(), Failure> {
        let permit = permit("acme", ProcessMonitor { target: target.clone() });
        self.kernel_of(by).monitor(local(by), permit)
    }

    pub(crate) fn unmonitor(&mut self, by: &Arc<Process>, target: &Arc<Process>) -> Result<(), Failure> {
        let permit = permit("acme", ProcessUnmonitor { target: target.clone() });
        self.kernel_of(by).unmonitor(local(by), permit)
    }

    pub(crate) fn link(&mut self, by: &Arc<Process>, target: &Arc<Process>) -> Result<(), Failure> {
        let permit = permit("acme", ProcessLink { target: target.clone() });
        self.kernel_of(by).link(local(by), permit)
    }

    pub(crate) fn unlink(&mut self, by: &Arc<Process>, target: &Arc<Process>) -> Result<(), Failure> {
        let permit = permit("acme", ProcessUnlink { target: target.clone() });
        self.kernel_of(by).unlink(local(by), permit)
    }

    pub(crate) fn register(&mut self, name: &str, target: &Arc<Process>) -> Result<(), Failure> {
        let name = Name::new(&tenant("acme"), name).unwrap();
        self.node.register(permit("acme", RegistryRegister { name, target: target.clone() }))
    }

    pub(crate) fn unregister(&mut self, name: &str) -> Result<(), Failure> {
        let name = Name::new(&tenant("acme"), name).unwrap();
        self.node.unregister(permit("acme", RegistryUnregister { name }))
    }

    pub(crate) fn terminate(&mut self, target: &Arc<Process>) -> Result<(), Failure> {
        self.node.terminate(permit("acme", ProcessTerminate { target: target.clone() }))
    }

    pub(crate) fn cancel(
        &mut self,
        from: Option<&Arc<Process>>,
        target: &Arc<Process>,
        deadline_ms: Option<u64>,
    ) -> Result<(), Failure> {
        self.node.cancel(permit("acme", ProcessCancel { target: target.clone(), deadline_ms }), from)
    }

    pub(crate) fn exit(&mut self, process: &Arc<Process>, result: Result<Value, Failure>) {
        self.kernel_of(process).exit(local(process), result);
    }

    pub(crate) fn alive(&self, process: &Arc<Process>) -> bool {
        self.node.process(process).is_some()
    }

    /// Takes the oldest message, whatever its topic.
    pub(crate) fn take(&mut self, process: &Arc<Process>) -> Option<actor::Message> {
        self.kernel_of(process).take_message(local(process), &Take::Unlistened(&|_| true))
    }

    pub(crate) fn event(&mut self, process: &Arc<Process>) -> Option<actor::Event> {
        self.kernel_of(process).take_event(local(process))
    }

    pub(crate) fn notices(&mut self, process: &Arc<Process>) -> Vec<Notice> {
        let kernel = self.kernel_of(process);
        std::iter::from_fn(|| kernel.take_notice(local(process))).collect()
    }

    /// One worker's loop until nothing is left to do there: those that are to end are ended, all others wait
    /// again at once.
    pub(crate) fn work(&mut self, worker: usize) {
        let kernel = &mut self.kernels[worker];
        loop {
            kernel.poll();
            kernel.take_starts();
            let Some(turn) = kernel.next_turn() else { break };
            match kernel.ending(turn).cloned() {
                Some(cause) => kernel.exit(turn, Err(cause)),
                None => kernel.after_slice(turn, 1_000, State::Parked),
            }
        }
    }

    /// All workers until nothing is left to do anywhere.
    pub(crate) fn settle(&mut self) {
        for _ in 0..3 {
            (0..self.kernels.len()).for_each(|worker| self.work(worker));
        }
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) fn kernel_of(&mut self, process: &Arc<Process>) -> &mut Kernel<Program> {
        &mut self.kernels[worker_of(process)]
    }
}

pub(crate) fn spawn_permits(parent: &Arc<Process>, on: On, how: &How) -> SpawnPermits {
    let spawn = spawn_ask(on, how);
    let ProcessSpawn { definition, host, monitored, linked, name, via } = spawn.clone();
    let as_monitored = how.monitored.then(|| ProcessSpawnMonitored {
        definition: definition.clone(),
        host: host.clone(),
        monitored,
        linked,
        name: name.clone(),
        via,
    });
    let as_linked = how.linked.then(|| ProcessSpawnLinked {
        definition: definition.clone(),
        host: host.clone(),
        monitored,
        linked,
        name: name.clone(),
        via,
    });
    let register = name.map(|name| RegistryRegister {
        name: Name::new(parent.tenant(), &name).unwrap(),
        target: Arc::new(Process::new(
            "new",
            parent.owner().clone(),
            definition,
            host.clone(),
            Some(parent),
            0,
        )),
    });
    let security: Vec<_> = how.security.iter().map(|ask| ProcessSecurity { ask: ask.clone() }).collect();
    let asks = (spawn, as_monitored, as_linked, ProcessHost { host }, register, security);
    let (spawn, monitored, linked, host, name, security) = permit(parent.tenant().as_str(), asks);
    SpawnPermits { spawn, monitored, linked, host, name, security }
}

pub(crate) fn send_permit(to: &Arc<Process>, topic: &str, payload: &Value) -> Permit<ProcessSend> {
    let bytes = payload.bytes() as u64;
    permit(to.tenant().as_str(), ProcessSend { to: to.clone(), topic: Arc::from(topic), bytes })
}

pub(crate) fn child(limits: ChildLimits, messages: Vec<(Arc<str>, Value)>) -> Child<Program> {
    Child {
        program: 0,
        arguments: Vec::new(),
        context: Arc::new(Value::Nil),
        messages,
        limits,
        chain: Arc::from("chain"),
    }
}

pub(crate) fn local(process: &Arc<Process>) -> LocalId {
    LocalId::from_key(process.address())
}

/// Tests may know where an address says that a process lives.
pub(crate) fn worker_of(process: &Arc<Process>) -> usize {
    (process.address() >> 56) as usize
}

#[track_caller]
pub(crate) fn assert_fails<T: std::fmt::Debug>(result: Result<T, Failure>, kind: value::Kind, message: &str) {
    let failure = result.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (kind, message));
}
