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

    /// What its attributes say. A tenant that nobody declared counts as suspended: in doubt, deny.
    pub(crate) fn attributes(self, tenants: &'a Tenants) -> Attributes<'a> {
        let tenant = |tenant: &'a TenantId| Plain::Entity(EntityType::Tenant, tenant.as_str());
        match self {
            Self::Process(process) => attributes([
                ("tenant", tenant(process.tenant())),
                ("owner", Plain::Entity(EntityType::Actor, process.owner().id())),
                ("definition", Plain::Entity(EntityType::Definition, process.definition().id())),
                ("host", Plain::Entity(EntityType::Host, process.host().id())),
            ])
            .with(
                process.parent().map(|parent| ("parent", Plain::Entity(EntityType::Process, parent.pid()))),
            ),
            Self::Definition(definition) => attributes([
                ("tenant", tenant(definition.tenant())),
                ("name", Plain::Text(definition.name())),
                ("shared", Plain::Truth(definition.shared())),
            ]),
            Self::Namespace(_, owner) => attributes([("tenant", tenant(owner))]),
            Self::Host(host) => attributes([]).with(host.tenant().map(|owner| ("tenant", tenant(owner)))),
            Self::Name(name) => {
                attributes([("tenant", tenant(name.tenant())), ("value", Plain::Text(name.value()))])
            }
            Self::Facility(_) => attributes([]),
            Self::Actor(actor) => actor_attributes(actor),
            Self::Scope(scope) => {
                attributes([("tenant", tenant(scope.tenant())), ("shared", Plain::Truth(scope.shared()))])
            }
            Self::Tenant(id) => {
                let declared = tenants.get(id);
                attributes([
                    ("suspended", Plain::Truth(declared.is_none_or(|tenant| tenant.suspended))),
                    ("plan", Plain::Text(declared.map_or("", |tenant| &tenant.plan))),
                ])
            }
        }
    }

    /// What it is in, itself and not by way of another.
    pub(crate) fn parent(self) -> Option<(EntityType, &'a str)> {
        match self {
            Self::Definition(definition) => Some((EntityType::Namespace, definition.namespace())),
            Self::Namespace(name, _) => Some((EntityType::Namespace, name.rsplit_once('.')?.0)),
            Self::Actor(actor) => Some((EntityType::Tenant, actor.tenant().as_str())),
            _ => None,
        }
    }

    pub(crate) fn entity(self, uid: EntityUid, tenants: &Tenants) -> Result<Entity, Unanswerable> {
        let parent = self.parent().map(|(kind, id)| crate::cedar::uid(kind, id));
        // `Entity::new` wants a map, which it takes apart again.
        Entity::new_with_tags(uid, expressions(self.attributes(tenants).iter()), parent, [])
            .map_err(|error| Unanswerable::new(&error))
    }
}

/// What an attribute says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plain<'a> {
    Text(&'a str),
    Truth(bool),
    Long(i64),
    Entity(EntityType, &'a str),
}

/// The attributes of one entity, kept in place: 5 at most, as a process has.
pub(crate) struct Attributes<'a>([Option<(&'static str, Plain<'a>)>; 5]);

impl<'a> Attributes<'a> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, Plain<'a>)> {
        self.0.iter().flatten().copied()
    }

    /// The same and one more, if it is there. There is room for all that any type declares.
    fn with(mut self, one: Option<(&'static str, Plain<'a>)>) -> Self {
        if let Some(free) = self.0.iter_mut().find(|place| place.is_none()) {
            *free = one;
        }
        self
    }
}

fn attributes<'a, const N: usize>(given: [(&'static str, Plain<'a>); N]) -> Attributes<'a> {
    given.into_iter().fold(Attributes([None; 5]), |all, one| all.with(Some(one)))
}

/// What all versions of an actor say.
fn actor_attributes(actor: &Actor) -> Attributes<'_> {
    attributes([
        ("tenant", Plain::Entity(EntityType::Tenant, actor.tenant().as_str())),
        ("kind", Plain::Text(actor.kind().text())),
        ("verified", Plain::Truth(actor.verified())),
    ])
}

/// What the principal's own version says.
pub(crate) fn principal_attributes(actor: &Actor) -> Attributes<'_> {
    actor_attributes(actor).with(actor.auth_time().map(|seconds| ("authTime", Plain::Long(seconds))))
}

/// Everything that a check's entities are made of, each once: the principal first, its own version, and those of the scopes
/// held, which count before any other. Its roles are not among them.
pub(crate) fn things<'a>(
    actor: &'a Actor,
    scopes: &'a ScopeSet,
    resource: &Resource<'a>,
    process: Option<&'a Arc<Process>>,
    context: &Fields<'a>,
) -> Vec<Thing<'a>> {
    let mut things = Vec::new();
    let mut put = |thing: Thing<'a>| {
        if !things.iter().any(|put: &Thing<'_>| put.is(thing)) {
            things.push(thing);
        }
    };
    put(Thing::Actor(actor));
    scopes.iter().for_each(|scope| put(Thing::Scope(scope)));
    put(Thing::of_resource(resource));
    process.into_iter().for_each(|process| put(Thing::Process(process)));
    context.iter().filter_map(|(_, datum)| Thing::of_datum(&datum)).for_each(put);
    let mut next = 0;
    while let Some(thing) = things.get(next).copied() {
        next += 1;
        for pointed in thing.points_to() {
            if !things.iter().any(|put| put.is(pointed)) {
                things.push(pointed);
            }
        }
    }
    things
}

fn one(thing: Thing<'_>) -> [Option<Thing<'_>>; 4] {
    [Some(thing), None, None, None]
}

fn principal(actor: &Actor, roles: &[EntityUid]) -> Result<Entity, Unanswerable> {
    Entity::new_with_tags(
        uid(EntityType::Actor, actor.id()),
        expressions(principal_attributes(actor).iter()),
        roles.iter().cloned().chain([tenant_uid(actor.tenant())]),
        actor.tags().map(|(key, value)| (key.to_owned(), RestrictedExpression::new_string(value.to_owned()))),
    )
    .map_err(|error| Unanswerable::new(&error))
}

fn expressions<'a>(
    attributes: impl Iterator<Item = (&'static str, Plain<'a>)>,
) -> impl Iterator<Item = (String, RestrictedExpression)> {
    attributes.map(|(name, value)| {
        let value = match value {
            Plain::Text(text) => RestrictedExpression::new_string(text.to_owned()),
            Plain::Truth(truth) => RestrictedExpression::new_bool(truth),
            Plain::Long(number) => RestrictedExpression::new_long(number),
            Plain::Entity(kind, id) => RestrictedExpression::new_entity_uid(uid(kind, id)),
        };
        (name.to_owned(), value)
    })
}
