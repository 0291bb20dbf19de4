//! A study says what the gate said: random decisions, decided again from their records alone by the same policies.

use std::sync::Arc;

use policy::study::{Again, Study};
use policy::{Actor, Caller, Process, Tenant, TenantId};
use serde_json::Value as Json;

use crate::permissions::asks;
use crate::random::Random;
use crate::world::{World, actor, bundle, definition, host, inside, process, scopes, sources, tenant};

/// Permits that match, fail or do neither, by what is asked; all allows are recorded.
const PERMITS: &str = r#"
@id("test.own") @audit("always") permit (principal, action, resource)
when { context has pid && context.pid.tenant == principal.tenant };
@id("test.clerk") @audit("always") permit (principal in Moonward::Role::"acme/clerk", action, resource);
@id("test.child") @audit("always") permit (principal, action in Moonward::Action::"all", resource is Moonward::Process)
when { resource has parent && context has pid && resource.parent == context.pid };
@id("test.fails") permit (principal, action == Moonward::Action::"process.send", resource)
when { context.bytes + 9223372036854775807 > 0 && principal.hasTag("dept") };
@id("test.target") @audit("always") permit (principal, action == Moonward::Action::"process.registry.register", resource)
when { context.target.owner == principal };
"#;

fn with_a_suspended_tenant() -> policy::BundleSources {
    let mut sources = sources(PERMITS);
    sources.tenants[1] = Tenant { suspended: true, plan: "free".to_owned(), ..Tenant::new(tenant("beta")) };
    sources
}

/// Every sort of decision, in records.
fn recorded() -> Vec<Json> {
    let mut random = Random::seeded();
    let world = World::of(with_a_suspended_tenant());
    let operation = world.gate.operation();
    let held = scopes();
    let bob = Actor::parse("acme/user/bob").unwrap();
    let richer = bob.clone().with_roles(["acme/clerk"]).unwrap().with_auth_time(5);
    let tagged = bob.clone().with_tags([("dept".to_owned(), "\u{202e}x\"\n".to_owned())]).unwrap();
    let mut actors: Vec<Arc<Actor>> =
        ["acme/operator/bob", "beta/user/eve", "system/operator/root"].map(actor).into_iter().collect();
    actors.extend([bob, richer, tagged].map(Arc::new));
    for _ in 0..60 {
        let actor = random.choose(&actors);
        let own = process("p1", random.choose(&actors));
        let target = match random.below(4) {
            0 => Arc::new(Process::stand_in("x/y\"\\z", &tenant("beta"), 0)),
            1 => Arc::new(Process::stand_in("x/y", &TenantId::nobody(), 0)),
            2 => {
                let owner = random.choose(&actors).clone();
                let definition = definition(owner.tenant());
                Arc::new(Process::new("p3", owner, definition, host(), Some(&own), 0))
            }
            _ => process("p2", random.choose(&actors)),
        };
        let caller = match random.below(2) {
            0 => Caller::outside(actor, &held),
            _ => inside(actor, &held, &own),
        };
        for (_, ask) in asks(&target) {
            let _ = ask(&operation, &caller);
        }
    }
    world.decisions()
}

#[test]
fn a_recorded_decision_is_decided_again_the_same() {
    let study = Study::new(bundle(with_a_suspended_tenant()));
    let (mut kinds, mut undecided) = (std::collections::BTreeMap::new(), 0);
    let records = recorded();
    study
        .sit(|sitting| {
            for record in &records {
                let again = match Again::of_record(record) {
                    Ok(again) => again,
                    Err(error) => panic!("{error}: {record}"),
                };
                let verdict = match again.decide(sitting) {
                    Ok(verdict) => verdict,
                    Err(error) => {
                        // Whatever it is, it is not a guess.
                        println!("{error}: {record}");
                        undecided += 1;
                        continue;
                    }
                };
                let policies: Vec<Json> = verdict
                    .policies
                    .iter()
                    .map(|policy| {
                        let (line, column) = policy.span.position();
                        serde_json::json!({"id": *policy.id, "file": policy.span.source.path, "line": line, "column": column})
                    })
                    .collect();
                assert_eq!(serde_json::to_value(verdict.kind).unwrap(), record["decision_kind"], "{record}");
                assert_eq!(Json::Array(policies), record["policies"], "{record}");
                let errors: Vec<Json> = verdict.errors.iter().map(|error| Json::from(&**error)).collect();
                assert_eq!(errors.len(), record["errors"].as_array().map_or(0, Vec::len), "{record}");
                *kinds.entry(record["decision_kind"].to_string()).or_insert(0) += 1;
            }
        })
        .unwrap();
    assert_eq!((kinds.len(), undecided), (4, 0), "{kinds:?}");
    assert!(kinds.values().all(|count| *count >= 5), "{kinds:?}: the cases test little");
}

