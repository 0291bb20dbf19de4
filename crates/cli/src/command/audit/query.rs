//! `moonward audit query`: the records that fit, and whether they are all there are.

use std::ops::ControlFlow;

use clap::Args;
use review::{Answer, Ends, Index, Progress, Question, Stage, query};
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

/// Find records, and say whether the answer is complete
///
/// The newest 100 that fit, oldest first; with `-o json` all of them as they are in the log, one JSON value a line. The last line (on
/// stderr; with `-o json` the last one of stdout) says which records were looked through, how many match, how many decisions of
/// that time were only counted in roll-ups or may fit among those, and whether anything may be missing. Records that people have no use for
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
        let selection =
            if for_people { self.filters.selection_for_people()? } else { self.filters.selection()? };
        let folder = self.place.folder()?;
        if !review::has_records(&folder) {
            say_no_log(&folder, printer);
            return self.end(printer, &Answer::default(), for_people);
        }
        let mut index = Index::open(&folder)?;
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
            self.filters.say_nearest(&folder, printer);
        }
        self.end(printer, &answer, for_people)
    }

    /// Says what is to be known of the answer, and how the command ends for it.
    fn end(&self, printer: &Printer, answer: &Answer, for_people: bool) -> Result<Exit, Fault> {
        let best_effort = answer.best_effort || self.place.is_best_effort();
        if for_people {
            printer.say(&told(answer, self.filters.period().as_deref(), best_effort));
        } else {
            printer.json(&self.envelope(answer, best_effort)?)?;
        }
        Ok(if answer.is_complete() { Exit::Done } else { Exit::Undetermined })
    }

    /// The answer for programs: the last line.
    fn envelope(&self, answer: &Answer, best_effort: bool) -> Result<Json, Fault> {
        let end = |(seq, ts): (u64, i64)| json!({"seq": seq.to_string(), "ts": super::time(ts)});
        let scanned = answer.scanned.as_ref().map(
            |scanned| json!({"records": scanned.records, "first": end(scanned.first), "last": end(scanned.last)}),
        );
        let covers =
            answer.covers.as_ref().map(|ends| json!({"first": end(ends.first), "last": end(ends.last)}));
        let undecided: Map<String, Json> =
            answer.undecided.iter().map(|(why, count)| (why.clone(), (*count).into())).collect();
        let selection = self.filters.selection()?;
        let [since, until] = [selection.since, selection.until]
            .map(|time| time.map(|time| value::rfc3339_nanos(time).to_string()));
        Ok(json!({
            "schema": "moonward.audit-query/1",
            "complete": answer.is_complete(),
            "since": since,
            "until": until,
            "log": covers,
            "scanned": scanned,
            "matched": answer.matched,
            "shown": answer.shown,
            "counted_in_rollups": answer.counted,
            "counted_may_fit": answer.counted_may_fit,
            "best_effort": best_effort,
            "undecided": undecided,
            "removed_through": answer.removed_through.map(|seq| seq.to_string()),
            "troubles": answer.troubles,
        }))
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

/// The answer in words. The last line says the most.
fn told(answer: &Answer, period: Option<&str>, best_effort: bool) -> String {
    let mut lines = super::warnings(&answer.troubles);
    if best_effort {
        lines.push(format!("note: {}", review::BEST_EFFORT));
    }
    lines.extend(super::undecided(&answer.undecided));
    if answer.counted > 0 {
        lines.push(format!(
            "{} more {} only counted, in roll-ups (`--kind rollup`)",
            answer.counted,
            if answer.counted == 1 { "was" } else { "were" }
        ));
    }
    if answer.counted_may_fit > 0 {
        lines.push(format!(
            "{}: roll-ups (`--kind rollup`) do not say enough to tell",
            review::only_counted_may_fit(answer.counted_may_fit)
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
    if let Some(period) = period {
        lines.push(format!("asked for: {period}"));
        lines.push(match &answer.covers {
            Some(Ends { first, last }) => format!("the log has {}", range(*first, *last)),
            None => "the log has no record".to_owned(),
        });
    }
    lines.push(match (&answer.scanned, period) {
        (Some(scanned), _) => {
            format!("{}: {matched}; the answer is {complete}", range(scanned.first, scanned.last))
        }
        (None, Some(_)) => format!("no record is of that time; the answer is {complete}"),
        (None, None) => format!("the log has no record; the answer is {complete}"),
    });
    lines.join("\n")
}

/// Records from the first to the last, with their times.
fn range(first: (u64, i64), last: (u64, i64)) -> String {
    let time = |ts: i64| review::moment(&super::time(ts));
    format!("records {} to {}, {} to {}", first.0, last.0, time(first.1), time(last.1))
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
        let told = |answer: &Answer| super::told(answer, None, false);
        assert_eq!(
            told(&answer),
            "records 1 to 40, 1970-01-01 00:00:00Z to 1970-01-01 00:00:39Z: 13 match; the answer is complete"
        );
        answer.shown = 2;
        answer.counted = 250;
        answer.counted_may_fit = 1_899;
        answer.undecided = [("had no `record.context.bytes`".to_owned(), 12)].into();
        answer.troubles = (1..=7).map(|number| format!("line {number}\u{1b}")).collect();
        let said = told(&answer);
        for expected in [
            "warning: line 5\\u{1b}\nwarning: 2 more like these\n12 records had no `record.context.bytes`, and are not among those that match\n",
            "\n250 more were only counted, in roll-ups (`--kind rollup`)\n1 899 more were only counted, and may fit: ",
            "\nthe newest 2 are shown; `--limit 0` shows all\n",
        ] {
            assert!(said.contains(expected), "{said}");
        }
        assert!(said.ends_with("13 match; the answer is NOT complete"), "{said}");
        assert_eq!(told(&Answer::default()), "the log has no record; the answer is complete");
        answer =
            Answer { covers: Some(Ends { first: (1, 0), last: (9, 5_000_000_000) }), ..Answer::default() };
        assert_eq!(
            super::told(&answer, Some("since 2026-11-27 13:00:00Z"), true),
            "note: best_effort: what cannot be recorded happens all the same\n\
             asked for: since 2026-11-27 13:00:00Z\n\
             the log has records 1 to 9, 1970-01-01 00:00:00Z to 1970-01-01 00:00:05Z\n\
             no record is of that time; the answer is complete"
        );
    }
}
