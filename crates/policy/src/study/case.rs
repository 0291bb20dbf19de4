//! A case: who asks for what, and on what; put together from facts and a context in JSON.

mod change;

use std::sync::Arc;

use diagnostic::visible;
use serde_json::{Map, Value as Json};

use super::facts::{Assumed, Facts, Unknown};
use crate::asked::{self, InvalidQuestion};
use crate::identity::{Actor, ScopeSet, TenantId};
use crate::permission::{Datum, Given, Resource, Spec, Subject, Via};
use crate::resource::{Host, Process};
use crate::schema::type_text;
use crate::vocabulary::{EntityType, Field, FieldType};

pub use change::Change;

/// A case to be decided.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// Who asks.
    pub actor: &'a Arc<Actor>,
    /// The scopes that it runs under.
    pub scopes: &'a ScopeSet,
    /// The process that asks; nothing when the request comes from outside.
    pub process: Option<&'a Arc<Process>>,
    /// The permission's name.
    pub action: &'a str,
    /// What it is asked on.
    pub resource: Resource<'a>,
    /// The fields of the context by name.
    pub fields: &'a [(&'a str, Datum<'a>)],
}

/// Why there is no case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCase {
    /// An action, type or field that there is not.
    #[error("{0}")]
    Question(#[from] InvalidQuestion),
    /// A thing that nobody declared.
    #[error("{0}")]
    Unknown(#[from] Unknown),
    /// A field of the context that cannot be read.
    #[error("field `{field}`: {why}")]
    Field {
        /// The field.
        field: String,
        /// What is wrong with it.
        why: String,
        /// What can be written instead, in words.
        help: Option<String>,
    },
    /// A part of the case that cannot be changed so.
    #[error("`{}` cannot be set: {why}", visible(path))]
    Change {
        /// What was to be changed. Hostile text.
        path: String,
        /// What is wrong with it.
        why: String,
        /// What can be written instead, in words.
        help: Option<String>,
    },
}

impl InvalidCase {
    /// What can be named instead of a thing that nobody declared, in words.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Unknown(Unknown { help, .. }) | Self::Field { help, .. } | Self::Change { help, .. } => {
                help.as_deref()
            }
            Self::Question(_) => None,
        }
    }

    /// The field of the context that it is about, if it is about one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Field { field, .. } | Self::Question(InvalidQuestion::UnknownField { field, .. }) => {
                Some(field)
            }
            Self::Question(
                InvalidQuestion::FieldType { field, .. } | InvalidQuestion::MissingField { field, .. },
            ) => Some(field),
            Self::Question(_) | Self::Unknown(_) | Self::Change { .. } => None,
        }
    }
}

/// A case that holds what it is about.
#[derive(Debug, Clone)]
pub struct Posed {
    /// Who asks.
    pub actor: Arc<Actor>,
    /// The scopes that it runs under.
    pub scopes: ScopeSet,
    /// The process that asks.
    pub process: Option<Arc<Process>>,
    /// The permission.
    pub spec: &'static Spec,
    /// What it is asked on.
    pub subject: Subject,
    /// The fields of the context.
    pub fields: Vec<(&'static str, Given)>,
    /// What nobody said and was taken to be so, in words.
    pub assumed: Vec<String>,
    /// How many of these, the first, are about things that were named and that no fact tells of.
    pub stand_ins: usize,
}

impl Posed {
    /// A case for `actor` under `scopes`: `resource` is what people write, `context` the fields of the action by
    /// name, and `pid` for the process that asks. A required field that is left out is false, 0 or empty, `via`
    /// is `spawn`, or `cli` where no process asks, and `host` the only host there is.
    ///
    /// # Errors
    /// Everything that does not fit the declaration of the action, and what `facts` do not know, unless it may be
    /// assumed.
    pub fn new(
        facts: &Facts,
        assumed: Assumed,
        (actor, scopes): (&Arc<Actor>, &ScopeSet),
        action: &str,
        resource: &str,
        context: &Map<String, Json>,
    ) -> Result<Self, InvalidCase> {
        let spec = asked::spec(action)?;
        Self::of(facts, assumed, (actor, scopes), spec, typed(resource), context)
    }

