//! `moonward bench replay`: how many recorded decisions are decided again in a second, and in how much memory.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::study::{AnswerChange, Outcome, Seen, replay};
use audit::{Log, Options, SEGMENT_BYTES_MAX};
use clap::Args;
use diagnostic::Source;
use policy::study::{Effort, Study};
use policy::{
    Actor, ActorKind, Bundle, BundleSources, Caller, Definition, Gate, Host, InvalidIdentity, Kept, Process,
    ProcessSend, ProcessSpawn, RegistryRegister, Scope, ScopeSet, ScopeSources, Tenant, TenantId, Via,
};
use serde_json::json;

use super::folder::MadeIn;
use super::report::Report;
use crate::command::OutputForm;
use crate::fault::Fault;
use crate::print::Printer;

/// Tenants, and users of each, that decisions are made for.
const TENANTS: usize = 16;
const USERS: usize = 16;

/// What begins every pid here, and nothing else: in each record they are other ones, as in a log of a long time.
const PID: &str = "p~0000";

/// Digits of a pid after that.
const PID_DIGITS: usize = 12;

/// What stands before the number of a record.
const SEQ: &str = "\"seq\":\"";

/// Measure how fast recorded decisions are decided again
///
/// A gate decides sends, spawns and registrations of many tenants, allowed and denied. A log is made of its records, again and
/// again, each time with other processes, about 3 KiB a record. It is replayed by the policies that decided it, which must come out
/// the same throughout, and by changed ones. A million records take about 3 GiB of the temporary folder (`TMPDIR`).
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// How many records are replayed
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    records: u64,
    #[command(flatten)]
    made_in: MadeIn,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Replay {
    pub(super) fn measure(&self, printer: &Printer) -> Result<Report, Fault> {
        let what = format!("{} recorded decisions decided again", self.records);
        let mut report = Report::new("replay", what);
        let made = self.made_in.make()?;
        printer.say(&format!("making {} records", self.records));
        let world = World::new().map_err(unusable)?;
        let lines = super::super::audit::on_large_stack(|| world.lines(&made.path().join("made")))?;
        let log = made.path().join("log");
        let bytes = write(&log, &lines, self.records)
            .map_err(|error| Fault::failed(format!("the log cannot be written: {error}")))?;
        let each = bytes / self.records;
        report.row("bytes_a_record", each.to_string(), json!(each));
        for (key, changed) in [("same_policies", false), ("changed_policies", true)] {
            let study = Study::new(world.bundle(changed)?);
            printer.say(&format!("replaying {} MiB", bytes >> 20));
            let done = Done::of(&log, &study)?;
            if done.undecided > 0 || (!changed && done.changed > 0) {
                let message = format!(
                    "{} records were not decided, and {} came out otherwise",
                    done.undecided, done.changed
                );
                return Err(Fault::failed(message));
            }
            done.row(&mut report, key);
        }
        if let Some(peak) = peak_memory() {
            report.row("peak_memory", format!("{} MiB", peak >> 20), json!({"bytes": peak}));
        }
        Ok(report)
    }
}

/// What came of one replay.
struct Done {
    decided: u64,
    changed: u64,
    undecided: u64,
    effort: Effort,
    took: Duration,
}

impl Done {
    fn of(log: &Path, study: &Study) -> Result<Self, Fault> {
        let look = |seen: Seen<'_>| match seen {
            Seen::Decision(decided) => {
                let verdict = decided.verdicts.first()?.as_ref().ok()?;
                Some(Outcome::recorded(decided.record)?.change(&Outcome::of(verdict)))
            }
            _ => None,
        };
        let (mut decided, mut changed, mut undecided) = (0, 0, 0);
        let take = |change: Option<AnswerChange>| {
            decided += u64::from(change.is_some());
            changed += u64::from(change.is_some_and(|change| change != AnswerChange::Nothing));
            undecided += u64::from(change.is_none());
        };
        let started = Instant::now();
        let effort = replay(log, &[study], |_, _| true, look, take)
            .map_err(|error| Fault::failed(format!("the log cannot be replayed: {error}")))?;
        Ok(Self { decided, changed, undecided, effort, took: started.elapsed() })
    }

    fn row(&self, report: &mut Report, key: &'static str) {
        let Self { decided, changed, effort, took, .. } = self;
        let a_second = *decided as f64 / took.as_secs_f64();
        let text = format!(
            "{a_second:.0} records a second, {changed} changed, {} classes of questions, {} of the answers by the engine ({decided} in {:.2} s)",
            effort.classes,
            effort.answers.misses,
            took.as_secs_f64()
        );
        let json = json!({
            "records": decided, "ns": took.as_nanos().to_string(), "a_second": a_second, "changed": changed,
            "classes": effort.classes, "remembered": effort.answers.hits, "by_the_engine": effort.answers.misses,
        });
        report.row(key, text, json);
    }
}

