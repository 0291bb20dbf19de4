//! `moonward audit tail`: the newest records, and those that come.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use diagnostic::visible;
use review::limits::{FOLLOW_INTERVAL, TROUBLES_MAX};
use review::{
    Condition, Follower, Group, GroupBy, Groups, MayFit, RawLine, ReadError, Row, Selection, Undecided,
    recent,
};
use serde_json::{Value as Json, json};

use super::filters::{Filters, condition};
use super::{Place, line, say_no_log};
use crate::command::OutputForm;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer, Terminal};

/// Records that are shown without a number of theirs.
const SHOWN: usize = 20;

/// Records that are counted without one.
const COUNTED: usize = 1000;

/// Groups of a table: more than a screen has no reader.
const GROUPS_SHOWN: usize = 20;

/// Time between two tables.
const TABLE_INTERVAL: Duration = Duration::from_secs(1);

/// Lines that are taken at once while following.
const LINES_AT_ONCE: usize = 10_000;

/// Show the newest records, and follow those that come
///
/// One line a record: when, what was decided, who asked for what on what, which policy decided, where in which script, and the
/// record's id. Roll-ups are shown too where the decisions that they count fit: a flood is not silent. Where `--where` or `--policy` cannot
/// tell, how many were only counted and may fit is said. With `-o json` each line is the record as it is in the log: one JSON
/// value a line.
///
/// Exits with 4 when a part of the log cannot be read, or `--where` can be decided of no record that was looked at.
///
/// With `--group-by` records are counted instead: the newest 1000, and with `--follow` all that come.
///
/// What was looked at and cannot be read is said, and without `--follow` is 4.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward audit tail my-app
  moonward audit tail -f --decision deny my-app
  moonward audit tail -f --group-by actor --tenant acme my-app
  moonward audit tail -f -o json my-app | jq -c '{actor, action}'")]
pub(super) struct Tail {
    #[command(flatten)]
    place: Place,
    /// Go on with what comes, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// At most so many records, the newest [default: 20, with `--group-by` 1000]
    #[arg(short = 'n', long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Count records instead of showing them
    #[arg(long, value_enum, value_name = "WHAT")]
    group_by: Option<By>,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Actor,
    Action,
    Policy,
    Tenant,
}

impl From<By> for GroupBy {
    fn from(by: By) -> Self {
        match by {
            By::Actor => Self::Actor,
            By::Action => Self::Action,
            By::Policy => Self::Policy,
            By::Tenant => Self::Tenant,
        }
    }
}

impl Tail {
    /// Shows what there is, then what comes.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let filter = self.filters.filter(printer)?;
        // What is not there yet can be followed.
        let folder = if self.follow { self.place.folder_to_come()? } else { self.place.folder()? };
        let condition = filter.as_ref().map(condition);
        let for_people = printer.output() == Output::Text;
        let selection =
            if for_people { self.filters.selection_for_people()? } else { self.filters.selection()? };
        let mut screen = Screen::new(printer, self.group_by.map(Into::into), self.follow);
        if self.place.is_best_effort() {
            screen.best_effort();
        }
        let mut wanted = Wanted {
            log: &folder,
            selection: &selection,
            condition: condition.as_ref(),
            may_fit: MayFit::default(),
            undecided: RefCell::default(),
            asked: Cell::default(),
        };
        if !review::has_records(&folder) {
            say_no_log(&folder, printer);
            if !self.follow {
                return Ok(Exit::Done);
            }
        }
        let limit = self.limit.unwrap_or(if self.group_by.is_some() { COUNTED } else { SHOWN });
        let (end, complete) = self.newest(&folder, limit, &mut wanted, &mut screen)?;
        if self.follow {
            follow(&folder, end, &mut wanted, &mut screen)?;
            return Ok(Exit::Done);
        }
        if screen.shown == 0 && for_people {
            self.filters.say_nearest(&folder, printer);
        }
        screen.table_if_due(&wanted.may_fit, true)?;
        Ok(if complete { Exit::Done } else { Exit::Undetermined })
    }

    fn newest(
        &self,
        folder: &Path,
        limit: usize,
        wanted: &mut Wanted<'_>,
        screen: &mut Screen<'_>,
    ) -> Result<(review::LinePlace, bool), Fault> {
        if !folder.exists() {
            return Ok((review::LinePlace::default(), true));
        }
        let (mut unread, mut best_effort) = (Vec::new(), false);
        let found = recent(folder, limit, &mut |line| match wanted.read(line) {
            Ok((row, record)) => {
                best_effort |= row.best_effort;
                record.is_some()
            }
            Err(why) => {
                if unread.len() < TROUBLES_MAX {
                    unread.push(why);
                }
                false
            }
        });
        let reasons = wanted.undecided.take();
        unread.extend(review::none_decided(&reasons, wanted.asked.take()));
        super::undecided(&reasons).iter().for_each(|why| screen.printer.say(&format!("warning: {why}")));
        if best_effort {
            screen.best_effort();
        }
        let unread: Vec<String> = found.troubles.iter().map(ToString::to_string).chain(unread).collect();
        super::warnings(&unread).iter().for_each(|warning| screen.printer.say(warning));
        if found.cut {
            screen.printer.say(
                "only the last 64 MiB of the log were looked at; `moonward audit query` looks at all of it",
            );
        }
        for line in &found.lines {
            if let Ok((row, Some(record))) = wanted.read(line)
                && !screen.show(line, &row, &record)?
            {
                break;
            }
        }
        screen.last_seq = None;
        Ok((found.end, unread.is_empty()))
    }
}

