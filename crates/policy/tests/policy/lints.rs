//! Lints: what Cedar takes and nobody meant is told with its place and the next step, and is refused in a guard.

use std::collections::BTreeSet;
use std::sync::Arc;

use diagnostic::{Diagnostic, Severity};
use policy::{Bundle, BundleSources, Declared, Weight};

use crate::world::{PERMIT_ALL, bundle, file, rendered, scope, sources};

/// A scope of the operator that holds this, in an app with two tenants and a few things declared.
fn app(text: &str) -> BundleSources {
    let ids = |ids: &[&str]| ids.iter().map(|id| Arc::from(*id)).collect::<BTreeSet<_>>();
    let declared = Declared {
        definitions: ids(&["acme.workers:handler"]),
        hosts: ids(&["app:processes"]),
        namespaces: ids(&["acme", "acme.workers", "app"]),
    };
    BundleSources { declared: Some(declared), ..sources(text) }
}

/// The same text in a guard, beside a scope that is sound.
fn guarded(text: &str) -> BundleSources {
    let sound = "@id(\"sound\") permit (principal, action in Moonward::Action::\"all\", resource);";
    BundleSources { guards: vec![file("guard.cedar", text)], ..app(sound) }
}

const HEAD: &str = "(principal, action == Moonward::Action::\"process.send\", resource)";

fn permit(condition: &str) -> String {
    format!("@id(\"x\") permit {HEAD}\nwhen {{ {condition} }};")
}

fn place(found: &Diagnostic) -> (usize, usize) {
    found.span.as_ref().unwrap().position()
}

#[test]
fn what_is_not_meant_is_a_warning_with_its_place_and_what_to_write_instead() {
    let resource =
        |literal: &str| permit(&format!("resource.definition == Moonward::Definition::\"{literal}\""));
    for (text, code, at, said, help) in [
        (
            "@id(\"x\") permit (principal, action, resource);".to_owned(),
            "policy.always-true",
            (1, 1),
            "everything to everybody",
            "name the action",
        ),
        (
            "@id(\"x\") permit (principal, action, resource) when { true } unless { !true || 1 == 2 };".to_owned(),
            "policy.always-true",
            (1, 1),
            "everything to everybody",
            "name the action",
        ),
        (
            permit("context.topic like \"acme*\""),
            "policy.like-open",
            (2, 27),
            "`acme*` also matches `acme2`",
            "`acme/*` or `acme.*`; a namespace and all in it is `in Moonward::Namespace::\"acme\"`",
        ),
        (resource("acme.workers:handel"), "policy.undeclared", (2, 31), "which nothing declares", "`acme.workers:handler`"),
        (
            permit("principal.tenant == Moonward::Tenant::\"acmee\""),
            "policy.undeclared",
            (2, 28),
            "the tenant `acmee`",
            "did you mean `acme`?",
        ),
        (
            permit("context.scopes.contains(Moonward :: Scope :: \"system.test:scpoe\")"),
            "policy.undeclared",
            (2, 32),
            "the scope `system.test:scpoe`",
            "did you mean `system.test:scope`?",
        ),
        (
            permit("principal in Moonward::Role::\"ghost/clerk\""),
            "policy.undeclared",
            (2, 21),
            "the tenant `ghost`",
            "declare the tenant `ghost`",
        ),
        (permit("principal == Moonward::Actor::\"bob\""), "policy.undeclared", (2, 21), "no actor's id", "tenant/kind/name"),
        (permit("resource == Moonward::Process::\"p~1\""), "policy.undeclared", (2, 20), "drawn by lot", "resource.definition"),
        (
            "@id(\"x\") permit (principal, action == Moonward::Action::\"process.host\", resource == Moonward::Host::\"app:process\");"
                .to_owned(),
            "policy.undeclared",
            (1, 85),
            "the host `app:process`",
            "`app:processes`",
        ),
        (
            "@id(\"x\") permit (principal, action == Moonward::Action::\"process.spawn\", resource in Moonward::Namespace::\"acm\");"
                .to_owned(),
            "policy.undeclared",
            (1, 86),
            "the namespace `acm`",
            "`acme`",
        ),
        (
            permit("true } unless { context has pdi"),
            "policy.has-unknown",
            (2, 36),
            "`pdi`: this test is always false",
            "did you mean `pid`?",
        ),
        (
            permit("!(principal has tenant.suspnded)"),
            "policy.has-unknown",
            (2, 31),
            "`suspnded`",
            "did you mean `suspended`?",
        ),
        (permit("!(principal has \"a tag\")"), "policy.has-unknown", (2, 24), "`a tag`", "hasTag"),
        (permit("false"), "policy.impossible", (1, 1), "never matches", "does not go with"),
        (permit("context.topic == \"p\u{0430}y\""), "policy.mixed-script", (2, 25), "mixed scripts", ""),
    ] {
        let loaded = bundle(app(&text));
        let [found] = loaded.warnings() else { panic!("{text}\n{}", rendered(loaded.warnings())) };
        assert_eq!((found.code, found.severity), (code, Severity::Warning), "{text}");
        assert_eq!(place(found), at, "{text}\n{}", rendered(loaded.warnings()));
        assert!(found.message.contains(said), "{}", found.message);
        assert!(found.help.as_deref().unwrap_or_default().contains(help), "{:?}", found.help);
        assert_eq!(found.subject.as_deref(), Some("x"), "{text}");
    }
}

