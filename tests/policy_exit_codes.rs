//! Every exit code of every verb of `moonward policy`, one row each: what was done, and how it ends.
//!
//! A verb is added by its rows here; the first test tells of one that has none.

use std::collections::BTreeSet;
use std::fs;

use crate::policy_prove::has_cvc5;
use crate::support::{Folder, moonward, texts};

/// Verbs whose rows are still to be written. It is to be empty.
const WITHOUT_ROWS: &[&str] = &[];

/// One row: the verb's arguments, split at blanks; what is done to the app before; and how it ends.
struct Row {
    arguments: &'static str,
    before: fn(&Folder),
    code: i32,
}

const fn row(arguments: &'static str, code: i32) -> Row {
    Row { arguments, before: |_| {}, code }
}

const fn after(before: fn(&Folder), arguments: &'static str, code: i32) -> Row {
    Row { arguments, before, code }
}

/// The rows. `FIRST` and `SECOND` are the digests of the two sets that the app was run with, `DENIED` is a denial on record,
/// `LOAD` a record that is no decision.
const ROWS: &[Row] = &[
    row("check .", 0),
    after(warned, "check .", 2),
    after(broken, "check .", 3),
    row("check nosuch", 3),
    row("check --nosuch", 64),
    row("fmt --check .", 0),
    after(ill_formed, "fmt --check .", 2),
    after(ill_formed, "fmt .", 0),
    after(broken, "fmt --check .", 3),
    row("fmt --check --nosuch", 64),
    row("test .", 0),
    row("test . --coverage 50", 0),
    row("test . --coverage 100", 5),
    after(falls_short, "test .", 5),
    row("test . --filter nosuch", 3),
    after(broken, "test .", 3),
    row("test . --coverage 101", 64),
    row("simulate . -l default/user/cli -a process.send -r app:echo", 0),
    row("simulate . -l default/user/cli -a process.terminate -r app:echo", 2),
    row("simulate . --from DENIED", 2),
    after(broken, "simulate . -l default/user/cli -a process.send -r app:echo", 3),
    row("simulate . --from LOAD", 4),
    row("simulate . -l default/user/cli -a process.sent -r app:echo", 64),
    row("simulate .", 64),
    row("dry-run . -l default/user/cli -a process.send -r app:echo", 0),
    row("explain DENIED . --log LOG", 0),
    row("explain -l default/user/cli -a process.terminate -r app:echo .", 0),
    after(broken, "explain DENIED . --log LOG", 3),
    row("explain LOAD . --log LOG", 4),
    row("explain", 64),
    row("suggest . --record DENIED --alike --log LOG", 0),
    row("suggest . --record DENIED --log LOG", 2),
    after(broken, "suggest . --record DENIED --log LOG", 3),
    after(unreadable, "suggest . --record DENIED --alike --log LOG", 4),
    row("suggest . --log LOG", 64),
    row("replay . --log LOG", 0),
    row("replay . --without start --log LOG", 0),
    row("replay . --without start --fail-on newly-denied --log LOG", 2),
    after(broken, "replay . --log LOG", 3),
    after(unreadable, "replay . --log LOG", 4),
    row("replay . --fail-on nothing --log LOG", 64),
    row("diff . . --log LOG", 0),
    row("diff . start.cedar --no-replay", 2),
    after(broken, "diff . . --log LOG", 3),
    row("diff .", 64),
    row("prove isolation . --no-cache", 0),
    after(broken, "prove isolation . --no-cache", 3),
    row("prove isolation . --no-cache --solver nosuch", 4),
    after(never, "prove never.cedar . --no-cache", 6),
    row("prove", 64),
    row("who-can process.terminate app:echo .", 0),
    row("who-can process.send app:echo .", 4),
    after(broken, "who-can process.send app:echo .", 3),
    row("who-can process.sent app:echo .", 64),
    row("effective . --actor default/user/cli", 0),
    after(broken, "effective . --actor default/user/cli", 3),
    row("effective .", 64),
    row("inspect . --action process.send", 0),
    after(broken, "inspect . --action process.send", 3),
    row("inspect . --action process.sent", 64),
    row("history . --log LOG", 0),
    row("history nosuch", 3),
    row("history --nosuch", 64),
    row("rollback FIRST . --log LOG", 0),
    after(more_scopes, "rollback FIRST . --log LOG", 2),
    row("rollback nosuch . --log LOG", 3),
    after(in_the_way, "rollback FIRST . --log LOG", 74),
    row("rollback", 64),
];

fn warned(folder: &Folder) {
    folder.write("staff.cedar", &format!("{STAFF}\n@id(\"open\") @unknown(\"x\")\npermit (\n  principal,\n  action == Moonward::Action::\"process.link\",\n  resource\n);\n"));
}

fn broken(folder: &Folder) {
    folder.write("staff.cedar", "permit (");
}

fn ill_formed(folder: &Folder) {
    folder.write("staff.cedar", &STAFF.replace('\n', " "));
}

fn falls_short(folder: &Folder) {
    folder.write("a_test.yaml", &TESTS.replace("    allow:", "    # allow:"));
}

