//! The examples and the README do what they say: every command of theirs is run, on a copy, by a newcomer's shell.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::console::{Step, blocks, line_matches, matches, run, steps};
use crate::policy_prove;
use crate::support::repository;

/// A folder with a copy of `examples/` in it, so that the logs of a run are nobody's.
fn copy_of_examples() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&repository().join("examples"), &folder.path().join("examples"));
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == "data" => {}
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// The folders of the examples, by name.
fn examples() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(repository().join("examples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// What is wrong with a step: nothing, or what it printed instead.
fn difference(step: &Step<'_>, folder: &Path, fits: impl Fn(&[&str], &[String]) -> bool) -> Option<String> {
    let lines = run(step.command, folder);
    if fits(&step.expected, &lines) {
        return None;
    }
    Some(format!(
        "$ {}\nexpected:\n{}\nprinted:\n{}\n",
        step.command,
        step.expected.join("\n"),
        lines.join("\n")
    ))
}

#[test]
fn every_example_prints_what_it_is_expected_to() {
    let folder = copy_of_examples();
    let mut wrong = Vec::new();
    let examples = examples();
    assert!(examples.len() >= 10, "{examples:?}");
    for example in examples {
        let transcript = fs::read_to_string(example.join("expected.txt")).unwrap();
        let steps = steps(&transcript);
        assert!(!steps.is_empty(), "{}", example.display());
        wrong.extend(steps.iter().filter_map(|step| difference(step, folder.path(), matches)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A page shows the lines that matter, in order; what a command prints besides is left out there.
fn shows(expected: &[&str], lines: &[String]) -> bool {
    let mut lines = lines.iter();
    expected.iter().all(|shown| *shown == "..." || lines.any(|line| line_matches(shown, line)))
}

#[test]
fn the_pages_of_the_examples_show_what_happens() {
    let folder = copy_of_examples();
    let mut wrong = Vec::new();
    for example in examples() {
        let page = fs::read_to_string(example.join("README.md")).unwrap();
        for section in ["## What to look at", "## The policy", "## Try"] {
            assert!(page.contains(section), "{} has no `{section}`", example.display());
        }
        for block in blocks(&page) {
            wrong.extend(steps(&block).iter().filter_map(|step| difference(step, folder.path(), shows)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_commands_of_the_readme_work_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(repository().join("README.md")).unwrap();
    let blocks = blocks(&page);
    let steps: Vec<Step<'_>> = blocks.iter().flat_map(|block| steps(block)).collect();
    let mut ran = 0;
    for step in &steps {
        // Building is what made the binary that is tested here.
        let command = match step.command.strip_prefix("cargo run --release --bin ") {
            Some(command) => command.replacen(" -- ", " ", 1),
            None if step.command.starts_with("cargo ") => continue,
            None => step.command.to_owned(),
        };
        let wrong = difference(
            &Step { command: &command, ..Step { command: "", expected: step.expected.clone() } },
            folder.path(),
            |expected, lines| shows(expected, lines) && !lines.iter().any(|line| line.starts_with("[exit")),
        );
        assert_eq!(wrong, None);
        ran += 1;
    }
    assert!(ran >= 4, "{ran}");
}

#[test]
fn the_commands_of_the_page_about_identity_work_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(repository().join("docs/identity.md")).unwrap();
    let (opening, rest) = page.split_once("```yaml\n").unwrap();
    let (entries, rest) = rest.split_once("```").unwrap();
    let mut ran = 0;
    let mut wrong = Vec::new();
    let mut work = |part: &str| {
        for block in blocks(part) {
            for step in steps(&block) {
                wrong.extend(difference(&step, folder.path(), |expected, lines| {
                    let exit = |line: &&str| line.starts_with("[exit");
                    let ended = lines.iter().map(String::as_str).find(exit);
                    shows(expected, lines) && expected.iter().copied().find(exit) == ended
                }));
                ran += 1;
            }
        }
    };
    work(opening);
    // The first entry that the page shows is what it says to put at the end of the manifest.
    let manifest = folder.path().join("shop/_index.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(manifest, format!("{text}\n{entries}")).unwrap();
    work(rest);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran >= 6, "{ran}");
}

#[test]
fn the_commands_of_the_page_on_policies_print_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(repository().join("docs/policies.md")).unwrap();
    let (_, rest) = page.split_once("## Try, test and roll out").unwrap();
    let blocks = blocks(rest.split("\n## ").next().unwrap());
    let mut steps: Vec<Step<'_>> = blocks.iter().flat_map(|block| steps(block)).collect();
    if !policy_prove::has_cvc5() {
        steps.retain(|step| !step.command.contains("policy prove"));
    }
    assert!(steps.len() >= 7, "{}", steps.len());
    let wrong: Vec<String> = steps.iter().filter_map(|step| difference(step, folder.path(), shows)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_way_from_a_denial_to_a_policy_in_force_is_as_its_page_shows() {
    let folder = copy_of_examples();
    let page = fs::read_to_string(repository().join("docs/dry-run.md")).unwrap();
    let blocks = blocks(&page);
    let mut steps: Vec<Step<'_>> = blocks.iter().flat_map(|block| steps(block)).collect();
    if !policy_prove::has_cvc5() {
        steps.retain(|step| !step.command.contains("policy prove"));
    }
    assert!(steps.len() >= 12, "{}", steps.len());
    let ends_well = |lines: &[String]| !lines.iter().any(|line| line.starts_with("[exit"));
    let step_fails =
        |step| difference(step, folder.path(), |expected, lines| shows(expected, lines) && ends_well(lines));
    let wrong: Vec<String> = steps.iter().filter_map(step_fails).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_commands_of_the_page_on_reading_the_audit_log_print_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(repository().join("docs/audit.md")).unwrap();
    let blocks = blocks(&page);
    let steps: Vec<Step<'_>> = blocks.iter().flat_map(|block| steps(block)).collect();
    assert!(steps.len() >= 12, "{}", steps.len());
    let ends =
        |lines: &[String]| lines.iter().filter(|line| line.starts_with("[exit")).cloned().collect::<String>();
    let mut wrong = Vec::new();
    for step in &steps {
        wrong.extend(difference(step, folder.path(), |expected, lines| {
            let ended: String = expected.iter().copied().filter(|line| line.starts_with("[exit")).collect();
            shows(expected, lines) && (ended == ends(lines) || step.command.contains("policy simulate"))
        }));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pages_refer_to_files_that_exist() {
    let root = repository();
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages =
        docs.chain([root.join("README.md")]).chain(examples().into_iter().map(|e| e.join("README.md")));
    let mut missing = Vec::new();
    for page in pages.filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !file.contains(':') && !page.parent().unwrap().join(file).exists() {
                missing.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
