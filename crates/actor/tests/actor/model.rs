//! Random histories over two workers against a small reference model.
//!
//! The model knows what each worker's inbox holds and in which order, so every answer and every event is
//! predicted exactly. The seed is printed; `MOONWARD_SEED=N` runs the histories of that seed again.

mod reference;

use std::sync::Arc;
use std::time::Duration;

use actor::{Event, ExitResult, Notice};
use policy::Process;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use value::{Failure, Kind, Value};

use crate::world::{How, On, World, local, tenant, with_deep_stack};
use reference::{Answer, End, History, Model, Read, Step, mailbox};

const HISTORIES: u32 = 200;
const STEPS: std::ops::Range<usize> = 1..120;

/// Names that processes are given.
const NAMES: [&str; 3] = ["one", "two", "three"];

#[test]
fn random_histories_go_as_the_model_says() {
    let given = std::env::var("MOONWARD_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seed = given.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64);
    println!("MOONWARD_SEED={seed}");
    with_deep_stack(|| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let config = Config { cases: HISTORIES, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config.clone(), rng);
        let outcome = runner.run(&History::sequential_strategy(STEPS), |(model, steps, seen)| {
            Real::test_sequential(config.clone(), model, steps, seen);
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("MOONWARD_SEED={seed}: {failure}"));
    });
}

/// The real thing, driven by the same steps.
struct Real {
    world: World,
    /// Every process ever, in the order of the model.
    processes: Vec<Arc<Process>>,
    timers: u64,
    sent: u32,
    calls: u64,
}

impl StateMachineTest for Real {
    type SystemUnderTest = Self;
    type Reference = History;

    fn init_test(_: &Model) -> Self {
        Self { world: World::new(), processes: Vec::new(), timers: 0, sent: 0, calls: 0 }
    }

    fn apply(mut real: Self, model: &Model, step: Step) -> Self {
        let answer = real.take(&step);
        assert_eq!(answer, model.answer, "{step:?}");
        real
    }

    fn check_invariants(real: &Self, model: &Model) {
        let acme = tenant("acme");
        let mut memory = model.undelivered_to_dead() * 16;
        for (process, expected) in real.processes.iter().zip(&model.processes) {
            let entry = real.world.node.process(process);
            assert_eq!(entry.is_some(), expected.alive, "a dead pid answers nothing, a live one does");
            let found = real.world.node.resolve(&acme, process.pid()).map_err(|failure| failure.kind);
            assert_eq!(found.is_ok(), expected.alive);
            assert!(found.is_ok() || found.is_err_and(|kind| kind == Kind::NotFound));
            let Some(entry) = entry else { continue };
            let id = expected.id;
            assert_eq!(u64::from(entry.event_slots_taken()), model.event_slots(id), "event slots of {id}");
            assert_eq!(entry.mailbox_taken().0, model.mailbox_taken(id), "mailbox of {id}");
            assert!(entry.mailbox_taken().0 <= u64::from(mailbox().mailbox_messages));
            assert_eq!(entry.ending().load(std::sync::atomic::Ordering::SeqCst), expected.marked.is_some());
            memory += model.mailbox_taken(id) * 16 + model.event_slots(id) * actor::EVENT_SLOT_BYTES;
        }
        for (index, name) in NAMES.iter().enumerate() {
            let holder = real.world.node.lookup(&acme, name).ok();
            let expected = model.holder(index).map(|id| real.processes[id].pid().clone());
            assert_eq!(holder.map(|process| process.pid().clone()), expected, "holder of {name}");
        }
        let account = real.world.node.account(&acme).unwrap();
        let alive = model.processes.iter().filter(|process| process.alive).count();
        assert_eq!(account.processes() as usize, alive);
        assert_eq!(account.memory_bytes(), memory);
    }

    fn teardown(mut real: Self, _: Model) {
        real.world.settle();
        for process in real.processes.clone() {
            real.world.exit(&process, Ok(Value::Nil));
        }
        real.world.settle();
        let account = real.world.node.account(&tenant("acme")).unwrap();
        assert_eq!((account.processes(), account.memory_bytes()), (0, 0), "the dead hold nothing");
        assert!(real.world.kernels.iter().all(|kernel| kernel.next_deadline().is_none()));
    }
}

impl Real {
    fn take(&mut self, step: &Step) -> Answer {
        let answer = |result: Result<(), Failure>| Answer::Done(result.map_err(|failure| failure.kind));
        match *step {
            Step::Start { worker } => {
                let started = self.world.try_start("acme", on(worker), mailbox());
                answer(self.add(started))
            }
            Step::Spawn { parent, worker, monitored, linked, name, messages } => {
                let messages = (0..messages).map(|_| (Arc::from("t"), self.next_payload())).collect();
                let name = name.map(|name| NAMES[name]);
                let how = How { monitored, linked, name, messages, limits: mailbox(), security: Vec::new() };
                let parent = self.processes[parent].clone();
                let spawned = self.world.spawn(&parent, on(worker), how);
                answer(self.add(spawned))
            }
            Step::Call { caller, worker } => {
                let caller = self.processes[caller].clone();
                self.calls += 1;
                let called = self.world.call_with(&caller, on(worker), self.calls, mailbox());
                answer(self.add(called))
            }
            Step::Send { from, to } => {
                let payload = self.next_payload();
                let (from, to) = self.pair(from, to);
                answer(self.world.send(&from, &to, "t", payload))
            }
            Step::Monitor { by, target } => {
                let (by, target) = self.pair(by, target);
                answer(self.world.monitor(&by, &target))
            }
            Step::Unmonitor { by, target } => {
                let (by, target) = self.pair(by, target);
                answer(self.world.unmonitor(&by, &target))
            }
            Step::Link { by, target } => {
                let (by, target) = self.pair(by, target);
                answer(self.world.link(&by, &target))
            }
            Step::Unlink { by, target } => {
                let (by, target) = self.pair(by, target);
                answer(self.world.unlink(&by, &target))
            }
            Step::Trap { by, trap } => {
                let by = self.processes[by].clone();
                self.world.kernel_of(&by).set_trap_links(local(&by), trap);
                answer(Ok(()))
            }
            Step::Register { name, target } => {
                let target = self.processes[target].clone();
                answer(self.world.register(NAMES[name], &target))
            }
            Step::Unregister { name } => answer(self.world.unregister(NAMES[name])),
            Step::Terminate { target } => {
                let target = self.processes[target].clone();
                answer(self.world.terminate(&target))
            }
            Step::Cancel { from, target, deadline_ms } => {
                let from = from.map(|from| self.processes[from].clone());
                let target = self.processes[target].clone();
                answer(self.world.cancel(from.as_ref(), &target, deadline_ms))
            }
            Step::Timer { by, after_ms } => {
                let by = self.processes[by].clone();
                self.timers += 1;
                let (after, token) = (Duration::from_millis(after_ms), self.timers);
                answer(self.world.kernel_of(&by).start_timer(local(&by), after, token).map(drop))
            }
            Step::Upgrade { by } => {
                let by = self.processes[by].clone();
                answer(self.world.kernel_of(&by).upgrade(local(&by), None))
            }
            Step::Exit { process, failed } => {
                let process = self.processes[process].clone();
                let result = if failed { Err(Failure::invalid("it broke")) } else { Ok(Value::Nil) };
                self.world.exit(&process, result);
                answer(Ok(()))
            }
            Step::Poll { worker } => {
                self.world.kernels[worker].poll();
                answer(Ok(()))
            }
            Step::Work { worker } => {
                self.world.work(worker);
                answer(Ok(()))
            }
            Step::Advance { by_ms } => {
                self.world.advance(Duration::from_millis(by_ms));
                answer(Ok(()))
            }
            Step::Read { by } => self.read(by),
        }
    }

    fn add(&mut self, started: Result<Arc<Process>, Failure>) -> Result<(), Failure> {
        started.map(|process| self.processes.push(process))
    }

    /// Each message carries its own number.
    fn next_payload(&mut self) -> Value {
        self.sent += 1;
        Value::Number(f64::from(self.sent))
    }

    fn pair(&self, one: usize, other: usize) -> (Arc<Process>, Arc<Process>) {
        (self.processes[one].clone(), self.processes[other].clone())
    }

    fn read(&mut self, by: usize) -> Answer {
        let process = self.processes[by].clone();
        let message = self.world.take(&process).map(|message| {
            let Value::Number(number) = message.payload else { panic!("a number") };
            (self.id(message.from.as_deref()), number as u64)
        });
        let event = self.world.event(&process).map(|event| match event {
            Event::Cancel { from, deadline } => Read::Cancel { from: self.id(from.as_deref()), deadline },
            Event::Exit { from, result } => {
                Read::Exit { from: self.id(Some(&from)).unwrap(), end: end(&result) }
            }
            Event::LinkDown { from, result } => {
                Read::LinkDown { from: self.id(Some(&from)).unwrap(), end: end(&result) }
            }
        });
        let notices = self.world.notices(&process).into_iter().filter_map(|notice| match notice {
            Notice::Timer { token } => Some(Read::Timer { token }),
            Notice::CallDone { token, result } => Some(Read::CallDone { token, end: end(&result) }),
            Notice::Mail | Notice::Event | Notice::Recorded { .. } => None,
        });
        Answer::Read { message, event, notices: notices.collect() }
    }

    fn id(&self, pid: Option<&str>) -> Option<usize> {
        pid.map(|pid| self.processes.iter().position(|process| **process.pid() == *pid).unwrap())
    }
}

fn on(worker: usize) -> On {
    if worker == 0 { On::First } else { On::Second }
}

fn end(result: &ExitResult) -> End {
    match result {
        Ok(_) => End::Returned,
        Err(failure) => match &*failure.message {
            "it broke" => End::Failed,
            "process terminated" => End::Terminated,
            "cancel deadline exceeded" => End::Deadline,
            "linked process failed" => End::Linked,
            "process terminated: its caller no longer waits" => End::CallerGone,
            other => panic!("{other}"),
        },
    }
}
