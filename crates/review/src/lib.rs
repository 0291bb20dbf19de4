//! The audit log reviewed: found, counted, told and handed on, by people and their tools.
//!
//! Works from the log's files alone. The index beside them is made from them, can be thrown away at any time, and never decides
//! what is true. Knows no policy engine: what a filter means, whoever hands it in knows.
//!
//! Reading order: `row`, `selection` and `condition` (what people ask by), `index` (where it is found fast),
//! `query`, `beginning` and `order` (an answer, and whether it is complete), `reasons`, `recent` (the newest, and what comes), `export` and `cursor`,
//! `rollups` and `groups` (what is counted), `keeper` (the index kept up in the background). What is told of records: `member`
//! (how one is read), `wording` and `event` (how it is said), `story` (one record), `report` (many).

mod beginning;
mod condition;
mod cursor;
mod event;
mod export;
mod groups;
mod index;
mod keeper;
pub mod limits;
mod member;
mod order;
mod query;
mod reasons;
mod recent;
mod report;
mod rollups;
mod row;
mod selection;
mod story;
mod walk;
mod wording;

pub use audit::{LinePlace, RawLine, ReadError, has_records};
pub use condition::{Condition, Matches, Undecided};
pub use cursor::{Cursor, CursorError};
pub use event::event;
pub use export::{CSV_HEAD, ExportError, Exported, Taken, Taker, csv_line, export};
pub use groups::{Group, GroupBy, Groups};
pub use index::{Column, Index, IndexError, Indexed, Progress, Stage, reindex};
pub use keeper::Keeper;
pub use order::{Order, Step};
pub use query::{Answer, Ends, Found, Question, Scanned, query};
pub use reasons::{count_reason, none_decided};
pub use recent::{Follower, Recent, recent};
pub use report::{Fits, Gathering, Period, Report};
pub use rollups::MayFit;
pub use row::Row;
pub use selection::Selection;
pub use story::{Answered, Quotation, Story, Told};
pub use walk::{Walk, walk};
pub use wording::{
    A_POLICY_FAILED, BEST_EFFORT, NO_POLICY_PERMITS, moment, only_counted_may_fit, redacted_short, why,
};
