//! `moonward audit show`: the story of one record.

use std::path::{Path, PathBuf};

use audit::{Line, ReadError, read, read_with};
use clap::Args;
use diagnostic::{did_you_mean, visible};
use review::{Story, moment};
use serde_json::{Value as Json, json};

use super::Place;
use super::policy_texts::PolicyTexts;
use crate::command::OutputForm;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer, Terminal};
use crate::shell;

/// What stands for the newest denial. No id begins so: an L is in none.
const NEWEST: &str = "last";

/// Characters of an id that are asked for at least: its time to the second.
const PREFIX_MIN: usize = 8;

/// Characters of a whole id.
const ID_LENGTH: usize = 26;

/// Records that are listed when several begin alike.
const ALIKE_MAX: usize = 10;

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
        let prefix = self.prefix()?;
        let log = self.folder()?;
        let line = match prefix {
            None => newest_denial(&log)?,
            Some(prefix) => self.record(&prefix, &log)?,
        };
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
                let text = story.to_text();
                let colour = Terminal::of_stdout().is_some_and(|terminal| terminal.colour);
                printer.data(&if colour { painted(&text) } else { text })?;
                printer.say(&format!("help: {}", self.next(story.record()).join("\n      ")));
            }
        }
        Ok(if story.is_complete() { Exit::Done } else { Exit::Undetermined })
    }

    /// The folder of the log.
    fn folder(&self) -> Result<PathBuf, Fault> {
        let folder = self.place.folder()?;
        if folder.is_dir() {
            return Ok(folder);
        }
        let shown = visible(&folder.display().to_string());
        Err(Fault::failed(format!("there is no audit log in `{shown}`: nothing was recorded there yet"))
            .with_help("`--log DIR` names another log"))
    }

    /// The id, or what was given of it, as records write it; nothing for the newest denial.
    fn prefix(&self) -> Result<Option<String>, Fault> {
        if self.id == NEWEST {
            return Ok(None);
        }
        let prefix = self.id.to_ascii_uppercase();
        // Crockford's base 32, which has no I, L, O and U.
        let fits =
            |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !b"ILOU".contains(&byte));
        if (PREFIX_MIN..=ID_LENGTH).contains(&prefix.len()) && prefix.bytes().all(fits) {
            return Ok(Some(prefix));
        }
        let message = format!("`{}` is no id of a record, and no beginning of one", visible(&self.id));
        let help = format!(
            "an id is {ID_LENGTH} digits and letters without I, L, O and U; its first {PREFIX_MIN} are enough if no other record \
             has them; `{NEWEST}` is the newest denial"
        );
        Err(Fault::usage(message, help))
    }

    /// The only record whose id begins so.
    fn record(&self, prefix: &str, log: &Path) -> Result<Line, Fault> {
        let (mut found, mut unreadable) = (Vec::new(), Vec::new());
        for line in read_with(log, &[&format!("\"id\":\"{prefix}")]) {
            match line {
                Ok(line) if text(&line.record, "id").starts_with(prefix) => found.push(line),
                Ok(_) => {}
                Err(error) => unreadable.push(error),
            }
            // A whole id is one record's.
            if found.len() > ALIKE_MAX || (prefix.len() == ID_LENGTH && !found.is_empty()) {
                break;
            }
        }
        match (found.pop(), found.as_slice()) {
            (None, _) => Err(self.unknown(prefix, log, &unreadable)),
            (Some(line), []) => Ok(line),
            (Some(line), _) => {
                found.push(line);
                Err(alike(prefix, &found))
            }
        }
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
        let (record, archive) = (story.record().clone(), story.archive().map(str::to_owned));
        let texts = PolicyTexts::new(&self.place.app, log, &record, archive.as_deref());
        story.policies_mut().for_each(|policy| texts.quote(policy));
        story
    }

    /// No record begins so: what is nearest, and what the log has.
    fn unknown(&self, prefix: &str, log: &Path, unreadable: &[ReadError]) -> Fault {
        let mut message =
            format!("no record begins with `{prefix}` in `{}`", visible(&log.display().to_string()));
        if let Some(error) = unreadable.first() {
            message.push_str(&format!(
                "; of {} that cannot be read any may have been it: {}",
                if unreadable.len() == 1 {
                    "what follows".to_owned()
                } else {
                    format!("{} lines", unreadable.len())
                },
                visible(&error.to_string())
            ));
        }
        let (mut nearest, mut ends) = (None::<String>, None::<(Json, Json)>);
        for line in read(log).flatten() {
            let record = line.record;
            let id = text(&record, "id");
            if prefix.len() == ID_LENGTH {
                nearest = did_you_mean(prefix, nearest.as_deref().into_iter().chain([id])).map(str::to_owned);
            }
            let short = json!({"seq": record.get("seq"), "ts": record.get("ts")});
            ends = Some(match ends {
                None => (short.clone(), short),
                Some((first, _)) => (first, short),
            });
        }
        let help = match (nearest, ends) {
            (Some(id), _) => format!("did you mean `{}`?", visible(&id)),
            (None, Some((first, last))) => format!(
                "the log has records {} to {}, {} to {}; `moonward audit query {}` lists them, `--log DIR` names another log",
                visible(text(&first, "seq")),
                visible(text(&last, "seq")),
                visible(&moment(text(&first, "ts"))),
                visible(&moment(text(&last, "ts"))),
                self.place.words()
            ),
            (None, None) => "there is no record in that log; `--log DIR` names another one".to_owned(),
        };
        Fault::failed(message).with_help(help)
    }

    /// Commands to go on with.
    fn next(&self, record: &Json) -> Vec<String> {
        let (source, id) = (self.place.words(), shell::word(text(record, "id")));
        let mut next = Vec::new();
        let detail = |name: &str| record.pointer(&format!("/detail/{name}")).and_then(Json::as_str);
        match text(record, "kind") {
            "decision" => {
                if record.get("not_replayable").is_none() {
                    next.push(format!("`moonward policy simulate {source} --from {id}` decides it again"));
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

/// A story with its answers in colour: the one of its first line, and those in the columns where answers are.
fn painted(story: &str) -> String {
    const NO: [&str; 2] = ["was not allowed to", "denied"];
    const YES: [&str; 2] = ["was allowed to", "allowed"];
    let in_sentence = |line: &str| NO.iter().chain(&YES).find_map(|word| Some((line.find(word)?, *word)));
    let in_column = |line: &str| {
        let words = NO.iter().chain(&YES).flat_map(|word| [12, 13].map(|column| (column, *word)));
        words.into_iter().find(|(column, word)| {
            line.starts_with("  ") && line.get(*column..).is_some_and(|rest| rest.starts_with(word))
        })
    };
    let lines = story.lines().enumerate().map(|(number, line)| {
        let Some((at, word)) = (if number == 0 { in_sentence(line) } else { in_column(line) }) else {
            return format!("{line}\n");
        };
        let colour = if NO.contains(&word) { "1;31" } else { "32" };
        let (before, rest) = line.split_at_checked(at).unwrap_or((line, ""));
        let after = rest.strip_prefix(word).unwrap_or(rest);
        format!("{before}\x1b[{colour}m{word}\x1b[0m{after}\n")
    });
    lines.collect()
}

/// The newest denial of a log.
fn newest_denial(log: &Path) -> Result<Line, Fault> {
    let mut newest = None;
    let mut unreadable = None;
    for line in read_with(log, &[r#""decision":"deny""#]) {
        match line {
            Ok(line) if text(&line.record, "decision") == "deny" => newest = Some(line),
            Ok(_) => {}
            Err(error) => unreadable = Some(error),
        }
    }
    newest.ok_or_else(|| {
        let folder = visible(&log.display().to_string());
        let but = unreadable.map_or_else(String::new, |error| {
            format!(", as far as it can be read: {}", visible(&error.to_string()))
        });
        Fault::failed(format!("there is no denial in `{folder}`{but}"))
            .with_help("an id tells the story of any other record; `moonward audit query` lists them")
    })
}

/// Several records begin so.
fn alike(prefix: &str, found: &[Line]) -> Fault {
    let mut listed = String::from("more characters of one of these:");
    for record in found.iter().map(|line| &line.record).take(ALIKE_MAX) {
        let says = ["kind", "decision", "actor", "action"].map(|name| visible(text(record, name))).join(" ");
        let says = says.trim_end();
        listed.push_str(&format!(
            "\n  {}  {}  {says}",
            visible(text(record, "id")),
            visible(&moment(text(record, "ts")))
        ));
    }
    if found.len() > ALIKE_MAX {
        listed.push_str("\n  and more");
    }
    Fault::failed(format!("several records begin with `{prefix}`")).with_help(listed)
}

fn text<'r>(record: &'r Json, name: &str) -> &'r str {
    record.get(name).and_then(Json::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::painted;

    #[test]
    fn answers_stand_out_where_they_are_and_nowhere_else() {
        let story = "`a` was not allowed to x: y\n\n  answer     denied (deny_forbid)\n  13:06:06Z allowed  01X  denied\n  context    topic: denied\n";
        assert_eq!(
            painted(story),
            "`a` \x1b[1;31mwas not allowed to\x1b[0m x: y\n\n  answer     \x1b[1;31mdenied\x1b[0m (deny_forbid)\n  13:06:06Z \
             \x1b[32mallowed\x1b[0m  01X  denied\n  context    topic: denied\n"
        );
    }
}
