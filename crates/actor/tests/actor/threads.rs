//! Two workers on threads of their own: nothing is lost, doubled or out of order between them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use actor::{Event, Kernel, Node, NodeIdentity, NodeSettings, State, SystemClock, Take};
use policy::Process;
use value::Value;

use crate::world::{On, Program, World, gate, host, local, permit, send_permit, tenant, with_deep_stack};

const MESSAGES: u32 = 300;
const MAILBOX: u32 = 50;
const ROUNDS: usize = 20;

/// Makes a world's kernels live on the system's clock.
fn world() -> World {
    let mut world = World::new();
    let identity = NodeIdentity { key: [9; 32], node: 1, incarnation: 2 };
    let clock = Arc::new(SystemClock::new());
    let (node, kernels) =
        Node::new(NodeSettings { identity, workers: 2, clock, gate: gate(), asserted_by: None });
    node.set_tenant(&tenant("acme"), actor::Quotas::default());
    for (on, workers) in [(On::First, 1), (On::Second, 1)] {
        node.set_host(&host(on), &actor::HostSettings { workers, processes_max: 100_000 });
    }
    (world.node, world.kernels) = (node, kernels);
    world
}

/// A worker's loop with one kind of body; gives up the kernel when `done` says so.
fn work(
    mut kernel: Kernel<Program>,
    done: &AtomicBool,
    mut body: impl FnMut(&mut Kernel<Program>, actor::LocalId) -> Option<Value>,
) -> Kernel<Program> {
    while !done.load(Ordering::SeqCst) {
        kernel.poll();
        kernel.take_starts();
        let Some(turn) = kernel.next_turn() else {
            kernel.park();
            continue;
        };
        if let Some(cause) = kernel.ending(turn).cloned() {
            kernel.exit(turn, Err(cause));
            continue;
        }
        let result = body(&mut kernel, turn);
        kernel.after_slice(turn, 1_000, State::Parked);
        if let Some(value) = result {
            kernel.exit(turn, Ok(value));
        }
    }
    kernel
}

#[test]
fn what_one_worker_sends_another_receives_in_order_and_before_the_exit() {
    with_deep_stack(|| {
        for _ in 0..ROUNDS {
            let mut world = world();
            let limits = actor::ChildLimits { mailbox_messages: MAILBOX, ..Default::default() };
            let receiver = world.try_start("acme", On::First, limits).unwrap();
            let sender = world.start(On::Second);
            world.monitor(&receiver, &sender).unwrap();
            let permits: Vec<_> =
                (0..MESSAGES).map(|_| send_permit(&receiver, "count", &Value::Number(0.0))).collect();
            let [first, mut second] = <[_; 2]>::try_from(std::mem::take(&mut world.kernels)).ok().unwrap();
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let mut expected = 0;
                    work(first, &done, |kernel, turn| {
                        while let Some(message) = kernel.take_message(turn, &Take::Topic("count")) {
                            assert_eq!(message.payload, Value::Number(f64::from(expected)));
                            expected += 1;
                        }
                        if let Some(event) = kernel.take_event(turn) {
                            assert!(matches!(event, Event::Exit { .. }), "{event:?}");
                            assert_eq!(expected, MESSAGES, "all that it sent comes before its EXIT");
                            done.store(true, Ordering::SeqCst);
                        }
                        None
                    });
                });
                scope.spawn(|| {
                    let mailbox = world.node.process(&receiver).unwrap();
                    for (number, permit) in (0..MESSAGES).zip(permits) {
                        // The only sender: a message for which there is room is never refused.
                        while mailbox.mailbox_taken().0 >= u64::from(MAILBOX) {
                            std::thread::yield_now();
                        }
                        second.send(permit, Some(&sender), Value::Number(f64::from(number))).unwrap();
                    }
                    second.exit(local(&sender), Ok(Value::Nil));
                });
            });
        }
    });
}

