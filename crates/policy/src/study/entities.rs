//! Facts from entities in Cedar's JSON form: those of a record, of Cedar's own tools, or of somebody's file.
//!
//! A set of entities can say what no running system could (a process whose tenant is not its owner's); that is
//! refused, since the gate would never decide on it. What an entity leaves to others must be told too, or be
//! known already.

use std::collections::BTreeMap;
use std::sync::Arc;

use diagnostic::{did_you_mean, visible};
use serde_json::{Map, Value as Json};

use super::case::type_named;
use super::facts::Facts;
use crate::identity::{Actor, Scope, Tenant, TenantId};
use crate::resource::{Definition, Host, Process};
use crate::schema::type_text;
use crate::vocabulary::{EntityType, FieldType};

/// An entity that cannot be, or that is not told whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", entity.as_ref().map_or(String::new(), |entity| format!("entity `{}`: ", visible(entity))))]
pub struct InvalidEntity {
    /// Its uid, where it has one. Hostile text.
    pub entity: Option<String>,
    /// What is wrong with it.
    pub why: String,
}

/// An entity as it is written.
struct Entity<'a> {
    attributes: &'a Map<String, Json>,
    parents: Vec<Uid>,
    tags: BTreeMap<String, String>,
}

type Uid = (EntityType, String);

static NONE: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);

impl Facts {
    /// Adds what a list of entities in Cedar's JSON form tells. Namespaces are known by their owners; roles and
    /// actions tell nothing of their own.
    ///
    /// # Errors
    /// The first that is wrong: not in that form, of an unknown type, with an unknown, missing or mistyped
    /// attribute, in contradiction to its id or to another, or with a reference to what is neither in the list
    /// nor known.
    pub fn add_entities(&mut self, entities: &Json) -> Result<(), InvalidEntity> {
        let whole = |why: &str| InvalidEntity { entity: None, why: why.to_owned() };
        let list =
            entities.as_array().ok_or_else(|| whole("entities are a list, as Cedar writes them in JSON"))?;
        let mut by_uid = BTreeMap::new();
        for entity in list {
            let Some((uid, entity)) = read(entity)? else { continue };
            if by_uid.insert(uid.clone(), entity).is_some() {
                return Err(wrong(&uid, "it is there twice"));
            }
        }
        let reader = Reader { entities: &by_uid };
        for (uid, entity) in &by_uid {
            reader.declared(uid, entity)?;
            match uid.0 {
                EntityType::Tenant => self.add_tenant(reader.tenant(uid, entity)?),
                EntityType::Namespace => {
                    let owner =
                        reader.tenant_of(uid, entity)?.ok_or_else(|| wrong(uid, "it has no tenant"))?;
                    self.own_namespace(uid.1.clone(), owner);
                }
                _ => {}
            }
        }
        for (uid, entity) in &by_uid {
            match uid.0 {
                EntityType::Actor => {
                    self.add_actor(uid.1.clone(), Arc::new(reader.actor(uid, entity)?));
                }
                EntityType::Definition => self.add_definition(Arc::new(reader.definition(uid, entity)?)),
                EntityType::Host => {
                    let owner = reader.tenant_of(uid, entity)?;
                    let host =
                        Host::new(&uid.1, owner.as_ref()).map_err(|error| wrong(uid, &error.to_string()))?;
                    self.add_host(Arc::new(host));
                }
                EntityType::Scope => self.add_scope(Arc::new(reader.scope(uid, entity)?)),
                _ => {}
            }
        }
        // Parents first, so that a process and the one that its child names are one thing in memory.
        for of_parents in [true, false] {
            let processes = by_uid.keys().filter(|uid| uid.0 == EntityType::Process);
            for uid in processes.filter(|uid| reader.has_no_parent(uid) == of_parents) {
                let process = reader.process(uid, self, true)?;
                self.add_process(uid.1.clone(), Arc::new(process));
            }
        }
        Ok(())
    }
}

struct Reader<'a> {
    entities: &'a BTreeMap<Uid, Entity<'a>>,
}

