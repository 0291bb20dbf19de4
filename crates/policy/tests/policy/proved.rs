//! Proofs by a real solver, of claims whose truth is known otherwise.
//!
//! Without a `cvc5` there is nothing to ask, which is said; `MOONWARD_REQUIRE_CVC5=1` makes that a failure.

use std::sync::Arc;
use std::time::Duration;

use policy::prove::{self, Claim, Expected, Holder, Holding, Invariants, Outcome, Solver};
use policy::study::{Assumed, Facts, Posed, Sitting, Study};
use policy::{Actor, Bundle, BundleSources, Process, Scope, ScopeSet, ScopeSources, permission};
use serde_json::{Value as Json, json};

use crate::random::Random;
use crate::world::{self, bundle, file, host, tenant};

/// Long enough for a machine that does a lot else.
const WAIT: Duration = Duration::from_secs(300);

fn solver() -> Option<Solver> {
    match Solver::find(None, WAIT) {
        Ok(solver) => Some(solver),
        Err(why) => {
            let required = std::env::var_os("MOONWARD_REQUIRE_CVC5").is_some_and(|value| value == "1");
            assert!(!required, "{why}");
            println!("{why}: nothing was proved");
            None
        }
    }
}

/// What is not proved, with the permission; nothing may be unknown.
fn broken(study: &Study, claims: &[Claim], solver: &Solver) -> Vec<(&'static str, Expected)> {
    let outcomes = prove::sweep(study, claims, solver, WAIT, |_| {}).unwrap();
    let broken = claims.iter().zip(outcomes).filter_map(|(claim, outcome)| match outcome {
        Outcome::Proved => None,
        Outcome::Counterexample(found) => Some((claim.spec.action, found.expected)),
        Outcome::Unknown(why) => panic!("{} ({}): {why}", claim.spec.action, claim.about),
    });
    broken.collect()
}

fn studied(permits: &str) -> Study {
    Study::new(bundle(world::sources(permits)))
}

#[test]
fn the_shipped_guard_keeps_tenants_apart_in_every_request_environment() {
    let Some(solver) = solver() else { return };
    let study = Study::new(bundle(BundleSources::default()));
    let claims = prove::isolation(&study).unwrap();
    let actions: Vec<&str> = claims.iter().map(|claim| claim.spec.action).collect();
    assert_eq!(actions, permission::ALL.iter().map(|spec| spec.action).collect::<Vec<_>>());
    assert_eq!(broken(&study, &claims, &solver), []);
}

#[test]
fn a_guard_in_shadow_keeps_nobody_apart() {
    let Some(solver) = solver() else { return };
    let shipped = policy::study::shipped_guard();
    let id = "@id(\"guard.tenant.host\")";
    let text = shipped.text.replace(id, &format!("{id}\n@mode(\"shadow\")"));
    let guards = vec![file("guard.cedar", &text)];
    let sources = BundleSources { guards, replace_shipped_guard: true, ..BundleSources::default() };
    let study = Study::new(bundle(sources));
    let claims = prove::isolation(&study).unwrap();
    assert_eq!(broken(&study, &claims, &solver), [("process.host", Expected::DeniedByGuard)]);
}

#[test]
fn a_guard_that_lets_one_set_of_scopes_pass_keeps_nobody_apart() {
    let Some(solver) = solver() else { return };
    let hosts = "@id(\"guard.tenant.host\")\n@mode(\"shadow\")";
    let text = policy::study::shipped_guard().text.replace("@id(\"guard.tenant.host\")", hosts);
    let only = r#"@id("only") forbid (principal, action == Moonward::Action::"process.host", resource)
        unless { context.scopes == [Moonward::Scope::"acme:one"] };"#;
    let guards = vec![file("guard.cedar", &text), file("only.cedar", only)];
    let scope = Arc::new(Scope::new("acme:one", &tenant("acme"), false).unwrap());
    let scopes = vec![ScopeSources { scope, files: Vec::new() }];
    let sources = BundleSources { guards, replace_shipped_guard: true, scopes, ..world::sources("") };
    let study = Study::new(bundle(sources));
    let claims = prove::isolation(&study).unwrap();
    let outcomes = prove::sweep(&study, &claims, &solver, WAIT, |_| {}).unwrap();
    let host = claims.iter().zip(outcomes).find(|(claim, _)| claim.spec.action == "process.host");
    assert!(!matches!(host, Some((_, Outcome::Proved))), "{host:?}");
}

