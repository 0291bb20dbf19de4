//! `moonward policy rollback`: the policy files of a set that was in force, put back.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use app::{Archived, Found, NoRollback, Rollback as Plan};
use audit::{Event, EventKind, Log, OpenError};
use clap::Args;
use diagnostic::{Diagnostic, visible};
use serde_json::json;

use super::history::short;
use crate::command::{LogFolder, OutputForm};
use crate::exit::Exit;
use crate::fault::{Fault, diagnostic_json};
use crate::print::{Output, Printer};
use crate::{person, shell};

/// Put back the policy files of a set that was in force
///
/// Sets are kept in `data/policies` as they are loaded; `policy history` shows them. The set is checked as on a load, with
/// the manifest as it is: if it does not load, belongs to other guards, scopes or tenants, or is not as it was kept,
/// nothing is changed and the exit code is 2. What is there now is kept first, so that this can be undone. A `run --watch` takes the files up; else the
/// next start does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy history my-app
  moonward policy rollback a7c995e01060 my-app")]
pub(super) struct Rollback {
    /// Digest of the set, or as much of its beginning as no other set has
    digest: String,
    /// Folder of the app
    #[arg(default_value = ".")]
    app: PathBuf,
    #[command(flatten)]
    log: LogFolder,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

/// Sets that are named when none or several fit.
const NAMED: usize = 20;

/// Names of files in the record of a rollback: a record has room for so many of usual length.
const FILES_RECORDED: usize = 50;

impl Rollback {
    /// Checks, keeps what is there, records, and puts the files back.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let plan = match Plan::plan(&self.app, &self.digest, self.log.log.as_deref()) {
            Ok(plan) => plan,
            Err(NoRollback::Refused(found)) => return refused(&found, printer),
            Err(NoRollback::NoApp(found)) => return Err(Fault::Invalid(found)),
            Err(NoRollback::Damaged(why)) => {
                // Whatever was done to it: the kept set is not to be trusted.
                let message = format!("the set `{}` cannot be gone back to: {why}", visible(&self.digest));
                return refused(&[Diagnostic::error("policy.set-unknown", message)], printer);
            }
            Err(NoRollback::Unknown(found)) => return Err(Fault::Invalid(vec![self.unknown(&found)])),
        };
        printer.diagnostics(&plan.warnings);
        let recorded = if plan.is_nothing() { None } else { self.apply(&plan, printer)? };
        if printer.output() == Output::Json {
            printer.json(&json!({
                "schema": "moonward.policy-rollback/1",
                "from": plan.from,
                "to": plan.to,
                "digest_now": plan.digest_now,
                "added": plan.added,
                "changed": plan.changed,
                "record": recorded,
            }))?;
        } else {
            let mut lines = String::new();
            for (what, files) in [("added", &plan.added), ("changed", &plan.changed)] {
                for file in files {
                    let _ = writeln!(lines, "{what:8} {}", visible(file));
                }
            }
            printer.data(&lines)?;
            printer.say(&self.summary(&plan));
        }
        Ok(Exit::Done)
    }

    /// Records it where the log is free, then does it. What cannot be recorded is not done; while an app runs, that records
    /// what is left to it.
    fn apply(&self, plan: &Plan, printer: &Printer) -> Result<Option<String>, Fault> {
        let person = person::required()?;
        let log = match Log::open(audit::Options { wait: Duration::ZERO, ..plan.log.clone() }) {
            Ok(log) => Some(log),
            Err(OpenError::Locked { .. }) => {
                if printer.output() == Output::Text {
                    printer.say("an app that runs writes the audit log: it records this, and the load, when it takes the files up");
                }
                None
            }
            Err(error) => return Err(error.into()),
        };
        let files: Vec<&String> = plan.added.iter().chain(&plan.changed).take(FILES_RECORDED).collect();
        let event = |act: &str| Event {
            // What the files are, whatever they were kept as.
            policy_set: Some(plan.digest_now.clone()),
            asserted_by: Some(person.clone()),
            ..Event::new(EventKind::Admin)
                .with("act", act)
                .with("from", plan.from.as_str())
                .with("to", plan.to.as_str())
                .with("digest_now", &*plan.digest_now)
                .with("files", json!(files))
                .with("file_count", plan.added.len() + plan.changed.len())
        };
        let mut record = None;
        if let Some(log) = &log {
            record = Some(log.accept(event("policy.rollback").into())?.to_string());
            log.sync()?;
        }
        let left = |act: &str| {
            let why = "who did it cannot be left to be recorded by the app that runs, so nothing was changed";
            plan.leave_record(&event(act)).map_err(|error| Fault::failed(format!("{why}: {error}")))
        };
        if log.is_none() {
            left("policy.rollback")?;
        }
        let applied = plan.apply();
        match (&applied, &log) {
            (Ok(()), _) => {}
            (Err(_), Some(log)) => drop(log.accept(event("policy.rollback-failed").into())?),
            (Err(_), None) => left("policy.rollback-failed")?,
        }
        if let Some(log) = &log {
            log.close()?;
        }
        applied.map(|()| record).map_err(|why| {
            Fault::failed(format!("the policies of `{}` cannot be put back: {why}", short(&plan.to)))
        })
    }

    fn summary(&self, plan: &Plan) -> String {
        let folder = visible(&self.app.display().to_string());
        let to = short(&plan.to);
        if plan.is_nothing() {
            return format!("ok: the policy files are those of {to} already; nothing was changed");
        }
        let mut text = format!("ok: the policy files are those of {to} again");
        if *plan.digest_now != *plan.to {
            let now = short(&plan.digest_now);
            let _ = match plan.to.starts_with("broken-") {
                true => write!(text, "\nnote: they load now; their digest is {now}"),
                false => write!(
                    text,
                    "\nnote: this version of the product ships another schema or guard: with those their digest is {now}"
                ),
            };
        }
        let _ = match plan.from.starts_with("broken-") {
            true => write!(
                text,
                "\nhelp: what was there does not load; it is kept in `{folder}/data/policies/{}`",
                plan.from
            ),
            false => {
                let (from, app) = (short(&plan.from), shell::path(&self.app));
                write!(text, "\nhelp: `moonward policy rollback {from} {app}` undoes it")
            }
        };
        text
    }

    fn unknown(&self, found: &Found) -> Diagnostic {
        let (message, sets) = match found {
            Found::Several(sets) => (format!("several sets begin with `{}`", self.digest), sets.as_slice()),
            Found::None(sets) => (format!("there is no set `{}`", self.digest), sets.as_slice()),
            Found::One(_) => (format!("there is no set `{}`", self.digest), [].as_slice()),
        };
        let help = match sets {
            [] => "an app keeps a set in `data/policies` each time that it loads another one; none is there"
                .to_owned(),
            sets => format!("there are {}", named(sets)),
        };
        Diagnostic::error("policy.set-unknown", message).help(help)
    }
}