/// Whose decisions there are, and on what.
struct World {
    tenants: Vec<Tenancy>,
}

struct Tenancy {
    id: TenantId,
    scopes: ScopeSet,
    users: Vec<Arc<Actor>>,
    definition: Arc<Definition>,
}

impl World {
    fn new() -> Result<Self, InvalidIdentity> {
        Ok(Self { tenants: (0..TENANTS).map(Tenancy::new).collect::<Result<_, _>>()? })
    }

    /// The policies; changed, each tenant may send shorter messages only.
    fn bundle(&self, changed: bool) -> Result<Bundle, Fault> {
        let sources = BundleSources {
            scopes: self.tenants.iter().flat_map(|tenancy| tenancy.sources(changed)).collect(),
            tenants: self.tenants.iter().map(|tenancy| Tenant::new(tenancy.id.clone())).collect(),
            ..BundleSources::default()
        };
        Bundle::load(sources).map_err(Fault::Invalid)
    }

    /// Lines of records of each sort.
    fn lines(&self, folder: &Path) -> Result<Vec<String>, Fault> {
        let log = Log::open(Options::new(folder.to_owned()))?;
        let gate = Gate::new(Kept::new(self.bundle(false)?, &log)?, log.clone(), None);
        let host = Arc::new(Host::new("app:processes", None).map_err(unusable)?);
        let mut pids = 0..;
        let mut process = |tenancy: &Tenancy, user: &Arc<Actor>, parent: Option<&Arc<Process>>| {
            let pid = format!("{PID}{:0PID_DIGITS$}", pids.next().unwrap_or_default());
            let (definition, host) = (tenancy.definition.clone(), host.clone());
            Arc::new(Process::new(pid, user.clone(), definition, host, parent, 0))
        };
        for (number, tenancy) in self.tenants.iter().enumerate() {
            let Some(other) = self.tenants.get((number + 1) % TENANTS) else { continue };
            for (user, stranger) in tenancy.users.iter().zip(&other.users) {
                let parent = process(tenancy, user, None);
                let own = process(tenancy, user, Some(&parent));
                let caller = Caller { process: Some(&own), ..Caller::outside(user, &tenancy.scopes) };
                let topic: Arc<str> = Arc::from("orders");
                for (to, bytes) in [
                    (parent.clone(), 64),
                    (process(tenancy, user, Some(&own)), 2048),
                    (process(other, stranger, None), 64),
                ] {
                    // What is refused is on record as well, which is all that is wanted.
                    let _ = gate.operation().check(&caller, ProcessSend { to, topic: topic.clone(), bytes });
                }
                for definition in [&tenancy.definition, &other.definition] {
                    let spawn = ProcessSpawn {
                        definition: definition.clone(),
                        host: host.clone(),
                        via: Via::Spawn,
                        monitored: false,
                        linked: false,
                        name: None,
                    };
                    let _ = gate.operation().check(&caller, spawn);
                }
                let name = policy::Name::new(&tenancy.id, "desk").map_err(unusable)?;
                let _ = gate.operation().check(&caller, RegistryRegister { name, target: own.clone() });
            }
        }
        drop(gate);
        log.close()?;
        let mut lines = Vec::new();
        for line in audit::read(folder) {
            let line = line.map_err(|error| Fault::failed(error.to_string()))?;
            if line.record.get("kind").and_then(serde_json::Value::as_str) == Some("decision") {
                lines.push(line.record.to_string());
            }
        }
        if lines.is_empty() {
            Err(Fault::failed("nothing was recorded that could be replayed"))
        } else {
            Ok(lines)
        }
    }
}

