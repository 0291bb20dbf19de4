//! A report over many records: what was denied to whom, since when and by which policy, what changed, and how the log fared.
//!
//! One pass over the log in its order, with a bounded memory: [`Gathering::add`] is given every record, also those before the
//! period, so that what is new in it is known. [`Report`] is plain data, which `text`, `markdown` and `page` show.

mod chart;
mod health;
mod loads;
mod markdown;
mod new;
mod page;
mod rollups;
mod shadow;
mod tables;
mod text;
mod trend;

use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value as Json;

use crate::limits::{REPORT_NOTES_MAX, REPORT_ROWS_MAX};
use crate::member::{add, as_text, denied, number, seconds, text, time, unknown_form};
use crate::order::{Order, Step};
use crate::row::says_best_effort;
use crate::wording::by_nothing;
use health::Health;
use loads::Loads;
use new::New;
use rollups::Rollups;
use shadow::Disagreements;
use tables::Tables;
use trend::Trend;

/// Name and version of the form.
const SCHEMA: &str = "moonward.audit-report/1";

/// What a report is about. Texts are as the log has them, and hostile wherever they are shown.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: &'static str,
    /// The log, as it was named.
    log: String,
    /// What was left out on request, in words; empty when nothing was.
    filter: String,
    /// Whether everything in the period could be read, and is there.
    complete: bool,
    /// What could not be read, is gone, or was too much to be counted by name.
    missing: Vec<String>,
    /// Whether the log lets things happen that it cannot record, as the app or a record of the period says.
    best_effort: bool,
    period: Scanned,
    decisions: Decisions,
    denied: Tables,
    new: New,
    trend: Trend,
    shadow: Disagreements,
    loads: Loads,
    health: Health,
}

/// The period that a report is about; without an end, all that there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Period {
    /// From when on.
    pub since: Option<SystemTime>,
    /// Until when; what is of that moment is after it.
    pub until: Option<SystemTime>,
}

impl Period {
    /// Where a time is.
    fn place(&self, time: SystemTime) -> Place {
        if self.since.is_some_and(|since| time < since) {
            Place::Before
        } else if self.until.is_some_and(|until| time >= until) {
            Place::After
        } else {
            Place::Within
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    Within,
    After,
}

/// What was asked for, and what was found of it.
#[derive(Debug, Default, Serialize)]
struct Scanned {
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// The first record in the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<At>,
    /// The last record in the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<At>,
    /// Records in the period, of all kinds.
    records: u64,
}

/// A record's place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct At {
    #[serde(serialize_with = "as_text")]
    seq: u64,
    ts: String,
    id: String,
}

impl At {
    fn of(record: &Json) -> Self {
        let seq = number(record, "/seq").unwrap_or_default();
        Self { seq, ts: text(record, "/ts").to_owned(), id: text(record, "/id").to_owned() }
    }
}

/// How many decisions there were.
#[derive(Debug, Default, Serialize)]
struct Decisions {
    /// Denials with a record of their own.
    denied: u64,
    /// Allowed with a record of their own. Most that is allowed is not recorded.
    allowed: u64,
    /// Denials that were only counted, in roll-ups.
    denied_counted: u64,
    /// Allowed and only counted, in roll-ups.
    allowed_counted: u64,
    /// Only counted, and of the sort that is asked for: a filter cannot tell whether they fit. In none of the other numbers.
    counted_may_fit: u64,
}

/// Whether what a record says is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fits {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// That cannot be said of decisions that were only counted.
    Maybe,
}

/// A report in the making.
#[derive(Debug)]
pub struct Gathering {
    period: Period,
    rows: usize,
    report: Report,
    rollups: Rollups,
    order: Order,
    /// Whether a record was read from before the period.
    reaches_back: bool,
}

impl Gathering {
    /// A report on a log, with at most `rows` rows in each table (1 to [`REPORT_ROWS_MAX`]).
    pub fn new(log: impl Into<String>, period: Period, rows: usize) -> Self {
        let said = |time: Option<SystemTime>| time.map(|time| value::rfc3339_seconds(time).to_string());
        let period_said =
            Scanned { since: said(period.since), until: said(period.until), ..Scanned::default() };
        Self {
            period,
            rows: rows.clamp(1, REPORT_ROWS_MAX),
            report: Report {
                schema: SCHEMA,
                log: log.into(),
                filter: String::new(),
                complete: true,
                missing: Vec::new(),
                best_effort: false,
                period: period_said,
                decisions: Decisions::default(),
                denied: Tables::default(),
                new: New::default(),
                trend: Trend::default(),
                shadow: Disagreements::default(),
                loads: Loads::default(),
                health: Health::default(),
            },
            rollups: Rollups::default(),
            order: Order::default(),
            reaches_back: false,
        }
    }

    /// Says what is left out on request, in words.
    pub fn filtered(&mut self, by: impl Into<String>) {
        self.report.filter = by.into();
    }

    /// Says that the app goes on when it cannot record.
    pub fn best_effort(&mut self) {
        self.report.best_effort = true;
    }