#[test]
fn a_policy_that_counts_beyond_64_bits_fails_and_one_that_cannot_does_not() {
    let Some(solver) = solver() else { return };
    let send = r#"permit (principal, action == Moonward::Action::"process.send", resource)"#;
    for (condition, expected) in [
        (
            "context.bytes + 9223372036854775807 > 0",
            &[("process.send", Expected::NoError { allowed: false })][..],
        ),
        ("context.bytes < 100 && context.bytes > 0 && context.bytes * 2 > 4", &[]),
        ("context.bytes < 100", &[]),
    ] {
        let study = studied(&format!("@id(\"a\") {send} when {{ {condition} }};"));
        let claims = prove::never_errors(&study).unwrap();
        assert_eq!(broken(&study, &claims, &solver), expected, "{condition}");
    }
}

const SEND: &str = r#"@id("a") permit (principal, action == Moonward::Action::"process.send", resource)"#;

#[test]
fn new_access_is_what_was_not_allowed_before() {
    let Some(solver) = solver() else { return };
    let short = format!("{SEND} when {{ context.bytes < 100 }};");
    let shorter = format!("{SEND} when {{ context.bytes < 50 }} unless {{ context.topic == \"\" }};");
    let fails = format!("{SEND} when {{ context.bytes < 100 && context.bytes + 9223372036854775807 != 3 }};");
    let both = format!(
        "{short} @id(\"b\") permit (principal, action == Moonward::Action::\"process.send\", resource);"
    );
    let spawns = format!(
        "{short} @id(\"b\") permit (principal, action == Moonward::Action::\"process.spawn\", resource);"
    );
    let sent = ("process.send", Expected::Denied);
    for (now, before, expected) in [
        (&short, &short, &[][..]),
        (&shorter, &short, &[]),
        (&short, &shorter, &[sent]),
        (&both, &short, &[sent]),
        (&short, &both, &[]),
        (&spawns, &short, &[("process.spawn", Expected::Denied)]),
        (&fails, &short, &[]),
        (&fails, &fails, &[]),
    ] {
        let (now, before) = (studied(now), studied(before));
        let claims = prove::no_new_access(&now, &before, None, &[]).unwrap();
        assert_eq!(broken(&now, &claims, &solver), expected);
    }
}

#[test]
fn what_a_permit_that_is_gone_denied_by_failing_is_not_told() {
    let Some(solver) = solver() else { return };
    let before = studied(&format!("{SEND} when {{ context.bytes + 9223372036854775807 > 0 }};"));
    let now = studied("");
    let claims = prove::no_new_access(&now, &before, None, &[]).unwrap();
    let outcomes = prove::sweep(&now, &claims, &solver, WAIT, |_| {}).unwrap();
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Unknown(why) if why.contains("`a`"))));
}

/// Sources with the scopes `acme:one` and `acme:two`, each with these permits.
fn two_scope_sources(one: &str, two: &str) -> BundleSources {
    let scope = |id, permits| ScopeSources {
        scope: Arc::new(Scope::new(id, &tenant("acme"), false).unwrap()),
        files: vec![file(&format!("{id}.cedar"), permits)],
    };
    let scopes = vec![scope("acme:one", one), scope("acme:two", two)];
    BundleSources { scopes, ..world::sources("") }
}

fn two_scopes(one: &str, two: &str) -> Study {
    Study::new(bundle(two_scope_sources(one, two)))
}

