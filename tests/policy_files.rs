//! Policies as files: what is found in them, and that nothing in them can open what is closed or break the host.

use std::collections::BTreeSet;
use std::fs;

use crate::house;
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

/// What is written as a code is and is none: permissions, and acts in records.
pub(crate) const NO_CODES: [&str; 4] =
    ["policy.read", "policy.rollback", "policy.rollback-failed", "policy.write"];

#[test]
fn every_code_that_is_told_is_in_the_table_and_no_other() {
    let mut told = BTreeSet::new();
    for member in fs::read_dir(repository().join("crates")).unwrap().map(|entry| entry.unwrap().path()) {
        house::sources(&member.join("src"), &mut |path, text| {
            if path.ends_with("load/code.rs") || path.ends_with("cli/src/pages.rs") {
                return;
            }
            let (product, _) = text.split_once("#[cfg(test)]").unwrap_or((text, ""));
            for part in product.split("\"policy.").skip(1) {
                let (name, _) = part.split_once('"').unwrap();
                if !name.is_empty() && name.chars().all(|one| one.is_ascii_lowercase() || one == '-') {
                    told.insert(format!("policy.{name}"));
                }
            }
        });
    }
    for name in NO_CODES {
        assert!(told.remove(name), "`{name}` is not written anywhere");
    }
    let table: BTreeSet<String> = policy::CODES.iter().map(|code| code.name.to_owned()).collect();
    assert_eq!(told, table);
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

/// `moonward policy check ARGUMENTS` on a folder.
fn check(folder: &Folder, form: &str) -> (i32, String, String) {
    outcome(&["policy", "check", "-o", form, folder.path().to_str().unwrap()])
}

#[test]
fn policy_check_tells_everything_at_once_in_every_form() {
    let folder = app(PERMIT, &forbid("principal.kind == \"derived\""));
    let (code, stdout, stderr) = check(&folder, "text");
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", "ok: 18 policies\n"));

    // A warning alone.
    folder.write(
        "policies/scope.cedar",
        &PERMIT.replace("resource)", "resource in Moonward::Namespace::\"ap\")"),
    );
    let (code, _, stderr) = check(&folder, "text");
    assert!(
        code == 2 && stderr.contains("did you mean `app`?") && stderr.ends_with("1 warning in 18 policies\n"),
        "{stderr}"
    );

    // The manifest has a mistake, and each file.
    folder.write("more.yaml", "namespace: more\nentries:\n  - {name: one, kind: process.lau, source: x}\n");
    folder.write(
        "policies/scope.cedar",
        &format!("{PERMIT}permit (principal, action, resource);\nforbid (principal, action resource);\n"),
    );
    folder.write("policies/guard.cedar", &forbid("context.topc like \"a*\""));
    let (code, stdout, stderr) = check(&folder, "json");
    assert_eq!((code, stderr.as_str()), (3, ""));
    let found: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(found["loose"], false);
    let found: Vec<(&str, &str, u64)> = found["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["code"].as_str().unwrap(), one["file"].as_str().unwrap(), one["line"].as_u64().unwrap())
        })
        .collect();
    for expected in [
        ("policy.attribute-unknown", "policies/guard.cedar", 2),
        ("policy.like-open", "policies/guard.cedar", 2),
        ("policy.id-missing", "policies/scope.cedar", 3),
        ("policy.syntax", "policies/scope.cedar", 4),
    ] {
        assert!(found.contains(&expected), "{expected:?} is not in {found:?}");
    }
    assert!(found.iter().any(|(_, file, _)| *file == "more.yaml"), "{found:?}");
    assert!(found.is_sorted_by_key(|(_, file, _)| *file), "{found:?}");

    let (code, stdout, stderr) = check(&folder, "github");
    assert_eq!(code, 3);
    assert!(stderr.contains("errors"), "{stderr}");
    assert_eq!(stdout.lines().count(), found.len());
    let app = folder.path();
    let place =
        format!("::error file={}/policies/scope.cedar,line=3,col=1,title=policy.id-missing::", app.display());
    assert!(stdout.lines().any(|line| line.starts_with(&place)), "{place}\n{stdout}");

    let (code, stdout, _) = check(&folder, "sarif");
    let log: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &log["version"]), (3, &serde_json::json!("2.1.0")));
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), found.len());
    for result in results {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[rule]["id"], result["ruleId"]);
        assert!(result["message"]["text"].is_string(), "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].as_str().unwrap().starts_with("file:///"), "{result}");
        let region = &place["region"];
        let [start, end] = ["Line", "Column"].map(|part| {
            [format!("start{part}"), format!("end{part}")].map(|name| region[name].as_u64().unwrap())
        });
        assert!(start[0] >= 1 && (start[0], end[0]) <= (start[1], end[1]), "{result}");
    }
}

