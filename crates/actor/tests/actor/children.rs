//! Spawning, calling and upgrading.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actor::{CALL_DEPTH_MAX, ChildLimits, Event, HostSettings, Notice, Outside, Quotas, StartPermits, Take};
use policy::{Actor, ProcessHost, ProcessSpawn, ScopeSet, SecurityAsk};
use value::{Failure, Kind, Value};

use crate::world::{
    How, On, World, assert_fails, child, definition, host, local, permit, scope, spawn_ask, spawn_permits,
    tenant, user, with_deep_stack,
};

#[test]
fn a_child_has_its_ties_name_and_first_messages_before_it_runs() {
    with_deep_stack(|| {
        for on in [On::First, On::Second] {
            let mut world = World::new();
            let parent = world.start(On::First);
            let messages =
                vec![(Arc::from("first"), Value::from(1.0)), (Arc::from("second"), Value::from(2.0))];
            let how = How { monitored: true, linked: true, name: Some("kid"), messages, ..How::default() };
            let kid = world.spawn(&parent, on, how).unwrap();
            assert!(Arc::ptr_eq(&world.node.lookup(&tenant("acme"), "kid").unwrap(), &kid));
            assert_eq!(kid.parent().map(|parent| parent.pid()), Some(parent.pid()));
            let kernel = world.kernel_of(&kid);
            kernel.poll();
            let starts = kernel.take_starts();
            assert_eq!(starts.iter().map(|start| start.local).collect::<Vec<_>>(), [local(&kid)]);
            for (topic, number) in [("first", 1.0), ("second", 2.0)] {
                let message = world.take(&kid).unwrap();
                assert_eq!((&*message.topic, message.payload), (topic, Value::from(number)));
                assert_eq!(message.from.as_ref(), Some(parent.pid()));
            }
            world.kernel_of(&parent).set_trap_links(local(&parent), true);
            world.exit(&kid, Err(Failure::invalid("it broke")));
            world.settle();
            let result = Arc::new(Err(Failure::invalid("it broke")));
            let from = kid.pid().clone();
            let exit = Event::Exit { from: from.clone(), result: result.clone() };
            assert_eq!(world.event(&parent), Some(exit));
            assert_eq!(world.event(&parent), Some(Event::LinkDown { from, result }));
            assert_eq!(world.event(&parent), None);
        }
    });
}

#[test]
fn a_spawn_that_fails_leaves_nothing_behind() {
    with_deep_stack(|| {
        let mut world = World::with_quotas(Quotas { processes: 3, ..Quotas::default() });
        let parent = world.start(On::First);
        let taken = world.start(On::First);
        world.register("taken", &taken).unwrap();
        let account = world.node.account(&tenant("acme")).unwrap();
        let named = How { monitored: true, linked: true, name: Some("taken"), ..How::default() };
        let many = vec![(Arc::from("t"), Value::Nil); 3];
        let limits = ChildLimits { mailbox_messages: 2, ..ChildLimits::default() };
        let overfull = How { monitored: true, name: Some("free"), messages: many, limits, ..How::default() };
        let system = How { messages: vec![(Arc::from("@inbox"), Value::Nil)], ..How::default() };
        for (how, kind) in [(named, Kind::AlreadyExists), (overfull, Kind::Invalid), (system, Kind::Invalid)]
        {
            for on in [On::First, On::Second] {
                assert_eq!(world.spawn(&parent, on, how.clone()).unwrap_err().kind, kind);
                assert_eq!((account.processes(), account.memory_bytes()), (2, 0));
                assert_eq!(world.node.process(&parent).unwrap().event_slots_taken(), 0);
                assert!(world.node.lookup(&tenant("acme"), "free").is_err());
            }
        }
        world.spawn(&parent, On::Second, How::default()).unwrap();
        let refused = "tenant `acme` has 3 processes, at most 3 allowed";
        assert_fails(world.spawn(&parent, On::First, How::default()), Kind::RateLimited, refused);
    });
}

#[test]
fn a_host_has_a_ceiling_and_must_be_known() {
    with_deep_stack(|| {
        let mut world = World::new();
        let parent = world.start(On::First);
        world.node.set_host(&host(On::Second), &HostSettings { workers: 1, processes_max: 1 });
        let kid = world.spawn(&parent, On::Second, How::default()).unwrap();
        let refused = "host `app:second` runs 1 processes, at most 1 allowed";
        assert_fails(world.spawn(&parent, On::Second, How::default()), Kind::RateLimited, refused);
        world.settle();
        world.exit(&kid, Ok(Value::Nil));
        world.spawn(&parent, On::Second, How::default()).unwrap();
    });
}

