//! A question answered: the records, and whether they are all there are.
//!
//! The index says where to look; each record is read from its segment, and must be the one that was looked for.

mod range;
mod search;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use audit::{LinePlace, RawLine, STORED, Whereabouts, whereabouts};
use serde_json::Value as Json;

pub(crate) use self::range::every_trouble;
use self::range::{counted, covers, is_best_effort, removed, scanned, troubles};
use self::search::Search;
use crate::condition::Condition;
use crate::index::{Index, IndexError, Progress, Stage, is_unusable};
use crate::limits::TROUBLES_MAX;
use crate::row::Row;
use crate::selection::Selection;

/// What is asked.
pub struct Question<'a> {
    /// Which records, by what the index knows.
    pub selection: &'a Selection,
    /// Which of those, by all that they say.
    pub condition: Option<&'a Condition<'a>>,
    /// At most so many: the newest.
    pub limit: Option<usize>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The line as it is in its segment, without its line feed.
    pub line: Vec<u8>,
    /// Where it is.
    pub place: LinePlace,
    /// What the index knows of it, read from the line.
    pub row: Row,
    /// The whole record, once somebody asked for it: most lines are passed on as they are.
    record: OnceCell<Json>,
}

impl Found {
    pub(crate) fn new(RawLine { place, bytes: line, .. }: RawLine, row: Row) -> Self {
        Self { line, place, row, record: OnceCell::new() }
    }

    /// Whether this member of it is kept elsewhere.
    pub fn keeps_elsewhere(&self, name: &str) -> bool {
        // Nearly every line can do without being parsed.
        str::from_utf8(&self.line).is_ok_and(|line| line.contains(STORED))
            && whereabouts(self.record(), name) == Whereabouts::Elsewhere
    }

    /// The whole record. Texts are hostile wherever they are shown.
    pub fn record(&self) -> &Json {
        // A row was read from it, so that it is JSON; deeper than anybody writes it, it has nothing to say.
        self.record.get_or_init(|| serde_json::from_slice(&self.line).unwrap_or_default())
    }
}

/// What was looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// Records that the index has in the range of time.
    pub records: u64,
    /// The lowest number among them, and its time.
    pub first: (u64, i64),
    /// The highest number among them, and its time.
    pub last: (u64, i64),
}

/// The first and the last record of a log: number and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The lowest number, and its time.
    pub first: (u64, i64),
    /// The highest number, and its time.
    pub last: (u64, i64),
}

/// What is to be known of an answer beside its records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// What the log has, of whatever time; nothing when it has no record.
    pub covers: Option<Ends>,
    /// What was looked through; nothing when no record is of that time.
    pub scanned: Option<Scanned>,
    /// Records that matched.
    pub matched: u64,
    /// Those of them that were given: the newest.
    pub shown: u64,
    /// Decisions of the range that fit, were counted in roll-ups, and have no record of their own.
    pub counted: u64,
    /// Decisions of the same sort of which it cannot be said whether they fit: no condition can be asked of what was only
    /// counted, nor which policy it was when the first of them is not in the log.
    pub counted_may_fit: u64,
    /// Whether a record of the range says that the log lets happen what it cannot record.
    pub best_effort: bool,
    /// Of records that do not say whether they match: why, and how many. They are not among those that matched.
    pub undecided: BTreeMap<String, u64>,
    /// Why the answer is not complete.
    pub troubles: Vec<String>,
    /// The last record that retention removed before the range; nothing is known of it.
    pub removed_through: Option<u64>,
}

impl Answer {
    /// Whether nothing of the range escaped. A limit takes nothing from that.
    pub fn is_complete(&self) -> bool {
        self.troubles.is_empty()
    }

    /// The answer where nobody knows how many match: those that were given are what was found.
    fn broken_off(mut self, why: String) -> Self {
        self.matched = self.shown;
        self.troubles.push(why);
        self
    }
}

/// Answers a question, with the index brought up to now. Records come in the order of the log.
///
/// # Errors
/// There is no index, nor can one be had.
pub fn query(
    index: &mut Index,
    question: &Question<'_>,
    progress: &mut dyn FnMut(Progress),
    each: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> Result<Answer, IndexError> {
    index.catch_up_whole(progress)?;
    match answer(index, question, progress, each)? {
        // The index is stale in a way that its head does not show.
        Outcome::Stale(why, answer) if answer.shown > 0 => {
            // What was given stands, and is not all; the next answer is.
            index.begin_anew(&why)?;
            Ok(answer.broken_off(format!("{why}; ask again")))
        }
        Outcome::Stale(why, _) => {
            index.begin_anew(&why)?;
            index.catch_up(progress)?;
            answer(index, question, progress, each).map(Outcome::into_answer)
        }
        Outcome::Answer(answer) => Ok(answer),
    }
}

enum Outcome {
    Answer(Answer),
    /// The index does not fit the log; with what was found until then.
    Stale(String, Answer),
}

impl Outcome {
    fn into_answer(self) -> Answer {
        match self {
            Self::Answer(answer) => answer,
            Self::Stale(why, answer) => answer.broken_off(why),
        }
    }
}

fn answer(
    index: &Index,
    question: &Question<'_>,
    progress: &mut dyn FnMut(Progress),
    each: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> Result<Outcome, IndexError> {
    let mut answer = Answer::default();
    match fill(&mut answer, index, question, progress, each) {
        Ok(None) => Ok(Outcome::Answer(answer)),
        Ok(Some(stale)) => Ok(Outcome::Stale(stale, answer)),
        Err(IndexError::Sqlite(error)) if is_unusable(&error) => {
            Ok(Outcome::Stale(error.to_string(), answer))
        }
        Err(error) => Err(error),
    }
}

/// Finds out all that an answer says. Gives, in words, why the index does not fit the log.
fn fill(
    answer: &mut Answer,
    index: &Index,
    question: &Question<'_>,
    progress: &mut dyn FnMut(Progress),
    each: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> Result<Option<String>, IndexError> {
    // All of it about one moment, whoever indexes what comes meanwhile.
    let _moment = index.connection().unchecked_transaction()?;
    let selection = question.selection;
    answer.covers = covers(index)?;
    let scanned = scanned(index, selection)?;
    answer.troubles = match &scanned {
        Some(scanned) => troubles(index, scanned)?,
        None => every_trouble(index)?,
    };
    if let Some(covers) = &answer.covers {
        let (removed_through, trouble) = removed(index, selection, covers, scanned.as_ref())?;
        answer.removed_through = removed_through;
        answer.troubles.extend(trouble);
    }
    let Some(scanned) = scanned else { return Ok(None) };
    answer.best_effort = is_best_effort(index, selection)?;
    if selection.may_count_decisions() {
        let (fitting, unknown) = counted(index, selection)?;
        (answer.counted, answer.counted_may_fit) = match question.condition {
            None => (fitting, unknown),
            Some(_) => (0, fitting.saturating_add(unknown)),
        };
    }
    answer.scanned = Some(scanned);
    progress(Progress { stage: Stage::Reading, done: 0, in_all: 0 });
    let mut search = Search::new(index, answer, progress, each);
    match (question.condition, question.limit) {
        (None, Some(limit)) => search.newest(selection, limit),
        (condition, limit) => search.all(selection, condition, limit),
    }
}

/// Takes what keeps something from being complete, unless there is more of that than anybody reads.
pub(crate) fn add_trouble(troubles: &mut Vec<String>, trouble: String) {
    if troubles.len() < TROUBLES_MAX {
        troubles.push(trouble);
    }
}
