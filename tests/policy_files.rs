//! Policies as files: what is found in them, and that nothing in them can open what is closed or break the host.

use std::fs;

use crate::support::{Folder, moonward, repository, texts};

/// An app whose one definition asks for a host and returns, with a scope of these permits and a guard of these forbids.
fn app(permits: &str, forbids: &str) -> Folder {
    Folder::new(&[
        (
            "_index.yaml",
            r#"
version: "1.0"
namespace: app
entries:
  - {name: scope, kind: security.scope, policies: [file://policies/scope.cedar]}
  - {name: guard, kind: security.scope, always: true, policies: [file://policies/guard.cedar]}
  - {name: one, kind: process.lua, source: "return function() return 1 end"}
"#,
        ),
        ("policies/scope.cedar", permits),
        ("policies/guard.cedar", forbids),
    ])
}

const PERMIT: &str = "@id(\"all\")\npermit (principal, action in Moonward::Action::\"all\", resource);\n";

fn forbid(condition: &str) -> String {
    format!("@id(\"f\")\nforbid (principal, action, resource) when {{ {condition} }};\n")
}

/// Exit code, stdout, stderr of the binary with these arguments.
fn outcome(arguments: &[&str]) -> (i32, String, String) {
    let output = moonward().args(arguments).output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

#[test]
fn every_code_of_a_finding_is_documented_as_it_is() {
    let page = fs::read_to_string(repository().join("docs/policies.md")).unwrap();
    let (_, table) = page.split_once("| code | counts as |").unwrap();
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let expected: Vec<String> = policy::CODES
        .iter()
        .map(|code| format!("| `{}` | {} | {} |", code.name, code.weight.text(), code.meaning))
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn a_policy_that_cannot_do_what_it_says_never_opens_anything() {
    let deep = format!("{}true{}", "(".repeat(800), ")".repeat(800));
    let long = vec!["context.via == \"x\""; 600].join(" || ");
    let large = format!("// {}\n", "x".repeat(256 * 1024));
    for (forbids, code) in [
        (forbid(&deep), "policy.too-deep"),
        (forbid(&long), "policy.too-deep"),
        (forbid("principal has authTime && principal.authTime + 1 > 5"), "policy.arithmetic"),
        (forbid("principal == Moonward::Actor::\"gone/user/eve\""), "policy.undeclared"),
        (forbid("Moonward::Tenant::\"gone\".suspended"), "policy.entity-literal"),
        (forbid("false"), "policy.impossible"),
        (forbid("principal.tennant == principal.tenant"), "policy.attribute-unknown"),
        (forbid("principal.kind == \"us\u{202e}er\""), "policy.bidirectional"),
        (large, "manifest.file"),
    ] {
        let folder = app(PERMIT, &forbids);
        let (code_of_exit, stdout, _) = outcome(&["check", "-o", "json", folder.path().to_str().unwrap()]);
        assert_eq!(code_of_exit, 3, "{code}: {stdout:.400}");
        assert!(stdout.contains(code), "{code}: {stdout:.400}");
        // What does not load does not run either.
        let output = folder.run("call", &["app:one"]);
        assert_eq!(output.status.code(), Some(3), "{code}");
        assert!(output.stdout.is_empty() && !folder.log().exists(), "{code}");
    }
    let sound = app(PERMIT, &forbid("principal.kind == \"derived\""));
    assert_eq!(sound.value("app:one", &[]), 1);
}
