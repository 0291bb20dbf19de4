//! `moonward audit report`: what was denied, since when, and what changed; for people, for pages and for programs.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use audit::read;
use clap::{Args, ValueEnum};
use diagnostic::visible;
use review::limits::{REPORT_ROWS, REPORT_ROWS_MAX, TROUBLES_MAX};
use review::{Condition, Fits, Gathering, Period, Row, Selection, Undecided, recent};
use serde_json::{Value as Json, json};
use tempfile::NamedTempFile;

use super::Place;
use super::filters::{Filters, condition};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::progress::ProgressLine;
use crate::shell;

/// Links in a row that are followed: as many as Linux does.
const LINKS_MAX: usize = 40;

/// Report what was denied to whom and by which policy, what is new, and how the log fared
///
/// Decisions that were only counted, in roll-ups, are told apart from those with records of their own. What is first seen is
/// new to the whole log, as far back as it goes. Exits with 4 if a part of the period cannot be read or is gone, or `--where` can
/// be decided of no record.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit report my-app
  moonward audit report my-app --since 24h --tenant acme
  moonward audit report my-app --since 7d --html report.html
  moonward audit report my-app -o json | jq '.denied.policy.rows[0]'")]
pub(super) struct Report {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    filters: Filters,
    /// Rows of each table, at most 1000
    #[arg(long, value_name = "NUMBER", default_value_t = REPORT_ROWS, value_parser = rows)]
    rows: usize,
    /// Form of the report: `json` also for errors
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Form,
    /// Write the report into this file, as one page of HTML; `-` is stdout
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
        let selection = self.filters.selection()?;
        let filter = self.filters.filter(printer)?;
        let folder = self.place.folder()?;
        let period = Period { since: selection.since, until: selection.until };
        let mut gathering = Gathering::new(folder.display().to_string(), period, self.rows);
        gathering.filtered(self.filters.words());
        if self.place.is_best_effort() {
            gathering.best_effort();
        }
        let wanted = Wanted::new(&folder, selection, filter.as_ref().map(condition));
        if folder.is_dir() {
            gather(&folder, &mut gathering, &wanted);
        } else {
            super::say_no_log(&folder, printer);
        }
        let reasons = wanted.undecided.into_inner();
        if let Some(why) = review::none_decided(&reasons, wanted.asked.get()) {
            gathering.is_missing(why);
        }
        wanted.troubles.into_inner().into_iter().for_each(|why| gathering.is_missing(why));
        let undecided = super::undecided(&reasons);
        undecided.iter().for_each(|why| printer.say(&format!("warning: {why}")));
        let report = gathering.finish();
        if report.is_empty() && printer.output() == Output::Text && folder.is_dir() {
            self.filters.say_nearest(&folder, printer);
        }
        match (&self.html, self.output) {
            (Some(file), _) if is_stdout(file) => printer.data(&report.to_html())?,
            (Some(file), _) => {
                write(file, &report.to_html()).map_err(|error| {
                    let file = visible(&file.display().to_string());
                    Fault::failed(format!("the report cannot be written to `{file}`: {error}"))
                })?;
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

/// Reads the whole log: what was before a period is needed to know what is new in it.
fn gather(folder: &Path, gathering: &mut Gathering, wanted: &Wanted<'_>) {
    let mut progress = ProgressLine::new();
    let newest = recent(folder, 1, &mut |_| true);
    let newest =
        newest.lines.first().and_then(|line| Row::of_line(&line.bytes).ok()).map_or(0, |row| row.seq);
    let mut oldest = None;
    for line in read(folder) {
        match line {
            Ok(line) => {
                let seq = line.record.get("seq").and_then(|seq| seq.as_str()?.parse::<u64>().ok());
                let seq = seq.unwrap_or_default();
                let oldest = *oldest.get_or_insert(seq);
                progress.at("reading", seq.saturating_sub(oldest), newest.saturating_sub(oldest));
                let segment = line.place.segment;
                gathering.add(&line.record, |record, policies| wanted.fits(segment, record, policies));
            }
            Err(error) => gathering.is_missing(error.to_string()),
        }
    }
}

/// What a report counts: of decisions those that fit, of roll-ups those that count such decisions.
struct Wanted<'f> {
    log: &'f Path,
    /// Without the times, which are the report's.
    selection: Selection,
    condition: Option<Condition<'f>>,
    is_all: bool,
    /// Records of which the expression does not tell, by the reason.
    undecided: RefCell<BTreeMap<String, u64>>,
    /// Records of which it was to tell.
    asked: Cell<u64>,
    /// Parts of records that the expression looks at and that cannot be had.
    troubles: RefCell<Vec<String>>,
}

impl<'f> Wanted<'f> {
    fn new(log: &'f Path, selection: Selection, condition: Option<Condition<'f>>) -> Self {
        let selection = Selection { since: None, until: None, ..selection };
        let is_all = condition.is_none() && selection == Selection::default();
        let (undecided, troubles, asked) = (RefCell::default(), RefCell::default(), Cell::default());
        Self { log, selection, condition, is_all, undecided, troubles, asked }
    }

    /// Whether a decision or a roll-up is counted; of a roll-up, `policies` are those of its first decision, if they are known.
    fn fits(&self, segment: u64, record: &Json, policies: Option<&[String]>) -> Fits {
        if self.is_all {
            return Fits::Yes;
        }
        let Ok(row) = Row::of_record(record) else { return Fits::No };
        if row.kind == "rollup" {
            return self.counts(&row, policies);
        }
        if self.holds(segment, &row, record) { Fits::Yes } else { Fits::No }
    }

    fn counts(&self, row: &Row, policies: Option<&[String]>) -> Fits {
        let of_policy = self
            .selection
            .policy
            .as_ref()
            .map_or(Some(true), |wanted| policies.map(|policies| policies.contains(wanted)));
        match of_policy {
            _ if !self.selection.may_count(row) => Fits::No,
            Some(false) => Fits::No,
            // What was only counted has no members that an expression could look at.
            Some(true) if self.condition.is_none() => Fits::Yes,
            _ => Fits::Maybe,
        }
    }

    fn holds(&self, segment: u64, row: &Row, record: &Json) -> bool {
        let decided = match self.condition.as_ref().filter(|_| self.selection.holds(row)) {
            Some(condition) => {
                self.asked.set(self.asked.get() + 1);
                condition.holds(self.log, segment, record)
            }
            None => Ok(self.selection.holds(row)),
        };
        match decided {
            Ok(holds) => holds,
            Err(Undecided::Record(why)) => {
                review::count_reason(&mut self.undecided.borrow_mut(), why);
                false
            }
            Err(Undecided::Part(why)) => {
                let mut troubles = self.troubles.borrow_mut();
                if troubles.len() < TROUBLES_MAX {
                    troubles.push(why);
                }
                false
            }
        }
    }
}

/// How many rows are wanted.
fn rows(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(rows @ 1..=REPORT_ROWS_MAX) => Ok(rows),
        _ => Err(format!("expected a number from 1 to {REPORT_ROWS_MAX}")),
    }
}

/// Opened by its name, a file that stdout leads to would be replaced, or written over.
fn is_stdout(file: &Path) -> bool {
    [Path::new("-"), Path::new("/dev/stdout")].contains(&file)
}

/// Writes a page whole or not at all, readable by its owner only: it says what the log says. A link is followed, and what is
/// no regular file (a pipe, a device) is written to, not replaced.
fn write(file: &Path, page: &str) -> io::Result<()> {
    if fs::metadata(file).is_ok_and(|metadata| !metadata.is_file()) {
        return OpenOptions::new().write(true).open(file)?.write_all(page.as_bytes());
    }
    // Of a link that leads nowhere, too, what it leads to is made.
    let mut target = file.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(next) = fs::read_link(&target) else { break };
        target = folder_of(&target).join(next);
    }
    let mut new = NamedTempFile::new_in(folder_of(&target))?;
    new.write_all(page.as_bytes())?;
    new.persist(target).map(drop).map_err(|error| error.error)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}
