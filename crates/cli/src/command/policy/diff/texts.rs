//! What two policy sets say differently: policies, scopes and tenants, found by their names.
//!
//! A policy is the same if it has the same id in the same place, whatever file it is in; one that says the same in another place
//! was moved. What a difference does is not known here: the replay tells.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use app::limits::DIFF_LINES_SHOWN;
use diagnostic::visible;
use policy::study::{Place, PolicyView, Study};
use serde_json::{Value as Json, json};

use crate::command::policy::check::path_from_here;

/// One difference between two policy sets.
pub(super) enum Difference {
    /// A policy that only the second has.
    Added(PolicyView),
    /// A policy that only the first has.
    Removed(PolicyView),
    /// A policy that says something else.
    Changed([PolicyView; 2]),
    /// A policy that says the same in another place.
    Moved([PolicyView; 2]),
    /// A scope or tenant, with what it was and what it is; nothing where there is none.
    Declared(&'static str, Arc<str>, [Option<String>; 2]),
}

/// What a policy is found by.
type Key = (Place, Arc<str>);

/// Every difference, in the order of places and ids: policies first.
pub(super) fn differences(base: &Study, head: &Study) -> Vec<Difference> {
    let by_key = |study: &Study| -> BTreeMap<Key, PolicyView> {
        study.policies().map(|policy| ((policy.place.clone(), policy.id.clone()), policy)).collect()
    };
    let (before, mut after) = (by_key(base), by_key(head));
    let (mut found, mut gone) = (Vec::new(), Vec::new());
    for (key, was) in before {
        match after.remove(&key) {
            Some(is) if was.text() == is.text() => {}
            Some(is) => found.push((key, Difference::Changed([was, is]))),
            None => gone.push((key, was)),
        }
    }
    for (key, was) in gone {
        let same = |(_, is): &(&Key, &PolicyView)| is.id == was.id && is.text() == was.text();
        let moved = after.iter().find(same).map(|(key, _)| key.clone());
        match moved.and_then(|to| after.remove(&to)) {
            Some(is) => found.push((key, Difference::Moved([was, is]))),
            None => found.push((key, Difference::Removed(was))),
        }
    }
    found.extend(after.into_iter().map(|(key, is)| (key, Difference::Added(is))));
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let scopes = |study: &Study| {
        let said = study.bundle().scopes().map(|scope| {
            let shared = if scope.shared() { ", shared" } else { "" };
            (scope.id().clone(), format!("of tenant `{}`{shared}", scope.tenant()))
        });
        said.collect::<BTreeMap<Arc<str>, String>>()
    };
    let tenants = |study: &Study| {
        let said = study.bundle().tenants().map(|tenant| {
            let suspended = if tenant.suspended { "suspended" } else { "not suspended" };
            let plan =
                if tenant.plan.is_empty() { String::new() } else { format!(", plan `{}`", tenant.plan) };
            (tenant.id.text().clone(), format!("{suspended}{plan}"))
        });
        said.collect::<BTreeMap<Arc<str>, String>>()
    };
    let mut all: Vec<Difference> = found.into_iter().map(|(_, difference)| difference).collect();
    all.extend(declared("scope", scopes(base), scopes(head)));
    all.extend(declared("tenant", tenants(base), tenants(head)));
    all
}

fn declared(
    what: &'static str,
    before: BTreeMap<Arc<str>, String>,
    mut after: BTreeMap<Arc<str>, String>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for (id, was) in before {
        let is = after.remove(&id);
        if is.as_ref() != Some(&was) {
            found.push(Difference::Declared(what, id, [Some(was), is]));
        }
    }
    found.extend(after.into_iter().map(|(id, is)| Difference::Declared(what, id, [None, Some(is)])));
    found
}

/// Where a policy is written, from here; `folder` is what its file is named from. The shipped guard is in no file that is here.
pub(super) fn position(policy: &PolicyView, folder: &Path) -> Option<(String, usize)> {
    let file = || path_from_here(folder, &policy.span.source.path);
    (!policy.shipped).then(|| (file(), policy.span.position().0))
}

impl Difference {
    /// What it is, in words, on one line.
    pub(super) fn words(&self, folders: [&Path; 2]) -> String {
        let [base, head] = folders;
        let at = |policy: &PolicyView, folder| {
            let position = position(policy, folder);
            let position = position.map(|(file, line)| format!("{}:{line}", visible(&file)));
            format!("{} ({})", policy.named(), position.as_deref().unwrap_or("shipped"))
        };
        match self {
            Self::Added(is) => format!("added: {}", at(is, head)),
            Self::Removed(was) => format!("removed: {}", at(was, base)),
            Self::Changed([_, is]) => format!("changed: {}", at(is, head)),
            Self::Moved([was, is]) => format!("moved: {}, was {}", at(is, head), at(was, base)),
            Self::Declared(what, id, [was, is]) => match (was, is) {
                (None, Some(is)) => format!("added: {what} `{}` {}", visible(id), visible(is)),
                (Some(was), None) => format!("removed: {what} `{}` {}", visible(id), visible(was)),
                (was, is) => {
                    let [was, is] = [was, is].map(|said| visible(said.as_deref().unwrap_or_default()));
                    format!("changed: {what} `{}` {is}, was {was}", visible(id))
                }
            },
        }
    }

