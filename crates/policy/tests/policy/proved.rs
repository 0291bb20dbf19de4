//! Proofs by a real solver, of claims whose truth is known otherwise.
//!
//! Without a `cvc5` there is nothing to ask, which is said; `MOONWARD_REQUIRE_CVC5=1` makes that a failure.

use std::sync::Arc;
use std::time::Duration;

use policy::prove::{self, Claim, Expected, Holder, Holding, Invariants, Outcome, Solver};
use policy::study::{Assumed, Facts, Posed, Study};
use policy::{Actor, BundleSources, Scope, ScopeSet, ScopeSources, permission};
use serde_json::{Value as Json, json};

use crate::random::Random;
use crate::world::{self, bundle, file, host, process, scopes, tenant};

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

/// A study with the scopes `acme:one` and `acme:two`, each with these permits.
fn two_scopes(one: &str, two: &str) -> Study {
    let scope = |id, permits| ScopeSources {
        scope: Arc::new(Scope::new(id, &tenant("acme"), false).unwrap()),
        files: vec![file(&format!("{id}.cedar"), permits)],
    };
    let scopes = vec![scope("acme:one", one), scope("acme:two", two)];
    Study::new(bundle(BundleSources { scopes, ..world::sources("") }))
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

/// A study with the scopes `acme:one` and `acme:two`, and this guard of messages.
fn guarded(one: &str, two: &str, guard: &str) -> Study {
    let scope = |id, permits| ScopeSources {
        scope: Arc::new(Scope::new(id, &tenant("acme"), false).unwrap()),
        files: vec![file(&format!("{id}.cedar"), permits)],
    };
    let scopes = vec![scope("acme:one", one), scope("acme:two", two)];
    let forbid = SEND.replace("permit", "forbid").replace("\"a\"", "\"g\"");
    let guards = vec![file("guard.cedar", &format!("{forbid} when {{ {guard} }};"))];
    Study::new(bundle(BundleSources { scopes, guards, ..world::sources("") }))
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

/// Conditions on messages; some fail.
const CONDITIONS: [&str; 12] = [
    "context.bytes < 10",
    "context.bytes <= 100",
    "context.bytes + 9223372036854775800 > 0",
    "context.topic == \"news\"",
    "context.topic like \"n*\"",
    "principal.kind == \"service\"",
    "principal.hasTag(\"dept\") && principal.getTag(\"dept\") == \"sales\"",
    "principal in Moonward::Role::\"acme/clerk\"",
    "context has pid",
    "context has pid && context.pid.owner == principal",
    "resource.owner == principal",
    "resource.definition in Moonward::Namespace::\"acme\"",
];

/// One to three permits of messages.
fn permits(random: &mut Random) -> String {
    let mut text = String::new();
    for number in 0..1 + random.below(3) {
        text.push_str(&format!(
            "@id(\"p{number}\") permit (principal, action == Moonward::Action::\"process.send\", resource)\n"
        ));
        for _ in 0..random.below(3) {
            let word = random.choose(&["when", "unless"]);
            let (one, other) = (random.choose(&CONDITIONS), random.choose(&CONDITIONS));
            let operator = random.choose(&["&&", "||"]);
            text.push_str(&format!("{word} {{ ({one}) {operator} ({other}) }}\n"));
        }
        text.push_str(";\n");
    }
    text
}

/// Every message that a small world can send.
fn messages() -> Vec<Posed> {
    let mut facts = Facts::default();
    let plain = |id: &str| Actor::parse(id).unwrap();
    let sales = [("dept".to_owned(), "sales".to_owned())];
    let actors: Vec<Arc<Actor>> = [
        plain("acme/user/ada"),
        plain("acme/user/bob").with_roles(["acme/clerk"]).unwrap(),
        plain("acme/service/orders").with_tags(sales.clone()).unwrap(),
        plain("beta/service/jobs").with_tags(sales).unwrap(),
    ]
    .map(Arc::new)
    .into();
    facts.add_host(host());
    for (number, actor) in actors.iter().enumerate() {
        facts.add_process(format!("p{number}"), process(&format!("p{number}"), actor));
    }
    let mut messages = Vec::new();
    for actor in &actors {
        for (resource, pid, bytes, topic) in cases(&["p0", "p1", "p2", "p3"]) {
            let mut context = json!({"bytes": bytes, "topic": topic});
            if let Some(pid) = pid {
                context["pid"] = Json::from(pid);
            }
            let context = context.as_object().unwrap();
            let who = (actor, &scopes());
            let posed = Posed::new(&facts, Assumed::Nothing, who, "process.send", resource, context);
            messages.push(posed.unwrap());
        }
    }
    messages
}

fn cases(processes: &[&'static str]) -> Vec<(&'static str, Option<&'static str>, i64, &'static str)> {
    let mut all = Vec::new();
    for resource in processes {
        for pid in [None].into_iter().chain(processes.iter().copied().map(Some)) {
            for bytes in [0, 9, 10, 100, 101] {
                for topic in ["", "news", "no"] {
                    all.push((*resource, pid, bytes, topic));
                }
            }
        }
    }
    all
}

#[test]
fn what_is_proved_of_random_policies_no_message_breaks() {
    let Some(solver) = solver() else { return };
    let mut random = Random::seeded();
    let messages = messages();
    let decided = |study: &Study| -> Vec<bool> {
        study
            .sit(|sitting| {
                messages
                    .iter()
                    .map(|posed| posed.with(|case| sitting.decide(case).unwrap().allows()))
                    .collect()
            })
            .unwrap()
    };
    let (mut proved, mut refuted) = (0, 0);
    for _ in 0..40 {
        let (now, before) = (permits(&mut random), permits(&mut random));
        let (of_now, of_before) = (studied(&now), studied(&before));
        let claims = prove::no_new_access(&of_now, &of_before, None, &[]).unwrap();
        let outcomes = prove::sweep(&of_now, &claims, &solver, WAIT, |_| {}).unwrap();
        let broken =
            decided(&of_now).into_iter().zip(decided(&of_before)).any(|(now, before)| now && !before);
        let holds = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Proved));
        assert!(!(holds && broken), "proved, and not so:\n{now}\nallows what is denied by\n{before}");
        proved += usize::from(holds);
        refuted += usize::from(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Counterexample(_))));
    }
    println!("{proved} proved, {refuted} refuted");
    assert!(proved > 2 && refuted > 2, "{proved} proved, {refuted} refuted");
}
