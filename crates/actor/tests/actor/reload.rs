//! Monitors, links and deadlines under policies that changed after they were permitted: what takes effect later is asked
//! for again then, and what is denied is dropped, with one record.

use std::sync::Arc;
use std::time::Duration;

use actor::{Event, Quotas};
use policy::{Gate, Kept, Process};
use value::{Failure, Value};

use crate::faulty::{EIO, FaultyDisk, Operation};
use crate::world::{EVERYTHING, How, On, World, bundle, local, with_deep_stack};

/// A world whose policies can change.
struct Changing {
    world: World,
    gate: Arc<Gate>,
    log: audit::Log,
    disk: FaultyDisk,
    folder: tempfile::TempDir,
}

/// A test that fails must not wait for its disk for ever.
impl Drop for Changing {
    fn drop(&mut self) {
        self.disk.heal();
        self.disk.release_syncs();
    }
}

impl Changing {
    fn new() -> Self {
        let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::healthy());
        let options = audit::Options {
            disk: Arc::new(disk.clone()),
            retry: Duration::ZERO,
            ..audit::Options::new(folder.path().join("log"))
        };
        let log = audit::Log::open(options).unwrap();
        let gate = Arc::new(Gate::new(Kept::new(bundle(EVERYTHING), &log).unwrap(), log.clone(), None));
        Self { world: World::with(Quotas::default(), gate.clone()), gate, log, disk, folder }
    }

    /// From now on only this is permitted.
    fn permit_only(&self, action: &str) {
        let bundle = bundle(&format!("action == Moonward::Action::\"{action}\""));
        self.gate.replace(Kept::new(bundle, &self.log).unwrap());
    }

    /// Action, pid and answer of each decision recorded, but for what was plainly allowed for the first time.
    fn recorded(&self) -> Vec<[String; 3]> {
        self.log.sync().unwrap();
        let records = audit::read(&self.folder.path().join("log")).map(|line| line.unwrap().record);
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        records
            .filter(|record| record["kind"] == "decision" && record["because"] != "first")
            .map(|record| [&record["action"], &record["pid"], &record["decision"]].map(text))
            .collect()
    }

    fn fail(&mut self, process: &Arc<Process>) {
        self.world.exit(process, Err(Failure::invalid("it broke")));
        self.world.settle();
    }

    /// The slots that monitors, links and unread events of a process hold.
    fn slots(&self, process: &Arc<Process>) -> u32 {
        self.world.node.process(process).unwrap().event_slots_taken()
    }
}

fn denied(action: &str, by: &Arc<Process>) -> Vec<[String; 3]> {
    vec![[action.to_owned(), by.pid().to_string(), "deny".to_owned()]]
}

#[test]
fn an_exit_is_heard_only_by_who_may_still_monitor() {
    with_deep_stack(|| {
        for on in [On::First, On::Second] {
            for still_permitted in [true, false] {
                let mut it = Changing::new();
                let (watcher, target) = (it.world.start(On::First), it.world.start(on));
                it.world.monitor(&watcher, &target).unwrap();
                it.permit_only(if still_permitted { "process.monitor" } else { "process.send" });
                it.fail(&target);
                let heard = matches!(it.world.event(&watcher), Some(Event::Exit { .. }));
                assert_eq!(heard, still_permitted);
                let expected = if still_permitted { Vec::new() } else { denied("process.monitor", &watcher) };
                assert_eq!(it.recorded(), expected);
                assert_eq!(it.slots(&watcher), 0);
            }
        }
    });
}

#[test]
fn a_link_takes_effect_only_while_who_made_it_still_may_whichever_side_fails() {
    with_deep_stack(|| {
        for on in [On::First, On::Second] {
            for (maker_fails, still_permitted) in [(true, true), (true, false), (false, true), (false, false)]
            {
                let mut it = Changing::new();
                let (maker, other) = (it.world.start(On::First), it.world.start(on));
                it.world.link(&maker, &other).unwrap();
                it.permit_only(if still_permitted { "process.link" } else { "process.send" });
                let (fails, lives) = if maker_fails { (&maker, &other) } else { (&other, &maker) };
                it.fail(fails);
                assert_eq!(it.world.alive(lives), !still_permitted);
                let expected = if still_permitted { Vec::new() } else { denied("process.link", &maker) };
                assert_eq!(it.recorded(), expected);
                if it.world.alive(lives) {
                    assert_eq!(it.slots(lives), 0);
                }
            }
        }
    });
}