fn refused(found: &[Diagnostic], printer: &Printer) -> Result<Exit, Fault> {
    let message = "refused: the set cannot be put back; nothing was changed";
    if printer.output() == Output::Json {
        let diagnostics: Vec<_> = found.iter().map(diagnostic_json).collect();
        printer.json(&json!({
            "error": { "kind": "INVALID", "message": message, "diagnostics": diagnostics },
        }))?;
    } else {
        printer.diagnostics(found);
        printer.say(&format!("error: {message}"));
    }
    Ok(Exit::Denied)
}

/// The newest sets, each with when it was loaded last.
fn named(sets: &[Archived]) -> String {
    let mut names: Vec<String> = sets
        .iter()
        .take(NAMED)
        .map(|set| format!("`{}` (loaded {})", label(&set.digest), day(set.loaded)))
        .collect();
    if sets.len() > NAMED {
        names.push(format!("and {} more", sets.len() - NAMED));
    }
    names.join(", ")
}

/// A set's name, as short as it can be typed, all of it when sets may begin alike.
fn label(digest: &str) -> &str {
    if digest.starts_with("broken-") { digest } else { short(digest) }
}

fn day(time: SystemTime) -> String {
    let text = value::rfc3339_millis(time).to_string();
    text.split_once('.').map_or_else(|| text.clone(), |(seconds, _)| format!("{seconds}Z"))
}
