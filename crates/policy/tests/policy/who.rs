//! Who may: what is told holds whatever is left open, and whoever could be let in is foreseen. Held against random policies
//! and every completion of random questions.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use policy::study::{Assumed, Facts, May, Others, Posed, Study, Whom};
use policy::{
    Actor, Bundle, BundleSources, Process, Scope, ScopeSet, ScopeSources, Spec, Tenant, permission,
};
use serde_json::{Map, Value as Json, json};

use crate::random::Random;
use crate::world::{definition, file, host, scope, tenant};

/// Rounds: each has other policies.
const ROUNDS: usize = 60;

/// Parts of conditions, by permission. The last of each can fail.
const SEND: &[&str] = &[
    "context.bytes < 10",
    "context.topic == \"a\"",
    "context.topic == \"a\" || context.bytes == 7",
    "context has pid",
    "context has pid && context.pid.definition.tenant == resource.tenant",
    "context has pid && context.pid.tenant == resource.tenant",
    "context has pid && context.pid == resource",
    "context has pid && context.pid.owner == principal",
    "context has pid && resource has parent && resource.parent == context.pid",
    "resource has parent && resource.parent has parent",
    "resource.owner.verified",
    "resource.owner in Moonward::Role::\"acme/clerk\"",
    "resource.owner.hasTag(\"dept\")",
    "resource.owner == principal",
    "resource in Moonward::Process::\"p1\"",
    "principal.hasTag(\"dept\") && principal.getTag(\"dept\") == \"x\"",
    "principal.verified",
    "principal.kind == \"user\"",
    "principal in Moonward::Role::\"acme/clerk\"",
    "context.scopes.contains(Moonward::Scope::\"acme.security:one\")",
    "principal.tenant == Moonward::Tenant::\"beta\"",
    "context.bytes + 9223372036854775800 > 0",
];

const CANCEL: &[&str] = &[
    "context has deadline_ms",
    "context has deadline_ms && context.deadline_ms < 10",
    "!(context has deadline_ms) || context.deadline_ms > 5",
    "context has pid",
    "context has pid && context.pid has parent",
    "resource has parent",
    "resource has parent && resource.parent has parent",
    "resource.owner == principal",
    "principal in Moonward::Role::\"acme/clerk\"",
    "context has deadline_ms && context.deadline_ms * 4611686018427387904 > 0",
];

const HEADS: &[&str] = &[
    "principal",
    "principal is Moonward::Actor",
    "principal in Moonward::Tenant::\"acme\"",
    "principal in Moonward::Role::\"acme/clerk\"",
    "principal == Moonward::Actor::\"acme/user/unknown\"",
    "principal == Moonward::Actor::\"acme/user/ada\"",
];

const RESOURCES: &[&str] = &[
    "resource",
    "resource is Moonward::Process",
    "resource == Moonward::Process::\"p1\"",
    "resource == Moonward::Process::\"p2\"",
];

fn condition(random: &mut Random, parts: &[&str], depth: u64) -> String {
    let one = |random: &mut Random| format!("({})", condition(random, parts, depth.saturating_sub(1)));
    match random.below(if depth == 0 { 1 } else { 6 }) {
        1 => format!("{} && {}", one(random), one(random)),
        2 => format!("{} || {}", one(random), one(random)),
        3 => format!("!{}", one(random)),
        4 => format!("if {} then {} else {}", one(random), one(random), one(random)),
        _ => (*random.choose(parts)).to_owned(),
    }
}

fn policies(
    random: &mut Random,
    effect: &str,
    name: &str,
    spec: &Spec,
    heads: &[&str],
    parts: &[&str],
) -> String {
    let mut text = String::new();
    for number in 0..=random.below(3) {
        let (head, resource) = (random.choose(heads), random.choose(RESOURCES));
        let clause = *random.choose(&["when", "unless", ""]);
        let clause = match clause {
            "" => String::new(),
            clause => {
                let depth = random.below(3);
                format!("{clause} {{ {} }}", condition(random, parts, depth))
            }
        };
        let mode = if random.below(8) == 0 { "@mode(\"shadow\") " } else { "" };
        text.push_str(&format!(
            "@id(\"{name}.{number}\") {mode}{effect} ({head}, action == Moonward::Action::\"{}\", {resource}) {clause};\n",
            spec.action
        ));
    }
    text
}

fn own() -> Arc<Scope> {
    Arc::new(Scope::new("acme.security:one", &tenant("acme"), false).unwrap())
}

