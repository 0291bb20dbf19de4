//! What counts as the same case as a record's, held against what the engine itself writes of a case.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{
    Asked, Class, Generation, Plain, Policies, QUESTIONS_A_GENERATION, Random, World, local,
    on_a_large_stack, policy, shown,
};
use crate::cedar::resource_uid;
use crate::study::{Again, Study, is_recorded};

#[test]
fn a_case_is_its_own_record_in_any_order_and_no_changed_one() {
    on_a_large_stack(|| {
        let mut random = Random::seeded();
        let mut changed = 0;
        for number in 0..10 {
            let world = World::new(&mut random, ["acme", "beta"]);
            let local = local(number, Policies::new(&mut random, &world).load(&world));
            let (generation, tenants) = (&local.generation, &local.generation.bundle.tenants);
            for _ in 0..QUESTIONS_A_GENERATION {
                let asked = world.question(&mut random);
                let question = asked.question();
                let class = Class::of(&question, &generation.bundle).unwrap();
                let case = generation.case(&question, &class).unwrap();
                let mut written = json!({"context": case.context_json(), "entities": case.entities_json()});
                let is_same = |written: &Json| {
                    let context = written["context"].as_object().unwrap();
                    is_recorded(&question, tenants, context, written["entities"].as_array().unwrap())
                };
                assert!(is_same(&written), "{}\n{written}", shown(&asked));
                turn(&mut written);
                assert!(is_same(&written), "{}\nturned: {written}", shown(&asked));
                change(&mut random, &mut written);
                assert!(!is_same(&written), "{}\nchanged: {written}", shown(&asked));
                changed += 1;
            }
        }
        assert!(changed > 1000, "tests little");
    });
}

#[test]
fn what_changed_policies_make_of_records_is_what_plain_cedar_makes_of_the_questions() {
    on_a_large_stack(|| {
        let mut random = Random::seeded();
        let (mut decided, mut changed) = (0_u64, 0_u64);
        for number in 0..20 {
            let world = World::new(&mut random, ["acme", "beta"]);
            let policies = Policies::new(&mut random, &world);
            let before = local(number, policies.load(&world));
            let mutated = mutated(&mut random, &world, &policies);
            let after = Arc::new(Generation::new(number, mutated.load(&world)));
            let study = Study::new(mutated.load(&world));
            // One sitting for all, so that what it remembers of one is what it tells of another.
            let mut sitting = study.sitting();
            for _ in 0..QUESTIONS_A_GENERATION {
                let asked = world.question(&mut random);
                let record = record(&asked, &before.generation);
                let again = Again::of_record(&record).unwrap();
                let verdict = again.decide(&mut sitting).unwrap();
                let (plain, was) = (
                    Plain { generation: &after }.answer(&asked.question()),
                    Plain { generation: &before.generation }.answer(&asked.question()),
                );
                let reasons: Vec<&str> = verdict.policies.iter().map(|policy| &*policy.id).collect();
                assert_eq!(
                    (verdict.kind, reasons, verdict.errors.len()),
                    (
                        plain.kind.recorded(),
                        plain.reasons.iter().map(String::as_str).collect(),
                        plain.errors.len()
                    ),
                    "{}\n{mutated}\n{record}",
                    shown(&asked)
                );
                decided += 1;
                changed += u64::from(was != plain);
            }
        }
        assert!(changed > decided / 100, "{changed} of {decided} changed: tests little");
    });
}

/// The same policies but for one, which is left out, written anew or joined by another.
fn mutated(random: &mut Random, world: &World, policies: &Policies) -> Policies {
    let mut mutated = policies.clone();
    let forbids = random.below(2) == 0;
    let at = usize::try_from(random.below(3)).unwrap();
    let (effect, list) = match forbids {
        true => ("forbid", &mut mutated.guard),
        false => ("permit", &mut mutated.scopes[at]),
    };
    if !list.is_empty() && random.below(3) > 0 {
        let at = usize::try_from(random.below(list.len() as u64)).unwrap();
        drop(list.remove(at));
    }
    if random.below(3) > 0 || list.is_empty() {
        list.push(policy(random, world, effect, "mutated.more"));
    }
    mutated
}

/// What a record of a question says, as far as it is decided by.
fn record(asked: &Asked<'_>, generation: &Generation) -> Json {
    let question = asked.question();
    let case = generation.case(&question, &Class::of(&question, &generation.bundle).unwrap()).unwrap();
    json!({
        "kind": "decision",
        "actor": &**asked.actor.id(),
        "action": asked.spec.action,
        "resource": {"type": asked.spec.resource.name(), "id": resource_uid(&asked.resource).id().unescaped()},
        "context": case.context_json(),
        "scopes": asked.scopes.ids().collect::<Vec<_>>(),
        "entities": case.entities_json(),
    })
}

/// Every list the other way round.
fn turn(value: &mut Json) {
    match value {
        Json::Array(items) => {
            items.reverse();
            items.iter_mut().for_each(turn);
        }
        Json::Object(members) => members.values_mut().for_each(turn),
        _ => {}
    }
}

/// Some change that makes it another case.
fn change(random: &mut Random, written: &mut Json) {
    let entities = written["entities"].as_array_mut().unwrap();
    let at = usize::try_from(random.below(entities.len() as u64)).unwrap();
    match random.below(8) {
        0 => drop(entities.remove(at)),
        1 => {
            let twice = entities[at].clone();
            entities.push(twice);
        }
        2 => entities[at]["attrs"]["more"] = json!("x"),
        3 => entities[at]["more"] = json!({}),
        4 => {
            entities[at]["parents"]
                .as_array_mut()
                .unwrap()
                .push(json!({"type": "Moonward::Tenant", "id": "x"}));
        }
        5 => entities[at]["tags"] = json!({"one more": "x"}),
        6 => written["context"]["more"] = json!(true),
        // Some text, number or truth in it says something else.
        _ => {
            let mut count = 0;
            leaves(written, &mut |_| count += 1);
            let mut left = random.below(count);
            leaves(written, &mut |leaf| {
                if left == 0 {
                    *leaf = match &*leaf {
                        Json::Bool(truth) => json!(!*truth),
                        Json::Number(number) => json!(number.as_i64().unwrap() ^ 1),
                        other => json!(format!("{}~", other.as_str().unwrap())),
                    };
                }
                left = left.wrapping_sub(1);
            });
        }
    }
}

fn leaves(value: &mut Json, look: &mut impl FnMut(&mut Json)) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| leaves(item, look)),
        Json::Object(members) => members.values_mut().for_each(|member| leaves(member, look)),
        leaf => look(leaf),
    }
}
