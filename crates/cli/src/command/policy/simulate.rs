//! `moonward policy simulate`: one case decided as the gate would, with nothing done and nothing recorded.

use std::path::PathBuf;

use clap::Args;
use policy::ScopeSet;
use policy::study::{Posed, Study};
use serde_json::json;

use super::super::OutputForm;
use super::answer::Answer;
use super::asked::{Asked, NoAnswer, undetermined};
use super::case::CaseArguments;
use super::premises::{Source, failed, usage, usage_with};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// The form of its JSON.
const SCHEMA: &str = "moonward.policy-simulate/1";

/// Decide one case as the gate would, without doing or recording anything
///
/// Exits with 0 if it is allowed and with 2 if it is denied, by default, by a forbid or because a policy failed.
/// With `--with` or `--without` it is decided before and after, and the exit code is that of after. With `--from` a recorded decision
/// is decided again by the policies of now, and with `--then` by those that decided it; what cannot be decided exactly says why, and
/// exits with 4.
///
/// RESOURCE is written as the permission's type wants it: a definition's or host's id, a name as `tenant/name`,
/// `context` or `security`, a process by its name in `--entities`, as the id of a service, or as `tenant/name` for
/// any process of that tenant; or as `type:id` or a uid of Cedar's. Without `--scope` the actor has the scopes of
/// the service that runs as it, or else its tenant's default ones.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward policy simulate my-app -l default/user/ada -a process.spawn -r app:hello
  moonward policy simulate my-app -l default/user/ada -a process.send -r p1 -c '{\"pid\": \"p2\", \"bytes\": 10}' --entities world.yaml
  moonward policy simulate my-app -l default/user/ada -a process.spawn -r app:hello --without permits.spawn
  moonward policy simulate my-app --from last --then
  moonward policy dry-run my-app --from 01M85MP7TGDSSKZKVNNN5KCKM7 --with stricter.cedar -o json")]
pub(super) struct Simulate {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    case: CaseArguments,
    /// Decide also with the policies of this file: permits join a scope of the actor, forbids the guard; can be
    /// given more than once
    #[arg(long, value_name = "FILE", conflicts_with = "then")]
    with: Vec<PathBuf>,
    /// Decide also without the policy of this id; can be given more than once
    #[arg(long, value_name = "ID", conflicts_with = "then")]
    without: Vec<String>,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Simulate {
    /// Decides the case and prints the verdict.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let asked = match self.case.ask(&self.source, self.case.from.as_deref())? {
            Ok(asked) => asked,
            Err(why) => return undetermined(printer, SCHEMA, &why),
        };
        asked.study.spans(&self.without).map_err(|unknown| usage_with(&unknown, unknown.help.as_deref()))?;
        let after = self.changed(&asked)?;
        let before = (&asked.study, &asked.posed.scopes);
        let mut answers = Vec::new();
        for (study, scopes) in
            [before].into_iter().chain(after.as_ref().map(|(study, scopes)| (study, scopes)))
        {
            match answer(study, scopes, &asked)? {
                Ok(answer) => answers.push(answer),
                Err(NoAnswer::NotReplayable(why)) => return undetermined(printer, SCHEMA, &why),
                Err(NoAnswer::Invalid(error)) => return Err(usage(&error)),
            }
        }
        print(printer, &asked, &answers, &self.case.words(&self.source))?;
        let allows = answers.last().is_some_and(Answer::allows);
        Ok(if allows { Exit::Done } else { Exit::Denied })
    }

    /// The changed policies, and the scopes held then.
    fn changed(&self, asked: &Asked) -> Result<Option<(Study, ScopeSet)>, Fault> {
        let Some(premises) = &asked.premises else { return Ok(None) };
        if self.with.is_empty() && self.without.is_empty() {
            return Ok(None);
        }
        let asker = (&*asked.posed.actor, &asked.posed.scopes);
        let changed = premises.study_with(&asked.study, &self.with, &self.without, asker);
        let changed = changed.map_err(Fault::Invalid)?;
        Ok(Some((asked.as_recorded(changed.study), changed.scopes)))
    }
}

fn answer(study: &Study, scopes: &ScopeSet, asked: &Asked) -> Result<Result<Answer, NoAnswer>, Fault> {
    let posed = Posed { scopes: scopes.clone(), ..asked.posed.clone() };
    let decided = study.sit(|sitting| {
        asked.check(&posed, sitting).map_err(NoAnswer::NotReplayable)?;
        let answer = posed.with(|case| {
            let verdict = sitting.decide(case)?;
            Answer::of(sitting, case, verdict, &posed.assumed)
        });
        answer.map_err(NoAnswer::Invalid)
    });
    decided.map_err(|error| failed(&error))
}

fn print(printer: &Printer, asked: &Asked, answers: &[Answer], asked_of: &str) -> Result<(), Fault> {
    if printer.output() == Output::Json {
        let json = match answers {
            [before, after] => json!({ "before": before, "after": after }),
            answers => json!(answers.first()),
        };
        return printer.json(&asked.envelope(SCHEMA, json));
    }
    let mut text = asked.heading();
    match answers {
        [before, after] => {
            text.push_str(&format!(
                "before: {}\nafter: {}",
                before.to_text(asked_of),
                after.to_text(asked_of)
            ));
        }
        answers => answers.iter().for_each(|answer| text.push_str(&answer.to_text(asked_of))),
    }
    text.extend(answers.last().map(Answer::notes));
    printer.data(&text)
}
