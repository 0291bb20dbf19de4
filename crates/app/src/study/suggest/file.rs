//! Suggested permits as a file of policies: one for each scope, formatted, with what stands behind each permit.
//!
//! Comments hold ids and times of records and names that the manifest declares, nothing that a guest chose.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use audit::RecordId;
use diagnostic::{Diagnostic, Source, Span, grouped, visible};
use policy::TenantId;
use policy::study::Study;
use policy::study::suggest::united;
use value::moment;

use super::pool::{Case, Records};
use super::{Settled, Suggestion};
use crate::limits::SUGGEST_RECORDS_TOLD;
use crate::manifest::folder::{Folder, Refused};
use crate::replace::Prepared;

/// The permits that go into one scope.
#[derive(Debug)]
pub struct ScopeFile {
    /// Id of the scope.
    pub scope: Arc<str>,
    /// Whose actors it is for.
    pub tenant: TenantId,
    /// The permits, in order.
    pub permits: Vec<Permit>,
    /// The file, formatted, with its comments.
    pub text: String,
}

/// One permit.
#[derive(Debug)]
pub struct Permit {
    /// Its `@id`.
    pub id: String,
    /// Ids of the actors that it names.
    pub actors: Vec<Arc<str>>,
    /// The permissions that it names.
    pub actions: Vec<&'static str>,
    /// The chosen records that it allows, by what they asked for.
    pub records: BTreeMap<&'static str, Records>,
    /// Its text, not formatted.
    pub(super) text: String,
    /// Where the cases are that it is for.
    pub(super) cases: Vec<usize>,
}

impl ScopeFile {
    /// The permits as they are, for the scope that they go into.
    pub(super) fn source(&self) -> (Arc<str>, Arc<Source>) {
        let text = self.permits.iter().map(|permit| format!("{}\n", permit.text)).collect();
        (self.scope.clone(), Arc::new(Source { path: format!("suggested for {}", self.scope), text }))
    }
}

/// What is settled, as few permits as say it, under ids that no policy has.
pub(super) fn draft(settled: Vec<Settled>, cases: &[Case], base: &Study) -> Vec<ScopeFile> {
    let mut taken: BTreeSet<String> = base.policies().map(|policy| policy.id.to_string()).collect();
    let mut files = Vec::new();
    for part in settled.into_iter().filter(|part| !part.grants.is_empty()) {
        let mut permits = Vec::new();
        for grant in united(part.grants.clone()) {
            let id = free(&grant.name(), &mut taken);
            let own = part.cases(&grant);
            let mut records: BTreeMap<_, Records> = BTreeMap::new();
            for case in own.iter().filter_map(|at| cases.get(*at)) {
                records.entry(case.look.action()).or_default().add_all(&case.chosen);
            }
            permits.push(Permit {
                text: grant.text(&id),
                id,
                actors: grant.actors().iter().cloned().collect(),
                actions: grant.actions().iter().copied().collect(),
                records,
                cases: own,
            });
        }
        let tenant = part.places.first().and_then(|at| cases.get(*at)).map(|case| case.tenant.clone());
        let Some(tenant) = tenant else { continue };
        files.push(ScopeFile { scope: part.scope, tenant, permits, text: String::new() });
    }
    files
}

/// The name itself, or with the first number that makes it one that nothing has.
fn free(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2_u64..).map(|number| format!("{name}.{number}"));
    let id = std::iter::once(name.to_owned()).chain(numbered).find(|id| !taken.contains(id));
    let id = id.unwrap_or_default();
    taken.insert(id.clone());
    id
}

