//! Sets of keys that are not to be trusted, and keys that are not to be used.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use token::{Algorithm, Cause, Ended, KeyFile, KeySource, Settings};

use crate::support::{Answer, NOW, Server, Signer, actor, b64, cause, claims, issuers, set, settings};

/// What is wrong with an issuer whose entry has these keys.
fn inline(algorithms: &[Algorithm], keys: &[Json]) -> String {
    settings(algorithms, keys).check().map_or_else(|mut wrong| wrong.remove(0).message, |_| "ok".to_owned())
}

fn file(text: &str) -> Settings {
    let text = text.to_owned();
    let read = Arc::new(move || Ok(text.clone()));
    Settings {
        keys: KeySource::File(KeyFile { path: "keys.json".into(), read }),
        ..settings(&[Algorithm::EdDsa], &[])
    }
}

fn changed(jwk: &Json, name: &str, value: Json) -> Json {
    let mut jwk = jwk.clone();
    jwk[name] = value;
    jwk
}

#[test]
fn a_key_without_alg_takes_the_only_algorithm_that_fits_it() {
    let (rsa, p256) = (Signer::rsa().jwk("r"), Signer::p256().jwk("p"));
    use Algorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
    for (algorithms, key, expected) in [
        (&[Rs256, Es256][..], &rsa, "ok"),
        (&[Rs256, Es256], &p256, "ok"),
        (
            &[Rs256, Ps256],
            &rsa,
            "key `r`: it has no `alg`, and more than one algorithm of `algorithms` is for such a key",
        ),
        (&[EdDsa], &rsa, "key `r`: it has no `alg`, and no algorithm of `algorithms` is for such a key"),
        (&[Es384], &p256, "key `p`: it has no `alg`, and no algorithm of `algorithms` is for such a key"),
        (&[EdDsa], &changed(&rsa, "alg", "RS256".into()), "key `r`: `algorithms` does not list `RS256`"),
        (&[Rs256], &changed(&rsa, "alg", "ES256".into()), "key `r`: `ES256` is no algorithm of such a key"),
        (&[Rs256], &changed(&rsa, "alg", "none".into()), "key `r`: `none` is no algorithm of such a key"),
        (&[Rs256], &changed(&rsa, "alg", "HS256".into()), "key `r`: `HS256` is no algorithm of such a key"),
        (&[Rs256], &changed(&rsa, "alg", json!(1)), "key `r`: its `alg` is not text"),
        (&[], &rsa, "no algorithm is allowed, so no token could be accepted"),
    ] {
        assert_eq!(inline(algorithms, std::slice::from_ref(key)), expected);
    }
}

#[test]
fn a_weak_key_is_refused() {
    let rsa = Signer::rsa().jwk("r");
    let modulus = |bits: usize, first: u8| {
        let mut bytes = vec![0xff; bits / 8];
        bytes[0] = first;
        changed(&rsa, "n", b64(bytes).into())
    };
    for (key, expected) in [
        (modulus(1024, 0xff), "key `r`: its modulus has 1024 bits, 2048 to 8192 allowed"),
        (modulus(2048, 0x7f), "key `r`: its modulus has 2047 bits, 2048 to 8192 allowed"),
        (modulus(2056, 0x00), "key `r`: its modulus has 2048 bits, 2048 to 8192 allowed"),
        (modulus(16384, 0xff), "key `r`: its modulus has 16384 bits, 2048 to 8192 allowed"),
        (
            changed(&rsa, "e", b64([3]).into()),
            "key `r`: its exponent is not an odd number from 65537 to 2^32",
        ),
        (
            changed(&rsa, "e", b64([1]).into()),
            "key `r`: its exponent is not an odd number from 65537 to 2^32",
        ),
        (
            changed(&rsa, "e", b64([1, 0, 0]).into()),
            "key `r`: its exponent is not an odd number from 65537 to 2^32",
        ),
        (
            changed(&rsa, "e", b64([0, 1, 0, 1]).into()),
            "key `r`: its exponent is not an odd number from 65537 to 2^32",
        ),
        (changed(&rsa, "e", "".into()), "key `r`: its exponent is not an odd number from 65537 to 2^32"),
    ] {
        assert_eq!(inline(&[Algorithm::Rs256], &[key]), expected);
    }
    for (algorithm, bytes, expected) in [
        (Algorithm::Hs256, 31, "key `s` is 31 bytes, at least 32 needed for `HS256`"),
        (Algorithm::Hs256, 32, "ok"),
        (Algorithm::Hs512, 32, "key `s` is 32 bytes, at least 64 needed for `HS512`"),
        (Algorithm::Hs512, 64, "ok"),
        (Algorithm::Hs256, 0, "key `s` is 0 bytes, at least 32 needed for `HS256`"),
    ] {
        assert_eq!(inline(&[algorithm], &[Signer::Secret(vec![1; bytes]).jwk("s")]), expected);
    }
}

