//! Whatever is in a file of policies or tests, verbs that read it answer in time with findings, and never with a trace.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::support::{Folder, moonward};

/// Time in which a verb has an answer, on a machine that does much else beside: a debug build is several times as slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes that no answer is longer than: 1 000 findings with an excerpt each.
const OUTPUT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// `moonward policy ARGUMENTS`: exit code and all that is printed.
fn policy(folder: &Folder, arguments: &[&str]) -> (i32, String) {
    let mut command = moonward();
    command.current_dir(folder.path()).arg("policy").args(arguments).stdin(Stdio::null());
    let started = Instant::now();
    let output = command.output().unwrap();
    assert!(started.elapsed() < PATIENCE, "{arguments:?}: {:?}", started.elapsed());
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let said = String::from_utf8(said).expect("what is printed is text");
    assert!(said.len() < OUTPUT_BYTES_MAX, "{arguments:?}: {} bytes", said.len());
    for trace in ["panicked", "RUST_BACKTRACE", "stack backtrace", "overflowed its stack"] {
        assert!(!said.contains(trace), "{arguments:?}: {said:.2000}");
    }
    let hostile = |one: char| (one.is_control() && one != '\n') || ('\u{202a}'..='\u{202e}').contains(&one);
    assert!(!said.contains(hostile), "{arguments:?}: {said:.2000}");
    (output.status.code().expect("it ends by itself"), said)
}

fn when(condition: &str) -> String {
    format!("@id(\"a\") permit (principal, action, resource) when {{ {condition} }};\n")
}

/// Texts that are no policies.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let nested =
        |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(5000), close.repeat(5000));
    vec![
        ("not Cedar", b"permit (principal action resource;".to_vec()),
        ("a string without an end", b"@id(\"a) permit (principal, action, resource);".to_vec()),
        ("another language's comment", b"/* permit (principal, action, resource); */".to_vec()),
        ("a byte order mark", "\u{feff}@id(\"a\") permit (principal, action, resource);".into()),
        ("UTF-16", "permit".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("bytes", (0..=255).cycle().take(5000).collect()),
        ("a NUL", b"@id(\"a\") permit (principal, action, resource)\0;".to_vec()),
        ("a large file", vec![b'/'; 300 * 1024]),
        ("parentheses", when(&nested("(", "true", ")")).into()),
        ("sets", when(&nested("[", "1", "]")).into()),
        ("records", when(&nested("{a: ", "1", "}")).into()),
        ("nots", when(&nested("!", "true", "")).into()),
        ("minuses", when(&nested("-", "1", " ")).into()),
        ("ifs", when(&nested("if true then ", "true", " else false")).into()),
        ("attributes", when(&format!("principal{}", ".tenant".repeat(5000))).into()),
        ("ors", when(&vec!["context.topic == \"a\""; 3000].join(" || ")).into()),
        ("a number too large", when("99999999999999999999 > 1").into()),
        ("escapes that are none", when("principal.kind == \"\\u{110000}\\q\"").into()),
        ("turned text", when("principal.kind == \"us\u{202e}er\"").into()),
        ("a long id", format!("@id(\"{}\") permit (principal, action, resource);", "x".repeat(200_000)).into()),
        ("a slot", b"@id(\"a\") permit (principal == ?principal, action, resource);".to_vec()),
        ("a misspelt attribute", b"@id(\"a\")\r\npermit (principal,\r\naction, resource)\r\nwhen { principal.tennant };".to_vec()),
        ("many errors of syntax", "permit (;\n".repeat(20_000).into()),
        (
            "many unknown names",
            (0..1500).map(|n| format!("@id(\"a{n}\") permit (principal, action == Moonward::Action::\"process.sned\", resource);\n")).collect::<String>().into(),
        ),
    ]
}

#[test]
fn policies_of_every_hostile_kind_are_findings() {
    let folder = Folder::new(&[]);
    fs::write(folder.path().join("t_test.yaml"), "policies: [p.cedar]\ntests: []\n").unwrap();
    for (what, text) in hostile() {
        fs::write(folder.path().join("p.cedar"), text).unwrap();
        for form in ["text", "json", "sarif", "github"] {
            let (code, said) = policy(&folder, &["check", "p.cedar", "-o", form]);
            assert_eq!(code, 3, "{what} {form}: {said:.2000}");
            if matches!(form, "json" | "sarif") {
                serde_json::from_str::<Json>(&said).unwrap_or_else(|error| panic!("{what} {form}: {error}"));
            }
        }
        for (arguments, codes) in [
            // What is Cedar and no policy of ours can still be formatted.
            (&["fmt", "--check", "p.cedar"][..], &[2, 3][..]),
            (
                &[
                    "simulate",
                    ".",
                    "--policies",
                    "p.cedar",
                    "-l",
                    "acme/user/a",
                    "-a",
                    "process.send",
                    "-r",
                    "acme/p",
                ],
                &[3],
            ),
            (&["who-can", "process.send", "acme/p", ".", "--policies", "p.cedar"], &[3]),
            (&["effective", ".", "--policies", "p.cedar", "--actor", "acme/user/a"], &[3]),
            (&["test", "t_test.yaml"], &[3]),
        ] {
            let (code, said) = policy(&folder, arguments);
            assert!(codes.contains(&code), "{what} {arguments:?} {code}: {said:.2000}");
        }
    }
}

