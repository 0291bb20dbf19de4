//! A recorded decision, to be decided again: exactly, or not at all.
//!
//! The case is put together anew from what the record tells, and what the engine would then be given is held
//! against what the record says it was given (`same`). Where the two differ there is no answer, never a guess. So the case
//! needs nothing but its record, tenants included, and any number of policy sets can be asked about it.
//!
//! What is redacted is not known any more. That is of no account where no policy that could match reads it, by its
//! footprint: whatever stood there, the answer is the same. So a text of the context is decided with what stands for it.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::case::type_named;
use super::{Assumed, Facts, Posed, Sitting, Verdict, question, same};
use crate::asked::{self, InvalidQuestion};
use crate::identity::{ScopeSet, Tenant};
use crate::permission::{Given, Spec};
use crate::vocabulary::FieldType;

/// A recorded case.
#[derive(Debug, Clone)]
pub struct Again {
    posed: Posed,
    facts: Facts,
    /// Texts of the context that are redacted.
    redacted: Vec<&'static str>,
}

/// Why a record cannot be decided again. Hostile text: it may name what a script wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotReplayable(pub String);

impl Again {
    /// The case of a record.
    ///
    /// # Errors
    /// It is no decision, nobody asked, a part of it was too large to be recorded, is stored elsewhere and was not filled in, or
    /// is redacted and no text of the context; it cannot be understood; or the engine would be given something else than is
    /// recorded.
    pub fn of_record(record: &Json) -> Result<Self, NotReplayable> {
        let text = |name: &str| record.get(name).and_then(Json::as_str);
        if text("kind") != Some("decision") {
            return Err(not(format!(
                "the record is of kind `{}`, not of a decision",
                text("kind").unwrap_or("none")
            )));
        }
        if let Some(why) = text("not_replayable") {
            return Err(not(why.to_owned()));
        }
        let actor = text("actor").ok_or_else(|| not("nobody asked: the record has no actor".to_owned()))?;
        let part = |name: &str| record.get(name).ok_or_else(|| not(format!("the record has no `{name}`")));
        let unclear = |why: &dyn std::fmt::Display| not(format!("the record cannot be understood: {why}"));
        let spec = asked::spec(text("action").unwrap_or_default()).map_err(|error| unclear(&error))?;
        let redacted = redacted(record, spec)?;
        let entities = part("entities")?;
        let context =
            part("context")?.as_object().filter(|context| !context.keys().any(|name| name.starts_with('$')));
        let context = context.ok_or_else(|| not("the engine could not be given this case".to_owned()))?;
        let mut facts = Facts::default();
        facts.add_entities(entities).map_err(|error| unclear(&error))?;
        let actor = facts.actor(actor).map_err(|error| unclear(&error))?;
        let held = part("scopes")?.as_array().into_iter().flatten().filter_map(Json::as_str);
        let held: Vec<Arc<_>> = held
            .map(|id| facts.scope(id).cloned())
            .collect::<Result<_, _>>()
            .map_err(|error| unclear(&error))?;
        let resource =
            |name| part("resource")?.get(name).and_then(Json::as_str).ok_or_else(|| unclear(&"no resource"));
        let kind = type_named(resource("type")?).ok_or_else(|| unclear(&"a resource of an unknown type"))?;
        let fields: Map<String, Json> = context
            .iter()
            .filter(|(name, _)| *name != "scopes")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let posed = Posed::of(
            &facts,
            Assumed::Nothing,
            (&actor, &ScopeSet::new(held)),
            spec,
            (Some(kind), resource("id")?.to_owned()),
            &fields,
        );
        let posed = posed.map_err(|error| unclear(&error))?;
        let list = entities.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_same = posed.with(|case| {
            let (spec, fields) = asked::pose(case.action, case.resource.entity_type(), case.fields)?;
            Ok(same::is_recorded(&question(case, spec, &fields), facts.by_id(), context, list))
        });
        match is_same.map_err(|error: InvalidQuestion| unclear(&error))? {
            true => Ok(Self { posed, facts, redacted }),
            false => Err(not("the case cannot be put together again exactly as it is recorded".to_owned())),
        }
    }

