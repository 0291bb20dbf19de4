//! Decisions that are only counted: what is on the disk in the end, and what callers were told.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::{DecisionKind, Log, Mode, Occurrence, Options, Unavailable};
use serde_json::{Value, json};

use crate::faulty::{EIO, FaultyDisk, Operation};
use crate::form::decision;
use crate::{of_kind, open, options, records, tempdir};

fn denied<'a>(tenant: &'a Arc<str>, actor: &'a Arc<str>, action: &'static str) -> Occurrence<'a> {
    Occurrence {
        tenant: Some(tenant),
        actor: Some(actor),
        action,
        resource_type: "Process",
        decision_kind: DecisionKind::DenyForbid,
    }
}

/// Asks the log to record or count; the id that the caller gets.
fn decide(log: &Log, occurrence: &Occurrence<'_>) -> Result<String, Unavailable> {
    let decision = || audit::Decision {
        tenant: occurrence.tenant.cloned(),
        actor: occurrence.actor.cloned(),
        action: occurrence.action,
        decision_kind: occurrence.decision_kind,
        ..decision()
    };
    log.decided(occurrence, decision).map(|id| id.to_string())
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

/// For each tenant how many decisions the log tells of, its own records and the last counts together.
fn told(records: &[Value]) -> HashMap<String, u64> {
    let mut told: HashMap<String, u64> = HashMap::new();
    let mut counts = HashMap::new();
    for record in records {
        let tenant = record["tenant"].as_str().unwrap_or_default().to_owned();
        match record["kind"].as_str().unwrap() {
            "decision" => *told.entry(tenant).or_default() += 1,
            "rollup" => {
                let detail = &record["detail"];
                counts.insert(detail["opening"].as_str().unwrap(), (tenant, number(&detail["count"])));
            }
            _ => {}
        }
    }
    for (tenant, count) in counts.into_values() {
        *told.entry(tenant).or_default() += count;
    }
    told
}

#[test]
fn a_flood_of_many_threads_actors_and_actions_is_small_in_the_log_and_adds_up() {
    const EACH: usize = 40_000;
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let neighbour = std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || {
                let tenant = Arc::from("flood");
                let actors: Vec<Arc<str>> =
                    (0..100).map(|actor| format!("flood/user/{thread}-{actor}").into()).collect();
                for turn in 0..EACH {
                    let action = ["process.send", "process.spawn", "process.call"][turn % 3];
                    decide(log, &denied(&tenant, &actors[turn % actors.len()], action)).unwrap();
                }
            });
        }
        let (tenant, actor) = (Arc::from("quiet"), Arc::from("quiet/user/eve"));
        let ids = (0..50).map(|_| decide(&log, &denied(&tenant, &actor, "process.send")).unwrap());
        ids.collect::<Vec<_>>()
    });
    log.close().unwrap();
    let bytes: u64 =
        fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < 4 << 20, "{bytes} bytes");
    let records = records(folder.path());
    let expected = HashMap::from([("flood".to_owned(), 4 * EACH as u64), ("quiet".to_owned(), 50)]);
    assert_eq!(told(&records), expected);
    let quiet: Vec<&str> = of_kind(&records, "decision")
        .into_iter()
        .filter(|record| record["tenant"] == "quiet")
        .map(|record| record["id"].as_str().unwrap())
        .collect();
    assert_eq!(quiet, neighbour, "each has a record of its own, which the caller was told");
    let last: HashMap<&str, &Value> = of_kind(&records, "rollup")
        .into_iter()
        .map(|record| (record["detail"]["opening"].as_str().unwrap(), &record["detail"]["closed"]))
        .collect();
    assert!(last.values().all(|closed| **closed == json!(true)), "{last:?}");
}

