//! What is known of every request that a running system makes, and no schema can say: that an id tells the tenant, that
//! a process is its owner's tenant's, and so on.
//!
//! Each is a forbid that is added to what a proof supposes, so that requests which cannot come are left out of it. A
//! proof that needs none of them is made without.

use cedar_policy::{Policy, PolicyId};

use crate::cedar::{NAMESPACE, uid};
use crate::identity::{Actor, ActorKind, Scope, TenantId};
use crate::literal::quoted;
use crate::permission::{Spec, Via};
use crate::vocabulary::{BASE, EntityType, Field, FieldType, Group};

/// An expression that leads to an entity, and what must be there before.
#[derive(Debug, Clone)]
struct Path {
    kind: EntityType,
    text: String,
    /// Conditions under which it leads anywhere.
    when: Vec<String>,
    /// Whether the request itself names the entity, which then comes in whole.
    whole: bool,
}

/// An entity that policies name.
pub(crate) type Named = (EntityType, String);

/// What is known of requests for a permission.
#[derive(Clone)]
pub(crate) struct Known<'a> {
    spec: &'a Spec,
    paths: Vec<Path>,
    lines: Vec<String>,
}

impl<'a> Known<'a> {
    /// Nothing yet.
    pub(crate) fn of(spec: &'a Spec) -> Self {
        Self { spec, paths: paths(spec), lines: Vec::new() }
    }

    /// What the runtime makes sure of; of entities that policies name, what their ids tell.
    pub(crate) fn by_construction(mut self, named: &[Named]) -> Self {
        self.of_principal(named);
        for path in self.paths.clone() {
            let text = &path.text;
            match path.kind {
                EntityType::Actor => {
                    let kinds = ActorKind::ALL.map(|kind| format!("{text}.kind == \"{}\"", kind.text()));
                    self.add(&path, &kinds.join(" || "));
                    if text != "principal" {
                        self.add(&path, &format!("{text} == principal || !({text} has authTime)"));
                    }
                }
                EntityType::Process => {
                    self.add(&path, &format!("{text}.owner.tenant == {text}.tenant"));
                    self.add(&path, &self.parent_of(text));
                }
                _ => {}
            }
            for (kind, id) in named.iter().filter(|(kind, _)| *kind == path.kind) {
                if let Some(told) = told(*kind, id, text) {
                    self.add(&path, &format!("{text} != {} || ({told})", uid(*kind, id)));
                }
            }
        }
        for field in self.spec.context.iter().filter(|field| field.kind == FieldType::Via) {
            let ways = Via::ALL.map(|via| format!("context.{} == \"{}\"", field.name, via.text()));
            self.lines.push(ways.join(" || "));
        }
        if let ("process.context" | "process.security", Some((_, facility))) =
            (self.spec.action, self.spec.action.split_once('.'))
        {
            self.lines.push(format!("resource == {}", uid(EntityType::Facility, facility)));
        }
        self
    }

    /// That a parent carries no parent of its own, unless the request names it as well: what is named comes in whole, and an
    /// entity is in a request once.
    fn parent_of(&self, text: &str) -> String {
        let whole = self.paths.iter().filter(|path| path.whole && path.kind == EntityType::Process);
        let whole = whole.map(|path| match path.when.is_empty() {
            true => format!(" || {text}.parent == {}", path.text),
            false => format!(" || ({} && {text}.parent == {})", path.when.join(" && "), path.text),
        });
        let whole: String = whole.collect();
        format!("if {text} has parent then (!({text}.parent has parent){whole}) else true")
    }

    fn of_principal(&mut self, named: &[Named]) {
        self.lines.push("principal in principal.tenant".to_owned());
        for (kind, id) in named {
            let tenant = match kind {
                EntityType::Tenant => id.as_str(),
                EntityType::Role => id.split_once('/').map_or("", |(tenant, _)| tenant),
                _ => continue,
            };
            let (named, tenant) = (uid(*kind, id), uid(EntityType::Tenant, tenant));
            self.lines.push(format!("!(principal in {named}) || principal.tenant == {tenant}"));
        }
    }

    /// That a scope is held: without any, nothing is permitted.
    pub(crate) fn any_held(mut self) -> Self {
        self.lines.push("!context.scopes.isEmpty()".to_owned());
        self
    }

    /// That this scope is held, and that it is as it is.
    pub(crate) fn held(mut self, scope: &Scope) -> Self {
        let held = uid(EntityType::Scope, scope.id());
        let tenant = uid(EntityType::Tenant, scope.tenant().as_str());
        self.lines.push(format!("context.scopes.contains({held})"));
        self.lines.push(format!("{held}.tenant == {tenant} && {held}.shared == {}", scope.shared()));
        self
    }

