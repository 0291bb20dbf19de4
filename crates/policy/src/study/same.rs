//! Whether a case is the one that a record tells of: its context and its entities, member by member, held against what the
//! engine would be given now. Both come from one description of things (`entity`), so that nothing is made for it.
//!
//! Lists are sets here, as they are to the engine. Whatever else is in the record than would be written now makes it another
//! case.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::case::type_named;
use crate::cedar::name_id;
use crate::entity::{Plain, Tenants, Thing, principal_attributes, things};
use crate::generation::Question;
use crate::identity::{Actor, TenantId};
use crate::permission::Datum;
use crate::vocabulary::EntityType;

/// Whether the engine would be given exactly this context and these entities.
pub(crate) fn is_recorded(
    question: &Question<'_>,
    tenants: &Tenants,
    context: &Map<String, Json>,
    entities: &[Json],
) -> bool {
    says_context(question, context) && says_entities(question, tenants, entities).unwrap_or_default()
}

fn says_context(question: &Question<'_>, context: &Map<String, Json>) -> bool {
    let fields = question.context.fields();
    let scopes: BTreeSet<&str> = question.scopes.ids().collect();
    let recorded = context.get("scopes").and_then(Json::as_array);
    let recorded: Option<BTreeSet<&str>> =
        recorded.and_then(|all| all.iter().map(|one| named(one, EntityType::Scope)).collect());
    let pid = match question.process {
        Some(process) => {
            context.get("pid").and_then(|pid| named(pid, EntityType::Process)) == Some(process.pid())
        }
        None => !context.contains_key("pid"),
    };
    let members = 1 + usize::from(question.process.is_some()) + fields.iter().count();
    let says = |(name, datum): (&str, Datum<'_>)| {
        context.get(name).is_some_and(|value| match datum {
            Datum::Bool(truth) => value.as_bool() == Some(truth),
            Datum::Long(number) => value.as_i64() == Some(number),
            Datum::String(text) => value.as_str() == Some(text),
            Datum::Via(via) => value.as_str() == Some(via.text()),
            Datum::Strings(texts) => {
                let recorded: Option<BTreeSet<&str>> =
                    value.as_array().and_then(|all| all.iter().map(Json::as_str).collect());
                recorded == Some(texts.iter().map(|text| &**text).collect())
            }
            Datum::Host(host) => named(value, EntityType::Host) == Some(host.id()),
            Datum::Process(process) => named(value, EntityType::Process) == Some(process.pid()),
            Datum::Actor(actor) => named(value, EntityType::Actor) == Some(actor.id()),
            Datum::Scope(scope) => named(value, EntityType::Scope) == Some(scope.id()),
        })
    };
    context.len() == members && recorded == Some(scopes) && pid && fields.iter().all(says)
}

