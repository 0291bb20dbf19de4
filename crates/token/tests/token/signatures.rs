//! Signatures of others, none, and of the right key over something else.

use serde_json::json;
use token::{Algorithm, Cause};

use crate::support::{Signer, actor, b64, cause, claims, issuers, set, settings, simple};
use token::KeySource;

#[test]
fn every_algorithm_verifies_with_its_own_key_only() {
    let secret = Signer::Secret(vec![7; 32]);
    let rsa = Signer::rsa();
    for (signer, algorithm) in [
        (&Signer::ed(), Algorithm::EdDsa),
        (&Signer::p256(), Algorithm::Es256),
        (&Signer::p384(), Algorithm::Es384),
        (&rsa, Algorithm::Rs256),
        (&rsa, Algorithm::Ps256),
        (&secret, Algorithm::Hs256),
    ] {
        let issuers = issuers(settings(&[algorithm], &[signer.jwk("k1")]));
        let good = signer.token(algorithm.name(), "k1", &claims());
        assert_eq!(actor(&issuers, &good), "acme/user/ada", "{algorithm}");
        let other = Signer::ed().token(algorithm.name(), "k1", &claims());
        assert_eq!(cause(&issuers, other), Cause::Signature, "{algorithm}");
    }
}

#[test]
fn none_is_no_algorithm_however_it_is_written() {
    let (_, issuers) = simple();
    for name in ["none", "None", "NONE", "nOnE", "", "eddsa", "EdDSA ", "ES256K", "dir"] {
        let signed =
            format!("{}.{}", b64(json!({"alg": name, "kid": "k1"}).to_string()), b64(claims().to_string()));
        assert_eq!(cause(&issuers, format!("{signed}.{}", b64("x"))), Cause::Algorithm(name.to_owned()));
        assert_eq!(cause(&issuers, format!("{signed}.")), Cause::Algorithm(name.to_owned()));
    }
    let signed = format!("{}.{}", b64(json!({"alg": "EdDSA"}).to_string()), b64(claims().to_string()));
    assert_eq!(cause(&issuers, format!("{signed}.")), Cause::Missing("signature"));
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let rsa = Signer::rsa();
    let jwk = rsa.jwk("k1");
    let issuers = issuers(settings(&[Algorithm::Rs256], std::slice::from_ref(&jwk)));
    let modulus = jwk["n"].as_str().unwrap().as_bytes().to_vec();
    for secret in [modulus, jwk.to_string().into_bytes(), b"k1".to_vec()] {
        let forged = Signer::Secret(secret).token("HS256", "k1", &claims());
        let expected = Cause::OtherAlgorithm { found: "HS256", expected: "RS256", kid: "k1".into() };
        assert_eq!(cause(&issuers, forged), expected);
    }
}

#[test]
fn the_key_decides_the_algorithm() {
    let rsa = Signer::rsa();
    let mut jwk = rsa.jwk("k1");
    jwk["alg"] = "RS256".into();
    let issuers = issuers(settings(&[Algorithm::Rs256, Algorithm::Ps256], &[jwk]));
    assert_eq!(actor(&issuers, rsa.token("RS256", "k1", &claims())), "acme/user/ada");
    let expected = Cause::OtherAlgorithm { found: "PS256", expected: "RS256", kid: "k1".into() };
    assert_eq!(cause(&issuers, rsa.token("PS256", "k1", &claims())), expected);
}