    /// What makes a counterexample easier to read, and is not always so.
    pub(super) fn readable(mut self) -> Self {
        self.lines.push("!(context has pid)".to_owned());
        self.lines.push("!principal.tenant.suspended".to_owned());
        for field in self.spec.context {
            match (field.kind, field.required) {
                (FieldType::Long, true) => self.lines.push(format!("context.{} >= 0", field.name)),
                (FieldType::Long, false) => {
                    let name = field.name;
                    self.lines.push(format!("if context has {name} then context.{name} >= 0 else true"));
                }
                _ => {}
            }
        }
        self
    }

    /// The forbids.
    ///
    /// # Errors
    /// One of them is not Cedar.
    pub(crate) fn policies(self) -> Result<Vec<Policy>, String> {
        let policies = self.lines.iter().enumerate().map(|(number, line)| {
            let id = PolicyId::new(format!("known {number}"));
            let text = format!("forbid (principal, action, resource) unless {{ {line} }};");
            Policy::parse(Some(id), text).map_err(|error| format!("{error}: {line}"))
        });
        policies.collect()
    }

    fn add(&mut self, path: &Path, what: &str) {
        let within = |what: String, when: &String| format!("if {when} then ({what}) else true");
        self.lines.push(path.when.iter().rev().fold(format!("({what})"), within));
    }
}

/// That only this tenant's actors ask, and for none of the product's doors: for whom its own scopes count.
///
/// # Errors
/// It is not Cedar.
pub(super) fn confined(tenant: &TenantId) -> Result<Policy, String> {
    let tenant = uid(EntityType::Tenant, tenant.as_str());
    let doors = format!("{NAMESPACE}::Action::\"{}\"", Group::Doors.name());
    only(&format!("principal.tenant == {tenant} && !(action in {doors})"))
}

/// That only this actor asks.
///
/// # Errors
/// It is not Cedar.
pub(super) fn only_actor(actor: &Actor) -> Result<Policy, String> {
    only(&format!("principal == {}", uid(EntityType::Actor, actor.id())))
}

/// That only actors of this tenant ask.
///
/// # Errors
/// It is not Cedar.
pub(super) fn only_tenant(tenant: &TenantId) -> Result<Policy, String> {
    only(&format!("principal.tenant == {}", uid(EntityType::Tenant, tenant.as_str())))
}

fn only(what: &str) -> Result<Policy, String> {
    let text = format!("forbid (principal, action, resource) unless {{ {what} }};");
    Policy::parse(Some(PolicyId::new("only")), text).map_err(|error| error.to_string())
}

/// What the id of an entity tells of it, as a condition on `text`, which is that entity.
fn told(kind: EntityType, id: &str, text: &str) -> Option<String> {
    let tenant = |id: &str| uid(EntityType::Tenant, id);
    match kind {
        EntityType::Actor => {
            let actor = Actor::parse(id).ok()?;
            let (of, kind) = (tenant(actor.tenant().as_str()), actor.kind().text());
            Some(format!("{text}.tenant == {of} && {text}.kind == \"{kind}\""))
        }
        EntityType::Name => {
            let (of, value) = id.split_once('/')?;
            Some(format!("{text}.tenant == {} && {text}.value == {}", tenant(of), quoted(value)))
        }
        EntityType::Definition => {
            let (namespace, name) = id.split_once(':')?;
            let namespace = uid(EntityType::Namespace, namespace);
            Some(format!("{text} in {namespace} && {text}.name == {}", quoted(name)))
        }
        _ => None,
    }
}

/// Every way from a request to an entity, as far as policies may look.
fn paths(spec: &Spec) -> Vec<Path> {
    let first = |kind, text: &str| Path { kind, text: text.to_owned(), when: Vec::new(), whole: true };
    let mut paths = vec![first(EntityType::Actor, "principal"), first(spec.resource, "resource")];
    let fields = BASE.iter().chain(spec.context).filter_map(|field| step("context", &[], field));
    paths.extend(fields.map(|path| Path { whole: true, ..path }));
    let mut deeper = Vec::new();
    for path in &paths {
        let fields = path.kind.declaration().attributes;
        deeper.extend(fields.iter().filter_map(|field| step(&path.text, &path.when, field)));
    }
    paths.extend(deeper);
    paths
}

fn step(from: &str, when: &[String], field: &Field) -> Option<Path> {
    let FieldType::Entity(kind) = field.kind else { return None };
    let mut when = when.to_vec();
    if !field.required {
        when.push(format!("{from} has {}", field.name));
    }
    Some(Path { kind, text: format!("{from}.{}", field.name), when, whole: false })
}
