//! `moonward policy history`: which policies were in force when, from the audit log alone.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use app::limits::HISTORY_ROWS_MAX;
use app::{Archive, Outline};
use clap::Args;
use diagnostic::visible;
use review::{moment, walk};
use serde_json::{Value as Json, json};

use crate::command::{LogFolder, OutputForm};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Show which policies were in force when, and by whom
///
/// From the audit log: each policy set from the record that loaded it, newest first. Loads of the same set in a row are one
/// line. The person named is who ran the command: what `run --watch` loads as files change is named after who started it.
/// Exits with 4 if a part of the log cannot be read, or is missing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy history my-app
  moonward policy history --all -o json my-app | jq '.history[0]'")]
pub(super) struct History {
    /// Folder of the app
    #[arg(default_value = ".")]
    app: PathBuf,
    /// Also what was refused
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    log: LogFolder,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

/// The records that are looked at: loads, refusals, and administrative acts, of which rollbacks are some.
const KINDS: [&str; 3] = ["policy_load", "policy_refused", "admin"];

impl History {
    /// Prints the list.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let folder = match &self.log.log {
            Some(folder) => folder.clone(),
            None => Outline::read(&self.app).map_err(Fault::Invalid)?.log_options(None).folder,
        };
        let kept: BTreeSet<String> = match Archive::of(&self.app) {
            Ok(archive) => archive.iter().flat_map(Archive::sets).map(|set| set.digest).collect(),
            // Nothing can be gone back to, then; what was in force is known all the same.
            Err(_) => BTreeSet::new(),
        };
        let mut told = Told { all: self.all, ..Told::default() };
        if folder.exists() {
            told.read(&folder, printer);
        } else {
            let shown = visible(&folder.display().to_string());
            printer.say(&format!("there is no audit log in `{shown}`: no policies were loaded yet"));
        }
        let (complete, cut) = (told.complete, told.cut);
        let rows: Vec<Json> = told.rows.into_iter().rev().map(|row| with_archive(row, &kept)).collect();
        if printer.output() == Output::Json {
            printer.json(&json!({
                "schema": "moonward.policy-history/1",
                "complete": complete && cut == 0,
                "history": rows,
            }))?;
        } else {
            printer.data(&rows.iter().map(|row| line(row, complete)).collect::<String>())?;
            if !complete {
                printer
                    .say("incomplete: what cannot be read may have loaded other policies, also later ones");
            }
            if cut > 0 {
                printer.say(&format!("{cut} older changes are not shown; the log has them"));
            }
        }
        Ok(if complete { Exit::Done } else { Exit::Undetermined })
    }
}

/// What the log tells, oldest first.
struct Told {
    all: bool,
    rows: VecDeque<Json>,
    /// How many rows were too many.
    cut: usize,
    complete: bool,
}

impl Default for Told {
    fn default() -> Self {
        Self { all: false, rows: VecDeque::new(), cut: 0, complete: true }
    }
}

impl Told {
    fn read(&mut self, folder: &Path, printer: &Printer) {
        for line in walk(folder) {
            let record = match line {
                Ok((_, row)) if !KINDS.contains(&row.kind.as_str()) => continue,
                Ok((line, _)) => line.parse().map_err(|error| error.to_string()),
                Err(trouble) => Err(trouble),
            };
            match record {
                Ok(line) => self.record(&line.record),
                Err(trouble) => {
                    self.complete = false;
                    printer.say(&format!("warning: {}", visible(&trouble)));
                }
            }
        }
    }

    fn record(&mut self, record: &Json) {
        match text(record, "/kind") {
            "policy_load" => self.load(record),
            "policy_refused" if self.all => {
                let mut row = row("refused", record);
                insert(&mut row, "diagnostics", record.pointer("/detail/diagnostics").cloned());
                self.push(row);
            }
            "admin" => {
                let what = match text(record, "/detail/act") {
                    "policy.rollback" => "rollback",
                    "policy.rollback-failed" => "failed",
                    _ => return,
                };
                let mut row = row(what, record);
                insert(&mut row, "from", record.pointer("/detail/from").cloned());
                insert(&mut row, "files", record.pointer("/detail/files").cloned());
                self.push(row);
            }
            _ => {}
        }
    }

    fn load(&mut self, record: &Json) {
        let last = self.rows.iter().rposition(|row| text(row, "/what") == "load");
        if let Some(at) = last
            && let Some(last) = self.rows.get_mut(at)
        {
            if text(last, "/digest") == text(record, "/policy_set") {
                let loads = last.get("loads").and_then(Json::as_u64).unwrap_or(1);
                insert(last, "loads", Some((loads + 1).into()));
                return;
            }
            insert(last, "until", record.get("ts").cloned());
        }
        let mut row = row("load", record);
        insert(&mut row, "policies", record.pointer("/detail/policies").cloned());
        insert(&mut row, "loads", Some(1.into()));
        self.push(row);
    }

    fn push(&mut self, row: Json) {
        if self.rows.len() == HISTORY_ROWS_MAX {
            self.rows.pop_front();
            self.cut += 1;
        }
        self.rows.push_back(row);
    }
}

