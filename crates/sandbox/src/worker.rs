//! A worker: one thread, its kernel, its pods, and the loop that runs processes in slices.
//!
//! It decides when a process runs and for how long, and turns how a body stopped into what the kernel and the
//! process's watchers hear. It never asks whether something is permitted.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actor::{Account, Entry, ExitResult, LocalId, Notice, Start, State};
use luau::{BodyId, BodySettings, Pod, Reply, Slice, Step};
use policy::TenantId;
use value::{Failure, Kind, Value};

use crate::definition::Limits;
use crate::limits::SLICE_NS;
use crate::process_state::{Home, ProcessState, Program, Upgrade};
use crate::runtime::Shared;
use crate::surface::SURFACE;
use crate::watchdog::Beat;
use crate::world::World;

/// One worker.
pub(crate) struct Worker {
    world: World,
    shared: Arc<Shared>,
    beat: Arc<Beat>,
    pods: HashMap<u64, TenantPod>,
    next_pod: u64,
    /// The pod that a tenant's last process went to: most likely the next one fits there too.
    filling: HashMap<TenantId, u64>,
    /// Pods to be tidied up when nothing else is to be done.
    littered: BTreeSet<u64>,
    /// Processes whose body is made when their first turn comes, so that it costs their own tenant's time.
    starting: HashMap<u64, Start<Program>>,
    /// A pod that waits for a tenant's first process.
    warm: Option<Pod<World>>,
    states: HashMap<u64, Box<ProcessState>>,
    catalogue_version: u64,
}

/// A pod and whose processes it holds: never of two tenants.
struct TenantPod {
    tenant: TenantId,
    /// Whether it is one process's own.
    alone: bool,
    pod: Pod<World>,
    /// Bytes of its heap when it was collected last.
    clean_bytes: usize,
}

impl TenantPod {
    /// Whether there is enough garbage in it for an idle moment.
    fn is_littered(&self) -> bool {
        self.pod.heap_bytes() > self.clean_bytes.saturating_add(IDLE_GARBAGE_BYTES)
    }
}

/// How a slice left its process.
enum After {
    /// It waits for something.
    Parked,
    /// It goes on later.
    Runnable,
    /// It is over.
    Ended(ExitResult),
    /// It goes on with other code.
    Upgrade,
    /// Its pod is lost, with everything in it.
    Lost(String),
}

impl Worker {
    pub(crate) fn new(world: World, shared: Arc<Shared>, beat: Arc<Beat>) -> Self {
        Self {
            world,
            shared,
            beat,
            pods: HashMap::new(),
            next_pod: 0,
            filling: HashMap::new(),
            littered: BTreeSet::new(),
            starting: HashMap::new(),
            warm: None,
            states: HashMap::new(),
            catalogue_version: 0,
        }
    }

    /// Runs processes until the runtime stops.
    pub(crate) fn run(mut self) {
        while !self.shared.stopping.load(Ordering::Acquire) {
            self.refresh_catalogue();
            self.world.kernel.poll();
            for start in self.world.kernel.take_starts() {
                self.starting.insert(start.local.key(), start);
            }
            match self.world.kernel.next_turn() {
                Some(local) => {
                    self.beat.begin(self.world.now_ns());
                    self.slice(local);
                    self.beat.end();
                }
                None => self.idle(),
            }
        }
    }

    /// Takes the newest catalogue: what is looked up in one call never changes under it.
    fn refresh_catalogue(&mut self) {
        let version = self.shared.catalogue_version.load(Ordering::Acquire);
        if version != self.catalogue_version {
            self.catalogue_version = version;
            self.world.catalogue = self.shared.catalogue();
        }
    }

    /// Nothing is runnable: tidy up a little, and sleep when nothing is left to tidy. What arrives meanwhile waits for
    /// one step at most.
    fn idle(&mut self) {
        if let Some(littered) = self.littered.pop_first() {
            let Some(slot) = self.pods.get_mut(&littered) else { return };
            if slot.pod.is_empty() {
                self.drop_pod(littered);
            } else if slot.pod.collect(luau::now_ns() + IDLE_COLLECTION_NS) {
                slot.clean_bytes = slot.pod.heap_bytes();
            } else {
                self.littered.insert(littered);
            }
        } else if self.warm.is_none() {
            self.warm = Pod::new(&SURFACE).ok();
        } else {
            self.world.kernel.park();
        }
    }

