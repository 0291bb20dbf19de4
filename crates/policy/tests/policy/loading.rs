//! Loading: everything that is wrong is found at once, with its place; nothing that loads can harm the engine.

use std::sync::Arc;

use diagnostic::Severity;
use policy::limits::EVALUATION_STACK_BYTES;
use policy::{Bundle, BundleSources, Caller, ProcessHost, Scope, ScopeSources, Tenant, TenantId};

use crate::random::Random;
use crate::world::{PERMIT_ALL, World, actor, bundle, file, host, rendered, scope, scopes, sources, tenant};

/// What is wrong with a scope's policies: code, line, column and message of each error.
fn findings(sources: BundleSources) -> Vec<(&'static str, (usize, usize), String)> {
    let found = Bundle::load(sources).unwrap_err();
    let place =
        |diagnostic: &diagnostic::Diagnostic| diagnostic.span.as_ref().map_or((0, 0), |span| span.position());
    let errors = found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.map(|diagnostic| (diagnostic.code, place(diagnostic), diagnostic.message.clone())).collect()
}

/// The only error in a scope of the operator that holds this.
fn finding(text: &str) -> (&'static str, (usize, usize), String) {
    let mut found = findings(sources(text));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn each_rule_is_enforced_where_it_is_broken() {
    let all = "permit (principal, action, resource)";
    for (text, code, place, message) in [
        ("permit (principal", "policy.syntax", (1, 18), "unexpected end of input"),
        (
            "\n  permit (principal, action, resource) when { 1 ++ };",
            "policy.syntax",
            (2, 50),
            "unexpected token `+`",
        ),
        ("permit (principal, action, resource);", "policy.id-missing", (1, 1), "this policy has no `@id`"),
        (
            "@id(\"a b\") permit (principal, action, resource);",
            "policy.id-invalid",
            (1, 1),
            "the id `a b` is not",
        ),
        (
            "@id(\"x\") forbid (principal, action, resource);",
            "policy.forbid-in-scope",
            (1, 1),
            "a scope holds permits only",
        ),
        (
            "@id(\"x\") permit (principal == ?principal, action, resource);",
            "policy.template",
            (1, 31),
            "templates are not supported",
        ),
        (
            "@id(\"x\") @mode(\"off\") permit (principal, action, resource);",
            "policy.mode-unknown",
            (1, 1),
            "unknown `@mode(\"off\")`",
        ),
        (
            "@id(\"x\") @audit(\"sometimes\") permit (principal, action, resource);",
            "policy.audit-unknown",
            (1, 1),
            "unknown `@audit(\"sometimes\")`",
        ),
        (
            "@id(\"x\") permit (principal, action == Moonward::Action::\"process.sent\", resource);",
            "policy.action-unknown",
            (1, 39),
            "unrecognized action",
        ),
        (
            "@id(\"x\") permit (principal, action, resource)\nwhen { principal.colour == 1 };",
            "policy.attribute-unknown",
            (2, 8),
            "attribute `colour`",
        ),
        (
            "@id(\"x\") permit (principal, action == Moonward::Action::\"process.send\", resource) \
             when { resource.owner.tenant.suspended };",
            "policy.level",
            (1, 90),
            "level",
        ),
        (
            "@id(\"x\") permit (principal, action, resource) when { Moonward::Tenant::\"acme\".suspended };",
            "policy.entity-literal",
            (1, 54),
            "literal",
        ),
        (
            &format!("@id(\"x\") {all};\n@id(\"x\") {all};"),
            "policy.id-twice",
            (2, 1),
            "the id `x` is used twice",
        ),
        (
            &format!("@id(\"x\") {all} when {{ {}true{} }};", "(".repeat(800), ")".repeat(800)),
            "policy.too-deep",
            (1, 117),
            "brackets nest 65 deep, at most 64 allowed",
        ),
        (
            &format!("@id(\"x\") {all} when {{ true{} }};", " || true".repeat(600)),
            "policy.too-deep",
            (1, 1659),
            "`||` occurs 201 times in a row, at most 200 allowed",
        ),
    ] {
        let (found_code, found_place, found_message) = finding(text);
        assert_eq!(found_code, code, "{found_message}");
        assert!(found_message.contains(message), "{found_message} has no {message}");
        assert_eq!(found_place, place, "{found_message}");
    }
}

#[test]
fn everything_wrong_in_all_files_is_found_at_once() {
    let found = findings(BundleSources {
        guards: vec![file("guard.cedar", "@id(\"g\") permit (principal, action, resource);\n")],
        scopes: vec![ScopeSources {
            scope: scope(),
            files: vec![
                file(
                    "a.cedar",
                    "permit (principal, action, resource);\n@id(\"b\") permit (principal, action resource);",
                ),
                file("b.cedar", "@id(\"c\") forbid (principal, action, resource) when { 1 };"),
            ],
        }],
        ..BundleSources::default()
    });
    let codes: Vec<&str> = found.iter().map(|(code, ..)| *code).collect();
    assert_eq!(
        codes,
        [
            "policy.permit-in-guard",
            "policy.id-missing",
            "policy.syntax",
            "policy.forbid-in-scope",
            "policy.invalid"
        ]
    );
}

#[test]
fn a_tenants_scope_names_nobody_elses_and_not_only_doors() {
    let own = Arc::new(Scope::new("acme.security:own", &tenant("acme"), false).unwrap());
    let with = |head: &str| BundleSources {
        scopes: vec![ScopeSources {
            scope: own.clone(),
            files: vec![file("own.cedar", &format!("@id(\"x\") permit ({head});"))],
        }],
        ..sources(PERMIT_ALL)
    };
    for (head, code) in [
        ("principal in Moonward::Tenant::\"beta\", action, resource", Some("policy.another-tenant")),
        ("principal in Moonward::Role::\"beta/clerk\", action, resource", Some("policy.another-tenant")),
        ("principal == Moonward::Actor::\"beta/user/eve\", action, resource", Some("policy.another-tenant")),
        ("principal, action, resource == Moonward::Name::\"beta/ledger\"", Some("policy.another-tenant")),
        ("principal, action in Moonward::Action::\"doors\", resource", Some("policy.doors")),
        ("principal, action == Moonward::Action::\"audit.read\", resource", Some("policy.doors")),
        (
            "principal, action in [Moonward::Action::\"audit.read\", Moonward::Action::\"log.read\"], resource",
            Some("policy.doors"),
        ),
        ("principal in Moonward::Role::\"acme/clerk\", action, resource", None),
        (
            "principal, action in [Moonward::Action::\"audit.read\", Moonward::Action::\"all\"], resource",
            None,
        ),
        ("principal, action, resource in Moonward::Namespace::\"lib\"", None),
    ] {
        let found = Bundle::load(with(head)).err().map(|found| found[0].code);
        assert_eq!(found, code, "{head}");
    }
}

#[test]
fn tenants_choose_their_ids_apart_but_not_those_of_the_operator() {
    let scope = |id: &str, owner: &str| Arc::new(Scope::new(id, &tenant(owner), false).unwrap());
    let with = |one: &str, other: &str| {
        let one = format!("@id(\"{one}\") permit (principal, action, resource);");
        let other = format!("@id(\"{other}\") permit (principal, action, resource);");
        BundleSources {
            scopes: vec![
                ScopeSources { scope: scope("acme:s", "acme"), files: vec![file("acme.cedar", &one)] },
                ScopeSources { scope: scope("beta:s", "beta"), files: vec![file("beta.cedar", &other)] },
            ],
            ..BundleSources::default()
        }
    };
    assert!(Bundle::load(with("x", "x")).is_ok());
    assert_eq!(findings(with("x", "guard.kind"))[0].0, "policy.id-twice");
}

#[test]
fn a_scope_or_tenant_is_declared_once() {
    let mut twice = sources(PERMIT_ALL);
    twice.scopes.push(ScopeSources { scope: scope(), files: Vec::new() });
    twice.tenants.push(Tenant::new(tenant("acme")));
    let codes: Vec<&str> = findings(twice).iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes, ["policy.tenant-twice", "policy.scope-twice"]);
}

