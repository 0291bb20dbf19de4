//! What an issuer can say: whose tokens, which keys, and what claims are worth.

use super::{Form, Key, Shape, instead, optional, required};

/// Keys of a `security.issuer`.
pub(super) const KEYS: &[Key] = &[
    required("issuer", Shape::Text(Form::Line), "What `iss` of its tokens is, byte by byte."),
    required("audience", Shape::Text(Form::Line), "What `aud` of its tokens is, or has in its list."),
    required(
        "algorithms",
        Shape::List { of: &Shape::Choice(&token::Algorithm::NAMES), min: 1 },
        "Signature algorithms that are accepted, and no others.",
    ),
    optional(
        "jwks",
        Shape::Text(Form::KeySet),
        "Where its keys are: an `https://` URL, or `file://NAME.json` in or below this folder.",
    ),
    optional("keys", Shape::List { of: &Shape::Keys(KEY_KEYS), min: 1 }, "Its keys, instead of `jwks`."),
    optional(
        "leeway",
        Shape::DurationOrNone,
        "By how much clocks may differ; `30s` unless given, at most `5m`. `0s`: not at all.",
    ),
    optional(
        "max_age",
        Shape::Duration,
        "How old a token may be, whatever it says; not bounded unless given.",
    ),
    optional(
        "jwks_max_age",
        Shape::Duration,
        "For how long keys are used that cannot be fetched again; `24h` unless given.",
    ),
    required("tenant", Shape::Text(Form::AnyTenant), "Whose actors its tokens make."),
    required("actor", Shape::Keys(ISSUER_ACTOR_KEYS), "The actor that a token makes."),
    optional("roles", Shape::Text(Form::Line), "Claim with the names of roles; each becomes `TENANT/ROLE`."),
    optional(
        "grants",
        Shape::List { of: &Shape::Keys(GRANT_KEYS), min: 0 },
        "Scopes that tokens give, by their claims; none unless given.",
    ),
];

const KEY_KEYS: &[Key] = &[
    required("kty", Shape::Choice(&["OKP", "EC", "RSA", "oct"]), "Type of the key (RFC 7518)."),
    optional("kid", Shape::Text(Form::Line), "Name of the key; an only key needs none."),
    optional(
        "alg",
        Shape::Choice(&token::Algorithm::NAMES),
        "Its algorithm; the one of `algorithms` that fits the key unless given.",
    ),
    optional("use", Shape::Choice(&["sig"]), "What it is for."),
    optional("crv", Shape::Choice(&["Ed25519", "P-256", "P-384"]), "Its curve."),
    optional("x", Shape::Text(Form::Line), "Its point, or the first half of it."),
    optional("y", Shape::Text(Form::Line), "The second half of its point."),
    optional("n", Shape::Text(Form::Text), "Modulus of an RSA key."),
    optional("e", Shape::Text(Form::Line), "Exponent of an RSA key."),
    optional("k", Shape::Text(Form::Secret), "Shared secret, in base64url: `${env:NAME}`."),
    instead("d", "a private key is no secret in a manifest: make another, and write its public members only"),
];

const ISSUER_ACTOR_KEYS: &[Key] = &[
    required(
        "id",
        Shape::Text(Form::Template),
        "Its id after the tenant, as `user/{sub}`; the kind is literal.",
    ),
    optional(
        "tags",
        Shape::Named { key: Form::TagKey, of: &Shape::Text(Form::Line) },
        "Tags that policies can read, each with the claim that its value is taken from.",
    ),
];

const GRANT_KEYS: &[Key] = &[
    required("when", Shape::Keys(CONDITION_KEYS), "Which tokens."),
    required(
        "grant",
        Shape::List { of: &Shape::Text(Form::Reference("security.scope")), min: 1 },
        "The scopes; the tenant's own or shared.",
    ),
];

const CONDITION_KEYS: &[Key] = &[
    required("claim", Shape::Text(Form::Line), "Name of a claim; `/a/b` is member `b` of claim `a`."),
    optional("contains", Shape::Text(Form::Line), "An item of the list that the claim is."),
    optional("equals", Shape::Text(Form::Tag), "What the claim is."),
];
