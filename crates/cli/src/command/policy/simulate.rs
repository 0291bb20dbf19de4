//! `moonward policy simulate`: one case decided as the gate would, with nothing done and nothing recorded.

use std::path::{Path, PathBuf};

use app::Outline;
use app::study::Premises;
use clap::Args;
use diagnostic::visible;
use policy::study::{Again, Assumed, InvalidCase, NotReplayable, Posed, Study};
use policy::{Actor, Archived, InvalidQuestion, ScopeSet, Tenant};
use serde_json::{Map, Value as Json, json};

use super::super::OutputForm;
use super::super::recorded::recorded;
use super::answer::Answer;
use super::premises::{Source, asker, failed, study, usage, usage_with};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};
use crate::shell;

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
    /// Actor who asks, as `tenant/kind/name`
    #[arg(
        short = 'l',
        long = "actor",
        alias = "principal",
        value_name = "ID",
        required_unless_present = "from"
    )]
    actor: Option<String>,
    /// Permission that is asked for, such as `process.send`
    #[arg(short, long, value_name = "NAME", required_unless_present = "from")]
    action: Option<String>,
    /// What it is asked on
    #[arg(short, long, required_unless_present = "from")]
    resource: Option<String>,
    /// Fields of the context as a JSON object; `pid` is the process that asks
    #[arg(short, long, value_name = "JSON")]
    context: Option<String>,
    /// Scope that the actor runs under, as `namespace:name`; can be given more than once
    #[arg(long = "scope", value_name = "ID")]
    scopes: Vec<String>,
    /// Fixtures in YAML, or entities as Cedar has them in JSON
    #[arg(long, value_name = "FILE")]
    entities: Option<PathBuf>,
    /// Decide also with the policies of this file: permits join a scope of the actor, forbids the guard; can be
    /// given more than once
    #[arg(long, value_name = "FILE")]
    with: Vec<PathBuf>,
    /// Decide also without the policy of this id; can be given more than once
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// Decide a recorded decision again: by the id of its record, its first characters, at least 8, or `last` for the newest denial
    #[arg(long, value_name = "RECORD", conflicts_with_all = ["actor", "action", "resource", "context", "scopes", "entities"])]
    from: Option<String>,
    /// Folder of the audit log that holds the record [default: the app's own]
    #[arg(long, value_name = "DIR", requires = "from")]
    log: Option<PathBuf>,
    /// Decide by the policies that were in force then, as the log keeps them; the app is not needed if `--log` is given
    #[arg(long, requires = "from", conflicts_with_all = ["with", "without", "policies"])]
    then: bool,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

/// The case, from arguments or from a record.
enum Asked {
    Posed(Posed),
    Recorded(Box<(Again, Json)>),
}

impl Asked {
    fn posed(&self) -> &Posed {
        match self {
            Self::Posed(posed) => posed,
            Self::Recorded(recorded) => recorded.0.posed(),
        }
    }
}

/// Why there is no answer.
enum NoAnswer {
    NotReplayable(NotReplayable),
    Invalid(InvalidQuestion),
}

