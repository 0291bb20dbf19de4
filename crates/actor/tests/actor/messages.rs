//! Messages: order, room, and who takes which.

use std::sync::Arc;

use actor::{ChildLimits, Message, Notice, Quotas, Take};
use value::{Kind, Value};

use crate::world::{On, World, assert_fails, local, permit, send_permit, with_deep_stack};

fn number(number: f64) -> Value {
    Value::Number(number)
}

#[test]
fn messages_of_one_sender_keep_their_order_within_and_across_workers() {
    with_deep_stack(|| {
        for on in [On::First, On::Second] {
            let mut world = World::new();
            let (sender, receiver) = (world.start(On::First), world.start(on));
            for index in 0..100 {
                world.send(&sender, &receiver, "count", number(f64::from(index))).unwrap();
            }
            world.settle();
            for index in 0..100 {
                let expected = Message {
                    topic: Arc::from("count"),
                    from: Some(sender.pid().clone()),
                    payload: number(f64::from(index)),
                };
                assert_eq!(world.take(&receiver), Some(expected));
            }
            assert_eq!(world.take(&receiver), None);
            assert_eq!(world.notices(&receiver), [Notice::Mail]);
        }
    });
}

#[test]
fn a_topics_oldest_message_is_taken_and_the_rest_keeps_its_order() {
    with_deep_stack(|| {
        let mut world = World::new();
        let process = world.start(On::First);
        for (topic, payload) in [("a", 1.0), ("b", 2.0), ("a", 3.0), ("c", 4.0), ("b", 5.0)] {
            world.send(&process, &process, topic, number(payload)).unwrap();
        }
        let kernel = world.kernel_of(&process);
        let mut take =
            |which: Take<'_>| kernel.take_message(local(&process), &which).map(|message| message.payload);
        let not_b = |topic: &str| topic != "b";
        assert_eq!(take(Take::Topic("b")), Some(number(2.0)));
        assert_eq!(take(Take::Unlistened(&not_b)), Some(number(1.0)));
        assert_eq!(take(Take::Topic("d")), None);
        assert_eq!(take(Take::Unlistened(&not_b)), Some(number(3.0)));
        assert_eq!(take(Take::Unlistened(&not_b)), Some(number(4.0)));
        assert_eq!(take(Take::Unlistened(&not_b)), None);
        assert!(kernel.has_message(local(&process), &Take::Topic("b")));
        assert_eq!(world.take(&process).map(|message| message.payload), Some(number(5.0)));
    });
}

#[test]
fn a_full_mailbox_refuses_and_has_room_again_when_a_message_is_taken() {
    with_deep_stack(|| {
        for on in [On::First, On::Second] {
            let mut world = World::new();
            let sender = world.start(On::First);
            let limits = ChildLimits { mailbox_messages: 2, mailbox_bytes: 100, ..ChildLimits::default() };
            let receiver = world.try_start("acme", on, limits).unwrap();
            world.settle();
            let pid = receiver.pid();
            world.send(&sender, &receiver, "t", Value::text("x".repeat(60))).unwrap();
            let full = format!("mailbox of `{pid}` holds 76 bytes: 32 more exceed the 100 allowed");
            let large = Value::text("x".repeat(16));
            assert_fails(world.send(&sender, &receiver, "t", large), Kind::RateLimited, &full);
            world.send(&sender, &receiver, "t", Value::Nil).unwrap();
            let full = format!("mailbox of `{pid}` holds 2 messages, as many as allowed");
            assert_fails(world.send(&sender, &receiver, "t", Value::Nil), Kind::RateLimited, &full);
            world.settle();
            assert!(world.take(&receiver).is_some());
            world.send(&sender, &receiver, "t", Value::Nil).unwrap();
            assert_eq!(world.node.process(&receiver).unwrap().mailbox_taken(), (2, 32));
        }
    });
}

#[test]
fn a_message_must_fit_half_the_receivers_memory_and_a_topic_must_be_a_scripts() {
    with_deep_stack(|| {
        let mut world = World::new();
        let limits = ChildLimits { memory_bytes: 200, ..ChildLimits::default() };
        let process = world.try_start("acme", On::First, limits).unwrap();
        world.settle();
        let large = Value::text("x".repeat(100));
        let refused = "message is 116 bytes, at most 100 allowed: half the receiver's memory limit";
        assert_fails(world.send(&process, &process, "t", large), Kind::Invalid, refused);
        for topic in ["", "@inbox"] {
            assert_eq!(world.send(&process, &process, topic, Value::Nil).unwrap_err().kind, Kind::Invalid);
        }
    });
}

#[test]
fn a_tenants_memory_bounds_what_is_sent() {
    with_deep_stack(|| {
        let mut world = World::with_quotas(Quotas { memory_bytes: 20, ..Quotas::default() });
        let process = world.start(On::First);
        world.send(&process, &process, "t", Value::Nil).unwrap();
        let refused = "tenant `acme` holds 16 bytes: 16 more exceed the 20 allowed";
        assert_fails(world.send(&process, &process, "t", Value::Nil), Kind::RateLimited, refused);
        assert_eq!(world.node.process(&process).unwrap().mailbox_taken(), (1, 16));
    });
}

#[test]
fn from_outside_a_message_has_no_sender_and_a_dead_receiver_is_not_found() {
    with_deep_stack(|| {
        let mut world = World::new();
        let process = world.start(On::Second);
        world.node.send(send_permit(&process, "hello", &Value::Nil), Value::Nil).unwrap();
        world.settle();
        assert_eq!(world.take(&process).map(|message| message.from), Some(None));
        world.exit(&process, Ok(Value::Nil));
        let gone = format!("no process `{}`", process.pid());
        let permit =
            permit("acme", policy::ProcessSend { to: process.clone(), topic: Arc::from("t"), bytes: 16 });
        assert_fails(world.node.send(permit, Value::Nil), Kind::NotFound, &gone);
    });
}

#[test]
fn a_message_on_its_way_to_a_process_that_ends_gives_its_room_back() {
    with_deep_stack(|| {
        let mut world = World::new();
        let (sender, receiver) = (world.start(On::First), world.start(On::Second));
        world.send(&sender, &receiver, "t", Value::text("x")).unwrap();
        let account = world.node.process(&receiver).unwrap().account().clone();
        assert_eq!(account.memory_bytes(), 17);
        world.exit(&receiver, Ok(Value::Nil));
        world.settle();
        assert_eq!(account.memory_bytes(), 0);
    });
}