    /// The same for somebody of no tenant, of whom nothing is known and who holds no scope.
    ///
    /// # Errors
    /// As [`Posed::new`].
    pub fn of_nobody(
        facts: &Facts,
        action: &str,
        resource: &str,
        context: &Map<String, Json>,
    ) -> Result<Self, InvalidCase> {
        let nobody = Arc::new(Actor::stand_in(&TenantId::nobody()));
        Self::new(facts, Assumed::Unsaid, (&nobody, &ScopeSet::empty()), action, resource, context)
    }

    /// The same for a resource whose type, if it is said, and id are told apart.
    pub(crate) fn of(
        facts: &Facts,
        assumed: Assumed,
        (actor, scopes): (&Arc<Actor>, &ScopeSet),
        spec: &'static Spec,
        resource: (Option<EntityType>, String),
        context: &Map<String, Json>,
    ) -> Result<Self, InvalidCase> {
        let mut reading = Reading { facts, assumed, tenant: actor.tenant(), said: Vec::new() };
        let subject = reading.subject(spec, resource)?;
        let process = match context.get("pid") {
            None | Some(Json::Null) => None,
            Some(value) => match reading.entity("pid", EntityType::Process, value)? {
                Given::Process(process) => Some(process),
                _ => None,
            },
        };
        let mut fields = Vec::new();
        for (name, value) in context {
            if name == "pid" {
                continue;
            }
            let declared = spec.context.iter().find(|declared| declared.name == name);
            let Some(declared) = declared else {
                return Err(InvalidQuestion::UnknownField { action: spec.action, field: name.clone() }.into());
            };
            fields.push((declared.name, reading.given(spec, declared, value)?));
        }
        let stand_ins = reading.said.len();
        for declared in spec.context.iter().filter(|declared| declared.required) {
            if !fields.iter().any(|(name, _)| *name == declared.name)
                && let Some(given) = reading.unsaid(declared, process.is_some())
            {
                fields.push((declared.name, given));
            }
        }
        let said = reading.said;
        let (actor, scopes) = (actor.clone(), scopes.clone());
        let posed = Self { actor, scopes, process, spec, subject, fields, assumed: said, stand_ins };
        posed.with(|case| asked::pose(case.action, case.resource.entity_type(), case.fields).map(drop))?;
        Ok(posed)
    }

    /// The tenants that it names: the actor's first.
    pub fn tenants(&self) -> impl Iterator<Item = &TenantId> {
        let named = self.fields.iter().filter_map(|(_, given)| match given {
            Given::Process(process) => Some(process.tenant()),
            Given::Actor(actor) => Some(actor.tenant()),
            Given::Scope(scope) => Some(scope.tenant()),
            Given::Host(host) => host.tenant(),
            _ => None,
        });
        let of_resource = match &self.subject {
            Subject::Process(process) => Some(process.tenant()),
            Subject::Definition(definition) => Some(definition.tenant()),
            Subject::Host(host) => host.tenant(),
            Subject::Name(name) => Some(name.tenant()),
            Subject::Tenant(tenant) => Some(tenant),
            Subject::Namespace(namespace) => Some(namespace.tenant()),
            Subject::Facility(_) => None,
        };
        let asker = self.process.as_ref().map(|process| process.tenant());
        [self.actor.tenant()].into_iter().chain(of_resource).chain(asker).chain(named)
    }

