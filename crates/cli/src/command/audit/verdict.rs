//! What a verifier found, for people on one screen, and for programs.

use std::fmt::Write as _;

use audit::{Doubt, Figures, Finding, Question, Tail, Verdict};
use diagnostic::{counted, visible};
use review::{BEST_EFFORT, moment};
use serde_json::{Value as Json, json};

use crate::shell;

/// The verdict on one screen.
pub(super) fn text(question: &Question<'_>, verdict: &Verdict) -> String {
    let figures = &verdict.figures;
    let mut text = format!("{}\n\n", said(verdict));
    let mut row = |name: &str, what: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<18} {}", visible(&what));
    };
    if let Finding::Tampered(found) = &verdict.finding {
        row("where", format!("{}, line {}", found.file.display(), found.line));
    }
    row("log", question.folder.display().to_string());
    if let Some(origin) = &figures.origin {
        row("origin", format!("moonward.audit/{origin}"));
    }
    if figures.partial {
        row(
            "looked at",
            "only segments of the time that was asked for: nothing is said of those before".to_owned(),
        );
    }
    row("records", records(figures));
    if figures.removed > 0 {
        row(
            "removed",
            format!("{} before them, because they were old", counted(figures.removed, "record", "records")),
        );
    }
    let compressed = match figures.compressed {
        0 => String::new(),
        compressed => format!(", {compressed} of them compressed"),
    };
    if figures.best_effort {
        row("mode", BEST_EFFORT.to_owned());
    }
    row("segments", format!("{}{compressed}", figures.segments));
    if figures.unsealed > 0 {
        row("", format!("{} ended by trouble with the disk, without a checkpoint", figures.unsealed));
    }
    row("checkpoints", checkpoints(question, figures));
    if figures.unwitnessed > 0 {
        row("unwitnessed", unwitnessed(figures));
    }
    if figures.parts > 0 {
        row("parts elsewhere", format!("{}, each as it was", figures.parts));
    }
    // Of a log that was tampered with they say nothing that is so.
    if figures.records > 0 && !matches!(verdict.finding, Finding::Tampered(_)) {
        row("after the last", after(figures));
        row("end", end(figures.tail));
        row("head", figures.head.clone());
    }
    if let Some(outside) = question.against {
        let head = outside.head();
        row("compared with", format!("a checkpoint of {}", counted(head.records, "record", "records")));
    }
    text
}

/// The answer in one sentence.
fn said(verdict: &Verdict) -> String {
    match &verdict.finding {
        Finding::Intact if verdict.figures.partial => {
            "intact: what was looked at is as it was written, up to the last checkpoint".to_owned()
        }
        Finding::Intact => "intact: the log is as it was written, up to its last checkpoint".to_owned(),
        Finding::Unverifiable(doubt) => format!("unverifiable: the chain holds, but {doubt}"),
        Finding::Tampered(found) => visible(&format!("tampered: record {} {}", found.record, found.wrong)),
    }
}

fn records(figures: &Figures) -> String {
    match figures.records {
        0 => "none".to_owned(),
        records => format!(
            "{records}, from {} ({}) to {} ({})",
            figures.first_record,
            moment(&figures.first_ts),
            figures.last_record,
            moment(&figures.last_ts)
        ),
    }
}

fn checkpoints(question: &Question<'_>, figures: &Figures) -> String {
    let ids: Vec<String> = figures.keys.iter().map(ToString::to_string).collect();
    let keys = if ids.len() == 1 { "key" } else { "keys" };
    match (figures.checkpoints, ids.is_empty()) {
        (0, true) => "none".to_owned(),
        (0, false) if question.trust.is_empty() => {
            format!("signed in the name of {keys} {}, which nobody said to trust", ids.join(", "))
        }
        (0, false) => {
            let trusted: Vec<String> = question.trust.iter().map(|key| key.id().to_string()).collect();
            format!("signed in the name of {keys} {}; trusted is {}", ids.join(", "), trusted.join(", "))
        }
        (checkpoints, _) => format!("{checkpoints}, signed by {keys} {}", ids.join(", ")),
    }
}

