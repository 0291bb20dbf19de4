//! What is studied: the policies of an app or of files on their own, and the facts that go with them.
//!
//! Of an app, scripts are not looked at, so that policies can be studied while a script is broken.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span};
use policy::study::{Facts, InvalidEntity, Study, Unknown, UnknownPolicy, apart, blanked};
use policy::{
    Actor, ActorKind, Bundle, BundleSources, Definition, Host, InvalidIdentity, Process, Scope, ScopeSet,
    ScopeSources, Tenant, TenantId,
};
use serde_json::Value as Json;

use super::{files, fixtures};
use crate::assembly::policies;
use crate::manifest::folder::Folder;
use crate::manifest::{self, Manifest};

/// Id of the scope that permits of files on their own are in.
pub(super) const GIVEN: &str = "given:policies";

/// Policies and facts, from files alone.
#[derive(Debug, Clone)]
pub struct Premises {
    sources: BundleSources,
    /// The actors, processes and other things that are known.
    pub facts: Facts,
    /// The scopes of an actor that nobody gives any, by tenant.
    defaults: BTreeMap<TenantId, ScopeSet>,
    /// The scopes of actors that services run as; nothing where two services give one actor different ones.
    services: BTreeMap<String, Option<ScopeSet>>,
    /// The id of each service, its actor, and the scopes that it runs under.
    run_as: Vec<(Arc<str>, Arc<Actor>, ScopeSet)>,
    /// All that is said of each issuer of tokens, by its id.
    issuers: BTreeMap<String, String>,
    /// The scopes of principals whose fixtures name any.
    held: fixtures::Held,
    log: Option<PathBuf>,
}

/// Policies with files added to them.
#[derive(Debug)]
pub struct WithFiles {
    /// The study.
    pub study: Study,
    /// The scopes held, with the one that permits were added to.
    pub scopes: ScopeSet,
}

impl Premises {
    /// The policies, scopes, tenants, definitions, hosts and services that the app in a folder declares.
    ///
    /// # Errors
    /// Everything that is wrong with its manifests and the files that they name, scripts and policies left out.
    pub fn of_app(folder: &Path) -> Result<Self, Vec<Diagnostic>> {
        let manifest = match Manifest::read(folder) {
            (Some(manifest), Ok(_)) => manifest,
            (_, found) => return Err(found.unwrap_or_else(|errors| errors)),
        };
        let mut premises = Self::of_manifest(&manifest).map_err(|error| vec![unfit(&error)])?;
        premises.log = Some(folder.join(&manifest.audit_log.path));
        Ok(premises)
    }

    /// Whether there is a manifest in or below a folder. Whether it can be read is not asked.
    pub fn is_app(folder: &Path) -> bool {
        Folder::open(folder).is_ok_and(|folder| !folder.list().files.is_empty())
    }

    /// Policies of files and folders on their own: permits as a scope of the operator's that everybody holds,
    /// forbids as guards beside the shipped one. Every tenant that is named counts as declared.
    ///
    /// # Errors
    /// A file cannot be read or is over a bound, or there is none.
    pub fn of_policies(paths: &[PathBuf]) -> Result<Self, Vec<Diagnostic>> {
        let mut files = of_policies(paths)?;
        files.sort();
        files.dedup();
        let scope = Scope::new(GIVEN, &TenantId::system(), true).map_err(|error| vec![unfit(&error)])?;
        let scope = Arc::new(scope);
        let mut sources = BundleSources::default();
        let mut permits = Vec::new();
        for file in files {
            let [permit, forbid] = apart(&files::read(&file)?)?;
            permits.extend(permit);
            sources.guards.extend(forbid);
        }
        sources.scopes.push(ScopeSources { scope: scope.clone(), files: permits });
        let mut facts = Facts::default();
        facts.open();
        facts.add_scope(scope.clone());
        let mut premises = Self::of_sources(sources, facts);
        premises.defaults.insert(TenantId::system(), ScopeSet::new([scope]));
        Ok(premises)
    }

