//! `moonward policy check`: everything that can be found in policies by reading them.

pub(super) mod github;
mod sarif;

use std::path::{Path, PathBuf};

use app::{Policies, PolicyFiles};
use clap::{Args, ValueEnum};
use diagnostic::{Diagnostic, Severity, counted, visible};
use policy::Bundle;
use serde_json::json;

use super::annotated;
use crate::exit::Exit;
use crate::fault::{Fault, diagnostic_json};
use crate::print::{Output, Printer};

/// Check policies: syntax, schema, and whether they can do what they say
///
/// Of an app its manifest says what is a guard and what a scope, and what is declared. In a folder or file without a
/// manifest a permit is held to the rules of a scope, a forbid to those of a guard, and no name is looked up. All that is
/// wrong is reported at once. Exits with 3 on errors, with 2 on warnings alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy check my-app
  moonward policy check -o github .
  moonward policy check -o sarif my-app > policies.sarif")]
pub(super) struct Check {
    /// Folder of an app, folder with `.cedar` files, or one such file
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Form of the output: `sarif` and `github` are what code review shows beside the lines
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Text,
    /// One JSON value.
    Json,
    /// SARIF 2.1.0 of OASIS.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// What was looked at, and what was found there.
struct Findings {
    /// Sound policies.
    policies: usize,
    found: Vec<Diagnostic>,
    /// Whether no manifest said what is a guard and what a scope.
    loose: bool,
    /// What comes before the files' paths to make them paths from here.
    base: PathBuf,
}

impl Check {
    /// The form in which faults are wanted.
    pub(super) fn output(&self) -> Output {
        match self.output {
            Form::Text | Form::Github => Output::Text,
            Form::Json | Form::Sarif => Output::Json,
        }
    }

    /// Prints what is wrong.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let outcome = self.check(printer);
        match self.output {
            Form::Github => outcome.map_err(|fault| annotated::on_github(fault, &[&self.path], printer)),
            _ => outcome,
        }
    }

    fn check(&self, printer: &Printer) -> Result<Exit, Fault> {
        let mut findings = look(&self.path)?;
        findings.found.sort_by(|one, other| place(one).cmp(&place(other)));
        let found = &findings.found;
        match self.output {
            Form::Text => {
                printer.diagnostics(found);
                printer.say(&summary(&findings));
            }
            Form::Json => {
                let diagnostics: Vec<_> = found.iter().map(diagnostic_json).collect();
                printer.json(&json!({
                    "schema": "moonward.policy-check/1",
                    "policies": findings.policies,
                    "loose": findings.loose,
                    "diagnostics": diagnostics,
                }))?;
            }
            Form::Sarif => printer.json(&sarif::render(found, &findings.base))?,
            Form::Github => {
                printer.data(&github::render(found, &findings.base))?;
                printer.say(&summary(&findings));
            }
        }
        Ok(match found.iter().map(|one| one.severity).max() {
            None => Exit::Done,
            Some(Severity::Warning) => Exit::Denied,
            Some(Severity::Error) => Exit::Invalid,
        })
    }
}

/// The app in a folder, or else the files of the path.
fn look(path: &Path) -> Result<Findings, Fault> {
    if path.is_dir() {
        let of_app = |policies, found| Findings { policies, found, loose: false, base: path.to_owned() };
        match Policies::load(path) {
            Ok((policies, warnings)) => return Ok(of_app(policies.bundle.policy_count(), warnings)),
            Err(found) if !found.iter().any(|found| found.code == "manifest.none") => {
                return Ok(of_app(0, found));
            }
            Err(_) => {}
        }
    }
    let files = PolicyFiles::at(path).map_err(|found| Fault::Invalid(vec![found]))?;
    let (read, refused) = files.read();
    if read.is_empty() && refused.is_empty() {
        let message = format!("there is neither a manifest nor a `.cedar` file in `{}`", path.display());
        let help = "a manifest's name ends in `.yaml`; `moonward init DIR` writes one";
        return Err(Fault::Invalid(vec![Diagnostic::error("policy.unreadable", message).help(help)]));
    }
    let (policies, found) = Bundle::examine(read);
    let found = refused.into_iter().chain(found).collect();
    Ok(Findings { policies, found, loose: true, base: PathBuf::new() })
}

fn place(diagnostic: &Diagnostic) -> Option<(&str, usize)> {
    diagnostic.span.as_ref().map(|span| (span.source.path.as_str(), span.start))
}

/// Where a file is, from here, with `/` between the parts: what code review takes for a path in the repository.
pub(super) fn path_from_here(base: &Path, file: &str) -> String {
    let joined = base.join(file);
    let here = std::env::current_dir().ok();
    let below = here.as_ref().and_then(|here| joined.strip_prefix(here).ok());
    let joined = below.unwrap_or(&joined);
    let text = joined.to_string_lossy();
    text.strip_prefix("./").unwrap_or(&text).to_owned()
}

fn summary(findings: &Findings) -> String {
    let Findings { policies, found, loose, base: _ } = findings;
    let errors = found.iter().filter(|one| one.severity == Severity::Error).count();
    let warnings = found.len() - errors;
    let place =
        if *loose { "; no manifest: permits held to a scope's rules, forbids to a guard's" } else { "" };
    let policies = counted(*policies, "policy", "policies");
    match (errors, warnings) {
        (0, 0) => format!("ok: {policies}{place}"),
        (0, warnings) => format!("{} in {policies}{place}", counted(warnings, "warning", "warnings")),
        (errors, warnings) => {
            format!(
                "{}, {}{place}",
                counted(errors, "error", "errors"),
                counted(warnings, "warning", "warnings")
            )
        }
    }
}

/// The message with its subject and next step, on one line for each.
pub(super) fn whole_message(diagnostic: &Diagnostic) -> String {
    let subject = diagnostic.subject.as_ref().map_or(String::new(), |subject| format!(" ({subject})"));
    let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!("\nhelp: {}", visible(help)));
    format!("{}{help}", visible(&format!("{}{subject}", diagnostic.message)))
}
