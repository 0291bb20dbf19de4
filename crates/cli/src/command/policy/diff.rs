//! `moonward policy diff`: what two policy sets say differently, and which recorded decisions that would change.

mod texts;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use app::limits::DIFF_SHOWN;
use app::study::Premises;
use clap::Args;
use diagnostic::{Diagnostic, code_span, counted, visible};
use policy::Archived;
use policy::study::Study;
use serde_json::{Value as Json, json};

use super::super::audit::filters::Filters;
use super::super::audit::on_large_stack;
use super::annotated;
use super::changes::{Before, Gathered};
use super::changes_report::Report;
use super::check::github;
use super::history::short;
use super::replay::{self, Form};
use crate::command::LogFolder;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use texts::{Difference, differences, position};

/// Digits of a digest that are asked for at least.
const DIGITS_MIN: usize = 4;

/// Compare two policy sets: as text, and by what they answer to all that is on record
///
/// A set is the folder of an app, a file or folder of policies on their own, or the digest of a set that was in force, or its first
/// digits, as `moonward policy history` lists them: the log keeps those. First are the policies, scopes and tenants that were added,
/// removed or changed, by their ids; then the recorded decisions that BASE and HEAD answer differently, as `policy replay` tells them.
///
/// Exits with 2 if the sets differ, in text or in any decision; else with 4 if some decisions cannot be decided again or a part of
/// the log cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy diff my-app changed-app
  moonward policy diff a7c995e01060 my-app --since 7d
  moonward policy diff old.cedar new.cedar --no-replay
  moonward policy diff main/my-app my-app --log audit -o markdown")]
pub(super) struct Diff {
    /// The set that is compared with
    base: PathBuf,
    /// The set that is compared
    head: PathBuf,
    /// Folder of the app whose log is replayed, and keeps the sets that are named by a digest [default: HEAD or BASE, if it is
    /// an app with a log, else the current folder]
    #[arg(long, value_name = "DIR")]
    app: Option<PathBuf>,
    /// Compare texts alone
    #[arg(long)]
    no_replay: bool,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    log: LogFolder,
    /// Form of the report: `json` also for errors; `github` puts it beside the lines of a change
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Form,
}

/// One of the two sets.
struct Set {
    study: Study,
    /// What its files are named from.
    folder: PathBuf,
    words: String,
}

impl Diff {
    /// The form in which faults are wanted.
    pub(super) fn output(&self) -> Output {
        self.output.of_faults()
    }

