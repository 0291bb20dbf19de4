//! `moonward audit show`: the story of one record.

use std::path::Path;

use audit::{Line, read_with};
use clap::Args;
use diagnostic::visible;
use review::{Story, Told};
use serde_json::{Value as Json, json};

use super::Place;
use super::policy_texts::PolicyTexts;
use crate::command::OutputForm;
use crate::command::recorded::recorded;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer, Terminal};
use crate::shell;

/// Tell the story of one record: what was asked, why it was answered so, what came before and after
///
/// Exits with 1 if there is no such record, with 4 if a part of the log cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit show 01M8EKA3G36AVWG4Z1D1AECJ20 my-app
  moonward audit show last my-app
  moonward audit show 01M8EKA3G36AVWG4Z1D1AECJ20 my-app -o json | jq .policies")]
pub(super) struct Show {
    /// Id of the record, or its first characters, at least 8; `last` is the newest denial
    id: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Show {
    /// Finds the record and prints its story.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let log = self.place.folder()?;
        let line = recorded(&self.id, &log, &self.place.words())?;
        let form = text(&line.record, "schema");
        if form != audit::SCHEMA {
            let message = format!(
                "that record is of the form `{}`, and this version knows `{}` only",
                visible(form),
                audit::SCHEMA
            );
            return Err(
                Fault::failed(message).with_help("the version of the product that wrote it can read it")
            );
        }
        let story = self.story(line, &log);
        match printer.output() {
            Output::Json => printer.json(&json!(story))?,
            Output::Text => {
                let told = story.to_text();
                let colour = Terminal::of_stdout().is_some_and(|terminal| terminal.colour);
                printer.data(&if colour { painted(&told) } else { told.text })?;
                printer.say(&format!("help: {}", self.next(story.record()).join("\n      ")));
            }
        }
        Ok(if story.is_complete() { Exit::Done } else { Exit::Undetermined })
    }

    fn story(&self, line: Line, log: &Path) -> Story {
        let (record, missing) = match audit::stored(log, &line) {
            Ok(record) => (record, None),
            Err(error) => (line.record, Some(error.to_string())),
        };
        let mut story = Story::of(record);
        missing.into_iter().for_each(|why| story.is_missing(why));
        let texts = story.texts();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for line in read_with(log, &texts) {
            match line {
                Ok(line) => story.add(&line.record),
                Err(error) => story.is_missing(error.to_string()),
            }
        }
        if self.place.is_best_effort() {
            story.best_effort();
        }
        let (record, archive) = (story.record().clone(), story.archive().map(str::to_owned));
        let texts = PolicyTexts::new(&self.place.app, log, &record, archive.as_deref());
        story.policies_mut().for_each(|policy| texts.quote(policy));
        story
    }

    /// Commands to go on with.
    fn next(&self, record: &Json) -> Vec<String> {
        let (source, id) = (self.place.words(), shell::word(text(record, "id")));
        let mut next = Vec::new();
        let detail = |name: &str| record.pointer(&format!("/detail/{name}")).and_then(Json::as_str);
        match text(record, "kind") {
            "decision" => {
                let redacted =
                    record.get("redacted").and_then(Json::as_array).is_some_and(|paths| !paths.is_empty());
                if text(record, "decision") == "deny" && !redacted && record.get("not_replayable").is_none() {
                    next.push(format!(
                        "`moonward policy explain {id} {source}` tells which clause said so, and what would allow it"
                    ));
                }
                let again = format!("`moonward policy simulate {source} --from {id}`");
                if redacted {
                    next.push(format!(
                        "{again} says whether it can be decided again without what was redacted"
                    ));
                } else if record.get("not_replayable").is_none() {
                    next.push(format!(
                        "{again} decides it again by the policies of now,\n      with `--then` by those that decided it"
                    ));
                }
                let mut words = format!("moonward audit query {source}");
                for (flag, name) in [("--actor", "actor"), ("--action", "action")] {
                    if !text(record, name).is_empty() {
                        words.push_str(&format!(" {flag} {}", shell::word(text(record, name))));
                    }
                }
                next.push(format!("`{words}` lists all of that sort"));
            }
            "policy_load" | "policy_refused" => {
                next.push(format!("`moonward policy history {source}` lists the sets that were in force"));
                next.push(format!(
                    "`moonward audit report {source} --since {}` tells what was denied from then on",
                    text(record, "ts")
                ));
            }
            "rollup" => {
                let opening = shell::word(detail("opening").unwrap_or_default());
                next.push(format!("`moonward audit show {opening} {source}` tells the first of them"));
            }
            "service" if detail("record").is_some() => {
                let denial = shell::word(detail("record").unwrap_or_default());
                next.push(format!(
                    "`moonward audit show {denial} {source}` tells the denial that it failed by"
                ));
            }
            "gap" | "recovered" | "retention" | "key_rotate" | "checkpoint" => {
                next.push(format!("`moonward audit verify {source}` proves whether the log is whole"));
            }
            _ => next.push(format!(
                "`moonward audit query {source} --kind {}` lists all of that kind",
                shell::word(text(record, "kind"))
            )),
        }
        next
    }
}

/// A story with its answers in colour.
fn painted(told: &Told) -> String {
    let mut painted = String::with_capacity(told.text.len());
    let mut end = 0;
    for answer in &told.answers {
        let text = |from: usize, to: usize| told.text.get(from..to).unwrap_or_default();
        let colour = if answer.allowed { "32" } else { "1;31" };
        painted.push_str(text(end, answer.span.start));
        painted.push_str(&format!("\x1b[{colour}m{}\x1b[0m", text(answer.span.start, answer.span.end)));
        end = answer.span.end;
    }
    painted.push_str(told.text.get(end..).unwrap_or_default());
    painted
}

fn text<'r>(record: &'r Json, name: &str) -> &'r str {
    record.get(name).and_then(Json::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use review::Story;
    use serde_json::json;

    use super::painted;

    #[test]
    fn answers_stand_out_where_they_are_and_nowhere_else() {
        let mut story = Story::of(
            json!({"schema": audit::SCHEMA, "seq": "2", "id": "01X", "ts": "2026-11-27T13:06:06.5Z",
            "kind": "decision", "decision": "deny", "decision_kind": "deny_forbid", "actor": "was allowed to/denied",
            "action": "process.context", "policies": [{"id": "denied"}], "context": {"topic": "denied"}}),
        );
        story.add(&json!({"schema": audit::SCHEMA, "seq": "1", "id": "01W", "ts": "2026-11-27T13:06:05.5Z",
            "kind": "decision", "decision": "allow", "actor": "was allowed to/denied", "action": "denied"}));
        let painted = painted(&story.to_text());
        assert!(
            painted.starts_with("`was allowed to/denied` \x1b[1;31mwas not allowed to\x1b[0m give"),
            "{painted}"
        );
        assert!(painted.contains("\n  answer     \x1b[1;31mdenied\x1b[0m (deny_forbid)\n"), "{painted}");
        assert!(painted.contains("\n  13:06:05Z \x1b[32mallowed\x1b[0m  01W  denied on"), "{painted}");
        assert_eq!(painted.matches("\x1b[0m").count(), 3, "{painted}");
    }
}
