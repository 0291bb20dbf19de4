//! `moonward run`: the services of an app, until somebody says stop.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::manifest::CheckpointPlace;
use app::{Reload, ServeOptions, ServeOutcome, StartedBy};
use audit::{CopyTo, Log};
use clap::Args;
use review::Keeper;
use serde_json::json;

use super::LogFolder;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::{self, Interrupts};
use crate::print::Printer;
use crate::{opening, person, shell};

/// Run the services of an app until Ctrl-C
///
/// Ctrl-C or SIGTERM stops the services in order, each with its own stop timeout; a second one ends at once. The command
/// ends by itself when no service is left: with 0, or with 1 if one was given up.
///
/// With `--watch` changed sources and policies take effect when all of the app loads; otherwise the old ones stay, and
/// what is wrong is printed. Processes that run keep their code until they are upgraded or restarted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward run my-app
  MOONWARD_LOG=info,tenant=debug moonward run --watch my-app")]
pub(crate) struct Run {
    /// Folder of the app
    app: PathBuf,
    /// Load sources and policies again when they change
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    log: LogFolder,
    /// Folder that the signed heads of the audit log are copied to, or `-` for stdout, a line of JSON each [default: as
    /// the manifest says]
    #[arg(long, value_name = "DIR")]
    checkpoints: Option<PathBuf>,
}

impl Run {
    /// Serves until the end.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let app = opening::load(&self.app, printer)?;
        if !app.manifest().services.iter().any(|service| service.auto_start) {
            let folder = shell::path(&self.app);
            printer.say(&format!(
                "no service of this app starts by itself (`lifecycle: {{auto_start: true}}`): nothing is run\n\
                 help: `moonward call {folder} ID` runs one definition to its end"
            ));
            return Ok(Exit::Done);
        }
        let mut options = app.log_options(self.log.log.as_deref());
        options.checkpoints =
            self.copies(app.manifest().audit_log.checkpoints.as_ref(), printer).or(options.checkpoints);
        let log = Log::open(options)?;
        // What is asked of the log later finds its index warm. Without it everything runs as well.
        let _keeper = Keeper::start(log.folder())
            .inspect_err(|error| tracing::warn!("the audit log is not indexed in the background: {error}"));
        let mut running = app.start(log.clone(), &StartedBy::Person(person::required()?))?;
        let options =
            ServeOptions { watch: self.watch, on_reload: Some(said(Printer::new(printer.output()))) };
        let outcome = interrupt::waiting_place()?.block_on(async {
            let mut interrupts = Interrupts::listen().map_err(interrupt::refused)?;
            let (drain, drained) = tokio::sync::oneshot::channel();
            let stop = async {
                interrupts.next().await;
                printer.say("stopping services; again to end at once");
                // Nobody to hear it: serving has ended by itself this moment.
                let _ = drain.send(());
                interrupts.next().await;
            };
            tokio::select! {
                outcome = running.serve(options, async { drop(drained.await) }) => Ok::<_, Fault>(outcome),
                () = stop => interrupt::end(&log, printer),
            }
        })?;
        drop(running);
        log.close()?;
        ended(outcome)
    }

    /// Where checkpoints go, when not to a folder that the manifest names.
    fn copies(&self, declared: Option<&CheckpointPlace>, printer: &Printer) -> Option<CopyTo> {
        match (self.checkpoints.as_deref(), declared) {
            (Some(place), _) if place == Path::new("-") => Some(printed(*printer)),
            (Some(folder), _) => Some(CopyTo::Folder(folder.to_owned())),
            (None, Some(CheckpointPlace::Stdout)) => Some(printed(*printer)),
            (None, _) => None,
        }
    }
}

/// A line on stdout for each note.
fn printed(printer: Printer) -> CopyTo {
    CopyTo::Sink(Arc::new(move |note: &str| {
        printer.json(&json!({"checkpoint": note})).map_err(|fault| io::Error::other(fault.message()))
    }))
}

/// Prints each version that was loaded or refused.
fn said(printer: Printer) -> Box<dyn FnMut(&Reload)> {
    Box::new(move |reload| match reload {
        Reload::Applied(warnings) => {
            printer.diagnostics(warnings);
            printer.say("the app changed and was loaded again");
        }
        Reload::Restored => printer.say("the app is again what runs; nothing is left to load"),
        Reload::Refused(found) => {
            printer.diagnostics(found);
            printer.say("the app changed and has errors; the version before stays");
        }
    })
}

fn ended(outcome: ServeOutcome) -> Result<Exit, Fault> {
    match outcome.failed.as_slice() {
        [] => Ok(Exit::Done),
        failed => {
            let names: Vec<String> = failed.iter().map(|id| format!("`{id}`")).collect();
            let services = if names.len() == 1 { "service" } else { "services" };
            Err(Fault::failed(format!("{services} {} failed for good", names.join(", "))).with_help(
                "the log lines above say why; `restart` in its manifest entry says how often it is tried",
            ))
        }
    }
}
