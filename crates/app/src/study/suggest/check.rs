//! What is suggested, tried on the whole log: whether exactly the chosen denials would be allowed and every other decision be as it
//! was, by the engine's word.
//!
//! What cannot be decided again is held against the heads of what is suggested: a record that no permit names cannot be affected.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use audit::{LinePlace, RecordId};
use policy::DecisionKind;
use policy::study::Study;
use policy::study::suggest::Look;
use serde_json::Value as Json;

use super::super::replay::{Decided, Seen, replay};
use super::pool::{Pool, is_chosen, short};
use super::{Choice, NoSuggestion, ScopeFile, Sets};
use crate::limits::SUGGEST_REASONS_MAX;

/// Why it cannot be said that nothing else is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uncertain {
    /// Decisions that could not be decided again and that a suggested permit could be about, by the reason. Hostile text.
    pub not_replayable: BTreeMap<String, u64>,
    /// Chosen records among those that could not be decided again.
    pub chosen: u64,
    /// Lines or segments that could not be read: why, of the first.
    pub unreadable: Vec<String>,
    /// How many there were.
    pub unreadable_count: u64,
    /// Whether the log was another at the second look: a part of it was removed meanwhile.
    pub changed: bool,
}

impl Uncertain {
    /// Whether there is nothing of that sort. A chosen record that cannot be decided is left out, and affects nothing else.
    pub fn is_nothing(&self) -> bool {
        self.not_replayable.is_empty() && self.unreadable_count == 0 && !self.changed
    }

    pub(super) fn add_unreadable(&mut self, why: String) {
        self.unreadable_count += 1;
        if self.unreadable.len() < SUGGEST_REASONS_MAX {
            self.unreadable.push(why);
        }
    }

    fn add_not_replayable(&mut self, why: String) {
        let is_told =
            self.not_replayable.len() < SUGGEST_REASONS_MAX || self.not_replayable.contains_key(&why);
        let why = if is_told { why } else { "another reason than the first ones".to_owned() };
        *self.not_replayable.entry(why).or_default() += 1;
    }
}

/// What is tried.
pub(super) struct Trial<'a> {
    pub(super) sets: &'a Sets,
    /// The policies with what is suggested.
    pub(super) candidate: &'a Study,
    pub(super) choice: &'a Choice,
    pub(super) pool: &'a Pool,
    pub(super) draft: &'a [ScopeFile],
    /// Where the cases are that it is for.
    pub(super) granted: BTreeSet<usize>,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Tried {
    /// Chosen records that are newly allowed.
    pub(super) allowed: u64,
    /// Denials counted beside them.
    pub(super) counted: u64,
    pub(super) uncertain: Uncertain,
    /// Cases that have to be left out, with the reason.
    pub(super) wrong: BTreeMap<usize, String>,
    /// Decisions that were met, whether they could be decided or not.
    decisions: u64,
    /// Records of each case that were met again.
    met: BTreeMap<usize, u64>,
    /// What each roll-up counts, by the record that opened it.
    rollups: HashMap<RecordId, u64>,
}

/// What is taken of one line.
enum Taken {
    /// It was denied by default, and is so still or not.
    Denied {
        look: Box<Look>,
        is_chosen: bool,
        by: Option<Vec<Arc<str>>>,
        id: Arc<str>,
    },
    NotReplayable {
        why: String,
        may_matter: bool,
    },
    /// It was not denied by default, and is answered the same.
    Decided,
    /// It is answered otherwise, and not newly allowed.
    Changed {
        /// The policies that decide or fail now.
        by: Vec<Arc<str>>,
        id: Arc<str>,
    },
    Unreadable(String),
    Rollup {
        opening: RecordId,
        count: u64,
    },
    Other,
}

