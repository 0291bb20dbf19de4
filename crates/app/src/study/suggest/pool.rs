//! What a log has of denials, by what a policy could tell of them, and which of them were chosen.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use audit::LinePlace;
use policy::study::suggest::Look;
use policy::study::{Posed, Study, Verdict};
use policy::vocabulary::Group;
use policy::{DecisionKind, TenantId};
use serde_json::Value as Json;

use super::super::replay::{Decided, Seen, replay};
use super::{Choice, NoSuggestion, Sets, Uncertain};
use crate::limits::{
    SUGGEST_CASES_MAX, SUGGEST_CHOSEN_MAX, SUGGEST_REASONS_MAX, SUGGEST_RECORDS_LISTED, SUGGEST_RECORDS_TOLD,
};

/// Records of one sort: how many, and which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// How many.
    pub count: u64,
    /// Id and time of those that are named: the first few at least. Hostile text.
    pub first: Vec<(Arc<str>, Arc<str>)>,
}

impl Records {
    fn add(&mut self, record: Short) {
        self.count += 1;
        if self.first.len() < SUGGEST_RECORDS_TOLD {
            self.first.push(record);
        }
    }

    /// Names it also where it is none of the first few. `listed` counts such records of all sorts.
    fn add_listed(&mut self, record: Short, listed: &mut usize) {
        if self.first.len() >= SUGGEST_RECORDS_TOLD && *listed < SUGGEST_RECORDS_LISTED {
            *listed += 1;
            self.count += 1;
            self.first.push(record);
        } else {
            self.add(record);
        }
    }

    /// Takes what others have, too: each record is one of a case, so that no more are named than the cases name.
    pub(super) fn add_all(&mut self, others: &Self) {
        self.count += others.count;
        self.first.extend(others.first.iter().cloned());
    }
}

/// Id and time of a record.
type Short = (Arc<str>, Arc<str>);

pub(super) fn short(record: &Json) -> Short {
    let text = |name: &str| Arc::from(record.get(name).and_then(Json::as_str).unwrap_or_default());
    (text("id"), text("ts"))
}

/// Records by the reason why they are left out. Reasons are hostile text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut(BTreeMap<String, Records>);

impl LeftOut {
    /// The reasons, in order, each with its records.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Records)> {
        self.0.iter().map(|(why, records)| (why.as_str(), records))
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many records are.
    pub fn count(&self) -> u64 {
        self.0.values().map(|records| records.count).sum()
    }

    fn add(&mut self, why: &str, record: Short) {
        self.of(why).add(record);
    }

    pub(super) fn add_all(&mut self, why: &str, records: &Records) {
        self.of(why).add_all(records);
    }

    fn of(&mut self, why: &str) -> &mut Records {
        let is_told = self.0.len() < SUGGEST_REASONS_MAX || self.0.contains_key(why);
        let why = if is_told { why } else { "another reason than the first ones" };
        self.0.entry(why.to_owned()).or_default()
    }
}

/// Denials that no policy could tell apart.
pub(super) struct Case {
    pub(super) look: Arc<Look>,
    pub(super) tenant: TenantId,
    /// The scopes that were held.
    pub(super) held: Vec<Arc<str>>,
    /// The scope that a permit goes into, or why there is none.
    pub(super) home: Result<Arc<str>, String>,
    pub(super) chosen: Records,
    pub(super) others: Records,
}

impl Case {
    /// Why a case that no policy can tell from this one is left out.
    pub(super) fn not_told_from(&self) -> String {
        let first = self.others.first.first().or(self.chosen.first.first());
        let id = first.map_or("another", |(id, _)| id);
        format!("no policy can tell it from record {id}, which is not to be allowed")
    }
}

/// Everything that the first look at the log gave.
#[derive(Default)]
pub(super) struct Pool {
    pub(super) cases: Vec<Case>,
    known: HashMap<Arc<Look>, usize>,
    pub(super) left_out: LeftOut,
    pub(super) uncertain: Uncertain,
    /// Decisions that were decided again.
    pub(super) decided: u64,
    /// Those and all that could not be.
    pub(super) decisions: u64,
    chosen: usize,
    /// Records that are named past the first few of their case.
    listed: usize,
    /// Where the last line began: what came later is another log.
    pub(super) end: LinePlace,
}

