//! What is plainly allowed: the first of each class is on record, the others are counted under it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::limits::FIRST_ALLOWS_TENANT_MAX;
use policy::{Actor, Caller, Datum, ProcessHost, ProcessSend, Resource};
use serde_json::{Value as Json, json};

use crate::permissions::spawn;
use crate::random::Random;
use crate::world::{
    PERMIT_ALL, World, actor, allowed, denial, host, inside, process, scopes, sources, tenant,
};

/// Reads the topic and nothing else of a message.
const BY_TOPIC: &str = "@id(\"test.topics\") permit (principal, action == Moonward::Action::\"process.send\", resource) \
     when { context.topic like \"*s\" };";

/// Of each record of a first, what it was about and the last count under it.
fn counts(records: &[Json], what: fn(&Json) -> &Json) -> HashMap<String, u64> {
    let mut last = HashMap::new();
    for record in records.iter().filter(|record| record["kind"] == "rollup") {
        let count: u64 = record["detail"]["count"].as_str().unwrap().parse().unwrap();
        last.insert(record["detail"]["opening"].as_str().unwrap(), count);
    }
    let firsts = records.iter().filter(|record| record["because"] == "first");
    firsts
        .map(|record| {
            let count = last.get(record["id"].as_str().unwrap()).copied().unwrap_or_default();
            (what(record).as_str().unwrap().to_owned(), count)
        })
        .collect()
}

fn send(world: &World, caller: &Caller<'_>, from: &Arc<Actor>, topic: &str) {
    let to = process("p2", from);
    allowed(&world.gate, caller, ProcessSend { to, topic: topic.into(), bytes: 1 });
}

#[test]
fn each_class_has_one_record_and_a_count_of_what_followed_on_any_thread() {
    let world = World::permitting(BY_TOPIC);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let own = process("p1", &bob);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            // Cedar wants the stack of a worker.
            let thread = std::thread::Builder::new().stack_size(policy::limits::EVALUATION_STACK_BYTES);
            let ask = || {
                for topic in ["news", "news", "gossips", "news"] {
                    send(&world, &inside(&bob, &held, &own), &bob, topic);
                }
            };
            thread.spawn_scoped(scope, ask).unwrap().join().unwrap();
        }
    });
    let records = world.all_records();
    let firsts: Vec<_> = records.iter().filter(|record| record["because"] == "first").collect();
    assert_eq!(firsts.len(), 2);
    for record in firsts {
        assert_eq!((&record["decision"], &record["memo"]), (&json!("allow"), &json!("miss")));
        assert_eq!(record["policies"][0]["id"], "test.topics");
    }
    let topics = counts(&records, |record| &record["context"]["topic"]);
    assert_eq!(topics, HashMap::from([("news".to_owned(), 8), ("gossips".to_owned(), 2)]));
    let rollup = records.iter().rfind(|record| record["kind"] == "rollup").unwrap();
    assert_eq!((&rollup["tenant"], &rollup["actor"]), (&json!("acme"), &json!("acme/user/bob")));
    assert_eq!(
        (&rollup["detail"]["action"], &rollup["detail"]["decision_kind"], &rollup["detail"]["closed"]),
        (&json!("process.send"), &json!("allow"), &json!(true))
    );
}

#[test]
fn a_question_without_consequence_and_what_has_a_record_of_its_own_do_not_pass_for_the_first() {
    let world = World::permitting(BY_TOPIC);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let (own, to) = (process("p1", &bob), process("p2", &bob));
    let caller = inside(&bob, &held, &own);
    let topic = [("topic", Datum::String("news")), ("bytes", Datum::Long(1))];
    assert_eq!(world.gate.can(&caller, "process.send", Resource::Process(&to), &topic), Ok(true));
    assert!(world.firsts().is_empty());
    send(&world, &caller, &bob, "news");
    let firsts = world.firsts();
    assert_eq!((firsts.len(), &firsts[0]["memo"]), (1, &json!("hit")));
}