impl Trial<'_> {
    /// Tries it on the log in a folder, as far as the first look went.
    pub(super) fn on(&self, log: &Path, progress: &mut dyn FnMut(LinePlace)) -> Result<Tried, NoSuggestion> {
        let studies: Vec<&Study> =
            [&self.sets.base, self.candidate].into_iter().chain(&self.sets.now).collect();
        let look = |seen: Seen<'_>| match seen {
            Seen::Decision(decided) => (Some(decided.place), self.taken(&decided)),
            Seen::Other { place, record } => (Some(place), rollup(record)),
            Seen::Unreadable(error) => (None, Taken::Unreadable(error.to_string())),
            Seen::Missing(why) => (None, Taken::Unreadable(why)),
        };
        let (mut tried, mut at) = (Tried::default(), LinePlace::default());
        replay(
            log,
            &studies,
            |_, _| true,
            look,
            |(place, taken)| {
                at = place.unwrap_or(at);
                if at <= self.pool.end {
                    progress(at);
                    self.take(taken, &mut tried);
                }
            },
        )?;
        self.settle(&mut tried);
        Ok(tried)
    }

    fn taken(&self, decided: &Decided<'_>) -> Taken {
        let [base, candidate, now] = [0, 1, 2].map(|at| decided.verdicts.get(at));
        let verdicts = match (base, candidate, now) {
            (Some(Ok(base)), Some(Ok(candidate)), None) => (base, candidate, None),
            (Some(Ok(base)), Some(Ok(candidate)), Some(Ok(now))) => (base, candidate, Some(&**now)),
            _ => {
                let failed =
                    [base, candidate, now].into_iter().flatten().find_map(|verdict| verdict.as_ref().err());
                let why = failed.map(ToString::to_string).unwrap_or_default();
                return Taken::NotReplayable { why, may_matter: self.may_matter(decided.record) };
            }
        };
        let ((base, candidate, now), Some(case)) = (verdicts, decided.case) else { return Taken::Other };
        let (denied, is) = (DecisionKind::DenyDefault, candidate.kind);
        if base.kind != is && (base.kind, is) != (denied, DecisionKind::Allow) {
            let by = candidate.policies.iter().chain(&candidate.failed).map(|policy| policy.id.clone());
            return Taken::Changed { by: by.collect(), id: short(decided.record).0 };
        }
        if base.kind != denied {
            return Taken::Decided;
        }
        Taken::Denied {
            look: Box::new(Look::of(case)),
            is_chosen: is_chosen(decided, self.choice, now),
            by: candidate
                .allows()
                .then(|| candidate.policies.iter().map(|policy| policy.id.clone()).collect()),
            id: short(decided.record).0,
        }
    }

    /// Whether a permit that is suggested could be about a record that cannot be decided: in doubt, it could.
    fn may_matter(&self, record: &Json) -> bool {
        let text = |name: &str| record.get(name).and_then(Json::as_str);
        let redacted: Vec<&str> = record
            .get("redacted")
            .and_then(Json::as_array)
            .map_or(Vec::new(), |paths| paths.iter().filter_map(Json::as_str).collect());
        let is_redacted = |name: &str| redacted.iter().any(|path| path.split('.').next() == Some(name));
        let actor = text("actor").filter(|_| !is_redacted("actor"));
        let held = record.get("scopes").and_then(Json::as_array).filter(|_| !is_redacted("scopes"));
        self.draft.iter().any(|file| {
            let is_held = |held: &Vec<Json>| held.iter().any(|held| held.as_str() == Some(&file.scope));
            held.is_none_or(is_held)
                && file.permits.iter().any(|permit| {
                    actor.is_none_or(|actor| permit.actors.iter().any(|named| **named == *actor))
                        && text("action").is_none_or(|action| permit.actions.contains(&action))
                })
        })
    }

    fn take(&self, taken: Taken, tried: &mut Tried) {
        tried.decisions +=
            u64::from(!matches!(taken, Taken::Other | Taken::Unreadable(_) | Taken::Rollup { .. }));
        match taken {
            Taken::Decided | Taken::Other => {}
            Taken::Unreadable(why) => tried.uncertain.add_unreadable(why),
            Taken::NotReplayable { why, may_matter } => {
                if may_matter {
                    tried.uncertain.add_not_replayable(why);
                }
            }
            Taken::Changed { by, id } => {
                let why = format!("a permit for it would also change the answer to record {id}");
                let mut cases: Vec<usize> =
                    self.permits(&by).flat_map(|permit| &permit.cases).copied().collect();
                if cases.is_empty() {
                    // Whichever of them it is.
                    cases.extend(&self.granted);
                }
                tried.wrong.extend(cases.into_iter().map(|at| (at, why.clone())));
            }
            Taken::Rollup { opening, count } => {
                if let Some(known) = tried.rollups.get_mut(&opening) {
                    *known = count;
                }
            }
            Taken::Denied { look, is_chosen, by, id } => {
                let at = self.pool.case_of(&look);
                let is_chosen = is_chosen || (self.choice.alike && at.is_some_and(|at| self.is_chosen(at)));
                if let Some(at) = at {
                    *tried.met.entry(at).or_default() += 1;
                }
                let is_granted = at.is_some_and(|at| self.granted.contains(&at));
                match by {
                    Some(_) if is_chosen && is_granted => {
                        tried.allowed += 1;
                        tried.rollups.extend(id.parse().ok().map(|id: RecordId| (id, 0)));
                    }
                    Some(by) => {
                        let why = format!(
                            "a permit for it would also allow record {id}, which is not to be allowed"
                        );
                        let cases = self.permits(&by).flat_map(|permit| &permit.cases);
                        tried.wrong.extend(cases.map(|at| (*at, why.clone())));
                    }
                    None if is_chosen && is_granted => {
                        let why = "no permit that was tried allows it".to_owned();
                        tried.wrong.extend(at.map(|at| (at, why)));
                    }
                    None => {}
                }
            }
        }
    }

    fn is_chosen(&self, at: usize) -> bool {
        self.pool.cases.get(at).is_some_and(|case| case.chosen.count > 0)
    }

    fn permits(&self, ids: &[Arc<str>]) -> impl Iterator<Item = &super::Permit> {
        let all = self.draft.iter().flat_map(|file| &file.permits);
        all.filter(|permit| ids.iter().any(|id| **id == *permit.id))
    }

    /// What can be said at the end: whether the log was the same, and what was counted beside the chosen.
    fn settle(&self, tried: &mut Tried) {
        tried.counted = tried.rollups.values().sum();
        let is_missing = |at: &usize| {
            let expected = self.pool.cases.get(*at).map_or(0, |case| case.chosen.count);
            tried.met.get(at).copied().unwrap_or_default() < expected
        };
        tried.uncertain.changed =
            tried.decisions != self.pool.decisions || self.granted.iter().any(is_missing);
        tried.uncertain.chosen = self.pool.uncertain.chosen;
    }
}