    fn drop_pod(&mut self, pod: u64) {
        if let Some(slot) = self.pods.remove(&pod)
            && self.filling.get(&slot.tenant) == Some(&pod)
        {
            self.filling.remove(&slot.tenant);
        }
    }

    /// Makes the body of a new process. A failure is the process's own end.
    fn begin(&mut self, start: Start<Program>) -> Option<Box<ProcessState>> {
        let Start { local, entry, program, arguments } = start;
        if let Some(cause) = self.world.kernel.ending(local).cloned() {
            self.world.kernel.exit(local, Err(cause));
            return None;
        }
        let limits = program.limits.clone();
        match self.body(local, &entry, &program, &limits, arguments) {
            Ok(home) => Some(Box::new(ProcessState::new(local, entry, program, limits, home))),
            Err(failure) => {
                self.world.kernel.exit(local, Err(failure));
                None
            }
        }
    }

    fn body(
        &mut self,
        local: LocalId,
        entry: &Entry,
        program: &Program,
        limits: &Limits,
        arguments: Vec<Value>,
    ) -> Result<Home, Failure> {
        let pod = self.pod_for(entry.account().tenant(), program.isolated, limits.memory_bytes)?;
        let slot = self.pods.get_mut(&pod).ok_or_else(|| lost("the pod is gone"))?;
        let body = slot
            .pod
            .start(BodySettings {
                key: local.key(),
                code: &program.code,
                method: &program.method,
                arguments,
                modules: program.modules.clone(),
                memory_bytes_max: limits.memory_bytes,
                ending: entry.ending().clone(),
            })
            .map_err(|error| Failure::new(Kind::Unavailable, format!("load failed: {error}")))?;
        let ledger = slot.pod.objects(body).map(|objects| objects.ledger().clone()).unwrap_or_default();
        Ok(Home { pod, body, ledger })
    }

    /// A pod of this tenant with room for a body of this memory limit, one of its own if it is to be isolated.
    fn pod_for(
        &mut self,
        tenant: &TenantId,
        isolated: bool,
        memory_bytes_max: usize,
    ) -> Result<u64, Failure> {
        let fits =
            |slot: &TenantPod| slot.tenant == *tenant && !slot.alone && slot.pod.has_room(memory_bytes_max);
        if !isolated {
            if let Some(last) = self.filling.get(tenant)
                && self.pods.get(last).is_some_and(fits)
            {
                return Ok(*last);
            }
            if let Some((id, _)) = self.pods.iter().find(|(_, slot)| fits(slot)) {
                self.filling.insert(tenant.clone(), *id);
                return Ok(*id);
            }
        }
        let pod = match self.warm.take() {
            Some(pod) => pod,
            None => Pod::new(&SURFACE).map_err(|error| lost(&error.to_string()))?,
        };
        self.next_pod += 1;
        let slot = TenantPod { tenant: tenant.clone(), alone: isolated, clean_bytes: pod.heap_bytes(), pod };
        self.pods.insert(self.next_pod, slot);
        if !isolated {
            self.filling.insert(tenant.clone(), self.next_pod);
        }
        Ok(self.next_pod)
    }

