//! Slice, footprint and memo held against plain Cedar: generated policies, entities and requests, each decided both ways.
//!
//! What is not under test is made apart: the plain side looks at every policy of the guard and the scopes held, and is given
//! entities made anew each time.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use cedar_policy::{Authorizer, Decision, PolicySet};
use diagnostic::Source;

use crate::bundle::{Bundle, BundleSources, Loaded, ScopeSources};
use crate::class::Class;
use crate::generation::{AnswerKind, Case, Generation, Question};
use crate::identity::{Actor, Scope, ScopeSet, Tenant, TenantId};
use crate::memo::{By, Local, Stamp};
use crate::permission::{ALL, Datum, Fields, Permission, ProcessSend, Resource, Spec, Via};
use crate::plain::Plainly;
use crate::resource::{Definition, Facility, Host, Name, Namespace, Process};
use crate::vocabulary::{BASE, EntityType, Field, FieldType, Group};

/// Questions of one run; `MOONWARD_QUESTIONS` asks for another number.
const QUESTIONS: u64 = 100_000;

/// Questions between two reloads.
const QUESTIONS_A_GENERATION: u64 = 500;

/// Permissions that one world's policies and questions are about: few, so that questions come again.
const PERMISSIONS_A_WORLD: usize = 4;

mod explained;
mod known;
#[path = "../tests/policy/random.rs"]
mod random;
mod recorded;

use random::Random;

/// What an answer says, whoever gave it.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    kind: AnswerKind,
    reasons: Vec<String>,
    errors: Vec<String>,
    /// What it would be with the shadow policies enforced, when that is of another sort.
    shadow: Option<Box<Said>>,
}

#[test]
fn remembered_answers_are_those_of_plain_cedar() {
    on_a_large_stack(|| {
        let mut random = Random::seeded();
        let given = std::env::var("MOONWARD_QUESTIONS").ok().and_then(|number| number.parse().ok());
        let generations = given.unwrap_or(QUESTIONS).div_ceil(QUESTIONS_A_GENERATION);
        let (mut hits, mut allowed, mut failed, mut shadowed) = (0, 0, 0, 0);
        for number in 0..generations {
            let world = World::new(&mut random, ["acme", "beta"]);
            let policies = Policies::new(&mut random, &world);
            let local = local(number, policies.load(&world));
            let plain = Plain { generation: &local.generation };
            for _ in 0..QUESTIONS_A_GENERATION {
                let asked = world.question(&mut random);
                let question = asked.question();
                let (remembered, plainly) = (local.answer(&question), plain.answer(&question));
                if random.below(8) == 0 {
                    // The gate's check of itself raises no false alarm.
                    let again = Plainly::put(&question, &local.generation).unwrap().decide(&local.generation);
                    let Said { kind, reasons, errors, .. } = said(&again);
                    assert_eq!((kind, &reasons, &errors), (plainly.kind, &plainly.reasons, &plainly.errors));
                }
                hits += u64::from(remembered.by == By::Memory);
                allowed += u64::from(plainly.kind == AnswerKind::Allow);
                failed += u64::from(plainly.kind == AnswerKind::Error);
                shadowed += u64::from(plainly.shadow.is_some());
                assert_eq!(
                    said(&remembered.answer),
                    plainly,
                    "by {:?}, {}\n{policies}",
                    remembered.by,
                    shown(&asked)
                );
            }
        }
        let asked = generations * QUESTIONS_A_GENERATION;
        println!(
            "{asked} questions: {hits} remembered, {allowed} allowed, {failed} failed, {shadowed} shadowed"
        );
        for (what, number) in
            [("remembered", hits), ("allowed", allowed), ("failed", failed), ("shadowed", shadowed)]
        {
            assert!(
                number > asked / 200 && number < asked - asked / 200,
                "{number} of {asked} {what}: tests little"
            );
        }
    });
}

