//! Permits suggested from an audit log: the least that allow the denials that were chosen, and nothing else that the log has.
//!
//! The log is decided again twice at least: once to see what is denied, and once by what is suggested. Only what that second look
//! bears out is handed on; what would also allow something else is left out, with the record that it would allow. Which
//! records are meant is the caller's to say, and nothing is put in force.

mod check;
mod file;
mod pool;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use audit::LinePlace;
use diagnostic::{Diagnostic, Source};
use policy::study::suggest::{Grant, Look, grants};
use policy::study::{Place, Study, UnknownPolicy};

use super::Premises;
use crate::limits::{SUGGEST_CASES_MAX, SUGGEST_CHOSEN_MAX, SUGGEST_ROUNDS_MAX};
use check::Trial;
pub use check::Uncertain;
pub use file::{Permit, ScopeFile, put};
use pool::{Case, Pool};
pub use pool::{LeftOut, Records};

/// What is to be allowed.
#[derive(Debug, Default)]
pub struct Choice {
    /// Where the chosen records are; nothing for every record.
    pub places: Option<BTreeSet<LinePlace>>,
    /// Whether what no policy can tell from a chosen denial is chosen, too.
    pub alike: bool,
    /// Ids of permits in whose place the suggestion is to be: chosen is what is allowed with them, and not without them.
    pub instead_of: Vec<String>,
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// What is denied is looked for, here in the log.
    Looking(LinePlace),
    /// So many of so many different denials that were chosen are told from the others.
    Telling(usize, usize),
    /// What is suggested is tried on the whole log, here.
    Trying(LinePlace),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Suggestion {
    /// The permits, for each scope that they are to go into, in order.
    pub files: Vec<ScopeFile>,
    /// Chosen records that the permits allow: exactly what is newly allowed of all that could be decided.
    pub allowed: u64,
    /// Decisions of the log that were decided again, with the permits and without.
    pub decided: u64,
    /// Chosen records that no permit is suggested for, by the reason.
    pub left_out: LeftOut,
    /// Why it is not certain that nothing else is allowed.
    pub uncertain: Uncertain,
    /// Decisions that roll-ups count beside the chosen records: of the same actor, permission and type of resource, and no record
    /// says what they were about.
    pub counted: u64,
    /// Permits to be replaced of which the log has only the first allow of each sort, since they do not say `@audit("always")`.
    pub not_audited: Vec<Arc<str>>,
}

/// Why there is no suggestion.
#[derive(Debug, thiserror::Error)]
pub enum NoSuggestion {
    /// Something is wrong with a policy.
    #[error("the policies are not valid")]
    Invalid(Vec<Diagnostic>),
    /// No policy has an id that is to be replaced.
    #[error("{0}")]
    Unknown(#[from] UnknownPolicy),
    /// What is to be replaced is no permit.
    #[error("`{0}` is a policy of the guard, which stays on: only permits can be replaced")]
    Guard(String),
    /// More is chosen, or the log has more different denials, than are held against each other.
    #[error(
        "more than {SUGGEST_CHOSEN_MAX} records are chosen, or the log has more than {SUGGEST_CASES_MAX} different denials: too \
         many to tell them apart"
    )]
    TooMany,
    /// The system gives no thread.
    #[error("the log cannot be decided again: {0}")]
    System(#[from] io::Error),
}

/// What decides: without the permits to be replaced, and with them if there are any.
struct Sets {
    base: Study,
    now: Option<Study>,
    /// Scopes that hold the permits to be replaced.
    homes: BTreeSet<Arc<str>>,
}

/// Suggests permits for what is chosen of the log in a folder.
///
/// # Errors
/// There is no telling: see [`NoSuggestion`].
pub fn suggest(
    premises: &Premises,
    log: &Path,
    choice: &Choice,
    progress: &mut dyn FnMut(Stage),
) -> Result<Suggestion, NoSuggestion> {
    let mut suggestion = Suggestion::default();
    let sets = sets(premises, choice, &mut suggestion)?;
    let pool = Pool::read(log, &sets, choice, &mut |place| progress(Stage::Looking(place)))?;
    suggestion.left_out = pool.left_out.clone();
    suggestion.uncertain = pool.uncertain.clone();
    suggestion.decided = pool.decided;
    let mut left = pool.not_suggested();
    for _ in 0..SUGGEST_ROUNDS_MAX {
        let mut settled = settle(&pool.cases, &mut left, progress);
        loop {
            let doubted = doubted(premises, choice, &settled)?;
            if doubted.is_empty() {
                break;
            }
            left.extend(doubted);
            settled = settle(&pool.cases, &mut left, progress);
        }
        let draft = file::draft(settled, &pool.cases, &sets.base);
        if draft.is_empty() {
            break;
        }
        let permits: Vec<_> = draft.iter().map(ScopeFile::source).collect();
        let candidate =
            premises.study_permitting(&choice.instead_of, &permits).map_err(NoSuggestion::Invalid)?;
        let cases = draft.iter().flat_map(|file| &file.permits).flat_map(|permit| &permit.cases);
        let granted = cases.copied().collect();
        let trial = Trial { sets: &sets, candidate: &candidate, choice, pool: &pool, draft: &draft, granted };
        let tried = trial.on(log, &mut |place| progress(Stage::Trying(place)))?;
        if tried.wrong.is_empty() {
            suggestion.allowed = tried.allowed;
            suggestion.counted = tried.counted;
            suggestion.uncertain = tried.uncertain;
            suggestion.files = draft;
            file::tell(&mut suggestion).map_err(NoSuggestion::Invalid)?;
            break;
        }
        left.extend(tried.wrong);
    }
    if suggestion.files.is_empty() {
        for at in 0..pool.cases.len() {
            left.entry(at).or_insert_with(|| NOT_SETTLED.to_owned());
        }
    }
    for (at, why) in left {
        if let Some(case) = pool.cases.get(at).filter(|case| case.chosen.count > 0) {
            suggestion.left_out.add_all(&why, &case.chosen);
        }
    }
    Ok(suggestion)
}

/// What is said of the rest when each attempt allowed something else.
const NOT_SETTLED: &str = "whatever was tried for it also allowed something else";

fn sets(premises: &Premises, choice: &Choice, suggestion: &mut Suggestion) -> Result<Sets, NoSuggestion> {
    let now = premises.study().map_err(NoSuggestion::Invalid)?;
    if choice.instead_of.is_empty() {
        return Ok(Sets { base: now, now: None, homes: BTreeSet::new() });
    }
    let mut homes = BTreeSet::new();
    for view in now.views(&choice.instead_of)? {
        match view.place {
            Place::Guard => return Err(NoSuggestion::Guard(view.id.to_string())),
            Place::Scope(id) => homes.insert(id),
        };
        if !view.audited {
            suggestion.not_audited.push(view.id);
        }
    }
    let base = premises.study_permitting(&choice.instead_of, &[]).map_err(NoSuggestion::Invalid)?;
    Ok(Sets { base, now: Some(now), homes })
}

/// Permits that go into one scope.
struct Settled {
    scope: Arc<str>,
    /// Where the cases are that the permits count.
    places: Vec<usize>,
    grants: Vec<Grant>,
}

impl Settled {
    /// Where the cases are that a permit is for.
    fn cases(&self, grant: &Grant) -> Vec<usize> {
        grant.members().iter().filter_map(|at| self.places.get(*at).copied()).collect()
    }
}

/// Permits for each scope. What no policy can tell from something that is not to be allowed is put to what is left out, until
/// nothing more is.
fn settle(
    cases: &[Case],
    left: &mut BTreeMap<usize, String>,
    progress: &mut dyn FnMut(Stage),
) -> Vec<Settled> {
    let scopes: BTreeSet<&Arc<str>> = cases.iter().filter_map(|case| case.home.as_ref().ok()).collect();
    loop {
        let before = left.len();
        let mut settled = Vec::new();
        for scope in &scopes {
            let (mut chosen, mut others) = (Vec::new(), Vec::new());
            for (at, case) in cases.iter().enumerate() {
                match case.chosen.count > 0 && !left.contains_key(&at) {
                    true if case.home.as_ref() == Ok(*scope) => chosen.push(at),
                    false if case.held.contains(*scope) => others.push(at),
                    _ => {}
                }
            }
            let looks = |places: &[usize]| -> Vec<&Look> {
                places.iter().filter_map(|at| Some(&*cases.get(*at)?.look)).collect()
            };
            let telling = &mut |done| progress(Stage::Telling(done, chosen.len()));
            let found = grants(&looks(&chosen), &looks(&others), telling);
            for alike in found.left_out {
                let other = others.get(alike.other).and_then(|at| cases.get(*at));
                if let (Some(at), Some(other)) = (chosen.get(alike.chosen), other) {
                    left.insert(*at, other.not_told_from());
                }
            }
            settled.push(Settled { scope: (*scope).clone(), places: chosen, grants: found.grants });
        }
        if left.len() == before {
            return settled;
        }
    }
}

/// What the checks of a load have to say against single permits: nothing that is suggested is doubtful. Nothing where they are
/// content.
fn doubted(
    premises: &Premises,
    choice: &Choice,
    settled: &[Settled],
) -> Result<BTreeMap<usize, String>, NoSuggestion> {
    let mut members = BTreeMap::new();
    let mut permits = Vec::new();
    for part in settled {
        for grant in &part.grants {
            let id = format!("suggested.{}", permits.len());
            let source = Source { path: id.clone(), text: grant.text(&id) };
            permits.push((part.scope.clone(), Arc::new(source)));
            members.insert(id, part.cases(grant));
        }
    }
    if permits.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (found, refused) = match premises.study_permitting(&choice.instead_of, &permits) {
        Ok(study) => (study.bundle().warnings().to_vec(), false),
        Err(found) => (found, true),
    };
    let mut doubted = BTreeMap::new();
    for diagnostic in &found {
        let path = diagnostic.span.as_ref().map(|span| span.source.path.as_str());
        for at in path.and_then(|path| members.get(path)).into_iter().flatten() {
            let why = format!("a permit for it would be doubtful: {}", diagnostic.message);
            doubted.entry(*at).or_insert(why);
        }
    }
    if refused && doubted.is_empty() { Err(NoSuggestion::Invalid(found)) } else { Ok(doubted) }
}
