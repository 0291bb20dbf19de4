//! `moonward bench`: measurements that anybody can repeat, each saying what it measured and on what.

mod audit;
mod check;
mod denials;
mod folder;
mod loops;
mod node;
mod parked;
mod policy;
mod replay;
mod report;

use clap::{Args, Subcommand};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Measure this build on this machine
///
/// Numbers of different machines cannot be compared; ratios in one run can.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward bench parked --processes 100000
  moonward bench loops -o json
  moonward bench check --policies 10000
  moonward bench audit --records 100000
  moonward bench denials
  moonward bench policy --policies 10000
  moonward bench replay --records 100000")]
pub(crate) struct Bench {
    #[command(subcommand)]
    which: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    Parked(parked::Parked),
    Loops(loops::Loops),
    Check(check::Check),
    Audit(audit::Audit),
    Denials(denials::Denials),
    Policy(policy::Policy),
    Replay(replay::Replay),
}

impl Bench {
    /// The form in which the numbers are wanted.
    pub(super) fn output(&self) -> Output {
        match &self.which {
            Which::Parked(parked) => parked.output.output,
            Which::Loops(loops) => loops.output.output,
            Which::Check(check) => check.output.output,
            Which::Audit(audit) => audit.output.output,
            Which::Denials(denials) => denials.output.output,
            Which::Policy(policy) => policy.output.output,
            Which::Replay(replay) => replay.output.output,
        }
    }

    /// Measures, and prints the numbers.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        if cfg!(debug_assertions) {
            printer.say("warning: this is a debug build, a release build is several times as fast");
        }
        let report = match &self.which {
            Which::Parked(parked) => parked.measure(printer)?,
            Which::Loops(loops) => loops.measure(printer)?,
            Which::Check(check) => check.measure(printer)?,
            Which::Audit(audit) => audit.measure(printer)?,
            Which::Denials(denials) => denials.measure(printer)?,
            Which::Policy(policy) => policy.measure(printer)?,
            Which::Replay(replay) => replay.measure(printer)?,
        };
        match printer.output() {
            Output::Text => printer.data(&report.to_text())?,
            Output::Json => printer.json(&report.to_json())?,
        }
        Ok(Exit::Done)
    }
}