#[test]
fn a_child_is_tied_as_long_as_its_parent_may_spawn_it_so() {
    with_deep_stack(|| {
        for on in [On::First, On::Second] {
            let mut it = Changing::new();
            let parent = it.world.start(On::First);
            it.world.kernels[0].set_trap_links(local(&parent), true);
            let how = How { monitored: true, linked: true, ..How::default() };
            let [first, second] = [(); 2].map(|()| it.world.spawn(&parent, on, how.clone()).unwrap());
            it.world.settle();
            // Monitoring as such is not what was permitted.
            it.permit_only("process.spawn.monitored");
            it.fail(&first);
            assert!(matches!(it.world.event(&parent), Some(Event::Exit { .. })));
            assert_eq!(it.world.event(&parent), None);
            it.permit_only("process.spawn.linked");
            it.fail(&second);
            assert!(matches!(it.world.event(&parent), Some(Event::LinkDown { .. })));
            assert_eq!(it.world.event(&parent), None);
            let denied =
                [denied("process.spawn.linked", &parent), denied("process.spawn.monitored", &parent)];
            assert_eq!(it.recorded(), denied.concat());
        }
    });
}

#[test]
fn a_deadline_ends_nobody_when_who_set_it_no_longer_may_and_the_next_one_counts() {
    with_deep_stack(|| {
        for on in [On::First, On::Second] {
            let mut it = Changing::new();
            let (asker, target) = (it.world.start(On::First), it.world.start(on));
            it.world.cancel(Some(&asker), &target, Some(20)).unwrap();
            it.world.cancel(None, &target, Some(50)).unwrap();
            it.world.settle();
            it.permit_only("process.send");
            it.world.advance(Duration::from_millis(30));
            it.world.settle();
            assert!(it.world.alive(&target));
            assert_eq!(it.recorded(), denied("process.cancel", &asker));
            it.world.advance(Duration::from_millis(20));
            it.world.settle();
            assert!(!it.world.alive(&target), "what came from outside any process is not asked for again");
        }
    });
}

#[test]
fn a_deadline_still_ends_when_the_new_policies_permit_it_as_soon_as_that_is_on_the_disk() {
    with_deep_stack(|| {
        let mut it = Changing::new();
        let (asker, target) = (it.world.start(On::First), it.world.start(On::Second));
        it.world.cancel(Some(&asker), &target, Some(20)).unwrap();
        it.world.settle();
        it.permit_only("process.cancel");
        it.world.exit(&asker, Ok(Value::Nil));
        it.disk.hold_syncs();
        it.world.advance(Duration::from_millis(20));
        it.world.settle();
        it.world.advance(Duration::from_secs(1));
        it.world.settle();
        assert!(it.world.alive(&target), "not before it is durable");

        it.disk.release_syncs();
        it.log.sync().unwrap();
        it.world.settle();
        assert!(!it.world.alive(&target), "also when who set it has ended meanwhile");
        // An allow with a deadline is always recorded, and once however often it is looked at.
        assert_eq!(it.recorded(), [["process.cancel", &**asker.pid(), "allow"].map(str::to_owned)]);
    });
}

#[test]
fn a_deadline_whose_record_meets_an_outage_ends_nobody_and_the_next_one_counts() {
    with_deep_stack(|| {
        let mut it = Changing::new();
        let (asker, target) = (it.world.start(On::First), it.world.start(On::Second));
        it.world.cancel(Some(&asker), &target, Some(20)).unwrap();
        it.world.cancel(None, &target, Some(50)).unwrap();
        it.world.settle();
        it.permit_only("process.cancel");
        it.disk.hold_syncs();
        it.world.advance(Duration::from_millis(20));
        it.world.settle();
        it.disk.fail(|operation| (operation == Operation::Sync).then_some(EIO));
        it.disk.release_syncs();
        it.log.sync().unwrap_err();
        it.world.settle();
        assert!(it.world.alive(&target));
        it.world.advance(Duration::from_millis(30));
        it.world.settle();
        assert!(!it.world.alive(&target), "the host's own deadlines need nobody's permission");
    });
}
