//! What a log is told not to keep: members of records that are replaced by a keyed commitment, before the line is made.
//!
//! Whoever has the key can tell whether a value was this one; nobody can tell the value. Equal values of one member stay
//! equal. What a value is worth to whoever decides again is not known here.

mod names;

use std::sync::Arc;

use serde_json::Value;

use crate::ascii;
use crate::decision::Decision;
use crate::digest::{hex, hmac_sha256, sha256};
use crate::entry::Entry;
use crate::event::Event;
use crate::limits::{REDACT_PATH_BYTES_MAX, REDACT_PATHS_MAX};
use names::Names;

/// Members that hold text, or a list of texts.
const TEXTS: [&str; 13] = [
    "actor",
    "actor_digest",
    "pid",
    "definition",
    "place.source",
    "resource.id",
    "scopes",
    "policies.file",
    "errors",
    "shadow.errors",
    "chain",
    "asserted_by.login",
    "asserted_by.host",
];

/// Members that hold whatever somebody puts there: their members can be named, too.
const FREE: [&str; 3] = ["context", "entities", "detail"];

/// Members that a log is read by. Without them it could not be verified, or nobody could find anything.
const NEEDED: [&str; 15] = [
    "schema",
    "seq",
    "id",
    "ts",
    "prev",
    "kind",
    "tenant",
    "action",
    "decision",
    "decision_kind",
    "policy_set",
    "generation",
    "not_replayable",
    "cut",
    "redacted",
];

/// Which members are not to be kept: paths such as `context.topic` or `entities.attrs.email`. A list on the way is
/// entered: the path means the member of each item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redaction {
    paths: Vec<Arc<str>>,
}

