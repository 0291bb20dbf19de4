//! A node for a measurement: an embedded app, running with its log in a temporary folder.

use std::path::Path;

use app::{CallFailure, CallRequest, Running, StartedBy};
use audit::Log;
use policy::{Actor, ActorKind, TenantId, Via};
use sandbox::StartRequest;
use tempfile::TempDir;
use value::{Failure, Value};

use crate::embedded::{self, File};
use crate::fault::Fault;
use crate::opening;
use crate::print::Printer;

/// A running app that is gone when this is.
pub(super) struct BenchNode {
    // Dropped in this order: what runs, what it records, where that is.
    running: Running,
    log: Log,
    _folder: TempDir,
}

impl BenchNode {
    /// Starts the app that these files are.
    ///
    /// # Errors
    /// No temporary folder, or the app does not start.
    pub(super) fn start(files: &[File<'_>], printer: &Printer) -> Result<Self, Fault> {
        let folder = TempDir::with_prefix("moonward-bench-").and_then(|folder| {
            embedded::write(folder.path(), files)?;
            Ok(folder)
        });
        let folder = folder.map_err(|error| Fault::failed(format!("no temporary folder: {error}")))?;
        let app = opening::load(folder.path(), printer)?;
        let log = opening::open_log(&app, None)?;
        let running = app.start(log.clone(), &StartedBy::Host)?;
        Ok(Self { running, log, _folder: folder })
    }

    /// Runs a definition to its end.
    ///
    /// # Errors
    /// It ended with an error.
    pub(super) fn call(&self, definition: &str, argument: Value) -> Result<Value, Fault> {
        let request = CallRequest {
            definition: definition.to_owned(),
            host: None,
            actor: None,
            scopes: Vec::new(),
            token: None,
            arguments: vec![argument],
            timeout: None,
            via: Via::Cli,
        };
        self.running.call(request).map_err(|failure| match failure {
            CallFailure::Denied(failure) | CallFailure::Failed(failure) => failed(definition, &failure),
            other => Fault::failed(format!("`{definition}` gave no result: {other}")),
        })
    }

    /// Starts a definition as its tenant's `user/cli`; `on_exit` hears how it ended.
    ///
    /// # Errors
    /// It was not started.
    pub(super) fn spawn(
        &self,
        tenant: &str,
        definition: &str,
        on_exit: impl FnOnce(Option<String>) + Send + 'static,
    ) -> Result<std::sync::Arc<policy::Process>, Fault> {
        let unusable = |error: policy::InvalidIdentity| Fault::failed(error.to_string());
        let tenant = TenantId::new(tenant).map_err(unusable)?;
        let actor = Actor::new(&tenant, ActorKind::User, "cli").map_err(unusable)?;
        let runtime = self.running.runtime();
        let request = StartRequest {
            definition: definition.to_owned(),
            host: "app:processes".to_owned(),
            actor: actor.into(),
            scopes: runtime.catalogue().default_scopes(&tenant),
            arguments: Vec::new(),
            via: Via::Cli,
        };
        let hook = Box::new(move |result: &Result<Value, Failure>| {
            on_exit(result.as_ref().err().map(ToString::to_string));
        });
        runtime.spawn(request, hook).map_err(|failure| failed(definition, &failure))
    }

    /// Ends a process at once.
    pub(super) fn kill(&self, process: &policy::Process) {
        self.running.runtime().kill_process(process);
    }

    /// Ends everything; what was recorded is written first, so that a full disk is not measured as speed.
    ///
    /// # Errors
    /// Something recorded is not durable.
    pub(super) fn stop(self) -> Result<(), Fault> {
        self.stop_and_read(|_| ())
    }

    /// The same; `read` then looks at the log's folder, which is gone after that.
    ///
    /// # Errors
    /// Something recorded is not durable.
    pub(super) fn stop_and_read<T>(self, read: impl FnOnce(&Path) -> T) -> Result<T, Fault> {
        drop(self.running);
        self.log.close()?;
        Ok(read(self.log.folder()))
    }
}

fn failed(definition: &str, failure: &Failure) -> Fault {
    Fault::failed(format!("`{definition}` failed: {}: {failure}", failure.kind.name()))
}
