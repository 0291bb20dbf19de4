//! A suggestion as it is shown: the permits are the data, and what there is to know of them is said beside it.

use std::path::PathBuf;

use app::limits::SUGGEST_RECORDS_TOLD;
use app::study::suggest::{LeftOut, Records, ScopeFile, Suggestion, Uncertain};
use diagnostic::{counted, grouped, visible};
use serde_json::{Map, Value as Json, json};

use super::asked::not_replayable;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Prints it. `written` is where the permits of each scope were written, if they were.
pub(super) fn print(
    printer: &Printer,
    suggestion: &Suggestion,
    written: &[PathBuf],
    is_complete: bool,
) -> Result<(), Fault> {
    if printer.output() == Output::Json {
        return printer.json(&shown(suggestion, written, is_complete));
    }
    if written.is_empty() {
        let texts: Vec<&str> = suggestion.files.iter().map(|file| file.text.as_str()).collect();
        printer.data(&texts.join("\n"))?;
    }
    for (file, path) in suggestion.files.iter().zip(written) {
        let permits = counted(file.permits.len(), "permit", "permits");
        printer.say(&format!(
            "{permits} for scope `{}`: {}",
            file.scope,
            visible(&path.display().to_string())
        ));
    }
    told(suggestion).iter().for_each(|line| printer.say(line));
    Ok(())
}

/// What is to be known, a line each; the last says the most.
fn told(suggestion: &Suggestion) -> Vec<String> {
    let Suggestion { files, allowed, decided, left_out, uncertain, .. } = suggestion;
    let mut lines = Vec::new();
    for id in &suggestion.not_audited {
        lines.push(format!(
            "warning: `{id}` does not say `@audit(\"always\")`: the log has the first of each sort that it allowed, the others were \
             only counted and may need more"
        ));
    }
    lines.extend(
        left_out.iter().map(|(why, records)| format!("left out: {}: {}", named(records), visible(why))),
    );
    if suggestion.counted > 0 {
        lines.push(format!(
            "note: {} of these actors and permissions were only counted, in roll-ups: what they were about is not on record",
            counted(suggestion.counted, "more decision", "more decisions")
        ));
    }
    for (why, count) in &uncertain.not_replayable {
        let counted = counted(*count, "decision", "decisions");
        lines.push(format!(
            "not certain: {counted} that a permit could be about: not_replayable: {}",
            visible(why)
        ));
    }
    if let Some(first) = uncertain.unreadable.first() {
        let more = match uncertain.unreadable_count {
            1 => String::new(),
            count => format!(", and {} more like it", grouped(count - 1)),
        };
        lines.push(format!("not certain: a part of the log cannot be read: {}{more}", visible(first)));
    }
    if uncertain.changed {
        lines.push("not certain: a part of the log was removed meanwhile; ask again".to_owned());
    }
    if !left_out.is_empty() && left_out.iter().any(|(why, _)| why.starts_with(NOT_TOLD)) {
        lines.push("help: `--alike` chooses also what no policy can tell from the chosen".to_owned());
    }
    lines.push(match files.as_slice() {
        [] if left_out.is_empty() => "nothing is suggested: no decision of the log is chosen".to_owned(),
        [] => "nothing is suggested".to_owned(),
        files => {
            let scopes: Vec<String> = files.iter().map(|file| format!("`{}`", file.scope)).collect();
            let (exactly, nothing) =
                if uncertain.is_nothing() { ("exactly ", "nothing else") } else { ("", "nothing else of these") };
            format!(
                "newly allowed: {exactly}the {} chosen of {} decisions replayed, and {nothing}; list the file in `policies` of {}",
                grouped(*allowed),
                grouped(*decided),
                scopes.join(", ")
            )
        }
    });
    lines
}

/// How a reason begins that choosing more does away with.
const NOT_TOLD: &str = "no policy can tell it from record ";

/// Records, for people.
fn named(records: &Records) -> String {
    let ids = records.first.iter().take(SUGGEST_RECORDS_TOLD);
    let ids: Vec<String> = ids.map(|(id, _)| visible(id)).collect();
    let more = if records.count > ids.len() as u64 { ", ..." } else { "" };
    format!("{} ({}{more})", counted(records.count, "record", "records"), ids.join(", "))
}

/// The whole for programs.
fn shown(suggestion: &Suggestion, written: &[PathBuf], is_complete: bool) -> Json {
    let Suggestion { uncertain, .. } = suggestion;
    let files: Vec<Json> =
        suggestion.files.iter().enumerate().map(|(at, file)| shown_file(file, written.get(at))).collect();
    json!({
        "schema": "moonward.policy-suggest/1",
        "complete": is_complete && uncertain.is_nothing(),
        "missing": missing(uncertain, is_complete),
        "not_replayable": not_replayable(&uncertain.not_replayable),
        "decided": suggestion.decided,
        "newly_allowed": suggestion.allowed,
        "scopes": files,
        "left_out": left_out(&suggestion.left_out),
        "counted": suggestion.counted,
        "not_audited": suggestion.not_audited,
        "unreadable": uncertain.unreadable_count,
    })
}

/// What was not looked at, in words.
fn missing(uncertain: &Uncertain, is_complete: bool) -> Vec<&str> {
    let chosen =
        (!is_complete).then_some("a part of the log could not be searched: more records may be meant");
    let removed = uncertain.changed.then_some("a part of the log was removed meanwhile");
    uncertain.unreadable.iter().map(String::as_str).chain(chosen).chain(removed).collect()
}

fn shown_file(file: &ScopeFile, path: Option<&PathBuf>) -> Json {
    let permits = file.permits.iter().map(|permit| {
        let (actors, actions) = (&permit.actors, &permit.actions);
        let mut shown = Map::new();
        shown.insert("id".to_owned(), permit.id.clone().into());
        shown.insert("actors".to_owned(), json!(actors));
        shown.insert("actions".to_owned(), json!(actions));
        shown.extend(records(permit.records.values()));
        Json::Object(shown)
    });
    json!({
        "scope": file.scope,
        "tenant": file.tenant.as_str(),
        "permits": permits.collect::<Vec<_>>(),
        "text": file.text,
        "file": path.map(|path| path.display().to_string()),
    })
}

fn left_out(left_out: &LeftOut) -> Vec<Json> {
    let reasons = left_out.iter().map(|(why, of_them)| {
        let mut shown = records([of_them]);
        shown.insert("why".to_owned(), why.into());
        Json::Object(shown)
    });
    reasons.collect()
}

/// How many records there are, and the ids of all that are named.
fn records<'r>(records: impl IntoIterator<Item = &'r Records>) -> Map<String, Json> {
    let (mut count, mut ids) = (0_u64, Vec::new());
    for of_one in records {
        count = count.saturating_add(of_one.count);
        ids.extend(of_one.first.iter().map(|(id, _)| &**id));
    }
    [("count".to_owned(), count.into()), ("records".to_owned(), json!(ids))].into_iter().collect()
}
