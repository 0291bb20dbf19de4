//! `moonward policy suggest`: the least permits that allow chosen denials of the log, and nothing else that it has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use app::limits::SUGGEST_CHOSEN_MAX;
use app::study::Premises;
use app::study::suggest::{Choice, NoSuggestion, Stage, Suggestion, put, suggest};
use audit::LinePlace;
use clap::Args;
use diagnostic::{grouped, visible};
use review::{Index, Progress, Question, query};
use serde_json::json;

use super::premises::usage_with;
use super::replaying::log;
use super::suggested::print;
use crate::command::audit::filters::{Filters, condition};
use crate::command::audit::on_large_stack;
use crate::command::recorded::recorded;
use crate::command::{LogFolder, OutputForm};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::progress::ProgressLine;

/// Suggest the least permits that allow chosen denials, and nothing else in the log
///
/// Chosen are the denials that fit all filters, and those named by `--record`. What is printed was tried on the whole log before:
/// it newly allows exactly the chosen ones. Left out, with the reason, is what no policy can tell from a denial that was not chosen,
/// what a policy forbids or fails on, and what is about another tenant. Nothing is put in force.
///
/// With `--instead-of` chosen is what is allowed with these permits and would be denied without them: run an app once under
/// `policies/learn.cedar`, and `--instead-of learn.all` gives what it needs.
///
/// Exits with 2 if there is nothing safe to suggest, and with 4 if it is not certain that nothing else is allowed: a part of the log
/// cannot be read, or a decision that a permit could be about cannot be replayed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy suggest my-app --since 15m
  moonward policy suggest my-app --record last --alike
  moonward policy suggest my-app --tenant acme --action message --write acme/suggested.cedar
  moonward policy suggest my-app --instead-of learn.all --write needs.cedar
  moonward policy suggest my-app --decision deny -o json | jq -r '.left_out[].why'")]
pub(super) struct Suggest {
    /// Folder of the app
    #[arg(default_value = ".")]
    app: PathBuf,
    /// This denial: by the id of its record, its first characters, at least 8, or `last` for the newest; repeats
    #[arg(long = "record", value_name = "ID")]
    records: Vec<String>,
    /// Choose with each denial those that no policy can tell from it, such as the same one earlier
    #[arg(long)]
    alike: bool,
    /// Suggest what these permits allow, and is denied without them; repeats
    #[arg(long, value_name = "POLICY")]
    instead_of: Vec<String>,
    /// Write the permits to this file, formatted; to files in a folder of that name where they are for several scopes
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Replace what `--write` names
    #[arg(long, requires = "write")]
    force: bool,
    #[command(flatten)]
    log: LogFolder,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Suggest {
    /// Suggests, and prints or writes the permits.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        on_large_stack(|| self.run_here(printer))
    }

    fn run_here(&self, printer: &Printer) -> Result<Exit, Fault> {
        let filters = !(self.filters.words().is_empty() && self.filters.period().is_none());
        if !filters && self.records.is_empty() && self.instead_of.is_empty() {
            let help = "choose with `--since 15m`, `--action message`, `--record ID` and the like; `--decision deny` chooses all";
            return Err(Fault::usage("no denial is chosen", help));
        }
        let premises = Premises::of_app(&self.app).map_err(Fault::Invalid)?;
        if let Some(path) = &self.write {
            self.may_write(&premises, path)?;
        }
        let log = &log(&self.app, &self.log)?;
        let (places, is_complete) = match filters || !self.records.is_empty() {
            true => {
                let (places, is_complete) = self.chosen(filters, log, printer)?;
                (Some(places), is_complete)
            }
            false => (None, true),
        };
        let choice = Choice { places, alike: self.alike, instead_of: self.instead_of.clone() };
        let suggestion = {
            let (way, mut line) = (Way::through(log), ProgressLine::new());
            let mut progress = |stage| match stage {
                Stage::Looking(place) => line.at("replaying", way.done(place), way.in_all),
                Stage::Telling(done, of) => line.at("telling apart", done as u64, of as u64),
                Stage::Trying(place) => line.at("trying", way.done(place), way.in_all),
            };
            suggest(&premises, log, &choice, &mut progress)
        };
        let suggestion = match suggestion {
            Err(NoSuggestion::TooMany) => return too_many(printer),
            suggestion => suggestion.map_err(fault)?,
        };
        let written = self.written(&premises, &suggestion)?;
        print(printer, &suggestion, &written, is_complete)?;
        Ok(exit(&suggestion, is_complete))
    }