    /// Prints what differs.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let outcome = on_large_stack(|| self.compare(printer));
        match self.output {
            Form::Github => {
                outcome.map_err(|fault| annotated::on_github(fault, &[&self.head, &self.base], printer))
            }
            _ => outcome,
        }
    }

    fn compare(&self, printer: &Printer) -> Result<Exit, Fault> {
        let [base, head] = [self.set(&self.base)?, self.set(&self.head)?];
        let found = differences(&base.study, &head.study);
        let gathered = match self.log(printer)? {
            Some(log) => {
                let sets = [&base.study, &head.study];
                Some((replay::gather(&log, &sets, Before::FirstSet, &self.filters, printer)?, log))
            }
            None => None,
        };
        let folders = [base.folder.as_path(), head.folder.as_path()];
        let report = gathered.as_ref().map(|(gathered, log)| Report {
            gathered,
            log,
            filters: replay::words(&self.filters),
            before: base.words.clone(),
            after: format!("by {}", head.words),
            study: &head.study,
            folders,
            added: &[],
            place: self.log.words(&self.app()),
        });
        match self.output {
            Form::Json => {
                let replayed = report.as_ref().map(|report| report.to_json("moonward.policy-replay/1"));
                let found: Vec<Json> = found.iter().map(|one| one.to_json(folders)).collect();
                printer.json(&json!({
                    "schema": "moonward.policy-diff/1",
                    "base": base.words,
                    "head": head.words,
                    "texts": found,
                    "replay": replayed,
                }))?;
            }
            form => {
                printer.data(&said(&found, folders, form))?;
                if let Some(report) = &report {
                    replay::print(report, form, "", printer)?;
                }
            }
        }
        let differs = |gathered: &Gathered| gathered.decided > gathered.unchanged();
        let gathered = gathered.as_ref().map(|(gathered, _)| gathered);
        Ok(match () {
            () if !found.is_empty() || gathered.is_some_and(differs) => Exit::Denied,
            () if gathered.is_some_and(|gathered| !gathered.is_complete()) => Exit::Undetermined,
            () => Exit::Done,
        })
    }

    /// The log that is replayed; nothing when none is wanted, or the app has none yet.
    fn log(&self, printer: &Printer) -> Result<Option<PathBuf>, Fault> {
        if self.no_replay {
            return Ok(None);
        }
        let app = self.app();
        match replay::log(&app, &self.log) {
            Ok(log) => Ok(Some(log)),
            Err(fault) if self.log.log.is_some() => Err(fault),
            // Texts can be compared all the same.
            Err(Fault::Invalid(_)) if !Premises::is_app(&app) => {
                printer.say(
                    "note: no decision is replayed: neither set is an app's; `--app DIR` or `--log DIR` names a log",
                );
                Ok(None)
            }
            Err(Fault::Failed { message, .. }) => {
                printer.say(&format!("note: no decision is replayed: {message}"));
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Whose log it is.
    fn app(&self) -> PathBuf {
        let is_app = |path: &&PathBuf| path.is_dir() && Premises::is_app(path);
        let own: Vec<&PathBuf> = [&self.head, &self.base].into_iter().filter(is_app).collect();
        // One of the two may be a draft that has never run.
        let recorded = own.iter().find(|app| replay::log(app, &self.log).is_ok());
        let own = recorded.or(own.first()).map(|app| (*app).clone());
        self.app.clone().or(own).unwrap_or_else(|| PathBuf::from("."))
    }

    /// The set that an argument names.
    fn set(&self, named: &Path) -> Result<Set, Fault> {
        let text = named.to_string_lossy();
        let is_digest = text.len() >= DIGITS_MIN
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if is_digest && !named.exists() {
            return self.archived(&text);
        }
        if !named.exists() {
            let message =
                format!("`{}` is neither a file or folder nor the digest of a policy set", visible(&text));
            let help = "name an app's folder, a file or folder of policies, or a digest of `moonward policy history`";
            return Err(Fault::usage(message, help));
        }
        let (folder, premises) = replay::candidate(named, &[named.to_owned()])?;
        let study = premises.study_for_all(&[], &[]).map_err(Fault::Invalid)?;
        let words = format!("{} (set {})", code_span(&text), short(study.bundle().digest()));
        Ok(Set { study, folder, words })
    }

    /// The set whose digest begins so, as the log keeps it.
    fn archived(&self, prefix: &str) -> Result<Set, Fault> {
        let app = self.app();
        let log = replay::log(&app, &self.log)?;
        let mut digests = BTreeSet::new();
        for line in audit::read_with(&log, &[r#""kind":"policy_load""#]).flatten() {
            let text = |name: &str| line.record.get(name).and_then(Json::as_str).unwrap_or_default();
            if text("kind") == "policy_load" && text("policy_set").starts_with(prefix) {
                digests.insert(text("policy_set").to_owned());
            }
        }
        let unknown = |message: String| {
            let help = format!("`moonward policy history {}` lists the sets", self.log.words(&app));
            Fault::Invalid(vec![Diagnostic::error("policy.set-unknown", message).help(help)])
        };
        let mut found = digests.iter();
        let digest = match (found.next(), found.next()) {
            (Some(digest), None) => digest,
            (None, _) => {
                return Err(unknown(format!(
                    "no set whose digest begins with `{prefix}` was loaded by this log"
                )));
            }
            (Some(_), Some(_)) => {
                return Err(unknown(format!("several sets have a digest that begins with `{prefix}`")));
            }
        };
        let kept = Archived::of_set(&log, digest).and_then(|kept| kept.map(|kept| kept.bundle()).transpose());
        match kept.map_err(|error| unknown(error.to_string()))? {
            Some(bundle) => Ok(Set {
                study: Study::new(bundle),
                folder: PathBuf::new(),
                words: format!("set {}, as the log keeps it", short(digest)),
            }),
            None => Err(unknown(format!("the set `{}` is not kept beside the log", short(digest)))),
        }
    }
}

/// The texts that differ, for people and their tools.
fn said(found: &[Difference], folders: [&Path; 2], form: Form) -> String {
    let mut text = String::new();
    if form == Form::Github {
        for one in found {
            let [base, head] = folders;
            let place = match one {
                Difference::Added(is) | Difference::Changed([_, is]) | Difference::Moved([_, is]) => {
                    position(is, head)
                }
                Difference::Removed(was) => position(was, base),
                Difference::Declared(..) => None,
            };
            let place = place.map_or(String::new(), |(file, line)| {
                format!("file={},line={line},", github::property(&file))
            });
            let _ = writeln!(text, "::notice {place}title=policies::{}", github::data(&one.words(folders)));
        }
        return text;
    }
    let _ = match found.len() {
        0 => writeln!(text, "texts: the same"),
        count => writeln!(text, "texts: {}", counted(count, "difference", "differences")),
    };
    let is_markdown = form == Form::Markdown;
    if is_markdown && !found.is_empty() {
        text.push_str("\n```diff\n");
    }
    for one in found.iter().take(DIFF_SHOWN) {
        let _ = writeln!(text, "{}{}", if is_markdown { "" } else { "  " }, one.words(folders));
        for line in one.lines().lines() {
            let _ = writeln!(text, "{}{line}", if is_markdown { "" } else { "    " });
        }
    }
    if let Some(more) = found.len().checked_sub(DIFF_SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more, which `-o json` has");
    }
    if is_markdown && !found.is_empty() {
        text.push_str("```\n");
    }
    if is_markdown {
        text.push('\n');
    }
    text
}