#[test]
fn what_is_meant_is_not_warned_of() {
    for condition in [
        "context.topic like \"acme/*\"",
        "context.topic like \"*order*\"",
        "principal.hasTag(\"like\") && principal.getTag(\"like\") == \"a*\"",
        "context.bytes + 1 < 5 - 3",
        "context has pid && {a: 1} has a && !(principal has tenant.suspended)",
        "principal in Moonward::Role::\"acme/clerk\" || principal == Moonward::Actor::\"beta/user/eve\"",
        "resource.definition in Moonward::Namespace::\"acme.workers\"",
        "principal.tenant == Moonward::Tenant::\"system\"",
        "\"Moonward::Tenant::\" == context.topic",
        "context.topic == \"grün\" || context.topic == \"日本\"",
    ] {
        let loaded = bundle(app(&permit(condition)));
        assert!(loaded.warnings().is_empty(), "{condition}\n{}", rendered(loaded.warnings()));
    }
    // Nobody knows what there is: nothing is called a mistake.
    let unknown = permit("resource.definition == Moonward::Definition::\"any:thing\"");
    assert!(bundle(sources(&unknown)).warnings().is_empty());
}

#[test]
fn each_of_them_is_an_error_in_a_guard() {
    for (condition, code) in [
        ("context.topic like \"acme*\"", "policy.like-open"),
        ("principal.tenant == Moonward::Tenant::\"acmee\"", "policy.undeclared"),
        ("false", "policy.impossible"),
        ("context.topic == \"p\u{0430}y\"", "policy.mixed-script"),
        ("!(context has pdi)", "policy.has-unknown"),
        ("context.bytes + 1 > 5", "policy.arithmetic"),
        ("context.bytes - 1 > 5", "policy.arithmetic"),
        ("context.bytes * -1 > 5", "policy.arithmetic"),
        ("-context.bytes < 5", "policy.arithmetic"),
        ("datetime(\"2026-01-01\").offset(duration(\"1d\")) < datetime(\"2026-01-02\")", "policy.arithmetic"),
    ] {
        let text = format!("@id(\"g\") forbid {HEAD}\nwhen {{ {condition} }};");
        let found = Bundle::load(guarded(&text)).unwrap_err();
        let errors: Vec<_> = found.iter().map(|found| (found.code, found.severity)).collect();
        assert_eq!(errors, [(code, Severity::Error)], "{condition}\n{}", rendered(&found));
    }
    let text =
        format!("@id(\"g\") forbid {HEAD} when {{ context.bytes > -5 && principal.kind == \"a-b+c*d\" }};");
    assert!(Bundle::load(guarded(&text)).is_ok());
}

