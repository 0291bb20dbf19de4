//! Facts: the actors, processes and other things that cases are about, by the names that people give them.
//!
//! Where they are written down (a manifest, fixtures, the entities of a record) is not known here, nor whether
//! any of it is true of a running system.

use std::collections::BTreeMap;
use std::sync::Arc;

use diagnostic::{did_you_mean, visible};

use crate::entity::Tenants;
use crate::identity::{Actor, InvalidIdentity, Scope, Tenant, TenantId};
use crate::limits::STUDY_NAMES_MAX;
use crate::permission::Subject;
use crate::resource::{Definition, Facility, Host, Name, Namespace, Process};
use crate::vocabulary::EntityType;

/// Things by name. Of two of one type and name the later counts.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    tenants: Tenants,
    actors: BTreeMap<String, Arc<Actor>>,
    definitions: BTreeMap<String, Arc<Definition>>,
    hosts: BTreeMap<String, Arc<Host>>,
    processes: BTreeMap<String, Arc<Process>>,
    scopes: BTreeMap<String, Arc<Scope>>,
    /// Namespace to its owner; a namespace below it is the same tenant's.
    namespaces: BTreeMap<String, TenantId>,
    owner_of_rest: Option<TenantId>,
    /// Whether any tenant may be named.
    open: bool,
}

/// What may be made up when a case names it and no fact tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assumed {
    /// Nothing.
    Nothing,
    /// An actor of a known tenant, without roles or tags; a process written as `tenant/name`, of which only the
    /// tenant is known; a definition or host in a namespace of another tenant, or anywhere where none is declared.
    StandIns,
    /// The same, and for each required field that is not given something of its sort: for who takes such a field as not known.
    Unsaid,
}

/// A thing that nobody declared, or whose name is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} `{}`{}", visible(text), instead(near.as_deref(), *known))]
pub struct Unknown {
    /// What it was to be, in small letters.
    pub what: &'static str,
    /// The name as given. Hostile wherever it is shown.
    pub text: String,
    /// The name that is nearest to it.
    pub near: Option<String>,
    /// How many of its kind there are.
    pub known: usize,
    /// What can be named instead, in words.
    pub help: Option<String>,
}

impl Unknown {
    /// The same with one thing more that can be written instead.
    fn or(self, also: &str) -> Self {
        let help = self.help.map_or_else(|| also.to_owned(), |help| format!("{help}; {also}"));
        Self { help: Some(help), ..self }
    }
}

/// The first of what there is, in words; nothing when there is nothing. They are hostile text, and made visible.
pub(super) fn there_are<'a>(mut known: impl Iterator<Item = &'a str>) -> Option<String> {
    let first = known.by_ref().take(STUDY_NAMES_MAX);
    let mut names: Vec<String> = first.map(|name| format!("`{}`", visible(name))).collect();
    match known.count() {
        0 => {}
        more => names.push(format!("{more} more")),
    }
    let last = names.pop()?;
    Some(match names.as_slice() {
        [] => format!("there is {last}"),
        names => format!("there are {} and {last}", names.join(", ")),
    })
}

fn instead(near: Option<&str>, known: usize) -> String {
    match (near, known) {
        (Some(near), _) => format!(", did you mean `{near}`?"),
        (None, 0) => "; none is declared".to_owned(),
        (None, _) => String::new(),
    }
}

impl Facts {
    /// Adds a tenant.
    pub fn add_tenant(&mut self, tenant: Tenant) {
        self.tenants.insert(tenant.id.clone(), tenant);
    }

    /// Adds an actor under a name: its id, or another where two tokens of one user are told apart.
    pub fn add_actor(&mut self, name: impl Into<String>, actor: Arc<Actor>) {
        self.actors.insert(name.into(), actor);
    }

    /// Adds a definition.
    pub fn add_definition(&mut self, definition: Arc<Definition>) {
        self.definitions.insert(definition.id().to_string(), definition);
    }

    /// Adds a host.
    pub fn add_host(&mut self, host: Arc<Host>) {
        self.hosts.insert(host.id().to_string(), host);
    }

    /// Adds a process under a name: its pid, or what people know it by.
    pub fn add_process(&mut self, name: impl Into<String>, process: Arc<Process>) {
        self.processes.insert(name.into(), process);
    }

    /// Adds a scope.
    pub fn add_scope(&mut self, scope: Arc<Scope>) {
        self.scopes.insert(scope.id().to_string(), scope);
    }

    /// Gives a namespace, and all below it, to a tenant.
    pub fn own_namespace(&mut self, namespace: impl Into<String>, tenant: TenantId) {
        self.namespaces.insert(namespace.into(), tenant);
    }

    /// Says who owns every namespace that is not given away. Without, it is the tenant that its first word names.
    pub fn own_rest(&mut self, tenant: TenantId) {
        self.owner_of_rest = Some(tenant);
    }

