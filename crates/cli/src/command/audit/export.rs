//! `moonward audit export`: records handed on to other tools, at least once, in order.

use std::fs;
use std::io::{self, BufWriter, Stdout, Write as _};
use std::path::{Path, PathBuf};

use audit::STORED_MEMBERS;
use clap::{Args, ValueEnum};
use review::{
    CSV_HEAD, Condition, Cursor, CursorError, ExportError, Exported, Found, Selection, Taken, Taker,
    csv_line, export,
};

use super::filters::{Filters, condition};
use super::{Place, say_no_log};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer, terminal_json};

/// Hand records on to other tools, at least once and in order
///
/// As lines of the log, or as a table for a spreadsheet. With `--cursor` the next export goes on where this one stopped: the
/// file is written when everything before it is. What was written after that comes again if this command is killed; `id` tells it apart.
///
/// A line may name a `context` or `entities` that was too large for it, and is a file beside the segment: `{"$stored": ...}`.
/// Lines are exported as they are, so that they hash to what the next one says; with `--with-parts` such parts are filled in.
///
/// Exits with 4 when a line or segment cannot be read, records are missing, a part that is asked for is, or `--where` can be
/// decided of none. The cursor stays before a segment that cannot be read at the moment, and where it was if whoever reads the
/// output goes away.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit export my-app > audit.jsonl
  moonward audit export --cursor last-export.json my-app >> audit.jsonl
  moonward audit export --with-parts --decision deny my-app > denials.jsonl
  moonward audit export --since 30d --decision deny -o csv my-app > denials.csv")]
pub(super) struct Export {
    #[command(flatten)]
    place: Place,
    /// Records after the one of this number
    #[arg(long, value_name = "SEQ", conflicts_with = "cursor")]
    after: Option<u64>,
    /// Go on after the record that this file names, and keep it up; made when it is not there
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
    #[command(flatten)]
    filters: Filters,
    /// Fill in the parts of records that are kept elsewhere: such lines hash to something else than the log's
    #[arg(long)]
    with_parts: bool,
    /// Form of the output
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t)]
    output: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// Records as they are in the log, one JSON value a line
    #[default]
    #[value(alias = "json")]
    Jsonl,
    /// A table, one record a line; its head comes first unless a cursor is gone on from
    Csv,
}

impl Export {
    /// The form of errors: records are data in either form.
    pub(super) fn output(&self) -> Output {
        Output::Text
    }

