//! What came of a replay, counted: decisions that would change in groups that are alike, and why others could not be decided.
//!
//! Takes one line of the log after the other, in its order, and keeps a bounded number of groups. How it is shown is not known
//! here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use app::limits::{REPLAY_GROUPS_MAX, REPLAY_OPENINGS_MAX};
use app::study::{AnswerChange, Decided, Outcome, Seen};
use diagnostic::code_span;
use policy::permission::Subject;
use policy::study::{PolicyView, Posed, Verdict};
use policy::{ActorKind, DecisionKind};
use review::limits::TROUBLES_MAX;
use review::{MayFit, Row, count_reason};
use serde_json::Value as Json;

/// Which of two answers a replay compares with the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// What the record says.
    Recorded,
    /// What the first policy set says.
    FirstSet,
}

/// One line of the log, as far as it is counted.
pub(super) struct Looked {
    pub(super) seq: u64,
    what: What,
}

enum What {
    /// A decision, when it was made, whether it stands for others of its sort, and what changed of it.
    Decision {
        ts: String,
        is_first: bool,
        changed: Option<Box<Changed>>,
    },
    NotReplayable {
        ts: String,
        why: String,
    },
    /// A roll-up.
    Counts(Box<Row>),
    Unreadable(String),
    Else,
}

struct Changed {
    alike: Alike,
    place: Option<Place>,
    id: String,
}

/// What decisions of one group have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alike {
    pub(super) change: AnswerChange,
    pub(super) tenant: String,
    /// An actor as a code span, or where there may be many the sort of them.
    pub(super) actor: String,
    pub(super) action: &'static str,
    /// A thing whose id is a code span, or where there may be many the sort of them.
    pub(super) resource: String,
    pub(super) before: Said,
    pub(super) after: Said,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    /// As records write it.
    pub(super) kind: &'static str,
    /// Ids of the policies that determined it, or failed.
    pub(super) policies: Vec<Arc<str>>,
}

/// Where the policy is written that makes the difference.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: usize,
    /// Whether it is one of the policies after, not before.
    pub(super) is_after: bool,
}

/// Decisions that would change alike.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) alike: Alike,
    pub(super) count: u64,
    /// Decisions that were only counted under one of these.
    pub(super) only_counted: u64,
    /// The first record.
    pub(super) record: String,
    pub(super) place: Option<Place>,
}

/// All that came of it.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// By what they have in common.
    at: BTreeMap<Alike, usize>,
    groups: Vec<Group>,
    /// Records that would change, by the change.
    changes: BTreeMap<AnswerChange, u64>,
    /// Allowed ones that a failing policy would deny.
    pub(super) newly_denied_by_errors: u64,
    /// Those of groups that are not kept.
    pub(super) in_other_groups: u64,
    pub(super) decided: u64,
    /// Of these, records of the first of a sort of question.
    pub(super) first: u64,
    pub(super) not_replayable: BTreeMap<String, u64>,
    counted: MayFit,
    /// Groups by the record that opened a roll-up.
    openings: HashMap<String, usize>,
    /// Time of the first and of the last decision.
    pub(super) period: Option<(String, String)>,
    /// What could not be read, in words.
    pub(super) missing: Vec<String>,
}

impl Gathered {
    /// Takes the next line.
    pub(super) fn add(&mut self, looked: Looked) {
        match looked.what {
            What::Decision { ts, is_first, changed } => {
                self.at_time(ts);
                self.decided += 1;
                self.first += u64::from(is_first);
                if let Some(changed) = changed {
                    self.change(*changed);
                }
            }
            What::NotReplayable { ts, why } => {
                self.at_time(ts);
                count_reason(&mut self.not_replayable, why);
            }
            What::Counts(row) => {
                let rise = self.counted.add(&row);
                let opening = row.opening.as_deref().and_then(|opening| self.openings.get(opening));
                if let Some(group) = opening.and_then(|at| self.groups.get_mut(*at)) {
                    group.only_counted = group.only_counted.saturating_add(rise);
                }
            }
            What::Unreadable(why) => self.is_missing(why),
            What::Else => {}
        }
    }

