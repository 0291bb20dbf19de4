//! What proofs take to be so of every request, held against what the engine is given.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Authorizer, PolicySet};

use super::{Asked, Class, Policies, QUESTIONS_A_GENERATION, Random, World, local, on_a_large_stack, shown};
use crate::permission::{ALL, Resource};
use crate::prove::{Known, Named};
use crate::vocabulary::EntityType;

#[test]
fn what_proofs_suppose_of_requests_is_so_of_every_one_that_the_engine_is_given() {
    on_a_large_stack(|| {
        let mut random = Random::seeded();
        let (mut lines, mut grandchildren) = (0, 0);
        for number in 0..12 {
            let mut world = World::new(&mut random, ["acme", "beta"]);
            world.permissions = ALL.to_vec();
            let local = local(number, Policies::new(&mut random, &world).load(&world));
            let named = named(&world);
            let mut supposed = BTreeMap::new();
            for _ in 0..QUESTIONS_A_GENERATION {
                let asked = world.question(&mut random);
                let question = asked.question();
                let class = Class::of(&question, &local.generation.bundle).unwrap();
                let case = local.generation.case(&question, &class).unwrap();
                let key = (asked.spec.action, asked.scopes.ids().collect::<Vec<_>>());
                let forbids = supposed.entry(key).or_insert_with(|| {
                    let known = Known::of(asked.spec).by_construction(&named).any_held();
                    let known = asked.scopes.iter().fold(known, |known, scope| known.held(scope));
                    PolicySet::from_policies(known.policies().unwrap()).unwrap()
                });
                lines += forbids.policies().count();
                grandchildren += usize::from(asks_in_the_parent(&asked));
                let response = Authorizer::new().is_authorized(&case.request, forbids, &case.entities);
                let wrong: BTreeSet<String> = (response.diagnostics().reason())
                    .map(|id| forbids.policy(id).unwrap().to_string())
                    .chain(response.diagnostics().errors().map(ToString::to_string))
                    .collect();
                assert!(wrong.is_empty(), "{}\n{wrong:#?}", shown(&asked));
            }
        }
        println!("{lines} lines; {grandchildren} requests come from the parent, which has one");
        assert!(lines > 50_000 && grandchildren > 5, "tests little");
    });
}

/// Whether the process that asks is the parent of the one that it is about, and has one of its own.
fn asks_in_the_parent(asked: &Asked<'_>) -> bool {
    match (asked.resource, asked.process) {
        (Resource::Process(resource), Some(caller)) => {
            let parent = resource.parent().map(|parent| parent.pid());
            parent == Some(caller.pid()) && caller.parent().is_some()
        }
        _ => false,
    }
}

/// Everything in a world that a policy could name, and that its id tells something of.
fn named(world: &World) -> Vec<Named> {
    let actors = world.actors.iter().map(|actor| (EntityType::Actor, actor.id().to_string()));
    let roles = world.actors.iter().flat_map(|actor| actor.roles());
    let roles = roles.map(|role| (EntityType::Role, role.to_owned()));
    let tenants = world.tenants.iter().map(|tenant| (EntityType::Tenant, tenant.to_string()));
    let definitions = world.definitions.iter();
    let definitions = definitions.map(|definition| (EntityType::Definition, definition.id().to_string()));
    let names = world.names.iter();
    let names = names.map(|name| (EntityType::Name, format!("{}/{}", name.tenant(), name.value())));
    let named: BTreeSet<Named> = actors.chain(roles).chain(tenants).chain(definitions).chain(names).collect();
    named.into_iter().collect()
}
