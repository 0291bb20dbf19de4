//! What policies read of one request, read from its own values: the same that they would find in the entities that
//! [`crate::entity`] makes of it, without making them.
//!
//! A request may hold two versions of one entity (a process and the same as somebody's parent, a definition before and
//! after a reload), and the set that Cedar is given holds the first. Where an attribute is read of such a one, there is no key, and the
//! request is decided in full.

use std::sync::Arc;

use crate::entity::{Tenants, Thing};
use crate::footprint::{Attribute, Chain, Read, Root};
use crate::generation::Question;
use crate::permission::{Datum, Fields};
use crate::vocabulary::FieldType;

/// What stands at the end of a path.
#[derive(Clone, Copy)]
enum Node<'a> {
    Thing(Thing<'a>),
    Text(&'a str),
    Truth(bool),
    Long(i64),
    Texts(&'a [Arc<str>]),
    Missing,
}

/// Writes the values of these reads into `key`, each so that where two are written alike, the answer is the same. False when
/// there is no telling which version of an entity counts: the key is worthless then.
pub(crate) fn write_key(
    question: &Question<'_>,
    tenants: &Tenants,
    reads: &[Read],
    key: &mut Vec<u8>,
) -> bool {
    let view = View { question, tenants };
    reads.iter().all(|read| view.write(read, key))
}

struct View<'a> {
    question: &'a Question<'a>,
    tenants: &'a Tenants,
}

impl<'a> View<'a> {
    fn write(&self, read: &Read, key: &mut Vec<u8>) -> bool {
        match read {
            Read::Presence(chain) => {
                let Some(node) = self.follow(chain) else { return false };
                key.push(u8::from(!matches!(node, Node::Missing)));
            }
            Read::Value(chain) => {
                let Some(node) = self.follow(chain) else { return false };
                write_value(node, key);
            }
            Read::Same(one, other) => {
                let (Some(one), Some(other)) = (self.follow(one), self.follow(other)) else { return false };
                match (one, other) {
                    (Node::Thing(one), Node::Thing(other)) => key.push(u8::from(one.is(other))),
                    _ => {
                        key.push(2);
                        write_value(one, key);
                        write_value(other, key);
                    }
                }
            }
        }
        true
    }

    fn follow(&self, chain: &Chain) -> Option<Node<'a>> {
        let mut node = match chain.root {
            Root::Principal => Node::Thing(Thing::Actor(self.question.actor)),
            Root::Resource => Node::Thing(Thing::of_resource(&self.question.resource)),
            Root::Caller => {
                self.question.process.map_or(Node::Missing, |process| Node::Thing(Thing::Process(process)))
            }
            Root::Field(name) => self.question.context.fields().get(name).map_or(Node::Missing, of_datum),
        };
        for (steps, attribute) in chain.steps.iter().enumerate() {
            let Node::Thing(thing) = node else { return Some(Node::Missing) };
            // Principal and resource are the first of their uid.
            let is_first = steps == 0 && matches!(chain.root, Root::Principal | Root::Resource);
            if !is_first && !self.is_one_version(thing) {
                return None;
            }
            node = self.attribute(thing, *attribute);
        }
        Some(node)
    }

    /// As [`Thing::entity`] has it.
    fn attribute(&self, thing: Thing<'a>, attribute: Attribute) -> Node<'a> {
        use Attribute as A;
        let principal = self.question.actor;
        match (thing, attribute) {
            (Thing::Process(process), A::Tenant) => Node::Thing(Thing::Tenant(process.tenant())),
            (Thing::Process(process), A::Owner) => Node::Thing(Thing::Actor(process.owner())),
            (Thing::Process(process), A::Definition) => Node::Thing(Thing::Definition(process.definition())),
            (Thing::Process(process), A::Host) => Node::Thing(Thing::Host(process.host())),
            (Thing::Process(process), A::Parent) => {
                process.parent().map_or(Node::Missing, |parent| Node::Thing(Thing::Process(parent)))
            }
            (Thing::Definition(definition), A::Tenant) => Node::Thing(Thing::Tenant(definition.tenant())),
            (Thing::Definition(definition), A::Name) => Node::Text(definition.name()),
            (Thing::Definition(definition), A::Shared) => Node::Truth(definition.shared()),
            (Thing::Namespace(_, owner), A::Tenant) => Node::Thing(Thing::Tenant(owner)),
            (Thing::Host(host), A::Tenant) => {
                host.tenant().map_or(Node::Missing, |owner| Node::Thing(Thing::Tenant(owner)))
            }
            (Thing::Name(name), A::Tenant) => Node::Thing(Thing::Tenant(name.tenant())),
            (Thing::Name(name), A::Value) => Node::Text(name.value()),
            (Thing::Actor(actor), attribute) => {
                // The principal's own version counts, and only it has a time.
                let is_principal = thing.is(Thing::Actor(principal));
                let actor = if is_principal { &**principal } else { actor };
                match attribute {
                    A::Tenant => Node::Thing(Thing::Tenant(actor.tenant())),
                    A::Kind => Node::Text(actor.kind().text()),
                    A::Verified => Node::Truth(actor.verified()),
                    A::AuthTime if is_principal => actor.auth_time().map_or(Node::Missing, Node::Long),
                    _ => Node::Missing,
                }
            }
            (Thing::Scope(scope), attribute) => {
                let scope = self.question.scopes.get(scope.id()).map_or(scope, |held| &**held);
                match attribute {
                    A::Tenant => Node::Thing(Thing::Tenant(scope.tenant())),
                    A::Shared => Node::Truth(scope.shared()),
                    _ => Node::Missing,
                }
            }
            (Thing::Tenant(id), A::Suspended) => {
                Node::Truth(self.tenants.get(id).is_none_or(|tenant| tenant.suspended))
            }
            (Thing::Tenant(id), A::Plan) => {
                Node::Text(self.tenants.get(id).map_or("", |tenant| tenant.plan.as_str()))
            }
            _ => Node::Missing,
        }
    }

    /// Whether everything in the request with this one's uid says the same as it.
    fn is_one_version(&self, thing: Thing<'a>) -> bool {
        let question = self.question;
        if matches!(thing, Thing::Tenant(_)) || thing.is(Thing::Actor(question.actor)) {
            return true;
        }
        let has_things = question.spec.context.iter().any(|field| matches!(field.kind, FieldType::Entity(_)));
        let fields = has_things.then(|| question.context.fields());
        let mut named = std::iter::once(Thing::of_resource(&question.resource))
            .chain(question.process.map(|process| Thing::Process(process)))
            .chain(fields.iter().flat_map(Fields::iter).filter_map(|(_, datum)| Thing::of_datum(&datum)));
        match thing {
            // Only a process points to a process, and its parent to none: the caller's is read in every check.
            Thing::Process(_) => named.all(|one| match one {
                Thing::Process(process) => {
                    thing.agrees(one)
                        && process.parent().is_none_or(|parent| thing.agrees(Thing::Process(parent)))
                }
                _ => true,
            }),
            // Two steps on is where the last attributes that a policy can read are.
            _ => named.all(|one| {
                thing.agrees(one)
                    && one
                        .points_to()
                        .all(|two| thing.agrees(two) && two.points_to().all(|three| thing.agrees(three)))
            }),
        }
    }
}

fn of_datum(datum: Datum<'_>) -> Node<'_> {
    match datum {
        Datum::Bool(truth) => Node::Truth(truth),
        Datum::Long(number) => Node::Long(number),
        Datum::String(text) => Node::Text(text),
        Datum::Via(via) => Node::Text(via.text()),
        Datum::Strings(texts) => Node::Texts(texts),
        Datum::Host(host) => Node::Thing(Thing::Host(host)),
        Datum::Process(process) => Node::Thing(Thing::Process(process)),
        Datum::Actor(actor) => Node::Thing(Thing::Actor(actor)),
        Datum::Scope(scope) => Node::Thing(Thing::Scope(scope)),
    }
}

/// The type of what stands at a path is always the same, so that one letter tells what is there from what is not.
fn write_value(node: Node<'_>, key: &mut Vec<u8>) {
    match node {
        Node::Missing => key.push(0),
        Node::Truth(truth) => key.push(1 + u8::from(truth)),
        Node::Long(number) => {
            key.push(1);
            key.extend_from_slice(&number.to_le_bytes());
        }
        Node::Text(text) => {
            key.push(1);
            write_text(text, key);
        }
        Node::Texts(texts) => {
            key.push(1);
            key.extend_from_slice(&texts.len().to_le_bytes());
            texts.iter().for_each(|text| write_text(text, key));
        }
        Node::Thing(thing) => {
            key.push(1);
            thing.write_id(|text| write_text(text, key));
        }
    }
}

fn write_text(text: &str, key: &mut Vec<u8>) {
    key.extend_from_slice(&text.len().to_le_bytes());
    key.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cedar::uid;
    use crate::identity::{Actor, Scope, ScopeSet, Tenant, TenantId};
    use crate::permission::{Permission, ProcessSend, Resource};
    use crate::resource::{Definition, Facility, Host, Name, Process};
    use crate::vocabulary::EntityType;

    /// What the engine is told of a thing is all there is to read of it.
    #[test]
    fn an_attribute_is_there_exactly_where_the_entity_has_it() {
        let acme = TenantId::new("acme").unwrap();
        let tenants = Tenants::from([(acme.clone(), Tenant::new(acme.clone()))]);
        let actor = Arc::new(Actor::parse("acme/user/bob").unwrap().with_auth_time(5));
        let other = Actor::parse("acme/user/eve").unwrap().with_auth_time(5);
        let definition = Arc::new(Definition::new("acme.workers:one", &acme, true).unwrap());
        let hosts = [None, Some(&acme)].map(|owner| Arc::new(Host::new("app:host", owner).unwrap()));
        let process = |pid, parent| {
            Arc::new(Process::new(pid, actor.clone(), definition.clone(), hosts[0].clone(), parent, 0))
        };
        let parent = process("p1", None);
        let child = process("p2", Some(&parent));
        let name = Name::new(&acme, "desk").unwrap();
        let scope = Scope::new("acme.security:worker", &acme, true).unwrap();
        let scopes = ScopeSet::empty();
        let question = Question {
            actor: &actor,
            scopes: &scopes,
            process: None,
            spec: &ProcessSend::SPEC,
            resource: Resource::Process(&child),
            context: &Fields::none(),
        };
        let view = View { question: &question, tenants: &tenants };
        let things = [
            (EntityType::Process, Thing::Process(&parent)),
            (EntityType::Process, Thing::Process(&child)),
            (EntityType::Definition, Thing::Definition(&definition)),
            (EntityType::Namespace, Thing::Namespace("acme.workers", &acme)),
            (EntityType::Host, Thing::Host(&hosts[0])),
            (EntityType::Host, Thing::Host(&hosts[1])),
            (EntityType::Name, Thing::Name(&name)),
            (EntityType::Facility, Thing::Facility(Facility::Context)),
            (EntityType::Actor, Thing::Actor(&other)),
            (EntityType::Scope, Thing::Scope(&scope)),
            (EntityType::Tenant, Thing::Tenant(&acme)),
        ];
        for (entity_type, thing) in things {
            let entity = thing.entity(uid(entity_type, "x"), &tenants).unwrap();
            for (attribute, name) in Attribute::ALL {
                let seen = !matches!(view.attribute(thing, attribute), Node::Missing);
                assert_eq!(seen, entity.attr(name).is_some(), "{name} of {entity_type:?}");
            }
        }
    }

    #[test]
    fn every_attribute_of_the_vocabulary_can_be_read() {
        for entity_type in EntityType::ALL {
            for field in entity_type.declaration().attributes {
                assert!(Attribute::ALL.iter().any(|(_, name)| *name == field.name), "{}", field.name);
            }
        }
    }
}
