//! Fixtures: actors, processes and other things that tests are about, read from YAML into facts.
//!
//! Whether a test uses them is not known here.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use diagnostic::{Diagnostic, Source};
use policy::study::Facts;
use policy::{Actor, Definition, Host, InvalidIdentity, Process, Scope, Tenant, TenantId};

use super::files;
use super::vocabulary::{FIXTURES, SCOPES};
use crate::findings::Findings;
use crate::manifest::check::check_file;
use crate::manifest::document::{Content, Document, Node, Word};
use crate::manifest::scan::scan;

/// What fixtures tell beside facts: the scopes that a principal runs under, by its name.
pub(crate) type Held = BTreeMap<String, Vec<String>>;

/// Reads files of fixtures into facts, and gives who holds which scopes.
///
/// # Errors
/// Everything that is wrong in any of them.
pub(crate) fn read(sources: &[Arc<Source>], facts: &mut Facts) -> Result<Held, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let mut documents = Vec::new();
    for source in sources {
        if let Some(document) = scan(source, &mut findings)
            && check_file(&document, &[FIXTURES, SCOPES], &mut findings)
        {
            documents.push(document);
        }
    }
    let held = add(&documents.iter().collect::<Vec<_>>(), facts, &mut findings);
    findings.finish().map(|_| held)
}

/// The YAML files of a folder of fixtures.
///
/// # Errors
/// One of them cannot be read.
pub(crate) fn sources(folder: &Path) -> Result<Vec<Arc<Source>>, Vec<Diagnostic>> {
    let yaml = |name: &str| name.ends_with(".yaml") && !name.ends_with("_test.yaml");
    files::find(folder, yaml)?.iter().map(|path| files::read(path)).collect()
}

/// Adds what documents tell that keep to the vocabulary: all of one type before what can name it.
pub(crate) fn add(documents: &[&Document], facts: &mut Facts, findings: &mut Findings) -> Held {
    let mut adding = Adding { facts, findings, held: Held::new(), waiting: BTreeMap::new() };
    for (section, add) in [
        ("tenants", Adding::tenant as Add<'_>),
        ("principals", Adding::principal),
        ("definitions", Adding::definition),
        ("hosts", Adding::host),
        ("scopes", Adding::scope),
        ("processes", Adding::note_process),
    ] {
        for document in documents {
            let Some(Content::Keys(things)) = document.root.get(section).map(|node| &node.content) else {
                continue;
            };
            things.iter().for_each(|(name, thing)| add(&mut adding, Thing { document, name, thing }));
        }
        if section == "principals" && adding.facts.is_open() {
            adding.facts.open();
        }
    }
    adding.processes();
    if adding.facts.is_open() {
        adding.facts.open();
    }
    adding.held
}

type Add<'d> = for<'a> fn(&'a mut Adding<'d>, Thing<'d>);

/// One fixture as it is written.
#[derive(Clone, Copy)]
struct Thing<'d> {
    document: &'d Document,
    name: &'d Word,
    thing: &'d Node,
}

impl<'d> Thing<'d> {
    fn text(&self, key: &str) -> Option<&'d str> {
        self.thing.get(key).and_then(Node::text)
    }

    fn texts(&self, key: &str) -> impl Iterator<Item = &'d str> {
        self.thing.get(key).map(Node::items).unwrap_or_default().iter().filter_map(Node::text)
    }

    fn flag(&self, key: &str) -> bool {
        self.text(key) == Some("true")
    }
}

struct Adding<'d> {
    facts: &'d mut Facts,
    findings: &'d mut Findings,
    held: Held,
    waiting: BTreeMap<&'d str, Thing<'d>>,
}

impl<'d> Adding<'d> {
    fn tenant(&mut self, thing: Thing<'d>) {
        let Some(id) = self.valid(thing, TenantId::new(&thing.name.text)) else { return };
        let plan = thing.text("plan").unwrap_or_default().to_owned();
        self.facts.add_tenant(Tenant { suspended: thing.flag("suspended"), plan, ..Tenant::new(id) });
    }

    fn principal(&mut self, thing: Thing<'d>) {
        let name = thing.name.text.as_str();
        let tags = match thing.thing.get("tags").map(|node| &node.content) {
            Some(Content::Keys(tags)) => tags.as_slice(),
            _ => &[],
        };
        let tags =
            tags.iter().map(|(key, value)| (key.text.clone(), value.text().unwrap_or_default().to_owned()));
        let made = Actor::parse(thing.text("id").unwrap_or(name))
            .and_then(|actor| actor.with_roles(thing.texts("roles")))
            .and_then(|actor| actor.with_tags(tags));
        let Some(mut actor) = self.valid(thing, made) else { return };
        if thing.flag("verified") {
            actor = actor.with_verified();
        }
        if let Some(seconds) = thing.text("auth_time").and_then(|text| text.parse().ok()) {
            actor = actor.with_auth_time(seconds);
        }
        if let Err(error) = self.facts.tenant(actor.tenant().as_str()) {
            return self.refuse(thing, "", error.to_string(), Some("declare it under `tenants`"));
        }
        if thing.thing.get("scopes").is_some() {
            self.held.insert(name.to_owned(), thing.texts("scopes").map(str::to_owned).collect());
        }
        self.facts.add_actor(name, Arc::new(actor));
    }