#[test]
fn a_forbid_more_allows_nothing_more() {
    on_a_large_stack(|| {
        let mut random = Random::seeded();
        let mut denied = 0;
        for number in 0..10 {
            let world = World::new(&mut random, ["acme", "beta"]);
            let policies = Policies::new(&mut random, &world);
            let mut stricter = policies.clone();
            stricter.guard.push(policy(&mut random, &world, "forbid", "forbid.more"));
            let (before, after) =
                (local(number, policies.load(&world)), local(number, stricter.load(&world)));
            for _ in 0..QUESTIONS_A_GENERATION {
                let asked = world.question(&mut random);
                let question = asked.question();
                let [before, after] = [&before, &after].map(|local| local.answer(&question).answer.kind);
                assert!(before == after || after != AnswerKind::Allow, "{}\n{stricter}", shown(&asked));
                denied += u64::from(before != after);
            }
        }
        assert!(denied > 0, "no forbid mattered: tests little");
    });
}

#[test]
fn the_order_of_policies_is_of_no_matter() {
    on_a_large_stack(|| {
        let mut random = Random::seeded();
        for number in 0..10 {
            let world = World::new(&mut random, ["acme", "beta"]);
            let policies = Policies::new(&mut random, &world);
            let mut turned = policies.clone();
            turned.guard.reverse();
            turned.scopes.iter_mut().for_each(|permits| permits.reverse());
            let (one, other) = (local(number, policies.load(&world)), local(number, turned.load(&world)));
            for _ in 0..QUESTIONS_A_GENERATION {
                let asked = world.question(&mut random);
                let question = asked.question();
                let [one, other] = [&one, &other].map(|local| said(&local.answer(&question).answer));
                assert_eq!(one, other, "{}\n{policies}", shown(&asked));
            }
        }
    });
}

#[test]
fn the_names_of_tenants_are_of_no_matter() {
    on_a_large_stack(|| {
        // Three runs of the same choices, so that only the names differ.
        let answers = |tenants: [&'static str; 2]| -> Vec<(AnswerKind, Vec<String>)> {
            let mut random = Random::seeded();
            let mut answers = Vec::new();
            for number in 0..10 {
                let world = World::new(&mut random, tenants);
                let local = local(number, Policies::new(&mut random, &world).load(&world));
                for _ in 0..QUESTIONS_A_GENERATION {
                    let said = said(&local.answer(&world.question(&mut random).question()).answer);
                    answers.push((said.kind, said.reasons));
                }
            }
            answers
        };
        let expected = answers(["acme", "beta"]);
        assert!(expected == answers(["beta", "acme"]), "the two names the other way round answer otherwise");
        assert!(expected == answers(["zebra", "ant"]), "other names answer otherwise");
    });
}

fn on_a_large_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(crate::limits::EVALUATION_STACK_BYTES);
    thread.spawn(test).unwrap().join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn local(number: u64, bundle: Bundle) -> std::rc::Rc<Local> {
    static GATES: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1 << 32);
    let gate = GATES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    Local::of(gate, Stamp::new(number, true), || Arc::new(Generation::new(number, bundle)))
}

fn said(answer: &crate::generation::Answer) -> Said {
    Said {
        kind: answer.kind,
        reasons: answer.policies.iter().map(|policy| policy.id.to_string()).collect(),
        errors: answer.errors.iter().map(|error| error.to_string()).collect(),
        shadow: answer.shadow.as_ref().map(|would| {
            Box::new(Said {
                kind: would.kind,
                reasons: would.policies.iter().map(|policy| policy.id.to_string()).collect(),
                errors: would.errors.iter().map(|error| error.to_string()).collect(),
                shadow: None,
            })
        }),
    }
}

fn shown(asked: &Asked<'_>) -> String {
    let Asked { actor, scopes, process, spec, resource, context } = asked;
    format!("{actor:?} under {scopes:?} in {process:?}: {} on {resource:?} with {context:?}", spec.action)
}

/// Cedar, over everything that can be considered.
struct Plain<'a> {
    generation: &'a Generation,
}

