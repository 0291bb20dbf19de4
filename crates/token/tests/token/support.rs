//! Issuers, keys and tokens for the tests; a small server of keys; time as a number.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
};
use aws_lc_rs::{hmac, rsa};
use policy::TenantId;
use serde_json::{Value as Json, json};
use token::{
    Algorithm, Cause, Grant, Issuers, KeySource, Mapping, Refused, Revocations, Rule, Settings, Template,
};
use value::base64::{Alphabet, encode};

/// The time in all tests, unless they say another.
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://idp.example.org/";
pub(crate) const AUDIENCE: &str = "moonward";

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    encode(bytes.as_ref(), Alphabet::Url)
}

/// A key that signs.
pub(crate) enum Signer {
    Ed(Box<Ed25519KeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
    Secret(Vec<u8>),
}

impl Signer {
    pub(crate) fn ed() -> Self {
        Self::Ed(Box::new(Ed25519KeyPair::generate().unwrap()))
    }

    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn p384() -> Self {
        Self::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn rsa() -> Self {
        Self::Rsa(rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap())
    }

    /// The public key, or the secret; without `alg`.
    pub(crate) fn jwk(&self, kid: &str) -> Json {
        match self {
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(pair.public_key())})
            }
            Self::P256(pair) => ec(pair, "P-256", 32, kid),
            Self::P384(pair) => ec(pair, "P-384", 48, kid),
            Self::Rsa(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus().big_endian_without_leading_zero(), key.exponent());
                json!({"kty": "RSA", "kid": kid, "n": b64(n), "e": b64(e.big_endian_without_leading_zero())})
            }
            Self::Secret(secret) => json!({"kty": "oct", "kid": kid, "k": b64(secret)}),
        }
    }

    fn signature(&self, algorithm: &str, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ed(pair) => pair.sign(signed).as_ref().to_vec(),
            Self::P256(pair) | Self::P384(pair) => pair.sign(&random, signed).unwrap().as_ref().to_vec(),
            Self::Rsa(pair) => {
                let padding: &dyn aws_lc_rs::signature::RsaEncoding =
                    if algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, signed, &mut signature).unwrap();
                signature
            }
            Self::Secret(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed).as_ref().to_vec()
            }
        }
    }

    /// A token with header and claims as they are written.
    pub(crate) fn raw(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", b64(header), b64(claims));
        let header: Json = serde_json::from_str(header).unwrap_or_default();
        let algorithm = header["alg"].as_str().unwrap_or_default();
        format!("{signed}.{}", b64(self.signature(algorithm, signed.as_bytes())))
    }

    pub(crate) fn token(&self, algorithm: &str, kid: &str, claims: &Json) -> String {
        self.raw(&json!({"alg": algorithm, "kid": kid, "typ": "JWT"}).to_string(), &claims.to_string())
    }
}

fn ec(pair: &EcdsaKeyPair, curve: &str, width: usize, kid: &str) -> Json {
    let point = pair.public_key().as_ref();
    let (x, y) = (&point[1..=width], &point[width + 1..]);
    json!({"kty": "EC", "crv": curve, "kid": kid, "x": b64(x), "y": b64(y)})
}

/// Claims that are good at [`NOW`].
pub(crate) fn claims() -> Json {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": NOW - 10, "exp": NOW + 600, "jti": "t1"})
}

/// The same with one claim changed, or removed by null.
pub(crate) fn with(name: &str, value: Json) -> Json {
    let mut claims = claims();
    claims[name] = value;
    claims
}

pub(crate) fn without(name: &str) -> Json {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

pub(crate) fn set(keys: &[Json]) -> String {
    json!({ "keys": keys }).to_string()
}

pub(crate) fn rule<T>(value: T) -> Rule<T> {
    Rule { value, place: "app.yaml:1".into() }
}

pub(crate) fn mapping() -> Mapping {
    Mapping { actor: rule(Template::parse("user/{sub}").unwrap()), tags: vec![], roles: None, grants: vec![] }
}

pub(crate) fn grant(when: token::Condition, scope: &str) -> Rule<Grant> {
    rule(Grant { when, scopes: vec![scope.into()] })
}

/// An issuer of tenant `acme` with these keys in its entry.
pub(crate) fn settings(algorithms: &[Algorithm], keys: &[Json]) -> Settings {
    Settings {
        id: "acme:idp".into(),
        place: "app.yaml:1".into(),
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        algorithms: algorithms.to_vec(),
        keys: KeySource::Inline(set(keys).into()),
        leeway: Duration::from_secs(30),
        max_age: None,
        jwks_max_age: Duration::from_secs(3600),
        fetch_timeout: Duration::from_secs(5),
        authorities: None,
        tenant: TenantId::new("acme").unwrap(),
        max_lifetime: None,
        mapping: mapping(),
    }
}

pub(crate) fn issuers(settings: Settings) -> Issuers {
    Issuers::new(vec![settings], Arc::new(Revocations::none())).unwrap()
}

/// One Ed25519 key `k1` and an issuer that has it.
pub(crate) fn simple() -> (Signer, Issuers) {
    let signer = Signer::ed();
    let issuers = issuers(settings(&[Algorithm::EdDsa], &[signer.jwk("k1")]));
    (signer, issuers)
}

/// The private reason, having seen that the public one tells nothing.
pub(crate) fn cause(issuers: &Issuers, jwt: impl AsRef<[u8]>) -> Cause {
    cause_at(issuers, jwt, NOW)
}

pub(crate) fn cause_at(issuers: &Issuers, jwt: impl AsRef<[u8]>, now: i64) -> Cause {
    let refused: Refused = issuers.authenticate(jwt.as_ref(), None, now).unwrap_err();
    assert_eq!(refused.to_string(), "the token is not valid");
    assert_eq!(format!("{refused:?}"), "Refused");
    refused.cause().clone()
}

/// The actor's id of a token that is accepted.
#[track_caller]
pub(crate) fn actor(issuers: &Issuers, jwt: impl AsRef<[u8]>) -> String {
    let answer = issuers.authenticate(jwt.as_ref(), None, NOW);
    answer.map_err(|refused| refused.cause().to_string()).unwrap().actor.id().to_string()
}

/// What the server answers.
#[derive(Clone)]
pub(crate) enum Answer {
    Keys(String),
    /// Head and body as they are.
    Raw(String),
    /// The connection is closed at once.
    Down,
    /// The request is read, nothing is answered.
    Silent,
}

/// A server of keys on this machine, and how often it was asked.
pub(crate) struct Server {
    pub(crate) url: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn new(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let server = Self { url, answer: Arc::new(Mutex::new(answer)), asked: Arc::default() };
        let (answer, asked) = (server.answer.clone(), server.asked.clone());
        thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                asked.fetch_add(1, Ordering::SeqCst);
                let answer = answer.lock().unwrap().clone();
                if matches!(answer, Answer::Down) {
                    continue;
                }
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.push(byte[0]);
                }
                match answer {
                    Answer::Keys(text) => {
                        let length = text.len();
                        let head = format!(
                            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                        );
                        let _ = stream.write_all(format!("{head}{text}").as_bytes());
                    }
                    Answer::Raw(text) => drop(stream.write_all(text.as_bytes())),
                    Answer::Down => {}
                    // Kept open, so that it is the client who gives up.
                    Answer::Silent => silent.push(stream),
                }
            }
        });
        server
    }

    pub(crate) fn says(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