#[test]
fn every_id_that_a_caller_got_is_that_of_a_record_of_what_it_asked_for() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let tenant = Arc::from("acme");
    let actors: [Arc<str>; 2] = ["acme/user/bob".into(), "acme/user/eve".into()];
    let mut told: HashMap<&Arc<str>, HashSet<String>> = HashMap::new();
    for turn in 0..1_000 {
        let actor = &actors[turn % 2];
        told.entry(actor).or_default().insert(decide(&log, &denied(&tenant, actor, "process.send")).unwrap());
    }
    log.close().unwrap();
    let records = records(folder.path());
    for (actor, ids) in told {
        let own: HashSet<String> = of_kind(&records, "decision")
            .iter()
            .filter(|record| record["actor"] == **actor)
            .map(|record| record["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(own, ids, "{actor}");
        assert!((101..200).contains(&own.len()), "{} records", own.len());
        let rollup = of_kind(&records, "rollup").into_iter().rfind(|record| record["actor"] == **actor);
        let rollup = rollup.unwrap();
        assert_eq!(
            (&rollup["detail"]["action"], &rollup["detail"]["resource_type"]),
            (&json!("process.send"), &json!("Process"))
        );
        assert_eq!(rollup["detail"]["decision_kind"], "deny_forbid");
        assert_eq!(number(&rollup["detail"]["count"]) + own.len() as u64, 500);
        assert!(own.contains(rollup["detail"]["opening"].as_str().unwrap()));
    }
}

#[test]
fn a_count_is_on_the_disk_before_long_without_another_decision() {
    let folder = tempdir().unwrap();
    let log = open(folder.path());
    let (tenant, actor) = (Arc::from("acme"), Arc::from("acme/user/bob"));
    for _ in 0..150 {
        decide(&log, &denied(&tenant, &actor, "process.send")).unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while told(&records(folder.path())).get("acme") != Some(&150) {
        assert!(Instant::now() < deadline, "the count is not told");
        std::thread::yield_now();
    }
    drop(log);
}

#[test]
fn a_decision_that_would_only_be_counted_is_refused_while_the_disk_takes_no_lines() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    let log = Log::open(Options { disk: Arc::new(disk.clone()), ..options(folder.path()) }).unwrap();
    let (tenant, actor) = (Arc::from("acme"), Arc::from("acme/user/bob"));
    let flood = denied(&tenant, &actor, "process.send");
    for _ in 0..200 {
        decide(&log, &flood).unwrap();
    }
    log.sync().unwrap();
    disk.fail(|operation| (operation == Operation::Write).then_some(EIO));
    crate::accept(&log, 1).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while log.writable() {
        assert!(Instant::now() < deadline, "the outage is not seen");
        std::thread::yield_now();
    }
    for _ in 0..100 {
        assert!(matches!(decide(&log, &flood), Err(Unavailable::Unwritable { .. })));
    }
    disk.heal();
    crate::sync_at_last(&log);
    log.close().unwrap();
    assert_eq!(told(&records(folder.path()))["acme"], 200, "what was refused is not counted");
    assert_eq!(decide(&log, &flood), Err(Unavailable::Closed));
}

#[test]
fn nothing_is_counted_under_a_record_that_a_best_effort_log_has_dropped() {
    let folder = tempdir().unwrap();
    let disk = FaultyDisk::healthy();
    disk.hold_syncs();
    let log = Log::open(Options {
        disk: Arc::new(disk.clone()),
        mode: Mode::BestEffort,
        queue_records_max: 64,
        ..options(folder.path())
    });
    let log = log.unwrap();
    let (tenant, actor) = (Arc::from("acme"), Arc::from("acme/user/bob"));
    for _ in 0..200 {
        decide(&log, &denied(&tenant, &actor, "process.send")).unwrap();
    }
    disk.release_syncs();
    log.close().unwrap();
    let records = records(folder.path());
    let ids: HashSet<&str> =
        of_kind(&records, "decision").iter().map(|record| record["id"].as_str().unwrap()).collect();
    for rollup in of_kind(&records, "rollup") {
        assert!(ids.contains(rollup["detail"]["opening"].as_str().unwrap()), "{rollup}");
    }
}
