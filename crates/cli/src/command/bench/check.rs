//! `moonward bench check`: what one question to the policies costs, remembered and not.

use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::Log;
use clap::Args;
use diagnostic::Source;
use policy::{
    Actor, Bundle, BundleSources, Caller, Definition, Gate, Host, InvalidIdentity, Kept, Process,
    ProcessSend, Scope, ScopeSet, ScopeSources, Tenant, TenantId,
};
use serde_json::json;
use tempfile::TempDir;

use super::report::Report;
use crate::command::OutputForm;
use crate::fault::Fault;
use crate::print::Printer;

/// Tenants of the run that hits are counted in, and sends in it.
const TENANTS: u32 = 1000;
const SENDS: usize = 200_000;

/// Processes of each tenant.
const PROCESSES: usize = 50;

/// Of so many sends one goes to another tenant.
const FOREIGN_EACH: usize = 100;

/// Times that one remembered answer is asked for.
const HITS: u32 = 2_000_000;

/// Answers that are decided by the engine for one figure.
const MISSES: usize = 2_000;

/// Answers before those: as many classes as have a record each.
const FIRSTS: usize = policy::limits::FIRST_ALLOWS_TENANT_MAX;

/// Measure what a check costs
///
/// Sends are asked for and not done: one again and again, which is remembered; each to a process of another owner, which
/// is not, by few and by many policies; and from anybody to anybody, with policies of a thousand tenants.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// How many policies the larger set has, about
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    policies: u32,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Check {
    pub(super) fn measure(&self, printer: &Printer) -> Result<Report, Fault> {
        // The engine recurses: it is asked on a thread like a worker's.
        std::thread::scope(|scope| {
            let measuring = std::thread::Builder::new()
                .stack_size(policy::limits::EVALUATION_STACK_BYTES)
                .spawn_scoped(scope, || measure(self.policies / 2, printer))
                .map_err(|error| Fault::failed(format!("no thread to measure on: {error}")))?;
            measuring.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

fn measure(tenants: u32, printer: &Printer) -> Result<Report, Fault> {
    let mut report = Report::new("check", "sends that policies are asked for".to_owned());
    let few = World::new(1)?;
    let hit = few.hit()?;
    report.row("remembered", format!("{:.1} ns", hit), json!({"ns": hit}));
    printer.say(&format!("loading the policies of {tenants} tenants"));
    let many = World::new(tenants)?;
    let mut misses = Vec::new();
    let mut first = Vec::new();
    for world in [few, many] {
        first.push(world.median_of_misses(0..FIRSTS)?);
        misses.push((world.policies, world.median_of_misses(FIRSTS..FIRSTS + MISSES)?));
    }
    let shown: Vec<String> = misses
        .iter()
        .map(|(policies, time)| format!("{:.1} us of {policies} policies", micros(*time)))
        .collect();
    let numbers: Vec<_> = misses
        .iter()
        .map(|(policies, time)| json!({"policies": policies, "ns": time.as_nanos().to_string()}))
        .collect();
    report.row("decided", format!("{} (median of {MISSES})", shown.join(", ")), json!(numbers));
    let slowest = first.into_iter().max().unwrap_or_default();
    report.row(
        "first_of_its_class",
        format!("{:.1} us, with its record", micros(slowest)),
        json!({"ns": slowest.as_nanos().to_string()}),
    );
    let world = World::new(TENANTS)?;
    let run = world.run()?;
    report.row(
        "run",
        format!(
            "{SENDS} sends, {TENANTS} tenants, {} policies: {:.2} % remembered, {} denied, {:.2} us each",
            world.policies,
            run.hits * 100.0,
            run.denied,
            micros(run.took) / SENDS as f64,
        ),
        json!({"sends": SENDS, "tenants": TENANTS, "hit_rate": run.hits, "denied": run.denied,
            "ns": run.took.as_nanos().to_string()}),
    );
    Ok(report)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Tenants with a scope of two policies each, and a service with processes.
struct World {
    gate: Gate,
    tenants: Vec<Tenancy>,
    policies: usize,
    // Dropped last: the gate's log is in it.
    _folder: TempDir,
}

struct Tenancy {
    id: TenantId,
    actor: Arc<Actor>,
    scopes: ScopeSet,
    definition: Arc<Definition>,
    processes: Vec<Arc<Process>>,
}

/// What became of many sends.
struct Run {
    /// The part that was remembered, 0 to 1.
    hits: f64,
    denied: usize,
    took: Duration,
}

impl World {
    fn new(tenants: u32) -> Result<Self, Fault> {
        let host = Arc::new(Host::new("app:processes", None).map_err(unusable)?);
        let tenants: Vec<Tenancy> = (0..tenants)
            .map(|number| Tenancy::new(number, &host))
            .collect::<Result<_, _>>()
            .map_err(unusable)?;
        let sources = BundleSources {
            scopes: tenants.iter().flat_map(Tenancy::sources).collect(),
            tenants: tenants.iter().map(|tenancy| Tenant::new(tenancy.id.clone())).collect(),
            ..BundleSources::default()
        };
        let bundle = Bundle::load(sources).map_err(Fault::Invalid)?;
        let folder = TempDir::with_prefix("moonward-bench-");
        let folder = folder.map_err(|error| Fault::failed(format!("no temporary folder: {error}")))?;
        let log = Log::open(audit::Options::new(folder.path().join("log")))?;
        let policies = bundle.policy_count();
        let kept = Kept::new(bundle, &log)?;
        Ok(Self { gate: Gate::new(kept, log, None), tenants, policies, _folder: folder })
    }

    /// Whether a send is allowed.
    fn send(&self, from: &Tenancy, caller: &Arc<Process>, to: &Arc<Process>, topic: &Arc<str>) -> bool {
        let caller = Caller { process: Some(caller), ..Caller::outside(&from.actor, &from.scopes) };
        let send = ProcessSend { to: to.clone(), topic: topic.clone(), bytes: 64 };
        black_box(self.gate.operation().check(&caller, send)).is_ok()
    }

    /// Nanoseconds of one check that is remembered.
    fn hit(&self) -> Result<f64, Fault> {
        let [tenancy, ..] = &self.tenants[..] else { return Err(nothing()) };
        let [caller, to, ..] = &tenancy.processes[..] else { return Err(nothing()) };
        let topic = Arc::from("work");
        let started = Instant::now();
        for _ in 0..HITS {
            if !self.send(tenancy, caller, to, &topic) {
                return Err(Fault::failed("a send is denied that the policies allow"));
            }
        }
        Ok(started.elapsed().as_nanos() as f64 / f64::from(HITS))
    }

    /// Median time of a check that the engine decides, of a class of its own by each of these numbers.
    fn median_of_misses(&self, numbers: Range<usize>) -> Result<Duration, Fault> {
        let [tenancy, ..] = &self.tenants[..] else { return Err(nothing()) };
        let [caller, like, ..] = &tenancy.processes[..] else { return Err(nothing()) };
        let topic = Arc::from("work");
        let mut times = Vec::with_capacity(numbers.len());
        for number in numbers {
            // The policies read whose process it is.
            let owner = Actor::parse(&format!("{}/user/{number}", tenancy.id)).map_err(unusable)?;
            let (definition, host) = (tenancy.definition.clone(), like.host().clone());
            let to = Arc::new(Process::new(format!("t{number}"), Arc::new(owner), definition, host, None, 0));
            let started = Instant::now();
            self.send(tenancy, caller, &to, &topic);
            times.push(started.elapsed());
        }
        times.sort_unstable();
        times.get(times.len() / 2).copied().ok_or_else(nothing)
    }

    /// Sends from anybody to anybody.
    fn run(&self) -> Result<Run, Fault> {
        let before = self.gate.memo_counts();
        let topic = Arc::from("work");
        let (mut denied, mut chance) = (0, Chance(20_261_127));
        let started = Instant::now();
        for number in 0..SENDS {
            let from = chance.choose(&self.tenants).ok_or_else(nothing)?;
            let caller = chance.choose(&from.processes).ok_or_else(nothing)?;
            if number % FOREIGN_EACH == 0 {
                let other = chance.choose(&self.tenants).ok_or_else(nothing)?;
                let stand_in = Arc::new(Process::stand_in("elsewhere", &other.id, 0));
                denied += usize::from(!self.send(from, caller, &stand_in, &topic));
            } else {
                let to = chance.choose(&from.processes).ok_or_else(nothing)?;
                denied += usize::from(!self.send(from, caller, to, &topic));
            }
        }
        let took = started.elapsed();
        let after = self.gate.memo_counts();
        let hits = (after.hits - before.hits) as f64 / SENDS as f64;
        Ok(Run { hits, denied, took })
    }
}

impl Tenancy {
    fn new(number: u32, host: &Arc<Host>) -> Result<Self, InvalidIdentity> {
        let id = TenantId::new(&format!("t{number}"))?;
        let actor = Arc::new(Actor::parse(&format!("{id}/service/worker"))?.with_verified());
        let scope = Arc::new(Scope::new(&format!("{id}.security:worker"), &id, false)?);
        let definition = Arc::new(Definition::new(&format!("{id}.workers:handler"), &id, false)?);
        let process = |at: usize| {
            let (actor, definition, host) = (actor.clone(), definition.clone(), host.clone());
            Arc::new(Process::new(format!("{id}-{at}"), actor, definition, host, None, 0))
        };
        let processes = (0..PROCESSES).map(process).collect();
        Ok(Self { id, scopes: ScopeSet::new([scope]), processes, actor, definition })
    }

    /// Its scope, with a permit of its own and one that does not matter to a send.
    fn sources(&self) -> impl Iterator<Item = ScopeSources> + use<'_> {
        self.scopes.iter().map(|scope| {
            let tenant = &self.id;
            let text = format!(
                "@id(\"{tenant}.send\")\n\
                 permit (principal in Moonward::Tenant::\"{tenant}\", action == Moonward::Action::\"process.send\", \
                 resource) when {{ resource.owner in principal.tenant && resource.tenant == principal.tenant }};\n\
                 @id(\"{tenant}.spawn\")\n\
                 permit (principal in Moonward::Tenant::\"{tenant}\", action == Moonward::Action::\"process.spawn\", \
                 resource in Moonward::Namespace::\"{tenant}\");\n"
            );
            let source = Source { path: format!("{tenant}.cedar"), text };
            ScopeSources { scope: scope.clone(), files: vec![Arc::new(source)] }
        })
    }
}

fn unusable(error: InvalidIdentity) -> Fault {
    Fault::failed(error.to_string())
}

fn nothing() -> Fault {
    Fault::failed("there is nothing to measure")
}

/// The same choices in every run (splitmix64, Steele and others 2014).
struct Chance(u64);

impl Chance {
    fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = usize::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
        items.get(number.checked_rem(items.len())?)
    }
}
