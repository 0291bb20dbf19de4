//! A sensitive call waits until its record is on the disk; nobody else does.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actor::ExitResult;
use app::{CallRequest, Running};
use audit::Mode;
use policy::{Actor, Process, TenantId, Via};
use sandbox::StartRequest;
use serde_json::Value as Json;
use value::{Failure, Kind, Value, to_json};

use crate::faulty::{EIO, FaultyDisk, Operation};
use crate::support::{Folder, records, request};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// One worker, so that whoever holds it up holds up everybody.
const ENTRIES: &str = "  - {name: processes, kind: process.host, host: {workers: 1}}
  - {name: echo, kind: process.lua, source: 'return function(value) return value end'}
  - {name: target, kind: process.lua, source: file://target.lua}
  - {name: greet, kind: process.lua, source: file://greet.lua}
  - {name: terminate, kind: process.lua, source: file://terminate.lua}
  - {name: script, kind: process.lua, source: file://script.lua, modules: [security], imports: {loads: loads}}
  - {name: loads, kind: library.lua, source: file://loads.lua}
";

const FILES: [(&str, &str); 5] = [
    (
        "target.lua",
        "return function()
            while true do
                local message = process.inbox():receive()
                process.send(message:from(), 'alive')
            end
        end",
    ),
    (
        "greet.lua",
        "return function(pid)
            assert(process.send(pid, 'greet'))
            return process.inbox():receive():topic()
        end",
    ),
    ("terminate.lua", "return function(pid)\n    return process.terminate(pid)\nend"),
    ("script.lua", "return function() end"),
    ("loads.lua", "return {}"),
];

/// A node on a disk that does as it is told, with a target to do things to.
struct Held {
    running: Running,
    disk: FaultyDisk,
    /// Writes to the disk so far. While syncs are held, one more is a sync that is held.
    writes: Arc<AtomicUsize>,
    target: Arc<Process>,
    target_end: Receiver<ExitResult>,
    folder: Folder,
}

impl Held {
    fn new() -> Self {
        Self::with(Mode::Strict, &[])
    }

    /// `script.lua` is this.
    fn running(script: &str) -> Self {
        Self::with(Mode::Strict, &[("script.lua", script)])
    }

    fn with(mode: Mode, files: &[(&str, &str)]) -> Self {
        let folder = Folder::new(ENTRIES, &[&FILES[..], files].concat());
        let (disk, writes) = (FaultyDisk::healthy(), Arc::new(AtomicUsize::new(0)));
        let running = folder.start_with(|options| {
            options.disk = Arc::new(disk.clone());
            options.mode = mode;
            options.retry = Duration::from_millis(1);
        });
        let (target, target_end) = spawn(&running, "app:target", Vec::new());
        running.log().sync().unwrap();
        let it = Self { running, disk, writes, target, target_end, folder };
        it.heal();
        it
    }

    /// The disk works, and its writes are counted.
    fn heal(&self) {
        let writes = self.writes.clone();
        self.disk.fail(move |operation| {
            if operation == Operation::Write {
                writes.fetch_add(1, Ordering::SeqCst);
            }
            None
        });
    }

    fn fail_syncs(&self) {
        self.disk.fail(|operation| (operation == Operation::Sync).then_some(EIO));
    }

    fn pid(&self) -> Value {
        Value::text(&**self.target.pid())
    }

    /// Starts a definition that is given the target's pid, and returns when the disk holds its record back.
    fn spawn_until_held(&self, definition: &str) -> (Arc<Process>, Receiver<ExitResult>) {
        self.running.log().sync().unwrap();
        let before = self.writes.load(Ordering::SeqCst);
        self.disk.hold_syncs();
        let started = spawn(&self.running, definition, vec![self.pid()]);
        until(|| self.writes.load(Ordering::SeqCst) > before);
        started
    }

    fn target_is_alive(&self) -> bool {
        self.answers(&self.target)
    }

    /// Whether a process takes a message, and has its answer sent.
    fn answers(&self, process: &Process) -> bool {
        let arguments = vec![Value::text(&**process.pid())];
        let answer = self.running.call(CallRequest { arguments, ..request("app:greet") });
        answer == Ok(Value::text("alive"))
    }

    /// Generation, answer and line of each decision on an action.
    fn decisions(&self, action: &str) -> Vec<(String, String, u64)> {
        until(|| self.running.log().sync().is_ok());
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        let decisions = records(&self.running, "decision").into_iter();
        let of_action = decisions.filter(|record| record["action"] == action);
        of_action
            .map(|record| {
                let line = record["place"]["line"].as_u64().unwrap_or_default();
                (text(&record["generation"]), text(&record["decision"]), line)
            })
            .collect()
    }
}

/// A test that fails must not wait for its disk for ever.
impl Drop for Held {
    fn drop(&mut self) {
        self.disk.heal();
        self.disk.release_syncs();
    }
}

fn spawn(running: &Running, definition: &str, arguments: Vec<Value>) -> (Arc<Process>, Receiver<ExitResult>) {
    let (tell, end) = channel();
    let tenant = TenantId::new("default").unwrap();
    let start = StartRequest {
        definition: definition.to_owned(),
        host: "app:processes".to_owned(),
        actor: Arc::new(Actor::parse("default/user/cli").unwrap()),
        scopes: running.runtime().catalogue().default_scopes(&tenant),
        arguments,
        via: Via::Cli,
    };
    let process = running.runtime().spawn(start, Box::new(move |result| drop(tell.send(result.clone()))));
    (process.unwrap(), end)
}

fn until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < DEADLINE, "it does not come to be");
        std::thread::yield_now();
    }
}

fn ended(end: &Receiver<ExitResult>) -> ExitResult {
    end.recv_timeout(DEADLINE).unwrap()
}

fn refused(result: ExitResult) -> Failure {
    result.unwrap_err()
}

#[test]
fn a_termination_waits_for_its_record_and_a_neighbour_on_the_same_worker_for_nothing() {
    let it = Held::new();
    let (_, end) = it.spawn_until_held("app:terminate");
    for number in 0..100 {
        let arguments = vec![Value::from(f64::from(number))];
        let answer = it.running.call(CallRequest { arguments: arguments.clone(), ..request("app:echo") });
        assert_eq!(answer.as_ref(), Ok(&arguments[0]));
        assert!(it.target_is_alive());
    }
    assert!(end.try_recv().is_err(), "it waits");

    it.disk.release_syncs();
    assert_eq!(ended(&end), Ok(Value::Boolean(true)));
    assert_eq!(refused(ended(&it.target_end)).message, "process terminated");
    assert_eq!(it.decisions("process.terminate"), [("1".to_owned(), "allow".to_owned(), 2)]);
}

#[test]
fn a_disk_that_fails_meanwhile_ends_the_wait_and_nothing_has_happened() {
    let it = Held::new();
    let (_, end) = it.spawn_until_held("app:terminate");
    it.fail_syncs();
    it.disk.release_syncs();
    let failure = refused(ended(&end));
    assert_eq!((failure.kind, failure.retryable), (Kind::Unavailable, Some(true)), "{failure:?}");
    assert_eq!(failure.message, "permission checks are unavailable: the audit log cannot be written");
    assert_eq!(failure.stack.first().map(|frame| frame.line), Some(2));

    it.heal();
    until(|| it.running.log().writable());
    assert!(it.target_is_alive());
    // It was allowed, and that is durable by now. It was not done.
    assert_eq!(it.decisions("process.terminate"), [("1".to_owned(), "allow".to_owned(), 2)]);
    assert!(it.target_is_alive());
}

#[test]
fn policies_that_forbid_it_meanwhile_forbid_it() {
    let it = Held::new();
    let (_, end) = it.spawn_until_held("app:terminate");
    let but = "permit (principal, action, resource)
               unless { action == Moonward::Action::\"process.terminate\" };";
    it.folder.write("all.cedar", &format!("@id(\"but\") {but}"));
    it.running.reload(it.folder.load()).unwrap();
    assert!(end.try_recv().is_err(), "it is asked again when it goes on");
    it.disk.release_syncs();

    let failure = refused(ended(&end));
    assert_eq!(failure.kind, Kind::PermissionDenied, "{failure:?}");
    assert!(it.target_is_alive());
    let of = |generation: &str, answer: &str| (generation.to_owned(), answer.to_owned(), 2);
    assert_eq!(it.decisions("process.terminate"), [of("1", "allow"), of("2", "deny")]);
    let decisions = records(&it.running, "decision");
    let denial = decisions.iter().find(|record| record["decision"] == "deny").unwrap();
    assert_eq!(failure.record.as_deref(), denial["id"].as_str());
}

#[test]
fn policies_that_permit_it_meanwhile_are_recorded_too_before_it_happens() {
    let it = Held::new();
    let (_, end) = it.spawn_until_held("app:terminate");
    it.running.reload(it.folder.load()).unwrap();
    it.disk.release_syncs();
    assert_eq!(ended(&end), Ok(Value::Boolean(true)));
    ended(&it.target_end).unwrap_err();
    let of = |generation: &str| (generation.to_owned(), "allow".to_owned(), 2);
    assert_eq!(it.decisions("process.terminate"), [of("1"), of("2")]);
}

#[test]
fn a_process_that_is_ended_while_it_waits_does_nothing_afterwards_and_leaves_nothing() {
    let it = Held::new();
    let (killer, end) = it.spawn_until_held("app:terminate");
    it.running.runtime().kill_process(&killer);
    assert_eq!(refused(ended(&end)).message, "process terminated");
    it.disk.release_syncs();
    assert_eq!(it.decisions("process.terminate").len(), 1);
    assert!(it.target_is_alive());
    until(|| it.running.runtime().processes(&TenantId::new("default").unwrap()) == 1);
}

#[test]
fn a_best_effort_log_holds_nobody_up() {
    let it = Held::with(Mode::BestEffort, &[]);
    let (_, end) = it.spawn_until_held("app:terminate");
    assert_eq!(ended(&end), Ok(Value::Boolean(true)));
    ended(&it.target_end).unwrap_err();
}

#[test]
fn other_coroutines_go_on_and_mail_is_read_while_one_waits() {
    let it = Held::running(
        "return function(pid)
            local done = channel.new()
            coroutine.spawn(function() done:send(process.terminate(pid)) end)
            local messages = 0
            while true do
                local got = channel.select{done:case_receive(), process.inbox():case_receive()}
                if got.channel == done then
                    return {terminated = got.value, messages = messages}
                end
                messages += 1
                process.send(got.value:from(), 'alive')
            end
        end",
    );
    let (waits, end) = it.spawn_until_held("app:script");
    for _ in 0..10 {
        assert!(it.answers(&waits));
    }
    it.disk.release_syncs();
    let expected = serde_json::json!({"terminated": true, "messages": 10});
    assert_eq!(to_json(&ended(&end).unwrap()), expected);
}

#[test]
fn each_sensitive_call_waits_and_each_of_its_asks_is_recorded_once() {
    // What is done, the action, and how often that is on record.
    for (call, action, asks) in [
        ("process.cancel(pid, '1h')", "process.cancel", 1),
        ("process.with_context({}):with_actor(actor) ~= nil", "process.security", 1),
        ("process.with_context({}):with_scope(scope) ~= nil", "process.security", 1),
        (
            "process.with_context({}):with_actor(actor):with_scope(scope):spawn('app:echo', 'app:processes') ~= nil",
            "process.security",
            // Each is asked for when it is put in, and all of them together by the spawn.
            4,
        ),
    ] {
        let it = Held::running(&format!(
            "local security = require('security')
            return function(pid)
                local actor, scope = security.new_actor('orders'), security.scope()
                return {call}
            end"
        ));
        let (_, end) = it.spawn_until_held("app:script");
        assert!(it.target_is_alive() && end.try_recv().is_err(), "{call} does not wait");
        it.disk.release_syncs();
        assert_eq!(ended(&end), Ok(Value::Boolean(true)), "{call}");
        let allowed = it.decisions(action);
        assert!(allowed.iter().all(|(generation, answer, _)| generation == "1" && answer == "allow"));
        assert_eq!(allowed.len(), asks, "{call}");
    }
}

#[test]
fn a_request_to_end_without_a_deadline_waits_for_nothing() {
    let it = Held::running("return function(pid) return process.cancel(pid) end");
    it.running.log().sync().unwrap();
    it.disk.hold_syncs();
    let (_, end) = spawn(&it.running, "app:script", vec![it.pid()]);
    assert_eq!(ended(&end), Ok(Value::Boolean(true)));
}

#[test]
fn where_a_coroutine_cannot_wait_the_call_fails_before_it_is_decided() {
    let it = Held::running(
        "return function(pid)
            local found = {}
            local function try()
                local ok, err = process.terminate(pid)
                table.insert(found, `{ok} {err:kind()}: {err:message()}`)
            end
            local _ = setmetatable({}, {__index = function() try() end}).anything
            tostring(setmetatable({}, {__tostring = function() try() return '' end}))
            return found
        end",
    );
    let found = to_json(&call_with_target(&it));
    let found = found.as_array().unwrap();
    let expected = "nil Invalid: cannot wait here: a metamethod, comparator or pattern callback is running";
    assert!(found.len() == 2 && found.iter().all(|one| one == expected), "{found:?}");
    assert_eq!(it.decisions("process.terminate"), []);
    assert!(it.target_is_alive());
}

fn call_with_target(it: &Held) -> Value {
    it.running.call(CallRequest { arguments: vec![it.pid()], ..request("app:script") }).unwrap()
}

#[test]
fn a_library_waits_while_it_is_loaded_and_so_does_a_pipeline_of_coroutines() {
    let it = Held::with(
        Mode::Strict,
        &[
            (
                "loads.lua",
                "local child = assert(process.spawn('app:target', 'app:processes'))
                return {ended = assert(process.terminate(child))}",
            ),
            (
                "script.lua",
                "return function(pid)
                    local inner = coroutine.wrap(function() coroutine.yield(process.terminate(pid)) end)
                    return {loaded = require('loads').ended, inner = inner()}
                end",
            ),
        ],
    );
    let result = to_json(&call_with_target(&it));
    assert_eq!(result, serde_json::json!({"loaded": true, "inner": true}));
}

#[test]
fn who_ends_itself_is_on_record_first() {
    let it = Held::running("return function() process.terminate(process.pid()) end");
    let (_, end) = it.spawn_until_held("app:script");
    assert!(it.target_is_alive() && end.try_recv().is_err());
    it.disk.release_syncs();
    assert_eq!(refused(ended(&end)).message, "process terminated");
}

#[test]
fn a_hundred_calls_of_one_process_wait_at_once_and_the_next_is_told_so() {
    let it = Held::running(
        "return function(pid)
            local done = channel.new(200)
            for _ = 1, 101 do
                coroutine.spawn(function() done:send({process.cancel(pid, '1h')}) end)
            end
            process.send(process.inbox():receive():from(), 'alive')
            local outcomes = {}
            for _ = 1, 101 do
                local outcome = done:receive()
                local text = if outcome[1] then 'done' else outcome[2]:message()
                outcomes[text] = (outcomes[text] or 0) + 1
            end
            return outcomes
        end",
    );
    let (waits, end) = it.spawn_until_held("app:script");
    assert!(it.answers(&waits), "all of them have been tried");
    it.disk.release_syncs();
    let outcomes = to_json(&ended(&end).unwrap());
    let refused = "at most 100 calls may wait for their audit record at once";
    assert_eq!(outcomes, serde_json::json!({"done": 100, refused: 1}));
    assert_eq!(it.decisions("process.cancel").len(), 100);
}

#[test]
fn what_waiting_calls_hold_is_the_processes_own_memory() {
    let it = Held::running(
        "local security = require('security')
        return function()
            local spawner = process.with_context({}):with_scope(security.scope())
            local text = string.rep('x', 900_000)
            process.send(process.pid(), 'ready')
            process.inbox():receive()
            for _ = 1, 20 do
                coroutine.spawn(function() spawner:spawn('app:echo', 'app:processes', text) end)
            end
            process.events():receive()
        end",
    );
    it.running.log().sync().unwrap();
    let (_, end) = spawn(&it.running, "app:script", Vec::new());
    // The one record until here is of the scope that was put in.
    until(|| it.decisions("process.security").len() == 1);
    it.disk.hold_syncs();
    let failure = refused(ended(&end));
    assert!(failure.message.starts_with("memory limit exceeded"), "{failure:?}");
    it.disk.release_syncs();
}

/// The hook order: at the beginning of each sync, whatever has happened was in the log when the sync before it returned.
#[test]
fn nothing_sensitive_is_ever_done_before_its_record_is_durable() {
    // Few enough that each has a record of its own.
    const ENDERS: usize = 8;
    const EACH: usize = 12;
    let (it, happened) = (Held::new(), Arc::new(AtomicUsize::new(0)));
    it.running.log().sync().unwrap();
    let wrong = Arc::new(Mutex::new(Vec::new()));
    let mut durable = 0;
    let log: PathBuf = it.folder.log_path();
    it.disk.fail({
        let (happened, wrong) = (happened.clone(), wrong.clone());
        move |operation| {
            if operation == Operation::Sync {
                let done = happened.load(Ordering::SeqCst);
                if done > durable {
                    wrong.lock().unwrap().push((done, durable));
                }
                // What is written by now is durable when the next sync begins.
                durable = audit::read(&log)
                    .filter(|line| {
                        let record = &line.as_ref().unwrap().record;
                        record["action"] == "process.terminate" && record["decision"] == "allow"
                    })
                    .count();
            }
            None
        }
    });
    let targets: Vec<Arc<Process>> = (0..ENDERS * EACH)
        .map(|_| {
            let (target, end) = spawn(&it.running, "app:target", Vec::new());
            drop(end);
            target
        })
        .collect();
    std::thread::scope(|scope| {
        for some in targets.chunks(EACH) {
            let (running, happened) = (&it.running, &happened);
            scope.spawn(move || {
                for target in some {
                    let arguments = vec![Value::text(&**target.pid())];
                    let result = running.call(CallRequest { arguments, ..request("app:terminate") });
                    assert_eq!(result, Ok(Value::Boolean(true)));
                    happened.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(*wrong.lock().unwrap(), [], "(done, durable) at the beginning of a sync");
    assert_eq!(happened.load(Ordering::SeqCst), ENDERS * EACH);
    it.heal();
    assert_eq!(it.decisions("process.terminate").len(), ENDERS * EACH);
}