    /// Runs one process for at most one slice.
    fn slice(&mut self, local: LocalId) {
        let begun_ns = self.world.now_ns();
        let state = match self.starting.remove(&local.key()) {
            Some(start) => self.begin(start),
            None => self.states.remove(&local.key()),
        };
        let Some(mut state) = state else { return };
        if let Some(cause) = self.world.kernel.ending(local).cloned() {
            self.finish(state, Err(cause));
            return;
        }
        self.world.current = Some(state);
        self.take_notices(local);
        self.world.settle_mail();
        let after = self.drive(begun_ns);
        state = match self.world.current.take() {
            Some(state) => state,
            None => return,
        };
        if self.pods.get(&state.pod).is_some_and(TenantPod::is_littered) {
            self.littered.insert(state.pod);
        }
        let used_ns = state.cpu.end_slice(self.world.now_ns().saturating_sub(begun_ns));
        let after = match after {
            After::Parked | After::Runnable => self.within_limits(&mut state, after),
            other => other,
        };
        match after {
            After::Parked => {
                state.cpu.since_wait_ns = 0;
                self.states.insert(local.key(), state);
                self.world.kernel.after_slice(local, used_ns, State::Parked);
            }
            After::Runnable => {
                self.states.insert(local.key(), state);
                self.world.kernel.after_slice(local, used_ns, State::Runnable);
            }
            After::Ended(result) => {
                self.world.kernel.after_slice(local, used_ns, State::Parked);
                self.finish(state, result);
            }
            After::Upgrade => {
                self.world.kernel.after_slice(local, used_ns, State::Runnable);
                self.upgrade(state);
            }
            After::Lost(why) => {
                self.world.kernel.after_slice(local, used_ns, State::Parked);
                self.lose(state, &why);
            }
        }
    }

    fn take_notices(&mut self, local: LocalId) {
        while let Some(notice) = self.world.kernel.take_notice(local) {
            match notice {
                Notice::Timer { token } => self.world.fired(token),
                Notice::CallDone { token, result } => {
                    if let Ok(state) = self.world.state_mut() {
                        state.waits.end_call(token, &result);
                    }
                }
                Notice::Recorded { token } => self.world.recorded(token),
                // What has arrived is offered to the strands once, after all notices.
                Notice::Mail | Notice::Event => {}
            }
        }
    }

    /// Lets the current body run until it waits, ends, or its slice is over.
    fn drive(&mut self, begun_ns: u64) -> After {
        let Ok(state) = self.world.state() else { return After::Ended(Err(lost("no process runs"))) };
        let (pod, body) = (state.pod, state.body);
        let until_ns = luau::now_ns() + SLICE_NS.min(cpu_left_ns(state).max(1));
        let quota_left = state.entry.account().memory_left().saturating_add(state.memory_charged);
        let memory_bytes_max = usize::try_from(quota_left).unwrap_or(usize::MAX);
        loop {
            let Some(slot) = self.pods.get_mut(&pod) else {
                return After::Lost("the pod is gone".to_owned());
            };
            if let Ok(state) = self.world.state_mut() {
                for (strand, reply) in state.waits.take_ended() {
                    slot.pod.wake(body, strand, reply);
                }
            }
            let step = slot.pod.run(body, &mut self.world, Slice { until_ns, memory_bytes_max });
            self.world.cancel_abandoned();
            if self.world.state().is_ok_and(|state| state.upgrade.is_some()) {
                return After::Upgrade;
            }
            match step {
                Step::Parked => {
                    let woken = self.world.state().is_ok_and(|state| state.waits.any_ended());
                    if !woken {
                        return self.parked(pod, body);
                    }
                    if luau::now_ns() >= until_ns {
                        return After::Runnable;
                    }
                }
                Step::Preempted => return After::Runnable,
                Step::Passed { strand } => {
                    self.world.settle_mail();
                    if let Ok(state) = self.world.state_mut() {
                        for (woken, reply) in state.waits.take_ended() {
                            slot.pod.wake(body, woken, reply);
                        }
                    }
                    slot.pod.wake(body, strand, Reply::Return(Vec::new()));
                    if luau::now_ns() >= until_ns {
                        return After::Runnable;
                    }
                }
                Step::Returned(values) => return After::Ended(returned(values)),
                Step::Failed { failure, loading } => return After::Ended(Err(failed(failure, loading))),
                Step::OverMemory { used_bytes } => {
                    let over = self.world.state().map(|state| over_memory(state, used_bytes));
                    return After::Ended(Err(over.unwrap_or_else(|failure| failure)));
                }
                Step::Ended => return After::Ended(Err(self.cause())),
                Step::Overrun => {
                    let failure = self.world.state().map(|state| over_cpu(state, begun_ns, &self.world));
                    return After::Ended(Err(failure.unwrap_or_else(|failure| failure)));
                }
                Step::Lost { why } => return After::Lost(why),
            }
        }
    }