fn more_scopes(folder: &Folder) {
    let entry =
        "namespace: more\nentries:\n  - {name: new, kind: security.scope, policies: [file://more.cedar]}\n";
    folder.write("more.cedar", "// nothing\n");
    folder.write("more.yaml", entry);
}

fn unreadable(folder: &Folder) {
    let names = fs::read_dir(folder.log()).unwrap().map(|entry| entry.unwrap().path());
    let segment = names.filter(|path| path.extension().is_some_and(|is| is == "jsonl")).max().unwrap();
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(segment, format!("{text}nonsense\n")).unwrap();
}

fn never(folder: &Folder) {
    let forbidden = START.replace("start", "never").replace("permit", "forbid");
    folder.write("never.cedar", &forbidden);
}

fn in_the_way(folder: &Folder) {
    fs::rename(folder.log(), folder.log().with_extension("away")).unwrap();
    fs::write(folder.log(), "not a folder").unwrap();
}

const STAFF: &str = "@id(\"send\")\npermit (\n  principal,\n  action == Moonward::Action::\"process.send\",\n  resource\n);\n";
const START: &str =
    "@id(\"start\")\npermit (\n  principal,\n  action in Moonward::Action::\"spawn\",\n  resource\n);\n";

const TESTS: &str = "tests:\n  - name: sends\n    principals: [default/user/cli]\n    actions: [process.send]\n    \
                     resources: [process:app:echo]\n    allow: [[default/user/cli, process.send, process:app:echo]]\n";

/// An app that was run with two sets of policies, with a denial on record; the sets' digests, the denial, and a load.
fn app() -> (Folder, [String; 4]) {
    let folder = Folder::new(&[
        (
            "_index.yaml",
            "version: \"1.0\"\nnamespace: app\nentries:\n  - {name: staff, kind: security.scope, policies: [file://staff.cedar, file://start.cedar]}\n  \
             - {name: one, kind: process.lua, source: \"return function() return (process.registry.register('me')) end\"}\n  \
             - {name: echo, kind: process.service, process: one, host: app:processes, lifecycle: {auto_start: false}}\n",
        ),
        ("staff.cedar", "// nothing yet\n"),
        ("start.cedar", START),
        ("a_test.yaml", TESTS),
    ]);
    folder.run("call", &["app:one"]);
    folder.write("staff.cedar", STAFF);
    folder.run("call", &["app:one"]);
    let records = crate::support::records(&folder.log());
    let loads: Vec<_> = records.iter().filter(|record| record["kind"] == "policy_load").collect();
    let text = |record: &serde_json::Value, name: &str| record[name].as_str().unwrap().to_owned();
    let denied = text(&folder.denials()[0], "id");
    let found = [text(loads[0], "policy_set"), text(loads[1], "policy_set"), denied, text(loads[0], "id")];
    (folder, found)
}

/// `moonward policy ARGUMENTS` in the app's folder, with the words for what only a run knows put in.
fn run(folder: &Folder, [first, second, denied, load]: &[String; 4], arguments: &str) -> (i32, String) {
    let log = folder.log().display().to_string();
    let words = arguments.split(' ').map(|word| match word {
        "FIRST" => first,
        "SECOND" => second,
        "DENIED" => denied,
        "LOAD" => load,
        "LOG" => &log,
        word => word,
    });
    let mut command = moonward();
    command.current_dir(folder.path()).arg("policy").args(words);
    if arguments.contains("--from") {
        command.arg("--log").arg(&log);
    }
    let output = command.output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), format!("{stdout}{stderr}"))
}

fn verb(arguments: &str) -> &str {
    arguments.split(' ').next().unwrap()
}

#[test]
fn every_verb_has_its_rows() {
    let output = moonward().args(["policy", "--help"]).output().unwrap();
    let help = texts(&output).0;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let verbs: BTreeSet<&str> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.contains("check") && verbs.contains("rollback"), "{help}");
    let rows: BTreeSet<&str> = ROWS.iter().map(|row| verb(row.arguments)).collect();
    let without: Vec<&&str> = verbs.difference(&rows).collect();
    assert_eq!(without, WITHOUT_ROWS.iter().collect::<Vec<_>>(), "verbs without rows");
    // Each can be done, and asked for in a way that it does not have.
    for verb in &verbs {
        let codes: BTreeSet<i32> =
            ROWS.iter().filter(|row| self::verb(row.arguments) == *verb).map(|row| row.code).collect();
        assert!(codes.is_superset(&BTreeSet::from([0, 3, 64])), "{verb}: {codes:?}");
    }
}

#[test]
fn every_row_ends_as_it_says() {
    let wrong: Vec<String> = ROWS
        .iter()
        .filter(|row| !matches!((verb(row.arguments), row.code), ("prove", 0 | 6)) || has_cvc5())
        .filter_map(|row| {
            let (folder, known) = app();
            (row.before)(&folder);
            let (code, said) = run(&folder, &known, row.arguments);
            (code != row.code)
                .then(|| format!("`policy {}`: {code} and not {}\n{said:.600}", row.arguments, row.code))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