#[test]
fn scopes_are_compared_one_by_one_and_who_holds_more_by_default_is_compared_too() {
    let Some(solver) = solver() else { return };
    let send = format!("{SEND};");
    let claims = |now: &Study, before: &Study, holdings: &[Holding]| {
        let claims = prove::no_new_access(now, before, None, holdings).unwrap();
        broken(now, &claims, &solver)
    };
    let (one, two) = (two_scopes(&send, ""), two_scopes("", &send));
    assert_eq!(claims(&two, &one, &[]), [("process.send", Expected::Denied)], "the permit was moved");
    let held = |ids: &[&str]| ScopeSet::new(ids.iter().map(|id| one.bundle().scope(id).unwrap().clone()));
    let holding = |now: &[&str], before: &[&str]| Holding {
        holder: Holder::Tenant(tenant("acme")),
        now: held(now),
        before: held(before),
        retagged: false,
    };
    assert_eq!(claims(&one, &one, &[holding(&["acme:two"], &["acme:one"])]), [], "two holds nothing");
    let gained = holding(&["acme:one", "acme:two"], &["acme:two"]);
    assert_eq!(claims(&one, &one, &[gained]), [("process.send", Expected::Denied)]);
    let of_actor = Holding {
        holder: Holder::Actor(Arc::new(Actor::parse("acme/service/orders").unwrap())),
        ..holding(&["acme:one"], &[])
    };
    assert_eq!(claims(&one, &one, &[of_actor]), [("process.send", Expected::Denied)]);
}

#[test]
fn a_tenants_scope_counts_for_its_own_actors_and_for_no_door() {
    let Some(solver) = solver() else { return };
    let study = two_scopes("@id(\"a\") permit (principal, action, resource);", "");
    let invariants = |text: &str| {
        let invariants =
            Invariants::read(vec![file("invariants.cedar", text)], BundleSources::default()).unwrap();
        broken(&study, &invariants.claims(&study).unwrap(), &solver)
    };
    let doors = "@id(\"doors\") forbid (principal, action in Moonward::Action::\"doors\", resource);";
    assert_eq!(invariants(doors), []);
    let others = "@id(\"others\") permit (principal, action, resource) when { principal.tenant == Moonward::Tenant::\"acme\" };";
    assert_eq!(invariants(others), []);
    let beta = "@id(\"beta\") permit (principal, action == Moonward::Action::\"process.send\", resource) when { principal.tenant == Moonward::Tenant::\"beta\" };";
    assert_eq!(invariants(beta), [("process.send", Expected::Denied)]);
}

#[test]
fn an_id_that_a_policy_names_keeps_what_it_tells() {
    let Some(solver) = solver() else { return };
    // Only `acme/user/ada` is of tenant `acme` and a user; that no schema can say.
    let study = studied(
        r#"@id("a") permit (principal == Moonward::Actor::"acme/user/ada", action == Moonward::Action::"process.send", resource);
        @id("b") permit (principal in Moonward::Role::"beta/clerk", action == Moonward::Action::"process.send", resource);"#,
    );
    let invariant = r#"@id("x") permit (principal, action, resource)
        when { principal.kind == "user" && principal.tenant == Moonward::Tenant::"acme" || principal.tenant == Moonward::Tenant::"beta" };"#;
    let invariants =
        Invariants::read(vec![file("invariants.cedar", invariant)], BundleSources::default()).unwrap();
    assert_eq!(broken(&study, &invariants.claims(&study).unwrap(), &solver), []);
}

#[test]
fn a_parent_that_asks_has_a_parent_of_its_own() {
    let Some(solver) = solver() else { return };
    let guarded = |condition: &str| {
        let guard =
            format!("{} when {{ {condition} }};", SEND.replace("permit", "forbid").replace("\"a\"", "\"g\""));
        let guards = vec![file("guard.cedar", &guard)];
        Study::new(bundle(BundleSources { guards, ..world::sources(&format!("{SEND};")) }))
    };
    let before = guarded("resource has parent && resource.parent has parent");
    let now = guarded("context.topic == \"zz\" && context.topic == \"yy\"");
    let claims = prove::no_new_access(&now, &before, None, &[]).unwrap();
    assert_eq!(broken(&now, &claims, &solver), [("process.send", Expected::Denied)]);
    // Of what the request does not name, none has; the engine would take a process for its own parent.
    let beside = "!(context has pid) && resource has parent && resource.parent != resource";
    let before = guarded(&format!("{beside} && resource.parent has parent"));
    let claims = prove::no_new_access(&now, &before, None, &[]).unwrap();
    assert_eq!(broken(&now, &claims, &solver), []);
}