#[test]
fn another_generation_begins_anew_and_what_was_counted_until_then_is_told() {
    let world = World::permitting(PERMIT_ALL);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = Caller::outside(&bob, &held);
    for _ in 0..5 {
        allowed(&world.gate, &caller, ProcessHost { host: host() });
    }
    world.replace(sources(PERMIT_ALL));
    let deadline = Instant::now() + Duration::from_secs(30);
    while counts(&world.records(), |record| &record["generation"]).get("1") != Some(&4) {
        assert!(Instant::now() < deadline, "the count is not told");
        std::thread::yield_now();
    }
    for _ in 0..3 {
        allowed(&world.gate, &caller, ProcessHost { host: host() });
    }
    let counts = counts(&world.all_records(), |record| &record["generation"]);
    assert_eq!(counts, HashMap::from([("1".to_owned(), 4), ("2".to_owned(), 2)]));
}

#[test]
fn a_tenant_with_more_classes_than_the_bound_has_the_rest_counted_by_action_and_a_neighbour_its_own() {
    let world = World::permitting(BY_TOPIC);
    let (bob, eve, held) = (actor("acme/user/bob"), actor("beta/user/eve"), scopes());
    let (of_bob, of_eve) = (process("p1", &bob), process("p3", &eve));
    let over = 200;
    for _ in 0..2 {
        for number in 0..FIRST_ALLOWS_TENANT_MAX + over {
            send(&world, &inside(&bob, &held, &of_bob), &bob, &format!("{number} items"));
        }
    }
    send(&world, &inside(&eve, &held, &of_eve), &eve, "news");
    let records = world.all_records();
    let firsts = |tenant: &str| {
        let firsts = records.iter().filter(|record| record["because"] == "first");
        firsts.filter(|record| record["tenant"] == tenant).count()
    };
    assert_eq!((firsts("acme"), firsts("beta")), (FIRST_ALLOWS_TENANT_MAX + 1, 1));
    let last =
        records.iter().rfind(|record| record["kind"] == "rollup" && record["actor"].is_null()).unwrap();
    assert_eq!((&last["tenant"], &last["detail"]["action"]), (&json!("acme"), &json!("process.send")));
    assert_eq!(last["detail"]["count"], (2 * over - 1).to_string());
    let total: u64 = counts(&records, |record| &record["context"]["topic"]).values().sum();
    let asked = 2 * (FIRST_ALLOWS_TENANT_MAX + over) + 1;
    assert_eq!(total + (FIRST_ALLOWS_TENANT_MAX + 2) as u64, asked as u64);
}

#[test]
fn whatever_is_asked_is_recorded_or_counted_once() {
    let mut random = Random::seeded();
    let world = World::permitting(&format!(
        "{BY_TOPIC}\n{}",
        "@id(\"test.spawn\") @audit(\"always\") permit (principal, action == Moonward::Action::\"process.spawn\", resource);"
    ));
    let held = scopes();
    let actors: Vec<Arc<Actor>> = (0..20).map(|number| actor(&format!("acme/user/u{number}"))).collect();
    let (mut asked, mut ids) = (0_u64, HashSet::new());
    for _ in 0..20_000 {
        let who = random.choose(&actors);
        let own = process("p1", who);
        let caller = inside(who, &held, &own);
        match random.below(4) {
            0 => allowed(&world.gate, &caller, spawn(who.tenant())),
            1 => {
                ids.insert(
                    denial(world.gate.operation().check(&caller, spawn(&tenant("beta")))).record.to_string(),
                );
            }
            _ => send(&world, &caller, who, ["news", "gossips"][usize::from(random.below(2) == 0)]),
        }
        asked += 1;
    }
    let records = world.all_records();
    let decisions: HashSet<&str> = records
        .iter()
        .filter(|record| record["kind"] == "decision")
        .map(|record| record["id"].as_str().unwrap())
        .collect();
    let mut last: HashMap<&str, u64> = HashMap::new();
    for record in records.iter().filter(|record| record["kind"] == "rollup") {
        let opening = record["detail"]["opening"].as_str().unwrap();
        assert!(decisions.contains(opening), "{record}");
        last.insert(opening, record["detail"]["count"].as_str().unwrap().parse().unwrap());
    }
    assert_eq!(decisions.len() as u64 + last.values().sum::<u64>(), asked);
    assert!(ids.iter().all(|id| decisions.contains(id.as_str())));
    assert!(decisions.len() < 5_000, "{} of {asked} have records", decisions.len());
}
