//! Policies that change while they are asked: an operation is decided by one generation, before or after.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use policy::{Caller, Kept, ProcessSend, limits};

use crate::world::{World, actor, kept, process, scopes, sources};

const THREADS: usize = 8;

/// Generations that each thread is asked under.
const GENERATIONS: usize = 20;

/// Reloads, one a millisecond; should the threads have seen too little by then, more follow as fast as they load.
const RELOADS: usize = 400;

/// After that the test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Policies that permit messages of one topic.
fn permitting(topic: &str) -> String {
    let head = "permit (principal, action == Moonward::Action::\"process.send\", resource)";
    format!("@id(\"test.{topic}\") {head} when {{ context.topic == \"{topic}\" }};")
}

#[test]
fn no_operation_is_decided_by_a_mix_of_generations() {
    let world = World::permitting(&permitting("even"));
    let topic = |number: usize| if number.is_multiple_of(2) { "odd" } else { "even" };
    let load = |number| kept(sources(&permitting(topic(number))), &world.log);
    let bundles: Vec<Kept> = (0..RELOADS).map(load).collect();
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let to = process("p1", &bob);
    let (left, over) = (AtomicUsize::new(THREADS), AtomicBool::new(false));
    let seen: Vec<usize> = std::thread::scope(|scope| {
        let asking = || {
            let caller = Caller::outside(&bob, &held);
            let mut seen = BTreeSet::new();
            while seen.len() < GENERATIONS && !over.load(Ordering::Relaxed) {
                let operation = world.gate.operation();
                let [even, odd] = ["even", "odd"].map(|topic| {
                    let send = ProcessSend { to: to.clone(), topic: Arc::from(topic), bytes: 1 };
                    operation.check(&caller, send).is_ok()
                });
                // The first is even, and they take turns.
                let is_even = operation.generation() % 2 == 1;
                assert_eq!((even, odd), (is_even, !is_even), "generation {}", operation.generation());
                seen.insert(operation.generation());
            }
            left.fetch_sub(1, Ordering::Relaxed);
            seen.len()
        };
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let thread = std::thread::Builder::new().stack_size(limits::EVALUATION_STACK_BYTES);
                thread.spawn_scoped(scope, asking).unwrap()
            })
            .collect();
        let started = Instant::now();
        let mut due = started;
        let more = (RELOADS..).map(load);
        for bundle in bundles.into_iter().chain(more) {
            if left.load(Ordering::Relaxed) == 0 || started.elapsed() > PATIENCE {
                break;
            }
            due += Duration::from_millis(1);
            while Instant::now() < due {
                std::thread::yield_now();
            }
            world.gate.replace(bundle);
        }
        over.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(
        seen.iter().all(|seen| *seen == GENERATIONS),
        "generations seen by each thread: {seen:?}: tests little"
    );
}
