//! Random tokens: nothing panics, nothing is accepted that is not what was signed, and the answer is always the same text.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use crate::support::{NOW, claims, simple};

/// Any JSON that fits a token.
fn anything() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        (NOW - 1000..NOW + 1000).prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
        prop_oneof![Just("moonward"), Just("ada"), Just("EdDSA"), Just("k1")].prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::hash_map("\\PC{0,6}", inner, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "iss",
        "aud",
        "sub",
        "exp",
        "iat",
        "nbf",
        "jti",
        "auth_time",
        "alg",
        "kid",
        "typ",
        "crit",
        "jwk",
        "zip",
    ];
    prop_oneof![proptest::sample::select(KNOWN).prop_map(str::to_owned), "\\PC{0,6}"]
}

proptest! {
    #[test]
    fn bytes_are_no_token(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (_, issuers) = simple();
        let refused = issuers.authenticate(&bytes, None, NOW).unwrap_err();
        prop_assert_eq!(refused.to_string(), "the token is not valid");
        prop_assert!(issuers.inspect(&bytes, NOW).is_err());
    }

    #[test]
    fn claims_and_headers_of_any_type_are_answered(
        header in proptest::collection::vec((name(), anything()), 0..3),
        changed in proptest::collection::vec((name(), anything()), 0..4),
        now in prop_oneof![Just(NOW), any::<i64>()],
    ) {
        let (signer, issuers) = simple();
        let mut head = json!({"alg": "EdDSA", "kid": "k1"});
        let mut body = claims();
        header.into_iter().for_each(|(name, value)| head[name] = value);
        changed.into_iter().for_each(|(name, value)| body[name] = value);
        let jwt = signer.raw(&head.to_string(), &body.to_string());
        match issuers.authenticate(jwt.as_bytes(), None, now) {
            Ok(good) => {
                // What is accepted is what every rule says of it.
                prop_assert_eq!(&body["iss"], &json!(crate::support::ISSUER));
                prop_assert_eq!(body["sub"].as_str(), Some(&*good.session.subject));
                prop_assert_eq!(body["iat"].as_i64(), Some(good.session.issued_at));
                prop_assert!(body["exp"].as_i64().is_some_and(|exp| exp + 30 == good.session.ends_at));
                prop_assert!(now < good.session.ends_at && now >= good.session.issued_at - 30);
                prop_assert!(good.actor.id().starts_with("acme/user/"));
                prop_assert_eq!(good.actor.id().matches('/').count(), 2);
            }
            Err(refused) => prop_assert_eq!(refused.to_string(), "the token is not valid"),
        }
    }

    #[test]
    fn a_changed_token_is_refused(at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let (signer, issuers) = simple();
        let jwt = signer.token("EdDSA", "k1", &claims()).into_bytes();
        let mut changed = jwt.clone();
        let at = at.index(changed.len());
        changed[at] = with;
        prop_assert_eq!(issuers.authenticate(&changed, None, NOW).is_ok(), changed == jwt);
    }
}
