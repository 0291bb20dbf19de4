//! Sessions travel with actors, and what carries one ends with it.

use std::sync::Arc;
use std::time::Duration;

use actor::{ChildLimits, Event, Outside, StartPermits};
use policy::{Actor, Process, ProcessHost, ProcessSpawn, ScopeSet, SecurityAsk, Session, Via};
use value::{Kind, Value};

use crate::world::{
    How, On, World, assert_fails, child, host, permit, scope, spawn_ask, tenant, user, with_deep_stack,
};

/// A session that ends so many seconds after the clock's start.
fn session(ends_at: i64) -> Arc<Session> {
    Arc::new(Session {
        issuer: "acme:login".into(),
        iss: "https://login.test".into(),
        audience: "app".into(),
        tenant: tenant("acme"),
        subject: "ada".into(),
        jti: None,
        kid: None,
        key: [0; 32],
        issued_at: 0,
        ends_at,
        over: Default::default(),
    })
}

fn with_token(session: &Arc<Session>) -> Arc<Actor> {
    Arc::new((*user("acme")).clone().with_session(session.clone()))
}

/// A process from outside that runs under a token.
fn start(world: &mut World, session: &Arc<Session>) -> Result<Arc<Process>, value::Failure> {
    let spawn = ProcessSpawn { via: Via::Cli, ..spawn_ask(On::First, &How::default()) };
    let (spawn, host) = permit("acme", (spawn, ProcessHost { host: host(On::First) }));
    let outside =
        Outside { actor: with_token(session), scopes: ScopeSet::new([scope("acme")]), on_exit: None };
    let started =
        world.node.start(StartPermits { spawn, host }, child(ChildLimits::default(), Vec::new()), outside);
    world.settle();
    started
}

#[test]
fn what_a_token_started_and_all_that_came_of_it_ends_when_its_session_is_ended() {
    with_deep_stack(|| {
        let mut world = World::new();
        let session = session(100);
        let first = start(&mut world, &session).unwrap();
        let bystander = world.start(On::First);
        let children = [On::First, On::Second].map(|on| world.spawn(&first, on, How::default()).unwrap());
        world.settle();
        let grandchild = world.spawn(&children[1], On::First, How::default()).unwrap();
        let callee = world.call(&children[0], On::Second, 1).unwrap();
        world.settle();
        world.monitor(&bystander, &grandchild).unwrap();
        assert_eq!(world.node.end_sessions(), 0);

        session.over.set("the token was revoked");
        assert_eq!(world.node.end_sessions(), 5);
        world.settle();
        for ended in [&first, &children[0], &children[1], &grandchild, &callee] {
            assert!(!world.alive(ended));
        }
        assert!(world.alive(&bystander));
        let Some(Event::Exit { result, .. }) = world.event(&bystander) else { panic!("an exit") };
        let failure = result.as_ref().as_ref().unwrap_err();
        assert_eq!(
            (failure.kind, &*failure.message),
            (Kind::Canceled, "session over: the token was revoked")
        );
    });
}

#[test]
fn a_child_that_is_given_an_actor_from_a_token_ends_with_it_and_its_parent_does_not() {
    with_deep_stack(|| {
        let mut world = World::new();
        let session = session(100);
        let parent = world.start(On::First);
        let security = vec![SecurityAsk::Actor(with_token(&session))];
        let given = world.spawn(&parent, On::Second, How { security, ..How::default() }).unwrap();
        world.settle();
        session.over.set("the token was revoked");
        assert_eq!(world.node.end_sessions(), 1);
        world.settle();
        assert!(world.alive(&parent) && !world.alive(&given));
    });
}

#[test]
fn a_process_ends_when_the_first_of_its_sessions_does() {
    with_deep_stack(|| {
        let mut world = World::new();
        let (long, short) = (session(100), session(10));
        let first = start(&mut world, &long).unwrap();
        let security = vec![SecurityAsk::Actor(with_token(&short))];
        let second = world.spawn(&first, On::Second, How { security, ..How::default() }).unwrap();
        world.settle();
        world.advance(Duration::from_millis(9_999));
        world.settle();
        assert!(world.alive(&first) && world.alive(&second));
        world.advance(Duration::from_millis(2));
        world.settle();
        assert!(world.alive(&first) && !world.alive(&second));
        world.advance(Duration::from_secs(90));
        world.settle();
        assert!(!world.alive(&first));
    });
}

#[test]
fn nothing_starts_under_a_session_that_is_over() {
    with_deep_stack(|| {
        let mut world = World::new();
        let (over, expired) = (session(100), session(0));
        over.over.set("the token was revoked");
        assert_fails(start(&mut world, &over), Kind::Canceled, "session over: the token was revoked");
        assert_fails(start(&mut world, &expired), Kind::Canceled, "session over: the token expired");
        let parent = world.start(On::First);
        let security = vec![SecurityAsk::Actor(with_token(&expired))];
        let refused = world.spawn(&parent, On::Second, How { security, ..How::default() });
        assert_fails(refused, Kind::Canceled, "session over: the token expired");
        world.exit(&parent, Ok(Value::Nil));
    });
}

#[test]
fn a_chain_of_delegations_is_bounded() {
    with_deep_stack(|| {
        let mut world = World::new();
        let mut last = world.start(On::First);
        for number in 0..=16 {
            let security = vec![SecurityAsk::Actor(with_token(&session(100 + number)))];
            let spawned = world.spawn(&last, On::First, How { security, ..How::default() });
            if number == 16 {
                let message = "a process would carry 17 sessions of tokens, at most 16 allowed";
                return assert_fails(spawned, Kind::RateLimited, message);
            }
            last = spawned.unwrap();
            world.settle();
        }
    });
}

#[test]
fn a_deadline_that_was_set_under_a_token_ends_nobody_once_the_token_is_no_longer_good() {
    with_deep_stack(|| {
        for revoked in [true, false] {
            let mut world = World::new();
            let session = session(100);
            let asker = start(&mut world, &session).unwrap();
            let target = world.start(On::Second);
            world.cancel(Some(&asker), &target, Some(20)).unwrap();
            world.settle();
            if revoked {
                session.over.set("the token was revoked");
                world.node.end_sessions();
                world.settle();
            }
            world.advance(Duration::from_millis(20));
            world.settle();
            assert_eq!(world.alive(&target), revoked);
        }
    });
}