#[test]
fn without_a_manifest_each_policy_is_held_to_what_its_effect_asks_for() {
    let folder = Folder::new(&[
        ("a.cedar", PERMIT),
        ("deep/b.cedar", &forbid("principal has authTime && principal.authTime - 5 > 0")),
        ("deep/data/c.cedar", "nonsense"),
        ("deep/readme.md", "nonsense"),
    ]);
    let (code, _, stderr) = check(&folder, "text");
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("deep/b.cedar:2:") && stderr.contains("no manifest"), "{stderr}");
    assert!(!stderr.contains("nonsense"), "{stderr}");
    let one = folder.path().join("a.cedar");
    let (code, _, stderr) = outcome(&["policy", "check", one.to_str().unwrap()]);
    assert!(code == 0 && stderr.starts_with("ok: 1 policy; no manifest"), "{stderr}");

    let empty = Folder::new(&[]);
    let (code, stdout, _) = check(&empty, "json");
    assert!(code == 3 && stdout.contains("neither a manifest nor"), "{stdout}");
    let (code, _, stderr) = outcome(&["policy", "check", "/nowhere/at/all"]);
    assert!(code == 3 && stderr.contains("cannot be read"), "{stderr}");
    assert_eq!(outcome(&["policy", "check", "-o", "xml"]).0, 64);
    assert_eq!(outcome(&["policy"]).0, 64);
}

#[test]
fn an_attribute_that_many_types_lack_is_one_error_with_all_of_them() {
    let permit = |condition: &str| {
        format!("@id(\"a\")\npermit (principal, action, resource)\nwhen {{ {condition} }};\n")
    };
    for (condition, count, said, help) in [
        (
            "resource.foo == 1",
            1,
            "`foo` on entity types `Moonward::Definition`, `Moonward::Facility`, ",
            None,
        ),
        (
            "resource.tenant == principal.tenant",
            2,
            "`tenant` on entity types `Moonward::Facility` and `Moonward::Tenant` not found",
            Some("such as `resource is Moonward::Definition`"),
        ),
        ("principal.foo == 1", 1, "`foo` on entity type `Moonward::Actor` not found", None),
        // Each place is told.
        ("resource.foo == 1 || resource.bar == 1", 2, "and `Moonward::Tenant` not found", None),
    ] {
        let folder = Folder::new(&[("a.cedar", &permit(condition))]);
        let (code, stdout, _) = check(&folder, "json");
        let found: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        let found = found["diagnostics"].as_array().unwrap();
        assert_eq!((code, found.len()), (3, count), "{condition}\n{stdout}");
        assert!(found[0]["message"].as_str().unwrap().contains(said), "{condition}\n{stdout}");
        let told = found[0]["help"].as_str();
        assert_eq!(told.is_some(), help.is_some(), "{condition}\n{stdout}");
        assert!(told.unwrap_or_default().contains(help.unwrap_or_default()), "{condition}\n{stdout}");
    }
}

const UNTIDY: &str =
    "// who\n@id(\"all\") permit(principal,action in Moonward::Action::\"all\",// why\nresource);\n";

/// `moonward policy fmt ARGUMENTS FOLDER`.
fn format(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    outcome(&[&["policy", "fmt"], arguments, &[folder.path().to_str().unwrap()]].concat())
}

