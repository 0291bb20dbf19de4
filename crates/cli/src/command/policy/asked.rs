//! What `simulate` and `explain` were asked: a case, the policies that it is decided by, and what is said of where both are from.

use std::collections::BTreeMap;

use app::study::Premises;
use diagnostic::visible;
use policy::study::{Again, Facts, NotReplayable, Posed, Sitting, Study};
use policy::{InvalidQuestion, Tenant};
use serde_json::{Map, Value as Json, json};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// By which policies a recorded decision is decided again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    /// Those of the app as it is.
    Now,
    /// Those that decided it.
    Then,
}

/// A case, what it is decided by, and where it comes from.
pub(super) struct Asked {
    /// The case, with everything changed that was to be.
    pub(super) posed: Posed,
    /// The case as it is recorded, and the record.
    pub(super) recorded: Option<Box<(Again, Json)>>,
    /// What things are known by their names.
    pub(super) facts: Facts,
    /// The policies.
    pub(super) study: Study,
    /// What the policies come from; nothing for those of a log.
    pub(super) premises: Option<Premises>,
    pub(super) set: Set,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// A recorded case cannot be decided again.
    NotReplayable(NotReplayable),
    /// What is asked does not fit any permission.
    Invalid(InvalidQuestion),
}

impl Asked {
    /// A recorded case.
    pub(super) fn again(
        recorded: (Again, Json),
        posed: Posed,
        facts: Facts,
        study: Study,
        (premises, set): (Option<Premises>, Set),
    ) -> Self {
        let study = study.with_tenants(recorded.0.tenants().cloned().collect::<Vec<_>>());
        Self { posed, recorded: Some(Box::new(recorded)), facts, study, premises, set }
    }

    /// Another study with the tenants as they were when the case was recorded.
    pub(super) fn as_recorded(&self, study: Study) -> Study {
        match &self.recorded {
            Some(recorded) => study.with_tenants(recorded.0.tenants().cloned().collect::<Vec<Tenant>>()),
            None => study,
        }
    }

    /// Whether this case, which is the one that is asked or a change of it, can be decided here: always, unless it was
    /// recorded otherwise than it can be put together again.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(&self, posed: &Posed, sitting: &mut Sitting<'_>) -> Result<(), NotReplayable> {
        self.recorded.as_ref().map_or(Ok(()), |recorded| recorded.0.check(posed, sitting))
    }

    /// The id of its record.
    pub(super) fn recorded_id(&self) -> Option<&str> {
        self.of_record("id")
    }

    /// The sort of the answer that was recorded.
    pub(super) fn recorded_kind(&self) -> Option<&str> {
        self.of_record("decision_kind")
    }

    fn of_record(&self, name: &str) -> Option<&str> {
        self.recorded.as_ref().and_then(|recorded| recorded.1.get(name)).and_then(Json::as_str)
    }

    /// What is said before an answer of a recorded case.
    pub(super) fn heading(&self) -> String {
        let recorded = self.recorded_kind();
        let mut text = recorded.map_or_else(String::new, |kind| format!("recorded: {}\n", visible(kind)));
        if let Some(digest) = self.of_record("policy_set") {
            let digest = visible(digest.get(..12).unwrap_or(digest));
            text.push_str(&match self.set {
                Set::Now => {
                    format!("again by the policies of now; `--then` takes set {digest}, which decided it\n")
                }
                Set::Then => format!("again by set {digest}, which decided it\n"),
            });
        }
        text
    }

    /// The answer for programs: its schema, its own members, and the same that is said before it for people.
    pub(super) fn envelope(&self, schema: &str, answer: Json) -> Json {
        let mut shown = Map::new();
        shown.insert("schema".to_owned(), schema.into());
        shown.insert("complete".to_owned(), true.into());
        if let Json::Object(answer) = answer {
            shown.extend(answer);
        }
        if let Some(recorded) = self.recorded_kind() {
            shown.insert("recorded".to_owned(), recorded.into());
            let by = match self.set {
                Set::Now => "now",
                Set::Then => "then",
            };
            shown.insert("policies_of".to_owned(), by.into());
        }
        Json::Object(shown)
    }
}

/// Says why a recorded case cannot be decided again.
pub(super) fn undetermined(printer: &Printer, schema: &str, why: &NotReplayable) -> Result<Exit, Fault> {
    match printer.output() {
        Output::Json => {
            let whys = BTreeMap::from([(why.to_string(), 1)]);
            let not_replayable = not_replayable(&whys);
            printer
                .json(&json!({ "schema": schema, "complete": false, "not_replayable": not_replayable }))?;
        }
        Output::Text => printer.data(&format!("not_replayable: {}\n", visible(&why.to_string())))?,
    }
    Ok(Exit::Undetermined)
}

/// Decisions that cannot be decided again, for programs: how many, by the reason.
pub(super) fn not_replayable(whys: &BTreeMap<String, u64>) -> Vec<Json> {
    whys.iter().map(|(why, count)| json!({"why": why, "count": count})).collect()
}
