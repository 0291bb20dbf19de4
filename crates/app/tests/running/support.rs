//! A folder with an app in it, and a node that runs it.

use std::path::{Path, PathBuf};

use app::{App, CallFailure, CallRequest, Running, StartedBy};
use audit::{Log, Options};
use diagnostic::{Diagnostic, render};
use policy::Via;
use serde_json::Value as Json;
use tempfile::TempDir;
use value::{Failure, Value};

/// Permits everything that a tenant may ever be permitted.
pub(crate) const PERMIT_ALL: &str = "@id(\"all\") permit (principal, action, resource);";

/// An app's folder, and the folder of its log beside it.
pub(crate) struct Folder {
    root: TempDir,
}

impl Folder {
    /// A folder with these entries in its manifest and these other files. Every app has the scope `app:all`, which
    /// permits everything.
    pub(crate) fn new(entries: &str, files: &[(&str, &str)]) -> Self {
        let folder = Self { root: tempfile::tempdir().unwrap() };
        std::fs::create_dir(folder.path()).unwrap();
        folder.write("all.cedar", PERMIT_ALL);
        folder.entries(entries);
        files.iter().for_each(|(path, text)| folder.write(path, text));
        folder
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("app")
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.root.path().join("log")
    }

    /// Writes a file, by writing it elsewhere and renaming it over whatever is there.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let (new, place) = (self.root.path().join("new"), self.path().join(path));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, place).unwrap();
    }

    /// Writes the manifest.
    pub(crate) fn entries(&self, entries: &str) {
        let scope = "  - {name: all, kind: security.scope, policies: [file://all.cedar]}\n";
        self.write("_index.yaml", &format!("version: \"1.0\"\nnamespace: app\nentries:\n{scope}{entries}"));
    }

    pub(crate) fn load(&self) -> App {
        load(&self.path())
    }

    /// Everything that is wrong, rendered.
    pub(crate) fn errors(&self) -> String {
        rendered(&App::load(&self.path()).unwrap_err())
    }

    pub(crate) fn start(&self) -> Running {
        self.start_with(|_| {})
    }

    /// A node whose log is opened with other options.
    pub(crate) fn start_with(&self, change: impl FnOnce(&mut Options)) -> Running {
        let app = self.load();
        let mut options = app.log_options(Some(&self.log_path()));
        change(&mut options);
        app.start(Log::open(options).unwrap(), &StartedBy::Host).unwrap()
    }
}

pub(crate) fn load(path: &Path) -> App {
    App::load(path).unwrap_or_else(|found| panic!("{}", rendered(&found))).0
}

pub(crate) fn rendered(found: &[Diagnostic]) -> String {
    found.iter().map(render).collect()
}

/// A call of a definition by nobody in particular.
pub(crate) fn request(definition: &str) -> CallRequest {
    CallRequest {
        definition: definition.to_owned(),
        host: None,
        actor: None,
        scopes: Vec::new(),
        token: None,
        arguments: Vec::new(),
        timeout: None,
        via: Via::Cli,
    }
}

pub(crate) fn call(running: &Running, definition: &str) -> Result<Value, CallFailure> {
    running.call(request(definition))
}

pub(crate) fn denied(result: Result<Value, CallFailure>) -> Failure {
    match result {
        Err(CallFailure::Denied(failure)) => failure,
        other => panic!("not denied: {other:?}"),
    }
}

pub(crate) fn failed(result: Result<Value, CallFailure>) -> Failure {
    match result {
        Err(CallFailure::Failed(failure)) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

pub(crate) fn usage(result: Result<Value, CallFailure>) -> String {
    match result {
        Err(CallFailure::Usage(message)) => message,
        other => panic!("not refused as usage: {other:?}"),
    }
}

/// Every record of this kind so far, in order.
pub(crate) fn records(running: &Running, kind: &str) -> Vec<Json> {
    running.log().sync().unwrap();
    let records = audit::read(running.log().folder()).map(|line| line.unwrap().record);
    records.filter(|record| record["kind"] == kind).collect()
}