    fn of_sources(sources: BundleSources, facts: Facts) -> Self {
        let (defaults, services, held) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (run_as, issuers) = (Vec::new(), BTreeMap::new());
        Self { sources, facts, defaults, services, run_as, issuers, held, log: None }
    }

    fn of_manifest(manifest: &Manifest) -> Result<Self, InvalidIdentity> {
        let mut premises = Self::of_sources(policies::sources(manifest)?, Facts::default());
        let facts = &mut premises.facts;
        facts.own_rest(TenantId::new(manifest.owner("").as_str())?);
        for declared in &manifest.scopes {
            facts.add_scope(policies::scope(declared)?);
        }
        for host in &manifest.hosts {
            facts.add_host(Arc::new(Host::new(host.id.as_str(), None)?));
        }
        for tenant in &manifest.tenants {
            let id = TenantId::new(tenant.name.as_str())?;
            facts.add_tenant(Tenant::new(id.clone()));
            for namespace in &tenant.namespaces {
                facts.own_namespace(namespace.clone(), id.clone());
            }
            let caller = Actor::new(&id, ActorKind::User, "cli")?;
            facts.add_actor(caller.id().to_string(), Arc::new(caller));
            let held = tenant.default_scopes.iter().filter_map(|id| facts.scope(id.value.as_str()).ok());
            premises.defaults.insert(id, ScopeSet::new(held.cloned()));
        }
        for declared in &manifest.definitions {
            let tenant = TenantId::new(declared.tenant.as_str())?;
            let definition = Definition::new(declared.id.as_str(), &tenant, declared.shared)?;
            facts.add_definition(Arc::new(definition));
        }
        for service in &manifest.services {
            premises.add_service(service)?;
        }
        for issuer in &manifest.issuers {
            // Where it is written is of no account.
            let settings = token::Settings { place: "".into(), ..issuer.settings.clone() };
            premises.issuers.insert(issuer.id.as_str().to_owned(), format!("{settings:?}"));
        }
        Ok(premises)
    }

    /// The actor that a service runs as, and its process under the service's id.
    fn add_service(&mut self, service: &manifest::Service) -> Result<(), InvalidIdentity> {
        let id = &service.actor.value;
        let tags = service.tags.iter().map(|(key, value)| (key.clone(), value.clone()));
        let actor = Arc::new(Actor::parse(id)?.with_verified().with_tags(tags)?);
        let held = service.scopes.iter().filter_map(|id| self.facts.scope(id.value.as_str()).ok());
        let scopes = ScopeSet::new(held.cloned());
        self.facts.add_actor(id.as_str(), actor.clone());
        self.run_as.push((Arc::from(service.id.as_str()), actor.clone(), scopes.clone()));
        let known = self.services.entry(id.clone()).or_insert_with(|| Some(scopes.clone()));
        if known.as_ref() != Some(&scopes) {
            *known = None;
        }
        let definition = self.facts.definition(service.definition.value.as_str());
        let host = self.facts.host(service.host.value.as_str());
        if let (Ok(definition), Ok(host)) = (definition, host) {
            let process = Process::new(service.id.as_str(), actor, definition, host, None, 0);
            self.facts.add_process(service.id.as_str(), Arc::new(process));
        }
        Ok(())
    }

    /// Adds what a file tells: entities as Cedar writes them if it is JSON, else fixtures. Of a folder, all fixtures in and
    /// below it.
    ///
    /// # Errors
    /// It cannot be read, or something in it is wrong.
    pub fn add_file(&mut self, path: &Path) -> Result<(), Vec<Diagnostic>> {
        if path.is_dir() {
            return self.add_fixtures(&fixtures::sources(path)?);
        }
        let source = files::read(path)?;
        if path.extension().is_none_or(|extension| extension != "json") {
            return self.add_fixtures(&[source]);
        }
        let wrong = |why: &dyn std::fmt::Display| {
            let span = Span { source: source.clone(), start: 0, end: 0 };
            vec![Diagnostic::error("policy.entities", why.to_string()).at(span)]
        };
        let entities: Json = serde_json::from_str(&source.text).map_err(|error| {
            let span = Span::at(&source, error.line(), error.column());
            vec![Diagnostic::error("policy.entities", format!("not JSON: {error}")).at(span)]
        })?;
        let added: Result<(), InvalidEntity> = self.facts.add_entities(&entities);
        added.map_err(|error| wrong(&error))?;
        if self.facts.is_open() {
            self.facts.open();
        }
        Ok(())
    }

