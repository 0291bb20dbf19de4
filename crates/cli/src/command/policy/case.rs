//! The case that `simulate` and `explain` take: from arguments or from a record, changed by what is given beside it; and the command
//! that asks the same again.

use std::path::{Path, PathBuf};

use app::Outline;
use clap::Args;
use diagnostic::visible;
use policy::study::{Again, Assumed, Change, Facts, InvalidCase, NotReplayable, Posed, Study};
use policy::{Archived, InvalidQuestion, ScopeSet};
use serde_json::{Map, Value as Json};

use super::super::recorded::recorded;
use super::asked::{Asked, Set};
use super::premises::{Source, asker, study, usage, usage_with};
use crate::fault::Fault;
use crate::print::terminal_json;
use crate::shell;

/// The case that is asked.
#[derive(Debug, Args)]
pub(super) struct CaseArguments {
    /// Actor who asks, as `tenant/kind/name`
    #[arg(short = 'l', long = "actor", alias = "principal", value_name = "ID")]
    actor: Option<String>,
    /// Permission that is asked for, such as `process.send`
    #[arg(short, long, value_name = "NAME")]
    action: Option<String>,
    /// What it is asked on
    #[arg(short, long)]
    resource: Option<String>,
    /// Fields of the context as a JSON object; `pid` is the process that asks
    #[arg(short, long, value_name = "JSON")]
    context: Option<String>,
    /// Change of the case, such as `context.bytes=10`, `context.pid=p2`, `principal.tags.dept=sales` or
    /// `principal.roles=["acme/clerk"]`; the value is JSON, or else a text; can be given more than once
    #[arg(long, value_name = "PATH=JSON")]
    set: Vec<String>,
    /// Scope that the actor runs under, as `namespace:name`, also instead of those recorded; can be given more than once
    #[arg(long = "scope", value_name = "ID")]
    scopes: Vec<String>,
    /// Fixtures in YAML or a folder of them, or entities as Cedar has them in JSON
    #[arg(long, value_name = "FILE")]
    entities: Option<PathBuf>,
    /// Recorded decision that is taken instead: the id of its record, its first characters, at least 8, or `last` for the newest denial
    #[arg(long, value_name = "RECORD", conflicts_with_all = ["actor", "action", "resource", "context", "entities"])]
    pub(super) from: Option<String>,
    /// Folder of the audit log that holds the record [default: the app's own]
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// Decide by the policies that were in force then, as the log keeps them; the app is not needed if `--log` is given
    #[arg(long, conflicts_with_all = ["policies"])]
    pub(super) then: bool,
}

impl CaseArguments {
    /// Whether a case is given by these arguments, in part or whole.
    pub(super) fn gives_a_case(&self) -> bool {
        self.from.is_some() || self.actor.is_some() || self.action.is_some() || self.resource.is_some()
    }

    /// The case; or why a recorded one cannot be put together again.
    ///
    /// # Errors
    /// Everything that is wrong with arguments, policies or the log.
    pub(super) fn ask(
        &self,
        source: &Source,
        record: Option<&str>,
    ) -> Result<Result<Asked, NotReplayable>, Fault> {
        match record {
            Some(record) if self.then => self.ask_then(source, record),
            Some(record) => self.ask_now(source, record),
            None if self.then || self.log.is_some() => {
                Err(usage(&"`--then` and `--log` are for a recorded decision: name it with `--from`"))
            }
            None => Ok(Ok(self.ask_anew(source)?)),
        }
    }