impl Plain<'_> {
    fn answer(&self, question: &Question<'_>) -> Said {
        let bundle = &self.generation.bundle;
        let door = question.spec.group == Group::Doors;
        let own = |owner: &TenantId| owner.is_system() || (owner == question.actor.tenant() && !door);
        let held = question
            .scopes
            .ids()
            .filter_map(|id| bundle.scopes.get(id))
            .filter(|held| own(held.scope.tenant()));
        let considered: Vec<&Arc<Loaded>> =
            bundle.guards.iter().chain(held.flat_map(|held| held.policies.iter())).collect();
        let case = self.generation.case(question, &Class::of(question, bundle).unwrap()).unwrap();
        let enforced: Vec<_> =
            considered.iter().filter(|loaded| !is_shadow(loaded)).copied().cloned().collect();
        let would = Self::decide(&case, &considered.into_iter().cloned().collect::<Vec<_>>());
        let said = Self::decide(&case, &enforced);
        let shadow = (would.kind != said.kind).then(|| Box::new(would));
        Said { shadow, ..said }
    }

    fn decide(case: &Case, considered: &[Arc<Loaded>]) -> Said {
        let policies =
            PolicySet::from_policies(considered.iter().map(|loaded| loaded.policy.clone())).unwrap();
        let response = Authorizer::new().is_authorized(&case.request, &policies, &case.entities);
        let diagnostics = response.diagnostics();
        let id = |id: &cedar_policy::PolicyId| policies.annotation(id, "id").unwrap().to_owned();
        let mut reasons: Vec<String> = diagnostics.reason().map(id).collect();
        let mut errors: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
        reasons.sort();
        errors.sort();
        let kind = match (errors.is_empty(), response.decision(), reasons.is_empty()) {
            (false, ..) => AnswerKind::Error,
            (true, Decision::Allow, _) => AnswerKind::Allow,
            (true, Decision::Deny, false) => AnswerKind::Forbid,
            (true, Decision::Deny, true) => AnswerKind::Default,
        };
        Said { kind, reasons, errors, shadow: None }
    }
}

fn is_shadow(loaded: &Loaded) -> bool {
    loaded.text().contains("@mode(\"shadow\")")
}

/// Whom and what questions are about.
struct World {
    permissions: Vec<&'static Spec>,
    tenants: [TenantId; 2],
    suspended: Option<usize>,
    actors: Vec<Arc<Actor>>,
    scopes: [Arc<Scope>; 3],
    held: Vec<ScopeSet>,
    definitions: Vec<Arc<Definition>>,
    hosts: Vec<Arc<Host>>,
    processes: Vec<Arc<Process>>,
    names: Vec<Name>,
    namespaces: Vec<Namespace>,
    texts: Vec<Arc<str>>,
}

