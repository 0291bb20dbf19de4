//! What claims are worth by an issuer's rules, and how `inspect` tells it.

use policy::{ActorKind, TenantId};
use serde_json::{Value as Json, json};
use token::{Algorithm, Cause, Condition, Inspection, Issuers, Mapping, Template};

use crate::support::{NOW, Signer, claims, grant, issuers, mapping, rule, settings};

fn world(mapping: Mapping) -> (Signer, Issuers) {
    let signer = Signer::ed();
    let mut settings = settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]);
    settings.mapping = mapping;
    (signer, issuers(settings))
}

fn contains(claim: &str, item: &str) -> Condition {
    Condition::Contains { claim: claim.into(), item: item.into() }
}

fn equals(claim: &str, text: &str) -> Condition {
    Condition::Equals { claim: claim.into(), text: text.into() }
}

fn rules() -> Mapping {
    Mapping {
        tags: vec![rule(("plan".into(), "plan".into())), rule(("team".into(), "/org/team".into()))],
        roles: Some(rule("roles".into())),
        grants: vec![
            grant(contains("roles", "developer"), "acme:worker"),
            grant(equals("email_verified", "true"), "acme:mail"),
            grant(contains("scope", "write"), "acme:writer"),
            grant(contains("/org/groups", "ops"), "acme:ops"),
        ],
        ..mapping()
    }
}

fn inspected(changes: Json) -> Inspection {
    let (signer, issuers) = world(rules());
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    issuers.inspect(signer.token("EdDSA", "k1", &claims).as_bytes(), NOW).unwrap()
}

#[test]
fn claims_become_an_actor_with_tags_roles_and_scopes() {
    let inspection = inspected(
        json!({"plan": "gold", "org": {"team": 7, "groups": ["ops"]}, "roles": ["developer", "admin"],
        "email_verified": true, "scope": "read write", "auth_time": NOW - 100}),
    );
    let good = inspection.verdict.unwrap();
    let actor = &good.actor;
    assert_eq!(&**actor.id(), "acme/user/ada");
    assert_eq!((actor.kind(), actor.verified(), actor.auth_time()), (ActorKind::User, true, Some(NOW - 100)));
    assert_eq!(actor.tenant(), &TenantId::new("acme").unwrap());
    assert_eq!(actor.tags().collect::<Vec<_>>(), [("plan", "gold"), ("team", "7")]);
    assert_eq!(actor.roles().collect::<Vec<_>>(), ["acme/admin", "acme/developer"]);
    assert_eq!(
        good.scopes,
        ["acme:mail".into(), "acme:ops".into(), "acme:worker".into(), "acme:writer".into()]
    );
}

#[test]
fn a_claim_that_maps_to_nothing_gives_nothing_and_says_so() {
    let inspection = inspected(
        json!({"plan": ["gold"], "roles": "developer", "email_verified": "yes", "scope": ["write"], "org": "x"}),
    );
    let good = inspection.verdict.unwrap();
    // A role that is alone is one; what is contained in a text is not in a list.
    assert_eq!(good.actor.roles().collect::<Vec<_>>(), ["acme/developer"]);
    assert_eq!(good.actor.tags().count(), 0);
    assert_eq!(good.scopes, ["acme:writer".into()]);
    let why: Vec<_> =
        inspection.rules.iter().map(|rule| (rule.rule.as_str(), rule.why_not.as_deref())).collect();
    assert_eq!(
        why,
        [
            ("actor.id: \"user/{sub}\"", None),
            ("actor.tags.plan: plan", Some("claim `plan` is not text, a whole number, `true` or `false`")),
            ("actor.tags.team: /org/team", Some("claim `/org/team` is missing")),
            ("roles: roles", None),
            ("grant when roles contains developer", Some("claim `roles` is not a list")),
            ("grant when email_verified equals true", Some("claim `email_verified` is something else")),
            ("grant when scope contains write", None),
            ("grant when /org/groups contains ops", Some("claim `/org/groups` is missing")),
        ]
    );
}

#[test]
fn words_count_whole() {
    for (changes, expected) in [
        (json!({"scope": "rewrite"}), 0),
        (json!({"scope": "write:all"}), 0),
        (json!({"scope": "write"}), 1),
        (json!({"roles": ["developers"]}), 0),
        (json!({"roles": ["Developer"]}), 0),
        (json!({"roles": [["developer"]]}), 0),
        (json!({"roles": {"developer": true}}), 0),
        (json!({"email_verified": 1}), 0),
        (json!({"email_verified": null}), 0),
    ] {
        assert_eq!(inspected(changes.clone()).verdict.unwrap().scopes.len(), expected, "{changes}");
    }
}