impl Reader<'_> {
    /// Whether an entity has the attributes that its type declares, and no other.
    fn declared(&self, uid: &Uid, entity: &Entity<'_>) -> Result<(), InvalidEntity> {
        let declaration = uid.0.declaration();
        for (name, value) in entity.attributes {
            let Some(field) = declaration.attributes.iter().find(|field| field.name == name) else {
                let near = did_you_mean(name, declaration.attributes.iter().map(|field| field.name));
                let near = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
                return Err(wrong(uid, &format!("it has no attribute `{}`{near}", visible(name))));
            };
            let fits = match field.kind {
                FieldType::Bool => value.is_boolean(),
                FieldType::Long => value.is_i64(),
                FieldType::String | FieldType::Via => value.is_string(),
                FieldType::Entity(kind) => uid_of(value).is_some_and(|(named, _)| named == kind),
                FieldType::Strings | FieldType::Entities(_) => value.is_array(),
            };
            if !fits {
                return Err(wrong(uid, &format!("attribute `{name}` must be a {}", type_text(field.kind))));
            }
        }
        if let Some(parent) = entity.parents.iter().find(|parent| !declaration.parents.contains(&parent.0)) {
            return Err(wrong(uid, &format!("it cannot be in a {}", parent.0.name())));
        }
        if !entity.tags.is_empty() && !declaration.tags {
            return Err(wrong(uid, "it can have no tags"));
        }
        let missing = declaration
            .attributes
            .iter()
            .find(|field| field.required && !entity.attributes.contains_key(field.name));
        match missing {
            Some(field) => Err(wrong(uid, &format!("attribute `{}` is missing", field.name))),
            None => Ok(()),
        }
    }

    fn tenant(&self, uid: &Uid, entity: &Entity<'_>) -> Result<Tenant, InvalidEntity> {
        Ok(Tenant {
            id: tenant_id(uid, &uid.1)?,
            suspended: truth(entity, "suspended"),
            plan: text(entity, "plan").unwrap_or_default().to_owned(),
        })
    }

    fn tenant_of(&self, uid: &Uid, entity: &Entity<'_>) -> Result<Option<TenantId>, InvalidEntity> {
        let named = entity.attributes.get("tenant").and_then(uid_of);
        named.map(|(_, tenant)| tenant_id(uid, &tenant)).transpose()
    }

    fn actor(&self, uid: &Uid, entity: &Entity<'_>) -> Result<Actor, InvalidEntity> {
        let invalid = |error: crate::identity::InvalidIdentity| wrong(uid, &error.to_string());
        let actor = actor_of(uid, &uid.1)?;
        let agrees = self.tenant_of(uid, entity)?.as_ref() == Some(actor.tenant())
            && text(entity, "kind") == Some(actor.kind().text());
        if !agrees {
            return Err(wrong(uid, "tenant and kind are not those that its id says"));
        }
        let roles = entity.parents.iter().filter(|(kind, _)| *kind == EntityType::Role);
        let actor = actor.with_roles(roles.map(|(_, id)| id.as_str())).map_err(invalid)?;
        let actor = actor.with_tags(entity.tags.clone()).map_err(invalid)?;
        let actor = if truth(entity, "verified") { actor.with_verified() } else { actor };
        Ok(match entity.attributes.get("authTime").and_then(Json::as_i64) {
            Some(seconds) => actor.with_auth_time(seconds),
            None => actor,
        })
    }

    fn definition(&self, uid: &Uid, entity: &Entity<'_>) -> Result<Definition, InvalidEntity> {
        let owner = self.tenant_of(uid, entity)?.ok_or_else(|| wrong(uid, "it has no tenant"))?;
        let definition = Definition::new(&uid.1, &owner, truth(entity, "shared"));
        let definition = definition.map_err(|error| wrong(uid, &error.to_string()))?;
        if text(entity, "name") != Some(definition.name()) {
            return Err(wrong(uid, "its name is not the one that its id says"));
        }
        Ok(definition)
    }

    fn scope(&self, uid: &Uid, entity: &Entity<'_>) -> Result<Scope, InvalidEntity> {
        let owner = self.tenant_of(uid, entity)?.ok_or_else(|| wrong(uid, "it has no tenant"))?;
        Scope::new(&uid.1, &owner, truth(entity, "shared")).map_err(|error| wrong(uid, &error.to_string()))
    }

    /// Whether a process is in the list, and no child of another.
    fn has_no_parent(&self, uid: &Uid) -> bool {
        self.entities.get(uid).is_some_and(|entity| !entity.attributes.contains_key("parent"))
    }

    /// A process; of its parent, the parent is not asked for.
    fn process(&self, uid: &Uid, facts: &Facts, with_parent: bool) -> Result<Process, InvalidEntity> {
        let unknown = |error: &dyn std::fmt::Display| wrong(uid, &format!("{error} among the entities"));
        let Some(entity) = self.entities.get(uid) else {
            let known = facts.process(&uid.1).map_err(|error| unknown(&error))?;
            return Ok(Process::clone(&known));
        };
        let named =
            |name: &str| entity.attributes.get(name).and_then(uid_of).map(|(_, id)| id).unwrap_or_default();
        let owner = match facts.actor(&named("owner")) {
            Ok(owner) => owner,
            Err(_) => Arc::new(actor_of(uid, &named("owner"))?),
        };
        if self.tenant_of(uid, entity)?.as_ref() != Some(owner.tenant()) {
            return Err(wrong(uid, "its tenant is not its owner's"));
        }
        let definition = facts.definition(&named("definition")).map_err(|error| unknown(&error))?;
        let host = facts.host(&named("host")).map_err(|error| unknown(&error))?;
        let parent = match entity.attributes.get("parent").and_then(uid_of) {
            Some(parent) if with_parent && self.has_no_parent(&parent) => {
                Some(facts.process(&parent.1).map_err(|error| unknown(&error))?)
            }
            Some(parent) if with_parent => Some(Arc::new(self.process(&parent, facts, false)?)),
            _ => None,
        };
        Ok(Process::new(uid.1.as_str(), owner, definition, host, parent.as_ref(), 0))
    }
}