/// What is taken of one line.
enum Taken {
    Denied(Box<Denied>),
    LeftOut(String, Short),
    NotReplayable { why: String, is_chosen: bool, record: Short },
    Decided,
    Unreadable(String),
    Other,
}

struct Denied {
    look: Arc<Look>,
    tenant: TenantId,
    held: Vec<Arc<str>>,
    home: Result<Arc<str>, String>,
    is_chosen: bool,
    /// Why it is left out although it was named.
    left_out: Option<&'static str>,
    record: Short,
}

impl Pool {
    /// Looks through the log in a folder.
    pub(super) fn read(
        log: &Path,
        sets: &Sets,
        choice: &Choice,
        progress: &mut dyn FnMut(LinePlace),
    ) -> Result<Self, NoSuggestion> {
        let studies: Vec<&Study> = [&sets.base].into_iter().chain(&sets.now).collect();
        let look = |seen: Seen<'_>| match seen {
            Seen::Decision(decided) => (Some(decided.place), taken(&decided, sets, choice)),
            Seen::Other { place, .. } => (Some(place), Taken::Other),
            Seen::Unreadable(error) => (None, Taken::Unreadable(error.to_string())),
            Seen::Missing(why) => (None, Taken::Unreadable(why)),
        };
        let (mut pool, mut is_full) = (Self::default(), false);
        replay(
            log,
            &studies,
            |_, _| true,
            look,
            |(place, taken)| {
                if let Some(place) = place {
                    pool.end = place;
                    progress(place);
                }
                is_full |= !pool.add(taken, choice);
            },
        )?;
        if is_full {
            return Err(NoSuggestion::TooMany);
        }
        if choice.alike {
            for case in pool.cases.iter_mut().filter(|case| case.chosen.count > 0) {
                let others = std::mem::take(&mut case.others);
                case.chosen.add_all(&others);
            }
        }
        Ok(pool)
    }

    /// Takes what there is of one line; false when there is no room for it.
    fn add(&mut self, taken: Taken, choice: &Choice) -> bool {
        self.decided += u64::from(matches!(taken, Taken::Denied(_) | Taken::LeftOut(..) | Taken::Decided));
        self.decisions += u64::from(!matches!(taken, Taken::Other | Taken::Unreadable(_)));
        match taken {
            Taken::Decided | Taken::Other => {}
            Taken::LeftOut(why, record) => self.left_out.add(&why, record),
            Taken::Unreadable(why) => self.uncertain.add_unreadable(why),
            Taken::NotReplayable { why, is_chosen, record } => {
                if is_chosen {
                    self.left_out.add(&format!("not_replayable: {why}"), record);
                    self.uncertain.chosen += 1;
                }
            }
            Taken::Denied(denied) => {
                let Denied { look, tenant, held, home, is_chosen, left_out, record } = *denied;
                if let Some(why) = left_out {
                    self.left_out.add(why, record.clone());
                }
                self.chosen += usize::from(is_chosen);
                if self.chosen > SUGGEST_CHOSEN_MAX {
                    return false;
                }
                let at = match self.known.get(&look) {
                    Some(at) => *at,
                    None if self.cases.len() >= SUGGEST_CASES_MAX => return false,
                    None => {
                        let (chosen, others) = Default::default();
                        self.known.insert(look.clone(), self.cases.len());
                        self.cases.push(Case { look, tenant, held, home, chosen, others });
                        self.cases.len() - 1
                    }
                };
                match self.cases.get_mut(at) {
                    Some(case) if is_chosen => case.chosen.add_listed(record, &mut self.listed),
                    // In the end these are chosen as well.
                    Some(case) if choice.alike => case.others.add_listed(record, &mut self.listed),
                    Some(case) => case.others.add(record),
                    None => {}
                }
            }
        }
        true
    }

    /// The place of the case of a denial.
    pub(super) fn case_of(&self, look: &Look) -> Option<usize> {
        self.known.get(look).copied()
    }

    /// Chosen cases that no permit can be for, with the reason.
    pub(super) fn not_suggested(&self) -> BTreeMap<usize, String> {
        let chosen = self.cases.iter().enumerate().filter(|(_, case)| case.chosen.count > 0);
        let why = |case: &Case| match &case.home {
            Err(why) => Some(why.clone()),
            Ok(_) if case.others.count > 0 => Some(case.not_told_from()),
            Ok(_) => None,
        };
        chosen.filter_map(|(at, case)| Some((at, why(case)?))).collect()
    }
}

