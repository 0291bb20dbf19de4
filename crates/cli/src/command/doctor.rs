//! `moonward doctor`: whether this machine is fit to run apps, found out by trying.

mod findings;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value as Json, json};

use super::OutputForm;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use findings::{Finding, State};

/// Find out whether this machine is fit to run apps
///
/// Exits with 1 if something is wrong.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward doctor
  moonward doctor --log my-app/data/audit -o json")]
pub(crate) struct Doctor {
    /// Folder whose disk is to hold an audit log [default: the one for temporary files]
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: OutputForm,
    /// Run the virtual machine's known crashers in this process, and say nothing else
    #[arg(long, hide = true)]
    self_test: bool,
}

impl Doctor {
    /// Tries everything and prints what was found.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        if self.self_test {
            return self_test(printer);
        }
        let found = findings::all(self.log.as_deref());
        if printer.output() == Output::Json {
            printer.json(&json!({ "checks": found.iter().map(Finding::to_json).collect::<Vec<Json>>() }))?;
        } else {
            let lines: String = found.iter().map(Finding::to_text).collect();
            printer.data(&lines)?;
        }
        Ok(if found.iter().any(|finding| finding.state == State::Wrong) { Exit::Failed } else { Exit::Done })
    }
}

/// What the parent reads: one line on stdout when all is well, an error otherwise, or nothing after a crash.
fn self_test(printer: &Printer) -> Result<Exit, Fault> {
    let report = luau::self_test::run()
        .map_err(|error| Fault::failed(format!("self-test of the virtual machine failed: {error}")))?;
    printer.data(&format!("{} known crashers of the virtual machine did no harm\n", report.passed.len()))?;
    Ok(Exit::Done)
}
