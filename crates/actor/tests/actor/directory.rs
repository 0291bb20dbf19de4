//! Names, pids, and what a destination means to whom.

use std::sync::Arc;

use actor::{NAMES_PER_PROCESS_MAX, Quotas};
use policy::TenantId;
use value::{Kind, Value};

use crate::world::{On, World, assert_fails, tenant, with_deep_stack};

#[test]
fn one_tenants_own_processes_are_found_by_pid_and_by_name() {
    with_deep_stack(|| {
        let mut world = World::new();
        let process = world.start(On::Second);
        world.register("ledger", &process).unwrap();
        for destination in [&**process.pid(), "ledger", "acme/ledger"] {
            let found = world.node.resolve(&tenant("acme"), destination).unwrap();
            assert!(Arc::ptr_eq(&found, &process), "{destination}");
        }
        world.exit(&process, Ok(Value::Nil));
        let gone = format!("no process `{}`", process.pid());
        assert_fails(world.node.resolve(&tenant("acme"), process.pid()), Kind::NotFound, &gone);
        for destination in ["ledger", "acme/ledger"] {
            let gone = "name `ledger` is not registered";
            assert_fails(world.node.resolve(&tenant("acme"), destination), Kind::NotFound, gone);
        }
    });
}

#[test]
fn of_another_tenant_there_are_always_facts_of_that_tenant() {
    with_deep_stack(|| {
        let mut world = World::new();
        let globex = tenant("globex");
        let (live, dead) = (world.start(On::First), world.start(On::First));
        world.register("ledger", &live).unwrap();
        world.exit(&dead, Ok(Value::Nil));
        let mut forged = live.pid().to_string();
        forged.replace_range(forged.len() - 1.., if forged.ends_with('0') { "1" } else { "0" });
        for (destination, whose, lives) in [
            (&**live.pid(), tenant("acme"), true),
            (&**dead.pid(), tenant("acme"), false),
            ("acme/ledger", tenant("acme"), true),
            ("acme/nobody", tenant("acme"), false),
            ("initech/ledger", TenantId::nobody(), false),
            ("Not A Tenant/x", TenantId::nobody(), false),
            (&*forged, TenantId::nobody(), false),
            ("p~nonsense", TenantId::nobody(), false),
        ] {
            let facts = world.node.resolve(&globex, destination).unwrap();
            assert_eq!(*facts.tenant(), whose, "{destination}");
            assert_eq!(world.alive(&facts), lives, "{destination}");
            if !lives {
                assert_eq!(**facts.pid(), *destination);
            }
        }
        assert_fails(world.node.lookup(&globex, "ledger"), Kind::NotFound, "name `ledger` is not registered");
    });
}

#[test]
fn a_name_is_given_once_taken_away_and_given_again() {
    with_deep_stack(|| {
        let mut world = World::new();
        let (one, other) = (world.start(On::First), world.start(On::Second));
        world.register("x", &one).unwrap();
        world.register("x", &one).unwrap();
        let taken = "name `x` is already registered";
        assert_fails(world.register("x", &other), Kind::AlreadyExists, taken);
        world.unregister("x").unwrap();
        assert_fails(world.unregister("x"), Kind::NotFound, "name `x` is not registered");
        world.register("x", &other).unwrap();
        assert!(Arc::ptr_eq(&world.node.lookup(&tenant("acme"), "x").unwrap(), &other));
        world.exit(&one, Ok(Value::Nil));
        let gone = format!("no process `{}`", one.pid());
        assert_fails(world.register("y", &one), Kind::NotFound, &gone);
        world.exit(&other, Ok(Value::Nil));
        let third = world.start(On::First);
        world.register("x", &third).unwrap();
    });
}

#[test]
fn a_process_has_a_bounded_number_of_names() {
    with_deep_stack(|| {
        let mut world = World::new();
        let process = world.start(On::First);
        for index in 0..NAMES_PER_PROCESS_MAX {
            world.register(&format!("name-{index}"), &process).unwrap();
        }
        let refused = format!("`{}` has 64 names, as many as allowed", process.pid());
        assert_fails(world.register("more", &process), Kind::RateLimited, &refused);
        assert!(world.node.lookup(&tenant("acme"), "more").is_err());
    });
}

#[test]
fn pids_are_never_used_again_though_slots_are() {
    with_deep_stack(|| {
        let mut world = World::with_quotas(Quotas::default());
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let process = world.start(On::First);
            assert!(seen.insert(process.pid().clone()));
            assert!(process.pid().len() <= 64);
            world.exit(&process, Ok(Value::Nil));
        }
    });
}