    /// Takes every tenant that anything names for a declared one, where nobody says which there are.
    pub fn open(&mut self) {
        self.open = true;
        let of_actors = self.actors.values().map(|actor| actor.tenant());
        let of_definitions = self.definitions.values().map(|definition| definition.tenant());
        let of_hosts = self.hosts.values().filter_map(|host| host.tenant());
        let of_scopes = self.scopes.values().map(|scope| scope.tenant());
        let of_processes = self.processes.values().map(|process| process.tenant());
        let named = of_actors.chain(of_definitions).chain(of_hosts).chain(of_scopes).chain(of_processes);
        for tenant in named.cloned().collect::<Vec<_>>() {
            self.tenants.entry(tenant.clone()).or_insert_with(|| Tenant::new(tenant));
        }
    }

    /// Takes these tenants for declared ones, where any may be named.
    pub fn declare<'a>(&mut self, tenants: impl IntoIterator<Item = &'a TenantId>) {
        for tenant in tenants.into_iter().filter(|_| self.open) {
            self.tenants.entry(tenant.clone()).or_insert_with(|| Tenant::new(tenant.clone()));
        }
    }

    /// Whether any tenant may be named.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: Self) {
        self.tenants.extend(others.tenants);
        self.actors.extend(others.actors);
        self.definitions.extend(others.definitions);
        self.hosts.extend(others.hosts);
        self.processes.extend(others.processes);
        self.scopes.extend(others.scopes);
        self.namespaces.extend(others.namespaces);
        self.open |= others.open;
        self.owner_of_rest = others.owner_of_rest.or(self.owner_of_rest.take());
    }

    /// The tenants, ordered by id.
    pub fn tenants(&self) -> impl Iterator<Item = &Tenant> {
        self.tenants.values()
    }

    /// The same, by id.
    pub(super) fn by_id(&self) -> &Tenants {
        &self.tenants
    }

    /// The tenant of that id; the operator's own is always there.
    ///
    /// # Errors
    /// Nobody declared it.
    pub fn tenant(&self, id: &str) -> Result<TenantId, Unknown> {
        let nobody = TenantId::nobody();
        let tenant = if id == nobody.as_str() { Ok(nobody) } else { TenantId::new(id) };
        match tenant {
            Ok(tenant) if self.open || tenant.is_system() || self.tenants.contains_key(&tenant) => Ok(tenant),
            _ => Err(unknown("tenant", id, self.tenants.keys().map(TenantId::as_str))),
        }
    }

    /// Every actor that is known, with its name, ordered by that.
    pub fn actors(&self) -> impl Iterator<Item = (&str, &Arc<Actor>)> {
        self.actors.iter().map(|(name, actor)| (name.as_str(), actor))
    }

    /// The actor of that name.
    ///
    /// # Errors
    /// No fact tells of it.
    pub fn actor(&self, name: &str) -> Result<Arc<Actor>, Unknown> {
        find("actor", &self.actors, name)
    }

    /// The actor of that name, or one of that id of whom nothing more is known, if that may be.
    ///
    /// # Errors
    /// No fact tells of it; it is no actor's id, or of a tenant that nobody declared.
    pub fn actor_or(&self, name: &str, assumed: Assumed) -> Result<Arc<Actor>, Unknown> {
        let missing = match self.actor(name) {
            Ok(actor) => return Ok(actor),
            Err(missing) => missing,
        };
        let Some(actor) = Actor::parse(name).ok().filter(|_| assumed != Assumed::Nothing) else {
            return Err(missing);
        };
        self.tenant(actor.tenant().as_str())?;
        Ok(Arc::new(actor))
    }

    /// The scope of that id.
    ///
    /// # Errors
    /// No fact tells of it.
    pub fn scope(&self, id: &str) -> Result<&Arc<Scope>, Unknown> {
        self.scopes.get(id).ok_or_else(|| unknown("scope", id, self.scopes.keys().map(String::as_str)))
    }

    /// The definition of that id.
    ///
    /// # Errors
    /// No fact tells of it.
    pub fn definition(&self, id: &str) -> Result<Arc<Definition>, Unknown> {
        find("definition", &self.definitions, id)
    }

    /// The host of that id.
    ///
    /// # Errors
    /// No fact tells of it.
    pub fn host(&self, id: &str) -> Result<Arc<Host>, Unknown> {
        find("host", &self.hosts, id)
    }

    /// The process of that name.
    ///
    /// # Errors
    /// No fact tells of it.
    pub fn process(&self, name: &str) -> Result<Arc<Process>, Unknown> {
        find("process", &self.processes, name)
    }

    /// The names of a tenant's processes, in order.
    pub(super) fn processes_of(&self, tenant: &TenantId) -> impl Iterator<Item = &str> {
        let own = self.processes.iter().filter(move |(_, process)| process.tenant() == tenant);
        own.map(|(name, _)| name.as_str())
    }

    /// The only host that there is.
    pub fn only_host(&self) -> Option<&Arc<Host>> {
        self.hosts.values().next().filter(|_| self.hosts.len() == 1)
    }

    /// The owner of a namespace.
    pub fn owner(&self, namespace: &str) -> TenantId {
        let mut above = namespace;
        loop {
            if let Some(owner) = self.namespaces.get(above) {
                return owner.clone();
            }
            match above.rsplit_once('.') {
                Some((rest, _)) => above = rest,
                None => break,
            }
        }
        let first = || TenantId::new(above).unwrap_or_else(|_| TenantId::system());
        self.owner_of_rest.clone().unwrap_or_else(first)
    }

    /// A resource of this type for somebody of `tenant`. What is made up is said in `said`, in words.
    ///
    /// # Errors
    /// No fact tells of it and it may not be made up, or it is no name of such a thing.
    pub(super) fn subject(
        &self,
        kind: EntityType,
        text: &str,
        tenant: &TenantId,
        assumed: Assumed,
        said: &mut Vec<String>,
    ) -> Result<Subject, Unknown> {
        let assumes = assumed != Assumed::Nothing;
        match kind {
            EntityType::Process => match self.process(text) {
                Ok(process) => Ok(Subject::Process(process)),
                Err(missing) if assumes && missing.near.is_none() && text.contains('/') => {
                    self.stand_in(text, said).map(Subject::Process)
                }
                Err(missing) if assumes => {
                    Err(missing.or("`tenant/name` stands for any process of a tenant"))
                }
                Err(missing) => Err(missing),
            },
            EntityType::Definition => match self.definition(text) {
                Err(missing) if assumes => {
                    let owner = self.owner_of(text, tenant, self.definitions.is_empty()).ok_or(missing)?;
                    let made = Definition::new(text, &owner, false)
                        .map_err(|error| invalid("definition", &error))?;
                    said.push(format!(
                        "no fact tells of definition `{text}`: taken as tenant `{owner}`'s, not shared"
                    ));
                    Ok(Subject::Definition(Arc::new(made)))
                }
                found => found.map(Subject::Definition),
            },
            EntityType::Host => match self.host(text) {
                Err(missing) if assumes => {
                    let owner = self.owner_of(text, tenant, self.hosts.is_empty()).ok_or(missing)?;
                    let open = owner == *tenant || owner.is_system();
                    let made = Host::new(text, Some(&owner).filter(|_| !open));
                    let made = made.map_err(|error| invalid("host", &error))?;
                    let whose = if open {
                        "open to every tenant".to_owned()
                    } else {
                        format!("tenant `{owner}`'s alone")
                    };
                    said.push(format!("no fact tells of host `{text}`: taken as {whose}"));
                    Ok(Subject::Host(Arc::new(made)))
                }
                found => found.map(Subject::Host),
            },
            EntityType::Name => {
                let (owner, name) = match text.split_once('/') {
                    Some((owner, name)) => (self.tenant(owner)?, name),
                    None => (tenant.clone(), text),
                };
                Name::new(&owner, name).map(Subject::Name).map_err(|error| invalid("name", &error))
            }
            EntityType::Facility => match text {
                "context" => Ok(Subject::Facility(Facility::Context)),
                "security" => Ok(Subject::Facility(Facility::Security)),
                other => Err(unknown("facility", other, ["context", "security"])),
            },
            EntityType::Tenant => self.tenant(text).map(Subject::Tenant),
            EntityType::Namespace => {
                let made = Namespace::new(text, &self.owner(text));
                made.map(Subject::Namespace).map_err(|error| invalid("namespace", &error))
            }
            // No permission is about these.
            EntityType::Role | EntityType::Scope | EntityType::Actor => Err(unknown("resource", text, [])),
        }
    }

    /// A process of which only the tenant is known: the one before a slash.
    fn stand_in(&self, text: &str, said: &mut Vec<String>) -> Result<Arc<Process>, Unknown> {
        let owner = self.tenant(text.split('/').next().unwrap_or_default())?;
        said.push(format!(
            "no fact tells of process `{}`: taken as one of tenant `{owner}`, of which nothing else is known",
            visible(text)
        ));
        Ok(Arc::new(Process::stand_in(text, &owner, 0)))
    }

    /// Who owns what has this id, if it may be made up: another tenant's could be there or not, which nobody is
    /// told.
    fn owner_of(&self, id: &str, tenant: &TenantId, none_declared: bool) -> Option<TenantId> {
        let owner = self.owner(id.split_once(':')?.0);
        (none_declared || owner != *tenant).then_some(owner)
    }
}

fn find<T>(what: &'static str, things: &BTreeMap<String, Arc<T>>, name: &str) -> Result<Arc<T>, Unknown> {
    things.get(name).cloned().ok_or_else(|| unknown(what, name, things.keys().map(String::as_str)))
}

fn unknown<'a>(
    what: &'static str,
    text: &str,
    known: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> Unknown {
    let known = known.into_iter();
    let near = did_you_mean(text, known.clone()).map(str::to_owned);
    let help = there_are(known.clone());
    Unknown { what, text: text.to_owned(), near, known: known.count(), help }
}

/// A name that nothing can have.
fn invalid(what: &'static str, error: &InvalidIdentity) -> Unknown {
    Unknown { what, text: error.text.clone(), near: None, known: 1, help: None }
}
