//! Asking: several permissions at once, what a refusal says, what a record holds, and `can`.

use std::sync::Arc;

use policy::{
    AssertedBy, Caller, Datum, Gate, Name, Permit, ProcessHost, ProcessSend, ProcessSpawn,
    ProcessSpawnMonitored, ProcessTerminate, Refusal, RegistryRegister, Resource,
};
use serde_json::json;
use value::{Failure, Kind, Value};

use crate::permissions::spawn;
use crate::world::{
    PERMIT_ALL, World, actor, allowed, definition, denial, host, inside, process, scopes, tenant,
};

#[test]
fn a_gate_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Gate>();
}

#[test]
fn permits_come_back_in_the_shape_of_the_asks_and_hold_what_was_asked() {
    let world = World::permitting(PERMIT_ALL);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let acme = bob.tenant();
    let name = RegistryRegister { name: Name::new(acme, "child").unwrap(), target: process("new", &bob) };
    let monitored = |asked: bool| {
        asked.then(|| ProcessSpawnMonitored {
            definition: definition(acme),
            host: host(),
            monitored: true,
            linked: false,
            name: None,
            via: policy::Via::Spawn,
        })
    };
    let asks = (spawn(acme), monitored(true), monitored(false), ProcessHost { host: host() }, vec![name]);
    let permits = world.gate.operation().check(&Caller::outside(&bob, &held), asks).unwrap();
    let (spawn, monitored, none, host, names) = permits;
    let spawn: Permit<ProcessSpawn> = spawn;
    assert_eq!(&**spawn.request().definition.id(), "acme.workers:handler");
    assert!(monitored.unwrap().into_request().monitored);
    assert!(none.is_none());
    assert_eq!(&**host.into_request().host.id(), "app:processes");
    assert_eq!(names.len(), 1);
    assert!(world.decisions().is_empty(), "plain allows are recorded as the first of their sort only");
    assert_eq!(world.firsts().len(), 4);
}

#[test]
fn the_first_denial_ends_an_operation_with_one_record() {
    let permits =
        "@id(\"test.host\") permit (principal, action == Moonward::Action::\"process.host\", resource);";
    let world = World::permitting(permits);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let asks = (ProcessHost { host: host() }, spawn(bob.tenant()), spawn(&tenant("beta")));
    let denial = denial(world.gate.operation().check(&Caller::outside(&bob, &held), asks));
    assert_eq!((denial.action, denial.resource.as_str()), ("process.spawn", "acme.workers:handler"));
    assert_eq!(world.decisions().len(), 1);
}

#[test]
fn an_allow_is_recorded_when_its_policy_asks_for_that() {
    let audited =
        "@id(\"test.audited\") @audit(\"always\") permit (principal, action, resource is Moonward::Host);";
    let world = World::permitting(&format!("{PERMIT_ALL}\n  {audited}"));
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let asks = (spawn(bob.tenant()), ProcessHost { host: host() });
    allowed(&world.gate, &Caller::outside(&bob, &held), asks);
    let records = world.decisions();
    assert_eq!(records.len(), 1);
    assert_eq!((&records[0]["decision"], &records[0]["because"]), (&json!("allow"), &json!("asked")));
    assert_eq!(
        records[0]["policies"],
        json!([
            {"id": "test.all", "file": "test.cedar", "line": 1, "column": 1},
            {"id": "test.audited", "file": "test.cedar", "line": 2, "column": 3},
        ])
    );
}

#[test]
fn a_refusal_names_the_action_the_resource_as_written_and_the_record_and_no_policy() {
    let world = World::permitting(PERMIT_ALL);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = process("p1", &bob);
    let to = process("p9", &actor("beta/user/eve"));
    let request = ProcessSend { to, topic: "greet".into(), bytes: 3 };
    let operation = world.gate.operation().naming("beta/led\u{202e}ger");
    let refusal = operation.check(&inside(&bob, &held, &caller), request).unwrap_err();
    let record = world.decisions()[0]["id"].as_str().unwrap().to_owned();
    let failure = Failure::from(refusal);
    assert_eq!(failure.kind, Kind::PermissionDenied);
    assert_eq!(
        failure.message,
        format!("permission denied: `process.send` on `beta/led\\u{{202e}}ger` (record {record})")
    );
    assert_eq!(failure.details.get("action"), Some(&Value::text("process.send")));
    assert_eq!(failure.details.get("resource"), Some(&Value::text("beta/led\u{202e}ger")));
    assert_eq!(failure.details.get("record"), Some(&Value::text(record.as_str())));
    assert_eq!(failure.record, Some(record));
    assert_eq!(failure.retryable, None);
}

