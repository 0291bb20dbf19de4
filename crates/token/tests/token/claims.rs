//! Claims of the wrong type, at the wrong time, for somebody else.

use std::sync::Arc;
use std::time::Duration;

use policy::TenantId;
use serde_json::{Value as Json, json};
use token::{Algorithm, Cause, Ended, Issuers, Revocations};

use crate::support::{
    AUDIENCE, ISSUER, NOW, Signer, actor, cause, cause_at, claims, issuers, settings, simple, with, without,
};

fn check(name: &'static str, value: Json, expected: &str) {
    let (signer, issuers) = simple();
    let found = cause(&issuers, signer.token("EdDSA", "k1", &with(name, value.clone())));
    assert_eq!(found.to_string(), expected, "{name} {value}");
}

#[test]
fn what_every_token_has_to_say_is_required() {
    let (signer, issuers) = simple();
    for name in ["exp", "iat", "iss", "aud", "sub"] {
        assert_eq!(cause(&issuers, signer.token("EdDSA", "k1", &without(name))), Cause::Missing(name));
    }
    // Without `jti` there is nothing to revoke it by but its subject.
    assert_eq!(actor(&issuers, signer.token("EdDSA", "k1", &without("jti"))), "acme/user/ada");
}

#[test]
fn a_time_is_a_whole_number_of_seconds() {
    for name in ["exp", "iat", "nbf", "auth_time"] {
        let whole = format!("`{name}` is not a whole number of seconds");
        for value in [
            json!("1800000600"),
            json!(1_800_000_600.0),
            json!(1e10),
            json!(null),
            json!([1_800_000_600]),
            json!({"value": 1}),
            json!(true),
            json!(u64::MAX),
        ] {
            check(name, value, &whole);
        }
        let range = format!("`{name}` is not a time from 1970 to 9999");
        for value in [json!(-1), json!(i64::MIN), json!(i64::MAX), json!(253_402_300_800_i64)] {
            check(name, value, &range);
        }
    }
    let (signer, issuers) = simple();
    let claims = claims().to_string().replace(&(NOW + 600).to_string(), "1e10");
    let jwt = signer.raw(r#"{"alg":"EdDSA","kid":"k1"}"#, &claims);
    assert_eq!(cause(&issuers, jwt).to_string(), "`exp` is not a whole number of seconds");
}

#[test]
fn a_token_is_good_from_its_beginning_to_its_end_and_a_leeway() {
    let (signer, issuers) = simple();
    let mut good = claims();
    good["nbf"] = NOW.into();
    let jwt = signer.token("EdDSA", "k1", &good);
    let at = |now| {
        issuers.authenticate(jwt.as_bytes(), None, now).map(|_| ()).map_err(|refused| refused.cause().clone())
    };
    assert_eq!(at(NOW - 31), Err(Cause::NotYet(31)));
    assert_eq!(at(NOW - 30), Ok(()));
    assert_eq!(at(NOW + 629), Ok(()));
    assert_eq!(at(NOW + 630), Err(Cause::Expired(30)));
    let later = signer.token("EdDSA", "k1", &with("iat", (NOW + 31).into()));
    assert_eq!(cause(&issuers, later), Cause::IssuedLater(31));
    let session = issuers.authenticate(jwt.as_bytes(), None, NOW).unwrap().session;
    assert_eq!((session.issued_at, session.ends_at), (NOW - 10, NOW + 630));
}

#[test]
fn what_runs_under_a_token_goes_on_as_long_as_the_tenant_lets_it() {
    let signer = Signer::ed();
    for (seconds, ends_at) in [(5, NOW + 5), (86_400, NOW + 86_400)] {
        let mut settings = settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]);
        settings.max_lifetime = Some(Duration::from_secs(seconds));
        let issuers = issuers(settings);
        let jwt = signer.token("EdDSA", "k1", &claims());
        let accepted = issuers.authenticate(jwt.as_bytes(), None, NOW).unwrap();
        assert_eq!(accepted.session.ends_at, ends_at);
        assert!(Arc::ptr_eq(accepted.actor.session().unwrap(), &accepted.session));
        assert_eq!(issuers.still_good(&accepted.session, ends_at - 1), Ok(()));
        assert_eq!(issuers.still_good(&accepted.session, ends_at), Err(Ended::Expired));
        // The token itself is good no longer than it says.
        assert!(issuers.authenticate(jwt.as_bytes(), None, NOW + 630).is_err());
    }
}

