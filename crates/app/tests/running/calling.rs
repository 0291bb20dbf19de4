//! One definition run to its end from outside.

use std::time::Duration;

use app::{CallFailure, CallRequest, Running};
use policy::{TenantId, Via};
use value::{Kind, Value};

use crate::support::{Folder, call, denied, failed, records, request, usage};

fn one(definition: &str) -> Folder {
    Folder::new(&format!("  - {{name: one, kind: process.lua, source: {definition:?}}}\n"), &[])
}

#[test]
fn a_call_gives_what_main_returned() {
    let folder = Folder::new(
        "  - {name: add, kind: process.lua, source: file://add.lua, imports: {sum: sum}}
  - {name: sum, kind: library.lua, source: 'return {of = function(a, b) return a + b end}'}
",
        &[(
            "add.lua",
            "local sum = require(\"sum\")\nreturn {main = function(a, b) return {sum = sum.of(a, b)} end}",
        )],
    );
    let arguments = vec![Value::Number(2.0), Value::Number(3.0)];
    let result = folder.start().call(CallRequest { arguments, ..request("app:add") });
    assert_eq!(result, Ok(Value::Map(vec![("sum".into(), Value::Number(5.0))])));
}

#[test]
fn an_error_is_told_from_a_refusal_by_its_record() {
    let source = "return {main = function()
        local errors = require(\"errors\")
        error(errors.new({message = \"no such order\", kind = errors.NOT_FOUND}))
    end}";
    let folder = one(source);
    let failure = failed(call(&folder.start(), "app:one"));
    assert_eq!((failure.kind, failure.record), (Kind::NotFound, None));
    assert!(failure.message.contains("no such order"), "{}", failure.message);

    let folder = Folder::new(
        "  - {name: parent, kind: process.lua, source: file://parent.lua}
  - {name: child, kind: process.lua, source: 'return function() end'}
",
        &[
            (
                "parent.lua",
                "return {main = function() return process.spawn(\"app:child\", \"app:processes\") end}",
            ),
            (
                "all.cedar",
                "@id(\"parent\") permit (principal, action in Moonward::Action::\"spawn\", resource)
                 unless { resource == Moonward::Definition::\"app:child\" };",
            ),
        ],
    );
    let running = folder.start();
    for (definition, resource) in [("app:parent", "app:child"), ("app:child", "app:child")] {
        let refused = denied(call(&running, definition));
        assert_eq!(refused.kind, Kind::PermissionDenied);
        let recorded = records(&running, "decision").pop().unwrap();
        assert_eq!(recorded["id"], refused.record.unwrap());
        assert_eq!((&recorded["decision"], &recorded["resource"]["id"]), (&"deny".into(), &resource.into()));
    }
}

#[test]
fn a_call_that_takes_too_long_is_ended() {
    let folder = one("return function() process.inbox():receive() end");
    let running = folder.start();
    let timeout = Some(Duration::from_millis(20));
    let result = running.call(CallRequest { timeout, ..request("app:one") });
    assert_eq!(result, Err(CallFailure::Timeout));
    assert_eq!(running.runtime().processes(&TenantId::new("default").unwrap()), 0);
}

const TWO_TENANTS: &str = "  - {name: processes, kind: process.host}
  - {name: acme, kind: tenant, namespaces: [acme], default_scopes: ['app:shared']}
  - {name: beta, kind: tenant, namespaces: [beta]}
  - {name: shared, kind: security.scope, shared: true, policies: [file://shared.cedar]}
";

/// The folder holds the log: it must outlive the node.
fn two_tenants() -> (Folder, Running) {
    let who = "'return function() return require(\"security\").actor():id() end', modules: [security]";
    let folder = Folder::new(
        TWO_TENANTS,
        &[("shared.cedar", "@id(\"shared\") permit (principal, action, resource);")],
    );
    let entries = |namespace: &str, shared: bool| {
        format!(
            "namespace: {namespace}\nentries:\n  - {{name: who, kind: process.lua, source: {who}, shared: {shared}}}\n"
        )
    };
    folder.write("acme.yaml", &entries("acme", false));
    folder.write("beta.yaml", &entries("beta", true));
    folder.write("system.yaml", &entries("tools", false));
    let running = folder.start();
    (folder, running)
}

#[test]
fn a_caller_is_the_owners_unless_an_actor_is_named() {
    let (_folder, running) = two_tenants();
    assert_eq!(call(&running, "acme:who"), Ok("acme/user/cli".into()));
    // Tenants without default scopes, and the operator's own namespaces, permit nothing.
    denied(call(&running, "beta:who"));
    denied(call(&running, "tools:who"));

    let named = |definition: &str, actor: &str, scopes: &[&str]| {
        running.call(CallRequest {
            actor: Some(actor.to_owned()),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..request(definition)
        })
    };
    assert_eq!(named("acme:who", "acme/user/ann", &["app:shared"]), Ok("acme/user/ann".into()));
    assert_eq!(named("beta:who", "acme/service/x", &["app:shared"]), Ok("acme/service/x".into()));
    assert_eq!(denied(named("acme:who", "acme/user/ann", &[])).kind, Kind::PermissionDenied);
    for (definition, actor, scopes, expected) in [
        ("acme:who", "ann", &[][..], "actor id `ann` is not valid"),
        ("acme:who", "acme/operator/ann", &[], "`acme/operator/ann` is an operator"),
        ("acme:who", "acne/user/ann", &[], "there is no tenant `acne`, did you mean `acme`?"),
        (
            "acme:who",
            "beta/user/bob",
            &[],
            "definition `acme:who` is tenant `acme`'s and not shared with `beta`",
        ),
        (
            "acme:who",
            "acme/user/ann",
            &["app:shard"],
            "there is no scope `app:shard`, did you mean `app:shared`?",
        ),
    ] {
        let message = usage(named(definition, actor, scopes));
        assert!(message.contains(expected), "{message}");
    }
    let scopes = vec!["app:shared".to_owned()];
    assert!(usage(running.call(CallRequest { scopes, ..request("acme:who") })).contains("without an actor"));
}

#[test]
fn a_start_from_the_command_line_is_recorded_as_one() {
    let (_folder, running) = two_tenants();
    let record = denied(call(&running, "beta:who")).record.unwrap();
    let decision = records(&running, "decision").pop().unwrap();
    assert_eq!(decision["id"], record);
    assert_eq!(decision["actor"], "beta/user/cli");
    assert_eq!(decision["context"]["via"], Via::Cli.text());
}

#[test]
fn a_definition_or_host_that_is_not_there_is_not_found() {
    let folder = Folder::new(
        "  - {name: one, kind: process.lua, source: 'return function() return 1 end'}
  - {name: large, kind: process.host}
  - {name: small, kind: process.host, host: {workers: 1}}
",
        &[],
    );
    let running = folder.start();
    let on = |host: &str, definition: &str| {
        running.call(CallRequest { host: Some(host.to_owned()), ..request(definition) })
    };
    assert_eq!(on("app:small", "app:one"), Ok(Value::Number(1.0)));
    let failure = failed(on("app:small", "app:on"));
    let expected = "definition `app:on` does not exist, did you mean `app:one`?";
    assert_eq!((failure.kind, failure.message.as_str()), (Kind::NotFound, expected));
    for (result, expected) in [
        (on("app:smal", "app:one"), "there is no host `app:smal`, did you mean `app:small`?"),
        (
            on("app:small", "one"),
            "a definition is named as `namespace:name`, got `one`, did you mean `app:one`?",
        ),
    ] {
        assert_eq!(usage(result), expected);
    }
    let message = usage(call(&running, "app:one"));
    assert_eq!(message, "the app has more than one host, name one of `app:large`, `app:small`");
}