    /// Writes the records, and the cursor.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        if self.with_parts && self.output == Form::Csv {
            let help = "no column of a table has such a part; leave out one of the two";
            return Err(Fault::usage("`--with-parts` is for lines, not for `-o csv`".to_owned(), help));
        }
        let selection = self.filters.selection()?;
        let filter = self.filters.filter(printer)?;
        let folder = self.place.folder()?;
        if !review::has_records(&folder) {
            say_no_log(&folder, printer);
            return Ok(Exit::Done);
        }
        let from = match &self.cursor {
            Some(file) => Cursor::read(file).map_err(|error| self.fault(&error.into()))?,
            None => None,
        };
        let condition = filter.as_ref().map(condition);
        let mut stdout = Writing {
            to: BufWriter::new(io::stdout()),
            form: self.output,
            parts_of: self.with_parts.then_some(&*folder),
            cursor: self.cursor.as_deref(),
        };
        let exported = match self.write(&folder, from.as_ref(), (&selection, condition.as_ref()), &mut stdout)
        {
            Err(ExportError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                return self.reader_is_gone(from.as_ref(), error);
            }
            exported => exported.map_err(|error| self.fault(&error))?,
        };
        if exported.records == 0 {
            self.filters.say_nearest(&folder, printer);
        }
        printer.say(&told(&exported));
        Ok(if exported.troubles.is_empty() { Exit::Done } else { Exit::Undetermined })
    }

    fn write(
        &self,
        folder: &Path,
        from: Option<&Cursor>,
        wanted: (&Selection, Option<&Condition<'_>>),
        stdout: &mut Writing<'_>,
    ) -> Result<Exported, ExportError> {
        if self.output == Form::Csv && from.is_none() {
            stdout.to.write_all(CSV_HEAD.as_bytes())?;
        }
        let exported = export(folder, (self.after.unwrap_or_default(), from), wanted, stdout)?;
        stdout.to.flush()?;
        Ok(exported)
    }

    /// Who had enough is no fault. Whoever goes on from a cursor did not get all: what was written may never have been read,
    /// so that the cursor is put back to where it was.
    fn reader_is_gone(&self, from: Option<&Cursor>, error: io::Error) -> Result<Exit, Fault> {
        let Some(file) = &self.cursor else { return Ok(Exit::Done) };
        match from {
            Some(from) => from.write(file).map_err(|error| self.fault(&error.into()))?,
            None if file.exists() => fs::remove_file(file).map_err(|error| self.fault(&error.into()))?,
            None => {}
        }
        Err(Fault::failed(ExportError::Output(error).to_string())
            .with_help("the cursor is where it was before; run the command again"))
    }

    fn fault(&self, error: &ExportError) -> Fault {
        let fault = Fault::failed(error.to_string());
        match error {
            ExportError::Cursor(CursorError::AnotherLog { .. } | CursorError::NotACursor { .. }) => {
                fault.with_help("remove the cursor to export all of this log, or name another file")
            }
            ExportError::Output(_) if self.cursor.is_some() => fault
                .with_help("the cursor stays where everything before it was written; run the command again"),
            _ => fault,
        }
    }
}

/// Stdout, and the cursor that follows it.
struct Writing<'a> {
    to: BufWriter<Stdout>,
    form: Form,
    /// The log whose parts are filled in; none where lines stay as they are.
    parts_of: Option<&'a Path>,
    cursor: Option<&'a Path>,
}

impl Taker for Writing<'_> {
    fn take(&mut self, found: &Found) -> io::Result<Taken> {
        if self.form == Form::Csv {
            self.to.write_all(csv_line(found).as_bytes())?;
            return Ok(Taken::Whole);
        }
        let raw = || super::raw(&found.line, || found.record().clone());
        let has_parts = STORED_MEMBERS.iter().any(|name| found.keeps_elsewhere(name));
        let (line, taken) = match self.parts_of.filter(|_| has_parts) {
            Some(folder) => match audit::filled(folder, found.place.segment, found.record()) {
                Ok(record) => (terminal_json(&record).into(), Taken::Whole),
                Err(error) => (raw(), Taken::PartsMissing(error.to_string())),
            },
            None if has_parts => (raw(), Taken::WithoutParts),
            None => (raw(), Taken::Whole),
        };
        self.to.write_all(line.as_bytes())?;
        self.to.write_all(b"\n")?;
        Ok(taken)
    }

    fn settle(&mut self, cursor: &Cursor) -> Result<(), ExportError> {
        self.to.flush()?;
        match self.cursor {
            Some(file) => Ok(cursor.write(file)?),
            None => Ok(()),
        }
    }
}

fn told(exported: &Exported) -> String {
    let mut lines = super::warnings(&exported.troubles);
    lines.extend(super::undecided(&exported.undecided));
    if exported.counted_may_fit > 0 {
        lines.push(review::only_counted_may_fit(exported.counted_may_fit));
    }
    if exported.without_parts > 0 {
        lines.push(format!(
            "of {} the export has no `context` or no `entities`, which is kept elsewhere; `--with-parts` fills them in",
            match exported.without_parts {
                1 => "1 record".to_owned(),
                more => format!("{more} records"),
            }
        ));
    }
    lines.push(match exported.range {
        Some((first, last)) => {
            let complete = if exported.troubles.is_empty() { "complete" } else { "NOT complete" };
            format!("records {first} to {last}: {} exported; the export is {complete}", exported.records)
        }
        None => "nothing to export".to_owned(),
    });
    lines.join("\n")
}