/// Random policies that load: warnings of a guard refuse it, so it takes some tries.
fn bundle(random: &mut Random, spec: &Spec, parts: &[&str]) -> Bundle {
    loop {
        // Now and then all is for one actor, and one of its scopes fails where another permits.
        let of_one = random.below(3) == 0;
        let heads = if of_one { &HEADS[HEADS.len() - 1..] } else { HEADS };
        // Arithmetic is no part of a guard.
        let guard = policies(random, "forbid", "guard", spec, HEADS, &parts[..parts.len() - 1]);
        let guards =
            if random.below(2) == 0 && !of_one { vec![file("guard.cedar", &guard)] } else { Vec::new() };
        let of_acme = if of_one { &parts[parts.len() - 1..] } else { parts };
        let system = policies(random, "permit", "system", spec, heads, parts);
        let acme = policies(random, "permit", "acme", spec, heads, of_acme);
        let sources = BundleSources {
            guards,
            scopes: vec![
                ScopeSources { scope: scope(), files: vec![file("system.cedar", &system)] },
                ScopeSources { scope: own(), files: vec![file("acme.cedar", &acme)] },
            ],
            tenants: vec![
                Tenant::new(tenant("acme")),
                Tenant { suspended: random.below(6) == 0, ..Tenant::new(tenant("beta")) },
            ],
            ..BundleSources::default()
        };
        if let Ok(bundle) = Bundle::load(sources) {
            return bundle;
        }
    }
}

fn an_actor(random: &mut Random) -> Arc<Actor> {
    let tenants = ["acme", "acme", "acme", "beta", "system"];
    let tenant = *random.choose(&tenants);
    let kind = *random.choose(&["user", "user", "service", "derived"]);
    let kind = if tenant == "system" && random.below(2) == 0 { "operator" } else { kind };
    let name = *random.choose(&["ada", "bob", "unknown"]);
    let id = if random.below(3) == 0 { "acme/user/ada" } else { &format!("{tenant}/{kind}/{name}") };
    with_claims(random, Actor::parse(id).unwrap())
}

/// As some token could make it.
fn with_claims(random: &mut Random, mut actor: Actor) -> Arc<Actor> {
    if actor.tenant().as_str() == "acme" && random.below(2) == 0 {
        actor = actor.with_roles(["acme/clerk"]).unwrap();
    }
    if random.below(2) == 0 {
        actor = actor.with_tags([("dept".to_owned(), (*random.choose(&["x", "y"])).to_owned())]).unwrap();
    }
    if random.below(2) == 0 {
        actor = actor.with_verified();
    }
    Arc::new(actor)
}

/// A line of four processes, of which the last two are asked about, and two of the asker's.
fn facts(actor: &Arc<Actor>, owners: &[Arc<Actor>; 2]) -> Facts {
    let mut facts = Facts::default();
    for id in ["acme", "beta"] {
        facts.add_tenant(Tenant::new(tenant(id)));
    }
    facts.add_host(host());
    let made = |pid: &str, owner: &Arc<Actor>, parent: Option<&Arc<Process>>| {
        Arc::new(Process::new(pid, owner.clone(), definition(owner.tenant()), host(), parent, 0))
    };
    let top = made("top", &owners[1], None);
    let above = made("p0", &owners[1], Some(&top));
    let first = made("p1", &owners[0], Some(&above));
    facts.add_process("p2", made("p2", &owners[1], Some(&first)));
    facts.add_process("own", made("own", actor, None));
    facts.add_process("own-child", made("own-child", actor, Some(&first)));
    facts.add_process("p0", above);
    // The resource and the caller can be one.
    facts.add_process("p1", first);
    facts
}

/// Every value that tells the parts of conditions apart; nothing where a field is left out. `own` are the asker's processes.
fn values(field: &str, own: &[&str]) -> Vec<Option<Json>> {
    match field {
        "bytes" => [0, 7, 10, 100].map(|bytes| Some(json!(bytes))).to_vec(),
        "topic" => ["a", "b"].map(|topic| Some(json!(topic))).to_vec(),
        "deadline_ms" => vec![None, Some(json!(1)), Some(json!(7)), Some(json!(20))],
        "pid" => own.iter().map(|pid| Some(json!(pid))).chain([None]).collect(),
        other => panic!("{other}"),
    }
}

/// Every way to say what is not said.
fn completions(said: &Map<String, Json>, unsaid: &[&str], own: &[&str]) -> Vec<Map<String, Json>> {
    let mut all = vec![said.clone()];
    for field in unsaid {
        let with = |context: &Map<String, Json>, value: Option<Json>| {
            let mut context = context.clone();
            context.extend(value.map(|value| ((*field).to_owned(), value)));
            context
        };
        all = all
            .iter()
            .flat_map(|context| {
                values(field, own).into_iter().map(|value| with(context, value)).collect::<Vec<_>>()
            })
            .collect();
    }
    all
}