#[test]
fn policy_fmt_writes_what_changed_once_and_keeps_mode_and_comments() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let folder = Folder::new(&[("a.cedar", UNTIDY), ("deep/b.cedar", PERMIT), ("deep/c.cedar", "permit (")]);
    let outside = Folder::new(&[("d.cedar", UNTIDY)]);
    let path = folder.path().join("a.cedar");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(outside.path().join("d.cedar"), folder.path().join("d.cedar")).unwrap();
    symlink(outside.path(), folder.path().join("linked")).unwrap();

    let read = || fs::read_to_string(&path).unwrap();
    // One file cannot be formatted; nothing is written.
    let (code, stdout, stderr) = format(&folder, &["--check"]);
    assert_eq!((code, stdout.lines().count()), (3, 2), "{stdout}{stderr}");
    assert!(stderr.contains("c.cedar:1:") && stderr.contains("symbolic link"), "{stderr}");
    assert_eq!(read(), UNTIDY);

    folder.write("deep/c.cedar", "// nothing yet\n");
    fs::remove_file(folder.path().join("d.cedar")).unwrap();
    let (code, stdout, stderr) = format(&folder, &["--check"]);
    assert_eq!((code, stdout.lines().count(), read()), (2, 2, UNTIDY.to_owned()), "{stderr}");

    let (code, json, stderr) = format(&folder, &["--check", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let names: Vec<&str> = stdout.lines().collect();
    assert_eq!(code, 2, "{stderr}");
    assert_eq!(json, serde_json::json!({"would_change": names, "files": 3, "diagnostics": []}));

    let (code, stdout, stderr) = format(&folder, &[]);
    assert_eq!((code, stdout.lines().count()), (0, 2), "{stderr}");
    let text = read();
    assert!(
        text.starts_with("// who\n@id(\"all\")\npermit (\n  principal,\n") && text.contains("// why"),
        "{text}"
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(outside.path().join("d.cedar")).unwrap(), UNTIDY);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");

    let (code, stdout, stderr) = format(&folder, &["--check"]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", "ok: 0 of 3 files would change\n"));
}

#[test]
fn a_link_given_by_name_is_neither_read_nor_written_through_unless_it_is_a_folder() {
    use std::os::unix::fs::symlink;

    let outside = Folder::new(&[("target.cedar", UNTIDY), ("secret", "the-first-line\n")]);
    let folder = Folder::new(&[("a.cedar", UNTIDY)]);
    for (name, target) in [("link.cedar", "target.cedar"), ("secret.cedar", "secret"), ("gone.cedar", "none")]
    {
        symlink(outside.path().join(target), folder.path().join(name)).unwrap();
        let path = folder.path().join(name).display().to_string();
        for arguments in [&["policy", "fmt"][..], &["policy", "fmt", "--check"], &["policy", "check"]] {
            let (code, stdout, stderr) = outcome(&[arguments, &[&path]].concat());
            assert_eq!((code, stdout.as_str()), (3, ""), "{arguments:?} {stderr}");
            assert!(
                stderr.contains("it is or passes through a symbolic link")
                    && stderr.contains("name the file that it leads to")
                    && !stderr.contains("the-first-line"),
                "{arguments:?} {stderr}"
            );
        }
    }
    assert_eq!(fs::read_to_string(outside.path().join("target.cedar")).unwrap(), UNTIDY);

    let linked = folder.path().join("linked");
    symlink(outside.path(), &linked).unwrap();
    let (code, stdout, stderr) = outcome(&["policy", "fmt", linked.to_str().unwrap()]);
    assert_eq!((code, stdout.lines().count()), (0, 1), "{stderr}");
    // A file by its name alone, as hooks give it.
    let output = moonward().current_dir(folder.path()).args(["policy", "fmt", "a.cedar"]).output().unwrap();
    assert_eq!((output.status.code(), texts(&output).0.as_str()), (Some(0), "a.cedar\n"));
}

#[test]
fn policy_fmt_reads_from_stdin_what_has_no_file_yet() {
    use std::io::Write as _;
    use std::process::Stdio;

    let run = |arguments: &[&str], text: &str| {
        let mut command = moonward();
        command.args(["policy", "fmt"]).args(arguments).arg("-");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap(), texts(&output).0, texts(&output).1)
    };
    let (code, tidy, _) = run(&[], UNTIDY);
    assert!(code == 0 && tidy.contains("\npermit (\n"), "{tidy}");
    assert_eq!(run(&[], &tidy).1, tidy);
    assert_eq!((run(&["--check"], UNTIDY).0, run(&["--check"], &tidy).0), (2, 0));
    let (code, stdout, stderr) = run(&[], "permit (principal");
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert!(stderr.contains("stdin:1:"), "{stderr}");
}

#[test]
fn every_policy_of_the_repository_is_written_as_the_formatter_writes_it() {
    let (code, stdout, stderr) = outcome(&["policy", "fmt", "--check", repository().to_str().unwrap()]);
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
}

#[test]
fn a_new_app_and_every_example_has_nothing_to_find() {
    let root = tempfile::tempdir().unwrap();
    let new = root.path().join("new");
    assert_eq!(outcome(&["init", new.to_str().unwrap()]).0, 0);
    let mut apps = vec![new];
    apps.extend(fs::read_dir(repository().join("examples")).unwrap().map(|entry| entry.unwrap().path()));
    for app in apps.iter().filter(|app| app.is_dir()) {
        for verb in ["check", "fmt"] {
            let check = if verb == "fmt" { &["--check"][..] } else { &[] };
            let (code, _, stderr) = outcome(&[&["policy", verb, app.to_str().unwrap()], check].concat());
            assert_eq!(code, 0, "{verb} {}\n{stderr}", app.display());
        }
    }
}

#[test]
fn what_keeps_a_verb_from_its_work_is_told_in_the_form_that_was_asked_for() {
    let folder = app(PERMIT, "");
    folder.write("broken.cedar", "permit (");
    let run = |arguments: &[&str]| {
        let output = moonward().current_dir(folder.path()).arg("policy").args(arguments).output().unwrap();
        let (stdout, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}\n{stdout}{stderr}");
        assert!(stderr.contains("error"), "{stderr}");
        stdout
    };
    for (arguments, said) in [
        (&["check", "nosuch", "-o", "github"][..], "::error file=nosuch,"),
        (
            &["replay", ".", "--candidate", "broken.cedar", "-o", "github"],
            "::error file=broken.cedar,line=1,",
        ),
        (&["diff", "broken.cedar", ".", "-o", "github"], "::error file=broken.cedar,line=1,"),
    ] {
        let stdout = run(arguments);
        assert!(stdout.starts_with(said), "{arguments:?}\n{stdout}");
    }
    for arguments in [&["test", "nosuch", "-o", "junit"][..], &["test", "broken.cedar", "-o", "junit"]] {
        let stdout = run(arguments);
        assert!(stdout.starts_with("<?xml ") && stdout.ends_with("</testsuites>\n"), "{stdout}");
        assert!(stdout.contains("errors=\"1\"") && stdout.contains("<error message=\""), "{stdout}");
        assert!(stdout.contains(arguments[1]), "{stdout}");
    }
}

#[test]
fn a_file_that_is_too_large_and_a_field_of_other_actions_are_told_as_what_they_are() {
    let folder = Folder::new(&[(
        "field.cedar",
        "@id(\"f\") permit (principal, action, resource) when { context.topic == \"a\" };\n",
    )]);
    folder.write("large/large.cedar", &format!("{PERMIT}{}", "// x\n".repeat(70_000)));
    let found = |path: &str| {
        let path = folder.path().join(path);
        let (code, stdout, _) = outcome(&["policy", "check", "-o", "json", path.to_str().unwrap()]);
        assert_eq!(code, 3, "{stdout}");
        let told: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        told["diagnostics"][0].clone()
    };
    for path in ["large", "large/large.cedar"] {
        assert_eq!(found(path)["code"], "policy.too-large", "{path}");
    }
    let field = found("field.cedar");
    assert_eq!(field["code"], "policy.attribute-unknown");
    let help = field["help"].as_str().unwrap();
    assert!(help.contains("`process.send`") && help.contains("`context has topic &&`"), "{help}");
    // What it says helps.
    folder.write(
        "field.cedar",
        "@id(\"f\") permit (principal, action, resource) when { context has topic && context.topic == \"a\" };\n",
    );
    let path = folder.path().join("field.cedar");
    let (code, stdout, stderr) = outcome(&["policy", "check", path.to_str().unwrap()]);
    assert!(code == 0 || code == 2, "{code} {stdout}{stderr}");
}
