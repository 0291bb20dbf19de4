//! What runs under a token ends when the token is no longer good, and it is recorded why.

use std::time::{Duration, Instant};

use app::{CallFailure, CallRequest, REVOCATIONS, Running};
use serde_json::{Value as Json, json};
use token::{DevelopmentKey, Revocation, Revocations, system_clock};
use value::Kind;

use crate::support::{Folder, call, records, request};

/// After that a test has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// An app whose tokens make users of `acme` who may do all that a tenant may.
struct Issuing {
    folder: Folder,
    key: DevelopmentKey,
}

impl Issuing {
    fn new(tenant: &str) -> Self {
        let entries = format!(
            "  - {{name: acme, kind: tenant, namespaces: [acme], default_scopes: [all]{tenant}}}
  - name: idp
    kind: security.issuer
    issuer: https://idp.test/
    audience: app
    algorithms: [EdDSA]
    jwks: file://keys.json
    tenant: acme
    actor: {{id: \"user/{{sub}}\"}}
    grants: [{{when: {{claim: plan, equals: gold}}, grant: [all]}}]
"
        );
        let key = DevelopmentKey::generate().unwrap();
        let folder = Folder::new(&entries, &[("keys.json", &keys(&[&key]))]);
        folder.write("acme.yaml", ACME);
        let manifest = std::fs::read_to_string(folder.path().join("_index.yaml")).unwrap();
        let shared = manifest.replace("kind: security.scope,", "kind: security.scope, shared: true,");
        folder.write("_index.yaml", &shared);
        Self { folder, key }
    }

    fn token(&self, id: &str) -> String {
        let now = system_clock()();
        let claims = json!({"iss": "https://idp.test/", "aud": "app", "sub": "ada", "iat": now, "exp": now + 3600,
            "jti": id, "plan": "gold"});
        self.key.sign(claims.as_object().unwrap())
    }

    /// A call of a definition with a token.
    fn request(&self, definition: &str, token: &str) -> CallRequest {
        CallRequest { token: Some(token.as_bytes().to_vec()), timeout: Some(PATIENCE), ..request(definition) }
    }

    fn revoke(&self, subject: Option<&str>, jti: Option<&str>) {
        let revocations = Revocations::open(&self.folder.path().join(REVOCATIONS), system_clock()());
        let by = audit::AssertedBy { uid: 7, login: "root".into(), host: "here".into() };
        let revocation = Revocation {
            at: system_clock()(),
            issuer: subject.map(|_| "app:idp".into()),
            subject: subject.map(Into::into),
            jti: jti.map(Into::into),
            recorded: false,
            by,
        };
        revocations.append(revocation).unwrap();
    }
}

const ACME: &str = r#"version: "1.0"
namespace: acme
entries:
  - {name: who, kind: process.lua, modules: [security], source: 'return function() return require("security").actor():id() end'}
  - {name: parked, kind: process.lua, source: 'return function() process.inbox():receive() end'}
  # Starts a child and waits for its end.
  - name: parent
    kind: process.lua
    source: |
      return function()
        local child = process.spawn_monitored("acme:parked", "app:processes")
        process.set_options({trap_links = true})
        local event = process.events():receive()
        return {from = event.from == child, error = event.result.error}
      end
  # As itself; its child as whom the token says.
  - name: gateway
    kind: process.lua
    modules: [security]
    source: |
      local security = require("security")
      return function(token)
        local actor, scope = security.authenticate(token)
        if not actor then error(scope) end
        local spawner = process.with_context({}):with_actor(actor):with_scope(scope)
        spawner:spawn_monitored("acme:parked", "app:processes")
        local event = process.events():receive()
        return {error = event.result.error, id = actor:id()}
      end
"#;

fn keys(keys: &[&DevelopmentKey]) -> String {
    json!({"keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<Json>>()}).to_string()
}

/// Waits until so many processes of the tenant run.
fn until(running: &Running, processes: u32) {
    let (acme, started) = (policy::TenantId::new("acme").unwrap(), Instant::now());
    while running.runtime().processes(&acme) < processes {
        assert!(started.elapsed() < PATIENCE, "fewer than {processes} processes run");
        std::thread::yield_now();
    }
}

/// Why a call came to no value.
fn failure(running: &Running, request: CallRequest) -> (Kind, String) {
    match running.call(request) {
        Err(CallFailure::Failed(failure)) => (failure.kind, failure.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_revoked_token_ends_what_runs_under_it_and_both_are_recorded() {
    let app = Issuing::new("");
    let running = app.folder.start();
    let token = app.token("t1");
    assert_eq!(running.call(app.request("acme:who", &token)), Ok("acme/user/ada".into()));
    let ended = std::thread::scope(|scope| {
        let call = scope.spawn(|| failure(&running, app.request("acme:parked", &token)));
        until(&running, 1);
        app.revoke(None, Some("t1"));
        call.join().unwrap()
    });
    let refused = running.call(app.request("acme:who", &token));
    assert!(matches!(refused, Err(CallFailure::Refused(_))), "{refused:?}");
    let revoked = &records(&running, "token_revoke")[0];
    assert_eq!(revoked["asserted_by"]["login"], "root");
    assert_eq!(revoked["detail"]["jti_sha256"].as_str().unwrap().len(), 64);
    let over = &records(&running, "session_end")[0];
    assert_eq!(ended, (Kind::Canceled, "session over: the token was revoked".to_owned()));
    assert_eq!(over["tenant"], "acme");
    assert_eq!(over["detail"]["sub"], "ada");
    assert_eq!(over["detail"]["why"], "the token was revoked");
    assert_eq!(over["detail"]["jti_sha256"], revoked["detail"]["jti_sha256"]);
}

#[test]
fn children_of_a_tokens_process_end_with_it_and_what_only_gave_the_actor_away_does_not() {
    let app = Issuing::new("");
    let running = app.folder.start();
    let token = app.token("t1");
    let arguments = vec![token.as_str().into()];
    let (parent, gateway) = std::thread::scope(|scope| {
        let parent = scope.spawn(|| failure(&running, app.request("acme:parent", &token)));
        let gateway = CallRequest { arguments, timeout: Some(PATIENCE), ..request("acme:gateway") };
        let gateway = scope.spawn(|| running.call(gateway));
        // Both have to be under way: a token that was revoked before is refused.
        until(&running, 4);
        app.revoke(Some("ada"), None);
        (parent.join().unwrap(), gateway.join().unwrap().unwrap())
    });
    assert_eq!(parent, (Kind::Canceled, "session over: the token was revoked".to_owned()));
    assert_eq!(
        value::to_json(&gateway),
        json!({"error": "session over: the token was revoked", "id": "acme/user/ada"})
    );
}

#[test]
fn a_withdrawn_key_ends_the_sessions_of_its_tokens() {
    let app = Issuing::new("");
    let running = app.folder.start();
    let token = app.token("t1");
    let ended = std::thread::scope(|scope| {
        let call = scope.spawn(|| failure(&running, app.request("acme:parked", &token)));
        until(&running, 1);
        app.folder.write("keys.json", &keys(&[&DevelopmentKey::generate().unwrap()]));
        call.join().unwrap()
    });
    assert_eq!(ended, (Kind::Canceled, "session over: the key of the token was withdrawn".to_owned()));
    let over = &records(&running, "session_end")[0];
    assert_eq!(over["detail"]["why"], "the key of the token was withdrawn");
}

#[test]
fn a_tenant_says_how_long_what_runs_under_a_token_goes_on() {
    let app = Issuing::new(", max_lifetime: 1s");
    let running = app.folder.start();
    let ended = failure(&running, app.request("acme:parked", &app.token("t1")));
    assert_eq!(ended, (Kind::Canceled, "session over: the token expired".to_owned()));
}

#[test]
fn a_reload_takes_issuers_away_and_with_them_their_sessions() {
    let app = Issuing::new("");
    let running = app.folder.start();
    let token = app.token("t1");
    let ended = std::thread::scope(|scope| {
        let call = scope.spawn(|| failure(&running, app.request("acme:parked", &token)));
        until(&running, 1);
        let manifest = std::fs::read_to_string(app.folder.path().join("_index.yaml")).unwrap();
        let from = manifest.find("  - name: idp").unwrap();
        app.folder.write("_index.yaml", &manifest[..from]);
        running.reload(app.folder.load()).unwrap();
        call.join().unwrap()
    });
    assert_eq!(
        ended,
        (Kind::Canceled, "session over: the issuer of the token is no longer accepted".to_owned())
    );
    assert!(matches!(running.call(app.request("acme:who", &token)), Err(CallFailure::Refused(_))));
    assert_eq!(call(&running, "acme:who"), Ok("acme/user/cli".into()));
}

#[test]
fn every_token_that_is_not_accepted_has_one_answer_in_lua_too() {
    let app = Issuing::new("");
    let running = app.folder.start();
    let other = DevelopmentKey::generate().unwrap();
    let claims = |changes: Json| {
        let now = system_clock()();
        let mut claims =
            json!({"iss": "https://idp.test/", "aud": "app", "sub": "ada", "iat": now, "exp": now + 60});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims.as_object().unwrap().clone()
    };
    let good = app.token("t1");
    for token in [
        String::new(),
        "x".to_owned(),
        "x".repeat(9000),
        format!("{good}x"),
        other.sign(&claims(json!({}))),
        app.key.sign(&claims(json!({"exp": 5}))),
        app.key.sign(&claims(json!({"aud": "another"}))),
        app.key.sign(&claims(json!({"iss": "https://idp.test"}))),
        app.key.sign(&claims(json!({"sub": 5}))),
    ] {
        let (kind, message) = failure(
            &running,
            CallRequest { arguments: vec![token.as_str().into()], ..request("acme:gateway") },
        );
        assert_eq!((kind, &*message), (Kind::Invalid, "the token is not valid"), "{token}");
    }
    let causes: Vec<String> = records(&running, "token_refused")
        .iter()
        .map(|record| {
            format!("{} {} {}", record["tenant"], record["detail"]["cause"], record["detail"]["count"])
        })
        .collect();
    let expected = ["form", "key", "time", "issuer", "claims"].map(|cause| format!("\"acme\" \"{cause}\" 1"));
    for cause in &expected {
        assert_eq!(causes.iter().filter(|found| *found == cause).count(), 1, "{cause} in {causes:?}");
    }
}
