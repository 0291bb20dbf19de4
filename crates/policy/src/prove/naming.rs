//! Names for what a solver made up: ids as a running system has them, in place of its own.
//!
//! An entity that no policy names can be called anything. One that a policy names keeps its id, and what the solver says
//! of it. Whether the outcome can be is not known here: the engine is asked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::known::Named;
use crate::cedar::NAMESPACE;
use crate::identity::{ActorKind, TenantId};
use crate::permission::Spec;
use crate::resource::{Definition, Name};
use crate::study::type_named;
use crate::vocabulary::EntityType;

/// A request with its entities, in Cedar's JSON forms.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) principal: Named,
    pub(super) resource: Named,
    pub(super) context: Json,
    pub(super) entities: Json,
}

const TENANTS: [&str; 5] = ["acme", "beta", "gamma", "delta", "epsilon"];

const PEOPLE: [&str; 5] = ["ada", "bob", "cleo", "dan", "eve"];

/// Types in the order in which ids follow from one another.
const ORDER: [EntityType; 10] = [
    EntityType::Tenant,
    EntityType::Namespace,
    EntityType::Role,
    EntityType::Actor,
    EntityType::Definition,
    EntityType::Host,
    EntityType::Scope,
    EntityType::Name,
    EntityType::Process,
    EntityType::Facility,
];

/// The same with readable ids. `named` are the entities that policies name.
pub(super) fn readable(told: Told, spec: &Spec, named: &[Named]) -> Told {
    let mut naming = Naming { spec, named, entities: BTreeMap::new(), ids: BTreeMap::new() };
    for entity in told.entities.as_array().into_iter().flatten() {
        if let Some(uid) = entity.get("uid").and_then(uid_of) {
            naming.entities.insert(uid, entity.clone());
        }
    }
    // Who asks and what for come first, so that they get the first names.
    let asked = [&told.principal, &told.resource];
    for uid in asked {
        if let Some(tenant) = naming.refers(uid, "tenant") {
            naming.name(&tenant);
        }
    }
    for kind in ORDER {
        let first = asked.into_iter().filter(|uid| uid.0 == kind).cloned();
        let rest = naming.entities.keys().filter(|uid| uid.0 == kind).cloned();
        for uid in first.chain(rest).collect::<Vec<_>>() {
            naming.name(&uid);
        }
    }
    naming.rename(told)
}

struct Naming<'a> {
    spec: &'a Spec,
    named: &'a [Named],
    entities: BTreeMap<Named, Json>,
    ids: BTreeMap<Named, String>,
}