/// What starts took over: for ever a matter of belief.
fn unwitnessed(figures: &Figures) -> String {
    let stretches: Vec<String> = figures
        .unwitnessed_some
        .iter()
        .map(|(from, through)| if from == through { from.to_string() } else { format!("{from}-{through}") })
        .collect();
    let told: u64 = figures.unwitnessed_some.iter().map(|(from, through)| through - from + 1).sum();
    let more = if told < figures.unwitnessed { ", ..." } else { "" };
    format!(
        "{} had no checkpoint when a later start took them over ({}{more}): of a run that did not end in order, or of \
         whoever could write the folder then",
        counted(figures.unwitnessed, "record", "records"),
        stretches.join(", ")
    )
}

fn after(figures: &Figures) -> String {
    match figures.after_last_checkpoint {
        0 => "no record lies after the last checkpoint".to_owned(),
        1 => "1 record lies after the last checkpoint, held by the chain alone".to_owned(),
        count => format!("{count} records lie after the last checkpoint, held by the chain alone"),
    }
}

fn end(tail: Tail) -> String {
    match tail {
        Tail::Closed => "the last run ended in order".to_owned(),
        Tail::Open => "open: somebody is writing, or the last run did not end in order".to_owned(),
        Tail::Torn(bytes) => {
            format!(
                "open, with {} of an incomplete line: a write in progress, or a crash",
                counted(bytes, "byte", "bytes")
            )
        }
    }
}

/// What to do next, whatever the answer.
pub(super) fn next_step(question: &Question<'_>, verdict: &Verdict) -> String {
    let folder = shell::path(question.folder);
    match &verdict.finding {
        Finding::Intact if question.against.is_some() => {
            "keep a later checkpoint where the log's writer cannot reach, for the next time".to_owned()
        }
        Finding::Intact => {
            "a tail that was cut off cannot be seen in the log alone: `--against FILE` compares it with a \
                            checkpoint that was kept where the log's writer cannot reach"
                .to_owned()
        }
        Finding::Tampered(found) => format!(
            "keep the folder as it is, and a copy: `cp -a {folder} COPY`; nothing from record {} on is proved by this log, \
             so compare it with a copy made before",
            found.record
        ),
        Finding::Unverifiable(doubt) => match doubt {
            Doubt::NoKey => {
                "`--key` takes the log's verifier key, from where the log's writer cannot change it"
                    .to_owned()
            }
            Doubt::NoCheckpoint => {
                "a checkpoint is written each second with new records: run it again then".to_owned()
            }
            Doubt::NotTrusted => {
                "give the verifier key that the log was signed with, from before anybody could replace it; \
                                  if that is the one you gave, this is another log"
                    .to_owned()
            }
            Doubt::KeyLost { .. } => {
                "give the other key as well: `--key` once for each, if you know whose it is; if no key was lost, the records that are \
                 not vouched for are somebody else's"
                    .to_owned()
            }
            Doubt::OtherKeyInForce => {
                "if this is a log from before a change of keys, or a copy of another app's, give it with `--log` and its key with \
                 `--key`, without the app; else somebody wrote it with a key that was retired, or it was not handed over \
                 (`moonward audit rotate-key --hand-over`)"
                    .to_owned()
            }
            Doubt::OutsideNotTrusted => {
                "give the key that signed the checkpoint too, with `--key`, if you trust it".to_owned()
            }
            Doubt::OutsideGone => "compare with a later checkpoint, or without `--since`".to_owned(),
        },
    }
}