    /// The case that arguments give.
    fn ask_anew(&self, source: &Source) -> Result<Asked, Fault> {
        let (Some(actor), Some(action), Some(resource)) = (&self.actor, &self.action, &self.resource) else {
            let missing =
                [("--actor", &self.actor), ("--action", &self.action), ("--resource", &self.resource)];
            let missing: Vec<String> = missing
                .iter()
                .filter(|(_, given)| given.is_none())
                .map(|(flag, _)| format!("`{flag}`"))
                .collect();
            let message = format!(
                "no case is given: {} {} missing",
                missing.join(", "),
                match missing.len() {
                    1 => "is",
                    _ => "are",
                }
            );
            let help = "a recorded decision is named with `--from RECORD`; `--help` shows examples";
            return Err(usage_with(&message, Some(help)));
        };
        let mut premises = source.premises(self.entities.as_deref())?;
        let (actor, scopes) = asker(&mut premises, actor, &self.scopes)?;
        let context = given(self.context.as_deref())?;
        let facts = &premises.facts;
        let posed = Posed::new(facts, Assumed::StandIns, (&actor, &scopes), action, resource, &context);
        let posed = posed.and_then(|posed| posed.changed(facts, &self.changes()?));
        let posed = posed.map_err(|error| unfit(&error))?;
        premises.facts.declare(posed.tenants());
        let (study, facts) = (study(&premises)?, premises.facts.clone());
        Ok(Asked { posed, recorded: None, facts, study, premises: Some(premises), set: Set::Now })
    }

    /// A recorded case, by the policies of the app.
    fn ask_now(&self, source: &Source, record: &str) -> Result<Result<Asked, NotReplayable>, Fault> {
        let premises = source.premises(None)?;
        let log = self.log.as_deref().or(premises.log());
        let (again, record) = match self.recorded(source, record, log)? {
            Ok(recorded) => recorded,
            Err(why) => return Ok(Err(why)),
        };
        let mut facts = premises.facts.clone();
        facts.extend(again.facts().clone());
        let held = match self.scopes.as_slice() {
            [] => None,
            ids => Some(
                premises
                    .scopes(ids.iter().map(String::as_str))
                    .map_err(|unknown| usage_with(&unknown, unknown.help.as_deref()))?,
            ),
        };
        let posed = self.changed(&again, &facts, held)?;
        let study = study(&premises)?;
        Ok(Ok(Asked::again((again, record), posed, facts, study, (Some(premises), Set::Now))))
    }

    /// A recorded case, by the policies that decided it, from the log alone.
    fn ask_then(&self, source: &Source, record: &str) -> Result<Result<Asked, NotReplayable>, Fault> {
        let log = match &self.log {
            Some(log) => log.clone(),
            None => Outline::read(&source.app).map_err(Fault::Invalid)?.log_options(None).folder,
        };
        let (again, record) = match self.recorded(source, record, Some(&log))? {
            Ok(recorded) => recorded,
            Err(why) => return Ok(Err(why)),
        };
        let digest = record.get("policy_set").and_then(Json::as_str).unwrap_or_default();
        let bundle =
            Archived::of_set(&log, digest).and_then(|set| set.as_ref().map(Archived::bundle).transpose());
        let study = match bundle {
            Ok(Some(bundle)) => Study::new(bundle),
            Ok(None) => {
                let why = format!("the policy set `{digest}` is not kept with the log");
                return Ok(Err(NotReplayable(why)));
            }
            Err(error) => return Ok(Err(NotReplayable(error.to_string()))),
        };
        let held = match self.scopes.as_slice() {
            [] => None,
            ids => {
                let found = ids.iter().map(|id| {
                    let unknown = || usage(&format!("that policy set has no scope `{}`", visible(id)));
                    study.bundle().scope(id).cloned().ok_or_else(unknown)
                });
                Some(ScopeSet::new(found.collect::<Result<Vec<_>, _>>()?))
            }
        };
        let facts = again.facts().clone();
        let posed = self.changed(&again, &facts, held)?;
        Ok(Ok(Asked::again((again, record), posed, facts, study, (None, Set::Then))))
    }