impl Tenancy {
    fn new(number: usize) -> Result<Self, InvalidIdentity> {
        let id = TenantId::new(&format!("t{number}"))?;
        let user = |at: usize| {
            let user = Actor::new(&id, ActorKind::User, &format!("u{at}"))?.with_verified();
            let role = format!("{id}/clerk");
            Ok(Arc::new(
                user.with_roles([role.as_str()])?.with_tags([("dept".to_owned(), "sales".to_owned())])?,
            ))
        };
        let users = (0..USERS).map(user).collect::<Result<_, InvalidIdentity>>()?;
        let scope = Arc::new(Scope::new(&format!("{id}.security:worker"), &id, false)?);
        let definition = Arc::new(Definition::new(&format!("{id}.workers:handler"), &id, false)?);
        Ok(Self { id, scopes: ScopeSet::new([scope]), users, definition })
    }

    /// Its scope, whose answers are all recorded.
    fn sources(&self, changed: bool) -> impl Iterator<Item = ScopeSources> + use<'_> {
        let bytes = if changed { 1024 } else { 4096 };
        self.scopes.iter().map(move |scope| {
            let tenant = &self.id;
            let text = format!(
                "@id(\"{tenant}.send\") @audit(\"always\")\n\
                 permit (principal in Moonward::Tenant::\"{tenant}\", action == Moonward::Action::\"process.send\", resource)\n\
                 when {{ resource.tenant == principal.tenant && context.bytes < {bytes} }};\n\
                 @id(\"{tenant}.spawn\") @audit(\"always\")\n\
                 permit (principal in Moonward::Role::\"{tenant}/clerk\", action in Moonward::Action::\"spawn\", \
                 resource in Moonward::Namespace::\"{tenant}\");\n"
            );
            let source = Source { path: format!("{tenant}.cedar"), text };
            ScopeSources { scope: scope.clone(), files: vec![Arc::new(source)] }
        })
    }
}

/// Writes a log of so many records, in segments as large as a log's are: lines over and over, with pids that are another
/// round's. Gives its bytes.
fn write(folder: &Path, lines: &[String], records: u64) -> std::io::Result<u64> {
    std::fs::create_dir(folder)?;
    let parts: Vec<Vec<&str>> = lines.iter().map(|line| line.split(PID).collect()).collect();
    let (mut segment, mut in_segment, mut bytes) = (0_u64, u64::MAX, 0);
    let mut file = BufWriter::new(tempfile::tempfile()?);
    for (number, parts) in (0..records).zip(parts.iter().cycle()) {
        if in_segment > SEGMENT_BYTES_MAX {
            file.flush()?;
            segment += 1;
            in_segment = 0;
            file = BufWriter::new(File::create(folder.join(format!("{segment:08}.jsonl")))?);
        }
        let round = number.checked_div(lines.len() as u64).unwrap_or_default();
        let mut line = String::with_capacity(4096);
        for (at, part) in parts.iter().enumerate() {
            if at == 0 {
                // Numbers have no gaps.
                let (before, after) = part.split_once(SEQ).unwrap_or((part, ""));
                let after = after.split_once('"').map_or(after, |(_, after)| after);
                line.push_str(&format!("{before}{SEQ}{}\"{after}", number + 1));
            } else {
                // The last digits tell processes of one round apart.
                line.push_str(&format!("p~{:04}", round % 10_000));
                let (digits, rest) = part.split_at_checked(PID_DIGITS).unwrap_or((part, ""));
                line.push_str(&format!("{:04}{}", round / 10_000, digits.get(4..).unwrap_or_default()));
                line.push_str(rest);
            }
        }
        line.push('\n');
        file.write_all(line.as_bytes())?;
        in_segment += line.len() as u64;
        bytes += line.len() as u64;
    }
    file.flush()?;
    Ok(bytes)
}

/// The most memory that this process has had, in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn unusable(error: InvalidIdentity) -> Fault {
    Fault::failed(error.to_string())
}
