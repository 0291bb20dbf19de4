//! `security.issuer` entries: whose tokens are good, what their claims are worth, and every way to be wrong about it.

use super::*;

const PUBLIC_KEY: &str = "{kty: OKP, crv: Ed25519, kid: k1, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}";

/// An issuer with these lines instead of, or beside, those that it needs.
fn issuer(changes: &[(&str, &str)]) -> String {
    let key = format!("[{PUBLIC_KEY}]");
    let mut lines = vec![
        ("issuer", "https://idp.example.org/"),
        ("audience", "moonward"),
        ("algorithms", "[EdDSA]"),
        ("keys", &key),
        ("tenant", "default"),
        ("actor", "{id: \"user/{sub}\"}"),
    ];
    for (key, value) in changes {
        lines.retain(|(known, _)| known != key);
        lines.push((key, value));
    }
    let lines = lines.iter().filter(|(_, value)| !value.is_empty());
    let lines: String = lines.map(|(key, value)| format!("    {key}: {value}\n")).collect();
    format!("  - name: idp\n    kind: security.issuer\n{lines}")
}

#[test]
fn an_issuer_says_whose_tokens_are_good_and_what_their_claims_are_worth() {
    let text = format!(
        "namespace: app\nentries:\n  - {{name: acme, kind: tenant, namespaces: [acme]}}\n\
         \x20 - {{name: s, kind: security.scope, shared: true, policies: [\"file://x.cedar\"]}}\n{}",
        issuer(&[
            ("tenant", "acme"),
            ("keys", ""),
            ("jwks", "file://keys/idp.json"),
            ("max_age", "12h"),
            ("leeway", "0s"),
            ("actor", "{id: \"user/{sub}\", tags: {team: /org/team}}"),
            ("roles", "roles"),
            (
                "grants",
                "[{when: {claim: roles, contains: dev}, grant: [s]}, {when: {claim: mail, equals: true}, grant: [app:s]}]"
            ),
        ])
    );
    let keys = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"development-1\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
    let (manifest, warnings) = loaded(&[("a.yaml", &text), ("x.cedar", ""), ("keys/idp.json", keys)]);
    assert_eq!(
        warnings,
        [
            "a.yaml:11:11 key `development-1` is for development: whoever has its file makes tokens of this issuer (app:idp) \
          | remove it before others rely on this app"
        ]
    );
    let issuer = &manifest.issuers[0];
    assert_eq!((issuer.tenant.as_str(), ids(&issuer.scopes)), ("acme", vec!["app:s", "app:s"]));
    let settings = &issuer.settings;
    assert_eq!((&*settings.id, &*settings.place), ("app:idp", "a.yaml:5"));
    assert_eq!(settings.leeway, Duration::ZERO);
    assert_eq!(settings.max_age, Some(Duration::from_secs(12 * 3600)));
    assert_eq!(settings.jwks_max_age, Duration::from_secs(24 * 3600));
    assert_eq!(settings.mapping.actor.value.text(), "user/{sub}");
    assert_eq!(&*settings.mapping.grants[0].place, "a.yaml:16");
    assert_eq!(&*settings.mapping.grants[1].value.scopes[0], "app:s");
    assert!(manifest.sources().iter().any(|source| source.path == "keys/idp.json"));
}

