//! `moonward policy explain`: why one case comes out as it does, and what would change that.

use std::path::{Path, PathBuf};

use clap::Args;
use diagnostic::visible;
use policy::DecisionKind;

use super::super::OutputForm;
use super::answer::Answer;
use super::asked::{NoAnswer, undetermined};
use super::case::CaseArguments;
use super::explained::Explained;
use super::premises::{Source, failed, usage, usage_with};
use super::remedies::Suggestion;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::shell;

/// The form of its JSON.
const SCHEMA: &str = "moonward.policy-explain/1";

/// Tell why a decision comes out as it does, clause by clause, and what would change it
///
/// RECORD is a recorded decision: the id of its record, its first characters, at least 8, or `last` for the newest denial. Instead, a
/// case can be given as for `simulate`. Of a default deny the permits are shown that come nearest to a match, each with the clauses that
/// say no and the values that they read; of any other answer, the clauses that it comes out by. Whatever is suggested was decided by
/// the engine first. What the clauses come to is always evaluated by the engine itself.
///
/// Exits with 0 whatever the decision is, and with 4 if a recorded one cannot be decided again exactly.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy explain last my-app
  moonward policy explain 01M85MP7TGDSSKZKVNNN5KCKM7 my-app --then
  moonward policy explain my-app -l default/user/ada -a process.send -r app:greeter -c '{\"bytes\": 5000}'
  moonward policy explain last my-app --set context.bytes=10 --scope app:staff -o json")]
pub(super) struct Explain {
    /// Recorded decision, or the folder of the app where a case is given
    record: Option<String>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    case: CaseArguments,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Explain {
    /// Decides the case and prints why it comes out so.
    pub(super) fn run(mut self, printer: &Printer) -> Result<Exit, Fault> {
        let record = self.record()?;
        let asked = match self.case.ask(&self.source, record.as_deref())? {
            Ok(asked) => asked,
            Err(why) => return undetermined(printer, SCHEMA, &why),
        };
        let told = asked.study.sit(|sitting| {
            asked.check(&asked.posed, sitting).map_err(NoAnswer::NotReplayable)?;
            let told = asked.posed.with(|case| {
                let explanation = sitting.explain(case)?;
                let verdict = explanation.verdict.clone();
                let answer = Answer::of(sitting, case, verdict, &asked.posed.assumed)?;
                Ok((answer, explanation))
            });
            let (answer, explanation) = told.map_err(NoAnswer::Invalid)?;
            let again = asked.recorded.as_ref().map(|recorded| &recorded.0);
            let remedies = sitting.remedies(&asked.posed, &explanation, &asked.facts, again);
            Ok((answer, explanation, remedies))
        });
        let (answer, explanation, remedies) = match told.map_err(|error| failed(&error))? {
            Ok(told) => told,
            Err(NoAnswer::NotReplayable(why)) => return undetermined(printer, SCHEMA, &why),
            Err(NoAnswer::Invalid(error)) => return Err(usage(&error)),
        };
        let suggestions = Suggestion::of((&self.case, &self.source, &asked), &remedies, &explanation);
        let is_default = explanation.verdict.kind == DecisionKind::DenyDefault;
        let suggesting = self.case.suggesting(&self.source, &asked).filter(|_| is_default);
        let reaches = asked.posed.reaches().map(|tenant| tenant.to_string());
        let suggesting = suggesting.filter(|_| reaches.is_none());
        let explained = Explained { answer, explanation: &explanation, suggestions, reaches };
        match printer.output() {
            Output::Json => printer.json(&asked.envelope(SCHEMA, explained.to_json()))?,
            Output::Text => {
                let told = explained.to_text(&self.case.words(&self.source));
                printer.data(&format!("{}{told}", asked.heading()))?;
                if let Some(command) = suggesting {
                    printer.say(&format!(
                        "help: `{command}` writes the least permit for it, tried on the whole log"
                    ));
                }
            }
        }
        Ok(Exit::Done)
    }

    /// The record that is named; nothing if a case is given instead: then the first argument is the app.
    fn record(&mut self) -> Result<Option<String>, Fault> {
        let first = self.record.take();
        if !self.case.gives_a_case() {
            if let Some(folder) = first.as_deref().filter(|first| self.is_app(first)) {
                return Err(usage_with(
                    &format!("`{}` is a folder, and nothing is named to be explained", visible(folder)),
                    Some(&format!(
                        "name a record before it, as `moonward policy explain last {}`, or give a case with `-l`, `-a` and `-r`",
                        visible(&shell::word(folder))
                    )),
                ));
            }
            let nothing =
                "nothing is named to be explained: give a record, `last`, or a case with `-l`, `-a` and `-r`";
            return first.map(Some).ok_or_else(|| usage(&nothing));
        }
        if let Some(app) = first {
            if self.source.app != Path::new(".") {
                return Err(usage(&"a case and a record are given: explain one of them"));
            }
            self.source.app = PathBuf::from(app);
        }
        Ok(self.case.from.clone())
    }

    /// Whether what stands where a record is named is rather the folder of an app.
    fn is_app(&self, name: &str) -> bool {
        self.source.app == Path::new(".") && name != "last" && Path::new(name).is_dir()
    }
}
