//! What is sensitive gets no permit before the record of its permission is on the disk, and everything else does at once.

use std::sync::Arc;

use audit::{Log, Mode, Options};
use policy::permission::ALL;
use policy::{
    Asks, AuditRead, Caller, Checked, DefinitionDeploy, DefinitionRead, Gate, LogRead, Namespace, Permission,
    PolicyRead, PolicyWrite, ProcessCancel, ProcessHost, ProcessRead, ProcessSecurity, ProcessTerminate,
    Recorded, Refusal, SecurityAsk, Standing, TenantRead, TenantSuspend, Ticket, TokenRevoke,
};
use serde_json::Value as Json;

use crate::faulty::{EIO, FaultyDisk, Operation};
use crate::world::{PERMIT_ALL, actor, definition, denial, host, kept, process, scope, scopes, sources};

/// A gate whose log is on a disk that does as it is told.
struct Held {
    gate: Gate,
    log: Log,
    disk: FaultyDisk,
    folder: tempfile::TempDir,
}

impl Held {
    fn new(mode: Mode) -> Self {
        let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::healthy());
        let options = Options {
            disk: Arc::new(disk.clone()),
            mode,
            retry: std::time::Duration::ZERO,
            ..Options::new(folder.path().join("log"))
        };
        let log = Log::open(options).unwrap();
        let gate = Gate::new(kept(sources(PERMIT_ALL), &log), log.clone(), None);
        log.sync().unwrap();
        Self { gate, log, disk, folder }
    }

    fn permit_all_but_terminate(&self) {
        let text = "@id(\"test.but\") permit (principal, action, resource) \
                    unless { action == Moonward::Action::\"process.terminate\" };";
        self.gate.replace(kept(sources(text), &self.log));
    }

    /// Action, generation and answer of each decision on record.
    fn decisions(&self) -> Vec<[String; 3]> {
        self.log.sync().unwrap();
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        audit::read(&self.folder.path().join("log"))
            .map(|line| line.unwrap().record)
            .filter(|record| record["kind"] == "decision")
            .map(|record| [&record["action"], &record["generation"], &record["decision"]].map(text))
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

fn granted<A: Asks>(checked: Result<Checked<A>, Refusal>) -> A::Permits {
    match checked {
        Ok(Checked::Granted(permits)) => permits,
        Ok(Checked::Recorded(..)) => panic!("not durable"),
        Err(refusal) => panic!("{refusal}"),
    }
}

fn recorded<A: Asks>(checked: Result<Checked<A>, Refusal>) -> (Standing<A>, Ticket) {
    match checked {
        Ok(Checked::Recorded(standing, ticket)) => (standing, ticket),
        Ok(Checked::Granted(_)) => panic!("granted at once"),
        Err(refusal) => panic!("{refusal}"),
    }
}

fn terminate() -> ProcessTerminate {
    ProcessTerminate { target: process("p2", &actor("acme/user/bob")) }
}

fn cancel(deadline_ms: Option<u64>) -> ProcessCancel {
    ProcessCancel { target: process("p2", &actor("acme/user/bob")), deadline_ms }
}

#[test]
fn each_sensitive_permission_is_had_once_its_record_is_durable_and_not_before() {
    fn once_durable<P: Permission + Clone>(request: P) -> &'static str {
        let it = Held::new(Mode::Strict);
        let (operator, held) = (actor("system/operator/root"), scopes());
        let caller = Caller::outside(&operator, &held);
        it.disk.hold_syncs();
        assert!(it.gate.is_sensitive(&request));
        let (standing, ticket) = recorded(it.gate.operation().try_check(&caller, request));
        let (standing, _) = recorded(it.gate.operation().renew(&caller, standing));
        assert!(it.gate.awaits(ticket));
        it.disk.release_syncs();
        it.log.wait(ticket).unwrap();
        assert!(!it.gate.awaits(ticket));
        let _permit = granted(it.gate.operation().renew(&caller, standing));
        assert_eq!(it.decisions(), [[P::SPEC.action, "1", "allow"]], "asked three times, recorded once");
        P::SPEC.action
    }
    let operator = actor("system/operator/root");
    let (own, target) = (operator.tenant().clone(), process("p2", &operator));
    let definition = definition(&own);
    let seen = [
        once_durable(ProcessTerminate { target: target.clone() }),
        once_durable(ProcessCancel { target: target.clone(), deadline_ms: Some(1) }),
        once_durable(ProcessSecurity { ask: SecurityAsk::Scope(scope()) }),
        once_durable(DefinitionDeploy { namespace: Namespace::new(definition.namespace(), &own).unwrap() }),
        once_durable(DefinitionRead { definition }),
        once_durable(ProcessRead { process: target }),
        once_durable(LogRead { tenant: own.clone() }),
        once_durable(AuditRead { tenant: own.clone() }),
        once_durable(PolicyRead { tenant: own.clone() }),
        once_durable(PolicyWrite { tenant: own.clone() }),
        once_durable(TenantRead { tenant: own.clone() }),
        once_durable(TenantSuspend { tenant: own.clone() }),
        once_durable(TokenRevoke { tenant: own }),
    ];
    let sensitive = ALL.iter().filter(|spec| spec.recorded != Recorded::Asked).map(|spec| spec.action);
    assert_eq!(seen.to_vec(), sensitive.collect::<Vec<_>>());
}

