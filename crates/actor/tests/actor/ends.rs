//! How processes end: causes, order, who hears of it.

use std::sync::Arc;
use std::time::Duration;

use actor::{ChildLimits, Event, Notice, RESULT_BYTES_MAX, State, TIMERS_PER_PROCESS_MAX};
use policy::Process;
use value::{Failure, Kind, Value};

use crate::world::{How, On, World, assert_fails, local, with_deep_stack};

fn why(event: Option<Event>) -> String {
    match event {
        Some(Event::Exit { result, .. } | Event::LinkDown { result, .. }) => match &*result {
            Ok(value) => format!("{value:?}"),
            Err(failure) => failure.to_string(),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_cause_of_an_end_reaches_monitors_and_says_which() {
    with_deep_stack(|| {
        type Cause = fn(&mut World, &Arc<Process>);
        let causes: [(Cause, &str); 6] = [
            (|world, process| world.exit(process, Ok(Value::from(1.0))), "Number(1.0)"),
            (|world, process| world.exit(process, Err(Failure::invalid("it broke"))), "it broke"),
            (|world, process| world.terminate(process).unwrap(), "process terminated"),
            (
                |world, process| {
                    world.cancel(None, process, Some(20)).unwrap();
                    world.settle();
                    world.advance(Duration::from_millis(20));
                },
                "cancel deadline exceeded",
            ),
            (
                |world, process| {
                    let friend = world.start(On::First);
                    world.link(&friend, process).unwrap();
                    world.exit(&friend, Err(Failure::invalid("x")));
                },
                "linked process failed",
            ),
            (
                |world, process| {
                    let over = Value::text("x".repeat(RESULT_BYTES_MAX));
                    world.exit(process, Ok(over));
                },
                "result is 65552 bytes, at most 65536 allowed",
            ),
        ];
        for (cause, expected) in causes {
            for on in [On::First, On::Second] {
                let mut world = World::new();
                let (watcher, process) = (world.start(On::First), world.start(on));
                world.monitor(&watcher, &process).unwrap();
                cause(&mut world, &process);
                world.settle();
                assert!(!world.alive(&process));
                assert_eq!(why(world.event(&watcher)), expected);
                assert_eq!(world.event(&watcher), None);
            }
        }
    });
}

#[test]
fn a_process_marked_to_end_keeps_its_first_cause_whatever_it_returns() {
    with_deep_stack(|| {
        let mut world = World::new();
        let (watcher, process) = (world.start(On::First), world.start(On::Second));
        world.monitor(&watcher, &process).unwrap();
        let entry = world.node.process(&process).unwrap();
        let ending = entry.ending().clone();
        world.terminate(&process).unwrap();
        assert!(ending.load(std::sync::atomic::Ordering::SeqCst), "at once, from any thread");
        world.terminate(&process).unwrap();
        world.exit(&process, Ok(Value::from("I returned in time")));
        world.settle();
        assert_eq!(why(world.event(&watcher)), "process terminated");
        let gone = format!("no process `{}`", process.pid());
        assert_fails(world.terminate(&process), Kind::NotFound, &gone);
        assert_fails(world.cancel(None, &process, None), Kind::NotFound, &gone);
        assert_fails(world.monitor(&watcher, &process), Kind::NotFound, &gone);
        assert_fails(world.link(&watcher, &process), Kind::NotFound, &gone);
    });
}

#[test]
fn a_lifetime_ends_a_process_and_says_the_limit() {
    with_deep_stack(|| {
        let mut world = World::new();
        let watcher = world.start(On::First);
        let limits = ChildLimits { lifetime: Some(Duration::from_millis(1500)), ..ChildLimits::default() };
        let how = How { monitored: true, limits, ..How::default() };
        let process = world.spawn(&watcher, On::First, how).unwrap();
        world.advance(Duration::from_millis(1499));
        world.settle();
        assert!(world.alive(&process));
        world.advance(Duration::from_millis(1));
        world.settle();
        let expected = "lifetime limit exceeded: lived 1.500 s, at most 1.500 s allowed";
        assert_eq!(why(world.event(&watcher)), expected);
    });
}

#[test]
fn the_earliest_deadline_wins_and_one_cancel_waits_at_most() {
    with_deep_stack(|| {
        let mut world = World::new();
        let (boss, process) = (world.start(On::First), world.start(On::Second));
        world.cancel(Some(&boss), &process, None).unwrap();
        world.cancel(None, &process, Some(5_000)).unwrap();
        world.cancel(None, &process, Some(2_000)).unwrap();
        world.cancel(None, &process, Some(9_000)).unwrap();
        world.settle();
        let deadline = Some("1970-01-01T00:00:02.000Z".to_owned());
        let expected = Event::Cancel { from: Some(boss.pid().clone()), deadline: deadline.clone() };
        assert_eq!(world.event(&process), Some(expected));
        assert_eq!(world.event(&process), None);
        world.cancel(None, &process, None).unwrap();
        world.settle();
        assert_eq!(world.event(&process), Some(Event::Cancel { from: None, deadline }));
        world.advance(Duration::from_millis(1_999));
        world.settle();
        assert!(world.alive(&process));
        world.cancel(None, &process, Some(60_000)).unwrap();
        world.advance(Duration::from_millis(1));
        world.settle();
        assert!(!world.alive(&process));
    });
}

#[test]
fn links_carry_error_ends_only_and_trapping_makes_them_events() {
    with_deep_stack(|| {
        for on in [On::First, On::Second] {
            let mut world = World::new();
            let (process, calm, failing) = (world.start(On::First), world.start(on), world.start(on));
            assert_fails(
                world.link(&process, &process),
                Kind::Invalid,
                "a process cannot be linked to itself",
            );
            for other in [&calm, &failing] {
                world.link(&process, other).unwrap();
                world.link(&process, other).unwrap();
            }
            world.exit(&calm, Ok(Value::Nil));
            world.settle();
            let entry = world.node.process(&process).unwrap();
            assert!(world.alive(&process));
            assert_eq!(entry.event_slots_taken(), 1);
            world.kernel_of(&process).set_trap_links(local(&process), true);
            world.exit(&failing, Err(Failure::invalid("it broke")));
            world.settle();
            assert!(world.alive(&process));
            assert_eq!(entry.event_slots_taken(), 1, "held until it is read");
            assert_eq!(why(world.event(&process)), "it broke");
            assert_eq!(entry.event_slots_taken(), 0);
            assert_eq!(world.event(&process), None);
        }
    });
}

#[test]
fn what_was_undone_is_not_heard_of_even_when_the_signal_is_on_its_way() {
    with_deep_stack(|| {
        let mut world = World::new();
        let (process, other) = (world.start(On::First), world.start(On::Second));
        world.monitor(&process, &other).unwrap();
        let again = format!("`{}` is monitored already", other.pid());
        assert_fails(world.monitor(&process, &other), Kind::AlreadyExists, &again);
        world.link(&process, &other).unwrap();
        world.exit(&other, Err(Failure::invalid("x")));
        world.unmonitor(&process, &other).unwrap();
        world.unlink(&process, &other).unwrap();
        world.settle();
        assert!(world.alive(&process));
        assert_eq!(world.event(&process), None);
        assert_eq!(world.node.process(&process).unwrap().event_slots_taken(), 0);
    });
}

#[test]
fn a_long_chain_of_links_ends_on_a_small_stack() {
    with_deep_stack(|| {
        const LINKS: u32 = 1_000;
        let mut world = World::new();
        let first = world.start(On::First);
        let mut last = first.clone();
        for _ in 0..LINKS {
            let next = world.start(On::First);
            world.link(&last, &next).unwrap();
            last = next;
        }
        let account = world.node.account(first.tenant()).unwrap();
        assert_eq!(account.processes(), LINKS + 1);
        let end = move || {
            world.exit(&first, Err(Failure::invalid("it broke")));
            world.settle();
        };
        // 128 bytes of stack a link: no recursion gets through with that.
        std::thread::Builder::new().stack_size(128 * 1024).spawn(end).unwrap().join().unwrap();
        assert_eq!((account.processes(), account.memory_bytes()), (0, 0));
    });
}

#[test]
fn one_end_with_many_monitors_is_heard_by_each_once() {
    with_deep_stack(|| {
        let mut world = World::new();
        let process = world.start(On::First);
        let watchers: Vec<_> =
            (0..500).map(|index| world.start(if index % 2 == 0 { On::First } else { On::Second })).collect();
        for watcher in &watchers {
            world.monitor(watcher, &process).unwrap();
        }
        world.exit(&process, Ok(Value::from("bye")));
        world.settle();
        for watcher in &watchers {
            assert_eq!(world.notices(watcher), [Notice::Event]);
            assert_eq!(why(world.event(watcher)), "Bytes([98, 121, 101])");
            assert_eq!(world.event(watcher), None);
        }
    });
}

#[test]
fn timers_fire_once_are_bounded_and_go_with_their_process() {
    with_deep_stack(|| {
        let mut world = World::new();
        let process = world.start(On::First);
        let kernel = world.kernel_of(&process);
        let process_id = local(&process);
        let second = kernel.start_timer(process_id, Duration::from_millis(2), 2).unwrap();
        kernel.start_timer(process_id, Duration::from_micros(500), 1).unwrap();
        kernel.start_timer(process_id, Duration::from_millis(3), 3).unwrap();
        assert_eq!(kernel.next_deadline(), Some(1_000_000));
        kernel.cancel_timer(process_id, second);
        world.advance(Duration::from_millis(1));
        world.settle();
        assert_eq!(world.notices(&process), [Notice::Timer { token: 1 }]);
        world.advance(Duration::from_millis(2));
        world.settle();
        let kernel = world.kernel_of(&process);
        for token in 1..TIMERS_PER_PROCESS_MAX as u64 {
            kernel.start_timer(process_id, Duration::from_secs(1), token).unwrap();
        }
        let more = kernel.start_timer(process_id, Duration::ZERO, 0);
        let refused = "1000 timers are running, as many as allowed";
        assert_fails(more, Kind::RateLimited, refused);
        assert_eq!(world.notices(&process), [Notice::Timer { token: 3 }]);
        world.kernel_of(&process).start_timer(process_id, Duration::MAX, 0).unwrap();
        world.exit(&process, Ok(Value::Nil));
        assert_eq!(world.kernels[0].next_deadline(), None);
    });
}

#[test]
fn a_parked_process_has_a_turn_for_what_arrives_and_for_what_arrived_while_it_ran() {
    with_deep_stack(|| {
        let mut world = World::new();
        let process = world.start(On::First);
        assert_eq!(world.kernels[0].next_turn(), None);
        world.send(&process, &process, "t", Value::Nil).unwrap();
        let turn = world.kernels[0].next_turn();
        assert_eq!(turn, Some(local(&process)));
        world.send(&process, &process, "t", Value::Nil).unwrap();
        let kernel = &mut world.kernels[0];
        kernel.after_slice(local(&process), 0, State::Parked);
        assert_eq!(kernel.next_turn(), turn, "something arrived while it ran");
        kernel.after_slice(local(&process), 0, State::Runnable);
        assert_eq!(kernel.next_turn(), turn, "it has more to do");
        kernel.after_slice(local(&process), 0, State::Parked);
        assert_eq!(kernel.next_turn(), None);
    });
}

#[test]
fn a_process_spawned_on_another_worker_hears_what_is_sent_before_it_arrives() {
    with_deep_stack(|| {
        let mut world = World::new();
        let (parent, neighbour) = (world.start(On::First), world.start(On::Second));
        let how = How { name: Some("kid"), linked: true, ..How::default() };
        let kid = world.spawn(&parent, On::Second, how).unwrap();
        world.send(&neighbour, &kid, "early", Value::Nil).unwrap();
        world.send(&parent, &kid, "later", Value::Nil).unwrap();
        world.settle();
        let topics: Vec<_> =
            std::iter::from_fn(|| world.take(&kid)).map(|message| message.topic.to_string()).collect();
        assert_eq!(topics, ["early", "later"]);
        let second = world.spawn(&parent, On::Second, How { name: Some("other"), ..How::default() }).unwrap();
        world.link(&neighbour, &second).unwrap();
        world.exit(&neighbour, Err(Failure::invalid("x")));
        world.settle();
        assert!(!world.alive(&second));
        assert!(world.alive(&kid));
    });
}
