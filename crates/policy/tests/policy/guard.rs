//! The shipped guard: each of its policies denies its case, however much the scopes permit.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::{
    Actor, Asks, AuditRead, BundleSources, Caller, Definition, DefinitionDeploy, DefinitionRead, DenialKind,
    Host, Name, Namespace, Process, ProcessHost, ProcessRead, ProcessSecurity, ProcessSend, ProcessSpawn,
    ProcessTerminate, RegistryRegister, RegistryUnregister, Scope, SecurityAsk, Tenant, TenantSuspend,
};

use crate::permissions::{asks, spawn};
use crate::world::{
    PERMIT_ALL, World, actor, allowed, definition, denial, host, inside, process, scopes, sources, tenant,
};

/// Asks as `bob` of acme, in a process of his, under a scope that permits everything.
struct Bob {
    world: World,
    bob: Arc<Actor>,
    process: Arc<Process>,
}

impl Bob {
    fn new() -> Self {
        let bob = actor("acme/user/bob");
        Self { world: World::permitting(PERMIT_ALL), process: process("p1", &bob), bob }
    }

    /// The guards that forbid it, from the one record that it makes.
    fn forbidden<A: Asks>(&self, asks: A) -> Vec<String> {
        forbidden(&self.world, &inside(&self.bob, &scopes(), &self.process), asks)
    }
}

fn forbidden<A: Asks>(world: &World, caller: &Caller<'_>, asks: A) -> Vec<String> {
    let before = world.decisions().len();
    let denial = denial(world.gate.operation().check(caller, asks));
    assert_eq!(denial.kind, DenialKind::Forbid);
    let records = world.decisions();
    assert_eq!(records.len(), before + 1);
    let record = &records[before];
    assert_eq!(record["decision_kind"], "deny_forbid");
    let policies = record["policies"].as_array().unwrap();
    assert!(policies.iter().all(|policy| policy["file"] == "policies/guard.cedar"), "{policies:?}");
    policies.iter().map(|policy| policy["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_guard_denies_its_case() {
    let bob = Bob::new();
    let eve = actor("beta/user/eve");
    let beta = tenant("beta");
    let theirs = process("p9", &eve);
    let target = || theirs.clone();
    let named = |tenant| Name::new(tenant, "ledger").unwrap();
    let security = |ask| ProcessSecurity { ask };
    let reserved = Arc::new(Host::new("beta:processes", Some(&beta)).unwrap());
    let their_scope = Arc::new(Scope::new("beta.security:all", &beta, false).unwrap());
    let mut cases = vec![
        ("guard.tenant.definition", bob.forbidden(spawn(&beta))),
        ("guard.tenant.host", bob.forbidden(ProcessHost { host: reserved })),
        ("guard.tenant.process", bob.forbidden(ProcessSend { to: target(), topic: "x".into(), bytes: 0 })),
        ("guard.tenant.control", bob.forbidden(ProcessTerminate { target: target() })),
        ("guard.tenant.name", bob.forbidden(RegistryUnregister { name: named(&beta) })),
        (
            "guard.tenant.name-target",
            bob.forbidden(RegistryRegister { name: named(bob.bob.tenant()), target: target() }),
        ),
        ("guard.security.actor", bob.forbidden(security(SecurityAsk::Actor(eve.clone())))),
        ("guard.security.scope", bob.forbidden(security(SecurityAsk::Scope(their_scope)))),
        (
            "guard.tenant.doors.namespace",
            bob.forbidden(DefinitionDeploy { namespace: Namespace::new("beta.workers", &beta).unwrap() }),
        ),
        ("guard.tenant.doors.definition", bob.forbidden(DefinitionRead { definition: definition(&beta) })),
        ("guard.tenant.doors.process", bob.forbidden(ProcessRead { process: target() })),
        ("guard.tenant.doors.tenant", bob.forbidden(AuditRead { tenant: beta.clone() })),
        ("guard.doors.suspend", bob.forbidden(TenantSuspend { tenant: bob.bob.tenant().clone() })),
    ];
    let own = ProcessHost { host: host() };
    let held = scopes();
    let as_eve_in_bobs = inside(&eve, &held, &bob.process);
    cases.push(("guard.caller", forbidden(&bob.world, &as_eve_in_bobs, own.clone())));
    let false_operator = actor("acme/operator/bob");
    let caller = Caller::outside(&false_operator, &held);
    cases.push(("guard.kind", forbidden(&bob.world, &caller, own.clone())));
    let suspended = World::of(BundleSources {
        tenants: vec![Tenant { suspended: true, ..Tenant::new(bob.bob.tenant().clone()) }],
        ..sources(PERMIT_ALL)
    });
    let caller = Caller::outside(&bob.bob, &held);
    cases.push(("guard.suspended", forbidden(&suspended, &caller, own)));

    for (guard, forbidding) in &cases {
        assert_eq!(forbidding, &[(*guard).to_owned()]);
    }
    let shipped: BTreeSet<&str> = include_str!("../../../../policies/guard.cedar")
        .split("@id(\"")
        .skip(1)
        .filter_map(|text| text.split('"').next())
        .collect();
    assert_eq!(cases.iter().map(|(guard, _)| *guard).collect::<BTreeSet<_>>(), shipped);
}

#[test]
fn what_is_shared_or_open_may_be_used_across_tenants() {
    let bob = Bob::new();
    let shared = Arc::new(Definition::new("beta.lib:tool", &tenant("beta"), true).unwrap());
    let scope = Arc::new(Scope::new("beta.security:guest", &tenant("beta"), true).unwrap());
    let asks = (
        ProcessSpawn { definition: shared, ..spawn(bob.bob.tenant()) },
        ProcessHost { host: host() },
        ProcessSecurity { ask: SecurityAsk::Scope(scope) },
    );
    allowed(&bob.world.gate, &inside(&bob.bob, &scopes(), &bob.process), asks);
}

#[test]
fn an_operator_controls_any_tenants_process_from_outside_and_from_no_script() {
    let world = World::permitting(PERMIT_ALL);
    let operator = actor("system/operator/root");
    let (theirs, held) = (process("p9", &actor("beta/user/eve")), scopes());
    let request = ProcessTerminate { target: theirs };
    allowed(&world.gate, &Caller::outside(&operator, &held), request.clone());
    let script = process("p1", &operator);
    assert_eq!(forbidden(&world, &inside(&operator, &held, &script), request), ["guard.tenant.control"]);
}

#[test]
fn an_undeclared_tenant_counts_as_suspended() {
    let world = World::permitting(PERMIT_ALL);
    let ghost = actor("ghost/user/casper");
    let held = scopes();
    let request = ProcessHost { host: host() };
    assert_eq!(forbidden(&world, &Caller::outside(&ghost, &held), request), ["guard.suspended"]);
}

#[test]
fn a_stand_in_is_denied_like_a_live_process_of_its_tenant() {
    let bob = Bob::new();
    for tenant in [tenant("beta"), policy::TenantId::nobody()] {
        let stand_in = Arc::new(Process::stand_in("beta/ledger", &tenant, 0));
        for (action, ask) in asks(&stand_in) {
            // These are not about the process, nor about its tenant.
            if ["process.host", "process.context", "process.security"].contains(&action) {
                continue;
            }
            let held = scopes();
            let denial = denial(ask(&bob.world.gate.operation(), &inside(&bob.bob, &held, &bob.process)));
            assert_eq!(denial.kind, DenialKind::Forbid, "{action}");
        }
    }
}