/// One entity as it would be given.
#[derive(Clone, Copy)]
enum Given<'a> {
    Principal(&'a Actor),
    /// A role of this tenant's.
    Role(&'a TenantId),
    Thing(Thing<'a>),
}

fn says_entities(question: &Question<'_>, tenants: &Tenants, entities: &[Json]) -> Option<bool> {
    let actor = question.actor;
    let fields = question.context.fields();
    let things = things(actor, question.scopes, &question.resource, question.process, &fields);
    let roles = actor.roles().map(|role| ((EntityType::Role, Cow::from(role)), Given::Role(actor.tenant())));
    let mut given: Vec<((EntityType, Cow<'_, str>), Given<'_>)> = roles.collect();
    for thing in things {
        let what = match thing {
            Thing::Actor(one) if one.id() == actor.id() => Given::Principal(actor),
            thing => Given::Thing(thing),
        };
        given.push((uid_of_thing(thing), what));
    }
    let mut recorded: Vec<((EntityType, Cow<'_, str>), &Json)> = Vec::with_capacity(entities.len());
    for entity in entities {
        let (kind, id) = uid(entity.get("uid")?)?;
        recorded.push(((kind, Cow::from(id)), entity));
    }
    if given.len() != recorded.len() {
        return Some(false);
    }
    given.sort_by(|one, other| one.0.cmp(&other.0));
    recorded.sort_by(|one, other| one.0.cmp(&other.0));
    let same = given.iter().zip(&recorded).all(|((uid, given), (recorded, entity))| {
        uid == recorded && given.is_said_by(tenants, entity).unwrap_or_default()
    });
    Some(same)
}

impl Given<'_> {
    /// Whether an entity in a record says the same.
    fn is_said_by(self, tenants: &Tenants, entity: &Json) -> Option<bool> {
        let members = entity.as_object()?;
        let attributes = entity.get("attrs")?.as_object()?;
        let parents: Vec<(EntityType, &str)> =
            entity.get("parents")?.as_array()?.iter().map(uid).collect::<Option<_>>()?;
        let tags = match members.get("tags") {
            Some(tags) => Some(tags.as_object()?),
            None => None,
        };
        if members.len() != 3 + usize::from(tags.is_some()) {
            return Some(false);
        }
        let said = match self {
            Self::Principal(actor) => principal_attributes(actor),
            Self::Role(_) => return Some(attributes.is_empty() && self.is_in(&parents) && no_tags(tags)),
            Self::Thing(thing) => thing.attributes(tenants),
        };
        let says = |(name, value): (&str, Plain<'_>)| {
            attributes.get(name).is_some_and(|recorded| match value {
                Plain::Text(text) => recorded.as_str() == Some(text),
                Plain::Truth(truth) => recorded.as_bool() == Some(truth),
                Plain::Long(number) => recorded.as_i64() == Some(number),
                Plain::Entity(kind, id) => named(recorded, kind) == Some(id),
            })
        };
        let tagged = match self {
            Self::Principal(actor) => {
                let recorded = |key: &str| tags.and_then(|tags| tags.get(key)?.as_str());
                actor.tags().count() == tags.map_or(0, Map::len)
                    && actor.tags().all(|(key, value)| recorded(key) == Some(value))
            }
            _ => no_tags(tags),
        };
        let same = said.iter().count() == attributes.len() && said.iter().all(says);
        Some(same && tagged && self.is_in(&parents))
    }

    /// Whether these are what it is in, near or far, in any order.
    fn is_in(self, parents: &[(EntityType, &str)]) -> bool {
        let recorded: BTreeSet<(EntityType, &str)> = parents.iter().copied().collect();
        match self {
            Self::Principal(actor) => {
                let roles = actor.roles().map(|role| (EntityType::Role, role));
                recorded == roles.chain([(EntityType::Tenant, actor.tenant().as_str())]).collect()
            }
            Self::Role(tenant) => recorded == BTreeSet::from([(EntityType::Tenant, tenant.as_str())]),
            Self::Thing(thing) => recorded == std::iter::successors(thing.parent(), around).collect(),
        }
    }
}

/// What a parent is in itself.
fn around<'a>(&(kind, id): &(EntityType, &'a str)) -> Option<(EntityType, &'a str)> {
    match kind {
        EntityType::Namespace => Some((kind, id.rsplit_once('.')?.0)),
        _ => None,
    }
}

fn no_tags(tags: Option<&Map<String, Json>>) -> bool {
    tags.is_none_or(Map::is_empty)
}

fn uid_of_thing(thing: Thing<'_>) -> (EntityType, Cow<'_, str>) {
    match thing {
        Thing::Process(process) => (EntityType::Process, Cow::from(&**process.pid())),
        Thing::Definition(definition) => (EntityType::Definition, Cow::from(&**definition.id())),
        Thing::Namespace(name, _) => (EntityType::Namespace, Cow::from(name)),
        Thing::Host(host) => (EntityType::Host, Cow::from(&**host.id())),
        Thing::Name(name) => (EntityType::Name, Cow::from(name_id(name))),
        Thing::Facility(facility) => (EntityType::Facility, Cow::from(facility.id())),
        Thing::Actor(actor) => (EntityType::Actor, Cow::from(&**actor.id())),
        Thing::Scope(scope) => (EntityType::Scope, Cow::from(&**scope.id())),
        Thing::Tenant(tenant) => (EntityType::Tenant, Cow::from(tenant.as_str())),
    }
}

/// The id of an entity of this type that a value names, in the form that values have.
fn named(value: &Json, kind: EntityType) -> Option<&str> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let (named, id) = plain_uid(members.get("__entity")?)?;
    (named == kind).then_some(id)
}

/// A uid where nothing else can stand: in either form.
fn uid(value: &Json) -> Option<(EntityType, &str)> {
    match value.as_object()?.get("__entity") {
        Some(uid) if value.as_object()?.len() == 1 => plain_uid(uid),
        Some(_) => None,
        None => plain_uid(value),
    }
}

fn plain_uid(value: &Json) -> Option<(EntityType, &str)> {
    let members = value.as_object().filter(|members| members.len() == 2)?;
    let kind = members.get("type")?.as_str()?.strip_prefix("Moonward::")?;
    Some((type_named(kind)?, members.get("id")?.as_str()?))
}