#[test]
fn a_point_is_on_its_curve() {
    let (p256, ed) = (Signer::p256().jwk("p"), Signer::ed().jwk("e"));
    let nowhere = "key `p`: its `x` and `y` are no point of its curve";
    for (key, expected) in [
        (changed(&p256, "x", b64([1; 32]).into()), nowhere),
        (changed(&p256, "y", b64([0; 32]).into()), nowhere),
        (changed(&p256, "x", b64([1; 48]).into()), nowhere),
        (changed(&p256, "crv", "P-384".into()), nowhere),
        (
            changed(&p256, "crv", "secp256k1".into()),
            "key `p`: curve `secp256k1` is not supported, `P-256` and `P-384` are",
        ),
        (
            changed(&p256, "x", "a=".into()),
            "key `p`: its `x` has a character at byte 2 that does not belong there",
        ),
        (changed(&p256, "x", json!(5)), "key `p`: its `x` is not text"),
        (changed(&ed, "x", b64([1; 31]).into()), "key `e`: its `x` is no point of its curve"),
        (changed(&ed, "crv", "X25519".into()), "key `e`: curve `X25519` is not supported, `Ed25519` is"),
        (changed(&ed, "kty", "AKP".into()), "key `e`: key type `AKP` is not supported"),
    ] {
        assert_eq!(inline(&[Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa], &[key]), expected);
    }
}

#[test]
fn a_private_key_in_a_set_is_no_secret_any_more() {
    let ed = Signer::ed().jwk("e");
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        let expected =
            format!("key `e` has the private member `{member}`: it is no secret any more, make another");
        let leaked = changed(&ed, member, "AAAA".into());
        assert_eq!(inline(&[Algorithm::EdDsa], std::slice::from_ref(&leaked)), expected);
        // One leaked key makes the set of a server one that nobody should trust.
        let good = Signer::ed();
        let server = Server::new(Answer::Keys(set(&[good.jwk("good")])));
        let mut settings = settings(&[Algorithm::EdDsa], &[]);
        settings.keys = KeySource::Url(server.url.clone());
        let issuers = issuers(settings);
        issuers.refresh(NOW);
        let jwt = good.token("EdDSA", "good", &claims());
        let session = issuers.authenticate(jwt.as_bytes(), None, NOW).unwrap().session;
        server.says(Answer::Keys(set(&[good.jwk("good"), leaked])));
        let refreshed = issuers.refresh(NOW + 20);
        assert!(refreshed[0].left_out[0].ends_with(&expected), "{refreshed:?}");
        assert_eq!(issuers.still_good(&session, NOW + 20), Err(Ended::KeyWithdrawn));
        assert!(matches!(cause(&issuers, &jwt), Cause::UnknownKey { .. }));
    }
    let secret = set(&[Signer::Secret(vec![1; 32]).jwk("s")]);
    let error = file(&secret).check().unwrap_err().remove(0);
    assert_eq!(
        error.message,
        "`keys.json`: key `s` is a shared secret (`k`): it is no secret any more, make another"
    );
}

