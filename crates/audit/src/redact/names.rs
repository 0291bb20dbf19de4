//! A name that is not to be kept stands in a record more than once: the actor is an entity, too, and owns processes,
//! and the engine quotes it when it fails. Wherever it does, the same commitment takes its place.
//!
//! Who asked is never hidden by what was asked for, since a script chooses that: each member that names somebody gives
//! way to its own path only.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::Redactor;
use crate::decision::Decision;
use crate::entry::Entry;
use crate::limits::REDACT_REPEATS_MAX;

/// Paths of names, and the type of the entities that bear such names: all of these entities are redacted with the path, as
/// the owner in one record is who asks in the next.
const BEARERS: [(&str, &str); 4] =
    [("actor", "Actor"), ("pid", "Process"), ("definition", "Definition"), ("scopes", "Scope")];

/// The names of one record that are not to be kept.
pub(super) struct Names<'a> {
    redactor: &'a Redactor,
    /// The longest first: one may be the beginning of another.
    known: Vec<Name>,
    /// Paths whose names were found, and replaced.
    found: BTreeSet<&'static str>,
}

struct Name {
    path: &'static str,
    text: String,
    commitment: String,
    /// As it stands in a longer text: as it is, and as the engine quotes it.
    forms: Vec<String>,
}

impl<'a> Names<'a> {
    /// Those of an entry that is still whole.
    pub(super) fn of(redactor: &'a Redactor, entry: &Entry) -> Self {
        let mut names = Self { redactor, known: Vec::new(), found: BTreeSet::new() };
        match entry {
            Entry::Decision(decision) => names.add_those_of(decision),
            Entry::Event(event) => event.actor.iter().for_each(|actor| names.add("actor", actor)),
        }
        names.known.sort_by_key(|name| std::cmp::Reverse(name.text.len()));
        names
    }

    fn add_those_of(&mut self, decision: &Decision) {
        decision.actor.iter().for_each(|actor| self.add("actor", actor));
        decision.pid.iter().for_each(|pid| self.add("pid", pid));
        decision.definition.iter().for_each(|definition| self.add("definition", definition));
        decision.place.iter().for_each(|place| self.add("place.source", &place.source));
        decision.scopes.iter().for_each(|scope| self.add("scopes", scope));
        for value in [&decision.entities, &decision.context] {
            self.add_uids(value);
        }
        self.add_uid(decision.resource.kind, &decision.resource.id);
        self.add("resource.id", &decision.resource.id);
    }

    fn add(&mut self, path: &'static str, text: &str) {
        let is_known = || self.known.iter().any(|name| name.text == text);
        if text.is_empty() || !self.redactor.replaces(path) || is_known() {
            return;
        }
        let mut forms = vec![text.to_owned()];
        forms.extend(Some(text.escape_debug().to_string()).filter(|escaped| escaped != text));
        let commitment = self.redactor.commitment(path, &Value::from(text));
        self.known.push(Name { path, text: text.to_owned(), commitment, forms });
    }

    fn add_uid(&mut self, kind: &str, id: &str) {
        if let Some(path) = path_of(kind) {
            self.add(path, id);
        }
    }

