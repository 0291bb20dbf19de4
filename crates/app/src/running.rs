//! A running node: the app's workers, gate and log, and the app itself as it was last loaded.
//!
//! What it is asked from outside is in files of its own: `call` runs one definition, `supervisor` keeps services,
//! `watch` follows the folder.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use audit::{ArchiveError, AssertedBy, Log};
use diagnostic::Diagnostic;
use policy::{Gate, Kept};
use sandbox::{Runtime, Settings};
use token::{InvalidIssuer, Issuers, system_clock};
use tokio::sync::watch;
use value::{Failure, Kind};

use crate::app::App;
use crate::archive;
use crate::assembly::{Assembly, Supervised};
use crate::identifier::Id;
use crate::identities::Identities;
use crate::manifest::Manifest;
use crate::reload::fixed_at_start;
use crate::status::ServiceStatus;

/// Who starts a node: named by the records of what is loaded.
#[derive(Debug, Clone)]
pub enum StartedBy {
    /// Nobody in particular.
    Host,
    /// This person; callers prove who they are.
    Person(AssertedBy),
    /// This person, who also says who callers from outside are: every record of the run names them.
    Asserting(AssertedBy),
}

impl StartedBy {
    fn person(&self) -> Option<&AssertedBy> {
        match self {
            Self::Host => None,
            Self::Person(person) | Self::Asserting(person) => Some(person),
        }
    }

    fn asserting(&self) -> Option<&AssertedBy> {
        match self {
            Self::Host | Self::Person(_) => None,
            Self::Asserting(person) => Some(person),
        }
    }
}

/// Why an app did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No worker could be started.
    #[error(transparent)]
    Runtime(#[from] sandbox::StartError),
    /// An issuer cannot be used.
    #[error("an issuer cannot be used: {0}")]
    Issuer(#[from] InvalidIssuer),
    /// The policies cannot be kept beside the audit log.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The system gave no thread.
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
}

/// A node that runs an app. Dropping it ends every process at once; [`Running::serve`] ends services in order.
pub struct Running {
    // First, since its threads hold on to the runtime.
    identities: Mutex<Identities>,
    // Then, so that nothing runs any more when the rest is dropped.
    runtime: Arc<Runtime>,
    gate: Arc<Gate>,
    log: Log,
    deployed: Mutex<Arc<Deployed>>,
    pub(crate) statuses: watch::Sender<Vec<ServiceStatus>>,
}

/// The app as it was last loaded, but for what the runtime and the gate hold.
pub(crate) struct Deployed {
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) services: BTreeMap<Id, Arc<Supervised>>,
}

impl Deployed {
    fn new(folder: PathBuf, manifest: Manifest, services: Vec<Supervised>) -> Arc<Self> {
        let named = |service: Supervised| (service.id.clone(), Arc::new(service));
        Arc::new(Self { folder, manifest, services: services.into_iter().map(named).collect() })
    }
}

impl Running {
    pub(crate) fn start(app: App, log: Log, by: &StartedBy) -> Result<Self, StartError> {
        let issuers = Arc::new(app.issuers(system_clock()())?);
        let App { folder, manifest, assembly: Assembly { bundle, mut catalogue, placement, services } } = app;
        catalogue.set_issuers(issuers.clone());
        let digest = bundle.digest().clone();
        let gate = Arc::new(Gate::new(Kept::new(bundle, &log)?, log.clone(), by.person().cloned()));
        archive::keep(&folder, &manifest, &digest);
        let runtime = Runtime::start(Settings {
            workers: placement.workers,
            gate: gate.clone(),
            catalogue,
            hosts: placement.hosts,
            tenants: placement.tenants,
            asserted_by: by.asserting().cloned(),
        })?;
        let runtime = Arc::new(runtime);
        let identities = Identities::keep(issuers, &runtime, &log)?;
        let statuses = services.iter().map(|service| ServiceStatus::idle(&service.id)).collect();
        Ok(Self {
            identities: Mutex::new(identities),
            runtime,
            gate,
            log,
            deployed: Mutex::new(Deployed::new(folder, manifest, services)),
            statuses: watch::Sender::new(statuses),
        })
    }

    /// Runs another version of the app from now on: its scripts and policies, all of them or nothing. What is
    /// checked from here on is decided by the new policies, recorded as a new generation.
    ///
    /// Processes keep the code that they run until they are upgraded or start again, and the scopes by name that
    /// they have. Services keep running; each starts again as the new manifest says.
    ///
    /// # Errors
    /// INVALID: hosts, tenants, their quotas and namespaces, the set of services and what they require, or the audit log are
    /// not as they were at the start, which only a new start can change; or an issuer's file of keys is no longer what was
    /// loaded. UNAVAILABLE: the policies cannot be kept beside the audit log, or the system gives no thread. The refusal is recorded; the version before stays.
    pub fn reload(&self, app: App) -> Result<(), Failure> {
        let issuers = app.issuers_after(&self.issuers()).map_err(|error| {
            self.gate.refuse(&[Diagnostic::error("app.reload", error.to_string())]);
            Failure::invalid(error.to_string())
        })?;
        let App { folder, manifest, assembly: Assembly { bundle, mut catalogue, services, .. } } = app;
        let mut deployed = self.deployed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(changed) = fixed_at_start(&deployed.manifest, &manifest) {
            let message = format!("{changed}: that is read at the start only");
            self.gate.refuse(&[Diagnostic::error("app.reload", message.as_str()).help(START_AGAIN)]);
            return Err(Failure::new(Kind::Invalid, format!("{message}; {START_AGAIN}")));
        }
        let digest = bundle.digest().clone();
        let kept = Kept::new(bundle, &self.log).map_err(|error| {
            self.gate.refuse(&[Diagnostic::error("app.reload", error.to_string())]);
            Failure::new(Kind::Unavailable, error.to_string())
        })?;
        let issuers = Arc::new(issuers);
        let mut identities = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        identities.replace(issuers.clone(), &self.runtime, &self.log).map_err(|error| {
            self.gate.refuse(&[Diagnostic::error("app.reload", error.to_string())]);
            Failure::new(Kind::Unavailable, error.to_string())
        })?;
        drop(identities);
        catalogue.set_issuers(issuers);
        // Policies first: in the moment between, what is new is not found, and what is forbidden already is.
        self.gate.replace(kept);
        self.runtime.replace_catalogue(catalogue);
        // A token may have been accepted by the issuers before until this moment.
        self.identities.lock().unwrap_or_else(PoisonError::into_inner).look();
        archive::keep(&folder, &manifest, &digest);
        *deployed = Deployed::new(folder, manifest, services);
        Ok(())
    }

    /// The runtime.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Whose tokens are accepted.
    pub fn issuers(&self) -> Arc<Issuers> {
        self.identities.lock().unwrap_or_else(PoisonError::into_inner).issuers()
    }

    /// The gate that decides.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// The audit log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// What each service is doing, in the order of the manifest; the receiver sees every later state, though not
    /// each of those that follow each other at once.
    pub fn services(&self) -> watch::Receiver<Vec<ServiceStatus>> {
        self.statuses.subscribe()
    }

    /// The app as it was last loaded.
    pub(crate) fn deployed(&self) -> Arc<Deployed> {
        self.deployed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

const START_AGAIN: &str = "end the node and start it again";