    /// Its lines: those that are gone after `-`, those that are new after `+`, without the ones around them that both have.
    pub(super) fn lines(&self) -> String {
        let (was, is) = match self {
            Self::Added(is) => ("", is.text()),
            Self::Removed(was) => (was.text(), ""),
            Self::Changed([was, is]) => (was.text(), is.text()),
            Self::Moved(_) | Self::Declared(..) => return String::new(),
        };
        let (was, is): (Vec<&str>, Vec<&str>) = (was.lines().collect(), is.lines().collect());
        let same = |(one, other): &(&&str, &&str)| one == other;
        let head = was.iter().zip(&is).take_while(same).count();
        let rest = was.len().min(is.len()) - head;
        let tail = was.iter().rev().zip(is.iter().rev()).take(rest).take_while(same).count();
        let mut text = String::new();
        for (sign, lines) in [('-', was), ('+', is)] {
            let changed = lines.get(head..lines.len() - tail).unwrap_or_default();
            for line in changed.iter().take(DIFF_LINES_SHOWN) {
                let _ = writeln!(text, "{sign} {}", visible(line));
            }
            if let Some(more) = changed.len().checked_sub(DIFF_LINES_SHOWN).filter(|more| *more > 0) {
                let _ = writeln!(text, "{sign} ... {more} more lines");
            }
        }
        text
    }

    /// For programs.
    pub(super) fn to_json(&self, folders: [&Path; 2]) -> Json {
        let [base, head] = folders;
        let policy = |view: &PolicyView, folder| {
            let (file, line) = position(view, folder).unzip();
            json!({"id": view.id, "place": view.place.to_string(), "shipped": view.shipped, "file": file, "line": line, "text": view.text()})
        };
        match self {
            Self::Added(is) => json!({"change": "added", "what": "policy", "after": policy(is, head)}),
            Self::Removed(was) => json!({"change": "removed", "what": "policy", "before": policy(was, base)}),
            Self::Changed([was, is]) => {
                json!({"change": "changed", "what": "policy", "before": policy(was, base), "after": policy(is, head)})
            }
            Self::Moved([was, is]) => {
                json!({"change": "moved", "what": "policy", "before": policy(was, base), "after": policy(is, head)})
            }
            Self::Declared(what, id, [was, is]) => {
                let change = match (was, is) {
                    (None, _) => "added",
                    (_, None) => "removed",
                    _ => "changed",
                };
                json!({"change": change, "what": what, "id": id, "before": was, "after": is})
            }
        }
    }
}
