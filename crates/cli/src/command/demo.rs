//! `moonward demo`: two tenants, a message that passes, a spawn that is refused, and the record of it.

use std::path::{Path, PathBuf};

use app::{CallFailure, CallRequest, Running, StartedBy};
use audit::{Log, RecordId};
use clap::Args;
use policy::Via;
use serde_json::Value as Json;
use tempfile::TempDir;
use value::{Failure, Value, to_json};

use super::LogFolder;
use crate::embedded::{self, File};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::Printer;
use crate::{interrupt, opening, person, refusal};

const FILES: [File<'static>; 7] = [
    ("_index.yaml", include_str!("../demo/_index.yaml")),
    ("acme/_index.yaml", include_str!("../demo/acme/_index.yaml")),
    ("acme/everything.cedar", EVERYTHING),
    ("acme/sender.lua", include_str!("../demo/acme/sender.lua")),
    ("acme/greeter.lua", include_str!("../demo/acme/greeter.lua")),
    ("acme/intruder.lua", INTRUDER),
    ("globex/_index.yaml", include_str!("../demo/globex/_index.yaml")),
];

const EVERYTHING: &str = include_str!("../demo/acme/everything.cedar");
const INTRUDER: &str = include_str!("../demo/acme/intruder.lua");

/// See two tenants, a message that passes, a spawn that is refused, and its audit record
///
/// Needs nothing and leaves nothing behind: app and audit log are in a temporary folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward demo
  moonward demo --log /tmp/demo-audit")]
pub(crate) struct Demo {
    #[command(flatten)]
    log: LogFolder,
}

impl Demo {
    /// Runs both steps and tells what happened.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let folder = TempDir::with_prefix("moonward-demo-").and_then(|folder| {
            embedded::write(folder.path(), &FILES)?;
            Ok(folder)
        });
        let folder =
            folder.map_err(|error| Fault::failed(format!("no temporary folder for the demo: {error}")))?;
        let app = opening::load(folder.path(), printer)?;
        let mut options = app.log_options(self.log.log.as_deref());
        if let Some(kept) = &self.log.log {
            // The app is gone after this; a log that is kept, and gone on with, keeps its key.
            options.key = beside(kept, "-keys").join("audit.ed25519");
        }
        let log = Log::open(options)?;
        let by = person::present().map_or(StartedBy::Host, StartedBy::Asserting);
        let running = app.start(log.clone(), &by)?;
        let (answer, refusal) = interrupt::unless_interrupted(&log, printer, || {
            (
                step(&running, "acme:sender", vec!["Moonward".into()]),
                step(&running, "acme:intruder", Vec::new()),
            )
        })?;
        drop(running);
        log.close()?;
        let answer = answer.map_err(|failure| unexpected(&failure))?;
        let refusal = match refusal {
            Err(CallFailure::Failed(failure) | CallFailure::Denied(failure)) => failure,
            other => return Err(Fault::failed(format!("the spawn was not refused: {other:?}"))),
        };
        printer.data(&story(&answer, &refusal, log.folder())?)?;
        printer.say(NEXT);
        Ok(Exit::Done)
    }
}

fn step(running: &Running, definition: &str, arguments: Vec<Value>) -> Result<Value, CallFailure> {
    running.call(CallRequest {
        definition: definition.to_owned(),
        host: None,
        actor: None,
        scopes: Vec::new(),
        token: None,
        arguments,
        timeout: None,
        via: Via::Cli,
    })
}

fn unexpected(failure: &CallFailure) -> Fault {
    Fault::failed(format!("the message did not pass: {failure}"))
}

/// A path that differs in the end of its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

fn story(answer: &Value, refusal: &Failure, log_folder: &Path) -> Result<String, Fault> {
    let record = record_of(refusal);
    let reason = record.and_then(|record| refusal::explain(log_folder, record, None)).unwrap_or_default();
    let line = record
        .and_then(|record| record.parse::<RecordId>().ok())
        .and_then(|id| audit::find(log_folder, id).ok().flatten())
        .ok_or_else(|| Fault::failed("the refusal is not in the audit log"))?;
    Ok(format!(
        "Two tenants on one node. Acme's policy permits its processes everything:

{}
1. acme:sender sends a message to a process of its own tenant.

    it passes, and is answered: {}

2. acme:intruder tries to start globex's ledger.

{}
    {}: {refusal}
    {reason}

3. The record of that refusal, with all that is needed to decide it again:

{}
",
        indented(EVERYTHING),
        to_json(answer),
        indented(INTRUDER),
        refusal.kind.name(),
        indented(&pretty(line.record)),
    ))
}

/// The id of the record: the script passed the gate's refusal on, which names it in its details too.
fn record_of(refusal: &Failure) -> Option<&str> {
    refusal.record.as_deref().or_else(|| refusal.details.get("record")?.as_text())
}

/// A record for people; its entities are counted, since they are pages.
fn pretty(mut record: Json) -> String {
    if let Some(entities) = record.get_mut("entities")
        && let Some(list) = entities.as_array()
    {
        *entities = Json::String(format!("({} entities, left out here)", list.len()));
    }
    format!("{record:#}")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

const NEXT: &str = "\
Next:
  moonward init my-app                      a new app of your own, with a policy to edit
  moonward check my-app
  moonward call my-app app:hello World
  moonward demo --log /tmp/demo-audit       the same, with the audit log kept";