#[test]
fn a_signature_of_zeros_is_none() {
    let signer = Signer::p256();
    let issuers = issuers(settings(&[Algorithm::Es256], &[signer.jwk("k1")]));
    let good = signer.token("ES256", "k1", &claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    // The order of P-256: r and s have to be below it and not zero (CVE-2022-21449).
    let order: Vec<u8> = (0..32)
        .map(|at| {
            u8::from_str_radix(
                &"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"[at * 2..at * 2 + 2],
                16,
            )
            .unwrap()
        })
        .collect();
    for signature in [
        vec![0; 64],
        [order.clone(), order.clone()].concat(),
        [vec![0; 32], order].concat(),
        vec![0; 32],
        vec![0; 65],
    ] {
        assert_eq!(cause(&issuers, format!("{signed}.{}", b64(signature))), Cause::Signature);
    }
}

#[test]
fn a_key_of_another_curve_is_not_used() {
    let (small, large) = (Signer::p256(), Signer::p384());
    let issuers = issuers(settings(&[Algorithm::Es256, Algorithm::Es384], &[small.jwk("s"), large.jwk("l")]));
    assert_eq!(cause(&issuers, large.token("ES256", "s", &claims())), Cause::Signature);
    let expected = Cause::OtherAlgorithm { found: "ES384", expected: "ES256", kid: "s".into() };
    assert_eq!(cause(&issuers, large.token("ES384", "s", &claims())), expected);
    assert_eq!(actor(&issuers, large.token("ES384", "l", &claims())), "acme/user/ada");
}

#[test]
fn a_kid_is_a_name_in_a_map_and_nothing_else() {
    let (signer, issuers) = simple();
    let long = "k".repeat(4000);
    for kid in [
        "../../../../dev/null",
        "/etc/passwd",
        "' OR '1'='1",
        "k1' UNION SELECT 'x",
        "K1",
        "k1 ",
        "",
        "k1\0",
        "http://evil.example/",
        &long,
    ] {
        let found = cause(&issuers, signer.token("EdDSA", kid, &claims()));
        assert_eq!(found, Cause::UnknownKey { issuer: "acme:idp".into(), kid: Some(kid.to_owned()) });
    }
}

#[test]
fn a_token_leaves_its_key_unnamed_only_where_there_is_one() {
    let (one, two) = (Signer::ed(), Signer::ed());
    let issuers = issuers(settings(&[Algorithm::EdDsa], &[one.jwk("k1"), two.jwk("k2")]));
    let found = cause(&issuers, one.raw(r#"{"alg":"EdDSA"}"#, &claims().to_string()));
    assert_eq!(found, Cause::UnknownKey { issuer: "acme:idp".into(), kid: None });
}

#[test]
fn a_changed_bit_anywhere_is_refused() {
    let (signer, issuers) = simple();
    let good = signer.token("EdDSA", "k1", &claims());
    assert_eq!(actor(&issuers, &good), "acme/user/ada");
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut changed = good.clone().into_bytes();
            changed[at] ^= 1 << bit;
            assert!(
                issuers.authenticate(&changed, None, crate::support::NOW).is_err(),
                "byte {at}, bit {bit}"
            );
        }
    }
    for length in 0..good.len() {
        assert!(
            issuers.authenticate(&good.as_bytes()[..length], None, crate::support::NOW).is_err(),
            "{length}"
        );
    }
}

#[test]
fn a_signature_is_of_these_claims_and_this_key() {
    let (signer, issuers) = simple();
    let good = signer.token("EdDSA", "k1", &claims());
    let other = signer.token("EdDSA", "k1", &crate::support::with("sub", "eve".into()));
    let parts = |jwt: &str| jwt.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (good, other) = (parts(&good), parts(&other));
    assert_eq!(cause(&issuers, format!("{}.{}.{}", good[0], other[1], good[2])), Cause::Signature);
    assert_eq!(cause(&issuers, Signer::ed().token("EdDSA", "k1", &claims())), Cause::Signature);
}

#[test]
fn a_secret_and_a_public_key_are_never_on_one_issuer() {
    let (secret, public) = (Signer::Secret(vec![7; 32]), Signer::ed());
    let mixed = settings(&[Algorithm::Hs256, Algorithm::EdDsa], &[secret.jwk("s"), public.jwk("p")]);
    let error = mixed.check().unwrap_err().remove(0);
    assert_eq!(
        (error.key, error.message.as_str()),
        ("algorithms", "algorithms with a shared secret and with public keys cannot be mixed on one issuer")
    );
    let unlisted = settings(&[Algorithm::EdDsa], &[secret.jwk("s"), public.jwk("p")]);
    assert!(
        unlisted.check().unwrap_err()[0].message.contains("no algorithm of `algorithms` is for such a key")
    );
    let mut served = settings(&[Algorithm::Hs256], &[secret.jwk("s")]);
    served.keys = KeySource::Url("https://idp.example.org/jwks".into());
    assert_eq!(served.check().unwrap_err()[0].key, "jwks");
    assert!(set(&[]).contains("keys"));
}