    /// Adds fixtures.
    pub(crate) fn add_fixtures(&mut self, sources: &[Arc<Source>]) -> Result<(), Vec<Diagnostic>> {
        let held = fixtures::read(sources, &mut self.facts)?;
        self.hold(held);
        Ok(())
    }

    /// Adds who holds which scopes.
    pub(crate) fn hold(&mut self, held: fixtures::Held) {
        self.held.extend(held);
    }

    /// The scopes of these ids.
    ///
    /// # Errors
    /// The first that is not declared.
    pub fn scopes<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Result<ScopeSet, Unknown> {
        let found: Result<Vec<_>, _> = ids.into_iter().map(|id| self.facts.scope(id).cloned()).collect();
        Ok(ScopeSet::new(found?))
    }

    /// The scopes of an actor when nobody says otherwise: those of its fixture; of the service that it is of; of
    /// its tenant. Of policies on their own, the one that holds them.
    ///
    /// # Errors
    /// Why there is no telling, in words.
    pub fn usual_scopes(&self, name: &str, actor: &Actor) -> Result<ScopeSet, String> {
        if self.facts.is_open() {
            return Ok(self.defaults.get(&TenantId::system()).cloned().unwrap_or_default());
        }
        if let Some(held) = self.held.get(name) {
            return self.scopes(held.iter().map(String::as_str)).map_err(|unknown| unknown.to_string());
        }
        match self.services.get(name) {
            Some(Some(scopes)) => Ok(scopes.clone()),
            Some(None) => {
                Err(format!("services run as `{name}` under different scopes; name those that are meant"))
            }
            None => Ok(self.defaults.get(actor.tenant()).cloned().unwrap_or_default()),
        }
    }

    /// Each tenant with the scopes of its actors that name none, in order.
    pub fn default_scopes(&self) -> impl Iterator<Item = (&TenantId, &ScopeSet)> {
        self.defaults.iter()
    }

    /// The actor of each service with the scopes that it runs under, in order.
    pub(super) fn run_as(&self) -> impl Iterator<Item = (&Arc<Actor>, &ScopeSet)> {
        self.services().map(|(_, actor, scopes)| (actor, scopes))
    }

    /// Each service by its id, with its actor and the scopes that it runs under, in the order of the manifest.
    pub fn services(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Actor>, &ScopeSet)> {
        self.run_as.iter().map(|(id, actor, scopes)| (id, actor, scopes))
    }

    /// What the policies are loaded from.
    pub(super) fn sources(&self) -> BundleSources {
        self.sources.clone()
    }

    /// The issuers of tokens, by their ids: two that are the same say the same.
    pub(super) fn issuers(&self) -> &BTreeMap<String, String> {
        &self.issuers
    }

    /// Folder of the app's audit log, as the manifest says.
    pub fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// The policies, to be studied.
    ///
    /// # Errors
    /// Everything that is wrong with any policy.
    pub fn study(&self) -> Result<Study, Vec<Diagnostic>> {
        Ok(self.tenants(Study::new(Bundle::load(self.sources.clone())?)))
    }

