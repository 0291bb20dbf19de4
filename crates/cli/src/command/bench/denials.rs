//! `moonward bench denials`: what a flood of denials of one tenant costs another, and the log.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
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

/// Times that the neighbour's rate is measured, without and with the flood; the median counts.
const ROUNDS: usize = 7;

/// Rounds of more messages than this would take long on any machine.
const MESSAGES_MAX: i64 = 10_000_000;

/// Measure what a flood of denials of one tenant costs another
///
/// A neighbour sends messages to itself and receives each, first alone. Then as many processes of another tenant as there
/// are cores ask for what is denied, again and again, while it does the same.
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
        let alone = rate(&node, self.messages)?;
        let flood = (0..cores())
            .map(|_| node.spawn("attacker", "attacker:flood", drop))
            .collect::<Result<Vec<_>, _>>()?;
        let started = Instant::now();
        let flooded = rate(&node, self.messages)?;
        let took = started.elapsed();
        flood.iter().for_each(|process| node.kill(process));
        let told = node.stop_and_read(told)??;

        let part = flooded / alone * 100.0;
        let denials = told.recorded + told.counted;
        let per_second = denials as f64 / took.as_secs_f64();
        let what = format!("{} processes of one tenant that are denied, messages of another", flood.len());
        let mut report = Report::new("denials", what);
        report.row("neighbour_alone", format!("{alone:.0} messages a second"), json!(alone.round()));
        report.row(
            "neighbour_with_flood",
            format!("{flooded:.0} messages a second, {part:.0} % (median of {ROUNDS})"),
            json!({"rate": flooded.round(), "percent": part}),
        );
        report.row(
            "denials",
            format!("{denials} in {:.2} s, {per_second:.0} a second", took.as_secs_f64()),
            json!({"count": denials, "ns": took.as_nanos().to_string()}),
        );
        report.row(
            "log",
            format!("{} recorded, {} counted, {} KiB", told.recorded, told.counted, told.bytes >> 10),
            json!({"recorded": told.recorded, "counted": told.counted, "bytes": told.bytes}),
        );
        Ok(report)
    }
}

/// The neighbour's messages a second, as the median round has it.
fn rate(node: &BenchNode, messages: u32) -> Result<f64, Fault> {
    let mut times = (0..ROUNDS).map(|_| work(node, messages)).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    let median = times.get(ROUNDS / 2).copied().unwrap_or_default();
    Ok(f64::from(messages) / median.as_secs_f64())
}

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
