//! Literal entities that nothing declares: a policy that names one never matches it, and nobody is told at run time.
//!
//! Actions are the validator's to know. Roles and users come out of tokens: of them only the tenant is known here.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::EntityUid;
use diagnostic::{Diagnostic, did_you_mean};

use super::lint::Words;
use crate::bundle::{BundleSources, Declared};
use crate::identity::{Actor, TenantId};
use crate::limits::NEAREST_LOOKS_MAX;
use crate::vocabulary::EntityType;

/// What there is to be named.
pub(super) struct Known<'a> {
    /// Nothing where the app is not known.
    tenants: Option<BTreeSet<&'a str>>,
    scopes: Option<BTreeSet<&'a str>>,
    declared: Option<&'a Declared>,
    /// How often what was probably meant may still be looked for: there may be many names, and many that are wrong.
    looks: Cell<usize>,
}

impl<'a> Known<'a> {
    pub(super) fn of(sources: &'a BundleSources) -> Self {
        // Every app has a tenant: files on their own say of nothing that it is all there is.
        if sources.tenants.is_empty() && sources.declared.is_none() {
            return Self::nothing();
        }
        let tenants = sources.tenants.iter().map(|tenant| tenant.id.as_str());
        Self {
            tenants: Some(tenants.chain(["system"]).collect()),
            scopes: Some(sources.scopes.iter().map(|sources| &**sources.scope.id()).collect()),
            declared: sources.declared.as_ref(),
            looks: Cell::new(NEAREST_LOOKS_MAX),
        }
    }

    /// Policies without an app around them.
    pub(super) fn nothing() -> Self {
        Self { tenants: None, scopes: None, declared: None, looks: Cell::new(NEAREST_LOOKS_MAX) }
    }

    fn named(&self, what: &str, id: &str, declared: Option<&BTreeSet<Arc<str>>>) -> Result<(), Why> {
        declared.map_or(Ok(()), |declared| {
            self.listed(what, id, declared.contains(id), declared.iter().map(|name| &**name))
        })
    }

    fn listed<'n>(
        &self,
        what: &str,
        id: &str,
        is_there: bool,
        there: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), Why> {
        if is_there {
            return Ok(());
        }
        let left = self.looks.get();
        self.looks.set(left.saturating_sub(1));
        let near = if left > 0 { did_you_mean(id, there) } else { None };
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare the {what} `{id}`, or correct its name"),
        };
        Err(Why::new(format!("names the {what} `{id}`, which nothing declares"), help))
    }
}

pub(super) fn check(words: &Words<'_>, known: &Known<'_>, found: &mut Vec<Diagnostic>) {
    for at in 0..words.len() {
        if !(words.text(at).starts_with('"') && at >= 4 && words.text(at - 1) == "::") {
            continue;
        }
        let first = first_word(words, at);
        let written: String = (first..=at).map(|at| words.text(at)).collect();
        let Ok(uid) = written.parse::<EntityUid>() else { continue };
        let Some(entity_type) = type_of(&uid) else { continue };
        let id = uid.id().unescaped();
        let Err(why) = look_up(entity_type, id, known) else { continue };
        let name = entity_type.name();
        let message = format!("`{name}::\"{id}\"` {}: what names it here never matches", why.message);
        let diagnostic = Diagnostic::error("policy.undeclared", message).at(words.span(first, at));
        found.push(match why.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }
}

/// Where the path before the string begins.
fn first_word(words: &Words<'_>, string: usize) -> usize {
    let mut first = string - 2;
    while first >= 2 && words.text(first - 1) == "::" {
        first -= 2;
    }
    first
}

fn type_of(uid: &EntityUid) -> Option<EntityType> {
    let name = uid.type_name().to_string();
    let name = name.strip_prefix("Moonward::")?;
    EntityType::ALL.into_iter().find(|entity_type| entity_type.name() == name)
}

/// Why nothing can have an id.
struct Why {
    message: String,
    help: Option<String>,
}

impl Why {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: Some(help.into()) }
    }
}

fn look_up(entity_type: EntityType, id: &str, known: &Known<'_>) -> Result<(), Why> {
    let declared = known.declared;
    match entity_type {
        EntityType::Tenant => tenant(id, known),
        EntityType::Scope => known
            .scopes
            .as_ref()
            .map_or(Ok(()), |scopes| known.listed("scope", id, scopes.contains(id), scopes.iter().copied())),
        EntityType::Definition => {
            known.named("definition", id, declared.map(|declared| &declared.definitions))
        }
        EntityType::Host => known.named("host", id, declared.map(|declared| &declared.hosts)),
        EntityType::Namespace => known.named("namespace", id, declared.map(|declared| &declared.namespaces)),
        EntityType::Role => match id.split_once('/') {
            Some((owner, _)) => tenant(owner, known),
            None => Err(Why::new("is no role's id", "a role is written `tenant/role`")),
        },
        EntityType::Name => match id.split_once('/') {
            Some((owner, _)) => tenant(owner, known),
            None => Err(Why::new("is no name's id", "a registered name is written `tenant/name`")),
        },
        EntityType::Actor => match Actor::parse(id) {
            Ok(actor) => tenant(actor.tenant().as_str(), known),
            Err(_) => Err(Why::new(
                "is no actor's id",
                "an actor is written `tenant/kind/name`, its kind `user`, `service`, `derived` or `operator`",
            )),
        },
        EntityType::Facility => {
            let facilities = ["context", "security"];
            known.listed("facility", id, facilities.contains(&id), facilities)
        }
        EntityType::Process => Err(Why::new(
            "is one process, whose pid is drawn by lot when it starts",
            "name what it runs (`resource.definition == ...`), who it runs for, or its registered name",
        )),
    }
}

fn tenant(id: &str, known: &Known<'_>) -> Result<(), Why> {
    if TenantId::new(id).is_err() {
        let help = "a tenant's id is lower-case letters, digits and `-`";
        return Err(Why::new(format!("names the tenant `{id}`, which cannot be"), help));
    }
    known
        .tenants
        .as_ref()
        .map_or(Ok(()), |tenants| known.listed("tenant", id, tenants.contains(id), tenants.iter().copied()))
}