    /// The policies and those of more files, without those of these ids: permits go into one of the scopes held
    /// by `actor`, its own tenant's if there is one, forbids into the guard. Who holds none, then holds one of
    /// its own tenant with these permits alone. `study` is what [`Premises::study`] gave.
    ///
    /// # Errors
    /// Everything that is wrong with any policy, what cannot be read, and an id that no policy has.
    pub fn study_with(
        &self,
        study: &Study,
        paths: &[PathBuf],
        without: &[String],
        (actor, scopes): (&Actor, &ScopeSet),
    ) -> Result<WithFiles, Vec<Diagnostic>> {
        let (mut sources, permits) = self.changed(study, paths, without)?;
        let scopes =
            if permits.is_empty() { scopes.clone() } else { add(&mut sources, permits, actor, scopes)? };
        Ok(WithFiles { study: self.finish(study, sources, without)?, scopes })
    }

    /// The same for cases of any actor, each under the scopes that it holds: the permits count as if they were in one of these, as
    /// [`Premises::study_with`] chooses it; of files on their own all permits do.
    ///
    /// # Errors
    /// As [`Premises::study_with`].
    pub fn study_for_all(&self, paths: &[PathBuf], without: &[String]) -> Result<Study, Vec<Diagnostic>> {
        let study = self.study()?;
        if paths.is_empty() && without.is_empty() {
            return Ok(if self.facts.is_open() { study.joining(GIVEN) } else { study });
        }
        let study = &study;
        let (mut sources, permits) = self.changed(study, paths, without)?;
        let given = sources.scopes.iter_mut().find(|known| &**known.scope.id() == GIVEN);
        let joins = match given {
            Some(given) => {
                given.files.extend(permits);
                true
            }
            None if permits.is_empty() => false,
            None => {
                let scope =
                    Scope::new(GIVEN, &TenantId::system(), true).map_err(|error| vec![unfit(&error)])?;
                sources.scopes.push(ScopeSources { scope: Arc::new(scope), files: permits });
                true
            }
        };
        let changed = self.finish(study, sources, without)?;
        Ok(if joins { changed.joining(GIVEN) } else { changed })
    }

    /// The policies and the forbids of more files, without those of these ids; and the permits of these files.
    fn changed(
        &self,
        study: &Study,
        paths: &[PathBuf],
        without: &[String],
    ) -> Result<(BundleSources, Vec<Arc<Source>>), Vec<Diagnostic>> {
        let spans = study.spans(without).map_err(|unknown| vec![unknown_policy(&unknown)])?;
        let mut sources = self.sources.clone();
        // Left out before the others are read: they may be the same policies, changed.
        let files = sources.scopes.iter_mut().flat_map(|scope| &mut scope.files).chain(&mut sources.guards);
        files.for_each(|file| *file = blanked(file, &spans));
        let mut permits = Vec::new();
        for file in of_policies(paths)? {
            let [permit, forbid] = apart(&files::read(&file)?)?;
            permits.extend(permit);
            sources.guards.extend(forbid);
        }
        Ok((sources, permits))
    }

    /// The study of sources from which the policies of these ids are left out already, but for those of the shipped guard: these
    /// are in no file of the app's.
    fn finish(
        &self,
        study: &Study,
        sources: BundleSources,
        without: &[String],
    ) -> Result<Study, Vec<Diagnostic>> {
        let is_shipped = |id: &&String| {
            let spans = study.spans(std::slice::from_ref(id)).unwrap_or_default();
            spans.iter().any(|span| !self.has(&span.source))
        };
        let shipped: Vec<String> = without.iter().filter(is_shipped).cloned().collect();
        let changed = Study::new(Bundle::load(sources)?);
        let changed = match shipped.is_empty() {
            true => changed,
            false => match changed.without(&shipped) {
                Ok(Ok(study)) => study,
                Ok(Err(unknown)) => return Err(vec![unknown_policy(&unknown)]),
                Err(error) => return Err(vec![Diagnostic::error("policy.load", error.to_string())]),
            },
        };
        Ok(self.tenants(changed))
    }