#[test]
fn what_is_not_sensitive_waits_for_no_disk_even_when_it_is_recorded() {
    let audited = "@id(\"test.audited\") @audit(\"always\") permit (principal, action, resource);";
    let it = Held::new(Mode::Strict);
    it.gate.replace(kept(sources(audited), &it.log));
    it.disk.hold_syncs();
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = Caller::outside(&bob, &held);
    let _permits =
        granted(it.gate.operation().try_check(&caller, (ProcessHost { host: host() }, cancel(None))));
    it.disk.release_syncs();
    assert_eq!(it.decisions().len(), 2);
}

#[test]
fn of_several_asks_each_is_recorded_once_and_all_permits_wait_for_the_last_record() {
    let it = Held::new(Mode::Strict);
    it.disk.hold_syncs();
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = Caller::outside(&bob, &held);
    let asks = (ProcessHost { host: host() }, vec![terminate(), terminate()], Some(cancel(Some(5))));
    let (standing, ticket) = recorded(it.gate.operation().try_check(&caller, asks));
    it.disk.release_syncs();
    it.log.wait(ticket).unwrap();
    let (_, terminations, deadline) = granted(it.gate.operation().renew(&caller, standing));
    assert_eq!((terminations.len(), deadline.is_some()), (2, true));
    let allowed = |action: &str| [action, "1", "allow"].map(str::to_owned);
    let [end, cancel] = ["process.terminate", "process.cancel"].map(allowed);
    let decisions = it.decisions().into_iter().filter(|[action, ..]| action != "process.host");
    assert_eq!(decisions.collect::<Vec<_>>(), [end.clone(), end, cancel]);
}

#[test]
fn a_denial_among_sensitive_asks_is_told_at_once() {
    let it = Held::new(Mode::Strict);
    it.permit_all_but_terminate();
    it.disk.hold_syncs();
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = Caller::outside(&bob, &held);
    let checked = it.gate.operation().try_check(&caller, (cancel(Some(5)), terminate()));
    assert_eq!(denial(checked).action, "process.terminate");
    it.disk.release_syncs();
}

#[test]
fn policies_that_change_meanwhile_decide_and_the_new_answer_waits_for_its_own_record() {
    let it = Held::new(Mode::Strict);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = Caller::outside(&bob, &held);
    let (standing, first) = recorded_while_held(&it, &caller);
    it.gate.replace(kept(sources(PERMIT_ALL), &it.log));
    let (standing, second) = recorded(it.gate.operation().renew(&caller, standing));
    assert!(second > first);
    it.permit_all_but_terminate();
    let refused = it.gate.operation().renew(&caller, standing);
    let denial = denial(refused);
    it.disk.release_syncs();
    assert_eq!(denial.action, "process.terminate");
    let of = |generation: &str, answer: &str| ["process.terminate", generation, answer].map(str::to_owned);
    assert_eq!(it.decisions(), [of("1", "allow"), of("2", "allow"), of("3", "deny")]);
}

fn recorded_while_held(it: &Held, caller: &Caller<'_>) -> (Standing<ProcessTerminate>, Ticket) {
    it.disk.hold_syncs();
    recorded(it.gate.operation().try_check(caller, terminate()))
}

#[test]
fn an_outage_before_the_record_is_durable_gives_no_permit() {
    let it = Held::new(Mode::Strict);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = Caller::outside(&bob, &held);
    let (standing, ticket) = recorded_while_held(&it, &caller);
    it.disk.fail(|operation| (operation == Operation::Sync).then_some(EIO));
    it.disk.release_syncs();
    it.log.wait(ticket).unwrap_err();
    assert!(!it.gate.awaits(ticket), "who waits is to be told");
    let refused = it.gate.operation().renew(&caller, standing);
    assert!(matches!(refused, Err(Refusal::Unavailable)));
    assert!(matches!(it.gate.operation().check(&caller, terminate()), Err(Refusal::Unavailable)));

    it.disk.heal();
    while !it.log.writable() {
        std::thread::yield_now();
    }
    assert_eq!(it.decisions().len(), 1, "allowed, on record, and not done");
}

#[test]
fn a_check_that_waits_gives_the_permit_with_the_record_on_the_disk() {
    let it = Held::new(Mode::Strict);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = Caller::outside(&bob, &held);
    let _permit = it.gate.operation().check(&caller, terminate()).unwrap();
    let lines = audit::read(&it.folder.path().join("log"));
    assert_eq!(lines.filter(|line| line.as_ref().unwrap().record["kind"] == "decision").count(), 1);

    it.disk.fail(|operation| (operation == Operation::Sync).then_some(EIO));
    assert_eq!(it.gate.operation().check(&caller, terminate()).unwrap_err(), Refusal::Unavailable);
}

#[test]
fn a_best_effort_log_holds_nothing_up() {
    let it = Held::new(Mode::BestEffort);
    it.disk.hold_syncs();
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = Caller::outside(&bob, &held);
    assert!(!it.gate.is_sensitive(&terminate()));
    let _permit = granted(it.gate.operation().try_check(&caller, terminate()));
    it.disk.release_syncs();
}