impl World {
    fn new(random: &mut Random, tenants: [&str; 2]) -> Self {
        let tenants = tenants.map(|id| TenantId::new(id).unwrap());
        let mut actors = Vec::new();
        for tenant in &tenants {
            for who in ["user/bob", "operator/eve"] {
                let actor = Actor::parse(&format!("{tenant}/{who}")).unwrap();
                // Two tokens of one user, which carry different things.
                let roles = [format!("{tenant}/clerk"), format!("{tenant}/chief")];
                let tags = [("dept".to_owned(), "x".to_owned()), ("level".to_owned(), "topic".to_owned())];
                let richer = actor.clone().with_verified().with_auth_time(5);
                let richer = richer.with_roles(roles.iter().map(String::as_str)).unwrap();
                actors.extend([actor, richer.with_tags(tags).unwrap()].map(Arc::new));
            }
        }
        let scope = |id: String, tenant: &TenantId| Arc::new(Scope::new(&id, tenant, true).unwrap());
        let [one, other] = &tenants;
        let scopes = [
            scope("system.test:scope".to_owned(), &TenantId::system()),
            scope(format!("{one}.security:worker"), one),
            scope(format!("{other}.security:worker"), other),
        ];
        let [of_system, of_one, of_other] = scopes.clone();
        let held = vec![
            ScopeSet::new([of_system.clone()]),
            ScopeSet::new([of_one.clone()]),
            ScopeSet::new([of_system.clone(), of_one.clone()]),
            ScopeSet::new([of_system, of_one, of_other]),
        ];
        let mut definitions = Vec::new();
        for tenant in &tenants {
            for name in ["workers:one", "workers.deep:two"] {
                // As before and after a reload.
                definitions.extend([false, true].map(|shared| {
                    Arc::new(Definition::new(&format!("{tenant}.{name}"), tenant, shared).unwrap())
                }));
            }
        }
        let hosts = vec![
            Arc::new(Host::new("app:open", None).unwrap()),
            Arc::new(Host::new("app:own", Some(one)).unwrap()),
            Arc::new(Host::new("app:own", Some(other)).unwrap()),
        ];
        let mut processes: Vec<Arc<Process>> =
            tenants.iter().map(|tenant| Arc::new(Process::stand_in("p0", tenant, 0))).collect();
        for number in 0..8 {
            let parent = (random.below(2) == 0).then(|| random.choose(&processes).clone());
            let (owner, definition) = (random.choose(&actors).clone(), random.choose(&definitions).clone());
            let (pid, host) = (format!("p{}", number / 2), random.choose(&hosts).clone());
            processes.push(Arc::new(Process::new(pid, owner, definition, host, parent.as_ref(), 0)));
        }
        let mut permissions = vec![&ProcessSend::SPEC];
        permissions.resize_with(PERMISSIONS_A_WORLD, || *random.choose(ALL));
        Self {
            permissions,
            suspended: usize::try_from(random.below(6)).ok().filter(|at| *at < 2),
            names: tenants.iter().map(|tenant| Name::new(tenant, "desk").unwrap()).collect(),
            namespaces: tenants
                .iter()
                .map(|tenant| Namespace::new(&format!("{tenant}.workers"), tenant).unwrap())
                .collect(),
            texts: ["x", "topic", "one", "dept"].map(Arc::from).to_vec(),
            tenants,
            actors,
            scopes,
            held,
            definitions,
            hosts,
            processes,
        }
    }

