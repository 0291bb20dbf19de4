//! `moonward policy`: policies as files, worked on without running anything. One file a verb.

mod check;
mod fmt;
mod history;
mod rollback;

use clap::{Args, Subcommand};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Work on the policies of an app, from its files alone
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy check my-app
  moonward policy fmt --check my-app")]
pub(crate) struct Policy {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Fmt(fmt::Fmt),
    History(history::History),
    Rollback(rollback::Rollback),
}

impl Policy {
    /// The form in which data and errors are wanted.
    pub(super) fn output(&self) -> Output {
        match &self.verb {
            Verb::Check(check) => check.output(),
            Verb::Fmt(_) => Output::Text,
            Verb::History(history) => history.output.output,
            Verb::Rollback(rollback) => rollback.output.output,
        }
    }

    /// Does what the verb says.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        match &self.verb {
            Verb::Check(check) => check.run(printer),
            Verb::Fmt(fmt) => fmt.run(printer),
            Verb::History(history) => history.run(printer),
            Verb::Rollback(rollback) => rollback.run(printer),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn every_verb_says_what_it_is_and_shows_examples() {
        let program = crate::command::Cli::command();
        for verb in program.find_subcommand("policy").unwrap().get_subcommands() {
            let about = verb.get_about().unwrap().to_string();
            assert!(!about.ends_with('.') && about.len() > 20, "{about}");
            let examples = verb.get_after_help().unwrap().to_string();
            assert!(examples.contains(&format!("moonward policy {}", verb.get_name())), "{examples}");
        }
    }
}