#[test]
fn tenants_are_as_each_record_has_them_whatever_was_decided_before() {
    let study = Study::new(bundle(with_a_suspended_tenant()));
    let allowed = recorded().into_iter().find(|record| record["decision"] == "allow").unwrap();
    let mut suspended = allowed.clone();
    let tenant = allowed["tenant"].as_str().unwrap();
    for entity in suspended["entities"].as_array_mut().unwrap() {
        if entity["uid"] == serde_json::json!({"type": "Moonward::Tenant", "id": tenant}) {
            entity["attrs"]["suspended"] = true.into();
        }
    }
    let kinds = study.sit(|sitting| {
        [&allowed, &suspended, &allowed].map(|record| {
            let verdict = Again::of_record(record).unwrap().decide(sitting).unwrap();
            serde_json::to_value(verdict.kind).unwrap()
        })
    });
    assert_eq!(kinds.unwrap(), ["allow", "deny_forbid", "allow"]);
}

#[test]
fn what_a_record_does_not_tell_whole_is_not_guessed() {
    let study = Study::new(bundle(with_a_suspended_tenant()));
    let record = recorded().into_iter().find(|record| record["action"] == "process.send").unwrap();
    let changed = |pointer: &str, value: Json| {
        let mut changed = record.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let entities = record["entities"].as_array().unwrap();
    let fewer = Json::Array(entities[1..].to_vec());
    for (what, record) in [
        ("an entity less", changed("/entities", fewer)),
        ("a large context", changed("/context", serde_json::json!({"$oversized": {"bytes": "1"}}))),
        ("another kind", changed("/kind", "policy_load".into())),
        ("an unknown action", changed("/action", "process.sent".into())),
        ("nobody", {
            let mut changed = record.clone();
            changed.as_object_mut().unwrap().remove("actor");
            changed
        }),
    ] {
        let decided =
            Again::of_record(&record).and_then(|again| study.sit(|sitting| again.decide(sitting)).unwrap());
        assert!(decided.is_err(), "{what}: {decided:?}");
    }
    let bare = Study::new(bundle(policy::BundleSources { scopes: Vec::new(), ..with_a_suspended_tenant() }));
    let again = Again::of_record(&record).unwrap();
    let error = bare.sit(|sitting| again.decide(sitting)).unwrap().unwrap_err();
    assert!(error.to_string().contains("system.test:scope"), "{error}");
}

#[test]
fn a_policy_left_out_decides_nothing_and_one_that_is_not_there_is_named() {
    let study = Study::new(bundle(with_a_suspended_tenant()))
        .without(&["guard.suspended".to_owned()])
        .unwrap()
        .unwrap();
    let record = recorded().into_iter().find(|record| {
        record["policies"].to_string().contains("guard.suspended")
            && record["policies"].as_array().unwrap().len() == 1
    });
    let again = Again::of_record(&record.unwrap()).unwrap();
    let verdict = study.sit(|sitting| again.decide(sitting)).unwrap().unwrap();
    assert!(verdict.policies.iter().all(|policy| &*policy.id != "guard.suspended"));
    let ids = ["guard.tenant.proces", "guard.caller", "xyzzy"].map(str::to_owned);
    let unknown = study.without(&ids).unwrap().unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "no policy has the id `guard.tenant.proces`, did you mean `guard.tenant.process`?; nor `xyzzy`"
    );
}
