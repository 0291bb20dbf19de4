//! `moonward audit`: the audit log read, by people and their tools; one file a verb.
//!
//! From files alone: no verb that reads needs the log's lock, and none writes a record; `rotate-key` does both. What is found is read from the segments;
//! the index beside them only says where.

mod export;
pub(super) mod filters;
mod line;
mod policy_texts;
mod query;
mod reindex;
mod report;
mod rotate_key;
mod show;
mod tail;
mod verdict;
mod verify;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use app::Outline;
use clap::{Args, Subcommand};
use diagnostic::visible;
use policy::limits::EVALUATION_STACK_BYTES;
use review::IndexError;
use serde_json::Value as Json;

use super::LogFolder;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer, terminal_json};

/// Reasons and troubles of one sort that are told in words: more are counted.
const TOLD_MAX: usize = 5;

/// Read the audit log: live, by question, one record's story, a report, handed on to other tools, or verified
///
/// From the log's files alone, also while an app is running, and without a record; only `rotate-key` writes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit tail -f my-app
  moonward audit query --since 15m --decision deny my-app
  moonward audit show last my-app
  moonward audit report --since 24h my-app
  moonward audit query --where 'record.context.bytes > 1000' -o json my-app
  moonward audit export --cursor last-export.json my-app >> audit.jsonl
  moonward audit verify my-app
  moonward audit rotate-key my-app")]
pub(crate) struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Tail(Box<tail::Tail>),
    Query(Box<query::Query>),
    Show(show::Show),
    Report(Box<report::Report>),
    Verify(verify::Verify),
    Export(Box<export::Export>),
    Reindex(reindex::Reindex),
    RotateKey(rotate_key::RotateKey),
}

impl Audit {
    /// The form in which data and errors are wanted.
    pub(super) fn output(&self) -> Output {
        match &self.verb {
            Verb::Tail(tail) => tail.output.output,
            Verb::Query(query) => query.output.output,
            Verb::Show(show) => show.output.output,
            Verb::Report(report) => report.output(),
            Verb::Verify(verify) => verify.output.output,
            Verb::Export(export) => export.output(),
            Verb::Reindex(reindex) => reindex.output.output,
            Verb::RotateKey(rotate_key) => rotate_key.output.output,
        }
    }

    /// Does what the verb says.
    pub(super) fn run(self, printer: &Printer) -> Result<Exit, Fault> {
        on_large_stack(|| match self.verb {
            Verb::Tail(tail) => tail.run(printer),
            Verb::Query(query) => query.run(printer),
            Verb::Show(show) => show.run(printer),
            Verb::Report(report) => report.run(printer),
            Verb::Verify(verify) => verify.run(printer),
            Verb::Export(export) => export.run(printer),
            Verb::Reindex(reindex) => reindex.run(printer),
            Verb::RotateKey(rotate_key) => rotate_key.run(printer),
        })
    }
}

/// Which log is read.
#[derive(Debug, Args)]
struct Place {
    /// Folder of the app
    #[arg(default_value = ".")]
    app: PathBuf,
    #[command(flatten)]
    log: LogFolder,
}

impl Place {
    /// The folder of the log: with records in it, unless the app never had one.
    ///
    /// # Errors
    /// The log was named, and there is none; the app has signed one, which is not there; or the app's manifest cannot be
    /// understood.
    fn folder(&self) -> Result<PathBuf, Fault> {
        let folder = self.folder_to_come()?;
        if review::has_records(&folder) {
            return Ok(folder);
        }
        if self.log.log.is_some() {
            return Err(no_log(&folder).with_help(WHAT_LOG_TAKES));
        }
        let key = Outline::read(&self.app).map_err(Fault::Invalid)?.log_options(None).key;
        if key.exists() {
            let help = "it may be in another folder, which `--log DIR` names; otherwise it was removed";
            let message = format!("{}, and `{}` has signed one", no_log(&folder).message(), key.display());
            return Err(Fault::failed(message).with_help(help));
        }
        Ok(folder)
    }