/// What is said of a chosen denial that the permits to be replaced have no part in.
const NOT_REPLACED: &str = "the permits that are to be replaced do not allow it either";

/// Whether a decision was chosen, as far as that can be told: by its place, and by what is to be replaced.
pub(super) fn is_chosen(decided: &Decided<'_>, choice: &Choice, now: Option<&Verdict>) -> bool {
    let is_named = choice.places.as_ref().is_none_or(|places| places.contains(&decided.place));
    is_named && now.is_none_or(Verdict::allows)
}

fn taken(decided: &Decided<'_>, sets: &Sets, choice: &Choice) -> Taken {
    let record = || short(decided.record);
    let is_named = choice.places.as_ref().is_some_and(|places| places.contains(&decided.place));
    let mut verdicts = decided.verdicts.iter();
    let (base, case) = match (verdicts.next(), decided.case) {
        (Some(Ok(base)), Some(case)) => (base, case),
        (Some(Err(why)), _) => {
            return Taken::NotReplayable { why: why.to_string(), is_chosen: is_named, record: record() };
        }
        _ => return Taken::Other,
    };
    let now = match verdicts.next() {
        None => None,
        Some(Ok(now)) => Some(&**now),
        Some(Err(why)) => {
            return Taken::NotReplayable { why: why.to_string(), is_chosen: is_named, record: record() };
        }
    };
    let by = |verdict: &Verdict| -> String {
        let ids: Vec<String> = verdict.policies.iter().map(|policy| format!("`{}`", policy.id)).collect();
        ids.join(", ")
    };
    let why = match base.kind {
        DecisionKind::DenyDefault => {
            let posed = case.posed();
            return Taken::Denied(Box::new(Denied {
                look: Arc::new(Look::of(case)),
                tenant: posed.actor.tenant().clone(),
                held: posed.scopes.ids().map(Arc::from).collect(),
                home: home(posed, sets),
                is_chosen: is_chosen(decided, choice, now),
                left_out: (is_named && now.is_some_and(|now| !now.allows())).then_some(NOT_REPLACED),
                record: record(),
            }));
        }
        DecisionKind::Allow => format!("the policies of now allow it already, by {}", by(base)),
        DecisionKind::DenyForbid => format!("it is forbidden by {}: no permit helps against that", by(base)),
        DecisionKind::DenyError => {
            let ids: Vec<String> = base.failed.iter().map(|policy| format!("`{}`", policy.id)).collect();
            format!("a policy fails ({}): correct that first", ids.join(", "))
        }
    };
    if is_named { Taken::LeftOut(why, record()) } else { Taken::Decided }
}

/// The scope that a permit for a case goes into: one that holds what is to be replaced, else one of the actor's own tenant, else one of
/// the operator's that it holds.
fn home(posed: &Posed, sets: &Sets) -> Result<Arc<str>, String> {
    let tenant = posed.actor.tenant();
    if let Some(other) = posed.tenants().find(|other| *other != tenant) {
        return Err(format!("it is about tenant `{other}` too: nothing is suggested across tenants"));
    }
    let held: Vec<_> = posed.scopes.iter().collect();
    let is_door = posed.spec.group == Group::Doors;
    let fits = |owner: &TenantId| owner.is_system() || (owner == tenant && !is_door);
    let ranked = held.iter().filter(|scope| fits(scope.tenant()));
    let home = ranked
        .min_by_key(|scope| (!sets.homes.contains(scope.id()), scope.tenant() != tenant, scope.id().clone()));
    match home {
        Some(scope) => Ok(scope.id().clone()),
        None if is_door => Err(format!(
            "`{}` is one of the product's doors, which only scopes of `system` can permit: give `{}` one",
            posed.spec.action,
            posed.actor.id()
        )),
        None => Err(format!(
            "`{}` holds no scope of tenant `{tenant}` that a permit could go into: give it one, by `scopes` of its service or \
             `default_scopes` of its tenant",
            posed.actor.id()
        )),
    }
}
