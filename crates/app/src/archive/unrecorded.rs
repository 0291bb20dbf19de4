//! Rollbacks that are still to be recorded: who did them found the audit log held by an app that runs, and left the recording
//! to it, in `data/policies/unrecorded/` of the app's folder.
//!
//! Each is a file of its own, durable before any policy file is put back, and removed when it is recorded. It is taken by
//! whoever holds the log that it names: a running app before it takes the changed files up, else the next start. Whoever may
//! write the app's folder can write such a file; it says no more than that somebody with that right did so.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use audit::{AssertedBy, Event, EventKind, Log};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{PLACE, tree};
use crate::limits::{ROLLBACK_BYTES_MAX, ROLLBACKS_UNRECORDED_MAX};
use crate::manifest::folder::Folder;
use crate::replace::{self, Prepared, open_below};

/// Below the sets; no set has such a name.
const UNRECORDED: &str = "unrecorded";

/// Name and version of the form; a reader that does not know it must not guess.
const SCHEMA: &str = "moonward.unrecorded-rollback/1";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unrecorded {
    schema: String,
    /// The folder of the log that it is to be recorded in.
    log: PathBuf,
    policy_set: Option<Arc<str>>,
    by: By,
    detail: Map<String, Json>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct By {
    uid: u32,
    login: Arc<str>,
    host: Arc<str>,
}

/// Leaves the record of a rollback to whoever holds the log in this folder.
///
/// # Errors
/// Nobody took up what was left there before, or it cannot be written.
pub(crate) fn leave(folder: &Path, log: &Path, event: &Event) -> Result<(), String> {
    let by = event.asserted_by.as_ref().ok_or("nobody is named who did it")?;
    let unrecorded = Unrecorded {
        schema: SCHEMA.to_owned(),
        log: canonical(log),
        policy_set: event.policy_set.clone(),
        by: By { uid: by.uid, login: by.login.clone(), host: by.host.clone() },
        detail: event.detail.clone(),
    };
    let text = serde_json::to_string(&unrecorded).map_err(|error| error.to_string())? + "\n";
    if text.len() > ROLLBACK_BYTES_MAX {
        return Err(format!("its record is {} bytes, at most {ROLLBACK_BYTES_MAX} allowed", text.len()));
    }
    let app = Folder::open(folder).map_err(|error| error.to_string())?;
    let place = format!("{PLACE}/{UNRECORDED}");
    let left = open_below(&app, &place).map(Folder::from).and_then(|left| tree::names(&left));
    let left = left.map_err(|refused| format!("`{place}` cannot be used: {refused}"))?;
    if left.len() >= ROLLBACKS_UNRECORDED_MAX {
        return Err(format!("{} rollbacks in `{place}` are still to be recorded", left.len()));
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!("{place}/{:020}-{}.json", since.as_nanos(), std::process::id());
    let written = Prepared::new(&app, &name, &text).and_then(Prepared::put);
    written.map_err(|refused| format!("`{place}` cannot be written: {refused}"))
}

/// Records what was left to whoever holds this log, in the order in which it was done.
pub(crate) fn record(folder: &Path, log: &Log) {
    let Ok(app) = Folder::open(folder) else { return };
    let place = format!("{PLACE}/{UNRECORDED}");
    let Ok(left) = app.descend(&place).map(Folder::from) else { return };
    let mut names = tree::names(&left).unwrap_or_default();
    names.retain(|name| name.ends_with(".json") && !name.starts_with('.'));
    names.sort();
    let own = canonical(log.folder());
    for name in names.into_iter().take(ROLLBACKS_UNRECORDED_MAX) {
        match read(&left, &name) {
            // That of an app whose log is elsewhere.
            Ok(unrecorded) if unrecorded.log != own => {}
            Ok(unrecorded) => match log.accept(unrecorded.event().into()) {
                Ok(_) => {
                    if let Err(error) = replace::remove(&left, &name) {
                        tracing::warn!(
                            target: "archive",
                            name,
                            %error,
                            "a rollback is recorded and cannot be removed from `{PLACE}/{UNRECORDED}`: it will be recorded again"
                        );
                    }
                }
                Err(error) => {
                    tracing::error!(target: "archive", %error, "who rolled policies back is not recorded");
                    return;
                }
            },
            Err(why) => {
                tracing::error!(target: "archive", name, why = diagnostic::visible(&why), "what was left to be recorded in `{place}` cannot be read");
            }
        }
    }
}

fn read(left: &Folder, name: &str) -> Result<Unrecorded, String> {
    let source = left.read(name).map_err(|refused| refused.to_string())?;
    if source.text.len() > ROLLBACK_BYTES_MAX {
        return Err(format!("it is {} bytes, at most {ROLLBACK_BYTES_MAX} allowed", source.text.len()));
    }
    let read: Unrecorded = serde_json::from_str(&source.text).map_err(|error| error.to_string())?;
    if read.schema != SCHEMA {
        return Err(format!("its form is `{}`, expected `{SCHEMA}`", read.schema));
    }
    let act = read.detail.get("act").and_then(Json::as_str).unwrap_or_default();
    match act {
        "policy.rollback" | "policy.rollback-failed" => Ok(read),
        _ => Err(format!("`{act}` is no rollback")),
    }
}

impl Unrecorded {
    fn event(self) -> Event {
        Event {
            policy_set: self.policy_set,
            asserted_by: Some(AssertedBy { uid: self.by.uid, login: self.by.login, host: self.by.host }),
            detail: self.detail,
            ..Event::new(EventKind::Admin)
        }
    }
}

/// A path that is the same whatever way leads there.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