    /// Something could not be read, or said of a record.
    pub(super) fn is_missing(&mut self, why: String) {
        if self.missing.len() < TROUBLES_MAX {
            self.missing.push(why);
        }
    }

    /// How many would change so.
    pub(super) fn count(&self, change: AnswerChange) -> u64 {
        self.changes.get(&change).copied().unwrap_or_default()
    }

    /// How many would not change.
    pub(super) fn unchanged(&self) -> u64 {
        self.decided - self.changes.values().sum::<u64>()
    }

    /// How many decisions were only counted.
    pub(super) fn only_counted(&self) -> u64 {
        self.counted.count()
    }

    /// Decisions that cannot be decided again.
    pub(super) fn undecided(&self) -> u64 {
        self.not_replayable.values().sum()
    }

    /// Whether every decision that was asked for was decided.
    pub(super) fn is_complete(&self) -> bool {
        self.not_replayable.is_empty() && self.missing.is_empty()
    }

    /// The groups of one change, the largest first.
    pub(super) fn groups(&self, change: AnswerChange) -> Vec<&Group> {
        let mut groups: Vec<&Group> =
            self.groups.iter().filter(|group| group.alike.change == change).collect();
        groups.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.alike.cmp(&other.alike)));
        groups
    }

    fn at_time(&mut self, ts: String) {
        self.period = Some(match self.period.take() {
            None => (ts.clone(), ts),
            Some((first, _)) => (first, ts),
        });
    }

    fn change(&mut self, changed: Changed) {
        let Changed { alike, place, id } = changed;
        *self.changes.entry(alike.change).or_default() += 1;
        let was_allowed = alike.before.kind == DecisionKind::Allow.text();
        self.newly_denied_by_errors += u64::from(alike.change == AnswerChange::NewError && was_allowed);
        let at = match self.at.get(&alike) {
            Some(at) => *at,
            None if self.groups.len() >= REPLAY_GROUPS_MAX => {
                self.in_other_groups += 1;
                return;
            }
            None => {
                let at = self.groups.len();
                self.at.insert(alike.clone(), at);
                self.groups.push(Group { alike, count: 0, only_counted: 0, record: id.clone(), place });
                at
            }
        };
        if let Some(group) = self.groups.get_mut(at) {
            group.count += 1;
        }
        if self.openings.len() < REPLAY_OPENINGS_MAX {
            self.openings.insert(id, at);
        }
    }
}

/// What is counted of one line. `counts` tells of a roll-up whether what it counts was asked for.
pub(super) fn look(seen: Seen<'_>, before: Before, counts: impl Fn(&Row) -> bool) -> Looked {
    let text =
        |record: &Json, name: &str| record.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let seq = |record: &Json| text(record, "seq").parse().unwrap_or_default();
    match seen {
        Seen::Unreadable(error) => Looked { seq: 0, what: What::Unreadable(error.to_string()) },
        Seen::Missing(why) => Looked { seq: 0, what: What::Unreadable(why) },
        Seen::Other { record, .. } => {
            let is_rollup = record.get("kind").and_then(Json::as_str) == Some("rollup");
            let row = if is_rollup { Row::of_record(record).ok().filter(|row| counts(row)) } else { None };
            Looked { seq: seq(record), what: row.map_or(What::Else, |row| What::Counts(Box::new(row))) }
        }
        Seen::Decision(decided) => {
            let ts = text(decided.record, "ts");
            let what = match compare(&decided, before) {
                Ok(changed) => {
                    let is_first = decided.record.get("because").and_then(Json::as_str) == Some("first");
                    What::Decision { ts, is_first, changed: changed.map(Box::new) }
                }
                Err(why) => What::NotReplayable { ts, why },
            };
            Looked { seq: seq(decided.record), what }
        }
    }
}

