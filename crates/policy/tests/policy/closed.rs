//! Whatever a policy may read at the validated level is there: every path of two steps through the entities of
//! every permission, from the schema's own declarations.

use std::sync::Arc;

use policy::permission::ALL;
use policy::vocabulary::{BASE, EntityType, FieldType};
use policy::{Actor, Definition, Host, Process, Spec};

use crate::permissions::asks;
use crate::world::{World, allowed, inside, scopes, tenant};

/// An expression of an entity, and the `has` clauses that it needs.
struct Reach {
    expression: String,
    guards: Vec<String>,
    entity_type: EntityType,
}

/// Every attribute that can be read from `from` in up to `steps` steps, as a condition that holds.
fn conditions(from: &Reach, steps: usize, found: &mut Vec<String>) {
    for field in from.entity_type.declaration().attributes {
        let read = format!("{}.{}", from.expression, field.name);
        let mut guards = from.guards.clone();
        if !field.required {
            guards.push(format!("{} has {}", from.expression, field.name));
        }
        found.push(
            guards.iter().cloned().chain([format!("{read} == {read}")]).collect::<Vec<_>>().join(" && "),
        );
        if let (FieldType::Entity(entity_type), true) = (field.kind, steps > 1) {
            conditions(&Reach { expression: read, guards, entity_type }, steps - 1, found);
        }
    }
}

/// Every condition for one permission, from its principal, resource and context.
fn of_permission(spec: &Spec, absent: &[&str]) -> Vec<String> {
    let reach = |expression: &str, entity_type| Reach {
        expression: expression.into(),
        guards: Vec::new(),
        entity_type,
    };
    let mut roots = vec![reach("principal", EntityType::Actor), reach("resource", spec.resource)];
    for field in BASE.iter().chain(spec.context) {
        if let (FieldType::Entity(entity_type), false) = (field.kind, absent.contains(&field.name)) {
            let guards =
                if field.required { Vec::new() } else { vec![format!("context has {}", field.name)] };
            roots.push(Reach { expression: format!("context.{}", field.name), guards, entity_type });
        }
    }
    let mut found = Vec::new();
    roots.iter().for_each(|root| conditions(root, 2, &mut found));
    found
}

#[test]
fn nothing_that_a_policy_may_read_is_missing() {
    let system = policy::TenantId::system();
    let operator = Arc::new(Actor::parse("system/operator/root").unwrap().with_auth_time(1));
    let definition = Arc::new(Definition::new("system.a.b:handler", &system, false).unwrap());
    let host = Arc::new(Host::new("system:processes", Some(&system)).unwrap());
    let make = |pid: &str, parent: Option<&Arc<Process>>| {
        Arc::new(Process::new(pid, operator.clone(), definition.clone(), host.clone(), parent, 0))
    };
    let grandparent = make("p0", None);
    let parent = make("p1", Some(&grandparent));
    // The target is the caller's child, so that its parent is the caller itself, which has a parent in turn.
    let target = make("p2", Some(&parent));
    let held = scopes();
    for (spec, (_, ask)) in ALL.iter().zip(asks(&target)) {
        // The asks of these tests ask for a scope, and use a host that is open to all.
        let conditions = of_permission(spec, &["actor"]);
        let conditions: Vec<&String> = conditions
            .iter()
            .filter(|condition| !condition.contains("resource.tenant") || spec.action != "process.host")
            .filter(|condition| !condition.contains("context.host.tenant"))
            // Even the caller's parent carries no parent of its own.
            .filter(|condition| !condition.contains("context.pid.parent.parent"))
            .collect();
        assert!(conditions.len() >= 20, "{}", spec.action);
        let permits: String = conditions
            .iter()
            .enumerate()
            .map(|(number, condition)| {
                format!(
                    "@id(\"path.{number}\") @audit(\"always\") permit (principal, \
                     action == Moonward::Action::\"{}\", resource) when {{ {condition} }};\n",
                    spec.action
                )
            })
            .collect();
        let world = World::permitting(&permits);
        ask(&world.gate.operation(), &inside(&operator, &held, &parent)).unwrap();
        let record = world.decisions().pop().unwrap();
        assert!(record.get("errors").is_none(), "{record}");
        assert_eq!(record["policies"].as_array().unwrap().len(), conditions.len(), "{}", spec.action);
    }
}

#[test]
fn ancestors_are_complete_through_namespaces_roles_and_tenants() {
    let acme = tenant("acme");
    let actor = Actor::parse("acme/user/bob").unwrap().with_roles(["acme/clerk"]).unwrap();
    let bob = Arc::new(actor);
    let definition = Arc::new(Definition::new("acme.workers.eu:handler", &acme, false).unwrap());
    let caller = Arc::new(Process::new("p1", bob.clone(), definition, crate::world::host(), None, 0));
    let permits = "@id(\"test.in\") permit (principal in Moonward::Role::\"acme/clerk\", action, resource)
        when { principal in Moonward::Tenant::\"acme\" && context has pid &&
               context.pid.definition in Moonward::Namespace::\"acme\" &&
               context.pid.owner in Moonward::Role::\"acme/clerk\" };";
    let world = World::permitting(permits);
    let held = scopes();
    let request = policy::ProcessHost { host: crate::world::host() };
    allowed(&world.gate, &inside(&bob, &held, &caller), request.clone());
    // The same user by another token: the process's owner is read as the principal now is.
    let narrower = Arc::new(Actor::parse("acme/user/bob").unwrap());
    assert!(world.gate.operation().check(&inside(&narrower, &held, &caller), request).is_err());
}
