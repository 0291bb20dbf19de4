//! `moonward bench loops`: what endless loops of one tenant cost another, and how fast they are ended.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use value::Value;

use super::node::BenchNode;
use super::report::{Report, Times, cores};
use crate::command::OutputForm;
use crate::embedded::File;
use crate::fault::Fault;
use crate::print::Printer;

const FILES: [File<'static>; 4] = [
    ("_index.yaml", include_str!("../../bench/loops.yaml")),
    ("attacker.yaml", include_str!("../../bench/loops-attacker.yaml")),
    ("neighbour.yaml", include_str!("../../bench/loops-neighbour.yaml")),
    ("own-tenant.cedar", include_str!("../../../../../policies/own-tenant.cedar")),
];

/// Answers of the neighbour while it is alone.
const ANSWERS_ALONE: usize = 500;

/// Times that all loops are started and ended by the host.
const ROUNDS: usize = 10;

/// How long loops run before they are ended: several slices, far from their CPU limit of 1 s.
const HEAD_START: Duration = Duration::from_millis(50);

/// After this a loop counts as not ended: ten times what all loops may use on one core.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measure what endless loops of one tenant cost another
///
/// Loops in twice the number of cores, each within `pcall`, run until their CPU limit ends them, while a neighbour of
/// another tenant is called again and again: spawned, run and answered. Then loops are ended by the host.
#[derive(Debug, Args)]
pub(super) struct Loops {
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Loops {
    pub(super) fn measure(&self, printer: &Printer) -> Result<Report, Fault> {
        let loops = 2 * cores();
        let node = BenchNode::start(&FILES, printer)?;
        let alone = (0..ANSWERS_ALONE).map(|_| answer(&node)).collect::<Result<Vec<_>, _>>()?;
        let attack = attack(&node, loops)?;
        let mut kills = Vec::with_capacity(ROUNDS * loops);
        for _ in 0..ROUNDS {
            kills.extend(kill(&node, loops)?);
        }
        node.stop()?;

        let what = format!("{loops} endless loops of one tenant, calls to another");
        let mut report = Report::new("loops", what);
        report.times("neighbour_alone", Times::of(alone));
        report.times("neighbour_with_loops", Times::of(attack.answers));
        let ends: Vec<String> =
            attack.ends.iter().map(|(why, count)| format!("{count} by `{why}`")).collect();
        report.row(
            "loops_ended",
            format!("{} in {:.2} s", ends.join(", "), attack.took.as_secs_f64()),
            json!({"by": attack.ends, "ns": attack.took.as_nanos().to_string()}),
        );
        report.times("time_to_kill", Times::of(kills));
        Ok(report)
    }
}

/// How long the neighbour takes to answer a call.
fn answer(node: &BenchNode) -> Result<Duration, Fault> {
    let started = Instant::now();
    node.call("neighbour:answer", Value::from("ping"))?;
    Ok(started.elapsed())
}

/// What happened while loops ran.
struct Attack {
    answers: Vec<Duration>,
    /// How many loops ended for which reason.
    ends: BTreeMap<String, usize>,
    took: Duration,
}

/// Runs loops until they are ended by their limit, and calls the neighbour meanwhile.
fn attack(node: &BenchNode, loops: usize) -> Result<Attack, Fault> {
    let (sender, ended) = mpsc::channel();
    let started = Instant::now();
    for _ in 0..loops {
        let sender = sender.clone();
        // Nobody hears the end of a loop that outlasted the measurement.
        node.spawn("attacker", "attacker:loop", move |why| drop(sender.send(why)))?;
    }
    let mut attack = Attack { answers: Vec::new(), ends: BTreeMap::new(), took: Duration::ZERO };
    let mut left = loops;
    while left > 0 {
        attack.answers.push(answer(node)?);
        match ended.try_recv() {
            Ok(why) => {
                left -= 1;
                *attack.ends.entry(without_numbers(why)).or_default() += 1;
            }
            Err(TryRecvError::Empty) if started.elapsed() < PATIENCE => {}
            Err(_) => {
                return Err(Fault::failed(format!(
                    "{left} of {loops} loops did not end within {PATIENCE:?}"
                )));
            }
        }
    }
    attack.took = started.elapsed();
    Ok(attack)
}

/// Starts loops, ends each, and gives the times until it had ended.
fn kill(node: &BenchNode, loops: usize) -> Result<Vec<Duration>, Fault> {
    let (sender, ended) = mpsc::channel();
    let mut processes = Vec::with_capacity(loops);
    for _ in 0..loops {
        let sender = sender.clone();
        processes.push(node.spawn("attacker", "attacker:loop", move |_| {
            // Who measures may have given up by now.
            let _ = sender.send(Instant::now());
        })?);
    }
    std::thread::sleep(HEAD_START);
    let mut times = Vec::with_capacity(loops);
    for process in processes {
        let asked = Instant::now();
        node.kill(&process);
        match ended.recv_timeout(PATIENCE) {
            Ok(end) => times.push(end.saturating_duration_since(asked)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return Err(Fault::failed(format!(
                    "a loop did not end within {PATIENCE:?} of being asked to"
                )));
            }
        }
    }
    Ok(times)
}

/// A reason without what differs from loop to loop: what it used.
fn without_numbers(why: Option<String>) -> String {
    let why = why.unwrap_or_else(|| "returned".to_owned());
    why.split([':', ',', ';']).next().unwrap_or_default().to_owned()
}
