//! Every permission, by loop: allowed where a permit says so, denied with one record where none does.

use std::sync::Arc;

use policy::permission::ALL;
use policy::{
    AuditRead, Caller, DefinitionDeploy, DefinitionRead, DenialKind, LogRead, Name, Namespace, Operation,
    Permission, PolicyRead, PolicyWrite, Process, ProcessCall, ProcessCancel, ProcessContext, ProcessHost,
    ProcessLink, ProcessMonitor, ProcessRead, ProcessSecurity, ProcessSend, ProcessSpawn, ProcessSpawnLinked,
    ProcessSpawnMonitored, ProcessTerminate, ProcessUnlink, ProcessUnmonitor, Refusal, RegistryRegister,
    RegistryUnregister, SecurityAsk, TenantId, TenantRead, TenantSuspend, TokenRevoke, Via,
};

use crate::world::{PERMIT_ALL, World, actor, definition, denial, host, inside, process, scope, scopes};

/// Asks for one permission.
type Ask = Box<dyn Fn(&Operation<'_>, &Caller<'_>) -> Result<(), Refusal>>;

/// One ask of every permission, on things of `target`'s tenant; its action comes with it.
pub(crate) fn asks(target: &Arc<Process>) -> Vec<(&'static str, Ask)> {
    let tenant = target.tenant().clone();
    let name = Name::new(&tenant, "ledger").unwrap();
    let target = || target.clone();
    let ask = |ask: SecurityAsk| ProcessSecurity { ask };
    vec![
        one(spawn(&tenant)),
        one(ProcessSpawnMonitored {
            definition: definition(&tenant),
            host: host(),
            monitored: true,
            linked: false,
            name: None,
            via: Via::Spawn,
        }),
        one(ProcessSpawnLinked {
            definition: definition(&tenant),
            host: host(),
            monitored: false,
            linked: true,
            name: Some("child".into()),
            via: Via::Spawn,
        }),
        one(ProcessCall {
            definition: definition(&tenant),
            host: host(),
            monitored: false,
            linked: false,
            name: None,
            via: Via::Call,
        }),
        one(ProcessHost { host: host() }),
        one(ProcessSend { to: target(), topic: "greet".into(), bytes: 16 }),
        one(ProcessTerminate { target: target() }),
        one(ProcessCancel { target: target(), deadline_ms: Some(5000) }),
        one(ProcessLink { target: target() }),
        one(ProcessUnlink { target: target() }),
        one(ProcessMonitor { target: target() }),
        one(ProcessUnmonitor { target: target() }),
        one(RegistryRegister { name: name.clone(), target: target() }),
        one(RegistryUnregister { name }),
        one(ProcessContext { keys: vec!["request_id".into()] }),
        one(ask(SecurityAsk::Scope(scope()))),
        one(DefinitionDeploy {
            namespace: Namespace::new(definition(&tenant).namespace(), &tenant).unwrap(),
        }),
        one(DefinitionRead { definition: definition(&tenant) }),
        one(ProcessRead { process: target() }),
        one(LogRead { tenant: tenant.clone() }),
        one(AuditRead { tenant: tenant.clone() }),
        one(PolicyRead { tenant: tenant.clone() }),
        one(PolicyWrite { tenant: tenant.clone() }),
        one(TenantRead { tenant: tenant.clone() }),
        one(TenantSuspend { tenant: tenant.clone() }),
        one(TokenRevoke { tenant }),
    ]
}

pub(crate) fn spawn(tenant: &TenantId) -> ProcessSpawn {
    ProcessSpawn {
        definition: definition(tenant),
        host: host(),
        monitored: false,
        linked: false,
        name: None,
        via: Via::Spawn,
    }
}

fn one<P: Permission + Clone>(request: P) -> (&'static str, Ask) {
    let ask: Ask = Box::new(move |operation, caller| operation.check(caller, request.clone()).map(drop));
    (P::SPEC.action, ask)
}

/// Permits all but one action.
fn all_but(action: &str) -> String {
    format!(
        "@id(\"test.all-but\") permit (principal, action, resource) \
         unless {{ action == Moonward::Action::\"{action}\" }};"
    )
}