/// Shows what comes until nobody reads it.
fn follow(
    folder: &Path,
    from: review::LinePlace,
    wanted: &mut Wanted<'_>,
    screen: &mut Screen<'_>,
) -> Result<(), Fault> {
    let mut follower = Follower::new(folder, from);
    loop {
        let come = follower.poll(LINES_AT_ONCE);
        let nothing = come.is_empty();
        for line in come {
            match line {
                Ok(line) => {
                    screen.in_order(&line);
                    match wanted.read(&line) {
                        Ok((row, record)) => {
                            if row.best_effort {
                                screen.best_effort();
                            }
                            if let Some(record) = record
                                && !screen.show(&line, &row, &record)?
                            {
                                return Ok(());
                            }
                        }
                        Err(why) => screen.warn(&why),
                    }
                }
                Err(trouble) => screen.warn(&trouble.to_string()),
            }
        }
        if !screen.table_if_due(&wanted.may_fit, false)? {
            return Ok(());
        }
        if nothing {
            std::thread::sleep(FOLLOW_INTERVAL);
        }
    }
}

/// Which records are shown.
struct Wanted<'a> {
    log: &'a Path,
    selection: &'a Selection,
    condition: Option<&'a Condition<'a>>,
    /// Records of which the expression does not tell, by the reason.
    undecided: RefCell<BTreeMap<String, u64>>,
    /// Records of which it was to tell.
    asked: Cell<u64>,
    /// What was only counted, and is not shown.
    may_fit: MayFit,
}

impl Wanted<'_> {
    /// The row of a line, and the record if it is one of them; or why that cannot be said. A record that does not say so itself
    /// is none.
    fn read(&mut self, line: &RawLine) -> Result<(Row, Option<Json>), String> {
        let no_record = |why: String| {
            ReadError::NotARecord { file: line.file.to_path_buf(), place: line.place, why }.to_string()
        };
        let row = Row::of_line(&line.bytes).map_err(no_record)?;
        let counts = self.selection.may_count(&row);
        let is_decided = self.condition.is_none() && self.selection.policy.is_none();
        let mut found = None;
        if self.selection.holds(&row) || (counts && is_decided) {
            let record = serde_json::from_slice(&line.bytes).map_err(|error| no_record(error.to_string()))?;
            let holds = |condition: &Condition<'_>| {
                self.asked.set(self.asked.get() + 1);
                condition.holds(self.log, line.place.segment, &record)
            };
            match self.condition.map_or(Ok(true), holds) {
                Ok(true) => found = Some(record),
                Ok(false) => {}
                Err(Undecided::Record(why)) => review::count_reason(&mut self.undecided.borrow_mut(), why),
                Err(Undecided::Part(why)) => return Err(why),
            }
        }
        if found.is_none() && counts {
            self.may_fit.add(&row);
        }
        Ok((row, found))
    }
}

/// What is shown: records one by one, or their counts.
struct Screen<'a> {
    printer: &'a Printer,
    terminal: Option<Terminal>,
    groups: Option<Groups>,
    /// Whether a table takes the place of the one before it.
    redraws: bool,
    /// Lines of the table that is on the screen.
    drawn: usize,
    next_table: Instant,
    changed: bool,
    /// Records that were shown or counted.
    shown: u64,
    /// How many were said to be only counted, and may fit.
    said_may_fit: u64,
    said_best_effort: bool,
    last_seq: Option<u64>,
}

impl<'a> Screen<'a> {
    fn new(printer: &'a Printer, by: Option<GroupBy>, follow: bool) -> Self {
        let terminal = Terminal::of_stdout();
        Self {
            printer,
            terminal,
            groups: by.map(Groups::new),
            redraws: follow && terminal.is_some() && std::io::stdout().is_terminal(),
            drawn: 0,
            next_table: Instant::now(),
            changed: true,
            shown: 0,
            said_may_fit: 0,
            said_best_effort: false,
            last_seq: None,
        }
    }

