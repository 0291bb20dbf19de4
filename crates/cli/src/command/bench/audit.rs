//! `moonward bench audit`: how many records the audit log takes, how fast they are durable, and how fast it is verified.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::{
    Decision, DecisionKind, Engine, Entry, Finding, Log, Memo, Options, Place, PolicyReference, Question,
    Resource, Unavailable, Verdict, VerifyingKey,
};
use clap::Args;
use serde_json::{Value as Json, json};

use super::folder::MadeIn;
use super::report::{Report, Times, cores};
use crate::command::OutputForm;
use crate::fault::Fault;
use crate::print::Printer;

/// Tenants that records are of: each has a share of the log's queue.
const TENANTS: u64 = 16;

/// Threads that each wait for their record to be durable before the next, as parked calls do, and for how long.
const WAITING: usize = 64;
const WAITED: Duration = Duration::from_secs(2);

/// Measure what the audit log takes and how fast it is verified
///
/// Records are denials of a spawn with all that it takes to decide them again, about 3 KiB each. First they are accepted as fast as one
/// thread a core can hand them over, until the last is durable; then by many threads of which each waits until its record is; then the
/// whole log is verified. A million records take about 3 GiB of the temporary folder (`TMPDIR`).
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// How many records are accepted, and verified then
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    records: u64,
    #[command(flatten)]
    made_in: MadeIn,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Audit {
    pub(super) fn measure(&self, printer: &Printer) -> Result<Report, Fault> {
        let what = format!("{} records accepted, made durable, and verified", self.records);
        let mut report = Report::new("audit", what);
        let made = self.made_in.make()?;
        let options = Options::new(made.path().join("log"));

        printer.say(&format!("accepting {} records", self.records));
        let log = Log::open(options.clone())?;
        let took = accept(&log, self.records)?;
        log.close()?;
        let bytes = bytes_of(&options.folder)?;
        rate(&mut report, "accepted", self.records, took, "until the last is durable");
        let each = bytes / self.records;
        report.row("bytes_a_record", each.to_string(), json!(each));

        printer.say(&format!("verifying {} MiB", bytes >> 20));
        let trust = trust(&options.key);
        let question =
            Question { folder: &options.folder, trust: &trust, in_force: &[], against: None, since: None };
        let started = Instant::now();
        let verdict = audit::verify(&question, &|_| {}).map_err(|error| Fault::failed(error.to_string()))?;
        let took = started.elapsed();
        let answer = answer(&verdict, trust.is_empty())?;
        let text = format!("{} in {:.2} s, {answer}", verdict.figures.records, took.as_secs_f64());
        let nanos = took.as_nanos().to_string();
        report.row(
            "verified",
            text,
            json!({"records": verdict.figures.records, "ns": nanos, "answer": answer}),
        );

        printer.say(&format!("{WAITING} threads that wait for their records"));
        let options = Options::new(made.path().join("waited"));
        let log = Log::open(options)?;
        let (records, took, times) = wait(&log)?;
        log.close()?;
        rate(&mut report, "waited_for", records, took, &format!("by {WAITING} threads, one at a time each"));
        report.times("until_durable", times);
        Ok(report)
    }
}

fn rate(report: &mut Report, key: &'static str, records: u64, took: Duration, how: &str) {
    let a_second = records as f64 / took.as_secs_f64();
    let text = format!("{a_second:.0} a second, {how} ({records} in {:.2} s)", took.as_secs_f64());
    report.row(
        key,
        text,
        json!({"records": records, "ns": took.as_nanos().to_string(), "a_second": a_second}),
    );
}

/// Hands records over as fast as the log takes them, from a thread for each core; gives the time until the last is durable.
fn accept(log: &Log, records: u64) -> Result<Duration, Fault> {
    let templates: Vec<Decision> = (0..TENANTS).map(decision).collect();
    let started = Instant::now();
    let threads = cores() as u64;
    let work = |thread: u64| {
        for (number, template) in (thread..records).step_by(cores()).zip(templates.iter().cycle()) {
            loop {
                match log.accept(numbered(template, number)) {
                    Ok(_) => break,
                    // A gate would refuse; here the disk is to be measured.
                    Err(Unavailable::Full { .. }) => log.sync()?,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().try_for_each(joined)
    })?;
    log.sync()?;
    Ok(started.elapsed())
}

/// What a thread came to; its panic is one of ours.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Threads that each wait for their own record before the next; gives how many were made, and how long each took.
fn wait(log: &Log) -> Result<(u64, Duration, Times), Fault> {
    let started = Instant::now();
    let work = |number: usize| {
        let template = decision(number as u64 % TENANTS);
        let mut times = Vec::new();
        while started.elapsed() < WAITED {
            let record = numbered(&template, times.len() as u64);
            let begun = Instant::now();
            log.accept(record)?;
            log.sync()?;
            times.push(begun.elapsed());
        }
        Ok(times)
    };
    let times: Result<Vec<Vec<Duration>>, Unavailable> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WAITING).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(joined).collect()
    });
    let took = started.elapsed();
    let times: Vec<Duration> = times?.into_iter().flatten().collect();
    Ok((times.len() as u64, took, Times::of(times)))
}