/// The same with this guard of messages.
fn guarded(one: &str, two: &str, guard: &str) -> Study {
    let forbid = SEND.replace("permit", "forbid").replace("\"a\"", "\"g\"");
    let guards = vec![file("guard.cedar", &format!("{forbid} when {{ {guard} }};"))];
    Study::new(bundle(BundleSources { guards, ..two_scope_sources(one, two) }))
}

/// Of `acme`'s actors, or of this one's of its services, with scopes of this study.
fn holding(study: &Study, holder: Holder, now: &[&str], before: &[&str]) -> Holding {
    let held = |ids: &[&str]| ScopeSet::new(ids.iter().map(|id| study.bundle().scope(id).unwrap().clone()));
    Holding { holder, now: held(now), before: held(before), retagged: false }
}

#[test]
fn fewer_scopes_are_new_access_where_they_lift_what_was_denied() {
    let Some(solver) = solver() else { return };
    let send = format!("{SEND};");
    let fails =
        format!("{SEND} when {{ context.bytes + 9223372036854775807 > 0 }};").replace("\"a\"", "\"f\"");
    let sent = &[("process.send", Expected::Denied)][..];
    let of_two = "context.scopes.contains(Moonward::Scope::\"acme:two\")";
    for (two, guard, now, before, expected) in [
        ("", of_two, &["acme:one"][..], &["acme:one", "acme:two"][..], sent),
        (&fails, "context.bytes == 7", &["acme:one"], &["acme:one", "acme:two"], sent),
        ("", "context.bytes == 7", &["acme:one"], &["acme:one", "acme:two"], &[]),
        ("", of_two, &["acme:one", "acme:two"], &["acme:one"], &[]),
        ("", of_two, &["acme:one", "acme:two"], &["acme:one", "acme:two"], &[]),
        // A new one lifts nothing by itself, but can be held without the one that the guard has something against.
        ("", of_two, &["acme:one", "acme:two"], &["acme:two"], sent),
    ] {
        let study = guarded(&send, two, guard);
        let holder = Holder::Actor(Arc::new(Actor::parse("acme/service/orders").unwrap()));
        let holdings = [holding(&study, holder, now, before)];
        let claims = prove::no_new_access(&study, &study, None, &holdings).unwrap();
        assert_eq!(broken(&study, &claims, &solver), expected, "{now:?} after {before:?}: {guard}, {two}");
    }
}

#[test]
fn what_hangs_on_tags_that_are_new_is_not_told() {
    let Some(solver) = solver() else { return };
    let tagged = format!("{SEND} when {{ principal.hasTag(\"role\") }};");
    for (permit, told) in [(tagged.as_str(), false), (&format!("{SEND};"), true)] {
        let study = guarded(permit, "", "context.bytes == 7");
        let holder = Holder::Actor(Arc::new(Actor::parse("acme/service/orders").unwrap()));
        let same = holding(&study, holder, &["acme:one"], &["acme:one"]);
        for (holding, told) in [(same.clone(), true), (Holding { retagged: true, ..same }, told)] {
            let claims = prove::no_new_access(&study, &study, None, &[holding]).unwrap();
            let outcomes = prove::sweep(&study, &claims, &solver, WAIT, |_| {}).unwrap();
            let unknown =
                |outcome: &Outcome| matches!(outcome, Outcome::Unknown(why) if why.contains("tags"));
            assert_eq!(!outcomes.iter().any(unknown), told, "{permit}: {outcomes:?}");
            assert!(outcomes.iter().all(|outcome| unknown(outcome) || matches!(outcome, Outcome::Proved)));
        }
    }
}

/// Conditions on messages; the first can fail, some hang on which scopes are held, or on a parent's parent.
const CONDITIONS: [&str; 18] = [
    "context.bytes + 9223372036854775800 > 0",
    "context.bytes < 10",
    "context.bytes <= 100",
    "context.topic == \"news\"",
    "context.topic like \"news.*\"",
    "principal.kind == \"service\"",
    "principal.hasTag(\"dept\") && principal.getTag(\"dept\") == \"sales\"",
    "principal in Moonward::Role::\"acme/clerk\"",
    "context has pid",
    "context has pid && context.pid.owner == principal",
    "resource.owner == principal",
    "resource.definition in Moonward::Namespace::\"acme\"",
    "resource has parent",
    "resource has parent && resource.parent has parent",
    "context has pid && context.pid has parent",
    "context.scopes.contains(Moonward::Scope::\"acme:one\")",
    "context.scopes.contains(Moonward::Scope::\"acme:two\")",
    "context.scopes == [Moonward::Scope::\"acme:two\"]",
];

