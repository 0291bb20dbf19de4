//! The pages of codes: each code has one, each page one code, and every example on a page does what the page says.
//!
//! An example is a fenced block whose first line says its language, `bad` or `good`, and its path in the app where that is
//! not the usual one. `<U+202E>` in it stands for that character. What is bad is found under the page's code and under no
//! other; in what is good nothing is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::house;
use crate::policy_files::NO_CODES;
use crate::support::{Folder, moonward, repository, texts};

/// Files of the app around an example: two tenants, a scope and a guard of the operator's, a scope of `acme`.
const APP: [(&str, &str); 2] = [
    (
        "_index.yaml",
        "
namespace: app
entries:
  - {name: acme, kind: tenant, namespaces: [acme]}
  - {name: beta, kind: tenant, namespaces: [beta]}
  - {name: tools, kind: security.scope, policies: [file://tools.cedar]}
  - {name: guard, kind: security.scope, always: true, policies: [file://guard.cedar]}
",
    ),
    (
        "acme/_index.yaml",
        "
namespace: acme
entries:
  - {name: staff, kind: security.scope, policies: [file://staff.cedar]}
  - {name: worker, kind: process.lua, source: file://worker.lua}
",
    ),
];

/// Files that manifests of examples name, too.
const FILES: [(&str, &str); 7] = [
    ("tools.cedar", ""),
    ("guard.cedar", ""),
    ("acme/staff.cedar", ""),
    ("acme/worker.lua", "return function() end\n"),
    ("worker.lua", "return function() end\n"),
    (
        "orders.cedar",
        "@id(\"orders\")\npermit (principal, action == Moonward::Action::\"process.send\", resource);\n",
    ),
    ("limits/size.cedar", ""),
];

/// Commands that find what `check` does not look for; FOLDER stands for the app's.
const COMMANDS: [(&str, &[&str]); 5] = [
    (
        "policy.entities",
        &[
            "policy",
            "simulate",
            "FOLDER",
            "-l",
            "acme/user/ada",
            "-a",
            "process.spawn",
            "-r",
            "acme:worker",
            "--entities",
            "FOLDER/entities.json",
        ],
    ),
    (
        "policy.fixture",
        &[
            "policy",
            "simulate",
            "FOLDER",
            "-l",
            "acme/user/ada",
            "-a",
            "process.spawn",
            "-r",
            "acme:worker",
            "--entities",
            "FOLDER/testdata/people.yaml",
        ],
    ),
    ("policy.not-followed", &["policy", "inspect", "FOLDER"]),
    ("policy.test", &["policy", "test", "FOLDER"]),
    ("policy.unformatted", &["policy", "fmt", "FOLDER"]),
];

/// Codes that no file alone brings about, and why. Each page says how its code comes about.
const WITHOUT_EXAMPLE: [(&str, &str); 25] = [
    ("app.identity", "what a manifest may call things is narrower than what the policy engine takes"),
    ("app.reload", "said in the record of a running app"),
    ("manifest.folder", "there is no folder: see the test of what is made"),
    ("manifest.link", "a symbolic link: see the test of what is made"),
    ("manifest.more", "needs hundreds of lines: see the test of what is made"),
    ("manifest.none", "a file that is not there: see the test of what is made"),
    ("policy.identity", "what a manifest may call things is narrower than what the policy engine takes"),
    ("policy.invariant", "a file of invariants: see `policy_prove.rs`"),
    ("policy.load", "a machine without threads"),
    ("policy.more", "needs thousands of lines: see the test of what is made"),
    ("policy.no-app", "whether there is an app above a temporary folder is not the test's to say"),
    ("policy.no-tests", "a file that is not there: see the test of what is made"),
    ("policy.none", "a file that is not there: see the test of what is made"),
    ("policy.not-remembered", "needs policies by the ten thousand"),
    ("policy.scope-twice", "ids of manifests are checked first"),
    ("policy.set-unfit", "a history of loads: see `policy_history.rs`"),
    ("policy.set-unknown", "a history of loads: see the test of what is made"),
    ("policy.tenant-twice", "ids of manifests are checked first"),
    ("policy.too-large", "the reader of files has the same bound, and comes first"),
    ("policy.too-many", "needs a megabyte: see the test of what is made"),
    ("policy.unknown", "an argument, which the command line holds to be wrong usage before"),
    ("policy.unreadable", "a symbolic link: see the test of what is made"),
    ("policy.unwritable", "a disk that is full, or somebody else's hand meanwhile"),
    ("policy.warning", "Cedar's validator has no such warning today"),
    ("source.imports", "needs a chain of libraries: see the test of what is made"),
];

/// Families of codes.
const FAMILIES: [&str; 4] = ["app", "manifest", "policy", "source"];

/// The pages, by code.
fn pages() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(repository().join("docs/lints")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let code = name.strip_suffix(".md").unwrap_or_else(|| panic!("`{name}` is no page"));
        if code != "README" {
            pages.insert(code.to_owned(), fs::read_to_string(entry.path()).unwrap());
        }
    }
    pages
}

/// The text of every source file of every crate, up to its tests.
fn product(each: &mut impl FnMut(&Path, &str)) {
    for member in fs::read_dir(repository().join("crates")).unwrap().map(|entry| entry.unwrap().path()) {
        house::sources(&member.join("src"), &mut |path, text| {
            let (product, _) = text.split_once("#[cfg(test)]").unwrap_or((text, ""));
            each(path, product);
        });
    }
}

fn is_code(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    text.split_once('.').is_some_and(|(family, rest)| is_word(family) && is_word(rest))
}

#[test]
fn each_code_that_is_told_has_a_page_and_each_page_a_code() {
    let mut told = BTreeSet::new();
    product(&mut |path, text| {
        // The list of pages and the table of codes tell nothing.
        if path.ends_with("cli/src/pages.rs") || path.ends_with("load/code.rs") {
            return;
        }
        for literal in text.split('"').filter(|literal| is_code(literal)) {
            if FAMILIES.iter().any(|family| literal.split('.').next() == Some(family)) {
                told.insert(literal.to_owned());
            }
        }
        // A diagnostic with a code of another family needs a page, too.
        for made in ["Diagnostic::error(", "Diagnostic::warning("] {
            for after in text.split(made).skip(1) {
                let literal = after.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                told.extend(literal.map(str::to_owned));
            }
        }
    });
    for name in NO_CODES {
        assert!(told.remove(name), "`{name}` is not written anywhere");
    }
    let pages: BTreeSet<String> = pages().into_keys().collect();
    let without: Vec<_> = told.difference(&pages).collect();
    assert!(without.is_empty(), "codes without a page in docs/lints: {without:?}");
    let unused: Vec<_> = pages.difference(&told).collect();
    assert!(unused.is_empty(), "pages of codes that nothing tells: {unused:?}");
}

/// The sentence under the title.
fn summary(page: &str) -> String {
    page.split("\n\n").nth(1).unwrap_or_default().trim_end().replace('\n', " ")
}

#[test]
fn a_page_begins_with_its_code_and_one_sentence_and_fits_a_terminal() {
    for (code, page) in pages() {
        assert!(page.starts_with(&format!("# {code}\n\n")) && page.ends_with('\n'), "{code}");
        let summary = summary(&page);
        assert!(summary.ends_with('.') && !summary.contains(['|', '#']), "{code}: {summary}");
        for line in page.lines() {
            assert!(line.chars().count() <= 80, "{code}: {line}");
            assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{code}: {line}");
        }
        assert!(!page.contains("]("), "{code}: a link is none on a terminal");
        if code.starts_with("policy.") {
            let known = policy::code(&code).unwrap();
            let (first, rest) = known.meaning.split_at(1);
            assert_eq!(summary, format!("{}{rest}.", first.to_uppercase()), "{code}");
        }
    }
}

/// One fenced block.
#[derive(Debug)]
struct Example {
    is_good: bool,
    path: String,
    text: String,
}

fn examples(page: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    // Every other part is inside a fence.
    for block in page.split("```").skip(1).step_by(2) {
        let (head, text) = block.split_once('\n').unwrap();
        let mut words = head.split(' ');
        let language = words.next().unwrap();
        let is_good = match words.next() {
            None => continue,
            Some("good") => true,
            Some("bad") => false,
            Some(word) => panic!("`{word}` is neither bad nor good"),
        };
        let usual = match language {
            "cedar" => "acme/staff.cedar",
            "yaml" => "_index.yaml",
            "lua" => "acme/worker.lua",
            "json" => "entities.json",
            language => panic!("no example is in `{language}`"),
        };
        let path = words.next().unwrap_or(usual).to_owned();
        examples.push(Example { is_good, path, text: spelled_out(text) });
    }
    examples
}

/// A text with the characters that `<U+202E>` and its like stand for.
fn spelled_out(text: &str) -> String {
    let mut parts = text.split("<U+");
    let mut spelled = parts.next().unwrap().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('>').unwrap();
        spelled.push(char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap());
        spelled.push_str(rest);
    }
    spelled
}

/// An app with an example in it. A page that shows the app's first manifest shows all of them.
fn app(example: &Example) -> Folder {
    let folder = Folder::new(&FILES);
    if example.path != "_index.yaml" {
        APP.iter().for_each(|(path, text)| folder.write(path, text));
    }
    folder.write(&example.path, &example.text);
    folder
}

/// The codes of what a command finds: those that the line at its end names, all of them when they are few.
fn found(folder: &Path, command: &[&str]) -> (Option<i32>, Vec<String>, String) {
    let folder = folder.to_str().unwrap();
    let arguments = command.iter().map(|argument| argument.replace("FOLDER", folder));
    // A secret of 32 bytes, for the example that takes one from the environment.
    let secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U";
    let output = moonward().args(arguments).env("ORDERS_SECRET", secret).output().unwrap();
    let (stdout, stderr) = texts(&output);
    let lines: Vec<&str> =
        stderr.lines().filter_map(|line| line.strip_prefix("for more: moonward explain ")).collect();
    assert!(lines.len() <= 1, "more than once: {stderr}");
    let codes = lines.first().map(|line| line.split(' ').map(str::to_owned).collect());
    (output.status.code(), codes.unwrap_or_default(), format!("{stdout}{stderr}"))
}

#[test]
fn what_a_page_calls_bad_is_found_under_its_code_alone_and_in_what_it_calls_good_nothing_is() {
    let commands = BTreeMap::from(COMMANDS);
    let mut without: BTreeMap<&str, &str> = WITHOUT_EXAMPLE.into();
    for (code, page) in pages() {
        let examples = examples(&page);
        if let Some(why) = without.remove(&*code) {
            assert!(examples.is_empty(), "`{code}` has an example, and is listed without one: {why}");
            assert!(page.contains("comes about") || page.contains("come about"), "{code}: {page}");
            continue;
        }
        let has = |is_good| examples.iter().any(|example| example.is_good == is_good);
        assert!(has(true) && has(false), "`{code}` has no example of what is bad, or of what is good");
        let command = *commands.get(&*code).unwrap_or(&["check", "FOLDER"].as_slice());
        for example in &examples {
            let folder = app(example);
            let (exit, codes, told) = found(&folder.path(), command);
            if example.is_good {
                assert!(codes.is_empty(), "{code}: {example:?}\n{told}");
                // A simulation of nothing wrong is an answer, here a denial.
                let is_answer = command.contains(&"simulate") && exit == Some(2);
                assert!(exit == Some(0) || is_answer, "{code}: {exit:?} {example:?}\n{told}");
            } else {
                assert_eq!(codes, [&*code], "{code}: {example:?}\n{told}");
            }
        }
    }
    assert!(without.is_empty(), "listed, and no page: {without:?}");
}

#[test]
fn what_no_page_can_show_is_found_as_its_page_says() {
    use std::os::unix::fs::symlink;

    let check: &[&str] = &["check", "FOLDER"];
    let manifest =
        |entries: &str| Folder::new(&[("_index.yaml", &format!("namespace: app\nentries:\n{entries}"))]);

    let unknown: String = (0..201).map(|number| format!("    key{number}: 1\n")).collect();
    let many = manifest(&format!("  - name: worker\n    kind: process.lua\n    source: return 1\n{unknown}"));
    let chain: String = (0..200)
        .map(|number| {
            format!(
                "  - {{name: l{number}, kind: library.lua, source: 'return 1', imports: {{below: l{}}}}}\n",
                number + 1
            )
        })
        .collect();
    let chain = manifest(&format!("{chain}  - {{name: l200, kind: library.lua, source: 'return 1'}}\n"));
    let nameless = Folder::new(&APP);
    FILES.iter().for_each(|(path, text)| nameless.write(path, text));
    nameless.write("acme/staff.cedar", &"permit (principal, action, resource);\n".repeat(1001));
    // 26 files of 20 000 words and marks each.
    let names: Vec<String> = (0..26).map(|number| format!("file://p{number}.cedar")).collect();
    let large = Folder::new(&[(
        "_index.yaml",
        &format!(
            "namespace: app\nentries:\n  - {{name: all, kind: security.scope, policies: [{}]}}\n",
            names.join(", ")
        ),
    )]);
    for number in 0..26 {
        let policies: String = (0..5)
            .map(|part| {
                format!(
                    "@id(\"p{number}.{part}\")\npermit (principal, action in Moonward::Action::\"all\", resource)\n\
                     when {{ [{}0].contains(1) }};\n",
                    "0, ".repeat(2000)
                )
            })
            .collect();
        large.write(&format!("p{number}.cedar"), &policies);
    }
    let plain = Folder::new(&APP);
    FILES.iter().for_each(|(path, text)| plain.write(path, text));
    let linked = Folder::new(&APP);
    FILES.iter().for_each(|(path, text)| linked.write(path, text));
    symlink(plain.path(), linked.path().join("other")).unwrap();
    let policies = Folder::new(&[("a.cedar", "")]);
    symlink(plain.path().join("guard.cedar"), policies.path().join("b.cedar")).unwrap();
    let empty = Folder::new(&[]);
    let simulate =
        ["policy", "simulate", "FOLDER", "-l", "acme/user/ada", "-a", "process.spawn", "-r", "acme:worker"];

    for (code, folder, command) in [
        ("manifest.folder", plain.path().join("nowhere"), check),
        ("manifest.link", linked.path(), check),
        ("manifest.more", many.path(), check),
        ("manifest.none", empty.path(), check),
        ("policy.more", nameless.path(), check),
        ("policy.no-tests", plain.path(), &["policy", "test", "FOLDER"]),
        ("policy.none", empty.path(), &[&simulate[..2], &["--policies", "FOLDER"], &simulate[3..]].concat()),
        ("policy.set-unknown", plain.path(), &["policy", "rollback", "0123456789ab", "FOLDER"]),
        ("policy.too-many", large.path(), check),
        ("policy.unreadable", policies.path(), &["policy", "check", "FOLDER"]),
        ("source.imports", chain.path(), check),
    ] {
        let (_, codes, told) = found(&folder, command);
        assert!(codes.iter().any(|found| found == code), "{code}: {codes:?}\n{told:.2000}");
        assert!(WITHOUT_EXAMPLE.iter().any(|(listed, _)| *listed == code), "{code}");
    }
}

/// Exit code, stdout, stderr of `moonward explain ARGUMENTS`.
fn explain(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = moonward().arg("explain").args(arguments).output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code(), stdout, stderr)
}

#[test]
fn explain_prints_every_page_for_people_and_for_programs() {
    let pages = pages();
    let (exit, all, stderr) = explain(&[]);
    assert_eq!((exit, stderr.as_str()), (Some(0), ""));
    let lines: Vec<(&str, &str)> = all
        .lines()
        .map(|line| line.split_once(' ').map(|(code, rest)| (code, rest.trim())).unwrap())
        .collect();
    let expected: Vec<(&str, String)> = pages.iter().map(|(code, page)| (&**code, summary(page))).collect();
    assert_eq!(lines, expected.iter().map(|(code, summary)| (*code, &**summary)).collect::<Vec<_>>());

    // All of them in one run, for time's sake.
    let codes: Vec<&str> = pages.keys().map(String::as_str).collect();
    let (exit, text, _) = explain(&codes);
    assert_eq!(exit, Some(0));
    assert!(!text.contains("```") && !text.lines().any(|line| line.starts_with("# ")), "{text}");
    let (exit, json, _) = explain(&[&["-o", "json"], codes.as_slice()].concat());
    assert_eq!(exit, Some(0));
    let told: Vec<Json> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), pages.len());
    for (told, (code, page)) in told.iter().zip(&pages) {
        assert_eq!(*told, serde_json::json!({"code": code, "summary": summary(page), "page": page}));
    }

    let (exit, page, stderr) = explain(&["policy.like-open"]);
    assert_eq!((exit, stderr.as_str()), (Some(0), ""));
    assert!(page.starts_with("policy.like-open\n\nA pattern whose wildcard"), "{page}");
    assert!(page.contains("\nInstead of\n\n    @id(\"staff.orders\")\n    permit (\n"), "{page}");
}

#[test]
fn explain_lists_what_begins_so_and_proposes_what_was_meant() {
    let (exit, stdout, _) = explain(&["policy.id"]);
    let codes: Vec<&str> = stdout.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(exit, Some(0));
    assert_eq!(codes, ["policy.id-invalid", "policy.id-missing", "policy.id-twice", "policy.identity"]);
    let (_, stdout, _) = explain(&["-o", "json", "source."]);
    let told: Json = serde_json::from_str(&stdout).unwrap();
    let codes: Vec<&str> =
        told["codes"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["source.imports", "source.syntax"]);

    for (name, help) in [
        ("policy.like-opne", "did you mean `policy.like-open`?"),
        ("like-open", "did you mean `policy.like-open`?"),
        ("E0308", "`moonward explain` lists all codes"),
        ("", "`moonward explain` lists all codes"),
    ] {
        // Nothing is printed of the others.
        let (exit, stdout, stderr) = explain(&["policy.syntax", name]);
        assert_eq!((exit, stdout.as_str()), (Some(1), ""), "{name}");
        assert_eq!(stderr, format!("error: there is no code `{name}`\nhelp: {help}\n"));
    }
    let (exit, stdout, stderr) = explain(&["-o", "json", "a\u{1b}[2J"]);
    let told: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((exit, stderr.as_str()), (Some(1), ""));
    assert_eq!(told["error"]["help"], "`moonward explain` lists all codes");
    assert!(!stdout.contains('\u{1b}'), "{stdout:?}");
}

#[test]
fn what_is_found_ends_with_the_command_that_explains_it_once() {
    let folder = Folder::new(&APP);
    FILES.iter().for_each(|(path, text)| folder.write(path, text));
    folder.write("acme/staff.cedar", "permit (principal, action, resource);\n".repeat(3).as_str());
    let output = moonward().arg("check").arg(folder.path()).output().unwrap();
    let (_, stderr) = texts(&output);
    // Under all that is found, above the sum.
    let last: Vec<&str> = stderr.lines().rev().take(2).collect();
    assert_eq!(
        last,
        ["3 errors, 3 warnings", "for more: moonward explain policy.id-missing policy.always-true"]
    );
    assert_eq!(stderr.matches("moonward explain").count(), 1, "{stderr}");

    // The same of an app that was to be run; programs know codes anyway.
    let output = folder.run("call", &["acme:worker"]);
    let (_, stderr) = texts(&output);
    assert!(stderr.contains("\nfor more: moonward explain "), "{stderr}");
    assert!(stderr.ends_with("\nerror: 3 errors found, nothing was run\n"), "{stderr}");
    let output = moonward().args(["check", "-o", "json"]).arg(folder.path()).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert!(!stdout.contains("moonward explain") && stderr.is_empty(), "{stdout}{stderr}");
    // Nothing found, nothing more.
    folder.write("acme/staff.cedar", "");
    let output = moonward().arg("check").arg(folder.path()).output().unwrap();
    assert!(output.status.success() && !texts(&output).1.contains("for more"));
}

#[test]
fn code_scanning_shows_the_page_of_each_code_beside_the_line() {
    let folder = Folder::new(&APP);
    FILES.iter().for_each(|(path, text)| folder.write(path, text));
    folder.write("acme/staff.cedar", "permit (principal, action, resource);\n");
    let output = moonward().args(["policy", "check", "-o", "sarif"]).arg(folder.path()).output().unwrap();
    let log: Json = serde_json::from_str(&texts(&output).0).unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 2);
    for rule in rules {
        let page = &pages()[rule["id"].as_str().unwrap()];
        assert_eq!(rule["help"]["markdown"], **page);
        assert_eq!(rule["shortDescription"]["text"], summary(page));
    }
}
