//! What came of a replay, shown: for people, for a pull request, beside its lines, and for programs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use app::limits::REPLAY_GROUPS_SHOWN;
use app::study::AnswerChange;
use diagnostic::{code_span, counted, grouped, visible};
use policy::study::Study;
use review::moment;
use serde_json::{Value as Json, json};

use super::asked::not_replayable;
use super::changes::{Gathered, Group, Said};
use super::check::{github, path_from_here};

/// Reasons that are told in words; the others are counted.
const REASONS_TOLD: usize = 5;

/// Policies of one answer that are named; the others are counted.
const POLICIES_TOLD: usize = 5;

/// Each change, with its words, the most important first.
const CHANGES: [(AnswerChange, &str, &str); 4] = [
    (AnswerChange::NewlyAllowed, "newly_allowed", "newly allowed"),
    (AnswerChange::NewlyDenied, "newly_denied", "newly denied"),
    (AnswerChange::NewError, "new_errors", "new errors"),
    (AnswerChange::OtherReason, "other_reason", "for another reason"),
];

/// A replay, to be shown.
pub(super) struct Report<'a> {
    pub(super) gathered: &'a Gathered,
    /// The log, as it was named.
    pub(super) log: &'a Path,
    /// What was asked for of it, in words; empty when it was all.
    pub(super) filters: String,
    /// What the answers were compared with, in words whose names are code spans.
    pub(super) before: String,
    /// What they were decided by, in such words.
    pub(super) after: String,
    /// The policies that they were decided by.
    pub(super) study: &'a Study,
    /// Folders that the files of the policies before and after are named from.
    pub(super) folders: [&'a Path; 2],
    /// Files and folders of policies that were added to those after, named from here.
    pub(super) added: &'a [PathBuf],
    /// The arguments that name the log, as a shell takes them.
    pub(super) place: String,
}

