//! The supervisor: starts services in order, starts them again when they fail, and ends them in reverse order.
//!
//! Who is next is decided by the `roster`; here it is done, told to whoever looks on, and recorded. It runs on one
//! task of whoever calls [`Running::serve`]; what a service does is not known here.

mod exit;
mod permits;
mod roster;

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use audit::{Event, EventKind};
use diagnostic::visible;
use policy::Process;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use value::Failure;

use crate::assembly::Supervised;
use crate::identifier::Id;
use crate::manifest::Service;
use crate::running::Running;
use crate::status::{ServiceState, ServiceStatus};
use crate::watch::{self, Report};
use exit::Exit;
use roster::{Act, Duty, End, Outcome, Roster, Terms};

/// How services are kept.
#[derive(Default)]
pub struct ServeOptions {
    /// Whether changes of the app's folder are followed: another version of its scripts and policies is loaded and,
    /// when nothing is wrong with it, runs from then on. Processes that run keep their code; a service runs the new
    /// one when it starts again.
    pub watch: bool,
    /// Told of each version that was loaded or refused, on the task of [`Running::serve`]; without it the log is.
    pub on_reload: Option<Report>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServeOutcome {
    /// Ids of the services that failed more often than they may, in the order of the manifest. Those that were ended
    /// because they need one of them are not among them.
    pub failed: Vec<String>,
}

impl Running {
    /// Keeps the app's services: starts those that start by themselves, what they require first; starts one that
    /// failed again, after a while; ends what requires one that failed too often. Returns when no service is left.
    ///
    /// When `drain` is ready, every service is asked to end, those first that others do not require, and is ended at
    /// its `stop_timeout`; it returns when they have. Dropping the future ends every service at once.
    ///
    /// Each change is a `tracing` event with the target `service`; a service that is given up is recorded.
    pub async fn serve(&mut self, options: ServeOptions, drain: impl Future<Output = ()>) -> ServeOutcome {
        let running = &*self;
        let served = Supervisor::new(running).run(drain);
        if !options.watch {
            return served.await;
        }
        tokio::select! {
            outcome = served => outcome,
            never = watch::follow(running, options.on_reload) => match never {},
        }
    }
}

struct Supervisor<'a> {
    running: &'a Running,
    /// In the order of the manifest, which is that of the roster.
    services: Vec<Kept>,
    roster: Roster,
    exits: mpsc::Sender<Exit>,
    ended: mpsc::Receiver<Exit>,
    began: Instant,
}

/// A service, its process and its last failure.
struct Kept {
    id: Id,
    process: Option<Arc<Process>>,
    error: Option<String>,
}

impl<'a> Supervisor<'a> {
    fn new(running: &'a Running) -> Self {
        let services = &running.deployed().manifest.services;
        // A service has one process, and starts again only after the end of the last was read.
        let (exits, ended) = mpsc::channel(services.len().max(1));
        let kept = |service: &Service| Kept { id: service.id.clone(), process: None, error: None };
        Self {
            running,
            services: services.iter().map(kept).collect(),
            roster: Roster::new(terms(services)),
            exits,
            ended,
            began: Instant::now(),
        }
    }