impl Naming<'_> {
    fn name(&mut self, uid: &Named) {
        if self.ids.contains_key(uid) {
            return;
        }
        let id = if self.named.contains(uid) { uid.1.clone() } else { self.made_up(uid) };
        self.ids.insert(uid.clone(), id);
    }

    fn made_up(&mut self, uid: &Named) -> String {
        let kind = uid.0;
        match kind {
            EntityType::Tenant => self.first_free(kind, "tenant-", &TENANTS, |tenant| tenant.to_owned()),
            EntityType::Namespace => {
                let around = self.above(uid, EntityType::Namespace);
                let around = around.unwrap_or_else(|| self.tenant(uid));
                self.first_free(kind, "part", &[], |part| format!("{around}.{part}"))
            }
            EntityType::Role => {
                let tenant =
                    self.above(uid, EntityType::Tenant).unwrap_or_else(|| self.tenant_of_holder(uid));
                self.first_free(kind, "role", &["clerk"], |role| format!("{tenant}/{role}"))
            }
            EntityType::Actor => {
                let tenant = self.tenant(uid);
                let told = self.text(uid, "kind").and_then(|kind| ActorKind::from_text(&kind));
                let word = told.unwrap_or(ActorKind::User).text();
                self.set(uid, "kind", word);
                self.first_free(kind, "person", &PEOPLE, |name| format!("{tenant}/{word}/{name}"))
            }
            EntityType::Definition => {
                let namespace = self.above(uid, EntityType::Namespace).unwrap_or_else(|| self.tenant(uid));
                let told = self.text(uid, "name").unwrap_or_default();
                let fits =
                    Definition::new(&format!("{namespace}:{told}"), &TenantId::system(), false).is_ok();
                let first = if fits { told.as_str() } else { "work" };
                let id = self.first_free(kind, "work", &[first], |name| format!("{namespace}:{name}"));
                self.set(uid, "name", id.split_once(':').map_or("", |(_, name)| name));
                id
            }
            EntityType::Host => {
                let of =
                    if self.refers(uid, "tenant").is_some() { self.tenant(uid) } else { "app".to_owned() };
                self.first_free(kind, "processes", &["processes"], |name| format!("{of}:{name}"))
            }
            EntityType::Scope => {
                let tenant = self.tenant(uid);
                let of = if tenant == TenantId::system().as_str() { "app".to_owned() } else { tenant };
                self.first_free(kind, "scope", &["staff"], |name| format!("{of}:{name}"))
            }
            EntityType::Name => {
                let tenant = self.tenant(uid);
                let told = self.text(uid, "value").unwrap_or_default();
                let first =
                    if Name::new(&TenantId::system(), &told).is_ok() { told.as_str() } else { "orders" };
                let id = self.first_free(kind, "orders", &[first], |name| format!("{tenant}/{name}"));
                self.set(uid, "value", id.split_once('/').map_or("", |(_, value)| value));
                id
            }
            EntityType::Process => self.first_free(kind, "p", &[], str::to_owned),
            EntityType::Facility => {
                self.spec.action.split_once('.').map_or("context", |(_, facility)| facility).to_owned()
            }
        }
    }

    /// The first of these names, or else `stem` with a number, under which nothing else is known.
    fn first_free(
        &self,
        kind: EntityType,
        stem: &str,
        names: &[&str],
        id: impl Fn(&str) -> String,
    ) -> String {
        let taken: BTreeSet<&str> = (self.ids.iter())
            .filter(|((known, _), _)| *known == kind)
            .map(|(_, id)| id.as_str())
            .chain(self.named.iter().filter(|(known, _)| *known == kind).map(|(_, id)| id.as_str()))
            .collect();
        let numbered = (1..).map(|number: u64| format!("{stem}{number}"));
        let mut ids = names.iter().map(|name| (*name).to_owned()).chain(numbered).map(|name| id(&name));
        ids.find(|id| !taken.contains(id.as_str())).unwrap_or_default()
    }

    /// The new id of its tenant.
    fn tenant(&mut self, uid: &Named) -> String {
        match self.refers(uid, "tenant") {
            Some(tenant) => {
                self.name(&tenant);
                self.ids.get(&tenant).cloned().unwrap_or_default()
            }
            None => TenantId::system().as_str().to_owned(),
        }
    }

    fn tenant_of_holder(&mut self, role: &Named) -> String {
        let holder = self.entities.keys().find(|uid| self.parents(uid).contains(role)).cloned();
        holder.map_or_else(|| TenantId::system().as_str().to_owned(), |holder| self.tenant(&holder))
    }

    /// The longest new id of what it is in.
    fn above(&mut self, uid: &Named, kind: EntityType) -> Option<String> {
        let above: Vec<Named> = self.parents(uid).into_iter().filter(|parent| parent.0 == kind).collect();
        above.iter().for_each(|parent| self.name(parent));
        above.iter().filter_map(|parent| self.ids.get(parent)).max_by_key(|id| id.len()).cloned()
    }

    fn parents(&self, uid: &Named) -> Vec<Named> {
        let parents =
            self.entities.get(uid).and_then(|entity| entity.get("parents")).and_then(Json::as_array);
        parents.into_iter().flatten().filter_map(uid_of).collect()
    }

    fn refers(&self, uid: &Named, name: &str) -> Option<Named> {
        self.entities.get(uid)?.get("attrs")?.get(name).and_then(uid_of)
    }

    fn text(&self, uid: &Named, name: &str) -> Option<String> {
        Some(self.entities.get(uid)?.get("attrs")?.get(name)?.as_str()?.to_owned())
    }

    fn set(&mut self, uid: &Named, name: &str, value: &str) {
        let entity = self.entities.get_mut(uid).and_then(|entity| entity.get_mut("attrs"));
        if let Some(Json::Object(attributes)) = entity {
            attributes.insert(name.to_owned(), value.into());
        }
    }

    fn rename(&self, told: Told) -> Told {
        let id = |uid: Named| {
            let id = self.ids.get(&uid).cloned();
            (uid.0, id.unwrap_or(uid.1))
        };
        let entities = self.entities.values().map(|entity| self.renamed(entity)).map(own_roles);
        Told {
            principal: id(told.principal),
            resource: id(told.resource),
            context: self.renamed(&told.context),
            entities: entities.collect(),
        }
    }

    fn renamed(&self, value: &Json) -> Json {
        match value {
            Json::Array(items) => items.iter().map(|item| self.renamed(item)).collect(),
            Json::Object(members) => {
                match plain_uid(members).and_then(|uid| Some((self.ids.get(&uid)?, uid))) {
                    Some((id, uid)) => json!({"type": format!("{NAMESPACE}::{}", uid.0.name()), "id": id}),
                    None => {
                        members.iter().map(|(name, member)| (name.clone(), self.renamed(member))).collect()
                    }
                }
            }
            other => other.clone(),
        }
    }
}

/// An actor without the roles of other tenants, which none can have.
fn own_roles(mut entity: Json) -> Json {
    let Some((EntityType::Actor, id)) = entity.get("uid").and_then(uid_of) else { return entity };
    let tenant = id.split('/').next().unwrap_or_default().to_owned();
    let own = |parent: &Json| match uid_of(parent) {
        Some((EntityType::Role, role)) => role.split('/').next() == Some(tenant.as_str()),
        _ => true,
    };
    if let Some(Json::Array(parents)) = entity.get_mut("parents") {
        parents.retain(own);
    }
    entity
}

/// The uid that a value is, in either of Cedar's forms.
pub(super) fn uid_of(value: &Json) -> Option<Named> {
    plain_uid(value.get("__entity").unwrap_or(value).as_object()?)
}

fn plain_uid(members: &Map<String, Json>) -> Option<Named> {
    let text = |name: &str| members.get(name).and_then(Json::as_str);
    Some((type_named(text("type").filter(|_| members.len() == 2)?)?, text("id")?.to_owned()))
}