    /// Every strand waits. If nothing can ever wake one, the process is over.
    fn parked(&mut self, pod: u64, body: BodyId) -> After {
        // Mail that arrived while it ran has no notice of its own when it was not parked yet.
        self.world.settle_mail();
        let Ok(state) = self.world.state() else { return After::Parked };
        if state.waits.any_ended() {
            return After::Runnable;
        }
        if !state.waits.deadlocked() {
            return After::Parked;
        }
        let places = self.pods.get(&pod).map(|slot| slot.pod.parked(body)).unwrap_or_default();
        let places: Vec<String> = places.iter().map(ToString::to_string).collect();
        After::Ended(Err(Failure::new(
            Kind::Internal,
            format!(
                "deadlock: every coroutine waits on a channel that nobody can use, at {}",
                places.join(", ")
            ),
        )))
    }

    /// Why the current process is being ended.
    fn cause(&self) -> Failure {
        let cause = self.world.state().ok().and_then(|state| self.world.kernel.ending(state.local).cloned());
        cause.unwrap_or_else(|| Failure::new(Kind::Canceled, "process terminated"))
    }

    /// Charges what the slice used; over a limit the process is over.
    fn within_limits(&mut self, state: &mut ProcessState, after: After) -> After {
        let waits = matches!(after, After::Parked);
        let limits = &state.limits;
        if !waits && state.cpu.since_wait_ns > duration_ns(limits.cpu) {
            let used = Duration::from_nanos(state.cpu.since_wait_ns);
            return After::Ended(Err(cpu_limit("cpu", used, limits.cpu, " since it last had to wait")));
        }
        if let Some(total) = limits.cpu_total
            && state.cpu.total_ns > duration_ns(total)
        {
            let used = Duration::from_nanos(state.cpu.total_ns);
            return After::Ended(Err(cpu_limit("cpu_total", used, total, "")));
        }
        let used = self.pods.get(&state.pod).map_or(0, |slot| slot.pod.memory_bytes(state.body)) as u64;
        let account = state.entry.account();
        if used > state.memory_charged {
            if account.reserve_memory(used - state.memory_charged).is_err() {
                return After::Ended(Err(over_quota(account)));
            }
        } else {
            account.release_memory(state.memory_charged - used);
        }
        state.memory_charged = used;
        after
    }

    /// Ends a process: its Lua side goes first, so that nothing of it runs once anybody hears of the end.
    fn finish(&mut self, state: Box<ProcessState>, result: ExitResult) {
        let local = state.local;
        self.drop_body(*state);
        self.world.kernel.exit(local, result);
    }

    fn drop_body(&mut self, state: ProcessState) {
        state.entry.account().release_memory(state.memory_charged);
        let (pod, body) = (state.pod, state.body);
        // Objects of the script hold references into the pod: they go before its body does.
        drop(state);
        let Some(slot) = self.pods.get_mut(&pod) else { return };
        slot.pod.end(body);
        if slot.alone {
            self.pods.remove(&pod);
        } else if slot.pod.is_empty() {
            self.littered.insert(pod);
        }
    }

    /// Starts the process anew with other code.
    fn upgrade(&mut self, mut state: Box<ProcessState>) {
        let Some(Upgrade { program, arguments, permit }) = state.upgrade.take() else { return };
        let (local, entry) = (state.local, state.entry.clone());
        let cpu = state.cpu.clone();
        let limits = state.limits.clone();
        self.drop_body(*state);
        if let Err(failure) = self.world.kernel.upgrade(local, permit) {
            self.world.kernel.exit(local, Err(failure));
            return;
        }
        // The budgets are the process's, whatever code it runs.
        match self.body(local, &entry, &program, &limits, arguments) {
            Ok(home) => {
                let mut state = ProcessState::new(local, entry, program, limits, home);
                state.cpu = cpu;
                self.states.insert(local.key(), Box::new(state));
            }
            Err(failure) => self.world.kernel.exit(local, Err(failure)),
        }
    }

