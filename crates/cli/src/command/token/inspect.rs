//! `moonward token inspect`: what an app makes of a token, claim by claim and rule by rule.

use std::path::PathBuf;

use clap::Args;
use diagnostic::visible;

use super::explained;
use crate::command::OutputForm;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Say why a token becomes this actor with these scopes, or why it is refused
///
/// For each claim and each rule of its issuer: whether it counted, what it gave, and where that is written. The issuer's keys
/// are fetched. Exits with 2 if the token is refused, with 3 if it is none. Neither the signature nor a key is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward token inspect - my-app < token.txt
  moonward token inspect -o json \"$TOKEN\" my-app | jq -r .reason")]
pub(crate) struct Inspect {
    /// The token; `-` reads it from stdin, where other users of this machine do not see it
    #[arg(value_name = "JWT", allow_hyphen_values = true)]
    jwt: String,
    /// Folder of the app
    #[arg(default_value = ".")]
    app: PathBuf,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Inspect {
    /// Prints what the token is worth.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let app = super::load(&self.app)?;
        let now = super::now();
        let issuers = super::issuers(&app, now)?;
        let jwt = super::given(&self.jwt)?;
        for refresh in issuers.refresh_for(&jwt, now) {
            if let Err(why) = refresh.outcome {
                printer.say(&format!(
                    "warning: keys of `{}` cannot be had: {}",
                    refresh.issuer,
                    visible(&why)
                ));
            }
        }
        let inspection = match issuers.inspect(&jwt, now) {
            Ok(inspection) => inspection,
            Err(cause) if cause.is_malformed() => {
                let message = format!("what was given is no token: {cause}");
                return Err(Fault::Malformed { message, help: cause.hint() });
            }
            // It says in its header that nothing else of it is to be looked at.
            Err(cause) => {
                match printer.output() {
                    Output::Text => printer.data(&explained::refusal(&cause))?,
                    Output::Json => printer.json(&explained::refusal_json(&cause))?,
                }
                return Ok(Exit::Denied);
            }
        };
        match printer.output() {
            Output::Text => printer.data(&explained::text(&inspection))?,
            Output::Json => printer.json(&explained::json(&inspection))?,
        }
        Ok(if inspection.verdict.is_ok() { Exit::Done } else { Exit::Denied })
    }
}
