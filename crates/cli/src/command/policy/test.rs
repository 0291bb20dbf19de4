//! `moonward policy test`: the tests of policies, run.

use std::path::{Path, PathBuf};

use app::study::{Premises, Suites};
use clap::{Args, ValueEnum};
use policy::study::{Study, Verdict};

use super::annotated;
use super::coverage::{Coverage, Percent, Wanted};
use super::premises::{failed, usage};
use super::test_report::{Report, Tested};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::progress::ProgressLine;

/// Run the tests of policies
///
/// A test is a matrix of principals, actions and resources; a cell that it does not list under `allow` must be
/// denied. PATH is an app, a folder or file of tests (`*_test.yaml`), or a file of tests in the JSON form of
/// `cedar run-tests`. Exits with 5 if a cell comes out otherwise than it must, with 3 if a test cannot be
/// understood or there is none.
///
/// With `--coverage` it also tells which policies determined no decision: a permit by allowing, a forbid by denying. With a
/// percentage it exits with 5 if fewer did; nothing is rounded up, and where there is no policy nothing is enough. The
/// shipped guard, and what is in shadow, is not counted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy test my-app
  moonward policy test my-app --filter 'stay home'
  moonward policy test my-app --coverage 95
  moonward policy test my-app/policies/tests/permits_test.yaml -o junit > tests.xml
  moonward policy test cases.json --policies policies/")]
pub(super) struct Test {
    /// App, folder or file of tests
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Folder of the app that the tests are about [default: PATH, or the app that it is in]
    #[arg(long, value_name = "DIR")]
    app: Option<PathBuf>,
    /// File or folder of policies, instead of an app's; can be given more than once
    #[arg(long = "policies", value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// Run only the tests whose name or file holds this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Tell which policies the tests cover, and fail below so many percent
    #[arg(long, value_name = "PERCENT", num_args = 0..=1)]
    coverage: Option<Option<Percent>>,
    /// Count the policies of the shipped guard too: for tests that are about it
    #[arg(long, requires = "coverage")]
    shipped_guard: bool,
    /// Form of the output: `json` also for errors
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Form,
}

/// In which form the outcome is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Text,
    /// One JSON value.
    Json,
    /// XML as continuous integration reads it.
    Junit,
}

impl Test {
    /// The form in which errors are told.
    pub(super) fn output(&self) -> Output {
        if self.output == Form::Json { Output::Json } else { Output::Text }
    }

    /// Runs the tests and prints what came of them.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let outcome = self.test(printer);
        match self.output {
            Form::Junit => outcome.map_err(|fault| annotated::on_junit(fault, printer)),
            _ => outcome,
        }
    }

    fn test(&self, printer: &Printer) -> Result<Exit, Fault> {
        let found = Suites::find(&self.path).map_err(Fault::Invalid)?;
        let app = self.app.clone().or_else(|| app_around(&self.path));
        let mut suites = Suites::read(&found, app.as_deref(), &self.policies).map_err(Fault::Invalid)?;
        if let Some(text) = &self.filter
            && suites.keep(text) == 0
        {
            let message = format!("no test's name or file holds `{}`", diagnostic::visible(text));
            let error = diagnostic::Diagnostic::error("policy.no-tests", message);
            return Err(Fault::Invalid(vec![error]));
        }
        let wanted = self.coverage.map(|least| Wanted { least, shipped_guard: self.shipped_guard });
        let mut report = Report::new(wanted.map(Coverage::new));
        let cells: usize = suites.tests().iter().map(|test| test.cells.len()).sum();
        let (mut line, mut done) = (ProgressLine::new(), 0);
        let mut known: Vec<&Study> = Vec::new();
        for test in suites.tests() {
            let Some(study) = suites.study(test) else { continue };
            let of_app = suites.is_of_app(test);
            let coverage = &mut report.coverage;
            if !known.iter().any(|known| std::ptr::eq(*known, study)) {
                known.push(study);
                coverage.iter_mut().for_each(|coverage| coverage.add(study, of_app));
            }
            let note = |verdict: &Verdict| {
                done += 1;
                line.at("testing", done, cells as u64);
                coverage.iter_mut().for_each(|coverage| coverage.note(verdict, of_app));
            };
            let tested = study.sit(|sitting| Tested::of(test, sitting, note));
            report.push(tested.map_err(|error| failed(&error))?.map_err(|error| usage(&error))?);
        }
        drop(line);
        match self.output {
            Form::Text => printer.data(&report.to_text())?,
            Form::Json => printer.json(&report.to_json())?,
            Form::Junit => printer.data(&report.to_junit())?,
        }
        let is_covered = report.coverage.as_ref().is_none_or(Coverage::is_enough);
        Ok(if report.fell_short() == 0 && is_covered { Exit::Done } else { Exit::FellShort })
    }
}

/// The app that a path is in: itself, or the nearest folder above it with a manifest, that of tests passed over.
fn app_around(path: &Path) -> Option<PathBuf> {
    if path.is_dir() && Premises::is_app(path) {
        return Some(path.to_owned());
    }
    std::path::absolute(path)
        .ok()?
        .ancestors()
        .skip(1)
        .find(|folder| has_manifest(folder))
        .map(Path::to_owned)
}

fn has_manifest(folder: &Path) -> bool {
    if folder.file_name().is_some_and(|name| name == "tests" || name == "testdata") {
        return false;
    }
    let is_manifest = |name: &str| name.ends_with(".yaml") && !name.ends_with("_test.yaml");
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_str().is_some_and(is_manifest))
}