/// A path that cannot be redacted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedaction {
    /// The log could not do without it.
    #[error("`{0}` cannot be redacted: the log needs it")]
    Needed(String),
    /// There is no such member, or it holds no text.
    #[error("`{path}` cannot be redacted: expected one of {}, or a member of {}", listed(&TEXTS), listed(&FREE))]
    Unknown {
        /// As much of it as a path may have.
        path: String,
    },
    /// It is given twice, or a part of it is.
    #[error("`{0}` is redacted with `{1}` already")]
    Twice(String, String),
    /// There are too many.
    #[error("{0} paths to redact, at most {REDACT_PATHS_MAX} allowed")]
    TooMany(usize),
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Redaction {
    /// These paths.
    ///
    /// # Errors
    /// See [`InvalidRedaction`].
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidRedaction> {
        let mut known: Vec<Arc<str>> = Vec::new();
        for path in paths {
            let first = path.split('.').next().unwrap_or_default();
            if NEEDED.contains(&first) {
                return Err(InvalidRedaction::Needed(path.to_owned()));
            }
            let is_whole =
                path.len() <= REDACT_PATH_BYTES_MAX && path.split('.').all(|step| !step.is_empty());
            if !is_whole || !(TEXTS.contains(&path) || FREE.contains(&first)) {
                let path = path.chars().take(REDACT_PATH_BYTES_MAX).collect();
                return Err(InvalidRedaction::Unknown { path });
            }
            // The order of two such would decide what is committed to.
            if let Some(other) = known.iter().find(|other| is_within(path, other) || is_within(other, path)) {
                return Err(InvalidRedaction::Twice(path.to_owned(), other.to_string()));
            }
            known.push(path.into());
        }
        match known.len() > REDACT_PATHS_MAX {
            true => Err(InvalidRedaction::TooMany(known.len())),
            false => Ok(Self { paths: known }),
        }
    }

    /// Whether everything is kept.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

fn is_within(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Redacts by a key.
pub(crate) struct Redactor {
    paths: Vec<Arc<str>>,
    key: [u8; 32],
    /// What every commitment begins with.
    prefix: String,
}

impl Redactor {
    pub(crate) fn new(redaction: &Redaction, key: [u8; 32]) -> Self {
        let id = sha256(&[b"moonward.audit hmac\n".as_slice(), &key].concat());
        let id = id.first_chunk::<4>().map(|id| hex(id)).unwrap_or_default();
        Self { paths: redaction.paths.clone(), key, prefix: format!("redacted:hmac-sha256:{id}:") }
    }

    /// The entry as it may be kept, and the paths at which something was replaced.
    pub(crate) fn redacted(&self, mut entry: Entry) -> (Entry, Vec<Arc<str>>) {
        let replaced = self.redact(&mut entry);
        (entry, replaced)
    }

    /// Replaces what is not to be kept; gives the paths of what was there.
    fn redact(&self, entry: &mut Entry) -> Vec<Arc<str>> {
        // What the log says of itself is kept, but for who it says it of.
        if matches!(entry, Entry::Event(event) if event.kind.is_the_logs()) {
            let who = |path: &&Arc<str>| is_within(path, "actor") || is_within(path, "asserted_by");
            return self.paths.iter().filter(who).filter(|path| self.replace(entry, path)).cloned().collect();
        }
        let names = Names::of(self, entry);
        let at_paths: Vec<bool> = self.paths.iter().map(|path| self.replace(entry, path)).collect();
        let elsewhere = names.replace_in(entry);
        let replaced = self.paths.iter().zip(at_paths);
        let replaced = replaced.filter(|(path, at_path)| *at_path || elsewhere.contains(&***path));
        replaced.map(|(path, _)| path.clone()).collect()
    }

    /// Whether what is at this path is not kept.
    fn replaces(&self, path: &str) -> bool {
        self.paths.iter().any(|known| &**known == path)
    }

    /// Whether a text is what stands for a value, and nothing else.
    fn is_commitment(&self, text: &str) -> bool {
        let digest = text.strip_prefix(&self.prefix);
        digest.is_some_and(|digest| {
            digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    }

    fn replace(&self, entry: &mut Entry, path: &str) -> bool {
        match entry {
            Entry::Decision(decision) => self.replace_in_decision(decision, path),
            Entry::Event(event) => self.replace_in_event(event, path),
        }
    }

    fn replace_in_decision(&self, decision: &mut Decision, path: &str) -> bool {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        match path {
            // A digest without a key tells the actor to whoever can list the actors.
            "actor" => {
                let digest = "actor_digest";
                let is_own = self.replaces(digest);
                let is_told = !is_own && self.optional(digest, &mut decision.actor_digest);
                self.optional(path, &mut decision.actor) || is_told
            }
            "actor_digest" => self.optional(path, &mut decision.actor_digest),
            "pid" => self.optional(path, &mut decision.pid),
            "definition" => self.optional(path, &mut decision.definition),
            "place.source" => decision.place.as_mut().is_some_and(|place| self.text(path, &mut place.source)),
            "resource.id" => self.text(path, &mut decision.resource.id),
            "scopes" => self.texts(path, &mut decision.scopes),
            "policies.file" => self.each(decision.policies.iter_mut().map(|policy| &mut policy.file), path),
            "errors" => self.texts(path, &mut decision.errors),
            "shadow.errors" => {
                decision.shadow.as_mut().is_some_and(|shadow| self.texts(path, &mut shadow.errors))
            }
            "chain" => self.texts(path, &mut decision.chain),
            "asserted_by.login" => {
                decision.asserted_by.as_mut().is_some_and(|by| self.text(path, &mut by.login))
            }
            "asserted_by.host" => {
                decision.asserted_by.as_mut().is_some_and(|by| self.text(path, &mut by.host))
            }
            _ if first == "context" => self.value(path, rest, &mut decision.context),
            _ if first == "entities" => self.value(path, rest, &mut decision.entities),
            _ => false,
        }
    }

    fn replace_in_event(&self, event: &mut Event, path: &str) -> bool {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        match path {
            "actor" => self.optional(path, &mut event.actor),
            "asserted_by.login" => {
                event.asserted_by.as_mut().is_some_and(|by| self.text(path, &mut by.login))
            }
            "asserted_by.host" => event.asserted_by.as_mut().is_some_and(|by| self.text(path, &mut by.host)),
            // The members of a detail are its own: it stays an object.
            "detail" => self.each_value(event.detail.values_mut(), path, ""),
            _ if first == "detail" => {
                let (name, rest) = rest.split_once('.').unwrap_or((rest, ""));
                event.detail.get_mut(name).is_some_and(|value| self.value(path, rest, value))
            }
            _ => false,
        }
    }

    /// What is at a path below a value; a list is entered.
    fn value(&self, path: &str, rest: &str, value: &mut Value) -> bool {
        match value {
            Value::Array(items) if !rest.is_empty() => self.each_value(items.iter_mut(), path, rest),
            Value::Object(members) if !rest.is_empty() => {
                let (name, rest) = rest.split_once('.').unwrap_or((rest, ""));
                members.get_mut(name).is_some_and(|member| self.value(path, rest, member))
            }
            // What is not there needs no commitment, and an end on the way is not what is meant.
            _ if !rest.is_empty() => false,
            value => {
                *value = self.commitment(path, value).into();
                true
            }
        }
    }

    fn each_value<'a>(&self, values: impl Iterator<Item = &'a mut Value>, path: &str, rest: &str) -> bool {
        // All of them, not up to the first.
        values.filter_map(|value| self.value(path, rest, value).then_some(())).count() > 0
    }

    fn each<'a>(&self, texts: impl Iterator<Item = &'a mut Arc<str>>, path: &str) -> bool {
        texts.fold(false, |_, text| self.text(path, text))
    }

    fn texts(&self, path: &str, texts: &mut [Arc<str>]) -> bool {
        self.each(texts.iter_mut(), path)
    }

    fn optional(&self, path: &str, text: &mut Option<Arc<str>>) -> bool {
        text.as_mut().is_some_and(|text| self.text(path, text))
    }

    fn text(&self, path: &str, text: &mut Arc<str>) -> bool {
        *text = self.commitment(path, &Value::from(&**text)).into();
        true
    }

    /// HMAC-SHA-256 over the path, a NUL, and the value as the log would have written it.
    fn commitment(&self, path: &str, value: &Value) -> String {
        let message = [path.as_bytes(), b"\0", &ascii::to_vec(value)].concat();
        format!("{}{}", self.prefix, hex(&hmac_sha256(&self.key, &message)))
    }
}
