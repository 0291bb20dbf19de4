//! What a solver takes for a counterexample, put to the engine: only what the gate itself would decide so counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId};
use cedar_policy_symcc::Env;
use diagnostic::{Source, Span};
use serde_json::{Map, Value as Json, json};

use super::claim::{Broken, Claim, Counterexample, Expected};
use super::known::Named;
use super::naming::{Told, readable, uid_of};
use crate::bundle::{Bundle, BundleSources, Loaded, LoadedScope};
use crate::cedar::NAMESPACE;
use crate::identity::{Scope, ScopeSet, TenantId};
use crate::slice::Slice;
use crate::study::{Assumed, Case, Facts, Posed, Sitting, Study};
use crate::vocabulary::{EntityType, Group};

/// Id of the scope that permits everything, in counterexamples to what a guard keeps to.
const EVERYTHING: &str = "prove:everything";

/// A scope of the operator's that permits everything, and its permit.
///
/// # Errors
/// Why there is none, in words.
pub(super) fn everything() -> Result<(Arc<Scope>, Arc<Loaded>), String> {
    let scope = Scope::new(EVERYTHING, &TenantId::system(), false).map_err(|error| error.to_string())?;
    let text = "permit (principal, action, resource);";
    let id = "prove.everything";
    let policy = Policy::parse(Some(PolicyId::new(id)), text).map_err(|error| error.to_string())?;
    let source = Arc::new(Source { path: "everything".to_owned(), text: text.to_owned() });
    let permit = Loaded {
        id: id.into(),
        policy,
        file: source.path.as_str().into(),
        line: 1,
        column: 1,
        audited: false,
        shadow: false,
        span: Span { start: 0, end: text.len(), source },
    };
    Ok((Arc::new(scope), Arc::new(permit)))
}

/// The request of a model, if the engine decides it as the claim says that it never does.
///
/// # Errors
/// Why it is none, in words: no running system could make it, or the engine decides otherwise.
pub(super) fn confirm(
    study: &Study,
    claim: &Claim,
    model: &Env,
    named: &[Named],
) -> Result<Counterexample, String> {
    // No made-up scope may have the id of one that permits something.
    let scopes = study.bundle().scopes.keys().map(|id| (EntityType::Scope, id.to_string()));
    let named: Vec<Named> = named.iter().cloned().chain(scopes).collect();
    let mut told = readable(told(model)?, claim.spec, &named);
    let by_guard = matches!(claim.broken, Broken::Allowed { by_guard: true });
    if !by_guard {
        claim.held.iter().for_each(|scope| hold(&mut told, scope));
    }
    let (mut posed, mut facts) = put(claim, &told)?;
    if by_guard && permitting(&posed).is_none() {
        claim.held.iter().for_each(|scope| hold(&mut told, scope));
        (posed, facts) = put(claim, &told)?;
    }
    let permitting = permitting(&posed).filter(|_| by_guard);
    let study =
        Study::new(bundle(study.bundle(), &posed.scopes, permitting)?).with_tenants(facts.tenants().cloned());
    let decided = study.sit(|sitting| posed.with(|case| decided(claim, sitting, case)));
    let mut found = decided.map_err(|error| error.to_string())??;
    if let Broken::Fails(id) = &claim.broken {
        let without = study.without(&[id.to_string()]).map_err(|error| error.to_string())?;
        let without = without.map_err(|error| error.to_string())?;
        let verdict = posed.with(|case| without.decide(case)).map_err(|error| error.to_string())?;
        let allowed = verdict.map_err(|error| error.to_string())?.allows();
        found.expected = Expected::NoError { allowed };
    }
    Ok(found)
}

fn decided(claim: &Claim, sitting: &mut Sitting<'_>, case: &Case<'_>) -> Result<Counterexample, String> {
    let invalid = |error: crate::InvalidQuestion| error.to_string();
    let verdict = sitting.decide(case).map_err(invalid)?;
    let written = sitting.written(case).map_err(invalid)?.ok_or("the engine cannot be given it")?;
    let expected = match &claim.broken {
        Broken::Allowed { by_guard } => {
            if !verdict.allows() {
                return Err(format!("the engine does not allow it ({:?})", verdict.kind));
            }
            if sitting.allowed_by(case, &claim.right()?).map_err(invalid)? != Some(false) {
                return Err("the engine finds nothing wrong with it".to_owned());
            }
            if *by_guard { Expected::DeniedByGuard } else { Expected::Denied }
        }
        Broken::Fails(id) => {
            if !verdict.failed.iter().any(|policy| policy.id == *id) {
                return Err(format!("policy `{id}` does not fail in the engine"));
            }
            Expected::NoError { allowed: false }
        }
        Broken::Untold(why) => return Err(why.clone()),
    };
    Ok(Counterexample {
        principal: case.actor.id().to_string(),
        resource: (
            case.resource.entity_type().name(),
            crate::cedar::resource_id(&case.resource).into_owned(),
        ),
        context: written.context,
        entities: written.entities,
        verdict,
        expected,
    })
}

