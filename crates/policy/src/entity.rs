//! The entities of a check: everything that policies could read, and what it points to, until nothing is missing.
//!
//! A missing entity would make a `forbid` that reads it fail and be skipped by Cedar, and `has` and `in` answer
//! no; so a set is always closed. Each uid occurs once in it: the principal's own version and those of the scopes held
//! first, then that of the resource, of the caller's process and of the context, then what these point to. Other actors appear with `tenant`, `kind` and
//! `verified` only, and a parent process without a parent of its own.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cedar_policy::{Entities, Entity, EntityUid, RestrictedExpression};

use crate::cedar::{ACTIONS, action_uid, name_id, tenant_uid, uid};
use crate::identity::{Actor, Scope, ScopeSet, Tenant, TenantId};
use crate::permission::{Datum, Fields, Resource, Spec};
use crate::resource::{Definition, Facility, Host, Name, Process};
use crate::vocabulary::EntityType;

/// The declared tenants, by id.
pub(crate) type Tenants = BTreeMap<TenantId, Tenant>;

/// A question that cannot be put to Cedar, which follows from no input that our constructors let through. The
/// answer is no.
#[derive(Debug, thiserror::Error)]
#[error("the check cannot be put to the engine: {0}")]
pub(crate) struct Unanswerable(String);

