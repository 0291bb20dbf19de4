//! Random scripts in random order: many bodies of one pod wait, yield, spawn, hold objects and references,
//! run out of memory and are ended, while the collector works in between. Debug builds of Luau assert their
//! own invariants all along.

use luau::{BodyId, Slice, Step, now_ns};

use super::bench::{MEMORY, Room, modules};

/// Knuth's MMIX generator; its high bits are the good ones.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn statement(&mut self, depth: usize) -> String {
        let leaf = depth == 0;
        match self.below(if leaf { 15 } else { 24 }) {
            0 => "host.wait(1)".to_owned(),
            1 => "host.pass()".to_owned(),
            2 => format!("kept[#kept % 50 + 1] = host.weight({})", self.below(2_000)),
            3 => {
                format!("local b = host.box({}) b:set(b:value() + 1) kept[#kept % 50 + 1] = b", self.below(5))
            }
            4 => "host.keep({})".to_owned(),
            5 => "host.keep(function() return kept end)".to_owned(),
            6 => "kept[1] = host.give()".to_owned(),
            7 => "host.drop()".to_owned(),
            8 => format!("for i = 1, {} do kept[i % 50] = {{i, 'k' .. i}} end", self.below(2_000)),
            9 => "host.echo({1, {x = 'y'}, host.table().number})".to_owned(),
            10 => "host.shallow({print, {}, host.box(1), 'x'})".to_owned(),
            11 => "if coroutine.isyieldable() then coroutine.yield(1, 2, 3) end".to_owned(),
            12 => "kept[2] = require('lib').value".to_owned(),
            13 => "local s = string.rep('ab', 500) kept[3] = s:upper():split('B')".to_owned(),
            14 => "kept[4] = debug.traceback()".to_owned(),
            15 => format!("pcall(function() {} error({{}}) end)", self.block(depth - 1)),
            16 => format!("pcall(function() {} host.fail('x') end)", self.block(depth - 1)),
            17 => format!(
                "local f = coroutine.wrap(function() {} end) pcall(f) pcall(f)",
                self.block(depth - 1)
            ),
            18 => format!(
                "local co = coroutine.create(function() {} end) coroutine.resume(co) coroutine.resume(co) pcall(coroutine.close, co)",
                self.block(depth - 1)
            ),
            19 => format!("coroutine.spawn(function() pcall(function() {} end) end)", self.block(depth - 1)),
            20 => format!(
                "string.gsub('ab', '.', function() pcall(function() {} end) end)",
                self.block(depth - 1)
            ),
            21 => format!(
                "pcall(function() local t = setmetatable({{}}, {{__index = function() {} end}}) return t.x end)",
                self.block(depth - 1)
            ),
            22 => format!(
                "local t = {{3, 1, 2}} table.sort(t, function(a, b) pcall(function() {} end) return a < b end)",
                self.block(depth - 1)
            ),
            _ => format!("for i = 1, {} do {} end", self.below(4), self.block(depth - 1)),
        }
    }

    fn block(&mut self, depth: usize) -> String {
        (0..=self.below(4)).map(|_| format!("do {} end ", self.statement(depth))).collect()
    }
}

#[test]
fn random_scripts_never_break_the_pod() {
    const STEPS: usize = 4_000;
    let seed = now_ns();
    println!("seed {seed}");
    let mut random = Random(seed | 1);
    let mut room = Room::new();
    let listed = || {
        let lib =
            "local v = host.wait(2) if coroutine.isyieldable() then coroutine.yield() end return {value = v}";
        modules(&[], &[("lib", lib, luau::Modules::default())])
    };
    let mut bodies: Vec<BodyId> = Vec::new();
    for _ in 0..STEPS {
        let pick = random.below(bodies.len().max(1));
        match random.below(10) {
            0 | 1 if room.pod.has_room(MEMORY) && bodies.len() < 40 => {
                let source = format!("kept = {{}} return function() {} return kept[2] end", random.block(3));
                let memory = if random.below(4) == 0 { 200_000 } else { MEMORY };
                bodies.push(room.start_with(&source, memory, listed(), vec![]));
            }
            2 if !bodies.is_empty() => {
                drop(room.pod.end(bodies.swap_remove(pick)));
            }
            3 => {
                room.pod.collect(now_ns() + 200_000);
            }
            4 if !bodies.is_empty() => {
                // Any body is woken for any strand: most are not its own, or gone.
                let waiting = std::mem::take(&mut room.host.waiting);
                for (strand, value) in waiting {
                    let reply = luau::Reply::Return(vec![luau::Item::Value(value)]);
                    for body in &bodies {
                        if random.below(3) == 0 {
                            room.pod.wake(*body, strand, luau::Reply::Raise(value::Failure::invalid("no")));
                        }
                    }
                    room.pod.wake(bodies[pick], strand, reply);
                }
            }
            _ if !bodies.is_empty() => {
                let slice = Slice {
                    until_ns: now_ns() + 50_000 * random.below(20) as u64,
                    memory_bytes_max: usize::MAX,
                };
                let step = room.pod.run(bodies[pick], &mut room.host, slice);
                assert!(!matches!(step, Step::Lost { .. }), "seed {seed}: {step:?}");
                if let Step::Passed { strand } = step {
                    room.pod.wake(bodies[pick], strand, luau::Reply::Return(Vec::new()));
                } else if !matches!(step, Step::Parked | Step::Preempted) {
                    drop(room.pod.end(bodies.swap_remove(pick)));
                }
            }
            _ => {}
        }
    }
    for body in bodies {
        drop(room.pod.end(body));
    }
    room.host.kept.clear();
    assert_eq!(room.pod.references(), 0, "seed {seed}");
    assert!(room.pod.is_empty());
}
