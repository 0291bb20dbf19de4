//! `moonward bench parked`: what a process costs that waits.

use std::fs;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use value::Value;

use super::node::BenchNode;
use super::report::Report;
use crate::command::OutputForm;
use crate::embedded::File;
use crate::fault::Fault;
use crate::print::Printer;

const FILES: [File<'static>; 3] = [
    ("_index.yaml", include_str!("../../bench/parked.yaml")),
    ("tenant.yaml", include_str!("../../bench/parked-tenant.yaml")),
    ("own-tenant.cedar", include_str!("../../../../../policies/own-tenant.cedar")),
];

/// Processes that run before memory is looked at, so that what the first one needs for all is not counted.
const WARM_UP: u32 = 100;

/// Measure time and memory of many processes that wait
///
/// Each is spawned by a script, sends one message, which the policies are asked for, and waits for another.
#[derive(Debug, Args)]
pub(super) struct Parked {
    /// How many
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    processes: u32,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Parked {
    pub(super) fn measure(&self, printer: &Printer) -> Result<Report, Fault> {
        let count = self.processes;
        let node = BenchNode::start(&FILES, printer)?;
        node.call("bench:starter", Value::Number(f64::from(WARM_UP)))?;
        let before = resident_bytes()?;
        let started = Instant::now();
        node.call("bench:starter", Value::Number(f64::from(count)))?;
        let took = started.elapsed();
        let after = resident_bytes()?;
        node.stop()?;

        let each = after.saturating_sub(before) / u64::from(count);
        let rate = f64::from(count) / took.as_secs_f64();
        let what = format!("{count} processes spawned by a script, each waiting after one checked send");
        let mut report = Report::new("parked", what);
        report.row(
            "memory",
            format!("{} MiB resident, {} MiB of it before", after >> 20, before >> 20),
            json!({"resident_bytes": after, "resident_before_bytes": before}),
        );
        report.row("a_process", format!("{each} bytes"), json!({ "bytes": each }));
        report.row(
            "time",
            format!("{:.2} s, {rate:.0} processes a second", took.as_secs_f64()),
            json!({"ns": took.as_nanos().to_string(), "processes_per_second": rate.round()}),
        );
        Ok(report)
    }
}

/// Memory of this process that is in use, as the system counts it.
fn resident_bytes() -> Result<u64, Fault> {
    let unknown = || Fault::failed("memory of this process is not known: `/proc/self/status` does not tell");
    let status = fs::read_to_string("/proc/self/status").map_err(|_| unknown())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or_else(unknown)?;
    let kibibytes: u64 =
        line.split_whitespace().next().and_then(|text| text.parse().ok()).ok_or_else(unknown)?;
    Ok(kibibytes * 1024)
}
