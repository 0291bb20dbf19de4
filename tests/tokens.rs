//! `moonward token`: keys and tokens for development, why a token is accepted or not, and revocation.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value as Json, json};

use crate::support::{Folder, last_record, moonward, texts};

const KEYS: &str = "jwks: file://keys.json";

/// An app with one issuer, its keys as this line says.
fn app(keys: &str) -> Folder {
    let text = format!(
        r#"
version: "1.0"
namespace: app
entries:
  - {{name: s, kind: security.scope, policies: [file://s.cedar]}}
  - name: idp
    kind: security.issuer
    issuer: https://idp.example.org/
    audience: shop
    algorithms: [EdDSA]
    {keys}
    tenant: default
    actor: {{id: "user/{{sub}}", tags: {{plan: plan}}}}
    roles: roles
    grants:
      - {{when: {{claim: roles, contains: customer}}, grant: [s]}}
"#
    );
    let folder = Folder::new(&[("_index.yaml", &text), ("s.cedar", ""), ("keys.json", "{\"keys\":[]}")]);
    let output = token(&["mint", "--new-key"], &[&key(&folder)]);
    assert_eq!(output.0, 0, "{}", output.2);
    folder.write("keys.json", &output.1);
    folder
}

/// Where the private key of an app is.
fn key(folder: &Folder) -> String {
    folder.path().join("data/key.json").display().to_string()
}

fn path(folder: &Folder) -> String {
    folder.path().display().to_string()
}

/// `moonward token VERB... ARGS...`: exit code, stdout, stderr.
fn token(verb: &[&str], arguments: &[&str]) -> (i32, String, String) {
    outcome(moonward().arg("token").args(verb).args(arguments))
}

fn outcome(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

/// A token of `ada` with these further arguments.
fn mint(folder: &Folder, arguments: &[&str]) -> String {
    let fixed = ["mint", &path(folder), "--key", &key(folder), "--sub", "ada"];
    let (code, stdout, stderr) = token(&fixed, arguments);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.starts_with("warning: a development token of `app:idp`, good until "), "{stderr}");
    stdout.trim_end().to_owned()
}

/// What `inspect -o json` says, and the exit code.
fn inspect(folder: &Folder, jwt: &str) -> (i32, Json) {
    let (code, stdout, stderr) = token(&["inspect", "-o", "json"], &[jwt, &path(folder)]);
    (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}")))
}

#[test]
fn a_development_key_is_private_to_its_owner_and_never_written_over() {
    let folder = app(KEYS);
    let file = PathBuf::from(key(&folder));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read_to_string(&file).unwrap();
    let (code, stdout, stderr) = token(&["mint", "--new-key"], &[&key(&folder)]);
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(
        stderr.contains("help: nothing was changed; a file that is there is never written over"),
        "{stderr}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let public: Json =
        serde_json::from_str(&fs::read_to_string(folder.path().join("keys.json")).unwrap()).unwrap();
    assert!(public["keys"][0]["kid"].as_str().unwrap().starts_with("development-"));
    assert_eq!(public["keys"][0].get("d"), None);
    // Whoever loads the app is told.
    let (code, _, stderr) = outcome(moonward().arg("check").arg(folder.path()));
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("is for development: whoever has its file makes tokens of this issuer"),
        "{stderr}"
    );
}

#[test]
fn a_minted_token_is_accepted_and_inspect_says_what_it_is_worth() {
    let folder = app(KEYS);
    let jwt = mint(
        &folder,
        &[
            "--claim",
            "roles=[\"customer\",\"x/y\"]",
            "--claim",
            "plan=gold",
            "--claim",
            "nickname=\u{1b}[2J",
            "--ttl",
            "5m",
        ],
    );
    let (code, said) = inspect(&folder, &jwt);
    assert_eq!(code, 0, "{said}");
    assert_eq!(said["accepted"], true);
    assert_eq!(said["actor"]["id"], "default/user/ada");
    assert_eq!(said["actor"]["roles"], json!(["default/customer"]));
    assert_eq!(said["actor"]["tags"], json!({"plan": "gold"}));
    assert_eq!(said["scopes"], json!(["app:s"]));
    assert_eq!(said["issuer"], json!({"id": "app:idp", "place": "_index.yaml:6"}));
    let (code, text, stderr) = token(&["inspect"], &[&jwt, &path(&folder)]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for line in [
        "nothing: no rule reads it",
        "_index.yaml:13  actor.id: \"user/{sub}\"              actor default/user/ada",
        "role default/customer; not all: a role is 1 to 256 letters, digits, `.`, `_`, `@` and `-`, which these are not: \"x/y\"",
        "_index.yaml:16  grant when roles contains customer  scope app:s",
        "\nAccepted\n  actor   default/user/ada\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(!text.contains(jwt.rsplit('.').next().unwrap()), "{text}");
}

#[test]
fn a_token_is_read_from_stdin_too() {
    let folder = app(KEYS);
    let jwt = mint(&folder, &[]);
    let mut child = moonward()
        .args(["token", "inspect", "-", &path(&folder)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{jwt}\n").as_bytes()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn a_refused_token_is_2_and_what_is_none_is_3() {
    let folder = app(KEYS);
    let jwt = mint(&folder, &[]);
    let (signed, _) = jwt.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));
    let (code, said) = inspect(&folder, &forged);
    assert_eq!(
        (code, &said["accepted"], &said["reason"]),
        (2, &json!(false), &json!("its signature does not verify"))
    );
    let (code, text, _) = token(&["inspect"], &[&forged, &path(&folder)]);
    assert_eq!(code, 2);
    let end = "\nRefused: its signature does not verify\nhelp: the token was changed, or signed with another key of the same name\n";
    assert!(text.ends_with(end), "{text}");
    let (_, rest) = jwt.split_once('.').unwrap();
    let header = value::base64::encode(
        br#"{"alg":"EdDSA","jku":"https://evil.example/"}"#,
        value::base64::Alphabet::Url,
    );
    let (code, said) = inspect(&folder, &format!("{header}.{rest}"));
    assert_eq!((code, &said["reason"]), (2, &json!("its header has `jku`, which is never accepted")));
    // Unsigned, and refused for that: not for what else it lacks.
    for (name, rest) in [("none", format!("{}.", rest.split('.').next().unwrap())), ("NONE", rest.to_owned())]
    {
        let header =
            value::base64::encode(format!("{{\"alg\":\"{name}\"}}").as_bytes(), value::base64::Alphabet::Url);
        let (code, said) = inspect(&folder, &format!("{header}.{rest}"));
        assert_eq!((code, &said["reason"]), (2, &json!(format!("algorithm `{name}` is never accepted"))));
    }
    for none in ["x", "", "a.b.c", &"x".repeat(9000), signed] {
        let (code, stdout, stderr) = token(&["inspect"], &[none, &path(&folder)]);
        assert_eq!((code, stdout.as_str()), (3, ""), "{none}");
        assert!(stderr.starts_with("error: what was given is no token: "), "{stderr}");
        assert!(stderr.contains("\nhelp: "), "{stderr}");
    }
}

#[test]
fn only_a_development_key_mints_and_no_claim_stands_for_an_argument() {
    let folder = app(KEYS);
    let real = fs::read_to_string(key(&folder)).unwrap().replace("\"development-", "\"");
    folder.write("data/real.json", &real);
    let real = folder.path().join("data/real.json").display().to_string();
    let (at, good) = (path(&folder), key(&folder));
    for (arguments, expected, message) in [
        (&["--key", real.as_str(), "--sub", "ada"][..], 3, "only development keys mint tokens"),
        (&["--key", "/nowhere", "--sub", "ada"], 3, "cannot be read"),
        (&["--key", &good, "--sub", ""], 64, "expected text of at least one character"),
        (&["--key", &good, "--sub", "ada", "--issuer", "app:ipd"], 64, "help: did you mean `app:idp`?"),
        (&["--key", &good, "--sub", "ada", "--claim", "exp=9999999999"], 64, "`exp` is not given as a claim"),
        (&["--key", &good, "--sub", "ada", "--ttl", "48h"], 64, "at most 24h"),
        (&["--key", &good], 64, "--sub"),
        (&["--new-key", "x", "--sub", "ada"], 64, "cannot be used with"),
    ] {
        let (code, stdout, stderr) = token(&["mint", &at], arguments);
        assert_eq!((code, stdout.as_str()), (expected, ""), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    }
    // What the app does not accept is made, and said.
    let (code, stdout, stderr) = token(&["mint", &at], &["--key", &good, "--sub", "a\u{7}b"]);
    assert_eq!((code, stdout.is_empty()), (0, false));
    assert!(
        stderr.contains("warning: this app does not accept it: `sub` is not text without control characters"),
        "{stderr}"
    );
}

#[test]
fn a_revocation_is_durable_and_on_record_with_who_did_it() {
    let folder = app(KEYS);
    let jwt = mint(&folder, &[]);
    let output = revoke(&folder, &["--sub", "ada", "-o", "json"]);
    assert_eq!(output.0, 0, "{}", output.2);
    let said: Json = serde_json::from_str(&output.1).unwrap();
    assert_eq!((&said["recorded"], &said["revoked"]["sub"]), (&json!(true), &json!("ada")));
    let (code, said) = inspect(&folder, &jwt);
    assert_eq!((code, &said["reason"]), (2, &json!("it was revoked")));
    let record = last_record(&folder.log());
    assert_eq!((&record["kind"], &record["tenant"]), (&json!("token_revoke"), &json!("default")));
    assert_eq!((&record["detail"]["issuer"], &record["detail"]["sub"]), (&json!("app:idp"), &json!("ada")));
    assert!(record["asserted_by"]["uid"].is_u64(), "{record}");
    // One token: its id is in the list, and a digest of it in the record.
    let (code, stdout, _) = revoke(&folder, &["--jti", "secret-id"]);
    assert_eq!((code, stdout.as_str()), (0, "revoked: token `secret-id` of any issuer\n"));
    let record = last_record(&folder.log());
    assert!(
        record["detail"]["jti_sha256"].is_string() && !record.to_string().contains("secret-id"),
        "{record}"
    );
    assert_eq!(fs::read_to_string(folder.path().join("data/revocations.jsonl")).unwrap().lines().count(), 2);
}

/// `moonward token revoke` on an app whose log is beside it.
fn revoke(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    outcome(
        moonward()
            .args(["token", "revoke"])
            .arg(folder.path())
            .args(arguments)
            .arg("--log")
            .arg(folder.log()),
    )
}

#[test]
fn who_holds_the_log_records_a_revocation_and_a_broken_log_does_not_prevent_it() {
    let folder = app(KEYS);
    let jwt = mint(&folder, &[]);
    let held = audit::Log::open(audit::Options::new(folder.log())).unwrap();
    let (code, stdout, stderr) = revoke(&folder, &["--sub", "ada"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("revoked: every token of `ada` from `app:idp` issued up to "), "{stdout}");
    assert_eq!(
        stderr,
        format!("the audit log is in use by process {}, which records it\n", std::process::id())
    );
    assert_eq!(inspect(&folder, &jwt).1["reason"], "it was revoked");
    let lines = fs::read_to_string(folder.path().join("data/revocations.jsonl")).unwrap();
    assert!(lines.contains("\"recorded\":false"), "{lines}");
    held.close().unwrap();

    let folder = app(KEYS);
    let jwt = mint(&folder, &[]);
    fs::write(folder.log(), "not a folder").unwrap();
    let (code, _, stderr) = revoke(&folder, &["--sub", "ada"]);
    assert_eq!(code, 74, "{stderr}");
    assert!(stderr.starts_with("error: it is revoked, and not on record: "), "{stderr}");
    assert_eq!(inspect(&folder, &jwt).1["reason"], "it was revoked");
}

#[test]
fn what_to_revoke_is_said_once_and_whose_it_is() {
    let folder = app(KEYS);
    for (arguments, message) in [
        (&[][..], "--sub <SUBJECT>|--jti <ID>"),
        (&["--sub", "a", "--jti", "b"], "cannot be used with"),
        (&["--sub", "a", "--issuer", "app:other"], "the app has no issuer `app:other`"),
        (&["--sub", ""], "expected text of at least one character"),
        (&["--jti", ""], "expected text of at least one character"),
    ] {
        let (code, stdout, stderr) = revoke(&folder, arguments);
        assert_eq!((code, stdout.as_str()), (64, ""), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    }
    assert!(!folder.path().join("data/revocations.jsonl").exists());
}

#[test]
fn an_app_without_an_issuer_is_an_invalid_manifest() {
    let folder = Folder::new(&[("_index.yaml", "version: \"1.0\"\nnamespace: app\nentries: []\n")]);
    let (code, stdout, stderr) = revoke(&folder, &["--sub", "ada"]);
    assert_eq!((code, stdout.as_str()), (3, ""), "{stderr}");
    assert!(
        stderr.starts_with("error: the app has no `security.issuer`\n  --> _index.yaml:1:1\n"),
        "{stderr}"
    );
    assert!(stderr.contains("help: docs/identity.md shows how to write one"), "{stderr}");
}

#[test]
fn a_token_of_the_second_of_its_revocation_is_refused_and_the_command_says_so() {
    let folder = app(KEYS);
    let (code, stdout, stderr) = revoke(&folder, &["--sub", "ada"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.ends_with("; one issued later is good\n"), "{stdout}");
    let line = fs::read_to_string(folder.path().join("data/revocations.jsonl")).unwrap();
    let mut line: Json = serde_json::from_str(&line).unwrap();
    let jwt = mint(&folder, &[]);
    let issued_at = inspect(&folder, &jwt).1["claims"]
        .as_array()
        .and_then(|claims| claims.iter().find(|claim| claim["name"] == "iat")?["value"].as_i64())
        .unwrap();
    for (revoked_at, accepted) in [(issued_at - 1, true), (issued_at, false), (issued_at + 1, false)] {
        line["at"] = revoked_at.into();
        folder.write("data/revocations.jsonl", &format!("{line}\n"));
        let (_, said) = inspect(&folder, &jwt);
        assert_eq!(said["accepted"], accepted, "{said}");
        let help = said["help"].as_str().unwrap_or_default();
        assert_eq!(help.contains("a token issued after the moment"), !accepted, "{said}");
    }
}

#[test]
fn a_damaged_list_of_revocations_refuses_every_token_and_takes_no_more() {
    let folder = app(KEYS);
    let jwt = mint(&folder, &[]);
    folder.write("data/revocations.jsonl", "garbage\n");
    let (code, said) = inspect(&folder, &jwt);
    assert_eq!(code, 2);
    assert!(
        said["reason"].as_str().unwrap().starts_with("what was revoked cannot be read: line 1 of "),
        "{said}"
    );
    let (code, _, stderr) = revoke(&folder, &["--sub", "ada"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("help: nothing was revoked"), "{stderr}");
}

#[test]
fn a_shared_secret_comes_from_the_environment_and_is_never_shown() {
    let keys = "keys: [{kty: oct, k: \"${env:MOONWARD_TEST_SECRET}\"}]";
    let folder = app(keys);
    let manifest =
        fs::read_to_string(folder.path().join("_index.yaml")).unwrap().replace("[EdDSA]", "[HS256]");
    folder.write("_index.yaml", &manifest);
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";
    let check = |value: Option<&str>| {
        let mut command = moonward();
        command.arg("check").arg(folder.path()).env_remove("MOONWARD_TEST_SECRET");
        if let Some(value) = value {
            command.env("MOONWARD_TEST_SECRET", value);
        }
        outcome(&mut command)
    };
    let (code, _, stderr) = check(Some(secret));
    assert_eq!(code, 0, "{stderr}");
    for (value, message) in [
        (None, "environment variable `MOONWARD_TEST_SECRET` is not set"),
        (Some("c2hvcnQ"), "is 5 bytes, at least 32 needed for `HS256`"),
        (Some("not base64url!"), "its `k` has a character at byte"),
    ] {
        let (code, stdout, stderr) = check(value);
        assert_eq!(code, 3, "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
        assert!(value.is_none_or(|value| !stderr.contains(value) && !stdout.contains(value)), "{stderr}");
    }
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_is_an_error() {
    let folder = app("jwks: https://idp.example.org/jwks");
    for (file, message) in [
        ("/nowhere.pem".to_owned(), "error: `/nowhere.pem`, which `SSL_CERT_FILE` names, cannot be read: "),
        (key(&folder), "error: there is no certificate of an authority (app:idp)"),
    ] {
        let (code, _, stderr) =
            outcome(moonward().arg("check").arg(folder.path()).env("SSL_CERT_FILE", file));
        assert_eq!(code, 3, "{stderr}");
        assert!(stderr.starts_with(message), "{stderr}");
    }
}

#[test]
fn keys_of_a_server_are_fetched_to_inspect_a_token() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let folder = app(&format!("jwks: http://{at}/keys"));
    let keys = fs::read_to_string(folder.path().join("keys.json")).unwrap();
    let (code, jwt, stderr) =
        token(&["mint", &path(&app(KEYS))], &["--key", &key(&folder), "--sub", "ada", "--issuer", "app:idp"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("does not accept it: issuer `app:idp` has no key `development-"), "{stderr}");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let read = stream.read(&mut request).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", keys.len());
        stream.write_all(format!("{head}{keys}").as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let (code, said) = inspect(&folder, jwt.trim_end());
    assert_eq!(code, 0, "{said}");
    assert!(server.join().unwrap().starts_with("GET /keys HTTP/1.1\r\n"));
    // The server is gone, and what it served with it: each command starts with nothing.
    let (code, _, stderr) = token(&["inspect"], &[jwt.trim_end(), &path(&folder)]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("warning: keys of `app:idp` cannot be had: "), "{stderr}");
}

/// Two tenants; the gateway of `acme` starts a child as whoever a token says, under what it is worth.
const GATEWAY: &str = r#"
version: "1.0"
namespace: app
entries:
  - {name: acme, kind: tenant, namespaces: [acme], default_scopes: ["acme:gateway"]}
  - {name: beta, kind: tenant, namespaces: [beta], default_scopes: []}
  - name: idp
    kind: security.issuer
    issuer: https://idp.example.org/
    audience: shop
    algorithms: [EdDSA]
    jwks: file://keys.json
    tenant: acme
    actor: {id: "user/{sub}", tags: {plan: plan}}
    roles: roles
    grants:
      - {when: {claim: roles, contains: customer}, grant: ["acme:customer"]}
"#;

const ACME: &str = r#"
version: "1.0"
namespace: acme
entries:
  - {name: gateway, kind: security.scope, policies: [file://gateway.cedar]}
  - {name: customer, kind: security.scope, policies: [file://customer.cedar]}
  - {name: start, kind: process.lua, modules: [security], source: file://start.lua}
  - {name: child, kind: process.lua, modules: [security], source: file://child.lua}
"#;

/// What a gateway needs.
const GATEWAY_SCOPE: &str = r#"
@id("gateway.children")
permit (principal, action in Moonward::Action::"spawn", resource);
@id("gateway.security")
permit (principal, action == Moonward::Action::"process.security", resource);
@id("gateway.context")
permit (principal, action == Moonward::Action::"process.context", resource);
"#;

/// A customer may answer whoever started it, about news if the plan is gold.
const CUSTOMER_SCOPE: &str = r#"
@id("customer.answer")
permit (principal, action == Moonward::Action::"process.send", resource)
when
{
  context has pid &&
  context.pid has parent &&
  resource == context.pid.parent &&
  (context.topic == "answer" || (principal.hasTag("plan") && principal.getTag("plan") == "gold"))
};
"#;

const START: &str = r#"
local security = require("security")
return function(token)
  local actor, scope = security.authenticate(token)
  if not actor then error(scope) end
  local spawner = process.with_context({}):with_actor(actor):with_scope(scope)
  local child, err = spawner:spawn_monitored("acme:child", "app:processes", process.pid())
  if not child then error(err) end
  local heard = {}
  local inbox, events = process.inbox(), process.events()
  while true do
    local case = channel.select({inbox:case_receive(), events:case_receive()})
    if case.channel == events then
      assert(not case.value.result.error, case.value.result.error)
      return {heard = heard, result = case.value.result.value}
    end
    table.insert(heard, case.value:topic())
  end
end
"#;

const CHILD: &str = r#"
local security = require("security")
return function(parent)
  local function allowed(result, err)
    if result then return true end
    assert(err:kind() == errors.PERMISSION_DENIED, tostring(err))
    return false
  end
  local may = {
    answer = allowed(process.send(parent, "answer", 1)),
    news = allowed(process.send(parent, "news", 1)),
    self = allowed(process.send(process.pid(), "answer", 1)),
    spawn = allowed(process.spawn("acme:child", "app:processes")),
    monitor = allowed(process.monitor(parent)),
    link = allowed(process.link(parent)),
    terminate = allowed(process.terminate(parent)),
    cancel = allowed(process.cancel(parent, "1s")),
    name = allowed(process.registry.register("desk")),
    call = allowed(process.call("acme:child", "app:processes")),
  }
  local context = pcall(process.with_context, {})
  may.context = context
  return {id = security.actor():id(), scopes = security.scope():policies(), plan = security.actor():meta().plan, may = may}
end
"#;

fn gateway() -> Folder {
    let folder = Folder::new(&[
        ("_index.yaml", GATEWAY),
        ("acme/_index.yaml", ACME),
        ("acme/gateway.cedar", GATEWAY_SCOPE),
        ("acme/customer.cedar", CUSTOMER_SCOPE),
        ("acme/start.lua", START),
        ("acme/child.lua", CHILD),
        ("keys.json", "{\"keys\":[]}"),
    ]);
    let output = token(&["mint", "--new-key"], &[&key(&folder)]);
    assert_eq!(output.0, 0, "{}", output.2);
    folder.write("keys.json", &output.1);
    folder
}

#[test]
fn a_token_starts_a_scoped_child_that_may_do_exactly_what_its_scope_says() {
    let folder = gateway();
    let mut before = 0;
    for (claims, scopes, answer, news) in [
        (vec!["roles=[\"customer\"]", "plan=gold"], json!(["acme:customer"]), true, true),
        (vec!["roles=[\"customer\"]", "plan=free"], json!(["acme:customer"]), true, false),
        // Worth no scope: everything is denied.
        (vec!["roles=[\"visitor\"]", "plan=gold"], json!([]), false, false),
    ] {
        let given: Vec<&str> = claims.iter().flat_map(|claim| ["--claim", claim]).collect();
        let jwt = mint(&folder, &given);
        let said = folder.value("acme:start", &[&jwt]);
        let (heard, child) = (&said["heard"], &said["result"]);
        let none = ["self", "spawn", "monitor", "link", "terminate", "cancel", "name", "call", "context"];
        let mut may: serde_json::Map<String, Json> =
            none.iter().map(|action| ((*action).to_owned(), json!(false))).collect();
        may.insert("answer".to_owned(), json!(answer));
        may.insert("news".to_owned(), json!(news));
        assert_eq!(child["may"], Json::Object(may), "{claims:?}");
        assert_eq!((&child["id"], &child["scopes"]), (&json!("acme/user/ada"), &scopes));
        let topics: Vec<&str> = [(answer, "answer"), (news, "news")]
            .into_iter()
            .filter(|(may, _)| *may)
            .map(|(_, topic)| topic)
            .collect();
        if topics.is_empty() {
            assert!(heard == &json!([]) || heard == &json!({}), "{heard}");
        } else {
            assert_eq!(heard, &json!(topics));
        }
        // Each denial is one record, of the token's actor.
        let denials = folder.denials();
        assert_eq!(denials.len() - before, 11 - topics.len(), "{claims:?}");
        let own = &denials[before..];
        before = denials.len();
        assert!(own.iter().all(|record| record["actor"] == "acme/user/ada"));
    }
}

#[test]
fn a_definition_is_called_as_whoever_a_token_says() {
    let folder = gateway();
    let jwt = mint(&folder, &["--claim", "roles=[\"customer\"]"]);
    let call = |token: &str, more: &[&str]| {
        let arguments = [&["acme:child", "x", "--token", token, "-o", "json"], more].concat();
        let output = folder.run("call", &arguments);
        let (stdout, stderr) = texts(&output);
        (output.status.code().unwrap(), stdout, stderr)
    };
    // The scope does not permit it to be started: the record names the token's actor, and nobody who asserts.
    let (code, stdout, _) = call(&jwt, &[]);
    assert_eq!(code, 2);
    assert!(stdout.contains("PERMISSION_DENIED"), "{stdout}");
    let denial = folder.denials().pop().unwrap();
    assert_eq!((&denial["actor"], &denial["scopes"]), (&json!("acme/user/ada"), &json!(["acme:customer"])));
    assert_eq!(denial.get("asserted_by"), None);

    let (code, stdout, _) = call("not a token", &[]);
    assert_eq!(code, 3);
    assert!(stdout.contains("no token"), "{stdout}");
    assert_eq!(call(&jwt, &["--actor", "acme/user/ada"]).0, 64);
    assert_eq!(folder.denials().len(), 1, "a refused token decides nothing");

    let mut command = moonward();
    command
        .arg("call")
        .arg(folder.path())
        .args(["acme:start", "x", "--token", "-"])
        .arg("--log")
        .arg(folder.log());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{jwt}\n").as_bytes()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(2));
    assert_eq!(folder.denials().len(), 2);

    assert_eq!(token(&["revoke"], &[&path(&folder), "--sub", "ada"]).0, 0);
    let (code, stdout, _) = call(&jwt, &[]);
    assert_eq!(code, 2);
    assert!(stdout.contains("the token is not valid"), "{stdout}");
    // Programs are told the command that says why, too.
    assert!(stdout.contains(&format!("moonward token inspect - {}`", path(&folder))), "{stdout}");
    assert_eq!(folder.denials().len(), 2);
}

#[test]
fn revoking_a_subject_reaches_what_an_issuer_whose_clock_is_ahead_has_issued() {
    let folder = app(KEYS);
    let ahead = ::token::system_clock()() + 25;
    let (code, ..) = revoke(&folder, &["--sub", "ada"]);
    assert_eq!(code, 0);
    let line: Json =
        serde_json::from_str(&fs::read_to_string(folder.path().join("data/revocations.jsonl")).unwrap())
            .unwrap();
    // What is accepted was issued at most the leeway of 30 s from now.
    assert!(line["at"].as_i64().unwrap() > ahead, "{line}");
}

#[test]
fn a_draft_with_an_error_in_it_keeps_nobody_from_being_revoked() {
    let folder = app(KEYS);
    let jwt = mint(&folder, &[]);
    folder.write("s.cedar", "permit(");
    folder.write("draft.yaml", "namespace: draft\nentries:\n  - {name: x, kind: process.lua, source: file://missing.lua, rolse: 1}\n");
    assert_eq!(outcome(moonward().arg("check").arg(folder.path())).0, 3);
    assert_eq!(revoke(&folder, &["--sub", "ada"]).0, 0);
    folder.write("s.cedar", "");
    folder.write("draft.yaml", "namespace: draft\nentries: []\n");
    assert_eq!(inspect(&folder, &jwt).1["reason"], "it was revoked");
}
