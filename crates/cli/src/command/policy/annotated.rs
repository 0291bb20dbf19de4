//! What kept a verb from its work, in the form that code review or continuous integration was promised: a step that fails says
//! beside the change why it did, and not on a terminal that nobody looks at alone.

use std::path::Path;

use diagnostic::Diagnostic;

use super::check::{github, whole_message};
use super::test_report::escaped;
use crate::fault::Fault;
use crate::print::Printer;

/// Prints a fault as workflow commands of GitHub Actions, and hands it on. The paths that it names are those of files in one of
/// these folders, or from here.
pub(super) fn on_github(fault: Fault, folders: &[&Path], printer: &Printer) -> Fault {
    let text = match of_files(&fault) {
        Some(found) => found
            .iter()
            .map(|diagnostic| {
                github::render(std::slice::from_ref(diagnostic), folder_of(diagnostic, folders))
            })
            .collect(),
        None => format!("::error title=moonward::{}\n", github::data(&whole(&fault))),
    };
    // The exit code and stderr tell what stdout cannot.
    let _ = printer.data(&text);
    fault
}

/// Prints a fault as a report of JUnit's form with one test that could not be done, and hands it on.
pub(super) fn on_junit(fault: Fault, printer: &Printer) -> Fault {
    let told = match of_files(&fault) {
        Some(found) => found.iter().map(with_place).collect::<Vec<_>>().join("\n"),
        None => whole(&fault),
    };
    // Line feeds, which are ours, stay; what is hostile is escaped line by line.
    let told: Vec<String> = told.lines().map(escaped).collect();
    let _ = printer.data(&format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"1\" failures=\"0\" errors=\"1\">\n  \
         <testsuite name=\"moonward\" tests=\"1\" failures=\"0\" errors=\"1\">\n    \
         <testcase name=\"the tests can be run\" classname=\"moonward\"><error message=\"{}\">{}</error></testcase>\n  \
         </testsuite>\n</testsuites>\n",
        escaped(&fault.message()),
        told.join("\n")
    ));
    fault
}

fn of_files(fault: &Fault) -> Option<&[Diagnostic]> {
    match fault {
        Fault::Invalid(found) | Fault::NotRun(found) if !found.is_empty() => Some(found),
        _ => None,
    }
}

/// The first of these folders that has the file; here where none has.
fn folder_of<'f>(diagnostic: &Diagnostic, folders: &[&'f Path]) -> &'f Path {
    let has_it = |folder: &&&Path| {
        let span = diagnostic.span.as_ref();
        span.is_some_and(|span| folder.join(&span.source.path).exists())
    };
    folders.iter().find(has_it).copied().unwrap_or(Path::new(""))
}

fn with_place(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.span.as_ref().map_or(String::new(), |span| {
        let (line, column) = span.position();
        format!("{}:{line}:{column}: ", span.source.path)
    });
    format!("{}: {place}{}", diagnostic.code, whole_message(diagnostic))
}

fn whole(fault: &Fault) -> String {
    let help = fault.help().map_or(String::new(), |help| format!("\nhelp: {help}"));
    let text = format!("{}{help}", fault.message());
    text.lines().map(diagnostic::visible).collect::<Vec<_>>().join("\n")
}
