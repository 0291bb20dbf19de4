//! Floods: a tenant that asks for what it may not do, as fast as it can.

use std::collections::HashSet;

use policy::{Caller, ProcessSend, TenantId};
use serde_json::Value as Json;

use crate::permissions::spawn;
use crate::world::{PERMIT_ALL, World, actor, denial, inside, process, scopes, tenant};

fn denied_each_time(world: &World, caller: &Caller<'_>, other: &TenantId, times: usize) -> Vec<String> {
    let mut ids = Vec::with_capacity(times);
    for _ in 0..times {
        let denial = denial(world.gate.operation().check(caller, spawn(other)));
        ids.push(denial.record.to_string());
    }
    ids
}

/// The last count of each roll-up, added up.
fn counted(records: &[Json]) -> usize {
    let closed = |record: &&Json| record["kind"] == "rollup" && record["detail"]["closed"] == true;
    let counts = records.iter().filter(closed).map(|record| record["detail"]["count"].as_str().unwrap());
    counts.map(|count| count.parse::<usize>().unwrap()).sum()
}

#[test]
fn three_hundred_thousand_denials_are_all_told_in_four_mebibytes_and_a_neighbours_in_full() {
    const DENIALS: usize = 300_000;
    let world = World::permitting(PERMIT_ALL);
    let held = scopes();
    let (bob, eve) = (actor("acme/user/bob"), actor("beta/user/eve"));
    let (process_of_bob, process_of_eve) = (process("p1", &bob), process("p2", &eve));
    let (flood, neighbour) = (inside(&bob, &held, &process_of_bob), inside(&eve, &held, &process_of_eve));
    let before = world.log_bytes();
    let mut ids = denied_each_time(&world, &flood, &tenant("beta"), DENIALS / 2);
    let own = denied_each_time(&world, &neighbour, &tenant("acme"), 20);
    ids.extend(denied_each_time(&world, &flood, &tenant("beta"), DENIALS - DENIALS / 2));
    let grown = world.log_bytes() - before;
    assert!(grown <= 4 << 20, "{grown} bytes");

    let records = world.all_records();
    let decisions = |tenant: &str| {
        records
            .iter()
            .filter(|record| record["kind"] == "decision" && record["tenant"] == tenant)
            .collect::<Vec<_>>()
    };
    let of_bob = decisions("acme");
    assert_eq!(of_bob.len() + counted(&records), DENIALS);
    let recorded: HashSet<&str> = of_bob.iter().map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().map(String::as_str).collect::<HashSet<_>>(), recorded);
    let of_eve: Vec<&str> = decisions("beta").iter().map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(of_eve, own, "each of the neighbour's has its record");
}

#[test]
fn what_is_counted_is_told_apart_by_actor_action_and_sort_of_answer() {
    const EACH: usize = 150;
    let world = World::permitting(PERMIT_ALL);
    let held = scopes();
    let theirs = process("p9", &actor("beta/user/eve"));
    for id in ["acme/user/bob", "acme/user/ann"] {
        let who = actor(id);
        let caller = Caller::outside(&who, &held);
        denied_each_time(&world, &caller, &tenant("beta"), EACH);
        for _ in 0..EACH {
            let send = ProcessSend { to: theirs.clone(), topic: "greet".into(), bytes: 1 };
            denial(world.gate.operation().check(&caller, send));
            denial(world.gate.operation().check(&Caller { scopes: None, ..caller }, spawn(who.tenant())));
        }
    }
    let records = world.all_records();
    let mut sorts: Vec<String> = records
        .iter()
        .filter(|record| record["kind"] == "rollup" && record["detail"]["closed"] == true)
        .map(|record| {
            let text = |value: &Json| value.as_str().unwrap().to_owned();
            let detail = &record["detail"];
            let (actor, action, kind) =
                (text(&record["actor"]), text(&detail["action"]), text(&detail["decision_kind"]));
            format!("{actor} {action} {} {kind}", text(&detail["resource_type"]))
        })
        .collect();
    sorts.sort();
    let expected: Vec<String> = ["acme/user/ann", "acme/user/bob"]
        .iter()
        .flat_map(|actor| {
            [
                format!("{actor} process.send Process deny_forbid"),
                format!("{actor} process.spawn Definition deny_default"),
                format!("{actor} process.spawn Definition deny_forbid"),
            ]
        })
        .collect();
    assert_eq!(sorts, expected);
    let decisions = records.iter().filter(|record| record["kind"] == "decision").count();
    assert_eq!(decisions + counted(&records), 6 * EACH);
}
