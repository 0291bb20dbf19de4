//! The running node: worker threads, starts from outside, and the end of it all.
//!
//! Whoever owns a [`Runtime`] owns its threads: nothing runs before it is made or after it is stopped.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use actor::{
    Child, ExitHook, HostSettings, Node, NodeIdentity, NodeSettings, Outside, Quotas, StartPermits,
    SystemClock, unix_seconds,
};
use audit::AssertedBy;
use policy::{
    Actor, Caller, Gate, Host, ProcessHost, ProcessSpawn, ScopeSet, SelfCheck, Session, TenantId, Via,
};
use token::Ended;
use value::{Failure, Kind, Value};

use crate::catalogue::Catalogue;
use crate::limits::WORKER_STACK_BYTES;
use crate::process_state::Program;
use crate::refused_tokens::RefusedTokens;
use crate::sessions::LiveSessions;
use crate::watchdog::{self, Beat};
use crate::worker::Worker;
use crate::world::{Chains, World};

/// What a runtime is started with.
pub struct Settings {
    /// Worker threads: 1 to 256.
    pub workers: u16,
    /// The gate that every effect asks.
    pub gate: Arc<Gate>,
    /// What there is to run.
    pub catalogue: Catalogue,
    /// Hosts with their ceilings.
    pub hosts: Vec<(Arc<Host>, HostSettings)>,
    /// Tenants with their quotas.
    pub tenants: Vec<(TenantId, Quotas)>,
    /// Who says on the command line that callers are who they are; every record of the run carries it.
    pub asserted_by: Option<AssertedBy>,
}

/// A start from outside: a command, a service, a request.
pub struct StartRequest {
    /// What to run.
    pub definition: String,
    /// Where.
    pub host: String,
    /// As whom.
    pub actor: Arc<Actor>,
    /// Under which scopes.
    pub scopes: ScopeSet,
    /// What its main function is given.
    pub arguments: Vec<Value>,
    /// By which way.
    pub via: Via,
}

/// Why a runtime did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The virtual machine cannot be used safely.
    #[error("the Luau virtual machine cannot be used safely: {0}")]
    Unsafe(String),
    /// The system gave no thread, or no random bytes.
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
}

/// What workers and the runtime share beside the node.
pub(crate) struct Shared {
    pub(crate) stopping: AtomicBool,
    pub(crate) catalogue_version: AtomicU64,
    catalogue: Mutex<Arc<Catalogue>>,
    sessions: Arc<LiveSessions>,
    refused_tokens: Arc<RefusedTokens>,
}

impl Shared {
    /// The newest catalogue.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A running node. Dropping it stops it.
pub struct Runtime {
    node: Arc<Node<Program>>,
    gate: Arc<Gate>,
    shared: Arc<Shared>,
    asserted_by: Option<Arc<AssertedBy>>,
    chains: Mutex<Chains>,
    workers: Vec<JoinHandle<()>>,
    watchdog: Option<JoinHandle<()>>,
    /// Decides some answers again, as long as the node runs.
    _self_check: SelfCheck,
}

impl Runtime {
    /// Starts the workers.
    ///
    /// # Errors
    /// The virtual machine does not know a flag that its safety rests on; a thread cannot be made.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        luau::initialise().map_err(|error| StartError::Unsafe(error.to_string()))?;
        let identity = NodeIdentity { key: audit::digest::key()?, node: 0, incarnation: 0 };
        // Chains of two runs must differ, and say nothing of the node's key.
        let run: String = audit::digest::hex(&audit::digest::key()?).chars().take(12).collect();
        let clock = Arc::new(SystemClock::new());
        let asserted_by = settings.asserted_by.map(Arc::new);
        let (node, kernels) = Node::new(NodeSettings {
            identity,
            workers: settings.workers,
            clock: clock.clone(),
            gate: settings.gate.clone(),
            asserted_by: asserted_by.clone(),
        });
        for (tenant, quotas) in settings.tenants {
            node.set_tenant(&tenant, quotas);
        }
        for (host, terms) in &settings.hosts {
            node.set_host(host, terms);
        }
        let shared = Arc::new(Shared {
            stopping: AtomicBool::new(false),
            catalogue_version: AtomicU64::new(0),
            catalogue: Mutex::new(Arc::new(settings.catalogue)),
            sessions: Arc::default(),
            refused_tokens: Arc::default(),
        });
        let self_check = SelfCheck::start(settings.gate.clone())?;
        let mut runtime = Self {
            node,
            gate: settings.gate,
            shared,
            asserted_by,
            chains: Mutex::new(Chains::new(format!("{run}-"))),
            workers: Vec::new(),
            watchdog: None,
            _self_check: self_check,
        };
        let beats: Vec<Arc<Beat>> = kernels.iter().map(|_| Arc::default()).collect();
        for ((index, kernel), beat) in kernels.into_iter().enumerate().zip(beats.clone()) {
            let (gate, shared) = (runtime.gate.clone(), runtime.shared.clone());
            let asserted_by = runtime.asserted_by.clone();
            let chains = Chains::new(format!("{run}-{index}-"));
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .stack_size(WORKER_STACK_BYTES)
                .spawn(move || {
                    let catalogue = shared.catalogue();
                    let (sessions, refused_tokens) = (shared.sessions.clone(), shared.refused_tokens.clone());
                    let world = World {
                        kernel,
                        gate,
                        catalogue,
                        sessions,
                        refused_tokens,
                        asserted_by,
                        current: None,
                        chains,
                    };
                    let work = AssertUnwindSafe(|| Worker::new(world, shared, beat).run());
                    if catch_unwind(work).is_err() {
                        // Its processes hear of nothing any more, and others wait for them: better no node than half
                        // a one. What was recorded is in the log up to the last sync.
                        tracing::error!("a worker failed, which is a defect of the host: the node ends");
                        std::process::abort();
                    }
                })?;
            runtime.workers.push(thread);
        }
        let shared = runtime.shared.clone();
        runtime.watchdog = Some(
            std::thread::Builder::new()
                .name("watchdog".to_owned())
                .spawn(move || watchdog::watch(&beats, &*clock, &shared.stopping))?,
        );
        Ok(runtime)
    }