    /// A virtual machine that cannot be trusted any more: all its processes end, and it is dropped.
    fn lose(&mut self, state: Box<ProcessState>, why: &str) {
        let lost_pod = state.pod;
        tracing::error!(why, "a virtual machine was lost; its processes end");
        let others: Vec<u64> =
            self.states.iter().filter(|(_, state)| state.pod == lost_pod).map(|(key, _)| *key).collect();
        let others: Vec<_> = others.iter().filter_map(|key| self.states.remove(key)).collect();
        let mut ended = Vec::new();
        for state in std::iter::once(state).chain(others) {
            state.entry.account().release_memory(state.memory_charged);
            ended.push(state.local);
        }
        self.drop_pod(lost_pod);
        for local in ended {
            self.world.kernel.exit(local, Err(lost("virtual machine lost")));
        }
    }
}

/// What a pod has to have grown by since it was collected last, to be collected when nothing else is to be done: 256 KiB,
/// which is done in a step.
const IDLE_GARBAGE_BYTES: usize = 256 * 1024;

/// Time for garbage collection in one idle moment of a pod: 1 ms, the step of the timers' clock.
const IDLE_COLLECTION_NS: u64 = 1_000_000;

fn lost(message: &str) -> Failure {
    Failure::new(Kind::Internal, message)
}

fn duration_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// CPU time that the process may use before it must wait, or at all.
fn cpu_left_ns(state: &ProcessState) -> u64 {
    let limits = &state.limits;
    let since_wait = duration_ns(limits.cpu).saturating_sub(state.cpu.since_wait_ns);
    let total =
        limits.cpu_total.map_or(u64::MAX, |total| duration_ns(total).saturating_sub(state.cpu.total_ns));
    since_wait.min(total)
}

fn cpu_limit(name: &str, used: Duration, allowed: Duration, since: &str) -> Failure {
    let message = format!(
        "{name} limit exceeded: used {:.3} s{since}, at most {:.3} s allowed",
        used.as_secs_f64(),
        allowed.as_secs_f64()
    );
    Failure::new(Kind::Timeout, message)
}

/// Which bound of memory it was that a process is over: its own limit, or what its tenant's quota leaves.
fn over_memory(state: &ProcessState, used_bytes: usize) -> Failure {
    let limit = state.limits.memory_bytes;
    if used_bytes < limit && state.entry.account().quotas().memory_bytes < u64::MAX {
        return over_quota(state.entry.account());
    }
    let message = format!("memory limit exceeded: {used_bytes} bytes needed, at most {limit} allowed");
    Failure::new(Kind::RateLimited, message)
}

fn over_quota(account: &Account) -> Failure {
    let quota = account.quotas().memory_bytes;
    let message = format!("memory quota of the tenant exceeded: at most {quota} bytes allowed");
    Failure::new(Kind::RateLimited, message)
}

fn over_cpu(state: &ProcessState, begun_ns: u64, world: &World) -> Failure {
    let used_ns = world.now_ns().saturating_sub(begun_ns);
    let used = Duration::from_nanos(state.cpu.since_wait_ns.saturating_add(used_ns));
    let mut failure = cpu_limit("cpu", used, state.limits.cpu, " since it last had to wait");
    failure.message.push_str("; it did not leave a callback that cannot be interrupted");
    failure
}

/// What main returned, as an end: `return x, err` with a string or error as `err` is an error end.
fn returned(values: Result<Vec<Value>, Failure>) -> ExitResult {
    let mut values = values?.into_iter();
    let value = values.next().unwrap_or_default();
    match values.next() {
        Some(Value::Failure(failure)) => Err(*failure),
        Some(Value::Bytes(message)) => {
            Err(Failure { message: String::from_utf8_lossy(&message).into_owned(), ..Failure::default() })
        }
        _ => Ok(value),
    }
}

/// An uncaught error, as an end: with its place, which a text that was raised has already.
fn failed(mut failure: Failure, loading: bool) -> Failure {
    if let Some(frame) = failure.stack.first().filter(|frame| frame.line > 0) {
        let place = format!("{}:{}", frame.source, frame.line);
        if !failure.message.contains(&format!("{place}:")) {
            failure.contexts.push(place);
        }
    }
    if loading {
        failure.message = format!("load failed: {}", failure.message);
        failure.kind = Kind::Invalid;
    }
    failure
}
