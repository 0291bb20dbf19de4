//! `moonward policy fmt`: policies written in one way, comments kept.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::PolicyFiles;
use clap::Args;
use diagnostic::{Diagnostic, Source, visible};
use policy::limits::POLICY_FILE_BYTES_MAX;
use serde_json::json;

use crate::command::OutputForm;
use crate::exit::Exit;
use crate::fault::{Fault, diagnostic_json};
use crate::print::{Output, Printer};

/// Write policies in one way, comments kept
///
/// Prints the names of the files that changed. A file is only written when what comes out is the same policies with the
/// same comments, and as a whole; its mode stays. Links are not followed. Exits with 3 if a file cannot be formatted, the
/// others are then formatted all the same.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy fmt my-app
  moonward policy fmt --check .
  moonward policy fmt --check -o json . | jq -r '.would_change[]'
  moonward policy fmt - < draft.cedar")]
pub(super) struct Fmt {
    /// Folder with `.cedar` files, one such file, or `-` for text from stdin to stdout
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Write nothing: print the names of the files that would change, and exit with 2 if there are any
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Fmt {
    /// Formats, or says what would be formatted.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        if self.path == Path::new("-") {
            return self.stdin(printer);
        }
        let files = PolicyFiles::at(&self.path).map_err(|found| Fault::Invalid(vec![found]))?;
        let (read, mut wrong) = files.read();
        if read.is_empty() && wrong.is_empty() {
            // In continuous integration a folder that was moved would be well formed for ever.
            let message = format!("there is no `.cedar` file in `{}`", self.path.display());
            return Err(Fault::Invalid(vec![Diagnostic::error("policy.unreadable", message)]));
        }
        let (mut changed, mut unwritten) = (Vec::new(), Vec::new());
        for source in &read {
            match policy::format(source) {
                Ok(text) if text == source.text => {}
                Ok(text) => {
                    let written = if self.check { Ok(()) } else { files.replace(source, &text) };
                    match written {
                        Ok(()) => changed.push(source.path.as_str()),
                        Err(refused) => unwritten.push(refused),
                    }
                }
                Err(found) => wrong.extend(found),
            }
        }
        let (count, total) = (changed.len(), read.len());
        let done = if self.check { "would change" } else { "changed" };
        if printer.output() == Output::Json {
            let found: Vec<_> = wrong.iter().chain(&unwritten).map(diagnostic_json).collect();
            let key = if self.check { "would_change" } else { "changed" };
            printer.json(&json!({ key: changed, "files": total, "diagnostics": found }))?;
        } else {
            let names: String = changed.iter().map(|path| format!("{}\n", visible(path))).collect();
            printer.data(&names)?;
            printer.diagnostics(&[wrong.as_slice(), &unwritten].concat());
            let ok = if count == 0 && wrong.is_empty() && unwritten.is_empty() { "ok: " } else { "" };
            printer.say(&format!("{ok}{count} of {total} files {done}"));
        }
        Ok(match (wrong.is_empty(), unwritten.is_empty()) {
            (false, _) => Exit::Invalid,
            (true, false) => Exit::Failed,
            (true, true) if self.check && count > 0 => Exit::Denied,
            (true, true) => Exit::Done,
        })
    }

    /// From stdin to stdout; with `--check` nothing is printed.
    fn stdin(&self, printer: &Printer) -> Result<Exit, Fault> {
        let invalid = |message: String| {
            Fault::Invalid(vec![Diagnostic::error(
                "policy.unreadable",
                format!("stdin cannot be read: {message}"),
            )])
        };
        let mut bytes = Vec::new();
        let bound = POLICY_FILE_BYTES_MAX as u64 + 1;
        io::stdin().lock().take(bound).read_to_end(&mut bytes).map_err(|error| invalid(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8 text".to_owned()))?;
        let source = Arc::new(Source { path: "stdin".to_owned(), text });
        let formatted = policy::format(&source).map_err(Fault::Invalid)?;
        if self.check {
            return Ok(if formatted == source.text { Exit::Done } else { Exit::Denied });
        }
        printer.data(&formatted)?;
        Ok(Exit::Done)
    }
}
