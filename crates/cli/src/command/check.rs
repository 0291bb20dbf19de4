//! `moonward check`: everything that can be known of an app without running it.

use std::path::PathBuf;

use app::{App, Manifest};
use clap::Args;
use diagnostic::{Diagnostic, Severity, counted};
use serde_json::json;

use super::OutputForm;
use crate::exit::Exit;
use crate::fault::{Fault, diagnostic_json};
use crate::print::{Output, Printer};

/// Check everything of an app that can be known without running it
///
/// Manifests, sources, policies and what they refer to. All that is wrong is reported at once, with file and line. Exits
/// with 3 on errors, with 2 on warnings alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward check my-app
  moonward check -o json . | jq -r '.diagnostics[] | \"\\(.file):\\(.line): \\(.message)\"'")]
pub(crate) struct Check {
    /// Folder of the app
    app: PathBuf,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Check {
    /// Prints what is wrong.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let (found, contents) = match App::load(&self.app) {
            Ok((app, warnings)) => (warnings, Some(contents(app.manifest()))),
            Err(found) => (found, None),
        };
        if printer.output() == Output::Json {
            let diagnostics: Vec<_> = found.iter().map(diagnostic_json).collect();
            printer.json(&json!({ "diagnostics": diagnostics }))?;
        } else {
            printer.diagnostics(&found);
            printer.say(&summary(&found, contents));
        }
        Ok(exit(&found))
    }
}

fn exit(found: &[Diagnostic]) -> Exit {
    match found.iter().map(|one| one.severity).max() {
        None => Exit::Done,
        Some(Severity::Warning) => Exit::Denied,
        Some(Severity::Error) => Exit::Invalid,
    }
}

fn summary(found: &[Diagnostic], contents: Option<String>) -> String {
    let errors = found.iter().filter(|one| one.severity == Severity::Error).count();
    let warnings = found.len() - errors;
    match contents {
        Some(contents) if found.is_empty() => format!("ok: {contents}"),
        Some(contents) => format!("{} in {contents}", counted(warnings, "warning", "warnings")),
        None => {
            format!("{}, {}", counted(errors, "error", "errors"), counted(warnings, "warning", "warnings"))
        }
    }
}

fn contents(manifest: &Manifest) -> String {
    [
        (manifest.definitions.len(), "definition", "definitions"),
        (manifest.libraries.len(), "library", "libraries"),
        (manifest.services.len(), "service", "services"),
        (manifest.tenants.len(), "tenant", "tenants"),
        (manifest.scopes.len(), "scope", "scopes"),
        (manifest.guards.len(), "guard", "guards"),
        (manifest.issuers.len(), "issuer", "issuers"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| counted(count, one, many))
    .collect::<Vec<_>>()
    .join(", ")
}

#[cfg(test)]
mod tests {
    use diagnostic::Diagnostic;

    use super::{Exit, exit, summary};

    #[test]
    fn the_worst_finding_decides() {
        let warning = Diagnostic::warning("a", "b");
        let error = Diagnostic::error("a", "b");
        for (found, expected_exit, contents, expected) in [
            (vec![], Exit::Done, Some("2 scopes"), "ok: 2 scopes"),
            (vec![warning.clone()], Exit::Denied, Some("2 scopes"), "1 warning in 2 scopes"),
            (vec![warning, error.clone(), error], Exit::Invalid, None, "2 errors, 1 warning"),
        ] {
            assert_eq!(exit(&found), expected_exit);
            assert_eq!(summary(&found, contents.map(str::to_owned)), expected);
        }
    }
}