#[test]
fn a_warning_is_reported_in_a_scope_and_refused_in_a_guard() {
    let impossible = |effect: &str| {
        format!(
            "@id(\"never\") {effect} (principal, action, resource) when {{ principal is Moonward::Process }};"
        )
    };
    let loaded = bundle(sources(&impossible("permit")));
    assert_eq!(loaded.warnings().len(), 1);
    assert_eq!(loaded.warnings()[0].severity, Severity::Warning);
    let guards = vec![file("guard.cedar", &impossible("forbid"))];
    let found = findings(BundleSources { guards, ..sources(PERMIT_ALL) });
    assert_eq!((found.len(), found[0].0), (1, "policy.impossible"), "{found:?}");
}

#[test]
fn replacing_the_shipped_guard_is_warned_of() {
    let loaded = bundle(BundleSources { replace_shipped_guard: true, ..sources(PERMIT_ALL) });
    assert_eq!(loaded.warnings()[0].code, "policy.shipped-guard-replaced");
    assert_eq!(loaded.policy_count(), 1);
}

#[test]
fn the_digest_changes_with_whatever_can_change_an_answer() {
    let digest = |sources| bundle(sources).digest().clone();
    let base = digest(sources(PERMIT_ALL));
    assert_eq!(base, digest(sources(&format!("// a comment\n{PERMIT_ALL}"))));
    let mut suspended = sources(PERMIT_ALL);
    suspended.tenants[0].suspended = true;
    let mut owned = sources(PERMIT_ALL);
    owned.scopes[0].scope = Arc::new(Scope::new("system.test:scope", &tenant("acme"), false).unwrap());
    let replaced = BundleSources { replace_shipped_guard: true, ..sources(PERMIT_ALL) };
    for other in [sources(&PERMIT_ALL.replace("test.all", "test.other")), suspended, owned, replaced] {
        assert_ne!(base, digest(other));
    }
}

