//! Known crashers: scripts that have ended hosts of Luau, or held them for minutes, each run once.
//!
//! For the command line, in a child process before anything else: if this build of Luau lacks a fix, the
//! child dies, and not the host. What a script comes to does not matter, only that it comes to something in
//! time, and that the next one runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use value::{Failure, Value};

use crate::{BodySettings, Call, Code, Host, Modules, Object, Pod, Reply, Slice, Step, Surface, now_ns};

/// Time that one script gets in nanoseconds: 500 ms, the fifth part of what those that cannot be stopped took
/// on the smallest input.
const PATIENCE_NS: u64 = 500_000_000;

/// Time past that in which it must have been stopped, in nanoseconds: 10 s, on the slowest machine.
const STOP_NS: u64 = 10_000_000_000;

/// Bytes of memory that one script gets: 16 MiB.
const MEMORY_BYTES: usize = 16 * 1024 * 1024;

/// What each does, and the body of its main function.
const CRASHERS: [(&str, &str); 14] = [
    (
        "table.move to the lowest index",
        "local d = {} d[-2147483648] = 1 table.move({1}, 1, 2147483647, 1, d)",
    ),
    ("table.move over nothing", "table.move({}, 1, 2147483647, 2, {})"),
    ("plain find", "local s = string.rep('a', 2e6) s:find(string.rep('a', 1e6) .. 'b', 1, true)"),
    ("split by a long separator", "string.split(string.rep('a', 2e6), string.rep('a', 1e6) .. 'b')"),
    ("a long set in a pattern", "string.find(string.rep('a', 2e6), '[' .. string.rep('b', 2e6) .. 'a]*c')"),
    ("backtracking", "string.find(string.rep('a', 1e5), '.-.-.-.-b')"),
    ("sort", "local t = {} for i = 1, 3e5 do t[i] = -i end table.sort(t)"),
    ("recursion", "local function f() return f() + 1 end f()"),
    ("recursion through pcall", "local function f() return pcall(f) end f()"),
    ("recursion through gsub", "local function f() return (string.gsub('a', 'a', f)) end f()"),
    ("recursion through coroutines", "local function f() return coroutine.wrap(f)() end f()"),
    (
        "memory in pcall",
        "while true do pcall(function() local t = {} while true do t[#t + 1] = {} end end) end",
    ),
    ("a large string", "string.rep('x', 2^30)"),
    ("a loop that catches its end", "while true do pcall(function() while true do end end) end"),
];

/// The crashers that this build survives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What each does.
    pub passed: Vec<&'static str>,
}

/// A crasher that came through without ending this OS process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{crasher}` {problem}")]
pub struct Unfit {
    /// What it does.
    pub crasher: &'static str,
    /// What is wrong about how it ended.
    pub problem: String,
}

/// Runs every crasher. In a build that lacks a fix this does not return: the OS process dies or hangs.
///
/// # Errors
/// A crasher was not stopped in time, or the machine was of no use after it.
pub fn run() -> Result<Report, Unfit> {
    let mut passed = Vec::new();
    for (crasher, source) in CRASHERS {
        survive(source).map_err(|problem| Unfit { crasher, problem })?;
        passed.push(crasher);
    }
    Ok(Report { passed })
}

fn survive(source: &str) -> Result<(), String> {
    let mut pod = Pod::<Nobody>::new(&Arc::new(Surface::default())).map_err(|error| error.to_string())?;
    let begun = now_ns();
    let step = step(&mut pod, &format!("return function() {source} end"))?;
    let took = now_ns() - begun;
    if took > PATIENCE_NS + STOP_NS {
        return Err(format!("ran for {} ms", took / 1_000_000));
    }
    if let Step::Lost { why } = step {
        return Err(format!("lost the virtual machine: {why}"));
    }
    match self::step(&mut pod, "return function() return 1 end")? {
        Step::Returned(Ok(values)) if values == [Value::Number(1.0)] => Ok(()),
        other => Err(format!("left a machine in which another script ends as {other:?}")),
    }
}

/// Runs a script until it ends or its time is over, and ends it.
fn step(pod: &mut Pod<Nobody>, source: &str) -> Result<Step, String> {
    let code = Code::compile("self-test", source.as_bytes()).map_err(|error| error.to_string())?;
    let ending = Arc::new(AtomicBool::new(false));
    let settings = BodySettings {
        key: 0,
        code: &code,
        method: "main",
        arguments: Vec::new(),
        modules: Modules::default(),
        memory_bytes_max: MEMORY_BYTES,
        ending: ending.clone(),
    };
    let body = pod.start(settings).map_err(|error| error.to_string())?;
    let mut step = pod.run(
        body,
        &mut Nobody,
        Slice { until_ns: now_ns().saturating_add(PATIENCE_NS), memory_bytes_max: usize::MAX },
    );
    if matches!(step, Step::Preempted) {
        ending.store(true, Ordering::Relaxed);
        step = pod.run(body, &mut Nobody, Slice { until_ns: u64::MAX, memory_bytes_max: usize::MAX });
    }
    pod.end(body);
    Ok(step)
}

/// A host without functions.
struct Nobody;

/// Its only objects, which no script ever gets.
struct Unused(Failure);

impl Host for Nobody {
    type Object = Unused;

    fn call(&mut self, _: Call<'_, Unused>) -> Reply<Unused> {
        Reply::Return(Vec::new())
    }
}

impl Object for Unused {
    fn type_index(&self) -> usize {
        0
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn from_failure(failure: Failure) -> Self {
        Self(failure)
    }

    fn as_failure(&self) -> Option<&Failure> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_build_survives_every_known_crasher() {
        let report = run().expect("it is fit");
        assert_eq!(report.passed.len(), CRASHERS.len());
    }
}