/// An app of which there is a log, whose only policy is in `app.cedar`.
fn logged() -> Folder {
    let manifest = "version: \"1.0\"\nnamespace: app\nentries:\n  - {name: staff, kind: security.scope, policies: [file://app.cedar]}\n  - {name: one, kind: process.lua, source: \"return function() return true end\"}\n";
    let folder = Folder::new(&[("_index.yaml", manifest), ("app.cedar", "")]);
    folder.run("call", &["app:one"]);
    folder
}

/// Every way in which the verbs that explain, compare, suggest and prove read the file of policies `p`.
fn read_by_others<'a>(p: &'a str, log: &'a str) -> Vec<Vec<&'a str>> {
    let case = ["-l", "acme/user/a", "-a", "process.send", "-r", "acme/p"];
    vec![
        [&["explain", "--policies", p][..], &case].concat(),
        vec!["replay", ".", "--candidate", p, "--log", log],
        vec!["replay", ".", "--with", p, "--log", log],
        vec!["diff", ".", p, "--no-replay"],
        vec!["diff", p, ".", "--no-replay"],
        vec!["prove", "no-new-access", p, ".", "--solver", "/nowhere"],
        vec!["prove", p, ".", "--solver", "/nowhere"],
        vec!["prove", "isolation", "--policies", p, "--solver", "/nowhere"],
    ]
}

#[test]
fn verbs_that_explain_compare_suggest_and_prove_find_the_same_in_them() {
    let folder = logged();
    let log = folder.log();
    let log = log.to_str().unwrap();
    for (what, text) in hostile() {
        fs::write(folder.path().join("p.cedar"), &text).unwrap();
        for arguments in read_by_others("p.cedar", log) {
            let (code, said) = policy(&folder, &arguments);
            assert_eq!(code, 3, "{what} {arguments:?}: {said:.2000}");
            assert!(said.contains("p.cedar"), "{what} {arguments:?}: {said:.2000}");
        }
        fs::write(folder.path().join("app.cedar"), &text).unwrap();
        let (code, said) = policy(&folder, &["suggest", ".", "--decision", "deny", "--log", log]);
        assert_eq!(code, 3, "{what}: {said:.2000}");
        fs::write(folder.path().join("app.cedar"), "").unwrap();
    }
    // Nothing is a policy is no error, but where one is asked for.
    folder.write("p.cedar", "");
    for arguments in read_by_others("p.cedar", log) {
        let is_invariant = arguments.starts_with(&["prove", "p.cedar"]);
        let (code, said) = policy(&folder, &arguments);
        assert!(
            if is_invariant { code == 3 } else { matches!(code, 0 | 2 | 4) },
            "{arguments:?} {code}: {said}"
        );
    }
}