/// Writes the text of each file, with what was found out about all of them.
///
/// # Errors
/// A file is over a bound, or cannot be formatted.
pub(super) fn tell(suggestion: &mut Suggestion) -> Result<(), Vec<Diagnostic>> {
    let found = found(suggestion);
    for file in &mut suggestion.files {
        let mut text = format!(
            "// For scope `{}` of tenant `{}`: suggested from the audit log by `moonward policy suggest`.\n{found}",
            file.scope, file.tenant
        );
        // The formatter leaves no empty line between comments.
        text.push_str("//");
        for permit in &file.permits {
            let _ = write!(text, "\n{}{}\n", behind(&permit.records), permit.text);
        }
        let source = Source { path: format!("suggested for {}", file.scope), text };
        file.text = policy::format(&Arc::new(source))?;
    }
    Ok(())
}

/// How it was checked, as comments.
fn found(suggestion: &Suggestion) -> String {
    let Suggestion { allowed, decided, uncertain, counted, .. } = suggestion;
    let whole = if suggestion.files.len() > 1 { ", together with those of the other scopes" } else { "" };
    let (exactly, nothing) =
        if uncertain.is_nothing() { ("exactly ", "nothing else") } else { ("", "nothing else of these") };
    let mut text = format!(
        "// Newly allowed{whole}: {exactly}the {} chosen of {} decisions that were replayed; {nothing}.\n",
        grouped(*allowed),
        grouped(*decided)
    );
    let not_replayable: u64 = uncertain.not_replayable.values().sum();
    if not_replayable > 0 {
        let _ = writeln!(
            text,
            "// NOT certain: {} decisions that these permits could be about cannot be replayed.",
            grouped(not_replayable)
        );
    }
    if uncertain.unreadable_count > 0 || uncertain.changed {
        text.push_str("// NOT certain: a part of the log could not be read.\n");
    }
    if *counted > 0 {
        let _ = writeln!(
            text,
            "// {} more decisions of these actors and permissions were only counted: what they were about is not on record.",
            grouped(*counted)
        );
    }
    text
}

/// The records behind a permit, as comments: a line for each action that it is for.
fn behind(records: &BTreeMap<&'static str, Records>) -> String {
    let lines = records.iter().map(|(action, of_it)| match records.len() {
        1 => format!("// {}\n", named(of_it)),
        _ => format!("// `{action}`: {}\n", named(of_it)),
    });
    lines.collect()
}

/// The first few records. Only what is an id is told of one: a log can be written by anybody.
fn named(records: &Records) -> String {
    let told: Vec<(&str, String)> = records
        .first
        .iter()
        .filter(|(id, _)| id.parse::<RecordId>().is_ok())
        .take(SUGGEST_RECORDS_TOLD)
        .map(|(id, ts)| (&**id, visible(&moment(ts))))
        .collect();
    let ids: Vec<&str> = told.iter().map(|(id, _)| *id).collect();
    let more = if records.count > ids.len() as u64 { ", ..." } else { "" };
    let (what, when) = if records.count == 1 { ("record", "of") } else { ("records", "the first of") };
    let since = told.first().map_or(String::new(), |(_, ts)| format!(", {when} {ts}"));
    format!("{} {what}{since}: {}{more}", grouped(records.count), ids.join(", "))
}

/// Writes the text of a file whole or not at all, where nothing is yet, or in the place of a file.
///
/// # Errors
/// It cannot be written; or there is a file, and it is not to be replaced.
pub fn put(path: &Path, text: &str, is_replaced: bool) -> Result<(), Diagnostic> {
    let shown = path.display().to_string();
    let refused = |why: &dyn std::fmt::Display| {
        let message = format!("`{shown}` cannot be written: {why}");
        Diagnostic::error("policy.unwritable", message).at(Span::unread(shown.clone()))
    };
    if !is_replaced && path.symlink_metadata().is_ok() {
        return Err(refused(&"it is there already").help("`--force` replaces it"));
    }
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(refused(&"it is no name of a file"));
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = Folder::open(parent)
        .map_err(Refused::from)
        .and_then(|folder| Prepared::new(&folder, name, text))
        .and_then(Prepared::put);
    written.map_err(|why| refused(&why))
}