/// The key that the log was signed with, if it was.
fn trust(key: &Path) -> Vec<VerifyingKey> {
    let text = std::fs::read_to_string(key).unwrap_or_default();
    VerifyingKey::from_text(&text).into_iter().collect()
}

/// The answer that a log of this very run has to have.
fn answer(verdict: &Verdict, unsigned: bool) -> Result<&'static str, Fault> {
    match &verdict.finding {
        Finding::Intact => Ok("intact"),
        Finding::Unverifiable(_) if unsigned => Ok("chain only"),
        other => Err(Fault::failed(format!("the log that was just written is not intact: {other:?}"))),
    }
}

fn bytes_of(folder: &Path) -> Result<u64, Fault> {
    let sum = || -> std::io::Result<u64> {
        let mut bytes = 0;
        for file in std::fs::read_dir(folder)? {
            bytes += file?.metadata()?.len();
        }
        Ok(bytes)
    };
    sum().map_err(|error| Fault::failed(format!("the log cannot be measured: {error}")))
}

/// The same denial of another moment: what differs from one to the next is whom and where.
fn numbered(template: &Decision, number: u64) -> Entry {
    let mut decision = template.clone();
    decision.duration_ns = (10_000 + number % 1_000).into();
    decision.into()
}

/// A denial of a spawn of another tenant's definition, as the gate records it.
fn decision(tenant: u64) -> Decision {
    let tenant = format!("t{tenant}");
    let process = format!("p~00000080000052{tenant}w6c43rng0000000007yt28k0ajhkf4");
    let entity = |kind: &str, id: &str| json!({"__entity": {"type": format!("Moonward::{kind}"), "id": id}});
    let uid = |kind: &str, id: &str| json!({"type": format!("Moonward::{kind}"), "id": id});
    let (actor, own) = (format!("{tenant}/service/worker"), format!("{tenant}.workers:handler"));
    let (scope, host) = (format!("{tenant}.security:worker"), "app:processes");
    let of = |attrs: Json, kind: &str, id: &str, parents: Json| json!({"uid": uid(kind, id), "attrs": attrs, "parents": parents});
    let entities = json!([
        of(
            json!({"kind": "service", "tenant": entity("Tenant", &tenant), "verified": true}),
            "Actor",
            &actor,
            json!([uid("Tenant", &tenant)])
        ),
        of(
            json!({"name": "handler", "shared": false, "tenant": entity("Tenant", &tenant)}),
            "Definition",
            &own,
            json!([uid("Namespace", &tenant)])
        ),
        of(
            json!({"name": "ledger", "shared": false, "tenant": entity("Tenant", "globex")}),
            "Definition",
            "globex:ledger",
            json!([uid("Namespace", "globex")])
        ),
        of(json!({}), "Host", host, json!([])),
        of(json!({"tenant": entity("Tenant", &tenant)}), "Namespace", &tenant, json!([])),
        of(json!({"tenant": entity("Tenant", "globex")}), "Namespace", "globex", json!([])),
        of(
            json!({"definition": entity("Definition", &own), "host": entity("Host", host), "owner": entity("Actor", &actor),
                "tenant": entity("Tenant", &tenant)}),
            "Process",
            &process,
            json!([])
        ),
        of(json!({"shared": false, "tenant": entity("Tenant", &tenant)}), "Scope", &scope, json!([])),
        of(json!({"plan": "", "suspended": false}), "Tenant", &tenant, json!([])),
        of(json!({"plan": "", "suspended": false}), "Tenant", "globex", json!([])),
    ]);
    Decision {
        actor: Some(actor.into()),
        actor_digest: Some("f5".repeat(32).into()),
        pid: Some(process.clone().into()),
        definition: Some(own.clone().into()),
        place: Some(Place { source: own.into(), line: 3 }),
        via: Some("spawn"),
        action: "process.spawn",
        resource: Resource { kind: "Definition", id: "globex:ledger".into() },
        context: json!({"host": entity("Host", host), "linked": false, "monitored": false,
            "pid": entity("Process", &process), "scopes": [entity("Scope", &scope)], "via": "spawn"}),
        scopes: vec![scope.into()],
        entities,
        policy_set: "a7".repeat(32).into(),
        generation: 1.into(),
        engine: Engine { version: "cedar-policy 4.14.1".into(), error_mode: "deny" },
        decision_kind: DecisionKind::DenyForbid,
        policies: vec![PolicyReference {
            id: "guard.tenant.definition".into(),
            file: "policies/guard.cedar".into(),
            line: 19,
            column: 1,
        }],
        errors: Vec::new(),
        shadow: None,
        chain: vec![Arc::from("9a79a6bd139f-2")],
        duration_ns: 0.into(),
        memo: Some(Memo::Miss),
        because: audit::Because::Denied,
        asserted_by: None,
        tenant: Some(tenant.into()),
    }
}