#[test]
fn a_record_says_who_asked_for_what_where_and_by_which_policies_it_was_decided() {
    let world = World::permitting(PERMIT_ALL);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = process("p1", &bob);
    let said = AssertedBy { uid: 1000, login: "ada".into(), host: "box".into() };
    let caller = Caller { asserted_by: Some(&said), ..inside(&bob, &held, &caller) };
    let beta = tenant("beta");
    assert!(world.gate.operation().check(&caller, spawn(&beta)).is_err());
    let record = world.decisions().remove(0);
    let expected = json!({
        "schema": "moonward.audit/1",
        "kind": "decision",
        "tenant": "acme",
        "actor": "acme/user/bob",
        "actor_digest": audit::digest::hex(bob.digest()),
        "pid": "p1",
        "definition": "acme.workers:handler",
        "place": {"source": "acme.workers:handler", "line": 7},
        "via": "spawn",
        "action": "process.spawn",
        "resource": {"type": "Definition", "id": "beta.workers:handler"},
        "scopes": ["system.test:scope"],
        "generation": "1",
        "decision": "deny",
        "decision_kind": "deny_forbid",
        "because": "denied",
        "policies": [{"id": "guard.tenant.definition", "file": "policies/guard.cedar", "line": 19, "column": 1}],
        "chain": ["chain-1"],
        "asserted_by": {"uid": 1000, "login": "ada", "host": "box"},
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&record[name], value, "{name}");
    }
    assert_eq!(record["engine"]["error_mode"], "deny");
    assert_eq!(
        record["context"]["host"],
        json!({"__entity": {"type": "Moonward::Host", "id": "app:processes"}})
    );
    let ids: Vec<&str> = record["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["uid"]["id"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&"acme/user/bob") && ids.contains(&"beta.workers:handler") && ids.contains(&"beta"));
    assert_eq!(record["policy_set"].as_str().unwrap().len(), 64);
}

#[test]
fn the_place_is_asked_for_only_when_a_record_is_made() {
    let world = World::permitting(PERMIT_ALL);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let asked = std::cell::Cell::new(0);
    let place = || {
        asked.set(asked.get() + 1);
        None
    };
    let caller = Caller { place: &place, ..Caller::outside(&bob, &held) };
    allowed(&world.gate, &caller, spawn(bob.tenant()));
    assert_eq!(asked.get(), 1, "it is the first of its class");
    allowed(&world.gate, &caller, spawn(bob.tenant()));
    assert_eq!(asked.get(), 1);
    assert!(world.gate.operation().check(&caller, spawn(&tenant("beta"))).is_err());
    assert_eq!(asked.get(), 2);
}

#[test]
fn can_answers_as_a_check_would_and_leaves_no_trace() {
    let world = World::permitting(
        "@id(\"test.small\") permit (principal, action == Moonward::Action::\"process.send\", resource) \
         when { context.bytes < 100 && context.topic != \"\" };",
    );
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let (own, theirs) = (process("p2", &bob), process("p9", &actor("beta/user/eve")));
    let caller = Caller::outside(&bob, &held);
    let can =
        |resource, fields: &[(&str, Datum<'_>)]| world.gate.can(&caller, "process.send", resource, fields);
    let topic = ("topic", Datum::String("greet"));
    for (process, fields, expected) in [
        (&own, vec![topic], true),
        (&own, vec![topic, ("bytes", Datum::Long(99))], true),
        (&own, vec![topic, ("bytes", Datum::Long(100))], false),
        (&own, vec![], false),
        (&theirs, vec![topic], false),
    ] {
        assert_eq!(can(Resource::Process(process), &fields), Ok(expected), "{fields:?}");
    }
    let nobody = Caller { actor: None, ..caller };
    assert_eq!(world.gate.can(&nobody, "process.send", Resource::Process(&own), &[topic]), Ok(false));
    assert!(world.decisions().is_empty());
}

#[test]
fn can_says_what_is_wrong_with_a_question() {
    let world = World::permitting(PERMIT_ALL);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let own = process("p2", &bob);
    let name = Name::new(bob.tenant(), "ledger").unwrap();
    let about = Resource::Process(&own);
    for (action, resource, fields, message) in [
        ("process.sent", about, vec![], "no such action: `process.sent`; did you mean `process.send`?"),
        ("all", about, vec![], "no such action: `all`"),
        ("process.spawn", about, vec![], "`process.spawn` is about a Definition, not a Process"),
        (
            "process.send",
            about,
            vec![("pid", Datum::Process(&own))],
            "`process.send` has no field `pid`; it has `topic`, `bytes`",
        ),
        (
            "process.terminate",
            about,
            vec![("topic", Datum::String(""))],
            "`process.terminate` has no field `topic`; it takes none",
        ),
        (
            "process.send",
            about,
            vec![("bytes", Datum::String("1"))],
            "field `bytes` of `process.send` must be a Long",
        ),
        (
            "process.registry.register",
            Resource::Name(&name),
            vec![],
            "`process.registry.register` needs the field `target`",
        ),
    ] {
        let wrong = world.gate.can(&Caller::outside(&bob, &held), action, resource, &fields).unwrap_err();
        let failure = Failure::from(wrong);
        assert_eq!((failure.kind, failure.message.as_str()), (Kind::Invalid, message));
    }
}

#[test]
fn an_operation_keeps_the_generation_it_began_with() {
    let world = World::permitting(PERMIT_ALL);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = Caller::outside(&bob, &held);
    let before = world.gate.operation();
    let request = || ProcessHost { host: host() };
    assert!(before.check(&caller, request()).is_ok());
    let narrower =
        "@id(\"test.none\") permit (principal, action == Moonward::Action::\"process.call\", resource);";
    assert_eq!(world.replace(crate::world::sources(narrower)), 2);
    assert!(before.check(&caller, request()).is_ok());
    let after = world.gate.operation();
    assert_eq!((before.generation(), after.generation()), (1, 2));
    assert!(matches!(after.check(&caller, request()), Err(Refusal::Denied(_))));
    let records = world.records();
    let loads: Vec<_> = records.iter().filter(|record| record["kind"] == "policy_load").collect();
    assert_eq!(loads.len(), 2);
    assert_ne!(loads[0]["policy_set"], loads[1]["policy_set"]);
    let denied = world.decisions().pop().unwrap();
    assert_eq!(denied["generation"], "2");
    assert_eq!(denied["policy_set"], loads[1]["policy_set"]);
}

#[test]
fn a_refused_bundle_leaves_the_one_in_force_and_is_recorded() {
    let world = World::permitting(PERMIT_ALL);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let found = policy::Bundle::load(crate::world::sources("permit (principal")).unwrap_err();
    world.gate.refuse(&found);
    allowed(&world.gate, &Caller::outside(&bob, &held), ProcessHost { host: host() });
    let record = world.records().into_iter().rfind(|record| record["kind"] != "decision").unwrap();
    assert_eq!(record["kind"], "policy_refused");
    assert_eq!((record["generation"].as_str(), world.gate.generation()), (Some("1"), 1));
    assert!(record["detail"]["diagnostics"][0].as_str().unwrap().contains("test.cedar:1:"));
}

#[test]
fn a_sensitive_allow_is_recorded_before_the_permit_is_given() {
    let world = World::permitting(PERMIT_ALL);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let target = process("p2", &bob);
    let caller = Caller::outside(&bob, &held);
    allowed(&world.gate, &caller, ProcessTerminate { target: target.clone() });
    let cancel = |deadline_ms| policy::ProcessCancel { target: Arc::clone(&target), deadline_ms };
    allowed(&world.gate, &caller, cancel(None));
    allowed(&world.gate, &caller, cancel(Some(5000)));
    let records = world.decisions();
    let actions: Vec<_> = records.iter().map(|record| record["action"].clone()).collect();
    assert_eq!(actions, ["process.terminate", "process.cancel"]);
    assert!(records.iter().all(|record| record["because"] == "sensitive"));
}