/// Policies of messages: a guard, and two scopes.
#[derive(Clone)]
struct Texts {
    guard: Vec<String>,
    scopes: [Vec<String>; 2],
}

impl Texts {
    fn new(random: &mut Random) -> Self {
        let mut made = |effect, of: &str, most| -> Vec<String> {
            (0..random.below(most)).map(|at| message_policy(random, effect, &format!("{of}{at}"))).collect()
        };
        Self { guard: made("forbid", "g", 3), scopes: [made("permit", "o", 3), made("permit", "t", 3)] }
    }

    /// The same with one policy gone, another one, or nothing changed.
    fn changed(&self, random: &mut Random) -> Self {
        let mut changed = self.clone();
        let [one, two] = &mut changed.scopes;
        let (place, effect) = match random.below(5) {
            0 => (one, "permit"),
            1 => (two, "permit"),
            2 | 3 => (&mut changed.guard, "forbid"),
            _ => return changed,
        };
        if place.pop().is_none() || random.below(3) == 0 {
            place.push(message_policy(random, effect, "new"));
        }
        changed
    }

    /// Nothing where they do not load.
    fn study(&self) -> Option<Study> {
        let [one, two] = &self.scopes;
        let guards = vec![file("guard.cedar", &self.guard.concat())];
        let sources = two_scope_sources(&one.concat(), &two.concat());
        Bundle::load(BundleSources { guards, ..sources }).ok().map(Study::new)
    }
}

fn message_policy(random: &mut Random, effect: &str, id: &str) -> String {
    let head = "principal, action == Moonward::Action::\"process.send\", resource";
    let mut text = format!("@id(\"{id}\") {effect} ({head})\n");
    // A guard that can fail does not load, and neither does one without conditions.
    let (least, conditions) = if effect == "forbid" { (1, &CONDITIONS[1..]) } else { (0, &CONDITIONS[..]) };
    for _ in 0..least + random.below(2) {
        let word = random.choose(&["when", "unless"]);
        // What hangs on scopes is rare enough.
        let of_scopes = random.below(3) == 0;
        let one = random.choose(if of_scopes { &CONDITIONS[15..] } else { conditions });
        let other = random.choose(conditions);
        match random.below(3) {
            0 => text.push_str(&format!("{word} {{ ({one}) && ({other}) }}\n")),
            1 => text.push_str(&format!("{word} {{ ({one}) || ({other}) }}\n")),
            _ => text.push_str(&format!("{word} {{ {one} }}\n")),
        }
    }
    text + ";\n"
}

/// Who sends: the last two are one actor with tags, and without.
fn senders() -> Vec<Arc<Actor>> {
    let plain = |id: &str| Actor::parse(id).unwrap();
    let sales = [("dept".to_owned(), "sales".to_owned())];
    let senders = [
        plain("acme/user/ada"),
        plain("acme/user/bob").with_roles(["acme/clerk"]).unwrap(),
        plain("acme/service/orders").with_tags(sales).unwrap(),
        plain("acme/service/orders"),
    ];
    senders.map(Arc::new).into()
}