    /// The folder where records are or may come to be.
    ///
    /// # Errors
    /// The log was named, and the folder is not there; or the app's manifest cannot be understood.
    fn folder_to_come(&self) -> Result<PathBuf, Fault> {
        match &self.log.log {
            Some(folder) if folder.is_dir() => Ok(folder.clone()),
            Some(folder) => Err(no_log(folder).with_help(WHAT_LOG_TAKES)),
            None => Ok(Outline::read(&self.app).map_err(Fault::Invalid)?.log_options(None).folder),
        }
    }

    /// Whether the app lets things happen that it cannot record; not known of a log that was named.
    fn is_best_effort(&self) -> bool {
        let mode = |outline: Outline| outline.log_options(None).mode;
        self.log.log.is_none()
            && Outline::read(&self.app).is_ok_and(|outline| mode(outline) == audit::Mode::BestEffort)
    }

    /// The arguments that name it, as a shell takes them.
    fn words(&self) -> String {
        self.log.words(&self.app)
    }
}

/// What an argument that names no log should have been.
const WHAT_LOG_TAKES: &str = "`--log` takes the folder that the segments are in";

fn no_log(folder: &Path) -> Fault {
    Fault::failed(format!("there is no audit log in `{}`", folder.display()))
}

/// Says that there is no log, which is no fault of an app that never ran.
fn say_no_log(folder: &Path, printer: &Printer) {
    let shown = visible(&folder.display().to_string());
    printer.say(&format!("there is no audit log in `{shown}`: nothing was recorded there yet"));
}

/// A line of the log for programs, without its line break: as it is, where it is of the form that the log writes.
fn raw(line: &[u8], record: impl FnOnce() -> Json) -> Cow<'_, str> {
    match str::from_utf8(line) {
        Ok(text) if is_printable(line) => text.into(),
        _ => terminal_json(&record()).into(),
    }
}

/// Whether a terminal obeys nothing of it: the log writes nothing else.
fn is_printable(line: &[u8]) -> bool {
    line.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// What could not be read, as warnings: the first few.
fn warnings(troubles: &[String]) -> Vec<String> {
    let mut lines: Vec<String> =
        troubles.iter().take(TOLD_MAX).map(|trouble| format!("warning: {}", visible(trouble))).collect();
    if let Some(more) = troubles.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        lines.push(format!("warning: {more} more like these"));
    }
    lines
}

/// Of how many records it could not be said whether they match, and why: the first few reasons.
pub(super) fn undecided(reasons: &BTreeMap<String, u64>) -> Vec<String> {
    let mut most: Vec<_> = reasons.iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let tell = |(why, count): &(&String, &u64)| {
        let (records, are) = if **count == 1 { ("record", "is") } else { ("records", "are") };
        format!("{count} {records} {}, and {are} not among those that match", visible(why))
    };
    most.iter().take(TOLD_MAX).map(tell).collect()
}

/// A time of the index, as the log writes it.
fn time(ts_ns: i64) -> String {
    let since = Duration::from_nanos(ts_ns.unsigned_abs());
    value::rfc3339_nanos(UNIX_EPOCH + since).to_string()
}

impl From<IndexError> for Fault {
    fn from(error: IndexError) -> Self {
        Self::failed(error.to_string())
    }
}

/// Filters are Cedar expressions, which are evaluated and dropped by recursion.
pub(super) fn on_large_stack<T: Send>(work: impl FnOnce() -> Result<T, Fault> + Send) -> Result<T, Fault> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(EVALUATION_STACK_BYTES);
        let thread = thread
            .spawn_scoped(scope, work)
            .map_err(|error| Fault::failed(format!("no thread to work on: {error}")))?;
        thread.join().unwrap_or_else(|_| Err(Fault::failed("the work ended without a result")))
    })
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
