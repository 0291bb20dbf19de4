//! `moonward bench denials`: what a flood of denials of one tenant costs another, and the log.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use clap::Args;
use policy::Process;
use serde_json::{Value as Json, json};
use value::Value;

use super::node::BenchNode;
use super::report::{Report, cores};
use crate::command::OutputForm;
use crate::embedded::File;
use crate::fault::Fault;
use crate::print::Printer;

const FILES: [File<'static>; 4] = [
    ("_index.yaml", include_str!("../../bench/denials.yaml")),
    ("attacker.yaml", include_str!("../../bench/denials-attacker.yaml")),
    ("neighbour.yaml", include_str!("../../bench/denials-neighbour.yaml")),
    ("own-tenant.cedar", include_str!("../../../../../policies/own-tenant.cedar")),
];

/// Times that the neighbour's rate is measured, without and with the flood by turns, so that what else the machine does
/// weighs on both; the medians count.
const ROUNDS: usize = 9;

/// After this a process that was ended counts as not ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rounds of more messages than this would take long on any machine.
const MESSAGES_MAX: i64 = 10_000_000;

/// Measure what a flood of denials of one tenant costs another
///
/// A neighbour sends messages to itself and receives each, by turns alone and while as many processes of another tenant as
/// there are cores ask for what is denied, again and again.
#[derive(Debug, Args)]
pub(super) struct Denials {
    /// How many messages the neighbour sends in one round
    #[arg(long, value_name = "COUNT", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=MESSAGES_MAX))]
    messages: u32,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Denials {
    pub(super) fn measure(&self, printer: &Printer) -> Result<Report, Fault> {
        let node = BenchNode::start(&FILES, printer)?;
        // What is made for the first process of all is not measured.
        work(&node, self.messages)?;
        let (mut alone, mut flooded, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let quiet = work(&node, self.messages)?;
            let flood = Flood::start(&node)?;
            let loud = work(&node, self.messages)?;
            flood.end(&node)?;
            parts.push(quiet.as_secs_f64() / loud.as_secs_f64() * 100.0);
            alone.push(f64::from(self.messages) / quiet.as_secs_f64());
            flooded.push(f64::from(self.messages) / loud.as_secs_f64());
        }
        let took = flooded.iter().map(|rate| f64::from(self.messages) / rate).sum::<f64>();
        let told = node.stop_and_read(told)??;

        let [alone, flooded, part] = [alone, flooded, parts].map(median);
        let denials = told.recorded + told.counted;
        let per_second = denials as f64 / took;
        let what = format!("{} processes of one tenant that are denied, messages of another", cores());
        let mut report = Report::new("denials", what);
        report.row("neighbour_alone", format!("{alone:.0} messages a second"), json!(alone.round()));
        report.row(
            "neighbour_with_flood",
            format!("{flooded:.0} messages a second, {part:.0} % (median of {ROUNDS})"),
            json!({"rate": flooded.round(), "percent": part}),
        );
        report.row(
            "denials",
            format!("{denials} in {took:.2} s, {per_second:.0} a second"),
            json!({"count": denials, "seconds": took}),
        );
        report.row(
            "log",
            format!("{} recorded, {} counted, {} KiB", told.recorded, told.counted, told.bytes >> 10),
            json!({"recorded": told.recorded, "counted": told.counted, "bytes": told.bytes}),
        );
        Ok(report)
    }
}

/// Processes that are denied until they are ended.
struct Flood {
    processes: Vec<Arc<Process>>,
    ended: Receiver<()>,
}

impl Flood {
    /// Lets as many as there are cores begin.
    fn start(node: &BenchNode) -> Result<Self, Fault> {
        let (sender, ended) = mpsc::channel();
        let begin = |_| {
            let sender = sender.clone();
            node.spawn("attacker", "attacker:flood", move |_| {
                // Nobody hears the end of one that outlasted the measurement.
                let _ = sender.send(());
            })
        };
        Ok(Self { processes: (0..cores()).map(begin).collect::<Result<_, _>>()?, ended })
    }

    /// Ends them, and waits until they have ended.
    fn end(self, node: &BenchNode) -> Result<(), Fault> {
        self.processes.iter().for_each(|process| node.kill(process));
        for _ in &self.processes {
            let gone =
                |_| Fault::failed(format!("a process did not end within {PATIENCE:?} of being asked to"));
            self.ended.recv_timeout(PATIENCE).map_err(gone)?;
        }
        Ok(())
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// How long the neighbour takes for its messages.
fn work(node: &BenchNode, messages: u32) -> Result<Duration, Fault> {
    let started = Instant::now();
    node.call("neighbour:work", Value::Number(f64::from(messages)))?;
    Ok(started.elapsed())
}

/// What a log tells of denials.
struct Told {
    recorded: u64,
    counted: u64,
    bytes: u64,
}

fn told(log: &Path) -> Result<Told, Fault> {
    let unreadable =
        |error: &dyn std::fmt::Display| Fault::failed(format!("the log cannot be read: {error}"));
    let (mut recorded, mut counts) = (0, HashMap::new());
    for line in audit::read(log) {
        let record = line.map_err(|error| unreadable(&error))?.record;
        let text = |at: &str| record.pointer(at).and_then(Json::as_str).map(str::to_owned);
        recorded += u64::from(text("/decision").as_deref() == Some("deny"));
        let kind = text("/detail/decision_kind");
        if let (Some(opening), Some(count)) = (text("/detail/opening"), text("/detail/count"))
            && kind.is_some_and(|kind| kind != "allow")
        {
            // The last one of each is of all before.
            counts.insert(opening, count.parse::<u64>().unwrap_or(0));
        }
    }
    let mut bytes = 0;
    for file in std::fs::read_dir(log).map_err(|error| unreadable(&error))? {
        let file = file.and_then(|file| file.metadata()).map_err(|error| unreadable(&error))?;
        bytes += if file.is_file() { file.len() } else { 0 };
    }
    Ok(Told { recorded, counted: counts.into_values().sum(), bytes })
}
