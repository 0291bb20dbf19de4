//! `moonward policy replay`: what other policies would have answered to all that is on record.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use app::Outline;
use app::study::{AnswerChange, Premises, replay};
use clap::{Args, ValueEnum};
use diagnostic::code_span;
use policy::study::Study;
use review::{Row, Undecided, count_reason, none_decided, recent};
use serde_json::Value as Json;

use super::super::audit::filters::{Filters, condition};
use super::super::audit::{on_large_stack, undecided};
use super::annotated;
use super::changes::{Before, Gathered, look};
use super::changes_report::Report;
use super::premises::{study, usage_with};
use crate::command::LogFolder;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::progress::ProgressLine;

/// Decide recorded decisions again by other policies, and tell which would come out differently
///
/// Each decision of the log is put together from its record, held against it, and decided by the candidate: the app in a folder, or files
/// and folders of policies, which stand for all of an app's (permits count for whoever holds any scope). Without a candidate it is
/// the app itself as it is now; `--with` and `--without` change it. What would change is told in groups, newly allowed first, each with
/// a record of it. What cannot be decided exactly is counted as `not_replayable` with the reason, never guessed; allowed
/// decisions that were only counted, in roll-ups, cannot be decided one by one, and are told beside the record that stands for them.
///
/// Exits with 2 if something changes that `--fail-on` names, else with 4 if some decisions cannot be decided again, a part of
/// the log cannot be read or is not there, or, with `--fail-on`, no decision is asked for.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy replay my-app
  moonward policy replay my-app --candidate changed-app --fail-on newly-allowed,errors
  moonward policy replay my-app --with suggested.cedar --since 7d
  moonward policy replay my-app --without orders.send --tenant acme -o markdown
  moonward policy replay --candidate policies --log audit -o json | jq .decisions")]
pub(super) struct Replay {
    /// Folder of the app whose log is replayed
    #[arg(default_value = ".")]
    app: PathBuf,
    /// Folder of an app, or file or folder of policies on their own, that decides instead of the app as it is; files can be given
    /// more than once
    #[arg(long, value_name = "PATH")]
    candidate: Vec<PathBuf>,
    /// Decide with the policies of this file or folder as well: permits count for whoever holds a scope, forbids join the guard; can
    /// be given more than once
    #[arg(long, value_name = "PATH")]
    with: Vec<PathBuf>,
    /// Decide without the policy of this id; can be given more than once
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// Exit with 2 if a decision would change so; can be given more than once, or as a list with commas
    #[arg(long, value_name = "CHANGE", value_enum, value_delimiter = ',')]
    fail_on: Vec<FailOn>,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    log: LogFolder,
    /// Form of the report: `json` also for errors; `github` puts it beside the lines of a change
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Form,
}

/// A change that is not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// A denied decision would be allowed
    NewlyAllowed,
    /// An allowed decision would be denied, by a failing policy too
    NewlyDenied,
    /// A policy would fail that did not
    Errors,
}

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

impl FailOn {
    /// Whether that came of a replay.
    pub(super) fn is_found(self, gathered: &Gathered) -> bool {
        match self {
            Self::NewlyAllowed => gathered.count(AnswerChange::NewlyAllowed) > 0,
            Self::NewlyDenied => {
                gathered.count(AnswerChange::NewlyDenied) > 0 || gathered.newly_denied_by_errors > 0
            }
            Self::Errors => gathered.count(AnswerChange::NewError) > 0,
        }
    }
}

/// What a replay by an app's policies takes from the record and not from the app.
const AS_RECORDED: &str = "note: who held which scopes, and whose what was, is as recorded: what a manifest changes of that, \
                           `moonward policy diff` tells";

impl Replay {
    /// The form in which faults are wanted.
    pub(super) fn output(&self) -> Output {
        self.output.of_faults()
    }

    /// Decides everything again and prints what would change.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let outcome = on_large_stack(|| self.replay(printer));
        match self.output {
            Form::Github => outcome.map_err(|fault| {
                let folders: Vec<&Path> =
                    self.candidate.iter().chain([&self.app]).map(PathBuf::as_path).collect();
                annotated::on_github(fault, &folders, printer)
            }),
            _ => outcome,
        }
    }

    fn replay(&self, printer: &Printer) -> Result<Exit, Fault> {
        let (base, premises) = candidate(&self.app, &self.candidate)?;
        if !self.without.is_empty() {
            let known = study(&premises)?;
            known.spans(&self.without).map_err(|unknown| usage_with(&unknown, unknown.help.as_deref()))?;
        }
        let study = premises.study_for_all(&self.with, &self.without).map_err(Fault::Invalid)?;
        let log = log(&self.app, &self.log)?;
        let gathered = gather(&log, &[&study], Before::Recorded, &self.filters, printer)?;
        let report = Report {
            gathered: &gathered,
            log: &log,
            filters: words(&self.filters),
            before: "what was recorded".to_owned(),
            after: self.after(&study),
            study: &study,
            folders: [&self.app, &base],
            added: &self.with,
            place: self.log.words(&self.app),
        };
        print(&report, self.output, "moonward.policy-replay/1", printer)?;
        if !self.candidate.is_empty() {
            printer.say(AS_RECORDED);
        }
        if gathered.decided == 0 && gathered.undecided() == 0 {
            self.filters.say_nearest(&log, printer);
        }
        Ok(match () {
            () if self.fail_on.iter().any(|unwanted| unwanted.is_found(&gathered)) => Exit::Denied,
            () if !gathered.is_complete() => Exit::Undetermined,
            // A gate that nothing came to has not been passed.
            () if gathered.decided == 0 && !self.fail_on.is_empty() => Exit::Undetermined,
            () => Exit::Done,
        })
    }

    /// The candidate in words.
    fn after(&self, study: &Study) -> String {
        let of = match self.candidate.as_slice() {
            [] => format!("{} as it is now", shown(&self.app)),
            paths => paths.iter().map(|path| shown(path)).collect::<Vec<_>>().join(", "),
        };
        let with = self.with.iter().map(|path| format!(" with {}", shown(path)));
        let without = self.without.iter().map(|id| format!(" without {}", code_span(id)));
        let changes: String = with.chain(without).collect();
        if !self.without.is_empty() {
            // The digest is that of the files as they are.
            return format!("by {of}{changes}");
        }
        let digest = study.bundle().digest();
        format!("by {of}{changes} (set {})", digest.get(..12).unwrap_or(digest))
    }
}

fn shown(path: &Path) -> String {
    code_span(&path.display().to_string())
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