#[test]
fn the_asks_of_these_tests_are_all_permissions_in_order() {
    let operator = actor("system/operator/root");
    let actions: Vec<&str> = asks(&process("p1", &operator)).iter().map(|(action, _)| *action).collect();
    assert_eq!(actions, ALL.iter().map(|spec| spec.action).collect::<Vec<_>>());
}

#[test]
fn each_permission_is_denied_with_one_record_when_only_it_is_not_permitted() {
    // An operator on things of `system`: the one caller whom the guard forbids none of this.
    let operator = actor("system/operator/root");
    let (caller, target, held) = (process("p1", &operator), process("p2", &operator), scopes());
    for (missing, _) in asks(&target) {
        let world = World::permitting(&all_but(missing));
        let operation = world.gate.operation();
        for (action, ask) in asks(&target) {
            let before = world.decisions().len();
            let result = ask(&operation, &inside(&operator, &held, &caller));
            let after = world.decisions();
            let sensitive = sensitive(action);
            if action == missing {
                let denial = denial(result);
                assert_eq!((denial.kind, denial.action), (DenialKind::Default, action));
                assert_eq!(after.len(), before + 1, "{action}");
                let record = after.last().unwrap();
                assert_eq!(record["id"], denial.record.to_string());
                assert_eq!(record["decision_kind"], "deny_default");
                assert_eq!(record["action"], action);
                assert_eq!(record["policies"], serde_json::json!([]));
            } else {
                result.unwrap_or_else(|refusal| panic!("{action} without {missing}: {refusal}"));
                assert_eq!(after.len(), before + usize::from(sensitive), "{action}");
            }
        }
    }
}

/// Whether an allow of this action is recorded, as the asks of these tests ask for it (a cancel has a deadline).
fn sensitive(action: &str) -> bool {
    let process = ["process.terminate", "process.cancel", "process.security", "process.read"];
    process.contains(&action) || !action.starts_with("process.")
}

#[test]
fn nobody_and_nothing_held_are_denied_everything_and_recorded() {
    let world = World::permitting(PERMIT_ALL);
    let operator = actor("system/operator/root");
    let (held, none) = (scopes(), policy::ScopeSet::empty());
    let target = process("p2", &operator);
    let nobody = Caller { actor: None, ..Caller::outside(&operator, &held) };
    let scopeless = Caller { scopes: None, ..Caller::outside(&operator, &held) };
    let empty = Caller::outside(&operator, &none);
    let mut records = world.decisions().len();
    for caller in [nobody, scopeless, empty] {
        for (action, ask) in asks(&target) {
            let denial = denial(ask(&world.gate.operation(), &caller));
            assert_eq!(denial.kind, DenialKind::Default, "{action}");
            records += 1;
        }
        assert_eq!(world.decisions().len(), records);
    }
}

#[test]
fn a_tenants_own_policies_permit_no_door_and_nobody_elses_actors() {
    let tenant = crate::world::tenant("acme");
    let own = Arc::new(policy::Scope::new("acme.security:all", &tenant, true).unwrap());
    let held = policy::ScopeSet::new([own.clone()]);
    let world = World::of(policy::BundleSources {
        scopes: vec![policy::ScopeSources {
            scope: own,
            files: vec![crate::world::file("all.cedar", PERMIT_ALL)],
        }],
        ..crate::world::sources(PERMIT_ALL.replace("test.all", "unused").as_str())
    });
    let bob = actor("acme/user/bob");
    for (action, ask) in asks(&process("p2", &bob)) {
        let door =
            !ALL.iter().any(|spec| spec.action == action && spec.group != policy::vocabulary::Group::Doors);
        let result = ask(&world.gate.operation(), &Caller::outside(&bob, &held));
        // The scope that `process.security` asks for is the operator's, not shared and not held.
        let forbidden = action == "process.security";
        assert_eq!(result.is_ok(), !door && !forbidden, "{action}");
    }
    let eve = actor("beta/user/eve");
    let denial = denial(world.gate.operation().check(&Caller::outside(&eve, &held), spawn(eve.tenant())));
    assert_eq!(denial.kind, DenialKind::Default);
}
