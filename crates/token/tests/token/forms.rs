//! What is no token, or one that would be read in two ways.

use serde_json::json;
use token::Cause;

use crate::support::{ISSUER, NOW, Signer, actor, b64, cause, claims, simple};

const HEADER: &str = r#"{"alg":"EdDSA","kid":"k1"}"#;

fn raw(signer: &Signer, header: &str, claims: &str) -> String {
    signer.raw(header, claims)
}

#[test]
fn a_good_token_is_accepted_with_or_without_a_type() {
    let (signer, issuers) = simple();
    for header in [
        HEADER,
        r#"{"alg":"EdDSA","kid":"k1","typ":"JWT"}"#,
        r#"{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}"#,
        r#"{"alg":"EdDSA","kid":"k1","typ":"jwt","unknown":{"a":1}}"#,
        // The issuer has one key: it needs no name.
        r#"{"alg":"EdDSA"}"#,
    ] {
        assert_eq!(actor(&issuers, raw(&signer, header, &claims().to_string())), "acme/user/ada");
    }
}

#[test]
fn a_token_is_three_parts_of_canonical_base64url() {
    let (signer, issuers) = simple();
    let good = raw(&signer, HEADER, &claims().to_string());
    let parts: Vec<&str> = good.split('.').collect();
    let (header, body, signature) = (parts[0], parts[1], parts[2]);
    let flattened = json!({"protected": header, "payload": body, "signature": signature}).to_string();
    // 64 bytes leave four bits unused at the end, which have to be zero.
    let (head, last) = signature.split_at(signature.len() - 1);
    let stray = char::from(last.as_bytes()[0] + 1);
    for (jwt, expected) in [
        (String::new(), "it has 1 part between dots, a signed token has 3"),
        (".".into(), "it has 2 parts between dots, a signed token has 3"),
        (format!("{header}.{body}"), "it has 2 parts between dots, a signed token has 3"),
        (format!("{good}."), "it has 4 parts between dots, a signed token has 3"),
        (format!("{good}.x.y"), "it has 5 parts between dots, a signed token has 3"),
        (flattened, "it has 1 part between dots, a signed token has 3"),
        (format!("{header}.{body}."), "`signature` is missing"),
        (format!("..{signature}"), "its header cannot be read: it is not JSON"),
        (format!("{good}="), "its signature is not base64url: it is padded"),
        (
            format!("{good}\n"),
            "its signature is not base64url: it has a character at byte 87 that does not belong there",
        ),
        (
            format!(" {good}"),
            "its header is not base64url: it has a character at byte 1 that does not belong there",
        ),
        (
            format!("{header}.{body}.{head}{stray}"),
            "its signature is not base64url: it ends at byte 86 with stray bits",
        ),
        (
            format!("{header}.{body}.a+/b"),
            "its signature is not base64url: it has a character at byte 2 that does not belong there",
        ),
        (format!("{header}.{body}.a"), "its signature is not base64url: it cannot be 1 characters long"),
        (
            format!("{header}\0.{body}.{signature}"),
            "its header is not base64url: it has a character at byte 37 that does not belong there",
        ),
        (
            format!("Bearer {good}"),
            "its header is not base64url: it has a character at byte 7 that does not belong there",
        ),
    ] {
        let found = cause(&issuers, &jwt);
        assert!(found.is_malformed(), "{jwt}");
        let at_byte = |text: &str| text.split(" at byte ").next().unwrap().to_owned();
        assert_eq!(at_byte(&found.to_string()), at_byte(expected), "{jwt}");
    }
    assert_eq!(cause(&issuers, b"\xff\xfe.a.b").to_string(), "its text is not base64url: it is not UTF-8");
}

#[test]
fn a_token_over_eight_kibibytes_is_not_looked_at() {
    let (signer, issuers) = simple();
    let mut long = claims();
    long["padding"] = "x".repeat(7 * 1024).into();
    let jwt = raw(&signer, HEADER, &long.to_string());
    assert!(jwt.len() > 8 * 1024, "{}", jwt.len());
    assert_eq!(cause(&issuers, &jwt), Cause::TooLong(jwt.len()));
    assert_eq!(cause(&issuers, "x".repeat(9 * 1024)), Cause::TooLong(9 * 1024));
}