    fn question<'a>(&'a self, random: &mut Random) -> Asked<'a> {
        let spec = *random.choose(&self.permissions);
        let facility = if spec.action.ends_with("context") { Facility::Context } else { Facility::Security };
        Asked {
            actor: random.choose(&self.actors),
            scopes: random.choose(&self.held),
            process: (random.below(3) > 0).then(|| random.choose(&self.processes)),
            spec,
            resource: match spec.resource {
                EntityType::Process => Resource::Process(random.choose(&self.processes)),
                EntityType::Definition => Resource::Definition(random.choose(&self.definitions)),
                EntityType::Host => Resource::Host(random.choose(&self.hosts)),
                EntityType::Name => Resource::Name(random.choose(&self.names)),
                EntityType::Tenant => Resource::Tenant(random.choose(&self.tenants)),
                EntityType::Namespace => Resource::Namespace(random.choose(&self.namespaces)),
                EntityType::Facility => Resource::Facility(facility),
                EntityType::Role | EntityType::Scope | EntityType::Actor => {
                    panic!("no permission is about these")
                }
            },
            context: spec.context.iter().fold(Fields::none(), |fields, field| {
                let given = field.required || random.below(2) == 0;
                fields.with_some(field.name, given.then(|| self.datum(random, field)))
            }),
        }
    }

    fn datum<'a>(&'a self, random: &mut Random, field: &Field) -> Datum<'a> {
        match field.kind {
            FieldType::Bool => Datum::Bool(random.below(2) == 0),
            FieldType::Long => Datum::Long(*random.choose(&[0, 7, i64::MAX])),
            FieldType::String => Datum::String(random.choose::<Arc<str>>(&self.texts)),
            FieldType::Via => Datum::Via(*random.choose(&[Via::Spawn, Via::Http])),
            FieldType::Strings => {
                let from = usize::try_from(random.below(4)).unwrap();
                Datum::Strings(self.texts.get(from..).unwrap())
            }
            FieldType::Entity(EntityType::Host) => Datum::Host(random.choose(&self.hosts)),
            FieldType::Entity(EntityType::Process) => Datum::Process(random.choose(&self.processes)),
            FieldType::Entity(EntityType::Actor) => Datum::Actor(random.choose(&self.actors)),
            FieldType::Entity(EntityType::Scope) => Datum::Scope(random.choose(&self.scopes)),
            FieldType::Entity(_) | FieldType::Entities(_) => panic!("no action has such a field"),
        }
    }

    /// Some entity of this type, as a policy writes it.
    fn literal(&self, random: &mut Random, entity_type: EntityType) -> String {
        let tenant = random.choose(&self.tenants);
        let id = match entity_type {
            EntityType::Tenant => tenant.to_string(),
            EntityType::Role => format!("{tenant}/clerk"),
            EntityType::Scope => random.choose(&self.scopes).id().to_string(),
            EntityType::Actor => random.choose(&self.actors).id().to_string(),
            EntityType::Namespace => format!("{tenant}.workers"),
            EntityType::Definition => random.choose(&self.definitions).id().to_string(),
            EntityType::Host => random.choose(&self.hosts).id().to_string(),
            EntityType::Process => random.choose(&self.processes).pid().to_string(),
            EntityType::Name => format!("{tenant}/desk"),
            EntityType::Facility => random.choose(&["context", "security"]).to_string(),
        };
        format!("Moonward::{}::\"{id}\"", entity_type.name())
    }
}

/// A question, with the context that one borrows.
struct Asked<'a> {
    actor: &'a Arc<Actor>,
    scopes: &'a ScopeSet,
    process: Option<&'a Arc<Process>>,
    spec: &'static Spec,
    resource: Resource<'a>,
    context: Fields<'a>,
}

impl Asked<'_> {
    fn question(&self) -> Question<'_> {
        let Self { actor, scopes, process, spec, resource, ref context } = *self;
        Question { actor, scopes, process, spec, resource, context }
    }
}

/// Policies as text: a guard, and a scope for each of the world's.
#[derive(Clone)]
struct Policies {
    guard: Vec<String>,
    scopes: [Vec<String>; 3],
}

impl Policies {
    /// Policies that load: those that do not are left out.
    fn new(random: &mut Random, world: &World) -> Self {
        let mut made = |effect: &str, of: &str, number: u64| -> Vec<String> {
            (0..number).map(|at| policy(random, world, effect, &format!("{of}.{at}"))).collect()
        };
        Self {
            guard: made("forbid", "guard", 4),
            scopes: [made("permit", "system", 10), made("permit", "one", 8), made("permit", "other", 8)],
        }
    }

    fn load(&self, world: &World) -> Bundle {
        let mut policies = self.clone();
        loop {
            match Bundle::load(policies.sources(world)) {
                Ok(bundle) => return bundle,
                Err(found) => {
                    let ids: HashSet<String> =
                        found.iter().filter_map(|found| policies.named_in(found)).collect();
                    assert!(!ids.is_empty(), "{}", found.iter().map(diagnostic::render).collect::<String>());
                    let stays = |policy: &String| !ids.contains(id_of(policy));
                    policies.guard.retain(stays);
                    policies.scopes.iter_mut().for_each(|permits| permits.retain(stays));
                }
            }
        }
    }

    /// The policy, a line of its file, that a diagnostic is about.
    fn named_in(&self, found: &diagnostic::Diagnostic) -> Option<String> {
        let span = found.span.as_ref()?;
        let before = span.source.text.get(..span.start)?;
        let line = span.source.text.lines().nth(before.matches('\n').count())?;
        Some(id_of(line).to_owned())
    }