/// What changed, if anything did; or why that cannot be told.
fn compare(decided: &Decided<'_>, before: Before) -> Result<Option<Changed>, String> {
    let verdict = |verdict: Option<&Result<Arc<Verdict>, policy::study::NotReplayable>>| match verdict {
        Some(Ok(verdict)) => Ok(verdict.clone()),
        Some(Err(why)) => Err(why.to_string()),
        None => Err("there is no policy set".to_owned()),
    };
    let after = verdict(decided.verdicts.last())?;
    let (was, first) = match before {
        Before::Recorded => {
            let recorded = Outcome::recorded(decided.record);
            (recorded.ok_or_else(|| "the record does not say what was decided".to_owned())?, None)
        }
        Before::FirstSet => {
            let first = verdict(decided.verdicts.first())?;
            (Outcome::of(&first), Some(first))
        }
    };
    let (is, case) = (Outcome::of(&after), decided.case.map(|case| case.posed()));
    let (Some(case), change) = (case, was.change(&is)) else {
        return Err("the record has no case".to_owned());
    };
    if change == AnswerChange::Nothing {
        return Ok(None);
    }
    let failed = |verdict: &Verdict| verdict.failed.iter().map(|policy| policy.id.clone()).collect();
    let after_said = match after.kind {
        DecisionKind::DenyError => Said { kind: is.kind.text(), policies: failed(&after) },
        kind => Said { kind: kind.text(), policies: is.policies },
    };
    let alike = Alike {
        change,
        tenant: case.actor.tenant().to_string(),
        actor: actor(case),
        action: case.spec.action,
        resource: resource(case),
        before: Said { kind: was.kind.text(), policies: was.policies },
        after: after_said,
    };
    // The shipped guard is in no file of the app.
    let written = |view: &PolicyView, is_after| {
        let (file, line) = (view.span.source.path.clone(), view.span.position().0);
        (!view.shipped).then_some(Place { file, line, is_after })
    };
    let deciding = after.failed.first().or_else(|| after.policies.first());
    let place = match (deciding, first.as_ref().and_then(|first| first.policies.first())) {
        (Some(view), _) => written(view, true),
        (None, Some(view)) => written(view, false),
        (None, None) => recorded_place(decided.record),
    };
    let id = decided.record.get("id").and_then(Json::as_str).unwrap_or_default().to_owned();
    Ok(Some(Changed { alike, place, id }))
}

/// Where the first policy that determined a record was written then.
fn recorded_place(record: &Json) -> Option<Place> {
    let policy = record.get("policies")?.as_array()?.first()?;
    let line = usize::try_from(policy.get("line")?.as_u64()?).ok()?;
    Some(Place { file: policy.get("file")?.as_str()?.to_owned(), line, is_after: false })
}

/// Users and those whom scripts make are many, services and operators few.
fn actor(case: &Posed) -> String {
    match case.actor.kind() {
        ActorKind::User => "users".to_owned(),
        ActorKind::Derived => "derived actors".to_owned(),
        ActorKind::Service | ActorKind::Operator => code_span(case.actor.id()),
    }
}

/// Processes and names are many: of a process it is told what was started, and whose it is.
fn resource(case: &Posed) -> String {
    match &case.subject {
        Subject::Process(process) => {
            format!("processes of {} {}", process.tenant(), code_span(process.definition().id()))
        }
        Subject::Name(name) => format!("names of {}", name.tenant()),
        Subject::Definition(definition) => format!("definition {}", code_span(definition.id())),
        Subject::Host(host) => format!("host {}", code_span(host.id())),
        Subject::Facility(facility) => format!("facility {}", code_span(facility.id())),
        Subject::Tenant(tenant) => format!("tenant `{tenant}`"),
        Subject::Namespace(namespace) => format!("namespace {}", code_span(namespace.name())),
    }
}