#[test]
fn a_digest_is_that_of_one_version_of_the_product_and_can_be_had_for_another() {
    let loaded = bundle(sources(PERMIT_ALL));
    assert_eq!(loaded.digest_with(&policy::shipped_digest(false)), **loaded.digest());
    let replaced = bundle(BundleSources { replace_shipped_guard: true, ..sources(PERMIT_ALL) });
    assert_eq!(replaced.digest_with(&policy::shipped_digest(true)), **replaced.digest());
    // What the app brings is the same in both.
    assert_eq!(loaded.digest_with("another"), replaced.digest_with("another"));
    let other = bundle(sources(&PERMIT_ALL.replace("test.all", "test.other")));
    assert_ne!(loaded.digest_with("another"), other.digest_with("another"));
}

#[test]
fn the_deepest_policy_that_loads_is_decided_on_the_stack_that_callers_must_have() {
    // Four times 200 terms and 60 brackets: 990 levels, all of them read before the answer is known.
    let condition = (0..4).fold("true".to_owned(), |inner, _| {
        let brackets = 15;
        format!("{}{inner}{}{}", "(".repeat(brackets), ")".repeat(brackets), " && true".repeat(200))
    });
    let world = World::permitting(&format!(
        "@id(\"deep\") permit (principal, action, resource) when {{ {condition} }};"
    ));
    std::thread::scope(|threads| {
        let decide = || {
            let (bob, held) = (actor("acme/user/bob"), scopes());
            world
                .gate
                .operation()
                .check(&Caller::outside(&bob, &held), ProcessHost { host: host() })
                .map(drop)
        };
        let thread =
            std::thread::Builder::new().stack_size(EVALUATION_STACK_BYTES).spawn_scoped(threads, decide);
        thread.unwrap().join().unwrap().unwrap();
    });
}

#[test]
fn text_within_the_bounds_never_ends_the_process() {
    let around =
        |open: &str, close: &str, count: usize| format!("{}true{}", open.repeat(count), close.repeat(count));
    let chained = |term: &str| term.repeat(200);
    let shapes = [
        around("(", ")", 63),
        around("[", "]", 63),
        around("{a: ", "}", 63),
        around("[{a: ", "}]", 31),
        around("!(", ")", 63),
        around("if true then (", ") else false", 8),
        around("ip(", ")", 63),
        format!("principal{}", chained(".a")),
        format!("principal{}", chained("[\"a\"]")),
        format!("principal{}", chained(".a()")),
        format!("{} true", "if true then true else ".repeat(8)),
        format!("true{}", chained(" == true || true && 1 + 2 * 3 < 4")),
        around(&format!("({}", "1 + ".repeat(150)), ")", 6),
        around(&format!("({}", "true || true && ".repeat(100)), ")", 4),
        format!("[{}].contains(1)", "1, ".repeat(20_000)),
    ];
    for shape in &shapes {
        let _ = Bundle::load(sources(&format!(
            "@id(\"x\") permit (principal, action, resource) when {{ {shape} }};"
        )));
    }
}

#[test]
fn random_text_is_refused_with_its_place_and_nothing_breaks() {
    const WORDS: [&str; 32] = [
        "@id(\"x\")",
        "permit",
        "forbid",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ";",
        ",",
        ".",
        "principal",
        "action",
        "resource",
        "context",
        "when",
        "unless",
        "if",
        "then",
        "else",
        "in",
        "has",
        "is",
        "like",
        "==",
        "&&",
        "||",
        "\"s\"",
        "1",
        "?principal",
        "Moonward::Action::\"all\"",
    ];
    let mut random = Random::seeded();
    for _ in 0..50 {
        let words: Vec<&str> = (0..200).map(|_| *random.choose(&WORDS)).collect();
        let found = Bundle::load(sources(&words.join(" "))).unwrap_err();
        let place = |diagnostic: &diagnostic::Diagnostic| diagnostic.span.is_some();
        assert!(found.iter().all(place), "{}\n{}", words.join(" "), rendered(&found));
    }
}

#[test]
fn system_is_always_a_tenant() {
    let loaded = bundle(BundleSources::default());
    assert_eq!(loaded.tenants().map(|tenant| tenant.id.clone()).collect::<Vec<_>>(), [TenantId::system()]);
    assert_eq!(loaded.policy_count(), 16);
}