#[test]
fn max_age_counts_from_when_it_was_issued_whatever_it_says_of_its_end() {
    let signer = Signer::ed();
    let mut settings = settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]);
    settings.max_age = Some(Duration::from_secs(300));
    let issuers = issuers(settings);
    let jwt = signer.token("EdDSA", "k1", &with("iat", (NOW - 300).into()));
    assert!(issuers.authenticate(jwt.as_bytes(), None, NOW + 30).is_ok());
    assert_eq!(cause_at(&issuers, &jwt, NOW + 31), Cause::TooOld { age: 331, max: 300 });
}

#[test]
fn an_issuer_is_compared_byte_by_byte() {
    let (signer, issuers) = simple();
    for issuer in [
        "https://idp.example.org",
        "https://IDP.example.org/",
        "https://idp.example.org//",
        " https://idp.example.org/",
        "https://idp.example.org/?",
        "https://evil.example/",
    ] {
        let found = cause(&issuers, signer.token("EdDSA", "k1", &with("iss", issuer.into())));
        assert_eq!(found, Cause::UnknownIssuer { issuer: issuer.into(), audiences: vec![AUDIENCE.into()] });
    }
    check("iss", json!([ISSUER]), "`iss` is not text");
    check("iss", json!(null), "`iss` is not text");
    check("iss", json!(""), "`iss` is not text of at least one character");
    check("iss", json!(format!("{ISSUER}\u{0}")), "`iss` is not text without control characters");
}

#[test]
fn a_token_is_for_whom_it_says() {
    let (signer, issuers) = simple();
    for audience in [json!(AUDIENCE), json!([AUDIENCE]), json!(["other", AUDIENCE, "third"])] {
        assert_eq!(actor(&issuers, signer.token("EdDSA", "k1", &with("aud", audience))), "acme/user/ada");
    }
    for audience in [
        json!("other"),
        json!(["other"]),
        json!("Moonward"),
        json!("moonward "),
        json!("moon"),
        json!("moonward,other"),
    ] {
        let found = cause(&issuers, signer.token("EdDSA", "k1", &with("aud", audience.clone())));
        assert!(matches!(found, Cause::UnknownIssuer { .. }), "{audience}");
    }
    check("aud", json!([]), "`aud` is not an audience");
    check("aud", json!(""), "`aud` is not an audience");
    check("aud", json!([AUDIENCE, ""]), "`aud` is not an audience");
    check("aud", json!([AUDIENCE, 1]), "`aud` is not text or a list of texts");
    check("aud", json!({AUDIENCE: true}), "`aud` is not text or a list of texts");
    check("aud", json!(vec!["a"; 65]), "`aud` is not a list of at most 64 audiences");
}

#[test]
fn a_subject_cannot_look_like_anybody_else() {
    let (signer, issuers) = simple();
    for (subject, expected) in [
        ("ada", "acme/user/ada"),
        ("ada@example.org", "acme/user/ada@example.org"),
        ("auth0|5f7c", "acme/user/auth0%7C5f7c"),
        ("../operator/root", "acme/user/..%2Foperator%2Froot"),
        ("ada%2F", "acme/user/ada%252F"),
        ("a b", "acme/user/a%20b"),
        ("\u{430}da", "acme/user/%D0%B0da"),
        ("a\u{202e}da", "acme/user/a%E2%80%AEda"),
        ("\u{1f600}", "acme/user/%F0%9F%98%80"),
    ] {
        assert_eq!(actor(&issuers, signer.token("EdDSA", "k1", &with("sub", subject.into()))), expected);
    }
    check("sub", json!(""), "`sub` is not text of at least one character");
    check("sub", json!("a\nb"), "`sub` is not text without control characters");
    check("sub", json!("a\u{0}"), "`sub` is not text without control characters");
    check("sub", json!("a\u{85}"), "`sub` is not text without control characters");
    check("sub", json!(1), "`sub` is not text");
    check("sub", json!(null), "`sub` is not text");
    check("sub", json!(["ada"]), "`sub` is not text");
    check("sub", json!("a".repeat(257)), "`sub` is not text of a bounded length");
    let long = cause(&issuers, signer.token("EdDSA", "k1", &with("sub", "\u{1f600}".repeat(60).into())));
    assert!(long.to_string().ends_with("at most 512 bytes"), "{long}");
    check("jti", json!(1), "`jti` is not text");
    check("jti", json!(""), "`jti` is not text of at least one character");
}

