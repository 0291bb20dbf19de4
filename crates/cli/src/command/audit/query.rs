//! `moonward audit query`: the records that fit, and whether they are all there are.

use std::ops::ControlFlow;

use clap::Args;
use review::{Answer, Index, Progress, Question, Stage, query};
use serde_json::{Map, Value as Json, json};

use super::filters::{Filters, condition};
use super::{Place, line, say_no_log};
use crate::command::OutputForm;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer, Terminal};
use crate::progress::ProgressLine;

/// Records that are shown to people without a limit of theirs.
const SHOWN: usize = 100;

/// Bytes that are written at once.
const PAGE_BYTES: usize = 64 * 1024;

/// Names of the log that a mistyped one is held against.
const NAMES_MAX: usize = 1000;

/// Find records, and say whether the answer is complete
///
/// The newest 100 that fit, oldest first; with `-o json` all of them, a record a line as it is in the log. The last line (on
/// stderr; with `-o json` the last one of stdout) says which records were looked through, how many match, how many decisions of
/// that time were only counted in roll-ups, and whether anything may be missing. Records that people have no use for
/// (`checkpoint`) are left out of text unless `--kind` names them.
///
/// Exits with 4 when the answer is not complete: a line or segment cannot be read, retention removed records of the time
/// that was asked for, or `--where` can be decided of no record of it. A limit does not make it incomplete.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit query --since 15m --decision deny my-app
  moonward audit query --tenant acme --action spawn --limit 20 my-app
  moonward audit query --kind policy_load --kind policy_refused my-app
  moonward audit query --where 'record has context.bytes && record.context.bytes > 1000' my-app
  moonward audit query --since 2026-11-27 -o json my-app | jq -r .id")]
pub(super) struct Query {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    filters: Filters,
    /// At most so many records, the newest; 0 for all [default: 100, with `-o json` all]
    #[arg(short = 'n', long, value_name = "COUNT")]
    limit: Option<usize>,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Query {
    /// Prints the records, and what is to be known of the answer.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let for_people = printer.output() == Output::Text;
        let filter = self.filters.filter(printer)?;
        let folder = self.place.folder()?;
        if !review::has_records(&folder) {
            say_no_log(&folder, printer);
            return end(printer, &Answer::default(), for_people);
        }
        let mut index = Index::open(&folder)?;
        let selection =
            if for_people { self.filters.selection_for_people() } else { self.filters.selection() };
        let condition = filter.as_ref().map(condition);
        let limit = self.limit.or(for_people.then_some(SHOWN)).filter(|limit| *limit > 0);
        let question = Question { selection: &selection, condition: condition.as_ref(), limit };
        let terminal = Terminal::of_stdout();
        let mut page = Page { printer, text: String::new(), written: Ok(true) };
        let answer = {
            let mut line_drawn = ProgressLine::new();
            // Where records are shown as they are found, that is progress enough.
            let streams = terminal.is_some() && limit.is_none();
            let mut progress = |at: Progress| match at.stage {
                Stage::Indexing => line_drawn.at("indexing", at.done, at.in_all),
                Stage::Reading if streams || at.done == 0 => line_drawn.clear(),
                Stage::Reading => line_drawn.at("reading", at.done, at.in_all),
            };
            query(&mut index, &question, &mut progress, &mut |found| {
                page.add(&if for_people {
                    line::line(found.record(), terminal)
                } else {
                    format!("{}\n", super::raw(&found.line, || found.record().clone()))
                })
            })?
        };
        index.take_notes().iter().for_each(|note| printer.say(&format!("warning: {note}")));
        page.turn();
        if !page.written? {
            return Ok(Exit::Done);
        }
        if answer.matched == 0 && for_people {
            self.say_nearest(&index, printer)?;
        }
        end(printer, &answer, for_people)
    }

    /// What was probably meant by a name that no record has.
    fn say_nearest(&self, index: &Index, printer: &Printer) -> Result<(), Fault> {
        for (what, name, column) in self.filters.names() {
            let Some(name) = name else { continue };
            let known = index.names(column, NAMES_MAX)?;
            if known.iter().any(|known| known == name) {
                continue;
            }
            let shown = diagnostic::visible(name);
            let near = diagnostic::did_you_mean(name, known.iter().map(String::as_str));
            printer.say(&match near {
                Some(near) => {
                    format!(
                        "help: no record names the {what} `{shown}`; did you mean `{}`?",
                        diagnostic::visible(near)
                    )
                }
                None => format!("help: no record names the {what} `{shown}`"),
            });
        }
        Ok(())
    }
}