#[test]
fn a_child_runs_as_the_permits_say_and_else_as_its_parent() {
    with_deep_stack(|| {
        let mut world = World::new();
        let parent = world.start(On::First);
        let bob = Arc::new(Actor::parse("acme/user/bob").unwrap());
        let everything = scope("acme");
        for (security, actor, scopes) in [
            (vec![], "acme/user/ada", vec!["acme.security:everything"]),
            (vec![SecurityAsk::Actor(bob.clone())], "acme/user/bob", vec!["acme.security:everything"]),
            (vec![SecurityAsk::Scope(everything.clone())], "acme/user/ada", vec!["acme.security:everything"]),
        ] {
            let kid = world.spawn(&parent, On::First, How { security, ..How::default() }).unwrap();
            let entry = world.node.process(&kid).unwrap();
            assert_eq!(&**entry.actor().id(), actor);
            assert_eq!(entry.scopes().ids().collect::<Vec<_>>(), scopes);
        }
    });
}

#[test]
fn permits_of_different_starts_are_refused() {
    with_deep_stack(|| {
        let mut world = World::new();
        let parent = world.start(On::First);
        let mut other_host = spawn_permits(&parent, On::First, &How::default());
        other_host.host = permit("acme", ProcessHost { host: host(On::Second) });
        let mut other_definition =
            spawn_permits(&parent, On::First, &How { monitored: true, ..How::default() });
        let spawn =
            ProcessSpawn { definition: definition("acme:other"), ..spawn_ask(On::First, &How::default()) };
        other_definition.spawn = permit("acme", spawn);
        let mut without_name = spawn_permits(&parent, On::First, &How { name: Some("x"), ..How::default() });
        without_name.name = None;
        for permits in [other_host, other_definition, without_name] {
            let kernel = world.kernel_of(&parent);
            let spawned = kernel.spawn(permits, child(ChildLimits::default(), Vec::new()), local(&parent));
            assert_fails(spawned, Kind::Internal, "the permits given are not of one start");
        }
    });
}

#[test]
fn a_call_gives_its_result_once_and_is_no_event() {
    with_deep_stack(|| {
        for on in [On::First, On::Second] {
            let mut world = World::new();
            let caller = world.start(On::First);
            let callee = world.call(&caller, on, 42).unwrap();
            world.settle();
            world.exit(&callee, Ok(Value::from("done")));
            world.settle();
            let result = Arc::new(Ok(Value::from("done")));
            assert_eq!(world.notices(&caller), [Notice::CallDone { token: 42, result }]);
            assert_eq!(world.event(&caller), None);
        }
    });
}

#[test]
fn a_callee_ends_with_its_caller_and_with_its_callers_upgrade() {
    with_deep_stack(|| {
        for on in [On::First, On::Second] {
            let mut world = World::new();
            let (caller, watcher) = (world.start(On::First), world.start(On::Second));
            let callees = [world.call(&caller, on, 1).unwrap(), world.call(&caller, on, 2).unwrap()];
            world.settle();
            world.monitor(&watcher, &callees[0]).unwrap();
            world.kernel_of(&caller).upgrade(local(&caller), None).unwrap();
            world.settle();
            assert!(callees.iter().all(|callee| !world.alive(callee)));
            let Some(Event::Exit { result, .. }) = world.event(&watcher) else { panic!("an exit") };
            let why = result.as_ref().as_ref().unwrap_err().to_string();
            assert_eq!(why, "process terminated: its caller no longer waits");
            assert_eq!(world.notices(&caller), []);
            let callee = world.call(&caller, on, 3).unwrap();
            world.settle();
            world.exit(&caller, Ok(Value::Nil));
            world.settle();
            assert!(!world.alive(&callee));
        }
    });
}

#[test]
fn calls_within_calls_are_bounded_and_a_spawn_counts_anew() {
    with_deep_stack(|| {
        let mut world = World::new();
        let mut deepest = world.start(On::First);
        for _ in 0..CALL_DEPTH_MAX {
            deepest = world.call(&deepest, On::First, 0).unwrap();
        }
        let refused = "calls are 16 deep, as many as allowed";
        assert_fails(world.call(&deepest, On::First, 0), Kind::RateLimited, refused);
        let spawned = world.spawn(&deepest, On::First, How::default()).unwrap();
        world.call(&spawned, On::First, 0).unwrap();
    });
}