impl Simulate {
    /// Decides the case and prints the verdict.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        if let Some(record) = self.from.as_deref().filter(|_| self.then) {
            return self.run_then(record, printer);
        }
        let mut premises = self.source.premises(self.entities.as_deref())?;
        let asked = match &self.from {
            Some(record) => match self.recorded(record, self.log.as_deref().or(premises.log()))? {
                Ok(recorded) => Asked::Recorded(Box::new(recorded)),
                Err(why) => return undetermined(printer, &why),
            },
            None => Asked::Posed(self.posed(&mut premises)?),
        };
        let (actor, scopes) = (asked.posed().actor.clone(), asked.posed().scopes.clone());
        let study = study(&premises)?;
        study.spans(&self.without).map_err(|unknown| usage_with(&unknown, unknown.help.as_deref()))?;
        let after = self.changed(&premises, &study, (&actor, &scopes))?;
        let mut answers = Vec::new();
        for (study, scopes) in [(study, scopes)].into_iter().chain(after) {
            match answer(study, &scopes, &asked)? {
                Ok(answer) => answers.push(answer),
                Err(NoAnswer::NotReplayable(why)) => return undetermined(printer, &why),
                Err(NoAnswer::Invalid(error)) => return Err(usage(&error)),
            }
        }
        print(printer, (&asked, Set::Now), &answers, &self.words())?;
        let allows = answers.last().is_some_and(Answer::allows);
        Ok(if allows { Exit::Done } else { Exit::Denied })
    }

    /// Decides a recorded case by the policies that decided it, from the log alone.
    fn run_then(&self, record: &str, printer: &Printer) -> Result<Exit, Fault> {
        let log = match &self.log {
            Some(log) => log.clone(),
            None => Outline::read(&self.source.app).map_err(Fault::Invalid)?.log_options(None).folder,
        };
        let (again, record) = match self.recorded(record, Some(&log))? {
            Ok(recorded) => recorded,
            Err(why) => return undetermined(printer, &why),
        };
        let digest = record.get("policy_set").and_then(Json::as_str).unwrap_or_default();
        let bundle =
            Archived::of_set(&log, digest).and_then(|set| set.as_ref().map(Archived::bundle).transpose());
        let study = match bundle {
            Ok(Some(bundle)) => Study::new(bundle),
            Ok(None) => {
                let why = format!("the policy set `{digest}` is not kept with the log");
                return undetermined(printer, &NotReplayable(why));
            }
            Err(error) => return undetermined(printer, &NotReplayable(error.to_string())),
        };
        let scopes = again.posed().scopes.clone();
        let asked = Asked::Recorded(Box::new((again, record)));
        match answer(study, &scopes, &asked)? {
            Ok(answer) => {
                print(printer, (&asked, Set::Then), std::slice::from_ref(&answer), &self.words())?;
                Ok(if answer.allows() { Exit::Done } else { Exit::Denied })
            }
            Err(NoAnswer::NotReplayable(why)) => undetermined(printer, &why),
            Err(NoAnswer::Invalid(error)) => Err(usage(&error)),
        }
    }

    /// The case of a record, with the record; or why it cannot be decided again.
    fn recorded(
        &self,
        name: &str,
        log: Option<&Path>,
    ) -> Result<Result<(Again, Json), NotReplayable>, Fault> {
        let Some(log) = log else {
            return Err(usage(
                &"there is no app whose log could hold the record; name the log with `--log DIR`",
            ));
        };
        let place = match &self.log {
            Some(log) => format!("{} --log {}", shell::path(&self.source.app), shell::path(log)),
            None => shell::path(&self.source.app),
        };
        let line = recorded(name, log, &place)?;
        let record = match audit::stored(log, &line) {
            Ok(record) => record,
            Err(error) => return Ok(Err(NotReplayable(error.to_string()))),
        };
        Ok(Again::of_record(&record).map(|again| (again, record)))
    }

    /// The policies and scopes that are meant, as a shell takes them.
    fn words(&self) -> String {
        let words = self.source.words();
        self.scopes.iter().fold(words, |words, scope| format!("{words} --scope {}", shell::word(scope)))
    }

    fn posed(&self, premises: &mut Premises) -> Result<Posed, Fault> {
        let text = |given: &Option<String>| given.clone().unwrap_or_default();
        let (actor, scopes) = asker(premises, &text(&self.actor), &self.scopes)?;
        let context = given(self.context.as_deref())?;
        let (action, resource) = (text(&self.action), text(&self.resource));
        let posed =
            Posed::new(&premises.facts, Assumed::StandIns, (&actor, &scopes), &action, &resource, &context);
        let posed = posed.map_err(|error| unfit(&error))?;
        premises.facts.declare(posed.tenants());
        Ok(posed)
    }

    fn changed(
        &self,
        premises: &Premises,
        study: &Study,
        asker: (&Actor, &ScopeSet),
    ) -> Result<Option<(Study, ScopeSet)>, Fault> {
        if self.with.is_empty() && self.without.is_empty() {
            return Ok(None);
        }
        let changed = premises.study_with(study, &self.with, &self.without, asker).map_err(Fault::Invalid)?;
        Ok(Some((changed.study, changed.scopes)))
    }
}