#[test]
fn ties_made_while_the_other_side_ends_are_heard_of_or_refused() {
    with_deep_stack(|| {
        for _ in 0..ROUNDS {
            let mut world = world();
            let watcher = world.start(On::First);
            let targets: Vec<Arc<Process>> = (0..50).map(|_| world.start(On::Second)).collect();
            let permits: Vec<_> = targets
                .iter()
                .map(|target| {
                    let target = target.clone();
                    let link = policy::ProcessLink { target: target.clone() };
                    permit("acme", (policy::ProcessMonitor { target }, link))
                })
                .collect();
            let [mut first, mut second] =
                <[_; 2]>::try_from(std::mem::take(&mut world.kernels)).ok().unwrap();
            first.set_trap_links(local(&watcher), true);
            let (mut first, ties) = std::thread::scope(|scope| {
                let making = scope.spawn(|| {
                    let mut ties = 0;
                    for (monitor, link) in permits {
                        ties += usize::from(first.monitor(local(&watcher), monitor).is_ok());
                        ties += usize::from(first.link(local(&watcher), link).is_ok());
                    }
                    (first, ties)
                });
                for target in &targets {
                    second.exit(local(target), Err(value::Failure::invalid("x")));
                }
                making.join().unwrap()
            });
            first.poll();
            let heard = std::iter::from_fn(|| first.take_event(local(&watcher))).count();
            assert_eq!(heard, ties);
            let entry = first.entry(local(&watcher)).unwrap();
            assert_eq!(entry.event_slots_taken(), 0);
            assert_eq!(entry.account().memory_bytes(), 0);
        }
    });
}

#[test]
fn names_and_spawns_from_both_sides_leave_nothing_behind() {
    with_deep_stack(|| {
        let mut world = world();
        let parents = [world.start(On::First), world.start(On::Second)];
        let kernels = std::mem::take(&mut world.kernels);
        let account = world.node.account(&tenant("acme")).unwrap();
        let (done, spawning) = (AtomicBool::new(false), Barrier::new(2));
        let node = world.node.clone();
        let kernels: Vec<_> = std::thread::scope(|scope| {
            let (done, spawning, node) = (&done, &spawning, &node);
            let workers: Vec<_> = kernels
                .into_iter()
                .zip(&parents)
                .map(|(mut kernel, parent)| {
                    let how =
                        crate::world::How { name: Some("rival"), monitored: true, ..Default::default() };
                    let permits: Vec<_> = (0..200)
                        .map(|round| {
                            let on = if round % 2 == 0 { On::First } else { On::Second };
                            crate::world::spawn_permits(parent, on, &how)
                        })
                        .collect();
                    scope.spawn(move || {
                        let mut spawned = 0;
                        for permits in permits {
                            let child = crate::world::child(actor::ChildLimits::default(), Vec::new());
                            spawned += usize::from(kernel.spawn(permits, child, local(parent)).is_ok());
                            kernel.poll();
                            kernel.take_starts();
                            while let Some(turn) = kernel.next_turn() {
                                kernel.after_slice(turn, 0, State::Parked);
                                if turn != local(parent) {
                                    kernel.exit(turn, Ok(Value::Nil));
                                }
                            }
                        }
                        spawning.wait();
                        let mut heard = 0;
                        kernel = work(kernel, done, |kernel, turn| {
                            if turn != local(parent) {
                                return Some(Value::Nil);
                            }
                            heard += std::iter::from_fn(|| kernel.take_event(turn)).count();
                            // Nobody spawns any more: when both parents are alone, the last EXIT is on its way
                            // to whoever has not said so yet.
                            if heard == spawned && node.account(&tenant("acme")).unwrap().processes() == 2 {
                                done.store(true, Ordering::SeqCst);
                                (0..2).for_each(|worker| node.wake(worker));
                            }
                            None
                        });
                        kernel.poll();
                        heard += std::iter::from_fn(|| kernel.take_event(local(parent))).count();
                        assert!(spawned > 0);
                        assert_eq!(heard, spawned, "one EXIT for each child");
                        kernel
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        assert_eq!(kernels.len(), 2);
        assert_eq!(account.processes(), 2);
        assert!(node.lookup(&tenant("acme"), "rival").is_err());
    });
}