    /// The case.
    pub fn posed(&self) -> &Posed {
        &self.posed
    }

    /// Texts of its context that are redacted: what stands for them is nothing to go by.
    pub(super) fn redacted(&self) -> &[&'static str] {
        &self.redacted
    }

    /// The tenants as they were.
    pub fn tenants(&self) -> impl Iterator<Item = &Tenant> {
        self.facts.tenants()
    }

    /// What the record tells of.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether no policy that could match a case reads this field, in force or in shadow.
    fn is_unread(
        field: &'static str,
        Posed { actor, spec, scopes, .. }: &Posed,
        sitting: &Sitting<'_>,
    ) -> Result<(), NotReplayable> {
        for sliced in sitting.study.bundle().select(actor, spec, scopes) {
            let reads = match &sliced.footprint {
                Ok(reads) if reads.iter().any(|read| read.begins_at(field)) => "reads",
                Ok(_) => continue,
                Err(_) => "may read",
            };
            return Err(not(format!(
                "redacted: context.{field}, which policy `{}` {reads}",
                sliced.loaded.id
            )));
        }
        Ok(())
    }

    /// Whether `posed`, which is the recorded case or a change of it, can be decided by the policies that are studied as
    /// exactly as if nothing were redacted.
    ///
    /// # Errors
    /// A scope that is held is not among them, or one of them could read what is redacted and not changed.
    pub fn check(&self, posed: &Posed, sitting: &Sitting<'_>) -> Result<(), NotReplayable> {
        let bundle = sitting.study.bundle();
        if let Some(gone) = posed.scopes.ids().find(|id| !bundle.knows_scope(id)) {
            return Err(not(format!("scope `{gone}`, which was held, is not declared any more")));
        }
        for field in &self.redacted {
            let text = |posed: &Posed| {
                let field = posed.fields.iter().find(|(name, _)| name == field);
                field.and_then(|(_, given)| match given {
                    Given::Text(text) => Some(text.clone()),
                    _ => None,
                })
            };
            if text(posed) == text(&self.posed) {
                Self::is_unread(field, posed, sitting)?;
            }
        }
        Ok(())
    }

    /// Decides it by the policies that are studied, with the tenants as they were.
    ///
    /// # Errors
    /// As [`Again::check`].
    pub fn decide(&self, sitting: &mut Sitting<'_>) -> Result<Arc<Verdict>, NotReplayable> {
        self.check(&self.posed, sitting)?;
        let decided = self.posed.with(|case| sitting.decide_among(self.facts.by_id(), case));
        decided.map_err(|error| not(error.to_string()))
    }
}

/// The redacted texts of the context. Other members that an answer can depend on, such as names of which entities have
/// their ids, cannot be done without; that of who was at the command line is of no account.
fn redacted(record: &Json, spec: &'static Spec) -> Result<Vec<&'static str>, NotReplayable> {
    let decides = |path: &&str| {
        let first = path.split('.').next().unwrap_or_default();
        ["actor", "pid", "definition", "place", "resource", "context", "scopes", "entities"].contains(&first)
    };
    let text = |path: &str| {
        let name = path.strip_prefix("context.")?;
        let field = spec.context.iter().find(|field| field.name == name)?;
        matches!(field.kind, FieldType::String).then_some(field.name)
    };
    let paths =
        record.get("redacted").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    let paths: Vec<&str> = paths.filter(decides).collect();
    let texts: Option<Vec<&str>> = paths.iter().map(|path| text(path)).collect();
    texts.ok_or_else(|| not(format!("redacted: {}", paths.join(", "))))
}

fn not(why: String) -> NotReplayable {
    NotReplayable(why)
}