#[test]
fn a_set_is_read_whole_and_strictly() {
    let ed = Signer::ed();
    let (one, two) = (ed.jwk("e"), Signer::ed().jwk("e"));
    let nameless = || {
        let mut jwk = Signer::ed().jwk("");
        jwk.as_object_mut().unwrap().remove("kid");
        jwk
    };
    let many: Vec<Json> = (0..65).map(|at| changed(&one, "kid", format!("k{at}").into())).collect();
    let twice = r#"{"keys":[],"keys":[]}"#.to_owned();
    let member = set(std::slice::from_ref(&one)).replace("\"kty\"", "\"kty\":\"oct\",\"kty\"");
    for (text, expected) in [
        (set(&[one.clone(), two]), "the set has two keys `e`"),
        (set(&many), "the set has 65 keys, at most 64 allowed"),
        (set(&[]), "the set has no key of use"),
        (twice, "the set of keys cannot be read: it has member `keys` twice"),
        (member, "the set of keys cannot be read: it has member `kty` twice"),
        (one.to_string(), "the set of keys has no list `keys`"),
        (json!({"keys": {"e": one}}).to_string(), "the set of keys has no list `keys`"),
        (json!({"keys": ["e"]}).to_string(), "a key of the set is not an object"),
        ("<html>".to_owned(), "the set of keys cannot be read: it is not JSON"),
        (" ".repeat(257 * 1024), "the set of keys is 263168 bytes, at most 262144 allowed"),
        (set(&[one.clone(), nameless()]), "a key among others needs a `kid`"),
        (set(&[changed(&one, "use", "enc".into())]), "key `e`: it is not for signatures (`use`, `key_ops`)"),
        (
            set(&[changed(&one, "key_ops", json!(["sign"]))]),
            "key `e`: it is not for signatures (`use`, `key_ops`)",
        ),
        (
            set(&[changed(&one, "kid", json!(5))]),
            "key without `kid`: its `kid` is not text of 1 to 256 bytes",
        ),
        (
            set(&[changed(&one, "kid", "k".repeat(257).into())]),
            "key without `kid`: its `kid` is not text of 1 to 256 bytes",
        ),
    ] {
        let error = file(&text).check().unwrap_err().remove(0);
        assert_eq!(error.message, format!("`keys.json`: {expected}"));
        assert_eq!(error.key, "jwks");
    }
    assert!(file(&set(&[nameless()])).check().is_ok());
    let broken =
        KeyFile { path: "keys.json".into(), read: Arc::new(|| Err("there is no such file".to_owned())) };
    let error = Settings { keys: KeySource::File(broken), ..file("") }.check().unwrap_err().remove(0);
    assert_eq!(error.message, "`keys.json` cannot be read: there is no such file");
}

#[test]
fn a_server_may_serve_keys_for_other_purposes_too() {
    let ed = Signer::ed();
    let encryption = changed(&Signer::rsa().jwk("enc"), "use", "enc".into());
    let unlisted = Signer::p256().jwk("other");
    let server = Server::new(Answer::Keys(set(&[encryption, ed.jwk("e"), unlisted])));
    let mut settings = settings(&[Algorithm::EdDsa], &[]);
    settings.keys = KeySource::Url(server.url.clone());
    let issuers = issuers(settings);
    assert_eq!(issuers.refresh(NOW)[0].outcome, Ok(true));
    let jwt = ed.token("EdDSA", "e", &claims());
    assert_eq!(actor(&issuers, &jwt), "acme/user/ada");
    let inspection = issuers.inspect(jwt.as_bytes(), NOW).unwrap();
    assert_eq!(inspection.keys, ["e".into()]);
    assert_eq!(inspection.left_out.len(), 2);
}

#[test]
fn a_key_is_not_shown_where_settings_are() {
    let secret = Signer::Secret(vec![7; 32]);
    let settings = settings(&[Algorithm::Hs256], &[secret.jwk("s")]);
    let shown = format!("{settings:?} {:?}", issuers(settings.clone()));
    assert!(shown.contains("Inline") && !shown.contains(&b64([7; 32])), "{shown}");
}

#[test]
fn development_keys_are_found_by_name() {
    let key = token::DevelopmentKey::generate().unwrap();
    let issuers = issuers(settings(&[Algorithm::EdDsa], &[key.public_jwk(), Signer::ed().jwk("k1")]));
    assert_eq!(issuers.development_keys(), [("acme:idp".into(), key.kid().into())]);
    let jwt = key.sign(claims().as_object().unwrap());
    assert_eq!(actor(&issuers, jwt), "acme/user/ada");
    let read = token::DevelopmentKey::read(key.private_jwk().to_string().as_bytes()).unwrap();
    assert_eq!((read.kid(), read.public_jwk()), (key.kid(), key.public_jwk()));
}

#[test]
fn only_a_development_key_mints() {
    let key = token::DevelopmentKey::generate().unwrap().private_jwk();
    for (jwk, expected) in [
        (
            changed(&key, "kid", "production".into()),
            "its `kid` does not begin with `development-`: only development keys mint tokens",
        ),
        (
            changed(&key, "kid", json!(null)),
            "its `kid` does not begin with `development-`: only development keys mint tokens",
        ),
        (
            changed(&key, "kty", "RSA".into()),
            "it is no private Ed25519 key (RFC 8037): `kty` is not `OKP` or `crv` is not `Ed25519`",
        ),
        (
            changed(&key, "d", b64([1; 32]).into()),
            "it is no private Ed25519 key (RFC 8037): `d` and `x` do not belong together",
        ),
    ] {
        assert_eq!(
            token::DevelopmentKey::read(jwk.to_string().as_bytes()).unwrap_err().to_string(),
            expected
        );
    }
    let shown = format!("{:?}", token::DevelopmentKey::read(key.to_string().as_bytes()).unwrap());
    assert!(!shown.contains(key["d"].as_str().unwrap()));
}
