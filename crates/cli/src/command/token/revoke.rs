//! `moonward token revoke`: tokens that are good no longer, whether or not the app runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use app::{Manifest, Outline, revocation_event};
use audit::{Log, OpenError};
use clap::{ArgGroup, Args};
use diagnostic::visible;
use serde_json::json;
use token::{Issuers, Revocation};

use crate::command::{LogFolder, OutputForm};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::person;
use crate::print::{Output, Printer};

/// Revoke a token, or every token of a subject
///
/// When the command ends it is on the disk, in `data/revocations.jsonl` of the app. An app that runs sees it within a second:
/// it refuses such tokens and ends what runs under them. `--sub` is about every token that is accepted now: those issued until
/// now and, since the issuer's clock may be ahead, for its `leeway` more; one issued later is good.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["sub", "jti"]))]
#[command(after_help = "\
Examples:
  moonward token revoke my-app --issuer app:idp --sub ada
  moonward token revoke my-app --jti 3f2c9a7e")]
pub(crate) struct Revoke {
    /// Folder of the app
    #[arg(default_value = ".")]
    app: PathBuf,
    /// Revoke every token of this subject issued up to now and the issuer's `leeway` more; one issued later is good
    #[arg(long, value_name = "SUBJECT", value_parser = super::name)]
    sub: Option<String>,
    /// Revoke the token with this `jti`
    #[arg(long, value_name = "ID", value_parser = super::name)]
    jti: Option<String>,
    /// Whose tokens, as `namespace:name` [default: the app's only issuer; with `--jti` any]
    #[arg(long, value_name = "ID")]
    issuer: Option<String>,
    #[command(flatten)]
    log: LogFolder,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Revoke {
    /// Revokes, and records it or leaves that to the app that runs.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        // Also while the app does not load: a draft with an error in it keeps nobody from being revoked.
        let app = Outline::read(&self.app).map_err(Fault::Invalid)?;
        let now = super::now();
        let issuers = app.issuers(now).map_err(|invalid| Fault::failed(invalid.to_string()))?;
        let revocation = self.revocation(app.manifest(), &issuers, now)?;
        // First the log: who has it at this moment records what comes after.
        let log = self.log(&app);
        let recorded = log.is_ok();
        let revocation = Revocation { recorded, ..revocation };
        issuers.revocations().append(revocation.clone()).map_err(|error| {
            let help = "nothing was revoked; to stop all tokens of an issuer at once, remove its entry";
            Fault::failed(error.to_string()).with_help(help)
        })?;
        self.print(&revocation, printer)?;
        match log {
            Ok(log) => {
                log.accept(revocation_event(&issuers, &revocation).into())?;
                log.close()?;
            }
            Err(OpenError::Locked { holder, .. }) => {
                let holder =
                    holder.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"));
                printer.say(&format!("the audit log is in use by {holder}, which records it"));
            }
            Err(error) => {
                return Err(Fault::Log {
                    message: format!("it is revoked, and not on record: {error}"),
                    help: error.hint(),
                });
            }
        }
        Ok(Exit::Done)
    }

    fn revocation(&self, manifest: &Manifest, issuers: &Issuers, now: i64) -> Result<Revocation, Fault> {
        let by = person::required()?;
        let issuer = match (&self.jti, &self.issuer) {
            (Some(_), None) => None,
            (_, id) => Some(super::issuer(manifest, issuers, id.as_deref())?),
        };
        // A token of an issuer whose clock is ahead was issued, by that clock, up to so much later.
        let ahead = issuer.filter(|_| self.sub.is_some()).map_or(0, |issuer| issuer.leeway.as_secs());
        let at = now.saturating_add_unsigned(ahead);
        let issuer = issuer.map(|issuer| issuer.id.clone());
        let (subject, jti) = (self.sub.as_deref().map(Arc::from), self.jti.as_deref().map(Arc::from));
        Ok(Revocation { at, issuer, subject, jti, recorded: false, by })
    }

    /// The app's log, if nobody has it now.
    fn log(&self, app: &Outline) -> Result<Log, OpenError> {
        Log::open(audit::Options { wait: Duration::ZERO, ..app.log_options(self.log.log.as_deref()) })
    }

    fn print(&self, revocation: &Revocation, printer: &Printer) -> Result<(), Fault> {
        let issuer = revocation.issuer.as_deref();
        if printer.output() == Output::Json {
            return printer.json(&json!({"revoked": {"at": revocation.at, "issuer": issuer, "sub": revocation.subject.as_deref(),
                "jti": revocation.jti.as_deref()}, "recorded": revocation.recorded}));
        }
        let whose = issuer.map_or_else(|| "any issuer".to_owned(), |issuer| format!("`{issuer}`"));
        let what = match (&revocation.subject, &revocation.jti) {
            (Some(subject), _) => {
                let until = super::time(revocation.at);
                format!(
                    "every token of `{}` from {whose} issued up to {until}; one issued later is good",
                    visible(subject)
                )
            }
            (None, jti) => format!("token `{}` of {whose}", visible(jti.as_deref().unwrap_or_default())),
        };
        printer.data(&format!("revoked: {what}\n"))
    }
}