#[test]
fn characters_that_hide_or_turn_text_are_refused_everywhere_in_comments_too() {
    for (text, code) in [
        (format!("// harmless \u{202e} ;\n{PERMIT_ALL}"), "policy.bidirectional"),
        (permit("context.topic == \"a\u{2066}b\""), "policy.bidirectional"),
        (permit("context.topic == \"a\\u{202e}b\""), "policy.bidirectional"),
        (permit("context.topic == \"a\u{200b}b\""), "policy.invisible"),
        (format!("{PERMIT_ALL}\u{feff}"), "policy.invisible"),
        (format!("// bell \u{7}\n{PERMIT_ALL}"), "policy.invisible"),
    ] {
        let found = Bundle::load(app(&text)).unwrap_err();
        let first = &found[0];
        assert_eq!((first.code, first.severity), (code, Severity::Error), "{}", rendered(&found));
        assert!(first.span.is_some() && !rendered(&found).contains('\u{202e}'), "{}", rendered(&found));
    }
}

#[test]
fn names_that_do_not_exist_are_answered_with_what_was_probably_meant() {
    for (text, code, help) in [
        (
            permit("principal.tennant == principal.tenant"),
            "policy.attribute-unknown",
            "did you mean `tenant`?",
        ),
        (permit("context.topc == \"a\""), "policy.attribute-unknown", "did you mean `topic`?"),
        (permit("resource.parent == resource"), "policy.attribute-optional", "has"),
        (permit("resource is Moonward::Proces"), "policy.type-unknown", "did you mean `Moonward::Process`?"),
        (
            permit("true").replace("process.send", "process.sned"),
            "policy.action-unknown",
            "did you mean `Moonward::Action::\"process.send\"`?",
        ),
    ] {
        let found = Bundle::load(app(&text)).unwrap_err();
        assert_eq!(found[0].code, code, "{}", rendered(&found));
        assert!(found[0].help.as_deref().unwrap_or_default().contains(help), "{}", rendered(&found));
    }
}

#[test]
fn loose_files_are_held_to_the_place_that_their_effect_asks_for() {
    let text = "@id(\"p\") permit (principal, action in Moonward::Action::\"all\", resource);\n\
                @id(\"f\") forbid (principal, action, resource) when { principal has authTime && principal.authTime + 1 > 5 };\n\
                @id(\"w\") permit (principal, action in Moonward::Action::\"all\", resource in Moonward::Namespace::\"any\");\n\
                @id(\"p\") permit (principal, action, resource);";
    let (policies, found) = Bundle::examine(vec![file("a.cedar", text)]);
    let found: Vec<_> = found.iter().map(|found| (found.code, found.severity, place(found).0)).collect();
    assert_eq!(
        (policies, found),
        (
            2,
            vec![
                ("policy.arithmetic", Severity::Error, 2),
                ("policy.id-twice", Severity::Error, 4),
                ("policy.always-true", Severity::Warning, 4)
            ]
        )
    );
}

#[test]
fn more_findings_than_anybody_reads_are_counted() {
    let text = "permit (principal, action in Moonward::Action::\"all\", resource);\n".repeat(1200);
    let found = Bundle::load(sources(&text)).unwrap_err();
    assert_eq!(found.len(), policy::limits::FINDINGS_MAX + 1);
    assert_eq!(found.last().unwrap().message, "200 more findings are not shown");
    // However many warnings there are, they refuse nothing.
    let policy = |number: usize| format!("@id(\"p{number}\") permit (principal, action, resource);\n");
    let loaded = bundle(sources(&(0..1200).map(policy).collect::<String>()));
    assert!(loaded.warnings().iter().all(|found| found.severity == Severity::Warning));
    assert_eq!(loaded.warnings().len(), policy::limits::FINDINGS_MAX + 1);
}

#[test]
fn every_code_says_how_it_counts() {
    assert_eq!(policy::code("policy.arithmetic").map(|code| code.weight), Some(Weight::Doubt));
    assert!(policy::code("policy.nonsense").is_none());
    assert!(scope().tenant().is_system());
}
