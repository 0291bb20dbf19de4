//! `moonward policy`: policies written, tried, tested and taken back, from files alone; one file a verb.
//!
//! No verb starts anything. Only `rollback` changes what an app decides by, and leaves a record.

mod annotated;
mod answer;
mod asked;
mod case;
mod changes;
mod changes_report;
mod check;
mod coverage;
mod diff;
mod effective;
mod explain;
mod explained;
mod fmt;
mod history;
mod inspect;
mod premises;
mod prove;
mod prove_report;
mod remedies;
mod replay;
mod replaying;
mod rollback;
mod simulate;
mod suggest;
mod suggested;
mod test;
mod test_report;
mod who_can;

use clap::{Args, Subcommand};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Write, try, test and take back policies, from files alone
///
/// Nothing is run: decisions are made as the gate would make them, with the shipped guard.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy check my-app
  moonward policy simulate my-app -l default/user/ada -a process.spawn -r app:hello
  moonward policy explain last my-app
  moonward policy suggest my-app --since 15m
  moonward policy test my-app
  moonward policy inspect my-app --action process.send
  moonward policy replay my-app --candidate changed-app
  moonward policy diff my-app changed-app
  moonward policy history my-app
  moonward policy prove isolation my-app")]
pub(crate) struct Policy {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Fmt(fmt::Fmt),
    Test(test::Test),
    #[command(visible_alias = "dry-run")]
    Simulate(Box<simulate::Simulate>),
    Explain(Box<explain::Explain>),
    Suggest(Box<suggest::Suggest>),
    Effective(effective::Effective),
    Inspect(inspect::Inspect),
    WhoCan(who_can::WhoCan),
    Replay(Box<replay::Replay>),
    Diff(Box<diff::Diff>),
    History(history::History),
    Prove(Box<prove::Prove>),
    Rollback(rollback::Rollback),
}

impl Policy {
    /// The form in which data and errors are wanted.
    pub(super) fn output(&self) -> Output {
        match &self.verb {
            Verb::Check(check) => check.output(),
            Verb::Fmt(fmt) => fmt.output.output,
            Verb::Test(test) => test.output(),
            Verb::Simulate(simulate) => simulate.output.output,
            Verb::Explain(explain) => explain.output.output,
            Verb::Suggest(suggest) => suggest.output.output,
            Verb::Effective(effective) => effective.output.output,
            Verb::Inspect(inspect) => inspect.output.output,
            Verb::WhoCan(who_can) => who_can.output.output,
            Verb::Replay(replay) => replay.output(),
            Verb::Diff(diff) => diff.output(),
            Verb::History(history) => history.output.output,
            Verb::Prove(prove) => prove.output.output,
            Verb::Rollback(rollback) => rollback.output.output,
        }
    }

    /// Does what the verb says.
    pub(super) fn run(self, printer: &Printer) -> Result<Exit, Fault> {
        match self.verb {
            Verb::Check(check) => check.run(printer),
            Verb::Fmt(fmt) => fmt.run(printer),
            Verb::Test(test) => test.run(printer),
            Verb::Simulate(simulate) => simulate.run(printer),
            Verb::Explain(explain) => explain.run(printer),
            Verb::Suggest(suggest) => suggest.run(printer),
            Verb::Effective(effective) => effective.run(printer),
            Verb::Inspect(inspect) => inspect.run(printer),
            Verb::WhoCan(who_can) => who_can.run(printer),
            Verb::Replay(replay) => replay.run(printer),
            Verb::Diff(diff) => diff.run(printer),
            Verb::History(history) => history.run(printer),
            Verb::Prove(prove) => prove.run(printer),
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
