//! What two apps give without a token: the default scopes of each tenant, and the actor, its tags and the scopes of each service.
//!
//! What the grants of issuers give, and what a difference does, is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use app::study::Premises;
use diagnostic::visible;
use policy::{Actor, ScopeSet};
use serde_json::{Map, Value as Json, json};

/// One tenant or service that gives or has something else.
pub(super) struct Held {
    is_service: bool,
    id: Arc<str>,
    /// Before and after; nothing where there is no such service.
    sides: [Option<Side>; 2],
}

/// What is given, or what a service has.
struct Side {
    actor: Option<Arc<Actor>>,
    scopes: ScopeSet,
}

/// Every difference, tenants first, in the order of ids; nothing where one of the two is no app, and says nothing of it.
pub(super) fn differences(base: Option<&Premises>, head: Option<&Premises>) -> Option<Vec<Held>> {
    let is_app = |premises: &&Premises| !premises.facts.is_open();
    let (base, head) = (base.filter(is_app)?, head.filter(is_app)?);
    let [mut before, mut after] = [base, head].map(defaults);
    let mut found = Vec::new();
    let tenants: BTreeSet<Arc<str>> = before.keys().chain(after.keys()).cloned().collect();
    for id in tenants {
        // A tenant that is not there gives nothing.
        let given = |side: &mut BTreeMap<_, _>| {
            let scopes: ScopeSet = side.remove(&id).unwrap_or_default();
            Some(Side { actor: None, scopes })
        };
        let sides = [given(&mut before), given(&mut after)];
        found.push(Held { is_service: false, id, sides });
    }
    let [mut before, mut after] = [base, head].map(services);
    let services: BTreeSet<Arc<str>> = before.keys().chain(after.keys()).cloned().collect();
    for id in services {
        let sides = [before.remove(&id), after.remove(&id)];
        found.push(Held { is_service: true, id, sides });
    }
    found.retain(|held| held.before() != held.after());
    Some(found)
}

fn defaults(premises: &Premises) -> BTreeMap<Arc<str>, ScopeSet> {
    premises.default_scopes().map(|(tenant, scopes)| (tenant.text().clone(), scopes.clone())).collect()
}

fn services(premises: &Premises) -> BTreeMap<Arc<str>, Side> {
    let side =
        |actor: &Arc<Actor>, scopes: &ScopeSet| Side { actor: Some(actor.clone()), scopes: scopes.clone() };
    premises.services().map(|(id, actor, scopes)| (id.clone(), side(actor, scopes))).collect()
}

impl Held {
    fn before(&self) -> Json {
        let [before, _] = &self.sides;
        before.as_ref().map_or(Json::Null, Side::to_json)
    }

    fn after(&self) -> Json {
        let [_, after] = &self.sides;
        after.as_ref().map_or(Json::Null, Side::to_json)
    }

    fn change(&self) -> &'static str {
        match &self.sides {
            [None, _] => "added",
            [_, None] => "removed",
            _ => "changed",
        }
    }

    /// What it is, in words, on one line. Of what changed, only that.
    pub(super) fn words(&self) -> String {
        let what = if self.is_service { "service" } else { "tenant" };
        let parts = match &self.sides {
            [Some(was), Some(is)] => {
                let both = was.parts().into_iter().zip(is.parts());
                let changed = both.filter(|((_, was), (_, is))| was != is);
                changed.map(|((name, was), (_, is))| format!("{name} {is}, before {was}")).collect()
            }
            [one, other] => {
                let only = one.as_ref().or(other.as_ref()).map_or_else(Vec::new, Side::parts);
                only.into_iter().map(|(name, said)| format!("{name} {said}")).collect::<Vec<_>>()
            }
        };
        format!("{}: {what} `{}`: {}", self.change(), visible(&self.id), parts.join("; "))
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Json {
        let what = if self.is_service { "service" } else { "default_scopes" };
        json!({
            "change": self.change(),
            "what": what,
            "id": self.id,
            "before": self.before(),
            "after": self.after(),
        })
    }
}

impl Side {
    /// Each part by its name, in words.
    fn parts(&self) -> Vec<(&'static str, String)> {
        let scopes = listed(self.scopes.ids().map(str::to_owned));
        let Some(actor) = &self.actor else { return vec![("default scopes", scopes)] };
        let tags = listed(actor.tags().map(|(key, value)| format!("{key}={value}")));
        vec![("actor", listed([actor.id().to_string()])), ("tags", tags), ("scopes", scopes)]
    }

    fn to_json(&self) -> Json {
        let scopes: Vec<&str> = self.scopes.ids().collect();
        let Some(actor) = &self.actor else { return json!({"scopes": scopes}) };
        let tags: Map<String, Json> =
            actor.tags().map(|(key, value)| (key.to_owned(), value.into())).collect();
        json!({"actor": actor.id(), "tags": tags, "scopes": scopes})
    }
}

/// In quotation marks, with commas.
fn listed(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| format!("`{}`", visible(&text))).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}