    /// Does something with the case.
    pub fn with<T>(&self, work: impl FnOnce(&Case<'_>) -> T) -> T {
        let fields: Vec<(&str, Datum<'_>)> =
            self.fields.iter().map(|(name, given)| (*name, given.datum())).collect();
        work(&Case {
            actor: &self.actor,
            scopes: &self.scopes,
            process: self.process.as_ref(),
            action: self.spec.action,
            resource: self.subject.resource(),
            fields: &fields,
        })
    }
}

/// A case being put together.
struct Reading<'a> {
    facts: &'a Facts,
    assumed: Assumed,
    tenant: &'a TenantId,
    said: Vec<String>,
}

impl Reading<'_> {
    fn subject(
        &mut self,
        spec: &Spec,
        (kind, id): (Option<EntityType>, String),
    ) -> Result<Subject, InvalidCase> {
        if let Some(kind) = kind.filter(|kind| *kind != spec.resource) {
            let (wanted, given) = (spec.resource.name(), kind.name());
            return Err(InvalidQuestion::ResourceType { action: spec.action, wanted, given }.into());
        }
        Ok(self.facts.subject(spec.resource, &id, self.tenant, self.assumed, &mut self.said)?)
    }

    /// The id of what a value names, which must be of this type if it says one.
    fn named(&self, name: &str, kind: EntityType, value: &Json) -> Result<String, InvalidCase> {
        let wrong = |why: String| InvalidCase::Field { field: name.to_owned(), why, help: None };
        let written = value.get("__entity").unwrap_or(value);
        let (given, id) = match written {
            Json::String(text) => typed(text),
            Json::Object(uid) => {
                match (uid.get("type").and_then(Json::as_str), uid.get("id").and_then(Json::as_str)) {
                    (Some(kind), Some(id)) => (type_named(kind), id.to_owned()),
                    _ => return Err(wrong("an entity is a text, or has a `type` and an `id`".to_owned())),
                }
            }
            _ => return Err(wrong(format!("must name a {}", kind.name()))),
        };
        if given.is_some_and(|given| given != kind) {
            return Err(wrong(format!("must name a {}", kind.name())));
        }
        Ok(id)
    }

    fn entity(&mut self, name: &str, kind: EntityType, value: &Json) -> Result<Given, InvalidCase> {
        let wrong = |why: String| InvalidCase::Field { field: name.to_owned(), why, help: None };
        let id = self.named(name, kind, value)?;
        let unknown = |error: Unknown| {
            let why = error.to_string();
            InvalidCase::Field { field: name.to_owned(), why, help: error.help }
        };
        match kind {
            EntityType::Actor => self.facts.actor_or(&id, self.assumed).map(Given::Actor).map_err(unknown),
            EntityType::Scope => self.facts.scope(&id).cloned().map(Given::Scope).map_err(unknown),
            kind => match self.facts.subject(kind, &id, self.tenant, self.assumed, &mut self.said) {
                Ok(Subject::Process(process)) => Ok(Given::Process(process)),
                Ok(Subject::Host(host)) => Ok(Given::Host(host)),
                Ok(_) => Err(wrong(format!("cannot name a {}", kind.name()))),
                Err(error) => Err(unknown(error)),
            },
        }
    }

    fn given(&mut self, spec: &Spec, declared: &Field, value: &Json) -> Result<Given, InvalidCase> {
        let given = match (declared.kind, value) {
            (FieldType::Bool, Json::Bool(value)) => Some(Given::Bool(*value)),
            (FieldType::Long, value) => value.as_i64().map(Given::Long),
            (FieldType::String, Json::String(text)) => Some(Given::Text(text.clone())),
            (FieldType::Via, Json::String(text)) => {
                let Some(via) = Via::ALL.into_iter().find(|via| via.text() == text) else {
                    let ways: Vec<String> = Via::ALL.iter().map(|via| format!("`{}`", via.text())).collect();
                    let why = format!("`{text}` is none of {}", ways.join(", "));
                    return Err(InvalidCase::Field { field: declared.name.to_owned(), why, help: None });
                };
                Some(Given::Via(via))
            }
            (FieldType::Strings, Json::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(Arc::from)).collect::<Option<_>>();
                texts.map(Given::Texts)
            }
            (FieldType::Entity(kind), value) => Some(self.entity(declared.name, kind, value)?),
            _ => None,
        };
        given.ok_or_else(|| {
            let (field, wanted) = (declared.name, type_text(declared.kind));
            InvalidQuestion::FieldType { action: spec.action, field, wanted }.into()
        })
    }