    fn definition(&mut self, thing: Thing<'d>) {
        let Some(owner) = self.owner(thing) else { return };
        let made = Definition::new(&thing.name.text, &owner, thing.flag("shared"));
        if let Some(definition) = self.valid(thing, made) {
            self.facts.add_definition(Arc::new(definition));
        }
    }

    fn host(&mut self, thing: Thing<'d>) {
        let owner = match thing.text("tenant") {
            None => None,
            Some(_) => Some(self.owner(thing)).flatten(),
        };
        if let Some(host) = self.valid(thing, Host::new(&thing.name.text, owner.as_ref())) {
            self.facts.add_host(Arc::new(host));
        }
    }

    fn scope(&mut self, thing: Thing<'d>) {
        let Some(owner) = self.owner(thing) else { return };
        if let Some(scope) = self.valid(thing, Scope::new(&thing.name.text, &owner, thing.flag("shared"))) {
            self.facts.add_scope(Arc::new(scope));
        }
    }

    fn note_process(&mut self, thing: Thing<'d>) {
        self.waiting.insert(&thing.name.text, thing);
    }

    /// Parents first. What names itself as its ancestor is never made.
    fn processes(&mut self) {
        while !self.waiting.is_empty() {
            let waits = |thing: &Thing<'_>| {
                thing.text("parent").is_some_and(|parent| self.waiting.contains_key(parent))
            };
            let ready: Vec<&str> =
                self.waiting.iter().filter(|(_, thing)| !waits(thing)).map(|(name, _)| *name).collect();
            if ready.is_empty() {
                for thing in std::mem::take(&mut self.waiting).into_values() {
                    self.refuse(thing, "parent", "a process cannot be its own ancestor".to_owned(), None);
                }
                return;
            }
            for name in ready {
                if let Some(thing) = self.waiting.remove(name) {
                    self.process(thing);
                }
            }
        }
    }

    fn process(&mut self, thing: Thing<'d>) {
        let name = thing.name.text.as_str();
        let owner = self.facts.actor(thing.text("owner").unwrap_or_default());
        let Some(owner) = self.known(thing, "owner", owner) else { return };
        let unknown = "unknown:unknown";
        let definition = match thing.text("definition") {
            Some(id) => {
                let found = self.facts.definition(id);
                self.known(thing, "definition", found)
            }
            None => self.valid(thing, Definition::new(unknown, owner.tenant(), false).map(Arc::new)),
        };
        let host = match (thing.text("host"), self.facts.only_host()) {
            (Some(id), _) => {
                let found = self.facts.host(id);
                self.known(thing, "host", found)
            }
            (None, Some(only)) => Some(only.clone()),
            (None, None) => self.valid(thing, Host::new(unknown, None).map(Arc::new)),
        };
        let parent = thing.text("parent").map(|parent| {
            let found = self.facts.process(parent);
            self.known(thing, "parent", found)
        });
        let (Some(definition), Some(host)) = (definition, host) else { return };
        if let Some(None) = parent {
            return;
        }
        let made = Process::new(name, owner, definition, host, parent.flatten().as_ref(), 0);
        self.facts.add_process(name, Arc::new(made));
    }

    /// Whose something is: as it says, or the owner of its namespace.
    fn owner(&mut self, thing: Thing<'d>) -> Option<TenantId> {
        match thing.text("tenant") {
            Some(tenant) => {
                let found = self.facts.tenant(tenant);
                self.known(thing, "tenant", found)
            }
            None => Some(self.facts.owner(thing.name.text.split(':').next().unwrap_or_default())),
        }
    }

    fn known<T>(
        &mut self,
        thing: Thing<'d>,
        key: &str,
        found: Result<T, policy::study::Unknown>,
    ) -> Option<T> {
        found.map_err(|unknown| self.refuse(thing, key, unknown.to_string(), None)).ok()
    }

    fn valid<T>(&mut self, thing: Thing<'d>, made: Result<T, InvalidIdentity>) -> Option<T> {
        made.map_err(|error| self.refuse(thing, "", error.to_string(), None)).ok()
    }

    fn refuse(&mut self, thing: Thing<'d>, key: &str, message: String, help: Option<&str>) {
        let place = if key.is_empty() { thing.name.place } else { thing.thing.place_of(key) };
        let error = Diagnostic::error("policy.fixture", message).at(thing.document.span(place));
        let error = error.about(thing.name.text.as_str());
        self.findings.push(match help {
            Some(help) => error.help(help),
            None => error,
        });
    }
}