    /// Takes a record. `fits` is asked of decisions, and of roll-ups with the policies of the first decision where those are known:
    /// it leaves out what a filter leaves out. Everything else is always told.
    pub fn add(&mut self, record: &Json, fits: impl Fn(&Json, Option<&[String]>) -> Fits) {
        if let Some(form) = unknown_form(record) {
            self.is_missing(format!("a record is of the form `{form}`, which this version does not know"));
            return;
        }
        self.follow(record);
        let Some(time) = time(record) else {
            self.is_missing(format!("record {} has no time", number(record, "/seq").unwrap_or_default()));
            return;
        };
        let (second, place) = (seconds(time), self.period.place(time));
        if place == Place::Within {
            self.report.period.records += 1;
            self.report.period.first.get_or_insert_with(|| At::of(record));
            self.report.period.last = Some(At::of(record));
            let detail = record.get("detail");
            self.report.best_effort |=
                detail.is_some_and(|detail| says_best_effort(text(record, "/kind"), detail));
        } else if place == Place::Before {
            self.reaches_back = true;
        }
        match text(record, "/kind") {
            "decision" => {
                self.rollups.decision(record);
                if fits(record, None) == Fits::Yes {
                    self.decision(record, second, place);
                }
            }
            // Its count goes on from one before the period, and its policies are those of a record before it.
            "rollup" => {
                let (more, policies) = self.rollups.more(record);
                if place == Place::Within {
                    match fits(record, policies.as_deref()) {
                        Fits::Yes => self.rollup(record, second, more, policies),
                        Fits::Maybe => add(&mut self.report.decisions.counted_may_fit, more),
                        Fits::No => {}
                    }
                }
            }
            "policy_load" => self.report.loads.load(record, second, place == Place::Within),
            _ if place == Place::Within => self.report.health.event(record),
            _ => {}
        }
    }

    /// Something could not be read, in words.
    pub fn is_missing(&mut self, what: impl Into<String>) {
        self.report.complete = false;
        self.note(what.into());
    }

    /// The report.
    pub fn finish(mut self) -> Report {
        let forgotten = self.rollups.forgotten();
        let report = &mut self.report;
        report.denied.finish(self.rows);
        report.new.finish(self.rows);
        report.shadow.finish(self.rows);
        report.loads.finish();
        report.trend.finish();
        if report.denied.is_short() {
            self.note(
                "there are more different names than are counted by name; the rest is in the rows `others`"
                    .to_owned(),
            );
        }
        if forgotten > 0 {
            self.is_missing(format!(
                "{forgotten} roll-ups were too many to be followed: what they count may be counted twice"
            ));
        }
        if self.report.new.forgot {
            self.note("there are more sorts of denials than are remembered: what is called new may have been there before".to_owned());
        }
        // Where nothing is left of the period, what was removed may have been of it.
        let since_asked = self.period.since.is_some() || self.report.period.first.is_none();
        if let Some(first) = self.order.first().filter(|first| !self.reaches_back && *first > 1) {
            match self.order.beginning(since_asked) {
                Some(trouble) => self.is_missing(trouble),
                None => self.note(format!("records up to {} are not in the log any more", first - 1)),
            }
        }
        self.report
    }

    /// Numbers have no gaps.
    fn follow(&mut self, record: &Json) {
        if let Some(missing) = self.order.pass(Step::of(record)) {
            self.is_missing(missing);
        }
    }

    fn decision(&mut self, record: &Json, second: u64, place: Place) {
        let Some(is_denied) = denied(record) else { return };
        let sort = is_denied.then(|| Sort::of(record));
        if let Some(sort) = &sort {
            self.report.loads.denials(second, sort, 1);
            self.report.new.denial(sort, record, place == Place::Within, 1);
        }
        if place != Place::Within {
            return;
        }
        self.report.trend.add(second, if is_denied { trend::What::Denied } else { trend::What::Allowed }, 1);
        self.report.shadow.decision(record);
        match sort {
            Some(sort) => {
                self.report.decisions.denied += 1;
                self.report.denied.add(&sort, record, 1, 0);
            }
            None => self.report.decisions.allowed += 1,
        }
    }

    fn rollup(&mut self, record: &Json, second: u64, more: u64, policies: Option<Vec<String>>) {
        if more == 0 {
            return;
        }
        if text(record, "/detail/decision_kind") == "allow" {
            add(&mut self.report.decisions.allowed_counted, more);
            self.report.trend.add(second, trend::What::Allowed, more);
            return;
        }
        let sort = Sort::of_rollup(record, policies.unwrap_or_else(|| vec![by_nothing("")]));
        add(&mut self.report.decisions.denied_counted, more);
        self.report.trend.add(second, trend::What::Counted, more);
        self.report.denied.add(&sort, record, 0, more);
        self.report.new.denial(&sort, record, true, more);
        self.report.loads.denials(second, &sort, more);
    }

    fn note(&mut self, what: String) {
        match self.report.missing.len() {
            count if count < REPORT_NOTES_MAX => self.report.missing.push(what),
            REPORT_NOTES_MAX => self.report.missing.push("and more of that sort".to_owned()),
            _ => {}
        }
    }
}

impl Report {
    /// Whether no decision was counted.
    pub fn is_empty(&self) -> bool {
        let Decisions { denied, allowed, denied_counted, allowed_counted, counted_may_fit } = self.decisions;
        [denied, allowed, denied_counted, allowed_counted, counted_may_fit].iter().all(|count| *count == 0)
    }

    /// Whether everything in the period could be read, and is there.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

/// What denials have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sort {
    tenant: String,
    actor: String,
    action: String,
    resource_type: String,
    /// Ids of the policies that determined it, or why there are none.
    policies: Vec<String>,
}

impl Sort {
    fn of(record: &Json) -> Self {
        let of = |path: &str| text(record, path).to_owned();
        Self {
            tenant: of("/tenant"),
            actor: of("/actor"),
            action: of("/action"),
            resource_type: of("/resource/type"),
            policies: rollups::policies(record, of("/decision_kind").as_str()),
        }
    }

    fn of_rollup(record: &Json, policies: Vec<String>) -> Self {
        let of = |path: &str| text(record, path).to_owned();
        Self {
            tenant: of("/tenant"),
            actor: of("/actor"),
            action: of("/detail/action"),
            resource_type: of("/detail/resource_type"),
            policies,
        }
    }
}

#[cfg(test)]
mod tests;