/// What a roll-up says: of all after its opening record until now.
fn rollup(record: &Json) -> Taken {
    if record.get("kind").and_then(Json::as_str) != Some("rollup") {
        return Taken::Other;
    }
    let text = |name: &str| record.pointer(&format!("/detail/{name}")).and_then(Json::as_str);
    let (opening, count) = (text("opening").map(str::parse), text("count").map(str::parse));
    match (opening, count) {
        (Some(Ok(opening)), Some(Ok(count))) => Taken::Rollup { opening, count },
        _ => Taken::Other,
    }
}

#[cfg(test)]
mod tests {
    use policy::{Bundle, BundleSources, TenantId};

    use super::super::file::Permit;
    use super::*;

    /// No permit that is suggested can fail, or take from what is allowed: the log is asked all the same.
    #[test]
    fn a_permit_that_changes_any_other_answer_is_left_out() {
        let study = || Study::new(Bundle::load(BundleSources::default()).unwrap());
        let permit = |id: &str, at: usize| Permit {
            id: id.to_owned(),
            actors: Vec::new(),
            actions: Vec::new(),
            records: BTreeMap::new(),
            text: String::new(),
            cases: vec![at],
        };
        let permits = vec![permit("one", 3), permit("other", 4)];
        let draft = [ScopeFile {
            scope: Arc::from("acme:staff"),
            tenant: TenantId::system(),
            permits,
            text: String::new(),
        }];
        let sets = Sets { base: study(), now: None, homes: BTreeSet::new() };
        let (candidate, choice, pool) = (study(), Choice::default(), Pool::default());
        let granted = BTreeSet::from([3, 4]);
        let trial = Trial {
            sets: &sets,
            candidate: &candidate,
            choice: &choice,
            pool: &pool,
            draft: &draft,
            granted,
        };
        for (by, left_out) in
            [(vec!["other"], vec![4]), (vec!["known", "one"], vec![3]), (vec!["known"], vec![3, 4])]
        {
            let mut tried = Tried::default();
            let by = by.into_iter().map(Arc::from).collect();
            trial.take(Taken::Changed { by, id: Arc::from("01X") }, &mut tried);
            assert_eq!(tried.wrong.keys().copied().collect::<Vec<_>>(), left_out);
            assert!(tried.wrong.values().all(|why| why.contains("record 01X")) && tried.decisions == 1);
        }
    }
}