/// The fields of the context that an argument gives.
pub(super) fn given(context: Option<&str>) -> Result<Map<String, Json>, Fault> {
    let context = match context.map(serde_json::from_str) {
        None => Map::new(),
        Some(Ok(Json::Object(context))) => context,
        Some(Ok(_)) => return Err(usage(&"the context is not a JSON object")),
        Some(Err(error)) => return Err(usage(&format!("the context is not JSON: {error}"))),
    };
    if context.contains_key("scopes") {
        return Err(usage(&"`context.scopes` are the scopes held: give them with `--scope`"));
    }
    Ok(context)
}

/// Why arguments are no case, and what to write instead.
pub(super) fn unfit(error: &InvalidCase) -> Fault {
    if let InvalidCase::Question(InvalidQuestion::MissingField { field, .. }) = error {
        return usage_with(error, Some(&format!("give it with `-c '{{\"{field}\": \"...\"}}'`")));
    }
    usage_with(error, error.help())
}

fn answer(study: Study, scopes: &ScopeSet, asked: &Asked) -> Result<Result<Answer, NoAnswer>, Fault> {
    let recorded: Vec<Tenant> = match asked {
        Asked::Recorded(recorded) => recorded.0.tenants().cloned().collect(),
        Asked::Posed(_) => Vec::new(),
    };
    let study = study.with_tenants(recorded);
    let decided = study.sit(|sitting| {
        let posed = Posed { scopes: scopes.clone(), ..asked.posed().clone() };
        if let Asked::Recorded(recorded) = asked {
            recorded.0.decide(sitting).map_err(NoAnswer::NotReplayable)?;
        }
        let answer = posed.with(|case| {
            let verdict = sitting.decide(case)?;
            Answer::of(sitting, case, verdict, &posed.assumed)
        });
        answer.map_err(NoAnswer::Invalid)
    });
    decided.map_err(|error| failed(&error))
}

/// By which policies a recorded decision is decided again.
#[derive(Debug, Clone, Copy)]
enum Set {
    /// Those of the app as it is.
    Now,
    /// Those that decided it.
    Then,
}

fn print(
    printer: &Printer,
    (asked, set): (&Asked, Set),
    answers: &[Answer],
    asked_of: &str,
) -> Result<(), Fault> {
    let of_record = |name: &str| match asked {
        Asked::Recorded(recorded) => recorded.1.get(name).and_then(Json::as_str),
        Asked::Posed(_) => None,
    };
    let recorded = of_record("decision_kind");
    if printer.output() == Output::Json {
        let json = match answers {
            [before, after] => json!({ "before": before, "after": after }),
            answers => json!(answers.first()),
        };
        return match (recorded, json) {
            (Some(recorded), Json::Object(mut json)) => {
                json.insert("recorded".to_owned(), recorded.into());
                let by = match set {
                    Set::Now => "now",
                    Set::Then => "then",
                };
                json.insert("policies_of".to_owned(), by.into());
                printer.json(&Json::Object(json))
            }
            (_, json) => printer.json(&json),
        };
    }
    let mut text = recorded.map_or_else(String::new, |kind| format!("recorded: {}\n", visible(kind)));
    if let Some(digest) = of_record("policy_set") {
        let digest = visible(digest.get(..12).unwrap_or(digest));
        text.push_str(&match set {
            Set::Now => {
                format!("again by the policies of now; `--then` takes set {digest}, which decided it\n")
            }
            Set::Then => format!("again by set {digest}, which decided it\n"),
        });
    }
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

fn undetermined(printer: &Printer, why: &NotReplayable) -> Result<Exit, Fault> {
    match printer.output() {
        Output::Json => printer.json(&json!({ "not_replayable": why.to_string() }))?,
        Output::Text => printer.data(&format!("not_replayable: {}\n", visible(&why.to_string())))?,
    }
    Ok(Exit::Undetermined)
}
