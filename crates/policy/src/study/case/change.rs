//! Changes of a case, as somebody writes them: a path and a value, `context.bytes=10`.
//!
//! What follows from something else (the tenant of a process from its owner, the kind of an actor from its id) is not changed
//! by itself, so that no case says what no running system could.

use std::collections::BTreeMap;
use std::sync::Arc;

use diagnostic::{did_you_mean, visible};
use serde_json::Value as Json;

use super::{Given, InvalidCase, Posed, Reading};
use crate::asked;
use crate::identity::{Actor, InvalidIdentity};
use crate::permission::Subject;
use crate::resource::{Definition, Host, Process};
use crate::study::facts::{Assumed, Facts, there_are};
use crate::vocabulary::{BASE, EntityType, FieldType};

/// A part of a case, and what it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What is changed: `context.bytes`, `principal.tags.dept`. Hostile text.
    pub path: String,
    /// What it becomes; null for what is not to be there.
    pub value: Json,
}

/// What of an actor can be changed.
const OF_PRINCIPAL: [&str; 4] = ["roles", "tags", "verified", "authTime"];

/// What of a process can be changed.
const OF_PROCESS: [&str; 4] = ["owner", "definition", "host", "parent"];

impl Change {
    /// A change as it is written: `PATH=VALUE`, the value JSON if it is any, and else a text.
    ///
    /// # Errors
    /// There is no `=` in it.
    pub fn parse(text: &str) -> Result<Self, InvalidCase> {
        let Some((path, value)) = text.split_once('=') else {
            let why = "there is no `=` after it".to_owned();
            let help = Some("write `PATH=JSON`, such as `context.bytes=10`".to_owned());
            return Err(InvalidCase::Change { path: text.to_owned(), why, help });
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Json::String(value.to_owned()));
        Ok(Self { path: path.trim().to_owned(), value })
    }
}

impl Posed {
    /// The case with these changes, one after the other. Things are named as `facts` have them, or made up as for a new case.
    ///
    /// # Errors
    /// Something is changed that the case does not have, that follows from something else, or to what it cannot be.
    pub fn changed(&self, facts: &Facts, changes: &[Change]) -> Result<Self, InvalidCase> {
        let mut posed = self.clone();
        for change in changes {
            posed = Changing { facts, posed, change }.done()?;
        }
        posed.with(|case| asked::pose(case.action, case.resource.entity_type(), case.fields).map(drop))?;
        Ok(posed)
    }

    /// What can be changed.
    fn changeable(&self) -> Vec<String> {
        let fields = self.spec.context.iter().map(|field| format!("context.{}", field.name));
        let principal = OF_PRINCIPAL.iter().map(|name| format!("principal.{name}"));
        let resource = of_resource(&self.subject).iter().map(|name| format!("resource.{name}"));
        fields.chain(["context.pid".to_owned()]).chain(principal).chain(resource).collect()
    }
}

/// What of a resource can be changed.
fn of_resource(subject: &Subject) -> &'static [&'static str] {
    match subject {
        Subject::Process(_) => &OF_PROCESS,
        Subject::Definition(_) => &["shared"],
        Subject::Host(_) => &["tenant"],
        Subject::Name(_) | Subject::Facility(_) | Subject::Tenant(_) | Subject::Namespace(_) => &[],
    }
}

struct Changing<'a> {
    facts: &'a Facts,
    posed: Posed,
    change: &'a Change,
}