/// Records on their way to stdout, a page at a time.
struct Page<'a> {
    printer: &'a Printer,
    text: String,
    /// Whether somebody still reads them.
    written: Result<bool, Fault>,
}

impl Page<'_> {
    fn add(&mut self, text: &str) -> ControlFlow<()> {
        self.text.push_str(text);
        if self.text.len() >= PAGE_BYTES {
            self.turn();
        }
        if matches!(self.written, Ok(true)) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn turn(&mut self) {
        if matches!(self.written, Ok(true)) {
            self.written = self.printer.part(&std::mem::take(&mut self.text));
        }
    }
}

/// Says what is to be known of the answer, and how the command ends for it.
fn end(printer: &Printer, answer: &Answer, for_people: bool) -> Result<Exit, Fault> {
    if for_people {
        printer.say(&told(answer));
    } else {
        printer.json(&envelope(answer))?;
    }
    Ok(if answer.is_complete() { Exit::Done } else { Exit::Undetermined })
}

/// The answer in words. The last line says the most.
fn told(answer: &Answer) -> String {
    let mut lines = super::warnings(&answer.troubles);
    lines.extend(super::undecided(&answer.undecided));
    if answer.counted > 0 {
        lines.push(format!(
            "{} were only counted, in roll-ups (`--kind rollup`)",
            amount(answer.counted, "decision more", "decisions more")
        ));
    }
    if let Some(through) = answer.removed_through {
        lines.push(format!("records up to {through} are not in the log any more"));
    }
    if answer.shown < answer.matched {
        lines.push(format!("the newest {} are shown; `--limit 0` shows all", answer.shown));
    }
    let complete = if answer.is_complete() { "complete" } else { "NOT complete" };
    let matched = match answer.matched {
        0 => "none matches".to_owned(),
        1 => "1 matches".to_owned(),
        more => format!("{more} match"),
    };
    lines.push(match &answer.scanned {
        Some(scanned) => format!(
            "records {} to {}, {} to {}: {matched}; the answer is {complete}",
            scanned.first.0,
            scanned.last.0,
            line::seconds(&super::time(scanned.first.1)),
            line::seconds(&super::time(scanned.last.1)),
        ),
        None => format!("no record is of that time; the answer is {complete}"),
    });
    lines.join("\n")
}

fn amount(count: u64, one: &str, more: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {more}") }
}

/// The answer for programs: the last line.
fn envelope(answer: &Answer) -> Json {
    let end = |(seq, ts): (u64, i64)| json!({"seq": seq.to_string(), "ts": super::time(ts)});
    let scanned = answer.scanned.as_ref().map(
        |scanned| json!({"records": scanned.records, "first": end(scanned.first), "last": end(scanned.last)}),
    );
    let undecided: Map<String, Json> =
        answer.undecided.iter().map(|(why, count)| (why.clone(), (*count).into())).collect();
    json!({
        "schema": "moonward.audit-query/1",
        "complete": answer.is_complete(),
        "scanned": scanned,
        "matched": answer.matched,
        "shown": answer.shown,
        "counted_in_rollups": answer.counted,
        "undecided": undecided,
        "removed_through": answer.removed_through.map(|seq| seq.to_string()),
        "troubles": answer.troubles,
    })
}

#[cfg(test)]
mod tests {
    use review::Scanned;

    use super::*;

    #[test]
    fn the_last_line_says_what_was_looked_through_and_whether_anything_escaped() {
        let mut answer = Answer {
            scanned: Some(Scanned { records: 40, first: (1, 0), last: (40, 39_000_000_000) }),
            matched: 13,
            shown: 13,
            ..Answer::default()
        };
        assert_eq!(
            told(&answer),
            "records 1 to 40, 1970-01-01 00:00:00Z to 1970-01-01 00:00:39Z: 13 match; the answer is complete"
        );
        answer.shown = 2;
        answer.counted = 250;
        answer.undecided = [("had no `record.context.bytes`".to_owned(), 12)].into();
        answer.troubles = (1..=7).map(|number| format!("line {number}\u{1b}")).collect();
        let told = told(&answer);
        for expected in [
            "warning: line 5\\u{1b}\nwarning: 2 more like these\n12 records had no `record.context.bytes`, and are not among those that match\n",
            "\n250 decisions more were only counted, in roll-ups (`--kind rollup`)\n",
            "\nthe newest 2 are shown; `--limit 0` shows all\n",
        ] {
            assert!(told.contains(expected), "{told}");
        }
        assert!(told.ends_with("13 match; the answer is NOT complete"), "{told}");
        assert_eq!(super::told(&Answer::default()), "no record is of that time; the answer is complete");
    }
}