#[test]
fn an_upgrade_keeps_mailbox_events_names_and_ties_and_drops_timers_and_trap_links() {
    with_deep_stack(|| {
        let mut world = World::new();
        let (process, watched, friend) =
            (world.start(On::First), world.start(On::Second), world.start(On::First));
        world.register("me", &process).unwrap();
        world.monitor(&process, &watched).unwrap();
        world.link(&process, &friend).unwrap();
        world.send(&friend, &process, "t", Value::Nil).unwrap();
        world.cancel(None, &process, None).unwrap();
        world.settle();
        world.kernel_of(&process).set_trap_links(local(&process), true);
        world.kernel_of(&process).start_timer(local(&process), Duration::from_millis(5), 1).unwrap();
        let permit = permit("acme", spawn_ask(On::First, &How::default()));
        world.kernel_of(&process).upgrade(local(&process), Some(permit)).unwrap();
        world.advance(Duration::from_millis(10));
        world.settle();
        assert_eq!(world.notices(&process), []);
        assert!(!world.kernel_of(&process).trap_links(local(&process)));
        assert!(world.kernel_of(&process).has_message(local(&process), &Take::Topic("t")));
        assert_eq!(world.event(&process), Some(Event::Cancel { from: None, deadline: None }));
        assert!(Arc::ptr_eq(&world.node.lookup(&tenant("acme"), "me").unwrap(), &process));
        world.exit(&watched, Ok(Value::Nil));
        world.settle();
        assert!(matches!(world.event(&process), Some(Event::Exit { .. })));
        world.exit(&friend, Err(Failure::invalid("x")));
        world.settle();
        assert!(!world.alive(&process));
    });
}

#[test]
fn the_outside_hears_how_a_process_ended_after_its_pid_and_names_are_free() {
    with_deep_stack(|| {
        let mut world = World::new();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (ears, node) = (heard.clone(), world.node.clone());
        let on_exit = Box::new(move |result: &actor::ExitResult| {
            assert!(node.lookup(&tenant("acme"), "service").is_err());
            assert_eq!(node.account(&tenant("acme")).unwrap().processes(), 0);
            ears.lock().unwrap().push(result.clone());
        });
        let asks = (spawn_ask(On::Any, &How::default()), ProcessHost { host: host(On::Any) });
        let (spawn, host) = permit("acme", asks);
        let outside =
            Outside { actor: user("acme"), scopes: ScopeSet::new([scope("acme")]), on_exit: Some(on_exit) };
        let permits = StartPermits { spawn, host };
        let process = world.node.start(permits, child(ChildLimits::default(), Vec::new()), outside).unwrap();
        world.settle();
        world.register("service", &process).unwrap();
        world.terminate(&process).unwrap();
        world.settle();
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0].as_ref().unwrap_err().to_string(), "process terminated");
    });
}

#[test]
fn an_unknown_tenant_or_host_is_not_found() {
    with_deep_stack(|| {
        let mut world = World::new();
        let parent = world.start(On::First);
        let elsewhere = Arc::new(policy::Host::new("app:elsewhere", None).unwrap());
        let spawn = ProcessSpawn { host: elsewhere.clone(), ..spawn_ask(On::First, &How::default()) };
        let mut permits = spawn_permits(&parent, On::First, &How::default());
        (permits.spawn, permits.host) = permit("acme", (spawn, ProcessHost { host: elsewhere }));
        let spawned = world.kernel_of(&parent).spawn(
            permits,
            child(ChildLimits::default(), Vec::new()),
            local(&parent),
        );
        assert_fails(spawned, Kind::NotFound, "no host `app:elsewhere`");
        let outside = Outside {
            actor: Arc::new(Actor::parse("initech/user/ada").unwrap()),
            scopes: ScopeSet::empty(),
            on_exit: None,
        };
        let asks = (spawn_ask(On::Any, &How::default()), ProcessHost { host: host(On::Any) });
        let (spawn, host) = permit("acme", asks);
        let started = world.node.start(
            StartPermits { spawn, host },
            child(ChildLimits::default(), Vec::new()),
            outside,
        );
        assert_fails(started, Kind::NotFound, "tenant `initech` is not known here");
    });
}
