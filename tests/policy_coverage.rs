//! Coverage of policies by their tests: who determined nothing is named, and no share is rounded up.

use serde_json::Value as Json;

use crate::support::{Folder, moonward, texts};

/// One permit that allows, one that never does, one in shadow; a guard of the app's that denies, one that never does.
fn app() -> Folder {
    Folder::new(&[
        (
            "_index.yaml",
            r#"
version: "1.0"
namespace: app
entries:
  - {name: staff, kind: security.scope, policies: [file://policies/staff.cedar]}
  - {name: idle, kind: security.scope, policies: [file://policies/idle.cedar]}
  - {name: guard, kind: security.scope, always: true, policies: [file://policies/guard.cedar]}
"#,
        ),
        (
            "policies/staff.cedar",
            "@id(\"staff.send\")\npermit (principal, action == Moonward::Action::\"process.send\", resource)\nwhen { context.bytes < 10 };\n\
             @id(\"staff.shadow\") @mode(\"shadow\")\npermit (principal, action == Moonward::Action::\"process.send\", resource);\n",
        ),
        (
            "policies/idle.cedar",
            "// Nobody holds it.\n@id(\"idle.send\")\npermit (principal, action == Moonward::Action::\"process.send\", resource);\n",
        ),
        (
            "policies/guard.cedar",
            "@id(\"no.secrets\") forbid (principal, action == Moonward::Action::\"process.send\", resource) when { context.topic == \"secret\" };\n\
             @id(\"no.names\")\nforbid (principal, action in Moonward::Action::\"registry\", resource) when { resource.value == \"root\" };\n",
        ),
        (
            "policies/tests/sends_test.yaml",
            r#"
scopes: [app:staff]
principals: {default/user/ada: {}}
processes: {p1: {owner: default/user/ada}}
tests:
  - name: short ones
    principals: [default/user/ada]
    actions: [process.send]
    resources: [process:p1]
    context: {bytes: 1, topic: x}
    allow: [[default/user/ada, process.send, process:p1]]
  - name: no secrets
    principals: [default/user/ada]
    actions: [process.send]
    resources: [process:p1]
    context: {bytes: 1, topic: secret}
"#,
        ),
    ])
}

/// `moonward policy test . ARGUMENTS`: exit code, stdout, stderr.
fn test(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    let output =
        moonward().current_dir(folder.path()).args(["policy", "test", "."]).args(arguments).output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

#[test]
fn policies_that_determined_nothing_are_named_with_their_lines() {
    let folder = app();
    let (code, stdout, _) = test(&folder, &["--coverage"]);
    assert_eq!(code, 0, "counting alone fails nothing: {stdout}");
    for said in [
        "coverage: 2 of 4 policies determined a decision (50 %), 2 did not\n",
        "  never: `idle.send` of `app:idle` (policies/idle.cedar:2)\n",
        "  never: `no.names` of the guard (policies/guard.cedar:2)\n",
        "  not counted: `staff.shadow` of `app:staff` (policies/staff.cedar:4), in shadow\n",
        "  not counted: the shipped guard, 0 of 16\n",
    ] {
        assert!(stdout.contains(said), "{said}\n{stdout}");
    }
    // Of the tests that are run, and of no others.
    let (_, stdout, _) = test(&folder, &["--coverage", "--filter", "no secrets"]);
    assert!(
        stdout.contains("coverage: 1 of 4 policies determined a decision (25 %), 3 did not\n"),
        "{stdout}"
    );
    // The permit matched as well where the forbid denied: it determined nothing there.
    assert!(stdout.contains("never: `staff.send`"), "{stdout}");
}

#[test]
fn a_share_below_the_least_falls_short_in_every_form() {
    let folder = app();
    for (least, code) in [("50", 0), ("50.0001", 5), ("100", 5), ("0", 0)] {
        let (exit, stdout, _) = test(&folder, &["--coverage", least]);
        assert_eq!(exit, code, "{least}: {stdout}");
        assert_eq!(stdout.contains(&format!("failed: coverage is below {least} %")), code == 5, "{stdout}");

        let (exit, stdout, _) = test(&folder, &["--coverage", least, "-o", "json"]);
        let coverage = &serde_json::from_str::<Json>(&stdout).unwrap()["coverage"];
        assert_eq!((exit, &coverage["enough"]), (code, &Json::from(code == 0)), "{stdout}");
        assert_eq!(
            (&coverage["covered"], &coverage["total"], &coverage["least"]),
            (&2.into(), &4.into(), &least.into())
        );
        let uncovered = coverage["uncovered"].as_array().unwrap();
        let shown: Vec<String> = uncovered
            .iter()
            .map(|one| format!("{}:{}", one["file"].as_str().unwrap(), one["line"]))
            .collect();
        assert_eq!(shown, ["policies/guard.cedar:2", "policies/idle.cedar:2"]);
        assert_eq!(coverage["shipped_guard"]["total"], 16);

        let (exit, stdout, _) = test(&folder, &["--coverage", least, "-o", "junit"]);
        assert_eq!(exit, code);
        let failures = usize::from(code == 5);
        assert!(
            stdout.contains(&format!("<testsuites tests=\"3\" failures=\"{failures}\">"))
                && stdout
                    .contains(&format!("<testsuite name=\"coverage\" tests=\"1\" failures=\"{failures}\">"))
                && stdout.contains("<property name=\"uncovered\" value=\"2\"/>"),
            "{stdout}"
        );
        assert_eq!(stdout.contains("classname=\"coverage\"><failure"), code == 5, "{stdout}");
    }
    // A cell that falls short does so however much is covered.
    let tests = std::fs::read_to_string(folder.path().join("policies/tests/sends_test.yaml")).unwrap();
    folder.write("policies/tests/sends_test.yaml", &tests.replace("topic: secret", "topic: open"));
    assert_eq!(test(&folder, &["--coverage", "0"]).0, 5);
}

#[test]
fn the_shipped_guard_counts_where_tests_are_about_it() {
    let folder = app();
    let (_, stdout, _) = test(&folder, &["--coverage", "--shipped-guard"]);
    assert!(
        stdout.contains("coverage: 2 of 20 policies determined a decision (10 %), 18 did not\n"),
        "{stdout}"
    );
    // The tests of the repository leave nothing of it out.
    let policies = crate::support::repository().join("policies");
    let output = moonward()
        .args(["policy", "test"])
        .arg(policies)
        .args(["--coverage", "100", "--shipped-guard", "-o", "json"])
        .output()
        .unwrap();
    let coverage = &serde_json::from_str::<Json>(&texts(&output).0).unwrap()["coverage"];
    let guard = &coverage["shipped_guard"];
    assert_eq!(
        (&guard["counted"], &guard["covered"], &guard["total"]),
        (&true.into(), &16.into(), &16.into()),
        "{coverage}"
    );
    // Each is counted once, though several files are about it.
    assert!(coverage["total"].as_u64().unwrap() < 60, "{coverage}");
}

#[test]
fn where_there_is_no_policy_nothing_is_enough() {
    let folder = app();
    folder.write("policies/staff.cedar", "");
    folder.write("policies/idle.cedar", "");
    folder.write("policies/guard.cedar", "");
    let tests = std::fs::read_to_string(folder.path().join("policies/tests/sends_test.yaml")).unwrap();
    let tests = tests.replace("    allow: [[default/user/ada, process.send, process:p1]]\n", "");
    folder.write("policies/tests/sends_test.yaml", &tests);
    let (code, stdout, stderr) = test(&folder, &["--coverage", "0"]);
    assert!(code == 5 && stdout.contains("failed: there is no policy to cover"), "{code} {stdout}{stderr}");
    assert_eq!(test(&folder, &["--coverage"]).0, 0);
    // A filter that matches nothing is an error before anything is counted.
    assert_eq!(test(&folder, &["--coverage", "0", "--filter", "nosuch"]).0, 3);
}

#[test]
fn a_percentage_that_is_none_is_wrong_usage() {
    let folder = app();
    for least in ["101", "-1", "99.99999", "abc", "1e1", "."] {
        let (code, stdout, stderr) = test(&folder, &[&format!("--coverage={least}")]);
        assert!(
            code == 64 && stdout.is_empty() && stderr.contains("0 to 100"),
            "{least} {code} {stdout}{stderr}"
        );
    }
    assert_eq!(test(&folder, &["--shipped-guard"]).0, 64, "without `--coverage` it means nothing");
}
