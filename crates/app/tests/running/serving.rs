//! Services: started in order, started again, given up, ended in reverse order. Waits pass at once: the clock of the
//! supervisor is paused, and moves on whenever nobody has anything else to do.

use std::future::pending;

use app::{Running, ServeOptions, ServeOutcome, ServiceState, ServiceStatus};
use serde_json::json;

use crate::support::{Folder, records};

/// Waits for ever.
const PARKED: &str = "return function() process.inbox():receive() end";

/// Returns when it is asked to end, and leaves a name behind in the log.
const OBEDIENT: &str = "return function(name)
    process.events():receive()
    process.registry.register(name)
end";

/// Records that something was started or named.
const RECORDED: &str = "@id(\"recorded\") @audit(\"always\") permit (principal, action, resource)
    when { action in [Moonward::Action::\"process.spawn\", Moonward::Action::\"registry\"] };";

async fn until_over(running: &mut Running) -> ServeOutcome {
    running.serve(ServeOptions::default(), pending()).await
}

/// Ends when every service runs.
async fn all_run(running: &Running) -> impl Future<Output = ()> + use<> {
    let mut services = running.services();
    async move {
        let run =
            |services: &Vec<ServiceStatus>| services.iter().all(|one| one.state == ServiceState::Running);
        services.wait_for(run).await.unwrap();
    }
}

fn states(running: &Running) -> Vec<(String, ServiceState)> {
    running.services().borrow().iter().map(|service| (service.id.clone(), service.state)).collect()
}

fn expected(states: &[(&str, ServiceState)]) -> Vec<(String, ServiceState)> {
    states.iter().map(|(id, state)| ((*id).to_owned(), *state)).collect()
}

/// What decisions were about, in order.
fn resources(running: &Running) -> Vec<String> {
    let id = |record: &serde_json::Value| record["resource"]["id"].as_str().unwrap().to_owned();
    records(running, "decision").iter().map(id).collect()
}

#[tokio::test(start_paused = true)]
async fn without_services_there_is_nothing_to_wait_for() {
    let folder = Folder::new("", &[]);
    let mut running = folder.start();
    assert_eq!(until_over(&mut running).await, ServeOutcome::default());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_returns_is_done() {
    let folder = Folder::new(
        "  - {name: once, kind: process.service, process: one, lifecycle: {auto_start: true}}
  - {name: one, kind: process.lua, source: 'return function() end'}
",
        &[],
    );
    let mut running = folder.start();
    assert_eq!(until_over(&mut running).await, ServeOutcome::default());
    assert_eq!(states(&running), expected(&[("app:once", ServiceState::Returned)]));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_starts_again_until_it_is_given_up_and_takes_its_dependants_with_it() {
    let folder = Folder::new(
        "  - {name: broken, kind: process.service, process: fails, lifecycle: {auto_start: true,
      restart: {initial_delay: 10s, max_delay: 1h, max_attempts: 3}}}
  - {name: needy, kind: process.service, process: waits, lifecycle: {auto_start: true, requires: [broken]}}
  - {name: apart, kind: process.service, process: fine, lifecycle: {auto_start: true}}
  - {name: fails, kind: process.lua, source: 'return function() error(\"no \\e[31mledger\") end'}
  - {name: waits, kind: process.lua, source: file://waits.lua}
  - {name: fine, kind: process.lua, source: 'return function() end'}
",
        &[("waits.lua", PARKED), ("all.cedar", RECORDED), ("host.cedar", "")],
    );
    folder.write(
        "all.cedar",
        &format!("{RECORDED}\n@id(\"rest\") permit (principal, action == Moonward::Action::\"process.host\", resource);"),
    );
    let mut running = folder.start();
    assert_eq!(until_over(&mut running).await, ServeOutcome { failed: vec!["app:broken".to_owned()] });
    assert_eq!(
        states(&running),
        expected(&[
            ("app:broken", ServiceState::Failed),
            ("app:needy", ServiceState::Stopped),
            ("app:apart", ServiceState::Returned),
        ])
    );
    let starts = resources(&running);
    assert_eq!(starts.iter().filter(|id| *id == "app:fails").count(), 4);
    assert_eq!(starts.iter().filter(|id| *id == "app:waits").count(), 1);

    let given_up = records(&running, "service");
    let [record] = given_up.as_slice() else { panic!("{given_up:?}") };
    assert_eq!((&record["tenant"], &record["actor"]), (&json!("default"), &json!("default/service/broken")));
    let detail = &record["detail"];
    assert_eq!(
        (&detail["service"], &detail["state"], &detail["restarts"]),
        (&json!("app:broken"), &json!("failed"), &json!(3))
    );
    let status = running.services().borrow()[0].clone();
    let error = status.error.unwrap();
    assert!(error.contains("ledger") && !error.contains('\u{1b}'), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_denied_start_is_a_failure_that_names_its_record() {
    let folder = Folder::new(
        "  - {name: refused, kind: process.service, process: one, security: {actor: {id: default/service/x}, scopes: []},
      lifecycle: {auto_start: true, restart: {max_attempts: 1}}}
  - {name: one, kind: process.lua, source: 'return function() end'}
",
        &[],
    );
    let mut running = folder.start();
    assert_eq!(until_over(&mut running).await.failed, ["app:refused"]);
    let denials = records(&running, "decision");
    assert_eq!(denials.len(), 2);
    assert_eq!(
        (&denials[0]["actor"], &denials[0]["context"]["via"]),
        (&json!("default/service/x"), &json!("service"))
    );
    assert_eq!(records(&running, "service")[0]["detail"]["record"], denials[1]["id"]);
}

#[tokio::test(start_paused = true)]
async fn requirements_start_first_and_end_last() {
    let folder = Folder::new(
        "  - {name: top, kind: process.service, process: obedient, input: top, lifecycle: {auto_start: true, requires: [middle]}}
  - {name: middle, kind: process.service, process: obedient, input: middle, lifecycle: {requires: [bottom]}}
  - {name: bottom, kind: process.service, process: obedient, input: bottom}
  - {name: obedient, kind: process.lua, source: file://obedient.lua}
",
        &[("obedient.lua", OBEDIENT)],
    );
    folder.write(
        "all.cedar",
        &format!("{RECORDED}\n@id(\"rest\") permit (principal, action == Moonward::Action::\"process.host\", resource);"),
    );
    let mut running = folder.start();
    let drain = all_run(&running).await;
    assert_eq!(running.serve(ServeOptions::default(), drain).await, ServeOutcome::default());
    let decisions = records(&running, "decision");
    // Beside what is recorded each time there is the first of whatever else was allowed.
    let asked = decisions.iter().filter(|record| record["because"] != "first");
    let actors: Vec<&str> = asked.map(|record| record["actor"].as_str().unwrap()).collect();
    let (starts, ends) = actors.split_at(3);
    let names = |names: [&str; 3]| names.map(|name| format!("default/service/{name}"));
    assert_eq!(starts, names(["bottom", "middle", "top"]));
    assert_eq!(ends, names(["top", "middle", "bottom"]));
    assert!(states(&running).iter().all(|(_, state)| *state == ServiceState::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_end_when_asked_to_is_ended() {
    let folder = Folder::new(
        "  - {name: deaf, kind: process.service, process: one, lifecycle: {auto_start: true, stop_timeout: 20ms}}
  - {name: one, kind: process.lua, source: file://one.lua}
",
        &[("one.lua", PARKED)],
    );
    let mut running = folder.start();
    let drain = all_run(&running).await;
    assert_eq!(running.serve(ServeOptions::default(), drain).await, ServeOutcome::default());
    assert_eq!(states(&running), expected(&[("app:deaf", ServiceState::Stopped)]));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_somebody_terminates_does_not_start_again() {
    let folder = Folder::new(
        "  - {name: victim, kind: process.service, process: parked, lifecycle: {auto_start: true}}
  - {name: killer, kind: process.service, process: kills, lifecycle: {auto_start: true, requires: [victim]}}
  - {name: parked, kind: process.lua, source: file://parked.lua}
  - {name: kills, kind: process.lua, source: file://kills.lua, modules: [time]}
",
        &[
            (
                "parked.lua",
                "return function() process.registry.register(\"victim\") process.inbox():receive() end",
            ),
            (
                "kills.lua",
                "local time = require(\"time\")
                 return function()
                     while not process.terminate(\"victim\") do time.sleep(\"1ms\") end
                 end",
            ),
        ],
    );
    let mut running = folder.start();
    assert_eq!(until_over(&mut running).await, ServeOutcome::default());
    assert_eq!(
        states(&running),
        expected(&[("app:victim", ServiceState::Terminated), ("app:killer", ServiceState::Returned)])
    );
}

#[tokio::test(start_paused = true)]
async fn services_end_when_nobody_keeps_them_any_more() {
    let folder = Folder::new(
        "  - {name: parked, kind: process.service, process: one, lifecycle: {auto_start: true}}
  - {name: one, kind: process.lua, source: file://one.lua}
  - {name: waits, kind: process.lua, source: file://waits.lua, modules: [time]}
",
        &[
            (
                "one.lua",
                "return function() process.registry.register(\"parked\") process.inbox():receive() end",
            ),
            (
                "waits.lua",
                "local time = require(\"time\")
                 return function() while process.registry.lookup(\"parked\") do time.sleep(\"1ms\") end end",
            ),
        ],
    );
    let mut running = folder.start();
    let all = all_run(&running).await;
    tokio::select! {
        biased;
        () = all => {}
        _ = until_over(&mut running) => panic!("a parked service does not end"),
    }
    crate::support::call(&running, "app:waits").unwrap();
}