/// One entity of a list; nothing for an action, which the schema has.
fn read(entity: &Json) -> Result<Option<(Uid, Entity<'_>)>, InvalidEntity> {
    let whole = |why: String| InvalidEntity { entity: None, why };
    let written = entity.get("uid").ok_or_else(|| whole("an entity has no `uid`".to_owned()))?;
    let reference = written.get("__entity").unwrap_or(written);
    let kind = reference.get("type").and_then(Json::as_str).unwrap_or_default();
    if kind == "Moonward::Action" || kind == "Action" {
        return Ok(None);
    }
    let Some(uid) = uid_of(written) else {
        let near = did_you_mean(kind.trim_start_matches("Moonward::"), EntityType::ALL.map(EntityType::name));
        let near = near.map_or(String::new(), |near| format!(", did you mean `Moonward::{near}`?"));
        return Err(whole(format!("`{written}` is no uid of a type that there is{near}")));
    };
    let mut tags = BTreeMap::new();
    for (key, value) in entity.get("tags").and_then(Json::as_object).into_iter().flatten() {
        let Some(value) = value.as_str() else { return Err(wrong(&uid, "a tag is text")) };
        tags.insert(key.clone(), value.to_owned());
    }
    let mut parents = Vec::new();
    for parent in entity.get("parents").and_then(Json::as_array).into_iter().flatten() {
        parents.push(uid_of(parent).ok_or_else(|| wrong(&uid, &format!("`{parent}` is no parent")))?);
    }
    let attributes = entity.get("attrs").and_then(Json::as_object).unwrap_or(&NONE);
    Ok(Some((uid, Entity { attributes, parents, tags })))
}

fn uid_of(value: &Json) -> Option<Uid> {
    let reference = value.get("__entity").unwrap_or(value);
    let kind = type_named(reference.get("type")?.as_str()?)?;
    Some((kind, reference.get("id")?.as_str()?.to_owned()))
}

fn truth(entity: &Entity<'_>, name: &str) -> bool {
    entity.attributes.get(name).and_then(Json::as_bool).unwrap_or_default()
}

fn text<'a>(entity: &'a Entity<'_>, name: &str) -> Option<&'a str> {
    entity.attributes.get(name).and_then(Json::as_str)
}

/// A tenant, or the one that nobody has and that stands where it is not known whose something is.
fn tenant_id(uid: &Uid, id: &str) -> Result<TenantId, InvalidEntity> {
    if id == TenantId::nobody().as_str() {
        return Ok(TenantId::nobody());
    }
    TenantId::new(id).map_err(|error| wrong(uid, &error.to_string()))
}

fn actor_of(uid: &Uid, id: &str) -> Result<Actor, InvalidEntity> {
    let stand_in = Actor::stand_in(&TenantId::nobody());
    if **stand_in.id() == *id {
        return Ok(stand_in);
    }
    Actor::parse(id).map_err(|error| wrong(uid, &error.to_string()))
}

fn wrong(uid: &Uid, why: &str) -> InvalidEntity {
    let entity = format!("Moonward::{}::\"{}\"", uid.0.name(), uid.1);
    InvalidEntity { entity: Some(entity), why: why.to_owned() }
}
