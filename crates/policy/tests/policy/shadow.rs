//! Policies in shadow: what they would change is recorded, and nothing changes.

use policy::{BundleSources, ProcessSend};

use crate::world::{PERMIT_ALL, World, actor, file, inside, process, scopes, sources};

const SHADOWED_FORBID: &str = "@id(\"trial.no-news\") @mode(\"shadow\") \
     forbid (principal, action == Moonward::Action::\"process.send\", resource) when { context.topic == \"news\" };";

/// Fails where it is asked about: in a guard it would not load.
const FAILING_PERMIT: &str = "@id(\"trial.fails\") @mode(\"shadow\") \
     permit (principal, action == Moonward::Action::\"process.send\", resource) \
     when { context.bytes + 9223372036854775807 > 0 };";

const SHADOWED_PERMIT: &str = "@id(\"trial.all\") @mode(\"shadow\") permit (principal, action, resource);";

fn world(permits: &str, guard: &str) -> World {
    World::of(BundleSources { guards: vec![file("trial.cedar", guard)], ..sources(permits) })
}

/// Sends this often, and says whether each was allowed.
fn send(world: &World, topic: &str, times: u32) -> bool {
    let (ann, scopes) = (actor("acme/user/ann"), scopes());
    let (from, to) = (process("p1", &ann), process("p2", &ann));
    let caller = inside(&ann, &scopes, &from);
    let mut answers = (0..times).map(|_| {
        let send = ProcessSend { to: to.clone(), topic: topic.into(), bytes: 9 };
        world.gate.operation().check(&caller, send).is_ok()
    });
    let first = answers.next().unwrap();
    assert!(answers.all(|answer| answer == first));
    first
}

#[test]
fn a_forbid_in_shadow_denies_nothing_and_what_it_would_deny_is_recorded_ever_more_seldom() {
    let world = world(PERMIT_ALL, SHADOWED_FORBID);
    assert!(send(&world, "news", 250));
    assert!(send(&world, "other", 250));
    let records = world.decisions();
    let given: Vec<_> = records.iter().map(|record| record["shadow"]["given"].as_str().unwrap()).collect();
    assert_eq!(given, ["1", "10", "100"], "and nothing of the topic that it says nothing about");
    for record in &records {
        assert_eq!((&record["decision"], &record["because"]), (&"allow".into(), &"shadow".into()));
        assert_eq!(record["context"]["topic"], "news");
        assert_eq!(record["shadow"]["decision_kind"], "deny_forbid");
        assert_eq!(record["shadow"]["policies"][0]["id"], "trial.no-news");
        assert_eq!(record["shadow"]["policies"][0]["file"], "trial.cedar");
    }
}

#[test]
fn a_permit_in_shadow_allows_nothing_and_each_denial_says_that_it_would() {
    let world = world(SHADOWED_PERMIT, "");
    assert!(!send(&world, "news", 3));
    let records = world.decisions();
    assert_eq!(records.len(), 3);
    for record in &records {
        assert_eq!((&record["decision"], &record["decision_kind"]), (&"deny".into(), &"deny_default".into()));
        assert_eq!(record["shadow"]["decision_kind"], "allow");
        assert_eq!(record["shadow"]["policies"][0]["id"], "trial.all");
    }
}

#[test]
fn a_policy_that_fails_in_shadow_denies_nothing_and_its_error_is_recorded() {
    let world = world(&format!("{PERMIT_ALL}\n{FAILING_PERMIT}"), "");
    assert!(send(&world, "news", 20));
    let records = world.decisions();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["decision"], "allow");
    assert!(records[0].get("errors").is_none());
    assert_eq!(records[0]["shadow"]["decision_kind"], "deny_error");
    assert!(records[0]["shadow"]["errors"][0].as_str().unwrap().contains("overflow"));
}

#[test]
fn a_shadow_that_changes_nothing_is_not_recorded() {
    let forbidden = "@id(\"trial.never\") @mode(\"shadow\") \
         forbid (principal, action, resource) when { principal.tenant.suspended };";
    let world =
        world(&format!("{PERMIT_ALL}\n{}", SHADOWED_PERMIT.replace("trial.all", "trial.more")), forbidden);
    assert!(send(&world, "news", 20));
    assert_eq!(world.decisions().len(), 0);
}

#[test]
fn a_guard_in_shadow_is_warned_of_and_its_load_recorded_with_it() {
    let world = world(PERMIT_ALL, SHADOWED_FORBID);
    let load = &world.records()[0];
    assert_eq!(load["kind"], "policy_load");
    let warning = load["detail"]["warnings"][0].as_str().unwrap();
    assert!(warning.contains("this guard is in shadow") && warning.contains("trial.cedar:1:1"), "{warning}");
    assert_eq!(load["detail"]["shadow"], serde_json::json!(["trial.no-news"]));
}