/// The verdict for programs. Members without a value are left out.
pub(super) fn json(question: &Question<'_>, verdict: &Verdict) -> Json {
    let figures = &verdict.figures;
    let ids = |keys: &mut dyn Iterator<Item = String>| keys.collect::<Vec<_>>();
    let mut json = json!({
        "schema": "moonward.audit-verify/1",
        "verdict": match &verdict.finding {
            Finding::Intact => "intact",
            Finding::Unverifiable(_) => "unverifiable",
            Finding::Tampered(_) => "tampered",
        },
    });
    let mut insert = |name: &str, value: Json| {
        if let (Some(members), false) = (json.as_object_mut(), value.is_null()) {
            members.insert(name.to_owned(), value);
        }
    };
    match &verdict.finding {
        Finding::Intact => {}
        Finding::Unverifiable(doubt) => insert("why", doubt.to_string().into()),
        Finding::Tampered(found) => {
            insert("why", found.wrong.to_string().into());
            insert("record", found.record.to_string().into());
            insert("file", found.file.display().to_string().into());
            insert("line", found.line.into());
        }
    }
    insert("log", question.folder.display().to_string().into());
    insert("origin", figures.origin.as_ref().map(|origin| format!("moonward.audit/{origin}")).into());
    insert("partial", figures.partial.into());
    insert("compared", question.against.is_some().into());
    insert("trusted", ids(&mut question.trust.iter().map(|key| key.id().to_string())).into());
    insert("keys", ids(&mut figures.keys.iter().map(ToString::to_string)).into());
    insert("records", figures.records.into());
    insert("first", json!({"seq": figures.first_record.to_string(), "ts": figures.first_ts}));
    insert(
        "last",
        json!({"seq": figures.last_record.to_string(), "ts": figures.last_ts, "head": figures.head}),
    );
    insert("removed", figures.removed.into());
    insert("best_effort", figures.best_effort.into());
    insert("segments", figures.segments.into());
    insert("compressed", figures.compressed.into());
    insert("unsealed", figures.unsealed.into());
    insert("checkpoints", figures.checkpoints.into());
    insert("after_last_checkpoint", figures.after_last_checkpoint.into());
    insert("unwitnessed", figures.unwitnessed.into());
    insert("unwitnessed_some", json!(figures.unwitnessed_some));
    insert("parts", figures.parts.into());
    let (tail, torn) = match figures.tail {
        Tail::Closed => ("closed", Json::Null),
        Tail::Open => ("open", Json::Null),
        Tail::Torn(bytes) => ("torn", bytes.into()),
    };
    insert("end", tail.into());
    insert("torn_bytes", torn);
    json
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use audit::{Tampering, Wrong};

    use super::*;

    fn verdict(finding: Finding) -> Verdict {
        let figures = Figures {
            records: 7,
            first_record: 1,
            first_ts: "2026-11-27T13:00:01.000000001Z".to_owned(),
            last_record: 7,
            last_ts: "2026-11-27T13:00:07.000000001Z".to_owned(),
            segments: 1,
            after_last_checkpoint: 2,
            tail: Tail::Torn(1),
            ..Figures::default()
        };
        Verdict { finding, figures }
    }

    fn question(folder: &Path) -> Question<'_> {
        Question { folder, trust: &[], in_force: &[], against: None, since: None }
    }

    #[test]
    fn what_the_log_says_is_shown_and_not_obeyed() {
        let wrong = Wrong::OtherLog { origin: "\u{1b}[31m\u{202e}x".to_owned() };
        let tampering = Tampering { record: 5, file: PathBuf::from("a\u{1b}b"), line: 5, wrong };
        let verdict = verdict(Finding::Tampered(tampering));
        let folder = PathBuf::from("log\u{9b}");
        let text = text(&question(&folder), &verdict) + &next_step(&question(&folder), &verdict);
        assert!(text.starts_with("tampered: record 5 is of another log: of `\\u{1b}[31m"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{text}");
    }

    #[test]
    fn every_answer_has_its_figures_and_a_next_step() {
        let doubts = [
            Doubt::NoKey,
            Doubt::NoCheckpoint,
            Doubt::NotTrusted,
            Doubt::KeyLost { vouched: vec![(1, 4)], others: vec![(5, 7)] },
            Doubt::OtherKeyInForce,
            Doubt::OutsideNotTrusted,
            Doubt::OutsideGone,
        ];
        for finding in doubts.map(Finding::Unverifiable).into_iter().chain([Finding::Intact]) {
            let verdict = verdict(finding);
            let question = question(Path::new("log"));
            let text = text(&question, &verdict);
            for expected in [
                "  records            7, from 1 (2026-11-27 13:00:01Z) to 7 (2026-11-27 13:00:07Z)\n",
                "  after the last     2 records lie after the last checkpoint, held by the chain alone\n",
                "  end                open, with 1 byte of an incomplete line: a write in progress, or a crash\n",
            ] {
                assert!(text.contains(expected), "{text}");
            }
            assert!(text.lines().count() < 24, "{text}");
            let next_step = next_step(&question, &verdict);
            assert!(next_step.len() > 20 && !next_step.ends_with('.'), "{next_step}");
            assert!(!next_step.contains("  "), "{next_step}");
        }
    }
}