#[test]
fn files_that_are_none_are_named_and_never_waited_for() {
    let folder = Folder::new(&[]);
    let at = |name: &str| folder.path().join(name);
    symlink("loop.cedar", at("loop.cedar")).unwrap();
    symlink("/dev/zero", at("zero.cedar")).unwrap();
    symlink("/etc/passwd", at("link.cedar")).unwrap();
    fs::create_dir(at("empty.cedar")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(at("pipe.cedar")).status().unwrap();
    assert!(pipe.success());
    for name in ["loop.cedar", "zero.cedar", "link.cedar", "empty.cedar", "pipe.cedar", "nosuch.cedar"] {
        for arguments in [
            &["check", name][..],
            &["fmt", "--check", name],
            &["fmt", name],
            &["test", name, "--policies", name],
            &["simulate", ".", "--policies", name, "-l", "acme/user/a", "-a", "process.send", "-r", "acme/p"],
            &["who-can", "process.send", "acme/p", ".", "--policies", name],
        ] {
            let (code, said) = policy(&folder, arguments);
            assert_eq!(code, 3, "{arguments:?}: {said}");
            assert!(said.contains(name), "{arguments:?}: {said}");
        }
    }
    let logged = logged();
    let log = logged.log();
    for name in ["loop.cedar", "zero.cedar", "link.cedar", "empty.cedar", "pipe.cedar", "nosuch.cedar"] {
        let path = at(name);
        for arguments in read_by_others(path.to_str().unwrap(), log.to_str().unwrap()) {
            let (code, said) = policy(&logged, &arguments);
            let is_word = arguments[0] == "diff" || arguments.starts_with(&["prove", path.to_str().unwrap()]);
            // What is not there is neither the digest of a set nor the name of a property.
            let expected = if is_word && !path.exists() { 64 } else { 3 };
            assert_eq!(code, expected, "{arguments:?}: {said}");
            assert!(said.contains(name), "{arguments:?}: {said}");
        }
    }
    // A folder that leads into itself is looked through once.
    fs::create_dir(at("round")).unwrap();
    symlink("..", at("round/round")).unwrap();
    fs::write(
        at("round/p.cedar"),
        "@id(\"a\") permit (principal, action == Moonward::Action::\"process.send\", resource);",
    )
    .unwrap();
    assert_eq!(policy(&folder, &["check", "round"]).0, 0);
}

#[test]
fn tests_and_entities_of_every_hostile_kind_are_findings() {
    let world = "policies: [p.cedar]\nprincipals: {acme/user/a: {}}\nprocesses: {p: {owner: acme/user/a}}\n";
    let test =
        "tests:\n  - {name: x, principals: [acme/user/a], actions: [process.send], resources: [process:p]}\n";
    let sound = format!("{world}{test}");
    let many: String = (0..200).map(|n| format!("  - {{name: x{n}, principals: [nobody{n}], actions: [process.sned], resources: [process:q]}}\n")).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("null", b"~".to_vec()),
        ("a list", b"- a".to_vec()),
        ("bytes", (0..=255).cycle().take(5000).collect()),
        ("deep lists", format!("a: {}", "[".repeat(5000)).into()),
        ("aliases", b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n".to_vec()),
        ("a merge key", format!("{sound}<<: {{a: b}}\n").into()),
        ("a tag", format!("{sound}scopes: !!python/object x\n").into()),
        ("two documents", format!("{sound}---\n{sound}").into()),
        ("a large file", vec![b'#'; 300 * 1024]),
        ("many errors", format!("{world}tests:\n{many}").into()),
        ("turned text", sound.replace("name: x", "name: \"\u{202e}\"").into()),
        ("a circle", sound.replace("a}}", "a, parent: p}}").into()),
        ("a device", sound.replace("p.cedar", "/dev/zero").into()),
        ("fixtures that are none", sound.replace("tests:", "fixtures: /dev/null\ntests:").into()),
        ("no test", format!("{world}tests: []\n").into()),
    ];
    let folder = Folder::new(&[(
        "p.cedar",
        "@id(\"a\") permit (principal == Moonward::Actor::\"acme/user/b\", action == Moonward::Action::\"process.send\", resource);",
    )]);
    folder.write("a_test.yaml", &sound);
    assert_eq!(policy(&folder, &["test", "a_test.yaml"]).0, 0, "what the cases change is sound");
    for (what, text) in cases {
        fs::write(folder.path().join("a_test.yaml"), text).unwrap();
        for form in ["text", "json", "junit"] {
            let (code, said) = policy(&folder, &["test", "a_test.yaml", "-o", form]);
            assert_eq!(code, 3, "{what} {form}: {said:.2000}");
        }
    }
    for (what, text) in [
        ("not JSON", "{".to_owned()),
        ("no list", "{}".to_owned()),
        ("numbers", "[1, 2]".to_owned()),
        ("deep lists", "[".repeat(100_000)),
        (
            "a type that there is not",
            r#"[{"uid": {"type": "User", "id": "a"}, "attrs": {}, "parents": []}]"#.to_owned(),
        ),
        (
            "an actor of nobody",
            r#"[{"uid": {"type": "Moonward::Actor", "id": "a\u202e"}, "attrs": {}, "parents": []}]"#
                .to_owned(),
        ),
    ] {
        folder.write("e.json", &text);
        let simulate = [
            "simulate",
            ".",
            "--policies",
            "p.cedar",
            "-l",
            "acme/user/a",
            "-a",
            "process.send",
            "-r",
            "acme/p",
        ];
        let who = ["who-can", "process.send", "acme/p", ".", "--policies", "p.cedar"];
        let explain = [&["explain", "--policies", "p.cedar"], &simulate[4..]].concat();
        for arguments in [&simulate[..], &who, &explain] {
            let (code, said) = policy(&folder, &[arguments, &["--entities", "e.json"]].concat());
            assert!(code == 3 && said.contains("e.json"), "{what} {code}: {said:.2000}");
        }
        let (code, said) = policy(&folder, &["test", "e.json", "--policies", "p.cedar"]);
        assert!(code == 3 && said.contains("e.json"), "{what} {code}: {said:.2000}");
    }
}
