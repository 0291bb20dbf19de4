//! `moonward policy replay`: what other policies would have answered to all that is on record.

use std::path::{Path, PathBuf};

use app::study::AnswerChange;
use clap::{Args, ValueEnum};
use diagnostic::code_span;
use policy::study::Study;

use super::super::audit::filters::Filters;
use super::super::audit::on_large_stack;
use super::annotated;
use super::changes::{Before, Gathered};
use super::changes_report::Report;
use super::premises::{study, usage_with};
use super::replaying::{Form, candidate, gather, log, print, shown, words};
use crate::command::LogFolder;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

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