/// What all rows say.
fn row(what: &str, record: &Json) -> Json {
    let mut row = json!({ "what": what });
    for (name, from) in [
        ("digest", "policy_set"),
        ("record", "id"),
        ("seq", "seq"),
        ("since", "ts"),
        ("generation", "generation"),
        ("by", "asserted_by"),
    ] {
        insert(&mut row, name, record.get(from).cloned());
    }
    row
}

fn insert(row: &mut Json, name: &str, value: Option<Json>) {
    if let (Some(members), Some(value)) = (row.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
}

fn with_archive(mut row: Json, kept: &BTreeSet<String>) -> Json {
    let is_kept = kept.contains(text(&row, "/digest"));
    if text(&row, "/what") != "refused" {
        insert(&mut row, "archived", Some(is_kept.into()));
    }
    row
}

fn text<'r>(record: &'r Json, path: &str) -> &'r str {
    record.pointer(path).and_then(Json::as_str).unwrap_or_default()
}

/// A row for people. `complete` says whether all of the log was read.
fn line(row: &Json, complete: bool) -> String {
    let number = |name: &str| row.get(name).and_then(Json::as_u64).unwrap_or_default();
    let digest = short(text(row, "/digest"));
    let mut parts = Vec::new();
    match text(row, "/what") {
        "load" => {
            // A record that was too long for its line lost it.
            if row.get("policies").is_some() {
                parts.push(format!("{} policies", number("policies")));
            }
            if number("loads") > 1 {
                parts.push(format!("{} loads", number("loads")));
            }
            parts.push(match text(row, "/until") {
                "" if complete => "the last to be loaded".to_owned(),
                "" => "the last known to be loaded".to_owned(),
                until => format!("until {}", moment(until)),
            });
            if row.get("archived") == Some(&Json::Bool(false)) {
                parts.push("not kept".to_owned());
            }
        }
        "failed" => parts.push("files could not be put back".to_owned()),
        "rollback" => parts.push(format!("files put back, from {}", short(text(row, "/from")))),
        _ => parts.push(format!("stayed in force: {}", first_line(cause(row)))),
    }
    if let Some(by) = row.get("by") {
        parts.push(format!("by {}@{}", text(by, "/login"), text(by, "/host")));
    }
    parts.push(format!("record {}", text(row, "/record")));
    let said =
        format!("{}  {:8}  {digest}  {}", moment(text(row, "/since")), text(row, "/what"), parts.join(", "));
    format!("{}\n", visible(&said))
}

/// What refused a set: its first error, since warnings found beside it stop nothing.
fn cause(row: &Json) -> &str {
    let found = row.get("diagnostics").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut found = found.iter().filter_map(Json::as_str);
    let first = found.clone().next().unwrap_or_default();
    found.find(|text| text.starts_with("error:")).unwrap_or(first)
}

/// Enough of a digest to be typed.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(seq: u64, digest: &str) -> Json {
        json!({"seq": seq.to_string(), "id": format!("R{seq}"), "ts": format!("2026-11-24T02:03:{seq:02}.5Z"),
            "kind": "policy_load", "policy_set": digest, "generation": "1", "detail": {"policies": 18}})
    }

    #[test]
    fn each_set_has_one_row_from_its_first_record_to_the_next_set() {
        let mut told = Told::default();
        for record in [load(1, "a"), load(2, "a"), load(3, "b"), load(4, "a")] {
            told.record(&record);
        }
        let rows: Vec<_> = told
            .rows
            .iter()
            .map(|row| {
                (
                    text(row, "/digest"),
                    text(row, "/record"),
                    row["loads"].as_u64().unwrap(),
                    text(row, "/until"),
                )
            })
            .collect();
        let (b, a) = ("2026-11-24T02:03:03.5Z", "2026-11-24T02:03:04.5Z");
        assert_eq!(rows, [("a", "R1", 2, b), ("b", "R3", 1, a), ("a", "R4", 1, "")]);
    }

    #[test]
    fn the_newest_rows_are_kept_and_the_others_counted() {
        let mut told = Told::default();
        for seq in 0..HISTORY_ROWS_MAX as u64 + 5 {
            told.record(&load(seq, &seq.to_string()));
        }
        assert_eq!((told.rows.len(), told.cut), (HISTORY_ROWS_MAX, 5));
        assert_eq!(text(told.rows.back().unwrap(), "/digest"), (HISTORY_ROWS_MAX + 4).to_string());
    }

    #[test]
    fn what_the_log_says_is_shown_and_not_obeyed() {
        let mut refused = row("refused", &load(1, "0123456789abcdef"));
        insert(
            &mut refused,
            "diagnostics",
            Some(json!(["warning: a doubt", "error: \u{1b}[31mred\nmore", "error: z"])),
        );
        insert(&mut refused, "by", Some(json!({"uid": 1, "login": "ada", "host": "de\u{202e}sk"})));
        assert_eq!(
            line(&refused, true),
            "2026-11-24 02:03:01Z  refused   0123456789ab  stayed in force: error: \\u{1b}[31mred, by ada@de\\u{202e}sk, record R1\n"
        );
    }
}
