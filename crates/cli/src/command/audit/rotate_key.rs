//! `moonward audit rotate-key`: another key signs the log from here on, and the log says so.

use std::path::PathBuf;

use app::Outline;
use audit::{Log, Options, RotateError};
use clap::Args;
use serde_json::json;

use super::super::{LogFolder, OutputForm};
use super::{WHAT_LOG_TAKES, no_log};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Let a new key sign the audit log from here on
///
/// Both keys sign a record that says so. Then the new key is put in the place of the old one, which is kept beside it. Who
/// trusts the old key trusts the new one: the log itself hands it on. Prints the new verifier key.
///
/// The log hands trust on in both directions: who trusts a retired key trusts whoever has it, also a thief, who can write a log
/// of their own with it. If others may have read the old key, give the new one to all who verify, as `public_key` too.
///
/// Logs that share a key file share its change: give each of the others with `--log` and `--hand-over`, before the app writes it
/// again. A start does not do that by itself, so that a stolen key does not survive its change.
///
/// One process writes a log, so that the app must not be running. Exits with 74 if it is, and with 1 if there is no log.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit rotate-key my-app
  moonward audit rotate-key my-app --log /var/log/moonward/my-app -o json
  moonward audit rotate-key my-app --log /var/log/moonward/other --hand-over")]
pub(super) struct RotateKey {
    /// Folder of the app
    #[arg(default_value = ".")]
    app: PathBuf,
    /// Make no new key: record the change to the key in place, signed by the former one beside it that signed this log last
    #[arg(long)]
    hand_over: bool,
    #[command(flatten)]
    log: LogFolder,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl RotateKey {
    /// Changes the key and prints what checks its signatures.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        // A key that others may know has to go, whether the app loads or not.
        let app = Outline::read(&self.app).map_err(Fault::Invalid)?;
        let options = app.log_options(self.log.log.as_deref());
        if !review::has_records(&options.folder) {
            // Opening it would make a log, and keys, where nobody looks for them.
            return Err(no_log(&options.folder).with_help(WHAT_LOG_TAKES));
        }
        if self.hand_over {
            return hand_over(options, printer);
        }
        let log = Log::open(options)?;
        let old = log.verifying_key();
        let new = log.rotate_key().map_err(|error| match error {
            RotateError::Key(error) => {
                Fault::Log { message: format!("key of the audit log: {error}"), help: error.hint() }
            }
            RotateError::Unavailable(error) => error.into(),
        })?;
        log.close()?;
        match printer.output() {
            Output::Json => printer.json(&json!({"schema": "moonward.audit-rotate-key/1", "new": new.to_string(), "old": old.to_string()}))?,
            Output::Text => printer.data(&format!("{new}\n"))?,
        }
        printer.say(&format!(
            "signs from here on, instead of {old}\n\
             help: `public_key` of the `audit.log` entry can stay: the log hands its trust on. If others may have read the old \
             key, change it: who trusts that key trusts whoever has it"
        ));
        Ok(Exit::Done)
    }
}

/// Puts the change to the key in place on record, and makes none.
fn hand_over(options: Options, printer: &Printer) -> Result<Exit, Fault> {
    let log = Log::open(Options { hand_over: true, ..options })?;
    let key = log.verifying_key();
    log.close()?;
    match printer.output() {
        Output::Json => printer.json(&json!({"new": key.to_string()}))?,
        Output::Text => printer.data(&format!("{key}\n"))?,
    }
    printer.say(
        "signs this log from here on\nhelp: `moonward audit verify` says whether the log hands its trust on",
    );
    Ok(Exit::Done)
}
