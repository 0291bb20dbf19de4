//! A replay as the verbs that need one share it: by which policies, of which log, what is asked for, and in which form it is told.
//!
//! What a verb makes of it, and how it exits, is the verb's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use app::Outline;
use app::study::{Premises, replay};
use clap::ValueEnum;
use diagnostic::code_span;
use policy::study::Study;
use review::{Row, Undecided, count_reason, none_decided, recent};
use serde_json::Value as Json;

use super::super::audit::filters::{Filters, condition};
use super::super::audit::undecided;
use super::changes::{Before, Gathered, look};
use super::changes_report::Report;
use crate::command::LogFolder;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::progress::ProgressLine;

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON value on stdout, errors included.
    Json,
    /// For a comment on a change.
    Markdown,
    /// Workflow commands of GitHub Actions.
    Github,
}

impl Form {
    /// The form in which faults are wanted.
    pub(super) fn of_faults(self) -> Output {
        if self == Self::Json { Output::Json } else { Output::Text }
    }
}

/// The policies that paths name, and the folder that their files are named from: an app's; or those of files on their own.
///
/// # Errors
/// Everything that is wrong with manifests or files.
pub(super) fn candidate(app: &Path, paths: &[PathBuf]) -> Result<(PathBuf, Premises), Fault> {
    let of_app = |folder: &Path| {
        Premises::of_app(folder).map(|premises| (folder.to_owned(), premises)).map_err(Fault::Invalid)
    };
    match paths {
        [] => of_app(app),
        [folder] if folder.is_dir() && Premises::is_app(folder) => of_app(folder),
        paths => {
            let premises = Premises::of_policies(paths).map_err(Fault::Invalid)?;
            Ok((PathBuf::new(), premises))
        }
    }
}

/// The folder of the log, with records in it.
///
/// # Errors
/// There is none, or the app's manifest cannot be understood.
pub(super) fn log(app: &Path, given: &LogFolder) -> Result<PathBuf, Fault> {
    let folder = match &given.log {
        Some(folder) => folder.clone(),
        None => Outline::read(app).map_err(Fault::Invalid)?.log_options(None).folder,
    };
    if review::has_records(&folder) {
        return Ok(folder);
    }
    let message =
        format!("there is no audit log in {}: nothing is on record to be decided again", shown(&folder));
    Err(Fault::failed(message).with_help("run the app first, or name another log with `--log DIR`"))
}

/// What is asked for of a log, in words.
pub(super) fn words(filters: &Filters) -> String {
    let all = [filters.words(), filters.period().unwrap_or_default()];
    all.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Replays the decisions of a log that are asked for.
///
/// # Errors
/// The filters are none, or the system gives no thread.
pub(super) fn gather(
    log: &Path,
    sets: &[&Study],
    before: Before,
    filters: &Filters,
    printer: &Printer,
) -> Result<Gathered, Fault> {
    let selection = filters.selection()?;
    let filter = filters.filter(printer)?;
    let is_all = filter.is_none() && selection == review::Selection::default();
    let (unclear, asked) = (Mutex::<BTreeMap<String, u64>>::default(), AtomicU64::new(0));
    let is_wanted = |place: audit::LinePlace, record: &Json| {
        if is_all {
            return true;
        }
        if !Row::of_record(record).is_ok_and(|row| selection.holds(&row)) {
            return false;
        }
        let Some(filter) = &filter else { return true };
        asked.fetch_add(1, Ordering::Relaxed);
        condition(filter).holds(log, place.segment, record).unwrap_or_else(|undecided| {
            let (Undecided::Record(why) | Undecided::Part(why)) = undecided;
            count_reason(&mut unclear.lock().unwrap_or_else(PoisonError::into_inner), why);
            false
        })
    };
    let counts = |row: &Row| selection.may_count(row);
    let newest = recent(log, 1, &mut |_| true);
    let newest =
        newest.lines.first().and_then(|line| Row::of_line(&line.bytes).ok()).map_or(0, |row| row.seq);
    let mut gathered = Gathered::default();
    let (mut progress, oldest) = (ProgressLine::new(), RefCell::new(None));
    let take = |looked: super::changes::Looked| {
        let oldest = *oldest.borrow_mut().get_or_insert(looked.seq);
        progress.at("replaying", looked.seq.saturating_sub(oldest), newest.saturating_sub(oldest));
        gathered.add(looked);
    };
    let done = replay(log, sets, is_wanted, |seen| look(seen, before, counts), take);
    done.map_err(|error| Fault::failed(format!("the log cannot be replayed: {error}")))?;
    let unclear = unclear.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(why) = none_decided(&unclear, asked.into_inner()) {
        gathered.is_missing(why);
    }
    undecided(&unclear).iter().for_each(|why| printer.say(&format!("warning: {why}")));
    Ok(gathered)
}

/// Prints a report.
///
/// # Errors
/// Stdout cannot be written.
pub(super) fn print(report: &Report<'_>, form: Form, schema: &str, printer: &Printer) -> Result<(), Fault> {
    match form {
        Form::Text => printer.data(&report.to_text()),
        Form::Json => printer.json(&report.to_json(schema)),
        Form::Markdown => printer.data(&report.to_markdown()),
        Form::Github => printer.data(&report.to_github()),
    }
}

/// A path, for people.
pub(super) fn shown(path: &Path) -> String {
    code_span(&path.display().to_string())
}