#[test]
fn header_and_claims_can_be_read_in_one_way_only() {
    let (signer, issuers) = simple();
    let good = claims().to_string();
    let inner = good.trim_start_matches('{');
    let deep = format!("{{\"x\":{}{},{inner}", "[".repeat(20), "]".repeat(20));
    let very_deep = format!("{{\"x\":{}{},{inner}", "[".repeat(2000), "]".repeat(2000));
    for (header, claims, expected) in [
        (
            HEADER,
            format!("{{\"sub\":\"eve\",{inner}"),
            "its claims cannot be read: it has member `sub` twice",
        ),
        (
            HEADER,
            format!("{{\"s\\u0075b\":\"eve\",{inner}"),
            "its claims cannot be read: it has member `sub` twice",
        ),
        (
            HEADER,
            format!("{{\"x\":{{\"a\":[{{\"b\":1,\"b\":1}}]}},{inner}"),
            "its claims cannot be read: it has member `b` twice",
        ),
        (
            r#"{"alg":"none","alg":"EdDSA","kid":"k1"}"#,
            good.clone(),
            "its header cannot be read: it has member `alg` twice",
        ),
        (
            r#"{"alg":"EdDSA","kid":"k1","kid":"k2"}"#,
            good.clone(),
            "its header cannot be read: it has member `kid` twice",
        ),
        (HEADER, deep, "its claims cannot be read: it has more than 16 levels"),
        (HEADER, very_deep, "its claims cannot be read: it has more than 16 levels"),
        (HEADER, format!("[{good}]"), "its claims cannot be read: it is not a JSON object"),
        (HEADER, format!("\"{ISSUER}\""), "its claims cannot be read: it is not a JSON object"),
        (HEADER, format!("{good}{good}"), "its claims cannot be read: it is not JSON"),
        (HEADER, format!("{good}\0"), "its claims cannot be read: it is not JSON"),
        (HEADER, String::new(), "its claims cannot be read: it is not JSON"),
        ("[]", good.clone(), "its header cannot be read: it is not a JSON object"),
        ("{\"alg\":\"EdDSA\"", good.clone(), "its header cannot be read: it is not JSON"),
    ] {
        let found = cause(&issuers, raw(&signer, header, &claims));
        assert_eq!(found.to_string(), expected);
        assert!(found.is_malformed());
    }
    let bytes = [br#"{"iss":""#.as_slice(), b"\xff", br#""}"#].concat();
    let jwt = format!("{}.{}.{}", b64(HEADER), b64(bytes), b64("x"));
    assert_eq!(cause(&issuers, jwt).to_string(), "its claims cannot be read: it is not UTF-8 text");
}

#[test]
fn a_token_does_not_say_which_key_verifies_it_nor_how_it_is_to_be_read() {
    let (signer, issuers) = simple();
    let own = signer.jwk("k1");
    for (name, value) in [
        ("jku", json!("https://evil.example/jwks")),
        ("jwk", own.clone()),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("jku", json!(null)),
    ] {
        let mut header = json!({"alg": "EdDSA", "kid": "k1"});
        header[name] = value;
        let found = cause(&issuers, raw(&signer, &header.to_string(), &claims().to_string()));
        assert_eq!(found, Cause::Header(name));
    }
    for (header, expected) in [
        (json!({"kid": "k1"}), "`alg` is missing"),
        (json!({"alg": null, "kid": "k1"}), "`alg` is not text"),
        (json!({"alg": ["EdDSA"], "kid": "k1"}), "`alg` is not text"),
        (json!({"alg": "EdDSA", "kid": 1}), "`kid` is not text"),
        (
            json!({"alg": "EdDSA", "kid": "k1", "typ": "JOSE"}),
            "its `typ` is `JOSE`, expected `JWT` or `at+jwt`",
        ),
        (
            json!({"alg": "EdDSA", "kid": "k1", "typ": "logout+jwt"}),
            "its `typ` is `logout+jwt`, expected `JWT` or `at+jwt`",
        ),
        (json!({"alg": "EdDSA", "kid": "k1", "typ": true}), "`typ` is not text"),
    ] {
        assert_eq!(
            cause(&issuers, raw(&signer, &header.to_string(), &claims().to_string())).to_string(),
            expected
        );
    }
}

#[test]
fn the_time_is_the_callers() {
    let (signer, issuers) = simple();
    let jwt = raw(&signer, HEADER, &claims().to_string());
    assert!(issuers.authenticate(jwt.as_bytes(), None, NOW).is_ok());
    assert!(issuers.authenticate(jwt.as_bytes(), None, 0).is_err());
    assert!(issuers.authenticate(jwt.as_bytes(), None, i64::MAX).is_err());
    assert!(issuers.authenticate(jwt.as_bytes(), None, i64::MIN).is_err());
}