    fn sources(&self, world: &World) -> BundleSources {
        let source = |path: &str, policies: &[String]| {
            Arc::new(Source { path: path.to_owned(), text: policies.join("\n") })
        };
        let scope = |(scope, permits): (&Arc<Scope>, &Vec<String>)| ScopeSources {
            scope: scope.clone(),
            files: vec![source(scope.id(), permits)],
        };
        let tenant = |(at, id): (usize, &TenantId)| {
            let mut tenant = Tenant::new(id.clone());
            tenant.suspended = world.suspended == Some(at);
            tenant
        };
        BundleSources {
            guards: vec![source("guard.cedar", &self.guard)],
            replace_shipped_guard: true,
            scopes: world.scopes.iter().zip(&self.scopes).map(scope).collect(),
            tenants: world.tenants.iter().enumerate().map(tenant).collect(),
            declared: None,
        }
    }
}

impl std::fmt::Display for Policies {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.guard
            .iter()
            .chain(self.scopes.iter().flatten())
            .try_for_each(|policy| writeln!(formatter, "{policy}"))
    }
}

fn id_of(policy: &str) -> &str {
    policy.split('"').nth(1).unwrap_or_default()
}

/// One policy in one line.
fn policy(random: &mut Random, world: &World, effect: &str, id: &str) -> String {
    let spec = *random.choose(&world.permissions);
    let tenant = if id.starts_with("other") { 1 } else { 0 };
    let own = &world.tenants[tenant];
    let principal = match random.below(6) {
        0 => format!("principal == Moonward::Actor::\"{own}/user/bob\""),
        1 => format!("principal in Moonward::Role::\"{own}/clerk\""),
        2 => format!("principal in Moonward::Tenant::\"{own}\""),
        3 => format!("principal is Moonward::Actor in Moonward::Tenant::\"{own}\""),
        _ => "principal".to_owned(),
    };
    // A group has actions of other contexts: nothing but what they share may be read.
    let (action, fields) = match random.below(4) {
        0 => ("action".to_owned(), &[][..]),
        1 => (format!("action in Moonward::Action::\"{}\"", spec.group.name()), &[][..]),
        _ => (format!("action == Moonward::Action::\"{}\"", spec.action), spec.context),
    };
    let resource = match random.below(4) {
        0 => format!("resource == {}", world.literal(random, spec.resource)),
        1 if spec.resource == EntityType::Definition => {
            format!("resource in {}", world.literal(random, EntityType::Namespace))
        }
        _ => format!("resource is Moonward::{}", spec.resource.name()),
    };
    let mode = if random.below(8) == 0 { "@mode(\"shadow\") " } else { "" };
    let mut text = format!("@id(\"{id}\") {mode}{effect} ({principal}, {action}, {resource})");
    let mut conditions = Conditions { random, world, paths: paths(spec.resource, fields) };
    for _ in 0..conditions.random.below(3) {
        let word = conditions.random.choose(&["when", "unless"]).to_owned();
        let condition = conditions.any(2);
        let _ = write!(text, " {word} {{ {condition} }}");
    }
    text + ";"
}

/// Something that a policy can read, and what must be asked before.
#[derive(Clone)]
struct Path {
    text: String,
    kind: FieldType,
    guards: BTreeSet<String>,
    /// How often it looks into an entity.
    level: u32,
}

/// Everything that can be read when the resource is of this type.
fn paths(resource: EntityType, fields: &[Field]) -> Vec<Path> {
    let root = |text: &str, entity_type| Path {
        text: text.to_owned(),
        kind: FieldType::Entity(entity_type),
        guards: BTreeSet::new(),
        level: 0,
    };
    let mut paths = vec![root("principal", EntityType::Actor), root("resource", resource)];
    let context =
        Path { text: "context".to_owned(), kind: FieldType::Bool, guards: BTreeSet::new(), level: 0 };
    paths.extend(BASE.iter().chain(fields).map(|field| context.step(field, 0)));
    let mut at = 0;
    while let Some(path) = paths.get(at).cloned() {
        at += 1;
        if let FieldType::Entity(entity_type) = path.kind
            && path.level < crate::limits::ENTITY_LEVEL_MAX
        {
            paths.extend(entity_type.declaration().attributes.iter().map(|field| path.step(field, 1)));
        }
    }
    paths
}

