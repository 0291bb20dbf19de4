//! `moonward policy diff`: what two policy sets say differently, who has which scopes, and which recorded decisions that would change.

mod held;
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
use super::replaying::{self, Form};
use crate::command::LogFolder;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use held::Held;
use texts::{Difference, differences, position};

/// Digits of a digest that are asked for at least.
const DIGITS_MIN: usize = 4;

/// Compare two policy sets: as text, and by what they answer to all that is on record
///
/// A set is the folder of an app, a file or folder of policies on their own, or the digest of a set that was in force, or its first
/// digits, as `moonward policy history` lists them: the log keeps those. First are the policies, scopes and tenants that were added,
/// removed or changed, by their ids. Of two apps, next are the default scopes of tenants, and the actors, tags and scopes of services;
/// what tokens give is not compared. Last are the recorded decisions that BASE and HEAD answer differently, as `policy replay` tells
/// them: each under the scopes that it was asked under.
///
/// Exits with 2 if the sets differ, in text, in what is held, or in any decision; else with 4 if some decisions cannot be decided again or a part of
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
    /// Decide nothing again: compare only what the two say
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
    /// What it says beside its policies; nothing where it is only these that are kept.
    premises: Option<Premises>,
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
        let held = held::differences(base.premises.as_ref(), head.premises.as_ref());
        let gathered = match self.log(printer)? {
            Some(log) => {
                let sets = [&base.study, &head.study];
                Some((replaying::gather(&log, &sets, Before::FirstSet, &self.filters, printer)?, log))
            }
            None => None,
        };
        let folders = [base.folder.as_path(), head.folder.as_path()];
        let report = gathered.as_ref().map(|(gathered, log)| Report {
            gathered,
            log,
            filters: replaying::words(&self.filters),
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
                    "held": held.as_ref().map(|held| held.iter().map(Held::to_json).collect::<Vec<_>>()),
                    "replay": replayed,
                }))?;
            }
            form => {
                printer.data(&said(&found, held.as_deref(), folders, form))?;
                if let Some(report) = &report {
                    replaying::print(report, form, "", printer)?;
                }
            }
        }
        let differs = |gathered: &Gathered| gathered.decided > gathered.unchanged();
        let gathered = gathered.as_ref().map(|(gathered, _)| gathered);
        Ok(match () {
            () if !found.is_empty() || held.is_some_and(|held| !held.is_empty()) => Exit::Denied,
            () if gathered.is_some_and(differs) => Exit::Denied,
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
        match replaying::log(&app, &self.log) {
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
        let recorded = own.iter().find(|app| replaying::log(app, &self.log).is_ok());
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
        let (folder, premises) = replaying::candidate(named, &[named.to_owned()])?;
        let study = premises.study_for_all(&[], &[]).map_err(Fault::Invalid)?;
        let words = format!("{} (set {})", code_span(&text), short(study.bundle().digest()));
        Ok(Set { study, premises: Some(premises), folder, words })
    }

    /// The set whose digest begins so, as the log keeps it.
    fn archived(&self, prefix: &str) -> Result<Set, Fault> {
        let app = self.app();
        let log = replaying::log(&app, &self.log)?;
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
                premises: None,
                folder: PathBuf::new(),
                words: format!("set {}, as the log keeps it", short(digest)),
            }),
            None => Err(unknown(format!("the set `{}` is not kept beside the log", short(digest)))),
        }
    }
}

/// What differs, for people and their tools.
fn said(found: &[Difference], held: Option<&[Held]>, folders: [&Path; 2], form: Form) -> String {
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
        match held {
            None => {
                let _ = writeln!(text, "::notice title=held::{NOT_HELD}");
            }
            Some(held) => held.iter().for_each(|one| {
                let _ = writeln!(text, "::notice title=held::{}", github::data(&one.words()));
            }),
        }
        return text;
    }
    let is_markdown = form == Form::Markdown;
    let indent = if is_markdown { "" } else { "  " };
    let texts = found.iter().map(|one| {
        let lines = one.lines();
        let lines = lines.lines().map(|line| format!("\n{indent}{indent}{line}"));
        one.words(folders) + &lines.collect::<String>()
    });
    section(&mut text, "texts", texts, is_markdown);
    match held {
        Some(held) => section(&mut text, "held without a token", held.iter().map(Held::words), is_markdown),
        None => text.push_str(&format!("held without a token: {NOT_HELD}\n")),
    }
    if is_markdown {
        text.push('\n');
    }
    text
}

/// Said where scopes held cannot be compared.
const NOT_HELD: &str =
    "not compared: policies on their own, and sets that the log keeps, do not say who has which scopes";

/// Differences of one sort, as many as are shown.
fn section(text: &mut String, what: &str, found: impl ExactSizeIterator<Item = String>, is_markdown: bool) {
    let count = found.len();
    let _ = match count {
        0 => writeln!(text, "{what}: the same"),
        count => writeln!(text, "{what}: {}", counted(count, "difference", "differences")),
    };
    let is_fenced = is_markdown && count > 0;
    if is_fenced {
        text.push_str("\n```diff\n");
    }
    let indent = if is_markdown { "" } else { "  " };
    for words in found.take(DIFF_SHOWN) {
        let _ = writeln!(text, "{indent}{words}");
    }
    if let Some(more) = count.checked_sub(DIFF_SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more, which `-o json` has");
    }
    if is_fenced {
        text.push_str("```\n");
    }
    if is_markdown {
        // What follows is a paragraph of its own.
        text.push('\n');
    }
}