impl Unanswerable {
    pub(crate) fn new(why: &dyn std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// One thing that becomes an entity.
#[derive(Clone, Copy)]
pub(crate) enum Thing<'a> {
    Process(&'a Process),
    Definition(&'a Definition),
    Namespace(&'a str, &'a TenantId),
    Host(&'a Host),
    Name(&'a Name),
    Facility(Facility),
    Actor(&'a Actor),
    Scope(&'a Scope),
    Tenant(&'a TenantId),
}

/// The principal, its roles, the scopes held, their tenants, and the action with its groups: the part that all checks of one
/// actor for one permission share.
pub(crate) fn of_class(
    actor: &Actor,
    scopes: &ScopeSet,
    spec: &Spec,
    tenants: &Tenants,
) -> Result<Entities, Unanswerable> {
    let tenant = tenant_uid(actor.tenant());
    let roles: Vec<EntityUid> = actor.roles().map(|role| uid(EntityType::Role, role)).collect();
    let mut entities = vec![principal(actor, &roles)?];
    for role in roles {
        entities.push(Entity::new_no_attrs(role, HashSet::from([tenant.clone()])));
    }
    let mut closure = Closure::new(Entities::empty(), tenants);
    closure.put(Thing::Tenant(actor.tenant()));
    for scope in scopes.iter() {
        closure.put(Thing::Scope(scope));
    }
    closure.close()?;
    entities.append(&mut closure.made);
    let action = action_uid(spec.action);
    let above = ACTIONS.ancestors(&action).into_iter().flatten().filter_map(|group| ACTIONS.get(group));
    entities.extend(ACTIONS.get(&action).into_iter().chain(above).cloned());
    Entities::from_entities(entities, None).map_err(|error| Unanswerable::new(&error))
}

/// All entities of one check: the shared part, and whatever the request names.
pub(crate) fn of_check(
    shared: &Entities,
    tenants: &Tenants,
    resource: &Resource<'_>,
    process: Option<&Arc<Process>>,
    context: &Fields<'_>,
) -> Result<Entities, Unanswerable> {
    let mut closure = Closure::new(shared.clone(), tenants);
    closure.put(Thing::of_resource(resource));
    process.into_iter().for_each(|process| closure.put(Thing::Process(process)));
    context.iter().filter_map(|(_, datum)| Thing::of_datum(&datum)).for_each(|thing| closure.put(thing));
    closure.close()?;
    closure.shared.add_entities(closure.made, None).map_err(|error| Unanswerable::new(&error))
}

/// A set being built. Things are handled in the order in which they are put, so that what the request itself names comes before what
/// it merely points to.
struct Closure<'a> {
    shared: Entities,
    tenants: &'a Tenants,
    /// All that were put, each once: so few that a search costs less than a hash.
    things: Vec<Thing<'a>>,
    made: Vec<Entity>,
}

impl<'a> Closure<'a> {
    fn new(shared: Entities, tenants: &'a Tenants) -> Self {
        Self { shared, tenants, things: Vec::new(), made: Vec::new() }
    }

    fn put(&mut self, thing: Thing<'a>) {
        if !self.things.iter().any(|put| put.is(thing)) {
            self.things.push(thing);
        }
    }

    fn close(&mut self) -> Result<(), Unanswerable> {
        let mut next = 0;
        while let Some(thing) = self.things.get(next).copied() {
            next += 1;
            let uid = thing.uid();
            if self.shared.get(&uid).is_none() {
                self.made.push(thing.entity(uid, self.tenants)?);
                thing.points_to().for_each(|pointed| self.put(pointed));
            }
        }
        Ok(())
    }
}

impl<'a> Thing<'a> {
    pub(crate) fn of_resource(resource: &Resource<'a>) -> Self {
        match *resource {
            Resource::Process(process) => Self::Process(process),
            Resource::Definition(definition) => Self::Definition(definition),
            Resource::Host(host) => Self::Host(host),
            Resource::Name(name) => Self::Name(name),
            Resource::Facility(facility) => Self::Facility(facility),
            Resource::Tenant(tenant) => Self::Tenant(tenant),
            Resource::Namespace(namespace) => Self::Namespace(namespace.name(), namespace.tenant()),
        }
    }

    pub(crate) fn of_datum(datum: &Datum<'a>) -> Option<Self> {
        match *datum {
            Datum::Host(host) => Some(Self::Host(host)),
            Datum::Process(process) => Some(Self::Process(process)),
            Datum::Actor(actor) => Some(Self::Actor(actor)),
            Datum::Scope(scope) => Some(Self::Scope(scope)),
            Datum::Bool(_) | Datum::Long(_) | Datum::String(_) | Datum::Strings(_) | Datum::Via(_) => None,
        }
    }

    fn uid(self) -> EntityUid {
        match self {
            Self::Process(process) => uid(EntityType::Process, process.pid()),
            Self::Definition(definition) => uid(EntityType::Definition, definition.id()),
            Self::Namespace(name, _) => uid(EntityType::Namespace, name),
            Self::Host(host) => uid(EntityType::Host, host.id()),
            Self::Name(name) => uid(EntityType::Name, &name_id(name)),
            Self::Facility(facility) => uid(EntityType::Facility, facility.id()),
            Self::Actor(actor) => uid(EntityType::Actor, actor.id()),
            Self::Scope(scope) => uid(EntityType::Scope, scope.id()),
            Self::Tenant(tenant) => tenant_uid(tenant),
        }
    }

    /// The texts that its id is made of.
    pub(crate) fn write_id(self, mut write: impl FnMut(&str)) {
        match self {
            Self::Process(process) => write(process.pid()),
            Self::Definition(definition) => write(definition.id()),
            Self::Namespace(name, _) => write(name),
            Self::Host(host) => write(host.id()),
            Self::Name(name) => {
                write(name.tenant().as_str());
                write(name.value());
            }
            Self::Facility(facility) => write(facility.id()),
            Self::Actor(actor) => write(actor.id()),
            Self::Scope(scope) => write(scope.id()),
            Self::Tenant(tenant) => write(tenant.as_str()),
        }
    }

    /// Whether the two are one entity: of one type and one id.
    pub(crate) fn is(self, other: Thing<'_>) -> bool {
        let same = |one: &Arc<str>, other: &Arc<str>| Arc::ptr_eq(one, other) || one == other;
        match (self, other) {
            (Self::Process(one), Thing::Process(other)) => same(one.pid(), other.pid()),
            (Self::Definition(one), Thing::Definition(other)) => same(one.id(), other.id()),
            (Self::Namespace(one, _), Thing::Namespace(other, _)) => one == other,
            (Self::Host(one), Thing::Host(other)) => same(one.id(), other.id()),
            (Self::Name(one), Thing::Name(other)) => one == other,
            (Self::Facility(one), Thing::Facility(other)) => one == other,
            (Self::Actor(one), Thing::Actor(other)) => same(one.id(), other.id()),
            (Self::Scope(one), Thing::Scope(other)) => same(one.id(), other.id()),
            (Self::Tenant(one), Thing::Tenant(other)) => same(one.text(), other.text()),
            _ => false,
        }
    }

    /// Whether it is another entity than `other`, or says the same.
    pub(crate) fn agrees(self, other: Thing<'_>) -> bool {
        match (self, other) {
            (Self::Process(one), Thing::Process(other)) => {
                std::ptr::eq(one, other) || one.pid() != other.pid()
            }
            (Self::Definition(one), Thing::Definition(other)) => {
                std::ptr::eq(one, other) || one.id() != other.id() || one == other
            }
            (Self::Host(one), Thing::Host(other)) => {
                std::ptr::eq(one, other) || one.id() != other.id() || one == other
            }
            (Self::Actor(one), Thing::Actor(other)) => {
                std::ptr::eq(one, other)
                    || one.id() != other.id()
                    || (one.kind(), one.verified()) == (other.kind(), other.verified())
            }
            (Self::Scope(one), Thing::Scope(other)) => one.id() != other.id() || one == other,
            (Self::Namespace(one, of_one), Thing::Namespace(other, of_other)) => {
                one != other || of_one == of_other
            }
            _ => true,
        }
    }

    /// What its attributes and parents name.
    pub(crate) fn points_to(self) -> impl Iterator<Item = Thing<'a>> {
        let things = match self {
            Self::Process(process) => [
                Some(Self::Actor(process.owner())),
                Some(Self::Definition(process.definition())),
                Some(Self::Host(process.host())),
                process.parent().map(|parent| Self::Process(parent)),
            ],
            Self::Definition(definition) => one(Self::Namespace(definition.namespace(), definition.tenant())),
            // The namespaces around one are taken to be its owner's; no policy can read whose they are.
            Self::Namespace(name, tenant) => {
                let around = name.rsplit_once('.').map(|(around, _)| Self::Namespace(around, tenant));
                [around, Some(Self::Tenant(tenant)), None, None]
            }
            Self::Host(host) => [host.tenant().map(Self::Tenant), None, None, None],
            Self::Name(name) => one(Self::Tenant(name.tenant())),
            Self::Actor(actor) => one(Self::Tenant(actor.tenant())),
            Self::Scope(scope) => one(Self::Tenant(scope.tenant())),
            Self::Facility(_) | Self::Tenant(_) => [None; 4],
        };
        things.into_iter().flatten()
    }

    pub(crate) fn entity(self, uid: EntityUid, tenants: &Tenants) -> Result<Entity, Unanswerable> {
        match self {
            Self::Process(process) => process_entity(uid, process),
            Self::Definition(definition) => {
                let attributes = [
                    ("tenant", tenant(definition.tenant())),
                    ("name", text(definition.name())),
                    ("shared", truth(definition.shared())),
                ];
                let namespace = crate::cedar::uid(EntityType::Namespace, definition.namespace());
                entity(uid, attributes, Some(namespace))
            }
            Self::Namespace(name, owner) => {
                let around = name.rsplit_once('.').map(|(around, _)| around);
                let parent = around.map(|around| crate::cedar::uid(EntityType::Namespace, around));
                entity(uid, [("tenant", tenant(owner))], parent)
            }
            Self::Host(host) => entity(uid, host.tenant().map(|owner| ("tenant", tenant(owner))), None),
            Self::Name(name) => {
                entity(uid, [("tenant", tenant(name.tenant())), ("value", text(name.value()))], None)
            }
            Self::Facility(_) => Ok(Entity::with_uid(uid)),
            Self::Actor(actor) => entity(uid, actor_attributes(actor), Some(tenant_uid(actor.tenant()))),
            Self::Scope(scope) => {
                entity(uid, [("tenant", tenant(scope.tenant())), ("shared", truth(scope.shared()))], None)
            }
            Self::Tenant(id) => tenant_entity(uid, tenants.get(id)),
        }
    }
}

fn one(thing: Thing<'_>) -> [Option<Thing<'_>>; 4] {
    [Some(thing), None, None, None]
}

fn principal(actor: &Actor, roles: &[EntityUid]) -> Result<Entity, Unanswerable> {
    let auth_time = actor.auth_time().map(|seconds| ("authTime", RestrictedExpression::new_long(seconds)));
    let attributes = actor_attributes(actor).into_iter().chain(auth_time);
    Entity::new_with_tags(
        uid(EntityType::Actor, actor.id()),
        attributes.map(|(name, value)| (name.to_owned(), value)),
        roles.iter().cloned().chain([tenant_uid(actor.tenant())]),
        actor.tags().map(|(key, value)| (key.to_owned(), text(value))),
    )
    .map_err(|error| Unanswerable::new(&error))
}

fn actor_attributes(actor: &Actor) -> [(&'static str, RestrictedExpression); 3] {
    [
        ("tenant", tenant(actor.tenant())),
        ("kind", text(actor.kind().text())),
        ("verified", truth(actor.verified())),
    ]
}

fn process_entity(uid: EntityUid, process: &Process) -> Result<Entity, Unanswerable> {
    let named =
        |entity_type, id: &str| RestrictedExpression::new_entity_uid(crate::cedar::uid(entity_type, id));
    let parent = process.parent().map(|parent| ("parent", named(EntityType::Process, parent.pid())));
    let attributes = [
        ("tenant", tenant(process.tenant())),
        ("owner", named(EntityType::Actor, process.owner().id())),
        ("definition", named(EntityType::Definition, process.definition().id())),
        ("host", named(EntityType::Host, process.host().id())),
    ];
    entity(uid, attributes.into_iter().chain(parent), None)
}

/// A tenant that nobody declared counts as suspended: in doubt, deny.
fn tenant_entity(uid: EntityUid, declared: Option<&Tenant>) -> Result<Entity, Unanswerable> {
    let suspended = declared.is_none_or(|tenant| tenant.suspended);
    let plan = declared.map_or("", |tenant| tenant.plan.as_str());
    entity(uid, [("suspended", truth(suspended)), ("plan", text(plan))], None)
}

fn entity(
    uid: EntityUid,
    attributes: impl IntoIterator<Item = (&'static str, RestrictedExpression)>,
    parent: Option<EntityUid>,
) -> Result<Entity, Unanswerable> {
    // `Entity::new` wants a map, which it takes apart again.
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
    Entity::new_with_tags(uid, attributes, parent, []).map_err(|error| Unanswerable::new(&error))
}

fn tenant(tenant: &TenantId) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(tenant_uid(tenant))
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn truth(truth: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(truth)
}