/// Two issuers of `acme` and one of `globex`, each with a key of its own of one name.
fn three() -> (Vec<Signer>, Issuers) {
    let signers = vec![Signer::ed(), Signer::ed(), Signer::ed()];
    let names = [
        ("acme:idp", ISSUER, AUDIENCE, "acme"),
        ("acme:staff", ISSUER, "staff", "acme"),
        ("globex:idp", "https://globex.example/", AUDIENCE, "globex"),
    ];
    let all = signers.iter().zip(names).map(|(signer, (id, issuer, audience, tenant))| {
        let mut one = settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]);
        (one.id, one.issuer, one.audience) = (id.into(), issuer.into(), audience.into());
        one.tenant = TenantId::new(tenant).unwrap();
        one
    });
    let issuers = Issuers::new(all.collect(), Arc::new(Revocations::none())).unwrap();
    (signers, issuers)
}

#[test]
fn a_token_of_one_issuer_is_not_another_issuers() {
    let (signers, issuers) = three();
    let globex = with("iss", "https://globex.example/".into());
    assert_eq!(actor(&issuers, signers[2].token("EdDSA", "k1", &globex)), "globex/user/ada");
    assert_eq!(cause(&issuers, signers[0].token("EdDSA", "k1", &globex)), Cause::Signature);
    assert_eq!(cause(&issuers, signers[2].token("EdDSA", "k1", &claims())), Cause::Signature);
}

#[test]
fn a_token_for_one_audience_is_not_for_another_of_the_same_issuer() {
    let (signers, issuers) = three();
    let staff = with("aud", "staff".into());
    assert_eq!(actor(&issuers, signers[1].token("EdDSA", "k1", &staff)), "acme/user/ada");
    assert_eq!(cause(&issuers, signers[0].token("EdDSA", "k1", &staff)), Cause::Signature);
    let both = with("aud", json!([AUDIENCE, "staff"]));
    let expected = Cause::Ambiguous(vec!["acme:idp".into(), "acme:staff".into()]);
    assert_eq!(cause(&issuers, signers[0].token("EdDSA", "k1", &both)), expected);
}

#[test]
fn a_tenant_accepts_tokens_of_its_own_issuers_only() {
    let (signers, issuers) = three();
    let (acme, globex) = (TenantId::new("acme").unwrap(), TenantId::new("globex").unwrap());
    let jwt = signers[0].token("EdDSA", "k1", &claims());
    assert!(issuers.authenticate(jwt.as_bytes(), Some(&acme), NOW).is_ok());
    let refused = issuers.authenticate(jwt.as_bytes(), Some(&globex), NOW).unwrap_err();
    assert_eq!(refused.to_string(), "the token is not valid");
    assert_eq!(refused.cause(), &Cause::OtherTenant("acme:idp".into()));
    let system = issuers.authenticate(jwt.as_bytes(), Some(&TenantId::system()), NOW);
    assert!(system.is_err());
}

#[test]
fn issuer_and_audience_together_name_one_entry() {
    let signer = Signer::ed();
    let one = settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]);
    let mut other = one.clone();
    other.id = "acme:other".into();
    let error = Issuers::new(vec![one, other], Arc::new(Revocations::none())).unwrap_err();
    assert_eq!(
        (error.key, error.message.as_str()),
        ("audience", "`acme:idp` has the same `issuer` and `audience`")
    );
}
