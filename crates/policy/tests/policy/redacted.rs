//! What a log is told not to keep is in no file of it, and a decision is decided again without it only where the answer
//! cannot depend on it.

use std::path::Path;
use std::sync::Arc;

use policy::study::{Again, Study};
use policy::{BundleSources, Process, ProcessSend};
use serde_json::Value as Json;

use crate::permissions::asks;
use crate::world::{World, actor, bundle, inside, process, scopes, sources, tenant};

const FAILING: &str = r#"@id("test.fails") permit (principal, action == Moonward::Action::"process.send", resource)
when { context.bytes + 9223372036854775807 > 0 };
@id("test.all") @audit("always") permit (principal, action, resource) unless { resource is Moonward::Process };"#;

/// Every file of a folder, without the policies: they are kept as they are written, and so is what a load says of them.
fn texts(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match path.is_dir() {
            true if name == "policies" => {}
            true => texts.extend(self::texts(&path)),
            false => {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                let lines = text.lines().filter(|line| !line.contains("\"kind\":\"policy_load\""));
                texts.push(lines.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    texts
}

#[test]
fn no_file_of_a_log_has_a_name_that_it_is_told_not_to_keep() {
    let cases: [(&[&str], &[&str], &[&str]); 5] = [
        (
            &["actor"],
            &["acme/user/bob", "acme/user/eve"],
            &["acme.workers:handler", "p-own", "system.test:scope"],
        ),
        (&["pid"], &["p-own", "p-target"], &["acme/user/bob", "acme/user/eve", "acme.workers:handler"]),
        (&["definition"], &["acme.workers:handler", "\"handler\""], &["acme/user/bob", "p-own"]),
        (&["scopes"], &["system.test:scope"], &["acme/user/bob", "p-own"]),
        (
            &["resource.id", "scopes", "definition", "pid", "actor"],
            &[
                "acme/user/bob",
                "acme/user/eve",
                "p-own",
                "p-target",
                "handler",
                "system.test:scope",
                "ledger",
            ],
            &["Moonward::Process", "\"tenant\":\"acme\""],
        ),
    ];
    for (paths, gone, stay) in cases {
        let world = World::redacting(sources(FAILING), paths);
        let [bob, eve] = ["acme/user/bob", "acme/user/eve"].map(actor);
        let (held, own, target) = (scopes(), process("p-own", &bob), process("p-target", &eve));
        for (action, ask) in asks(&target) {
            // One of them often enough that some are only counted.
            for _ in 0..if action == "process.send" { 120 } else { 1 } {
                let _ = ask(&world.gate.operation(), &inside(&bob, &held, &own));
            }
        }
        let folder = world.log_folder();
        let is_there = |texts: &[String], name: &str| texts.iter().any(|text| text.contains(name));
        world.log.close().unwrap();
        let texts = texts(&folder);
        for name in gone {
            assert!(!is_there(&texts, name), "{paths:?}: `{name}` is there");
        }
        for name in stay {
            assert!(is_there(&texts, name), "{paths:?}: `{name}` is gone: the test shows nothing");
        }
        assert!(is_there(&texts, "\"kind\":\"rollup\"") && is_there(&texts, "error while evaluating"));
    }
}

/// What sending to a process of one's own tenant comes to, decided again from a log without the topics; with the record.
fn sent_again(permits: &str, paths: &[&str]) -> (Json, Result<Json, String>) {
    let sources = || -> BundleSources { sources(permits) };
    let world = World::redacting(sources(), paths);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let (own, target) = (process("p1", &bob), Arc::new(Process::stand_in("p2", &tenant("acme"), 0)));
    let send = ProcessSend { to: target, topic: "to-be-kept-from-all".into(), bytes: 16 };
    let _ = world.gate.operation().check(&inside(&bob, &held, &own), send);
    let record = world.decisions().remove(0);
    assert_eq!(
        record.to_string().contains("to-be-kept-from-all"),
        !paths.contains(&"context.topic") && !paths.contains(&"context")
    );
    let study = Study::new(bundle(sources()));
    let again = Again::of_record(&record).and_then(|again| {
        let verdict = study.sit(|sitting| again.decide(sitting)).unwrap()?;
        Ok(serde_json::to_value(verdict.kind).unwrap())
    });
    (record, again.map_err(|error| error.to_string()))
}

#[test]
fn a_text_that_is_redacted_does_not_matter_where_no_policy_could_read_it() {
    let others = r#"@id("test.bytes") @audit("always") permit (principal, action, resource)
        when { context has bytes && context.bytes < 100 };
        @id("test.start") permit (principal, action == Moonward::Action::"process.spawn", resource)
        when { context.monitored };"#;
    for (permits, kind) in [(others, "allow"), ("", "deny_default")] {
        let (record, again) = sent_again(permits, &["context.topic", "asserted_by.login"]);
        assert_eq!(record["redacted"], serde_json::json!(["context.topic"]));
        assert_eq!((&record["decision_kind"], again), (&kind.into(), Ok(kind.into())), "{permits}");
    }
    for (permits, why) in [
        (
            r#"@id("test.topic") @audit("always") permit (principal, action, resource)
            when { context has topic && context.topic == "open" };"#,
            "redacted: context.topic, which policy `test.topic` reads",
        ),
        (
            r#"@id("test.like") permit (principal, action == Moonward::Action::"process.send", resource)
            when { context.bytes > 100 && context.topic like "open*" };"#,
            "redacted: context.topic, which policy `test.like` reads",
        ),
        // What the policies in shadow would say is a part of the answer.
        (
            r#"@id("test.all") @audit("always") permit (principal, action, resource);
            @id("test.shadow") @shadow("") permit (principal, action == Moonward::Action::"process.send", resource)
            when { context.topic == "open" };"#,
            "redacted: context.topic, which policy `test.shadow` reads",
        ),
    ] {
        assert_eq!(sent_again(permits, &["context.topic"]).1, Err(why.to_owned()));
        assert!(sent_again(permits, &[]).1.is_ok(), "{permits}");
    }
}

#[test]
fn what_else_is_redacted_cannot_be_done_without() {
    let permit = r#"@id("test.all") @audit("always") permit (principal, action, resource);"#;
    for path in [
        "actor",
        "pid",
        "definition",
        "place.source",
        "scopes",
        "resource.id",
        "context",
        "context.bytes",
        "context.pid",
    ] {
        let (record, again) = sent_again(permit, &[path]);
        assert_eq!(again, Err(format!("redacted: {path}")), "{record}");
    }
    for path in ["errors", "chain", "policies.file"] {
        assert_eq!(sent_again(permit, &[path]).1, Ok("allow".into()), "{path}");
    }
}
