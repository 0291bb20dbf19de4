//! The commands: one file each, with its arguments, its help and what it does.

mod audit;
mod bench;
mod call;
mod check;
mod completions;
mod demo;
mod doctor;
mod explain;
mod generate;
mod init;
mod policy;
mod recorded;
mod run;
mod token;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::shell;

/// A policy-first sandbox: many tenants' untrusted Lua as actors, a policy engine asked before every effect.
#[derive(Debug, Parser)]
#[command(name = "moonward", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "\
Start here:
  moonward demo
  moonward init my-app

Data goes to stdout, everything else to stderr. Log lines are chosen with MOONWARD_LOG
(`MOONWARD_LOG=debug`), colour is off with NO_COLOR.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// A command with its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Check(check::Check),
    Run(run::Run),
    Call(call::Call),
    Demo(demo::Demo),
    Policy(policy::Policy),
    Audit(audit::Audit),
    Explain(explain::Explain),
    Token(token::Token),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Generate(generate::Generate),
    Bench(bench::Bench),
}

impl Command {
    /// The form in which it gives its data, and says what went wrong.
    pub(crate) fn output(&self) -> Output {
        match self {
            Self::Check(check) => check.output.output,
            Self::Call(call) => call.output.output,
            Self::Doctor(doctor) => doctor.output.output,
            Self::Token(token) => token.output(),
            Self::Bench(bench) => bench.output(),
            Self::Policy(policy) => policy.output(),
            Self::Audit(audit) => audit.output(),
            Self::Explain(explain) => explain.output.output,
            Self::Init(_) | Self::Run(_) | Self::Demo(_) | Self::Completions(_) | Self::Generate(_) => {
                Output::Text
            }
        }
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It did not do what it was asked to.
    pub(crate) fn run(self, printer: &Printer) -> Result<Exit, Fault> {
        match self {
            Self::Init(init) => init.run(printer),
            Self::Check(check) => check.run(printer),
            Self::Run(run) => run.run(printer),
            Self::Call(call) => call.run(printer),
            Self::Demo(demo) => demo.run(printer),
            Self::Policy(policy) => policy.run(printer),
            Self::Audit(audit) => audit.run(printer),
            Self::Explain(explain) => explain.run(printer),
            Self::Token(token) => token.run(printer),
            Self::Doctor(doctor) => doctor.run(printer),
            Self::Completions(completions) => completions.run(printer),
            Self::Generate(generate) => generate.run(printer),
            Self::Bench(bench) => bench.run(printer),
        }
    }
}

/// Where a run records, for commands that run an app.
#[derive(Debug, Args)]
struct LogFolder {
    /// Folder of the audit log, instead of the app's own
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

impl LogFolder {
    /// The arguments that name the log of this app, as a shell takes them.
    fn words(&self, app: &Path) -> String {
        shell::log_of(app, self.log.as_deref())
    }
}

/// In which form data is wanted, for commands that give any.
#[derive(Debug, Args)]
struct OutputForm {
    /// Form of the output: `json` also for errors
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn arguments_do_not_contradict_each_other() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_is_and_shows_examples() {
        for command in super::Cli::command().get_subcommands() {
            let about = command.get_about().unwrap().to_string();
            assert!(!about.ends_with('.') && about.len() > 20, "{about}");
            let examples = command.get_after_help().unwrap().to_string();
            assert!(examples.contains(&format!("\n  moonward {}", command.get_name())), "{examples}");
        }
    }
}
