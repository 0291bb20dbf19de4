//! What is recorded is enough: random decisions are decided again by plain Cedar from their records alone, and
//! none that was allowed leaves its tenant.

use std::sync::Arc;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, Schema};
use policy::{Actor, Caller, Process, TenantId};
use serde_json::Value as Json;

use crate::permissions::asks;
use crate::random::Random;
use crate::world::{World, actor, inside, process, scopes, tenant};

const ALWAYS: &str = "@id(\"test.all\") @audit(\"always\") permit (principal, action, resource);";

/// Cedar, as anybody would use it on what the files say.
struct Plain {
    schema: Schema,
    /// The guard and the permit of these tests.
    enforced: PolicySet,
    /// What may at most be allowed.
    isolation: PolicySet,
}

impl Plain {
    fn new() -> Self {
        let schema = Schema::from_cedarschema_str(&policy::schema::render()).unwrap().0;
        let guard = include_str!("../../../../policies/guard.cedar");
        let isolation = include_str!("../../../../policies/isolation.cedar");
        Self {
            schema,
            enforced: format!("{guard}\n{ALWAYS}").parse().unwrap(),
            isolation: isolation.parse().unwrap(),
        }
    }

    /// Decides a record again, everything in it validated against the schema.
    fn decide(&self, record: &Json, policies: &PolicySet) -> (Decision, Vec<String>) {
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        let uid = |kind: &str, id: &str| -> EntityUid {
            EntityUid::from_json(serde_json::json!({"type": format!("Moonward::{kind}"), "id": id})).unwrap()
        };
        let action = uid("Action", &text("action"));
        let resource = &record["resource"];
        let resource = uid(resource["type"].as_str().unwrap(), resource["id"].as_str().unwrap());
        let context =
            Context::from_json_value(record["context"].clone(), Some((&self.schema, &action))).unwrap();
        let entities = Entities::from_json_value(record["entities"].clone(), Some(&self.schema)).unwrap();
        let principal = uid("Actor", &text("actor"));
        let request = Request::new(principal, action, resource, context, Some(&self.schema)).unwrap();
        let response = Authorizer::new().is_authorized(&request, policies, &entities);
        assert_eq!(response.diagnostics().errors().count(), 0);
        let annotated = |id| policies.annotation(id, "id").unwrap().to_owned();
        let mut reasons: Vec<String> = response.diagnostics().reason().map(annotated).collect();
        reasons.sort();
        (response.decision(), reasons)
    }
}

#[test]
fn each_record_can_be_decided_again_and_no_allow_leaves_its_tenant() {
    let mut random = Random::seeded();
    let held = scopes();
    let actors: Vec<Arc<Actor>> =
        ["acme/user/bob", "acme/operator/bob", "beta/user/eve", "system/operator/root"]
            .map(actor)
            .into_iter()
            .collect();
    let bob = Actor::parse("acme/user/bob").unwrap().with_roles(["acme/clerk"]).unwrap();
    let bob = bob.with_tags([("dept".to_owned(), "\u{202e}x\"\n".to_owned())]).unwrap();
    let actors: Vec<Arc<Actor>> = actors.into_iter().chain([Arc::new(bob.with_auth_time(5))]).collect();
    let (mut asked, mut records) = (0, Vec::new());
    // Each log is asked so little that nothing is only counted.
    for _ in 0..6 {
        let world = World::permitting(ALWAYS);
        let operation = world.gate.operation();
        for _ in 0..10 {
            let actor = random.choose(&actors);
            let target = match random.below(3) {
                0 => Arc::new(Process::stand_in("x/y", &tenant("beta"), 0)),
                1 => Arc::new(Process::stand_in("x/y", &TenantId::nobody(), 0)),
                _ => process("p2", random.choose(&actors)),
            };
            let own = process("p1", random.choose(&actors));
            let caller = match random.below(2) {
                0 => Caller::outside(actor, &held),
                _ => inside(actor, &held, &own),
            };
            for (_, ask) in asks(&target) {
                let _ = ask(&operation, &caller);
                asked += 1;
            }
        }
        records.extend(world.decisions());
    }
    assert_eq!(records.len(), asked, "one record a decision");
    let plain = Plain::new();
    let mut allowed = 0;
    for record in &records {
        let recorded = if record["decision"] == "allow" { Decision::Allow } else { Decision::Deny };
        let named =
            record["policies"].as_array().unwrap().iter().map(|policy| policy["id"].as_str().unwrap());
        let reasons: Vec<String> = named.map(str::to_owned).collect();
        assert_eq!(plain.decide(record, &plain.enforced), (recorded, reasons), "{record}");
        if recorded == Decision::Allow {
            allowed += 1;
            assert_eq!(plain.decide(record, &plain.isolation).0, Decision::Allow, "{record}");
        }
    }
    assert!(allowed > 100 && allowed < asked - 100, "{allowed} of {asked} allowed: the cases test little");
}