impl Changing<'_> {
    fn done(mut self) -> Result<Posed, InvalidCase> {
        let path = self.change.path.clone();
        match path.split('.').collect::<Vec<_>>().as_slice() {
            ["context", "scopes"] => {
                return Err(self.wrong("they are the scopes held: give them with `--scope`", None));
            }
            ["context", field] => self.field(field)?,
            ["context", field, attribute] => {
                let process = self.process(field)?;
                self.of_process(&process, attribute)?;
            }
            ["principal", "tags", key @ ..] if !key.is_empty() => {
                let key = key.join(".");
                let mut tags = tags(&self.posed.actor);
                match &self.change.value {
                    Json::Null => drop(tags.remove(&key)),
                    Json::String(value) => drop(tags.insert(key, value.clone())),
                    _ => return Err(self.must_be("a text, or null for no such tag")),
                }
                self.posed.actor = Arc::new(self.actor(None, Some(tags), None, None)?);
            }
            ["principal", attribute] => self.principal(attribute)?,
            ["resource", attribute] => self.resource(attribute)?,
            _ => return Err(self.unknown()),
        }
        Ok(self.posed)
    }

    fn field(&mut self, name: &str) -> Result<(), InvalidCase> {
        let spec = self.posed.spec;
        let tenant = self.posed.actor.tenant().clone();
        let mut reading =
            Reading { facts: self.facts, assumed: Assumed::StandIns, tenant: &tenant, said: Vec::new() };
        let value = &self.change.value;
        if name == "pid" {
            self.posed.process = match value {
                Json::Null => None,
                value => match reading.entity("pid", EntityType::Process, value)? {
                    Given::Process(process) => Some(process),
                    _ => None,
                },
            };
        } else {
            let Some(declared) = spec.context.iter().find(|declared| declared.name == name) else {
                return Err(self.unknown());
            };
            let given = match value {
                Json::Null if declared.required => {
                    return Err(self.wrong("it is always there", None));
                }
                Json::Null => None,
                value => Some(reading.given(spec, declared, value)?),
            };
            self.posed.fields.retain(|(known, _)| *known != declared.name);
            self.posed.fields.extend(given.map(|given| (declared.name, given)));
        }
        let unsaid = format!("`context.{name}` is not given");
        self.posed.assumed.retain(|said| !said.starts_with(&unsaid));
        self.posed.assumed.extend(reading.said);
        Ok(())
    }

    fn principal(&mut self, attribute: &str) -> Result<(), InvalidCase> {
        let value = &self.change.value;
        let texts = |items: &Vec<Json>| -> Option<Vec<String>> {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        };
        let actor = match (attribute, value) {
            ("verified", Json::Bool(verified)) => self.actor(None, None, Some(*verified), None)?,
            ("verified", _) => return Err(self.must_be("true or false")),
            ("authTime", Json::Null) => self.actor(None, None, None, Some(None))?,
            ("authTime", value) => {
                let seconds = value.as_i64();
                let seconds =
                    seconds.ok_or_else(|| self.must_be("a number of seconds since 1970, or null"))?;
                self.actor(None, None, None, Some(Some(seconds)))?
            }
            ("roles", Json::Array(items)) => {
                let roles = texts(items).ok_or_else(|| self.must_be("a list of texts, as `tenant/role`"))?;
                self.actor(Some(roles), None, None, None)?
            }
            ("roles", _) => return Err(self.must_be("a list of texts, as `tenant/role`")),
            ("tags", Json::Object(members)) => {
                let tags = members.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
                let tags: Option<BTreeMap<String, String>> = tags.collect();
                let tags = tags.ok_or_else(|| self.must_be("an object of texts"))?;
                self.actor(None, Some(tags), None, None)?
            }
            ("tags", _) => return Err(self.must_be("an object of texts")),
            ("tenant" | "kind" | "id", _) => {
                return Err(self.wrong("it follows from the actor's id: name another actor", None));
            }
            _ => return Err(self.unknown()),
        };
        self.posed.actor = Arc::new(actor);
        Ok(())
    }

    /// The principal with what is given, and else as it is.
    fn actor(
        &self,
        roles: Option<Vec<String>>,
        tags: Option<BTreeMap<String, String>>,
        verified: Option<bool>,
        auth_time: Option<Option<i64>>,
    ) -> Result<Actor, InvalidCase> {
        let known = &self.posed.actor;
        let roles = roles.unwrap_or_else(|| known.roles().map(str::to_owned).collect());
        let tags = tags.unwrap_or_else(|| self::tags(known));
        let made = Actor::parse(known.id())
            .and_then(|actor| actor.with_roles(roles.iter().map(String::as_str)))
            .and_then(|actor| actor.with_tags(tags));
        let mut actor = made.map_err(|error| self.invalid(&error))?;
        if verified.unwrap_or_else(|| known.verified()) {
            actor = actor.with_verified();
        }
        Ok(match auth_time.unwrap_or_else(|| known.auth_time()) {
            Some(seconds) => actor.with_auth_time(seconds),
            None => actor,
        })
    }

    fn resource(&mut self, attribute: &str) -> Result<(), InvalidCase> {
        let value = &self.change.value;
        match (self.posed.subject.clone(), attribute) {
            (Subject::Process(process), attribute) => self.of_process(&process, attribute)?,
            (Subject::Definition(known), "shared") => {
                let shared = value.as_bool().ok_or_else(|| self.must_be("true or false"))?;
                let made = Definition::new(known.id(), known.tenant(), shared);
                let made = made.map_err(|error| self.invalid(&error))?;
                self.posed.subject = Subject::Definition(Arc::new(made));
            }
            (Subject::Host(known), "tenant") => {
                let owner = match value {
                    Json::Null => None,
                    _ => Some(self.facts.tenant(&self.id(EntityType::Tenant)?)?),
                };
                let made = Host::new(known.id(), owner.as_ref()).map_err(|error| self.invalid(&error))?;
                self.posed.subject = Subject::Host(Arc::new(made));
            }
            (subject, attribute) => {
                let declared = subject.resource().entity_type().declaration().attributes;
                if declared.iter().any(|field| field.name == attribute) {
                    return Err(self.wrong("it follows from the resource's id: name another resource", None));
                }
                return Err(self.unknown());
            }
        }
        Ok(())
    }

    /// The process that a field of the context names.
    fn process(&self, field: &str) -> Result<Arc<Process>, InvalidCase> {
        let named = match field {
            "pid" => self.posed.process.clone(),
            name => self.posed.fields.iter().find_map(|(known, given)| match given {
                Given::Process(process) if *known == name => Some(process.clone()),
                _ => None,
            }),
        };
        let declared = BASE.iter().chain(self.posed.spec.context).find(|declared| declared.name == field);
        let is_process =
            declared.is_some_and(|declared| declared.kind == FieldType::Entity(EntityType::Process));
        match named {
            Some(process) => Ok(process),
            None if is_process => {
                Err(self.wrong(&format!("the case has no `context.{field}`: set that first"), None))
            }
            None => Err(self.unknown()),
        }
    }

    /// Changes a process wherever the case has it.
    fn of_process(&mut self, known: &Arc<Process>, attribute: &str) -> Result<(), InvalidCase> {
        let mut owner = known.owner().clone();
        let mut definition = known.definition().clone();
        let mut host = known.host().clone();
        let mut parent = known.parent().cloned();
        match attribute {
            "owner" => owner = self.facts.actor_or(&self.id(EntityType::Actor)?, Assumed::StandIns)?,
            "definition" => definition = self.facts.definition(&self.id(EntityType::Definition)?)?,
            "host" => host = self.facts.host(&self.id(EntityType::Host)?)?,
            "parent" if self.change.value.is_null() => parent = None,
            "parent" => parent = Some(self.facts.process(&self.id(EntityType::Process)?)?),
            "tenant" => {
                return Err(self.wrong("it is the tenant of the owner: set that", None));
            }
            _ => return Err(self.unknown()),
        }
        let pid = known.pid();
        let made =
            Arc::new(Process::new(pid.clone(), owner, definition, host, parent.as_ref(), known.address()));
        let is_it = |process: &Arc<Process>| process.pid() == pid;
        if self.posed.process.as_ref().is_some_and(is_it) {
            self.posed.process = Some(made.clone());
        }
        if matches!(&self.posed.subject, Subject::Process(process) if is_it(process)) {
            self.posed.subject = Subject::Process(made.clone());
        }
        for (_, given) in &mut self.posed.fields {
            if matches!(given, Given::Process(process) if is_it(process)) {
                *given = Given::Process(made.clone());
            }
        }
        Ok(())
    }

    /// The id that the value names, of a thing of this type.
    fn id(&self, kind: EntityType) -> Result<String, InvalidCase> {
        let reading = Reading {
            facts: self.facts,
            assumed: Assumed::Nothing,
            tenant: self.posed.actor.tenant(),
            said: Vec::new(),
        };
        reading.named(&self.change.path, kind, &self.change.value)
    }

    fn wrong(&self, why: &str, help: Option<String>) -> InvalidCase {
        InvalidCase::Change { path: self.change.path.clone(), why: why.to_owned(), help }
    }

    fn must_be(&self, what: &str) -> InvalidCase {
        self.wrong(&format!("it must be {what}"), None)
    }

    fn invalid(&self, error: &InvalidIdentity) -> InvalidCase {
        self.wrong(&error.to_string(), None)
    }

    fn unknown(&self) -> InvalidCase {
        let known = self.posed.changeable();
        let known = || known.iter().map(String::as_str);
        let near = did_you_mean(&self.change.path, known());
        let near = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
        let why = format!("`{}` has nothing of that name{near}", visible(self.posed.spec.action));
        self.wrong(&why, there_are(known()))
    }
}

fn tags(actor: &Actor) -> BTreeMap<String, String> {
    actor.tags().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
