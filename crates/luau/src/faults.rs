//! Every allocation of every kind of call fails once: the body ends, the pod and its other bodies go on.
//!
//! The sweep fails the first allocation of a run, then the second, and so on, until a run needs none of it.

#[path = "../tests/vm/bench.rs"]
#[expect(dead_code, reason = "the sweep needs a part of the test host")]
mod bench;

use bench::{MEMORY, Room, modules, shown, surface};
use value::Value;

use crate::{BodyId, Modules, Pod, StartError, Step, now_ns};

/// One of each: what a host call reads and pushes, and what our own library functions allocate.
const WORK: [&str; 12] = [
    "return (host.echo({1, {a = 'b'}, string.rep('x', 1000)}))",
    "local a = host.box(1) local b = host.box(1) a:set(2) return tostring(b) .. #b",
    "local kept = {} for i = 1, 20 do kept[i] = host.weight(10) end return #kept",
    "host.keep(function() end) host.keep({}) local f = host.give() host.drop() return type(f)",
    "return type(host.shallow({print, {}, 'x', host.box(2)})[1])",
    "local t = host.table() return t.box:value()",
    "local ok, err = pcall(host.fail, 'why') return type(err)",
    "return host.wait({1, 2, {x = 'y'}})[3].x",
    "local f = coroutine.wrap(function(...) return coroutine.yield(host.wait(...)) end) return f(1) + f(2)",
    "local n = 0 for i = 1, 5 do coroutine.spawn(function() host.wait() n += 1 end) end
     host.wait() host.wait() return n",
    "return require('lib').value .. require('extra').two()",
    "local t = string.split('c,b,a', ',') table.sort(t) return table.concat(t) .. debug.traceback('x')",
];

fn start(room: &mut Room, work: &str) -> BodyId {
    let listed = modules(&["extra"], &[("lib", "host.wait() return {value = 'v'}", Modules::default())]);
    room.start_with(&format!("return function() {work} end"), MEMORY, listed, vec![Value::from("argument")])
}

#[test]
fn a_body_survives_no_failed_allocation_and_the_pod_every_one() {
    let mut room = Room::new();
    let witness = room.start(
        "return function() local kept = {'still', 'here'} host.wait() return table.concat(kept, ' ') end",
    );
    assert!(matches!(room.run(witness), Step::Parked));
    let waiting = std::mem::take(&mut room.host.waiting);
    for work in WORK {
        let expected = {
            let id = start(&mut room, work);
            let shown = shown(&room.finish(id));
            room.pod.end(id);
            shown
        };
        let mut fails_at = 0;
        loop {
            let id = start(&mut room, work);
            room.pod.machine().meter.fail_after.set(Some(fails_at));
            let step = room.finish(id);
            let all_went_well = room.pod.machine().meter.fail_after.take().is_some();
            match step {
                Step::OverMemory { .. } => assert!(!all_went_well, "{work}: without a failure"),
                step => assert_eq!(shown(&step), expected, "{work}: at {fails_at}"),
            }
            room.host.waiting.clear();
            room.host.kept.clear();
            room.pod.end(id);
            if all_went_well {
                break;
            }
            fails_at += 1;
        }
        assert_eq!(room.pod.references(), 0, "{work}");
    }
    while !room.pod.collect(now_ns() + 1_000_000_000) {}
    room.host.waiting = waiting;
    assert_eq!(shown(&room.finish(witness)), "\"still here\"");
}

/// Luau asks the system for pages, so that most of its own allocations cannot be made to fail. Filling pages
/// by random amounts first moves the one that needs a new page to another place in the work each time.
#[test]
fn a_failure_at_any_place_of_the_work_ends_the_body_only() {
    const ROUNDS: u64 = 60;
    let seed = now_ns();
    let mut random = seed | 1;
    let mut pick = |below: u64| {
        // Knuth's MMIX constants; the high bits are the good ones.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut room = Room::new();
    let mut failures = 0;
    for work in WORK {
        for _ in 0..ROUNDS {
            let filler = room.start(&format!(
                "return function() kept = {{}} local function keep(v) kept[#kept + 1] = v end
                 for i = 1, {} do keep({{}}) end for i = 1, {} do keep({{i}}) end for i = 1, {} do keep({{x = i}}) end
                 for i = 1, {} do keep(function() return i end) end for i = 1, {} do keep(buffer.create(i)) end
                 for i = 1, {} do keep(string.rep('k' .. i, i)) end for i = 1, {} do keep(host.weight(1)) end
                 for i = 1, {} do keep(coroutine.create(print)) end host.wait() end",
                pick(300), pick(300), pick(300), pick(200), pick(200), pick(200), pick(100), pick(30),
            ));
            assert!(matches!(room.run(filler), Step::Parked));
            room.host.waiting.clear();
            let id = start(&mut room, work);
            room.pod.machine().meter.fail_after.set(Some(0));
            let step = room.finish(id);
            let all_went_well = room.pod.machine().meter.fail_after.take().is_some();
            assert_eq!(
                matches!(step, Step::OverMemory { .. }),
                !all_went_well,
                "{work}: seed {seed}: {step:?}"
            );
            failures += u32::from(!all_went_well);
            room.host.waiting.clear();
            room.host.kept.clear();
            room.pod.end(id);
            room.pod.end(filler);
        }
    }
    assert!(failures > 100, "{failures} failures");
    assert!(room.pod.is_empty());
}

#[test]
fn a_body_that_cannot_be_started_leaves_nothing_behind() {
    let mut room = Room::new();
    let mut fails_at = 0;
    loop {
        let code = crate::Code::compile("test", b"return function() return 1 end").expect("compiles");
        room.pod.machine().meter.fail_after.set(Some(fails_at));
        let started = room.pod.start(crate::BodySettings {
            key: 1,
            code: &code,
            method: "main",
            arguments: vec![],
            modules: Modules::default(),
            memory_bytes_max: MEMORY,
            ending: room.ending.clone(),
        });
        let all_went_well = room.pod.machine().meter.fail_after.take().is_some();
        match started {
            Ok(id) => {
                assert_eq!(shown(&room.run(id)), "1");
                room.pod.end(id);
            }
            Err(error) => assert_eq!(error, StartError::OutOfMemory),
        }
        assert!(room.pod.is_empty());
        if all_went_well {
            break;
        }
        fails_at += 1;
        assert!(fails_at < 1_000);
    }
}

#[test]
fn a_pod_that_cannot_be_made_is_an_error() {
    let surface = surface();
    for fails_at in (0..).step_by(7) {
        crate::meter::FAIL_NEW_AFTER.set(Some(fails_at));
        let made = Pod::<bench::Bench>::new(&surface);
        crate::meter::FAIL_NEW_AFTER.set(None);
        if made.is_ok_and(|pod| pod.machine().meter.fail_after.take().is_some()) {
            break;
        }
    }
}