    /// The policies and one file of permits more, which go where [`Premises::study_with`] puts them.
    ///
    /// # Errors
    /// Everything that is wrong with any policy.
    pub fn study_with_permits(
        &self,
        permits: Arc<Source>,
        (actor, scopes): (&Actor, &ScopeSet),
    ) -> Result<WithFiles, Vec<Diagnostic>> {
        let mut sources = self.sources.clone();
        let scopes = add(&mut sources, vec![permits], actor, scopes)?;
        Ok(WithFiles { study: self.tenants(Study::new(Bundle::load(sources)?)), scopes })
    }

    /// The policies without the permits of these ids, and with files of permits, each in the scope of that id.
    ///
    /// # Errors
    /// Everything that is wrong with any policy, and an id that no policy has.
    pub fn study_permitting(
        &self,
        without: &[String],
        permits: &[(Arc<str>, Arc<Source>)],
    ) -> Result<Study, Vec<Diagnostic>> {
        let mut sources = self.sources.clone();
        if !without.is_empty() {
            let spans = self.study()?.spans(without).map_err(|unknown| vec![unknown_policy(&unknown)])?;
            let files = sources.scopes.iter_mut().flat_map(|scope| &mut scope.files);
            files.for_each(|file| *file = blanked(file, &spans));
        }
        for scope in &mut sources.scopes {
            let own = permits.iter().filter(|(id, _)| id == scope.scope.id());
            scope.files.extend(own.map(|(_, file)| file.clone()));
        }
        Ok(self.tenants(Study::new(Bundle::load(sources)?)))
    }

    /// Whether a path is that of a file of policies of the app in `folder`.
    pub fn is_in_force(&self, folder: &Path, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return false };
        let scopes = self.sources.scopes.iter().flat_map(|scope| &scope.files);
        let mut files = scopes.chain(&self.sources.guards);
        files.any(|file| folder.join(&file.path).canonicalize().is_ok_and(|known| known == path))
    }

    fn has(&self, source: &Arc<Source>) -> bool {
        let scopes = self.sources.scopes.iter().flat_map(|scope| &scope.files);
        scopes.chain(&self.sources.guards).any(|file| Arc::ptr_eq(file, source))
    }

    /// With the tenants as the facts have them.
    fn tenants(&self, study: Study) -> Study {
        study.with_tenants(self.facts.tenants().cloned())
    }
}

/// The files of policies that paths name, each a file or a folder.
///
/// # Errors
/// One of them cannot be looked at, or paths name none: it is most likely another that is meant.
fn of_policies(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(files::find(path, |name| name.ends_with(".cedar"))?);
    }
    if files.is_empty() && !paths.is_empty() {
        let named: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        let error = Diagnostic::error("policy.none", format!("there is no policy in {}", named.join(", ")));
        return Err(vec![error.help("files of policies end in `.cedar`")]);
    }
    Ok(files)
}

/// Puts permits into one of the scopes held, and gives the scopes that are held then.
fn add(
    sources: &mut BundleSources,
    permits: Vec<Arc<Source>>,
    actor: &Actor,
    scopes: &ScopeSet,
) -> Result<ScopeSet, Vec<Diagnostic>> {
    let own = scopes.iter().find(|scope| scope.tenant() == actor.tenant());
    let chosen = own.or_else(|| scopes.iter().next());
    let held =
        sources.scopes.iter_mut().find(|known| chosen.is_some_and(|chosen| chosen.id() == known.scope.id()));
    if let Some(held) = held {
        held.files.extend(permits);
        return Ok(scopes.clone());
    }
    let scope = Arc::new(Scope::new(GIVEN, actor.tenant(), false).map_err(|error| vec![unfit(&error)])?);
    sources.scopes.push(ScopeSources { scope: scope.clone(), files: permits });
    Ok(scopes.with(&scope))
}

fn unknown_policy(unknown: &UnknownPolicy) -> Diagnostic {
    let error = Diagnostic::error("policy.unknown", unknown.to_string());
    Diagnostic { help: unknown.help.clone(), ..error }
}

fn unfit(error: &InvalidIdentity) -> Diagnostic {
    Diagnostic::error("policy.identity", error.to_string())
}