    /// Where the chosen records are, and whether there may be more of them.
    fn chosen(
        &self,
        by_filters: bool,
        log: &Path,
        printer: &Printer,
    ) -> Result<(BTreeSet<LinePlace>, bool), Fault> {
        let words = self.log.words(&self.app);
        let mut places = BTreeSet::new();
        for name in &self.records {
            places.insert(recorded(name, log, &words)?.place);
        }
        if !by_filters {
            return Ok((places, true));
        }
        let filter = self.filters.filter(printer)?;
        let mut selection = self.filters.selection()?;
        if self.instead_of.is_empty() {
            match selection.decision.as_deref() {
                Some("allow") => {
                    let help = "`--instead-of POLICY` suggests what a permit allows";
                    return Err(Fault::usage("what is allowed already needs no permit", help));
                }
                Some(_) => {}
                None => selection.decision = Some("deny".to_owned()),
            }
        }
        let condition = filter.as_ref().map(condition);
        let question = Question { selection: &selection, condition: condition.as_ref(), limit: None };
        let mut index = Index::open(log)?;
        let answer = {
            let mut line = ProgressLine::new();
            let mut progress = |at: Progress| line.at("choosing", at.done, at.in_all);
            query(&mut index, &question, &mut progress, &mut |found| {
                places.insert(found.place);
                // With one more there is no suggestion.
                if places.len() > SUGGEST_CHOSEN_MAX {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?
        };
        if places.len() > SUGGEST_CHOSEN_MAX {
            let message = format!("more than {} records are chosen", grouped(SUGGEST_CHOSEN_MAX as u64));
            return Err(Fault::failed(message)
                .with_help("choose fewer: `--since`, `--actor`, `--decision deny_default`"));
        }
        index.take_notes().iter().for_each(|note| printer.say(&format!("warning: {note}")));
        for trouble in answer.troubles.iter().take(TROUBLES_TOLD) {
            printer.say(&format!("warning: {}", visible(trouble)));
        }
        if answer.matched == 0 {
            self.filters.say_nearest(log, printer);
        }
        let counted = answer.counted.saturating_add(answer.counted_may_fit);
        if counted > 0 {
            let counted = grouped(counted);
            printer.say(&format!(
                "note: {counted} decisions that fit, or may, were only counted: they have no record to go by"
            ));
        }
        Ok((places, answer.is_complete()))
    }

    /// Whether something may be written there, as far as is known before it is.
    fn may_write(&self, premises: &Premises, path: &Path) -> Result<(), Fault> {
        let shown = visible(&path.display().to_string());
        if !self.force && path.symlink_metadata().is_ok() {
            return Err(
                Fault::failed(format!("`{shown}` is there already")).with_help("`--force` replaces it")
            );
        }
        if premises.is_in_force(&self.app, path) {
            let help = "write to another file, and list both in the scope";
            return Err(Fault::failed(format!("`{shown}` holds policies that are in force")).with_help(help));
        }
        Ok(())
    }

    /// Writes the permits, if they are to be written: where each scope's are now.
    fn written(&self, premises: &Premises, suggestion: &Suggestion) -> Result<Vec<PathBuf>, Fault> {
        let Some(path) = &self.write else { return Ok(Vec::new()) };
        let paths: Vec<PathBuf> = match suggestion.files.as_slice() {
            [] => return Ok(Vec::new()),
            [_] => vec![path.clone()],
            files => {
                // Ids of scopes have one colon and no tilde, so that no two have one name.
                files
                    .iter()
                    .map(|file| path.join(format!("{}.cedar", file.scope.replace(':', "~"))))
                    .collect()
            }
        };
        if suggestion.files.len() > 1 {
            fs::create_dir_all(path).map_err(|error| {
                Fault::failed(format!("`{}` cannot be made: {error}", visible(&path.display().to_string())))
            })?;
        }
        for (path, file) in paths.iter().zip(&suggestion.files) {
            self.may_write(premises, path)?;
            put(path, &file.text, self.force).map_err(|refused| {
                let fault = Fault::failed(visible(&refused.message));
                match refused.help {
                    Some(help) => fault.with_help(help),
                    None => fault,
                }
            })?;
        }
        Ok(paths)
    }
}

/// What keeps the choice from being whole, in so many lines.
const TROUBLES_TOLD: usize = 5;

fn exit(suggestion: &Suggestion, is_complete: bool) -> Exit {
    let Suggestion { files, uncertain, .. } = suggestion;
    let is_certain = is_complete && uncertain.is_nothing();
    match files.is_empty() {
        true if is_certain && uncertain.chosen == 0 => Exit::Denied,
        false if is_certain => Exit::Done,
        _ => Exit::Undetermined,
    }
}

/// Whether there is something safe to suggest cannot be told.
fn too_many(printer: &Printer) -> Result<Exit, Fault> {
    let why = NoSuggestion::TooMany.to_string();
    match printer.output() {
        Output::Json => printer
            .json(&json!({"schema": "moonward.policy-suggest/1", "complete": false, "missing": [why]}))?,
        Output::Text => printer.say(&format!("undetermined: {why}")),
    }
    Ok(Exit::Undetermined)
}

fn fault(error: NoSuggestion) -> Fault {
    match error {
        NoSuggestion::Invalid(found) => Fault::Invalid(found),
        NoSuggestion::Unknown(unknown) => usage_with(&unknown, unknown.help.as_deref()),
        NoSuggestion::Guard(_) => usage_with(&error, None),
        NoSuggestion::TooMany | NoSuggestion::System(_) => Fault::failed(error.to_string()),
    }
}

/// How far a place is in a log, by bytes of its files.
struct Way {
    /// Each segment by number, with the bytes before it and its own.
    segments: BTreeMap<u64, (u64, u64)>,
    in_all: u64,
}

impl Way {
    fn through(log: &Path) -> Self {
        let mut way = Self { segments: BTreeMap::new(), in_all: 0 };
        for (number, path) in audit::segments(log).unwrap_or_default() {
            let bytes = fs::metadata(path).map_or(0, |file| file.len());
            way.segments.insert(number, (way.in_all, bytes));
            way.in_all = way.in_all.saturating_add(bytes);
        }
        way
    }

    fn done(&self, place: LinePlace) -> u64 {
        let segment = self.segments.get(&place.segment);
        // A compressed segment has more bytes to read than its file has.
        segment.map_or(0, |(before, bytes)| before.saturating_add(place.offset.min(*bytes)))
    }
}