/// Every message that a small world can send under these scopes, each with the number of who sends it. They come in one order,
/// whatever the scopes.
fn messages(held: &ScopeSet) -> Vec<(usize, Posed)> {
    let mut facts = Facts::default();
    facts.add_host(host());
    let senders = senders();
    let mut known: Vec<Arc<Process>> = Vec::new();
    let families = [(0, None), (1, None), (2, None), (0, Some(0)), (2, Some(3)), (0, Some(3))];
    for (number, (owner, parent)) in families.into_iter().enumerate() {
        let (pid, owner) = (format!("p{number}"), senders[owner].clone());
        let definition = world::definition(owner.tenant());
        let parent = parent.map(|parent: usize| &known[parent]);
        let process = Arc::new(Process::new(pid.clone(), owner, definition, host(), parent, 0));
        facts.add_process(pid, process.clone());
        known.push(process);
    }
    let mut messages = Vec::new();
    for (number, sender) in senders.iter().enumerate() {
        for resource in &known {
            for pid in [None].into_iter().chain(known.iter().map(Some)) {
                for (bytes, topic) in [(0, ""), (10, "news.eu"), (101, "news")] {
                    let mut context = json!({"bytes": bytes, "topic": topic});
                    if let Some(pid) = pid {
                        context["pid"] = Json::from(&**pid.pid());
                    }
                    let (who, context) = ((sender, held), context.as_object().unwrap());
                    let nothing = Assumed::Nothing;
                    let posed = Posed::new(&facts, nothing, who, "process.send", resource.pid(), context);
                    messages.push((number, posed.unwrap()));
                }
            }
        }
    }
    messages
}

fn decided(study: &Study, messages: &[(usize, Posed)]) -> Vec<(usize, bool)> {
    let allows =
        |sitting: &mut Sitting<'_>, posed: &Posed| posed.with(|case| sitting.decide(case).unwrap().allows());
    study
        .sit(|sitting| messages.iter().map(|(sender, posed)| (*sender, allows(sitting, posed))).collect())
        .unwrap()
}

#[test]
fn what_is_proved_of_random_policies_no_message_breaks() {
    let Some(solver) = solver() else { return };
    let mut random = Random::seeded();
    let empty = two_scopes("", "");
    let [one, two] = ["acme:one", "acme:two"].map(|id| empty.bundle().scope(id).unwrap().clone());
    let sets = [vec![one.clone()], vec![two.clone()], vec![one, two], Vec::new()].map(ScopeSet::new);
    let sent = sets.each_ref().map(messages);
    let (mut proved, mut refuted) = (0, 0);
    for _ in 0..80 {
        let before = Texts::new(&mut random);
        let now = before.changed(&mut random);
        let (Some(of_now), Some(of_before)) = (now.study(), before.study()) else { continue };
        // Often one of two scopes was laid down.
        let laid_down = random.below(2) == 0;
        let (held, had) = if laid_down { (random.below(2), 2) } else { (random.below(4), random.below(4)) };
        let [held, had] = [held, had].map(|set| usize::try_from(set).unwrap());
        let retagged = random.below(4) == 0;
        let holding = Holding {
            holder: Holder::Actor(senders()[2].clone()),
            now: sets[held].clone(),
            before: sets[had].clone(),
            retagged,
        };
        let claims = prove::no_new_access(&of_now, &of_before, None, &[holding]).unwrap();
        let outcomes = prove::sweep(&of_now, &claims, &solver, WAIT, |_| {}).unwrap();
        refuted += usize::from(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Counterexample(_))));
        if !outcomes.iter().all(|outcome| matches!(outcome, Outcome::Proved)) {
            continue;
        }
        proved += 1;
        let shown = || {
            let [now, before] =
                [&now, &before].map(|texts| (texts.guard.concat(), texts.scopes.concat().concat()));
            format!("now {now:?}\nbefore {before:?}\nheld {held}, had {had}, retagged {retagged}")
        };
        let decided = sent.each_ref().map(|sent| [&of_now, &of_before].map(|study| decided(study, sent)));
        for [now, before] in &decided {
            let broken = now.iter().zip(before).any(|((_, now), (_, before))| *now && !before);
            assert!(!broken, "{}", shown());
        }
        // What the service sends now, against what it sent before: with its tags, or without.
        let of = |all: &[(usize, bool)], sender: usize| -> Vec<bool> {
            all.iter().filter(|(who, _)| *who == sender).map(|(_, allowed)| *allowed).collect()
        };
        let [now, before] = [of(&decided[held][0], 2), of(&decided[had][1], if retagged { 3 } else { 2 })];
        assert!(!now.into_iter().zip(before).any(|(now, before)| now && !before), "{}", shown());
    }
    println!("{proved} proved, {refuted} refuted");
    assert!(proved > 10 && refuted > 10, "{proved} proved, {refuted} refuted");
}