    fn add_uids(&mut self, value: &Value) {
        if let Some((kind, id)) = uid(value) {
            return self.add_uid(kind, id);
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add_uids(item)),
            Value::Object(members) => members.values().for_each(|member| self.add_uids(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Replaces what is left of them once the paths themselves are; gives the paths whose names were there.
    pub(super) fn replace_in(mut self, entry: &mut Entry) -> BTreeSet<&'static str> {
        match entry {
            _ if self.known.is_empty() => {}
            Entry::Decision(decision) => self.replace_in_decision(decision),
            Entry::Event(event) => event.detail.values_mut().for_each(|value| self.replace_in_value(value)),
        }
        self.found
    }

    fn replace_in_decision(&mut self, decision: &mut Decision) {
        let path = path_of(decision.resource.kind);
        self.replace_equal(path.as_slice(), &mut decision.resource.id);
        let definitions = ["definition", "place.source"];
        decision.definition.iter_mut().for_each(|text| self.replace_equal(&definitions, text));
        decision.place.iter_mut().for_each(|place| self.replace_equal(&definitions, &mut place.source));
        let errors = decision.errors.iter_mut().chain(&mut decision.chain);
        let shadow = decision.shadow.iter_mut().flat_map(|shadow| &mut shadow.errors);
        for text in errors.chain(shadow) {
            if let Some(kept) = self.kept(text) {
                *text = kept.into();
            }
        }
        if let Value::Array(entities) = &mut decision.entities {
            entities.iter_mut().for_each(|entity| self.replace_parts(entity));
        }
        self.replace_in_value(&mut decision.context);
        self.replace_in_value(&mut decision.entities);
    }

    /// A member that is one of these names and nothing else.
    fn replace_equal(&mut self, paths: &[&str], text: &mut Arc<str>) {
        let name = self.known.iter().find(|name| paths.contains(&name.path) && *name.text == **text);
        if let Some(name) = name {
            self.found.insert(name.path);
            *text = name.commitment.as_str().into();
        }
    }

    /// The attributes of an entity that are parts of its name, such as a definition's.
    fn replace_parts(&mut self, entity: &mut Value) {
        let id = entity.get("uid").and_then(uid).map(|(_, id)| id.to_owned());
        let name = self.known.iter().find(|name| id.as_ref() == Some(&name.text));
        let attributes = entity.get_mut("attrs").and_then(Value::as_object_mut);
        for attribute in attributes.into_iter().flat_map(serde_json::Map::values_mut) {
            if let Some(name) = name
                && let Some(part) = attribute.as_str()
                && part.len() < name.text.len()
                && !part.is_empty()
                && name.text.contains(part)
            {
                *attribute = self.redactor.commitment(name.path, attribute).into();
            }
        }
    }

    /// All texts, however deep. The types of entities and the names of members say nothing of anybody.
    fn replace_in_value(&mut self, value: &mut Value) {
        let is_uid = uid(value).is_some();
        match value {
            Value::String(text) => {
                if let Some(kept) = self.kept(text) {
                    *text = kept;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace_in_value(item)),
            Value::Object(members) => members
                .iter_mut()
                .filter(|(name, _)| !(is_uid && *name == "type"))
                .for_each(|(_, member)| self.replace_in_value(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A text without the names; nothing when there is none in it.
    fn kept(&mut self, text: &str) -> Option<String> {
        if self.redactor.is_commitment(text) {
            return None;
        }
        if let Some(name) = self.known.iter().find(|name| name.text == text) {
            self.found.insert(name.path);
            return Some(name.commitment.clone());
        }
        let is_within = |name: &&Name| name.forms.iter().any(|form| text.contains(form.as_str()));
        let within: Vec<&Name> = self.known.iter().filter(is_within).collect();
        let (mut kept, mut repeats) = (String::new(), 0);
        let (mut before, mut rest) = (None, text);
        while let Some(character) = rest.chars().next().filter(|_| !within.is_empty()) {
            let found = within.iter().find_map(|name| Some((*name, name.end(before, rest)?)));
            if let Some((name, after)) = found {
                // A text that is made of nothing else must not become ever so much longer.
                if repeats == REDACT_REPEATS_MAX {
                    return Some(self.redactor.commitment(name.path, &Value::from(text)));
                }
                repeats += 1;
                self.found.insert(name.path);
                kept.push_str(&name.commitment);
                before = name.text.chars().next_back();
                rest = after;
            } else {
                kept.push(character);
                before = Some(character);
                rest = rest.get(character.len_utf8()..).unwrap_or_default();
            }
        }
        (repeats > 0).then_some(kept)
    }
}

impl Name {
    /// What is behind the name, when a text goes on with it here: not as a part of a longer word.
    fn end<'t>(&self, before: Option<char>, text: &'t str) -> Option<&'t str> {
        let is_one_word = |one: Option<char>, next: Option<char>| {
            one.is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric)
        };
        self.forms.iter().find_map(|form| {
            let after = text.strip_prefix(form.as_str())?;
            let is_part = is_one_word(before, form.chars().next())
                || is_one_word(form.chars().next_back(), after.chars().next());
            (!is_part).then_some(after)
        })
    }
}

/// The path that the names of a type of entity are redacted with.
fn path_of(kind: &str) -> Option<&'static str> {
    let kind = kind.strip_prefix("Moonward::").unwrap_or(kind);
    BEARERS.into_iter().find(|(_, bearer)| *bearer == kind).map(|(path, _)| path)
}

/// The type and the id of an entity, as the engine writes one.
fn uid(value: &Value) -> Option<(&str, &str)> {
    let members = value.as_object().filter(|members| members.len() == 2)?;
    Some((members.get("type")?.as_str()?, members.get("id")?.as_str()?))
}