    async fn run(mut self, drain: impl Future<Output = ()>) -> ServeOutcome {
        let mut drain = pin!(drain);
        let mut draining = false;
        loop {
            self.act();
            self.publish();
            if self.roster.is_over() {
                return self.outcome();
            }
            let next_start = self.roster.next_start().map(|time| self.began + time);
            let start = async {
                match next_start {
                    Some(time) => sleep_until(time).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                Some(exit) = self.ended.recv() => self.end(exit),
                () = start => {}
                () = &mut drain, if !draining => {
                    draining = true;
                    tracing::info!(target: "service", "draining: every service is asked to end");
                    self.roster.drain();
                }
            }
        }
    }

    /// Does what is to be done at this moment.
    fn act(&mut self) {
        let now = self.began.elapsed();
        while let Some(act) = self.roster.next(now) {
            match act {
                Act::Start(index) => self.start(index, now),
                Act::Stop(index) => self.stop(index),
            }
        }
    }

    fn start(&mut self, index: usize, now: Duration) {
        let Some(service) = self.service(index) else {
            // A reload never drops a service; should one, it is not there to be started.
            return self.fail(index, &Failure::not_found("the service is no longer declared"), now);
        };
        match self.running.runtime().spawn(service.request(), Exit::hook(index, self.exits.clone())) {
            Ok(process) => {
                tracing::info!(target: "service", service = %service.id, pid = %process.pid(), "running");
                self.roster.started(index, now);
                if let Some(kept) = self.services.get_mut(index) {
                    kept.process = Some(process);
                }
            }
            Err(failure) => {
                let first = self.roster.restarts(index) == 0;
                self.fail(index, &failure, now);
                if failure.record.is_some() && first {
                    let help = permits::help(&service);
                    tracing::warn!(target: "service", service = %service.id, "its start is denied");
                    // A line each, since a log line is one line whatever is in it.
                    for line in help.lines() {
                        tracing::warn!(target: "service", "help: {line}");
                    }
                }
            }
        }
    }

    fn stop(&mut self, index: usize) {
        let timeout = self.service(index).map_or(Duration::ZERO, |service| service.stop_timeout);
        self.roster.stopping(index);
        if let Some(Kept { id, process: Some(process), .. }) = self.services.get(index) {
            tracing::info!(target: "service", service = %id, ?timeout, "asked to end");
            self.running.runtime().stop_process(process, timeout);
        }
    }

    /// A process of a service ended.
    fn end(&mut self, exit: Exit) {
        let now = self.began.elapsed();
        let Some(kept) = self.services.get_mut(exit.index) else { return };
        kept.process = None;
        match (exit.outcome(), exit.failure) {
            (Outcome::Failed, Some(failure)) => self.fail(exit.index, &failure, now),
            (outcome, _) => {
                let duty = self.roster.ended(exit.index, outcome, now, 0.0);
                if let Some(Kept { id, .. }) = self.services.get(exit.index) {
                    tracing::info!(target: "service", service = %id, "{}", state(duty).text());
                }
            }
        }
    }

    /// A run of a service failed, or could not begin.
    fn fail(&mut self, index: usize, failure: &Failure, now: Duration) {
        let restarts = self.roster.restarts(index);
        let duty = self.roster.ended(index, Outcome::Failed, now, chance());
        let Some(kept) = self.services.get_mut(index) else { return };
        let error = visible(&failure.to_string());
        kept.error = Some(error.clone());
        let id = &kept.id;
        match duty {
            Duty::Due(time) => {
                let wait =
                    humantime::format_duration(Duration::from_millis(millis(time.saturating_sub(now))));
                tracing::warn!(target: "service", service = %id, error, "failed, starts again in {wait}");
            }
            Duty::Over(End::Failed) => {
                tracing::error!(target: "service", service = %id, error, restarts, "failed, given up");
                self.record(index, failure, restarts);
            }
            _ => tracing::info!(target: "service", service = %id, error, "{}", state(duty).text()),
        }
    }

    /// Records that a service was given up.
    fn record(&self, index: usize, failure: &Failure, restarts: u32) {
        let Some(service) = self.service(index) else { return };
        let mut event = Event {
            tenant: Some(service.actor.tenant().text().clone()),
            actor: Some(service.actor.id().clone()),
            ..Event::new(EventKind::Service)
                .with("service", service.id.as_str())
                .with("state", ServiceState::Failed.text())
                .with("kind", failure.kind.name())
                .with("error", failure.to_string())
                .with("restarts", restarts)
        };
        if let Some(record) = &failure.record {
            event = event.with("record", record.as_str());
        }
        if let Err(error) = self.running.log().accept(event.into()) {
            tracing::error!(target: "service", service = %service.id, %error, "the failure is not recorded");
        }
    }

    /// The service as it was last loaded.
    fn service(&self, index: usize) -> Option<Arc<Supervised>> {
        self.running.deployed().services.get(&self.services.get(index)?.id).cloned()
    }

    /// Tells those who look on.
    fn publish(&self) {
        let statuses: Vec<ServiceStatus> = self
            .services
            .iter()
            .enumerate()
            .map(|(index, kept)| ServiceStatus {
                id: kept.id.to_string(),
                state: state(self.roster.duty(index)),
                pid: kept.process.as_ref().map(|process| process.pid().to_string()),
                restarts: self.roster.restarts(index),
                error: kept.error.clone(),
            })
            .collect();
        self.running.statuses.send_if_modified(|published| {
            let changed = *published != statuses;
            *published = statuses;
            changed
        });
    }

    fn outcome(&self) -> ServeOutcome {
        let failed = |(index, _): &(usize, &Kept)| self.roster.duty(*index) == Duty::Over(End::Failed);
        let services = self.services.iter().enumerate().filter(failed);
        ServeOutcome { failed: services.map(|(_, kept)| kept.id.to_string()).collect() }
    }
}

impl Drop for Supervisor<'_> {
    fn drop(&mut self) {
        for process in self.services.iter().filter_map(|kept| kept.process.as_ref()) {
            self.running.runtime().kill_process(process);
        }
    }
}

fn terms(services: &[Service]) -> Vec<Terms> {
    let places: BTreeMap<&Id, usize> =
        services.iter().enumerate().map(|(index, service)| (&service.id, index)).collect();
    let terms = |service: &Service| Terms {
        requires: service.requires.iter().filter_map(|id| places.get(&id.value).copied()).collect(),
        auto_start: service.auto_start,
        restart: service.restart.clone(),
        stable_threshold: service.stable_threshold,
    };
    services.iter().map(terms).collect()
}

fn state(duty: Duty) -> ServiceState {
    match duty {
        Duty::Idle => ServiceState::Idle,
        Duty::Due(_) => ServiceState::Starting,
        Duty::Running(_) => ServiceState::Running,
        Duty::Stopping => ServiceState::Stopping,
        Duty::Over(End::Returned) => ServiceState::Returned,
        Duty::Over(End::Terminated) => ServiceState::Terminated,
        Duty::Over(End::Failed) => ServiceState::Failed,
        Duty::Over(End::Stopped) => ServiceState::Stopped,
    }
}

/// From 0 to 1. Nothing but the moment of a restart hangs on it, so that the standard library's keys will do.
fn chance() -> f64 {
    f64::from((RandomState::new().hash_one(()) >> 32) as u32) / f64::from(u32::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