    /// The case of a record, with the record; or why it cannot be decided again.
    fn recorded(
        &self,
        source: &Source,
        name: &str,
        log: Option<&Path>,
    ) -> Result<Result<(Again, Json), NotReplayable>, Fault> {
        let Some(log) = log else {
            return Err(usage(
                &"there is no app whose log could hold the record; name the log with `--log DIR`",
            ));
        };
        let line = recorded(name, log, &shell::log_of(&source.app, self.log.as_deref()))?;
        let record = match audit::stored(log, &line) {
            Ok(record) => record,
            Err(error) => return Ok(Err(NotReplayable(error.to_string()))),
        };
        Ok(Again::of_record(&record).map(|again| (again, record)))
    }

    /// A recorded case with what is given beside it.
    fn changed(&self, again: &Again, facts: &Facts, held: Option<ScopeSet>) -> Result<Posed, Fault> {
        let mut posed = again.posed().clone();
        posed.scopes = held.unwrap_or(posed.scopes);
        let changed = self.changes().and_then(|changes| posed.changed(facts, &changes));
        changed.map_err(|error| unfit(&error))
    }

    fn changes(&self) -> Result<Vec<Change>, InvalidCase> {
        self.set.iter().map(|text| Change::parse(text)).collect()
    }

    /// The policies and scopes that are meant, as a shell takes them.
    pub(super) fn words(&self, source: &Source) -> String {
        let words = source.words();
        self.scopes.iter().fold(words, |words, scope| format!("{words} --scope {}", shell::word(scope)))
    }

    /// The command that has a permit written for a recorded denial as it is by the app's policies of now.
    pub(super) fn suggesting(&self, source: &Source, asked: &Asked) -> Option<String> {
        let is_as_it_is = asked.set == Set::Now
            && source.policies.is_empty()
            && self.set.is_empty()
            && self.scopes.is_empty();
        let id = asked.recorded_id().filter(|_| is_as_it_is)?;
        let log = shell::log_of(&source.app, self.log.as_deref());
        Some(format!("moonward policy suggest {log} --record {}", shell::word(id)))
    }

    /// The command that decides the case once more with these changes and under these scopes, if they are others; nothing when
    /// a word of it would not be what was given.
    pub(super) fn command(
        &self,
        source: &Source,
        asked: &Asked,
        changes: &[Change],
        scopes: Option<&ScopeSet>,
    ) -> Option<String> {
        let mut words = vec!["moonward policy simulate".to_owned(), source.words()];
        let mut word = |flag: &str, text: &str| {
            (visible(text) == text).then(|| words.push(format!("{flag} {}", shell::word(text))))
        };
        match &asked.recorded {
            Some(recorded) => {
                word("--from", recorded.1.get("id").and_then(Json::as_str)?)?;
                if let Some(log) = &self.log {
                    word("--log", log.to_str()?)?;
                }
            }
            None => {
                word("-l", self.actor.as_deref()?)?;
                word("-a", self.action.as_deref()?)?;
                word("-r", self.resource.as_deref()?)?;
                if let Some(context) = &self.context {
                    word("-c", &terminal_json(&serde_json::from_str(context).ok()?))?;
                }
                if let Some(file) = &self.entities {
                    word("--entities", file.to_str()?)?;
                }
            }
        }
        let held = scopes.map(|scopes| scopes.ids().collect());
        for id in held.unwrap_or_else(|| self.scopes.iter().map(String::as_str).collect::<Vec<_>>()) {
            word("--scope", id)?;
        }
        let given = self.changes().ok()?;
        let stays = |given: &&Change| !changes.iter().any(|change| change.path == given.path);
        for change in given.iter().filter(stays).chain(changes) {
            word("--set", &written(change))?;
        }
        if self.then {
            words.push("--then".to_owned());
        }
        Some(words.join(" "))
    }
}

/// A change as an argument: a text as it is, where that is no JSON.
pub(super) fn written(change: &Change) -> String {
    let value = match &change.value {
        Json::String(text) if serde_json::from_str::<Json>(text).is_err() && visible(text) == *text => {
            text.clone()
        }
        value => terminal_json(value),
    };
    format!("{}={value}", change.path)
}

/// The fields of the context that an argument gives.
///
/// # Errors
/// They are no JSON object, or name the scopes held.
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