    /// What stands for a required field that is not given.
    fn unsaid(&mut self, declared: &Field, from_process: bool) -> Option<Given> {
        let name = declared.name;
        let given = match declared.kind {
            FieldType::Via if !from_process => Given::Via(Via::Cli),
            FieldType::Entity(EntityType::Host) => match self.facts.only_host() {
                Some(host) => Given::Host(host.clone()),
                None if self.assumed == Assumed::Unsaid => {
                    Given::Host(Arc::new(Host::new("unknown:unknown", None).ok()?))
                }
                None => return None,
            },
            FieldType::Entity(EntityType::Process) if self.assumed == Assumed::Unsaid => {
                Given::Process(Arc::new(Process::stand_in(name, self.tenant, 0)))
            }
            _ => match asked::unsaid(declared)? {
                Datum::Bool(value) => Given::Bool(value),
                Datum::Long(value) => Given::Long(value),
                Datum::String(text) => Given::Text(text.to_owned()),
                Datum::Strings(texts) => Given::Texts(texts.to_vec()),
                Datum::Via(via) => Given::Via(via),
                _ => return None,
            },
        };
        let shown = match &given {
            Given::Bool(value) => value.to_string(),
            Given::Long(value) => value.to_string(),
            Given::Text(text) => format!("\"{text}\""),
            Given::Via(via) => format!("\"{}\"", via.text()),
            Given::Host(host) => format!("`{}`", host.id()),
            _ => "empty".to_owned(),
        };
        self.said.push(format!("`context.{name}` is not given: taken as {shown}"));
        Some(given)
    }
}

/// What people write for a thing: its id, `type:id`, or a uid as policies write it. The type, if it is said, and
/// the id.
pub(super) fn typed(text: &str) -> (Option<EntityType>, String) {
    let quoted = text.strip_suffix('"').and_then(|text| text.rsplit_once("::\""));
    if let Some((kind, id)) = quoted.and_then(|(head, id)| Some((type_named(head)?, id))) {
        return (Some(kind), id.replace("\\\"", "\"").replace("\\\\", "\\"));
    }
    let known = text.split_once(':').and_then(|(word, id)| {
        let kind = EntityType::ALL.into_iter().find(|kind| kind.name().to_ascii_lowercase() == word)?;
        Some((kind, id))
    });
    match known {
        Some((kind, id)) => (Some(kind), id.to_owned()),
        None => (None, text.to_owned()),
    }
}

/// The type of that name, with or without the namespace.
pub(crate) fn type_named(text: &str) -> Option<EntityType> {
    let name = text.strip_prefix("Moonward::").unwrap_or(text);
    EntityType::ALL.into_iter().find(|kind| kind.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_written_as_its_id_with_its_type_or_as_policies_write_it() {
        for (text, kind, id) in [
            ("p1", None, "p1"),
            ("acme.workers:handler", None, "acme.workers:handler"),
            ("process:p1", Some(EntityType::Process), "p1"),
            ("definition:acme.workers:handler", Some(EntityType::Definition), "acme.workers:handler"),
            ("Process::\"p1\"", Some(EntityType::Process), "p1"),
            (r#"Moonward::Process::"a\"b\\""#, Some(EntityType::Process), r#"a"b\"#),
            ("Moonward::Proces::\"p1\"", None, "Moonward::Proces::\"p1\""),
        ] {
            assert_eq!(typed(text), (kind, id.to_owned()), "{text}");
        }
    }
}