#[test]
fn a_role_is_the_issuers_tenants_whatever_it_is_called() {
    let inspection =
        inspected(json!({"roles": ["globex/admin", "system/operator", "", "a b", "ok", 5, "\u{430}dmin"]}));
    assert_eq!(inspection.verdict.unwrap().actor.roles().collect::<Vec<_>>(), ["acme/ok"]);
    let roles = inspection.rules.iter().find(|rule| rule.rule == "roles: roles").unwrap();
    assert!(roles.why_not.as_ref().unwrap().contains("\"globex/admin\", \"system/operator\""), "{roles:?}");
    let many: Vec<String> = (0..65).map(|at| format!("r{at}")).collect();
    assert!(matches!(inspected(json!({"roles": many})).verdict, Err(Cause::Mapping(_))));
    assert!(matches!(inspected(json!({"plan": "x".repeat(1025)})).verdict, Err(Cause::Mapping(_))));
}

#[test]
fn inspect_says_which_claims_count_and_for_what() {
    let inspection = inspected(json!({"roles": ["developer"], "nickname": "\u{1b}[31m"}));
    let of = |name: &str| inspection.claims.iter().find(|claim| claim.name == name).unwrap().counts.clone();
    assert_eq!(of("nickname"), Vec::<String>::new());
    assert_eq!(of("iss"), ["issuer `acme:idp` (app.yaml:1)"]);
    assert_eq!(
        of("roles"),
        ["`roles: roles` (app.yaml:1)", "`grant when roles contains developer` (app.yaml:1)"]
    );
    assert_eq!(of("sub"), ["whom `token revoke --sub` means", "`actor.id: \"user/{sub}\"` (app.yaml:1)"]);
    assert_eq!(inspection.issuer, Some(("acme:idp".into(), "app.yaml:1".into())));
}

#[test]
fn inspect_gives_the_verdict_of_authenticate_and_no_signature() {
    let (signer, issuers) = world(rules());
    let good = signer.token("EdDSA", "k1", &claims());
    let forged = Signer::ed().token("EdDSA", "k1", &claims());
    assert!(issuers.inspect(good.as_bytes(), NOW).unwrap().verdict.is_ok());
    let inspection = issuers.inspect(forged.as_bytes(), NOW).unwrap();
    assert_eq!(inspection.verdict.as_ref().unwrap_err(), &Cause::Signature);
    assert!(!format!("{inspection:?}").contains(forged.rsplit('.').next().unwrap()));
    assert!(issuers.inspect(b"x", NOW).unwrap_err().is_malformed());
    let stranger = issuers
        .inspect(
            signer
                .token("EdDSA", "k1", &crate::support::with("iss", "https://evil.example/".into()))
                .as_bytes(),
            NOW,
        )
        .unwrap();
    assert_eq!((stranger.issuer, stranger.rules.len()), (None, 0));
}

#[test]
fn an_actor_is_made_of_the_claims_that_its_template_names() {
    let template = |text: &str| Mapping { actor: rule(Template::parse(text).unwrap()), ..mapping() };
    let of = |text: &str, claims: &Json| {
        let (signer, issuers) = world(template(text));
        issuers
            .inspect(signer.token("EdDSA", "k1", claims).as_bytes(), NOW)
            .unwrap()
            .verdict
            .map(|good| good.actor.id().to_string())
    };
    let mut claims = claims();
    claims["org"] = "a/b".into();
    assert_eq!(of("user/{org}/{sub}", &claims).unwrap(), "acme/user/a%2Fb/ada");
    assert_eq!(of("user/sso-{sub}", &claims).unwrap(), "acme/user/sso-ada");
    for org in [json!(5), json!(""), json!(null), json!(["a"]), json!("x".repeat(257))] {
        claims["org"] = org;
        assert_eq!(
            of("user/{org}/{sub}", &claims),
            Err(Cause::Mapping("claim `org` is not text of 1 to 256 bytes".into()))
        );
    }
    claims.as_object_mut().unwrap().remove("org");
    assert_eq!(of("user/{org}/{sub}", &claims), Err(Cause::Mapping("claim `org` is missing".into())));
}

#[test]
fn operators_come_from_an_issuer_of_the_operators_tenant_only() {
    let signer = Signer::ed();
    let mut settings = settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]);
    settings.mapping.actor = rule(Template::parse("operator/{sub}").unwrap());
    assert_eq!(settings.check().unwrap_err()[0].message, "only an issuer of tenant `system` makes operators");
    settings.tenant = TenantId::system();
    let issuers = issuers(settings);
    let good = issuers.authenticate(signer.token("EdDSA", "k1", &claims()).as_bytes(), None, NOW).unwrap();
    assert_eq!((good.actor.kind(), &**good.actor.id()), (ActorKind::Operator, "system/operator/ada"));
}