impl Path {
    fn step(&self, field: &Field, levels: u32) -> Self {
        let mut guards = self.guards.clone();
        if !field.required {
            guards.insert(format!("{} has {}", self.text, field.name));
        }
        Self {
            text: format!("{}.{}", self.text, field.name),
            kind: field.kind,
            guards,
            level: self.level + levels,
        }
    }

    fn guarded(&self, test: &str) -> String {
        // Shorter ones first: `a has b` before `a.b has c`.
        let mut guards: Vec<&str> = self.guards.iter().map(String::as_str).collect();
        guards.sort_by_key(|guard| guard.len());
        guards.push(test);
        format!("({})", guards.join(" && "))
    }
}

struct Conditions<'a> {
    random: &'a mut Random,
    world: &'a World,
    paths: Vec<Path>,
}

impl Conditions<'_> {
    fn any(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.test();
        }
        match self.random.below(6) {
            0 => format!("({} && {})", self.any(depth - 1), self.any(depth - 1)),
            1 => format!("({} || {})", self.any(depth - 1), self.any(depth - 1)),
            2 => format!("!({})", self.any(depth - 1)),
            3 => format!("(if {} then {} else {})", self.test(), self.any(depth - 1), self.any(depth - 1)),
            _ => self.test(),
        }
    }

    fn test(&mut self) -> String {
        let path = self.random.choose(&self.paths).clone();
        let text = &path.text;
        let test = match path.kind {
            FieldType::Bool => text.clone(),
            FieldType::Long => match self.random.below(3) {
                0 => format!("{text} > 3"),
                // Fails where the number is large.
                1 => format!("{text} + 9223372036854775807 > 0"),
                _ => format!("{text} == 5"),
            },
            FieldType::String | FieldType::Via => match self.random.below(3) {
                0 => format!("{text} like \"*o*\""),
                1 => format!("[\"topic\", \"spawn\", \"one\", \"user\"].contains({text})"),
                _ => format!("{text} == \"x\""),
            },
            FieldType::Strings => format!("{text}.contains(\"{}\")", self.random.choose(&self.world.texts)),
            FieldType::Entities(kind) => {
                format!("{text}.contains({})", self.world.literal(self.random, kind))
            }
            FieldType::Entity(kind) => self.of_entity(&path, kind),
        };
        path.guarded(&test)
    }

    fn of_entity(&mut self, path: &Path, kind: EntityType) -> String {
        let text = &path.text;
        let declaration = kind.declaration();
        match self.random.below(6) {
            0 if !declaration.parents.is_empty() => {
                let parent = *self.random.choose(declaration.parents);
                format!("{text} in {}", self.world.literal(self.random, parent))
            }
            1 if declaration.tags && path.level < crate::limits::ENTITY_LEVEL_MAX => {
                let key = self.random.choose(&["dept", "level"]).to_owned();
                format!("({text}.hasTag(\"{key}\") && {text}.getTag(\"{key}\") == \"x\")")
            }
            2 => match declaration.attributes.iter().find(|field| !field.required) {
                Some(field) if path.level < crate::limits::ENTITY_LEVEL_MAX => {
                    format!("{text} has {}", field.name)
                }
                _ => format!("{text} is Moonward::{}", kind.name()),
            },
            3 => {
                let same: Vec<Path> =
                    self.paths.iter().filter(|other| other.kind == path.kind).cloned().collect();
                let other = self.random.choose(&same).clone();
                other.guarded(&format!("{text} == {}", other.text))
            }
            _ => format!("{text} == {}", self.world.literal(self.random, kind)),
        }
    }
}