    /// Shows or counts a record. False when nobody reads any more.
    fn show(&mut self, raw: &RawLine, row: &Row, record: &Json) -> Result<bool, Fault> {
        self.shown += 1;
        if let Some(groups) = &mut self.groups {
            groups.add(row);
            self.changed = true;
            return Ok(true);
        }
        match self.printer.output() {
            Output::Text => self.printer.part(&line::line(record, self.terminal)),
            Output::Json => self.printer.part(&format!("{}\n", super::raw(&raw.bytes, || record.clone()))),
        }
    }

    /// Says once that the log lets happen what it cannot record.
    fn best_effort(&mut self) {
        if !std::mem::replace(&mut self.said_best_effort, true) {
            self.printer.say(&format!("note: {}", review::BEST_EFFORT));
        }
    }

    /// Says where numbers are missing between two lines that came.
    fn in_order(&mut self, line: &RawLine) {
        let Ok(row) = Row::of_line(&line.bytes) else { return };
        if let Some(before) = self.last_seq
            && row.seq != before + 1
        {
            self.warn(&format!("record {} comes after record {before}", row.seq));
        }
        self.last_seq = Some(row.seq);
    }

    fn warn(&self, why: &str) {
        self.printer.say(&format!("warning: {}", visible(why)));
    }

    /// The counts, when there are new ones and the last ones are old enough. False when nobody reads any more.
    fn table_if_due(&mut self, may_fit: &MayFit, last: bool) -> Result<bool, Fault> {
        let more_may_fit = may_fit.count() > self.said_may_fit;
        let changed = self.changed && self.groups.is_some();
        if !last && (!(changed || more_may_fit) || Instant::now() < self.next_table) {
            return Ok(true);
        }
        self.changed = false;
        self.said_may_fit = may_fit.count();
        self.next_table = Instant::now() + TABLE_INTERVAL;
        let Some(groups) = &self.groups else {
            if more_may_fit {
                self.printer.say(&format!("note: {}", review::only_counted_may_fit(may_fit.count())));
            }
            return Ok(true);
        };
        if self.printer.output() == Output::Json {
            return self.printer.json_part(&counts(groups, may_fit));
        }
        let table = table(groups, may_fit);
        let lines = table.lines().count();
        let again = match (self.redraws, self.drawn) {
            (true, 1..) => format!("\x1b[{}A\x1b[J", self.drawn),
            (false, 1..) => "\n".to_owned(),
            (_, 0) => String::new(),
        };
        self.drawn = lines;
        self.printer.part(&format!("{again}{table}"))
    }
}

fn counts(groups: &Groups, may_fit: &MayFit) -> Json {
    let largest = groups.largest();
    let listed = largest.iter().map(|(name, group)| {
        json!({"name": name, "denied": group.denied, "allowed": group.allowed, "counted": group.counted,
            "other": group.other})
    });
    json!({"schema": "moonward.audit-groups/1", "groups": listed.collect::<Vec<_>>(),
        "counted_may_fit": may_fit.count(), "rollups_forgotten": groups.forgotten()})
}

/// The largest groups, and what is to be known of the counts.
fn table(groups: &Groups, may_fit: &MayFit) -> String {
    let mut text = rows(groups.by(), &groups.largest());
    if may_fit.count() > 0 {
        text.push_str(&format!("{}\n", review::only_counted_may_fit(may_fit.count())));
    }
    if groups.forgotten() > 0 {
        text.push_str(&format!(
            "{} roll-ups were too many to be followed: what they count may be counted twice\n",
            groups.forgotten()
        ));
    }
    text
}

fn rows(by: GroupBy, largest: &[(&str, Group)]) -> String {
    let by = match by {
        GroupBy::Actor => "actor",
        GroupBy::Action => "action",
        GroupBy::Policy => "policy",
        GroupBy::Tenant => "tenant",
    };
    let mut text = format!("{:>9} {:>9} {:>9} {:>9}  {by}\n", "denied", "allowed", "counted", "other");
    for (name, group) in largest.iter().take(GROUPS_SHOWN) {
        text.push_str(&format!(
            "{:>9} {:>9} {:>9} {:>9}  {}\n",
            group.denied,
            group.allowed,
            group.counted,
            group.other,
            visible(name)
        ));
    }
    if let Some(more) = largest.len().checked_sub(GROUPS_SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("and {more} more\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_largest_groups_and_says_how_many_more_there_are() {
        let group = |denied| Group { denied, allowed: 2, counted: 3, other: 0 };
        assert_eq!(
            rows(GroupBy::Actor, &[("a\u{1b}", group(10))]),
            "   denied   allowed   counted     other  actor\n       10         2         3         0  a\\u{1b}\n"
        );
        let many: Vec<(&str, Group)> = (0..23).map(|_| ("x", group(1))).collect();
        assert!(rows(GroupBy::Actor, &many).ends_with("x\nand 3 more\n"));
        assert!(!rows(GroupBy::Actor, &many[..20]).contains("more"));
    }
}