#[test]
fn an_issuer_that_could_be_misunderstood_is_refused() {
    let two = issuer(&[]) + &issuer(&[]).replace("name: idp", "name: other");
    for (entries, expected) in [
        (
            issuer(&[("algoritms", "[EdDSA]")]),
            &["a.yaml:11:5 unknown key `algoritms` (app:idp) | did you mean `algorithms`?"][..],
        ),
        (
            issuer(&[("algorithms", "[none]")]),
            &[
                "a.yaml:10:18 an item of `algorithms` is `none`, expected one of `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, \
               `PS512`, `ES256`, `ES384`, `EdDSA`, `HS256`, `HS384`, `HS512` (app:idp)",
            ],
        ),
        (
            issuer(&[("algorithms", "[EdDSA, HS256]")]),
            &[
                "a.yaml:10:5 algorithms with a shared secret and with public keys cannot be mixed on one issuer (app:idp)",
            ],
        ),
        (
            issuer(&[("keys", "")]),
            &[
                "a.yaml:3:11 key `jwks` or `keys` is missing (app:idp) | where the keys are that sign its tokens",
            ],
        ),
        (
            issuer(&[("jwks", "https://idp.example.org/jwks")]),
            &["a.yaml:8:5 keys are given twice: `jwks` and `keys` (app:idp) | keep one of them"],
        ),
        (
            issuer(&[("keys", ""), ("jwks", "http://idp.example.org/jwks")]),
            &[
                "a.yaml:10:11 `jwks` is `http://idp.example.org/jwks`, expected an `https://` URL, or `file://NAME.json` in or \
               below this folder (app:idp) | `http://idp.example.org/jwks` is no place to fetch keys from: `http` is for \
               `127.0.0.1`, `[::1]` and `localhost` only; write `https`",
            ],
        ),
        (
            issuer(&[("keys", ""), ("jwks", "file://../keys.json")]),
            &[
                "a.yaml:10:11 `jwks` is `file://../keys.json`, expected an `https://` URL, or `file://NAME.json` in or below \
               this folder (app:idp) | a file is named from this folder downwards: no `..`, no leading `/`, none of `%`, \
               `?`, `#`, `\\`",
            ],
        ),
        (
            issuer(&[("keys", ""), ("jwks", "file://none.json")]),
            &["a.yaml:10:11 `none.json` cannot be read: there is no such file in the app's folder (app:idp)"],
        ),
        (
            issuer(&[("keys", "[{kty: OKP, crv: Ed25519, x: AAAA}]")]),
            &["a.yaml:10:5 key without `kid`: its `x` is no point of its curve (app:idp)"],
        ),
        (
            issuer(&[("keys", "[{kty: OKP, crv: Ed25519, x: AAAA, d: AAAA}]")]),
            &[
                "a.yaml:10:5 key without `kid`: its `x` is no point of its curve (app:idp)",
                "a.yaml:10:46 `d` is not read here (app:idp) | a private key is no secret in a manifest: make another, and write \
               its public members only",
            ],
        ),
        (
            issuer(&[("actor", "{id: \"{kind}/{sub}\"}")]),
            &[
                "a.yaml:10:17 `id` is the text `{kind}/{sub}`, expected a template such as `user/{sub}` (app:idp) | \
               `{kind}/{sub}` is no template of an actor's id: its kind is `user` or `operator`, written out",
            ],
        ),
        // Everything at once, an unknown key and an unknown tenant among it.
        (
            issuer(&[("leeway", "10m"), ("jwks_max_age", "1s"), ("tenant", "nobody"), ("colour", "red")]),
            &[
                "a.yaml:10:13 `leeway` is 600 s, at most 300 s allowed (app:idp)",
                "a.yaml:11:19 `jwks_max_age` is 1 s, at least 60 s needed (app:idp)",
                "a.yaml:12:13 there is no tenant `nobody` (app:idp) | an app that declares no tenant has one, `default`",
                "a.yaml:13:5 unknown key `colour` (app:idp) | allowed here: `name`, `kind`, `meta`, `issuer`, `audience`, \
                 `algorithms`, `jwks`, `keys`, `leeway`, `max_age`, `jwks_max_age`, `tenant`, `actor`, `roles`, `grants`",
            ],
        ),
        (issuer(&[("leeway", "1h")]), &["a.yaml:11:13 `leeway` is 3600 s, at most 300 s allowed (app:idp)"]),
        (
            issuer(&[("jwks_max_age", "59s")]),
            &["a.yaml:11:19 `jwks_max_age` is 59 s, at least 60 s needed (app:idp)"],
        ),
        (
            issuer(&[("grants", "[{when: {claim: a, contains: b}, grant: [nowhere]}]")]),
            &["a.yaml:11:54 there is no security.scope `app:nowhere` (app:idp)"],
        ),
        (
            issuer(&[("grants", "[{when: {claim: a}, grant: [x]}]")]),
            &["a.yaml:11:15 key `contains` or `equals` is missing (app:idp) | what the claim has to be"],
        ),
        (
            issuer(&[("grants", "[{when: {claim: a, contains: b, equals: c}, grant: [x]}]")]),
            &[
                "a.yaml:11:53 a claim either `contains` or `equals` (app:idp) | keep one of them, and write another grant for \
               the other",
            ],
        ),
        (
            two,
            &[
                "a.yaml:14:15 `app:idp` has the same `issuer` and `audience` (app:other) | the first is at a.yaml:3:11; a token \
               would be of both",
            ],
        ),
    ] {
        entries_refused(&entries, expected);
    }
}

#[test]
fn an_issuer_gives_scopes_of_its_tenant_only_and_is_the_operators_to_declare() {
    let tenants = "namespace: app\nentries:\n  - {name: acme, kind: tenant, namespaces: [acme]}\n  - {name: globex, kind: tenant, namespaces: [globex]}\n";
    let grants = ("grants", "[{when: {claim: a, contains: b}, grant: [globex:s]}]");
    let scope =
        "namespace: globex\nentries:\n  - {name: s, kind: security.scope, policies: [\"file://x.cedar\"]}\n";
    refused(
        &[
            ("a.yaml", &format!("{tenants}{}", issuer(&[("tenant", "acme"), grants]))),
            ("b.yaml", scope),
            ("x.cedar", ""),
        ],
        &[
            "a.yaml:13:54 `globex:s` is tenant `globex`'s and not shared (app:idp) | the operator shares a scope with `shared: true`",
        ],
    );
    let own = format!("namespace: acme\nentries:\n{}", issuer(&[("tenant", "acme")]));
    refused(
        &[("a.yaml", tenants), ("b.yaml", &own)],
        &[
            "b.yaml:4:11 a `security.issuer` is the operator's, and this namespace is tenant `acme`'s (acme:idp) | move it to a \
           file whose namespace no tenant owns",
        ],
    );
    let (manifest, _) = loaded(&[(
        "a.yaml",
        &format!("{tenants}{}", issuer(&[("tenant", "system"), ("actor", "{id: \"operator/{sub}\"}")])),
    )]);
    assert_eq!(manifest.issuers[0].settings.mapping.actor.value.text(), "operator/{sub}");
}

#[test]
fn an_app_has_a_bounded_number_of_issuers() {
    let one = |at: usize| {
        issuer(&[("audience", &format!("a{at}"))]).replace("name: idp", &format!("name: idp{at}"))
    };
    let entries: String = (0..65).map(one).collect();
    entries_refused(&entries, &["a.yaml:515:11 the app has more than 64 issuers (app:idp64)"]);
}