impl Report<'_> {
    /// For people.
    pub(super) fn to_text(&self) -> String {
        let gathered = self.gathered;
        let mut text = format!("{}\n{}\n", self.opening(visible), self.counts());
        for (change, _, words) in CHANGES {
            let groups = gathered.groups(change);
            if groups.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{words}:");
            for group in groups.iter().take(REPLAY_GROUPS_SHOWN) {
                let counted = only_counted(group);
                let _ = writeln!(text, "  {:>5} x {}{counted}", grouped(group.count), what(group));
                let _ = writeln!(text, "          {}", self.why(group));
            }
            if let Some(more) = self.more(change, groups.len()) {
                let _ = writeln!(text, "  {more}");
            }
        }
        for line in self.notes(visible) {
            let _ = writeln!(text, "{line}");
        }
        if let Some(group) = self.first() {
            let record = visible(&group.record);
            let _ = writeln!(
                text,
                "next: `moonward audit show {record} {place}` tells what happened, `moonward policy explain {record} {place}` why",
                place = self.place
            );
        }
        text
    }

    /// For a comment on a change. What records, files and arguments say is in code spans.
    pub(super) fn to_markdown(&self) -> String {
        let gathered = self.gathered;
        let mut text = format!("{}\n\n**{}**\n", self.opening(code_span), self.counts());
        let any = CHANGES.iter().any(|(change, ..)| gathered.count(*change) > 0);
        if any {
            text.push_str("\n| change | decisions | who and what | before | after | record |\n|---|---|---|---|---|---|\n");
        }
        for (change, _, words) in CHANGES {
            let groups = gathered.groups(change);
            for group in groups.iter().take(REPLAY_GROUPS_SHOWN) {
                let (before, after) = (answer(&group.alike.before), answer(&group.alike.after));
                let cells = [
                    words.to_owned(),
                    format!("{}{}", grouped(group.count), only_counted(group)),
                    what(group),
                    before,
                    after,
                    code_span(&group.record),
                ];
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            }
            if let Some(more) = self.more(change, groups.len()) {
                let _ = writeln!(text, "| {words} | | {more} | | | |");
            }
        }
        for line in self.notes(code_span) {
            let _ = write!(text, "\n- {line}");
        }
        text.push('\n');
        text
    }

    /// As workflow commands of GitHub Actions: a notice at each policy that makes a difference, and a summary.
    pub(super) fn to_github(&self) -> String {
        let mut text = String::new();
        for (change, _, words) in CHANGES {
            for group in self.gathered.groups(change).iter().take(REPLAY_GROUPS_SHOWN) {
                let place = self.place_of(group).map_or(String::new(), |(file, line)| {
                    format!("file={},line={line},", github::property(&file))
                });
                let message = format!("{} x {}\n{}", grouped(group.count), what(group), self.why(group));
                let message = github::data(&message);
                let _ = writeln!(text, "::notice {place}title={}::{message}", github::property(words));
            }
        }
        let _ = writeln!(
            text,
            "::notice title=replay::{}",
            github::data(&format!("{}\n{}", self.opening(visible), self.counts()))
        );
        for line in self.notes(visible) {
            let _ = writeln!(text, "::warning title=replay::{}", github::data(&line));
        }
        text
    }

    /// For programs.
    pub(super) fn to_json(&self, schema: &str) -> Json {
        let gathered = self.gathered;
        let said = |said: &Said| json!({"decision_kind": said.kind, "policies": said.policies});
        let groups: Vec<Json> = CHANGES
            .iter()
            .flat_map(|(change, name, _)| {
                gathered.groups(*change).into_iter().map(move |group| (name, group))
            })
            .map(|(name, group)| {
                let alike = &group.alike;
                json!({
                    "change": name,
                    "count": group.count,
                    "only_counted": group.only_counted,
                    "tenant": alike.tenant,
                    "actor": alike.actor,
                    "action": alike.action,
                    "resource": alike.resource,
                    "before": said(&alike.before),
                    "after": said(&alike.after),
                    "record": group.record,
                    "place": self.place_of(group).map(|(file, line)| json!({"file": file, "line": line})),
                })
            })
            .collect();
        let mut decisions = json!({"replayed": gathered.decided, "unchanged": gathered.unchanged()});
        for (change, name, _) in CHANGES {
            if let Some(decisions) = decisions.as_object_mut() {
                decisions.insert(name.to_owned(), gathered.count(change).into());
            }
        }
        json!({
            "schema": schema,
            "log": self.log.display().to_string(),
            "filters": self.filters,
            "before": self.before,
            "after": self.after,
            "decisions": decisions,
            "first_of_their_sort": gathered.first,
            "only_counted": gathered.only_counted(),
            "period": gathered.period.as_ref().map(|(first, last)| json!({"first": first, "last": last})),
            "complete": gathered.is_complete(),
            "missing": gathered.missing,
            "not_replayable": not_replayable(&gathered.not_replayable),
            "groups": groups,
            "in_other_groups": gathered.in_other_groups,
        })
    }

    /// What was replayed. `show` is how a text of somebody else is shown.
    fn opening(&self, show: fn(&str) -> String) -> String {
        let gathered = self.gathered;
        let of = match self.filters.as_str() {
            "" => String::new(),
            filters => format!(" with {}", show(filters)),
        };
        let period = match &gathered.period {
            Some((first, last)) if first != last => {
                format!(", {} to {}", show(&moment(first)), show(&moment(last)))
            }
            Some((at, _)) => format!(", of {}", show(&moment(at))),
            None => String::new(),
        };
        let stand_for = match (gathered.first, gathered.only_counted()) {
            (_, 0) => String::new(),
            (first, counted) => format!(
                "; {} of them are the first of their sort, and {} more were only counted, which cannot be decided one by one",
                grouped(first),
                grouped(counted)
            ),
        };
        format!(
            "replayed {} of {}{of}{period}: {}, held against {}{stand_for}",
            counted(gathered.decided, "decision", "decisions"),
            code_span(&self.log.display().to_string()),
            self.after,
            self.before
        )
    }

    fn counts(&self) -> String {
        let counted = |(change, _, words): (AnswerChange, &str, &str)| {
            format!("{} {words}", grouped(self.gathered.count(change)))
        };
        let changes = CHANGES.map(counted).join(", ");
        format!("{changes}, {} unchanged", grouped(self.gathered.unchanged()))
    }

    /// What makes a group come out as it would.
    fn why(&self, group: &Group) -> String {
        let place =
            self.place_of(group).map_or(String::new(), |(file, line)| format!("{}:{line}, ", visible(&file)));
        let (before, after) = (answer(&group.alike.before), answer(&group.alike.after));
        format!("{before}, would be {after}: {place}record {}", visible(&group.record))
    }

    /// Where the policy is written that makes the difference: one that decides now, or else the one that does not any more,
    /// as it is now if it is still there.
    fn place_of(&self, group: &Group) -> Option<(String, usize)> {
        let place = group.place.as_ref()?;
        let [before, after] = self.folders;
        if place.is_after {
            return Some((self.path_here(after, &place.file), place.line));
        }
        let was = &group.alike.before.policies;
        match self.study.policies().find(|policy| was.contains(&policy.id)) {
            // The shipped guard is in no file of the app.
            Some(is) if is.shipped => None,
            Some(is) => Some((self.path_here(after, &is.span.source.path), is.span.position().0)),
            None => Some((path_from_here(before, &place.file), place.line)),
        }
    }

    /// Where a file of the policies after is, from here.
    fn path_here(&self, folder: &Path, file: &str) -> String {
        let is_added = self.added.iter().any(|added| Path::new(file).starts_with(added));
        path_from_here(if is_added { Path::new("") } else { folder }, file)
    }

    fn more(&self, change: AnswerChange, groups: usize) -> Option<String> {
        let shown: u64 =
            self.gathered.groups(change).iter().take(REPLAY_GROUPS_SHOWN).map(|group| group.count).sum();
        let left = self.gathered.count(change).saturating_sub(shown);
        (left > 0).then(|| {
            format!(
                "and {} more in {} other groups, which `-o json` has",
                grouped(left),
                grouped((groups.saturating_sub(REPLAY_GROUPS_SHOWN)) as u64)
            )
        })
    }

    /// What was not decided, and why. `show` is how a text of somebody else is shown.
    fn notes(&self, show: fn(&str) -> String) -> Vec<String> {
        let gathered = self.gathered;
        let mut notes = Vec::new();
        let mut reasons: Vec<(&String, &u64)> = gathered.not_replayable.iter().collect();
        reasons.sort_by(|one, other| other.1.cmp(one.1).then_with(|| one.0.cmp(other.0)));
        for (why, count) in reasons.iter().take(REASONS_TOLD) {
            notes.push(format!("not_replayable: {} x {}", grouped(**count), show(why)));
        }
        let left: u64 = reasons.iter().skip(REASONS_TOLD).map(|(_, count)| **count).sum();
        if left > 0 {
            notes.push(format!("not_replayable: {} x for other reasons, which `-o json` has", grouped(left)));
        }
        notes
            .extend(gathered.missing.iter().take(REASONS_TOLD).map(|why| format!("not read: {}", show(why))));
        let left = gathered.missing.len().saturating_sub(REASONS_TOLD);
        if left > 0 {
            notes.push(format!("not read: {} more, which `-o json` has", grouped(left as u64)));
        }
        notes
    }

    fn first(&self) -> Option<&Group> {
        CHANGES.iter().find_map(|(change, ..)| self.gathered.groups(*change).into_iter().next())
    }
}

/// Who asked for what, and on what.
fn what(group: &Group) -> String {
    let alike = &group.alike;
    format!("{}: {} `{}` on {}", alike.tenant, alike.actor, alike.action, alike.resource)
}

fn answer(said: &Said) -> String {
    // What a record calls a policy may be anything.
    let mut names: Vec<String> = said.policies.iter().take(POLICIES_TOLD).map(|id| code_span(id)).collect();
    if let Some(more) = said.policies.len().checked_sub(POLICIES_TOLD).filter(|more| *more > 0) {
        names.push(format!("{} more", grouped(more as u64)));
    }
    if names.is_empty() { said.kind.to_owned() } else { format!("{} by {}", said.kind, names.join(", ")) }
}

fn only_counted(group: &Group) -> String {
    match group.only_counted {
        0 => String::new(),
        count => format!(" (and {} more of their sorts, only counted)", grouped(count)),
    }
}
