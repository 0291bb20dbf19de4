//! Two tenants, their processes, and a gate with a log of its own.

use std::sync::Arc;

use diagnostic::{Diagnostic, Source};
use policy::{
    Actor, Asks, Bundle, BundleSources, Caller, Definition, Denial, Gate, Host, Kept, Place, Process,
    Refusal, Scope, ScopeSet, ScopeSources, Tenant, TenantId,
};
use serde_json::Value as Json;

/// A gate, its log, and where that is.
pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) log: audit::Log,
    folder: tempfile::TempDir,
}

impl World {
    /// A world in which the scope `system.test:scope` of the operator holds these permits.
    pub(crate) fn permitting(permits: &str) -> Self {
        Self::of(sources(permits))
    }

    /// A world with these sources.
    pub(crate) fn of(sources: BundleSources) -> Self {
        Self::redacting(sources, &[])
    }

    /// The same with a log that does not keep what is at these paths.
    pub(crate) fn redacting(sources: BundleSources, paths: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let redact = audit::Redaction::of(paths.iter().copied()).unwrap();
        let options = audit::Options { redact, ..audit::Options::new(folder.path().join("log")) };
        let log = audit::Log::open(options).unwrap();
        Self { gate: Gate::new(kept(sources, &log), log.clone(), None), log, folder }
    }

    /// Decides by these sources from now on.
    pub(crate) fn replace(&self, sources: BundleSources) -> u64 {
        self.gate.replace(kept(sources, &self.log))
    }

    /// The folder of the log.
    pub(crate) fn log_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }

    /// Every record so far, in order.
    pub(crate) fn records(&self) -> Vec<Json> {
        self.log.sync().unwrap();
        audit::read(&self.folder.path().join("log")).map(|line| line.unwrap().record).collect()
    }

    /// The records of a log that has ended.
    pub(crate) fn all_records(self) -> Vec<Json> {
        self.log.close().unwrap();
        audit::read(&self.folder.path().join("log")).map(|line| line.unwrap().record).collect()
    }

    /// Bytes of the log on the disk.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.log.sync().unwrap();
        let files = std::fs::read_dir(self.folder.path().join("log")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }

    /// The records of decisions so far, but for those that are there only because they were the first of their class.
    pub(crate) fn decisions(&self) -> Vec<Json> {
        let decisions = self.records().into_iter().filter(|record| record["kind"] == "decision");
        decisions.filter(|record| record["because"] != "first").collect()
    }

    /// The decisions that are recorded because they were the first of their class.
    pub(crate) fn firsts(&self) -> Vec<Json> {
        self.records().into_iter().filter(|record| record["because"] == "first").collect()
    }
}

/// The sources of a bundle with both tenants and `system.test:scope`.
pub(crate) fn sources(permits: &str) -> BundleSources {
    BundleSources {
        scopes: vec![ScopeSources { scope: scope(), files: vec![file("test.cedar", permits)] }],
        tenants: vec![Tenant::new(tenant("acme")), Tenant::new(tenant("beta"))],
        ..BundleSources::default()
    }
}

/// The bundle, kept in this log.
pub(crate) fn kept(sources: BundleSources, log: &audit::Log) -> Kept {
    Kept::new(bundle(sources), log).unwrap()
}

/// The bundle, or a panic that shows what is wrong with it.
pub(crate) fn bundle(sources: BundleSources) -> Bundle {
    Bundle::load(sources).unwrap_or_else(|found| panic!("{}", rendered(&found)))
}

pub(crate) fn rendered(found: &[Diagnostic]) -> String {
    found.iter().map(diagnostic::render).collect()
}

pub(crate) fn file(path: &str, text: &str) -> Arc<Source> {
    Arc::new(Source { path: path.to_owned(), text: text.to_owned() })
}

pub(crate) const PERMIT_ALL: &str = "@id(\"test.all\") permit (principal, action, resource);";

pub(crate) fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

pub(crate) fn actor(id: &str) -> Arc<Actor> {
    Arc::new(Actor::parse(id).unwrap().with_verified())
}

/// The operator's scope of every world.
pub(crate) fn scope() -> Arc<Scope> {
    Arc::new(Scope::new("system.test:scope", &TenantId::system(), false).unwrap())
}

pub(crate) fn scopes() -> ScopeSet {
    ScopeSet::new([scope()])
}

/// A definition of a tenant, in the namespace of its name.
pub(crate) fn definition(tenant: &TenantId) -> Arc<Definition> {
    let namespace = tenant.as_str().trim_start_matches('~');
    Arc::new(Definition::new(&format!("{namespace}.workers:handler"), tenant, false).unwrap())
}

pub(crate) fn host() -> Arc<Host> {
    Arc::new(Host::new("app:processes", None).unwrap())
}

/// A process of an actor, without a parent.
pub(crate) fn process(pid: &str, owner: &Arc<Actor>) -> Arc<Process> {
    Arc::new(Process::new(pid, owner.clone(), definition(owner.tenant()), host(), None, 0))
}

/// A caller in a process, at line 7 of its script.
pub(crate) fn inside<'a>(
    actor: &'a Arc<Actor>,
    scopes: &'a ScopeSet,
    process: &'a Arc<Process>,
) -> Caller<'a> {
    Caller {
        actor: Some(actor),
        scopes: Some(scopes),
        process: Some(process),
        chain: "chain-1",
        place: &|| Some(Place { source: "acme.workers:handler".into(), line: 7 }),
        asserted_by: None,
    }
}

/// Checks what must be allowed; what the permits are for is no matter.
pub(crate) fn allowed<A: Asks>(gate: &Gate, caller: &Caller<'_>, asks: A) {
    if let Err(refusal) = gate.operation().check(caller, asks) {
        panic!("{refusal}");
    }
}

/// The denial in a result that must be one.
pub(crate) fn denial<T>(result: Result<T, Refusal>) -> Denial {
    match result {
        Err(Refusal::Denied(denial)) => denial,
        Err(Refusal::Unavailable) => panic!("unavailable"),
        Ok(_) => panic!("allowed"),
    }
}
