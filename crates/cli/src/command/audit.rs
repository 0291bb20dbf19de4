//! `moonward audit`: what happened, read from the log's files alone; one file a verb.
//!
//! No verb that reads needs the log's lock, or writes a record.

mod filters;
mod policy_texts;
mod report;
mod show;

use std::path::PathBuf;

use app::Outline;
use audit::ReadError;
use clap::{Args, Subcommand};
use diagnostic::visible;

use super::LogFolder;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::shell;

/// Read the audit log: what was denied, why, and what came before and after
///
/// Everything comes from the log's files, also while an app runs and writes them. No record is written.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit show 01M8EKA3G36AVWG4Z1D1AECJ20 my-app
  moonward audit report my-app --since 24h")]
pub(crate) struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Show(show::Show),
    Report(Box<report::Report>),
}

impl Audit {
    /// The form in which data and errors are wanted.
    pub(super) fn output(&self) -> Output {
        match &self.verb {
            Verb::Show(show) => show.output.output,
            Verb::Report(report) => report.output(),
        }
    }

    /// Does what the verb says.
    pub(super) fn run(self, printer: &Printer) -> Result<Exit, Fault> {
        match self.verb {
            Verb::Show(show) => show.run(printer),
            Verb::Report(report) => report.run(printer),
        }
    }
}

/// The log that a verb is about.
#[derive(Debug, Args)]
struct Source {
    /// Folder of the app
    #[arg(default_value = ".")]
    app: PathBuf,
    #[command(flatten)]
    log: LogFolder,
}

/// A log, found.
struct Found {
    folder: PathBuf,
    /// Whether the app lets things happen that it cannot record; not known of a log that was named.
    best_effort: bool,
}

impl Source {
    /// Where the log is.
    ///
    /// # Errors
    /// The manifest, which says where, cannot be understood; or there is no such folder.
    fn find(&self) -> Result<Found, Fault> {
        let found = match &self.log.log {
            Some(folder) => Found { folder: folder.clone(), best_effort: false },
            None => {
                let options = Outline::read(&self.app).map_err(Fault::Invalid)?.log_options(None);
                Found { folder: options.folder, best_effort: options.mode == audit::Mode::BestEffort }
            }
        };
        if !found.folder.is_dir() {
            let message =
                format!("there is no audit log in `{}`", visible(&found.folder.display().to_string()));
            return Err(Fault::failed(message)
                .with_help("a log is made when an app first runs; `--log DIR` names another one"));
        }
        Ok(found)
    }

    /// The arguments that name it, as a shell takes them.
    fn words(&self) -> String {
        let app = shell::path(&self.app);
        self.log.log.as_ref().map_or(app.clone(), |log| format!("{app} --log {}", shell::path(log)))
    }
}

/// What could not be read, in words.
fn unread(error: &ReadError) -> String {
    visible(&error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn every_verb_says_what_it_is_and_shows_examples() {
        let program = crate::command::Cli::command();
        for verb in program.find_subcommand("audit").unwrap().get_subcommands() {
            let about = verb.get_about().unwrap().to_string();
            assert!(!about.ends_with('.') && about.len() > 20, "{about}");
            let examples = verb.get_after_help().unwrap().to_string();
            assert!(examples.contains(&format!("moonward audit {}", verb.get_name())), "{examples}");
        }
    }
}