fn told(model: &Env) -> Result<Told, String> {
    let part = |uid: Option<&cedar_policy::EntityUid>| {
        let json = uid.and_then(|uid| uid.to_json_value().ok()).ok_or("the solver's request is not whole")?;
        uid_of(&json).ok_or("the solver's request is of unknown types")
    };
    let context = model.request.context().ok_or("the solver's request has no context")?;
    let (principal, resource) = (part(model.request.principal())?, part(model.request.resource())?);
    let context = context.to_json_value().map_err(|error| error.to_string())?;
    let entities = model.entities.to_json_value().map_err(|error| error.to_string())?;
    let entities = reachable([&principal, &resource], &context, entities);
    Ok(Told { principal, resource, context, entities })
}

/// The entities that a request leads to. A model has others: what a solver supposes where nothing is asked of it.
fn reachable(asked: [&Named; 2], context: &Json, entities: Json) -> Json {
    let Json::Array(entities) = entities else { return entities };
    let mut left: BTreeMap<Named, Json> =
        entities.into_iter().filter_map(|entity| Some((uid_of(entity.get("uid")?)?, entity))).collect();
    let mut wanted: Vec<Named> = asked.into_iter().cloned().collect();
    references(context, &mut wanted);
    let mut reached = Vec::new();
    while let Some(uid) = wanted.pop() {
        if let Some(entity) = left.remove(&uid) {
            references(&entity, &mut wanted);
            reached.push(entity);
        }
    }
    Json::Array(reached)
}

fn references(value: &Json, found: &mut Vec<Named>) {
    found.extend(uid_of(value));
    match value {
        Json::Array(items) => items.iter().for_each(|item| references(item, found)),
        Json::Object(members) => members.values().for_each(|member| references(member, found)),
        _ => {}
    }
}

/// Has a scope among those that are held.
fn hold(told: &mut Told, scope: &Scope) {
    let uid = |kind: &str, id: &str| json!({"type": format!("{NAMESPACE}::{kind}"), "id": id});
    let held = uid("Scope", scope.id());
    if let Json::Object(context) = &mut told.context
        && let Json::Array(scopes) = context.entry("scopes").or_insert_with(|| json!([]))
        && !scopes.iter().filter_map(uid_of).any(|(_, id)| id == **scope.id())
    {
        scopes.push(json!({"__entity": held.clone()}));
    }
    if let Json::Array(entities) = &mut told.entities {
        let is_held = |entity: &Json| {
            entity.get("uid").and_then(uid_of) == Some((EntityType::Scope, scope.id().to_string()))
        };
        entities.retain(|entity| !is_held(entity));
        let tenant = uid("Tenant", scope.tenant().as_str());
        let attributes = json!({"tenant": {"__entity": tenant}, "shared": scope.shared()});
        entities.push(json!({"uid": held, "attrs": attributes, "parents": []}));
    }
}

/// The first of the scopes held whose permits count.
fn permitting(posed: &Posed) -> Option<&Arc<Scope>> {
    let own = |scope: &Scope| scope.tenant() == posed.actor.tenant() && posed.spec.group != Group::Doors;
    posed.scopes.iter().find(|scope| scope.tenant().is_system() || own(scope))
}

fn put(claim: &Claim, told: &Told) -> Result<(Posed, Facts), String> {
    let impossible = |why: &dyn std::fmt::Display| format!("no running system could be asked it: {why}");
    let mut facts = Facts::default();
    facts.add_entities(&told.entities).map_err(|error| impossible(&error))?;
    let actor = facts.actor(&told.principal.1).map_err(|error| impossible(&error))?;
    let mut fields = told.context.as_object().cloned().unwrap_or_else(Map::new);
    let held = fields.remove("scopes");
    let held = held.as_ref().and_then(Json::as_array).into_iter().flatten().filter_map(uid_of);
    let held = held.map(|(_, id)| facts.scope(&id).cloned()).collect::<Result<Vec<_>, _>>();
    let held = ScopeSet::new(held.map_err(|error| impossible(&error))?);
    let (kind, id) = told.resource.clone();
    let posed = Posed::of(&facts, Assumed::Nothing, (&actor, &held), claim.spec, (Some(kind), id), &fields);
    Ok((posed.map_err(|error| impossible(&error))?, facts))
}

/// The policies that decide: the guard of a study with the scopes that are held, or with one that permits everything.
fn bundle(studied: &Bundle, held: &ScopeSet, permitting: Option<&Arc<Scope>>) -> Result<Bundle, String> {
    let again = |policies: &Slice| Slice::new(policies.iter().cloned().collect());
    let scopes = if let Some(scope) = permitting {
        let (scope, (_, permit)) = (scope.clone(), everything()?);
        [(scope.id().clone(), LoadedScope { scope, policies: Slice::new(vec![permit]) })].into()
    } else {
        let held = studied.scopes.iter().filter(|(id, _)| held.contains(id));
        let scopes = held.map(|(id, LoadedScope { scope, policies })| {
            (id.clone(), LoadedScope { scope: scope.clone(), policies: again(policies) })
        });
        scopes.collect()
    };
    Ok(Bundle {
        guards: again(&studied.guards),
        scopes,
        tenants: studied.tenants.clone(),
        digest: studied.digest.clone(),
        own_digest: studied.own_digest.clone(),
        warnings: Vec::new(),
        sources: BundleSources::default(),
        shipped_guard: studied.shipped_guard.clone(),
        joined: studied.joined.clone(),
    })
}
