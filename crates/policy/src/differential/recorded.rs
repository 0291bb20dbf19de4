//! What counts as the same case as a record's, held against what the engine itself writes of a case.

use serde_json::{Value as Json, json};

use super::{Class, Policies, QUESTIONS_A_GENERATION, Random, World, local, on_a_large_stack, shown};
use crate::study::is_recorded;

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
