//! `moonward call`: one definition run to its end, its result printed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use app::{App, CallFailure, CallRequest, StartedBy};
use audit::Log;
use clap::Args;
use policy::Via;
use value::{Failure, Kind, Value, from_json, parse_duration, to_json};

use super::{LogFolder, OutputForm, token};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::Printer;
use crate::{interrupt, opening, person, refusal, shell};

/// Run one definition to its end and print its result
///
/// The result is one line of JSON. An error of the process exits with 1, a refusal by a policy with 2 and the id of its
/// audit record. Services of the app are not started. The command ends when all that was recorded is on the disk.
///
/// Without `--actor` the process runs as `TENANT/user/cli` under the default scopes of the tenant that owns the
/// definition. Whoever may write the app's audit log may say who they are, and is named in every record of the run. With
/// `--token` it runs as whom a token of one of the app's issuers says, under the scopes that the issuer gives.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward call my-app app:hello World
  moonward call my-app app:hello '{\"name\": \"World\"}' --timeout 5s
  moonward call my-app acme:report --actor acme/user/ada --scope acme:reader -o json
  moonward call my-app acme:report --token - < token.txt")]
pub(crate) struct Call {
    /// Folder of the app
    app: PathBuf,
    /// Definition to run, as `namespace:name`
    id: String,
    /// Arguments of its main function: JSON, or else text
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    arguments: Vec<String>,
    /// Host to run it on [default: the app's only host]
    #[arg(long, value_name = "ID")]
    host: Option<String>,
    /// Actor to run it as, as `tenant/kind/name`
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// Token that says who the actor is and which scopes it has; `-` reads it from standard input
    #[arg(long, value_name = "JWT", conflicts_with = "actor")]
    token: Option<String>,
    /// Scope to run it under, as `namespace:name`; can be given more than once
    #[arg(long = "scope", value_name = "ID", requires = "actor")]
    scopes: Vec<String>,
    /// Time after which the process is ended, such as `5s`
    #[arg(long, value_name = "DURATION", value_parser = timeout)]
    timeout: Option<Duration>,
    #[command(flatten)]
    log: LogFolder,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Call {
    /// Runs the definition and prints what it returned.
    pub(super) fn run(self, printer: &Printer) -> Result<Exit, Fault> {
        let place = self.log.words(&self.app);
        let token = self.token.as_deref().map(token::given).transpose()?;
        let app = opening::load(&self.app, printer)?;
        let log = opening::open_log(&app, self.log.log.as_deref())?;
        let request = CallRequest {
            definition: self.id,
            host: self.host,
            actor: self.actor,
            scopes: self.scopes,
            token,
            arguments: self.arguments.iter().map(|text| argument(text)).collect(),
            timeout: self.timeout,
            via: Via::Cli,
        };
        let outcome = finish(app, &log, printer, request)?;
        // What is printed has happened, and is on record.
        log.close()?;
        match outcome {
            Ok(value) => {
                printer.json(&to_json(&value))?;
                Ok(Exit::Done)
            }
            Err(failure) => Err(fault(failure, &log, self.timeout, (&self.app, &place))),
        }
    }
}

/// Runs the process to its end, on workers that are gone afterwards.
fn finish(
    app: App,
    log: &Log,
    printer: &Printer,
    request: CallRequest,
) -> Result<Result<Value, CallFailure>, Fault> {
    let person = person::required()?;
    let by = match request.token {
        // Whoever has a token has proved who they are.
        Some(_) => StartedBy::Person(person),
        None => StartedBy::Asserting(person),
    };
    let running = app.start(log.clone(), &by)?;
    interrupt::unless_interrupted(log, printer, || running.call(request))
}

fn fault(failure: CallFailure, log: &Log, timeout: Option<Duration>, (app, place): (&Path, &str)) -> Fault {
    match failure {
        CallFailure::Denied(failure) => {
            let explain = |record| refusal::explain(log.folder(), record, Some(place));
            let help = failure.record.as_deref().and_then(explain);
            Fault::Denied { failure, help }
        }
        CallFailure::Failed(failure) => Fault::Ended { failure, help: None },
        CallFailure::Refused(refused) if refused.cause().is_malformed() => Fault::Malformed {
            message: format!("what was given is no token: {}", refused.cause()),
            help: refused.cause().hint(),
        },
        CallFailure::Refused(refused) => {
            let help =
                format!("`moonward token inspect - {}` with the token on stdin says why", shell::path(app));
            Fault::Denied { failure: Failure::invalid(refused.to_string()), help: Some(help) }
        }
        CallFailure::Usage(message) => {
            Fault::usage(message, "`moonward call --help` shows what can be given")
        }
        CallFailure::Timeout => {
            let waited = timeout.map_or_else(String::new, |timeout| {
                format!(" within {}", humantime::format_duration(timeout))
            });
            let message = format!("the process gave no result{waited}, and was ended");
            Fault::Ended { failure: Failure::new(Kind::Timeout, message), help: None }
        }
    }
}

/// An argument is JSON if it parses, else text.
fn argument(text: &str) -> Value {
    serde_json::from_str(text).map_or_else(|_| Value::text(text), |json| from_json(&json))
}

fn timeout(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if duration.is_zero() { Err("must be longer than nothing".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use value::{Value, to_json};

    use super::{argument, timeout};

    #[test]
    fn an_argument_is_json_if_it_parses() {
        for (text, expected) in [
            ("World", r#""World""#),
            ("\"World\"", r#""World""#),
            ("5", "5"),
            ("-5", "-5"),
            ("{\"a\":[1,null]}", r#"{"a":[1,null]}"#),
            ("{a}", r#""{a}""#),
            ("", r#""""#),
            ("true", "true"),
        ] {
            assert_eq!(to_json(&argument(text)).to_string(), expected, "{text}");
        }
        assert_eq!(argument("null"), Value::Nil);
    }

    #[test]
    fn a_timeout_has_a_unit_and_is_not_nothing() {
        assert_eq!(timeout("1m 30s"), Ok(Duration::from_secs(90)));
        for text in ["5", "0s", "soon", "-1s", ""] {
            assert!(timeout(text).is_err(), "{text}");
        }
    }
}
