//! `moonward audit report`: what was denied, since when, and what changed; for people, for pages and for programs.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use audit::read;
use clap::{Args, ValueEnum};
use diagnostic::visible;
use review::{Gathering, REPORT_ROWS, REPORT_ROWS_MAX};
use serde_json::json;
use tempfile::NamedTempFile;

use super::filters::Filters;
use super::{Source, unread};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::progress::Progress;
use crate::shell;

/// Report what was denied to whom and by which policy, what is new, and how the log fared
///
/// Decisions that were only counted, in roll-ups, are told apart from those with records of their own. What is first seen is
/// new to the whole log, as far back as it goes. Exits with 4 if a part of the period cannot be read or is gone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit report my-app
  moonward audit report my-app --since 24h --tenant acme
  moonward audit report my-app --since 7d --html report.html
  moonward audit report my-app -o json | jq '.denied.policy.rows[0]'")]
pub(super) struct Report {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    filters: Filters,
    /// Rows of each table, at most 1000
    #[arg(long, value_name = "NUMBER", default_value_t = REPORT_ROWS, value_parser = rows)]
    rows: usize,
    /// Form of the report: `json` also for errors
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Form,
    /// Write the report into this file, as one page of HTML
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    html: Option<PathBuf>,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Text,
    /// For people, with tables.
    Markdown,
    /// For programs: one JSON value on stdout, errors included.
    Json,
    /// For people: one page that needs nothing else.
    Html,
}

impl Report {
    /// The form in which data and errors are wanted.
    pub(super) fn output(&self) -> Output {
        if self.output == Form::Json { Output::Json } else { Output::Text }
    }

    /// Reads the log and prints what there is to say.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let log = self.source.find()?;
        let mut gathering =
            Gathering::new(log.folder.display().to_string(), self.filters.period(), self.rows);
        gathering.filtered(self.filters.words());
        if log.best_effort {
            gathering.best_effort();
        }
        let mut progress = Progress::new("reading the log");
        for line in read(&log.folder) {
            progress.step();
            match line {
                Ok(line) => gathering.add(&line.record, |record| self.filters.wants(record)),
                Err(error) => gathering.is_missing(unread(&error)),
            }
        }
        drop(progress);
        let report = gathering.finish();
        match (&self.html, self.output) {
            (Some(file), _) => {
                write(file, &report.to_html())?;
                printer.say(&format!("ok: wrote {}", shell::path(file)));
            }
            (None, Form::Text) => printer.data(&report.to_text())?,
            (None, Form::Markdown) => printer.data(&report.to_markdown())?,
            (None, Form::Json) => printer.json(&json!(report))?,
            (None, Form::Html) => printer.data(&report.to_html())?,
        }
        if report.is_complete() {
            return Ok(Exit::Done);
        }
        if printer.output() == Output::Text {
            printer.say("warning: the report is not complete; it says what is missing");
        }
        Ok(Exit::Undetermined)
    }
}

/// How many rows are wanted.
fn rows(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(rows @ 1..=REPORT_ROWS_MAX) => Ok(rows),
        _ => Err(format!("expected a number from 1 to {REPORT_ROWS_MAX}")),
    }
}

/// Writes a page whole or not at all, readable by its owner only: it says what the log says.
fn write(file: &Path, page: &str) -> Result<(), Fault> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let written = NamedTempFile::new_in(folder).and_then(|mut new| {
        new.write_all(page.as_bytes())?;
        new.persist(file).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| {
        Fault::failed(format!(
            "the report cannot be written to `{}`: {error}",
            visible(&file.display().to_string())
        ))
    })
}