#[test]
fn what_is_told_holds_however_the_question_is_completed_and_whoever_asks_is_foreseen() {
    let mut random = Random::seeded();
    let (mut told, mut depends, mut open, mut closed) = (0, 0, 0, 0);
    for round in 0..ROUNDS {
        let (action, parts) = *random.choose(&[("process.send", SEND), ("process.cancel", CANCEL)]);
        let spec = permission::find(action).unwrap();
        let study = Study::new(bundle(&mut random, spec, parts));
        for _ in 0..12 {
            let actor = an_actor(&mut random);
            // Any of them can be who asks.
            let mut owner = || if random.below(2) == 0 { actor.clone() } else { an_actor(&mut random) };
            let owners = [owner(), owner()];
            let mut of_asker = vec!["own", "own-child"];
            for (owner, pids) in owners.iter().zip([&["p1"][..], &["p0", "p2"]]) {
                of_asker.extend(pids.iter().filter(|_| Arc::ptr_eq(owner, &actor)));
            }
            // A process that asks is its actor's: what is said of one is said of the actor that asks.
            let facts = facts(&actor, &owners);
            let held = [vec![], vec![scope()], vec![own()], vec![scope(), own()]].map(ScopeSet::new);
            let scopes = random.choose(&held);
            let resource = *random.choose(&["p1", "p2"]);
            let fields: Vec<&str> = spec.context.iter().map(|field| field.name).chain(["pid"]).collect();
            let (mut context, mut said, mut unsaid) = (Map::new(), BTreeSet::new(), Vec::new());
            for field in fields {
                if random.below(2) == 0 {
                    unsaid.push(field);
                    continue;
                }
                said.insert(field.to_owned());
                context.extend(
                    random.choose(&values(field, &of_asker)).clone().map(|value| (field.to_owned(), value)),
                );
            }
            let pose = |context: &Map<String, Json>, actor: &Arc<Actor>, scopes: &ScopeSet| {
                Posed::new(&facts, Assumed::Nothing, (actor, scopes), action, resource, context).unwrap()
            };
            // Another actor was asked about, or the same with another token.
            let known = Actor::parse(actor.id()).unwrap();
            let known =
                if random.below(2) == 0 { with_claims(&mut random, known) } else { an_actor(&mut random) };
            let known_scopes = if random.below(2) == 0 { random.choose(&held) } else { &held[3] };
            let allows = |context: &Map<String, Json>, actor: &Arc<Actor>, scopes: &ScopeSet| {
                let posed = pose(context, actor, scopes);
                posed.with(|case| study.decide(case)).unwrap().unwrap().allows()
            };
            let tenants = ["acme", "beta", "system"].map(tenant);
            let nobody = Posed::of_nobody(&facts, action, resource, &context).unwrap();
            let (may, openings) = study
                .inquire(spec, &said, |inquiry| {
                    let may = inquiry.may(&pose(&context, &actor, scopes)).unwrap();
                    let known = HashMap::from([(&**known.id(), vec![(&*known, known_scopes)])]);
                    let others = Others { tenants: &tenants, scopes: None, known: &known };
                    (may, inquiry.openings(&nobody, others).unwrap())
                })
                .unwrap();
            let completions = completions(&context, &unsaid, &of_asker);
            let answers: BTreeSet<bool> =
                completions.iter().map(|context| allows(context, &actor, scopes)).collect();
            let known_may = || {
                known.id() == actor.id()
                    && completions.iter().any(|context| allows(context, &known, known_scopes))
            };
            let shown = || {
                format!(
                    "round {round}: {actor:?} {scopes:?} {action} {resource} {context:?} without {unsaid:?}: {may:?}\n{}",
                    study.policies().map(|policy| format!("{:?}\n", policy.span)).collect::<String>()
                )
            };
            match &may {
                May::Yes(by) => {
                    assert!(answers == BTreeSet::from([true]) && !by.is_empty(), "{}", shown());
                    told += 1;
                }
                May::No => {
                    assert_eq!(answers, BTreeSet::from([false]), "{}", shown());
                    told += 1;
                }
                May::Depends { on, by } => {
                    assert!(!unsaid.is_empty() && !by.is_empty(), "{}", shown());
                    assert!(!on.is_empty() && on.iter().all(|on| unsaid.contains(on)), "{}", shown());
                    depends += 1;
                }
            }
            // Whoever it is, an actor that may was to be expected: a token could have made it.
            let is_open = openings.iter().any(|opening| {
                opening.tenants.contains(actor.tenant())
                    && match &opening.whom {
                        Whom::Actor(id) => *id == **actor.id(),
                        Whom::Role(role) => actor.roles().any(|held| held == role),
                        Whom::Anybody => true,
                    }
            });
            assert!(
                is_open || answers == BTreeSet::from([false]) || known_may(),
                "{}\n{openings:?} {known:?} {known_scopes:?}",
                shown()
            );
            if is_open { open += 1 } else { closed += 1 }
        }
    }
    println!("{told} told, {depends} depend, {open} open, {closed} closed");
    assert!(told > 300 && depends > 15 && open > 80 && closed > 80, "the cases test little");
}