    /// Starts a process from outside, after the gate has been asked for `process.spawn` and `process.host`.
    /// `on_exit` is told how it ended, on its worker: it must not wait.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown definition or host, PERMISSION_DENIED, UNAVAILABLE while nothing can be
    /// recorded, RATE_LIMITED over a quota.
    pub fn spawn(&self, request: StartRequest, on_exit: ExitHook) -> Result<Arc<policy::Process>, Failure> {
        // Cedar needs a deep stack, which the caller's thread may not have.
        on_deep_stack(|| self.check_and_start(request, on_exit))?
    }

    fn check_and_start(
        &self,
        request: StartRequest,
        on_exit: ExitHook,
    ) -> Result<Arc<policy::Process>, Failure> {
        let catalogue = self.shared.catalogue();
        let tenant = request.actor.tenant();
        let found = catalogue.find_definition(tenant, "id", &request.definition)?;
        let host = catalogue.find_host(tenant, &request.host)?;
        let spawn = ProcessSpawn {
            definition: found.facts,
            host: host.clone(),
            monitored: false,
            linked: false,
            name: None,
            via: request.via,
        };
        let chain = self.chains.lock().unwrap_or_else(PoisonError::into_inner).next();
        let caller = Caller {
            chain: &chain,
            asserted_by: self.asserted_by.as_deref(),
            ..Caller::outside(&request.actor, &request.scopes)
        };
        let (spawn, host) = self.gate.operation().check(&caller, (spawn, ProcessHost { host }))?;
        let program = found.definition.ok_or_else(|| {
            Failure::not_found(format!("definition `{}` does not exist", request.definition))
        })?;
        let child = Child {
            limits: program.limits.of_child(),
            program,
            arguments: request.arguments,
            context: Arc::new(Value::Nil),
            messages: Vec::new(),
            chain,
        };
        // Known before it can run, so that no end of it is missed.
        if let Some(session) = request.actor.session() {
            self.shared.sessions.add(session);
            catalogue.issuers().still_good(session, unix_seconds(self.node.clock().wall())).map_err(over)?;
        }
        let outside =
            Outside { actor: request.actor.clone(), scopes: request.scopes.clone(), on_exit: Some(on_exit) };
        self.node.start(StartPermits { spawn, host }, child, outside)
    }

    /// Asks a process to end, and ends it at the deadline: the host's own act, on whose behalf nobody is asked.
    /// Nothing happens when it has ended.
    pub fn stop_process(&self, process: &policy::Process, deadline: std::time::Duration) {
        self.node.stop(process, deadline);
    }

    /// Ends a process at once: the host's own act. Nothing happens when it has ended.
    pub fn kill_process(&self, process: &policy::Process) {
        self.node.kill(process);
    }

    /// Marks the sessions that are over by this judgement, which says why: nothing starts under them any more. Gives those that
    /// were not before; what runs under them goes on until [`Runtime::end_sessions`].
    pub fn judge_sessions(&self, judge: impl Fn(&Session) -> Option<String>) -> Vec<Arc<Session>> {
        self.shared.sessions.mark(judge)
    }

    /// Ends every process that carries a session which is over. Gives how many are to end.
    pub fn end_sessions(&self) -> usize {
        self.node.end_sessions()
    }

    /// From now on this is what there is to run. Processes that run keep their code until they are upgraded.
    pub fn replace_catalogue(&self, catalogue: Catalogue) {
        *self.shared.catalogue.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalogue);
        self.shared.catalogue_version.fetch_add(1, Ordering::Release);
    }

    /// What there is to run now.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.shared.catalogue()
    }

    /// The gate.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// How many processes of a tenant live now.
    pub fn processes(&self, tenant: &TenantId) -> u32 {
        self.node.account(tenant).map_or(0, |account| account.processes())
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        for index in 0..self.workers.len() {
            self.node.wake(index);
        }
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.thread().unpark();
            let _ = watchdog.join();
        }
        for worker in self.workers.drain(..) {
            // A worker that panicked has said so already; there is nothing left to stop.
            let _ = worker.join();
        }
    }
}

/// Runs `work` where the policy engine has the stack that it needs.
fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Failure> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("check".to_owned())
            .stack_size(WORKER_STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|error| Failure::new(Kind::Unavailable, format!("no thread to check on: {error}")))?;
        thread.join().map_err(|_| Failure::new(Kind::Internal, "the check failed"))
    })
}

/// A session that ended after its token was accepted.
fn over(why: Ended) -> Failure {
    Failure::new(Kind::Canceled, format!("session over: {why}"))
}
